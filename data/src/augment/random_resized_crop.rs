//! A part of random area and shape, brought to one size (Szegedy et al., "Going deeper with
//! convolutions", CVPR 2015, section 6: 8 to 100 % of the area, ratio of the sides between 3/4 and
//! 4/3).

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::resize::{Part, resize};
use super::{Augmentation, Pixels};

/// Parts that may not fit before the largest middle one is taken.
const ATTEMPTS: usize = 10;

/// Cuts out a part whose share a of the area is uniform on `area` and whose ratio r = width /
/// height has a logarithm uniform on that of `ratio`, at a uniform place in whole pixels,
///
/// ```text
/// width = round(sqrt(a H W r))    height = round(sqrt(a H W / r))
/// ```
///
/// and resizes it to `size` x `size`. If ten such parts do not fit, the largest middle part with a
/// ratio in the range is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomResizedCrop {
    /// Rows and columns of the result, at least 1.
    pub size: usize,
    /// Least and largest share of the area, in (0, 1].
    pub area: (f64, f64),
    /// Least and largest width / height, positive.
    pub ratio: (f64, f64),
}

impl RandomResizedCrop {
    /// The customary ranges: area 0.08 to 1, ratio 3/4 to 4/3.
    pub fn of(size: usize) -> Self {
        Self { size, area: (0.08, 1.0), ratio: (3.0 / 4.0, 4.0 / 3.0) }
    }

    fn part(&self, height: usize, width: usize, rng: &mut ChaCha8Rng) -> Part {
        let part = |top: usize, left: usize, height: usize, width: usize| Part {
            top: top as f64,
            left: left as f64,
            height: height as f64,
            width: width as f64,
        };
        let (all, logarithms) = ((height * width) as f64, (self.ratio.0.ln(), self.ratio.1.ln()));
        for _ in 0..ATTEMPTS {
            let area = all * rng.random_range(self.area.0..=self.area.1);
            let ratio = rng.random_range(logarithms.0..=logarithms.1).exp();
            let (w, h) = ((area * ratio).sqrt().round() as usize, (area / ratio).sqrt().round() as usize);
            if (1..=width).contains(&w) && (1..=height).contains(&h) {
                return part(rng.random_range(0..=height - h), rng.random_range(0..=width - w), h, w);
            }
        }
        let ratio = width as f64 / height as f64;
        let (w, h) = if ratio < self.ratio.0 {
            (width, ((width as f64 / self.ratio.0).round() as usize).clamp(1, height))
        } else if ratio > self.ratio.1 {
            (((height as f64 * self.ratio.1).round() as usize).clamp(1, width), height)
        } else {
            (width, height)
        };
        part((height - h) / 2, (width - w) / 2, h, w)
    }
}

impl Augmentation for RandomResizedCrop {
    fn apply(&self, image: &mut Pixels, rng: &mut ChaCha8Rng) {
        let part = self.part(image.height, image.width, rng);
        resize(image, part, self.size, self.size);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn parts_lie_inside_and_spread_over_area_ratio_and_place() {
        // Every such part fits, so that area and ratio are as they were drawn.
        let crop = RandomResizedCrop { area: (0.1, 0.4), ..RandomResizedCrop::of(8) };
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let (mut areas, mut ratios, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..4000 {
            let part = crop.part(1000, 1000, &mut rng);
            assert!(part.top + part.height <= 1000.0 && part.left + part.width <= 1000.0, "{part:?}");
            areas.push(part.height * part.width / 1e6);
            ratios.push(part.width / part.height);
            places.push((part.top / (1000.0 - part.height) + part.left / (1000.0 - part.width)) / 2.0);
        }
        let quartiles = |values: &mut Vec<f64>| {
            values.sort_by(f64::total_cmp);
            [0, 1000, 2000, 3000, 3999].map(|at| values[at])
        };
        // Of the uniform and the log-uniform distribution, and of the mean of two uniform ones; rounding to pixels
        // moves them a little.
        let root = (4.0f64 / 3.0).sqrt();
        for (found, expected, tolerance) in [
            (quartiles(&mut areas), [0.1, 0.175, 0.25, 0.325, 0.4], 0.01),
            (quartiles(&mut ratios), [0.75, 1.0 / root, 1.0, root, 4.0 / 3.0], 0.02),
            (quartiles(&mut places), [0.0, 0.125f64.sqrt(), 0.5, 1.0 - 0.125f64.sqrt(), 1.0], 0.02),
        ] {
            let near = found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() <= tolerance);
            assert!(near, "quartiles {found:?}, expected {expected:?}");
        }
        // With the customary areas parts that do not fit are drawn again.
        let parts = (0..4000).map(|_| RandomResizedCrop::of(8).part(300, 400, &mut rng));
        assert!(parts.into_iter().all(|part| part.top + part.height <= 300.0 && part.left + part.width <= 400.0));
    }

    #[test]
    fn what_never_fits_is_cut_from_the_middle() {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let crop = RandomResizedCrop { size: 4, area: (1.0, 1.0), ratio: (3.0 / 4.0, 4.0 / 3.0) };
        let part = |top, left, height, width| Part { top, left, height, width };
        assert_eq!(crop.part(30, 90, &mut rng), part(0.0, 25.0, 30.0, 40.0));
        assert_eq!(crop.part(90, 30, &mut rng), part(25.0, 0.0, 40.0, 30.0));
        assert_eq!(crop.part(1, 1, &mut rng), part(0.0, 0.0, 1.0, 1.0));
        for (height, width) in [(1, 500), (500, 1), (2, 3)] {
            let mut found = Pixels { channels: 1, height, width, bytes: vec![8; height * width] };
            RandomResizedCrop::of(4).apply(&mut found, &mut rng);
            assert_eq!((found.height, found.width, found.bytes), (4, 4, vec![8; 16]));
        }
    }

    #[test]
    fn the_pixels_are_those_of_the_part() {
        // The value of a pixel is its column, so a crop rises from its left edge to its right one.
        let bytes = (0..100).flat_map(|_| 0..200u8).collect();
        let image = Pixels { channels: 1, height: 100, width: 200, bytes };
        let crop = RandomResizedCrop::of(50);
        for seed in 0..20 {
            let part = crop.part(100, 200, &mut ChaCha8Rng::seed_from_u64(seed));
            let mut found = image.clone();
            crop.apply(&mut found, &mut ChaCha8Rng::seed_from_u64(seed));
            let step = part.width / 50.0;
            for column in 1..49 {
                let expected = part.left + (column as f64 + 0.5) * step - 0.5;
                let value = f64::from(found.bytes[50 * 20 + column]);
                assert!((value - expected).abs() < 1.0, "column {column}: {value}, expected {expected}");
            }
        }
    }
}
