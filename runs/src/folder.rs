//! The folder of a run: one run, and one `train` writing at a time.
//!
//! Weights of one run beside the log of another would be read as one run. So a folder that holds a
//! run is refused, unless it is to be overwritten: then the earlier run's files, told by their
//! names, go first. While a run lasts its log is locked, so that a second `train` in the same
//! folder is refused, too.

use std::fs::{self, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use car_spectral_formats::atomic::write_atomically;
use car_spectral_formats::{append_to_regular, safetensors_metadata};

use crate::RunError;
use crate::log::{MetricsLog, read_log};

/// The treatment of a run that the folder holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierRun {
    /// Refuse to write into the folder.
    Refuse,
    /// Remove it.
    Overwrite,
    /// Go on where it was stopped, if its settings are the same; begin where there is none.
    Resume,
}

/// The log, a line an epoch.
pub const LOG: &str = "metrics.jsonl";
/// File that a stopped run goes on from.
pub const STATE: &str = "resume.safetensors";
/// Key of the description of its run in the metadata of [`STATE`].
pub const STATE_KEY: &str = "car_spectral_resume";
/// The flags that the run was begun with, as an experiment file.
pub const FLAGS: &str = "run.toml";
/// The weights that are the result.
pub const WEIGHTS: &str = "model.safetensors";
/// What a run leaves when it has come to its end.
const RESULTS: [&str; 3] = [WEIGHTS, "train.npz", "test.npz"];

/// Tells whether the bytes of the safetensors file at `path` are the state of a stopped run.
///
/// # Errors
/// [`RunError::File`] for bytes that are no whole safetensors file.
pub fn is_state(path: &Path, bytes: &[u8]) -> Result<bool, RunError> {
    Ok(safetensors_metadata(path, bytes, STATE_KEY)?.is_some())
}

/// Tells whether the folder holds a run, of whatever settings, that has come to its end.
pub fn has_results(folder: &Path) -> bool {
    !folder.join(STATE).exists() && RESULTS.iter().all(|file| folder.join(file).exists())
}

/// Keeps the flags of a run beside its results.
pub fn keep_flags(folder: &Path, flags: &str) -> Result<(), RunError> {
    let path = folder.join(FLAGS);
    write_atomically(&path, |file| file.write_all(flags.as_bytes()).map_err(RunError::io(&path)))
}

/// Refuses a folder that holds a run.
///
/// # Errors
/// [`RunError::Setting`] naming the folder; [`RunError::File`].
pub fn check(folder: &Path) -> Result<(), RunError> {
    match files_of_a_run(folder)?.first() {
        None => Ok(()),
        Some(file) => {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let requirement =
                format!("holds a run already ({name}); choose another folder, or give `overwrite` or `resume`");
            Err(RunError::setting("out", folder.display(), requirement))
        }
    }
}

/// Refuses a folder with more than one epoch of a run that nothing can go on from: beginning again
/// would lose them. One may be there: a run can be stopped between its line, or its checkpoint, and
/// its state.
///
/// # Errors
/// [`RunError::Setting`] naming the folder; those of [`read_log`].
pub fn check_not_begun(folder: &Path) -> Result<(), RunError> {
    let epochs = read_log(&folder.join(LOG))?.len();
    let first = ["epoch-0001.safetensors", "epoch-0001.json", "train.npz", "test.npz", "validation.npz", LOG];
    let late = files_of_a_run(folder)?.into_iter().filter_map(|file| file.file_name()?.to_str().map(str::to_owned));
    let found = match late.into_iter().find(|name| !first.contains(&name.as_str())) {
        _ if epochs > 1 => format!("its {LOG} holds {epochs} epochs"),
        Some(name) => format!("it holds {name}"),
        None => return Ok(()),
    };
    let requirement = format!(
        "{found}, but there is no {} to go on from, nor all that a finished run leaves; choose another folder, remove this one, or \
         give `overwrite`",
        STATE
    );
    Err(RunError::setting("resume", folder.display(), requirement))
}

/// Makes the folder, removes the files of an earlier run or leaves them, as asked, and opens the
/// log, locked until it is dropped.
///
/// # Errors
/// As [`check`]; [`RunError::Setting`] also for a folder another `train` is writing into.
pub fn take(folder: &Path, earlier: EarlierRun) -> Result<MetricsLog, RunError> {
    fs::create_dir_all(folder).map_err(RunError::io(folder))?;
    let path = folder.join(LOG);
    let file = append_to_regular(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let requirement = "another train is writing into this folder; wait for its end, or choose another one";
            return Err(RunError::setting("out", folder.display(), requirement));
        }
        Err(TryLockError::Error(source)) => return Err(RunError::io(&path)(source)),
    }
    match earlier {
        EarlierRun::Refuse => check(folder)?,
        EarlierRun::Overwrite => {
            for earlier in files_of_a_run(folder)?.into_iter().filter(|earlier| *earlier != path) {
                fs::remove_file(&earlier).map_err(RunError::io(&earlier))?;
            }
            file.set_len(0).map_err(RunError::io(&path))?;
        }
        EarlierRun::Resume => {}
    }
    Ok(MetricsLog::new(file, path))
}

/// The log, if it is not empty, checkpoints with their descriptions, and predictions, sorted; none
/// if the folder is not there.
fn files_of_a_run(folder: &Path) -> Result<Vec<PathBuf>, RunError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(RunError::io(folder))? {
        let entry = entry.map_err(RunError::io(folder))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let empty = || entry.metadata().is_ok_and(|metadata| metadata.len() == 0);
        if is_of_a_run(name) && !(name == LOG && empty()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn is_of_a_run(name: &str) -> bool {
    let checkpoint = |stem: &str| {
        stem == "model"
            || stem
                .strip_prefix("epoch-")
                .is_some_and(|epoch| epoch.len() >= 4 && epoch.bytes().all(|b| b.is_ascii_digit()))
    };
    [LOG, STATE, "train.npz", "test.npz", "validation.npz"].contains(&name)
        || name.strip_suffix(".safetensors").or(name.strip_suffix(".json")).is_some_and(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_not_mixed_with_another() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        check(&out).unwrap();
        drop(take(&out, EarlierRun::Refuse).unwrap());
        // The empty log of a run that did not finish an epoch is in nobody's way.
        drop(take(&out, EarlierRun::Refuse).unwrap());
        for file in ["epoch-0002.safetensors", "epoch-0002.json", "notes.txt", "epoch-x.json"] {
            fs::write(out.join(file), "mine").unwrap();
        }
        for refused in [check(&out).unwrap_err(), take(&out, EarlierRun::Refuse).unwrap_err()] {
            let text = refused.to_string();
            assert!(text.contains("epoch-0002.json") && text.contains("overwrite"), "{text}");
        }
        assert!(out.join("epoch-0002.safetensors").exists());
        fs::write(out.join(LOG), "{}\n").unwrap();
        let log = take(&out, EarlierRun::Overwrite).unwrap();
        let left: Vec<String> =
            fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(left.len(), 3, "{left:?}");
        assert_eq!(fs::read(out.join(LOG)).unwrap(), b"");
        assert!(left.contains(&"notes.txt".to_owned()) && left.contains(&"epoch-x.json".to_owned()));

        let busy = take(&out, EarlierRun::Overwrite).unwrap_err().to_string();
        assert!(busy.contains("another train"), "{busy}");
        drop(log);
        take(&out, EarlierRun::Overwrite).unwrap();
    }
}
