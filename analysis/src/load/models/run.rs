//! Every file opened by the engine that runs it, then all of them run on the images.

use std::path::Path;

use car_spectral_data::Split;
use car_spectral_formats::Content;
use car_spectral_formats::weights::{CheckpointKind, detect_in};

#[cfg(feature = "torch")]
use super::checkpoints;
#[cfg(feature = "onnx")]
use super::onnx;
use super::preprocessing::InputSteps;
use super::scored::{Opened, Work};
use super::{files, logs};
use crate::load::{Checkpoints, Loaded, Progress, Request};
use crate::results::DataFile;
use crate::{AnalysisError, Result};

/// Runs the checkpoints on the images, telling `progress` of every batch.
pub(in crate::load) fn load(
    request: &Request,
    checkpoints: &Checkpoints,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Loaded> {
    let paths = files::expand(&checkpoints.files)?;
    // Weights are small and images many: every file is opened and checked before the first image is read.
    let opened = paths.iter().map(|path| open(path, request, checkpoints));
    let opened = opened.collect::<Result<Vec<_>>>()?;
    let runs = logs::read(paths.iter().zip(opened.iter().map(|network| network.description())))?;
    let data = checkpoints.data.load()?;
    let (mut subjects, mut devices) = (Vec::new(), Vec::new());
    let mut work = Work { request, checkpoints, data: &data, progress };
    for network in opened {
        let device = network.device();
        if !devices.contains(&device) {
            devices.push(device);
        }
        subjects.push(network.run(&mut work)?);
    }
    let split = |role: &str, split: &Split| DataFile {
        role: role.to_owned(),
        path: checkpoints.data.folder.display().to_string(),
        bytes: split.images.num_bytes(),
        sha256: split.sha256.clone(),
    };
    let steps = checkpoints.pixels.as_ref().map(|steps| InputSteps::of_request(Some(steps), "the model"));
    let preprocessing = steps.transpose()?.map(|steps| steps.described());
    let train = Some(&data.train).filter(|train| !train.images.is_empty()).map(|train| split("train data", train));
    let data = train.into_iter().chain([split("test data", &data.test)]).collect();
    Ok(Loaded { subjects, runs, data, device: Some(devices.join(", ")), preprocessing })
}

/// Reads a file, once, and opens it by the engine that runs it.
fn open(path: &Path, request: &Request, checkpoints: &Checkpoints) -> Result<Box<dyn Opened>> {
    let content = Content::read(path)?;
    let kind = detect_in(&content)?;
    let is_program = matches!(kind, CheckpointKind::Onnx | CheckpointKind::TorchScript);
    if !is_program && checkpoints.output.is_some() {
        let problem = format!("{} is no ONNX network and no TorchScript; leave `output` out", path.display());
        return Err(AnalysisError::Usage { problem });
    }
    if let Some(flag) = checkpoints.foreign.first_given().filter(|_| is_program) {
        let problem = format!("{} is a whole network; leave `{flag}` out", path.display());
        return Err(AnalysisError::Usage { problem });
    }
    match kind {
        #[cfg(feature = "onnx")]
        CheckpointKind::Onnx => Ok(Box::new(onnx::Network::open(content, request, checkpoints)?)),
        #[cfg(not(feature = "onnx"))]
        CheckpointKind::Onnx => Err(AnalysisError::NeedsOnnx { file: path.to_owned() }),
        #[cfg(feature = "torch")]
        kind => Ok(Box::new(checkpoints::Runner::open(&content, kind, request, checkpoints)?)),
        #[cfg(not(feature = "torch"))]
        _ => Err(AnalysisError::NeedsLibtorch { file: path.to_owned() }),
    }
}
