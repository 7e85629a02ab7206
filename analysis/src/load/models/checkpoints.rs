//! Models that are run: checkpoints of this project, weights of the built-in architectures from other programs, and
//! TorchScript modules.

use std::path::{Path, PathBuf};

use car_spectral::bounds::Architecture as KnownArchitecture;
use car_spectral_data::DataSet;
use car_spectral_formats::weights::{CheckpointKind, Taken};
use car_spectral_runs::description::describe;
use car_spectral_runs::{Description, folder};
use car_spectral_training::device::{device_name, resolve};
use car_spectral_training::model::Model;
use car_spectral_training::{TrainingError, checkpoint, evaluate};
use tch::{Device, Tensor};

use super::foreign::Foreign;
use super::network;
use super::preprocessing::InputSteps;
use super::scored::{Ready, described, refuse_flags, subject};
use super::script::Script;
use super::training_images::foreign_training;
use crate::AnalysisError;
use crate::load::{Checkpoints, Progress, Request, data_file};
use crate::report::DataFile;
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
    Foreign { weights: Box<Foreign>, steps: InputSteps },
    Script { script: Script, steps: InputSteps },
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
        let foreign = || -> Result<Network, AnalysisError> {
            let steps = InputSteps::of_request(checkpoints.pixels.as_ref(), &name)?;
            let weights = Box::new(Foreign::read(path, request.arch.as_deref(), &checkpoints.foreign)?);
            Ok(Network::Foreign { weights, steps })
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
            CheckpointKind::Safetensors => runner("safetensors", foreign()?),
            CheckpointKind::TorchScript => {
                if !checkpoints.run_torchscript {
                    let problem = format!(
                        "{name} is a TorchScript file: a program that can do anything you can. If you trust it, run it with `run-torchscript`"
                    );
                    return Err(AnalysisError::Usage { problem });
                }
                let steps = InputSteps::of_request(checkpoints.pixels.as_ref(), &name)?;
                let script = Script::load(path, checkpoints.output.as_deref(), device)?;
                runner("torchscript", Network::Script { script, steps })
            }
            CheckpointKind::Index => runner("parts", foreign()?),
            _ => runner("torch-save", foreign()?),
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
        let Opened { scorer, files, taken } = network.opened(&path, input, data.num_classes(), device)?;
        let architecture = match scorer.model() {
            Some(model) => network::architecture(model, &steps)?,
            None => KnownArchitecture::Unknown,
        };
        let (chain, given) = (steps.chain(images)?, steps.clone());
        let ready = Ready {
            kind,
            files,
            taken,
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

/// A network that is ready to run.
struct Opened {
    scorer: Scorer,
    /// Its files as they were read.
    files: Vec<DataFile>,
    /// What was made of a file that another program kept.
    taken: Option<Taken>,
}

impl Network {
    fn opened(
        self,
        path: &Path,
        input: [usize; 3],
        num_classes: usize,
        device: Device,
    ) -> Result<Opened, AnalysisError> {
        let (scorer, files, taken) = match self {
            Self::Own(own) => (Scorer::Model(own.0), vec![data_file("weights", path)?], None),
            Self::Script { script, .. } => (Scorer::Script(script), vec![data_file("weights", path)?], None),
            Self::Foreign { weights, .. } => {
                let files = weights.files();
                let (model, taken) = weights.network(input, num_classes, device)?;
                (Scorer::Model(model), files, Some(taken))
            }
        };
        Ok(Opened { scorer, files, taken })
    }
}

/// What makes logits of normalised images.
enum Scorer {
    Model(Model),
    Script(Script),
}

impl Scorer {
    fn model(&self) -> Option<&Model> {
        match self {
            Self::Model(model) => Some(model),
            Self::Script(_) => None,
        }
    }

    fn logits(&self, images: &Tensor) -> Result<Tensor, TrainingError> {
        match self {
            Self::Model(model) => Ok(model.forward(images, false)),
            Self::Script(script) => script.logits(images),
        }
    }
}
