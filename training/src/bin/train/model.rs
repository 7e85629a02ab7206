//! The flags that choose the network, what it begins with and how it computes.

use std::path::PathBuf;

use car_spectral_data::{Normalisation, SettingError};
use car_spectral_runs::settings::{ArchitectureKind, Classifier, TrainingPass};
use car_spectral_training::TrainingError;
use clap::{Args, ValueEnum};

/// Where features are kept unless told otherwise.
const FEATURES: &str = ".data/features";

/// See [`ArchitectureKind`], [`Classifier`], [`TrainingPass`].
#[derive(Debug, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct ModelArguments {
    /// Network: mlp, resnet20, resnet32, resnet44, resnet56, resnet50, vit-tiny, vit-small,
    /// vit-base, efficientnet-lite0, efficientnet-lite0-symmetric
    #[arg(long, default_value = "resnet32")]
    model: String,
    /// Hidden widths of mlp, comma-separated [default: 256,256]
    #[arg(long, value_delimiter = ',')]
    hidden: Option<Vec<usize>>,
    /// Side of the patches of vit-* in pixels [default: 16]
    #[arg(long, value_name = "PIXELS")]
    patch: Option<usize>,
    /// Resize images on the device to this many pixels a side before the network (bilinear)
    /// [default: as they are]
    #[arg(long, value_name = "PIXELS")]
    pub resolution: Option<usize>,
    /// Mean of each channel, for pixels in [0, 1]; ImageNet's: 0.485,0.456,0.406 [default:
    /// customary for the data set]
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, requires = "std")]
    mean: Option<Vec<f64>>,
    /// Standard deviation of each channel; ImageNet's: 0.229,0.224,0.225
    #[arg(long, value_delimiter = ',', requires = "mean")]
    std: Option<Vec<f64>>,
    /// Begin with the weights of this .safetensors or torch.save file; the last layer begins fresh
    /// if it has other classes
    #[arg(long, value_name = "FILE")]
    pub pretrained: Option<PathBuf>,
    /// Key of the one set of weights to take from that file of several, or a word that their names
    /// begin with
    #[arg(long, value_name = "NAME", requires = "pretrained")]
    pub pretrained_key: Option<String>,
    /// Train the last layer alone, on features of all images that are computed once:
    /// needs --pretrained and --augment none
    #[arg(long)]
    freeze_backbone: bool,
    /// Folder that features are kept in, for all runs on the same weights and images [default:
    /// .data/features]
    #[arg(long, value_name = "DIR", requires = "freeze_backbone")]
    features: Option<PathBuf>,
    /// Last layer of any network but mlp [default: cosine for ldam-drw, else linear]
    #[arg(long)]
    classifier: Option<ClassifierName>,
    /// Scale of the logits of a cosine classifier, and of the margins of ldam-drw [default: 30]
    #[arg(long)]
    scale: Option<u32>,
    /// Multiply in bfloat16 in training; weights, normalisation, last layer and loss stay float32
    #[arg(long)]
    bf16: bool,
    /// Stochastic depth of vit-* and efficientnet-lite0: probability to leave out the last residual
    /// branch [default: 0]
    #[arg(long, value_name = "P", allow_negative_numbers = true)]
    drop_path: Option<f64>,
    /// Evaluate and keep an exponential moving average of the weights with this decay, as in 0.999
    /// [default: the weights]
    #[arg(long, value_name = "DECAY", allow_negative_numbers = true)]
    pub weight_ema: Option<f64>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClassifierName {
    Linear,
    Cosine,
}

impl ModelArguments {
    pub(crate) fn kind(&self) -> Result<ArchitectureKind, TrainingError> {
        let hidden = self.hidden.as_deref().unwrap_or(&[256, 256]);
        Ok(ArchitectureKind::from_name(&self.model, hidden, self.patch.unwrap_or(16))?)
    }

    /// `ldam`: whether the loss is LDAM, made for the cosine classifier.
    pub(crate) fn classifier(&self, ldam: bool) -> Classifier {
        match self.classifier {
            Some(ClassifierName::Linear) => Classifier::Linear,
            None if !ldam => Classifier::Linear,
            Some(ClassifierName::Cosine) | None => Classifier::Cosine { scale: self.scale() },
        }
    }

    pub(crate) fn scale(&self) -> u32 {
        self.scale.unwrap_or(30)
    }

    /// The folder of the features, of a backbone that stays as it is.
    pub(crate) fn frozen(&self) -> Option<PathBuf> {
        let folder = || self.features.clone().unwrap_or_else(|| PathBuf::from(FEATURES));
        self.freeze_backbone.then(folder)
    }

    pub(crate) fn training_pass(&self) -> TrainingPass {
        TrainingPass { bf16: self.bf16, drop_path: self.drop_path.unwrap_or(0.0) }
    }

    pub(crate) fn normalisation(&self) -> Result<Option<Normalisation>, TrainingError> {
        let given = self.mean.as_ref().zip(self.std.as_ref());
        Ok(given.map(|(mean, std)| Normalisation::new(mean.clone(), std.clone())).transpose()?)
    }

    /// Refuses settings that would have no effect.
    pub(crate) fn check_used(&self, ldam: bool) -> Result<(), TrainingError> {
        let refuse = |name, value: String, owner: &str| {
            let requirement = format!("is of {owner} only; leave it out");
            Err(SettingError { name, value, requirement }.into())
        };
        if let (Some(file), "mlp") = (&self.pretrained, self.model.as_str()) {
            return refuse("pretrained", file.display().to_string(), "any --model but mlp");
        }
        match (&self.hidden, self.patch, self.scale) {
            (Some(hidden), _, _) if self.model != "mlp" => refuse("hidden", format!("{hidden:?}"), "--model mlp"),
            (_, Some(patch), _) if !self.model.starts_with("vit-") => {
                refuse("patch", patch.to_string(), "--model vit-*")
            }
            (_, _, Some(scale)) if !ldam && self.classifier(ldam) == Classifier::Linear => {
                refuse("scale", scale.to_string(), "--classifier cosine and --loss ldam-drw")
            }
            _ => Ok(()),
        }
    }
}
