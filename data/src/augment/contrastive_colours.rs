//! The colours of a view that contrastive learning compares (SimCLR, Chen et al., ICML 2020), with
//! the constants that balanced contrastive learning uses for CIFAR.

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::gaussian_blur::gaussian_blur;
use super::{Augmentation, Pixels, colour};

/// Largest change of the factors of brightness, contrast and saturation from 1.
const JITTER: f64 = 0.4;
/// Largest turn of the hue.
const TURN: f64 = 0.1;

/// Colour jitter with probability 0.8: brightness, contrast and saturation by factors uniform on
/// [0.6, 1.4] and hue by a turn uniform on [-0.1, 0.1], in random order; grey with probability 0.2;
/// blurred with probability 1/2 by a standard deviation uniform on [0.1, 2] pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContrastiveColours;

impl Augmentation for ContrastiveColours {
    fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
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
        // Red above, blue below.
        let mut image = Pixels { channels: 3, height: 16, width: 16, bytes: vec![0; 768] };
        image.plane_mut(0)[..128].fill(200);
        image.plane_mut(2)[128..].fill(200);
        let draw = |seed| {
            let mut image = image.clone();
            ContrastiveColours.apply(&mut image, &mut ChaCha8Rng::seed_from_u64(seed));
            image
        };
        assert_eq!(draw(3), draw(3));
        let draws: Vec<Pixels> = (0..3000).map(draw).collect();
        let share = |is: &dyn Fn(&Pixels) -> bool| draws.iter().filter(|draw| is(draw)).count() as f64 / 3000.0;
        let grey = share(&|draw| draw.plane(0) == draw.plane(1) && draw.plane(1) == draw.plane(2));
        assert!((grey - 0.2).abs() < 0.025, "{grey}");
        // Neither jitter, which moves the corners, nor grey.
        let plain = share(&|draw| draw.bytes[0] == 200 && draw.plane(1)[0] == 0 && *draw.bytes.last().unwrap() == 200);
        assert!((plain - 0.2 * 0.8).abs() < 0.025, "{plain}");
        // Rows at the edge between the colours stay apart only without blur (or with the least of it).
        let sharp = share(&|draw| draw.bytes[..16 * 8].iter().all(|&byte| byte == draw.bytes[0]));
        assert!((0.5..0.62).contains(&sharp), "{sharp}");
    }
}
