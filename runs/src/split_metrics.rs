//! Metrics of the weights of an epoch on one split: accuracies, the worst class, and the spectral
//! norms of the hard and of the surrogate confusion matrix.

use car_spectral::ClassErrors;
use car_spectral::car::{CarOptions, SurrogateSums, descent_cosine};
use car_spectral::confusion::{ClassWeights, ConfusionMatrix, MarginCounts, MarginGrid};
use car_spectral::longtail::{ClassMetrics, Group};
use car_spectral::norms::{self, SpectralNorm};
use ndarray::{Array2, ArrayView1, ArrayView2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RunError;

/// One split in one epoch, evaluation mode, no augmentation. Λ and the surrogate are those of the
/// run's CAR options, or of [`CarOptions::paper`] in a run without CAR.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SplitMetrics {
    /// Mean cross-entropy, natural logarithm.
    pub loss: f64,
    /// Share of images predicted right (micro average).
    pub accuracy: f64,
    /// The same over the images of classes with more than 100 training images (micro average); null
    /// without such an image.
    pub many: Option<f64>,
    /// 20 to 100 training images.
    pub medium: Option<f64>,
    /// Fewer than 20.
    pub few: Option<f64>,
    /// Means of the class accuracies of `many`, `medium` and `few` (macro averages); absent in logs
    /// of older builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups_macro: Option<[Option<f64>; 3]>,
    /// The class with the largest error, of several the first.
    pub worst_class: usize,
    /// Error of the worst class.
    pub worst_class_error: f64,
    /// Mean error of the worst 10 % of classes
    /// (`car_spectral::longtail::ClassMetrics::worst_tenth_error`); absent in logs of older builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_tenth_error: Option<f64>,
    /// Mean of the class accuracies; absent in logs of older builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_macro: Option<f64>,
    /// Classes without one image predicted right.
    pub zero_accuracy_classes: usize,
    /// Weighted worst-class error max_j lambda_j e_j (D4).
    pub wce: f64,
    /// ‖CΛ‖₂ of the hard confusion matrix.
    pub hard_spectral_norm: f64,
    /// ‖C̃Λ‖₂ of the surrogate over the whole split.
    pub surrogate_spectral_norm: f64,
    /// Cosine between the gradients uvᵀΛ of the two norms; null where one matrix is zero.
    pub surrogate_hard_cosine: Option<f64>,
}

#[cfg(test)]
impl SplitMetrics {
    /// Some metrics, no two alike.
    pub(crate) fn example() -> Self {
        Self {
            loss: 2.0,
            accuracy: 0.5,
            many: Some(0.75),
            medium: None,
            few: Some(0.25),
            groups_macro: Some([Some(0.625), None, Some(0.125)]),
            worst_class: 3,
            worst_class_error: 1.0,
            worst_tenth_error: Some(0.875),
            accuracy_macro: Some(0.625),
            zero_accuracy_classes: 1,
            wce: 1.5,
            hard_spectral_norm: 2.5,
            surrogate_spectral_norm: 0.1 + 0.2,
            surrogate_hard_cosine: None,
        }
    }
}

impl SplitMetrics {
    /// Measures logits [N, K], N >= 1, and labels `[N]`; `train_counts` `[K]` make the groups,
    /// `weights` are Λ.
    ///
    /// # Errors
    /// Those of what it is made of: scores, labels or counts that do not fit together, and norms
    /// that cannot be given.
    pub fn of(
        logits: &Array2<f32>,
        labels: &[usize],
        train_counts: &[u64],
        weights: &ClassWeights,
        options: &CarOptions,
    ) -> Result<Self, RunError> {
        let mut sums = SplitSums::new(train_counts.len(), options)?;
        sums.add(logits.view(), labels.into())?;
        Ok(sums.finish(train_counts, weights)?.metrics)
    }
}

/// The metrics with the matrices that later comparisons need.
#[derive(Debug)]
pub struct SplitEvaluation {
    /// The metrics.
    pub metrics: SplitMetrics,
    /// The surrogate matrix of the split.
    pub surrogate: ConfusionMatrix,
    /// The norm of the hard confusion matrix, weighted, with its vectors.
    pub hard: SpectralNorm,
    /// Wrong images of each class `[K]`.
    pub errors: Vec<u64>,
    /// Images of each class `[K]`.
    pub counts: Vec<u64>,
}

/// The sums over the logits of a split, batch by batch: K^2 numbers, however many images.
#[derive(Debug)]
pub struct SplitSums {
    counts: MarginCounts,
    surrogate: SurrogateSums,
    loss: f64,
}

impl SplitSums {
    /// Makes the sums of no images yet.
    pub fn new(num_classes: usize, options: &CarOptions) -> Result<Self, RunError> {
        Ok(Self {
            counts: MarginCounts::new(num_classes, &MarginGrid::new(&[0.0])?)?,
            surrogate: SurrogateSums::new(num_classes, options.surrogate)?,
            loss: 0.0,
        })
    }

    /// Takes in logits [B, K] and labels `[B]`.
    pub fn add(&mut self, logits: ArrayView2<'_, f32>, labels: ArrayView1<'_, usize>) -> Result<(), RunError> {
        self.counts.add_batch(logits, labels)?;
        self.surrogate.add_batch(logits, labels)?;
        self.loss =
            logits.rows().into_iter().zip(labels).fold(self.loss, |sum, (row, &label)| sum + cross_entropy(row, label));
        Ok(())
    }

    /// The metrics of at least one image; `train_counts` `[K]` make the groups, `weights` are Λ.
    pub fn finish(self, train_counts: &[u64], weights: &ClassWeights) -> Result<SplitEvaluation, RunError> {
        let Self { counts, surrogate, loss } = self;
        let errors = counts.errors();
        let classes =
            ClassMetrics::new(train_counts, ClassErrors { counts: counts.class_counts(), errors: &errors }, None)?;
        let worst = classes.worst_class.expect("at least one sample");

        let weighted = counts.confusion().scale_columns(weights.values())?;
        let hard = norms::spectral_norm(&weighted)?;
        let surrogate = surrogate.into_confusion()?;
        let smooth = norms::spectral_norm(&surrogate.scale_columns(weights.values())?)?;
        let zero = hard.value == 0.0 || smooth.value == 0.0;
        let cosine = || descent_cosine((&smooth.left, &smooth.right), (&hard.left, &hard.right), weights.values());
        let metrics = SplitMetrics {
            loss: loss / counts.samples() as f64,
            accuracy: classes.accuracy.expect("at least one sample"),
            many: classes.group(Group::Many).micro,
            medium: classes.group(Group::Medium).micro,
            few: classes.group(Group::Few).micro,
            groups_macro: Some(Group::ALL.map(|group| classes.group(group).macro_average)),
            worst_class: worst.index,
            worst_class_error: worst.error,
            worst_tenth_error: classes.worst_tenth_error,
            accuracy_macro: classes.accuracy_macro,
            zero_accuracy_classes: classes.zero_accuracy_classes.len(),
            // Not the one-norm of the weighted matrix: its column sums carry rounding, which would break ties.
            wce: classes.weighted_worst_class(weights.values())?.expect("at least one sample").weighted_error,
            hard_spectral_norm: hard.value,
            surrogate_spectral_norm: smooth.value,
            surrogate_hard_cosine: if zero { None } else { cosine() },
        };
        Ok(SplitEvaluation { metrics, surrogate, hard, counts: counts.class_counts().to_vec(), errors })
    }
}

/// -log softmax(f)_y.
fn cross_entropy(scores: ArrayView1<'_, f32>, label: usize) -> f64 {
    let largest = scores.fold(f32::NEG_INFINITY, |largest, &score| largest.max(score));
    let below = |score: f32| f64::from(score) - f64::from(largest);
    scores.iter().map(|&score| below(score).exp()).sum::<f64>().ln() - below(scores[label])
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use car_spectral::confusion::WeightForm;
    use ndarray::array;

    fn evaluate(logits: &Array2<f32>, labels: &[usize], counts: &[u64], weights: &ClassWeights) -> SplitEvaluation {
        let mut sums = SplitSums::new(counts.len(), &CarOptions::paper()).unwrap();
        sums.add(logits.view(), labels.into()).unwrap();
        sums.finish(counts, weights).unwrap()
    }

    #[test]
    fn three_classes_by_hand() {
        let logits = array![[2.0f32, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 3.0], [5.0, 0.0, 0.0]];
        let labels = [0, 0, 1, 2];
        let weights = ClassWeights::new(&[200, 50, 5], 0.2, WeightForm::None).unwrap();
        let found = evaluate(&logits, &labels, &[200, 50, 5], &weights);
        let metrics = &found.metrics;
        assert_eq!((metrics.accuracy, metrics.worst_class, metrics.worst_class_error), (0.25, 1, 1.0));
        assert_eq!((metrics.many, metrics.medium, metrics.few), (Some(0.5), Some(0.0), Some(0.0)));
        assert_eq!(metrics.groups_macro, Some([Some(0.5), Some(0.0), Some(0.0)]));
        assert_eq!((metrics.zero_accuracy_classes, metrics.wce), (2, 1.0));
        assert_eq!((metrics.worst_tenth_error, metrics.accuracy_macro), (Some(1.0), Some(0.5 / 3.0)));
        // Rows 0, 1, 2 hold (0, 0, 1), (1/2, 0, 0), (0, 1, 0).
        assert_relative_eq!(metrics.hard_spectral_norm, 1.0, max_relative = 1e-9);
        let e = |x: f64| x.exp();
        let loss = (e(2.0) + 2.0).ln() - 2.0 + (e(1.0) + 2.0).ln() + (e(3.0) + 2.0).ln() + (e(5.0) + 2.0).ln();
        assert_relative_eq!(metrics.loss, loss / 4.0, max_relative = 1e-14);
        assert!(metrics.surrogate_hard_cosine.unwrap() > 0.0);
        assert_eq!(found.surrogate.num_classes(), 3);
    }

    #[test]
    fn equal_weighted_errors_are_equal_to_the_last_bit() {
        // Class 1 is wrong in all of its hundred samples, however they are spread.
        let counts: [u64; 30] = std::array::from_fn(|class| if class == 1 { 5 } else { 50 });
        let weights = ClassWeights::new(&counts, 0.2, WeightForm::Paper).unwrap();
        for spread in 1..40 {
            let predicted = |row: usize| 2 + (row * row + spread * row) % 28 % spread.min(28);
            let logits = Array2::from_shape_fn((100, 30), |(row, class)| f32::from(u8::from(class == predicted(row))));
            let found = evaluate(&logits, &[1; 100], &counts, &weights);
            assert_eq!(found.metrics.wce, weights.values()[1], "{spread}");
        }
    }

    #[test]
    fn without_an_error_there_is_no_direction() {
        let weights = ClassWeights::new(&[1, 1], 0.2, WeightForm::Paper).unwrap();
        let found = evaluate(&array![[9.0f32, 0.0]], &[0], &[1, 1], &weights);
        assert_eq!((found.metrics.hard_spectral_norm, found.metrics.surrogate_hard_cosine), (0.0, None));
    }
}
