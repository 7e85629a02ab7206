//! The contrastive branch of balanced contrastive learning, with its constants.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::architecture::LARGEST_WIDTH;
use crate::RunError;

/// Constants of the branch and of the sum of losses,
///
/// ```text
/// classification_weight x classification loss + contrastive_weight x balanced contrastive loss
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContrastiveOptions {
    /// Weight of the classification loss, positive.
    pub classification_weight: f64,
    /// Weight of the contrastive loss, positive.
    pub contrastive_weight: f64,
    /// Temperature of the contrastive loss, positive.
    pub temperature: f64,
    /// Width of the hidden layer, at least 1.
    pub hidden: usize,
    /// Dimension in which features are compared, at least 1.
    pub dimension: usize,
}

impl ContrastiveOptions {
    /// Those of the literature for CIFAR100-LT and CIFAR10-LT.
    pub const CIFAR: Self =
        Self { classification_weight: 2.0, contrastive_weight: 0.6, temperature: 0.1, hidden: 512, dimension: 128 };

    /// Checks every constant.
    pub fn check(&self) -> Result<(), RunError> {
        for (name, value) in [
            ("classification-weight", self.classification_weight),
            ("contrastive-weight", self.contrastive_weight),
            ("contrastive-temperature", self.temperature),
        ] {
            if !(1e-6..=1e6).contains(&value) {
                return Err(RunError::setting(name, value, "from 1e-6 to 1e6"));
            }
        }
        for (name, value) in [("contrastive-hidden", self.hidden), ("contrastive-dimension", self.dimension)] {
            if !(1..=LARGEST_WIDTH).contains(&value) {
                return Err(RunError::setting(name, value, format!("from 1 to {LARGEST_WIDTH}")));
            }
        }
        Ok(())
    }
}
