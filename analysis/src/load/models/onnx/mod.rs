//! ONNX networks, run without libtorch.
//!
//! ```text
//! file -> bytes within bounds (formats) -> graph, checked -> engine for one shape of batch -> logits
//! ```

mod engine;
mod graph;
mod input;
mod layers;
mod quiet;
mod score;
mod select;
mod sizes;
mod stored;

use std::path::{Path, PathBuf};

use car_spectral::bounds::Architecture as KnownArchitecture;
use car_spectral_data::loader::all_cores;
use car_spectral_formats::Content;
use car_spectral_formats::onnx::{ReadFile, read_in};
use car_spectral_runs::description::{METADATA_KEY, from_json};
use car_spectral_runs::settings::{ArchitectureKind, DeviceChoice};

use self::engine::Engine;
use self::graph::Graph;
use super::preprocessing::InputSteps;
use super::relu_network::relu_network;
use super::scored::{Opened, Ready, Told, Work, refuse_flags, subject};
use super::stated::{Normaliser, Stated};
use crate::load::predictions::architecture;
use crate::load::{Checkpoints, Request};
use crate::results::DataFile;
use crate::subject::Subject;
use crate::{AnalysisError, Result};

/// A network that was read and checked.
pub(super) struct Network {
    path: PathBuf,
    files: Vec<ReadFile>,
    graph: Graph,
    told: Told,
}

impl Network {
    /// Checks a network that was read.
    pub fn open(content: Content, request: &Request, checkpoints: &Checkpoints) -> Result<Self> {
        let path = content.path().to_owned();
        let name = path.display().to_string();
        if let DeviceChoice::Cuda(_) = checkpoints.device {
            let problem = format!("{name}: ONNX networks run on the CPU; leave `device` out");
            return Err(AnalysisError::Usage { problem });
        }
        let file = read_in(content)?;
        let graph = Graph::of(&file, checkpoints.output.as_deref()).map_err(|problem| refused(&path, &problem))?;
        let told = match graph.metadata(METADATA_KEY) {
            Some(json) => {
                refuse_flags(&name, request, checkpoints)?;
                Told::Own(Box::new(from_json(&path, json)?))
            }
            None => Told::Foreign(InputSteps::of_request(checkpoints.pixels.as_ref(), &name)?),
        };
        Ok(Self { path, files: file.files, graph, told })
    }
}

impl Opened for Network {
    fn device(&self) -> String {
        "cpu".to_owned()
    }

    /// Builds the engine for the images of this data set and runs it on them.
    fn run(self: Box<Self>, work: &mut Work<'_>) -> Result<Subject> {
        let Self { path, files, graph, told } = *self;
        let images = &work.data.train.images;
        let input = work.input(&path, told)?;
        let (steps, shape, description) = (&input.steps, input.shape, &input.description);
        if description.is_some() {
            steps.normalisation.check_channels(shape[0])?;
        }
        let own = graph.normalisation().filter(|_| description.is_none());
        let twice = own.and_then(|own| Normaliser::twice(own, &steps.normalisation));
        let layers = graph.relu_layers();
        let engine = Engine::build(graph, shape).map_err(|problem| refused(&path, &problem))?;
        let threads = work.checkpoints.threads.unwrap_or_else(all_cores).clamp(1, 1024);
        let (name, named) = match description {
            Some(description) => (Some(description.architecture.to_string()), known(&description.architecture.kind)),
            None => (work.request.arch.clone(), architecture(work.request.arch.as_deref())),
        };
        let architecture = layers.map_or(Ok(named), |layers| relu_network(&layers, steps, shape))?;
        let chain = steps.chain(images)?;
        let (file, given) = (path.clone(), steps.clone());
        let ready = Ready {
            taken: None,
            stated: Stated::default(),
            path,
            kind: "onnx",
            files: files.into_iter().enumerate().map(|(place, file)| recorded(place, file)).collect(),
            name,
            architecture,
            input,
            run: Box::new(move |split, indices, done| {
                let batches = score::batches(split, indices, &chain, engine.batch())?;
                score::logits(&engine, &given, images, batches, indices.len(), threads, done)
                    .map_err(|failure| failure.in_file(&file))
            }),
        };
        let mut subject = subject(ready, work)?;
        subject.warnings.extend(twice);
        Ok(subject)
    }
}

fn refused(path: &Path, problem: &str) -> AnalysisError {
    AnalysisError::Mismatch { problem: format!("{}: {problem}", path.display()) }
}

fn recorded(place: usize, file: ReadFile) -> DataFile {
    let role = if place == 0 { "network" } else { "weights" };
    DataFile { role: role.to_owned(), path: file.path.display().to_string(), bytes: file.bytes, sha256: file.sha256 }
}

/// What T3 needs to know of an architecture by its name alone.
fn known(kind: &ArchitectureKind) -> KnownArchitecture {
    match kind {
        ArchitectureKind::Mlp { .. } => KnownArchitecture::Unknown,
        ArchitectureKind::Vit { .. } => KnownArchitecture::Attention,
        _ => KnownArchitecture::Residual,
    }
}

#[cfg(test)]
mod tests;
