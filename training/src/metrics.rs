//! `metrics.jsonl`: one JSON object an epoch, appended as the epoch ends.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainingError;
pub use crate::regulariser::{CarMetrics, EmaGap};
pub use crate::split_metrics::SplitMetrics;

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// Epoch, from 1.
    pub epoch: usize,
    /// Mean cross-entropy over the epoch's batches, natural logarithm.
    pub train_loss: f64,
    /// Share of training images predicted right while training (augmented, training mode).
    pub train_accuracy: f64,
    /// Learning rate at the epoch's last step.
    pub learning_rate: f64,
    /// The training subset with the epoch's final weights; null in epochs without an evaluation.
    pub train: Option<SplitMetrics>,
    /// The test split; null in epochs without an evaluation.
    pub test: Option<SplitMetrics>,
    /// The regulariser; null without CAR.
    pub car: Option<CarMetrics>,
    /// Seconds of training, evaluation left out.
    pub seconds: f64,
}

/// Reads a log. A last line that its run has not finished is left out.
///
/// # Errors
/// [`TrainingError::Io`]; [`TrainingError::Malformed`] naming the line.
pub fn read_log(path: &Path) -> Result<Vec<EpochMetrics>, TrainingError> {
    let text = std::fs::read_to_string(path).map_err(TrainingError::io(path))?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|error| {
            TrainingError::malformed(path, format!("line {}: not the metrics of an epoch: {error}", number + 1))
        })
    };
    whole.lines().enumerate().map(parse).collect()
}

/// Appends lines to `metrics.jsonl`.
#[derive(Debug)]
pub struct MetricsLog {
    file: File,
    path: PathBuf,
}

impl MetricsLog {
    /// Starts an empty log at `path`.
    ///
    /// # Errors
    /// [`TrainingError::Io`] naming the file.
    pub fn create(path: &Path) -> Result<Self, TrainingError> {
        let file =
            OpenOptions::new().create(true).write(true).truncate(true).open(path).map_err(TrainingError::io(path))?;
        Ok(Self { file, path: path.to_owned() })
    }

    /// Appends one line.
    ///
    /// # Errors
    /// [`TrainingError::Io`] naming the file.
    pub fn append(&mut self, metrics: &EpochMetrics) -> Result<(), TrainingError> {
        let mut line = serde_json::to_string(metrics).expect("metrics hold only finite numbers");
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(TrainingError::io(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_starts_empty_and_each_line_is_there_as_soon_as_it_is_appended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, "of an earlier run, longer than nothing\n").unwrap();
        let mut log = MetricsLog::create(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
        let first = EpochMetrics {
            epoch: 1,
            train_loss: 0.1 + 0.2,
            train_accuracy: 0.5,
            learning_rate: 1e-3,
            train: None,
            test: None,
            car: None,
            seconds: 1.5,
        };
        let test = SplitMetrics {
            loss: 2.0,
            accuracy: 0.5,
            many: Some(0.75),
            medium: None,
            few: Some(0.25),
            worst_class: 3,
            worst_class_error: 1.0,
            zero_accuracy_classes: 1,
            wce: 1.5,
            hard_spectral_norm: 2.5,
            surrogate_spectral_norm: 0.1 + 0.2,
            surrogate_hard_cosine: None,
        };
        let second = EpochMetrics { epoch: 2, test: Some(test), ..first.clone() };
        for (written, metrics) in [&first, &second].into_iter().enumerate() {
            log.append(metrics).unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(text.ends_with('\n') && text.lines().count() == written + 1, "{text}");
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(read_log(&path).unwrap(), [first.clone(), second]);
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        assert_eq!(read_log(&path).unwrap(), [first]);
        std::fs::write(&path, text.replacen("\"epoch\":2", "\"epoch\":-2", 1)).unwrap();
        let error = read_log(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl: line 2"), "{error}");
        assert!(text.lines().next().unwrap().contains("\"test\":null"), "{text}");
    }

    #[test]
    fn a_log_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = MetricsLog::create(&folder.path().join("none/metrics.jsonl")).unwrap_err();
        assert!(error.to_string().contains("none/metrics.jsonl"), "{error}");
    }
}
