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

#[cfg(all(test, feature = "torch"))]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use car_spectral_data::{DataKind, DataSet, DataSource, Images, Layout};
    use car_spectral_formats::{predictions::Logits, sha256};
    use car_spectral_runs::settings::DeviceChoice;

    use super::*;
    use crate::load::{ForeignWeights, Models, PixelSteps};
    use crate::subject::Subject;

    const CLASSES: usize = 10;

    fn data() -> DataSet {
        let split = |images: usize| {
            let bytes = (0..images * 784).map(|at| (at * at % 251) as u8).collect();
            let labels = (0..images).map(|image| image % CLASSES).collect();
            let images = Images::InMemory { shape: [1, 28, 28], bytes };
            Arc::new(Split { images, labels, sha256: String::new() })
        };
        let class_names = (0..CLASSES).map(|class| class.to_string()).collect();
        DataSet { kind: DataKind::FashionMnist, train: split(20), test: split(30), class_names, notes: Vec::new() }
    }

    /// Opens the file, lets `meanwhile` have its path, then runs the network.
    fn run(path: &Path, request: &Request, meanwhile: impl FnOnce(&Path)) -> Subject {
        let Models::Checkpoints(checkpoints) = &request.models else { panic!("weights are given") };
        let opened = open(path, request, checkpoints).unwrap();
        meanwhile(path);
        let data = data();
        opened.run(&mut Work { request, checkpoints, data: &data, progress: &mut |_| () }).unwrap()
    }

    #[test]
    fn a_file_that_is_replaced_while_it_runs_is_the_one_that_was_opened() {
        let source =
            DataSource { kind: DataKind::FashionMnist, folder: PathBuf::from("images"), layout: Layout::default() };
        let pixels = PixelSteps { mean: vec![0.5], std: vec![0.5], resize: None, crop: None, channels: None };
        let request = Request {
            models: Models::Checkpoints(Box::new(Checkpoints {
                files: Vec::new(),
                data: source,
                pixels: Some(pixels),
                subset_seed: None,
                foreign: ForeignWeights::default(),
                run_torchscript: true,
                output: None,
                device: DeviceChoice::Cpu,
                threads: Some(1),
            })),
            arch: Some("mlp".to_owned()),
            train_counts: None,
            class_names: None,
            imbalance: None,
            n_max: None,
        };
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/torch");
        for name in ["mlp.pt", "mlp-torchscript.pt"] {
            let folder = tempfile::tempdir().unwrap();
            let (path, bytes) = (folder.path().join(name), std::fs::read(fixtures.join(name)).unwrap());
            std::fs::write(&path, &bytes).unwrap();
            let request =
                Request { arch: request.arch.clone().filter(|_| !name.contains("script")), ..request.clone() };
            let alone = run(&path, &request, |_| ());
            let replaced = run(&path, &request, |path| std::fs::write(path, "another file").unwrap());
            for subject in [&alone, &replaced] {
                assert_eq!(subject.source.files[0].sha256, sha256(&bytes), "{name}");
                assert_eq!(subject.source.files[0].bytes, bytes.len() as u64, "{name}");
            }
            assert!(matches!(&alone.test.logits, Logits::F32(scores) if scores.dim() == (30, CLASSES)), "{name}");
            assert_eq!(alone.test, replaced.test, "{name}");
        }
    }
}
