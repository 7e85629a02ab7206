//! `metrics.jsonl`: one JSON object an epoch, appended as the epoch ends.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use car_spectral_formats::read_regular;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{RunError, SplitMetrics};

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpochMetrics {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean over the images, as they came, of what is minimised, CAR left out: the classification
    /// loss, natural logarithm, or with a contrastive branch the weighted sum of both losses.
    pub train_loss: f64,
    /// Share of training images predicted right while training (augmented, training mode); of mixed
    /// images the mean share that belongs to the class predicted.
    pub train_accuracy: f64,
    /// Learning rate at the epoch's last step.
    pub learning_rate: f64,
    /// The training subset with the epoch's final weights; null in epochs without an evaluation.
    pub train: Option<SplitMetrics>,
    /// The test split; null in epochs without an evaluation.
    pub test: Option<SplitMetrics>,
    /// The validation part of the training data; absent without one, and in epochs without an
    /// evaluation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<SplitMetrics>,
    /// The regulariser; null without CAR, and in an epoch whose batches were all mixed.
    pub car: Option<CarMetrics>,
    /// Seconds of training, evaluation left out.
    pub seconds: f64,
}

/// The numbers that a run with CAR records in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CarMetrics {
    /// Mean over the epoch's steps of ‖C̄Λ‖₂, or of the other norm that is penalised.
    pub spectral: f64,
    /// Measurements of it on demand; in their place in the line.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<CarDiagnosis>,
    /// Gap of the average over all columns (the paper's); null in epochs without an evaluation, and
    /// where neither the loss nor a diagnosis has that average, as is the next one.
    pub gap_all_columns: Option<EmaGap>,
    /// Gap of the per-class average.
    pub gap_present_columns: Option<EmaGap>,
    /// Cosine between the gradients uvᵀΛ of the average that regularises and of the hard confusion
    /// matrix of the training set.
    pub ema_hard_cosine: Option<f64>,
}

/// The measurements of CAR that a run takes where it is told to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CarDiagnosis {
    /// Mean over the epoch's steps of the Frobenius norm of the gradient of the norm with respect
    /// to the batch's logits [B, K], without alpha.
    pub gradient_norm: f64,
    /// The same of the mean cross-entropy.
    pub cross_entropy_gradient_norm: f64,
    /// Share of the steps' time that the regulariser took, forward and backward.
    pub time_share: f64,
}

/// Distance of an average C̄ from the surrogate C̃ of the whole training set ("CM gap"), Frobenius
/// norms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EmaGap {
    /// ‖C̄ - C̃‖_F.
    pub gap: f64,
    /// ‖C̃‖_F.
    pub surrogate: f64,
    /// ‖C̄ - C̃‖_F over the columns of classes with fewer than 20 training images.
    pub gap_few: f64,
    /// ‖C̃‖_F over these columns.
    pub surrogate_few: f64,
}

impl EpochMetrics {
    /// Whether the values can be what they are called.
    fn check(&self) -> Result<(), String> {
        let splits = [&self.train, &self.test, &self.validation].into_iter().flatten();
        let shares = splits.clone().flat_map(|split| {
            let groups = [split.many, split.medium, split.few, split.worst_tenth_error, split.accuracy_macro];
            let groups = groups.into_iter().chain(split.groups_macro.into_iter().flatten());
            let always = [("accuracy", split.accuracy), ("worst_class_error", split.worst_class_error)];
            always.into_iter().chain(groups.flatten().map(|share| ("an accuracy or error", share)))
        });
        for (name, share) in shares.chain([("train_accuracy", self.train_accuracy)]) {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{name} is {share:e}; shares lie in [0, 1]"));
            }
        }
        let sizes = splits.flat_map(|split| {
            [
                ("loss", split.loss),
                ("wce", split.wce),
                ("hard_spectral_norm", split.hard_spectral_norm),
                ("surrogate_spectral_norm", split.surrogate_spectral_norm),
            ]
        });
        for (name, size) in sizes.chain([("seconds", self.seconds)]) {
            if size < 0.0 {
                return Err(format!("{name} is {size:e}; it cannot be negative"));
            }
        }
        Ok(())
    }

    /// The line, with its end.
    fn to_json(&self) -> String {
        let mut line = serde_json::to_string(self).expect("metrics hold only finite numbers");
        line.push('\n');
        line
    }
}

/// Reads a log. Blank lines, and a last line that its run has not finished, are left out.
///
/// # Errors
/// [`RunError::File`]; [`RunError::File`] naming the line, also for epochs that do not ascend.
pub fn read_log(path: &Path) -> Result<Vec<EpochMetrics>, RunError> {
    log_of(path, &read_regular(path)?)
}

/// Reads the log as [`read_log`] does, in its bytes at `path`.
///
/// # Errors
/// As [`read_log`], reading left out.
pub fn log_of(path: &Path, bytes: &[u8]) -> Result<Vec<EpochMetrics>, RunError> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(&[][..], |end| &bytes[..end]);
    let mut epochs: Vec<EpochMetrics> = Vec::new();
    for (number, line) in whole.split(|&byte| byte == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let wrong = |problem: String| RunError::malformed(path, format!("line {}: {problem}", number + 1));
        let metrics: EpochMetrics = serde_json::from_slice(line)
            .map_err(|error| wrong(format!("not the metrics of an epoch (column {}): {error}", error.column())))?;
        metrics.check().map_err(&wrong)?;
        let last = epochs.last().map_or(0, |last| last.epoch);
        if metrics.epoch <= last {
            return Err(wrong(format!("epoch {} follows epoch {last}; a log holds one run", metrics.epoch)));
        }
        epochs.push(metrics);
    }
    Ok(epochs)
}

/// Appends lines to `metrics.jsonl`.
#[derive(Debug)]
pub struct MetricsLog {
    file: File,
    path: PathBuf,
}

impl MetricsLog {
    pub(crate) fn new(file: File, path: PathBuf) -> Self {
        Self { file, path }
    }

    /// Keeps the lines of the first `epochs` epochs: what a run that was stopped wrote later is
    /// written again.
    ///
    /// # Errors
    /// As [`read_log`]; [`RunError::File`] if a line of them is missing.
    pub fn keep(&mut self, epochs: usize) -> Result<(), RunError> {
        let lines = if epochs == 0 { Vec::new() } else { read_log(&self.path)? };
        let kept: Vec<&EpochMetrics> = lines.iter().take_while(|line| line.epoch <= epochs).collect();
        if kept.len() != epochs {
            let problem = format!("it has {} of the {epochs} epochs that are done", kept.len());
            return Err(RunError::malformed(&self.path, problem));
        }
        let mut text = String::new();
        for line in kept {
            text.push_str(&line.to_json());
        }
        let bytes = read_regular(&self.path)?;
        if !bytes.starts_with(text.as_bytes()) {
            return Err(RunError::malformed(&self.path, "its lines are not as this program writes them"));
        }
        self.file.set_len(text.len() as u64).map_err(RunError::io(&self.path))
    }

    /// Appends one line.
    pub fn append(&mut self, metrics: &EpochMetrics) -> Result<(), RunError> {
        self.file.write_all(metrics.to_json().as_bytes()).map_err(RunError::io(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_starts_empty_and_each_line_is_there_as_soon_as_it_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::new(File::create(&path).unwrap(), path.clone());
        assert_eq!(read_log(&path).unwrap(), []);
        let first = EpochMetrics {
            epoch: 1,
            train_loss: 0.1 + 0.2,
            train_accuracy: 0.5,
            learning_rate: 1e-3,
            train: None,
            test: None,
            validation: None,
            car: None,
            seconds: 1.5,
        };
        let second = EpochMetrics { epoch: 2, test: Some(SplitMetrics::example()), ..first.clone() };
        let third = EpochMetrics { epoch: 3, validation: Some(SplitMetrics::example()), ..first.clone() };
        for (written, metrics) in [&first, &second, &third].into_iter().enumerate() {
            log.append(metrics).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.ends_with('\n') && text.lines().count() == written + 1, "{text}");
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(read_log(&path).unwrap(), [first.clone(), second.clone(), third]);
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        assert_eq!(read_log(&path).unwrap(), [first, second]);
        std::fs::write(&path, text.replacen('\n', "\n\n", 1)).unwrap();
        assert_eq!(read_log(&path).unwrap().len(), 3);
        for (number, says) in [("-2", "not the metrics"), ("1", "epoch 1 follows epoch 1")] {
            std::fs::write(&path, text.replacen("\"epoch\":2", &format!("\"epoch\":{number}"), 1)).unwrap();
            let error = read_log(&path).unwrap_err().to_string();
            assert!(error.contains("metrics.jsonl: line 2") && error.contains(says), "{error}");
        }
        for (from, to, says) in [
            ("\"accuracy\":0.5", "\"accuracy\":7.0", "line 2: accuracy is 7e0; shares lie in [0, 1]"),
            ("\"few\":0.25", "\"few\":-0.1", "line 2: an accuracy or error is -1e-1"),
            (
                "\"hard_spectral_norm\":2.5",
                "\"hard_spectral_norm\":-2.5",
                "line 2: hard_spectral_norm is -2.5e0; it cannot",
            ),
            ("\"seconds\":1.5", "\"seconds\":-1.5", "line 1: seconds is -1.5e0"),
            ("\"train_accuracy\":0.5", "\"train_accuracy\":1.5", "line 1: train_accuracy is 1.5e0"),
        ] {
            assert!(text.contains(from), "{from}");
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let error = read_log(&path).unwrap_err().to_string();
            assert!(error.contains(says), "{error}\nlacks {says}");
        }
        let first = text.lines().next().unwrap();
        assert!(first.contains("\"test\":null") && !first.contains("validation"), "{text}");
        // Lines of older builds are read, and kept as they are.
        let both: Vec<&str> = text.lines().take(2).collect();
        let old = (both.join("\n") + "\n").replace(r#""worst_tenth_error":0.875,"accuracy_macro":0.625,"#, "");
        assert!(!old.contains("accuracy_macro"), "{old}");
        std::fs::write(&path, &old).unwrap();
        let read = read_log(&path).unwrap()[1].test.clone().unwrap();
        assert_eq!((read.worst_tenth_error, read.accuracy_macro), (None, None));
        log.keep(2).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), old);
    }
}
