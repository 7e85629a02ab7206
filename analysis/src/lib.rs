//! From a trained classifier to the verdict on its worst class: loading and running models (`load`), the analysis
//! ([`verify`]), one against another ([`compare`]), both together ([`whole`]), and what it leaves behind ([`report`]);
//! the program `analyze` is made of them. The program `count` is [`count::main`], `experiments` is
//! [`experiments::run`]; what predicts the worst classes over many runs is in `correlation`.

pub mod compare;
mod correlation;
pub mod count;
mod draw;
mod error;
pub mod experiments;
mod load;
pub mod program;
pub mod report;
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

/// What may fail with an [`AnalysisError`], or another error.
pub type Result<T, E = AnalysisError> = std::result::Result<T, E>;
