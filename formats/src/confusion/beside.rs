//! Lists of classes beside a matrix, by name or number, in the order of its rows and columns.

use std::collections::HashSet;
use std::path::Path;

use ndarray::Array2;

use super::cross::{Cross, are_numbers};
use super::orientation::Orientation;
use super::{ConfusionFileError, Read, axes, doubts, unsaid};
use crate::array::Array;
use crate::budget::Budget;
use crate::named::Named;
use crate::quoting::quoted_list;
use crate::weights::Saved;
use crate::words::{Words, words_of};
use crate::{InputError, Result};

/// Bytes charged for an entry of a list.
const ENTRY: u64 = 120;

/// Parts of a tuple that holds a matrix and its names.
const MOST_PARTS: usize = 8;

/// Containers in each other that lists are looked for in.
const DEPTH: usize = 4;

const ROWS: Words = Words("row rows index y ytick yticks yticklabels ylabel ylabels");
const COLUMNS: Words = Words("col cols column columns x xtick xticks xticklabels xlabel xlabels");
const CLASSES: Words =
    Words("class classes classnames label labels name names category categories target targets tick ticks ticklabels");

/// Keys of names with their numbers, in either order.
const MAPS: [&str; 8] =
    ["class_to_idx", "idx_to_class", "id2label", "label2id", "classes", "class_names", "names", "labels"];

/// What a list stands beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Rows,
    Columns,
    True,
    Predicted,
    Both,
    Unknown,
}

impl Side {
    fn of(key: &str) -> Self {
        let key = key.rsplit('.').next().unwrap_or(key);
        let words = words_of(key);
        let any = |known: Words| words.iter().any(|word| known.contains(word));
        match words.iter().find_map(|word| axes::is_true(word)) {
            Some(_) if words.iter().any(|word| word == "target") => Self::Both,
            Some(true) => Self::True,
            Some(false) => Self::Predicted,
            None if any(ROWS) => Self::Rows,
            None if any(COLUMNS) => Self::Columns,
            None if any(CLASSES) || words.iter().all(|word| word.parse::<u32>().is_ok()) => Self::Both,
            None => Self::Unknown,
        }
    }
}

/// A list of a class for each row or column.
struct List {
    key: String,
    side: Side,
    classes: Vec<String>,
    /// Whether these are texts, which may be names even where they look like numbers.
    are_texts: bool,
}

impl List {
    /// Whether it is of numbers in their order.
    fn counts_up(&self) -> bool {
        are_numbers(&self.classes) && self.classes.is_sorted_by_key(|class| class.parse::<usize>().ok())
    }

    /// Whether it may be one of as many classes: numbers that are there twice are of samples, and
    /// others than those of the classes are so only where the key says it.
    fn may_be_classes(&self, classes: usize) -> bool {
        let are_integers = self.classes.iter().all(|class| class.parse::<usize>().is_ok());
        let is_place = self.key.rsplit('.').next().is_some_and(|key| key.parse::<u32>().is_ok());
        let is_said = self.side != Side::Unknown && !is_place;
        let differ = || self.classes.iter().collect::<HashSet<_>>().len() == classes;
        let are_texts = || self.classes.iter().all(|class| class.parse::<f64>().is_err());
        self.classes.len() == classes
            && (are_numbers(&self.classes) || if are_integers { is_said && differ() } else { are_texts() })
    }
}

/// The lists beside a matrix.
#[derive(Default)]
pub(super) struct Beside(Vec<List>);

impl Beside {
    /// Those in a saved object, at any of its keys.
    pub(super) fn in_saved(file: &Path, saved: &Saved<'_>, budget: &mut Budget) -> Result<Self> {
        let mut found = Self::default();
        found.add(file, "", saved, DEPTH, budget)?;
        Ok(found)
    }

    /// Those among arrays.
    pub(super) fn in_arrays(file: &Path, arrays: &[Named<'_>], budget: &mut Budget) -> Result<Self> {
        let mut found = Self::default();
        for named in arrays {
            match &named.array {
                Ok(array) => found.add_array(file, &named.name, array, budget)?,
                Err(_) if Side::of(&named.name) == Side::Unknown => {}
                Err(_) => {
                    let (found, expected) =
                        ("objects", "names of the classes as texts, as names.astype(str) makes them");
                    return Err(InputError::element_type(file, named.name.clone(), found, expected));
                }
            }
        }
        Ok(found)
    }

    fn push(&mut self, key: &str, classes: Vec<String>, are_texts: bool) {
        self.0.push(List { key: key.to_owned(), side: Side::of(key), classes, are_texts });
    }

    fn add(&mut self, file: &Path, key: &str, value: &Saved<'_>, depth: usize, budget: &mut Budget) -> Result<()> {
        let Some(deeper) = depth.checked_sub(1) else { return Ok(()) };
        let is_row = |item: &Saved<'_>| match item {
            Saved::Array(array) => array.shape.len() == 1,
            Saved::List(items) => items.iter().all(|item| matches!(item, Saved::Number(_))),
            _ => false,
        };
        match value {
            Saved::Array(array) => self.add_array(file, key, array, budget)?,
            Saved::Dictionary(entries) => {
                if MAPS.contains(&key) {
                    spend(file, entries.len(), budget)?;
                    self.0.extend(map(entries).map(|classes| List {
                        key: key.to_owned(),
                        side: Side::Both,
                        classes,
                        are_texts: true,
                    }));
                }
                for (key, value) in entries {
                    self.add(file, key, value, deeper, budget)?;
                }
            }
            Saved::List(items) if !items.is_empty() && items.iter().all(|item| item.as_text().is_some()) => {
                spend(file, items.len(), budget)?;
                let are_texts = items.iter().all(|item| matches!(item, Saved::Text(_)));
                self.push(key, items.iter().filter_map(Saved::as_text).collect(), are_texts);
            }
            Saved::List(items) if items.len() <= MOST_PARTS && !items.iter().all(is_row) => {
                for (at, item) in items.iter().enumerate() {
                    self.add(file, &at.to_string(), item, deeper, budget)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add_array(&mut self, file: &Path, key: &str, array: &Array<'_>, budget: &mut Budget) -> Result<()> {
        if array.shape.iter().filter(|&&extent| extent != 1).count() != 1 {
            return Ok(());
        }
        spend(file, array.len(), budget)?;
        if let Some(texts) = array.texts(file, key, budget)? {
            self.push(key, texts, true);
            return Ok(());
        }
        let mut numbers = Vec::with_capacity(array.len());
        let known = array.for_each_number(|number| {
            numbers.push(number.map_or_else(|number| number.to_string(), |integer| integer.to_string()));
            Ok::<_, ()>(())
        });
        if known == Ok(true) {
            self.push(key, numbers, false);
        }
        Ok(())
    }

    /// The matrix with the classes of the lists beside it.
    pub(super) fn read<'a>(
        self,
        file: &Path,
        array: Array<'a>,
        orientation: Option<Orientation>,
        budget: &mut Budget,
    ) -> Result<Read<'a>> {
        let shape: Vec<usize> = array.shape.iter().copied().filter(|&extent| extent != 1).collect();
        let &[classes, _] = shape.as_slice() else { return Ok(Read::of(array, None)) };
        if let Some(lists) = self.of(classes) {
            return lists.order(file, array, classes, orientation, budget);
        }
        // Without the sums below and beside.
        let inner = classes.saturating_sub(1);
        let Some((lists, counts)) =
            self.of(inner).zip(counts(&array, classes).and_then(|all| doubts::without_sums(&all)))
        else {
            return Ok(Read::of(array, None));
        };
        let values = counts.iter().map(|&count| count as f64).collect();
        let mut read = lists.order(file, Array::decimals(vec![inner; 2], values), inner, orientation, budget)?;
        read.notes.push(doubts::SUMS.to_owned());
        Ok(read)
    }

    /// The lists that may be of as many classes; `None` if there are none.
    fn of(&self, classes: usize) -> Option<Lists<'_>> {
        let lists: Vec<&List> = self.0.iter().filter(|list| list.may_be_classes(classes)).collect();
        (!lists.is_empty() && classes > 1).then_some(Lists(lists))
    }
}

/// Lists of as many classes as a matrix has.
struct Lists<'l>(Vec<&'l List>);

impl Lists<'_> {
    /// The lists on one side, each once; those that tell more than that classes are counted up come
    /// before.
    fn on(&self, sides: &[Side]) -> Vec<&List> {
        let mut found: Vec<&List> = Vec::new();
        for list in self.0.iter().filter(|list| sides.contains(&list.side)) {
            if !found.iter().any(|other| other.classes == list.classes) {
                found.push(list);
            }
        }
        if found.len() > 1 {
            found.retain(|list| !list.counts_up());
        }
        found
    }

    fn order<'a>(
        &self,
        file: &Path,
        array: Array<'a>,
        classes: usize,
        orientation: Option<Orientation>,
        budget: &mut Budget,
    ) -> Result<Read<'a>> {
        let ambiguous = |lists: &[&List]| {
            let lists = quoted_list(lists.iter().map(|list| &list.key));
            Err(ConfusionFileError::Beside { file: file.to_path_buf(), lists }.into())
        };
        let (of_true, of_predicted) = (self.on(&[Side::True]), self.on(&[Side::Predicted]));
        let differ = of_true.first().zip(of_predicted.first()).is_some_and(|(one, other)| one.classes != other.classes);
        if differ && orientation.is_none() {
            return Err(match counts(&array, classes) {
                Some(counts) => unsaid(file, &counts, false),
                None => super::not_square(file, "numbers that are no counts".to_owned()),
            });
        }
        let rows_are_true = orientation != Some(Orientation::ColumnsAreTrue);
        let (upper, lower) = if rows_are_true { (Side::True, Side::Predicted) } else { (Side::Predicted, Side::True) };
        let (rows, columns) = (self.on(&[Side::Rows, upper]), self.on(&[Side::Columns, lower]));
        let mut both = self.on(&[Side::Both]);
        if both.is_empty() && rows.is_empty() && columns.is_empty() {
            both = self.on(&[Side::Unknown]);
            if let Some(order) = both.iter().find(|list| are_numbers(&list.classes) && !list.counts_up()) {
                return ambiguous(&[order]);
            }
        }
        for side in [&rows, &columns, &both] {
            if side.len() > 1 {
                return ambiguous(side);
            }
        }
        let (rows, columns, both) = (rows.first(), columns.first(), both.first());
        let sides: Vec<&List> = rows.into_iter().chain(columns).copied().collect();
        // Names for all classes say no more than those of rows and columns, unless these are counted up.
        if let Some(both) = both.filter(|_| !sides.iter().all(|list| list.counts_up())) {
            let names: HashSet<&String> = both.classes.iter().collect();
            let other = sides.iter().find(|list| !list.classes.iter().all(|class| names.contains(class)));
            if let Some(other) = other.filter(|_| !both.counts_up()) {
                return ambiguous(&[both, other]);
            }
        }
        let (rows, columns) = match both {
            Some(both) if sides.iter().all(|list| list.counts_up()) => (Some(both), Some(both)),
            _ => (rows, columns),
        };
        let are_texts = rows.into_iter().chain(columns).all(|list| list.are_texts);
        let named = |list: Option<&&List>| list.map(|list| list.classes.clone()).unwrap_or_default();
        let (rows, columns) = (named(rows), named(columns));
        if rows == columns && !are_numbers(&rows) {
            return Ok(Read::of(array, Some(rows)));
        }
        let Some(values) = numbers(&array, classes) else { return Ok(Read::of(array, None)) };
        let mut read = Cross { rows, columns, values, ..Cross::default() }.read(file, budget)?;
        read.numbered &= are_texts;
        Ok(read)
    }
}

fn spend(file: &Path, entries: usize, budget: &mut Budget) -> Result<()> {
    let cost = (entries as u64).saturating_mul(ENTRY);
    budget.spend(cost).map_err(|exceeded| exceeded.of(file, "lists beside the matrix".to_owned()))
}

/// The names in the order of their numbers.
fn map(entries: &[(String, Saved<'_>)]) -> Option<Vec<String>> {
    let pair = |(key, value): &(String, Saved<'_>)| match value {
        Saved::Number(number) => Some((number.to_string(), key.clone())),
        Saved::Text(name) => Some((key.clone(), name.clone())),
        _ => None,
    };
    let mut pairs = entries.iter().map(pair).collect::<Option<Vec<_>>>()?;
    let numbers: Vec<String> = pairs.iter().map(|(number, _)| number.clone()).collect();
    pairs.sort_by_key(|(number, _)| number.parse::<usize>().ok());
    are_numbers(&numbers).then(|| pairs.into_iter().map(|(_, name)| name).collect())
}

/// The numbers of a square array row by row.
fn numbers(array: &Array<'_>, classes: usize) -> Option<Vec<f64>> {
    let mut values = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        values.push(number.map_or_else(|number| number, |integer| integer as f64));
        Ok::<_, ()>(())
    });
    let matrix = Array2::from_shape_vec((classes, classes), values).ok().filter(|_| known == Ok(true))?;
    Some(if array.column_major { matrix.t().iter().copied().collect() } else { matrix.into_iter().collect() })
}

fn counts(array: &Array<'_>, classes: usize) -> Option<Array2<u64>> {
    let count = |value: f64| (value.fract() == 0.0 && (0.0..9e15).contains(&value)).then_some(value as u64);
    let values = numbers(array, classes)?.into_iter().map(count).collect::<Option<Vec<u64>>>()?;
    Array2::from_shape_vec((classes, classes), values).ok()
}
