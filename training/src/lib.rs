//! Networks, losses and training on libtorch, and the program `train`.
//!
//! | module | holds |
//! | --- | --- |
//! | [`loss`] | losses for any training loop, CAR ([`loss::CarLoss`]) among them |
//! | [`run`] | the training loop of `train`: batches, objective, optimizer, evaluation, results |
//! | [`model`] | residual networks, vision transformers, EfficientNet-Lite0, a bias-free ReLU network |
//! | [`checkpoint`] | self-describing checkpoints |
//! | [`evaluate`] | logits of a network on a set of images |
//! | [`features`] | what a network makes of both splits up to its last layer, computed once |
//! | [`batch`] | batches of bytes as tensors |
//! | [`device`], [`memory`] | what libtorch and the C allocator are told |
//!
//! Data sets, augmentation and the loader are in `car_spectral_data`, settings, logs and
//! descriptions in `car_spectral_runs`, readers of files in `car_spectral_formats`.

pub mod batch;
pub mod checkpoint;
pub mod device;
#[cfg(test)]
mod drawn;
mod error;
pub mod evaluate;
pub mod features;
pub mod loss;
pub mod memory;
mod mixing;
pub mod model;
pub mod run;
mod tensor_file;

pub use error::TrainingError;

/// The result of what may fail with a [`TrainingError`], or another error.
pub type Result<T, E = TrainingError> = std::result::Result<T, E>;
