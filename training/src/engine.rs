//! The training loop: an optimizer with linear warm-up and cosine schedule, the objective, batches made ahead of time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use car_spectral::car::{CarOptions, PenaltyNorm};
use car_spectral::confusion::ClassWeights;
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::Array2;
use rand::RngExt;
use tch::Device;

use crate::augment::AugmentationOptions;
use crate::checkpoint::{self, Description, Run, SCHEMA, TrainingData, ValidationPart};
use crate::data::{DataSet, Normalisation, Parts, Sampler};
use crate::device::device_name;
use crate::feed::{FedBatch, Feed, FeedOptions};
use crate::loss::classification::ClassificationOptions;
use crate::metrics::EpochMetrics;
use crate::model::{Architecture, ArchitectureKind, Classifier, Model, TrainingPass};
use crate::objective::{Objective, ObjectiveOptions, Step};
use crate::optimizer::{Optimizer, OptimizerOptions};
use crate::random::{MOST_EPOCHS, Place, Purpose, generator};
use crate::resume::{self, RunState};
use crate::run_evaluation::{Evaluated, Evaluator, Part};
use crate::run_folder;
use crate::schedule::WarmupCosine;
use crate::selection::{Best, Selection};
use crate::weight_ema::{self, WeightEma};
use crate::{COMMIT, TrainingError};

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The network.
    pub architecture: ArchitectureKind,
    /// Its last layer.
    pub classifier: Classifier,
    /// Side to which images are resized on the device, or as they are.
    pub resolution: Option<usize>,
    /// How forward passes of training compute.
    pub training_pass: TrainingPass,
    /// A file of weights to begin with.
    pub pretrained: Option<PathBuf>,
    /// Decay of an average of the weights, which is then evaluated and kept in place of the weights themselves.
    pub weight_ema: Option<f64>,
    /// How pixels become inputs; none: the constants customary for the data set.
    pub normalisation: Option<Normalisation>,
    /// Epochs, at least 1.
    pub epochs: usize,
    /// Mini-batch size, at least 1.
    pub batch_size: usize,
    /// Peak learning rate, positive.
    pub learning_rate: f64,
    /// The optimizer with its constants.
    pub optimizer: OptimizerOptions,
    /// Epochs of linear warm-up.
    pub warm_up_epochs: usize,
    /// Augmentation of the view to classify.
    pub augmentation: AugmentationOptions,
    /// Rows and columns of the images given to the network; `None` for images as they are stored.
    pub image_size: Option<usize>,
    /// How often the images of each class come.
    pub sampler: Sampler,
    /// Threads that decode and augment, at least 1.
    pub loader_threads: usize,
    /// Which epoch's weights are the result.
    pub selection: Selection,
    /// Seed of initialisation, order and augmentation.
    pub seed: u64,
    /// What is minimised.
    pub objective: ObjectiveOptions,
    /// Evaluate on the training, validation and test images every so many epochs; the last epoch always is.
    pub evaluate_every: usize,
    /// Write a checkpoint every so many epochs (0: at the end only).
    pub checkpoint_every: usize,
    /// Where.
    pub device: Device,
    /// Folder of the results.
    pub out: PathBuf,
    /// What to do with a run that the folder holds already.
    pub earlier: EarlierRun,
}

/// What to do with a run that `out` holds already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierRun {
    /// Refuse to write into the folder.
    Refuse,
    /// Remove it.
    Overwrite,
    /// Go on where it was stopped, if its settings are the same; begin where there is none.
    Resume,
}

impl Options {
    /// Checks every setting that can be checked without data.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`] naming the flag; [`TrainingError::Io`] if nothing can be written at `out`.
    pub fn check(&self) -> Result<(), TrainingError> {
        let positive = |name, value: f64| {
            (value.is_finite() && value > 0.0)
                .then_some(())
                .ok_or_else(|| TrainingError::setting(name, value, "must be finite and positive"))
        };
        let at_least_one = |name, value: usize| {
            (value >= 1).then_some(()).ok_or_else(|| TrainingError::setting(name, value, "at least 1"))
        };
        self.architecture.check()?;
        at_least_one("--epochs", self.epochs)?;
        at_least_one("--batch-size", self.batch_size)?;
        at_least_one("--evaluate-every", self.evaluate_every)?;
        at_least_one("--loader-threads", self.loader_threads)?;
        if self.epochs >= MOST_EPOCHS {
            return Err(TrainingError::setting("--epochs", self.epochs, format!("below {MOST_EPOCHS}")));
        }
        positive("--lr", self.learning_rate)?;
        self.optimizer.check()?;
        self.objective.check()?;
        self.augmentation.check()?;
        self.classifier.check(&self.architecture)?;
        self.architecture.check_resolution(self.resolution)?;
        self.training_pass.check(&self.architecture)?;
        self.weight_ema.map_or(Ok(()), weight_ema::check_decay)?;
        if let ClassificationOptions::LdamDrw { deferred_from, .. } = self.objective.classification
            && !(1..=self.epochs).contains(&deferred_from)
        {
            return Err(TrainingError::setting("--deferred-from", deferred_from, "an epoch of the run, from 1"));
        }
        if self.objective.car_schedule.after_epoch >= self.epochs {
            let after = self.objective.car_schedule.after_epoch;
            return Err(TrainingError::setting(
                "--car-after",
                after,
                "fewer epochs than --epochs, or CAR never counts",
            ));
        }
        if self.warm_up_epochs >= self.epochs {
            return Err(TrainingError::setting("--warm-up", self.warm_up_epochs, "fewer epochs than --epochs"));
        }
        if self.earlier == EarlierRun::Refuse {
            run_folder::check(&self.out)?;
        }
        // A file that vanishes again, in the nearest folder there is: nothing is made that a failed run would leave.
        let folder = self.out.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(folder).map(drop).map_err(TrainingError::io(&self.out))
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct Finished {
    /// The epoch whose weights it is.
    pub epoch: usize,
    /// Logits on the training images [N_train, K], rows in the order of their indices.
    pub train_logits: Array2<f32>,
    /// Logits on the test split [N_test, K].
    pub test_logits: Array2<f32>,
    /// Share of test images predicted right.
    pub test_accuracy: f64,
}

/// Trains a network on a part of a training split and writes `metrics.jsonl`,
/// `model.safetensors` (+ `.json`), `train.npz`, `test.npz` (and `validation.npz` if there is a validation part,
/// `epoch-N.safetensors` where asked) into `options.out`. The last epoch is the result, or the best on the validation part
/// ([`Selection`]); nothing is selected by test accuracy. On the CPU a run is repeatable for a seed and a number of threads, also
/// one that was stopped and goes on ([`EarlierRun::Resume`]): as each epoch ends, all that the next needs is written to
/// `resume.safetensors`, which goes when the run is finished. None if the run that was to go on is finished already.
///
/// # Errors
/// [`TrainingError::InvalidSetting`] before anything is written, also for a run to go on with that had other settings,
/// [`TrainingError::Diverged`] if the loss leaves the
/// finite range, and the errors of files and libtorch.
pub fn train(data: &DataSet, parts: &Parts, options: &Options) -> Result<Option<Finished>, TrainingError> {
    options.check()?;
    if options.selection == Selection::BestValidation && parts.validation.is_none() {
        return Err(TrainingError::setting("--select", "best", "needs --validation: it is never by the test images"));
    }
    tch::manual_seed(options.seed as i64);
    let subset = &parts.train;
    let architecture = Architecture {
        kind: options.architecture.clone(),
        input: data.image_shape(options.image_size)?,
        num_classes: data.num_classes(),
        classifier: options.classifier,
        resolution: options.resolution,
    };
    let mut model = Model::new(architecture.clone(), options.device)?;
    model.set_training_pass(options.training_pass)?;
    let pretrained = options.pretrained.as_ref().map(|file| model.start_from(file)).transpose()?;
    if let Some(pretrained) = &pretrained {
        let classifier =
            if pretrained.classifier { "taken" } else { "begun fresh, the file's is of other classes or kind" };
        println!("pretrained      sha256 {}, classifier {classifier}", pretrained.sha256);
    }
    let mut weight_ema = options.weight_ema.map(|decay| WeightEma::new(&model, decay, options.device)).transpose()?;
    let mut objective = Objective::new(&options.objective, &subset.class_counts, &model)?;
    let measured = options.objective.car.unwrap_or(CarOptions::paper());
    let weights = ClassWeights::new(&subset.class_counts, measured.r0, measured.weights)?;
    let normalisation = options.normalisation.clone().unwrap_or_else(|| Normalisation::customary(data.kind));
    normalisation.check_channels(architecture.input[0])?;
    let steps_per_epoch = subset.indices.len().div_ceil(options.batch_size);
    let schedule = WarmupCosine {
        peak: options.learning_rate,
        warmup_steps: options.warm_up_epochs * steps_per_epoch,
        total_steps: options.epochs * steps_per_epoch,
    };
    let trainable = model.trainable().into_iter().chain(objective.trainable()).collect();
    let mut optimizer = Optimizer::new(options.optimizer, trainable)?;
    let evaluator = Evaluator {
        data,
        parts,
        image_size: options.image_size,
        normalisation: &normalisation,
        weights: &weights,
        car: &measured,
        device: options.device,
    };

    let describe = |epoch: usize| Description {
        schema: SCHEMA.to_owned(),
        architecture: architecture.clone(),
        normalisation: normalisation.clone(),
        data: TrainingData {
            kind: data.kind,
            train_sha256: data.train.sha256.clone(),
            test_sha256: data.test.sha256.clone(),
            long_tail: parts.long_tail,
            class_counts: subset.class_counts.clone(),
            indices_sha256: subset.sha256.clone(),
            validation: parts.validation.as_ref().map(|(drawn, part)| ValidationPart {
                drawn: *drawn,
                class_counts: part.class_counts.clone(),
                indices_sha256: part.sha256.clone(),
            }),
            image_size: options.image_size,
            class_names: data.class_names.clone(),
        },
        run: Run {
            epoch,
            epochs: options.epochs,
            seed: options.seed,
            batch_size: options.batch_size,
            learning_rate: options.learning_rate,
            momentum: options.optimizer.momentum(),
            weight_decay: options.optimizer.weight_decay(),
            optimizer: Some(options.optimizer),
            warm_up_epochs: options.warm_up_epochs,
            augmented: options.augmentation.changes_images(),
            augmentation: options.augmentation.beyond_crop_and_flip(),
            sampler: options.sampler,
            selection: options.selection,
            training_pass: options.training_pass,
            weight_ema: options.weight_ema,
            pretrained: pretrained.clone(),
            loss: options.objective.label(),
            classification: Some(options.objective.classification),
            contrastive: options.objective.contrastive,
            cutmix: options.objective.cutmix,
            rectification: options.objective.rectification,
            car: options.objective.car,
            car_schedule: options.objective.car_schedule,
            device: device_name(options.device),
            threads: tch::get_num_threads() as usize,
            commit: COMMIT.to_owned(),
        },
    };

    let bar = ProgressBar::new((options.epochs * steps_per_epoch) as u64).with_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {eta} left  {msg}").expect("a valid template"),
    );
    if options.earlier == EarlierRun::Resume && resume::is_finished(&options.out, &describe(options.epochs))? {
        return Ok(None);
    }
    let mut log = run_folder::take(&options.out, options.earlier)?;
    let resumed = match options.earlier {
        EarlierRun::Resume => RunState::load(&options.out, &describe(0))?,
        EarlierRun::Refuse | EarlierRun::Overwrite => None,
    };
    let (done, mut best) = match resumed {
        Some(state) => {
            model.set_weights(&state.weights)?;
            optimizer.set_state(&state.optimizer)?;
            objective.set_state(state.loss, &state.other)?;
            if let Some(weight_ema) = &mut weight_ema {
                weight_ema.set_state(&state.weight_ema)?;
            }
            (state.description.run.epoch, state.best)
        }
        None => (0, None),
    };
    if options.earlier == EarlierRun::Resume {
        if done == 0 {
            run_folder::check_not_begun(&options.out)?;
            eprintln!("resume: no epoch is done, begins with the first");
        } else {
            eprintln!("resume: goes on after epoch {done} of {}", options.epochs);
        }
    }
    log.keep(done)?;
    let feed_options = FeedOptions {
        epochs: done + 1..=options.epochs,
        batch_size: options.batch_size,
        seed: options.seed,
        threads: options.loader_threads,
        sampler: options.sampler,
        augmentation: options.augmentation,
        image_size: options.image_size,
        contrastive: options.objective.contrastive.is_some(),
        cutmix: options.objective.cutmix,
        device: options.device,
    };
    let mut feed = Feed::new(&data.train, subset, normalisation.clone(), &feed_options)?;
    let (mut step, mut last) = (done * steps_per_epoch, None);
    bar.set_position(step as u64);
    for epoch in done + 1..=options.epochs {
        let started = Instant::now();
        tch::manual_seed(seed_of_layers(options.seed, epoch));
        let (mut loss_sum, mut right, mut rate) = (0.0, 0.0, 0.0);
        for position in 0..steps_per_epoch {
            rate = schedule.rate(step);
            let FedBatch { views, labels, mix } = feed.batch(epoch, position)?;
            let Step { objective: to_minimise, loss, right: right_here } =
                objective.step(&model, &views, &labels, mix.as_ref(), epoch)?;
            step += 1;
            if !loss.is_finite() {
                return Err(TrainingError::Diverged { epoch, step: position + 1, loss });
            }
            optimizer.zero_grad();
            to_minimise.f_backward()?;
            optimizer.step(rate)?;
            if let Some(weight_ema) = &mut weight_ema {
                weight_ema.update(&model)?;
            }
            loss_sum += loss * labels.size()[0] as f64;
            right += right_here;
            bar.inc(1);
        }
        let seconds = started.elapsed().as_secs_f64();
        let kept = weight_ema.as_ref().map_or(&model, WeightEma::model);
        let evaluated = (epoch % options.evaluate_every == 0 || epoch == options.epochs)
            .then(|| evaluator.evaluate(kept))
            .transpose()?;
        let train = evaluated.as_ref().map(|evaluated| &evaluated.train.evaluation);
        let metrics_of = |part: &Part| part.evaluation.metrics.clone();
        let validation = evaluated.as_ref().and_then(|evaluated| evaluated.validation.as_ref()).map(metrics_of);
        let car = objective.finish_epoch(seconds, train.map(|train| (&train.surrogate, &train.hard)))?;
        let images = subset.indices.len() as f64;
        let metrics = EpochMetrics {
            epoch,
            train_loss: loss_sum / images,
            train_accuracy: right / images,
            learning_rate: rate,
            train: evaluated.as_ref().map(|evaluated| metrics_of(&evaluated.train)),
            test: evaluated.as_ref().map(|evaluated| metrics_of(&evaluated.test)),
            validation,
            car,
            seconds,
        };
        log.append(&metrics)?;
        bar.set_message(progress_message(&metrics, options.epochs, measured.norm));
        if bar.is_hidden() {
            eprintln!("{}  {seconds:.1} s", progress_message(&metrics, options.epochs, measured.norm));
        }
        if options.checkpoint_every > 0 && epoch % options.checkpoint_every == 0 {
            let path = options.out.join(format!("epoch-{epoch:04}.safetensors"));
            checkpoint::save(&path, kept, &objective.state(), &describe(epoch))?;
        }
        if options.selection == Selection::BestValidation
            && let Some(accuracy) = Best::is_beaten(best.as_ref(), metrics.validation.as_ref())
        {
            best = Some(Best::new(epoch, accuracy, kept.weights(), objective.state()));
        }
        let state = RunState {
            description: describe(epoch),
            weights: model.weights(),
            optimizer: optimizer.state(),
            loss: objective.state(),
            other: objective.other_state(),
            weight_ema: weight_ema.as_ref().map_or_else(BTreeMap::new, WeightEma::state),
            best: best.as_ref().map(Best::shallow_clone),
        };
        state.save(&options.out)?;
        last = evaluated;
    }
    bar.finish();
    let (epoch, loss) = match best {
        Some(best) => {
            model.set_weights(&best.weights)?;
            (best.epoch, best.loss)
        }
        None => {
            if let Some(weight_ema) = &weight_ema {
                model.set_weights(&weight_ema.model().weights())?;
            }
            (options.epochs, objective.state())
        }
    };
    let result = match last {
        Some(last) if epoch == options.epochs => last,
        // An earlier epoch, or a run that was stopped between its last epoch and its end.
        _ => evaluator.evaluate(&model)?,
    };
    checkpoint::save(&options.out.join("model.safetensors"), &model, &loss, &describe(epoch))?;
    result.write_predictions(&options.out)?;
    resume::remove(&options.out)?;
    let Evaluated { train, test, .. } = result;
    Ok(Some(Finished {
        epoch,
        train_logits: train.logits,
        test_logits: test.logits,
        test_accuracy: test.evaluation.metrics.accuracy,
    }))
}

/// Seed of libtorch's own generator in an epoch: what random layers draw does not depend on the epochs before.
fn seed_of_layers(seed: u64, epoch: usize) -> i64 {
    generator(seed, Place { epoch, stream: 0, purpose: Purpose::Layers, position: 0 }).random()
}

fn progress_message(metrics: &EpochMetrics, epochs: usize, norm: PenaltyNorm) -> String {
    let car = metrics.car.as_ref().map_or(String::new(), |car| format!(", {} {:.3}", norm.symbol(), car.spectral));
    let validation = metrics.validation.as_ref().and_then(|validation| validation.accuracy_macro);
    let validation = validation
        .map_or(String::new(), |macro_average| format!(", validation (macro) {:.2} %", 100.0 * macro_average));
    let test = metrics.test.as_ref().map_or(String::new(), |test| {
        format!(", test {:.2} %, ‖C Λ‖₂ {:.3}", 100.0 * test.accuracy, test.hard_spectral_norm)
    });
    format!(
        "epoch {}/{epochs}: loss {:.3}, train {:.1} %{car}{validation}{test}",
        metrics.epoch,
        metrics.train_loss,
        100.0 * metrics.train_accuracy
    )
}
