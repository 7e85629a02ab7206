//! CutMix (Yun et al., ICCV 2019): a rectangle of each image comes from another one, and its label
//! by the share of the area.

use std::ops::Range;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DataError, Sampler};

/// CutMix of whole batches: one rectangle for all images of a batch, whose partners are a second
/// batch, drawn independently.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CutMix {
    /// Probability that a batch is mixed, in [0, 1].
    pub probability: f64,
    /// Frequency of the images of each class among the partners.
    pub partners: Sampler,
}

impl CutMix {
    /// The literature's probability of 1/2, and partners as the images themselves come.
    pub const CUSTOMARY: Self = Self { probability: 0.5, partners: Sampler::InstanceBalanced };

    /// Checks the probability.
    pub fn check(&self) -> Result<(), DataError> {
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(DataError::setting("cutmix-probability", self.probability, "in [0, 1]"));
        }
        Ok(())
    }

    /// The rectangle of a batch of images of this size, or None for a batch that stays. Draws one
    /// number from `rng`, and three more for a batch that is mixed.
    ///
    /// With lambda uniform on [0, 1], which is Beta(1, 1), the sides are sqrt(1 - lambda) of the
    /// image's, rounded down; the centre is uniform on the image, and what lies outside is cut off.
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

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
        // Around the very middle nothing is cut off; the side's share s is the root of a uniform number: P(s < a) =
        // a^2.
        let middle = rectangles.iter().filter(|it| it.rows.start + it.rows.end == 32).map(|it| it.rows.len());
        let small = middle.clone().filter(|&rows| rows <= 16).count() as f64 / middle.count() as f64;
        // Twice half of floor(32 s), rounded down, is at most 16 where s < 18/32.
        assert!((small - (18f64 / 32.0).powi(2)).abs() < 0.1, "{small}");
        assert!((0..200).all(|_| CutMix { probability: 0.0, ..CutMix::CUSTOMARY }.draw(8, 8, &mut rng).is_none()));
        assert!((0..200).all(|_| CutMix { probability: 1.0, ..CutMix::CUSTOMARY }.draw(8, 8, &mut rng).is_some()));
    }

    #[test]
    fn a_probability_out_of_range_is_refused() {
        for probability in [-0.1, 1.1, f64::NAN] {
            let error = CutMix { probability, ..CutMix::CUSTOMARY }.check().unwrap_err().to_string();
            assert!(error.contains("cutmix-probability"), "{error}");
        }
        CutMix::CUSTOMARY.check().unwrap();
    }
}
