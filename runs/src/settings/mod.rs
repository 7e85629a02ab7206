//! The settings of a run.
//!
//! | group | file | says |
//! | --- | --- | --- |
//! | network | `architecture`, `training_pass` | which network, and how it computes while it learns |
//! | images | | how images come: size, normalisation, augmentation, sampler |
//! | optimisation | `optimizer`, `objective` and its parts, `selection` | what is minimised and how, and which epoch is the result |
//! | output | | where results go, and how often the run is looked at |

mod architecture;
mod car_schedule;
mod classification;
mod contrastive;
mod device;
mod frozen;
mod objective;
mod optimizer;
mod rectification;
mod selection;
mod tensors;
mod training_pass;

use std::path::{Path, PathBuf};

use car_spectral_data::random::MOST_EPOCHS;
use car_spectral_data::{AugmentationOptions, Normalisation, Sampler, check_sizes};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RunError;
use crate::folder::{self, EarlierRun};

pub use architecture::{Architecture, ArchitectureKind, Classifier, VitSize};
pub use car_schedule::CarSchedule;
pub use classification::ClassificationOptions;
pub use contrastive::ContrastiveOptions;
pub use device::DeviceChoice;
pub use objective::ObjectiveOptions;
pub use optimizer::OptimizerOptions;
pub use rectification::RectificationOptions;
pub use selection::Selection;
pub use training_pass::TrainingPass;

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Settings of the network.
    pub network: NetworkSettings,
    /// Settings of the images.
    pub images: ImageSettings,
    /// Settings of the objective and of its minimisation.
    pub optimisation: OptimisationSettings,
    /// Settings of the results.
    pub output: OutputSettings,
}

/// The settings of a network, and how it computes while it learns.
#[derive(Clone, Debug)]
pub struct NetworkSettings {
    /// The network.
    pub architecture: ArchitectureKind,
    /// Last layer of the network.
    pub classifier: Classifier,
    /// Side to which images are resized on the device, or as they are.
    pub resolution: Option<usize>,
    /// Options of the forward passes of training.
    pub training_pass: TrainingPass,
    /// A file of weights to begin with, and of several sets in it the key.
    pub pretrained: Option<(PathBuf, Option<String>)>,
    /// The folder that features are kept in, of a network whose backbone stays as it was in that
    /// file and whose last layer alone is trained, on features of the images as they are; none: the
    /// whole network is trained.
    pub frozen: Option<PathBuf>,
    /// Decay of an average of the weights, which is then evaluated and kept in place of the weights
    /// themselves.
    pub weight_ema: Option<f64>,
}

/// The settings of the images.
#[derive(Clone, Debug, Default)]
pub struct ImageSettings {
    /// Normalisation by which pixels become inputs; none: the constants customary for the data set.
    pub normalisation: Option<Normalisation>,
    /// Augmentation of the view to classify.
    pub augmentation: AugmentationOptions,
    /// Rows and columns of the images given to the network; `None` for images as they are stored.
    pub image_size: Option<usize>,
    /// Frequency with which the images of each class come.
    pub sampler: Sampler,
    /// Threads that decode and augment, at least 1.
    pub loader_threads: usize,
}

/// The objective and its minimisation; a checkpoint's description repeats them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OptimisationSettings {
    /// Epochs planned, at least 1.
    pub epochs: usize,
    /// Seed of initialisation, order and augmentation.
    pub seed: u64,
    /// Mini-batch size, at least 1.
    pub batch_size: usize,
    /// Peak learning rate, positive.
    pub learning_rate: f64,
    /// The optimizer with its constants.
    #[serde(flatten, with = "optimizer::described")]
    #[schemars(with = "optimizer::described::Described")]
    pub optimizer: OptimizerOptions,
    /// Epochs of linear warm-up.
    pub warm_up_epochs: usize,
    /// Choice of the epoch whose weights are the result; absent for the last.
    #[serde(default, skip_serializing_if = "Selection::is_last")]
    pub selection: Selection,
    /// Objective that is minimised.
    #[serde(flatten)]
    pub objective: ObjectiveOptions,
}

/// The folder of the results, and how often the run is looked at.
#[derive(Clone, Debug)]
pub struct OutputSettings {
    /// Folder of the results.
    pub folder: PathBuf,
    /// Treatment of a run that the folder holds already.
    pub earlier: EarlierRun,
    /// Evaluate on the training, validation and test images every so many epochs; the last epoch
    /// always is.
    pub evaluate_every: usize,
    /// Write a checkpoint every so many epochs (0: at the end only).
    pub checkpoint_every: usize,
    /// Record in each epoch how large CAR's gradient is, what time it takes, and what the other
    /// average would be.
    pub car_diagnose: bool,
    /// The flags of the run as an experiment file, to be kept beside its results.
    pub flags: Option<String>,
}

fn at_least_one(name: &'static str, value: usize) -> Result<(), RunError> {
    (value >= 1).then_some(()).ok_or_else(|| RunError::setting(name, value, "at least 1"))
}

impl Settings {
    /// Checks every setting that can be checked without data.
    ///
    /// # Errors
    /// [`RunError::Setting`] naming the setting; [`RunError::File`] if nothing can be written at
    /// the folder.
    pub fn check(&self) -> Result<(), RunError> {
        self.network.check()?;
        check_sizes(self.optimisation.batch_size, self.images.loader_threads)?;
        self.images.augmentation.check()?;
        self.optimisation.check()?;
        self.check_frozen()?;
        self.output.check()
    }
}

impl NetworkSettings {
    fn check(&self) -> Result<(), RunError> {
        self.architecture.check()?;
        self.classifier.check(&self.architecture)?;
        self.architecture.check_resolution(self.resolution)?;
        self.training_pass.check(&self.architecture)?;
        match self.weight_ema {
            Some(decay) if !(decay > 0.0 && decay < 1.0) => {
                Err(RunError::setting("weight-ema", decay, "must be above 0 and below 1, as in 0.999"))
            }
            _ => Ok(()),
        }
    }
}

impl OptimisationSettings {
    fn check(&self) -> Result<(), RunError> {
        at_least_one("epochs", self.epochs)?;
        if self.epochs >= MOST_EPOCHS {
            return Err(RunError::setting("epochs", self.epochs, format!("below {MOST_EPOCHS}")));
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return Err(RunError::setting("lr", self.learning_rate, "must be finite and positive"));
        }
        self.optimizer.check()?;
        self.objective.check()?;
        if let ClassificationOptions::LdamDrw { deferred_from, .. } = self.objective.classification
            && !(1..=self.epochs).contains(&deferred_from)
        {
            return Err(RunError::setting("deferred-from", deferred_from, "an epoch of the run, from 1"));
        }
        let rectified = self.objective.rectification.map(|rectification| rectification.after_epoch);
        for (name, after, requirement) in [
            (
                "car-after",
                Some(self.objective.car_schedule.after_epoch),
                "fewer epochs than `epochs`, or CAR never counts",
            ),
            ("rectify-after", rectified, "fewer epochs than `epochs`, or no label is rectified"),
            ("warm-up", Some(self.warm_up_epochs), "fewer epochs than `epochs`"),
        ] {
            if let Some(after) = after.filter(|&after| after >= self.epochs) {
                return Err(RunError::setting(name, after, requirement));
            }
        }
        Ok(())
    }
}

impl OutputSettings {
    fn check(&self) -> Result<(), RunError> {
        at_least_one("evaluate-every", self.evaluate_every)?;
        if self.earlier == EarlierRun::Refuse {
            folder::check(&self.folder)?;
        }
        // A file that vanishes again, in the nearest folder there is: nothing is made that a failed run would leave.
        let nearest = self.folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(nearest).map(drop).map_err(RunError::io(&self.folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decays_of_the_average_lie_between_0_and_1() {
        let network = |weight_ema| NetworkSettings {
            architecture: ArchitectureKind::ResNet20,
            classifier: Classifier::Linear,
            resolution: None,
            training_pass: TrainingPass::default(),
            pretrained: None,
            frozen: None,
            weight_ema,
        };
        network(None).check().unwrap();
        network(Some(0.999)).check().unwrap();
        for decay in [0.0, 1.0, -0.5, f64::NAN] {
            let error = network(Some(decay)).check().unwrap_err().to_string();
            assert!(error.starts_with("weight-ema = "), "{error}");
        }
    }
}
