//! CutMix (Yun et al., ICCV 2019): a rectangle of each image comes from another one, and its label by the share of the area.

use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::TrainingError;
use crate::data::Sampler;

/// CutMix of whole batches: one rectangle for all images of a batch, whose partners are a second batch, drawn independently.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CutMix {
    /// Probability that a batch is mixed, in [0, 1].
    pub probability: f64,
    /// How often the images of each class come as partners.
    pub partners: Sampler,
}

/// How a batch was mixed.
#[derive(Debug)]
pub struct Mix {
    /// Share of an image's area that is its own.
    pub own_share: f64,
    /// Labels of the partners `[B]`.
    pub partners: Tensor,
}

impl CutMix {
    /// The literature's probability of 1/2, and partners as the images themselves come.
    pub const CUSTOMARY: Self = Self { probability: 0.5, partners: Sampler::InstanceBalanced };

    /// Checks the probability.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`].
    pub fn check(&self) -> Result<(), TrainingError> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(TrainingError::setting("--cutmix-probability", self.probability, "in [0, 1]"));
        }
        Ok(())
    }

    /// The rectangle of a batch of images of this size, or None for a batch that stays. Draws one number from `rng`, and three more
    /// for a batch that is mixed.
    ///
    /// With lambda uniform on [0, 1], which is Beta(1, 1), the sides are sqrt(1 - lambda) of the image's, rounded down; the centre is
    /// uniform on the image, and what lies outside is cut off.
    pub fn draw(&self, height: usize, width: usize, rng: &mut ChaCha8Rng) -> Option<Rectangle> {
        if rng.random::<f64>() >= self.probability {
            return None;
        }
        let side_share = (1.0 - rng.random::<f64>()).sqrt();
        let mut range = |length: usize| {
            let half = (length as f64 * side_share) as usize / 2;
            let centre = rng.random_range(0..length);
            centre.saturating_sub(half)..(centre + half).min(length)
        };
        Some(Rectangle { rows: range(height), columns: range(width) })
    }
}

/// A rectangle of pixels; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rectangle {
    /// Rows.
    pub rows: Range<usize>,
    /// Columns.
    pub columns: Range<usize>,
}

impl Rectangle {
    /// Images [B, C, H, W] with this rectangle of their partners' images, and the share of the area that is left of them.
    ///
    /// # Errors
    /// Passes on what libtorch refuses, such as batches of different shapes.
    pub fn paste(&self, images: &Tensor, partners: &Tensor) -> Result<(Tensor, f64), TrainingError> {
        let (_, _, height, width) = images.size4()?;
        let mixed = images.copy();
        let part = |batch: &Tensor| {
            batch.f_narrow(2, self.rows.start as i64, self.rows.len() as i64)?.f_narrow(
                3,
                self.columns.start as i64,
                self.columns.len() as i64,
            )
        };
        part(&mixed)?.f_copy_(&part(partners)?)?;
        let pasted = (self.rows.len() * self.columns.len()) as f64 / (height * width) as f64;
        Ok((mixed, 1.0 - pasted))
    }
}

impl Mix {
    /// Labels `[B, K]` of a mixed batch: the own share of the own class, the rest of the partner's.
    ///
    /// # Errors
    /// Passes on what libtorch refuses, such as a label that is no class.
    pub fn targets(&self, labels: &Tensor, num_classes: usize, kind: Kind) -> Result<Tensor, TrainingError> {
        let one_hot = |labels: &Tensor| labels.f_one_hot(num_classes as i64)?.f_to_kind(kind);
        Ok(one_hot(labels)? * self.own_share + one_hot(&self.partners)? * (1.0 - self.own_share))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use tch::Device;

    #[test]
    fn batches_are_mixed_with_the_probability_and_areas_are_uniform() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let cutmix = CutMix { probability: 0.3, ..CutMix::CUSTOMARY };
        let rectangles: Vec<Rectangle> = (0..20_000).filter_map(|_| cutmix.draw(32, 48, &mut rng)).collect();
        let mixed = rectangles.len() as f64 / 20_000.0;
        assert!((mixed - 0.3).abs() < 0.012, "{mixed}");
        assert!(rectangles.iter().all(|it| it.rows.end <= 32 && it.columns.end <= 48));
        let uncut = |range: &Range<usize>, length: usize| range.start > 0 && range.end < length;
        for rectangle in rectangles.iter().filter(|it| uncut(&it.rows, 32) && uncut(&it.columns, 48)) {
            let (rows, columns) = (rectangle.rows.len() as f64 / 32.0, rectangle.columns.len() as f64 / 48.0);
            assert!((rows - columns).abs() < 0.11, "the shape of the image: {rectangle:?}");
        }
        // Around the very middle nothing is cut off; the side's share s is the root of a uniform number: P(s < a) = a^2.
        let middle = rectangles.iter().filter(|it| it.rows.start + it.rows.end == 32).map(|it| it.rows.len());
        let small = middle.clone().filter(|&rows| rows <= 16).count() as f64 / middle.count() as f64;
        // Twice half of floor(32 s), rounded down, is at most 16 where s < 18/32.
        assert!((small - (18f64 / 32.0).powi(2)).abs() < 0.1, "{small}");
        assert!((0..200).all(|_| CutMix { probability: 0.0, ..CutMix::CUSTOMARY }.draw(8, 8, &mut rng).is_none()));
        assert!((0..200).all(|_| CutMix { probability: 1.0, ..CutMix::CUSTOMARY }.draw(8, 8, &mut rng).is_some()));
    }

    #[test]
    fn a_rectangle_comes_from_the_partner_and_the_label_by_the_area() {
        let images = Tensor::arange(2 * 3 * 4 * 5, (Kind::Int64, Device::Cpu)).to_kind(Kind::Uint8).view([2, 3, 4, 5]);
        let partners = &images + 128;
        let rectangle = Rectangle { rows: 1..4, columns: 0..2 };
        let (mixed, own_share) = rectangle.paste(&images, &partners).unwrap();
        for (b, c, y, x) in (0..120).map(|at| (at / 60, at / 20 % 3, at / 5 % 4, at % 5)) {
            let source = if (1..4).contains(&y) && x < 2 { &partners } else { &images };
            assert_eq!(mixed.int64_value(&[b, c, y, x]), source.int64_value(&[b, c, y, x]), "{b} {c} {y} {x}");
        }
        assert_eq!(own_share, 1.0 - 6.0 / 20.0);
        assert_eq!(images.int64_value(&[0, 0, 1, 0]), 5, "the batch itself stays");
        let mix = Mix { own_share, partners: Tensor::from_slice(&[2i64, 1]) };
        let targets = mix.targets(&Tensor::from_slice(&[0i64, 1]), 3, Kind::Double).unwrap();
        let expected = Tensor::from_slice(&[0.7, 0.0, 0.3, 0.0, 1.0, 0.0]).view([2, 3]);
        assert!(targets.allclose(&expected, 0.0, 1e-15, false));
        // Nothing pasted.
        let (same, all) = Rectangle { rows: 2..2, columns: 0..5 }.paste(&images, &partners).unwrap();
        assert!(same.equal(&images) && all == 1.0);
    }

    #[test]
    fn a_probability_out_of_range_is_refused() {
        for probability in [-0.1, 1.1, f64::NAN] {
            let error = CutMix { probability, ..CutMix::CUSTOMARY }.check().unwrap_err().to_string();
            assert!(error.contains("--cutmix-probability"), "{error}");
        }
        CutMix::CUSTOMARY.check().unwrap();
    }
}
