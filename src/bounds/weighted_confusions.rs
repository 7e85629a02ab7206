//! Held-out samples of weighted classes, counted by what they were taken for.

use super::error::{check_errors, check_length, check_num_classes, check_weights};
use super::{BoundError, NotApplicable};

/// ĈΛ in counts: the weight λ_j of each class, its n_j held-out samples, and how many of them were
/// taken for which other class.
#[derive(Clone, Debug)]
pub struct WeightedConfusions<'a> {
    pub(super) weights: &'a [f64],
    pub(super) counts: &'a [u64],
    /// (predicted i, true j, count), i != j.
    pub(super) entries: Vec<(usize, usize, u64)>,
    /// Sums of the columns.
    pub(super) errors: Vec<u64>,
}

impl<'a> WeightedConfusions<'a> {
    /// Takes the weights and counts of K classes, and the triplets (predicted i, true j, count)
    /// with i != j, in any order, zeros left out or not.
    ///
    /// # Errors
    /// [`BoundError::TooFewClasses`], [`BoundError::Length`], [`BoundError::Weight`],
    /// [`BoundError::ConfusionEntry`]; [`BoundError::MoreErrorsThanSamples`] if a column sums to
    /// more than n_j.
    pub fn new(
        weights: &'a [f64],
        counts: &'a [u64],
        confusions: impl IntoIterator<Item = (usize, usize, u64)>,
    ) -> Result<Self, BoundError> {
        let num_classes = counts.len();
        check_num_classes(num_classes)?;
        check_length("weights", num_classes, weights.len())?;
        check_weights(weights)?;
        let entries: Vec<(usize, usize, u64)> = confusions.into_iter().collect();
        let mut errors = vec![0_u64; num_classes];
        for &(predicted, class, count) in &entries {
            if predicted >= num_classes || class >= num_classes || predicted == class {
                return Err(BoundError::ConfusionEntry { predicted, class, num_classes });
            }
            errors[class] = errors[class].saturating_add(count);
            check_errors(class, errors[class], counts[class])?;
        }
        Ok(Self { weights, counts, entries, errors })
    }

    /// The reason why nothing is known of a column: the class has no sample.
    pub(super) fn not_estimated(&self) -> Option<NotApplicable> {
        let class = self.counts.iter().position(|&count| count == 0)?;
        Some(NotApplicable::ClassWithoutSamples { class })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_confusion_is_refused() {
        let refused = |weights: &[f64], counts: &[u64], entries: &[(usize, usize, u64)]| {
            WeightedConfusions::new(weights, counts, entries.iter().copied()).unwrap_err()
        };
        for (predicted, class) in [(1, 1), (2, 1), (0, 2)] {
            let entry = BoundError::ConfusionEntry { predicted, class, num_classes: 2 };
            assert_eq!(refused(&[1.0; 2], &[3, 3], &[(predicted, class, 1)]), entry);
        }
        let more = BoundError::MoreErrorsThanSamples { class: 1, errors: 4, samples: 3 };
        assert_eq!(refused(&[1.0; 2], &[3, 3], &[(0, 1, 2), (0, 1, 2)]), more);
        let length = BoundError::Length { what: "weights", expected: 2, got: 3 };
        assert_eq!(refused(&[1.0; 3], &[3, 3], &[]), length);
        assert_eq!(refused(&[1.0], &[3], &[]), BoundError::TooFewClasses { num_classes: 1 });
        assert_eq!(refused(&[1.0, 0.0], &[3, 3], &[]), BoundError::Weight { class: 1, weight: 0.0 });
    }
}
