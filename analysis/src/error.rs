//! Everything that can stop an analysis, and its exit code.

use thiserror::Error;

use crate::report::ReportError;
use car_spectral_training::input::InputError;

/// Why an analysis did not come to its end. Messages name the file, sample, class or flag, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AnalysisError {
    /// Flags that do not fit together or are missing.
    #[error("{problem}")]
    Usage {
        /// What to change on the command line.
        problem: String,
    },
    /// Inputs that do not fit together.
    #[error("{problem}")]
    Mismatch {
        /// Which inputs, and how they differ.
        problem: String,
    },
    /// Runs of a sweep that failed, the others being done.
    #[error("{problem}")]
    FailedRuns {
        /// Each run with its reason and its log.
        problem: String,
    },
    /// A file that was refused.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A data set, checkpoint or model that was refused.
    #[error(transparent)]
    Training(#[from] car_spectral_training::TrainingError),
    /// Scores, labels, margins or weights that were refused.
    #[error(transparent)]
    Confusion(#[from] car_spectral::confusion::ConfusionError),
    /// A surrogate matrix that cannot be given.
    #[error(transparent)]
    Car(#[from] car_spectral::car::CarError),
    /// A norm that cannot be given.
    #[error(transparent)]
    Norm(#[from] car_spectral::norms::NormError),
    /// Numbers that a bound refuses.
    #[error(transparent)]
    Bound(#[from] car_spectral::bounds::BoundError),
    /// Counts that the long-tail metrics refuse.
    #[error(transparent)]
    LongTail(#[from] car_spectral::longtail::LongTailError),
    /// A result that could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl AnalysisError {
    /// 2 for wrong usage, 1 for everything that lies in files.
    pub fn exit_code(&self) -> u8 {
        use car_spectral_training::TrainingError;
        match self {
            Self::Usage { .. } | Self::Training(TrainingError::InvalidSetting { .. }) => 2,
            _ => 1,
        }
    }
}
