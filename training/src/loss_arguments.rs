//! The flags of the classification loss.

use car_spectral_training::loss::classification::ClassificationOptions;
use clap::{Args, ValueEnum};

/// The classification loss, and its constants with the values of the literature
#[derive(Debug, Args)]
#[command(next_help_heading = "Loss")]
pub struct LossArguments {
    /// Classification loss
    #[arg(long, default_value = "cross-entropy")]
    loss: Loss,
    /// Exponent of the focal loss
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
    gamma: f64,
    /// b of the weights (1-b)/(1-b^n) of class-balanced and ldam-drw
    #[arg(long, default_value_t = 0.9999, allow_negative_numbers = true)]
    class_beta: f64,
    /// Largest margin of ldam-drw
    #[arg(long, default_value_t = 0.5, allow_negative_numbers = true)]
    largest_margin: f64,
    /// First epoch with class weights of ldam-drw [default: after four fifths of the epochs]
    #[arg(long)]
    deferred_from: Option<usize>,
    /// tau of logit-adjustment; balanced-softmax has 1
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    tau: f64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Loss {
    CrossEntropy,
    Focal,
    ClassBalanced,
    LdamDrw,
    BalancedSoftmax,
    LogitAdjustment,
}

impl LossArguments {
    /// Whether the loss is made for a cosine classifier.
    pub fn is_ldam(&self) -> bool {
        matches!(self.loss, Loss::LdamDrw)
    }

    /// The loss of a run of so many epochs with logits of the scale `scale`.
    pub fn options(&self, epochs: usize, scale: f64) -> ClassificationOptions {
        match self.loss {
            Loss::CrossEntropy => ClassificationOptions::CrossEntropy,
            Loss::Focal => ClassificationOptions::Focal { gamma: self.gamma },
            Loss::ClassBalanced => ClassificationOptions::ClassBalanced { beta: self.class_beta },
            Loss::LdamDrw => ClassificationOptions::LdamDrw {
                largest_margin: self.largest_margin,
                scale,
                beta: self.class_beta,
                deferred_from: self.deferred_from.unwrap_or(epochs * 4 / 5 + 1),
            },
            Loss::BalancedSoftmax => ClassificationOptions::LogitAdjustment { tau: 1.0 },
            Loss::LogitAdjustment => ClassificationOptions::LogitAdjustment { tau: self.tau },
        }
    }
}
