//! Confusion matrices of counts: how many samples of each class were taken for which.
//!
//! A table with or without names, an array of NumPy or PyTorch, JSON, or a matrix as Python prints
//! it. Which way it lies has to be said unless it is symmetric: scikit-learn has the true classes
//! in the rows, others in the columns.

mod axes;
mod beside;
mod cross;
mod doubts;
mod error;
mod long;
mod nested;
mod order;
mod orientation;
mod printed;
mod table;
mod two_lines;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use ndarray::Array2;

use crate::array::{Array, place_of};
use crate::budget::Budget;
use crate::content::Content;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::named::{Named, arrays_of};
use crate::npy::{self, Npy};
use crate::predictions::{Reading, StoredFile, arrays_of_npz, is_torch_save};
use crate::text::text_of;
use crate::weights::{Saved, with_saved};
use crate::{InputError, Result};

use beside::Beside;
pub use error::ConfusionFileError;
use error::MOST_SAMPLES;
pub use orientation::Orientation;

/// A confusion matrix as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    /// Samples `[predicted, true]`.
    pub counts: Array2<u64>,
    /// Names of the classes, if the file has them.
    pub names: Option<Vec<String>>,
    /// Numbers stand for the classes in the file, which may be their names.
    pub numbered: bool,
    /// The file.
    pub file: StoredFile,
    /// Readings of the matrix, what was made of it and what is odd: sentences without a full stop.
    pub notes: Vec<String>,
    /// Doubts about the file: sentences without a full stop.
    pub doubts: Vec<String>,
}

impl Confusion {
    /// True and predicted class of every sample, class by class.
    pub fn samples(&self) -> (Vec<usize>, Vec<usize>) {
        let (mut labels, mut predicted) = (Vec::new(), Vec::new());
        for (class, column) in self.counts.columns().into_iter().enumerate() {
            for (taken_for, &count) in column.iter().enumerate() {
                // At most `MOST_SAMPLES` in all.
                labels.extend(std::iter::repeat_n(class, count as usize));
                predicted.extend(std::iter::repeat_n(taken_for, count as usize));
            }
        }
        (labels, predicted)
    }
}

/// Reads a confusion matrix of counts.
///
/// # Errors
/// [`ConfusionFileError`] with what has to be said or given; those of the formats.
pub fn read_confusion(file: &Path, orientation: Option<Orientation>) -> Result<Confusion> {
    let content = Content::read(file)?;
    let ((counts, names, numbered, mut notes), sha256) =
        content.parse_and_hash(|content| parse(content, orientation))?;
    let file = StoredFile { path: content.file.clone(), bytes: content.bytes.len() as u64, sha256 };
    let doubts = doubts::rates(&counts).into_iter().collect();
    notes.extend(doubts::equal_sums(&counts));
    Ok(Confusion { counts, names, numbered, file, notes, doubts })
}

type Parsed = (Array2<u64>, Option<Vec<String>>, bool, Vec<String>);

/// The numbers of a file and what it says of them.
struct Read<'a> {
    /// Row by row.
    array: Array<'a>,
    /// Of the classes.
    names: Option<Vec<String>>,
    /// Whether the classes have numbers, which may be their names.
    numbered: bool,
    /// Which way the matrix lies.
    said: Option<Orientation>,
    /// What was made of it.
    notes: Vec<String>,
    /// Whether the rows are the outer keys of a dictionary.
    outer_keys: bool,
}

impl<'a> Read<'a> {
    fn of(array: Array<'a>, names: Option<Vec<String>>) -> Self {
        Self { array, names, numbered: false, said: None, notes: Vec::new(), outer_keys: false }
    }
}

fn parse(content: &Content, orientation: Option<Orientation>) -> Result<Parsed> {
    let file = content.file.as_path();
    let budget = &mut Budget::of(content.bytes.len());
    let Read { array, names, numbered, said, mut notes, outer_keys } = numbers(content, orientation, budget)?;
    let mut matrix = whole_numbers(file, &array, budget)?;
    // Texts beside a matrix are names if they are as many.
    let names = names.filter(|names| names.len() == matrix.nrows());
    if let Some(counts) = doubts::without_sums(&matrix).filter(|_| names.is_none()) {
        matrix = counts;
        notes.push(doubts::SUMS.to_owned());
    }
    let samples = matrix.iter().fold(0_u64, |sum, &count| sum.saturating_add(count));
    if samples == 0 || samples > MOST_SAMPLES {
        return Err(ConfusionFileError::Samples { file: file.to_path_buf(), samples }.into());
    }
    let symmetric = matrix == matrix.t();
    if let Some((said, given)) = said.zip(orientation).filter(|(said, given)| said != given && !symmetric) {
        return Err(ConfusionFileError::SaysOtherwise { file: file.to_path_buf(), said, given }.into());
    }
    if let Some(said) = said.filter(|_| orientation.is_none() && !symmetric) {
        notes.push(format!("{said}, as the table says"));
    }
    match orientation.or(said) {
        None if !symmetric => return Err(unsaid(file, &matrix, outer_keys)),
        Some(Orientation::RowsAreTrue) => matrix = matrix.reversed_axes(),
        _ => {}
    }
    if outer_keys && !symmetric {
        notes.push(
            "the outer keys are taken for the rows, as json.dump of a dictionary of rows has them; DataFrame.to_json() has the \
             columns outside: then give the other orientation"
                .to_owned(),
        );
    }
    Ok((matrix.as_standard_layout().into_owned(), names, numbered, notes))
}

/// The numbers of a square array as counts, rows and columns as it has them.
fn whole_numbers(file: &Path, array: &Array<'_>, budget: &mut Budget) -> Result<Array2<u64>> {
    let shape = array.shape.iter().copied().filter(|&extent| extent != 1).collect::<Vec<_>>();
    let &[rows, columns] = shape.as_slice() else {
        return Err(not_square(file, format!("an array of shape {shape:?}")));
    };
    if rows != columns {
        return Err(not_square(file, format!("{rows} rows and {columns} columns")));
    }
    budget.spend((array.len() as u64).saturating_mul(16)).map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
    let mut counts = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        let (row, column) = place_of(counts.len(), (rows, rows), false);
        let (count, found) = match number {
            Ok(integer) => (u64::try_from(integer).ok(), integer.to_string()),
            Err(number) => {
                let whole = number.fract() == 0.0 && (0.0..9e15).contains(&number);
                (whole.then_some(number as u64), number.to_string())
            }
        };
        counts.push(count.ok_or_else(|| ConfusionFileError::NotACount {
            file: file.to_path_buf(),
            row,
            column,
            found,
        })?);
        Ok::<_, InputError>(())
    })?;
    // As many as the shape says.
    let matrix = Array2::from_shape_vec((rows, rows), counts).ok().filter(|_| known);
    let matrix = matrix.ok_or_else(|| not_square(file, "an array of texts".to_owned()))?;
    Ok(if array.column_major { matrix.reversed_axes() } else { matrix })
}

/// Asks which way a matrix lies.
fn unsaid(file: &Path, matrix: &Array2<u64>, outer_keys: bool) -> InputError {
    let sums = |lanes: ndarray::iter::Lanes<'_, u64, ndarray::Ix1>| {
        let sums: Vec<String> = lanes.into_iter().take(5).map(|lane| lane.sum().to_string()).collect();
        sums.join(", ") + if matrix.nrows() > 5 { ", ..." } else { "" }
    };
    let what = if outer_keys { " (the outer keys; DataFrame.to_json() has the columns outside)" } else { "" };
    let (file, rows, columns) = (file.to_path_buf(), sums(matrix.rows()), sums(matrix.columns()));
    ConfusionFileError::Orientation { file, what, rows, columns }.into()
}

fn not_square(file: &Path, found: String) -> InputError {
    ConfusionFileError::NotSquare { file: file.to_path_buf(), found }.into()
}

/// The numbers of a file, row by row, and the names in front of the rows.
fn numbers<'a>(content: &'a Content, orientation: Option<Orientation>, budget: &mut Budget) -> Result<Read<'a>> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    if bytes.starts_with(npy::MAGIC) {
        return match npy::parse(file, "matrix", Cow::Borrowed(bytes))? {
            Npy::Array(array) => Ok(Read::of(array, None)),
            Npy::Pickle(..) => Err(not_square(file, "an array of objects".to_owned())),
        };
    }
    if bytes.starts_with(b"PK") && !is_torch_save(file, bytes)? {
        let arrays = arrays_of_npz(content, &Reading::default(), budget)?;
        let beside = Beside::in_arrays(file, &arrays, budget)?;
        return beside.read(file, square_among(file, arrays)?, orientation, budget);
    }
    if bytes.starts_with(b"PK") || bytes.first() == Some(&0x80) {
        return with_saved(content, budget, |saved, budget| {
            // The order of a pickled dictionary is not kept, and is needed unless rows and columns have names.
            let cross = nested::read(&saved).filter(|cross| !cross.rows.is_empty() && !cross.columns.is_empty());
            if let Some(cross) = cross {
                return cross.read(file, budget);
            }
            if let Some(array) = nested::rows(&saved) {
                return Ok(Read::of(array, None));
            }
            let beside = Beside::in_saved(file, &saved, budget)?;
            let array = square_among(file, arrays_of(file, saved, budget)?)?;
            let array = owned_numbers(array).ok_or_else(|| not_square(file, "texts".to_owned()))?;
            beside.read(file, array, orientation, budget)
        });
    }
    refuse_impostor(content)?;
    let whole = text_of(content, budget)?;
    if let Some(problem) = printed::problem(&whole) {
        return Err(not_square(file, problem.to_owned()));
    }
    let text = printed::inside(&whole);
    if !text.trim_start().starts_with(['[', '{']) {
        budget
            .spend((text.len() as u64).saturating_mul(4))
            .map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
        return table::read(file, &printed::with_corner(text), budget);
    }
    let expected = "give the rows of a confusion matrix, as in [[50, 2], [3, 45]]";
    let saved = match read_json(file, text, expected, budget) {
        Ok(saved) => saved,
        // As NumPy prints a matrix: blanks between numbers, nothing between rows; `48.` as PyTorch does, too.
        Err(error @ InputError::Json { .. }) => {
            let commas = match text.contains(',') {
                true => Cow::Borrowed(text),
                false => {
                    let words = text.split_whitespace().collect::<Vec<_>>().join(",");
                    Cow::Owned(words.replace("[,", "[").replace(",]", "]"))
                }
            };
            budget
                .spend((text.len() as u64).saturating_mul(4))
                .map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
            read_json(file, &commas.replace(".,", ",").replace(".]", "]"), expected, budget).map_err(|_| error)?
        }
        Err(error) => return Err(error),
    };
    if let Some(cross) = nested::read(&saved) {
        return cross.read(file, budget);
    }
    if let Some(array) = nested::rows(&saved) {
        return Ok(Read::of(array, None));
    }
    let beside = Beside::in_saved(file, &saved, budget)?;
    beside.read(file, square_among(file, arrays_of(file, saved, budget)?)?, orientation, budget)
}

/// The one array that is square.
fn square_among<'a>(file: &Path, arrays: Vec<Named<'a>>) -> Result<Array<'a>> {
    let is_square = |array: &Array<'_>| {
        let long: Vec<usize> = array.shape.iter().copied().filter(|&extent| extent != 1).collect();
        matches!(long.as_slice(), [rows, columns] if rows == columns)
    };
    let mut squares: Vec<Array<'a>> =
        arrays.into_iter().filter_map(|named| named.array.ok()).filter(is_square).collect();
    match squares.pop() {
        Some(only) if squares.is_empty() => Ok(only),
        Some(_) => Err(not_square(file, "several square arrays, of which one is wanted".to_owned())),
        None => Err(not_square(file, "no square array".to_owned())),
    }
}

fn owned_numbers(array: Array<'_>) -> Option<Array<'static>> {
    let mut values = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        values.push(number.map_or_else(|number| number, |integer| integer as f64));
        Ok::<_, ()>(())
    });
    (known == Ok(true)).then(|| Array { column_major: array.column_major, ..Array::decimals(array.shape, values) })
}

/// The values of a dictionary by their keys.
fn by_name<'s, 'a>(entries: &'s [(String, Saved<'a>)]) -> HashMap<&'s str, &'s Saved<'a>> {
    entries.iter().map(|(name, value)| (name.as_str(), value)).collect()
}

#[cfg(test)]
mod tests;
