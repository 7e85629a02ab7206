//! The flags of the augmentation.

use car_spectral_data::{AugmentationOptions, Policy, RandAugment, SettingError};
use car_spectral_training::TrainingError;
use clap::{Args, ValueEnum};

/// Changes of the training images before the network classifies them
#[derive(Debug, Args)]
#[command(next_help_heading = "Augmentation")]
pub struct AugmentationArguments {
    /// crop-flip: random crop and flip; auto-augment, rand-augment: these and operations on
    /// geometry and colours (AutoAugment's policy for CIFAR-10; RandAugment); none: the images as
    /// they are
    #[arg(long, default_value = "crop-flip")]
    augment: Augmentation,
    /// Operations an image, of rand-augment [default: 2]
    #[arg(long)]
    augment_operations: Option<usize>,
    /// Magnitude from 0 to 10, of rand-augment [default: 10]
    #[arg(long, allow_negative_numbers = true)]
    augment_magnitude: Option<f64>,
    /// Make a square of this side grey at a random place (Cutout); bcl's recipe for CIFAR is
    /// auto-augment with 16, that of concutmix is auto-augment without
    #[arg(long, value_name = "PIXELS")]
    cutout: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Augmentation {
    None,
    CropFlip,
    AutoAugment,
    RandAugment,
}

impl AugmentationArguments {
    /// The options meant. Their ranges are checked where they are used.
    ///
    /// # Errors
    /// [`SettingError`] for a constant of another augmentation.
    pub fn options(&self) -> Result<AugmentationOptions, TrainingError> {
        let given = [
            ("augment-operations", self.augment_operations.map(|value| value.to_string())),
            ("augment-magnitude", self.augment_magnitude.map(|value| value.to_string())),
        ];
        for (name, value) in given {
            if let Some(value) = value.filter(|_| self.augment != Augmentation::RandAugment) {
                let requirement = "is of --augment rand-augment only; leave it out, or give that".to_owned();
                return Err(SettingError { name, value, requirement }.into());
            }
        }
        let policy = match self.augment {
            Augmentation::None => Policy::None,
            Augmentation::CropFlip => Policy::CropFlip,
            Augmentation::AutoAugment => Policy::AutoAugment,
            Augmentation::RandAugment => Policy::RandAugment(RandAugment {
                operations: self.augment_operations.unwrap_or(2),
                magnitude: self.augment_magnitude.unwrap_or(10.0),
            }),
        };
        Ok(AugmentationOptions { policy, cutout: self.cutout })
    }
}
