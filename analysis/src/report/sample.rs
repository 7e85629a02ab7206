//! Reports for the tests: long-tailed models of any K with plausible scores, analysed as the
//! program does.

use car_spectral::bounds::{Architecture, BiasFreeReluNetwork, LayerNorms};
use car_spectral::car::CarOptions;
use car_spectral::confusion::{MarginGrid, WeightForm};
use car_spectral::longtail::long_tailed_counts;
use car_spectral_data::{AugmentationOptions, CutMix, Normalisation, Policy, RandAugment, Sampler};
use car_spectral_formats::predictions::Logits;
use car_spectral_runs::log::{CarDiagnosis, CarMetrics, EmaGap, EpochMetrics};
use car_spectral_runs::settings::{
    CarSchedule, ClassificationOptions, ContrastiveOptions, ObjectiveOptions, OptimisationSettings, OptimizerOptions,
    RectificationOptions, Selection, TrainingPass,
};
use car_spectral_runs::{Run, SplitMetrics};
use ndarray::{Array1, Array2};

use crate::results::*;
use crate::subject::{Scored, Subject};
use crate::{compare, verify, whole};

/// What a sample model is made of.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub name: String,
    pub class_names: Vec<String>,
    pub train_counts: Vec<u64>,
    pub test_per_class: u64,
    /// Distance of the true class's score from the rest; larger is better.
    pub skill: f64,
    pub margins: Vec<f64>,
    pub epoch: Option<u64>,
    pub models_compared: usize,
    pub with_train: bool,
    /// Tells whether T3 applies (an mlp).
    pub bias_free: bool,
}

impl Sample {
    pub fn fashion() -> Self {
        let names =
            ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];
        Self {
            name: "fmnist-lt mlp".into(),
            class_names: names.map(str::to_owned).to_vec(),
            train_counts: long_tailed_counts(600, 100.0, 10).unwrap(),
            test_per_class: 1000,
            skill: 3.4,
            margins: vec![0.0, 0.1, 0.5, 1.0, 2.0],
            epoch: Some(30),
            models_compared: 1,
            with_train: true,
            bias_free: true,
        }
    }

    pub fn cifar100() -> Self {
        const ADJECTIVES: [&str; 10] =
            ["red", "tall", "wild", "small", "round", "old", "bright", "northern", "striped", "flat"];
        const NOUNS: [&str; 10] =
            ["maple", "otter", "lamp", "bridge", "trout", "wardrobe", "skyscraper", "beetle", "pear", "telephone"];
        Self {
            name: "cifar100-lt resnet32".into(),
            class_names: (0..100).map(|j| format!("{} {}", ADJECTIVES[j % 10], NOUNS[j / 10])).collect(),
            train_counts: long_tailed_counts(500, 100.0, 100).unwrap(),
            test_per_class: 100,
            skill: 2.6,
            epoch: None,
            bias_free: false,
            ..Self::fashion()
        }
    }

    pub fn of_size(k: usize) -> Self {
        Self {
            name: format!("{k} classes"),
            class_names: (0..k).map(|j| j.to_string()).collect(),
            train_counts: long_tailed_counts(1280, 256.0, k).unwrap(),
            test_per_class: if k > 500 { 20 } else { 50 },
            ..Self::cifar100()
        }
    }

    pub fn build(&self) -> (ModelReport, ModelFigures) {
        let grid = MarginGrid::new(&self.margins).unwrap();
        let mut settings = verify::Settings::new(grid, 0.2, WeightForm::Paper, 0.05);
        settings.models_compared = self.models_compared;
        whole::model(&self.subject(), &settings, Vec::new(), &str::to_owned, |_| ()).unwrap()
    }

    /// Scores of which the true class's stands out more, the more training images it has.
    fn subject(&self) -> Subject {
        let k = self.train_counts.len();
        let scored = |per_class: &[u64], seed: u64, skill: f64| {
            let mut random = Random(seed);
            let labels: Vec<usize> =
                per_class.iter().enumerate().flat_map(|(class, &n)| std::iter::repeat_n(class, n as usize)).collect();
            let logits = Array2::from_shape_fn((labels.len(), k), |(sample, i)| {
                let class = labels[sample];
                let log_share = (self.train_counts[class] as f64 + 1.0).ln() / 6.0;
                let prior = 1.1 * (self.train_counts[i] as f64 + 1.0).ln() / 6.0;
                // Neighbours in a ring of five look alike.
                let alike = if i / 5 == class / 5 { 0.9 } else { 0.0 };
                let own = if i == class { skill * (0.35 + log_share) } else { 0.0 };
                (random.normal() + prior + alike + own) as f32
            });
            Scored { logits: Logits::F32(logits), labels: Array1::from_vec(labels) }
        };
        let layer = LayerNorms { spectral_upper: 6.0, frobenius: 9.0, rows: k, columns: 784 };
        Subject {
            name: self.name.clone(),
            source: Source {
                kind: "checkpoint".into(),
                files: vec![DataFile {
                    role: "weights".into(),
                    path: format!("examples/{}.safetensors", self.name.replace(' ', "-")),
                    bytes: 1_862_144,
                    sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(),
                }],
                architecture: Some(if self.bias_free { "mlp" } else { "resnet32" }.into()),
                dataset: Some("fashion-mnist".into()),
                seed: Some(0),
                epoch: self.epoch,
                subset_sha256: Some("2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae".into()),
                preprocessing: Some(Preprocessing {
                    origin: "checkpoint".into(),
                    mean: vec![0.286],
                    std: vec![0.353],
                    resize: Some(28),
                    crop: Some(28),
                    channels: Some("gray".into()),
                }),
                ..Source::default()
            },
            class_names: self.class_names.clone(),
            train_counts: Some(self.train_counts.clone()),
            architecture: if self.bias_free {
                Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(vec![layer], 28.0).unwrap())
            } else {
                Architecture::Residual
            },
            train: self.with_train.then(|| scored(&self.train_counts, 11, 1.6 * self.skill)),
            test: scored(&vec![self.test_per_class; k], 7, self.skill),
            scores_said: false,
            warnings: Vec::new(),
        }
    }
}

/// A report on the given samples.
pub(super) fn report(samples: &[Sample]) -> (Report, Vec<ModelFigures>) {
    let (models, figures): (Vec<ModelReport>, Vec<_>) = samples.iter().map(Sample::build).unzip();
    let settings = Settings {
        margins: samples[0].margins.clone(),
        r0: 0.2,
        weights: "paper".into(),
        delta: 0.05,
        models_compared: samples.len(),
        device: Some("cpu".into()),
        preprocessing: Some(Preprocessing {
            origin: "flags".into(),
            ..models[0].source.preprocessing.clone().unwrap()
        }),
        program: "analyze".into(),
        version: "0.1.0".into(),
        commit: Some("4bf0317".into()),
        command_line: ["analyze", "--checkpoint", "examples/fmnist-lt-mlp.safetensors", "--out", "out/demo"]
            .map(str::to_owned)
            .to_vec(),
        data: vec![DataFile {
            role: "test data".into(),
            path: "fashion-mnist/t10k-images-idx3-ubyte.gz".into(),
            bytes: 4_422_102,
            sha256: "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073".into(),
        }],
    };
    let subjects: Vec<Subject> = samples.iter().map(Sample::subject).collect();
    let comparisons = compare::compare(&subjects, settings.delta).unwrap();
    (Report { settings, models, comparisons, ..Report::default() }, figures)
}

/// Two groups of two seeds each.
pub(super) fn groups() -> Vec<GroupComparison> {
    let of = |skill: f64| Sample { test_per_class: 20, with_train: false, skill, ..Sample::fashion() }.subject();
    let subjects = [3.4, 3.3, 3.0, 2.8].map(of);
    let group = |name: &str, models: [usize; 2]| compare::SeedGroup { name: name.into(), models: models.into() };
    compare::compare_groups(&subjects, &[group("a", [0, 1]), group("b", [2, 3])], 0.05).unwrap()
}

/// SplitMix64 and sums of uniforms: reproducible without another dependency.
struct Random(u64);

impl Random {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..4).map(|_| self.next()).sum::<f64>() * 1.732 - 3.464
    }
}

/// The log of a run that was evaluated in every other epoch.
pub(crate) fn training_run(seed: u64, car: Option<CarOptions>) -> TrainingRun {
    let objective = ObjectiveOptions {
        classification: ClassificationOptions::CrossEntropy,
        contrastive: Some(ContrastiveOptions::CIFAR),
        cutmix: Some(CutMix::CUSTOMARY),
        rectification: Some(RectificationOptions::after(100)),
        car,
        car_schedule: CarSchedule { after_epoch: 2, ramp_epochs: 3 },
    };
    TrainingRun {
        name: format!("run-{seed}"),
        log: DataFile { role: "metrics".into(), path: format!("run-{seed}/metrics.jsonl"), ..DataFile::default() },
        dataset: "fashion-mnist".into(),
        architecture: "resnet20".into(),
        train_counts: long_tailed_counts(600, 100.0, 10).unwrap(),
        subset_sha256: "ec6c03cbc4423dde".into(),
        normalisation: Some(Normalisation { mean: vec![0.286], std: vec![0.353] }),
        image_size: Some(28),
        run: Run {
            epoch: 10,
            loss: objective.label(),
            optimisation: OptimisationSettings {
                epochs: 10,
                seed,
                batch_size: 128,
                learning_rate: 0.1,
                optimizer: OptimizerOptions::Sgd { momentum: 0.9, nesterov: false, weight_decay: 2e-4 },
                warm_up_epochs: 5,
                selection: Selection::BestValidation,
                objective,
            },
            augmented: true,
            augmentation: Some(AugmentationOptions {
                policy: Policy::RandAugment(RandAugment { operations: 2, magnitude: 10.0 }),
                cutout: Some(16),
            }),
            sampler: Sampler::SquareRoot,
            evaluated_every: Some(2),
            training_pass: TrainingPass::default(),
            weight_ema: None,
            pretrained: None,
            frozen_backbone: None,
            device: "cpu".into(),
            threads: 1,
            commit: "4bf0317".into(),
        },
        epochs: epochs(seed, car),
    }
}

fn epochs(seed: u64, car: Option<CarOptions>) -> Vec<EpochMetrics> {
    let evaluation = |progress: f64| SplitMetrics {
        loss: 4.0 - 2.0 * progress,
        accuracy: 0.4 * progress,
        many: Some(0.6 * progress),
        medium: Some(0.3 * progress),
        few: Some(0.05 * progress),
        groups_macro: None,
        worst_class: 99,
        worst_class_error: 1.0 - 0.1 * progress,
        worst_tenth_error: Some(1.0 - 0.15 * progress),
        accuracy_macro: Some(0.4 * progress),
        zero_accuracy_classes: 9,
        wce: 2.2 - 0.1 * progress,
        hard_spectral_norm: 8.0 - 5.0 * progress + 0.1 * seed as f64,
        surrogate_spectral_norm: 4.0 - 3.0 * progress,
        surrogate_hard_cosine: Some(0.9 * progress),
    };
    (1..=10)
        .map(|number: usize| {
            let progress = (number as f64 / 10.0).sqrt();
            let evaluated = number.is_multiple_of(2).then(|| evaluation(progress));
            let gap =
                |gap| evaluated.is_some().then_some(EmaGap { gap, surrogate: 2.0, gap_few: 0.9, surrogate_few: 1.0 });
            EpochMetrics {
                epoch: number,
                train_loss: 3.0 - progress,
                train_accuracy: 0.5 * progress,
                learning_rate: 0.1,
                car: car.map(|_| CarMetrics {
                    spectral: 2.0 - progress,
                    diagnosis: Some(CarDiagnosis {
                        gradient_norm: 0.05,
                        cross_entropy_gradient_norm: 0.08,
                        time_share: 0.02,
                    }),
                    gap_all_columns: gap(1.9),
                    gap_present_columns: gap(1.5),
                    ema_hard_cosine: evaluated.as_ref().map(|_| 0.3),
                }),
                train: evaluated.clone(),
                validation: evaluated.clone(),
                test: evaluated,
                seconds: 60.0,
            }
        })
        .collect()
}
