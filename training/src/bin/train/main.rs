//! Program `train`: a long-tailed subset, a network, a checkpoint and prediction files.

#![forbid(unsafe_code)]

mod augmentation;
mod car;
mod config;
mod data;
mod loss;
mod model;
mod named;
mod progress;

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;

use car_spectral::ClassErrors;
use car_spectral::bounds::worst_class_interval;
use car_spectral::car::{CarError, CarOptions};
use car_spectral::longtail::LongTailError;
use car_spectral_data::{DataSet, SettingError};
use car_spectral_runs::RunError;
use car_spectral_runs::folder::EarlierRun;
use car_spectral_runs::settings::{
    DeviceChoice, ImageSettings, NetworkSettings, OptimisationSettings, OptimizerOptions, OutputSettings, Selection,
    Settings,
};
use car_spectral_runs::terminal::{self, tell};
use car_spectral_training::TrainingError;
use car_spectral_training::device::{device_name, load_cuda_if_present, resolve};
use car_spectral_training::memory::keep_freed_memory;
use car_spectral_training::run::{Finished, train};
use clap::{CommandFactory, Parser, ValueEnum};

use augmentation::AugmentationArguments;
use car::CarArguments;
use config::FlagsOfFile;
use data::DataArguments;
use loss::LossArguments;
use model::ModelArguments;
use progress::Progress;

/// Train a classifier on a long-tailed data set.
///
/// Writes into --out: metrics.jsonl (a line an epoch), model.safetensors with its description in
/// model.json, and the predictions of the final weights, train.npz and test.npz (and
/// validation.npz). `analyze --checkpoint OUT/model.safetensors` goes on from there. A run that was
/// stopped goes on with `train --resume --out DIR`: run.toml there holds its flags.
///
/// On a machine that others use, --threads 1 can be faster than more: threads that wait for each
/// other cost more than they do.
#[derive(Debug, Parser)]
#[command(name = "train", version, allow_negative_numbers = true)]
struct Arguments {
    /// Experiment file (TOML): keys are the flags below without their hyphens in front, tables
    /// group them; flags given here win
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
    /// Evaluate on the training, validation and test images every so many epochs (the last epoch
    /// always is)
    #[arg(long, help_heading = "Run", default_value_t = 5)]
    evaluate_every: usize,
    /// Epoch whose weights are the result: the last, or the evaluated one with the best macro
    /// accuracy on the validation part. The test images take no part in it
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
    /// Go on with the run that --out holds, if it was stopped; begin if there is none; nothing to
    /// do if it is finished. Without --data and --config the flags are those that the run was begun
    /// with
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
        let refuse = |name, value: String| {
            Err(SettingError::new(name, value, "is of --optimizer sgd only; leave it out").into())
        };
        let adamw = matches!(self.optimizer, OptimizerName::Adamw);
        self.model.check_used(self.loss.is_ldam())?;
        match self.momentum {
            Some(momentum) if adamw => refuse("momentum", momentum.to_string()),
            _ if adamw && self.nesterov => refuse("nesterov", "true".to_owned()),
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

/// Prints a line on standard output. Whether anybody can read it is no matter: the results are in
/// files, and a reader that has gone, or a full disk behind the output, stops no run.
fn say(line: impl Display) {
    let _ = terminal::say(line);
}

fn main() -> ExitCode {
    load_cuda_if_present();
    keep_freed_memory();
    let parsed = match config::parse(std::env::args_os().collect()) {
        Ok(parsed) => parsed.unwrap_or_else(|error| error.exit()),
        Err(error) => return refused(&error, None),
    };
    match run(parsed.arguments, parsed.flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refused(&error, parsed.file.as_ref()),
    }
}

/// Says what is wrong, and where it stands if that is a file of flags: 1, as of every file; 2 for
/// flags of the command line.
fn refused(error: &TrainingError, file: Option<&FlagsOfFile>) -> ExitCode {
    let blamed = flags_to_blame(error);
    let usage = blamed.is_some();
    let place = file.zip(blamed).and_then(|(file, blamed)| file.place_of(&blamed));
    let at = place.as_ref().map_or(String::new(), |place| format!("{place}: "));
    tell(format_args!("error: {at}{}", message(error)));
    ExitCode::from(if usage && place.is_none() { 2 } else { 1 })
}

/// The flags that have the numbers that are refused; `None` for an error of something else.
fn flags_to_blame(error: &TrainingError) -> Option<Vec<String>> {
    if let Some(setting) = error.setting_error() {
        return Some(setting.name.split('/').map(str::to_owned).collect());
    }
    if let Some(protocol) = error.long_tail_error() {
        let names: &[&str] = match protocol {
            LongTailError::InvalidImbalance { .. } => &["imbalance"],
            LongTailError::TooManySamples { .. } => &["n-max"],
            _ => &["n-max", "imbalance"],
        };
        return Some(names.iter().map(|&name| name.to_owned()).collect());
    }
    match error {
        TrainingError::Car(error) | TrainingError::Run(RunError::Car(error)) => Some(match error {
            CarError::InvalidOption { name, .. } => vec![format!("car-{name}"), "car".to_owned()],
            CarError::KyFanOrder { .. } | CarError::UnknownNorm { .. } => vec!["car-norm".to_owned()],
            _ => vec!["car".to_owned()],
        }),
        _ => None,
    }
}

/// The message of an error; settings are called by their flags, where they have one.
fn message(error: &TrainingError) -> String {
    let command = Arguments::command();
    let is_flag = |name: &str| command.get_arguments().any(|flag| flag.get_long() == Some(name));
    // The readers' word for it.
    let text = error.to_string().replace("`key`", "`pretrained-key`");
    car_spectral_data::message_with_flags(&text, error.setting_error(), is_flag)
}

/// Whoever stops a sweep stops its runs, however it is done. A system that cannot arrange that goes
/// without.
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

impl Arguments {
    /// The settings of a run that keeps `flags` beside its results.
    fn settings(&self, flags: String) -> Result<Settings, TrainingError> {
        let (loss, car) = (&self.loss, &self.car);
        let objective = loss.objective(self.epochs, f64::from(self.model.scale()), car.options(), car.schedule())?;
        Ok(Settings {
            network: NetworkSettings {
                architecture: self.model.kind()?,
                classifier: self.model.classifier(loss.is_ldam()),
                resolution: self.model.resolution,
                training_pass: self.model.training_pass(),
                pretrained: self.model.pretrained.clone().map(|file| (file, self.model.pretrained_key.clone())),
                frozen: self.model.frozen(),
                weight_ema: self.model.weight_ema,
            },
            images: ImageSettings {
                normalisation: self.model.normalisation()?,
                augmentation: self.augmentation.options()?,
                image_size: self.data.image_size(),
                sampler: self.data.sampler,
                loader_threads: self.data.loader_threads(),
            },
            optimisation: OptimisationSettings {
                epochs: self.epochs,
                batch_size: self.batch_size,
                learning_rate: self.learning_rate(),
                optimizer: self.optimizer(),
                warm_up_epochs: self.warm_up.unwrap_or(5.min(self.epochs.saturating_sub(1))),
                objective,
                selection: self.selection(),
                seed: self.seed,
            },
            output: OutputSettings {
                folder: self.out.clone(),
                earlier: self.earlier(),
                evaluate_every: self.evaluate_every,
                checkpoint_every: self.checkpoint_every,
                car_diagnose: car.car_diagnose,
                flags: Some(flags),
            },
        })
    }
}

fn run(arguments: Arguments, flags: String) -> Result<(), TrainingError> {
    if let Some(parent) = arguments.end_with_parent {
        end_with_parent(parent);
    }
    let device = resolve(arguments.device)?;
    if let Some(threads) = arguments.threads {
        tch::set_num_threads(i32::from(threads));
    }
    let settings = arguments.settings(flags)?;
    arguments.check_used()?;
    settings.check()?;
    arguments.data.check()?;
    if arguments.check {
        return Ok(());
    }

    let (data, parts) = arguments.data.load(arguments.seed)?;
    data::announce(&data, &parts, settings.images.sampler);
    say(format_args!(
        "model           {}, seed {}, {}",
        settings.network.architecture,
        settings.optimisation.seed,
        device_name(device)
    ));
    let norm = settings.optimisation.objective.car.unwrap_or(CarOptions::paper()).norm;
    let mut progress = Progress::new(settings.optimisation.epochs, norm, settings.output.folder.clone());
    let finished = train(&data, &parts, &settings, device, &mut |event| progress.show(event))?;
    progress.finish();
    match finished {
        Some(finished) => announce_result(&data, &settings, &finished)?,
        None => say("finished already"),
    }
    say(format_args!("results         {}", arguments.out.display()));
    Ok(())
}

/// Prints what the result does on the test images, its worst class among it.
fn announce_result(data: &DataSet, settings: &Settings, finished: &Finished) -> Result<(), TrainingError> {
    let chosen = match settings.optimisation.selection {
        Selection::Last => "the last".to_owned(),
        Selection::BestValidation => {
            let evaluated = settings.optimisation.epochs.div_ceil(settings.output.evaluate_every);
            format!("the best of {evaluated} evaluated ones on validation")
        }
    };
    let Finished { epoch, test, test_errors, test_counts } = finished;
    say(format_args!("test accuracy   {:.2} % (epoch {epoch}, {chosen})", 100.0 * test.accuracy));
    let class = test.worst_class;
    let (name, wrong, of) = (&data.class_names[class], test_errors[class], test_counts[class]);
    say(format_args!("worst class     {class} ({name}): {wrong} of {of} test images wrong"));
    if let Ok(interval) = worst_class_interval(ClassErrors { errors: test_errors, counts: test_counts }, 0.05, 1) {
        let (lower, upper) = (100.0 * interval.lower, 100.0 * interval.upper);
        say(format_args!("                the largest error of a class is {lower:.1} to {upper:.1} %, at 95 %"));
    }
    Ok(())
}
