//! Errors of checking and writing a report.

use car_spectral_formats::FileError;
use thiserror::Error;

use crate::draw::DrawError;

/// A report that cannot be written. Every variant names the field or the path, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum ReportError {
    /// A directory or file that cannot be written; what was there before is there still.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{field} is {value}; a report holds finite numbers, and null where there is none")]
    NotFinite { field: String, value: f64 },
    #[error("{field} has {got} entries; {expected} are needed")]
    Length { field: String, expected: usize, got: usize },
    #[error("{field} is class {index}, but there are {num_classes} classes")]
    ClassOutOfRange { field: String, index: usize, num_classes: usize },
    #[error("{field}: {problem}")]
    Invalid { field: String, problem: String },
    #[error("report.json: {0}")]
    Json(#[from] serde_json::Error),
    #[error("report.html: {0}")]
    Template(#[from] minijinja::Error),
    #[error("a table as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A plot that cannot be drawn.
    #[error(transparent)]
    Plot(#[from] DrawError),
}
