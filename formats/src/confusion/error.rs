//! Errors of a confusion matrix, and doubts about it.

use std::path::PathBuf;

use thiserror::Error;

use super::orientation::Orientation;

/// Samples that a matrix may stand for: its budget holds two numbers for each.
pub(super) const MOST_SAMPLES: u64 = 4_000_000;

/// A confusion matrix that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum ConfusionFileError {
    #[error("{file}: {found}; give a confusion matrix, a row and a column for each class")]
    NotSquare { file: PathBuf, found: String },
    #[error(
        "{file}: row {row}, column {column}: {found} is not a count; give numbers of samples, not rates \
         (scikit-learn: normalize=None)"
    )]
    NotACount { file: PathBuf, row: usize, column: usize, found: String },
    #[error(
        "{file}: which way does the matrix lie? Its rows{what} add up to {rows}, its columns to {columns}; say `orientation` \
         rows-are-true if the rows are the true classes, as in scikit-learn, or columns-are-true"
    )]
    Orientation { file: PathBuf, what: &'static str, rows: String, columns: String },
    #[error(
        "{file}: `orientation` {given} is said, and the table's own words mean {said}; say that, or correct its words"
    )]
    SaysOtherwise { file: PathBuf, said: Orientation, given: Orientation },
    #[error("{file}: row {row}: its sum is given as {found}, its counts add up to another number; correct the table")]
    Sum { file: PathBuf, row: usize, found: f64 },
    #[error("{file}: the row {row} has no column of that name; give rows and columns the names of the classes")]
    Names { file: PathBuf, row: String },
    #[error(
        "{file}: the classes of the matrix are not those of `class-names`: {own} in the matrix alone{twice}, {given} in \
         `class-names` alone; correct one of them, or leave `class-names` out"
    )]
    OtherNames { file: PathBuf, own: String, given: String, twice: String },
    #[error(
        "{file}: {lists} beside the matrix may be the order of its classes, which nothing says; keep one list, in the \
         order of the rows and columns, and call it labels"
    )]
    Beside { file: PathBuf, lists: String },
    #[error(
        "{file}: a line for each pair of classes (long form), and neither of the columns {columns} says that it is the true \
         class; call them true and predicted"
    )]
    LongForm { file: PathBuf, columns: String },
    #[error(
        "{file}: row {row}, column {column}: {found} is a number of thousands, or one with a fraction; write counts as \
         digits alone"
    )]
    Grouped { file: PathBuf, row: usize, column: usize, found: String },
    #[error("{file}: {samples} samples; a matrix of 1 to {MOST_SAMPLES} is read")]
    Samples { file: PathBuf, samples: u64 },
}
