//! Data sets in the formats their authors publish, the long-tailed subset, and the normalisation of pixels.

mod cifar;
mod class_name;
mod idx;
mod normalisation;
mod subset;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::Tensor;

pub use class_name::{ClassNameError, LONGEST_CLASS_NAME, check_class_name, is_unprintable};
pub use normalisation::Normalisation;
pub use subset::{LongTail, LongTailSubset};

use crate::TrainingError;

/// The data sets that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataKind {
    /// CIFAR-100, binary version.
    Cifar100,
    /// CIFAR-10, binary version.
    Cifar10,
    /// Fashion-MNIST, IDX files, gzipped or not.
    FashionMnist,
}

impl DataKind {
    /// The names used on the command line.
    pub const NAMES: [&'static str; 3] = ["cifar100", "cifar10", "fashion-mnist"];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cifar100 => "cifar100",
            Self::Cifar10 => "cifar10",
            Self::FashionMnist => "fashion-mnist",
        }
    }

    /// Number of classes K.
    pub fn num_classes(self) -> usize {
        match self {
            Self::Cifar100 => 100,
            Self::Cifar10 | Self::FashionMnist => 10,
        }
    }
}

/// A data set and the folder that holds it, written `KIND:DIR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// Which data set.
    pub kind: DataKind,
    /// Folder of its files.
    pub folder: PathBuf,
}

impl FromStr for DataSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, folder) =
            text.split_once(':').ok_or("expected KIND:DIR, for example cifar100:data/cifar-100-binary")?;
        let kind = match kind {
            "cifar100" => DataKind::Cifar100,
            "cifar10" => DataKind::Cifar10,
            "fashion-mnist" => DataKind::FashionMnist,
            _ => return Err(format!("unknown data set `{kind}`; one of {}", DataKind::NAMES.join(", "))),
        };
        if folder.is_empty() {
            return Err("the folder after the colon is empty".to_owned());
        }
        Ok(Self { kind, folder: folder.into() })
    }
}

/// Images of one split, all of one size, with their labels.
#[derive(Debug)]
pub struct Split {
    /// Bytes [N, C, H, W] on the CPU.
    pub images: Tensor,
    /// Labels `[N]`, each below the number of classes.
    pub labels: Vec<usize>,
    /// SHA-256 of the files' bytes (after gunzip), in reading order, in hexadecimal.
    pub sha256: String,
}

/// Training and test images of a data set.
#[derive(Debug)]
pub struct DataSet {
    /// Which data set.
    pub kind: DataKind,
    /// The split the long-tailed subset is drawn from.
    pub train: Split,
    /// The balanced test split.
    pub test: Split,
    /// One name a class.
    pub class_names: Vec<String>,
}

impl DataSet {
    /// Reads both splits.
    ///
    /// # Errors
    /// [`TrainingError::MissingFile`] with a hint where the data set is had, [`TrainingError::Malformed`] for a file
    /// that is cut short, has a wrong header or a label out of range, [`TrainingError::Io`].
    pub fn load(source: &DataSource) -> Result<Self, TrainingError> {
        match source.kind {
            DataKind::FashionMnist => idx::load_fashion_mnist(&source.folder),
            DataKind::Cifar100 => cifar::load(&source.folder, cifar::Version::Cifar100),
            DataKind::Cifar10 => cifar::load(&source.folder, cifar::Version::Cifar10),
        }
    }

    /// Number of classes K.
    pub fn num_classes(&self) -> usize {
        self.class_names.len()
    }

    /// Image shape C, H, W.
    pub fn image_shape(&self) -> [usize; 3] {
        let size = self.train.images.size();
        [size[1] as usize, size[2] as usize, size[3] as usize]
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
