//! Long-tailed data sets, models and training on libtorch, and the program `train`.
//!
//! The models analysed by `analyze` are made here: real images ([`data`]), the long-tail protocol with a checksum of
//! the chosen indices ([`data::Parts`]), batches decoded and augmented ahead of time ([`loader`], [`augment`]), residual networks,
//! vision transformers, EfficientNet-Lite0 and a bias-free ReLU network ([`model`]), readers of files of strangers ([`input`]),
//! what is minimised ([`objective`]), stochastic gradient descent with warm-up and cosine schedule ([`engine`]), the losses for
//! any training loop, CAR among them ([`loss`]), self-describing checkpoints ([`checkpoint`]) and prediction files
//! ([`predictions`]).

pub mod atomic;
pub mod augment;
pub mod car_schedule;
pub mod checkpoint;
pub mod console;
pub mod contrastive;
pub mod data;
pub mod device;
pub mod engine;
mod error;
pub mod evaluate;
pub mod experiment;
mod feed;
pub mod input;
mod learner;
pub mod loader;
pub mod loss;
pub mod memory;
pub mod metrics;
pub mod model;
pub mod objective;
pub mod optimizer;
pub mod predictions;
pub mod random;
mod regulariser;
pub mod resume;
mod run_evaluation;
mod run_folder;
pub mod schedule;
pub mod selection;
mod split_metrics;
mod tensor_file;
mod weight_ema;

pub use error::TrainingError;

/// The commit this code was built from, or `unknown` outside a checkout.
pub const COMMIT: &str = match option_env!("CAR_SPECTRAL_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
