//! Settings and results of a training run as plain data: settings, experiment files, the
//! description in a checkpoint, the log, the folder. Nothing here knows a tensor.

#![forbid(unsafe_code)]

pub mod description;
mod error;
pub mod experiment;
pub mod folder;
pub mod log;
pub mod settings;
pub mod signals;
mod split_metrics;
pub mod terminal;

pub use description::{Description, Run};
pub use error::RunError;
pub use split_metrics::{SplitEvaluation, SplitMetrics, SplitSums};

/// The commit this code was built from, or `unknown` outside a checkout.
pub const COMMIT: &str = match option_env!("CAR_SPECTRAL_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
