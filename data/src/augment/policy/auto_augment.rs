use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Operation::{self, *};
use crate::augment::{Augmentation, Pixels};

/// An operation with its probability in tenths and its magnitude in ninths of the full strength.
type Step = (Operation, u32, u32);

/// AutoAugment's policy for CIFAR-10 (Cubuk et al., CVPR 2019, table 7), which the long-tail
/// literature uses for CIFAR-100, too: one of 25 pairs of operations is drawn, and each of the two
/// is done with its own probability and magnitude.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AutoAugment;

/// The pairs. Operations without a magnitude have 0.
const PAIRS: [[Step; 2]; 25] = [
    [(Invert, 1, 0), (Contrast, 2, 6)],
    [(Rotate, 7, 2), (TranslateX, 3, 9)],
    [(Sharpness, 8, 1), (Sharpness, 9, 3)],
    [(ShearY, 5, 8), (TranslateY, 7, 9)],
    [(AutoContrast, 5, 0), (Equalize, 9, 0)],
    [(ShearY, 2, 7), (Posterize, 3, 7)],
    [(Color, 4, 3), (Brightness, 6, 7)],
    [(Sharpness, 3, 9), (Brightness, 7, 9)],
    [(Equalize, 6, 0), (Equalize, 5, 0)],
    [(Contrast, 6, 7), (Sharpness, 6, 5)],
    [(Color, 7, 7), (TranslateX, 5, 8)],
    [(Equalize, 3, 0), (AutoContrast, 4, 0)],
    [(TranslateY, 4, 3), (Sharpness, 2, 6)],
    [(Brightness, 9, 6), (Color, 2, 8)],
    [(Solarize, 5, 2), (Invert, 0, 0)],
    [(Equalize, 2, 0), (AutoContrast, 6, 0)],
    [(Equalize, 2, 0), (Equalize, 6, 0)],
    [(Color, 9, 9), (Equalize, 6, 0)],
    [(AutoContrast, 8, 0), (Solarize, 2, 8)],
    [(Brightness, 1, 3), (Color, 7, 0)],
    [(Solarize, 4, 5), (AutoContrast, 9, 0)],
    [(TranslateY, 9, 9), (TranslateY, 7, 9)],
    [(AutoContrast, 9, 0), (Solarize, 8, 3)],
    [(Equalize, 8, 0), (Invert, 1, 0)],
    [(TranslateY, 7, 9), (AutoContrast, 9, 0)],
];

impl Augmentation for AutoAugment {
    fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
        for (operation, tenths, ninths) in PAIRS[rng.random_range(0..PAIRS.len())] {
            if rng.random_range(0..10) < tenths {
                operation.apply(image, f64::from(ninths) / 9.0, rng);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use rand::SeedableRng;

    #[test]
    fn the_seed_decides_and_images_are_changed_as_often_as_the_policy_says() {
        let bytes: Vec<u8> = (0..3 * 400).map(|at| (at * 89 % 251) as u8).collect();
        let image = Pixels { channels: 3, height: 20, width: 20, bytes };
        let draw = |seed| {
            let mut image = image.clone();
            AutoAugment.apply(&mut image, &mut ChaCha8Rng::seed_from_u64(seed));
            image.bytes
        };
        assert_eq!(draw(3), draw(3));
        let draws: Vec<Vec<u8>> = (0..4000).map(draw).collect();
        assert!(draws.iter().collect::<HashSet<_>>().len() > 60);
        // A pair leaves an image with the probability that neither step is done; few steps that are done leave it, too.
        let left: u32 = PAIRS.iter().map(|[first, second]| (10 - first.1) * (10 - second.1)).sum();
        let expected = f64::from(left) / 2500.0;
        let share = draws.iter().filter(|bytes| **bytes == image.bytes).count() as f64 / 4000.0;
        assert!((expected - 0.02..expected + 0.06).contains(&share), "{share} for at least {expected}");
    }
}
