//! Training steps of ResNet-32 here and in PyTorch: `cargo bench -p car-spectral-training --bench
//! training_step --profile dev`.
//!
//! The same network (option A, 100 classes), batches of 128 random images of CIFAR's shape with
//! crop and flip, cross-entropy, SGD with momentum. Both sides take turns, a round of a few steps
//! each, so that a disturbance of the machine meets both; medians over rounds of images a second,
//! with the lower and upper quartile. As many threads as cores; another number by `-- N`. PyTorch's
//! variants: as it comes, in the memory format that is fast on CPUs, and that under autocast; ours:
//! float32 and `--bf16`, channels-last always.
//!
//! Python is `$PYTHON`, else `.venv-torch/bin/python` (`python3 scripts/setup.py torch`, 5 GB);
//! without PyTorch the Rust side alone is measured.

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use car_spectral_data::augment::Chain;
use car_spectral_data::loader::{Loader, LoaderOptions, all_cores};
use car_spectral_data::{DataKind, Images, Normalisation, Order, Sampler, Split, Subset};
use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier, OptimizerOptions, TrainingPass};
use car_spectral_training::batch::{image_tensor, label_tensor, normalise};
use car_spectral_training::memory::keep_freed_memory;
use car_spectral_training::model::Model;
use car_spectral_training::run::optimizer::Optimizer;
use ndarray::{Array1, Array4};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::Device;

const BATCH: usize = 128;
const IMAGES: usize = 4096;
const CLASSES: usize = 100;
const ROUNDS: usize = 9;
const STEPS: usize = 5;

fn main() {
    keep_freed_memory();
    let threads = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or_else(all_cores);
    tch::set_num_threads(threads as i32);
    let rng = &mut ChaCha8Rng::seed_from_u64(0);
    let images = Array4::from_shape_simple_fn((IMAGES, 3, 32, 32), || rng.random::<u8>());
    let labels: Vec<usize> = (0..IMAGES).map(|index| index % CLASSES).collect();
    let mut python = match Pytorch::start(&images, &labels, threads) {
        Ok(python) => Some(python),
        Err(reason) => {
            println!("Only the Rust side is measured: {reason}");
            None
        }
    };
    let split = Split {
        images: Images::InMemory { shape: [3, 32, 32], bytes: images.into_raw_vec_and_offset().0 },
        labels,
        sha256: String::new(),
    };
    let split = Arc::new(split);
    let mut ours = [false, true].map(|bf16| Ours::new(&split, bf16, threads));
    let theirs = if python.is_some() { &["float32", "channels-last", "bf16"][..] } else { &[] };
    let mut rates = vec![Vec::new(); ours.len() + theirs.len()];
    for round in 0..=ROUNDS {
        let mut found: Vec<f64> = ours.iter_mut().map(Ours::images_per_second).collect();
        found.extend(
            theirs.iter().filter_map(|variant| python.as_mut().map(|python| python.images_per_second(variant))),
        );
        // The first round warms up.
        if round > 0 {
            rates.iter_mut().zip(found).for_each(|(rates, rate)| rates.push(rate));
        }
    }
    println!("{:<34} {:>12} {:>17} {:>7}", format!("images/s, {threads} thread(s)"), "median", "quartiles", "ratio");
    let names = ["train", "train --bf16"].map(str::to_owned);
    let names = names.into_iter().chain(theirs.iter().map(|variant| format!("PyTorch, {variant}")));
    let mut reference = None;
    for (name, mut rates) in names.zip(rates) {
        rates.sort_by(f64::total_cmp);
        let [lower, median, upper] = [1, 2, 3].map(|quarter| rates[quarter * (rates.len() - 1) / 4]);
        let ratio = median / *reference.get_or_insert(median);
        println!("{name:<34} {median:>12.1} {:>17} {ratio:>7.2}", format!("{lower:.1} - {upper:.1}"));
    }
    println!("ratio: images a second over those of `train`; above 1 is faster than this library");
}

/// Steps as `train` takes them.
struct Ours {
    loader: Loader,
    normalisation: Normalisation,
    model: Model,
    optimizer: Optimizer,
}

impl Ours {
    fn new(split: &Arc<Split>, bf16: bool, threads: usize) -> Self {
        tch::manual_seed(0);
        let architecture = Architecture {
            kind: ArchitectureKind::ResNet32,
            input: [3, 32, 32],
            num_classes: CLASSES,
            classifier: Classifier::Linear,
            resolution: None,
        };
        let mut model = Model::new(architecture, Device::Cpu).expect("a known architecture");
        model.set_training_pass(TrainingPass { bf16, drop_path: 0.0 }).expect("any network");
        let options = OptimizerOptions::Sgd { momentum: 0.9, nesterov: false, weight_decay: 2e-4 };
        let optimizer = Optimizer::new(options, model.trainable()).expect("customary constants");
        let order = Order::sampled(Sampler::InstanceBalanced, &Subset::full(&split.labels, CLASSES));
        let options = LoaderOptions { batch_size: BATCH, epochs: 1..=100_000, seed: 0, stream: 0, threads };
        let chain = vec![Chain::training(&split.images, None)];
        let loader = Loader::new(split.clone(), order.expect("there are images"), chain, options);
        Self {
            loader: loader.expect("settings in range"),
            normalisation: Normalisation::customary(DataKind::Cifar100),
            model,
            optimizer,
        }
    }

    fn images_per_second(&mut self) -> f64 {
        let started = Instant::now();
        for _ in 0..STEPS {
            let batch = self.loader.next().expect("epochs are left").expect("images in memory");
            let images = image_tensor(&batch.views[0], batch.labels.len()).expect("whole images");
            let images = normalise(&self.normalisation, &images).expect("three channels");
            let loss =
                self.model.forward(&images, true).cross_entropy_for_logits(&label_tensor(&batch).expect("labels"));
            self.optimizer.zero_grad();
            loss.backward();
            self.optimizer.step(0.1).expect("gradients of the parameters");
            assert!(black_box(loss.double_value(&[])).is_finite());
        }
        (STEPS * BATCH) as f64 / started.elapsed().as_secs_f64()
    }
}

/// A Python process that takes steps when it is told to.
struct Pytorch {
    process: Child,
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    _files: tempfile::TempDir,
}

impl Pytorch {
    fn start(images: &Array4<u8>, labels: &[usize], threads: usize) -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let python = std::env::var_os("PYTHON").map_or_else(|| root.join(".venv-torch/bin/python"), PathBuf::from);
        let files = tempfile::tempdir().map_err(|error| error.to_string())?;
        let path = |name: &str| files.path().join(name);
        let write = |error: ndarray_npy::WriteNpyError| error.to_string();
        ndarray_npy::write_npy(path("images.npy"), images).map_err(write)?;
        let labels: Array1<i64> = labels.iter().map(|&label| label as i64).collect();
        ndarray_npy::write_npy(path("labels.npy"), &labels).map_err(write)?;
        let mut process = Command::new(&python)
            .arg(root.join("benches/training_step.py"))
            .args([path("images.npy"), path("labels.npy")])
            .arg(threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", python.display()))?;
        let mut answers = BufReader::new(process.stdout.take().expect("its output is a pipe"));
        let mut greeting = String::new();
        answers.read_line(&mut greeting).map_err(|error| error.to_string())?;
        if greeting.is_empty() {
            return Err(format!("{} has no PyTorch", python.display()));
        }
        println!("{}", greeting.trim_end());
        Ok(Self { commands: process.stdin.take(), process, answers, _files: files })
    }

    fn images_per_second(&mut self, variant: &str) -> f64 {
        let commands = self.commands.as_mut().expect("open until the end");
        writeln!(commands, "{variant} {STEPS}").expect("it reads commands");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("it answers");
        answer.trim_end().parse().expect("images a second")
    }
}

impl Drop for Pytorch {
    fn drop(&mut self) {
        // The end of its input ends it.
        self.commands = None;
        let _ = self.process.wait();
    }
}
