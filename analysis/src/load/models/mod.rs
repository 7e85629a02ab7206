//! Weights that are run on images, on libtorch.

mod checkpoints;
mod logs;
mod network;
mod preprocessing;

pub(super) use checkpoints::load;
