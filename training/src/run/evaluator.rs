//! The splits of a run under the weights of an epoch: the training images, the test split and, if
//! there is one, the validation part of the training data; evaluation mode, no augmentation. Logits
//! pass by batch by batch; none are kept in memory.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use car_spectral::car::CarOptions;
use car_spectral::confusion::{ClassWeights, ConfusionError};
use car_spectral_data::augment::Chain;
use car_spectral_data::{DataSet, Normalisation, Parts, Split};
use car_spectral_formats::predictions::{self, TakeRows};
use car_spectral_runs::{RunError, SplitEvaluation, SplitSums};
use ndarray::{ArrayView1, ArrayView2};
use tch::{Device, Tensor};

use crate::batch::normalise;
use crate::evaluate;
use crate::features::Features;
use crate::model::Model;
use crate::{Result, TrainingError};

/// What the splits of a run are evaluated with.
#[derive(Debug)]
pub(crate) struct Evaluator<'a> {
    pub data: &'a DataSet,
    pub parts: &'a Parts,
    pub image_size: Option<usize>,
    pub normalisation: Normalisation,
    pub weights: ClassWeights,
    pub car: CarOptions,
    pub device: Device,
    /// Features of a network whose backbone stays as it is; the images are not read then.
    pub features: Option<&'a Features>,
}

/// All splits.
#[derive(Debug)]
pub(crate) struct Evaluated {
    pub train: SplitEvaluation,
    pub test: SplitEvaluation,
    pub validation: Option<SplitEvaluation>,
}

impl Evaluator<'_> {
    /// Evaluates `model` after `epoch`; with a folder, its predictions are written there:
    /// `train.npz`, `test.npz` and, if there is a validation part, `validation.npz`.
    pub(crate) fn evaluate(&self, model: &Model, epoch: usize, predictions: Option<&Path>) -> Result<Evaluated> {
        let all: Vec<usize> = (0..self.data.test.labels.len()).collect();
        let of_train = (&self.data.train, self.features.map(|features| &features.train));
        let of_test = (&self.data.test, self.features.map(|features| &features.test));
        let part = |name: &'static str, source, indices| {
            let file = predictions.map(|folder| folder.join(format!("{name}.npz")));
            self.part(model, source, indices, file.as_deref()).map_err(|error| match error {
                TrainingError::Run(RunError::Confusion(source @ ConfusionError::NonFiniteScore { .. })) => {
                    TrainingError::ScoresDiverged { epoch, split: name, source }
                }
                other => other,
            })
        };
        let validation = self.parts.validation.as_ref();
        Ok(Evaluated {
            train: part("train", of_train, &self.parts.train.indices)?,
            test: part("test", of_test, &all)?,
            validation: validation.map(|(_, drawn)| part("validation", of_train, &drawn.indices)).transpose()?,
        })
    }

    fn part(
        &self,
        model: &Model,
        (split, features): (&Arc<Split>, Option<&Tensor>),
        indices: &[usize],
        file: Option<&Path>,
    ) -> Result<SplitEvaluation> {
        let train_counts = &self.parts.train.class_counts;
        let labels: Vec<usize> = indices.iter().map(|&index| split.labels[index]).collect();
        let mut sums = SplitSums::new(train_counts.len(), &self.car)?;
        let run = |keep: &mut TakeRows<'_, TrainingError>| {
            let take = |logits: ArrayView2<'_, f32>, places: Range<usize>| {
                sums.add(logits, ArrayView1::from(&labels[places]))?;
                keep(logits)
            };
            if let Some(features) = features {
                return evaluate::feature_batches(features, indices, |rows| model.classify(rows), take);
            }
            let forward = |batch: &Tensor| Ok(model.forward(&normalise(&self.normalisation, batch)?, false));
            let chain = Chain::evaluation(&split.images, self.image_size);
            evaluate::batches(split, indices, &chain, self.device, forward, take)
        };
        match file {
            Some(file) => predictions::write(file, train_counts.len(), &labels, indices, run)?,
            None => {
                let mut run = run;
                run(&mut |_| Ok(()))?;
            }
        }
        Ok(sums.finish(train_counts, &self.weights)?)
    }
}
