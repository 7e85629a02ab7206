//! The flags of the data: which set, which part of it, and how its images come.

use std::path::PathBuf;
use std::str::FromStr;

use car_spectral::longtail::{Group, long_tailed_counts};
use car_spectral_data::loader::all_cores;
use car_spectral_data::{
    ClassOrder, DataError, DataSet, DataSource, LongTail, Parts, Sampler, SettingError, Subset, Validation, with_flags,
};
use car_spectral_training::TrainingError;
use clap::Args;

use crate::named::{SAMPLERS, named};
use crate::say;

/// Imbalance factor of the sets that are balanced as published.
const IMBALANCE: f64 = 100.0;
/// Side of the images of files.
const IMAGE_SIZE: usize = 224;
/// Classes whose counts are printed one by one.
const MOST_SHOWN: usize = 100;

/// The data set, the part that is trained on, and how its images come
#[derive(Debug, Args)]
#[command(next_help_heading = "Data")]
pub struct DataArguments {
    /// Data set and its folder: cifar100:DIR, cifar10:DIR, fashion-mnist:DIR; image-folder:DIR with
    /// DIR/train/CLASS/*.jpg and DIR/test/CLASS/*.jpg (or val); list:DIR with lists of `path label`
    /// lines (ImageNet-LT, Places-LT, iNaturalist 2018)
    #[arg(long, value_name = "KIND:DIR")]
    data: DataSource,
    /// Training images of list:DIR, paths relative to DIR [default: the one DIR/*_train.txt]
    #[arg(long, value_name = "FILE")]
    train_list: Option<PathBuf>,
    /// Test images of list:DIR [default: the one DIR/*_test.txt, or else DIR/*_val.txt]
    #[arg(long, value_name = "FILE")]
    test_list: Option<PathBuf>,
    /// Order of the folders of image-folder:DIR: text (0, 1, 10, 2, as torchvision sorts) or
    /// natural (0, 1, 2, 10) [default: text]
    #[arg(long, value_name = "ORDER")]
    class_order: Option<ClassOrder>,
    /// Rows and columns of the images given to the network. Files: random resized crop and flip for
    /// training, resized and cropped about the centre for evaluation; other sets: resized [default:
    /// 224 for files, else as stored]
    #[arg(long, value_name = "PIXELS")]
    image_size: Option<usize>,
    /// Images of the largest class [default: all of it: 500 for CIFAR-100, 5000 for CIFAR-10, 6000
    /// for Fashion-MNIST]
    #[arg(long)]
    n_max: Option<u64>,
    /// Imbalance factor, largest class over smallest: a subset is drawn; 1 keeps the classes
    /// balanced [default: 100; image-folder and list are used as they are]
    #[arg(long)]
    imbalance: Option<f64>,
    /// Seed of the subset's draw and of the validation part, apart from --seed so that runs can
    /// share them; run: that of --seed, so that each run draws its own
    #[arg(long, default_value = "0", value_name = "SEED|run")]
    subset_seed: SubsetSeed,
    /// Hold out this share of each class of the training images, at least one image where there are
    /// two: evaluated as `validation`, not trained on
    #[arg(long, value_name = "SHARE", allow_negative_numbers = true)]
    validation: Option<f64>,
    /// Frequency of the images of each class: each image once an epoch, by the square root of the
    /// class's count, or all classes equally often
    #[arg(long, default_value = "instance-balanced", value_parser = named::<Sampler>(SAMPLERS))]
    pub sampler: Sampler,
    /// Threads that decode and augment images ahead of the network [default: one a core]
    #[arg(long, value_name = "N")]
    loader_threads: Option<usize>,
}

/// What the subset is drawn by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SubsetSeed {
    Given(u64),
    /// The seed of the run.
    OfRun,
}

impl FromStr for SubsetSeed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "run" => Ok(Self::OfRun),
            _ => text.parse().map(Self::Given).map_err(|error| format!("{error}; give a whole number, or run")),
        }
    }
}

impl DataArguments {
    /// Checks what can be checked before files are read.
    ///
    /// # Errors
    /// [`SettingError`] or [`DataError::LongTail`].
    pub fn check(&self) -> Result<(), TrainingError> {
        let kind = self.data.kind;
        if let Some(n_max) = self.n_max.filter(|_| kind.is_files() && self.imbalance.is_none()) {
            let requirement = "give --imbalance, too: files are used as they are";
            return Err(SettingError::new("n-max", n_max, requirement).into());
        }
        if let Some(imbalance) = self.imbalance() {
            // Without --n-max the largest class is known with the data; the factor is checked as for one that is large
            // enough.
            let largest = self.n_max.unwrap_or(u64::from(u32::MAX));
            long_tailed_counts(largest, imbalance, kind.num_classes().unwrap_or(2)).map_err(DataError::from)?;
        }
        // The share is what is checked.
        self.held_out(0).map_or(Ok(()), |validation| validation.check())?;
        self.source().map(drop)
    }

    fn source(&self) -> Result<DataSource, TrainingError> {
        let listed = self.data.clone().with_lists(self.train_list.clone(), self.test_list.clone())?;
        Ok(listed.with_class_order(self.class_order)?)
    }

    fn imbalance(&self) -> Option<f64> {
        self.imbalance.or((!self.data.kind.is_files()).then_some(IMBALANCE))
    }

    fn held_out(&self, seed: u64) -> Option<Validation> {
        self.validation.map(|share| Validation { share, seed })
    }

    /// Rows and columns of the images given to the network.
    pub fn image_size(&self) -> Option<usize> {
        self.image_size.or(self.data.kind.is_files().then_some(IMAGE_SIZE))
    }

    /// Threads that decode and augment.
    pub fn loader_threads(&self) -> usize {
        self.loader_threads.unwrap_or_else(all_cores)
    }

    /// Reads the data set and draws the parts that the run of a seed uses.
    pub fn load(&self, run_seed: u64) -> Result<(DataSet, Parts), TrainingError> {
        let data = self.source()?.load()?;
        let seed = match self.subset_seed {
            SubsetSeed::Given(seed) => seed,
            SubsetSeed::OfRun => run_seed,
        };
        let largest =
            || Subset::full(&data.train.labels, data.num_classes()).class_counts.into_iter().max().unwrap_or(0);
        let long_tail =
            self.imbalance().map(|imbalance| LongTail { n_max: self.n_max.unwrap_or_else(largest), imbalance, seed });
        let parts = Parts::draw(&data.train.labels, data.num_classes(), long_tail, self.held_out(seed))?;
        Ok((data, parts))
    }
}

/// Prints which images are used: counts and checksums.
pub fn announce(data: &DataSet, parts: &Parts, sampler: Sampler) {
    say(format_args!("data set        {} ({} classes)", data.kind.name(), data.num_classes()));
    say(format_args!("training images {} of {}", parts.train.indices.len(), data.train.labels.len()));
    say(format_args!("class counts    {}", counts(&parts.train.class_counts)));
    say(format_args!("indices sha256  {}", parts.train.sha256));
    if let Some((_, validation)) = &parts.validation {
        say(format_args!("validation      {} of the training images, held out", validation.indices.len()));
        say(format_args!("class counts    {}", counts(&validation.class_counts)));
        say(format_args!("indices sha256  {}", validation.sha256));
    }
    say(format_args!("test images     {}", data.test.labels.len()));
    say(format_args!("sampler         {}", sampler.name()));
    for note in &data.notes {
        say(format_args!("note            {}", with_flags(note, |name| name == "class-order")));
    }
}

/// The counts of few classes, a summary of those of many: model.json has them all.
fn counts(counts: &[u64]) -> String {
    if counts.len() <= MOST_SHOWN {
        return counts.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    }
    let size = |group| counts.iter().filter(|&&count| Group::of(count) == group).count();
    let [many, medium, few] = Group::ALL.map(size);
    let (largest, smallest) = (counts.iter().max().unwrap_or(&0), counts.iter().min().unwrap_or(&0));
    format!("largest {largest}, smallest {smallest}; {many} classes many, {medium} medium, {few} few")
}
