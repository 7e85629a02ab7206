//! Models that are run: checkpoints of this project, weights of the built-in architectures from
//! other programs, and TorchScript modules.

use car_spectral::bounds::Architecture as KnownArchitecture;
use car_spectral_formats::Content;
use car_spectral_formats::predictions::StoredFile;
use car_spectral_formats::weights::CheckpointKind;
use car_spectral_runs::Description;
use car_spectral_runs::description::description_of;
use car_spectral_runs::folder;
use car_spectral_training::device::{device_name, resolve};
use car_spectral_training::model::Model;
use car_spectral_training::{TrainingError, checkpoint, evaluate};
use tch::{Device, Tensor};

use super::foreign::Foreign;
use super::network;
use super::preprocessing::InputSteps;
use super::scored::{Opened, Ready, Told, Work, refuse_flags, subject};
use super::script::Script;
use super::stated::Stated;
use crate::load::predictions::data_file_of;
use crate::load::{Checkpoints, Request};
use crate::subject::Subject;
use crate::{AnalysisError, Result};

/// A model ready to run, with what its file says of it.
pub(super) struct Runner {
    file: StoredFile,
    kind: &'static str,
    network: Network,
    told: Told,
    device: Device,
}

enum Network {
    Own(Box<Model>),
    Foreign(Box<Foreign>),
    Script(Script),
}

impl Runner {
    /// Opens a file of this kind that was read.
    pub(super) fn open(
        content: &Content,
        kind: CheckpointKind,
        request: &Request,
        checkpoints: &Checkpoints,
    ) -> Result<Self> {
        let device = resolve(checkpoints.device)?;
        if let Some(threads) = checkpoints.threads {
            tch::set_num_threads(threads.clamp(1, 1024) as i32);
        }
        let (path, bytes) = (content.path(), content.bytes());
        let name = path.display().to_string();
        let runner = |kind, network, told| Ok(Self { file: content.stored(), kind, network, told, device });
        let steps = || InputSteps::of_request(checkpoints.pixels.as_ref(), &name).map(Told::Foreign);
        let foreign = |kind| {
            let told = steps()?;
            let weights = Foreign::of(content, request.arch.as_deref(), &checkpoints.foreign)?;
            runner(kind, Network::Foreign(Box::new(weights)), told)
        };
        match kind {
            CheckpointKind::Safetensors if description_of(path, bytes)?.is_some() => {
                refuse_flags(&name, request, checkpoints)?;
                let (model, description) = checkpoint::of_bytes(path, bytes, device)?;
                runner("checkpoint", Network::Own(Box::new(model)), Told::Own(Box::new(description)))
            }
            CheckpointKind::Safetensors if folder::is_state(path, bytes)? => {
                let problem = format!(
                    "{name} is the state of a run that was stopped; let `train` finish the run, or give one of its epoch-N.safetensors"
                );
                Err(AnalysisError::Mismatch { problem })
            }
            CheckpointKind::Safetensors => foreign("safetensors"),
            CheckpointKind::TorchScript => {
                if !checkpoints.run_torchscript {
                    let problem = format!(
                        "{name} is a TorchScript file: a program that can do anything you can. If you trust it, run it with `run-torchscript`"
                    );
                    return Err(AnalysisError::Usage { problem });
                }
                let told = steps()?;
                let script = Script::of(content, checkpoints.output.as_deref(), device)?;
                runner("torchscript", Network::Script(script), told)
            }
            CheckpointKind::Index => foreign("parts"),
            _ => foreign("torch-save"),
        }
    }
}

impl Opened for Runner {
    fn device(&self) -> String {
        device_name(self.device)
    }

    fn description(&self) -> Option<&Description> {
        match &self.told {
            Told::Own(description) => Some(description),
            Told::Foreign(_) => None,
        }
    }

    fn run(self: Box<Self>, work: &mut Work<'_>) -> Result<Subject> {
        let Runner { file, kind, network, told, device } = *self;
        let (path, own) = (file.path.clone(), vec![data_file_of("weights", &file)]);
        let images = &work.data.train.images;
        let input = work.input(&path, told)?;
        let steps = &input.steps;
        let mut stated = Stated::default();
        let (scorer, files, taken) = match network {
            Network::Own(model) => (Scorer::Model(*model), own, None),
            Network::Script(script) => (Scorer::Script(script), own, None),
            Network::Foreign(weights) => {
                stated = weights.stated();
                let files = weights.files();
                let (model, taken) = weights.network(input.shape, work.data.num_classes(), device)?;
                (Scorer::Model(model), files, Some(taken))
            }
        };
        let architecture = match scorer.model() {
            Some(model) => network::architecture(model, steps)?,
            None => KnownArchitecture::Unknown,
        };
        let (chain, given) = (steps.chain(images)?, steps.clone());
        let ready = Ready {
            kind,
            files,
            taken,
            stated,
            name: scorer.model().map(|model| model.architecture().to_string()),
            architecture,
            input,
            path,
            run: Box::new(move |split, indices, done| {
                let forward = |bytes: &Tensor| scorer.logits(&given.apply(bytes, images)?);
                Ok(evaluate::logits(split, indices, &chain, device, forward, done)?)
            }),
        };
        subject(ready, work)
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
