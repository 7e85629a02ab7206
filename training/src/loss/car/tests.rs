//! `CarLoss`: the authors' numbers, a full decomposition, invariances, states and refusals.

use super::*;
use crate::loss::surrogate::sample_surrogate;
use car_spectral::car::{Competition, EmaOptions, EmaStart, Gate, SurrogateOptions};
use car_spectral::confusion::WeightForm;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

const CPU: (Kind, Device) = (Kind::Double, Device::Cpu);

#[derive(Deserialize)]
struct Case {
    seed: u64,
    beta: f64,
    r0: f64,
    class_counts: Vec<u64>,
    weights: Vec<f64>,
    mean_normalised: bool,
    options: AuthorsOptions,
    steps: Vec<Step>,
}

/// What differs from tau 1 with both detached.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AuthorsOptions {
    tau: Option<f64>,
    gamma: f64,
    detach_gate_delta: Option<bool>,
    detach_baseline_in_softmax: Option<bool>,
    ablate_no_sigmoid: bool,
    ablate_no_softmax: bool,
    ablate_no_both: bool,
}

#[derive(Deserialize)]
struct Step {
    logits: Vec<Vec<f64>>,
    targets: Vec<i64>,
    batch_confusion: Vec<Vec<f64>>,
    ema: Vec<Vec<f64>>,
    spectral: f64,
    grad_logits: Option<Vec<Vec<f64>>>,
}

fn matrix(rows: &[Vec<f64>]) -> Tensor {
    Tensor::from_slice(&rows.concat()).view([rows.len() as i64, -1])
}

fn distance(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    (a - b).abs().max().double_value(&[])
}

fn cross_entropy(logits: &Tensor, targets: &Tensor) -> Tensor {
    -logits.log_softmax(1, Kind::Double).gather(1, &targets.unsqueeze(1), false).mean(Kind::Double)
}

/// Value and gradient of the regulariser.
fn value_and_gradient(loss: &mut CarLoss, logits: &Tensor, targets: &Tensor) -> (f64, Tensor) {
    let logits = logits.detach().copy().set_requires_grad(true);
    let value = loss.regulariser(&logits, targets).unwrap();
    value.backward();
    (value.double_value(&[]), logits.grad())
}

/// The authors' code in f64 (`tests/car_reference_values.json`).
#[test]
fn the_authors_values_and_gradients_are_reproduced() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/car_reference_values.json");
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let case: Case = serde_json::from_value(case.clone()).unwrap();
        let theirs = &case.options;
        let relu_competition = theirs.ablate_no_softmax || theirs.ablate_no_both;
        let options = CarOptions {
            alpha: 0.3,
            surrogate: SurrogateOptions {
                margin: theirs.gamma,
                temperature: theirs.tau.unwrap_or(1.0),
                gate: match (theirs.ablate_no_sigmoid, theirs.ablate_no_both) {
                    (true, _) => Gate::One,
                    (_, true) => Gate::Relu,
                    _ => Gate::Sigmoid,
                },
                competition: if relu_competition { Competition::Relu } else { Competition::SoftmaxAll },
                gate_gradient: theirs.detach_gate_delta == Some(false),
                baseline_gradient: theirs.detach_baseline_in_softmax == Some(false),
            },
            ema: EmaOptions { beta: case.beta, start: EmaStart::FirstBatch, columns: EmaColumns::All },
            r0: case.r0,
            weights: if case.mean_normalised { WeightForm::Official } else { WeightForm::Paper },
            norm: PenaltyNorm::Spectral,
        };
        let mut loss = CarLoss::new(&case.class_counts, options).unwrap();
        for (ours, theirs) in loss.class_weights().values().iter().zip(&case.weights) {
            // Theirs differ in the twelfth digit, as by a guard of a division.
            assert!((ours / theirs - 1.0).abs() < 2e-12, "{ours} {theirs}");
        }
        for (at, step) in case.steps.iter().enumerate() {
            let at = format!("seed {}, step {at}", case.seed);
            let (logits, targets) = (matrix(&step.logits), Tensor::from_slice(&step.targets));
            let mut alone = CarLoss::new(&case.class_counts, options).unwrap();
            let _ = alone.regulariser(&logits, &targets).unwrap();
            assert!(distance(&alone.ema(), &matrix(&step.batch_confusion)) < 1e-9, "{at}");
            let (value, gradient) = value_and_gradient(&mut loss, &logits, &targets);
            assert!((value - step.spectral).abs() < 1e-9, "{at}: {value}, theirs {}", step.spectral);
            assert!(distance(&loss.ema(), &matrix(&step.ema)) < 1e-9, "{at}");
            let expected = match &step.grad_logits {
                Some(gradient) => matrix(gradient),
                None => logits.zeros_like(),
            };
            assert!(distance(&gradient, &expected) < 1e-9, "{at}: {}", distance(&gradient, &expected));
        }
    }
}

fn batch(rng: &mut ChaCha8Rng, samples: usize, num_classes: usize) -> (Tensor, Tensor) {
    let logits: Vec<f64> = (0..samples * num_classes).map(|_| rng.random_range(-4.0..4.0)).collect();
    let targets: Vec<i64> = (0..samples).map(|_| rng.random_range(0..num_classes as i64)).collect();
    (Tensor::from_slice(&logits).view([samples as i64, num_classes as i64]), Tensor::from_slice(&targets))
}

fn any_options() -> impl Strategy<Value = CarOptions> {
    let surrogate =
        (
            prop_oneof![Just(Gate::Sigmoid), Just(Gate::One), Just(Gate::Relu)],
            prop_oneof![Just(Competition::SoftmaxAll), Just(Competition::SoftmaxCompetitors), Just(Competition::Relu)],
            any::<bool>(),
            any::<bool>(),
            0.0..1.0f64,
            0.5..2.0f64,
        )
            .prop_map(|(gate, competition, gate_gradient, baseline_gradient, margin, temperature)| {
                SurrogateOptions { margin, temperature, gate, competition, gate_gradient, baseline_gradient }
            });
    let ema = (
        prop_oneof![Just(0.0), Just(0.5), 0.1..0.99f64],
        prop_oneof![Just(EmaStart::Zero), Just(EmaStart::FirstBatch), Just(EmaStart::BiasCorrected)],
        prop_oneof![Just(EmaColumns::All), Just(EmaColumns::Present)],
    )
        .prop_map(|(beta, start, columns)| EmaOptions { beta, start, columns });
    (surrogate, ema).prop_map(|(surrogate, ema)| CarOptions {
        alpha: 0.7,
        surrogate,
        ema,
        r0: 0.2,
        weights: WeightForm::Paper,
        norm: PenaltyNorm::Spectral,
    })
}

/// The same chain as a differentiable K x K matrix and a full decomposition; the surrogate alone is
/// shared.
struct Dense {
    options: CarOptions,
    weights: Tensor,
    average: Tensor,
    seen: Vec<i32>,
}

impl Dense {
    fn new(loss: &CarLoss) -> Self {
        let num_classes = loss.num_classes();
        Self {
            options: *loss.options(),
            weights: Tensor::from_slice(loss.class_weights().values()),
            average: Tensor::zeros([num_classes; 2], CPU),
            seen: vec![0; num_classes as usize],
        }
    }

    /// Singular values, differentiable.
    fn step(&mut self, logits: &Tensor, targets: &Tensor) -> Tensor {
        let EmaOptions { beta, start, columns } = self.options.ema;
        let samples = sample_surrogate(logits, targets, &self.options.surrogate).unwrap();
        let one_hot = targets.one_hot(logits.size()[1]).to_kind(Kind::Double);
        let counts = one_hot.sum_dim_intlist(0, false, None);
        let confusion = samples.tr().mm(&(one_hot / counts.clamp_min(1.0)));
        let (mut decay, mut live, mut constant, mut correction) = (vec![], vec![], vec![], vec![]);
        for (seen, count) in self.seen.iter_mut().zip(Vec::<f64>::try_from(counts).unwrap()) {
            let moves = columns == EmaColumns::All || count > 0.0;
            let whole = start == EmaStart::FirstBatch && *seen == 0;
            *seen += i32::from(moves);
            decay.push(if moves { beta } else { 1.0 });
            live.push(if moves && !whole { 1.0 - beta } else { 0.0 });
            constant.push(if moves && whole { 1.0 } else { 0.0 });
            let corrects = start == EmaStart::BiasCorrected && *seen > 0;
            correction.push(if corrects { 1.0 / (1.0 - beta.powi(*seen)) } else { 1.0 });
        }
        let [decay, live, constant, correction] =
            [decay, live, constant, correction].map(|values| Tensor::from_slice(&values));
        let average = &self.average * decay + &confusion * live + confusion.detach() * constant;
        self.average = average.detach();
        (average * correction * &self.weights).svd(true, true).1
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn values_and_gradients_are_those_of_a_full_decomposition(
        options in any_options(), seed: u64, num_classes in 2usize..9, samples in 1usize..13
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let counts: Vec<u64> = (1..=num_classes as u64).map(|rank| 1000 / rank).collect();
        let mut loss = CarLoss::new(&counts, options).unwrap();
        let mut dense = Dense::new(&loss);
        for _ in 0..4 {
            let (logits, targets) = batch(&mut rng, samples, num_classes);
            let (value, gradient) = value_and_gradient(&mut loss, &logits, &targets);
            let leaf = logits.set_requires_grad(true);
            let singular_values = dense.step(&leaf, &targets);
            let values = Vec::<f64>::try_from(&singular_values.detach()).unwrap();
            prop_assert!((value - values[0]).abs() <= 1e-9 * values[0], "{value}, expected {}", values[0]);
            prop_assert!(gradient.isfinite().all().int64_value(&[]) == 1);
            if values[0] - values[1] > 1e-2 * values[0] {
                let expected = Tensor::run_backward(&[singular_values.select(0, 0)], &[&leaf], false, false);
                prop_assert!(distance(&gradient, &expected[0]) < 1e-9, "{gradient} {}", expected[0]);
            }
        }
    }

    #[test]
    fn shifts_and_orders_change_nothing(options in any_options(), seed: u64, num_classes in 3usize..9) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let counts: Vec<u64> = (0..num_classes).map(|_| rng.random_range(1..500)).collect();
        let classes: Vec<i64> = {
            let mut classes: Vec<i64> = (0..num_classes as i64).collect();
            classes.shuffle(&mut rng);
            classes
        };
        // Class c of the first is class new_name[c] of the permuted.
        let mut new_name = vec![0i64; num_classes];
        classes.iter().enumerate().for_each(|(new, &old)| new_name[old as usize] = new as i64);
        let permuted_counts: Vec<u64> = classes.iter().map(|&old| counts[old as usize]).collect();
        let [mut plain, mut shifted, mut reordered] = [(); 3].map(|()| CarLoss::new(&counts, options).unwrap());
        let mut renamed = CarLoss::new(&permuted_counts, options).unwrap();
        for _ in 0..3 {
            let (logits, targets) = batch(&mut rng, 10, num_classes);
            let (value, gradient) = value_and_gradient(&mut plain, &logits, &targets);
            let singular_values = Vec::<f64>::try_from(
                (plain.ema() * Tensor::from_slice(plain.class_weights().values())).svd(true, true).1
            ).unwrap();
            let simple = singular_values[0] - singular_values[1] > 1e-3 * singular_values[0];
            let close = |(other, other_gradient): (f64, Tensor), expected: &Tensor| {
                (value - other).abs() < 1e-9 && (!simple || distance(&other_gradient, expected) < 1e-7)
            };
            let shifts = Tensor::from_slice(&(0..10).map(|_| rng.random_range(-5.0..5.0)).collect::<Vec<f64>>());
            let found = value_and_gradient(&mut shifted, &(&logits + shifts.unsqueeze(1)), &targets);
            prop_assert!(close(found, &gradient));
            let mut order: Vec<i64> = (0..10).collect();
            order.shuffle(&mut rng);
            let order = Tensor::from_slice(&order);
            let found = value_and_gradient(
                &mut reordered, &logits.index_select(0, &order), &targets.index_select(0, &order)
            );
            prop_assert!(close(found, &gradient.index_select(0, &order)));
            let columns = Tensor::from_slice(&classes);
            let found = value_and_gradient(
                &mut renamed,
                &logits.index_select(1, &columns),
                &Tensor::from_slice(&new_name).index_select(0, &targets)
            );
            prop_assert!(close(found, &gradient.index_select(1, &columns)));
        }
    }

    #[test]
    fn a_restored_state_goes_on_bit_for_bit(
        options in any_options(), seed: u64, num_classes in 2usize..40, single: bool
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let kind = if single { Kind::Float } else { Kind::Double };
        let counts = vec![7; num_classes];
        let mut first = CarLoss::new(&counts, options).unwrap();
        for _ in 0..3 {
            let (logits, targets) = batch(&mut rng, 6, num_classes);
            let _ = first.forward(&logits.to_kind(kind), &targets).unwrap();
        }
        let mut second = CarLoss::new(&counts, options).unwrap();
        second.set_state(&first.state()).unwrap();
        prop_assert!(first.ema().equal(&second.ema()));
        for _ in 0..3 {
            let (logits, targets) = batch(&mut rng, 6, num_classes);
            let logits = logits.to_kind(kind);
            let found = value_and_gradient(&mut first, &logits, &targets);
            let again = value_and_gradient(&mut second, &logits, &targets);
            prop_assert!(found.0 == again.0 && found.1.equal(&again.1));
        }
        for (name, tensor) in first.state() {
            prop_assert!(tensor.equal(&second.state()[&name]), "{name}");
        }
    }

    #[test]
    fn single_and_double_precision_agree(options in any_options(), seed: u64, num_classes in 2usize..30) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let counts: Vec<u64> = (1..=num_classes as u64).map(|rank| 1000 / rank).collect();
        let [mut single, mut double] = [(); 2].map(|()| CarLoss::new(&counts, options).unwrap());
        for _ in 0..4 {
            let (logits, targets) = batch(&mut rng, 16, num_classes);
            let logits = logits.to_kind(Kind::Float);
            let (value, gradient) = value_and_gradient(&mut double, &logits.to_kind(Kind::Double), &targets);
            let (rough, rough_gradient) = value_and_gradient(&mut single, &logits, &targets);
            prop_assert!((rough - value).abs() <= 1e-5 * value, "{rough} {value}");
            let weighted = double.ema() * Tensor::from_slice(double.class_weights().values());
            let values = Vec::<f64>::try_from(weighted.svd(true, true).1).unwrap();
            if values[0] - values[1] > 0.1 * values[0] {
                prop_assert!(distance(&rough_gradient.to_kind(Kind::Double), &gradient) < 1e-4);
            }
        }
        prop_assert!(distance(&single.ema().to_kind(Kind::Double), &double.ema()) < 1e-5);
    }
}

fn example(seed: u64) -> (Tensor, Tensor) {
    batch(&mut ChaCha8Rng::seed_from_u64(seed), 8, 4)
}

fn paper() -> CarLoss {
    CarLoss::new(&[40, 30, 20, 10], CarOptions::paper()).unwrap()
}

#[test]
fn the_total_is_cross_entropy_plus_alpha_times_the_spectral_term() {
    let (logits, targets) = example(1);
    let logits = logits.set_requires_grad(true);
    let (total, parts) = paper().forward(&logits, &targets).unwrap();
    let regulariser = paper().regulariser(&logits, &targets).unwrap();
    let plain = cross_entropy(&logits, &targets);
    assert!(!parts.cross_entropy.requires_grad() && !parts.spectral.requires_grad());
    assert!(distance(&parts.cross_entropy, &plain) < 1e-14 && distance(&parts.spectral, &regulariser) < 1e-14);
    let gradient = |value: Tensor| Tensor::run_backward(&[value], &[&logits], true, false).remove(0);
    let expected = plain + regulariser * 0.5;
    assert!(distance(&total, &expected) < 1e-14 && distance(&gradient(total), &gradient(expected)) < 1e-14);
}

#[test]
fn a_first_batch_taken_as_a_constant_leaves_the_gradient_of_cross_entropy() {
    let (logits, targets) = example(2);
    let logits = logits.set_requires_grad(true);
    let mut loss = CarLoss::new(&[40, 30, 20, 10], CarOptions::official_code()).unwrap();
    let (total, parts) = loss.forward(&logits, &targets).unwrap();
    let gradient = |value: Tensor| Tensor::run_backward(&[value], &[&logits], true, false).remove(0);
    assert!(parts.spectral.double_value(&[]) > 0.0);
    assert!(distance(&gradient(total), &gradient(cross_entropy(&logits, &targets))) < 1e-16);
}

#[test]
fn without_confusion_value_and_gradient_are_zero() {
    let surrogate = SurrogateOptions { competition: Competition::Relu, ..SurrogateOptions::paper(0.1) };
    for start in [EmaStart::Zero, EmaStart::FirstBatch, EmaStart::BiasCorrected] {
        for columns in [EmaColumns::All, EmaColumns::Present] {
            let ema = EmaOptions { beta: 0.5, start, columns };
            let options = CarOptions { surrogate, ema, ..CarOptions::paper() };
            let mut loss = CarLoss::new(&[3, 2, 1], options).unwrap();
            let (logits, targets) = (Tensor::eye(3, CPU) * 5.0, Tensor::from_slice(&[0i64, 1, 2]));
            for _ in 0..3 {
                let (value, gradient) = value_and_gradient(&mut loss, &logits, &targets);
                assert_eq!((value, gradient.abs().max().double_value(&[])), (0.0, 0.0));
            }
            // One confusion later it is there.
            let (value, _) = value_and_gradient(&mut loss, &(&logits * -1.0), &targets);
            assert!(value > 0.1, "{value}");
        }
    }
}

#[test]
fn columns_of_absent_classes_stay_where_only_present_ones_move() {
    let ema = EmaOptions { beta: 0.5, start: EmaStart::BiasCorrected, columns: EmaColumns::Present };
    let mut loss = CarLoss::new(&[4, 3, 2, 1], CarOptions { ema, ..CarOptions::paper() }).unwrap();
    let (logits, _) = example(3);
    let targets = |class: i64| Tensor::full([8], class, (Kind::Int64, Device::Cpu));
    let _ = loss.regulariser(&logits, &targets(2)).unwrap();
    let before = loss.ema();
    let _ = loss.regulariser(&(logits * 0.3), &targets(1)).unwrap();
    let after = loss.ema();
    assert!(before.select(1, 2).equal(&after.select(1, 2)) && after.select(1, 1).max().double_value(&[]) > 0.0);
    assert_eq!(after.select(1, 0).abs().max().double_value(&[]), 0.0);
}

#[test]
fn confusion_far_below_the_root_of_the_smallest_single_is_not_lost() {
    let logits = Tensor::eye(4, CPU) * 30.0 + example(4).0.narrow(0, 0, 4);
    let targets = Tensor::from_slice(&[0i64, 1, 2, 3]);
    let surrogate = SurrogateOptions::official_code();
    let options = CarOptions { surrogate, ..CarOptions::paper() };
    let value = |kind| {
        let mut loss = CarLoss::new(&[4, 3, 2, 1], options).unwrap();
        value_and_gradient(&mut loss, &logits.to_kind(kind), &targets)
    };
    let ((single, single_gradient), (double, double_gradient)) = (value(Kind::Float), value(Kind::Double));
    assert!(double < 1e-21 && double > 1e-30, "{double:e}");
    assert!((single / double - 1.0).abs() < 1e-4, "{single:e} {double:e}");
    assert!(distance(&single_gradient.to_kind(Kind::Double), &double_gradient) < 1e-4 * double);
}

#[test]
fn half_precision_is_raised_and_the_gradient_comes_back_in_it() {
    let (logits, targets) = example(5);
    for kind in [Kind::Half, Kind::BFloat16] {
        let logits = logits.to_kind(kind);
        let (value, gradient) = value_and_gradient(&mut paper(), &logits, &targets);
        let (expected, _) = value_and_gradient(&mut paper(), &logits.to_kind(Kind::Float), &targets);
        assert_eq!((value, gradient.kind()), (expected, kind));
    }
}

#[test]
fn a_single_state_widens_and_a_double_one_refuses() {
    let (logits, targets) = example(6);
    let mut loss = paper();
    let _ = loss.forward(&logits.to_kind(Kind::Float), &targets).unwrap();
    let _ = loss.forward(&logits, &targets).unwrap();
    assert_eq!(loss.ema().kind(), Kind::Double);
    let error = loss.forward(&logits.to_kind(Kind::Half), &targets).unwrap_err();
    assert!(matches!(error, LossError::NarrowerLogits { found: Kind::Half }));
}

fn assert_same_state(a: &BTreeMap<String, Tensor>, b: &BTreeMap<String, Tensor>) {
    assert!(a.keys().eq(b.keys()));
    assert!(a.iter().all(|(name, tensor)| tensor.kind() == b[name].kind() && tensor.equal(&b[name])));
}

#[test]
fn a_refused_batch_is_named_and_leaves_the_state() {
    let (logits, targets) = example(7);
    let mut loss = paper();
    let _ = loss.forward(&logits.to_kind(Kind::Float), &targets).unwrap();
    let before = loss.state();
    let mut refused = |logits: &Tensor, targets: &Tensor, expected: &str| {
        for error in [loss.forward(logits, targets).unwrap_err(), loss.regulariser(logits, targets).unwrap_err()] {
            assert!(error.to_string().contains(expected), "{error}, expected {expected}");
        }
        assert_same_state(&loss.state(), &before);
    };
    let with = |sample: i64, class: i64, value: f64| {
        let logits = logits.copy();
        let _ = logits.get(sample).get(class).fill_(value);
        logits
    };
    refused(&with(3, 2, f64::NAN), &targets, "sample 3 for class 2 is NaN");
    refused(&with(7, 0, f64::INFINITY), &targets, "sample 7 for class 0 is inf");
    refused(&with(0, 1, f64::NEG_INFINITY), &targets, "sample 0 for class 1 is -inf");
    let target = |value: i64| {
        let targets = targets.copy();
        let _ = targets.get(5).fill_(value);
        targets
    };
    refused(&logits, &target(4), "target of sample 5 is 4, expected 0 to 3");
    refused(&logits, &target(-100), "target of sample 5 is -100");
    refused(&logits, &targets.to_kind(Kind::Int), "Int, expected Int64");
    refused(&logits, &targets.narrow(0, 0, 7), "[7], expected [8]");
    refused(&logits, &targets.unsqueeze(1), "[8, 1], expected [8]");
    refused(&logits.narrow(1, 0, 3), &targets, "[8, 3], expected [batch, 4]");
    refused(&logits.get(0), &targets, "[4], expected [batch, 4]");
    refused(&logits.narrow(0, 0, 0), &targets.narrow(0, 0, 0), "empty");
    refused(&logits.to_kind(Kind::Int64), &targets, "Int64, expected Float");
    let mut relu = CarLoss::new(
        &[4, 3, 2, 1],
        CarOptions {
            surrogate: SurrogateOptions { gate: Gate::Relu, ..SurrogateOptions::paper(0.1) },
            ..CarOptions::paper()
        },
    )
    .unwrap();
    let huge = (logits.to_kind(Kind::Float)) * 5e37;
    assert!(matches!(relu.regulariser(&huge, &targets), Err(LossError::Overflow { kind: Kind::Float, .. })));
    assert_eq!(relu.state()[BATCHES].int64_value(&[]), 0);
    assert!(paper().regulariser(&huge, &targets).is_ok());
}

#[test]
fn options_and_counts_are_refused() {
    let new = |counts: &[u64], options| CarLoss::new(counts, options).map(|_| ());
    let paper = CarOptions::paper();
    assert!(matches!(new(&[1, 1], CarOptions { alpha: -1.0, ..paper }), Err(LossError::Options(_))));
    for (counts, r0) in [(&[5][..], 0.2), (&[5, 0], 0.0), (&[0, 0], 0.2), (&[], 0.2)] {
        assert!(matches!(new(counts, CarOptions { r0, ..paper }), Err(LossError::Weights(_))), "{counts:?}");
    }
}

#[test]
fn a_wrong_state_is_named_and_changes_nothing() {
    for columns in [EmaColumns::All, EmaColumns::Present] {
        let ema = EmaOptions { columns, ..CarOptions::paper().ema };
        let mut loss = CarLoss::new(&[4, 3, 2, 1], CarOptions { ema, ..CarOptions::paper() }).unwrap();
        let seen = if columns == EmaColumns::All { BATCHES } else { OCCURRENCES };
        let empty = loss.state();
        let (logits, targets) = example(8);
        let _ = loss.forward(&logits, &targets).unwrap();
        let good = loss.state();
        let mut refused = |name: &str, tensor: Option<Tensor>, expected: &str| {
            let mut state = loss.state();
            match tensor {
                Some(tensor) => state.insert(name.to_owned(), tensor),
                None => state.remove(name),
            };
            let error = loss.set_state(&state).unwrap_err().to_string();
            assert!(error.contains(&format!("`{name}`")) && error.contains(expected), "{error}");
            assert_same_state(&loss.state(), &good);
        };
        for name in [EMA, LEFT, seen, EMA_OPTIONS] {
            refused(name, None, "missing");
            refused(name, Some(Tensor::new()), "missing");
            refused(name, Some(Tensor::zeros([5, 5], CPU)), "shape [5, 5]");
        }
        refused("weight", Some(Tensor::zeros([1], CPU)), "not of this loss");
        refused(EMA, Some(Tensor::full([4, 4], f64::NAN, CPU)), "finite");
        refused(EMA, Some(Tensor::full([4, 4], -1.0, CPU)), "negative");
        let off_diagonal = Tensor::ones([4, 4], CPU) - Tensor::eye(4, CPU);
        refused(EMA, Some(&off_diagonal * f64::MAX), "range");
        refused(EMA, Some(Tensor::full([4, 4], 0.1, CPU)), "diagonal");
        refused(EMA, Some(Tensor::zeros([4, 4], (Kind::Int64, Device::Cpu))), "Int64");
        refused(LEFT, Some(Tensor::full([4], f64::INFINITY, CPU)), "finite");
        refused(LEFT, Some(Tensor::zeros([4], (Kind::Float, Device::Cpu))), "Float");
        for value in [1e155, 1e18, 0.4] {
            refused(LEFT, Some(Tensor::full([4], value, CPU)), "norm");
        }
        refused(seen, Some(&good[seen] - 10), "negative");
        refused(seen, Some(good[seen].full_like(i64::MAX)), "2^53");
        refused(seen, Some(good[seen].full_like(MOST_BATCHES + 1)), "2^53");
        refused(seen, Some(good[seen].zeros_like()), "0 batches for a column");
        refused(EMA_OPTIONS, Some(good[EMA_OPTIONS].to_kind(Kind::Float)), "Float");
        refused(seen, Some(good[seen].to_kind(Kind::Float)), "Float");
        loss.set_state(&empty).unwrap();
        assert_same_state(&loss.state(), &empty);
    }
}

/// In single precision: a norm that overflows, and an average that does so once it is
/// bias-corrected.
#[test]
fn a_state_out_of_the_range_of_f32_is_refused() {
    let start = EmaStart::BiasCorrected;
    let ema = EmaOptions { beta: 0.999_999, start, columns: EmaColumns::All };
    let mut loss = CarLoss::new(&[4, 3, 2, 1], CarOptions { ema, ..CarOptions::paper() }).unwrap();
    let (logits, targets) = example(10);
    let _ = loss.forward(&logits.to_kind(Kind::Float), &targets).unwrap();
    let good = loss.state();
    for (name, tensor, expected) in [
        (LEFT, Tensor::full([4], 2e19, (Kind::Float, Device::Cpu)), "norm"),
        (EMA, &good[EMA] / good[EMA].max() * 1e34, "range of Float"),
    ] {
        let mut state = loss.state();
        state.insert(name.to_owned(), tensor);
        let error = loss.set_state(&state).unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")) && error.contains(expected), "{error}");
    }
    assert_same_state(&loss.state(), &good);
}

#[test]
fn a_state_under_other_options_is_refused_by_their_name() {
    let with = |beta, start, columns| {
        let ema = EmaOptions { beta, start, columns };
        CarLoss::new(&[4, 3, 2, 1], CarOptions { ema, ..CarOptions::paper() }).unwrap()
    };
    use EmaColumns::{All, Present};
    use EmaStart::{BiasCorrected, Zero};
    let (logits, targets) = example(11);
    let mut saved = with(0.5, Zero, All);
    let _ = saved.forward(&logits, &targets).unwrap();
    for (mut other, says) in [
        (with(0.9, Zero, All), "beta 0.5, this loss has 0.9"),
        (with(0.5, BiasCorrected, All), "start 0, this loss has 2"),
        (with(0.5, Zero, Present), "columns 0, this loss has 1"),
    ] {
        let error = other.set_state(&saved.state()).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    with(0.5, Zero, All).set_state(&saved.state()).unwrap();
}

#[test]
fn batches_are_counted_up_to_the_number_that_a_state_may_hold() {
    for columns in [EmaColumns::All, EmaColumns::Present] {
        let ema = EmaOptions { columns, ..CarOptions::paper().ema };
        let mut loss = CarLoss::new(&[4, 3, 2, 1], CarOptions { ema, ..CarOptions::paper() }).unwrap();
        let name = if columns == EmaColumns::All { BATCHES } else { OCCURRENCES };
        let mut state = loss.state();
        let most = state[name].full_like(MOST_BATCHES);
        state.insert(name.to_owned(), most.copy());
        loss.set_state(&state).unwrap();
        let (logits, targets) = example(12);
        let _ = loss.forward(&logits.to_kind(Kind::Float), &targets).unwrap();
        assert!(loss.state()[name].equal(&most));
        loss.set_state(&loss.state()).unwrap();
    }
}

#[test]
fn finite_logits_whose_cross_entropy_overflows_are_refused() {
    let targets = Tensor::from_slice(&[1i64, 2]);
    for (kind, huge) in [(Kind::Float, 1e38), (Kind::Float, 3e38), (Kind::Double, 1.5e308)] {
        let logits = Tensor::from_slice(&[huge, -huge, 0.0, 0.0, huge, -huge]).view([2, 3]).to_kind(kind);
        let mut loss = CarLoss::new(&[3, 2, 1], CarOptions::paper()).unwrap();
        let before = loss.state();
        let error = loss.forward(&logits, &targets).unwrap_err();
        assert!(matches!(error, LossError::Overflow { what: "the loss", .. }), "{error}");
        assert_same_state(&loss.state(), &before);
        // The surrogate holds them, so the regulariser alone is there.
        let (value, gradient) = value_and_gradient(&mut loss, &logits, &targets);
        assert!(value.is_finite() && gradient.isfinite().all().int64_value(&[]) == 1);
    }
}

#[test]
fn undefined_tensors_are_refused() {
    let (logits, targets) = example(13);
    let error = |logits: &Tensor, targets: &Tensor| paper().forward(logits, targets).unwrap_err();
    assert!(matches!(error(&Tensor::new(), &targets), LossError::Undefined { what: "logits" }));
    assert!(matches!(error(&logits, &Tensor::new()), LossError::Undefined { what: "targets" }));
}

/// With a margin of -72 the gate is about 1e-31, and there is nothing else: two hundred batches
/// later as after one.
#[test]
fn faint_confusion_is_kept_where_there_is_no_other() {
    let surrogate = SurrogateOptions { margin: -72.0, ..CarOptions::paper().surrogate };
    let ema = EmaOptions { beta: 0.9, start: EmaStart::BiasCorrected, columns: EmaColumns::Present };
    for columns in [EmaColumns::All, EmaColumns::Present] {
        let options = CarOptions { surrogate, ema: EmaOptions { columns, ..ema }, ..CarOptions::paper() };
        for kind in [Kind::Float, Kind::Double] {
            let mut loss = CarLoss::new(&[4, 3, 2, 1], options).unwrap();
            let logits = Tensor::from_slice(&[0.0, 0.5, -0.5, 0.25, 0.1, 0.0, 0.3, -0.2]).view([2, 4]).to_kind(kind);
            let targets = Tensor::from_slice(&[0i64, 1]);
            let (first, _) = value_and_gradient(&mut loss, &logits, &targets);
            assert!(first > 1e-33 && first < 1e-30, "{first:e}");
            for step in 0..200 {
                let (value, _) = value_and_gradient(&mut loss, &logits, &targets);
                assert!((value / first - 1.0).abs() < 1e-3, "{columns:?} {kind:?} {step}: {value:e}, first {first:e}");
            }
        }
    }
}

#[test]
fn what_is_given_out_does_not_move_with_the_next_batch() {
    let (logits, targets) = example(9);
    let mut loss = paper();
    let (_, parts) = loss.forward(&logits, &targets).unwrap();
    let (ema, state, spectral) = (loss.ema(), loss.state(), parts.spectral.double_value(&[]));
    let copies = (ema.copy(), state[EMA].copy());
    let _ = loss.forward(&(logits * -1.0), &targets).unwrap();
    assert!(ema.equal(&copies.0) && state[EMA].equal(&copies.1));
    assert_eq!(parts.spectral.double_value(&[]), spectral);
}
