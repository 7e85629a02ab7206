//! The augmentation of a run's training images by its name, and the chains of all views.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AutoAugment, Chain, ContrastiveColours, Cutout, HorizontalFlip, RandAugment, RandomResizedCrop};
use crate::DataError;
use crate::Images;

/// Augmentation of the view to classify.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AugmentationOptions {
    /// What is done first.
    #[serde(flatten)]
    pub policy: Policy,
    /// Side in pixels of a square made grey at the end (Cutout).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutout: Option<usize>,
}

/// What is done to an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Policy {
    /// Nothing: the image as for evaluation.
    None,
    /// Random crop and flip ([`Chain::training`]).
    CropFlip,
    /// Crop, flip and AutoAugment.
    AutoAugment,
    /// Crop, flip and RandAugment.
    RandAugment(RandAugment),
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

    /// What a description records beside whether images are changed: nothing where that is by crop and flip alone.
    pub fn beyond_crop_and_flip(&self) -> Option<Self> {
        let said = matches!(self.policy, Policy::None | Policy::CropFlip) && self.cutout.is_none();
        (!said).then_some(*self)
    }

    /// Whether images are changed at random.
    pub fn changes_images(&self) -> bool {
        self.policy != Policy::None || self.cutout.is_some()
    }

    /// Checks every constant.
    ///
    /// # Errors
    /// [`DataError::Setting`] naming the first one out of its range.
    pub fn check(&self) -> Result<(), DataError> {
        if let Policy::RandAugment(options) = &self.policy {
            options.check()?;
        }
        match self.cutout {
            Some(side @ 0..2) => Err(DataError::setting("cutout", side, "a side of at least 2 pixels")),
            _ => Ok(()),
        }
    }

    /// The chain of the view to classify; its result has the size that [`Chain::evaluation`] gives.
    pub fn chain(&self, images: &Images, size: Option<usize>) -> Chain {
        let chain = match self.policy {
            Policy::None => Chain::evaluation(images, size),
            Policy::CropFlip => Chain::training(images, size),
            Policy::AutoAugment => Chain::training(images, size).then(AutoAugment),
            Policy::RandAugment(options) => Chain::training(images, size).then(options),
        };
        match self.cutout {
            Some(side) => chain.then(Cutout { side }),
            None => chain,
        }
    }
}

/// The chain of a view that contrastive learning compares, with the result of the size that [`Chain::evaluation`]
/// gives: a random part of 20 to 100 % of the area, flip, [`ContrastiveColours`].
///
/// # Errors
/// [`DataError::Setting`] for files without a size.
pub fn contrastive_chain(images: &Images, size: Option<usize>) -> Result<Chain, DataError> {
    let size = match (images, size) {
        (_, Some(size)) => size,
        (Images::InMemory { shape: [_, height, width], .. }, None) if height == width => *height,
        _ => {
            let requirement = "the views of a contrastive loss are square; give the side of the images";
            return Err(DataError::setting("image-size", "none", requirement));
        }
    };
    let crop = RandomResizedCrop { area: (0.2, 1.0), ..RandomResizedCrop::of(size) };
    Ok(Chain::new().then(crop).then(HorizontalFlip).then(ContrastiveColours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pixels;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn images() -> (Images, Pixels) {
        let bytes: Vec<u8> = (0..3 * 400).map(|at| (at * 89 % 251) as u8).collect();
        let images = Images::InMemory { shape: [3, 20, 20], bytes: bytes.clone() };
        (images, Pixels { channels: 3, height: 20, width: 20, bytes })
    }

    #[test]
    fn every_policy_does_what_its_name_says() {
        let (images, image) = images();
        let rand = RandAugment { operations: 2, magnitude: 10.0 };
        let draws = |options: AugmentationOptions| {
            let chain = options.chain(&images, None);
            let draw = |seed| {
                let mut image = image.clone();
                chain.apply(&mut image, &mut ChaCha8Rng::seed_from_u64(seed));
                assert_eq!((image.channels, image.height, image.width), (3, 20, 20));
                image.bytes
            };
            (0..200).map(draw).collect::<Vec<_>>()
        };
        let of = |policy, cutout| draws(AugmentationOptions { policy, cutout });
        assert!(of(Policy::None, None).iter().all(|bytes| *bytes == image.bytes));
        let known: std::collections::HashSet<u8> = image.bytes.iter().copied().chain([0]).collect();
        let moved = of(Policy::CropFlip, None);
        assert!(moved.iter().flatten().all(|byte| known.contains(byte)) && moved[0] != moved[1]);
        for policy in [Policy::AutoAugment, Policy::RandAugment(rand)] {
            let changed = of(policy, None);
            let share = changed.iter().zip(&moved).filter(|(a, b)| a != b).count();
            assert!(share > 100, "{policy:?}: {share} of 200");
        }
        let holes = |bytes: &Vec<u8>| bytes[..400].iter().filter(|&&byte| byte == 128).count();
        let cut = of(Policy::None, Some(10));
        assert!(cut.iter().all(|bytes| (25..=110).contains(&holes(bytes))));
        let all = AugmentationOptions { policy: Policy::RandAugment(rand), cutout: Some(8) };
        assert_eq!(all.beyond_crop_and_flip(), Some(all));
        assert_eq!(AugmentationOptions::CROP_FLIP.beyond_crop_and_flip(), None);
        assert_eq!(all.label(), "RandAugment (2, 10), Cutout 8");
    }

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
    fn what_cannot_be_is_refused() {
        let text = |cutout| {
            AugmentationOptions { policy: Policy::None, cutout: Some(cutout) }.check().unwrap_err().to_string()
        };
        assert!(text(1).contains("cutout = 1"));
        let files = Images::Files { paths: Vec::new(), bytes: 0 };
        assert!(contrastive_chain(&files, None).unwrap_err().to_string().contains("image-size"));
        let (images, image) = images();
        let mut view = image.clone();
        contrastive_chain(&images, Some(9)).unwrap().apply(&mut view, &mut ChaCha8Rng::seed_from_u64(0));
        assert_eq!((view.channels, view.height, view.width), (3, 9, 9));
        contrastive_chain(&images, None).unwrap().apply(&mut view, &mut ChaCha8Rng::seed_from_u64(0));
        assert_eq!((view.channels, view.height, view.width), (3, 20, 20));
    }
}
