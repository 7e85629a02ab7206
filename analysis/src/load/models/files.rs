//! The files that are meant by the paths on the command line.

use std::path::PathBuf;

use car_spectral_formats::FileError;
use car_spectral_runs::folder;

use crate::AnalysisError;

/// Gives files as they are; folders as the .safetensors files in them but the state of a stopped run, by name.
pub(super) fn expand(given: &[PathBuf]) -> Result<Vec<PathBuf>, AnalysisError> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| AnalysisError::File(FileError::Io { path: path.clone(), source });
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "safetensors")
                && file.file_name().is_some_and(|name| name != folder::STATE)
            {
                found.push(file);
            }
        }
        if found.is_empty() {
            let problem = format!(
                "{}: no .safetensors checkpoint in this folder; give the file itself, or let `train` go on with a run that was stopped",
                path.display()
            );
            return Err(AnalysisError::Mismatch { problem });
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}
