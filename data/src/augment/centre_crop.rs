//! The middle of an image.

use rand_chacha::ChaCha8Rng;

use super::{Augmentation, Pixels};

/// Cuts out the middle square, or what there is of it: a side that is shorter stays as it is. Where
/// the margin is odd, the smaller part is above or to the left.
#[derive(Clone, Copy, Debug)]
pub struct CentreCrop {
    /// Side of the square.
    pub size: usize,
}

impl Augmentation for CentreCrop {
    fn apply(&self, image: &mut Pixels, _: &mut ChaCha8Rng) {
        let (height, width) = (self.size.min(image.height), self.size.min(image.width));
        let (top, left) = ((image.height - height) / 2, (image.width - width) / 2);
        let mut bytes = Vec::with_capacity(image.channels * height * width);
        for channel in 0..image.channels {
            for row in image.plane(channel).chunks_exact(image.width).skip(top).take(height) {
                bytes.extend_from_slice(&row[left..left + width]);
            }
        }
        *image = Pixels { channels: image.channels, height, width, bytes };
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn the_middle_is_left() {
        let image = Pixels { channels: 2, height: 4, width: 5, bytes: (0..40).collect() };
        let crop = |size| {
            let mut image = image.clone();
            CentreCrop { size }.apply(&mut image, &mut ChaCha8Rng::seed_from_u64(0));
            image
        };
        assert_eq!(crop(2).bytes, [6, 7, 11, 12, 26, 27, 31, 32]);
        assert_eq!((crop(4).height, crop(4).width, crop(4).bytes[4]), (4, 4, 5));
        assert_eq!(crop(9), image);
    }
}
