//! Augmentation of training images.

mod crop_and_flip;
mod pixels;

pub use crop_and_flip::CropAndFlip;
pub use pixels::Pixels;
