//! The logs of the runs behind checkpoints: `metrics.jsonl` in their folders.

use std::fs;
use std::path::{Path, PathBuf};

use car_spectral_formats::FileError;
use car_spectral_runs::folder::LOG;
use car_spectral_runs::{Description, Run};

use crate::load::training_run;
use crate::results::TrainingRun;
use crate::{AnalysisError, Result};

/// One run for each folder that holds a log and one of these checkpoints, in their order. A log
/// without an epoch, of a run that has only begun, is none.
///
/// # Errors
/// [`AnalysisError`] naming the line of a log that is damaged, a log that is not of the
/// checkpoints' run, or checkpoints of several runs in one folder.
pub(super) fn read<'a>(
    checkpoints: impl Iterator<Item = (&'a PathBuf, Option<&'a Description>)>,
) -> Result<Vec<TrainingRun>> {
    let mut folders: Vec<(PathBuf, PathBuf, Description)> = Vec::new();
    for (path, description) in checkpoints {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let log = parent.join(LOG);
        let Some(description) = description.filter(|_| log.is_file()) else { continue };
        let folder = fs::canonicalize(parent).map_err(|source| FileError::Io { path: parent.to_owned(), source })?;
        match folders.iter().find(|(known, _, _)| *known == folder) {
            None => folders.push((folder, log, description.clone())),
            Some((_, _, first)) if same_run(first, description) => {}
            Some(_) => {
                let problem = format!(
                    "{}: its run is not that of the checkpoints before it in the folder; keep runs in folders of their own, or move metrics.jsonl away",
                    path.display()
                );
                return Err(AnalysisError::Mismatch { problem });
            }
        }
    }
    let runs = folders.into_iter().map(|(_, log, description)| training_run(&log, description));
    runs.filter_map(Result::transpose).collect()
}

/// Whether two checkpoints are of one run, at whatever epoch.
fn same_run(a: &Description, b: &Description) -> bool {
    let run = |description: &Description| Run { epoch: 0, ..description.run.clone() };
    a.architecture == b.architecture && a.data == b.data && run(a) == run(b)
}
