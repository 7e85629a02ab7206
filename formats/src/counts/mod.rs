//! Training counts and names of the classes, from small files.
//!
//! Counts: the number of training samples of each class. In the order of the labels: one a line,
//! all in one row, a JSON list, an array of NumPy or PyTorch, or any of these as Python prints it.
//! By class, in any order: two columns with any header or none, lines `class: count`, a JSON
//! object, pairs, a dictionary or `Counter` as Python prints it. Or counted from a list of the
//! training images, `path label` on each line; or the files in a folder of the classes.
//!
//! Names: one a line, a JSON list, a JSON object of names and numbers in either order, columns of
//! numbers and names.

mod annotations;
mod arrays;
mod by_class;
mod columns;
mod folder;
mod given;
mod images;
mod literal;
mod names;
mod objects;
mod pairs;
mod remarks;
mod says;
mod table;

use std::borrow::Cow;
use std::path::Path;

use super::content::Content;
use super::{InputError, Result};
use crate::budget::Budget;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::named::Named;
use crate::npy::{self, Npy};
use crate::predictions::{Reading, arrays_of_npz, is_torch_save};
use crate::quoting::quoted;
use crate::text::text_of;
use crate::weights::with_saved;
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

/// Reads the training counts of K = `num_classes` classes, which may stand by the `names` of the
/// classes.
///
/// A class may have a count of 0; all of them together may not.
///
/// # Errors
/// An entry that is no non-negative integer, another number of entries than K, a class twice or
/// missing, a sum of 0.
pub fn read_named_counts(file: &GivenFile, num_classes: usize, names: Option<&[String]>) -> Result<Vec<u64>> {
    let found = match file.held()? {
        Held::Folder(classes) => folder::found(file, classes, names)?,
        Held::File(content) => found(content, num_classes, names, &mut Budget::of(content.bytes.len()))?,
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
    check_labels(file, &counts, num_classes)?;
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

fn found(content: &Content, num_classes: usize, names: Option<&[String]>, budget: &mut Budget) -> Result<Found> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    if bytes.starts_with(npy::MAGIC) {
        return match npy::parse(file, "counts", Cow::Borrowed(bytes))? {
            Npy::Array(array) => arrays::in_array(file, Named { name: String::new(), array: Ok(array) }, num_classes),
            Npy::Pickle(..) => Err(not_counts(file, "an array of objects")),
        };
    }
    if bytes.starts_with(b"PK") && !is_torch_save(file, bytes)? {
        return arrays::read(file, arrays_of_npz(content, &Reading::default(), budget)?, num_classes, budget);
    }
    if bytes.starts_with(b"PK") || bytes.first() == Some(&0x80) {
        return with_saved(content, budget, |saved, budget| objects::read(file, saved, num_classes, budget));
    }
    refuse_impostor(content)?;
    let text = text_of(content, budget)?;
    if let Some(found) = annotations::count(file, &text, num_classes, names.is_some(), budget) {
        return found;
    }
    for (line, remark) in remarks::above(&text) {
        remarks::refuse_other_split(file, line, remark)?;
    }
    let bare = remarks::blanked(&text);
    match bare.trim_start().bytes().next() {
        Some(b'[' | b'{') => match read_json(file, &bare, "give a list of counts, as in [500, 480, 5]", budget) {
            Ok(saved) => objects::read(file, saved, num_classes, budget),
            // As Python prints a list or a dictionary.
            Err(error @ InputError::Json { .. }) => {
                literal::read(file, &bare, num_classes, budget).unwrap_or(Err(error))
            }
            Err(error) => Err(error),
        },
        _ => match literal::read(file, &bare, num_classes, budget) {
            Some(found) => found,
            None => table::read(file, &text, num_classes, names, budget),
        },
    }
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

/// The count that a text is: digits, or a whole number with a point or an exponent, as
/// `numpy.savetxt` writes it.
fn count_in(file: &Path, place: impl FnOnce() -> String, field: &str) -> Result<u64> {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['.', 'e', 'E']);
    if columns::is_thousands(field) {
        return Err(thousands(file, place(), field));
    }
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

/// The refusal of a number that may have a mark between its thousands.
fn thousands(file: &Path, place: String, field: &str) -> InputError {
    let [one, other] = [field.replace(',', ".").parse().unwrap_or(0.0_f64).to_string(), field.replace(['.', ','], "")];
    let found = format!("{} may mean {one} or {other}", quoted(field));
    let remedy = "write the one that is meant without a mark".to_owned();
    InputError::NotCounts { file: file.to_path_buf(), place, found, remedy }
}

/// The refusal of something that `found` calls by its name, in place of counts.
fn instead(file: &Path, place: &str, found: String, remedy: &str) -> InputError {
    InputError::NotCounts { file: file.to_path_buf(), place: place.to_owned(), found, remedy: remedy.to_owned() }
}

const WHOLE: &str = "the whole file";
const COUNT_LABELS: &str =
    "give how many there are of each, as np.bincount(labels) or collections.Counter(labels) counts";

/// Refuses the labels of the samples in place of counts, and the numbers of the classes.
fn check_labels(file: &Path, counts: &[u64], num_classes: usize) -> Result<()> {
    let below = counts.iter().all(|&count| usize::try_from(count).is_ok_and(|count| count < num_classes));
    if below && counts.len() > num_classes {
        let found = format!("{} numbers below {num_classes} are the labels of samples, not counts", counts.len());
        return Err(instead(file, WHOLE, found, COUNT_LABELS));
    }
    let number = |first: u64| counts.iter().zip(first..).all(|(&count, class)| count == class);
    if counts.len() == num_classes && num_classes > FEWEST_NUMBERED && (number(0) || number(1)) {
        return Err(numbers_of_classes(file));
    }
    Ok(())
}

/// Classes of so few may have counts that are their numbers.
const FEWEST_NUMBERED: usize = 3;

/// The refusal of class_to_idx and its like.
fn numbers_of_classes(file: &Path) -> InputError {
    let found = "these are the numbers of the classes, as class_to_idx has them, not counts".to_owned();
    instead(file, WHOLE, found, "give the number of training samples of each class, and this file as class names")
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
