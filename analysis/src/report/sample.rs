//! Reports for the tests: long-tailed models of any K with plausible scores, counted and bounded by `car_spectral`.

use car_spectral::bounds::{
    Interval, Outcome, Verdict, equal_shares_floor, held_out_alpha, held_out_intervals, spectral_certificate,
    spectral_term, verdicts, weighted_worst_class_interval,
};
use car_spectral::car::CarOptions;
use car_spectral::confusion::WrittenMargin;
use car_spectral::confusion::{ClassWeights, ConfusionMatrix, MarginCounts, MarginGrid, WeightForm};
use car_spectral::longtail::{ClassErrors, ClassMetrics, Group, long_tailed_counts};
use car_spectral_training::augment::{AugmentationOptions, CutMix, Policy, RandAugment};
use car_spectral_training::car_schedule::CarSchedule;
use car_spectral_training::checkpoint::Run;
use car_spectral_training::contrastive::ContrastiveOptions;
use car_spectral_training::data::{Normalisation, Sampler};
use car_spectral_training::loss::RectificationOptions;
use car_spectral_training::loss::classification::ClassificationOptions;
use car_spectral_training::metrics::{CarMetrics, EmaGap, EpochMetrics, SplitMetrics};
use car_spectral_training::model::TrainingPass;
use car_spectral_training::optimizer::OptimizerOptions;
use car_spectral_training::selection::Selection;
use ndarray::{Array1, Array2};

use super::plots::ModelFigures;
use super::*;

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
    /// Whether T3 applies (an mlp).
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
        let k = self.train_counts.len();
        let delta = 0.05;
        let grid = MarginGrid::new(&self.margins).unwrap();
        let weights = ClassWeights::new(&self.train_counts, 0.2, WeightForm::Paper).unwrap().values().to_vec();
        let scored = |per_class: &[u64], seed: u64, skill: f64| {
            let mut counts = MarginCounts::new(k, &grid).unwrap();
            let mut random = Random(seed);
            for (class, &n) in per_class.iter().enumerate() {
                if n == 0 {
                    continue;
                }
                let log_share = (self.train_counts[class] as f64 + 1.0).ln() / 6.0;
                let logits = Array2::from_shape_fn((n as usize, k), |(_, i)| {
                    let prior = 1.1 * (self.train_counts[i] as f64 + 1.0).ln() / 6.0;
                    // Neighbours in a ring of five look alike.
                    let alike = if i / 5 == class / 5 { 0.9 } else { 0.0 };
                    let own = if i == class { skill * (0.35 + log_share) } else { 0.0 };
                    (random.normal() + prior + alike + own) as f32
                });
                counts.add_batch(logits.view(), Array1::from_elem(n as usize, class).view()).unwrap();
            }
            counts
        };
        let test = scored(&vec![self.test_per_class; k], 7, self.skill);
        let train = self.with_train.then(|| scored(&self.train_counts, 11, 1.6 * self.skill));
        let intervals = held_out_intervals(&test.errors(), test.class_counts(), delta, self.models_compared).unwrap();
        let train_errors = train.as_ref().map(MarginCounts::errors);
        let test_errors = test.errors();
        let metrics = ClassMetrics::new(
            &self.train_counts,
            ClassErrors { counts: test.class_counts(), errors: &test_errors },
            train
                .as_ref()
                .zip(train_errors.as_ref())
                .map(|(train, errors)| ClassErrors { counts: train.class_counts(), errors }),
        )
        .unwrap();
        let pair = |i: &Interval| [i.lower, i.upper];
        let group = |g: Group| {
            let a = metrics.group(g);
            Some(super::GroupAccuracy {
                classes: a.estimated_classes,
                samples: a.samples,
                accuracy: a.micro?,
                accuracy_macro: a.macro_average?,
            })
        };
        let weighted = metrics.weighted_worst_class(&weights).unwrap();
        let wce_interval = weighted_worst_class_interval(&weights, &intervals).unwrap();
        let test_report = TestReport {
            split: split(&test, &weights, &metrics.class_errors),
            accuracy_macro: metrics.accuracy_macro,
            many: group(Group::Many),
            medium: group(Group::Medium),
            few: group(Group::Few),
            worst_class: metrics.worst_class.map(|w| super::WorstClass {
                index: w.index,
                name: self.class_names[w.index].clone(),
                error: w.error,
                interval: pair(&intervals[w.index]),
            }),
            weighted_worst_class: weighted.map(|w| super::WeightedWorstClass {
                index: w.index,
                name: self.class_names[w.index].clone(),
                weight: weights[w.index],
                error: w.error,
                interval: pair(&intervals[w.index]),
                weighted_error: w.weighted_error,
            }),
            zero_accuracy_classes: metrics.zero_accuracy_classes.clone(),
            class_error_interval: intervals
                .iter()
                .zip(test.class_counts())
                .map(|(i, &n)| (n > 0).then(|| pair(i)))
                .collect(),
            wce_interval: pair(&wce_interval),
            worst_class_ratio: metrics.worst_class_ratio,
        };
        let train_report = train.as_ref().map(|train| {
            let errors = rates(&train.errors(), train.class_counts());
            split(train, &weights, &errors)
        });
        let bounds = self.bounds(&weights, train_report.as_ref(), &test_report, &intervals, delta);
        let hard = test.confusion();
        let top = test_report.split.top_pair.clone();
        let mut confusions: Vec<Confusion> = hard
            .non_zeros()
            .map(|(i, j, rate)| Confusion {
                true_class: j,
                true_name: self.class_names[j].clone(),
                predicted: i,
                predicted_name: self.class_names[i].clone(),
                rate,
                count: test.confusion_count(i, j),
                contribution_to_spectral_norm: top.as_ref().map_or(0.0, |t| t.left[i] * t.right[j] * weights[j] * rate),
            })
            .collect();
        confusions.sort_by(|a, b| b.rate.total_cmp(&a.rate));
        confusions.truncate(50);
        let train_to_test = train_report.as_ref().map(|train| {
            let norm = test_report.split.hard.spectral_norm_weighted;
            let certificate = match spectral_certificate(
                &weights,
                test.class_counts(),
                hard.non_zeros().map(|(i, j, _)| (i, j, test.confusion_count(i, j))),
                delta,
            )
            .unwrap()
            {
                Outcome::Applies(c) => Some(super::SpectralCertificate {
                    radius_simple: c.simple,
                    radius_sharp: c.sharp,
                    interval: pair(&c.population(Interval::new(norm.lower, norm.upper).unwrap()).unwrap()),
                }),
                Outcome::NotApplicable(_) => None,
            };
            TrainToTest {
                train: train
                    .margins
                    .iter()
                    .map(|m| TrainQuantity {
                        margin: m.margin,
                        spectral_norm_weighted: m.norms.spectral_norm_weighted,
                        test_minus_train: norm.value - m.norms.spectral_norm_weighted.value,
                    })
                    .collect(),
                test: norm,
                wce_interval: test_report.wce_interval,
                certificate,
                sentence: format!(
                    "Train to test is measured, not proved: ‖C Λ‖₂ is {} on training data and {} on test data.",
                    short(train.margins[0].norms.spectral_norm_weighted.value),
                    short(norm.value)
                ),
            }
        });
        let chain = &test_report.split.chain;
        let mut verdicts = vec![VerdictSentence {
            id: "chain".into(),
            margin: None,
            sentence: format!(
                "The chain λⱼ eⱼ ≤ WCE ≤ √(K−1) ‖C Λ‖₂ {} on the test matrix: {} ≤ {}.",
                if chain.holds { "holds" } else { "FAILS" },
                short(chain.wce),
                short(chain.upper_bound)
            ),
            counts: None,
        }];
        verdicts.extend(train_to_test.iter().map(|step| VerdictSentence {
            id: "train-to-test".into(),
            margin: None,
            sentence: step.sentence.clone(),
            counts: None,
        }));
        for bound in &bounds {
            if bound.margin.is_none_or(|g| g == self.margins[0] || bound.id.starts_with("T3")) {
                verdicts.push(VerdictSentence {
                    id: bound.id.clone(),
                    margin: bound.margin,
                    sentence: match &bound.reason {
                        Some(reason) => format!("{}: {reason}", bound.id),
                        None => format!(
                            "{} at g = {}: vacuous for {} of {k} classes",
                            bound.id,
                            WrittenMargin(bound.margin.unwrap_or(0.0)),
                            bound.verdict.vacuous
                        ),
                    },
                    counts: bound.class_verdict.as_ref().map(|_| bound.verdict),
                });
            }
        }
        let model = ModelReport {
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
            },
            num_classes: k,
            class_names: self.class_names.clone(),
            groups: Some(
                self.train_counts
                    .iter()
                    .map(|&n| match Group::of(n) {
                        Group::Many => ClassGroup::Many,
                        Group::Medium => ClassGroup::Medium,
                        Group::Few => ClassGroup::Few,
                    })
                    .collect(),
            ),
            train_counts: Some(self.train_counts.clone()),
            weights,
            delta_per_class: held_out_alpha(k, delta, self.models_compared).unwrap(),
            train: train_report,
            test: test_report,
            train_to_test,
            bounds,
            verdicts,
            confusions,
        };
        (model, ModelFigures { test_confusion: hard })
    }

    fn bounds(
        &self,
        weights: &[f64],
        train: Option<&SplitReport>,
        test: &TestReport,
        intervals: &[Interval],
        delta: f64,
    ) -> Vec<BoundReport> {
        let k = weights.len();
        let floor: Vec<Option<f64>> =
            equal_shares_floor(&self.train_counts, delta).unwrap().into_iter().map(Some).collect();
        let least = self.train_counts.iter().min().unwrap();
        let mut bounds = vec![BoundReport {
            id: "T1".into(),
            reason: Some(format!("not applicable: m_min = {least}, needs more than {}", 8 * k)),
            verdict: VerdictCounts { not_applicable: k, ..Default::default() },
            ..Default::default()
        }];
        let Some(train) = train else { return bounds };
        for margin in &train.margins {
            let term =
                spectral_term(weights, margin.norms.spectral_norm_weighted.upper, &vec![k - 1; k]).unwrap().first_term;
            let worst = test.worst_class.as_ref().unwrap();
            bounds.push(BoundReport {
                id: "T2".into(),
                margin: Some(margin.margin),
                applicable: true,
                reason: Some("first term only; the complexity term is known up to constants".into()),
                first_term: Some(term.iter().copied().map(Some).collect()),
                floor: Some(floor.clone()),
                class_verdict: Some(vec![ClassVerdict::NotApplicable; k]),
                verdict: VerdictCounts { not_applicable: k, ..Default::default() },
                tightness_at_worst: (worst.error > 0.0).then(|| term[worst.index] / worst.error),
                ..Default::default()
            });
        }
        for id in ["T3", "T3'"] {
            if !self.bias_free {
                bounds.push(BoundReport {
                    id: id.into(),
                    reason: Some(
                        "not applicable: residual connections and normalisation; T3 is for bias-free ReLU".into(),
                    ),
                    verdict: VerdictCounts { not_applicable: k, ..Default::default() },
                    ..Default::default()
                });
                continue;
            }
            for margin in train.margins.iter().filter(|m| m.margin > 0.0) {
                let complexity: Vec<Option<f64>> = self
                    .train_counts
                    .iter()
                    .map(|&m| Some(if id == "T3" { 5200.0 } else { 940.0 } / margin.margin / (m as f64).sqrt()))
                    .collect();
                let first = margin.class_margin_error.clone();
                let total: Vec<Option<f64>> = first.iter().zip(&complexity).map(|(a, b)| Some((*a)? + (*b)?)).collect();
                let reached = verdicts(&total, intervals).unwrap();
                assert!(reached.iter().all(|v| *v == Verdict::Vacuous));
                bounds.push(BoundReport {
                    id: id.into(),
                    margin: Some(margin.margin),
                    applicable: true,
                    first_term: Some(first),
                    complexity: Some(complexity),
                    tightness_at_worst: test
                        .worst_class
                        .as_ref()
                        .filter(|w| w.error > 0.0)
                        .and_then(|w| Some(total[w.index]? / w.error)),
                    total: Some(total),
                    floor: Some(floor.clone()),
                    class_verdict: Some(vec![ClassVerdict::Vacuous; k]),
                    verdict: VerdictCounts { vacuous: k, ..Default::default() },
                    ..Default::default()
                });
            }
        }
        bounds
    }
}

/// A report on the given samples.
pub(super) fn report(samples: &[Sample]) -> (Report, Vec<ModelFigures>) {
    let (models, figures): (Vec<_>, Vec<_>) = samples.iter().map(Sample::build).unzip();
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
    (Report { settings, models, ..Report::default() }, figures)
}

fn rates(errors: &[u64], counts: &[u64]) -> Vec<Option<f64>> {
    errors.iter().zip(counts).map(|(&e, &n)| (n > 0).then(|| e as f64 / n as f64)).collect()
}

fn split(counts: &MarginCounts, weights: &[f64], errors: &[Option<f64>]) -> SplitReport {
    let k = counts.num_classes();
    let hard = counts.confusion();
    let weighted = hard.scale_columns(weights).unwrap();
    let norms_hard = norms(&hard, weights);
    let upper = norms_hard.spectral_norm_weighted.upper;
    let ties = counts.ties();
    let wce = norms_hard.one_norm_weighted;
    let s = (0..k).map(|j| hard.column(j).count()).max().unwrap_or(0);
    let terms: Vec<Option<f64>> = errors.iter().zip(weights).map(|(e, w)| e.map(|e| e * w)).collect();
    let root = ((k - 1) as f64).sqrt();
    let (sigma, left, right) = top_pair(&weighted);
    let total_errors: u64 = counts.errors().iter().sum();
    SplitReport {
        samples: counts.samples(),
        class_counts: counts.class_counts().to_vec(),
        class_errors: counts.errors(),
        ties: super::Ties {
            top2: ties.top2,
            share: ties.share,
            zero_margin: ties.zero_margin.iter().sum(),
            zero_margin_correct: ties.zero_margin_correct.iter().sum(),
        },
        accuracy: 1.0 - total_errors as f64 / counts.samples() as f64,
        per_class_error: errors.to_vec(),
        surrogate: Some(Surrogate {
            margin: counts.margins()[0],
            spectral_norm_weighted: scaled(norms_hard.spectral_norm_weighted, 1.4),
            gap_to_hard_frobenius: 0.8,
        }),
        margins: (0..counts.margins().len())
            .map(|g| MarginReport {
                margin: counts.margins()[g],
                class_margin_error: rates(&counts.margin_errors(g), counts.class_counts()),
                norms: norms(&counts.margin_confusion(g), weights),
            })
            .collect(),
        chain: super::Chain {
            wce_class: (0..k).find(|&j| terms[j] == Some(wce)),
            weighted_error: terms,
            wce,
            sqrt_k_minus_1: root,
            spectral_upper: upper,
            upper_bound: root * upper,
            holds: wce <= root * upper,
            slack: root * upper - wce,
            slack_factor: (wce > 0.0).then(|| root * upper / wce),
            max_column_nonzeros: s,
            upper_bound_sqrt_s: (s as f64).sqrt() * upper,
            holds_sqrt_s: wce <= (s as f64).sqrt() * upper,
            slack_factor_sqrt_s: (wce > 0.0).then(|| (s as f64).sqrt() * upper / wce),
        },
        top_pair: (sigma > 0.0).then_some(super::TopPair { sigma, left, right }),
        hard: norms_hard,
    }
}

fn scaled(e: Enclosure, factor: f64) -> Enclosure {
    Enclosure { value: e.value * factor, lower: e.lower * factor, upper: e.upper * factor }
}

fn norms(matrix: &ConfusionMatrix, weights: &[f64]) -> MatrixNorms {
    let weighted = matrix.scale_columns(weights).unwrap();
    let one = |m: &ConfusionMatrix| m.column_sums().into_iter().fold(0.0, f64::max);
    let enclosed = |m: &ConfusionMatrix| {
        let value = top_pair(m).0;
        Enclosure { value, lower: value * (1.0 - 1e-12), upper: value * (1.0 + 1e-12) }
    };
    let (plain, heavy) = (enclosed(matrix), enclosed(&weighted));
    let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
    MatrixNorms {
        one_norm: one(matrix),
        one_norm_weighted: one(&weighted),
        nu: ratio(one(matrix), plain.value),
        nu_weighted: ratio(one(&weighted), heavy.value),
        spectral_norm: plain,
        spectral_norm_weighted: heavy,
    }
}

/// Power iteration: enough for a picture.
fn top_pair(matrix: &ConfusionMatrix) -> (f64, Vec<f64>, Vec<f64>) {
    let k = matrix.num_classes();
    let entries: Vec<_> = matrix.non_zeros().collect();
    let mut right = vec![1.0 / (k as f64).sqrt(); k];
    let mut left = vec![0.0; k];
    let mut sigma = 0.0;
    for _ in 0..200 {
        left = vec![0.0; k];
        for &(i, j, value) in &entries {
            left[i] += value * right[j];
        }
        sigma = left.iter().map(|x| x * x).sum::<f64>().sqrt();
        if sigma == 0.0 {
            return (0.0, left, right);
        }
        left.iter_mut().for_each(|x| *x /= sigma);
        right = vec![0.0; k];
        for &(i, j, value) in &entries {
            right[j] += value * left[i];
        }
        let norm = right.iter().map(|x| x * x).sum::<f64>().sqrt();
        right.iter_mut().for_each(|x| *x /= norm);
    }
    (sigma, left, right)
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
    let evaluation = |progress: f64| SplitMetrics {
        loss: 4.0 - 2.0 * progress,
        accuracy: 0.4 * progress,
        many: Some(0.6 * progress),
        medium: Some(0.3 * progress),
        few: Some(0.05 * progress),
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
    let epoch = |number: usize| {
        let progress = (number as f64 / 10.0).sqrt();
        let evaluated = number.is_multiple_of(2).then(|| evaluation(progress));
        let gap = |gap| evaluated.is_some().then_some(EmaGap { gap, surrogate: 2.0, gap_few: 0.9, surrogate_few: 1.0 });
        EpochMetrics {
            epoch: number,
            train_loss: 3.0 - progress,
            train_accuracy: 0.5 * progress,
            learning_rate: 0.1,
            car: car.map(|_| CarMetrics {
                spectral: 2.0 - progress,
                gradient_norm: 0.05,
                cross_entropy_gradient_norm: 0.08,
                time_share: 0.02,
                gap_all_columns: gap(1.9),
                gap_present_columns: gap(1.5),
                ema_hard_cosine: evaluated.as_ref().map(|_| 0.3),
            }),
            train: evaluated.clone(),
            validation: evaluated.clone(),
            test: evaluated,
            seconds: 60.0,
        }
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
            epochs: 10,
            seed,
            batch_size: 128,
            learning_rate: 0.1,
            momentum: 0.9,
            weight_decay: 2e-4,
            optimizer: Some(OptimizerOptions::Sgd { momentum: 0.9, nesterov: false, weight_decay: 2e-4 }),
            warm_up_epochs: 5,
            augmented: true,
            augmentation: Some(AugmentationOptions {
                policy: Policy::RandAugment(RandAugment { operations: 2, magnitude: 10.0 }),
                cutout: Some(16),
            }),
            sampler: Sampler::SquareRoot,
            selection: Selection::BestValidation,
            evaluated_every: Some(2),
            training_pass: TrainingPass::default(),
            weight_ema: None,
            pretrained: None,
            classification: Some(ClassificationOptions::CrossEntropy),
            contrastive: Some(ContrastiveOptions::CIFAR),
            cutmix: Some(CutMix::CUSTOMARY),
            rectification: Some(RectificationOptions::after(100)),
            loss: if car.is_some() { "cross-entropy + CAR" } else { "cross-entropy" }.into(),
            car,
            car_schedule: CarSchedule { after_epoch: 2, ramp_epochs: 3 },
            device: "cpu".into(),
            threads: 1,
            commit: "4bf0317".into(),
        },
        epochs: (1..=10).map(epoch).collect(),
    }
}
