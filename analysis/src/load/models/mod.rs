//! Weights that are run on images: ONNX networks by an engine in Rust, everything else by libtorch.

#[cfg(feature = "torch")]
mod checkpoints;
mod files;
mod logs;
#[cfg(feature = "torch")]
mod network;
#[cfg(feature = "onnx")]
mod onnx;
mod preprocessing;
mod relu_network;
mod run;
mod scored;
mod training_images;

pub(super) use run::load;
