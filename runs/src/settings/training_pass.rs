//! Options of the forward passes of training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ArchitectureKind;
use crate::RunError;

/// The options of the forward passes of training; those of evaluation are float32 and whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingPass {
    /// Convolutions and linear maps multiply bfloat16 copies of inputs and weights. The weights
    /// themselves, their gradients, the parameters and statistics of normalisation, softmax, the
    /// last layer and so the loss are float32.
    pub bf16: bool,
    /// Probability, in [0, 1), with which stochastic depth leaves out a sample's last residual
    /// branch; of earlier ones it falls linearly to 0 (Huang et al., ECCV 2016).
    pub drop_path: f64,
}

impl TrainingPass {
    /// Checks the probability, and that the network has branches to leave out.
    pub fn check(&self, network: &ArchitectureKind) -> Result<(), RunError> {
        if !(0.0..1.0).contains(&self.drop_path) {
            return Err(RunError::setting("drop-path", self.drop_path, "in [0, 1)"));
        }
        if self.drop_path > 0.0 && !network.has_drop_path() {
            let requirement = format!("is of vit-* and efficientnet-lite0, not of {network}; leave it out");
            return Err(RunError::setting("drop-path", self.drop_path, requirement));
        }
        Ok(())
    }
}
