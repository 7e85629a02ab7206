//! Augmentation of training images: one step a file, and the chains they make.
//!
//! | file | holds |
//! | --- | --- |
//! | `step` | what a step is |
//! | `chain` | steps one after the other, and the customary ones |
//! | `recipe` | the augmentation of a run by its name |
//! | `padded_crop`, `flip`, `random_resized_crop`, `cutout`, `contrastive_colours` | random steps for training |
//! | `policy` | AutoAugment and RandAugment |
//! | `resize`, `centre_crop` | steps without chance |
//! | `colour`, `geometry`, `gaussian_blur` | operations that steps are made of, equal to Pillow's |
//! | `cut_mix` | CutMix, of two batches |

mod centre_crop;
mod chain;
mod colour;
mod contrastive_colours;
mod cut_mix;
mod cutout;
mod flip;
mod gaussian_blur;
mod geometry;
mod padded_crop;
#[cfg(test)]
mod pillow_tests;
mod policy;
mod random_resized_crop;
mod recipe;
mod resize;
mod step;

pub use centre_crop::CentreCrop;
pub use chain::Chain;
pub use contrastive_colours::ContrastiveColours;
pub use cut_mix::{CutMix, Rectangle};
pub use cutout::Cutout;
pub use flip::HorizontalFlip;
pub use padded_crop::PaddedCrop;
pub use policy::{AutoAugment, Operation, RandAugment};
pub use random_resized_crop::RandomResizedCrop;
pub use recipe::{AugmentationOptions, Policy, contrastive_chain};
pub use resize::{Resize, resized_plane};
pub use step::Augmentation;

use crate::Pixels;

/// What fills the places of an image that an operation leaves empty.
const GREY: u8 = 128;
