//! The output of `analyze`: `report.json`, `report.html`, `per_class.csv`, `comparison.csv`,
//! `comparison.md`, `comparison.tex`, the plots, and a table on stdout.
//!
//! All of it is made from [`crate::results`]: [`write()`] checks them and writes the files,
//! [`summary_table`] makes the table.

mod check;
mod comparison_files;
mod comparison_sentence;
mod error;
mod family;
mod finite;
mod format;
mod guarantees;
mod headline;
mod left_out;
mod merged;
mod model;
mod own_files;
mod page;
mod per_class;
pub mod plots;
#[cfg(test)]
pub(crate) mod sample;
mod summary;
mod tables;
#[cfg(test)]
mod tests;
mod verdicts;
mod write;

pub use check::check;
pub use error::ReportError;
pub use format::{FormatError, FormatSet};
pub use headline::headline;
pub use summary::summary_table;
pub use write::{check_directory, write};
