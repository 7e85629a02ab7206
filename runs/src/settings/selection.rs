//! Choice of the epoch whose weights are the result of a run: the last, or the best on a validation
//! part of the training data. The test images take no part in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The choice of the result of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The last epoch.
    #[default]
    Last,
    /// The first of the evaluated epochs with the largest mean of the class accuracies on the
    /// validation part.
    BestValidation,
}

impl Selection {
    /// Tells whether it is the last epoch.
    pub fn is_last(&self) -> bool {
        *self == Self::Last
    }
}
