//! From a trained classifier to the verdict on its worst class: loading and running models
//! ([`load`]), the analysis ([`verify`]) and what it leaves behind ([`report`]). The program `analyze` is [`run`].

pub mod arguments;
mod error;
pub mod load;
pub mod report;
mod run;
pub mod subject;
pub mod verify;

pub use error::AnalysisError;
pub use run::run;
