//! State that a run needs to go on after it was stopped at any moment: written as each epoch ends,
//! removed when the run is finished.
//!
//! `resume.safetensors` holds the weights, the state of the optimizer, of both averages of the
//! regulariser and of that of the weights, the best weights so far where the result is chosen by
//! validation, and, in its metadata, the description of the run with the epochs done. All random
//! numbers follow from the seed and the epoch ([`car_spectral_data::random`]). A run continued from
//! it ends with the weights of one that was never stopped, bit for bit on the CPU with as many
//! threads.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use car_spectral_formats::quoting::{escaped, quoted};
use car_spectral_formats::{FileError, read_regular, safetensors_metadata};
use car_spectral_runs::Description;
use car_spectral_runs::description::describe;
use car_spectral_runs::folder::{STATE, STATE_KEY, WEIGHTS, has_results};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::Tensor;

use super::best::Best;
use super::event::{Event, Observer};
use crate::tensor_file;
use crate::{Result, TrainingError};

const SCHEMA: &str = "car-spectral.resume/2";
const PREFIXES: [&str; 7] = ["model.", "optimizer.", "loss.", "other.", "weight_ema.", "best.model.", "best.loss."];

/// A run between two epochs.
#[derive(Debug)]
pub(crate) struct RunState {
    /// Description of the run, `run.epoch` the last epoch that is done.
    pub description: Description,
    pub weights: BTreeMap<String, Tensor>,
    pub optimizer: BTreeMap<String, Tensor>,
    /// Tensors of the average that regularises; empty without CAR, as is the next.
    pub loss: BTreeMap<String, Tensor>,
    pub other: BTreeMap<String, Tensor>,
    /// The epoch that is the result so far, of a run that is chosen by validation.
    pub best: Option<Best>,
    /// Empty without an average of the weights.
    pub weight_ema: BTreeMap<String, Tensor>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    schema: String,
    description: Description,
    best: Option<BestEpoch>,
}

#[derive(Debug, Serialize, Deserialize)]
struct BestEpoch {
    epoch: usize,
    accuracy_macro: f64,
}

impl RunState {
    /// Writes the file atomically.
    pub(crate) fn save(self, folder: &Path) -> Result<()> {
        let best = self.best.as_ref().map(|best| BestEpoch { epoch: best.epoch, accuracy_macro: best.accuracy_macro });
        let header = Header { schema: SCHEMA.to_owned(), description: self.description, best };
        let json = serde_json::to_string(&header).expect("a description holds only text and finite numbers");
        let (best_weights, best_loss) = self.best.map_or_else(Default::default, |best| (best.weights, best.loss));
        let parts = PREFIXES.into_iter().zip([
            self.weights,
            self.optimizer,
            self.loss,
            self.other,
            self.weight_ema,
            best_weights,
            best_loss,
        ]);
        let named = parts.flat_map(|(prefix, tensors)| {
            tensors.into_iter().map(move |(name, tensor)| (format!("{prefix}{name}"), tensor))
        });
        Ok(tensor_file::write(&folder.join(STATE), named, STATE_KEY, &json)?.show()?)
    }

    /// Reads the file of a run with the same settings as `planned`; None if there is none.
    ///
    /// # Errors
    /// [`TrainingError::File`] for a damaged file; [`TrainingError::Setting`] naming the settings
    /// that differ.
    pub(crate) fn load(folder: &Path, planned: &Description, observer: &mut Observer<'_>) -> Result<Option<Self>> {
        let path = folder.join(STATE);
        let bytes = match read_regular(&path) {
            Ok(bytes) => bytes,
            Err(FileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let malformed = |problem: String| TrainingError::malformed(&path, problem);
        let json = safetensors_metadata(&path, &bytes, STATE_KEY)?
            .ok_or_else(|| malformed("it holds no state of a run; remove it to begin anew".to_owned()))?;
        let header: Header = serde_json::from_str(&json)
            .map_err(|error| malformed(format!("its description is damaged: {}", escaped(&error.to_string()))))?;
        if header.schema != SCHEMA {
            let problem = format!(
                "it is {}, this program reads \"{SCHEMA}\"; finish the run with the build that began it, or overwrite it",
                quoted(&header.schema)
            );
            return Err(malformed(problem));
        }
        refuse_other_settings(folder, &header.description, planned, observer)?;
        let file = SafeTensors::deserialize(&bytes).map_err(|error| malformed(error.to_string()))?;
        let [weights, optimizer, loss, other, weight_ema, best_weights, best_loss] =
            PREFIXES.map(|prefix| tensor_file::tensors_under(&path, &file, prefix));
        let (best_weights, best_loss) = (best_weights?, best_loss?);
        let best = |BestEpoch { epoch, accuracy_macro }| Best {
            epoch,
            accuracy_macro,
            weights: best_weights,
            loss: best_loss,
        };
        Ok(Some(Self {
            best: header.best.map(best),
            description: header.description,
            weights: weights?,
            optimizer: optimizer?,
            loss: loss?,
            other: other?,
            weight_ema: weight_ema?,
        }))
    }
}

/// Whether the folder holds a run with the settings of `planned` that has come to its end.
pub(crate) fn is_finished(folder: &Path, planned: &Description, observer: &mut Observer<'_>) -> Result<bool> {
    if !has_results(folder) {
        return Ok(false);
    }
    let path = folder.join(WEIGHTS);
    let stored = describe(&path)?
        .ok_or_else(|| TrainingError::malformed(&path, "it does not describe its run; choose another folder"))?;
    refuse_other_settings(folder, &stored, planned, observer)?;
    Ok(true)
}

/// Removes the file of a run that is finished.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    let path: PathBuf = folder.join(STATE);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(TrainingError::io(&path)(error)),
        _ => Ok(()),
    }
}

/// Everything but how far the run has come and what ran it must be equal. Other threads or another
/// build are told, since the result may then differ in the last bits.
fn refuse_other_settings(
    folder: &Path,
    stored: &Description,
    planned: &Description,
    observer: &mut Observer<'_>,
) -> Result<()> {
    let mut alike = stored.clone();
    for (what, there, here) in [
        ("device", &stored.run.device, &planned.run.device),
        ("threads", &stored.run.threads.to_string(), &planned.run.threads.to_string()),
        ("commit", &stored.run.commit, &planned.run.commit),
    ] {
        if there != here {
            let (there, here) = (there.clone(), here.clone());
            observer(Event::Differs { folder: folder.to_owned(), what, there, here });
        }
    }
    alike.run.epoch = planned.run.epoch;
    alike.run.device.clone_from(&planned.run.device);
    alike.run.threads = planned.run.threads;
    alike.run.commit.clone_from(&planned.run.commit);
    let value = |description: &Description| serde_json::to_value(description).expect("plain data");
    let mut differences = Vec::new();
    compare("", &value(&alike), &value(planned), &mut differences);
    if differences.is_empty() {
        return Ok(());
    }
    let requirement = format!(
        "its run was begun with other settings: {}; give those, or another folder, or remove the folder",
        differences.join("; ")
    );
    Err(TrainingError::setting("resume", folder.display(), requirement))
}

/// Paths of the leaves that differ, with both values.
fn compare(at: &str, there: &Value, here: &Value, differences: &mut Vec<String>) {
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                let (a, b) = (a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null));
                compare(&path, a, b, differences);
            }
        }
        (a, b) if a != b => {
            let shown = |value: &Value| {
                let text = value.to_string();
                if text.chars().count() > 40 {
                    format!("{}...", text.chars().take(40).collect::<String>())
                } else {
                    text
                }
            };
            differences.push(format!("{at} {} there, {} here", shown(a), shown(b)));
        }
        _ => (),
    }
}
