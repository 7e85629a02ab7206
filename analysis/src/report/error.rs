//! What can go wrong while a report is checked and written.

use car_spectral_formats::FileError;
use thiserror::Error;

use crate::draw::DrawError;

/// A report that cannot be written. Every variant names the field or the path, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A directory or file that cannot be written; what was there before is there still.
    #[error(transparent)]
    File(#[from] FileError),
    /// A number that JSON cannot hold.
    #[error("{field} is {value}; a report holds finite numbers, and null where there is none")]
    NotFinite {
        /// Path of the field, for example `models[0].test.margins[1].nu`.
        field: String,
        /// The value.
        value: f64,
    },
    /// A vector of the wrong length.
    #[error("{field} has {got} entries; {expected} are needed")]
    Length {
        /// Path of the field.
        field: String,
        /// The length it must have.
        expected: usize,
        /// The length it has.
        got: usize,
    },
    /// A class index that is not below K.
    #[error("{field} is class {index}, but there are {num_classes} classes")]
    ClassOutOfRange {
        /// Path of the field.
        field: String,
        /// The index.
        index: usize,
        /// K.
        num_classes: usize,
    },
    /// A value that contradicts the schema.
    #[error("{field}: {problem}")]
    Invalid {
        /// Path of the field.
        field: String,
        /// What is wrong.
        problem: String,
    },
    /// JSON that cannot be written or read.
    #[error("report.json: {0}")]
    Json(#[from] serde_json::Error),
    /// A template that cannot be filled in.
    #[error("report.html: {0}")]
    Template(#[from] minijinja::Error),
    /// A table that cannot be written.
    #[error("a table as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A plot that cannot be drawn.
    #[error(transparent)]
    Plot(#[from] DrawError),
}
