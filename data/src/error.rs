//! Errors between the files of a data set and a batch.

use std::path::{Path, PathBuf};

use car_spectral::longtail::LongTailError;
use car_spectral_formats::FileError;
use thiserror::Error;

use crate::SettingError;

/// An error of data sets, subsets and loaders; every variant names the file or setting and what to
/// do.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum DataError {
    /// A file that cannot be read, or that is not what its format says.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: {}; {hint}", folder.display(), absence(folder, wanted))]
    MissingFile { folder: PathBuf, wanted: String, hint: String },
    /// A setting out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// The long-tail protocol refused its numbers.
    #[error(transparent)]
    LongTail(#[from] LongTailError),
}

fn absence(folder: &Path, wanted: &str) -> String {
    if folder.is_dir() { format!("no {wanted} there") } else { format!("there is no such folder; looked for {wanted}") }
}

impl DataError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| FileError::io(path)(source).into()
    }

    pub(crate) fn malformed(path: &Path, problem: impl Into<String>) -> Self {
        FileError::malformed(path, problem).into()
    }

    pub(crate) fn setting(name: &'static str, value: impl ToString, requirement: impl Into<String>) -> Self {
        SettingError::new(name, value, requirement).into()
    }
}
