//! Any error of this crate.

use thiserror::Error;

use crate::bounds::BoundError;
use crate::car::CarError;
use crate::confusion::ConfusionError;
use crate::longtail::LongTailError;
use crate::norms::NormError;

/// Any error of this crate, for code that calls several modules and passes errors on.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum Error {
    /// Scores, labels, counts or weights that were refused.
    #[error(transparent)]
    Confusion(#[from] ConfusionError),
    /// A norm that cannot be given.
    #[error(transparent)]
    Norm(#[from] NormError),
    /// Numbers that a bound refuses.
    #[error(transparent)]
    Bound(#[from] BoundError),
    /// Counts that the long-tail protocol or its metrics refuse.
    #[error(transparent)]
    LongTail(#[from] LongTailError),
    /// Options, matrices or batches that CAR refuses.
    #[error(transparent)]
    Car(#[from] CarError),
}
