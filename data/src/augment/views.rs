//! The chains of a run: of the view to classify, and of one to compare.

use super::{AutoAugment, Chain, ContrastiveColours, Cutout, HorizontalFlip, RandomResizedCrop};
use crate::{AugmentationOptions, DataError, Images, Policy};

impl AugmentationOptions {
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

/// The chain of a view that contrastive learning compares, with the result of the size that
/// [`Chain::evaluation`] gives: a random part of 20 to 100 % of the area, flip,
/// [`ContrastiveColours`].
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
    use crate::{Pixels, RandAugment};
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
    }

    #[test]
    fn a_contrastive_view_is_square() {
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
