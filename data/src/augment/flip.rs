//! Left becomes right.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Augmentation, Pixels};

/// Mirrors the image left to right with probability 1/2.
#[derive(Clone, Copy, Debug)]
pub struct HorizontalFlip;

impl Augmentation for HorizontalFlip {
    fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
        if rng.random::<bool>() {
            image.bytes.chunks_exact_mut(image.width).for_each(<[u8]>::reverse);
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn rows_are_mirrored_half_of_the_time() {
        let image = Pixels { channels: 2, height: 2, width: 3, bytes: (0..12).collect() };
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut flipped = 0;
        for _ in 0..1000 {
            let mut found = image.clone();
            HorizontalFlip.apply(&mut found, &mut rng);
            if found != image {
                assert_eq!(found.bytes, [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9]);
                flipped += 1;
            }
        }
        // Five standard deviations of Binomial(1000, 1/2).
        assert!((420..=580).contains(&flipped), "{flipped}");
    }
}
