//! Reasons why a norm or a singular value decomposition cannot be given.

use thiserror::Error;

/// A matrix whose norm cannot be computed. Every variant says where and what to do.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum NormError {
    /// A matrix without rows or without columns.
    #[error("a {rows} x {columns} matrix has no singular values; give at least one row and one column")]
    Empty { rows: usize, columns: usize },
    /// An infinite or NaN entry.
    #[error("entry ({row}, {column}) is {value}; norms need finite entries")]
    NonFinite { row: usize, column: usize, value: f64 },
    /// The decomposition did not settle.
    #[error(
        "the singular value decomposition of a {rows} x {columns} matrix did not converge ({reason}); \
         for a confusion matrix use norms::spectral_norm, which always ends with an interval"
    )]
    NotConverged { rows: usize, columns: usize, reason: String },
    /// The norm itself is larger than the largest f64.
    #[error("the norm exceeds the largest f64 (1.8e308); divide the matrix by a constant first")]
    Overflow,
}
