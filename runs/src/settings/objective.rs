//! The objective that a run minimises.

use car_spectral::car::CarOptions;
use car_spectral_data::CutMix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CarSchedule, ClassificationOptions, ContrastiveOptions, RectificationOptions};
use crate::RunError;

/// The parts of the objective.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ObjectiveOptions {
    /// The classification loss; cross-entropy in checkpoints of builds that knew no other.
    #[serde(default = "cross_entropy")]
    pub classification: ClassificationOptions,
    /// The contrastive branch of BCL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrastive: Option<ContrastiveOptions>,
    /// CutMix of the view to classify.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cutmix: Option<CutMix>,
    /// Labels of mixed images by ConCutMix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rectification: Option<RectificationOptions>,
    /// CAR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub car: Option<CarOptions>,
    /// Epochs in which CAR counts; absent for throughout.
    #[serde(default, skip_serializing_if = "CarSchedule::is_constant")]
    pub car_schedule: CarSchedule,
}

fn cross_entropy() -> ClassificationOptions {
    ClassificationOptions::CrossEntropy
}

impl ObjectiveOptions {
    /// A classification loss alone.
    pub fn classification(classification: ClassificationOptions) -> Self {
        Self {
            classification,
            contrastive: None,
            cutmix: None,
            rectification: None,
            car: None,
            car_schedule: CarSchedule::default(),
        }
    }

    /// Name for logs and plots.
    pub fn label(&self) -> String {
        let classification = self.classification.label();
        let mut label = match (&self.contrastive, &self.rectification) {
            (None, _) => classification,
            (Some(_), None) => format!("BCL ({classification})"),
            (Some(_), Some(_)) => format!("ConCutMix ({classification})"),
        };
        if self.cutmix.is_some() && self.rectification.is_none() {
            label.push_str(" + CutMix");
        }
        if self.car.is_some() {
            label.push_str(" + CAR");
        }
        label
    }

    /// Checks every constant, and that the parts go together.
    ///
    /// # Errors
    /// [`RunError::Setting`] naming the setting; [`RunError::Car`].
    pub fn check(&self) -> Result<(), RunError> {
        self.classification.check()?;
        if let Some(contrastive) = &self.contrastive {
            contrastive.check()?;
        }
        if let Some(cutmix) = &self.cutmix {
            cutmix.check()?;
            if !self.classification.takes_soft_labels() {
                let requirement = format!("{} takes no soft labels; give another `loss`", self.classification.label());
                return Err(RunError::setting("cutmix", true, requirement));
            }
            if self.car.is_some() && cutmix.probability == 1.0 {
                let requirement = "below 1 with `car`, which reads only batches that are not mixed";
                return Err(RunError::setting("cutmix-probability", cutmix.probability, requirement));
            }
        }
        if let Some(rectification) = &self.rectification {
            rectification.check()?;
            if self.contrastive.is_none() || self.cutmix.is_none() {
                let requirement = "needs the contrastive branch and CutMix; give `loss` concutmix";
                return Err(RunError::setting("rectify-share", rectification.nearest_share, requirement));
            }
        }
        Ok(self.car.iter().try_for_each(CarOptions::check)?)
    }

    /// Views of each image that a step needs, the one to classify first.
    pub fn views(&self) -> usize {
        if self.contrastive.is_some() { 3 } else { 1 }
    }
}
