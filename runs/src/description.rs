//! The words of a checkpoint on itself: the network, the data, the run.
//!
//! The description stands in the metadata of the safetensors header (key `car_spectral`), so that
//! weights and description cannot come apart; `NAME.json` repeats it for people and other programs.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use car_spectral_data::{AugmentationOptions, DataKind, LongTail, Normalisation, Sampler, Validation};
use car_spectral_formats::quoting::{escaped, extents, quoted, quoted_list};
use car_spectral_formats::{
    FileError, SafetensorsHeader, check_class_name, read_regular, read_regular_text, safetensors_header,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RunError;
use crate::settings::{Architecture, OptimisationSettings, TrainingPass};

/// Version of the description.
pub const SCHEMA: &str = "car-spectral.checkpoint/1";

/// Key of the description in the metadata of a safetensors file.
pub const METADATA_KEY: &str = "car_spectral";
/// Prefix of the names of the tensors that are a loss's and not the network's.
pub const LOSS_PREFIX: &str = "loss.";
/// Bytes of a loss's name.
const LONGEST_LOSS: usize = 100;

/// The words of a checkpoint on itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Description {
    /// [`SCHEMA`].
    pub schema: String,
    /// The network.
    pub architecture: Architecture,
    /// Normalisation by which pixels become inputs.
    pub normalisation: Normalisation,
    /// The data set and the part of it that was trained on.
    pub data: TrainingData,
    /// The run.
    pub run: Run,
}

/// The training data of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingData {
    /// Data set.
    pub kind: DataKind,
    /// SHA-256 of the full training split's files.
    pub train_sha256: String,
    /// SHA-256 of the test split's files.
    pub test_sha256: String,
    /// The long-tailed subset, or `None` for the full split.
    pub long_tail: Option<LongTail>,
    /// Training images of each class, the validation part left out.
    pub class_counts: Vec<u64>,
    /// SHA-256 of the chosen indices.
    pub indices_sha256: String,
    /// The part of the training images that was held out for validation, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<ValidationPart>,
    /// Rows and columns of the images given to the network; absent for images as they are stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_size: Option<usize>,
    /// Names of the classes, one a class.
    pub class_names: Vec<String>,
}

/// The validation part of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ValidationPart {
    /// Numbers by which it was drawn.
    #[serde(flatten)]
    pub drawn: Validation,
    /// Images of each class in the part.
    pub class_counts: Vec<u64>,
    /// SHA-256 of its indices.
    pub indices_sha256: String,
}

/// The run that a checkpoint came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Epochs done.
    pub epoch: usize,
    /// The settings of the optimisation, as they were planned.
    #[serde(flatten)]
    pub optimisation: OptimisationSettings,
    /// Tells whether images were changed at random.
    pub augmented: bool,
    /// Augmentation, where it was more than crop and flip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub augmentation: Option<AugmentationOptions>,
    /// Frequency with which the images of each class came; absent for each once an epoch.
    #[serde(default, skip_serializing_if = "Sampler::is_instance_balanced")]
    pub sampler: Sampler,
    /// Epochs from one evaluation to the next, where the result is the best of those evaluated;
    /// absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluated_every: Option<usize>,
    /// Options of the forward passes of training; absent where they were plain float32.
    #[serde(default, skip_serializing_if = "is_plain")]
    pub training_pass: TrainingPass,
    /// Decay of the average of the weights; then the checkpoint's weights are the averaged ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight_ema: Option<f64>,
    /// The file of weights that the training began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretrained: Option<Pretrained>,
    /// The features that the last layer alone was trained on, where the backbone stayed as it was
    /// in that file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_backbone: Option<FrozenBackbone>,
    /// Name of the loss function.
    pub loss: String,
    /// Device.
    pub device: String,
    /// Threads of libtorch on the CPU.
    pub threads: usize,
    /// Commit of this code.
    pub commit: String,
}

fn is_plain(pass: &TrainingPass) -> bool {
    *pass == TrainingPass::default()
}

/// The weights that a training began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Pretrained {
    /// SHA-256 of the file in lower-case hexadecimal.
    pub sha256: String,
    /// Tells whether the file's classifier was taken too; otherwise, being of other classes or of
    /// another kind, the last layer began fresh.
    pub classifier: bool,
}

/// The features of a network whose backbone was not trained, in float32, evaluation mode and
/// without augmentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrozenBackbone {
    /// SHA-256 of the features of the whole training split [N, D], in lower-case hexadecimal.
    pub train_features_sha256: String,
    /// SHA-256 of those of the test split.
    pub test_features_sha256: String,
}

/// Reads the description in a safetensors file's metadata; `None` if there is none (a file of
/// another program).
///
/// # Errors
/// [`RunError::File`] for a file that is no safetensors, or whose description is damaged, of a
/// newer version, or of another network than its tensors.
pub fn describe(path: &Path) -> Result<Option<Description>, RunError> {
    description_of(path, &read_regular(path)?)
}

/// Reads the description that `path`, `NAME.json`, repeats: that in `NAME.safetensors`, where it
/// is, since another program may have left the two apart; else the file itself. `None` if neither
/// is there.
///
/// # Errors
/// [`RunError::File`] for a file that is damaged or of a newer version; [`RunError::File`].
pub fn read_description(path: &Path) -> Result<Option<Description>, RunError> {
    let weights = path.with_extension("safetensors");
    if weights.exists()
        && let Some(description) = describe(&weights)?
    {
        return Ok(Some(description));
    }
    match read_regular_text(path) {
        Ok(json) => from_json(path, &json).map(Some),
        Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reads the description in the bytes of the safetensors file at `path`; `None` if there is none.
///
/// # Errors
/// As [`describe`], reading left out.
pub fn description_of(path: &Path, bytes: &[u8]) -> Result<Option<Description>, RunError> {
    let header = safetensors_header(path, bytes)?;
    let Some(json) = header.text(METADATA_KEY) else { return Ok(None) };
    let description = from_json(path, json)?;
    check_tensors(path, &description.architecture, &header)?;
    Ok(Some(description))
}

/// Holds a network against the tensors that are in the file, before anything of it is built.
fn check_tensors(path: &Path, architecture: &Architecture, header: &SafetensorsHeader) -> Result<(), RunError> {
    let refused =
        |problem| RunError::malformed(path, format!("the weights are not those of {}: {problem}", architecture.kind));
    let is_network = |name: &String| !name.starts_with(LOSS_PREFIX) && !name.ends_with("num_batches_tracked");
    let mut count = 0;
    architecture.each_tensor(&mut |name, wanted| {
        count += 1;
        match header.shape(&name) {
            Some(found) if found == wanted => Ok(()),
            Some(found) => Err(refused(format!("tensor `{name}` has shape {}, expected {wanted:?}", extents(found)))),
            None => Err(refused(format!("tensor `{name}` is missing; the file holds {}", quoted_list(header.names())))),
        }
    })?;
    let mut others: Vec<String> = header.names().into_iter().filter(is_network).collect();
    if others.len() == count {
        return Ok(());
    }
    let mut own = HashSet::new();
    architecture.each_tensor(&mut |name, _| {
        own.insert(name);
        Ok::<_, RunError>(())
    })?;
    others.retain(|name| !own.contains(name));
    Err(refused(format!("it has no tensor {}", others.first().map_or_else(String::new, |name| quoted(name)))))
}

/// Reads a description as text, found in the file at `path`.
///
/// # Errors
/// [`RunError::File`] for a text that is damaged or of a newer version.
pub fn from_json(path: &Path, json: &str) -> Result<Description, RunError> {
    let description: Description = serde_json::from_str(json).map_err(|error| {
        RunError::malformed(path, format!("its description is damaged: {}", escaped(&error.to_string())))
    })?;
    if description.schema != SCHEMA {
        let problem = format!("its description is {}, this program reads \"{SCHEMA}\"", quoted(&description.schema));
        return Err(RunError::malformed(path, problem));
    }
    let (classes, data) = (description.architecture.num_classes, &description.data);
    if data.class_counts.len() != classes || data.class_names.len() != classes {
        let problem = format!(
            "its description has {classes} classes, but {} counts and {} names",
            data.class_counts.len(),
            data.class_names.len()
        );
        return Err(RunError::malformed(path, problem));
    }
    for (class, name) in data.class_names.iter().enumerate() {
        check_class_name(name)
            .map_err(|error| RunError::malformed(path, format!("its description, class {class}: {error}")))?;
    }
    let inconsistent = |problem: String| RunError::malformed(path, format!("its description: {problem}"));
    description.architecture.check().map_err(|error| inconsistent(error.to_string()))?;
    let [channels, height, width] = description.architecture.input;
    if let Some(side) = data.image_size.filter(|&side| [side, side] != [height, width]) {
        return Err(inconsistent(format!("images of {side} x {side} pixels for a network of {height} x {width}")));
    }
    let normalisation =
        Normalisation::new(description.normalisation.mean.clone(), description.normalisation.std.clone())
            .map_err(|error| RunError::malformed(path, error.to_string()))?;
    if normalisation.mean.len() != channels {
        let given = normalisation.mean.len();
        return Err(inconsistent(format!("means of {given} channel(s) for a network of {channels}")));
    }
    if let Some(car) = &description.run.optimisation.objective.car {
        car.check().map_err(|error| RunError::malformed(path, format!("its description: {error}")))?;
    }
    let loss = &description.run.loss;
    if loss.len() > LONGEST_LOSS || loss.chars().any(char::is_control) {
        let problem = format!(
            "its description names a loss of {} bytes, expected at most {LONGEST_LOSS} without control characters",
            loss.len()
        );
        return Err(RunError::malformed(path, problem));
    }
    Ok(description)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use safetensors::tensor::{Dtype, TensorView};

    use super::*;
    use crate::settings::OptimizerOptions;

    const SHIPPED: &str =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../figures/car-over-training/runs/car-paper-seed0.json");

    #[test]
    fn the_settings_are_written_as_they_were_read() {
        let mut json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(SHIPPED).unwrap()).unwrap();
        let read = |json: &serde_json::Value| from_json(Path::new("model.json"), &json.to_string()).unwrap();
        let sgd = |nesterov| OptimizerOptions::Sgd { momentum: 0.9, nesterov, weight_decay: 2e-4 };
        // Older builds wrote no constants of the optimizer.
        assert!(json["run"].get("optimizer").is_none());
        assert_eq!(read(&json).run.optimisation.optimizer, sgd(false));
        json["run"]["optimizer"] = serde_json::to_value(sgd(true)).unwrap();
        let description = read(&json);
        assert_eq!(description.run.optimisation.optimizer, sgd(true));
        // CAR has options today that the file did not know.
        let written = serde_json::to_value(description).unwrap();
        for (key, value) in json["run"].as_object().unwrap().iter().filter(|(key, _)| *key != "car") {
            assert_eq!(&written["run"][key], value, "{key}");
        }
    }

    #[test]
    fn what_the_weights_say_of_themselves_comes_first() {
        let inside = read_description(Path::new(SHIPPED)).unwrap().unwrap();
        let mut beside = inside.clone();
        beside.run.epoch += 1;
        let folder = tempfile::tempdir().unwrap();
        let (json, weights) = (folder.path().join("model.json"), folder.path().join("model.safetensors"));
        assert_eq!(read_description(&json).unwrap(), None);
        std::fs::write(&json, serde_json::to_string(&beside).unwrap()).unwrap();
        assert_eq!(read_description(&json).unwrap().as_ref(), Some(&beside));
        let mut shapes = Vec::new();
        let Ok(()) = inside.architecture.each_tensor(&mut |name, shape| {
            shapes.push((name, shape.to_vec()));
            Ok::<_, std::convert::Infallible>(())
        });
        let zeros = vec![0; 1 << 20];
        let write = |metadata| {
            let view = |(name, shape): &(String, Vec<usize>)| {
                let bytes = &zeros[..4 * shape.iter().product::<usize>()];
                (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
            };
            std::fs::write(&weights, safetensors::serialize(shapes.iter().map(view), Some(metadata)).unwrap()).unwrap();
        };
        write(HashMap::from([(METADATA_KEY.to_owned(), serde_json::to_string(&inside).unwrap())]));
        assert_eq!(read_description(&json).unwrap().as_ref(), Some(&inside));
        std::fs::remove_file(&json).unwrap();
        assert_eq!(read_description(&json).unwrap().as_ref(), Some(&inside));
        write(HashMap::from([("format".to_owned(), "pt".to_owned())]));
        assert_eq!(read_description(&json).unwrap(), None);
    }
}
