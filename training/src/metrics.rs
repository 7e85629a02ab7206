//! `metrics.jsonl`: one JSON object an epoch, appended as the epoch ends.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::TrainingError;
use crate::regulariser::CarMetrics;
use crate::split_metrics::SplitMetrics;

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
