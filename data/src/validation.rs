//! A part of the training images that is not trained on, so that a model can be chosen without the
//! test images.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subset;
use crate::DataError;

/// The numbers that determine the part: of the n_j >= 2 images of class j
///
/// ```text
/// v_j = round(share n_j), at least 1 and at most n_j - 1
/// ```
///
/// are drawn without replacement; a class with one image keeps it for training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validation {
    /// Share of each class, in (0, 1).
    pub share: f64,
    /// Seed of the draw.
    pub seed: u64,
}

impl Validation {
    /// Checks the share.
    pub fn check(&self) -> Result<(), DataError> {
        if self.share > 0.0 && self.share < 1.0 {
            return Ok(());
        }
        Err(DataError::setting("validation", self.share, "a share above 0 and below 1"))
    }

    /// The training part and the validation part of a subset: disjoint, and together the subset.
    ///
    /// # Errors
    /// As [`Validation::check`]; also if no class has two images.
    pub fn split(&self, subset: &Subset) -> Result<(Subset, Subset), DataError> {
        self.check()?;
        if subset.class_counts.iter().all(|&count| count < 2) {
            return Err(DataError::setting("validation", self.share, "no class has two images to share"));
        }
        // The subset itself may come from the same seed: another stream of it.
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(1);
        let (mut train, mut validation) = (Vec::new(), Vec::new());
        for members in subset.by_class() {
            let mut drawn = members.to_vec();
            let most = drawn.len().saturating_sub(1);
            let count = ((self.share * drawn.len() as f64).round() as usize).max(1).min(most);
            drawn.shuffle(&mut rng);
            let mut kept = drawn.split_off(count);
            drawn.sort_unstable();
            kept.sort_unstable();
            validation.push(drawn);
            train.push(kept);
        }
        Ok((Subset::new(train), Subset::new(validation)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subset(counts: &[usize]) -> Subset {
        let labels: Vec<usize> =
            counts.iter().enumerate().flat_map(|(class, &count)| std::iter::repeat_n(class, count)).collect();
        Subset::full(&labels, counts.len())
    }

    #[test]
    fn the_parts_are_disjoint_make_up_the_whole_and_leave_no_class_without_training() {
        let whole = subset(&[100, 25, 5, 3, 2, 1, 0]);
        let (train, validation) = Validation { share: 0.1, seed: 4 }.split(&whole).unwrap();
        // 0.1 of 25 is 2.5, rounded away from 0.
        assert_eq!(validation.class_counts, [10, 3, 1, 1, 1, 0, 0]);
        assert_eq!(train.class_counts, [90, 22, 4, 2, 1, 1, 0]);
        let mut all: Vec<usize> = train.indices.iter().chain(&validation.indices).copied().collect();
        all.sort_unstable();
        assert_eq!(all, (0..136).collect::<Vec<_>>());
        for (part, members) in [&train, &validation].into_iter().zip([train.by_class(), validation.by_class()]) {
            let mut first = 0;
            for ((members, &whole), &count) in members.iter().zip(&whole.class_counts).zip(&part.class_counts) {
                assert!(members.len() as u64 == count && members.is_sorted());
                assert!(members.iter().all(|&index| (first..first + whole as usize).contains(&index)));
                first += whole as usize;
            }
        }
        let (_, most) = Validation { share: 0.99, seed: 4 }.split(&whole).unwrap();
        assert_eq!(most.class_counts, [99, 24, 4, 2, 1, 0, 0]);
    }

    #[test]
    fn the_seed_decides_and_the_draw_is_not_that_of_the_subset() {
        let whole = subset(&[50, 50]);
        let draw = |seed| Validation { share: 0.2, seed }.split(&whole).unwrap().1;
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1).sha256, draw(2).sha256);
        let labels: Vec<usize> = (0..100).map(|index| index / 50).collect();
        let tail = crate::LongTail { n_max: 10, imbalance: 1.0, seed: 1 }.draw(&labels, 2).unwrap();
        assert_ne!(tail.indices, draw(1).indices);
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        for share in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(Validation { share, seed: 0 }.split(&subset(&[5, 5])).is_err(), "{share}");
        }
        let error = Validation { share: 0.5, seed: 0 }.split(&subset(&[1, 1])).unwrap_err().to_string();
        assert!(error.contains("no class has two images"), "{error}");
    }
}
