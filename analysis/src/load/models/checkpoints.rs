//! Models that are run: checkpoints of this project, weights of the built-in architectures from other programs, and
//! TorchScript modules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use car_spectral::bounds::Architecture as KnownArchitecture;
use car_spectral_data::DataSet;
use car_spectral_formats::weights::{CheckpointKind, Weights, read};
use car_spectral_runs::description::describe;
use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier};
use car_spectral_runs::{Description, folder};
use car_spectral_training::device::{device_name, resolve};
use car_spectral_training::model::{Model, tensors_of};
use car_spectral_training::{checkpoint, evaluate};
use tch::{CModule, Device, Tensor};

use super::network;
use super::preprocessing::InputSteps;
use super::scored::{Ready, described, refuse_flags, subject};
use super::training_images::foreign_training;
use crate::AnalysisError;
use crate::load::{Checkpoints, Progress, Request, data_file};
use crate::subject::Subject;

/// A model ready to run, with what its file says of it.
pub(super) struct Runner {
    path: PathBuf,
    kind: &'static str,
    network: Network,
    device: Device,
}

enum Network {
    Own(Box<(Model, Description)>),
    Foreign { architecture: String, weights: BTreeMap<String, Tensor>, steps: InputSteps },
    Script { module: CModule, steps: InputSteps },
}

impl Runner {
    /// Opens a file of this kind.
    pub(super) fn open(
        path: &Path,
        kind: CheckpointKind,
        request: &Request,
        checkpoints: &Checkpoints,
    ) -> Result<Self, AnalysisError> {
        let device = resolve(checkpoints.device)?;
        if let Some(threads) = checkpoints.threads {
            tch::set_num_threads(threads.clamp(1, 1024) as i32);
        }
        let name = path.display().to_string();
        let runner = |kind, network| Ok(Self { path: path.to_owned(), kind, network, device });
        let foreign = |weights: Weights| -> Result<Network, AnalysisError> {
            let steps = InputSteps::of_request(checkpoints.pixels.as_ref(), &name)?;
            let architecture = request.arch.clone().ok_or_else(|| AnalysisError::Usage {
                problem: format!(
                    "{name} does not name its architecture: give `arch` {}",
                    ArchitectureKind::NAMES.join("|")
                ),
            })?;
            ArchitectureKind::from_name(&architecture, &[], 1)?;
            Ok(Network::Foreign { architecture, weights: tensors_of(weights)?, steps })
        };
        match kind {
            CheckpointKind::Safetensors if describe(path)?.is_some() => {
                refuse_flags(&name, request, checkpoints)?;
                runner("checkpoint", Network::Own(Box::new(checkpoint::load(path, device)?)))
            }
            CheckpointKind::Safetensors if folder::is_state(path)? => {
                let problem = format!(
                    "{name} is the state of a run that was stopped; let `train` finish the run, or give one of its epoch-N.safetensors"
                );
                Err(AnalysisError::Mismatch { problem })
            }
            CheckpointKind::Safetensors => runner("safetensors", foreign(read(path)?)?),
            CheckpointKind::TorchScript => {
                if !checkpoints.run_torchscript {
                    let problem = format!(
                        "{name} is a TorchScript file: a program that can do anything you can. If you trust it, run it with `run-torchscript`"
                    );
                    return Err(AnalysisError::Usage { problem });
                }
                let steps = InputSteps::of_request(checkpoints.pixels.as_ref(), &name)?;
                let mut module = CModule::load_on_device(path, device)?;
                module.set_eval();
                runner("torchscript", Network::Script { module, steps })
            }
            _ => runner("torch-save", foreign(read(path)?)?),
        }
    }

    /// Where it computes.
    pub(super) fn device(&self) -> String {
        device_name(self.device)
    }

    /// Runs it on the images.
    pub(super) fn run(
        self,
        request: &Request,
        checkpoints: &Checkpoints,
        data: &DataSet,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Subject, AnalysisError> {
        let name = self.path.display().to_string();
        let Runner { path, kind, network, device } = self;
        let images = &data.train.images;
        let (steps, training, input, description) = match &network {
            Network::Own(own) => {
                let (steps, training, input) = described(&name, &own.1, data)?;
                (steps, training, input, Some(own.1.clone()))
            }
            Network::Foreign { steps, .. } | Network::Script { steps, .. } => {
                let training = foreign_training(request, checkpoints, data)?;
                (steps.clone(), training, steps.output_shape(images)?, None)
            }
        };
        let scorer = match network {
            Network::Own(own) => Scorer::Model(own.0),
            Network::Script { module, .. } => Scorer::Script(module),
            Network::Foreign { architecture, weights, .. } => {
                Scorer::Model(built_in(&name, &architecture, &weights, input, data.num_classes(), device)?)
            }
        };
        let architecture = match scorer.model() {
            Some(model) => network::architecture(model, &steps)?,
            None => KnownArchitecture::Unknown,
        };
        let (chain, given) = (steps.chain(images)?, steps.clone());
        let ready = Ready {
            kind,
            files: vec![data_file("weights", &path)?],
            name: scorer.model().map(|model| model.architecture().to_string()),
            architecture,
            description,
            steps,
            training,
            path,
            run: Box::new(move |split, indices, done| {
                let forward = |bytes: &Tensor| scorer.logits(&given.apply(bytes, images)?);
                Ok(evaluate::logits(split, indices, &chain, device, forward, done)?)
            }),
        };
        subject(ready, request, data, progress)
    }
}

/// What makes logits of normalised images.
enum Scorer {
    Model(Model),
    Script(CModule),
}

impl Scorer {
    fn model(&self) -> Option<&Model> {
        match self {
            Self::Model(model) => Some(model),
            Self::Script(_) => None,
        }
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor, tch::TchError> {
        match self {
            Self::Model(model) => Ok(model.forward(images, false)),
            Self::Script(module) => module.forward_ts(&[images]),
        }
    }
}

/// A built-in architecture with foreign weights; the hidden widths of `mlp` and the patch of `vit-*` are read off the
/// weights.
fn built_in(
    name: &str,
    architecture: &str,
    weights: &BTreeMap<String, Tensor>,
    input: [usize; 3],
    num_classes: usize,
    device: Device,
) -> Result<Model, AnalysisError> {
    let hidden: Vec<usize> = (1..)
        .map_while(|layer| weights.get(&format!("fc{layer}.weight")))
        .filter_map(|weight| weight.size().first().map(|&rows| rows as usize))
        .collect();
    let hidden = &hidden[..hidden.len().saturating_sub(1)];
    let patch = weights.get("patch_embed.proj.weight").and_then(|weight| weight.size().last().copied()).unwrap_or(1);
    let kind = ArchitectureKind::from_name(architecture, hidden, patch as usize)?;
    let architecture = Architecture { kind, input, num_classes, classifier: Classifier::Linear, resolution: None };
    Model::with_weights(architecture, weights, device)
        .map_err(|error| AnalysisError::Mismatch { problem: format!("{name}: {error}") })
}
