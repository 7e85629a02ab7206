//! The parts of a training split that a run uses: the images it trains on, and those it is chosen
//! by.

use super::{LongTail, Subset, Validation};
use crate::DataError;

/// The parts of a training split: what is trained on, and what is held out of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The long-tailed subset of the split, or `None` for all of it.
    pub long_tail: Option<LongTail>,
    /// The images that are trained on.
    pub train: Subset,
    /// The numbers that determine a validation part, and its images.
    pub validation: Option<(Validation, Subset)>,
}

impl Parts {
    /// Draws the subset of a split with these labels, and from it the validation part.
    pub fn draw(
        labels: &[usize],
        num_classes: usize,
        long_tail: Option<LongTail>,
        validation: Option<Validation>,
    ) -> Result<Self, DataError> {
        let subset = match long_tail {
            Some(long_tail) => long_tail.draw(labels, num_classes)?,
            None => Subset::full(labels, num_classes),
        };
        Ok(match validation {
            None => Self { long_tail, train: subset, validation: None },
            Some(validation) => {
                let (train, held_out) = validation.split(&subset)?;
                Self { long_tail, train, validation: Some((validation, held_out)) }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_validation_part_comes_out_of_the_long_tailed_subset() {
        let labels: Vec<usize> = (0..300).map(|index| index % 3).collect();
        let tail = LongTail { n_max: 100, imbalance: 10.0, seed: 6 };
        let validation = Validation { share: 0.2, seed: 6 };
        let draw = |tail, validation| Parts::draw(&labels, 3, tail, validation).unwrap();
        let subset = tail.draw(&labels, 3).unwrap();
        assert_eq!(draw(Some(tail), None).train, subset);
        let parts = draw(Some(tail), Some(validation));
        let held_out = parts.validation.unwrap().1;
        assert_eq!((parts.train.class_counts, &held_out.class_counts), (vec![80, 25, 8], &vec![20, 6, 2]));
        let mut all = [parts.train.indices, held_out.indices].concat();
        all.sort_unstable();
        let mut whole = subset.indices;
        whole.sort_unstable();
        assert_eq!(all, whole);
        assert_eq!(draw(None, None).train.class_counts, [100, 100, 100]);
    }
}
