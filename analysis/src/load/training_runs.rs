//! What the runs behind the checkpoints recorded: `metrics.jsonl` in their folders.

use std::path::{Path, PathBuf};

use car_spectral_training::checkpoint::{self, Description};
use car_spectral_training::metrics::read_log;

use super::data_file;
use crate::AnalysisError;
use crate::report::TrainingRun;

/// One run for each folder that holds a log and one of these checkpoints, in their order.
///
/// # Errors
/// [`AnalysisError`] naming the line of a log that is damaged.
pub(super) fn read(checkpoints: &[PathBuf]) -> Result<Vec<TrainingRun>, AnalysisError> {
    let mut runs: Vec<(PathBuf, TrainingRun)> = Vec::new();
    for path in checkpoints {
        let folder = path.parent().map_or(Path::new("."), |folder| folder);
        let log = folder.join("metrics.jsonl");
        if runs.iter().any(|(known, _)| known == folder) || !log.is_file() {
            continue;
        }
        let safetensors = path.extension().is_some_and(|extension| extension == "safetensors");
        let Some(description) = (if safetensors { checkpoint::describe(path)? } else { None }) else { continue };
        runs.push((folder.to_owned(), run(folder, &log, description)?));
    }
    Ok(runs.into_iter().map(|(_, run)| run).collect())
}

fn run(folder: &Path, log: &Path, description: Description) -> Result<TrainingRun, AnalysisError> {
    let name = folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into());
    Ok(TrainingRun {
        name,
        log: data_file("metrics", log)?,
        architecture: description.architecture.kind.to_string(),
        loss: description.run.loss,
        car: description.run.car,
        seed: description.run.seed,
        train_counts: description.data.class_counts,
        epochs: read_log(log)?,
    })
}
