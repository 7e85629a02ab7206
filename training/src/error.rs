//! Errors between a data set, a network and a checkpoint.

use std::path::Path;

use car_spectral::car::CarError;
use car_spectral::confusion::ConfusionError;
use car_spectral::longtail::LongTailError;
use car_spectral::norms::NormError;
use car_spectral_data::{DataError, SettingError};
use car_spectral_formats::{FileError, InputError};
use car_spectral_runs::RunError;
use thiserror::Error;

/// An error of training or checkpoints; every variant names the file or setting and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum TrainingError {
    /// A file that cannot be read or written, or that is not what its format says.
    #[error(transparent)]
    File(#[from] FileError),
    /// A setting out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Data that were refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Settings or records of a run that were refused.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file of weights that was refused.
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("{problem}")]
    WeightsMismatch { problem: String },
    #[error(
        "the loss is {loss} in epoch {epoch}, step {step}; lower `lr`, lengthen `warm-up`, or give constants of the loss \
         (`car-alpha` among them) nearer to their defaults"
    )]
    Diverged { epoch: usize, step: usize, loss: f64 },
    #[error("{tensor} of the network is not finite after epoch {epoch}; {}", remedy(tensor))]
    WeightsDiverged { epoch: usize, tensor: String },
    #[error("{split} images of epoch {epoch}: {source}; lower `lr` or lengthen `warm-up`")]
    ScoresDiverged { epoch: usize, split: &'static str, source: ConfusionError },
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// The CAR loss refused its options, a batch or a state.
    #[error(transparent)]
    Loss(#[from] crate::loss::LossError),
    /// The CAR options were refused.
    #[error(transparent)]
    Car(#[from] CarError),
    /// Scores, labels or weights that were refused.
    #[error(transparent)]
    Confusion(#[from] ConfusionError),
    /// A norm that cannot be given.
    #[error(transparent)]
    Norm(#[from] NormError),
}

fn remedy(tensor: &str) -> &'static str {
    if tensor.ends_with("running_var") {
        "a batch with one value a channel has no variance: give another `batch-size`, or a larger `image-size`"
    } else {
        "lower `lr` or lengthen `warm-up`"
    }
}

impl TrainingError {
    /// The setting that is out of its range, if that is what is wrong; so a program can name its
    /// flag.
    pub fn setting_error(&self) -> Option<&SettingError> {
        match self {
            Self::Setting(error) | Self::Data(DataError::Setting(error)) => Some(error),
            Self::Run(error) => error.setting_error(),
            _ => None,
        }
    }

    /// The numbers of the long-tail protocol, if they are what is wrong.
    pub fn long_tail_error(&self) -> Option<&LongTailError> {
        match self {
            Self::Data(DataError::LongTail(error))
            | Self::Run(RunError::LongTail(error) | RunError::Data(DataError::LongTail(error))) => Some(error),
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
