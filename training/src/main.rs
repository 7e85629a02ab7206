//! Program `train`: a long-tailed subset, a network, a checkpoint and prediction files.

mod augmentation_arguments;
mod car_arguments;
mod config;
mod data_arguments;
mod loss_arguments;
mod model_arguments;

use std::path::PathBuf;
use std::process::ExitCode;

use car_spectral_training::TrainingError;
use car_spectral_training::console::say;
use car_spectral_training::device::{DeviceChoice, device_name, load_cuda_if_present};
use car_spectral_training::engine::{self, EarlierRun, Options};
use car_spectral_training::memory::keep_freed_memory;
use car_spectral_training::optimizer::OptimizerOptions;
use car_spectral_training::selection::Selection;
use clap::{Parser, ValueEnum};

use augmentation_arguments::AugmentationArguments;
use car_arguments::CarArguments;
use data_arguments::DataArguments;
use loss_arguments::LossArguments;
use model_arguments::ModelArguments;

/// Train a classifier on a long-tailed data set.
///
/// Writes into --out: metrics.jsonl (a line an epoch), model.safetensors with its description in model.json, and the
/// predictions of the final weights, train.npz and test.npz (and validation.npz). `analyze --checkpoint OUT/model.safetensors` goes on
/// from there.
#[derive(Debug, Parser)]
#[command(name = "train", version, allow_negative_numbers = true)]
struct Arguments {
    /// Experiment file (TOML): keys are the flags below without their hyphens in front, tables group them; flags given
    /// here win
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    data: DataArguments,
    #[command(flatten)]
    model: ModelArguments,
    /// Epochs
    #[arg(long, help_heading = "Training", default_value_t = 200)]
    epochs: usize,
    /// Mini-batch size
    #[arg(long, help_heading = "Training", default_value_t = 128)]
    batch_size: usize,
    /// Peak learning rate [default: 0.1 for sgd, 0.001 for adamw]
    #[arg(long, help_heading = "Training", allow_negative_numbers = true)]
    lr: Option<f64>,
    /// Optimizer: sgd or adamw
    #[arg(long, help_heading = "Training", default_value = "sgd")]
    optimizer: OptimizerName,
    /// Momentum of SGD [default: 0.9]
    #[arg(long, help_heading = "Training", allow_negative_numbers = true)]
    momentum: Option<f64>,
    /// SGD with Nesterov's look-ahead
    #[arg(long, help_heading = "Training")]
    nesterov: bool,
    /// Weight decay
    #[arg(long, help_heading = "Training", default_value_t = 2e-4, allow_negative_numbers = true)]
    weight_decay: f64,
    /// Warm-up epochs [default: 5, or all but one of fewer epochs]
    #[arg(long, help_heading = "Training")]
    warm_up: Option<usize>,
    /// Seed of initialisation, order and augmentation
    #[arg(long, help_heading = "Training", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    augmentation: AugmentationArguments,
    #[command(flatten)]
    loss: LossArguments,
    #[command(flatten)]
    car: CarArguments,
    /// Evaluate on the training, validation and test images every so many epochs (the last epoch always is)
    #[arg(long, help_heading = "Run", default_value_t = 5)]
    evaluate_every: usize,
    /// Which epoch's weights are the result: the last, or the evaluated one with the best macro accuracy on the validation part.
    /// The test images take no part in it
    #[arg(long, help_heading = "Run", default_value = "last")]
    select: Select,
    /// Keep a checkpoint every so many epochs; 0 keeps the last only
    #[arg(long, help_heading = "Run", default_value_t = 0)]
    checkpoint_every: usize,
    /// auto, cpu or cuda:N
    #[arg(long, help_heading = "Run", default_value = "auto")]
    device: DeviceChoice,
    /// Threads on the CPU [default: as libtorch chooses]
    #[arg(long, help_heading = "Run", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Folder of the results
    #[arg(long, help_heading = "Run", value_name = "DIR")]
    out: PathBuf,
    /// Check the settings and end: nothing is read but --config, nothing written
    #[arg(long, help_heading = "Run")]
    check: bool,
    /// End when the process of this number does, which started this one (Linux)
    #[arg(long, hide = true, value_name = "PID")]
    end_with_parent: Option<u32>,
    /// Replace the run that --out holds already
    #[arg(long, help_heading = "Run")]
    overwrite: bool,
    /// Go on with the run that --out holds, if it was stopped; begin if there is none; nothing to do if it is finished
    #[arg(long, help_heading = "Run", conflicts_with = "overwrite")]
    resume: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Select {
    Last,
    Best,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OptimizerName {
    Sgd,
    Adamw,
}

impl Arguments {
    fn learning_rate(&self) -> f64 {
        self.lr.unwrap_or(match self.optimizer {
            OptimizerName::Sgd => 0.1,
            OptimizerName::Adamw => 1e-3,
        })
    }

    fn optimizer(&self) -> OptimizerOptions {
        match self.optimizer {
            OptimizerName::Sgd => OptimizerOptions::Sgd {
                momentum: self.momentum.unwrap_or(0.9),
                nesterov: self.nesterov,
                weight_decay: self.weight_decay,
            },
            OptimizerName::Adamw => OptimizerOptions::adamw(self.weight_decay),
        }
    }

    fn selection(&self) -> Selection {
        match self.select {
            Select::Last => Selection::Last,
            Select::Best => Selection::BestValidation,
        }
    }

    /// Refuses settings that would have no effect.
    fn check_used(&self) -> Result<(), TrainingError> {
        let refuse = |name, value: String, owner: &str| {
            let requirement = format!("is of {owner} only; leave it out");
            Err(TrainingError::InvalidSetting { name, value, requirement })
        };
        let adamw = matches!(self.optimizer, OptimizerName::Adamw);
        self.model.check_used(self.loss.is_ldam())?;
        match self.momentum {
            Some(momentum) if adamw => refuse("--momentum", momentum.to_string(), "--optimizer sgd"),
            _ if adamw && self.nesterov => refuse("--nesterov", "true".to_owned(), "--optimizer sgd"),
            _ => Ok(()),
        }
    }

    fn earlier(&self) -> EarlierRun {
        match (self.resume, self.overwrite) {
            (true, _) => EarlierRun::Resume,
            (false, true) => EarlierRun::Overwrite,
            (false, false) => EarlierRun::Refuse,
        }
    }
}

fn main() -> ExitCode {
    load_cuda_if_present();
    keep_freed_memory();
    let parsed = config::parse(std::env::args_os().collect());
    match parsed.and_then(|arguments| run(arguments.unwrap_or_else(|error| error.exit()))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            // The protocol's numbers come from --n-max and --imbalance, those of CAR from --car and its like.
            let usage = matches!(
                error,
                TrainingError::InvalidSetting { .. } | TrainingError::LongTail(_) | TrainingError::Car(_)
            );
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// Whoever stops a sweep stops its runs, however it is done. A system that cannot arrange that goes without.
fn end_with_parent(parent: u32) {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};
        let _ = set_parent_process_death_signal(Some(Signal::TERM));
        // It may have ended before that was arranged; then another process stands in its place.
        if getppid().map(Pid::as_raw_pid) != i32::try_from(parent).ok() {
            std::process::exit(1);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = parent;
}

fn run(arguments: Arguments) -> Result<(), TrainingError> {
    if let Some(parent) = arguments.end_with_parent {
        end_with_parent(parent);
    }
    let device = arguments.device.resolve()?;
    if let Some(threads) = arguments.threads {
        tch::set_num_threads(i32::from(threads));
    }
    let options = Options {
        architecture: arguments.model.kind()?,
        classifier: arguments.model.classifier(arguments.loss.is_ldam()),
        resolution: arguments.model.resolution,
        training_pass: arguments.model.training_pass(),
        pretrained: arguments.model.pretrained.clone(),
        weight_ema: arguments.model.weight_ema,
        normalisation: arguments.model.normalisation()?,
        epochs: arguments.epochs,
        batch_size: arguments.batch_size,
        learning_rate: arguments.learning_rate(),
        optimizer: arguments.optimizer(),
        warm_up_epochs: arguments.warm_up.unwrap_or(5.min(arguments.epochs.saturating_sub(1))),
        augmentation: arguments.augmentation.options()?,
        image_size: arguments.data.image_size(),
        sampler: arguments.data.sampler(),
        loader_threads: arguments.data.loader_threads(),
        selection: arguments.selection(),
        seed: arguments.seed,
        objective: arguments.loss.objective(
            arguments.epochs,
            f64::from(arguments.model.scale()),
            arguments.car.options(),
            arguments.car.schedule(),
        )?,
        evaluate_every: arguments.evaluate_every,
        checkpoint_every: arguments.checkpoint_every,
        device,
        out: arguments.out.clone(),
        earlier: arguments.earlier(),
    };
    arguments.check_used()?;
    options.check()?;
    arguments.data.check()?;
    if arguments.check {
        return Ok(());
    }

    let (data, parts) = arguments.data.load()?;
    data_arguments::announce(&data, &parts, options.sampler);
    say(format_args!(
        "model           {}, seed {}, {}",
        options.architecture,
        options.seed,
        device_name(options.device)
    ));
    match engine::train(&data, &parts, &options)? {
        Some(finished) => {
            let chosen = match options.selection {
                Selection::Last => "the last".to_owned(),
                Selection::BestValidation => {
                    let evaluated = options.epochs.div_ceil(options.evaluate_every);
                    format!("the best of {evaluated} evaluated ones on validation")
                }
            };
            let (accuracy, epoch) = (100.0 * finished.test_accuracy, finished.epoch);
            say(format_args!("test accuracy   {accuracy:.2} % (epoch {epoch}, {chosen})"));
        }
        None => say("finished already"),
    }
    say(format_args!("results         {}", arguments.out.display()));
    Ok(())
}
