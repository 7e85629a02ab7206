//! The flags of the classification loss.

use car_spectral_training::TrainingError;
use car_spectral_training::loss::classification::ClassificationOptions;
use clap::{Args, ValueEnum};

/// The classification loss; its constants are by default those of the literature
#[derive(Debug, Args)]
#[command(next_help_heading = "Loss")]
pub struct LossArguments {
    /// Classification loss; logit-adjustment with its default tau of 1 is balanced-softmax
    #[arg(long, default_value = "cross-entropy")]
    loss: Loss,
    /// Exponent, of focal [default: 2]
    #[arg(long, allow_negative_numbers = true)]
    gamma: Option<f64>,
    /// b of the weights (1-b)/(1-b^n), of class-balanced and ldam-drw [default: 0.9999]
    #[arg(long, allow_negative_numbers = true)]
    class_beta: Option<f64>,
    /// Largest margin, of ldam-drw [default: 0.5]
    #[arg(long, allow_negative_numbers = true)]
    largest_margin: Option<f64>,
    /// First epoch with class weights, of ldam-drw [default: after four fifths of the epochs]
    #[arg(long)]
    deferred_from: Option<usize>,
    /// Strength tau, of logit-adjustment [default: 1]
    #[arg(long, allow_negative_numbers = true)]
    tau: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
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
        self.loss == Loss::LdamDrw
    }

    /// The loss of a run of so many epochs with logits of the scale `scale`.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`] for a constant of another loss.
    pub fn options(&self, epochs: usize, scale: f64) -> Result<ClassificationOptions, TrainingError> {
        let text = |value: Option<f64>| value.map(|value| value.to_string());
        let constants: [(&str, Option<String>, &[Loss], &str); 5] = [
            ("--gamma", text(self.gamma), &[Loss::Focal], "--loss focal"),
            (
                "--class-beta",
                text(self.class_beta),
                &[Loss::ClassBalanced, Loss::LdamDrw],
                "--loss class-balanced and ldam-drw",
            ),
            ("--largest-margin", text(self.largest_margin), &[Loss::LdamDrw], "--loss ldam-drw"),
            ("--deferred-from", self.deferred_from.map(|epoch| epoch.to_string()), &[Loss::LdamDrw], "--loss ldam-drw"),
            ("--tau", text(self.tau), &[Loss::LogitAdjustment], "--loss logit-adjustment"),
        ];
        for (name, value, owners, words) in constants {
            if let Some(value) = value.filter(|_| !owners.contains(&self.loss)) {
                return Err(TrainingError::InvalidSetting {
                    name,
                    value,
                    requirement: format!("is of {words} only; leave it out, or give that loss"),
                });
            }
        }
        let beta = self.class_beta.unwrap_or(0.9999);
        Ok(match self.loss {
            Loss::CrossEntropy => ClassificationOptions::CrossEntropy,
            Loss::Focal => ClassificationOptions::Focal { gamma: self.gamma.unwrap_or(2.0) },
            Loss::ClassBalanced => ClassificationOptions::ClassBalanced { beta },
            Loss::LdamDrw => ClassificationOptions::LdamDrw {
                largest_margin: self.largest_margin.unwrap_or(0.5),
                scale,
                beta,
                deferred_from: self.deferred_from.unwrap_or(epochs * 4 / 5 + 1),
            },
            Loss::BalancedSoftmax => ClassificationOptions::LogitAdjustment { tau: 1.0 },
            Loss::LogitAdjustment => ClassificationOptions::LogitAdjustment { tau: self.tau.unwrap_or(1.0) },
        })
    }
}
