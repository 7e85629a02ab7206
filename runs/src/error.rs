//! Errors of the settings and the records of a run.

use std::path::Path;

use car_spectral::car::CarError;
use car_spectral::confusion::ConfusionError;
use car_spectral::longtail::LongTailError;
use car_spectral::norms::NormError;
use car_spectral_data::{DataError, SettingError};
use car_spectral_formats::FileError;
use thiserror::Error;

/// An error of settings, descriptions, logs and folders of runs.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RunError {
    /// A file that cannot be read or written, or that is not what its format says.
    #[error(transparent)]
    File(#[from] FileError),
    /// A setting out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Settings of the data that were refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The CAR options were refused.
    #[error(transparent)]
    Car(#[from] CarError),
    /// Scores, labels or weights that were refused.
    #[error(transparent)]
    Confusion(#[from] ConfusionError),
    /// A norm that cannot be given.
    #[error(transparent)]
    Norm(#[from] NormError),
    /// The long-tail protocol refused its numbers.
    #[error(transparent)]
    LongTail(#[from] LongTailError),
}

impl RunError {
    /// The setting that is out of its range, if that is what is wrong; so a program can name its
    /// flag.
    pub fn setting_error(&self) -> Option<&SettingError> {
        match self {
            Self::Setting(error) | Self::Data(DataError::Setting(error)) => Some(error),
            _ => None,
        }
    }

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
