//! A data set in memory, or the list of its files.

use std::sync::Arc;

use crate::{DataError, DataKind, Images};

/// The images of one split with their labels.
#[derive(Debug)]
pub struct Split {
    /// The images, N.
    pub images: Images,
    /// Labels `[N]`, each below the number of classes.
    pub labels: Vec<usize>,
    /// SHA-256 of the files' bytes (after gunzip), in reading order, in hexadecimal; of a split of
    /// image files that of its list, or of their names and sizes.
    pub sha256: String,
}

/// Training and test images of a data set.
#[derive(Debug)]
pub struct DataSet {
    /// Kind of the data set.
    pub kind: DataKind,
    /// The split that subsets are drawn from.
    pub train: Arc<Split>,
    /// The test split.
    pub test: Arc<Split>,
    /// Names of the classes, one a class.
    pub class_names: Vec<String>,
    /// Readings of the folder, what was taken for what and what was passed over: sentences without
    /// a full stop.
    pub notes: Vec<String>,
}

impl Split {
    /// The split of a data set whose training images are not there.
    pub(crate) fn absent(like: &Self) -> Self {
        let images = match &like.images {
            Images::InMemory { shape, .. } => Images::InMemory { shape: *shape, bytes: Vec::new() },
            Images::Files { .. } => Images::Files { paths: Vec::new(), bytes: 0 },
        };
        Self { images, labels: Vec::new(), sha256: crate::sha256(&[]) }
    }
}

impl DataSet {
    /// Number of classes K.
    pub fn num_classes(&self) -> usize {
        self.class_names.len()
    }

    /// Image shape C, H, W of what a network is given: images of `size` x `size`, or as they are
    /// stored.
    ///
    /// # Errors
    /// [`DataError::Setting`] for files without a size, which have none of their own, and for a
    /// size out of range.
    pub fn image_shape(&self, size: Option<usize>) -> Result<[usize; 3], DataError> {
        let in_range = |size: usize| match size {
            1..=4096 => Ok(size),
            _ => Err(DataError::setting("image-size", size, "1 to 4096 pixels")),
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
                Err(DataError::setting("image-size", "none", "image files have many sizes; give one"))
            }
        }
    }
}
