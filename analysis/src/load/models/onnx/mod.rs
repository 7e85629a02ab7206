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
use car_spectral_data::DataSet;
use car_spectral_data::loader::all_cores;
use car_spectral_formats::onnx::{ReadFile, read};
use car_spectral_runs::Description;
use car_spectral_runs::description::{METADATA_KEY, from_json};
use car_spectral_runs::settings::{ArchitectureKind, DeviceChoice};

use self::engine::Engine;
use self::graph::Graph;
use super::preprocessing::InputSteps;
use super::relu_network::relu_network;
use super::scored::{Ready, described, refuse_flags, subject};
use super::training_images::foreign_training;
use crate::AnalysisError;
use crate::load::predictions::architecture;
use crate::load::{Checkpoints, Progress, Request};
use crate::report::DataFile;
use crate::subject::Subject;

/// A network that was read and checked.
pub(super) struct Network {
    path: PathBuf,
    files: Vec<ReadFile>,
    graph: Graph,
    told: Told,
}

/// Who says what the input is.
enum Told {
    Own(Box<Description>),
    Foreign(InputSteps),
}

impl Network {
    /// Reads and checks a network.
    pub fn open(path: &Path, request: &Request, checkpoints: &Checkpoints) -> Result<Self, AnalysisError> {
        let name = path.display().to_string();
        if let DeviceChoice::Cuda(_) = checkpoints.device {
            let problem = format!("{name}: ONNX networks run on the CPU; leave `device` out");
            return Err(AnalysisError::Usage { problem });
        }
        let file = read(path)?;
        let graph = Graph::of(&file, checkpoints.output.as_deref()).map_err(|problem| refused(path, &problem))?;
        let told = match graph.metadata(METADATA_KEY) {
            Some(json) => {
                refuse_flags(&name, request, checkpoints)?;
                Told::Own(Box::new(from_json(path, json)?))
            }
            None => Told::Foreign(InputSteps::of_request(checkpoints.pixels.as_ref(), &name)?),
        };
        Ok(Self { path: path.to_owned(), files: file.files, graph, told })
    }

    /// Builds the engine for the images of this data set and runs it on them.
    ///
    /// # Errors
    /// [`AnalysisError`] naming the file if the images or classes are not those of the network, or the engine does not
    /// run it.
    pub fn run(
        self,
        request: &Request,
        checkpoints: &Checkpoints,
        data: &DataSet,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Subject, AnalysisError> {
        let Self { path, files, graph, told } = self;
        let images = &data.train.images;
        let (steps, training, shape, description) = match told {
            Told::Own(description) => {
                let (steps, training, shape) = described(&path.display().to_string(), &description, data)?;
                steps.normalisation.check_channels(shape[0])?;
                (steps, training, shape, Some(*description))
            }
            Told::Foreign(steps) => {
                let training = foreign_training(request, checkpoints, data)?;
                let shape = steps.output_shape(images)?;
                (steps, training, shape, None)
            }
        };
        let layers = graph.relu_layers();
        let engine = Engine::build(graph, shape).map_err(|problem| refused(&path, &problem))?;
        let threads = checkpoints.threads.unwrap_or_else(all_cores).clamp(1, 1024);
        let (name, named) = match &description {
            Some(description) => (Some(description.architecture.to_string()), known(&description.architecture.kind)),
            None => (request.arch.clone(), architecture(request.arch.as_deref())),
        };
        let architecture = layers.map_or(Ok(named), |layers| relu_network(&layers, &steps, shape))?;
        let chain = steps.chain(images)?;
        let (file, given) = (path.clone(), steps.clone());
        let ready = Ready {
            taken: None,
            path,
            kind: "onnx",
            files: files.into_iter().enumerate().map(|(place, file)| recorded(place, file)).collect(),
            name,
            architecture,
            description,
            steps,
            training,
            run: Box::new(move |split, indices, done| {
                let batches = score::batches(split, indices, &chain, engine.batch())?;
                score::logits(&engine, &given, images, batches, indices.len(), threads, done)
                    .map_err(|failure| failure.in_file(&file))
            }),
        };
        subject(ready, request, data, progress)
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
