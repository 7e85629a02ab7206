//! Scores kept as prediction files, so that networks need not be run again.

use std::path::{Path, PathBuf};

use car_spectral_formats::FileError;
use car_spectral_formats::atomic::check_target;
use car_spectral_formats::predictions::{Logits, write};

use super::Loaded;
use crate::subject::Scored;
use crate::{AnalysisError, Result};

/// Writes the scores of the one model into `file`, those on its training images into NAME-train.npz
/// beside it.
///
/// Returns the files written.
pub fn save_predictions(loaded: &Loaded, file: &Path) -> Result<Vec<PathBuf>> {
    let [subject] = loaded.subjects.as_slice() else {
        let problem = format!("`save-predictions` keeps the scores of one model, {} are given", loaded.subjects.len());
        return Err(AnalysisError::Usage { problem });
    };
    save(&subject.test, file)?;
    let mut written = vec![file.to_owned()];
    if let Some(train) = &subject.train {
        let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let beside = file.with_file_name(format!("{stem}-train.npz"));
        save(train, &beside)?;
        written.push(beside);
    }
    Ok(written)
}

/// Checks, before anything is computed, that scores may be written there: a .npz file, which no
/// weights are called.
///
/// # Errors
/// [`AnalysisError::Usage`]; those of [`check_target`].
pub fn check_place(file: &Path) -> Result<()> {
    if file.extension().is_none_or(|ending| ending != "npz") {
        let problem = format!("`save-predictions` writes a .npz file, which {} is not called", file.display());
        return Err(AnalysisError::Usage { problem });
    }
    Ok(check_target(file)?)
}

fn save(scored: &Scored, file: &Path) -> Result<()> {
    let Logits::F32(logits) = &scored.logits else {
        let problem =
            "`save-predictions` keeps what a checkpoint computes; these scores are in a file already".to_owned();
        return Err(AnalysisError::Usage { problem });
    };
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(FileError::io(folder))?;
    }
    let indices: Vec<usize> = (0..logits.nrows()).collect();
    write::<FileError>(file, logits.ncols(), &scored.labels.to_vec(), &indices, |take| take(logits.view()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use car_spectral_formats::predictions::{PredictionSource, read};
    use ndarray::{Array1, array};

    use super::*;
    use crate::subject::Subject;

    #[test]
    fn what_is_saved_is_read_again() {
        let scored = |shift: f32| Scored {
            logits: Logits::F32(array![[1.0 + shift, 2.0, 0.5], [0.25, -1.0, 3.0]]),
            labels: Array1::from_vec(vec![1, 2]),
        };
        let subject = Subject { train: Some(scored(7.0)), ..Subject::new("a".to_owned(), scored(0.0)) };
        let mut loaded = Loaded { subjects: vec![subject.clone()], ..Loaded::default() };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new").join("scores.npz");
        let written = save_predictions(&loaded, &file).unwrap();
        assert_eq!(written, [file.clone(), file.with_file_name("scores-train.npz")]);
        for (path, shift) in written.into_iter().zip([0.0, 7.0]) {
            let found = read(&PredictionSource::File(path)).unwrap();
            assert_eq!((found.logits, found.labels), (scored(shift).logits, scored(shift).labels));
        }
        check_place(&file).unwrap();
        let named = check_place(&folder.path().join("weights.pth")).unwrap_err();
        assert!(named.exit_code() == 2 && named.to_string().contains("weights.pth"), "{named}");
        let inside = folder.path().join("folder.npz");
        std::fs::create_dir(&inside).unwrap();
        assert_eq!(check_place(&inside).unwrap_err().exit_code(), 1);
        loaded.subjects.push(subject);
        let error = save_predictions(&loaded, &file).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
    }
}
