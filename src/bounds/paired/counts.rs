//! T8: the four counts of every class.

use crate::bounds::BoundError;
use crate::bounds::error::{check_errors, check_num_classes};

/// The numbers of images that two models got right and wrong: of each class n_j, both wrong, only A
/// wrong (b_j), only B wrong (c_j).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairedCounts {
    samples: Vec<u64>,
    both_wrong: Vec<u64>,
    only_a_wrong: Vec<u64>,
    only_b_wrong: Vec<u64>,
}

impl PairedCounts {
    /// Takes n_j, both wrong, only A wrong and only B wrong of each class.
    ///
    /// # Errors
    /// [`BoundError::TooFewClasses`]; [`BoundError::MoreErrorsThanSamples`] for three counts above
    /// a class's images.
    pub fn from_counts(classes: &[[u64; 4]]) -> Result<Self, BoundError> {
        check_num_classes(classes.len())?;
        for (class, &[samples, both, only_a, only_b]) in classes.iter().enumerate() {
            check_errors(class, both.saturating_add(only_a).saturating_add(only_b), samples)?;
        }
        let [samples, both_wrong, only_a_wrong, only_b_wrong] =
            [0, 1, 2, 3].map(|which| classes.iter().map(|class| class[which]).collect());
        Ok(Self { samples, both_wrong, only_a_wrong, only_b_wrong })
    }

    /// Counts the predictions of both models on the same images in the same order, and their
    /// labels; all three in 0..`num_classes`.
    ///
    /// # Errors
    /// [`BoundError::TooFewClasses`]; [`BoundError::Predictions`] if there are not as many
    /// predictions as labels; [`BoundError::Class`] for an index that is no class.
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
        let mut counts = vec![[0; 4]; num_classes];
        for (sample, ((&a, &b), &label)) in predicted_a.iter().zip(predicted_b).zip(labels).enumerate() {
            if let Some(class) = [a, b, label].into_iter().find(|&class| class >= num_classes) {
                return Err(BoundError::Class { sample, class, num_classes });
            }
            let [samples, both, only_a, only_b] = &mut counts[label];
            *samples += 1;
            match (a == label, b == label) {
                (false, false) => *both += 1,
                (false, true) => *only_a += 1,
                (true, false) => *only_b += 1,
                (true, true) => {}
            }
        }
        Self::from_counts(&counts)
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
        let same = PairedCounts::from_counts(&[[4, 1, 1, 1], [2, 1, 0, 1], [1, 0, 1, 0], [0; 4]]).unwrap();
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
        let too_many = Err(BoundError::MoreErrorsThanSamples { class: 1, errors: 4, samples: 3 });
        assert_eq!(counts(&[[3, 0, 3, 0], [3, 1, 1, 2]]), too_many);
        assert!(matches!(counts(&[[3, 0, 1, 1]]), Err(BoundError::TooFewClasses { .. })));
        assert!(counts(&[[3, u64::MAX, 1, 1], [3, 0, 1, 1]]).is_err());
    }
}
