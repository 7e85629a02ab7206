//! Weights that are run on images, on libtorch.

mod checkpoints;
mod foreign;
mod logs;
mod network;
mod preprocessing;
mod script;

pub(super) use checkpoints::load;
