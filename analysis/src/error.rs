//! Everything that can stop an analysis, and its exit code.

use std::path::PathBuf;

use car_spectral_data::{DataError, SettingError};
use car_spectral_formats::counts_file::CountsFileError;
use car_spectral_formats::predictions::PredictionsError;
use car_spectral_formats::{FileError, InputError};
use car_spectral_runs::RunError;
use thiserror::Error;

use crate::draw::DrawError;
use crate::report::ReportError;

/// The reasons why an analysis did not come to its end. Messages name the file, sample, class or
/// flag, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum AnalysisError {
    #[error("{problem}")]
    Usage { problem: String },
    #[error("{problem}")]
    Mismatch { problem: String },
    #[error("{problem}")]
    FailedRuns { problem: String },
    /// A file that was refused.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file that cannot be read or written, or that is not what its format says.
    #[error(transparent)]
    File(#[from] FileError),
    /// Files of counts that cannot be read, written or added up.
    #[error(transparent)]
    Counts(Box<CountsFileError>),
    /// A setting out of its range.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A data set that was refused.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A description or log that was refused.
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(
        "{}: weights run on libtorch, which this build is without (a network exported to ONNX takes none: docs/files.md)",
        file.display()
    )]
    NeedsLibtorch { file: PathBuf },
    #[error("{}: an ONNX network runs on an engine that this build is without", file.display())]
    NeedsOnnx { file: PathBuf },
    /// A checkpoint or model that was refused.
    #[cfg(feature = "torch")]
    #[error(transparent)]
    Training(Box<car_spectral_training::TrainingError>),
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
    /// A plot that could not be drawn.
    #[error(transparent)]
    Plot(#[from] DrawError),
    #[cfg(feature = "torch")]
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
}

impl From<CountsFileError> for AnalysisError {
    fn from(error: CountsFileError) -> Self {
        Self::Counts(Box::new(error))
    }
}

impl AnalysisError {
    /// The same, with the file whose numbers are refused.
    pub(crate) fn of(self, file: &str) -> Self {
        match self {
            Self::Confusion(_) | Self::Car(_) | Self::Norm(_) | Self::Bound(_) | Self::LongTail(_) => {
                Self::Mismatch { problem: format!("{file}: {self}") }
            }
            other => other,
        }
    }

    /// 2 for wrong usage, 1 for everything that lies in files.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            _ if self.setting_error().is_some() => 2,
            _ => 1,
        }
    }

    /// The feature of this crate that the build lacks for a file, if that is what is wrong.
    pub fn missing_feature(&self) -> Option<&'static str> {
        match self {
            Self::NeedsLibtorch { .. } => Some("torch"),
            Self::NeedsOnnx { .. } => Some("onnx"),
            Self::Input(InputError::Predictions(PredictionsError::NeedsArrow { .. })) => Some("arrow"),
            _ => None,
        }
    }

    /// The setting that is out of its range, if that is what is wrong; so a program can name its
    /// flag.
    pub fn setting_error(&self) -> Option<&SettingError> {
        match self {
            Self::Setting(error) | Self::Data(DataError::Setting(error)) => Some(error),
            Self::Run(error) => error.setting_error(),
            #[cfg(feature = "torch")]
            Self::Training(error) => error.setting_error(),
            _ => None,
        }
    }
}

#[cfg(feature = "torch")]
impl From<car_spectral_training::TrainingError> for AnalysisError {
    fn from(error: car_spectral_training::TrainingError) -> Self {
        Self::Training(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use car_spectral::bounds::BoundError;

    use super::*;

    #[test]
    fn numbers_that_are_refused_name_the_file_of_their_model() {
        let error = AnalysisError::Bound(BoundError::TooFewClasses { num_classes: 1 });
        assert!(error.of("runs/a.safetensors").to_string().starts_with("runs/a.safetensors: "));
        let usage = AnalysisError::Usage { problem: "give a file".to_owned() };
        assert_eq!(usage.of("a").exit_code(), 2);
    }
}
