//! Augmentation of training images: one step a file, and the chains they make.
//!
//! | file | holds |
//! | --- | --- |
//! | `step` | what a step is |
//! | `chain` | steps one after the other, and the customary ones |
//! | `views` | the chains of a run's views |
//! | `padded_crop`, `flip`, `random_resized_crop`, `cutout`, `contrastive_colours` | random steps for training |
//! | `policy` | AutoAugment and RandAugment |
//! | `resize`, `centre_crop` | steps without chance |
//! | `colour`, `geometry`, `gaussian_blur` | operations that steps are made of, equal to Pillow's |

mod centre_crop;
mod chain;
mod colour;
mod contrastive_colours;
mod cutout;
mod flip;
mod gaussian_blur;
mod geometry;
mod padded_crop;
#[cfg(test)]
mod pillow_tests;
mod policy;
mod random_resized_crop;
mod resize;
mod step;
mod views;

pub use centre_crop::CentreCrop;
pub use chain::Chain;
pub use contrastive_colours::ContrastiveColours;
pub use cutout::Cutout;
pub use flip::HorizontalFlip;
pub use padded_crop::PaddedCrop;
pub use policy::{AutoAugment, Operation};
pub use random_resized_crop::RandomResizedCrop;
pub use resize::{Resize, resized_plane};
pub use step::Augmentation;
pub use views::contrastive_chain;

use crate::Pixels;

/// What fills the places of an image that an operation leaves empty.
const GREY: u8 = 128;
