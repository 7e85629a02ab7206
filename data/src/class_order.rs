//! The order of an image folder's classes.

use car_spectral_formats::natural_order;
use strum::{Display, EnumString};

/// The order of the classes' folders, which gives the classes their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown)]
pub enum ClassOrder {
    /// Sorts by the bytes of their names, as torchvision's `ImageFolder` does: 0, 1, 10, 2.
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

fn unknown(_: &str) -> String {
    "text (0, 1, 10, 2) or natural (0, 1, 2, 10)".to_owned()
}
