//! What can be wrong with scores, labels, counts, weights and matrices.

use thiserror::Error;

/// An input from which no confusion matrix can be built. Every variant names the place and what to do.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfusionError {
    /// Fewer than two classes.
    #[error("a confusion matrix needs at least 2 classes, got {num_classes}")]
    TooFewClasses {
        /// The number of classes given.
        num_classes: usize,
    },
    /// A matrix that is not square.
    #[error("a confusion matrix is square (predicted x true); got {rows} x {columns}")]
    NotSquare {
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
    },
    /// An entry outside the matrix.
    #[error("entry ({row}, {column}) lies outside a matrix of {num_classes} classes")]
    EntryOutOfRange {
        /// Row (predicted class) of the entry.
        row: usize,
        /// Column (true class) of the entry.
        column: usize,
        /// Number of classes of the matrix.
        num_classes: usize,
    },
    /// A negative, infinite or NaN entry.
    #[error("entry ({row}, {column}) is {value}; entries of a confusion matrix are finite and not negative")]
    InvalidEntry {
        /// Row (predicted class) of the entry.
        row: usize,
        /// Column (true class) of the entry.
        column: usize,
        /// The offending value.
        value: f64,
    },
}
