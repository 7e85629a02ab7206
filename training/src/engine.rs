//! The training loop: an optimizer with linear warm-up and cosine schedule, the objective, batches made ahead of time.

use std::path::{Path, PathBuf};

use car_spectral::car::{CarOptions, PenaltyNorm};
use car_spectral::confusion::ClassWeights;
use indicatif::{ProgressBar, ProgressStyle};
use tch::Device;

use crate::augment::AugmentationOptions;
use crate::checkpoint::{self, Description, Run, SCHEMA, TrainingData, ValidationPart};
use crate::console;
use crate::data::{DataSet, Normalisation, Parts, Sampler};
use crate::device::device_name;
use crate::feed::{Feed, FeedOptions};
use crate::learner::{Learner, Pass};
use crate::loader;
use crate::loss::classification::ClassificationOptions;
use crate::metrics::{CarMetrics, EpochMetrics};
use crate::model::{Architecture, ArchitectureKind, Classifier, Pretrained, TrainingPass};
use crate::objective::ObjectiveOptions;
use crate::optimizer::OptimizerOptions;
use crate::random::MOST_EPOCHS;
use crate::resume::{self, RunState};
use crate::run_evaluation::{Evaluated, Evaluator};
use crate::run_folder;
use crate::selection::{Best, Selection};
use crate::split_metrics::SplitEvaluation;
use crate::weight_ema;
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
        loader::check_sizes(self.batch_size, self.loader_threads)?;
        at_least_one("--evaluate-every", self.evaluate_every)?;
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
        if let Some(rectification) = self.objective.rectification
            && rectification.after_epoch >= self.epochs
        {
            let requirement = "fewer epochs than --epochs, or no label is rectified";
            return Err(TrainingError::setting("--rectify-after", rectification.after_epoch, requirement));
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
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// The epoch whose weights it is.
    pub epoch: usize,
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
/// [`TrainingError::Diverged`] and its like if loss, weights or scores leave the
/// finite range, and the errors of files and libtorch.
pub fn train(data: &DataSet, parts: &Parts, options: &Options) -> Result<Option<Finished>, TrainingError> {
    options.check()?;
    if options.selection == Selection::BestValidation && parts.validation.is_none() {
        return Err(TrainingError::setting("--select", "best", "needs --validation: it is never by the test images"));
    }
    let architecture = Architecture {
        kind: options.architecture.clone(),
        input: data.image_shape(options.image_size)?,
        num_classes: data.num_classes(),
        classifier: options.classifier,
        resolution: options.resolution,
    };
    let class_counts = &parts.train.class_counts;
    let mut learner = Learner::new(&architecture, class_counts, options)?;
    if let Some(pretrained) = &learner.pretrained {
        let classifier =
            if pretrained.classifier { "taken" } else { "begun fresh, the file's is of other classes or kind" };
        console::say(format_args!("pretrained      sha256 {}, classifier {classifier}", pretrained.sha256));
    }
    let measured = options.objective.car.unwrap_or(CarOptions::paper());
    let normalisation = options.normalisation.clone().unwrap_or_else(|| Normalisation::customary(data.kind));
    normalisation.check_channels(architecture.input[0])?;
    let evaluator = Evaluator {
        data,
        parts,
        image_size: options.image_size,
        normalisation: normalisation.clone(),
        weights: ClassWeights::new(class_counts, measured.r0, measured.weights)?,
        car: measured,
        device: options.device,
    };
    let pretrained = learner.pretrained.clone();
    let describe = |epoch| description(data, parts, options, &architecture, &normalisation, &pretrained, epoch);

    if options.earlier == EarlierRun::Resume && resume::is_finished(&options.out, &describe(options.epochs))? {
        return Ok(None);
    }
    let mut log = run_folder::take(&options.out, options.earlier)?;
    let (done, mut best) = go_on(&mut learner, options, &describe(0))?;
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
    let mut feed = Feed::new(&data.train, &parts.train, normalisation.clone(), &feed_options)?;
    let bar = ProgressBar::new((options.epochs * learner.steps_per_epoch()) as u64).with_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {eta} left  {msg}").expect("a valid template"),
    );
    bar.set_position((done * learner.steps_per_epoch()) as u64);
    let mut result = None;
    for epoch in done + 1..=options.epochs {
        let pass = learner.train(epoch, &mut feed, &bar)?;
        let is_last = epoch == options.epochs;
        let predictions = (is_last && options.selection == Selection::Last).then_some(options.out.as_path());
        let evaluated = (is_last || epoch % options.evaluate_every == 0)
            .then(|| evaluator.evaluate(learner.kept(), epoch, predictions))
            .transpose()?;
        let matrices = evaluated.as_ref().map(|evaluated| (&evaluated.train.surrogate, &evaluated.train.hard));
        let car = learner.objective.finish_epoch(pass.seconds, matrices)?;
        let metrics = epoch_metrics(epoch, &pass, evaluated.as_ref(), car);
        log.append(&metrics)?;
        bar.set_message(progress_message(&metrics, options.epochs, measured.norm));
        if bar.is_hidden() {
            eprintln!("{}  {:.1} s", progress_message(&metrics, options.epochs, measured.norm), pass.seconds);
        }
        if options.checkpoint_every > 0 && epoch % options.checkpoint_every == 0 {
            let path = options.out.join(format!("epoch-{epoch:04}.safetensors"));
            checkpoint::save(&path, learner.kept(), &learner.objective.state(), &describe(epoch))?;
        }
        if options.selection == Selection::BestValidation
            && let Some(accuracy) = Best::is_beaten(best.as_ref(), metrics.validation.as_ref())
        {
            best = Some(Best::new(epoch, accuracy, learner.kept().weights(), learner.objective.state()));
        }
        learner.state(describe(epoch), best.as_ref()).save(&options.out)?;
        result = evaluated.filter(|_| predictions.is_some());
    }
    bar.finish();

    let kept = learner.kept().weights();
    let (epoch, loss) = match best {
        Some(best) => {
            learner.model.set_weights(&best.weights)?;
            (best.epoch, best.loss)
        }
        None => {
            learner.model.set_weights(&kept)?;
            (options.epochs, learner.objective.state())
        }
    };
    let result = match result {
        Some(result) => result,
        // Chosen by validation, or a run that was stopped between its last epoch and its end.
        None => evaluator.evaluate(&learner.model, epoch, Some(&options.out))?,
    };
    checkpoint::save(&options.out.join("model.safetensors"), &learner.model, &loss, &describe(epoch))?;
    resume::remove(&options.out)?;
    Ok(Some(Finished { epoch, test_accuracy: result.test.metrics.accuracy }))
}

/// Puts the learner where the run was stopped, if one is to go on and there is one: the epochs done, and the best of them where the
/// result is chosen by validation.
fn go_on(
    learner: &mut Learner,
    options: &Options,
    planned: &Description,
) -> Result<(usize, Option<Best>), TrainingError> {
    if options.earlier != EarlierRun::Resume {
        return Ok((0, None));
    }
    match RunState::load(&options.out, planned)? {
        None => {
            run_folder::check_not_begun(&options.out)?;
            eprintln!("resume: no epoch is done, begins with the first");
            Ok((0, None))
        }
        Some(state) => {
            let (done, best) = (state.description.run.epoch, state.best.as_ref().map(Best::shallow_clone));
            learner.restore(state)?;
            eprintln!("resume: goes on after epoch {done} of {}", options.epochs);
            Ok((done, best))
        }
    }
}

/// What a checkpoint says of its run.
fn description(
    data: &DataSet,
    parts: &Parts,
    options: &Options,
    architecture: &Architecture,
    normalisation: &Normalisation,
    pretrained: &Option<Pretrained>,
    epoch: usize,
) -> Description {
    Description {
        schema: SCHEMA.to_owned(),
        architecture: architecture.clone(),
        normalisation: normalisation.clone(),
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
            evaluated_every: (options.selection == Selection::BestValidation).then_some(options.evaluate_every),
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
