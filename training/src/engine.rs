//! The training loop: an optimizer with linear warm-up and cosine schedule, a classification loss with or without CAR, crop
//! and flip.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use car_spectral::car::CarOptions;
use car_spectral::confusion::ClassWeights;
use indicatif::{ProgressBar, ProgressStyle};
use ndarray::Array2;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

use crate::augment::CropAndFlip;
use crate::checkpoint::{self, Description, Run, SCHEMA, TrainingData};
use crate::data::{DataSet, LongTail, LongTailSubset, Normalisation};
use crate::device::device_name;
use crate::evaluate;
use crate::loss::classification::{ClassificationLoss, ClassificationOptions};
use crate::metrics::EpochMetrics;
use crate::model::{Architecture, ArchitectureKind, Classifier, Model, TrainingPass};
use crate::optimizer::{Optimizer, OptimizerOptions};
use crate::predictions;
use crate::regulariser::Regulariser;
use crate::resume::{self, RunState};
use crate::run_folder;
use crate::schedule::WarmupCosine;
use crate::split_metrics::{self, SplitEvaluation};
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
    /// Crop (padding 4) and flip.
    pub augment: bool,
    /// Seed of initialisation, order and augmentation.
    pub seed: u64,
    /// The classification loss.
    pub loss: ClassificationOptions,
    /// CAR beside it, or not.
    pub car: Option<CarOptions>,
    /// Evaluate on the training subset and the test split every so many epochs; the last epoch always is.
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

const CROP_PADDING: i64 = 4;

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
        positive("--lr", self.learning_rate)?;
        self.optimizer.check()?;
        self.loss.check()?;
        self.classifier.check(&self.architecture)?;
        self.architecture.check_resolution(self.resolution)?;
        self.training_pass.check(&self.architecture)?;
        self.weight_ema.map_or(Ok(()), weight_ema::check_decay)?;
        if let ClassificationOptions::LdamDrw { deferred_from, .. } = self.loss
            && !(1..=self.epochs).contains(&deferred_from)
        {
            return Err(TrainingError::setting("--deferred-from", deferred_from, "an epoch of the run, from 1"));
        }
        if self.warm_up_epochs >= self.epochs {
            return Err(TrainingError::setting("--warm-up", self.warm_up_epochs, "fewer epochs than --epochs"));
        }
        if let Some(car) = &self.car {
            car.check()?;
        }
        if self.earlier == EarlierRun::Refuse {
            run_folder::check(&self.out)?;
        }
        // A file that vanishes again, in the nearest folder there is: nothing is made that a failed run would leave.
        let folder = self.out.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(folder).map(drop).map_err(TrainingError::io(&self.out))
    }
}

/// Logits of the final weights on the training subset and on the test split.
#[derive(Debug)]
pub struct Finished {
    /// [N_train, K], rows in the order of the subset's indices.
    pub train_logits: Array2<f32>,
    /// [N_test, K].
    pub test_logits: Array2<f32>,
    /// Share of test images predicted right.
    pub test_accuracy: f64,
}

/// Trains a network on a subset, by a classification loss or by that and CAR, and writes `metrics.jsonl`, `model.safetensors`
/// (+ `.json`), `train.npz`, `test.npz` (and `epoch-N.safetensors` where asked) into `options.out`. The last epoch is
/// the result; nothing is selected by test accuracy. On the CPU a run is repeatable for a seed and a number of threads, also
/// one that was stopped and goes on ([`EarlierRun::Resume`]): as each epoch ends, all that the next needs is written to
/// `resume.safetensors`, which goes when the run is finished. None if the run that was to go on is finished already.
///
/// # Errors
/// [`TrainingError::InvalidSetting`] before anything is written, also for a run to go on with that had other settings,
/// [`TrainingError::Diverged`] if the loss leaves the
/// finite range, and the errors of files and libtorch.
pub fn train(
    data: &DataSet,
    long_tail: Option<LongTail>,
    subset: &LongTailSubset,
    options: &Options,
) -> Result<Option<Finished>, TrainingError> {
    options.check()?;
    tch::manual_seed(options.seed as i64);
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let architecture = Architecture {
        kind: options.architecture.clone(),
        input: data.image_shape(),
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
    let mut classification = ClassificationLoss::new(&subset.class_counts, options.loss)?;
    let mut regulariser = options.car.map(|car| Regulariser::new(&subset.class_counts, car)).transpose()?;
    let measured = options.car.unwrap_or(CarOptions::paper());
    let weights = ClassWeights::new(&subset.class_counts, measured.r0, measured.weights)?;
    let normalisation = options.normalisation.clone().unwrap_or_else(|| Normalisation::customary(data.kind));
    normalisation.check_channels(data.image_shape()[0])?;
    let steps_per_epoch = subset.indices.len().div_ceil(options.batch_size);
    let schedule = WarmupCosine {
        peak: options.learning_rate,
        warmup_steps: options.warm_up_epochs * steps_per_epoch,
        total_steps: options.epochs * steps_per_epoch,
    };
    let mut optimizer = Optimizer::new(options.optimizer, model.trainable())?;
    let padding = if options.augment { CROP_PADDING } else { 0 };
    let augmented = CropAndFlip::new(&data.train.images, padding, options.device)?;
    let plain = data.train.images.to_device(options.device);
    let labels: Vec<i64> = data.train.labels.iter().map(|&label| label as i64).collect();

    let describe = |epoch: usize| Description {
        schema: SCHEMA.to_owned(),
        architecture: architecture.clone(),
        normalisation: normalisation.clone(),
        data: TrainingData {
            kind: data.kind,
            train_sha256: data.train.sha256.clone(),
            test_sha256: data.test.sha256.clone(),
            long_tail,
            class_counts: subset.class_counts.clone(),
            indices_sha256: subset.sha256.clone(),
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
            augmented: options.augment,
            training_pass: options.training_pass,
            weight_ema: options.weight_ema,
            pretrained: pretrained.clone(),
            loss: format!("{}{}", options.loss.label(), if options.car.is_some() { " + CAR" } else { "" }),
            classification: Some(options.loss),
            car: options.car,
            device: device_name(options.device),
            threads: tch::get_num_threads() as usize,
            commit: COMMIT.to_owned(),
        },
    };

    let bar = ProgressBar::new((options.epochs * steps_per_epoch) as u64).with_style(
        ProgressStyle::with_template("{wide_bar} {pos}/{len} steps, {eta} left  {msg}").expect("a valid template"),
    );
    let mut order: Vec<i64> = subset.indices.iter().map(|&index| index as i64).collect();
    if options.earlier == EarlierRun::Resume && resume::is_finished(&options.out, &describe(options.epochs))? {
        return Ok(None);
    }
    let mut log = run_folder::take(&options.out, options.earlier)?;
    let resumed = match options.earlier {
        EarlierRun::Resume => RunState::load(&options.out, &describe(0))?,
        EarlierRun::Refuse | EarlierRun::Overwrite => None,
    };
    let done = match resumed {
        Some(state) => {
            model.set_weights(&state.weights)?;
            optimizer.set_state(&state.optimizer)?;
            if let Some(regulariser) = &mut regulariser {
                regulariser.set_state(&state.loss, &state.other)?;
            }
            if let Some(weight_ema) = &mut weight_ema {
                weight_ema.set_state(&state.weight_ema)?;
            }
            (rng, order) = (state.rng, state.order);
            state.description.run.epoch
        }
        None => 0,
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
    let (mut step, mut last) = (done * steps_per_epoch, None);
    bar.set_position(step as u64);
    for epoch in done + 1..=options.epochs {
        let started = Instant::now();
        order.shuffle(&mut rng);
        tch::manual_seed(epoch_seed(options.seed, epoch));
        let (mut loss_sum, mut right, mut rate) = (0.0, 0i64, 0.0);
        for chunk in order.chunks(options.batch_size) {
            rate = schedule.rate(step);
            let images = if options.augment {
                augmented.batch(chunk, &mut rng)?
            } else {
                plain.f_index_select(0, &Tensor::from_slice(chunk).to_device(options.device))?
            };
            let targets: Vec<i64> = chunk.iter().map(|&index| labels[index as usize]).collect();
            let targets = Tensor::from_slice(&targets).to_device(options.device);
            let logits = model.forward(&normalisation.apply(&images)?, true);
            let loss = classification.forward(&logits, &targets, epoch)?;
            let value = loss.double_value(&[]);
            step += 1;
            if !value.is_finite() {
                return Err(TrainingError::Diverged { epoch, step: step - (epoch - 1) * steps_per_epoch, loss: value });
            }
            let objective = match &mut regulariser {
                Some(regulariser) => loss + regulariser.term(&logits, &targets)?,
                None => loss,
            };
            optimizer.zero_grad();
            objective.f_backward()?;
            optimizer.step(rate)?;
            if let Some(weight_ema) = &mut weight_ema {
                weight_ema.update(&model)?;
            }
            loss_sum += value * chunk.len() as f64;
            right += logits.argmax(1, false).eq_tensor(&targets).sum(Kind::Int64).int64_value(&[]);
            bar.inc(1);
        }
        let seconds = started.elapsed().as_secs_f64();
        let kept = weight_ema.as_ref().map_or(&model, WeightEma::model);
        let evaluated = (epoch % options.evaluate_every == 0 || epoch == options.epochs)
            .then(|| evaluate_splits(kept, data, subset, &normalisation, options.device, &weights, &measured))
            .transpose()?;
        let train = evaluated.as_ref().map(|evaluated| &evaluated.train);
        let car = regulariser
            .as_mut()
            .map(|regulariser| regulariser.finish_epoch(seconds, train.map(|train| (&train.surrogate, &train.hard))))
            .transpose()?;
        let images = subset.indices.len() as f64;
        let metrics = EpochMetrics {
            epoch,
            train_loss: loss_sum / images,
            train_accuracy: right as f64 / images,
            learning_rate: rate,
            train: train.map(|train| train.metrics.clone()),
            test: evaluated.as_ref().map(|evaluated| evaluated.test.metrics.clone()),
            car,
            seconds,
        };
        log.append(&metrics)?;
        bar.set_message(progress_message(&metrics, options.epochs));
        if bar.is_hidden() {
            eprintln!("{}  {seconds:.1} s", progress_message(&metrics, options.epochs));
        }
        if options.checkpoint_every > 0 && epoch % options.checkpoint_every == 0 {
            let path = options.out.join(format!("epoch-{epoch:04}.safetensors"));
            checkpoint::save(&path, kept, &loss_state(&regulariser), &describe(epoch))?;
        }
        let state = RunState {
            description: describe(epoch),
            rng: rng.clone(),
            order: order.clone(),
            weights: model.weights(),
            optimizer: optimizer.state(),
            loss: loss_state(&regulariser),
            weight_ema: weight_ema.as_ref().map_or_else(BTreeMap::new, WeightEma::state),
            other: regulariser.as_ref().map_or_else(BTreeMap::new, Regulariser::other_state),
        };
        state.save(&options.out)?;
        last = evaluated;
    }
    bar.finish();
    let kept = weight_ema.as_ref().map_or(&model, WeightEma::model);
    let last = match last {
        Some(last) => last,
        // Stopped between the last epoch and the end of the run.
        None => evaluate_splits(kept, data, subset, &normalisation, options.device, &weights, &measured)?,
    };
    let path = options.out.join("model.safetensors");
    checkpoint::save(&path, kept, &loss_state(&regulariser), &describe(options.epochs))?;
    write_predictions(&options.out, data, subset, &last.train_logits, &last.test_logits)?;
    resume::remove(&options.out)?;
    Ok(Some(Finished {
        train_logits: last.train_logits,
        test_logits: last.test_logits,
        test_accuracy: last.test.metrics.accuracy,
    }))
}

/// What libtorch draws in an epoch depends on the seed and the epoch alone, so that a resumed run draws it again.
fn epoch_seed(seed: u64, epoch: usize) -> i64 {
    // An odd factor: one to one, and the epochs of neighbouring seeds are far apart.
    seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(epoch as u64) as i64
}

fn loss_state(regulariser: &Option<Regulariser>) -> BTreeMap<String, Tensor> {
    regulariser.as_ref().map_or_else(BTreeMap::new, |regulariser| regulariser.loss().state())
}

fn progress_message(metrics: &EpochMetrics, epochs: usize) -> String {
    let car = metrics.car.as_ref().map_or(String::new(), |car| format!(", ‖Ĉ Λ‖₂ {:.3}", car.spectral));
    let test = metrics.test.as_ref().map_or(String::new(), |test| {
        format!(", test {:.2} %, ‖C Λ‖₂ {:.3}", 100.0 * test.accuracy, test.hard_spectral_norm)
    });
    format!(
        "epoch {}/{epochs}: loss {:.3}, train {:.1} %{car}{test}",
        metrics.epoch,
        metrics.train_loss,
        100.0 * metrics.train_accuracy
    )
}

fn write_predictions(
    out: &Path,
    data: &DataSet,
    subset: &LongTailSubset,
    train_logits: &Array2<f32>,
    test_logits: &Array2<f32>,
) -> Result<(), TrainingError> {
    let labels: Vec<usize> = subset.indices.iter().map(|&index| data.train.labels[index]).collect();
    predictions::write(&out.join("train.npz"), train_logits.view(), &labels, &subset.indices)?;
    let all: Vec<usize> = (0..data.test.labels.len()).collect();
    predictions::write(&out.join("test.npz"), test_logits.view(), &data.test.labels, &all)
}

struct Evaluated {
    train: SplitEvaluation,
    train_logits: Array2<f32>,
    test: SplitEvaluation,
    test_logits: Array2<f32>,
}

fn evaluate_splits(
    model: &Model,
    data: &DataSet,
    subset: &LongTailSubset,
    normalisation: &Normalisation,
    device: Device,
    weights: &ClassWeights,
    car: &CarOptions,
) -> Result<Evaluated, TrainingError> {
    let logits = |images: &Tensor, indices: &[usize]| {
        let forward = |batch: &Tensor| Ok(model.forward(&normalisation.apply(batch)?, false));
        evaluate::logits(images, indices, device, forward, |_| ())
    };
    let all: Vec<usize> = (0..data.test.labels.len()).collect();
    let train_labels: Vec<usize> = subset.indices.iter().map(|&index| data.train.labels[index]).collect();
    let train_logits = logits(&data.train.images, &subset.indices)?;
    let test_logits = logits(&data.test.images, &all)?;
    let counts = &subset.class_counts;
    Ok(Evaluated {
        train: split_metrics::evaluate(&train_logits, &train_labels, counts, weights, car)?,
        test: split_metrics::evaluate(&test_logits, &data.test.labels, counts, weights, car)?,
        train_logits,
        test_logits,
    })
}
