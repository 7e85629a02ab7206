//! What the runs behind the checkpoints recorded: `metrics.jsonl` in their folders.

use std::fs;
use std::path::{Path, PathBuf};

use car_spectral_training::TrainingError;
use car_spectral_training::checkpoint::{self, Description, Run};
use car_spectral_training::metrics::{EpochMetrics, read_log};

use super::data_file;
use crate::AnalysisError;
use crate::report::{TrainingRun, readable};

/// One run for each folder that holds a log and one of these checkpoints, in their order. A log without an epoch, of a run
/// that has only begun, is none.
///
/// # Errors
/// [`AnalysisError`] naming the line of a log that is damaged, a log that is not of the checkpoints' run, or checkpoints of
/// several runs in one folder.
pub(super) fn read(checkpoints: &[PathBuf]) -> Result<Vec<TrainingRun>, AnalysisError> {
    let mut folders: Vec<(PathBuf, PathBuf, Description)> = Vec::new();
    for path in checkpoints {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let log = parent.join("metrics.jsonl");
        if !log.is_file() || path.extension().is_none_or(|extension| extension != "safetensors") {
            continue;
        }
        let Some(description) = checkpoint::describe(path)? else { continue };
        let folder =
            fs::canonicalize(parent).map_err(|source| TrainingError::Io { path: parent.to_owned(), source })?;
        match folders.iter().find(|(known, _, _)| *known == folder) {
            None => folders.push((folder, log, description)),
            Some((_, _, first)) if same_run(first, &description) => {}
            Some(_) => {
                let problem = format!(
                    "{}: its run is not that of the checkpoints before it in the folder; keep runs in folders of their own, or move metrics.jsonl away",
                    path.display()
                );
                return Err(AnalysisError::Mismatch { problem });
            }
        }
    }
    let runs = folders.into_iter().map(|(_, log, description)| read_one(&log, description));
    runs.filter_map(Result::transpose).collect()
}

/// The run of a log with its description; `None` for a log without an epoch. It is called by the folder of its
/// `metrics.jsonl`, or as a log of another name.
///
/// # Errors
/// [`AnalysisError`] naming the line of a log that is damaged, or for a log that is not of the described run.
pub(crate) fn read_one(log: &Path, description: Description) -> Result<Option<TrainingRun>, AnalysisError> {
    let epochs = read_log(log)?;
    if epochs.is_empty() {
        return Ok(None);
    }
    if let Some(problem) = contradiction(&epochs, &description) {
        let problem = format!("{}: {problem}; it is the log of another run, move it away", log.display());
        return Err(AnalysisError::Mismatch { problem });
    }
    let absolute = fs::canonicalize(log).map_err(|source| TrainingError::Io { path: log.to_owned(), source })?;
    let folder = absolute.parent().and_then(Path::file_name);
    let stem = absolute.file_stem().unwrap_or_default();
    let name = if stem == "metrics" { folder.unwrap_or(stem) } else { stem };
    Ok(Some(TrainingRun {
        name: readable(&name.to_string_lossy()),
        log: data_file("metrics", log)?,
        dataset: description.data.kind.name().to_owned(),
        architecture: description.architecture.to_string(),
        train_counts: description.data.class_counts,
        subset_sha256: description.data.indices_sha256,
        normalisation: Some(description.normalisation),
        image_size: description.data.image_size,
        run: description.run,
        epochs,
    }))
}

/// Whether two checkpoints are of one run, at whatever epoch.
fn same_run(a: &Description, b: &Description) -> bool {
    let run = |description: &Description| Run { epoch: 0, ..description.run.clone() };
    a.architecture == b.architecture && a.data == b.data && run(a) == run(b)
}

/// How a log cannot be that of a checkpoint.
fn contradiction(epochs: &[EpochMetrics], description: &Description) -> Option<String> {
    let run = &description.run;
    let last = epochs.last().map_or(0, |last| last.epoch);
    let recorded = epochs.iter().any(|epoch| epoch.car.is_some());
    // Of mixed batches CAR reads none, and all of a short run may be mixed.
    if recorded != run.car.is_some() && (recorded || run.cutmix.is_none()) {
        let (log, checkpoint) = if run.car.is_some() { ("no CAR", "with CAR") } else { ("CAR", "without") };
        return Some(format!("it records {log}, the checkpoint was trained {checkpoint}"));
    }
    if last < run.epoch || last > run.epochs {
        return Some(format!("it ends with epoch {last}, the checkpoint is of epoch {} of {}", run.epoch, run.epochs));
    }
    None
}
