//! Kinds of data sets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The data sets that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum DataKind {
    /// CIFAR-100, binary version.
    Cifar100,
    /// CIFAR-10, binary version.
    Cifar10,
    /// Fashion-MNIST, IDX files, gzipped or not.
    FashionMnist,
    /// Image files in a folder a class.
    ImageFolder,
    /// Image files named in lists `path label`.
    List,
}

impl DataKind {
    /// List of all kinds.
    pub const ALL: [Self; 5] = [Self::Cifar100, Self::Cifar10, Self::FashionMnist, Self::ImageFolder, Self::List];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Number of classes K, where it is known before the files are.
    pub fn num_classes(self) -> Option<usize> {
        match self {
            Self::Cifar100 => Some(100),
            Self::Cifar10 | Self::FashionMnist => Some(10),
            Self::ImageFolder | Self::List => None,
        }
    }

    /// Tells whether each image is a file of its own, of any size; such sets are as long-tailed as
    /// they are.
    pub fn is_files(self) -> bool {
        matches!(self, Self::ImageFolder | Self::List)
    }
}
