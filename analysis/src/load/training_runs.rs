//! Records of a run: its `metrics.jsonl`, with the description of its checkpoint.

use std::fs;
use std::path::Path;

use car_spectral_formats::{Content, FileError, InputError};
use car_spectral_runs::Description;
use car_spectral_runs::log::{EpochMetrics, log_of};

use super::predictions::data_file_of;
use crate::results::TrainingRun;
use crate::words::readable;
use crate::{AnalysisError, Result};

/// The run of a log with its description; `None` for a log without an epoch. It is called by the
/// folder of its `metrics.jsonl`, or as a log of another name.
pub fn read_one(log: &Path, description: Description) -> Result<Option<TrainingRun>> {
    let content = match Content::read(log) {
        Err(InputError::EmptyFile { .. }) => return Ok(None),
        read => read?,
    };
    let epochs = log_of(log, content.bytes())?;
    if epochs.is_empty() {
        return Ok(None);
    }
    if let Some(problem) = contradiction(&epochs, &description) {
        let problem = format!("{}: {problem}; it is the log of another run, move it away", log.display());
        return Err(AnalysisError::Mismatch { problem });
    }
    let absolute = fs::canonicalize(log).map_err(|source| FileError::Io { path: log.to_owned(), source })?;
    let folder = absolute.parent().and_then(Path::file_name);
    let stem = absolute.file_stem().unwrap_or_default();
    let name = if stem == "metrics" { folder.unwrap_or(stem) } else { stem };
    Ok(Some(TrainingRun {
        name: readable(&name.to_string_lossy()),
        log: data_file_of("metrics", &content.stored()),
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

/// How a log cannot be that of a checkpoint.
fn contradiction(epochs: &[EpochMetrics], description: &Description) -> Option<String> {
    let run = &description.run;
    let last = epochs.last().map_or(0, |last| last.epoch);
    let recorded = epochs.iter().any(|epoch| epoch.car.is_some());
    // Of mixed batches CAR reads none, and all of a short run may be mixed.
    if recorded != run.optimisation.objective.car.is_some() && (recorded || run.optimisation.objective.cutmix.is_none())
    {
        let (log, checkpoint) =
            if run.optimisation.objective.car.is_some() { ("no CAR", "with CAR") } else { ("CAR", "without") };
        return Some(format!("it records {log}, the checkpoint was trained {checkpoint}"));
    }
    if last < run.epoch || last > run.optimisation.epochs {
        return Some(format!(
            "it ends with epoch {last}, the checkpoint is of epoch {} of {}",
            run.epoch, run.optimisation.epochs
        ));
    }
    None
}
