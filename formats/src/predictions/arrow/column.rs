//! One column of a table, taken in batch by batch.

use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::{Array as _, ArrayRef};
use arrow_schema::DataType;

use crate::array::{Array, Data, Kind};
use crate::budget::Budget;
use crate::element::ByteOrder;
use crate::named::Named;
use crate::quoting::quoted;
use crate::{ElementType, InputError, Result};

/// Bytes charged for a text beside its own.
const TEXT: u64 = 24;

/// A column; its first fault ends it.
pub(super) struct Column {
    file: PathBuf,
    name: String,
    rows: usize,
    /// The type of its numbers, and how many a row has if it holds lists.
    shape: Option<(ElementType, Option<usize>)>,
    bytes: Vec<u8>,
    texts: Option<Vec<String>>,
    fault: Option<InputError>,
}

impl Column {
    pub(super) fn new(file: &Path, name: &str) -> Self {
        let (file, name) = (file.to_path_buf(), name.to_owned());
        Self { file, name, rows: 0, shape: None, bytes: Vec::new(), texts: None, fault: None }
    }

    /// Takes in the rows of the next batch.
    pub(super) fn push(&mut self, values: &dyn arrow_array::Array, budget: &mut Budget) -> Result<()> {
        if self.fault.is_none() {
            match self.take(values, budget) {
                Err(error @ InputError::Budget { .. }) => return Err(error),
                taken => self.fault = taken.err(),
            }
        }
        self.rows += values.len();
        Ok(())
    }

    /// The column as an array.
    pub(super) fn finish(self) -> Named<'static> {
        let array = match (self.fault, self.texts, self.shape) {
            (Some(fault), ..) => Err(fault),
            (None, Some(texts), _) => {
                Ok(Array { shape: vec![texts.len()], column_major: false, data: Data::Texts(texts) })
            }
            (None, None, Some((element, width))) => {
                let shape = [Some(self.rows), width].into_iter().flatten().collect();
                let (kind, order) = (Kind::Number(element), ByteOrder::Little);
                Array::binary(kind, order, shape, false, self.bytes.into(), 0).ok_or_else(|| {
                    InputError::damaged(&self.file, place(&self.name), "fewer values than its rows need")
                })
            }
            (None, None, None) => Ok(Array::decimals(vec![0], Vec::new())),
        };
        Named { name: self.name, array }
    }

    fn take(&mut self, values: &dyn arrow_array::Array, budget: &mut Budget) -> Result<()> {
        if let Some(row) = (values.logical_null_count() > 0).then(|| (0..values.len()).find(|&row| values.is_null(row)))
        {
            return Err(self.damaged(row, "no value"));
        }
        match values.data_type() {
            DataType::Boolean => {
                self.is_of(ElementType::Bool, None, 0)?;
                self.charge(values.len() as u64, budget)?;
                self.bytes.extend(values.as_boolean().values().iter().map(u8::from));
                Ok(())
            }
            DataType::Utf8 => self.texts(values.as_string::<i32>().iter(), budget),
            DataType::LargeUtf8 => self.texts(values.as_string::<i64>().iter(), budget),
            DataType::Utf8View => self.texts(values.as_string_view().iter(), budget),
            DataType::Dictionary(..) => self.dictionary(values, budget),
            DataType::FixedSizeList(_, size) => {
                let list = values.as_fixed_size_list();
                let start = list.value_offset_at(0);
                let width = usize::try_from(*size).unwrap_or_default();
                let items = list.values().slice(start, values.len() * width);
                self.lists(items, width, budget)
            }
            DataType::List(_) => {
                let list = values.as_list::<i32>();
                let ends: Vec<usize> = list.offsets().iter().map(|&offset| offset as usize).collect();
                self.ragged(list.values(), &ends, budget)
            }
            DataType::LargeList(_) => {
                let list = values.as_list::<i64>();
                let ends: Vec<usize> = list.offsets().iter().map(|&offset| offset as usize).collect();
                self.ragged(list.values(), &ends, budget)
            }
            _ => self.numbers(values, None, budget),
        }
    }

    /// Lists whose items lie between `ends`, which must be as many in each row.
    fn ragged(&mut self, items: &ArrayRef, ends: &[usize], budget: &mut Budget) -> Result<()> {
        let (&[first, .., last], true) = (ends, ends.len() > 1) else { return Ok(()) };
        let width = self.shape.and_then(|(_, width)| width).unwrap_or(ends[1] - first);
        if let Some(row) = ends.windows(2).position(|pair| pair[1] - pair[0] != width) {
            let problem = format!("{} numbers, the rows before have {width}", ends[row + 1] - ends[row]);
            return Err(self.damaged(Some(row), &problem));
        }
        self.lists(items.slice(first, last - first), width, budget)
    }

    fn lists(&mut self, items: ArrayRef, width: usize, budget: &mut Budget) -> Result<()> {
        if items.logical_null_count() > 0 {
            let row = (0..items.len()).find(|&at| items.is_null(at)).map(|at| at / width.max(1));
            return Err(self.damaged(row, "no value in a list"));
        }
        self.numbers(items.as_ref(), Some(width), budget)
    }

    fn numbers(&mut self, values: &dyn arrow_array::Array, width: Option<usize>, budget: &mut Budget) -> Result<()> {
        let element = match values.data_type() {
            DataType::Float16 => ElementType::F16,
            DataType::Float32 => ElementType::F32,
            DataType::Float64 => ElementType::F64,
            DataType::Int8 => ElementType::I8,
            DataType::Int16 => ElementType::I16,
            DataType::Int32 => ElementType::I32,
            DataType::Int64 => ElementType::I64,
            DataType::UInt8 => ElementType::U8,
            DataType::UInt16 => ElementType::U16,
            DataType::UInt32 => ElementType::U32,
            DataType::UInt64 => ElementType::U64,
            other => {
                let (file, array, found) = (self.file.clone(), quoted(&self.name), other.to_string());
                let expected = "float16, float32, float64 or an integer type";
                return Err(InputError::ElementType { file, array, found, expected });
            }
        };
        self.is_of(element, width, values.len())?;
        // Every type above has a size.
        let size = element.size().unwrap_or(1);
        self.charge((values.len() * size) as u64, budget)?;
        let data = values.to_data();
        self.bytes.extend_from_slice(&data.buffers()[0][data.offset() * size..(data.offset() + data.len()) * size]);
        Ok(())
    }

    fn dictionary(&mut self, values: &dyn arrow_array::Array, budget: &mut Budget) -> Result<()> {
        let dictionary = values.as_any_dictionary();
        let (keys, entries) = (dictionary.normalized_keys(), dictionary.values());
        if let Some(row) = keys.iter().position(|&key| entries.is_null(key)) {
            return Err(self.damaged(Some(row), "no value"));
        }
        match entries.data_type() {
            DataType::Utf8 => {
                let entries = entries.as_string::<i32>();
                self.texts(keys.iter().map(|&key| Some(entries.value(key))), budget)
            }
            DataType::LargeUtf8 => {
                let entries = entries.as_string::<i64>();
                self.texts(keys.iter().map(|&key| Some(entries.value(key))), budget)
            }
            other => {
                let (file, array, found) = (self.file.clone(), quoted(&self.name), format!("a dictionary of {other}"));
                Err(InputError::ElementType { file, array, found, expected: "numbers, or texts for labels" })
            }
        }
    }

    fn texts<'t>(&mut self, values: impl Iterator<Item = Option<&'t str>>, budget: &mut Budget) -> Result<()> {
        let mut texts = self.texts.take().unwrap_or_default();
        for text in values.map(Option::unwrap_or_default) {
            self.charge(TEXT + text.len() as u64, budget)?;
            texts.push(text.to_owned());
        }
        self.texts = Some(texts);
        Ok(())
    }

    /// Keeps type and width of the first batch and refuses others.
    fn is_of(&mut self, element: ElementType, width: Option<usize>, values: usize) -> Result<()> {
        let shape = (element, width);
        match self.shape {
            Some(known) if known != shape && values > 0 => Err(self.damaged(None, "another type or length of lists")),
            Some(_) => Ok(()),
            None => {
                self.shape = Some(shape);
                Ok(())
            }
        }
    }

    fn charge(&self, bytes: u64, budget: &mut Budget) -> Result<()> {
        budget.spend(bytes).map_err(|exceeded| exceeded.of(&self.file, place(&self.name)))
    }

    /// What is wrong with a row of the batch that is taken in.
    fn damaged(&self, row: Option<usize>, problem: &str) -> InputError {
        let place = match row {
            Some(row) => format!("{}, row {}", place(&self.name), self.rows + row),
            None => place(&self.name),
        };
        InputError::Damaged { file: self.file.clone(), place, problem: problem.to_owned() }
    }
}

fn place(name: &str) -> String {
    format!("column {}", quoted(name))
}
