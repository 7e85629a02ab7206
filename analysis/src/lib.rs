//! The way from a trained classifier to the verdict on its worst class: loading and running models
//! (`load`), the analysis ([`verify`]), one against another ([`compare`]), both together
//! ([`whole`]), what it finds ([`results`]) and what it leaves behind ([`report`]); what predicts
//! the worst classes over many runs is in `correlation`. The [`programs`] are made of them.

#![forbid(unsafe_code)]

pub mod compare;
mod correlation;
mod draw;
mod error;
mod load;
pub mod programs;
pub mod report;
pub mod results;
mod source;
mod spreadsheet;
mod subject;
pub mod verify;
mod warnings;
pub mod whole;
mod words;

pub use car_spectral_data::with_names;
pub use error::AnalysisError;
pub use load::{Known, scored};
pub use subject::Subject;
pub use words::counted;

/// The result of what may fail with an [`AnalysisError`], or another error.
pub type Result<T, E = AnalysisError> = std::result::Result<T, E>;
