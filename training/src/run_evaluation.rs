//! The splits of a run under the weights of an epoch: the training images, the test split and, if there is one, the validation
//! part of the training data; evaluation mode, no augmentation.

use std::path::Path;
use std::sync::Arc;

use car_spectral::car::CarOptions;
use car_spectral::confusion::ClassWeights;
use ndarray::Array2;
use tch::{Device, Tensor};

use crate::TrainingError;
use crate::augment::Chain;
use crate::data::{DataSet, Normalisation, Parts, Split};
use crate::evaluate;
use crate::model::Model;
use crate::predictions;
use crate::split_metrics::{self, SplitEvaluation};

/// What the splits of a run are evaluated with.
#[derive(Debug)]
pub(crate) struct Evaluator<'a> {
    pub data: &'a DataSet,
    pub parts: &'a Parts,
    pub image_size: Option<usize>,
    pub normalisation: &'a Normalisation,
    pub weights: &'a ClassWeights,
    pub car: &'a CarOptions,
    pub device: Device,
}

/// Some images with their logits.
#[derive(Debug)]
pub(crate) struct Part {
    pub indices: Vec<usize>,
    pub labels: Vec<usize>,
    /// [N, K], rows in the order of the indices.
    pub logits: Array2<f32>,
    pub evaluation: SplitEvaluation,
}

/// All splits.
#[derive(Debug)]
pub(crate) struct Evaluated {
    pub train: Part,
    pub test: Part,
    pub validation: Option<Part>,
}

impl Evaluator<'_> {
    /// # Errors
    /// Those of the images, of libtorch, and of scores that are not finite.
    pub(crate) fn evaluate(&self, model: &Model) -> Result<Evaluated, TrainingError> {
        let all: Vec<usize> = (0..self.data.test.labels.len()).collect();
        let validation = self.parts.validation.as_ref();
        Ok(Evaluated {
            train: self.part(model, &self.data.train, &self.parts.train.indices)?,
            test: self.part(model, &self.data.test, &all)?,
            validation: validation.map(|(_, part)| self.part(model, &self.data.train, &part.indices)).transpose()?,
        })
    }

    fn part(&self, model: &Model, split: &Arc<Split>, indices: &[usize]) -> Result<Part, TrainingError> {
        let forward = |batch: &Tensor| Ok(model.forward(&self.normalisation.apply(batch)?, false));
        let chain = Chain::evaluation(&split.images, self.image_size);
        let logits = evaluate::logits(split, indices, &chain, self.device, forward, |_| ())?;
        let labels: Vec<usize> = indices.iter().map(|&index| split.labels[index]).collect();
        let counts = &self.parts.train.class_counts;
        let evaluation = split_metrics::evaluate(&logits, &labels, counts, self.weights, self.car)?;
        Ok(Part { indices: indices.to_vec(), labels, logits, evaluation })
    }
}

impl Evaluated {
    /// Writes `train.npz`, `test.npz` and, if there is a validation part, `validation.npz` into a folder.
    ///
    /// # Errors
    /// [`TrainingError::Io`] naming the file.
    pub(crate) fn write_predictions(&self, folder: &Path) -> Result<(), TrainingError> {
        let parts =
            [("train", Some(&self.train)), ("test", Some(&self.test)), ("validation", self.validation.as_ref())];
        for (name, part) in parts.into_iter().filter_map(|(name, part)| Some((name, part?))) {
            predictions::write(&folder.join(format!("{name}.npz")), part.logits.view(), &part.labels, &part.indices)?;
        }
        Ok(())
    }
}
