//! What can be wrong with a confusion matrix, or has to be said of it.

use std::path::PathBuf;

use thiserror::Error;

use super::orientation::Orientation;

/// Samples that a matrix may stand for: its budget holds two numbers for each.
pub(super) const MOST_SAMPLES: u64 = 4_000_000;

/// A confusion matrix that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfusionFileError {
    /// Not a table with as many rows as columns.
    #[error("{file}: {found}; give a confusion matrix, a row and a column for each class")]
    NotSquare {
        /// The file.
        file: PathBuf,
        /// What is there.
        found: String,
    },
    /// An entry that is no count.
    #[error(
        "{file}: row {row}, column {column}: {found} is not a count; give numbers of samples, not rates \
         (scikit-learn: normalize=None)"
    )]
    NotACount {
        /// The file.
        file: PathBuf,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        column: usize,
        /// What is there.
        found: String,
    },
    /// A matrix that may lie either way.
    #[error(
        "{file}: which way does the matrix lie? Its rows add up to {rows}, its columns to {columns}; say `orientation` \
         rows-are-true if the rows are the true classes, as in scikit-learn, or columns-are-true"
    )]
    Orientation {
        /// The file.
        file: PathBuf,
        /// Sums of the first rows.
        rows: String,
        /// Sums of the first columns.
        columns: String,
    },
    /// A table that says that it lies the other way.
    #[error(
        "{file}: `orientation` {given} is said, and the table's own words mean {said}; say that, or correct its words"
    )]
    SaysOtherwise {
        /// The file.
        file: PathBuf,
        /// By the words of the table.
        said: Orientation,
        /// By the setting.
        given: Orientation,
    },
    /// A sum beside the counts that is another.
    #[error("{file}: row {row}: its sum is given as {found}, its counts add up to another number; correct the table")]
    Sum {
        /// The file.
        file: PathBuf,
        /// Row, from 0.
        row: usize,
        /// The sum that is there.
        found: f64,
    },
    /// Rows and columns that are called differently.
    #[error("{file}: the row {row} has no column of that name; give rows and columns the names of the classes")]
    Names {
        /// The file.
        file: PathBuf,
        /// Name of the row, quoted.
        row: String,
    },
    /// No sample, or too many.
    #[error("{file}: {samples} samples; a matrix of 1 to {MOST_SAMPLES} is read")]
    Samples {
        /// The file.
        file: PathBuf,
        /// The sum of all entries.
        samples: u64,
    },
}
