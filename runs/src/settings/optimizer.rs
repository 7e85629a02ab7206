//! Settings of an optimizer: its kind, with its constants.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RunError;

/// The optimizer, with its constants; the learning rate comes with each step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum OptimizerOptions {
    /// Stochastic gradient descent with momentum, as PyTorch defines it: g' = g + w p; b = mu b +
    /// g' (b = g' at first); p -= lr b, or with Nesterov p -= lr (g' + mu b).
    Sgd {
        /// mu, in [0, 1).
        momentum: f64,
        /// Nesterov's look-ahead.
        nesterov: bool,
        /// w, not negative; added to the gradient of every parameter.
        weight_decay: f64,
    },
    /// AdamW (Loshchilov and Hutter, ICLR 2019): p *= 1 - lr w; m = b1 m + (1 - b1) g; v = b2 v +
    /// (1 - b2) g^2; p -= lr (m/(1 - b1^t)) / (sqrt(v/(1 - b2^t)) + eps).
    AdamW {
        /// b1, in [0, 1).
        beta1: f64,
        /// b2, in [0, 1).
        beta2: f64,
        /// eps, positive.
        epsilon: f64,
        /// w, not negative; of every parameter.
        weight_decay: f64,
    },
}

impl OptimizerOptions {
    /// AdamW with PyTorch's constants: b1 = 0.9, b2 = 0.999, eps = 1e-8.
    pub fn adamw(weight_decay: f64) -> Self {
        Self::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay }
    }

    /// Momentum of SGD; 0 for another optimizer.
    pub fn momentum(&self) -> f64 {
        if let Self::Sgd { momentum, .. } = *self { momentum } else { 0.0 }
    }

    /// Weight decay.
    pub fn weight_decay(&self) -> f64 {
        match *self {
            Self::Sgd { weight_decay, .. } | Self::AdamW { weight_decay, .. } => weight_decay,
        }
    }

    /// Checks every constant.
    ///
    /// # Errors
    /// [`RunError::Setting`] naming the first constant out of its range.
    pub fn check(&self) -> Result<(), RunError> {
        let share = |name, value: f64| {
            (0.0..1.0).contains(&value).then_some(()).ok_or_else(|| RunError::setting(name, value, "in [0, 1)"))
        };
        let decay = match *self {
            Self::Sgd { momentum, nesterov, weight_decay } => {
                share("momentum", momentum)?;
                if nesterov && momentum == 0.0 {
                    return Err(RunError::setting("nesterov", true, "needs a momentum above 0"));
                }
                weight_decay
            }
            Self::AdamW { beta1, beta2, epsilon, weight_decay } => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                if !(epsilon.is_finite() && epsilon > 0.0) {
                    return Err(RunError::setting("epsilon", epsilon, "must be finite and positive"));
                }
                weight_decay
            }
        };
        if !(decay.is_finite() && decay >= 0.0) {
            return Err(RunError::setting("weight-decay", decay, "must be finite and not negative"));
        }
        Ok(())
    }
}

/// The form of [`OptimizerOptions`] in a checkpoint's description: momentum and weight decay by
/// themselves, too.
pub(super) mod described {
    use schemars::JsonSchema;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::OptimizerOptions;

    #[derive(Serialize, Deserialize, JsonSchema)]
    pub(in crate::settings) struct Described {
        /// Momentum of SGD; 0 for another optimizer.
        momentum: f64,
        /// Weight decay.
        weight_decay: f64,
        /// The optimizer with its constants; absent in checkpoints of older builds, which used SGD
        /// without Nesterov's look-ahead.
        #[serde(default)]
        optimizer: Option<OptimizerOptions>,
    }

    pub(in crate::settings) fn serialize<S: Serializer>(of: &OptimizerOptions, to: S) -> Result<S::Ok, S::Error> {
        Described { momentum: of.momentum(), weight_decay: of.weight_decay(), optimizer: Some(*of) }.serialize(to)
    }

    pub(in crate::settings) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<OptimizerOptions, D::Error> {
        let Described { momentum, weight_decay, optimizer } = Described::deserialize(from)?;
        Ok(optimizer.unwrap_or(OptimizerOptions::Sgd { momentum, nesterov: false, weight_decay }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_out_of_range_are_refused_by_flag() {
        let sgd = |momentum, nesterov, weight_decay| OptimizerOptions::Sgd { momentum, nesterov, weight_decay };
        for (options, part) in [
            (sgd(1.0, false, 0.0), "momentum"),
            (sgd(f64::NAN, false, 0.0), "momentum"),
            (sgd(0.0, true, 0.0), "nesterov"),
            (sgd(0.9, false, -1.0), "weight-decay"),
            (OptimizerOptions::adamw(f64::INFINITY), "weight-decay"),
            (OptimizerOptions::AdamW { beta1: 0.9, beta2: 1.0, epsilon: 1e-8, weight_decay: 0.0 }, "beta2"),
            (OptimizerOptions::AdamW { beta1: 0.9, beta2: 0.9, epsilon: 0.0, weight_decay: 0.0 }, "epsilon"),
        ] {
            assert!(options.check().unwrap_err().to_string().contains(part));
        }
    }
}
