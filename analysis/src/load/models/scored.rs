//! A network that is ready, run on the images: its scores, with what is known of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use car_spectral::bounds::Architecture as KnownArchitecture;
use car_spectral_data::{DataSet, Split};
use car_spectral_formats::counts::read_class_names;
use car_spectral_formats::predictions::Logits;
use car_spectral_formats::weights::Taken;
use car_spectral_runs::Description;
use ndarray::{Array1, Array2};

use super::preprocessing::InputSteps;
use super::stated::{Given, Normaliser, Stated};
use super::training_images::{Training, foreign_training, own_training};
use crate::load::{Checkpoints, Progress, Request, model_name};
use crate::results::{DataFile, Source};
use crate::subject::{Scored, Subject};
use crate::{AnalysisError, Result};

/// What every model is run on, and who is told how far it is.
pub(super) struct Work<'a> {
    pub request: &'a Request,
    pub checkpoints: &'a Checkpoints,
    pub data: &'a DataSet,
    pub progress: &'a mut dyn FnMut(Progress<'_>),
}

/// A file opened by the engine that runs it.
pub(super) trait Opened {
    /// Where it computes.
    fn device(&self) -> String;

    /// What a checkpoint of this project says of itself.
    fn description(&self) -> Option<&Description> {
        None
    }

    /// Runs it on the images.
    fn run(self: Box<Self>, work: &mut Work<'_>) -> Result<Subject>;
}

/// Who says what the input is.
pub(super) enum Told {
    Own(Box<Description>),
    Foreign(InputSteps),
}

/// The input of a model.
pub(super) struct Input {
    pub steps: InputSteps,
    pub training: Training,
    /// C, H, W.
    pub shape: [usize; 3],
    pub description: Option<Description>,
}

impl Work<'_> {
    pub(super) fn input(&self, path: &Path, told: Told) -> Result<Input> {
        let images = &self.data.train.images;
        match told {
            Told::Own(description) => {
                let image_size = description.data.image_size;
                let (shape, told) = (self.data.image_shape(image_size)?, description.architecture.input);
                if shape != told {
                    let problem = format!("{}: its network takes images {told:?}, these are {shape:?}", path.display());
                    return Err(AnalysisError::Mismatch { problem });
                }
                let steps = InputSteps::of_checkpoint(description.normalisation.clone(), image_size, images);
                let training = own_training(&path.display().to_string(), &description, self.data)?;
                Ok(Input { steps, training, shape, description: Some(*description) })
            }
            Told::Foreign(steps) => {
                let training = foreign_training(self.request, self.checkpoints, self.data)?;
                let shape = steps.output_shape(images)?;
                Ok(Input { steps, training, shape, description: None })
            }
        }
    }
}

/// Gives the logits [N, K] of the images at these places of a split; the last argument is told the
/// images done.
pub(super) type Run<'a> = Box<dyn FnMut(&Arc<Split>, &[usize], &mut dyn FnMut(usize)) -> Result<Array2<f32>> + 'a>;

/// A network that images can be given to.
pub(super) struct Ready<'a> {
    pub path: PathBuf,
    pub kind: &'static str,
    pub files: Vec<DataFile>,
    /// The weights taken from a file that another program kept, and what was left.
    pub taken: Option<Taken>,
    /// Statements of such a file on its training.
    pub stated: Stated,
    /// The architecture's name, if it is known.
    pub name: Option<String>,
    pub architecture: KnownArchitecture,
    pub input: Input,
    pub run: Run<'a>,
}

/// Refuses flags that say what a checkpoint of this project says itself.
pub(super) fn refuse_flags(name: &str, request: &Request, checkpoints: &Checkpoints) -> Result<()> {
    let given = [("mean", checkpoints.pixels.is_some()), ("arch", request.arch.is_some())];
    let first = given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag);
    let Some(flag) = first.or_else(|| checkpoints.foreign.first_given()) else { return Ok(()) };
    let problem = format!("{name} says itself how it was made; leave `{flag}` out, or analyse foreign models apart");
    Err(AnalysisError::Usage { problem })
}

/// Runs a network on the test images, and on its training images if they are known.
pub(super) fn subject(ready: Ready<'_>, work: &mut Work<'_>) -> Result<Subject> {
    let Ready { path, kind, files, taken, stated, name, architecture, input, mut run } = ready;
    let Input { steps, training, shape, description } = input;
    let (request, data) = (work.request, work.data);
    let model = model_name(&path);
    let mut score = |part: &str, split: &Arc<Split>, indices: &[usize]| -> Result<Scored> {
        let of = indices.len();
        let logits = run(split, indices, &mut |done| (work.progress)(Progress { model: &model, part, done, of }))?;
        let labels: Array1<usize> = indices.iter().map(|&index| split.labels[index]).collect();
        Ok(Scored { logits: Logits::F32(logits), labels })
    };
    let all: Vec<usize> = (0..data.test.labels.len()).collect();
    let test = score("test images", &data.test, &all)?;
    let classes = test.logits.dim().1;
    if classes != data.num_classes() {
        let problem = format!(
            "{}: the model has {classes} outputs, {} has {} classes",
            path.display(),
            data.kind.name(),
            data.num_classes()
        );
        return Err(AnalysisError::Mismatch { problem });
    }
    let train = training.indices.as_ref().map(|indices| score("training images", &data.train, indices)).transpose()?;
    let class_names = match &request.class_names {
        Some(file) => read_class_names(file, classes)?,
        None => data.class_names.clone(),
    };
    let mut warnings = training.warnings;
    if description.is_none() {
        let kept = taken.as_ref().and_then(|taken| taken.normalisation.clone());
        warnings.extend(kept.and_then(|kept| Normaliser::kept(kept).against(&steps.normalisation)));
        let resolution = work.checkpoints.foreign.resolution;
        let given = Given {
            file: &path,
            data: data.kind,
            normalisation: &steps.normalisation,
            shape: resolution.map_or(shape, |side| [shape[0], side, side]),
            counts: &training.counts,
            class_names: &class_names,
            test: &test,
        };
        warnings.extend(stated.with_settings(&path).against(&given));
    }
    let source = Source {
        kind: kind.to_owned(),
        files,
        architecture: name,
        dataset: Some(data.kind.name().to_owned()),
        seed: description.as_ref().map(|description| description.run.optimisation.seed),
        epoch: description.as_ref().map(|description| description.run.epoch as u64),
        subset_sha256: training.sha256,
        preprocessing: Some(steps.described()),
        notes: data.notes.clone(),
        ..taken.map(source_of).unwrap_or_default()
    };
    Ok(Subject {
        name: model,
        source,
        class_names,
        train_counts: Some(training.counts),
        architecture,
        train,
        test,
        scores_said: false,
        warnings,
    })
}

/// Where in its file a foreign network stood, for the report.
fn source_of(taken: Taken) -> Source {
    let Taken { key, prefix, last_layer, unread, .. } = taken;
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Source { key: given(key), prefix: given(prefix), last_layer, unread, ..Source::default() }
}
