//! Weights that are run on images: ONNX networks by an engine in Rust, everything else by libtorch.

#[cfg(feature = "torch")]
mod checkpoints;
mod files;
#[cfg(feature = "torch")]
mod foreign;
mod logs;
#[cfg(feature = "torch")]
mod network;
#[cfg(feature = "onnx")]
mod onnx;
mod preprocessing;
mod relu_network;
mod run;
mod scored;
#[cfg(feature = "torch")]
mod script;
mod stated;
mod training_images;

pub(super) use run::load;
