//! What can go wrong while a report is checked and written.

use std::path::PathBuf;

use thiserror::Error;

use crate::draw::DrawError;

/// A report that cannot be written. Every variant names the field or the path, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum ReportError {
    /// A directory or file that cannot be written.
    #[error("cannot {action} {}: {source}; nothing was left half-written", path.display())]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    /// The output path exists and is not a directory.
    #[error("{} exists and is not a directory; give another folder", path.display())]
    NotADirectory { path: PathBuf },
    /// A number that JSON cannot hold.
    #[error("{field} is {value}; a report holds finite numbers, and null where there is none")]
    NotFinite { field: String, value: f64 },
    /// A vector of the wrong length.
    #[error("{field} has {got} entries; {expected} are needed")]
    Length { field: String, expected: usize, got: usize },
    /// A class index that is not below K.
    #[error("{field} is class {index}, but there are {num_classes} classes")]
    ClassOutOfRange { field: String, index: usize, num_classes: usize },
    /// A value that contradicts the schema.
    #[error("{field}: {problem}")]
    Invalid { field: String, problem: String },
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
