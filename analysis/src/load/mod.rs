//! The way from the command line to scored models: stored predictions are read, checkpoints are run
//! on the images.

mod channels;
mod confusions;
mod counts;
mod foreign;
#[cfg(any(feature = "torch", feature = "onnx"))]
mod models;
mod predictions;
mod save;
mod training_runs;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use car_spectral_data::DataSource;
use car_spectral_formats::GivenFile;
use car_spectral_formats::confusion::Orientation;
use car_spectral_formats::predictions::{PredictionSource, Reading};
use car_spectral_runs::settings::DeviceChoice;

pub use channels::Channels;
pub use foreign::ForeignWeights;
pub use predictions::{Known, scored};
pub use save::{check_place, save_predictions};
pub use training_runs::read_one as training_run;

use crate::Result;
use crate::results::{DataFile, Preprocessing, TrainingRun, Warning};
use crate::subject::Subject;
use crate::words::readable;

/// The models to analyse.
#[derive(Clone, Debug)]
pub struct Request {
    pub models: Models,
    /// Architecture of models whose files do not say.
    pub arch: Option<String>,
    /// File with the training images of each class.
    pub train_counts: Option<GivenFile>,
    /// File with the names of the classes.
    pub class_names: Option<GivenFile>,
    /// Imbalance factor of the training set, in place of a file of counts.
    pub imbalance: Option<f64>,
    /// Images of the largest class, with `imbalance`.
    pub n_max: Option<u64>,
}

/// The origin of scores: those on the test images, and on the training images as many or none.
#[derive(Clone, Debug)]
pub enum Models {
    /// Stored predictions, a file or pair for each model, and what is said of them.
    Predictions { test: Vec<PredictionSource>, train: Vec<PredictionSource>, reading: Reading },
    /// Files of counts of one model's margins, added up.
    Counts { test: Vec<PathBuf>, train: Vec<PathBuf> },
    /// Confusion matrices of counts on the test images, a file for each model, and which way they
    /// lie.
    Confusions { files: Vec<PathBuf>, orientation: Option<Orientation> },
    /// Weights that are run on images.
    Checkpoints(Box<Checkpoints>),
}

/// Weights and the images to run them on.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "torch"),
    allow(dead_code, reason = "a build without libtorch runs no weights, or those of ONNX alone")
)]
pub struct Checkpoints {
    /// Files, or folders of checkpoints.
    pub files: Vec<PathBuf>,
    pub data: DataSource,
    /// Steps from the pixels to the input of foreign models.
    pub pixels: Option<PixelSteps>,
    /// Seed of the subset that this project's `train` drew for the models.
    pub subset_seed: Option<u64>,
    /// Words on weights that do not describe themselves.
    pub foreign: ForeignWeights,
    /// Tells whether a TorchScript file, which is a program, may be run.
    pub run_torchscript: bool,
    /// Output of several that holds the logits, by name or number from 0.
    pub output: Option<String>,
    pub device: DeviceChoice,
    pub threads: Option<usize>,
}

/// The steps from the pixels to the input of a foreign model.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelSteps {
    /// Mean of each channel, for pixels in [0, 1].
    pub mean: Vec<f64>,
    /// Standard deviation of each channel.
    pub std: Vec<f64>,
    /// Pixels that the shorter side is resized to.
    pub resize: Option<usize>,
    /// Side of the square cut out of the centre.
    pub crop: Option<usize>,
    /// Channels, if not as stored.
    pub channels: Option<Channels>,
}

/// The progress of a model.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    pub model: &'a str,
    pub part: &'a str,
    pub done: usize,
    pub of: usize,
}

/// The models to analyse and what they share.
#[derive(Debug, Default)]
pub struct Loaded {
    /// One or more models, names unique.
    pub subjects: Vec<Subject>,
    /// Logs of the runs behind the checkpoints, where they are at hand.
    pub runs: Vec<TrainingRun>,
    /// Files shared by all models.
    pub data: Vec<DataFile>,
    /// Device on which models ran; `None` for stored predictions.
    pub device: Option<String>,
    pub preprocessing: Option<Preprocessing>,
}

/// Loads what is asked for; `progress` is told of every batch of images that a model has run on.
///
/// # Errors
/// [`crate::AnalysisError`] naming the file or setting; [`crate::AnalysisError::NeedsLibtorch`] for
/// weights and [`crate::AnalysisError::NeedsOnnx`] for ONNX networks, in a build without what runs
/// them.
pub fn load(request: &Request, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Loaded> {
    let mut loaded = match &request.models {
        Models::Predictions { test, train, reading } => predictions::load(request, test, train, reading)?,
        Models::Counts { test, train } => counts::load(request, test, train)?,
        Models::Confusions { files, orientation } => confusions::load(request, files, *orientation)?,
        Models::Checkpoints(checkpoints) => run(request, checkpoints, progress)?,
    };
    for (role, file) in [("train counts", &request.train_counts), ("class names", &request.class_names)] {
        if let Some(file) = file {
            loaded.data.push(predictions::data_file_of(role, &file.stored()?));
        }
    }
    make_names_unique(&mut loaded.subjects);
    Ok(loaded)
}

#[cfg(any(feature = "torch", feature = "onnx"))]
use models::load as run;

#[cfg(not(any(feature = "torch", feature = "onnx")))]
fn run(_: &Request, checkpoints: &Checkpoints, _: &mut dyn FnMut(Progress<'_>)) -> Result<Loaded> {
    use car_spectral_formats::weights::{CheckpointKind, detect};
    let file = checkpoints.files.first().cloned().unwrap_or_default();
    Err(match detect(&file) {
        Ok(CheckpointKind::Onnx) => crate::AnalysisError::NeedsOnnx { file },
        _ => crate::AnalysisError::NeedsLibtorch { file },
    })
}

/// Names from file stems; where two are alike, the folder in front, and at last a number behind.
fn make_names_unique(subjects: &mut [Subject]) {
    let repeated = |subjects: &[Subject], name: &str| subjects.iter().filter(|other| other.name == name).count() > 1;
    let with_folders: Vec<String> = subjects
        .iter()
        .map(|subject| {
            let folder = subject
                .source
                .files
                .first()
                .and_then(|file| Path::new(&file.path).parent().and_then(Path::file_name).map(shown));
            match folder {
                Some(folder) if repeated(subjects, &subject.name) => format!("{folder}/{}", subject.name),
                _ => subject.name.clone(),
            }
        })
        .collect();
    for (subject, name) in subjects.iter_mut().zip(with_folders) {
        subject.name = name;
    }
    for index in 1..subjects.len() {
        let name = subjects[index].name.clone();
        let earlier = |candidate: &str| subjects[..index].iter().any(|other| other.name == candidate);
        if earlier(&name) {
            let free = (2..).map(|number| format!("{name} ({number})")).find(|candidate| !earlier(candidate));
            subjects[index].name = free.expect("numbers do not run out");
        }
    }
}

/// Part of a path as text, with U+FFFD for what would not be shown.
fn shown(part: &OsStr) -> String {
    readable(&part.to_string_lossy())
}

/// The name of the file without its ending; of a run's final `model.safetensors` the name of the
/// run's folder.
fn model_name(path: &Path) -> String {
    let stem = path.file_stem().map_or_else(|| path.display().to_string(), shown);
    let folder = path.parent().and_then(Path::file_name).map(shown);
    folder.filter(|_| stem == "model" || stem == "test").unwrap_or(stem)
}

/// The warnings that a reader of files gives the grounds of.
fn doubtful(of: &str, sentences: Vec<String>) -> Vec<Warning> {
    let warning = |sentence: String| Warning::new("doubtful-file", format!("{of}: {sentence}"), [("of", of.into())]);
    sentences.into_iter().map(warning).collect()
}

fn numbered_classes(num_classes: usize) -> Vec<String> {
    (0..num_classes).map(|class| class.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_are_shown_as_written() {
        assert_eq!(model_name(Path::new("runs/a\u{1b}[31m/model.safetensors")), "a\u{fffd}[31m");
        assert_eq!(model_name(Path::new("x\u{202e}gpj.npz")), "x\u{fffd}gpj");
        assert_eq!(model_name(Path::new("runs/b/last epoch.pt")), "last epoch");
        let logits = car_spectral_formats::predictions::Logits::F32(ndarray::Array2::zeros((1, 2)));
        let test = crate::subject::Scored { logits, labels: ndarray::Array1::zeros(1) };
        let subject = |path: &str| {
            let mut subject = Subject::new(model_name(Path::new(path)), test.clone());
            subject.source.files = vec![DataFile { path: path.to_owned(), ..DataFile::default() }];
            subject
        };
        let mut subjects = ["a\u{7}/x.npz", "b/x.npz", "b/x.npz"].map(subject);
        make_names_unique(&mut subjects);
        assert_eq!(subjects.map(|subject| subject.name), ["a\u{fffd}/x", "b/x", "b/x (2)"]);
    }
}
