//! The flags of the loss.

use car_spectral::car::CarOptions;
use car_spectral_data::{CutMix, Sampler, SettingError};
use car_spectral_runs::settings::{
    CarSchedule, ClassificationOptions, ContrastiveOptions, ObjectiveOptions, RectificationOptions,
};
use car_spectral_training::TrainingError;
use clap::{Args, ValueEnum};

use crate::named::{SAMPLERS, named};

/// The loss; its constants are by default those of the literature
#[derive(Debug, Args)]
#[command(next_help_heading = "Loss")]
pub struct LossArguments {
    /// The loss. logit-adjustment with its default tau of 1 is balanced-softmax; bcl is logit
    /// adjustment and a contrastive loss of two more views; concutmix is bcl and CutMix, with
    /// labels rectified in the second half of the epochs
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
    /// Strength tau, of logit-adjustment, bcl and concutmix [default: 1; 0.9 for concutmix]
    #[arg(long, allow_negative_numbers = true)]
    tau: Option<f64>,
    /// Mix batches by CutMix; with any loss but ldam-drw
    #[arg(long)]
    cutmix: bool,
    /// Probability that a batch is mixed, of --cutmix and concutmix [default: 0.5]
    #[arg(long, allow_negative_numbers = true)]
    cutmix_probability: Option<f64>,
    /// Frequency with which the images of each class are pasted, of --cutmix and concutmix
    /// [default: instance-balanced; class-balanced for concutmix, as its authors' code has it]
    #[arg(long, value_name = "SAMPLER", value_parser = named::<Sampler>(SAMPLERS))]
    cutmix_partners: Option<Sampler>,
    /// Weight of the classification loss, of bcl and concutmix [default: 2]
    #[arg(long, allow_negative_numbers = true)]
    classification_weight: Option<f64>,
    /// Weight of the contrastive loss, of bcl and concutmix [default: 0.6]
    #[arg(long, allow_negative_numbers = true)]
    contrastive_weight: Option<f64>,
    /// Temperature of the contrastive loss, of bcl and concutmix [default: 0.1]
    #[arg(long, allow_negative_numbers = true)]
    contrastive_temperature: Option<f64>,
    /// Hidden width of the two perceptrons, of bcl and concutmix [default: 512]
    #[arg(long)]
    contrastive_hidden: Option<usize>,
    /// Dimension of the features compared, of bcl and concutmix [default: 128]
    #[arg(long)]
    contrastive_dimension: Option<usize>,
    /// Last epoch before labels are rectified, of concutmix [default: half of the epochs]
    #[arg(long)]
    rectify_after: Option<usize>,
    /// Share of the classes that a semantic label is spread over, of concutmix [default: 0.3]
    #[arg(long, allow_negative_numbers = true)]
    rectify_share: Option<f64>,
    /// Scale omega of the semantic label's weight, of concutmix [default: 20/255; the literature
    /// has 2/255 for CIFAR-10]
    #[arg(long, allow_negative_numbers = true)]
    rectify_omega: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Loss {
    CrossEntropy,
    Focal,
    ClassBalanced,
    LdamDrw,
    BalancedSoftmax,
    LogitAdjustment,
    Bcl,
    Concutmix,
}

impl LossArguments {
    /// Tells whether the loss is made for a cosine classifier.
    pub fn is_ldam(&self) -> bool {
        self.loss == Loss::LdamDrw
    }

    /// The objective of a run of so many epochs with logits of the scale `scale`, with or without
    /// CAR by its schedule.
    ///
    /// # Errors
    /// [`SettingError`] for a constant of another loss.
    pub fn objective(
        &self,
        epochs: usize,
        scale: f64,
        car: Option<CarOptions>,
        car_schedule: CarSchedule,
    ) -> Result<ObjectiveOptions, TrainingError> {
        self.check_used()?;
        let concutmix = self.loss == Loss::Concutmix;
        Ok(ObjectiveOptions {
            classification: self.classification(epochs, scale),
            contrastive: (concutmix || self.loss == Loss::Bcl).then(|| self.contrastive()),
            cutmix: (concutmix || self.cutmix).then(|| self.cutmix_options()),
            rectification: concutmix.then(|| self.rectification(epochs)),
            car,
            car_schedule,
        })
    }

    fn classification(&self, epochs: usize, scale: f64) -> ClassificationOptions {
        let beta = self.class_beta.unwrap_or(0.9999);
        match self.loss {
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
            Loss::LogitAdjustment | Loss::Bcl => {
                ClassificationOptions::LogitAdjustment { tau: self.tau.unwrap_or(1.0) }
            }
            Loss::Concutmix => ClassificationOptions::LogitAdjustment { tau: self.tau.unwrap_or(0.9) },
        }
    }

    fn contrastive(&self) -> ContrastiveOptions {
        let customary = ContrastiveOptions::CIFAR;
        ContrastiveOptions {
            classification_weight: self.classification_weight.unwrap_or(customary.classification_weight),
            contrastive_weight: self.contrastive_weight.unwrap_or(customary.contrastive_weight),
            temperature: self.contrastive_temperature.unwrap_or(customary.temperature),
            hidden: self.contrastive_hidden.unwrap_or(customary.hidden),
            dimension: self.contrastive_dimension.unwrap_or(customary.dimension),
        }
    }

    fn cutmix_options(&self) -> CutMix {
        let customary = match self.loss {
            Loss::Concutmix => Sampler::ClassBalanced,
            _ => CutMix::CUSTOMARY.partners,
        };
        CutMix {
            probability: self.cutmix_probability.unwrap_or(CutMix::CUSTOMARY.probability),
            partners: self.cutmix_partners.unwrap_or(customary),
        }
    }

    fn rectification(&self, epochs: usize) -> RectificationOptions {
        let customary = RectificationOptions::after(epochs / 2);
        RectificationOptions {
            after_epoch: self.rectify_after.unwrap_or(customary.after_epoch),
            nearest_share: self.rectify_share.unwrap_or(customary.nearest_share),
            omega: self.rectify_omega.unwrap_or(customary.omega),
        }
    }

    /// Refuses constants of a loss that is not chosen.
    fn check_used(&self) -> Result<(), TrainingError> {
        let loss = self.loss;
        let contrastive = (matches!(loss, Loss::Bcl | Loss::Concutmix), "--loss bcl and concutmix");
        let rectified = (loss == Loss::Concutmix, "--loss concutmix");
        let mixed = (self.cutmix || loss == Loss::Concutmix, "--cutmix and --loss concutmix");
        let ldam = (loss == Loss::LdamDrw, "--loss ldam-drw");
        let weighted = (matches!(loss, Loss::ClassBalanced | Loss::LdamDrw), "--loss class-balanced and ldam-drw");
        let adjusted = (
            matches!(loss, Loss::LogitAdjustment | Loss::Bcl | Loss::Concutmix),
            "--loss logit-adjustment, bcl and concutmix",
        );
        let real = |value: Option<f64>| value.map(|value| value.to_string());
        let whole = |value: Option<usize>| value.map(|value| value.to_string());
        let partners = self.cutmix_partners.map(|sampler| sampler.name().to_owned());
        let constants = [
            ("gamma", real(self.gamma), (loss == Loss::Focal, "--loss focal")),
            ("class-beta", real(self.class_beta), weighted),
            ("largest-margin", real(self.largest_margin), ldam),
            ("deferred-from", whole(self.deferred_from), ldam),
            ("tau", real(self.tau), adjusted),
            ("cutmix-probability", real(self.cutmix_probability), mixed),
            ("cutmix-partners", partners, mixed),
            ("classification-weight", real(self.classification_weight), contrastive),
            ("contrastive-weight", real(self.contrastive_weight), contrastive),
            ("contrastive-temperature", real(self.contrastive_temperature), contrastive),
            ("contrastive-hidden", whole(self.contrastive_hidden), contrastive),
            ("contrastive-dimension", whole(self.contrastive_dimension), contrastive),
            ("rectify-after", whole(self.rectify_after), rectified),
            ("rectify-share", real(self.rectify_share), rectified),
            ("rectify-omega", real(self.rectify_omega), rectified),
        ];
        for (name, value, (used, owners)) in constants {
            if let Some(value) = value.filter(|_| !used) {
                let requirement = format!("is of {owners} only; leave it out, or give that");
                return Err(SettingError { name, value, requirement }.into());
            }
        }
        Ok(())
    }
}
