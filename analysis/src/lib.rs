//! From a trained classifier to the verdict on its worst class: loading and running models ([`load`]), the analysis
//! ([`verify`]), one against another ([`compare`]), both together ([`whole`]), and what it leaves behind
//! ([`report`]); the program `analyze` is
//! made of them. The program `count` is [`count::main`], `experiments` is [`experiments::run`]; what predicts the worst
//! classes over many runs is [`correlation`].

pub mod compare;
pub mod correlation;
pub mod count;
pub mod draw;
mod error;
pub mod experiments;
pub mod load;
pub mod program;
pub mod report;
mod spreadsheet;
pub mod subject;
pub mod verify;
mod warnings;
pub mod whole;
mod words;

pub use car_spectral_data::with_names;
pub use error::AnalysisError;
pub use words::counted;
