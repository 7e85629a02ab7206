//! Which epoch's weights are the result of a run: the last, or the best on a validation part of the training data. The
//! test images take no part in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the result of a run is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The last epoch.
    #[default]
    Last,
    /// Of the evaluated epochs the first with the largest mean of the class accuracies on the validation part.
    BestValidation,
}

impl Selection {
    /// Whether it is the last epoch.
    pub fn is_last(&self) -> bool {
        *self == Self::Last
    }
}
