//! Built-in architectures with weights that another program kept.

use car_spectral_formats::Content;
use car_spectral_formats::weights::{LastLayer, Reading, Taken, Tensor, Weights, read, read_in};
use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier};
use car_spectral_training::TrainingError;
use car_spectral_training::model::Model;
use tch::Device;

use super::stated::Stated;
use crate::load::ForeignWeights;
use crate::results::DataFile;
use crate::{AnalysisError, Result};

/// In front of the names of a second file's tensors.
const CLASSIFIER_FILE: &str = "classifier-file";

/// Weights that were read and are yet to be fitted to a network, which depends on the images.
pub(super) struct Foreign {
    architecture: String,
    weights: Weights,
    settings: ForeignWeights,
}

impl Foreign {
    /// Takes the weights of a file, and reads the second one of the last layer if there is one.
    pub(super) fn of(content: &Content, architecture: Option<&str>, settings: &ForeignWeights) -> Result<Self> {
        let architecture = architecture.ok_or_else(|| AnalysisError::Usage {
            problem: format!(
                "{} does not name its architecture: give `arch` {}",
                content.path().display(),
                ArchitectureKind::NAMES.join("|")
            ),
        })?;
        ArchitectureKind::from_name(architecture, &[], 1)?;
        let mut weights = read_in(content, settings.key.as_deref())?;
        if let Some(file) = &settings.classifier_file {
            weights = weights.joined(read(file)?, CLASSIFIER_FILE);
        }
        Ok(Self { architecture: architecture.to_owned(), weights, settings: settings.clone() })
    }

    /// The files as they were read.
    pub(super) fn files(&self) -> Vec<DataFile> {
        let weights = &self.weights;
        let first = (&weights.source, weights.bytes, &weights.sha256);
        let parts = weights.parts.iter().map(|part| (&part.file, part.bytes, &part.sha256));
        let file = |(path, bytes, sha256): (&std::path::PathBuf, u64, &String)| DataFile {
            role: "weights".to_owned(),
            path: path.display().to_string(),
            bytes,
            sha256: sha256.clone(),
        };
        std::iter::once(first).chain(parts).map(file).collect()
    }

    /// What the file states of its training.
    pub(super) fn stated(&self) -> Stated {
        Stated::of(&self.weights)
    }

    /// The network with these weights for images [C, H, W], and what was made of the file.
    pub(super) fn network(self, input: [usize; 3], num_classes: usize, device: Device) -> Result<(Model, Taken)> {
        let kind = self.kind(input)?;
        let Self { weights, settings, .. } = self;
        let (classifier, resolution) = (settings.classifier.unwrap_or_default(), settings.resolution);
        let architecture = Architecture { kind, input, num_classes, classifier, resolution };
        let reading = Reading {
            key: settings.key,
            renames: settings.renames,
            leave_out: settings.leave_out,
            last_layer: match settings.classifier {
                None => LastLayer::Unstated,
                Some(Classifier::Linear) => LastLayer::Linear,
                Some(Classifier::Cosine { .. }) => LastLayer::Cosine,
            },
            rows: settings.classifier_rows,
            last_layer_under: settings.classifier_file.map(|_| CLASSIFIER_FILE.to_owned()),
            scale: match settings.classifier {
                Some(Classifier::Cosine { scale }) => Some(f64::from(scale)),
                _ => None,
            },
            without_last_layer: false,
        };
        let file = weights.source.display().to_string();
        let refused = |error| match error {
            error @ (TrainingError::Input(_) | TrainingError::Run(_) | TrainingError::Setting(_)) => error.into(),
            other => AnalysisError::Mismatch { problem: format!("{file}: {other}") },
        };
        Model::of_another(architecture, weights, &reading, device).map_err(refused)
    }

    /// The family; hidden widths of `mlp` and the patch of `vit-*` are read off the weights unless
    /// they are said.
    fn kind(&self, input: [usize; 3]) -> Result<ArchitectureKind> {
        let patches = self.ending("patch_embed.proj.weight").or_else(|| self.ending("conv_proj.weight"));
        let patch = self.settings.patch.or_else(|| patches?.1.shape.last().copied()).unwrap_or(1);
        let hidden = match &self.settings.hidden {
            Some(hidden) => hidden.clone(),
            None => self.hidden(input),
        };
        let kind = ArchitectureKind::from_name(&self.architecture, &hidden, patch)?;
        if self.settings.patch.is_none() && self.settings.hidden.is_none() {
            // What is out of range stands in the file, and was not said.
            let problem = |error| format!("{}: {error}", self.weights.source.display());
            kind.check().map_err(|error| AnalysisError::Mismatch { problem: problem(error) })?;
        }
        let is = |name: &str| self.architecture == name;
        if is("efficientnet-lite0")
            && self.ending("_conv_stem.weight").is_none()
            && self.ending("conv_stem.weight").is_some()
        {
            let problem = format!(
                "{}: timm keeps two networks under these names, of other paddings: give `arch` efficientnet_lite0 or \
                 tf_efficientnet_lite0, as the model was called there",
                self.weights.source.display()
            );
            return Err(AnalysisError::Usage { problem });
        }
        Ok(kind)
    }

    /// The first tensor whose name is `end`, or ends in it behind a dot.
    fn ending(&self, end: &str) -> Option<(&str, &Tensor)> {
        let ends = |name: &str| name.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'));
        self.weights.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).find(|(name, _)| ends(name))
    }

    /// The widths between the matrices `fc1.weight`, `fc2.weight`, ... as far as each takes what
    /// the one before gives, so that a network is no larger than the file.
    fn hidden(&self, input: [usize; 3]) -> Vec<usize> {
        let Some((first, _)) = self.ending("fc1.weight") else { return Vec::new() };
        let prefix = first.trim_end_matches("fc1.weight");
        let mut width: usize = input.iter().product();
        let mut widths = Vec::new();
        for layer in 1.. {
            let Some(weight) = self.weights.tensors.get(&format!("{prefix}fc{layer}.weight")) else { break };
            let [rows, columns] = weight.shape[..] else { break };
            if columns != width {
                break;
            }
            widths.push(rows);
            width = rows;
        }
        widths.truncate(widths.len().saturating_sub(1));
        widths
    }
}
