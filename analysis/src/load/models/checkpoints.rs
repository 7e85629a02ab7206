//! Models that are run: checkpoints of this project, weights of the built-in architectures from other programs, and
//! TorchScript modules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use car_spectral::bounds::Architecture as KnownArchitecture;
use car_spectral::longtail::long_tailed_counts;
use car_spectral_data::{DataSet, LongTail, Parts, SettingError, Split};
use car_spectral_formats::FileError;
use car_spectral_formats::counts::{read_class_names, read_train_counts};
use car_spectral_formats::predictions::Logits;
use car_spectral_formats::weights::{CheckpointKind, Weights, detect, read};
use car_spectral_runs::description::describe;
use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier};
use car_spectral_runs::{Description, folder};
use car_spectral_training::device::{device_name, resolve};
use car_spectral_training::model::{Model, tensors_of};
use car_spectral_training::{checkpoint, evaluate};
use ndarray::Array1;
use tch::{CModule, Device, Tensor};

use super::logs;
use super::network;
use super::preprocessing::InputSteps;
use crate::AnalysisError;
use crate::load::{Checkpoints, Loaded, Progress, Request, data_file, model_name};
use crate::report::{DataFile, Source};
use crate::subject::{Scored, Subject};

/// Runs the checkpoints on the images, telling `progress` of every batch.
pub(in crate::load) fn load(
    request: &Request,
    checkpoints: &Checkpoints,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Loaded, AnalysisError> {
    let device = resolve(checkpoints.device)?;
    if let Some(threads) = checkpoints.threads {
        tch::set_num_threads(threads.clamp(1, 1024) as i32);
    }
    let paths = expand(&checkpoints.files)?;
    // Weights are small and images many: every file is opened and checked before the first image is read.
    let opened = paths.iter().map(|path| Runner::open(path, request, checkpoints, device));
    let runners = opened.collect::<Result<Vec<_>, AnalysisError>>()?;
    let runs = logs::read(&paths)?;
    let data = checkpoints.data.load()?;
    let mut subjects = Vec::new();
    for runner in runners {
        subjects.push(runner.run(request, checkpoints, &data, device, progress)?);
    }
    let split = |role: &str, split: &Split| DataFile {
        role: role.to_owned(),
        path: checkpoints.data.folder.display().to_string(),
        bytes: split.images.num_bytes(),
        sha256: split.sha256.clone(),
    };
    let steps = checkpoints.pixels.as_ref().map(|steps| InputSteps::of_request(Some(steps), "the model"));
    let preprocessing = steps.transpose()?.map(|steps| steps.described());
    let data = vec![split("train data", &data.train), split("test data", &data.test)];
    Ok(Loaded { subjects, runs, data, device: Some(device_name(device)), preprocessing })
}

/// Files as they are; folders as the .safetensors files in them but the state of a stopped run, by name.
fn expand(given: &[PathBuf]) -> Result<Vec<PathBuf>, AnalysisError> {
    let mut files = Vec::new();
    for path in given {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let unreadable = |source| AnalysisError::File(FileError::Io { path: path.clone(), source });
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "safetensors")
                && file.file_name().is_some_and(|name| name != folder::STATE)
            {
                found.push(file);
            }
        }
        if found.is_empty() {
            let problem = format!(
                "{}: no .safetensors checkpoint in this folder; give the file itself, or let `train` go on with a run that was stopped",
                path.display()
            );
            return Err(AnalysisError::Mismatch { problem });
        }
        found.sort();
        files.extend(found);
    }
    Ok(files)
}

/// A model ready to run, with what its file says of it.
struct Runner {
    path: PathBuf,
    kind: &'static str,
    network: Network,
}

enum Network {
    Own(Box<(Model, Description)>),
    Foreign { architecture: String, weights: BTreeMap<String, Tensor>, steps: InputSteps },
    Script { module: CModule, steps: InputSteps },
}

impl Runner {
    fn open(path: &Path, request: &Request, checkpoints: &Checkpoints, device: Device) -> Result<Self, AnalysisError> {
        let name = path.display().to_string();
        let runner = |kind, network| Ok(Self { path: path.to_owned(), kind, network });
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
        match detect(path)? {
            CheckpointKind::Safetensors if describe(path)?.is_some() => {
                let given = [("mean", checkpoints.pixels.is_some()), ("arch", request.arch.is_some())];
                if let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) {
                    let problem = format!(
                        "{name} says itself how it was made; leave `{flag}` out, or analyse foreign models apart"
                    );
                    return Err(AnalysisError::Usage { problem });
                }
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

    fn run(
        self,
        request: &Request,
        checkpoints: &Checkpoints,
        data: &DataSet,
        device: Device,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Subject, AnalysisError> {
        let name = self.path.display().to_string();
        let Runner { path, kind, network } = self;
        let (steps, training, input, description) = match &network {
            Network::Own(own) => {
                let (_, description) = &**own;
                let image_size = description.data.image_size;
                let steps =
                    InputSteps::of_checkpoint(description.normalisation.clone(), image_size, &data.train.images);
                let training = own_training(&name, description, data)?;
                (steps, training, data.image_shape(image_size)?, Some(description.clone()))
            }
            Network::Foreign { steps, .. } | Network::Script { steps, .. } => {
                let training = foreign_training(request, checkpoints, data)?;
                (steps.clone(), training, steps.output_shape(&data.train.images)?, None)
            }
        };
        let scorer = match network {
            Network::Own(own) => Scorer::Model(own.0),
            Network::Script { module, .. } => Scorer::Script(module),
            Network::Foreign { architecture, weights, .. } => {
                Scorer::Model(built_in(&name, &architecture, &weights, input, data.num_classes(), device)?)
            }
        };
        let chain = steps.chain(&data.train.images)?;
        let forward = |bytes: &Tensor| scorer.logits(&steps.apply(bytes, &data.train.images)?);
        let model = model_name(&path);
        let mut score = |part: &str, split: &Arc<Split>, indices: &[usize]| -> Result<Scored, AnalysisError> {
            let of = indices.len();
            let logits = evaluate::logits(split, indices, &chain, device, forward, |done| {
                progress(Progress { model: &model, part, done, of });
            })?;
            let labels: Array1<usize> = indices.iter().map(|&index| split.labels[index]).collect();
            Ok(Scored { logits: Logits::F32(logits), labels })
        };
        let all: Vec<usize> = (0..data.test.labels.len()).collect();
        let test = score("test images", &data.test, &all)?;
        let classes = test.logits.dim().1;
        if classes != data.num_classes() {
            let problem = format!(
                "{name}: the model has {classes} outputs, {} has {} classes",
                data.kind.name(),
                data.num_classes()
            );
            return Err(AnalysisError::Mismatch { problem });
        }
        let train =
            training.indices.as_ref().map(|indices| score("training images", &data.train, indices)).transpose()?;
        let class_names = match &request.class_names {
            Some(file) => read_class_names(file, classes)?,
            None => data.class_names.clone(),
        };
        let source = Source {
            kind: kind.to_owned(),
            files: vec![data_file("weights", &path)?],
            architecture: scorer.model().map(|model| model.architecture().to_string()),
            dataset: Some(data.kind.name().to_owned()),
            seed: description.as_ref().map(|description| description.run.seed),
            epoch: description.as_ref().map(|description| description.run.epoch as u64),
            subset_sha256: training.sha256,
            preprocessing: Some(steps.described()),
            ..Source::default()
        };
        let architecture = match scorer.model() {
            Some(model) => network::architecture(model, &steps)?,
            None => KnownArchitecture::Unknown,
        };
        let name = model_name(&path);
        Ok(Subject { name, source, class_names, train_counts: Some(training.counts), architecture, train, test })
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

/// Which training images a model saw.
struct Training {
    counts: Vec<u64>,
    /// Indices into the full training split; `None` if only the counts are known.
    indices: Option<Vec<usize>>,
    sha256: Option<String>,
}

impl Training {
    fn of(parts: Parts) -> Self {
        let subset = parts.train;
        Self { counts: subset.class_counts, indices: Some(subset.indices), sha256: Some(subset.sha256) }
    }

    fn full(data: &DataSet) -> Self {
        let mut counts = vec![0; data.num_classes()];
        data.train.labels.iter().for_each(|&label| counts[label] += 1);
        Self { counts, indices: Some((0..data.train.labels.len()).collect()), sha256: None }
    }
}

/// The subset a checkpoint of this project describes, drawn again and compared with its checksum.
fn own_training(name: &str, description: &Description, data: &DataSet) -> Result<Training, AnalysisError> {
    let told = &description.data;
    let mismatch = |problem: String| Err(AnalysisError::Mismatch { problem: format!("{name}: {problem}") });
    if told.kind != data.kind {
        return mismatch(format!("trained on {}, but `data` is {}", told.kind.name(), data.kind.name()));
    }
    for (split, told, found) in
        [("training", &told.train_sha256, &data.train.sha256), ("test", &told.test_sha256, &data.test.sha256)]
    {
        if told != found {
            return mismatch(format!(
                "the {split} images are not those it was made with (SHA-256 {found}, expected {told})"
            ));
        }
    }
    let held_out = told.validation.as_ref().map(|validation| validation.drawn);
    let training = Training::of(Parts::draw(&data.train.labels, data.num_classes(), told.long_tail, held_out)?);
    if training.sha256.as_ref().is_some_and(|found| *found != told.indices_sha256)
        || training.counts != told.class_counts
    {
        return mismatch(
            "the training subset drawn again differs from the one it describes; give its training predictions instead"
                .to_owned(),
        );
    }
    Ok(training)
}

/// What the flags say of a foreign model: counts alone, the subset that `train` draws, or the full split. Another
/// program has drawn another subset: unless --subset-seed says that it was ours, no image is called a training image.
fn foreign_training(request: &Request, checkpoints: &Checkpoints, data: &DataSet) -> Result<Training, AnalysisError> {
    let classes = data.num_classes();
    if let Some(file) = &request.train_counts {
        return Ok(Training { counts: read_train_counts(file, classes)?, indices: None, sha256: None });
    }
    let full = Training::full(data);
    let Some(imbalance) = request.imbalance else { return Ok(full) };
    let n_max = request.n_max.unwrap_or_else(|| full.counts.iter().copied().max().unwrap_or(0));
    long_tailed_counts(n_max, imbalance, classes)
        .map_err(|error| SettingError::new("imbalance", imbalance, error.to_string()))?;
    let tail = LongTail { n_max, imbalance, seed: checkpoints.subset_seed.unwrap_or(0) };
    let drawn = Training::of(Parts::draw(&data.train.labels, classes, Some(tail), None)?);
    Ok(match checkpoints.subset_seed {
        Some(_) => drawn,
        None => Training { indices: None, sha256: None, ..drawn },
    })
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
