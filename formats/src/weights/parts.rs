//! The parts of a saved object: containers with arrays in them.

use std::borrow::Cow;

use super::layout::{StorageBytes, charge, gather, is_contiguous};
use super::pickle::{Bytes, Elements, Key, Pickle, Value, View};
use crate::array::{Array, Data, Kind};
use crate::budget::Budget;
use crate::content::Content;
use crate::element::ByteOrder;
use crate::quoting::escaped;
use crate::{InputError, Result};

/// Containers in each other.
const MAX_DEPTH: usize = 32;

/// Bytes charged for an array beside its numbers.
const ARRAY: u64 = size_of::<Array>() as u64 + 64;
/// Bytes charged for a part of the object: its place in its container, and an allocation beside.
const NODE: u64 = size_of::<Saved>() as u64 + 48;
/// Bytes charged for an entry of a dictionary, the characters of its key left out.
const ENTRY: u64 = NODE + (size_of::<(String, Saved)>() - size_of::<Saved>() + size_of::<(Key, Value)>()) as u64 + 32;

/// A part of a saved object.
#[derive(Debug)]
pub(crate) enum Saved<'a> {
    /// A tensor or an array.
    Array(Box<Array<'a>>),
    /// A list or tuple.
    List(Vec<Saved<'a>>),
    /// A dictionary, in the order of its keys.
    Dictionary(Vec<(String, Saved<'a>)>),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// Anything else, by what it is called.
    Other(&'static str),
}

impl<'a> Saved<'a> {
    /// An array.
    pub(crate) fn array(array: Array<'a>) -> Self {
        Self::Array(Box::new(array))
    }
}

impl Saved<'_> {
    /// The shape and the numbers of an array that was read from text.
    pub(crate) fn as_decimals(&self) -> Option<(&[usize], &[f64])> {
        match self {
            Self::Array(array) => match &array.data {
                Data::Decimals(numbers) => Some((&array.shape, numbers)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The text of a text or a number, also of a number of NumPy.
    pub(crate) fn as_text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Array(array) if array.shape.is_empty() => {
                let mut found = None;
                let known = array.for_each_number(|number| {
                    found = Some(number.map_or_else(|number| number.to_string(), |integer| integer.to_string()));
                    Ok::<_, ()>(())
                });
                found.filter(|_| known == Ok(true))
            }
            _ => None,
        }
    }
}

/// What walks over a saved object.
pub(super) struct Walk<'a, 'b, S> {
    pub(super) content: &'b Content,
    pub(super) pickle: &'b Pickle,
    pub(super) program: &'a [u8],
    pub(super) storages: &'a S,
    pub(super) budget: &'b mut Budget,
}

impl<'a, S: StorageBytes> Walk<'a, '_, S> {
    pub(super) fn spend(&mut self, bytes: u64) -> Result<()> {
        self.budget.spend(bytes).map_err(|exceeded| exceeded.of(&self.content.file, "saved object".to_owned()))
    }

    /// A value with all that it holds.
    pub(super) fn part(&mut self, value: Value, depth: usize) -> Result<Saved<'a>> {
        self.spend(1)?;
        if depth > MAX_DEPTH {
            return Ok(Saved::Other("a container in more than 32 others"));
        }
        let pickle = self.pickle;
        let heap = &pickle.heap;
        Ok(match value {
            Value::Tensor(at) => {
                self.spend(ARRAY)?;
                Saved::array(self.tensor(heap.tensor(at))?)
            }
            Value::NdArray { at, .. } => {
                self.spend(ARRAY)?;
                self.array(at, depth)?
            }
            Value::List(_) | Value::Tuple(_) => Saved::List(self.parts(heap.items(value).unwrap_or_default(), depth)?),
            Value::Dictionary(_) => {
                let found = heap.entries(value).into_iter().flatten();
                let mut entries: Vec<(Key, Value)> = found.map(|(&key, &value)| (key, value)).collect();
                // All of them before any is taken: a container that many others share is taken as often.
                self.spend(ENTRY.saturating_mul(entries.len() as u64))?;
                // The order of the file is not kept; whole numbers stand in theirs, texts in the alphabet's.
                entries.sort_by(|(a, _), (b, _)| match (a, b) {
                    (Key::Integer(a), Key::Integer(b)) => a.cmp(b),
                    _ => heap.key(*a).cmp(&heap.key(*b)),
                });
                let mut parts = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let key = heap.key(key);
                    self.spend((key.len() as u64).saturating_mul(2))?;
                    parts.push((key, self.part(value, depth.saturating_add(1))?));
                }
                Saved::Dictionary(parts)
            }
            Value::Integer(number) => Saved::Number(number as f64),
            Value::Float(number) => Saved::Number(number),
            Value::Bool(truth) => Saved::Number(f64::from(u8::from(truth))),
            Value::Text(text) => {
                self.spend(heap.spelled(text).len() as u64)?;
                Saved::Text(heap.spelled(text).to_owned())
            }
            Value::None => Saved::Other("None"),
            other => Saved::Other(other.passed_over().unwrap_or("a value that is no array")),
        })
    }

    /// The parts of a list, charged before there is a place for them, once for each list that they
    /// are in.
    fn parts(&mut self, items: &[Value], depth: usize) -> Result<Vec<Saved<'a>>> {
        self.spend(NODE.saturating_mul(items.len() as u64))?;
        let mut parts = Vec::with_capacity(items.len());
        for &item in items {
            parts.push(self.part(item, depth.saturating_add(1))?);
        }
        Ok(parts)
    }

    /// A tensor's elements, borrowed where they lie in order.
    fn tensor(&mut self, view: &View) -> Result<Array<'a>> {
        let file = self.content.file.as_path();
        let storage = self.pickle.heap.storage(view.storage);
        let size = view.element.size().unwrap_or(1);
        // Extents of views lie in a storage that is in memory, or one of them is 0.
        let shape: Vec<usize> =
            view.shape.iter().map(|&extent| usize::try_from(extent).unwrap_or(usize::MAX)).collect();
        let kind = Kind::Number(view.element);
        let elements = if shape.contains(&0) {
            0
        } else {
            shape.iter().fold(1, |product: usize, &extent| product.saturating_mul(extent))
        };
        let content = if elements == 0 {
            Cow::Borrowed(&[][..])
        } else {
            let storages = self.storages;
            let stored = storages.bytes(&self.pickle.heap, storage, self.budget)?;
            let start = (view.offset as usize).saturating_mul(size);
            if is_contiguous(view) {
                part_of(stored, start, elements.saturating_mul(size))
            } else {
                charge(file, "of the saved object", view.shape.iter().copied(), view.element, true, self.budget)?;
                let mut gathered = crate::element::reserve(file, "saved object", elements.saturating_mul(size))?;
                gather(view, size, stored.get(start..).unwrap_or_default(), &mut gathered);
                Cow::Owned(gathered)
            }
        };
        Ok(Array {
            shape,
            column_major: false,
            data: Data::Binary { kind, order: ByteOrder::Little, content, start: 0 },
        })
    }

    /// An array of NumPy; one of objects becomes a list, one of a single object that object.
    fn array(&mut self, at: u32, depth: usize) -> Result<Saved<'a>> {
        let pickle = self.pickle;
        let heap = &pickle.heap;
        let array = heap.array(at);
        let bytes = match array.elements {
            None => return Ok(Saved::Other("an array without elements")),
            Some(Elements::Objects(list)) => {
                let items = heap.list(list);
                if let (&[item], true) = (items, array.shape.is_empty()) {
                    return self.part(item, depth.saturating_add(1));
                }
                let parts = self.parts(items, depth)?;
                return Ok(match array.shape.as_slice() {
                    // Rows of numbers, each an object of its own.
                    &[rows, columns] if rows.checked_mul(columns) == Some(parts.len() as u64) && columns > 0 => {
                        self.spend(NODE.saturating_mul(rows.saturating_add(parts.len() as u64)))?;
                        let mut parts = parts.into_iter();
                        let row = |_| {
                            let mut row = Vec::with_capacity(columns as usize);
                            row.extend(parts.by_ref().take(columns as usize));
                            Saved::List(row)
                        };
                        Saved::List((0..rows).map(row).collect())
                    }
                    _ => Saved::List(parts),
                });
            }
            Some(Elements::Bytes(bytes)) => heap.bytes_of(bytes),
        };
        let dtype = heap.dtype(array.dtype);
        let Some(kind) = Kind::of_numpy(heap.spelled(dtype.kind)) else {
            return Ok(Saved::Other("an array of a type that is not read here"));
        };
        let content = match bytes {
            Bytes::Inside(range) => Cow::Borrowed(self.program.get(range.clone()).unwrap_or_default()),
            Bytes::Characters(text) => {
                let text = heap.spelled(*text);
                self.spend(text.len() as u64)?;
                match text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect() {
                    Some(bytes) => Cow::Owned(bytes),
                    None => return Ok(Saved::Other("an array whose bytes are none")),
                }
            }
        };
        let order = if dtype.big_endian { ByteOrder::Big } else { ByteOrder::Little };
        let shape: Option<Vec<usize>> = array.shape.iter().map(|&extent| usize::try_from(extent).ok()).collect();
        let read = shape.and_then(|shape| Array::binary(kind, order, shape, array.column_major, content, 0));
        // A text of NumPy.
        if let Some(array) = read.as_ref().filter(|array| array.shape.is_empty() && array.element().is_none()) {
            let texts = array.texts(&self.content.file, "saved object", self.budget)?;
            return Ok(Saved::Text(texts.unwrap_or_default().concat()));
        }
        read.map(Saved::array).ok_or_else(|| InputError::Damaged {
            file: self.content.file.clone(),
            place: "saved object".to_owned(),
            problem: format!(
                "an array of shape {:?} and type {} whose bytes do not fit",
                array.shape,
                escaped(heap.spelled(dtype.kind))
            ),
        })
    }
}

fn part_of(stored: Cow<'_, [u8]>, start: usize, length: usize) -> Cow<'_, [u8]> {
    match stored {
        Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(start..start.saturating_add(length)).unwrap_or_default()),
        Cow::Owned(mut bytes) => {
            bytes.truncate(start.saturating_add(length));
            Cow::Owned(bytes.split_off(start))
        }
    }
}
