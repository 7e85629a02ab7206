//! Long-tailed data sets, models and training on libtorch, and the program `train`.
//!
//! The models analysed by `analyze` are made here: real images ([`data`]), the long-tail protocol with a checksum of
//! the chosen indices ([`data::LongTailSubset`]), residual networks, vision transformers, EfficientNet-Lite0 and a bias-free
//! ReLU network ([`model`]), readers of files of strangers ([`input`]), stochastic gradient descent with warm-up and cosine schedule ([`engine`]), the CAR loss for any training
//! loop ([`loss`]), self-describing checkpoints ([`checkpoint`]) and prediction files ([`predictions`]).

pub mod atomic;
pub mod augment;
pub mod checkpoint;
pub mod data;
pub mod device;
pub mod engine;
mod error;
pub mod evaluate;
pub mod input;
pub mod loss;
pub mod metrics;
pub mod model;
pub mod optimizer;
pub mod predictions;
mod regulariser;
pub mod resume;
mod run_folder;
pub mod schedule;
mod split_metrics;
mod tensor_file;
mod weight_ema;

pub use error::TrainingError;

/// The commit this code was built from, or `unknown` outside a checkout.
pub const COMMIT: &str = match option_env!("CAR_SPECTRAL_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};
