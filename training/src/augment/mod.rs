//! Augmentation of training images.
//!
//! | file | holds |
//! | --- | --- |
//! | `pixels` | an image of bytes |
//! | `crop_and_flip` | random crop and flip of a batch |
//! | `colour`, `geometry` | operations, equal to Pillow's |
//! | `policy` | AutoAugment and RandAugment |
//! | `cutout`, `resized_crop`, `gaussian_blur` | what their names say |
//! | `contrastive_view` | the view that contrastive learning compares |
//! | `cut_mix` | CutMix of two batches |

mod colour;
mod contrastive_view;
mod crop_and_flip;
mod cut_mix;
mod cutout;
mod gaussian_blur;
mod geometry;
#[cfg(test)]
mod pillow_tests;
mod pixels;
mod policy;
mod resized_crop;

pub use contrastive_view::ContrastiveView;
pub use crop_and_flip::CropAndFlip;
pub use cut_mix::{CutMix, Mix, Rectangle};
pub use cutout::Cutout;
pub use gaussian_blur::gaussian_blur;
pub use pixels::Pixels;
pub use policy::{AutoAugment, Operation, RandAugment};
pub use resized_crop::random_resized_crop;

/// What fills the places of an image that an operation leaves empty.
const GREY: u8 = 128;
