//! The numbers that a finished run has reached, computed from its prediction files.

use std::path::Path;

use car_spectral::ClassErrors;
use car_spectral::car::CarOptions;
use car_spectral::confusion::ClassWeights;
use car_spectral::longtail::ClassMetrics;
use car_spectral_formats::predictions::{Block, PredictionSource, Predictions, read};
use car_spectral_runs::log::read_log;
use car_spectral_runs::{Description, SplitEvaluation, SplitMetrics, SplitSums, description};
use ndarray::{ArrayView1, Axis};

use crate::AnalysisError;

/// The results of one run.
#[derive(Clone, Debug)]
pub(super) struct RunResults {
    /// The checkpoint's own words on the run.
    pub description: Description,
    /// Metrics on the test images; the worst-class ratio with the training images.
    pub classes: ClassMetrics,
    /// Metrics on the validation part, if the run held one out.
    pub validation: Option<ClassMetrics>,
    /// Norms on the training images, with Λ and the surrogate of [`CarOptions::paper`] whatever the
    /// run's own, so that runs can be compared.
    pub train: SplitMetrics,
    /// The same on the test images.
    pub test: SplitMetrics,
    /// Root mean square over the classes of their weighted test errors λ_j e_j, below which ‖CΛ‖₂
    /// cannot fall.
    pub rms_weighted_error: f64,
    /// The class predicted for each test image, and its label.
    pub predicted: (Vec<usize>, Vec<usize>),
    /// The network's certainty of itself on the test images.
    pub softness: Softness,
    /// Milliseconds of a training step: over the steps of an epoch, the median of the epochs.
    pub step_milliseconds: Option<f64>,
}

impl RunResults {
    /// Reads `model.safetensors` (its description), `train.npz`, `test.npz`, `validation.npz` if
    /// the run has such a part, and `metrics.jsonl` of a folder.
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
        let (train, test) = (split("train.npz")?, split("test.npz")?);
        if train.found.counts != *counts {
            return Err(mismatch(
                &folder.join("train.npz"),
                "its labels are not those model.safetensors was trained on",
            ));
        }
        let classes = ClassMetrics::new(counts, test.errors(), Some(train.errors()))?;
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
            ("validation.npz", validation.as_ref(), &logged.validation),
        ] {
            let Some(Scored { found: SplitEvaluation { metrics: found, .. }, .. }) = found else { continue };
            if logged.as_ref().is_none_or(|logged| (logged.accuracy - found.accuracy).abs() > 1e-9) {
                let problem = format!(
                    "an accuracy of {}, where metrics.jsonl has {} in epoch {epoch}",
                    found.accuracy,
                    logged.as_ref().map_or("none".to_owned(), |logged| logged.accuracy.to_string())
                );
                return Err(mismatch(&folder.join(name), &problem));
            }
        }
        let validation = validation.map(|found| ClassMetrics::new(counts, found.errors(), None)).transpose()?;
        let steps = counts.iter().sum::<u64>().div_ceil(description.run.optimisation.batch_size as u64);
        let seconds = log.iter().map(|epoch| epoch.seconds).collect();
        let step_milliseconds = median(seconds).map(|seconds| 1000.0 * seconds / steps as f64);
        Ok(Self {
            description,
            classes,
            validation,
            train: train.found.metrics,
            rms_weighted_error: test.rms_weighted_error(weights.values()),
            softness: test.softness(),
            test: test.found.metrics,
            predicted: (test.predicted, test.labels),
            step_milliseconds,
        })
    }
}

fn mismatch(file: &Path, problem: &str) -> AnalysisError {
    AnalysisError::Mismatch { problem: format!("{}: {problem}; train the run again with --overwrite", file.display()) }
}

/// What the scores of a prediction file add up to, with [`CarOptions::paper`].
struct Scored {
    found: SplitEvaluation,
    /// Sum of the largest softmax probabilities.
    confidence: f64,
    predicted: Vec<usize>,
    labels: Vec<usize>,
}

/// Reads a prediction file block by block.
fn scored(path: &Path, counts: &[u64], weights: &ClassWeights) -> Result<Scored, AnalysisError> {
    let Predictions { logits, labels, .. } = read(&PredictionSource::File(path.to_owned()))?;
    let foreign = || mismatch(path, "not the float32 scores of the classes that model.safetensors has");
    if logits.dim().1 != counts.len() {
        return Err(foreign());
    }
    let (mut sums, mut confidence) = (SplitSums::new(counts.len(), &CarOptions::paper())?, 0.0);
    logits.for_each_block(|first, block| {
        let Block::F32(scores) = block else { return Err(foreign()) };
        sums.add(scores, labels.slice_axis(Axis(0), (first..first + scores.nrows()).into()))?;
        confidence = scores.rows().into_iter().fold(confidence, |sum, row| sum + largest_probability(row));
        Ok(())
    })?;
    let found = sums.finish(counts, weights)?;
    Ok(Scored { found, confidence, predicted: logits.predicted(), labels: labels.to_vec() })
}

fn largest_probability(scores: ArrayView1<'_, f32>) -> f64 {
    let largest = scores.fold(f32::NEG_INFINITY, |largest, &score| largest.max(score));
    1.0 / scores.iter().map(|&score| (f64::from(score) - f64::from(largest)).exp()).sum::<f64>()
}

impl Scored {
    fn errors(&self) -> ClassErrors<'_> {
        ClassErrors { counts: &self.found.counts, errors: &self.found.errors }
    }

    /// Root mean square over the classes of λ_j e_j; a class without samples has no error.
    fn rms_weighted_error(&self, weights: &[f64]) -> f64 {
        let weighted = self.found.errors.iter().zip(&self.found.counts).zip(weights);
        let squares = weighted.map(|((&wrong, &of), weight)| (weight * wrong as f64 / of.max(1) as f64).powi(2));
        (squares.sum::<f64>() / weights.len() as f64).sqrt()
    }

    fn softness(&self) -> Softness {
        let sums = self.found.surrogate.column_sums();
        Softness {
            soft_error: sums.iter().sum::<f64>() / sums.len() as f64,
            confidence: self.confidence / self.labels.len() as f64,
        }
    }
}

/// How sure a network is of itself on one split.
#[derive(Clone, Copy, Debug)]
pub(super) struct Softness {
    /// Mean over classes of the surrogate's column sums, with [`CarOptions::paper`]: the soft
    /// counterpart of the mean class error. It falls, too, where logits shrink, for an error by a
    /// large margin counts 1, one by a small margin about a half.
    pub soft_error: f64,
    /// Mean over images of the largest softmax probability.
    pub confidence: f64,
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
    use car_spectral::confusion::WeightForm;
    use car_spectral_formats::FileError;
    use car_spectral_formats::predictions::write;
    use ndarray::array;

    #[test]
    fn smaller_logits_lower_the_soft_error_and_leave_the_error() {
        // One image right by 2, one wrong by 4, of two classes: the one competitor takes the whole share.
        let folder = tempfile::tempdir().unwrap();
        let weights = ClassWeights::new(&[1, 1], 0.2, WeightForm::None).unwrap();
        let softness = |scale: f32| {
            let (file, scores) = (folder.path().join("test.npz"), array![[2.0 * scale, 0.0], [4.0 * scale, 0.0]]);
            write::<FileError>(&file, 2, &[0, 1], &[0, 1], |take| take(scores.view())).unwrap();
            scored(&file, &[1, 1], &weights).unwrap().softness()
        };
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
