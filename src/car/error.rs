//! Reasons why a step of CAR cannot be taken.

use thiserror::Error;

use crate::confusion::ConfusionError;
use crate::norms::NormError;

/// An option, a batch or a matrix from which CAR cannot be computed. The state is as it was before
/// the call.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum CarError {
    /// An option out of its range.
    #[error("CAR option {name} = {}: {requirement}", shortest(*value))]
    InvalidOption { name: &'static str, value: f64, requirement: &'static str },
    /// A norm by another name.
    #[error("unknown norm `{name}`; expected spectral, one or ky-fan:R with R >= 1 the number of singular values")]
    UnknownNorm { name: String },
    /// A Ky Fan norm of no singular value, or of more than there are.
    #[error("the norm ky-fan:{order}: a matrix of {num_classes} classes has 1 to {num_classes} singular values to add")]
    KyFanOrder { order: usize, num_classes: usize },
    /// A batch without samples.
    #[error("the batch is empty; CAR needs at least one sample")]
    EmptyBatch,
    /// Weights or a matrix for another number of classes.
    #[error("{what} has {found} classes, expected {expected}")]
    WrongNumberOfClasses { what: &'static str, found: usize, expected: usize },
    /// Finite scores from which something is computed that f64 does not hold.
    #[error("{what} leaves the range of f64")]
    Overflow { what: &'static str },
    /// Scores, labels or counts that were refused.
    #[error(transparent)]
    Confusion(#[from] ConfusionError),
    /// A spectral norm that cannot be given.
    #[error(transparent)]
    Norm(#[from] NormError),
}

/// The shorter of a number's two spellings, with an exponent or without.
fn shortest(value: f64) -> String {
    let (plain, exponent) = (value.to_string(), format!("{value:e}"));
    if exponent.len() < plain.len() { exponent } else { plain }
}

impl CarError {
    pub(super) fn option(name: &'static str, value: f64, requirement: &'static str) -> Self {
        Self::InvalidOption { name, value, requirement }
    }
}
