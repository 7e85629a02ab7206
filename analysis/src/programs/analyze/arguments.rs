//! The command line of `analyze`.

use std::path::PathBuf;

use crate::AnalysisError;
use crate::load::{Channels, Checkpoints, Models, PixelSteps, Request};
use crate::report::FormatSet;
use car_spectral::confusion::WeightForm;
use car_spectral_data::{ClassOrder, DataSource};
use car_spectral_formats::GivenFile;
use car_spectral_formats::predictions::PredictionSource;
use car_spectral_runs::settings::DeviceChoice;
use clap::{ArgGroup, Parser};

use super::foreign::ForeignArguments;
use super::numbers::{above_0, at_least_1, finite};
use super::stored::StoredArguments;

const VERSION: &str = match (cfg!(feature = "torch"), cfg!(feature = "onnx")) {
    (true, true) => concat!(env!("CARGO_PKG_VERSION"), ", runs weights on libtorch and ONNX networks"),
    (true, false) => concat!(env!("CARGO_PKG_VERSION"), ", runs weights on libtorch"),
    (false, true) => concat!(env!("CARGO_PKG_VERSION"), ", runs ONNX networks"),
    (false, false) => concat!(env!("CARGO_PKG_VERSION"), ", for stored predictions"),
};

/// Does the worst-class bound hold on this model, and by how much?
///
/// Computes the exact frequency-weighted confusion matrices of a trained classifier on training and
/// test data, their spectral norms with certified error bars, and every step of the worst-class
/// bound beside the measured worst-class error with its confidence interval. Leaves report.json,
/// report.html, tables and plots in --out, and prints a summary.
///
/// Exit code: 0 done, 1 a file or its content was refused, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "analyze", version = VERSION, allow_negative_numbers = true)]
#[command(group(ArgGroup::new("model").required(true).args(["checkpoint", "predictions", "confusion", "counts"])))]
#[command(after_help = "Examples:
  analyze --checkpoint runs/a/model.safetensors --data cifar100:cifar-100-binary --out out/a
  analyze --checkpoint model.th --arch resnet32 --data cifar10:cifar-10-batches-bin \\
          --mean 0.4914,0.4822,0.4465 --std 0.2470,0.2435,0.2616 --imbalance 100 --out out/b
  analyze --checkpoint model.onnx --data image-folder:DIR --resize 256 --crop 224 \\
          --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --train-counts counts.txt --out out/e
  analyze --predictions test.npz --train-predictions train.npz --out out/c
  analyze --predictions logits.npy,labels.npy --train-counts counts.txt --out out/d")]
pub(super) struct Arguments {
    /// Trained models: .onnx, .safetensors, .pt/.pth/.th/.pth.tar (torch.save), an .index.json of
    /// parts, TorchScript with --run-torchscript, or folders of .safetensors checkpoints
    #[arg(long, value_name = "FILE|DIR", num_args = 1..)]
    pub checkpoint: Vec<PathBuf>,

    /// Stored test predictions instead of a model: .npz, .safetensors, torch.save, pickle, CSV or
    /// JSON with scores and labels, a pair LOGITS.npy,LABELS.npy, or a folder of such files, the
    /// parts of one set
    #[arg(long, value_name = "FILE", num_args = 1.., value_parser = predictions)]
    pub predictions: Vec<PredictionSource>,

    /// Stored predictions on the training images, one file for each of --predictions
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "checkpoint", value_parser = predictions)]
    pub train_predictions: Vec<PredictionSource>,

    #[command(flatten)]
    pub stored: StoredArguments,

    /// Images to run a checkpoint on: cifar100:DIR, cifar10:DIR, fashion-mnist:DIR,
    /// image-folder:DIR with DIR/train/CLASS/*.jpg and DIR/test/CLASS/*.jpg (or val), list:DIR with
    /// lists of `path label` lines
    #[arg(long, value_name = "KIND:DIR", conflicts_with = "predictions")]
    pub data: Option<DataSource>,

    /// Training images of list:DIR, paths relative to DIR [default: the one DIR/*_train.txt]
    #[arg(long, value_name = "FILE", requires = "data")]
    pub train_list: Option<PathBuf>,

    /// Test images of list:DIR [default: the one DIR/*_test.txt, or else DIR/*_val.txt]; of
    /// image-folder:DIR, where they lie in one folder, lines of an image and its class
    #[arg(long, value_name = "FILE", requires = "data")]
    pub test_list: Option<PathBuf>,

    /// Order of the classes of image-folder:DIR: folders sorted as text (0, 1, 10, 2), as
    /// torchvision's ImageFolder does, or in natural order (0, 1, 2, 10) [default: text]
    #[arg(long, value_name = "text|natural", requires = "data")]
    pub class_order: Option<ClassOrder>,

    /// Architecture, when the file does not say: mlp, resnet20, resnet32, resnet44, resnet56,
    /// resnet50, vit-tiny, vit-small, vit-base, efficientnet-lite0, efficientnet-lite0-symmetric,
    /// or timm's or torchvision's name for one of them (hidden widths and patches are read off the
    /// weights). With --predictions any name: it is recorded, and a residual or attention network
    /// named as the reason why T3 does not apply
    #[arg(long, value_name = "NAME")]
    pub arch: Option<String>,

    #[command(flatten)]
    pub foreign: ForeignArguments,

    /// Run a TorchScript file. It is a program and can do anything you can; run only files you
    /// trust
    #[arg(long)]
    pub run_torchscript: bool,

    /// Output that holds the logits, of an ONNX network or a TorchScript file with several: its
    /// name, or its number from 0
    #[arg(long, value_name = "NAME|INDEX", requires = "data")]
    pub output: Option<String>,

    /// Mean of each channel that a foreign model expects, for pixels in [0, 1]
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, requires = "std", value_parser = finite)]
    pub mean: Option<Vec<f64>>,

    /// Standard deviation of each channel that a foreign model expects
    #[arg(long, value_delimiter = ',', requires = "mean", value_parser = above_0)]
    pub std: Option<Vec<f64>>,

    /// Resize the shorter side to this many pixels for a foreign model (bilinear, antialiased);
    /// needed for image files
    #[arg(long, value_name = "PIXELS", value_parser = at_least_1)]
    pub resize: Option<usize>,

    /// Crop the centre to this many pixels for a foreign model, after --resize; needed for image
    /// files
    #[arg(long, value_name = "PIXELS", value_parser = at_least_1)]
    pub crop: Option<usize>,

    /// Channels that a foreign model expects: rgb, bgr or gray [default: as stored]
    #[arg(long, value_name = "ORDER")]
    pub channels: Option<Channels>,

    /// Imbalance factor of a foreign model's training set, largest class over smallest: gives the
    /// class counts, and with --subset-seed the training images [default: the full training split]
    #[arg(long, value_name = "IF", conflicts_with = "train_counts")]
    pub imbalance: Option<f64>,

    /// Images of the largest class, with --imbalance [default: the largest class of the full
    /// training split]
    #[arg(long, requires = "imbalance")]
    pub n_max: Option<u64>,

    /// Seed with which this project's `train` drew the very subset that the model was trained on,
    /// with --imbalance. Not for models trained elsewhere, on another subset: their training images
    /// are not known
    #[arg(long, requires = "imbalance", conflicts_with = "predictions")]
    pub subset_seed: Option<u64>,

    /// Training images of each class: one count a line, `class,count` lines, JSON, .npy, as Python
    /// prints them, a list of the training images, or a folder of classes with their images. With
    /// it, the test images of --data are enough
    #[arg(long, value_name = "FILE|DIR")]
    pub train_counts: Option<PathBuf>,

    /// Names of the classes: one a line, or JSON (a list, class_to_idx) [default: those of the data
    /// set, or numbers]
    #[arg(long, value_name = "FILE")]
    pub class_names: Option<PathBuf>,

    /// Margins g of the margin confusion matrices, in units of the logits
    #[arg(long, value_delimiter = ',', default_value = "0,0.1,0.5,1,2", allow_hyphen_values = true)]
    pub margin: Vec<f64>,

    /// r0 of the class weights lambda_j = (pi_j + r0)^(-1/2)
    #[arg(long, default_value_t = 0.2)]
    pub r0: f64,

    /// Class weights: paper (as printed), official (divided by their mean, as in the authors' code)
    /// or none
    #[arg(long, default_value_t = WeightForm::Paper)]
    pub weights: WeightForm,

    /// Every interval and bound may fail with at most this probability
    #[arg(long, default_value_t = 0.05)]
    pub delta: f64,

    /// auto, cpu or cuda:N
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,

    /// Threads on the CPU [default: as libtorch chooses; for ONNX one for each core]
    #[arg(long, value_parser = at_least_1)]
    pub threads: Option<usize>,

    /// Names of the models in the report, in their order; else they are called after their files
    #[arg(long, value_name = "NAME", num_args = 1..)]
    pub name: Vec<String>,

    /// Networks that were trained alike but for the seed, by model name or file: bs=runs/a,runs/b.
    /// Given twice or more, each later group is compared with the first, over seeds and for these
    /// networks
    #[arg(long, value_name = "NAME=MODEL,...")]
    pub group: Vec<GroupArgument>,

    /// Seeds of the models, in their order: groups of the same seeds are compared pair by pair.
    /// Those of this project's runs are known
    #[arg(long, value_name = "SEED", num_args = 1.., requires = "group")]
    pub seeds: Vec<u64>,

    /// Files to write: any of html, json, csv, md, tex, svg, png
    #[arg(long, value_name = "LIST", default_value = "html,json,csv,md,tex,svg,png")]
    pub format: FormatSet,

    /// Print the JSON Schema of report.json, given alone
    #[arg(long, exclusive = true)]
    pub schema: bool,

    /// Folder of the results; results of an earlier run in it are replaced or removed
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

impl Arguments {
    /// The images, with all that is said of them. Counts stand in for training images that are not
    /// there.
    fn source(&self, data: DataSource) -> Result<DataSource, AnalysisError> {
        let listed = data.with_lists(self.train_list.clone(), self.test_list.clone())?;
        Ok(listed.with_class_order(self.class_order)?.with_test_alone(self.train_counts.is_some()))
    }

    /// The flags that were given and concern models of one kind alone, with the flag of that kind.
    fn of_one_kind(&self) -> Vec<(&'static str, &'static str)> {
        let of_checkpoints = [
            ("data", self.data.is_some()),
            ("train-list", self.train_list.is_some()),
            ("test-list", self.test_list.is_some()),
            ("class-order", self.class_order.is_some()),
            ("run-torchscript", self.run_torchscript),
            ("output", self.output.is_some()),
            ("mean", self.mean.is_some()),
            ("std", self.std.is_some()),
            ("resize", self.resize.is_some()),
            ("crop", self.crop.is_some()),
            ("channels", self.channels.is_some()),
            ("subset-seed", self.subset_seed.is_some()),
            ("device", self.device != DeviceChoice::Auto),
        ];
        let of_checkpoints = of_checkpoints.into_iter().chain(self.foreign.given());
        let of_checkpoints = of_checkpoints.map(|(flag, is_given)| (flag, is_given, "checkpoint"));
        let of_predictions = [("train-predictions", !self.train_predictions.is_empty(), "predictions")];
        let all = of_checkpoints.chain(of_predictions).chain(self.stored.of_one_kind());
        all.filter(|&(_, is_given, _)| is_given).map(|(flag, _, kind)| (flag, kind)).collect()
    }

    /// Refuses flags that concern models of another kind than those that are given.
    fn check_kind(&self) -> Result<(), AnalysisError> {
        let kinds = [
            ("checkpoint", !self.checkpoint.is_empty()),
            ("predictions", !self.predictions.is_empty()),
            ("confusion", !self.stored.confusion.is_empty()),
            ("counts", !self.stored.counts.is_empty()),
        ];
        let Some((given, _)) = kinds.into_iter().find(|&(_, is_given)| is_given) else { return Ok(()) };
        match self.of_one_kind().into_iter().find(|&(_, kind)| kind != given) {
            Some((flag, kind)) => Err(AnalysisError::Usage {
                problem: format!("--{flag} concerns --{kind} alone; leave it out with --{given}"),
            }),
            None => Ok(()),
        }?;
        let of_imbalance = [("n-max", self.n_max.is_some()), ("subset-seed", self.subset_seed.is_some())];
        match of_imbalance.into_iter().find(|&(_, is_given)| is_given && self.imbalance.is_none()) {
            Some((flag, _)) => Err(AnalysisError::Usage {
                problem: format!("--{flag} concerns --imbalance alone; give both, or none"),
            }),
            None => Ok(()),
        }
    }

    /// What is to be analysed.
    pub(super) fn request(&self) -> Result<Request, AnalysisError> {
        self.check_kind()?;
        let models = if !self.stored.counts.is_empty() {
            let (test, train) = (self.stored.counts.clone(), self.stored.counts_train.clone());
            Models::Counts { test, train }
        } else if !self.stored.confusion.is_empty() {
            Models::Confusions { files: self.stored.confusion.clone(), orientation: self.stored.orientation }
        } else if self.checkpoint.is_empty() {
            let (test, train) = (self.predictions.len(), self.train_predictions.len());
            if train != 0 && train != test {
                let problem =
                    format!("{train} files in --train-predictions for {test} in --predictions; give one for each");
                return Err(AnalysisError::Usage { problem });
            }
            let (test, train) = (self.predictions.clone(), self.train_predictions.clone());
            Models::Predictions { test, train, reading: self.stored.reading() }
        } else {
            let Some(data) = self.data.clone() else {
                let problem =
                    "--checkpoint needs images to run on: --data cifar100:DIR, cifar10:DIR or fashion-mnist:DIR";
                return Err(AnalysisError::Usage { problem: problem.to_owned() });
            };
            let pixels = self.mean.clone().zip(self.std.clone());
            Models::Checkpoints(Box::new(Checkpoints {
                files: self.checkpoint.clone(),
                data: self.source(data)?,
                pixels: pixels.map(|(mean, std)| PixelSteps {
                    mean,
                    std,
                    resize: self.resize,
                    crop: self.crop,
                    channels: self.channels,
                }),
                subset_seed: self.subset_seed,
                foreign: self.foreign.settings()?,
                run_torchscript: self.run_torchscript,
                output: self.output.clone(),
                device: self.device,
                threads: self.threads,
            }))
        };
        Ok(Request {
            models,
            arch: self.arch.clone(),
            train_counts: self.train_counts.clone().map(GivenFile::from),
            class_names: self.class_names.clone().map(GivenFile::from),
            imbalance: self.imbalance,
            n_max: self.n_max,
        })
    }
}

fn predictions(text: &str) -> Result<PredictionSource, String> {
    if text.is_empty() {
        return Err("give the name of a file".to_owned());
    }
    text.parse().map_err(|never: std::convert::Infallible| match never {})
}

/// A group of models by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupArgument {
    /// Name of the group.
    pub name: String,
    /// Names or files of its models.
    pub models: Vec<String>,
}

impl std::str::FromStr for GroupArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, models) = text.split_once('=').ok_or("give NAME=MODEL,MODEL,...")?;
        let models: Vec<String> =
            models.split(',').map(str::trim).filter(|m| !m.is_empty()).map(str::to_owned).collect();
        if name.trim().is_empty() || models.len() < 2 {
            return Err("give NAME=MODEL,MODEL,... with a name and at least two models".into());
        }
        Ok(Self { name: name.trim().to_owned(), models })
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    /// What is wrong with a command line.
    fn refused(words: &str) -> String {
        let words = ["analyze", "--out", "o"].into_iter().chain(words.split(' '));
        match Arguments::try_parse_from(words) {
            Ok(arguments) => match arguments.request() {
                Ok(_) => String::new(),
                Err(error) => {
                    assert_eq!(error.exit_code(), 2, "{error}");
                    error.to_string()
                }
            },
            Err(error) => {
                assert_eq!(error.exit_code(), 2, "{error}");
                error.to_string()
            }
        }
    }

    /// Flags that concern any model, whatever it is known by.
    const OF_ALL: [&str; 17] = [
        "arch",
        "imbalance",
        "n-max",
        "train-counts",
        "class-names",
        "margin",
        "r0",
        "weights",
        "delta",
        "threads",
        "name",
        "group",
        "seeds",
        "format",
        "out",
        "help",
        "version",
    ];

    #[test]
    fn flags_of_other_models_are_refused_by_name() {
        let kinds = ["checkpoint", "predictions", "confusion", "counts"];
        let value = |flag: &str| match flag {
            "data" => " cifar10:d",
            "class-order" => " text",
            "rename" => " a=b",
            "classifier" => " linear",
            "classifier-rows" => " classes",
            "channels" => " rgb",
            "device" => " cuda:99",
            "mean" => " 1 --std 1",
            "std" => " 1 --mean 1",
            "subset-seed" => " 1 --imbalance 2 --n-max 9",
            "keys" => " logits=a",
            "scores" => " logits",
            "orientation" => " rows-are-true",
            "run-torchscript" => "",
            "key" | "leave-out" | "classifier-file" | "save-predictions" => " x",
            _ => " 1",
        };
        let command = Arguments::command();
        let flags: Vec<&str> = command.get_arguments().filter_map(|flag| flag.get_long()).collect();
        let own = |flag: &&str| !kinds.contains(flag) && !OF_ALL.contains(flag) && *flag != "schema";
        for kind in &kinds[1..] {
            let taken: Vec<&str> = flags
                .iter()
                .copied()
                .filter(own)
                .filter(|flag| {
                    let said = refused(&format!("--{kind} x.csv --{flag}{}", value(flag)));
                    assert!(
                        said.is_empty() || said.contains(&format!("--{flag}")) || said.contains("--mean"),
                        "{said}"
                    );
                    said.is_empty()
                })
                .collect();
            let expected: &[&str] = match *kind {
                "predictions" => &["train-predictions", "keys", "first-label", "scores"],
                "confusion" => &["orientation"],
                _ => &["counts-train"],
            };
            assert_eq!(taken, expected, "{kind}");
        }
        assert!(refused("--predictions x.csv --patch 3").contains("--patch concerns --checkpoint alone"));
        assert_eq!(refused("--predictions x.csv --device auto --threads 2 --first-label 0"), "");
        assert!(refused("--checkpoint x --data cifar10:d --scores logits").contains("concerns --predictions alone"));
        assert!(refused("--predictions x.csv --train-counts y --n-max 9").contains("--n-max"));
    }

    #[test]
    fn numbers_that_can_never_be_right_are_wrong_usage() {
        for words in [
            "threads 0",
            "resize 0",
            "crop 0",
            "patch 0",
            "resolution 0",
            "hidden 8,0",
            "scale 0",
            "mean 1 --std 0",
            "mean 1 --std -1",
            "mean 1 --std inf",
            "std 1 --mean nan",
        ] {
            let said = refused(&format!("--checkpoint x --data cifar10:d --{words}"));
            assert!(said.contains("invalid value"), "{words}: {said}");
        }
        assert_eq!(refused("--checkpoint x --data cifar10:d --mean -0.5 --std 0.25 --resize 1 --threads 1"), "");
        for label in ["7", "-1", "2"] {
            assert!(refused(&format!("--predictions x.csv --first-label {label}")).contains("--first-label"));
        }
        assert!(refused("--predictions ").contains("--predictions"));
        assert!(refused("--predictions x.csv --train-predictions ").contains("--train-predictions"));
    }
}
