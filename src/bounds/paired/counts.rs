//! T8: the four counts of every class.

use crate::ClassErrors;
use crate::bounds::BoundError;
use crate::bounds::error::{check_class_errors, check_length, check_num_classes};

/// What two models got right and wrong on the same images: of each class n_j, both wrong, only A wrong (b_j), only B
/// wrong (c_j).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairedCounts {
    samples: Vec<u64>,
    both_wrong: Vec<u64>,
    only_a_wrong: Vec<u64>,
    only_b_wrong: Vec<u64>,
}

impl PairedCounts {
    /// From four slices of K.
    ///
    /// # Errors
    /// [`BoundError::TooFewClasses`], [`BoundError::Length`]; [`BoundError::MoreErrorsThanSamples`] if a class's three
    /// counts exceed its images.
    pub fn from_counts(
        samples: &[u64],
        both_wrong: &[u64],
        only_a_wrong: &[u64],
        only_b_wrong: &[u64],
    ) -> Result<Self, BoundError> {
        check_num_classes(samples.len())?;
        for (what, counts) in
            [("both wrong", both_wrong), ("only A wrong", only_a_wrong), ("only B wrong", only_b_wrong)]
        {
            check_length(what, samples.len(), counts.len())?;
        }
        let wrong: Vec<u64> = (0..samples.len())
            .map(|j| both_wrong[j].saturating_add(only_a_wrong[j]).saturating_add(only_b_wrong[j]))
            .collect();
        check_class_errors(ClassErrors { errors: &wrong, counts: samples })?;
        Ok(Self {
            samples: samples.to_vec(),
            both_wrong: both_wrong.to_vec(),
            only_a_wrong: only_a_wrong.to_vec(),
            only_b_wrong: only_b_wrong.to_vec(),
        })
    }

    /// From the predictions of both models on the same images in the same order, and their labels; all three in
    /// 0..`num_classes`.
    ///
    /// # Errors
    /// [`BoundError::TooFewClasses`]; [`BoundError::Predictions`] if there are not as many predictions as labels;
    /// [`BoundError::Class`] for an index that is no class.
    pub fn from_predictions(
        predicted_a: &[usize],
        predicted_b: &[usize],
        labels: &[usize],
        num_classes: usize,
    ) -> Result<Self, BoundError> {
        check_num_classes(num_classes)?;
        for (model, predicted) in [("A", predicted_a), ("B", predicted_b)] {
            if predicted.len() != labels.len() {
                return Err(BoundError::Predictions { model, got: predicted.len(), expected: labels.len() });
            }
        }
        let none = vec![0; num_classes];
        let mut counts =
            Self { samples: none.clone(), both_wrong: none.clone(), only_a_wrong: none.clone(), only_b_wrong: none };
        for (sample, ((&a, &b), &label)) in predicted_a.iter().zip(predicted_b).zip(labels).enumerate() {
            if let Some(class) = [a, b, label].into_iter().find(|&class| class >= num_classes) {
                return Err(BoundError::Class { sample, class, num_classes });
            }
            counts.samples[label] += 1;
            match (a == label, b == label) {
                (false, false) => counts.both_wrong[label] += 1,
                (false, true) => counts.only_a_wrong[label] += 1,
                (true, false) => counts.only_b_wrong[label] += 1,
                (true, true) => {}
            }
        }
        Ok(counts)
    }

    /// K.
    pub fn num_classes(&self) -> usize {
        self.samples.len()
    }

    /// n_j.
    pub fn samples(&self) -> &[u64] {
        &self.samples
    }

    /// b_j: A wrong, B right.
    pub fn only_a_wrong(&self) -> &[u64] {
        &self.only_a_wrong
    }

    /// c_j: A right, B wrong.
    pub fn only_b_wrong(&self) -> &[u64] {
        &self.only_b_wrong
    }

    /// k^A_j, A's errors.
    pub fn errors_a(&self) -> Vec<u64> {
        self.both_wrong.iter().zip(&self.only_a_wrong).map(|(both, only)| both + only).collect()
    }

    /// k^B_j, B's errors.
    pub fn errors_b(&self) -> Vec<u64> {
        self.both_wrong.iter().zip(&self.only_b_wrong).map(|(both, only)| both + only).collect()
    }

    /// The same with A and B exchanged.
    pub fn exchanged(&self) -> Self {
        Self { only_a_wrong: self.only_b_wrong.clone(), only_b_wrong: self.only_a_wrong.clone(), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predictions_are_counted() {
        let labels = [0, 0, 0, 0, 1, 1, 2];
        let a = [0, 1, 2, 0, 1, 0, 1];
        let b = [1, 0, 1, 0, 0, 0, 2];
        let counts = PairedCounts::from_predictions(&a, &b, &labels, 4).unwrap();
        let same = PairedCounts::from_counts(&[4, 2, 1, 0], &[1, 1, 0, 0], &[1, 0, 1, 0], &[1, 1, 0, 0]).unwrap();
        assert_eq!(counts, same);
        assert_eq!((counts.errors_a(), counts.errors_b()), (vec![2, 1, 1, 0], vec![2, 2, 0, 0]));
        assert_eq!((counts.num_classes(), counts.samples()), (4, &[4, 2, 1, 0][..]));
        let exchanged = PairedCounts::from_predictions(&b, &a, &labels, 4).unwrap();
        assert_eq!(counts.exchanged(), exchanged);
        assert_eq!((counts.only_a_wrong(), exchanged.only_b_wrong()), (&[1, 0, 1, 0][..], &[1, 0, 1, 0][..]));
    }

    #[test]
    fn bad_input_is_named() {
        let from = PairedCounts::from_predictions;
        assert_eq!(from(&[0], &[0, 0], &[0, 0], 2), Err(BoundError::Predictions { model: "A", got: 1, expected: 2 }));
        assert_eq!(from(&[0], &[], &[0], 2), Err(BoundError::Predictions { model: "B", got: 0, expected: 1 }));
        for (a, b, label) in [(2, 0, 0), (0, 2, 0), (0, 0, 2)] {
            assert_eq!(
                from(&[0, a], &[0, b], &[0, label], 2),
                Err(BoundError::Class { sample: 1, class: 2, num_classes: 2 })
            );
        }
        assert_eq!(from(&[], &[], &[], 1), Err(BoundError::TooFewClasses { num_classes: 1 }));
        let counts = PairedCounts::from_counts;
        assert_eq!(
            counts(&[3, 3], &[0, 1], &[3, 1], &[0, 2]),
            Err(BoundError::MoreErrorsThanSamples { class: 1, errors: 4, samples: 3 })
        );
        assert!(matches!(counts(&[3], &[0], &[1], &[1]), Err(BoundError::TooFewClasses { .. })));
        assert!(matches!(counts(&[3, 3], &[0], &[1, 1], &[1, 1]), Err(BoundError::Length { .. })));
        assert!(matches!(counts(&[3, 3], &[0, 0], &[1], &[1, 1]), Err(BoundError::Length { .. })));
        assert!(matches!(counts(&[3, 3], &[0, 0], &[1, 1], &[1]), Err(BoundError::Length { .. })));
        assert!(counts(&[3, 3], &[u64::MAX, 0], &[1, 1], &[1, 1]).is_err());
    }
}
