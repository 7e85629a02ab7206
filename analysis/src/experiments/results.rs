//! What a finished run has reached, computed from its prediction files.

use std::path::Path;

use car_spectral::car::{CarOptions, surrogate_confusion};
use car_spectral::confusion::{ClassWeights, MarginCounts, MarginGrid};
use car_spectral::longtail::{ClassErrors, ClassMetrics};
use car_spectral::norms;
use car_spectral_runs::log::read_log;
use car_spectral_runs::{Description, SplitMetrics, description};

use car_spectral_formats::predictions::{Logits, PredictionSource, Predictions, Reading, read_as};
use ndarray::{Array1, Array2, ArrayView1};

use crate::AnalysisError;

/// The results of one run.
#[derive(Clone, Debug)]
pub(super) struct RunResults {
    /// What the checkpoint says of the run.
    pub description: Description,
    /// On the test images; the worst-class ratio with the training images.
    pub classes: ClassMetrics,
    /// On the validation part, if the run held one out.
    pub validation: Option<ClassMetrics>,
    /// Norms on the training images, with Λ and the surrogate of [`CarOptions::paper`] whatever the run's own, so that
    /// runs can be compared.
    pub train: SplitMetrics,
    /// The same on the test images.
    pub test: SplitMetrics,
    /// Root mean square over the classes of their weighted test errors λ_j e_j: [`norms::column_sum_floor`] of CΛ.
    pub rms_weighted_error: f64,
    /// The class predicted for each test image, and its label.
    pub predicted: (Vec<usize>, Vec<usize>),
    /// How sure it is of itself on the test images.
    pub softness: Softness,
    /// Milliseconds of a training step: over the steps of an epoch, the median of the epochs.
    pub step_milliseconds: Option<f64>,
}

impl RunResults {
    /// Reads `model.safetensors` (its description), `train.npz`, `test.npz`, `validation.npz` if the run has such a
    /// part, and `metrics.jsonl` of a folder.
    ///
    /// # Errors
    /// [`AnalysisError`] naming the file that is missing, damaged or not of this run.
    pub fn read(folder: &Path) -> Result<Self, AnalysisError> {
        let model = folder.join("model.safetensors");
        let description =
            description::describe(&model)?.ok_or_else(|| mismatch(&model, "it does not describe its run"))?;
        let counts = &description.data.class_counts;
        let weights = {
            let paper = CarOptions::paper();
            ClassWeights::new(counts, paper.r0, paper.weights)?
        };
        let split = |name: &str| scored(&folder.join(name), counts, &weights);
        let (train_counts, train, ..) = split("train.npz")?;
        let (test_counts, test, test_logits, test_labels) = split("test.npz")?;
        let softness = Softness::of(&test_logits, test_labels.view())?;
        let predicted = (Logits::F32(test_logits).predicted(), test_labels.to_vec());
        if train_counts.class_counts() != &counts[..] {
            return Err(mismatch(
                &folder.join("train.npz"),
                "its labels are not those model.safetensors was trained on",
            ));
        }
        let (train_errors, test_errors) = (train_counts.errors(), test_counts.errors());
        let classes = ClassMetrics::new(
            counts,
            ClassErrors { counts: test_counts.class_counts(), errors: &test_errors },
            Some(ClassErrors { counts: train_counts.class_counts(), errors: &train_errors }),
        )?;
        let rms_weighted_error = norms::column_sum_floor(&test_counts.confusion().scale_columns(weights.values())?);
        let held_out = description.data.validation.is_some();
        let validation = held_out.then(|| split("validation.npz")).transpose()?;
        let log_path = folder.join("metrics.jsonl");
        let log = read_log(&log_path)?;
        let epoch = description.run.epoch;
        let logged = log.iter().find(|logged| logged.epoch == epoch);
        let logged = logged.ok_or_else(|| mismatch(&log_path, &format!("no line of epoch {epoch}")))?;
        for (name, found, logged) in [
            ("train.npz", Some(&train), &logged.train),
            ("test.npz", Some(&test), &logged.test),
            ("validation.npz", validation.as_ref().map(|(_, metrics, ..)| metrics), &logged.validation),
        ] {
            let Some(found) = found else { continue };
            if logged.as_ref().is_none_or(|logged| (logged.accuracy - found.accuracy).abs() > 1e-9) {
                let problem = format!(
                    "an accuracy of {}, where metrics.jsonl has {} in epoch {epoch}",
                    found.accuracy,
                    logged.as_ref().map_or("none".to_owned(), |logged| logged.accuracy.to_string())
                );
                return Err(mismatch(&folder.join(name), &problem));
            }
        }
        let validation = validation
            .map(|(found, ..)| {
                let errors = found.errors();
                ClassMetrics::new(counts, ClassErrors { counts: found.class_counts(), errors: &errors }, None)
            })
            .transpose()?;
        let steps = counts.iter().sum::<u64>().div_ceil(description.run.batch_size as u64);
        let seconds = log.iter().map(|epoch| epoch.seconds).collect();
        let step_milliseconds = median(seconds).map(|seconds| 1000.0 * seconds / steps as f64);
        Ok(Self {
            description,
            classes,
            validation,
            train,
            test,
            rms_weighted_error,
            predicted,
            softness,
            step_milliseconds,
        })
    }
}

fn mismatch(file: &Path, problem: &str) -> AnalysisError {
    AnalysisError::Mismatch { problem: format!("{}: {problem}; train the run again with --overwrite", file.display()) }
}

type Scored = (MarginCounts, SplitMetrics, Array2<f32>, Array1<usize>);

/// The scores of a prediction file, counted, with [`CarOptions::paper`].
fn scored(path: &Path, counts: &[u64], weights: &ClassWeights) -> Result<Scored, AnalysisError> {
    let in_memory = Reading { in_memory: u64::MAX, ..Reading::default() };
    let Predictions { logits, labels, .. } = read_as(&PredictionSource::File(path.to_owned()), &in_memory)?;
    let logits = match logits {
        Logits::F32(logits) if logits.ncols() == counts.len() => logits,
        _ => return Err(mismatch(path, "not the float32 scores of the classes that model.safetensors has")),
    };
    let mut found = MarginCounts::new(counts.len(), &MarginGrid::new(&[0.0])?)?;
    found.add_batch(logits.view(), labels.view())?;
    let metrics = SplitMetrics::of(&logits, &labels.to_vec(), counts, weights, &CarOptions::paper())?;
    Ok((found, metrics, logits, labels))
}

/// How sure a network is of itself on one split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Softness {
    /// Mean over classes of the surrogate's column sums, with [`CarOptions::paper`]: the soft counterpart of the mean
    /// class error. It falls, too, where logits shrink, for an error by a large margin counts 1, one by a small margin
    /// about a half.
    pub soft_error: f64,
    /// Mean over images of the largest softmax probability.
    pub confidence: f64,
}

impl Softness {
    fn of(logits: &Array2<f32>, labels: ArrayView1<'_, usize>) -> Result<Self, AnalysisError> {
        let surrogate = surrogate_confusion(logits.view(), labels, &CarOptions::paper().surrogate)?;
        let confidence = |row: ArrayView1<'_, f32>| {
            let largest = row.fold(f32::NEG_INFINITY, |largest, &score| largest.max(score));
            1.0 / row.iter().map(|&score| (f64::from(score) - f64::from(largest)).exp()).sum::<f64>()
        };
        Ok(Self {
            soft_error: surrogate.column_sums().iter().sum::<f64>() / logits.ncols() as f64,
            confidence: logits.rows().into_iter().map(confidence).sum::<f64>() / logits.nrows() as f64,
        })
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
    Some(0.5 * (values[low] + values[high]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;

    #[test]
    fn smaller_logits_lower_the_soft_error_and_leave_the_error() {
        // One image right by 2, one wrong by 4, of two classes: the one competitor takes the whole share.
        let softness =
            |scale: f32| Softness::of(&array![[2.0 * scale, 0.0], [4.0 * scale, 0.0]], array![0, 1].view()).unwrap();
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for (scale, at) in [(1.0, 1.0), (0.25, 0.25)] {
            let found = softness(scale);
            let soft = 0.5 * (sigmoid(0.1 - 2.0 * at) + sigmoid(0.1 + 4.0 * at));
            assert_relative_eq!(found.soft_error, soft, max_relative = 1e-12);
            assert_relative_eq!(found.confidence, 0.5 * (sigmoid(2.0 * at) + sigmoid(4.0 * at)), max_relative = 1e-12);
        }
    }

    #[test]
    fn the_median_by_hand() {
        assert_eq!(median(vec![90.0, 2.0, 1.0]), Some(2.0));
        assert_eq!(median(vec![90.0, 2.0, 1.0, 3.0]), Some(2.5));
        assert_eq!(median(vec![2.0]), Some(2.0));
        assert_eq!(median(vec![]), None);
    }
}
