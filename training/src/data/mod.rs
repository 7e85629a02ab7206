//! Data sets in the formats their authors publish, the part of one that is trained on, the order in which its images come, and the
//! normalisation of pixels.

mod cifar;
mod class_name;
mod decode;
mod idx;
mod image_folder;
mod images;
mod list;
mod normalisation;
mod order;
mod parts;
mod source;
mod subset;
mod validation;

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub use class_name::{ClassNameError, LONGEST_CLASS_NAME, check_class_name, is_unprintable};
pub use images::Images;
pub use normalisation::Normalisation;
pub use order::{Order, Sampler};
pub use parts::Parts;
pub use source::{DataKind, DataSource};
pub use subset::{LongTail, Subset};
pub use validation::Validation;

use crate::TrainingError;

/// The images of one split with their labels.
#[derive(Debug)]
pub struct Split {
    /// The images, N.
    pub images: Images,
    /// Labels `[N]`, each below the number of classes.
    pub labels: Vec<usize>,
    /// SHA-256 of the files' bytes (after gunzip), in reading order, in hexadecimal; of a split of image files that of its list, or
    /// of their names and sizes.
    pub sha256: String,
}

/// Training and test images of a data set.
#[derive(Debug)]
pub struct DataSet {
    /// Which data set.
    pub kind: DataKind,
    /// The split that subsets are drawn from.
    pub train: Arc<Split>,
    /// The test split.
    pub test: Arc<Split>,
    /// One name a class.
    pub class_names: Vec<String>,
}

impl DataSet {
    /// Number of classes K.
    pub fn num_classes(&self) -> usize {
        self.class_names.len()
    }

    /// Image shape C, H, W of what a network is given: images of `size` x `size`, or as they are stored.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`] for files without a size, which have none of their own, and for a size out of range.
    pub fn image_shape(&self, size: Option<usize>) -> Result<[usize; 3], TrainingError> {
        let in_range = |size: usize| match size {
            1..=4096 => Ok(size),
            _ => Err(TrainingError::setting("--image-size", size, "1 to 4096 pixels")),
        };
        match (&self.train.images, size) {
            (Images::InMemory { shape, .. }, None) => Ok(*shape),
            (Images::InMemory { shape: [channels, ..], .. }, Some(size)) => {
                let size = in_range(size)?;
                Ok([*channels, size, size])
            }
            (Images::Files { .. }, Some(size)) => {
                let size = in_range(size)?;
                Ok([3, size, size])
            }
            (Images::Files { .. }, None) => {
                Err(TrainingError::setting("--image-size", "none", "image files have many sizes; give one"))
            }
        }
    }
}

fn sha256(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, TrainingError> {
    std::fs::read(path).map_err(TrainingError::io(path))
}
