//! The whole analysis of the worst class in one call.

use crate::bounds::error::check_length;
use crate::bounds::{
    Chain, Interval, Outcome, Verdict, WeightedConfusions, chain, even_pair, held_out_intervals,
    self_bounding_interval, verdicts, weighted_worst_class_interval, worst_class_candidates, worst_class_interval,
};
use crate::confusion::{ClassWeights, MarginCounts};
use crate::norms::{SpectralNorm, spectral_norm};
use crate::{ClassErrors, Error};

/// The statements of the scores of held-out samples on a classifier's worst class.
///
/// ```
/// use car_spectral::ndarray::array;
/// use car_spectral::{ClassWeights, MarginCounts, MarginGrid, WeightForm, WorstClassAnalysis};
///
/// let scores = array![
///     [2.0f32, 1.0, 0.0], [3.0, 0.0, 0.0], [0.5, 2.0, 0.0],
///     [1.0, 0.2, 0.0], [2.0, 0.0, 1.0], [0.0, 0.0, 4.0],
/// ];
/// let labels = array![0, 0, 1, 1, 2, 2];
/// let mut counts = MarginCounts::new(3, &MarginGrid::new(&[0.0])?)?;
/// counts.add_batch(scores.view(), labels.view())?;
/// // How often each class occurred in training.
/// let weights = ClassWeights::new(&[500, 50, 5], 0.2, WeightForm::Paper)?;
///
/// let found = WorstClassAnalysis::of(&counts, &weights, 0.05)?;
/// assert!(found.chain.holds()); // λ_j e_j ≤ WCE ≤ √(K−1) ‖CΛ‖₂: a theorem, here with its numbers
/// let Interval { lower, upper } = found.largest_error; // of six samples: hardly a statement
/// assert!(lower < 0.05 && upper > 0.98);
/// # use car_spectral::Interval;
/// # Ok::<(), car_spectral::Error>(())
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct WorstClassAnalysis {
    /// ‖CΛ‖₂ of the confusion matrix, certified (S5), with its singular vectors.
    pub norm: SpectralNorm,
    /// λ_j e_j ≤ WCE ≤ √s ‖CΛ‖₂ ≤ √(K−1) ‖CΛ‖₂ with every term (S1 to S3).
    pub chain: Chain,
    /// Interval of each class's error, for all classes at once (T5). `[K]`
    pub class_errors: Vec<Interval>,
    /// Interval of the largest error of any class, whichever class that is (T5').
    pub largest_error: Interval,
    /// Interval of the weighted worst-class error max_j λ_j e_j (T5').
    pub weighted_worst_class: Interval,
    /// Classes among which the worst is (T5'): any one class of the largest error is among them.
    pub candidates: Vec<usize>,
    /// Interval of the population's ‖C_DΛ‖₂ (T6', with the pair of even vectors); not applicable if
    /// a class has no sample.
    pub population_norm: Outcome<Interval>,
}

impl WorstClassAnalysis {
    /// Analyses held-out counts with the weights λ of the training counts. Each of the intervals
    /// holds by itself with probability at least 1 − `delta` over the held-out samples, for a
    /// classifier fixed before they were seen.
    ///
    /// # Errors
    /// [`Error`] for counts without two classes or without a sample, weights of another number of
    /// classes, and `delta` outside (0, 1).
    pub fn of(counts: &MarginCounts, weights: &ClassWeights, delta: f64) -> Result<Self, Error> {
        let (lambda, errors, samples) = (weights.values(), counts.errors(), counts.class_counts());
        let of = ClassErrors { errors: &errors, counts: samples };
        check_length("class weights", samples.len(), lambda.len())?;
        let confusion = counts.confusion();
        let norm = spectral_norm(&confusion.scale_columns(lambda)?)?;
        let pair = [even_pair(samples.len())];
        let weighted = WeightedConfusions::new(lambda, samples, counts.confusion_counts())?;
        let population_norm = self_bounding_interval(&weighted, Interval::from(&norm), &pair, delta)?;
        Ok(Self {
            chain: chain(lambda, of, Interval::from(&norm), &confusion.column_non_zeros())?,
            class_errors: held_out_intervals(of, delta, 1)?,
            largest_error: worst_class_interval(of, delta, 1)?,
            weighted_worst_class: weighted_worst_class_interval(lambda, of, delta, 1)?,
            candidates: worst_class_candidates(of, delta, 1)?,
            population_norm,
            norm,
        })
    }

    /// Judges a bound of every class's error that was made without these samples, such as T3 from
    /// training data: `None` where it does not apply. (A certificate from these samples themselves
    /// needs no verdict: it is the upper end of `class_errors`.)
    ///
    /// # Errors
    /// As [`verdicts`].
    pub fn judge(&self, bounds: &[Option<f64>]) -> Result<Vec<Verdict>, Error> {
        Ok(verdicts(bounds, &self.class_errors)?)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::bounds::BoundError;
    use crate::confusion::{MarginGrid, WeightForm};

    #[test]
    fn it_is_what_the_parts_give() {
        // 30 samples a class of three classes; class 2 errs 12 times, towards class 0, class 1 twice.
        let labels: Array1<usize> = (0..90).map(|at| at / 30).collect();
        let wrong = |at: usize| match at / 30 {
            2 => at % 30 < 12,
            1 => at % 30 < 2,
            _ => false,
        };
        let scores = Array2::from_shape_fn((90, 3), |(at, class)| {
            f64::from(u8::from(if wrong(at) { class == 0 } else { class == at / 30 }))
        });
        let mut counts = MarginCounts::new(3, &MarginGrid::new(&[0.0]).unwrap()).unwrap();
        counts.add_batch(scores.view(), labels.view()).unwrap();
        let weights = ClassWeights::new(&[500, 50, 5], 0.2, WeightForm::Paper).unwrap();
        let found = WorstClassAnalysis::of(&counts, &weights, 0.05).unwrap();
        let lambda = weights.values();
        let sigma = ((12.0 / 30.0 * lambda[2]).powi(2) + (2.0 / 30.0 * lambda[1]).powi(2)).sqrt();
        assert!(Interval::from(&found.norm).contains(sigma));
        assert_eq!((found.chain.worst_class, found.chain.worst_class_error), (2, 0.4));
        assert_eq!(found.candidates, [2]);
        assert!(found.largest_error.lower > 0.15 && found.largest_error.upper < 0.62);
        assert!(found.class_errors[2].lower < found.largest_error.lower);
        let Interval { lower, upper } = *found.population_norm.value().unwrap();
        assert!(0.0 < lower && lower < sigma && sigma < upper);
        let judged = found.judge(&[Some(0.9), Some(0.01), None]).unwrap();
        assert_eq!(judged[0], Verdict::Holds);
        assert_eq!(judged[2], Verdict::NotApplicable);
        #[cfg(feature = "serde")]
        {
            let json = serde_json::to_value(&found).unwrap();
            assert_eq!(json["largest_error"]["upper"], found.largest_error.upper);
            assert_eq!(json["population_norm"]["Applies"]["lower"], lower);
            assert_eq!(json["chain"]["worst_class"], 2);
        }
        assert!(WorstClassAnalysis::of(&counts, &weights, 1.0).is_err());
        let of_two = ClassWeights::new(&[500, 50], 0.2, WeightForm::Paper).unwrap();
        let refused = BoundError::Length { what: "class weights", expected: 3, got: 2 };
        assert_eq!(WorstClassAnalysis::of(&counts, &of_two, 0.05).unwrap_err(), Error::Bound(refused));
    }
}
