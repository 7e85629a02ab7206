//! The augmentation of a run's training images by its name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::DataError;

/// Augmentation of the view to classify.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AugmentationOptions {
    /// The policy, which comes first.
    #[serde(flatten)]
    pub policy: Policy,
    /// Side in pixels of a square made grey at the end (Cutout).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<usize>,
}

/// The changes that an image goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Policy {
    /// Nothing: the image as for evaluation.
    #[default]
    None,
    /// Random crop and flip.
    CropFlip,
    /// Crop, flip and AutoAugment.
    AutoAugment,
    /// Crop, flip and RandAugment.
    RandAugment(RandAugment),
}

/// RandAugment (Cubuk et al., NeurIPS 2020): so many operations, drawn with replacement from 14,
/// all of one magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RandAugment {
    /// N: operations an image.
    pub operations: usize,
    /// M in [0, 10]: ten times the strength of the operations.
    pub magnitude: f64,
}

impl RandAugment {
    /// Checks the magnitude.
    pub fn check(&self) -> Result<(), DataError> {
        if !(0.0..=10.0).contains(&self.magnitude) {
            return Err(DataError::setting("augment-magnitude", self.magnitude, "from 0 to 10"));
        }
        Ok(())
    }
}

impl AugmentationOptions {
    /// Crop and flip alone.
    pub const CROP_FLIP: Self = Self { policy: Policy::CropFlip, cutout: None };

    /// Name for logs and plots.
    pub fn label(&self) -> String {
        let policy = match self.policy {
            Policy::None => "none".to_owned(),
            Policy::CropFlip => "crop and flip".to_owned(),
            Policy::AutoAugment => "AutoAugment".to_owned(),
            Policy::RandAugment(RandAugment { operations, magnitude }) => {
                format!("RandAugment ({operations}, {magnitude})")
            }
        };
        match self.cutout {
            Some(side) => format!("{policy}, Cutout {side}"),
            None => policy,
        }
    }

    /// Gives what a description records beside whether images are changed: nothing where that is by
    /// crop and flip alone.
    pub fn beyond_crop_and_flip(&self) -> Option<Self> {
        let said = matches!(self.policy, Policy::None | Policy::CropFlip) && self.cutout.is_none();
        (!said).then_some(*self)
    }

    /// Tells whether images are changed at random.
    pub fn changes_images(&self) -> bool {
        self.policy != Policy::None || self.cutout.is_some()
    }

    /// Checks every constant.
    pub fn check(&self) -> Result<(), DataError> {
        if let Policy::RandAugment(options) = &self.policy {
            options.check()?;
        }
        match self.cutout {
            Some(side @ 0..2) => Err(DataError::setting("cutout", side, "a side of at least 2 pixels")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_written_and_read_by_name() {
        let rand = Policy::RandAugment(RandAugment { operations: 2, magnitude: 10.0 });
        for (options, text) in [
            (AugmentationOptions::CROP_FLIP, r#"{"name":"crop-flip"}"#),
            (
                AugmentationOptions { policy: rand, cutout: Some(16) },
                r#"{"name":"rand-augment","operations":2,"magnitude":10.0,"cutout":16}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&options).unwrap(), text);
            assert_eq!(serde_json::from_str::<AugmentationOptions>(text).unwrap(), options);
        }
    }

    #[test]
    fn a_label_says_what_is_done() {
        let rand = RandAugment { operations: 2, magnitude: 10.0 };
        let all = AugmentationOptions { policy: Policy::RandAugment(rand), cutout: Some(8) };
        assert_eq!(all.beyond_crop_and_flip(), Some(all));
        assert_eq!(AugmentationOptions::CROP_FLIP.beyond_crop_and_flip(), None);
        assert_eq!(all.label(), "RandAugment (2, 10), Cutout 8");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let options = AugmentationOptions { policy: Policy::None, cutout: Some(1) };
        assert!(options.check().unwrap_err().to_string().contains("cutout = 1"));
    }

    #[test]
    fn a_magnitude_out_of_range_is_refused() {
        for magnitude in [-0.1, 10.5, f64::NAN] {
            let error = RandAugment { operations: 2, magnitude }.check().unwrap_err().to_string();
            assert!(error.contains("augment-magnitude") && error.contains("from 0 to 10"), "{error}");
        }
        RandAugment { operations: 2, magnitude: 10.0 }.check().unwrap();
    }
}
