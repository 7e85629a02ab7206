//! The classification loss, with its constants.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RunError;

/// A loss with its constants. p = softmax(f), n_j training images of class j, pi_j = n_j / sum n.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum ClassificationOptions {
    /// Mean of -ln p_y.
    CrossEntropy,
    /// Mean of -(1 - p_y)^gamma ln p_y (Lin et al., ICCV 2017, without alpha).
    Focal {
        /// gamma, not negative.
        gamma: f64,
    },
    /// Cross-entropy weighted by w_y, w_j = (1 - b)/(1 - b^n_j), divided by the batch's sum of
    /// weights (Cui et al., CVPR 2019).
    ClassBalanced {
        /// b, in [0, 1).
        beta: f64,
    },
    /// LDAM (Cao et al., NeurIPS 2019): cross-entropy of f with s Delta_y taken off f_y, Delta_j =
    /// c n_j^(-1/4), c such that the largest is `largest_margin`; from epoch `deferred_from` on
    /// with the weights of the class-balanced loss (DRW). Made for logits s cos(angle) of a cosine
    /// classifier.
    LdamDrw {
        /// Largest Delta_j, positive.
        largest_margin: f64,
        /// s, positive.
        scale: f64,
        /// b of the weights, in [0, 1).
        beta: f64,
        /// First epoch (from 1) with weights.
        deferred_from: usize,
    },
    /// Cross-entropy of f + tau ln pi (Menon et al., ICLR 2021); with tau = 1 the Balanced Softmax
    /// of Ren et al. (NeurIPS 2020). Prediction is by f.
    LogitAdjustment {
        /// tau, not negative.
        tau: f64,
    },
}

impl ClassificationOptions {
    /// Name for logs and plots.
    pub fn label(&self) -> String {
        match *self {
            Self::CrossEntropy => "cross-entropy".to_owned(),
            Self::Focal { gamma } => format!("focal loss (gamma {gamma})"),
            Self::ClassBalanced { beta } => format!("class-balanced loss (b {beta})"),
            Self::LdamDrw { .. } => "LDAM-DRW".to_owned(),
            Self::LogitAdjustment { tau: 1.0 } => "Balanced Softmax".to_owned(),
            Self::LogitAdjustment { tau } => format!("logit adjustment (tau {tau})"),
        }
    }

    /// Tells whether the loss is defined for labels that are distributions over the classes
    /// (ConCutMix): all but LDAM, whose margin is taken off the logit of one true class.
    pub fn takes_soft_labels(&self) -> bool {
        !matches!(self, Self::LdamDrw { .. })
    }

    /// Checks every constant.
    pub fn check(&self) -> Result<(), RunError> {
        let check = |name, value: f64, good: bool, range: &str| {
            if good { Ok(()) } else { Err(RunError::setting(name, value, range)) }
        };
        let not_negative = |name, value: f64| check(name, value, (0.0..=1e6).contains(&value), "from 0 to 1e6");
        let positive = |name, value: f64| check(name, value, (1e-6..=1e6).contains(&value), "from 1e-6 to 1e6");
        let share = |name, value: f64| check(name, value, (0.0..1.0).contains(&value), "in [0, 1)");
        match *self {
            Self::CrossEntropy => Ok(()),
            Self::Focal { gamma } => not_negative("gamma", gamma),
            Self::ClassBalanced { beta } => share("class-beta", beta),
            Self::LdamDrw { largest_margin, scale, beta, .. } => {
                positive("largest-margin", largest_margin)?;
                positive("scale", scale)?;
                share("class-beta", beta)
            }
            Self::LogitAdjustment { tau } => not_negative("tau", tau),
        }
    }
}
