//! Why a step of CAR cannot be taken.

use thiserror::Error;

use crate::confusion::ConfusionError;
use crate::norms::NormError;

/// An option, a batch or a matrix from which CAR cannot be computed. The state is as it was before the call.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CarError {
    /// An option out of its range.
    #[error("CAR option {name} = {value}: {requirement}")]
    InvalidOption {
        /// The option.
        name: &'static str,
        /// The value given.
        value: f64,
        /// What is allowed.
        requirement: &'static str,
    },
    /// A norm by another name.
    #[error("unknown norm `{name}`; expected spectral, one or ky-fan:R with R >= 1 the number of singular values")]
    UnknownNorm {
        /// The name given.
        name: String,
    },
    /// A Ky Fan norm of no singular value, or of more than there are.
    #[error("the norm ky-fan:{order}: a matrix of {num_classes} classes has 1 to {num_classes} singular values to add")]
    KyFanOrder {
        /// The order given.
        order: usize,
        /// K.
        num_classes: usize,
    },
    /// A batch without samples.
    #[error("the batch is empty; CAR needs at least one sample")]
    EmptyBatch,
    /// Weights or a matrix for another number of classes.
    #[error("{what} has {found} classes, expected {expected}")]
    WrongNumberOfClasses {
        /// What was given.
        what: &'static str,
        /// Its number of classes.
        found: usize,
        /// The number expected.
        expected: usize,
    },
    /// Finite scores from which something is computed that f64 does not hold.
    #[error("{what} leaves the range of f64")]
    Overflow {
        /// What was computed.
        what: &'static str,
    },
    /// Scores, labels or counts that were refused.
    #[error(transparent)]
    Confusion(#[from] ConfusionError),
    /// A spectral norm that cannot be given.
    #[error(transparent)]
    Norm(#[from] NormError),
}

impl CarError {
    pub(super) fn option(name: &'static str, value: f64, requirement: &'static str) -> Self {
        Self::InvalidOption { name, value, requirement }
    }
}
