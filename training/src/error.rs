//! What can go wrong between a data set, a model and a checkpoint.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// An error of data loading, training or checkpoints; every variant names the file or setting and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TrainingError {
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A data file is not what its format says.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong, where, and what was expected.
        problem: String,
    },
    /// A data set's folder lacks a file.
    #[error("{}: {}; {hint}", folder.display(), absence(folder, wanted))]
    MissingFile {
        /// The folder searched.
        folder: PathBuf,
        /// The file or files looked for.
        wanted: String,
        /// Where the data set can be had.
        hint: String,
    },
    /// A setting out of its range.
    #[error("{name} = {value}: {requirement}")]
    InvalidSetting {
        /// The flag or field.
        name: &'static str,
        /// The value given.
        value: String,
        /// What is allowed.
        requirement: String,
    },
    /// The weights do not fit the architecture.
    #[error("{problem}")]
    WeightsMismatch {
        /// Which tensor, the shape found and the shape expected.
        problem: String,
    },
    /// The long-tailed subset could not be made again as the checkpoint describes it.
    #[error("{problem}")]
    SubsetMismatch {
        /// What differs.
        problem: String,
    },
    /// The loss left the finite range.
    #[error(
        "the loss is {loss} in epoch {epoch}, step {step}; lower --lr, lengthen --warm-up, or give constants of the loss (--car-alpha \
         among them) nearer to their defaults"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Step in the epoch, from 1.
        step: usize,
        /// The loss seen.
        loss: f64,
    },
    /// A weight or a statistic of the network left the finite range.
    #[error("{tensor} of the network is not finite after epoch {epoch}; {}", remedy(tensor))]
    WeightsDiverged {
        /// Epoch, from 1.
        epoch: usize,
        /// The tensor's name.
        tensor: String,
    },
    /// A finite network gave scores that are not.
    #[error("{split} images of epoch {epoch}: {source}; lower --lr or lengthen --warm-up")]
    ScoresDiverged {
        /// Epoch, from 1.
        epoch: usize,
        /// The split that was evaluated.
        split: &'static str,
        /// Sample, class and score.
        source: car_spectral::confusion::ConfusionError,
    },
    /// A file of weights that was refused.
    #[error(transparent)]
    Input(#[from] crate::input::InputError),
    /// libtorch refused an operation.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// The CAR loss refused its options, a batch or a state.
    #[error(transparent)]
    Loss(#[from] crate::loss::LossError),
    /// The CAR options were refused.
    #[error(transparent)]
    Car(#[from] car_spectral::car::CarError),
    /// Scores, labels or weights that were refused.
    #[error(transparent)]
    Confusion(#[from] car_spectral::confusion::ConfusionError),
    /// A norm that cannot be given.
    #[error(transparent)]
    Norm(#[from] car_spectral::norms::NormError),
    /// The long-tail protocol refused its numbers.
    #[error(transparent)]
    LongTail(#[from] car_spectral::longtail::LongTailError),
}

fn remedy(tensor: &str) -> &'static str {
    if tensor.ends_with("running_var") {
        "a batch with one value a channel has no variance: give another --batch-size, or a larger --image-size"
    } else {
        "lower --lr or lengthen --warm-up"
    }
}

fn absence(folder: &Path, wanted: &str) -> String {
    if folder.is_dir() { format!("no {wanted} there") } else { format!("there is no such folder; looked for {wanted}") }
}

impl TrainingError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn malformed(path: &Path, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.to_owned(), problem: problem.into() }
    }

    pub(crate) fn setting(name: &'static str, value: impl ToString, requirement: impl Into<String>) -> Self {
        Self::InvalidSetting { name, value: value.to_string(), requirement: requirement.into() }
    }
}
