//! Augmentation of training images: one step a file, and the chains they make.
//!
//! | file | holds |
//! | --- | --- |
//! | `pixels` | an image of bytes |
//! | `chain` | what a step is, and steps one after the other |
//! | `padded_crop`, `flip`, `random_resized_crop` | random steps for training |
//! | `resize`, `centre_crop` | steps without chance |

mod centre_crop;
mod chain;
mod flip;
mod padded_crop;
mod pixels;
mod random_resized_crop;
mod resize;

pub use centre_crop::CentreCrop;
pub use chain::{Augmentation, Chain};
pub use flip::HorizontalFlip;
pub use padded_crop::PaddedCrop;
pub use pixels::Pixels;
pub use random_resized_crop::RandomResizedCrop;
pub use resize::Resize;
