//! Data sets in the formats their authors publish, the part of one that is trained on, augmentation, and batches of
//! bytes ahead of time. Nothing here knows a tensor.
//!
//! ```text
//! source -> data set (splits of images and labels) -> parts (long-tailed subset, validation)
//!        -> order of an epoch -> loader (decode, augment, stack) -> batches
//! ```

#![forbid(unsafe_code)]

mod annotations;
pub mod augment;
mod cifar;
mod class_order;
mod data_set;
mod decode;
mod error;
mod idx;
mod image_folder;
mod images;
mod jpeg;
mod kind;
mod layout;
mod list;
pub mod loader;
mod normalisation;
mod order;
mod parts;
mod pixels;
pub mod random;
mod setting_error;
mod source;
mod subset;
mod validation;

use std::path::Path;

use sha2::{Digest, Sha256};

pub use class_order::ClassOrder;
pub use data_set::{DataSet, Split};
pub use error::DataError;
pub use images::Images;
pub use kind::DataKind;
pub use layout::Layout;
pub use normalisation::Normalisation;
pub use order::{Order, Sampler};
pub use parts::Parts;
pub use pixels::Pixels;
pub use setting_error::{SettingError, with_flags};
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
