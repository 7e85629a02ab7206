//! RandAugment draws the operations of each image.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Operation::{self, *};
use crate::RandAugment;
use crate::augment::{Augmentation, Pixels};

/// Those of the paper's section 3.
const OPERATIONS: [Operation; 14] = [
    Identity,
    AutoContrast,
    Equalize,
    Rotate,
    Solarize,
    Color,
    Posterize,
    Contrast,
    Brightness,
    Sharpness,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
];

impl Augmentation for RandAugment {
    fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
        for _ in 0..self.operations {
            OPERATIONS[rng.random_range(0..OPERATIONS.len())].apply(image, self.magnitude / 10.0, rng);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use rand::SeedableRng;

    fn draw(options: RandAugment, seed: u64) -> Vec<u8> {
        let bytes = (0..3 * 400).map(|at| (at * 89 % 251) as u8).collect();
        let mut image = Pixels { channels: 3, height: 20, width: 20, bytes };
        options.apply(&mut image, &mut ChaCha8Rng::seed_from_u64(seed));
        image.bytes
    }

    #[test]
    fn the_seed_the_number_and_the_magnitude_decide() {
        let options = RandAugment { operations: 1, magnitude: 10.0 };
        assert_eq!(draw(options, 3), draw(options, 3));
        let distinct = |options| (0..500).map(|seed| draw(options, seed)).collect::<HashSet<_>>().len();
        // Four operations without a sign, nine with two, and one that leaves the image.
        assert_eq!(distinct(options), 1 + 4 + 2 * 9);
        assert!(distinct(RandAugment { operations: 2, ..options }) > 150);
        // At no strength only contrast stretching and equalisation do something.
        assert_eq!(distinct(RandAugment { magnitude: 0.0, ..options }), 3);
        assert_eq!(distinct(RandAugment { operations: 0, ..options }), 1);
    }
}
