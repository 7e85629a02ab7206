//! A training step's loss with CAR, forward and backward: `cargo bench -p
//! car-spectral-training --bench car_step --profile dev` (the profile all else is built with, so
//! that libtorch's bindings are not compiled again; the work timed is libtorch's).
//!
//! For K = 100 and 1000, batches of 128 and f32 on the CPU, in one process: `CarLoss`, and the same
//! loss written with a differentiable K x K matrix and libtorch's full singular value decomposition
//! (`Tensor::svd`). Every step brings a new batch of a simulated classifier with a long tail
//! (imbalance 100), both carry their moving average along, and `CarLoss` starts Lanczos from the
//! step before. Before anything is timed, value and gradient of the spectral term are compared.
//! Medians over steps in one run, with the lower and upper quartile and the fastest; the losses
//! take turns, so that a disturbance of the machine meets all of them. One thread; another number
//! of libtorch's threads by `-- N`.

use std::hint::black_box;
use std::time::Instant;

use car_spectral::car::{CarOptions, EmaStart};
use car_spectral::confusion::{ClassWeights, WeightForm};
use car_spectral_training::loss::CarLoss;
use tch::{Device, Kind, Tensor};

const SIZES: [i64; 2] = [100, 1000];
const BATCH: i64 = 128;
const WARM_UP: usize = 3;
const REPETITIONS: usize = 15;
const CHECKED: usize = 12;
/// Largest relative difference of values, and of gradients in norm where sigma_2 < 0.95 sigma_1.
const TOLERANCE: f64 = 1e-5;
const SIMPLE: f64 = 0.95;

fn main() {
    let library = if tch::utils::has_mkl() { "MKL" } else { "libtorch's LAPACK" };
    println!("the decomposition is {library}'s, full, with both sides' vectors");
    let threads = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1);
    tch::set_num_threads(threads);
    let loss = format!("one step's loss, {threads} thread(s)");
    println!("{:>5} {loss:<34} {:>10} {:>21} {:>10} {:>8}", "K", "median", "quartiles", "fastest", "ratio");
    for num_classes in SIZES {
        check(num_classes);
        measure(num_classes);
    }
    println!("ratio: time over that of CarLoss");
}

/// A linear classifier on class means in 24 dimensions with noise, its scores shifted by the
/// log-frequencies of a long tail; batches drawn as frequent as the classes are.
struct Classifier {
    means: Tensor,
    bias: Tensor,
    train: Vec<u64>,
    frequencies: Tensor,
}

impl Classifier {
    fn new(num_classes: i64) -> Self {
        tch::manual_seed(num_classes);
        let train: Vec<u64> =
            (0..num_classes).map(|j| (500.0 * 100f64.powf(-(j as f64) / (num_classes as f64 - 1.0))) as u64).collect();
        let frequencies = Tensor::from_slice(&train.iter().map(|&count| count as f32).collect::<Vec<_>>());
        let means = Tensor::randn([num_classes, 24], (Kind::Float, Device::Cpu));
        let bias = frequencies.log() - means.square().sum_dim_intlist(1, false, None) * 0.3;
        Self { means, bias, train, frequencies }
    }

    fn batch(&self) -> (Tensor, Tensor) {
        let targets = self.frequencies.multinomial(BATCH, true);
        let inputs = self.means.index_select(0, &targets);
        let inputs = &inputs + inputs.randn_like() * 1.6;
        ((inputs.mm(&self.means.tr()) * 0.6 + &self.bias).set_requires_grad(true), targets)
    }
}

fn options() -> CarOptions {
    let paper = CarOptions::paper();
    assert!(paper.ema.start == EmaStart::Zero && paper.weights == WeightForm::Paper);
    paper
}

/// CAR with everything differentiated.
struct Dense {
    weights: Tensor,
    average: Tensor,
}

impl Dense {
    fn new(classifier: &Classifier) -> Self {
        let weights = ClassWeights::new(&classifier.train, options().r0, options().weights).expect("positive counts");
        let num_classes = classifier.train.len() as i64;
        Self {
            weights: Tensor::from_slice(weights.values()).to_kind(Kind::Float),
            average: Tensor::zeros([num_classes; 2], (Kind::Float, Device::Cpu)),
        }
    }

    /// Singular values.
    fn regulariser(&mut self, logits: &Tensor, targets: &Tensor) -> Tensor {
        let own_class = targets.unsqueeze(1);
        let gate = (logits - logits.gather(1, &own_class, false) + options().surrogate.margin).sigmoid();
        let competitors = logits.scatter_value(1, &own_class, f64::NEG_INFINITY).softmax(1, Kind::Float);
        let counts =
            self.weights.zeros_like().index_add(0, targets, &Tensor::ones([BATCH], (Kind::Float, Device::Cpu)));
        let shares = gate * competitors / counts.index_select(0, targets).unsqueeze(1);
        let by_true_class = self.average.zeros_like().index_add(0, targets, &shares);
        let beta = options().ema.beta;
        let average = &self.average * beta + by_true_class.tr() * (1.0 - beta);
        self.average = average.detach();
        (average * &self.weights).svd(true, true).1
    }

    fn forward(&mut self, logits: &Tensor, targets: &Tensor) -> Tensor {
        let spectral = self.regulariser(logits, targets).get(0);
        logits.cross_entropy_for_logits(targets) + spectral * options().alpha
    }
}

fn check(num_classes: i64) {
    let classifier = Classifier::new(num_classes);
    let mut car = CarLoss::new(&classifier.train, options()).expect("positive counts");
    let mut dense = Dense::new(&classifier);
    let (mut worst_value, mut worst_gradient, mut simple) = (0f64, 0f64, 0);
    for _ in 0..CHECKED {
        let (logits, targets) = classifier.batch();
        let gradient = |value: &Tensor| Tensor::run_backward(&[value], &[&logits], false, false).remove(0);
        let ours = car.regulariser(&logits, &targets).expect("a sound batch");
        let theirs = dense.regulariser(&logits, &targets);
        let (sigma, second) = (theirs.double_value(&[0]), theirs.double_value(&[1]));
        worst_value = worst_value.max((ours.double_value(&[]) / sigma - 1.0).abs());
        if second < SIMPLE * sigma {
            simple += 1;
            let expected = gradient(&theirs.get(0));
            let difference = (gradient(&ours) - &expected).norm() / expected.norm();
            worst_gradient = worst_gradient.max(difference.double_value(&[]));
        }
    }
    println!(
        "{num_classes:>5} spectral term of {CHECKED} batches: values agree to {worst_value:.1e}, gradients to \
         {worst_gradient:.1e} ({simple} with sigma_2 < {SIMPLE} sigma_1)"
    );
    assert!(worst_value < TOLERANCE && worst_gradient < TOLERANCE, "the two losses differ");
}

fn measure(num_classes: i64) {
    let classifier = Classifier::new(num_classes);
    let mut car = CarLoss::new(&classifier.train, options()).expect("positive counts");
    let mut dense = Dense::new(&classifier);
    let mut times = [const { Vec::new() }; 3];
    for step in 0..WARM_UP + REPETITIONS {
        let (logits, targets) = classifier.batch();
        let mut timed = |row: usize, loss: &mut dyn FnMut() -> Tensor| {
            let start = Instant::now();
            loss().backward();
            let mut gradient = black_box(logits.grad());
            if step >= WARM_UP {
                times[row].push(start.elapsed().as_secs_f64());
            }
            let _ = gradient.zero_();
        };
        timed(0, &mut || car.forward(&logits, &targets).expect("a sound batch").0);
        timed(1, &mut || dense.forward(&logits, &targets));
        timed(2, &mut || logits.cross_entropy_for_logits(&targets));
    }
    times.iter_mut().for_each(|times| times.sort_by(f64::total_cmp));
    let quantile = |times: &[f64], at: usize| times[at * (times.len() - 1) / 4];
    let baseline = quantile(&times[0], 2);
    for (name, times) in ["CarLoss", "K x K matrix and full SVD", "cross-entropy alone"].into_iter().zip(&times) {
        println!(
            "{num_classes:>5} {name:<34} {:>10} {:>9} - {:<9} {:>10} {:>8.3}",
            duration(quantile(times, 2)),
            duration(quantile(times, 1)),
            duration(quantile(times, 3)),
            duration(times[0]),
            quantile(times, 2) / baseline,
        );
    }
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.1} us", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}
