//! Parts of a run that learn, and their way through an epoch: the network, what is minimised, the
//! optimizer with its schedule, and the average of the weights if there is one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use car_spectral_data::random::{Place, Purpose, generator};
use car_spectral_runs::Description;
use car_spectral_runs::description::Pretrained;
use car_spectral_runs::settings::{Architecture, Settings};
use rand::RngExt;
use tch::Device;

use super::best::Best;
use super::event::{Event, Observer};
use super::feature_feed::FeatureFeed;
use super::feed::{FedBatch, Feed};
use super::objective::{Objective, Step};
use super::optimizer::Optimizer;
use super::resume::RunState;
use super::schedule::WarmupCosine;
use super::weight_ema::WeightEma;
use crate::model::Model;
use crate::{Result, TrainingError};

/// The network of a run and all that changes with it.
#[derive(Debug)]
pub(crate) struct Learner {
    pub(crate) model: Model,
    pub(crate) objective: Objective,
    /// The file that the weights began with.
    pub(crate) pretrained: Option<Pretrained>,
    weight_ema: Option<WeightEma>,
    optimizer: Optimizer,
    schedule: WarmupCosine,
    seed: u64,
    steps_per_epoch: usize,
}

/// Where the batches of a run come from.
#[derive(Debug)]
pub(crate) enum Batches {
    Images(Box<Feed>),
    /// Of a network whose backbone stays as it is.
    Features(FeatureFeed),
}

/// An epoch of training.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    /// Mean over the images, as they came, augmented.
    pub loss: f64,
    /// Share predicted right.
    pub accuracy: f64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    pub seconds: f64,
}

impl Learner {
    /// Draws or reads the weights. `class_counts` are those of the training images.
    pub(crate) fn new(
        architecture: &Architecture,
        class_counts: &[u64],
        settings: &Settings,
        device: Device,
    ) -> Result<Self> {
        let (network, optimisation) = (&settings.network, &settings.optimisation);
        tch::manual_seed(optimisation.seed as i64);
        architecture.check_for_training()?;
        let mut model = Model::new(architecture.clone(), device)?;
        model.set_training_pass(network.training_pass)?;
        let start = |(file, key): &(PathBuf, Option<String>)| model.start_from(file, key.as_deref());
        let pretrained = network.pretrained.as_ref().map(start).transpose()?;
        if network.frozen.is_some() {
            model.freeze_backbone()?;
            if pretrained.as_ref().is_some_and(|pretrained| !pretrained.classifier) {
                model.begin_last_layer_at_zero();
            }
        }
        let weight_ema = network.weight_ema.map(|decay| WeightEma::new(&model, decay, device)).transpose()?;
        let diagnose = settings.output.car_diagnose;
        let objective = Objective::new(&optimisation.objective, class_counts, &model, diagnose)?;
        let trainable = model.trainable().into_iter().chain(objective.trainable()).collect();
        let optimizer = Optimizer::new(optimisation.optimizer, trainable)?;
        let images: u64 = class_counts.iter().sum();
        let steps_per_epoch = (images as usize).div_ceil(optimisation.batch_size);
        let schedule = WarmupCosine {
            peak: optimisation.learning_rate,
            warmup_steps: optimisation.warm_up_epochs * steps_per_epoch,
            total_steps: optimisation.epochs * steps_per_epoch,
        };
        let seed = optimisation.seed;
        Ok(Self { model, objective, pretrained, weight_ema, optimizer, schedule, seed, steps_per_epoch })
    }

    /// The network that is evaluated and kept: the average of the weights where there is one.
    pub(crate) fn kept(&self) -> &Model {
        self.weight_ema.as_ref().map_or(&self.model, WeightEma::model)
    }

    /// Puts back what [`Learner::state`] gave.
    pub(crate) fn restore(&mut self, state: RunState) -> Result<()> {
        self.model.set_learned(&state.weights)?;
        self.optimizer.set_state(&state.optimizer)?;
        self.objective.set_state(state.loss, &state.other)?;
        self.weight_ema.as_mut().map_or(Ok(()), |weight_ema| weight_ema.set_state(&state.weight_ema))
    }

    /// All that the next epoch needs.
    pub(crate) fn state(&self, description: Description, best: Option<&Best>) -> RunState {
        RunState {
            description,
            weights: self.model.learned(),
            optimizer: self.optimizer.state(),
            loss: self.objective.state(),
            other: self.objective.other_state(),
            weight_ema: self.weight_ema.as_ref().map_or_else(BTreeMap::new, WeightEma::state),
            best: best.map(Best::shallow_clone),
        }
    }

    /// The objective of the batch at place `position` of an epoch, and how many images it has.
    fn step(&mut self, epoch: usize, position: usize, batches: &mut Batches) -> Result<(Step, i64)> {
        Ok(match batches {
            Batches::Images(feed) => {
                let FedBatch { views, labels, mix } = feed.batch(epoch, position)?;
                let step = self.objective.step(&self.model, &views, &labels, mix.as_ref(), epoch)?;
                (step, labels.size()[0])
            }
            Batches::Features(feed) => {
                let (features, labels) = feed.batch(epoch, position)?;
                let step = self.objective.step_on(&self.model, &features, &labels, None, epoch)?;
                (step, labels.size()[0])
            }
        })
    }

    /// Trains for `epoch`, from 1, telling `observer` of each step.
    ///
    /// # Errors
    /// [`TrainingError::Diverged`] if the loss leaves the finite range,
    /// [`TrainingError::WeightsDiverged`] if a weight has left it at the end of the epoch; the
    /// errors of images and of libtorch.
    pub(crate) fn train(&mut self, epoch: usize, batches: &mut Batches, observer: &mut Observer<'_>) -> Result<Pass> {
        let started = Instant::now();
        tch::manual_seed(seed_of_layers(self.seed, epoch));
        let (mut loss_sum, mut right_sum, mut images, mut learning_rate) = (0.0, 0.0, 0, 0.0);
        for position in 0..self.steps_per_epoch {
            learning_rate = self.schedule.rate((epoch - 1) * self.steps_per_epoch + position);
            let (Step { objective, loss, right }, count) = self.step(epoch, position, batches)?;
            if !loss.is_finite() {
                return Err(TrainingError::Diverged { epoch, step: position + 1, loss });
            }
            self.optimizer.zero_grad();
            objective.f_backward()?;
            self.optimizer.step(learning_rate)?;
            if let Some(weight_ema) = &mut self.weight_ema {
                weight_ema.update(&self.model)?;
            }
            loss_sum += loss * count as f64;
            right_sum += right;
            images += count;
            let done = (epoch - 1) * self.steps_per_epoch + position + 1;
            observer(Event::Step { done, of: self.schedule.total_steps });
        }
        for (tensor, values) in self.model.weights() {
            if !bool::try_from(values.f_isfinite()?.f_all()?)? {
                return Err(TrainingError::WeightsDiverged { epoch, tensor });
            }
        }
        let images = images as f64;
        let seconds = started.elapsed().as_secs_f64();
        Ok(Pass { loss: loss_sum / images, accuracy: right_sum / images, learning_rate, seconds })
    }
}

/// Seed of libtorch's own generator in an epoch: what random layers draw does not depend on the
/// epochs before.
fn seed_of_layers(seed: u64, epoch: usize) -> i64 {
    generator(seed, Place { epoch, stream: 0, purpose: Purpose::Layers, position: 0 }).random()
}
