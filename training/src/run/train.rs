//! The training loop: epoch after epoch, evaluations, checkpoints, the result.

use std::collections::BTreeMap;

use car_spectral::car::CarOptions;
use car_spectral::confusion::ClassWeights;
use car_spectral_data::{DataSet, Normalisation, Parts};
use car_spectral_runs::description::{FrozenBackbone, Pretrained, SCHEMA, TrainingData, ValidationPart};
use car_spectral_runs::folder::{self, EarlierRun, WEIGHTS};
use car_spectral_runs::log::{CarMetrics, EpochMetrics};
use car_spectral_runs::settings::{Architecture, Selection, Settings};
use car_spectral_runs::{COMMIT, Description, Run, SplitEvaluation, SplitMetrics};
use tch::{Device, Tensor};

use super::best::Best;
use super::evaluator::{Evaluated, Evaluator};
use super::event::{Event, Observer};
use super::feature_feed::FeatureFeed;
use super::feed::Feed;
use super::learner::{Batches, Learner, Pass};
use super::resume::{self, RunState};
use crate::checkpoint;
use crate::device::device_name;
use crate::features::{self, Features};
use crate::{Result, TrainingError};

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The epoch whose weights it is.
    pub epoch: usize,
    /// The test images under these weights.
    pub test: SplitMetrics,
    /// Wrong test images of each class `[K]`.
    pub test_errors: Vec<u64>,
    /// Test images of each class `[K]`.
    pub test_counts: Vec<u64>,
}

/// What stays the same over a run.
struct Plan<'a> {
    data: &'a DataSet,
    parts: &'a Parts,
    settings: &'a Settings,
    device: Device,
    architecture: Architecture,
    normalisation: Normalisation,
}

/// Trains a network on a part of a training split and writes `metrics.jsonl`, `model.safetensors`
/// (+ `.json`), `train.npz`, `test.npz` (and `validation.npz` if there is a validation part,
/// `epoch-N.safetensors` where asked) into the folder of the results. The last epoch is the result,
/// or the best on the validation part ([`Selection`]); nothing is selected by test accuracy. On the
/// CPU a run is repeatable for a seed and a number of threads, also one that was stopped and goes
/// on ([`EarlierRun::Resume`]): as each epoch ends, all that the next needs is written to
/// `resume.safetensors`, which goes when the run is finished. Features of a backbone that stays as
/// it is ([`crate::features`]) are computed first, if they are not kept already. `observer` is told
/// of every step and epoch. None if the run that was to go on is finished already.
///
/// # Errors
/// [`TrainingError::Setting`] and [`TrainingError::Run`] before anything is written, also for a run
/// to go on with that had other settings, [`TrainingError::Diverged`] and its like if loss, weights
/// or scores leave the finite range, and the errors of files and libtorch.
pub fn train(
    data: &DataSet,
    parts: &Parts,
    settings: &Settings,
    device: Device,
    observer: &mut Observer<'_>,
) -> Result<Option<Finished>> {
    let plan = Plan::new(data, parts, settings, device)?;
    let mut learner = Learner::new(&plan.architecture, &parts.train.class_counts, settings, device)?;
    if let Some(pretrained) = &learner.pretrained {
        observer(Event::Pretrained(pretrained));
    }
    let pretrained = learner.pretrained.clone();
    let features = plan.features(&learner, observer)?;
    let frozen_backbone = features.as_ref().map(Features::description);
    let describe = |epoch| plan.description(&pretrained, &frozen_backbone, epoch);
    let out = settings.output.folder.as_path();
    let epochs = settings.optimisation.epochs;
    let evaluator = plan.evaluator(features.as_ref())?;

    if settings.output.earlier == EarlierRun::Resume && resume::is_finished(out, &describe(epochs), observer)? {
        return Ok(None);
    }
    let mut log = folder::take(out, settings.output.earlier)?;
    let (done, mut best) = go_on(&mut learner, settings, &describe(0), observer)?;
    log.keep(done)?;
    if let Some(flags) = settings.output.flags.as_ref().filter(|_| done == 0) {
        folder::keep_flags(out, flags)?;
    }
    let mut batches = plan.batches(features.as_ref(), done)?;
    let mut result = None;
    for epoch in done + 1..=epochs {
        let pass = learner.train(epoch, &mut batches, observer)?;
        let is_last = epoch == epochs;
        let predictions = (is_last && settings.optimisation.selection == Selection::Last).then_some(out);
        let evaluated = (is_last || epoch % settings.output.evaluate_every == 0)
            .then(|| evaluator.evaluate(learner.kept(), epoch, predictions))
            .transpose()?;
        let matrices = evaluated.as_ref().map(|evaluated| (&evaluated.train.surrogate, &evaluated.train.hard));
        let car = learner.objective.finish_epoch(pass.seconds, matrices)?;
        let metrics = epoch_metrics(epoch, &pass, evaluated.as_ref(), car);
        log.append(&metrics)?;
        observer(Event::Epoch(&metrics));
        let every = settings.output.checkpoint_every;
        if every > 0 && epoch % every == 0 {
            let path = out.join(format!("epoch-{epoch:04}.safetensors"));
            checkpoint::save(&path, learner.kept(), &learner.objective.state(), &describe(epoch))?;
        }
        if settings.optimisation.selection == Selection::BestValidation
            && let Some(accuracy) = metrics.validation.as_ref().and_then(|validation| validation.accuracy_macro)
            && Best::is_beaten(best.as_ref(), accuracy)
        {
            best = Some(Best::new(epoch, accuracy, learner.kept().learned(), learner.objective.state()));
        }
        learner.state(describe(epoch), best.as_ref()).save(out)?;
        result = evaluated.filter(|_| predictions.is_some());
    }
    let (epoch, loss) = take_result(&mut learner, best, epochs)?;
    let result = match result {
        Some(result) => result,
        // Chosen by validation, or a run that was stopped between its last epoch and its end.
        None => evaluator.evaluate(&learner.model, epoch, Some(out))?,
    };
    checkpoint::save(&out.join(WEIGHTS), &learner.model, &loss, &describe(epoch))?;
    resume::remove(out)?;
    let SplitEvaluation { metrics, errors, counts, .. } = result.test;
    Ok(Some(Finished { epoch, test: metrics, test_errors: errors, test_counts: counts }))
}

/// Puts the weights that are the result into the network: their epoch, and the state of the loss.
fn take_result(learner: &mut Learner, best: Option<Best>, epochs: usize) -> Result<(usize, BTreeMap<String, Tensor>)> {
    match best {
        Some(best) => {
            learner.model.set_learned(&best.weights)?;
            Ok((best.epoch, best.loss))
        }
        None => {
            let kept = learner.kept().learned();
            learner.model.set_learned(&kept)?;
            Ok((epochs, learner.objective.state()))
        }
    }
}

/// Puts the learner where the run was stopped, if one is to go on and there is one: the epochs
/// done, and the best of them where the result is chosen by validation.
fn go_on(
    learner: &mut Learner,
    settings: &Settings,
    planned: &Description,
    observer: &mut Observer<'_>,
) -> Result<(usize, Option<Best>)> {
    if settings.output.earlier != EarlierRun::Resume {
        return Ok((0, None));
    }
    let out = &settings.output.folder;
    match RunState::load(out, planned, observer)? {
        None => {
            folder::check_not_begun(out)?;
            observer(Event::Begins);
            Ok((0, None))
        }
        Some(state) => {
            let (done, best) = (state.description.run.epoch, state.best.as_ref().map(Best::shallow_clone));
            learner.restore(state)?;
            observer(Event::GoesOn { after: done });
            Ok((done, best))
        }
    }
}

impl<'a> Plan<'a> {
    fn new(data: &'a DataSet, parts: &'a Parts, settings: &'a Settings, device: Device) -> Result<Self> {
        settings.check()?;
        if settings.optimisation.selection == Selection::BestValidation && parts.validation.is_none() {
            return Err(TrainingError::setting("select", "best", "needs `validation`: it is never by the test images"));
        }
        let architecture = Architecture {
            kind: settings.network.architecture.clone(),
            input: data.image_shape(settings.images.image_size)?,
            num_classes: data.num_classes(),
            classifier: settings.network.classifier,
            resolution: settings.network.resolution,
        };
        let normalisation =
            settings.images.normalisation.clone().unwrap_or_else(|| Normalisation::customary(data.kind));
        normalisation.check_channels(architecture.input[0])?;
        Ok(Self { data, parts, settings, device, architecture, normalisation })
    }

    /// The features of both splits, of a network whose backbone stays as it is.
    fn features(&self, learner: &Learner, observer: &mut Observer<'_>) -> Result<Option<Features>> {
        let Some((folder, pretrained)) = self.settings.network.frozen.as_ref().zip(learner.pretrained.as_ref()) else {
            return Ok(None);
        };
        let key = self.settings.network.pretrained.as_ref().and_then(|(_, key)| key.as_deref());
        let images = (&self.normalisation, self.settings.images.image_size);
        let source = features::Source::new(&self.architecture, (&pretrained.sha256, key), self.data, images);
        features::of(&learner.model, self.data, &source, folder, self.device, &mut |event| {
            observer(Event::Features(event));
        })
        .map(Some)
    }

    /// Batches of the epochs after `done`.
    fn batches(&self, features: Option<&Features>, done: usize) -> Result<Batches> {
        let Self { data, parts, settings, device, .. } = *self;
        let (images, optimisation) = (&settings.images, &settings.optimisation);
        Ok(match features {
            Some(Features { train, .. }) => Batches::Features(FeatureFeed::new(
                train,
                &data.train,
                (&parts.train, images.sampler),
                optimisation.batch_size,
                optimisation.seed,
                device,
            )?),
            None => {
                let epochs = done + 1..=optimisation.epochs;
                let normalisation = &self.normalisation;
                let feed = Feed::new(&data.train, &parts.train, normalisation, images, optimisation, epochs, device)?;
                Batches::Images(Box::new(feed))
            }
        })
    }

    fn evaluator(&self, features: Option<&'a Features>) -> Result<Evaluator<'a>> {
        let measured = self.settings.optimisation.objective.car.unwrap_or(CarOptions::paper());
        Ok(Evaluator {
            data: self.data,
            parts: self.parts,
            image_size: self.settings.images.image_size,
            normalisation: self.normalisation.clone(),
            weights: ClassWeights::new(&self.parts.train.class_counts, measured.r0, measured.weights)?,
            car: measured,
            device: self.device,
            features,
        })
    }

    /// What a checkpoint says of its run.
    fn description(
        &self,
        pretrained: &Option<Pretrained>,
        frozen_backbone: &Option<FrozenBackbone>,
        epoch: usize,
    ) -> Description {
        let Self { data, parts, settings, .. } = self;
        let (images, optimisation) = (&settings.images, &settings.optimisation);
        Description {
            schema: SCHEMA.to_owned(),
            architecture: self.architecture.clone(),
            normalisation: self.normalisation.clone(),
            data: TrainingData {
                kind: data.kind,
                train_sha256: data.train.sha256.clone(),
                test_sha256: data.test.sha256.clone(),
                long_tail: parts.long_tail,
                class_counts: parts.train.class_counts.clone(),
                indices_sha256: parts.train.sha256.clone(),
                validation: parts.validation.as_ref().map(|(drawn, part)| ValidationPart {
                    drawn: *drawn,
                    class_counts: part.class_counts.clone(),
                    indices_sha256: part.sha256.clone(),
                }),
                image_size: images.image_size,
                class_names: data.class_names.clone(),
            },
            run: Run {
                epoch,
                optimisation: optimisation.clone(),
                augmented: images.augmentation.changes_images(),
                augmentation: images.augmentation.beyond_crop_and_flip(),
                sampler: images.sampler,
                evaluated_every: (optimisation.selection == Selection::BestValidation)
                    .then_some(settings.output.evaluate_every),
                training_pass: settings.network.training_pass,
                weight_ema: settings.network.weight_ema,
                pretrained: pretrained.clone(),
                frozen_backbone: frozen_backbone.clone(),
                loss: optimisation.objective.label(),
                device: device_name(self.device),
                threads: tch::get_num_threads() as usize,
                commit: COMMIT.to_owned(),
            },
        }
    }
}

fn epoch_metrics(epoch: usize, pass: &Pass, evaluated: Option<&Evaluated>, car: Option<CarMetrics>) -> EpochMetrics {
    let of = |evaluation: &SplitEvaluation| evaluation.metrics.clone();
    EpochMetrics {
        epoch,
        train_loss: pass.loss,
        train_accuracy: pass.accuracy,
        learning_rate: pass.learning_rate,
        train: evaluated.map(|evaluated| of(&evaluated.train)),
        test: evaluated.map(|evaluated| of(&evaluated.test)),
        validation: evaluated.and_then(|evaluated| evaluated.validation.as_ref()).map(of),
        car,
        seconds: pass.seconds,
    }
}
