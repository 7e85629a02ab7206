//! The flags that say how a file of weights from another program is to be read.

use std::path::PathBuf;

use crate::AnalysisError;
use crate::load::ForeignWeights;
use car_spectral_data::SettingError;
use car_spectral_formats::weights::{MatrixRows, Rename};
use car_spectral_runs::settings::Classifier;
use clap::{Args, ValueEnum};

use super::numbers::at_least_1;

/// See [`ForeignWeights`].
#[derive(Debug, Args)]
#[command(next_help_heading = "Weights of other programs")]
pub(super) struct ForeignArguments {
    /// Key of the one set of weights to take from a file of several, as in state_dict_ema; or a
    /// word that their names begin with
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Change the beginning of names, in whole parts between dots: --rename fc=linear, --rename
    /// encoder_q= takes it off
    #[arg(long, value_name = "FROM=TO", num_args = 1..)]
    rename: Vec<Rename>,
    /// Leave tensors or modules out that the scores are computed without
    #[arg(long, value_name = "NAME", num_args = 1..)]
    leave_out: Vec<String>,
    /// The last layer [default: linear, if it has a bias]
    #[arg(long)]
    classifier: Option<ClassifierName>,
    /// Scale of the logits of a cosine classifier
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    scale: Option<u32>,
    /// Rows of the last layer's matrix, if it is square and has no bias: classes (torch.nn.Linear)
    /// or features
    #[arg(long, value_name = "WHAT")]
    classifier_rows: Option<MatrixRows>,
    /// A second file, with the last layer of a network that was kept apart from it
    #[arg(long, value_name = "FILE")]
    classifier_file: Option<PathBuf>,
    /// Side of the patches of vit-* in pixels [default: as the weights say]
    #[arg(long, value_name = "PIXELS", value_parser = at_least_1)]
    patch: Option<usize>,
    /// Hidden widths of mlp, comma-separated [default: as the weights say]
    #[arg(long, value_delimiter = ',', value_parser = at_least_1)]
    hidden: Option<Vec<usize>>,
    /// Resize images to this many pixels a side before the network (bilinear, not antialiased)
    /// [default: as they are]
    #[arg(long, value_name = "PIXELS", value_parser = at_least_1)]
    resolution: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ClassifierName {
    Linear,
    Cosine,
}

impl ForeignArguments {
    /// Whether each flag was given.
    pub(super) fn given(&self) -> [(&'static str, bool); 10] {
        [
            ("key", self.key.is_some()),
            ("rename", !self.rename.is_empty()),
            ("leave-out", !self.leave_out.is_empty()),
            ("classifier", self.classifier.is_some()),
            ("scale", self.scale.is_some()),
            ("classifier-rows", self.classifier_rows.is_some()),
            ("classifier-file", self.classifier_file.is_some()),
            ("patch", self.patch.is_some()),
            ("hidden", self.hidden.is_some()),
            ("resolution", self.resolution.is_some()),
        ]
    }

    /// What the flags say.
    pub(super) fn settings(&self) -> Result<ForeignWeights, AnalysisError> {
        let classifier = match (self.classifier, self.scale) {
            (Some(ClassifierName::Cosine), None) => {
                let requirement = "needs its `scale`, by which the cosines are multiplied (30 in the code of LDAM)";
                return Err(SettingError::new("classifier", "cosine", requirement).into());
            }
            (Some(ClassifierName::Cosine), Some(scale)) => Some(Classifier::Cosine { scale }),
            (_, Some(scale)) => {
                return Err(SettingError::new("scale", scale, "is of `classifier` cosine only; leave it out").into());
            }
            (Some(ClassifierName::Linear), None) => Some(Classifier::Linear),
            (None, None) => None,
        };
        Ok(ForeignWeights {
            key: self.key.clone(),
            renames: self.rename.clone(),
            leave_out: self.leave_out.clone(),
            classifier,
            classifier_rows: self.classifier_rows,
            classifier_file: self.classifier_file.clone(),
            patch: self.patch,
            hidden: self.hidden.clone(),
            resolution: self.resolution,
        })
    }
}
