//! Why a norm or a singular value decomposition cannot be given.

use thiserror::Error;

/// A matrix whose norm cannot be computed. Every variant says where and what to do.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum NormError {
    /// A matrix without rows or without columns.
    #[error("a {rows} x {columns} matrix has no singular values; give at least one row and one column")]
    Empty {
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
    },
    /// An infinite or NaN entry.
    #[error("entry ({row}, {column}) is {value}; norms need finite entries")]
    NonFinite {
        /// Row of the entry.
        row: usize,
        /// Column of the entry.
        column: usize,
        /// The offending value.
        value: f64,
    },
    /// The decomposition did not settle.
    #[error(
        "the singular value decomposition of a {rows} x {columns} matrix did not converge ({reason}); \
         for a confusion matrix use norms::spectral_norm, which always ends with an interval"
    )]
    NotConverged {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
        /// What the solver said.
        reason: String,
    },
    /// The norm itself is larger than the largest f64.
    #[error("the norm exceeds the largest f64 (1.8e308); divide the matrix by a constant first")]
    Overflow,
}
