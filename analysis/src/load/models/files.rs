//! The files that are meant by the paths on the command line.

use std::path::PathBuf;

use car_spectral_formats::FileError;
use car_spectral_runs::folder;

use crate::words::readable;
use crate::{AnalysisError, Result};

/// Gives files as they are; folders as the .safetensors files in them but the state of a stopped
/// run, by name.
pub(super) fn expand(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| AnalysisError::File(FileError::Io { path: path.clone(), source });
        let (mut found, mut others) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "safetensors")
                && file.file_name().is_some_and(|name| name != folder::STATE)
            {
                found.push(file);
            } else {
                others.extend(file.file_name().map(|name| name.to_string_lossy().into_owned()));
            }
        }
        if found.is_empty() {
            let problem = format!("{}: no .safetensors checkpoint in this folder; {}", path.display(), remedy(&others));
            return Err(AnalysisError::Mismatch { problem });
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// What to do with a folder of these files.
fn remedy(files: &[String]) -> String {
    let ends = |ending: &str| files.iter().any(|name| name.ends_with(ending));
    if ends(".distcp") {
        return "it is a distributed checkpoint: python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER \
                weights.pt makes one file of it"
            .to_owned();
    }
    if ends("saved_model.pb") {
        return "it is a SavedModel of TensorFlow: export it as ONNX (python -m tf2onnx.convert --saved-model FOLDER)"
            .to_owned();
    }
    let endings = [".pth", ".pt", ".tar", ".ckpt", ".bin", ".th", ".onnx", ".index.json"];
    let mut weights: Vec<String> = files
        .iter()
        .filter(|name| endings.iter().any(|ending| name.ends_with(ending)))
        .map(|name| readable(name))
        .collect();
    weights.sort();
    weights.truncate(5);
    match weights.as_slice() {
        [] => "give the file itself, or let `train` go on with a run that was stopped".to_owned(),
        some => format!("give a file of it: {}", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::remedy;

    #[test]
    fn a_folder_without_checkpoints_says_what_to_do() {
        let of = |names: &[&str]| remedy(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert!(of(&["__0_0.distcp", ".metadata"]).contains("dcp_to_torch"));
        assert!(of(&["saved_model.pb"]).contains("tf2onnx"));
        assert_eq!(of(&["b.pth", "a.ckpt", "log.txt"]), "give a file of it: a.ckpt, b.pth");
        assert!(of(&["log.txt"]).contains("`train`"));
    }
}
