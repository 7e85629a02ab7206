//! Data sets in the formats their authors publish, the part of one that is trained on, augmentation, and batches of
//! bytes ahead of time. Nothing here knows a tensor. What touches pixels (`decode`, `augment`, `loader`) is behind
//! feature `pixels`: counting the images of each class needs none of it.
//!
//! ```text
//! source -> data set (splits of images and labels) -> parts (long-tailed subset, validation)
//!        -> order of an epoch -> loader (decode, augment, stack) -> batches
//! ```

#![forbid(unsafe_code)]

mod annotations;
#[cfg(feature = "pixels")]
pub mod augment;
mod cifar;
mod class_order;
mod cut_mix;
mod data_set;
#[cfg(feature = "pixels")]
mod decode;
mod error;
mod idx;
mod image_folder;
mod images;
#[cfg(feature = "pixels")]
mod jpeg;
mod kind;
mod layout;
mod list;
#[cfg(feature = "pixels")]
pub mod loader;
mod normalisation;
mod order;
mod parts;
#[cfg(feature = "pixels")]
mod pixels;
pub mod random;
mod recipe;
mod setting_error;
mod sizes;
mod source;
mod subset;
mod validation;

use std::path::Path;

use sha2::{Digest, Sha256};

pub use class_order::ClassOrder;
pub use cut_mix::{CutMix, Rectangle};
pub use data_set::{DataSet, Split};
pub use error::DataError;
pub use images::Images;
pub use kind::DataKind;
pub use layout::Layout;
pub use normalisation::Normalisation;
pub use order::{Order, Sampler};
pub use parts::Parts;
#[cfg(feature = "pixels")]
pub use pixels::Pixels;
pub use recipe::{AugmentationOptions, Policy, RandAugment};
pub use setting_error::{SettingError, message_with_flags, with_flags, with_names};
pub use sizes::check_sizes;
pub use source::DataSource;
pub use subset::{LongTail, Subset};
pub use validation::Validation;

fn sha256(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, DataError> {
    std::fs::read(path).map_err(DataError::io(path))
}
