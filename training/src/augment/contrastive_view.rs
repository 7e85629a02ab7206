//! The view of an image that contrastive learning compares (SimCLR, Chen et al., ICML 2020), with the constants that balanced
//! contrastive learning uses for CIFAR.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Pixels, colour, gaussian_blur, random_resized_crop};

/// Largest change of the factors of brightness, contrast and saturation from 1.
const JITTER: f64 = 0.4;
/// Largest turn of the hue.
const TURN: f64 = 0.1;

/// Random resized crop; mirrored with probability 1/2; with probability 0.8 colour jitter: brightness, contrast and saturation by
/// factors uniform on [0.6, 1.4] and hue by a turn uniform on [-0.1, 0.1], in random order; grey with probability 0.2; blurred with
/// probability 1/2 by a standard deviation uniform on [0.1, 2] pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContrastiveView;

impl ContrastiveView {
    /// Changes the image.
    pub fn apply(self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
        random_resized_crop(image, rng);
        if rng.random::<bool>() {
            let width = image.width;
            image.bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        if rng.random_bool(0.8) {
            let mut order = [0, 1, 2, 3];
            order.shuffle(rng);
            for step in order {
                let change = rng.random_range(-1.0..=1.0);
                match step {
                    0 => colour::brightness(image, 1.0 + JITTER * change),
                    1 => colour::contrast(image, 1.0 + JITTER * change),
                    2 => colour::saturation(image, 1.0 + JITTER * change),
                    _ => colour::hue(image, TURN * change),
                }
            }
        }
        if rng.random_bool(0.2) {
            colour::greyscale(image);
        }
        if rng.random::<bool>() {
            gaussian_blur(image, rng.random_range(0.1..=2.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn steps_are_done_as_often_as_they_should() {
        // Red above, blue below, with a bright left edge: what is done shows in single bytes.
        let mut image = Pixels { channels: 3, height: 16, width: 16, bytes: vec![0; 768] };
        image.plane_mut(0)[..128].fill(200);
        image.plane_mut(2)[128..].fill(200);
        let draws: Vec<Pixels> = (0..3000)
            .map(|seed| {
                let mut image = image.clone();
                ContrastiveView.apply(&mut image, &mut ChaCha8Rng::seed_from_u64(seed));
                assert_eq!((image.channels, image.height, image.width), (3, 16, 16));
                image
            })
            .collect();
        let share = |count: usize| count as f64 / 3000.0;
        let grey = draws.iter().filter(|draw| draw.plane(0) == draw.plane(1) && draw.plane(1) == draw.plane(2)).count();
        assert!((share(grey) - 0.2).abs() < 0.025, "{}", share(grey));
        // Without jitter, and not grey, no byte exceeds 200 and pure colours have two zeros.
        let pure = |draw: &&Pixels| draw.plane(1).iter().all(|&green| green == 0) && draw.bytes.contains(&200);
        let plain = draws.iter().filter(pure).count();
        assert!((share(plain) - 0.2 * 0.8).abs() < 0.03, "{}", share(plain));
    }
}
