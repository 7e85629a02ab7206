//! Training counts and names of the classes, from small files.
//!
//! Counts: the number of training samples of each class. In the order of the labels: one a line, all in one row, a JSON
//! list, an array of NumPy or PyTorch, or any of these as Python prints it. By class, in any order: two columns with
//! any header or none, lines `class: count`, a JSON object, pairs, a dictionary or `Counter` as Python prints it. Or
//! counted from a list of the training images, `path label` on each line; or the files in a folder of the classes.
//!
//! Names: one a line, a JSON list, a JSON object of names and numbers in either order, columns of numbers and names.

mod by_class;
mod folder;
mod given;
mod literal;
mod names;
mod pairs;
mod table;

use std::borrow::Cow;
use std::path::Path;

use super::content::Content;
use super::{InputError, Result};
use crate::array::Array;
use crate::budget::Budget;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::named::{Named, arrays_of};
use crate::npy::{self, Npy};
use crate::predictions::{Reading, arrays_of_npz, is_torch_save};
use crate::quoting::quoted;
use crate::text::text_of;
use crate::weights::{Saved, with_saved};
use given::Held;

pub use folder::read_class_folder;
pub use given::GivenFile;
pub use names::{read_class_names, read_names};

/// Counts as a file gives them.
#[derive(Debug, PartialEq)]
pub(crate) enum Found {
    /// In the order of the classes.
    InOrder(Vec<u64>),
    /// By a class's number or name, with the place of each.
    ByClass(Vec<(String, u64, String)>),
}

/// Reads the training counts of K = `num_classes` classes, which may stand by the `names` of the classes.
///
/// A class may have a count of 0; all of them together may not.
///
/// # Errors
/// An entry that is no non-negative integer, another number of entries than K, a class twice or missing, a sum of 0.
pub fn read_named_counts(file: &GivenFile, num_classes: usize, names: Option<&[String]>) -> Result<Vec<u64>> {
    let found = match file.held()? {
        Held::Folder(classes) => folder::found(file, classes, names)?,
        Held::File(content) => found(content, num_classes, &mut Budget::of(content.bytes.len()))?,
    };
    let counts = match found {
        Found::InOrder(counts) => counts,
        Found::ByClass(entries) => by_class::in_order(file, entries, num_classes, names)?,
    };
    if let Some((sum, others)) = counts.split_last()
        && counts.len() == num_classes.saturating_add(1)
        && others.iter().try_fold(0_u64, |all, &count| all.checked_add(count)) == Some(*sum)
    {
        let found = format!("{sum}, the sum of the others,");
        return Err(InputError::Count { file: file.to_path_buf(), place: "the last count".to_owned(), found });
    }
    if counts.len() != num_classes {
        return Err(InputError::ClassCountMismatch {
            file: file.to_path_buf(),
            what: "training counts",
            found: counts.len(),
            expected: num_classes,
            unit: "count",
        });
    }
    check_sum(file, counts)
}

fn found(content: &Content, num_classes: usize, budget: &mut Budget) -> Result<Found> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    if bytes.starts_with(npy::MAGIC) {
        return match npy::parse(file, "counts", Cow::Borrowed(bytes))? {
            Npy::Array(array) => in_array(file, Named { name: String::new(), array: Ok(array) }, num_classes),
            Npy::Pickle(..) => Err(not_counts(file, "an array of objects")),
        };
    }
    if bytes.starts_with(b"PK") && !is_torch_save(file, bytes)? {
        let arrays = arrays_of_npz(content, &Reading::default(), budget)?;
        return in_arrays(file, arrays, num_classes);
    }
    if bytes.starts_with(b"PK") || bytes.first() == Some(&0x80) {
        return with_saved(content, budget, |saved, budget| of_saved(file, saved, num_classes, budget));
    }
    refuse_impostor(content)?;
    let text = text_of(content, budget)?;
    match text.trim_start().bytes().next() {
        Some(b'[' | b'{') => match read_json(file, &text, "give a list of counts, as in [500, 480, 5]", budget) {
            Ok(saved) => of_saved(file, saved, num_classes, budget),
            // As Python prints a list or a dictionary.
            Err(error @ InputError::Json { .. }) => {
                literal::read(file, &text, num_classes, budget).unwrap_or(Err(error))
            }
            Err(error) => Err(error),
        },
        _ => match literal::read(file, &text, num_classes, budget) {
            Some(found) => found,
            None => table::read(file, &text, num_classes, budget),
        },
    }
}

/// Counts in what JSON, `torch.save` or `pickle.dump` hold.
fn of_saved(file: &Path, saved: Saved<'_>, num_classes: usize, budget: &mut Budget) -> Result<Found> {
    match saved {
        Saved::Dictionary(mut entries) => {
            if let [(_, Saved::Array(_) | Saved::List(_) | Saved::Dictionary(_))] = entries.as_slice() {
                // A name above the counts.
                return of_saved(file, entries.swap_remove(0).1, num_classes, budget);
            }
            let by_class = entries.into_iter().map(|(key, value)| match value {
                Saved::Number(number) => {
                    let place = format!("entry {}", quoted(&key));
                    Ok((count_of(file, &place, number)?, key, place))
                }
                _ => Err(not_counts(file, &format!("entry {}, which is no number", quoted(&key)))),
            });
            let entries: Vec<_> = by_class.collect::<Result<_>>()?;
            Ok(Found::ByClass(entries.into_iter().map(|(count, key, place)| (key, count, place)).collect()))
        }
        Saved::List(items) if items.iter().any(|item| matches!(item, Saved::Number(_) | Saved::Text(_))) => {
            let counts = items.into_iter().enumerate().map(|(at, item)| match item {
                Saved::Number(number) => count_of(file, &format!("entry {at}"), number),
                Saved::Text(text) => Err(no_count(file, format!("entry {at}"), &text)),
                _ => Err(not_counts(file, &format!("entry {at}, which is no number"))),
            });
            counts.collect::<Result<_, _>>().map(Found::InOrder)
        }
        Saved::List(items) if items.iter().all(|item| matches!(item, Saved::Array(_) | Saved::List(_))) => {
            let cost = |item: &Saved<'_>| match item {
                Saved::Array(array) => array.len(),
                Saved::List(items) => items.len(),
                _ => 0,
            };
            let entries = items.iter().map(cost).fold(items.len(), usize::saturating_add) as u64;
            budget.spend(entries.saturating_mul(160)).map_err(|exceeded| exceeded.of(file, "pairs".to_owned()))?;
            let lists = items.iter().map(fields).collect::<Option<Vec<_>>>();
            match lists.and_then(pairs::paired) {
                Some(pairs) => pairs::read(file, pairs, num_classes),
                None => {
                    let arrays = arrays_of(file, Saved::List(items), budget)?;
                    in_arrays(file, arrays, num_classes)
                }
            }
        }
        other => {
            let arrays = arrays_of(file, other, budget)?;
            in_arrays(file, arrays, num_classes)
        }
    }
}

/// The numbers and texts of a list as texts.
fn fields(item: &Saved<'_>) -> Option<Vec<String>> {
    match item {
        Saved::Array(array) if array.shape.len() == 1 => numbers_of(array),
        Saved::List(items) => {
            let text = |item: &Saved<'_>| match item {
                Saved::Number(number) => Some(number.to_string()),
                Saved::Text(text) => Some(text.clone()),
                _ => None,
            };
            items.iter().map(text).collect()
        }
        _ => None,
    }
}

/// The numbers of an array in row-major order as texts.
fn numbers_of(array: &Array<'_>) -> Option<Vec<String>> {
    let mut numbers = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        numbers.push(number.map_or_else(|number| number.to_string(), |integer| integer.to_string()));
        Ok::<_, InputError>(())
    });
    known.is_ok_and(|known| known).then_some(numbers)
}

/// Counts in the one array, or in those that are called classes and counts.
fn in_arrays(file: &Path, mut arrays: Vec<Named<'_>>, num_classes: usize) -> Result<Found> {
    if let Some((classes, counts)) = table::classes_and_counts(&arrays) {
        let (classes, counts) = (in_array_at(file, &mut arrays, classes)?, in_array_at(file, &mut arrays, counts)?);
        let entry = |(at, (class, count)): (usize, (u64, u64))| (class.to_string(), count, format!("entry {at}"));
        return Ok(Found::ByClass(classes.into_iter().zip(counts).enumerate().map(entry).collect()));
    }
    match arrays.pop() {
        Some(only) if arrays.is_empty() => in_array(file, only, num_classes),
        _ => Err(not_counts(file, "several arrays")),
    }
}

fn in_array_at(file: &Path, arrays: &mut [Named<'_>], at: usize) -> Result<Vec<u64>> {
    let empty = Named { name: String::new(), array: Ok(Array::decimals(vec![0], Vec::new())) };
    let taken = arrays.get_mut(at).map(|array| std::mem::replace(array, empty));
    let Some(Found::InOrder(numbers)) = taken.map(|array| in_array(file, array, 0)).transpose()? else {
        return Err(not_counts(file, "several arrays"));
    };
    Ok(numbers)
}

fn in_array(file: &Path, named: Named<'_>, num_classes: usize) -> Result<Found> {
    let array = named.array?;
    if let [rows, columns] = *array.shape
        && rows > 1
        && columns > 1
        && array.len() == num_classes.saturating_mul(2)
        && let Some(numbers) = numbers_of(&array)
        && let Some(pairs) = pairs::paired(numbers.chunks(columns).map(<[String]>::to_vec).collect())
    {
        return pairs::read(file, pairs, num_classes);
    }
    if array.shape.iter().filter(|&&extent| extent > 1).count() > 1 {
        return Err(not_counts(file, &format!("an array of shape {:?}", array.shape)));
    }
    let mut counts = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        let place = || format!("entry {}", counts.len());
        let count = match number {
            Ok(integer) => u64::try_from(integer).map_err(|_| no_count(file, place(), &integer.to_string()))?,
            Err(number) => count_of(file, &place(), number)?,
        };
        counts.push(count);
        Ok::<_, InputError>(())
    })?;
    if known { Ok(Found::InOrder(counts)) } else { Err(not_counts(file, "an array of texts")) }
}

fn not_counts(file: &Path, found: &str) -> InputError {
    InputError::Count { file: file.to_path_buf(), place: "the whole file".to_owned(), found: found.to_owned() }
}

fn no_count(file: &Path, place: String, found: &str) -> InputError {
    InputError::Count { file: file.to_path_buf(), place, found: quoted(found) }
}

/// The count that a number is.
fn count_of(file: &Path, place: &str, number: f64) -> Result<u64> {
    // Below 2^53 every whole number is told from its neighbours.
    if number.fract() == 0.0 && (0.0..9e15).contains(&number) {
        return Ok(number as u64);
    }
    Err(no_count(file, place.to_owned(), &number.to_string()))
}

/// The count that a text is: digits, or a whole number with a point or an exponent, as `numpy.savetxt` writes it.
fn count_in(file: &Path, place: impl FnOnce() -> String, field: &str) -> Result<u64> {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['.', 'e', 'E']);
    // Digits only: `parse` would also take a leading plus sign.
    if field.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(count) = field.parse()
    {
        return Ok(count);
    }
    match field.parse().ok().filter(|_| is_number(field)) {
        Some(number) => count_of(file, &place(), number).map_err(|error| match error {
            InputError::Count { file, place, .. } => InputError::Count { file, place, found: quoted(field) },
            other => other,
        }),
        None => Err(no_count(file, place(), field)),
    }
}

fn check_sum(file: &Path, counts: Vec<u64>) -> Result<Vec<u64>> {
    let sum = counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count));
    let bad = |sum| Err(InputError::CountSum { file: file.to_path_buf(), sum });
    match sum {
        None => bad("more than 64 bits hold"),
        Some(0) => bad("0"),
        Some(_) => Ok(counts),
    }
}

#[cfg(test)]
mod tests;
