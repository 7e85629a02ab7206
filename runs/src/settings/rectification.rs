//! Rectification of the labels of mixed images (ConCutMix, Pan et al., IEEE TIP 2024).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RunError;

/// The options by which labels are rectified.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RectificationOptions {
    /// Last epoch (from 1) with the labels of CutMix as they are.
    pub after_epoch: usize,
    /// Share of the K classes that the semantic label is spread over, in (0, 1]: rounded, at least
    /// one.
    pub nearest_share: f64,
    /// omega: scale of the semantic label's weight, in [0, 1].
    pub omega: f64,
}

impl RectificationOptions {
    /// Those of the literature for CIFAR100-LT (30 of 100 classes; 3 of 10 for CIFAR10-LT, where
    /// omega is 2/255), given the last epoch without (half of the epochs).
    pub fn after(after_epoch: usize) -> Self {
        Self { after_epoch, nearest_share: 0.3, omega: 20.0 / 255.0 }
    }

    /// Checks every constant.
    pub fn check(&self) -> Result<(), RunError> {
        if !(self.nearest_share > 0.0 && self.nearest_share <= 1.0) {
            return Err(RunError::setting("rectify-share", self.nearest_share, "above 0 and at most 1"));
        }
        if !(0.0..=1.0).contains(&self.omega) {
            return Err(RunError::setting("rectify-omega", self.omega, "in [0, 1]"));
        }
        Ok(())
    }
}
