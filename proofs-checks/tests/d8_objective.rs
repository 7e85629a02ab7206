//! D8. One step of the objective, L = mean cross-entropy + alpha ‖C̄_t Λ‖₂, and its gradient by the
//! chain rule: with (u, v) the top singular pair of C̄_t Λ, W_ij = u_i v_j lambda_j (S6) times
//! dC̄_t/dC̃_t of column j (S7) is the upstream matrix of D6.
//!
//! *Descent.* With nothing detached the result is the gradient of the batch's own term at fixed
//! history, so a small enough step against it lowers the term where sigma_1 is simple. With the
//! gate detached it is another vector, whose product with the gradient can be negative: a case is
//! shown.
//!
//! The checks rebuild the step from its definition, with the surrogate of `naive`, sums over the
//! past batches for the average, nalgebra's singular values and weights from their formula, and
//! compare values to 1e-12 and gradients with central differences, the history and whatever the
//! options detach held fixed, to 1e-6 of the gradient's norm. All 36 surrogates x 3 starts x 2
//! column rules in every case, where sigma_1 is at least 2 % ahead of sigma_2. Nearer ties are not
//! compared: S6 says what the gradient is there.

mod naive;

use std::cell::Cell;

use car_spectral::car::{CarObjective, CarOptions, CarStep, Competition, EmaColumns, EmaOptions, EmaStart, Gate};
use car_spectral::confusion::WeightForm;
use car_spectral::norms::exact;
use naive::{all_options, away_from_kinks, central_differences, norm, surrogate};
use ndarray::{Array2, ArrayView1, Axis, array};
use proofs_checks::evidence::{Check, Kind, config, up_to};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

type Batch = (Array2<f64>, Vec<usize>);

const STARTS: [EmaStart; 3] = [EmaStart::Zero, EmaStart::FirstBatch, EmaStart::BiasCorrected];

fn step(objective: &mut CarObjective, (logits, labels): &Batch) -> CarStep {
    objective.step(logits.view(), ArrayView1::from(labels)).unwrap()
}

fn counts(labels: &[usize], k: usize) -> Vec<u64> {
    (0..k).map(|class| labels.iter().filter(|&&label| label == class).count() as u64).collect()
}

/// Class counts of a training set, falling.
fn training_counts(k: usize) -> Vec<u64> {
    (0..k).map(|class| 500 / (class as u64 + 1).pow(2)).collect()
}

fn weights(counts: &[u64], r0: f64, form: WeightForm) -> Vec<f64> {
    let total = counts.iter().sum::<u64>() as f64;
    let paper: Vec<f64> = counts.iter().map(|&count| 1.0 / (count as f64 / total + r0).sqrt()).collect();
    let mean = paper.iter().sum::<f64>() / paper.len() as f64;
    match form {
        WeightForm::Paper => paper,
        WeightForm::Official => paper.iter().map(|weight| weight / mean).collect(),
        WeightForm::None => vec![1.0; counts.len()],
    }
}

/// Mean of -ln softmax_y(f).
fn cross_entropy(logits: &Array2<f64>, labels: &[usize]) -> f64 {
    let loss = |(row, &label): (ArrayView1<'_, f64>, &usize)| row.mapv(f64::exp).sum().ln() - row[label];
    logits.outer_iter().zip(labels).map(loss).sum::<f64>() / labels.len() as f64
}

/// The step of the last batch straight from the definitions: C̄ = past + C̃ diag(factor).
struct Definition<'a> {
    batch: &'a Batch,
    options: &'a CarOptions,
    weights: &'a [f64],
    past: Array2<f64>,
    factor: Vec<f64>,
}

impl<'a> Definition<'a> {
    fn new(batches: &'a [Batch], weights: &'a [f64], options: &'a CarOptions) -> Self {
        let (k, EmaOptions { beta, start, columns }) = (weights.len(), options.ema);
        let matrices: Vec<Array2<f64>> =
            batches.iter().map(|(logits, labels)| surrogate(logits, logits, labels, &options.surrogate)).collect();
        let (mut past, mut factor) = (Array2::zeros((k, k)), vec![0.0; k]);
        for (j, factor) in factor.iter_mut().enumerate() {
            let present = |t: usize| columns == EmaColumns::All || counts(&batches[t].1, k)[j] > 0;
            let taken: Vec<usize> = (0..batches.len()).filter(|&t| present(t)).collect();
            let weight = |place: usize| {
                let share = if start == EmaStart::FirstBatch && place == 0 { 1.0 } else { 1.0 - beta };
                share * beta.powi((taken.len() - 1 - place) as i32)
            };
            let total: f64 = (0..taken.len()).map(weight).sum();
            let total = if start == EmaStart::BiasCorrected { total } else { 1.0 };
            for (place, &t) in taken.iter().enumerate() {
                let constant = start == EmaStart::FirstBatch && place == 0;
                if t + 1 == batches.len() && !constant {
                    *factor = weight(place) / total;
                } else {
                    past.column_mut(j).scaled_add(weight(place) / total, &matrices[t].column(j));
                }
            }
        }
        Self { batch: batches.last().unwrap(), options, weights, past, factor }
    }

    /// C̃_t, C̄_t and the spectral term at scores `live` for the batch where the options
    /// differentiate, at its own elsewhere.
    fn at(&self, live: &Array2<f64>) -> (Array2<f64>, Array2<f64>, f64) {
        let batch = surrogate(live, &self.batch.0, &self.batch.1, &self.options.surrogate);
        let average = Array2::from_shape_fn(batch.dim(), |(i, j)| self.past[[i, j]] + self.factor[j] * batch[[i, j]]);
        let weighted = Array2::from_shape_fn(batch.dim(), |(i, j)| average[[i, j]] * self.weights[j]);
        let spectral = exact::largest_singular_value(weighted.view()).unwrap();
        (batch, average, spectral)
    }
}

/// A training run of `steps` batches, the surrogates away from the kinks of the relus.
fn draw(k: usize, steps: usize, margin: f64, seed: u64) -> Vec<Batch> {
    (0..steps).map(|t| away_from_kinks(3 + (seed as usize + t) % 6, k, margin, seed.wrapping_add(t as u64))).collect()
}

/// Values and gradients of the last of one to four steps, all 216 option sets in every case.
#[test]
fn the_whole_chain() {
    let (worst, compared, skipped) = (Cell::new(0.0f64), Cell::new(0), Cell::new(0));
    let gradients = Check::new("D8", "‖∇L − differences‖ ≤ 10⁻⁶ ‖∇L‖ + 10⁻⁹", Kind::Random);
    let values = Check::new("D8", "|L − definition| ≤ 10⁻¹² (1 + |L|)", Kind::Random);
    let forms = prop_oneof![Just(WeightForm::Paper), Just(WeightForm::Official), Just(WeightForm::None)];
    let strategy = (2usize..6, 1usize..5, -0.5..0.5f64, 0.5..3.0f64, 0.0..0.95f64, forms, any::<u64>());
    values.property(file!(), up_to(3000, 32), strategy, |values, (k, steps, margin, temperature, beta, form, seed)| {
        values.case();
        gradients.case();
        let batches = draw(k, steps, margin, seed);
        let training = training_counts(k);
        let weights = weights(&training, 0.3, form);
        let (at, labels) = &batches[steps - 1];
        let entropy = cross_entropy(at, labels);
        let entropy_slope = central_differences(at, 2e-5, |live| cross_entropy(live, labels));
        for surrogate in all_options(margin, temperature) {
            for (start, columns) in STARTS.map(|s| [(s, EmaColumns::All), (s, EmaColumns::Present)]).concat() {
                let ema = EmaOptions { beta, start, columns };
                let options = CarOptions { alpha: 0.7, surrogate, ema, r0: 0.3, weights: form, ..CarOptions::paper() };
                let mut objective = CarObjective::new(&training, options).unwrap();
                let found = batches.iter().map(|batch| step(&mut objective, batch)).last().unwrap();
                let definition = Definition::new(&batches, &weights, &options);
                let (batch, average, spectral) = definition.at(at);
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
                prop_assert!(close(found.cross_entropy, entropy));
                prop_assert!(close(found.penalty.value, spectral), "{} for {spectral}", found.penalty.value);
                let total = entropy + 0.7 * spectral;
                prop_assert!(close(found.total, total));
                values.at_least((found.total - total).abs() / (1e-12 * (1.0 + total.abs())));
                prop_assert!(norm(&(&found.batch - &batch)) <= 1e-12);
                prop_assert!(norm(&(&found.confusion - &average)) <= 1e-12);
                if start == EmaStart::FirstBatch && steps == 1 {
                    prop_assert_eq!(norm(&found.penalty_gradient), 0.0);
                }
                if spectral > 0.0 && found.penalty.relative_gap < 0.02 {
                    skipped.set(skipped.get() + 1);
                    continue;
                }
                let term = central_differences(at, 2e-5, |live| definition.at(live).2);
                let total = &entropy_slope + &(&term * 0.7);
                for (found, expected) in [(&found.penalty_gradient, term), (&found.gradient, total)] {
                    let error = norm(&(found - &expected));
                    let allowed = 1e-6 * norm(found) + 1e-9;
                    prop_assert!(error <= allowed, "{options:?}: {found} against {expected}");
                    gradients.at_least(error / allowed);
                    if norm(found) > 1e-3 {
                        worst.set(worst.get().max(error / norm(found)));
                    }
                }
                compared.set(compared.get() + 1);
            }
        }
        Ok(())
    });
    gradients.passed();
    println!("worst relative error of a gradient: {:.1e}", worst.get());
    println!("steps compared: {}, near-ties left out: {}", compared.get(), skipped.get());
}

/// Nothing detached: a move of length 1e-6 against the spectral gradient lowers the term by
/// 1e-6 ‖gradient‖, here by nine tenths of it at least.
#[test]
fn a_step_against_the_gradient_lowers_the_term() {
    let check = Check::new("D8", "0.9 t ‖∇R‖ ≤ R(f) − R(f − t ∇R/‖∇R‖), nothing detached", Kind::Random);
    check.property(
        file!(),
        256,
        (2usize..6, 0usize..3, any::<bool>(), any::<u64>()),
        |check, (k, before, corrected, seed)| {
            let batches = draw(k, before + 1, 0.1, seed);
            let start = if corrected { EmaStart::BiasCorrected } else { EmaStart::Zero };
            for surrogate in all_options(0.1, 1.0).into_iter().filter(|o| o.gate_gradient && o.baseline_gradient) {
                let ema = EmaOptions { beta: 0.5, start, columns: EmaColumns::All };
                let mut objective =
                    CarObjective::new(&training_counts(k), CarOptions { surrogate, ema, ..CarOptions::paper() })
                        .unwrap();
                batches[..before].iter().for_each(|batch| drop(step(&mut objective, batch)));
                let (logits, labels) = &batches[before];
                let here = step(&mut objective.clone(), &batches[before]);
                let length = norm(&here.penalty_gradient);
                if length < 0.01 || here.penalty.relative_gap < 0.02 {
                    continue;
                }
                let moved = logits - &(&here.penalty_gradient * (1e-6 / length));
                let there = step(&mut objective.clone(), &(moved, labels.clone()));
                let lowered = here.penalty.value - there.penalty.value;
                prop_assert!(lowered > 0.9e-6 * length);
                check.ratio(0.9e-6 * length, lowered);
            }
            Ok(())
        },
    );
}

proptest! {
    #![proptest_config(config(up_to(4000, 256)))]

    /// Scores in steps of 2^-10 and whole shifts: the loss and all gradients are the same to the
    /// last bit, step after step.
    #[test]
    fn shifted_rows_change_nothing(k in 2usize..6, seed in any::<u64>(), columns in any::<bool>()) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let columns = if columns { EmaColumns::All } else { EmaColumns::Present };
        for surrogate in all_options(0.1, 1.0) {
            let ema = EmaOptions { beta: 0.5, start: EmaStart::FirstBatch, columns };
            let options = CarOptions { surrogate, ema, ..CarOptions::official_code() };
            let mut here = CarObjective::new(&training_counts(k), options).unwrap();
            let mut there = here.clone();
            for _ in 0..3 {
                let labels: Vec<usize> = (0..5).map(|_| rng.random_range(0..k)).collect();
                let logits = Array2::from_shape_simple_fn((5, k), || f64::from(rng.random_range(-4096..4096)) / 1024.0);
                let shifts = Array2::from_shape_simple_fn((5, 1), || f64::from(rng.random_range(-1000..1000)));
                let (a, b) = (step(&mut here, &(logits.clone(), labels.clone())), step(&mut there, &(logits + shifts, labels)));
                prop_assert_eq!(a.total, b.total);
                prop_assert_eq!(a.gradient, b.gradient);
                prop_assert_eq!(a.penalty_gradient, b.penalty_gradient);
            }
        }
    }

    /// Classes renamed in scores, labels and training counts: the same loss, matrices and gradients
    /// renamed.
    #[test]
    fn classes_in_any_order(k in 2usize..6, seed in any::<u64>()) {
        let mut order: Vec<usize> = (0..k).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let position = |class: usize| order.iter().position(|&c| c == class).unwrap();
        let batches = draw(k, 3, 0.1, seed);
        let training = training_counts(k);
        let renamed: Vec<u64> = order.iter().map(|&class| training[class]).collect();
        for (surrogate, start) in all_options(0.1, 1.0).into_iter().zip(STARTS.into_iter().cycle()) {
            for columns in [EmaColumns::All, EmaColumns::Present] {
                let options = CarOptions { surrogate, ema: EmaOptions { beta: 0.5, start, columns }, ..CarOptions::paper() };
                let mut here = CarObjective::new(&training, options).unwrap();
                let mut there = CarObjective::new(&renamed, options).unwrap();
                for (logits, labels) in &batches {
                    let a = step(&mut here, &(logits.clone(), labels.clone()));
                    let labels = labels.iter().map(|&label| position(label)).collect();
                    let b = step(&mut there, &(logits.select(Axis(1), &order), labels));
                    prop_assert!((a.total - b.total).abs() <= 1e-12 * a.total);
                    let confusion = a.confusion.select(Axis(0), &order).select(Axis(1), &order);
                    prop_assert!(norm(&(confusion - &b.confusion)) <= 1e-12);
                    if a.penalty.relative_gap > 0.02 {
                        prop_assert!(norm(&(a.gradient.select(Axis(1), &order) - &b.gradient)) <= 1e-10);
                    }
                }
            }
        }
    }
}

/// A stop-gradient really stops: with the gate detached the result is not the slope of the value,
/// with everything differentiated it is. And a first batch taken as a constant passes nothing on,
/// although the value depends on it.
#[test]
fn what_is_detached_is_not_differentiated() {
    let batches = draw(4, 2, 0.1, 3);
    let difference = |options: CarOptions, steps: usize| {
        let mut objective = CarObjective::new(&[50, 20, 10, 5], options).unwrap();
        batches[..steps - 1].iter().for_each(|batch| drop(step(&mut objective, batch)));
        let (at, labels) = &batches[steps - 1];
        // Nothing is held here: the library's own value.
        let value = |live: &Array2<f64>| step(&mut objective.clone(), &(live.clone(), labels.clone())).penalty.value;
        let slope = central_differences(at, 2e-5, value);
        let found = step(&mut objective.clone(), &batches[steps - 1]).penalty_gradient;
        (norm(&(&found - &slope)) / norm(&slope), norm(&found))
    };
    let with = |gate, competition, gate_gradient, baseline_gradient| {
        let paper = CarOptions::paper();
        let surrogate = car_spectral::car::SurrogateOptions {
            gate,
            competition,
            gate_gradient,
            baseline_gradient,
            ..paper.surrogate
        };
        CarOptions { surrogate, ..paper }
    };
    for competition in [Competition::SoftmaxAll, Competition::SoftmaxCompetitors, Competition::Relu] {
        for gate in [Gate::Sigmoid, Gate::Relu] {
            assert!(difference(with(gate, competition, true, true), 2).0 < 1e-6);
            assert!(difference(with(gate, competition, false, true), 2).0 > 0.2);
        }
    }
    assert!(difference(with(Gate::Sigmoid, Competition::Relu, true, false), 2).0 > 0.01);
    // A softmax does not notice the baseline.
    assert!(difference(with(Gate::Sigmoid, Competition::SoftmaxAll, true, false), 2).0 < 1e-6);
    let official = CarOptions::official_code();
    assert_eq!(difference(official, 1), (1.0, 0.0));
    assert!(difference(official, 2).1 > 1e-3);
}

/// With the gate detached, as the authors' code has it, a step may raise the term: two competitors
/// lead by 3 and 0.85, the temperature is 10. The softmax moves scores from the first to the
/// second, whose gate, much the steeper there, opens by more. Differentiated, the step lowers the
/// term.
#[test]
fn a_detached_gate_can_climb() {
    let batch: Batch = (array![[0.0, 3.0, 0.85]], vec![0]);
    let check = Check::new("D8", "R(f − t ∇R) ≤ R(f) with the gate detached", Kind::Necessity);
    let change = |gate_gradient| {
        let mut options = CarOptions::paper();
        options.surrogate.margin = 0.0;
        options.surrogate.temperature = 10.0;
        options.surrogate.gate_gradient = gate_gradient;
        let objective = CarObjective::new(&[10, 10, 10], options).unwrap();
        let here = step(&mut objective.clone(), &batch);
        let there = step(&mut objective.clone(), &(&batch.0 - &here.penalty_gradient, batch.1.clone()));
        (there.penalty.value - here.penalty.value, there.penalty.value / here.penalty.value)
    };
    println!("change of the term: detached {:.3e}, differentiated {:.3e}", change(false).0, change(true).0);
    assert!(change(false).0 > 1e-5 && change(true).0 < -1e-4);
    check.ratio(change(false).1, 1.0);
    check.passed();
}
