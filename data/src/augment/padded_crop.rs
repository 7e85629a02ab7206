//! Random crop with zero padding (He et al., CVPR 2016, section 4.2).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Augmentation, Pixels};

/// Pads each side by p black pixels and cuts out the image's own size at an offset uniform on {0,
/// ..., 2p}^2.
#[derive(Clone, Copy, Debug)]
pub struct PaddedCrop {
    /// p.
    pub padding: usize,
}

impl Augmentation for PaddedCrop {
    fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
        let top = rng.random_range(0..=2 * self.padding);
        let left = rng.random_range(0..=2 * self.padding);
        let Pixels { channels, height, width, .. } = *image;
        let mut cropped = Pixels { channels, height, width, bytes: vec![0; image.bytes.len()] };
        // Row r of the crop is row r + top - padding of the image, where there is one; columns likewise.
        let part = |offset: usize, side: usize| {
            let first = self.padding.saturating_sub(offset).min(side);
            let end = (side + self.padding).saturating_sub(offset).clamp(first, side);
            (first, end)
        };
        let ((first_row, end_row), (first, end)) = (part(top, height), part(left, width));
        // Without a column there is nothing to copy, and no place to copy from.
        for channel in (0..channels).filter(|_| first < end) {
            let (from, to) = (image.plane(channel), cropped.plane_mut(channel));
            for row in first_row..end_row {
                let start = (row + top - self.padding) * width + first + left - self.padding;
                to[row * width + first..row * width + end].copy_from_slice(&from[start..start + end - first]);
            }
        }
        *image = cropped;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;

    use super::*;

    /// The crop at an offset by its definition, pixel by pixel.
    fn cropped(image: &Pixels, padding: usize, top: usize, left: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for channel in 0..image.channels {
            for row in 0..image.height {
                for column in 0..image.width {
                    let inside = |at: usize, side: usize| at.checked_sub(padding).filter(|&at| at < side);
                    let place = inside(row + top, image.height).zip(inside(column + left, image.width));
                    bytes.push(place.map_or(0, |(r, c)| image.plane(channel)[r * image.width + c]));
                }
            }
        }
        bytes
    }

    #[test]
    fn every_offset_occurs_equally_often_and_nothing_else() {
        // Not square, so that rows and columns cannot be exchanged unnoticed; all pixels differ. The second is smaller
        // than its padding.
        for (channels, height, width, padding) in [(2, 3, 5, 2), (1, 1, 2, 2)] {
            let bytes = (1..=(channels * height * width) as u8).collect();
            let image = Pixels { channels, height, width, bytes };
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            let mut seen = BTreeMap::new();
            for _ in 0..5000 {
                let mut found = image.clone();
                PaddedCrop { padding }.apply(&mut found, &mut rng);
                *seen.entry(found.bytes).or_insert(0) += 1;
            }
            let side = 2 * padding + 1;
            let mut expected: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
            for (top, left) in (0..side).flat_map(|top| (0..side).map(move |left| (top, left))) {
                *expected.entry(cropped(&image, padding, top, left)).or_insert(0) += 1;
            }
            assert_eq!(seen.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
            for (crop, offsets) in expected {
                // 200 an offset; five standard deviations.
                let (mean, found) = (200.0 * offsets as f64, f64::from(seen[&crop]));
                assert!((found - mean).abs() < 5.0 * mean.sqrt(), "{found} of a crop, expected {mean}");
            }
        }
    }

    #[test]
    fn without_padding_nothing_changes() {
        let image = Pixels { channels: 1, height: 2, width: 2, bytes: vec![1, 2, 3, 4] };
        let mut found = image.clone();
        PaddedCrop { padding: 0 }.apply(&mut found, &mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(found, image);
    }
}
