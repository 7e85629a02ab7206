//! The origin of a model's numbers: files, preprocessing, training runs.

use car_spectral_data::Normalisation;
use car_spectral_runs::Run;
use car_spectral_runs::log::EpochMetrics;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file that was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DataFile {
    /// Role of the file: `weights`, `test data`, `train data`, `test predictions`, `train
    /// predictions`, `train counts`, `class names`.
    pub role: String,
    /// The path as given.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 of the content, in lower-case hexadecimal.
    pub sha256: String,
}

/// The steps that an image takes before the model sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Preprocessing {
    /// Origin of these values: `checkpoint` or `flags`.
    pub origin: String,
    /// Mean subtracted from each channel, for pixels scaled to [0, 1].
    pub mean: Vec<f64>,
    /// Standard deviation each channel is then divided by.
    pub std: Vec<f64>,
    /// Length in pixels the shorter side is resized to; `None`: not resized.
    pub resize: Option<usize>,
    /// Side in pixels of the central crop; `None`: not cropped.
    pub crop: Option<usize>,
    /// Order or number of channels (`rgb`, `bgr`, `gray`); `None`: as stored.
    pub channels: Option<String>,
}

/// The origin of a model's scores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// `checkpoint` (this project's), `safetensors`, `torch-save`, `parts` (listed by an index),
    /// `torchscript`, `predictions` or `confusion` (a matrix of counts, without scores).
    pub kind: String,
    /// The files read for this model.
    pub files: Vec<DataFile>,
    /// Architecture, where the scores were computed by a model.
    pub architecture: Option<String>,
    /// Data set and split the model was tested on, for example `fashion-mnist`.
    pub dataset: Option<String>,
    /// Seed of the training run, where the checkpoint says.
    pub seed: Option<u64>,
    /// Epochs trained, where the checkpoint says; the abscissa of the trajectories.
    pub epoch: Option<u64>,
    /// Checksum of the chosen training indices (the long-tailed subset), where known.
    pub subset_sha256: Option<String>,
    /// Preprocessing that the model wants; `None` for stored predictions.
    pub preprocessing: Option<Preprocessing>,
    /// Keys that led to the weights in a file of another program, joined by dots; `None` if there
    /// are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Prefix of the names of its tensors there that was taken off; `None` if nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The module that was taken for the last layer there, by its whole name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_layer: Option<String>,
    /// The unused rest of the file: keys, names of tensors, and modules with the number of theirs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// Readings of the files where they do not say it plainly, what was taken for what: sentences
    /// without a full stop.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A training run of this project, as its `metrics.jsonl` records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingRun {
    /// Name of the run's folder.
    pub name: String,
    /// The log.
    pub log: DataFile,
    /// Data set.
    pub dataset: String,
    /// Architecture.
    pub architecture: String,
    /// Training images of each class.
    pub train_counts: Vec<u64>,
    /// Checksum of the chosen training indices.
    pub subset_sha256: String,
    /// Normalisation of the pixels; `None` in reports of older builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Normalisation>,
    /// Rows and columns of the images given to the network; `None` for images as they are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    /// Settings of the run, as the checkpoint says.
    pub run: Run,
    /// Metrics of the epochs, one entry an epoch.
    pub epochs: Vec<EpochMetrics>,
}
