//! Which class of an image folder is class 0.

use std::fmt;
use std::str::FromStr;

use car_spectral_formats::natural_order;

/// The order of the classes' folders, which gives the classes their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassOrder {
    /// By the bytes of their names, as torchvision's `ImageFolder` sorts them: 0, 1, 10, 2.
    Text,
    /// Numbers in names by their value: 0, 1, 2, 10.
    Natural,
}

impl ClassOrder {
    /// Sorts names of classes.
    pub fn sort(self, names: &mut [String]) {
        match self {
            Self::Text => names.sort(),
            Self::Natural => names.sort_by(|a, b| natural_order(a, b)),
        }
    }
}

impl fmt::Display for ClassOrder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text => "text",
            Self::Natural => "natural",
        })
    }
}

impl FromStr for ClassOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Text, Self::Natural]
            .into_iter()
            .find(|order| order.to_string() == text)
            .ok_or_else(|| "text (0, 1, 10, 2) or natural (0, 1, 2, 10)".to_owned())
    }
}
