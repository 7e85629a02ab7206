//! D6. c̃_ij = (1/m_j) sum over the samples of class j of G(g + f_i - f_j) P_i(f), i != j, and its
//! gradient.
//!
//! *Gradient.* Product and quotient rule, sample by sample (THEORY.md, D6); what the options detach
//! is a constant. *Range.* 0 <= G <= 1 but for the relu gate, and sum over i != j of P_i <= 1:
//! columns sum to at most 1. *Row sums of the gradient.* A row of scores moved by t changes no
//! difference f_i - f_k, so every part that is differentiated in all scores it subtracts is
//! constant along (1, ..., 1), and so is one that is not differentiated at all: the rows of the
//! gradient sum to 0. This leaves the relu competition with f_j detached: its n leads all grow by
//! t, P_i = (r_i + t)/(s + n t), dP_i/dt = (1 - n P_i)/s. With a_i = W_ij G_i/m_j a row sums to
//! (sum of a over the leaders - n sum_i a_i P_i)/s: 0 for n <= 1 or equal a_i, not else. *Limit.*
//! Scores s f with s to infinity and no ties: a softmax tends to its argmax, exponentially in s,
//! and the sigmoid to [f_i > f_j]; where the product is the hard matrix C_0 and where it is not
//! stands at the tests.
//!
//! The checks compare with an independent implementation of the definition, in value to 1e-12 and
//! in gradient by central differences to 1e-6 of the gradient's norm, away from the kinks of the
//! relus. They show no sign, factor or detached part to be wrong there; they cannot see an error
//! below these tolerances, and say nothing about the kinks themselves. A search drives a column's
//! sum to its bound for each of the six option sets that have one. Nothing is decided in rational
//! numbers: sigmoid and softmax are not rational.

mod naive;

use std::cell::Cell;

use car_spectral::car::{Competition, Gate, Surrogate, SurrogateOptions, surrogate_confusion};
use car_spectral::confusion::{MarginCounts, MarginGrid};
use naive::{all_options, away_from_kinks, central_differences, norm, surrogate};
use ndarray::{Array1, Array2, ArrayView1, Axis, array};
use proofs_checks::evidence::{Check, Kind, config, up_to};
use proofs_checks::search::Search;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const COLUMN: &str = "Σ_i c̃_ij ≤ 1, gate sigmoid or 1";

fn upstream(k: usize, seed: u64) -> Array2<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(!seed);
    Array2::from_shape_simple_fn((k, k), || rng.random_range(-1.0..1.0))
}

fn library(logits: &Array2<f64>, labels: &[usize], options: &SurrogateOptions) -> Surrogate {
    Surrogate::new(logits.view(), ArrayView1::from(labels), options).unwrap()
}

/// <W, C>, the diagonal of W left out.
fn product(w: &Array2<f64>, c: &Array2<f64>) -> f64 {
    w.indexed_iter().filter(|((i, j), _)| i != j).map(|(place, w)| w * c[place]).sum()
}

/// Value to 1e-12 and gradient to 1e-6, for all 36 option sets in every case.
#[test]
fn value_and_gradient() {
    let (worst_gradient, compared) = (Cell::new(0.0f64), Cell::new(0));
    let margins = prop_oneof![Just(0.0), -1.0..1.0f64];
    let strategy = (2usize..7, 1usize..9, margins, 0.4..4.0f64, any::<u64>());
    let gradients = Check::new("D6", "‖∇⟨W, C̃⟩ − differences‖ ≤ 10⁻⁶ ‖∇⟨W, C̃⟩‖ + 10⁻⁹", Kind::Random);
    let values = Check::new("D6", "|c̃_ij − definition| ≤ 10⁻¹²", Kind::Random);
    values.property(file!(), up_to(40_000, 256), strategy, |values, (k, samples, margin, temperature, seed)| {
        let (logits, labels) = away_from_kinks(samples, k, margin, seed);
        let w = upstream(k, seed);
        values.case();
        gradients.case();
        for options in all_options(margin, temperature) {
            let found = library(&logits, &labels, &options);
            let expected = surrogate(&logits, &logits, &labels, &options);
            let error = (&found.confusion() - &expected).iter().fold(0.0f64, |worst, x| worst.max(x.abs()));
            prop_assert!(error <= 1e-12, "{options:?}: off by {error:e}");
            values.at_least(error / 1e-12);
            // The one that streams is the same to the last bit.
            let streamed = surrogate_confusion(logits.view(), ArrayView1::from(&labels), &options).unwrap();
            prop_assert_eq!(streamed.to_dense(), found.confusion());

            let gradient = found.gradient(w.view()).unwrap();
            let value = |live: &Array2<f64>| product(&w, &surrogate(live, &logits, &labels, &options));
            let differences = central_differences(&logits, 2e-5, value);
            let error = norm(&(&gradient - &differences));
            // The differences themselves are off by about 2^-53/h.
            let allowed = 1e-6 * norm(&gradient) + 1e-9;
            prop_assert!(error <= allowed, "{options:?}: {gradient} against {differences}");
            gradients.at_least(error / allowed);
            if norm(&gradient) > 1e-3 {
                worst_gradient.set(worst_gradient.get().max(error / norm(&gradient)));
                compared.set(compared.get() + 1);
            }
        }
        Ok(())
    });
    gradients.passed();
    println!("worst relative error of a gradient: {:.1e}", worst_gradient.get());
    println!("gradients above 1e-3 compared: {}", compared.get());
}

/// Scores are multiples of 2^-10 and shifts whole numbers, so that the differences do not move at
/// all.
#[test]
fn shifted_rows_change_nothing() {
    let check = Check::new("D6", "|Σ_k ∂⟨W, C̃⟩/∂f_k − (b)| ≤ 10⁻¹¹", Kind::Random);
    let strategy = (2usize..7, 1usize..9, -1.0..1.0f64, any::<u64>());
    check.property(file!(), 256, strategy, |check, (k, samples, margin, seed)| {
        check.case();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let labels: Vec<usize> = (0..samples).map(|_| rng.random_range(0..k)).collect();
        let logits = Array2::from_shape_simple_fn((samples, k), || f64::from(rng.random_range(-4096..4096)) / 1024.0);
        let shifts = Array2::from_shape_simple_fn((samples, 1), || f64::from(rng.random_range(-1000..1000)));
        let shifted = &logits + &shifts;
        let w = upstream(k, seed);
        for options in all_options(margin, 0.7) {
            let (here, there) = (library(&logits, &labels, &options), library(&shifted, &labels, &options));
            prop_assert_eq!(here.confusion(), there.confusion());
            let gradient = here.gradient(w.view()).unwrap();
            prop_assert_eq!(&gradient, &there.gradient(w.view()).unwrap());
            for (q, row) in gradient.rows().into_iter().enumerate() {
                let expected = row_sum(&logits, &labels, q, &w, &options);
                check.at_least((row.sum() - expected).abs() / 1e-11);
                prop_assert!((row.sum() - expected).abs() <= 1e-11, "{:?}: {} for {expected}", options, row.sum());
            }
        }
        Ok(())
    });
}

/// Ties, kinks and scores far apart included.
#[test]
fn columns_sum_to_at_most_one() {
    let check = Check::new("D6", COLUMN, Kind::Random);
    let strategy = (2usize..7, 1usize..9, -3..6i32, -2.0..2.0f64, any::<u64>());
    check.property(file!(), 256, strategy, |check, (k, samples, spread, margin, seed)| {
        check.case();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let labels: Vec<usize> = (0..samples).map(|_| rng.random_range(0..k)).collect();
        let scale = 10f64.powi(spread);
        let logits = Array2::from_shape_simple_fn((samples, k), || scale * f64::from(rng.random_range(-5..=5)));
        for options in all_options(margin, 1.0) {
            let matrix = library(&logits, &labels, &options).confusion().to_owned();
            prop_assert!(matrix.iter().all(|&entry| entry >= 0.0));
            prop_assert!(matrix.diag().iter().all(|&entry| entry == 0.0));
            for (class, column) in matrix.columns().into_iter().enumerate() {
                if !labels.contains(&class) {
                    prop_assert_eq!(column.sum(), 0.0);
                }
                // K + N + 2 roundings, none of them above half a unit of 1.
                if options.gate != Gate::Relu {
                    prop_assert!(column.sum() <= 1.0 + 20.0 * f64::EPSILON);
                    check.at_least(column.sum());
                }
            }
        }
        Ok(())
    });
}

/// One sample of class 0, scores from -20 to 20, margin from -2 to 2, temperature from 0.1 to 4.
/// The sum 1 is approached where a competitor leads by far.
#[test]
fn the_search_fills_a_column() {
    let check = Check::new("D6", COLUMN, Kind::Search);
    for gate in [Gate::Sigmoid, Gate::One] {
        for competition in [Competition::SoftmaxAll, Competition::SoftmaxCompetitors, Competition::Relu] {
            for k in 2usize..6 {
                let found = Search { starts: 2, evaluations: 1500, seed: k as u64 }.maximise(k + 2, |x| {
                    let logits = Array2::from_shape_fn((1, k), |(_, i)| 40.0 * x[i] - 20.0);
                    let options = SurrogateOptions {
                        temperature: 0.1 + 3.9 * x[k],
                        gate,
                        competition,
                        ..SurrogateOptions::paper(4.0 * x[k + 1] - 2.0)
                    };
                    library(&logits, &[0], &options).confusion().column(0).sum()
                });
                check.cases_at(found.evaluations, found.value);
                let range = 1.0 - 1e-6..=1.0 + 20.0 * f64::EPSILON;
                assert!(range.contains(&found.value), "{gate:?}, {competition:?}, K = {k}: {found:?}");
            }
        }
    }
    check.passed();
}

/// Sigmoid gate with either softmax, and no gate with the softmax over all: C_0 in the limit,
/// whatever the margin. With q the smallest difference between two scores of a sample, the largest
/// share misses 1 by at most (K-1) e^(-sq/tau) and the gate its limit by e^(|g|-sq), so a column
/// misses by 2 (K-1) e^(-sq/tau) + e^(|g|-sq).
#[test]
fn large_scores_give_the_hard_matrix() {
    let check = Check::new("D6", "‖C̃(sf) − C₀‖₁ ≤ 2(K−1) e^(−sq/τ) + e^(|g| − sq)", Kind::Random);
    let strategy = (2usize..7, 1usize..9, -1.0..1.0f64, 0.4..4.0f64, any::<u64>());
    check.property(file!(), 256, strategy, |check, (k, samples, margin, temperature, seed)| {
        check.case();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let labels: Vec<usize> = (0..samples).map(|_| rng.random_range(0..k)).collect();
        let steps: Vec<i32> = (-300..300).collect();
        let mut logits = Array2::zeros((samples, k));
        for mut row in logits.rows_mut() {
            let mut steps = steps.clone();
            let (chosen, _) = steps.partial_shuffle(&mut rng, k);
            row.iter_mut().zip(chosen).for_each(|(score, &mut step)| *score = f64::from(step) / 128.0);
        }
        let smallest = logits
            .rows()
            .into_iter()
            .flat_map(|row| {
                let row = row.to_vec();
                let pairs = (0..k).flat_map(move |a| (0..a).map(move |b| (a, b)));
                pairs.map(move |(a, b)| (row[a] - row[b]).abs()).collect::<Vec<f64>>()
            })
            .fold(f64::INFINITY, f64::min);
        let hard = hard(&logits, &labels, 0.0);
        for (gate, competition) in [
            (Gate::Sigmoid, Competition::SoftmaxAll),
            (Gate::Sigmoid, Competition::SoftmaxCompetitors),
            (Gate::One, Competition::SoftmaxAll),
        ] {
            let options = SurrogateOptions { temperature, gate, competition, ..SurrogateOptions::paper(margin) };
            for scale in (1..=6).map(|power| 10f64.powi(power)) {
                let soft = library(&(&logits * scale), &labels, &options).confusion().to_owned();
                let worst = (&soft - &hard)
                    .columns()
                    .into_iter()
                    .map(|column| column.iter().map(|x| x.abs()).sum::<f64>())
                    .fold(0.0, f64::max);
                let bound = 2.0 * (k - 1) as f64 * (-scale * smallest / temperature).exp()
                    + (margin.abs() - scale * smallest).exp();
                prop_assert!(worst <= bound + 1e-14, "{options:?}, scores x {scale}: {worst:e} above {bound:e}");
                prop_assert!(scale < 1e6 || worst < 1e-14);
                // Where the bound is not rounding itself.
                if bound > 1e-6 {
                    check.at_least(worst / bound);
                }
            }
        }
        Ok(())
    });
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn samples_and_classes_in_any_order(k in 2usize..7, samples in 1usize..9, seed in any::<u64>()) {
        let (logits, labels) = away_from_kinks(samples, k, 0.1, seed);
        let w = upstream(k, seed);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (mut rows, mut classes): (Vec<usize>, Vec<usize>) = ((0..samples).collect(), (0..k).collect());
        rows.shuffle(&mut rng);
        classes.shuffle(&mut rng);
        let logits_by_row = logits.select(Axis(0), &rows);
        let labels_by_row: Vec<usize> = rows.iter().map(|&q| labels[q]).collect();
        // Class c is called position(c) from now on.
        let position = |class: usize| classes.iter().position(|&c| c == class).unwrap();
        let rename = |matrix: &Array2<f64>| matrix.select(Axis(0), &classes).select(Axis(1), &classes);
        let logits_renamed = logits.select(Axis(1), &classes);
        let labels_renamed: Vec<usize> = labels.iter().map(|&label| position(label)).collect();
        for options in all_options(0.1, 1.5) {
            let found = library(&logits, &labels, &options);
            let (matrix, gradient) = (found.confusion().to_owned(), found.gradient(w.view()).unwrap());
            let other = library(&logits_by_row, &labels_by_row, &options);
            prop_assert!(norm(&(&other.confusion() - &matrix)) <= 1e-13);
            prop_assert_eq!(other.gradient(w.view()).unwrap(), gradient.select(Axis(0), &rows));
            let other = library(&logits_renamed, &labels_renamed, &options);
            prop_assert!(norm(&(&other.confusion() - &rename(&matrix))) <= 1e-13);
            let error = &other.gradient(rename(&w).view()).unwrap() - &gradient.select(Axis(1), &classes);
            prop_assert!(norm(&error) <= 1e-11);
        }
    }

    /// Temperatures from 1e-3 to 1e300, margins and scores to 1e300, ties and infinite differences:
    /// value and gradient of both softmaxes stay finite. (The relu competition cannot: see
    /// `relu_shares_are_as_steep_as_their_leads_are_small`.)
    #[test]
    fn softmaxes_stay_finite(k in 2usize..6, samples in 1usize..6, seed in any::<u64>()) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let sizes = [0.0, 5e-324, 1e-300, 1e-8, 1.0, 37.0, 750.0, 1e16, 1e150, 1e300, f64::MAX];
        let mut extreme = || if rng.random() { 1.0 } else { -1.0 } * sizes[rng.random_range(0..sizes.len())];
        let logits = Array2::from_shape_simple_fn((samples, k), &mut extreme);
        let margin = extreme();
        let labels: Vec<usize> = (0..samples).map(|q| q % k).collect();
        for temperature in [1e-3, 1.0, 1e3, 1e16, 1e300, f64::MAX] {
            let sets = all_options(margin, temperature).into_iter();
            for options in sets.filter(|o| o.gate != Gate::Relu && o.competition != Competition::Relu) {
                let found = library(&logits, &labels, &options);
                prop_assert!(found.confusion().iter().all(|&x| (0.0..=1.0 + 1e-14).contains(&x)));
                prop_assert!(found.gradient(upstream(k, seed).view()).unwrap().iter().all(|x| x.is_finite()));
            }
        }
    }
}

/// The sum of row q of the gradient by the formula at the head of this file.
fn row_sum(logits: &Array2<f64>, labels: &[usize], q: usize, w: &Array2<f64>, options: &SurrogateOptions) -> f64 {
    if options.competition != Competition::Relu || options.baseline_gradient {
        return 0.0;
    }
    let j = labels[q];
    let size = labels.iter().filter(|&&label| label == j).count() as f64;
    let leads: Vec<(usize, f64)> = logits.row(q).iter().map(|score| score - logits[[q, j]]).enumerate().collect();
    let leaders: Vec<(usize, f64)> = leads.into_iter().filter(|&(_, lead)| lead > 0.0).collect();
    let a = |i: usize, lead: f64| {
        let gate = match options.gate {
            Gate::Sigmoid => 0.5 * (1.0 + ((options.margin + lead) / 2.0).tanh()),
            Gate::One => 1.0,
            Gate::Relu => (options.margin + lead).max(0.0),
        };
        w[[i, j]] * gate / size
    };
    let s: f64 = leaders.iter().map(|(_, lead)| lead).sum();
    let sum: f64 = leaders.iter().map(|&(i, lead)| a(i, lead)).sum();
    let mean: f64 = leaders.iter().map(|&(i, lead)| a(i, lead) * lead / s).sum();
    if leaders.is_empty() { 0.0 } else { (sum - leaders.len() as f64 * mean) / s }
}

/// C_g by the library's exact counts.
fn hard(logits: &Array2<f64>, labels: &[usize], g: f64) -> Array2<f64> {
    let mut counts = MarginCounts::new(logits.ncols(), &MarginGrid::new(&[0.0, g]).unwrap()).unwrap();
    counts.add_batch(logits.view(), ArrayView1::from(labels)).unwrap();
    counts.margin_confusion(counts.grid().position(g).unwrap()).to_dense()
}

fn options(gate: Gate, competition: Competition) -> SurrogateOptions {
    SurrogateOptions { gate, competition, ..SurrogateOptions::paper(0.0) }
}

/// The column of class 0 for scores s f, one sample.
fn column(row: [f64; 4], s: f64, options: &SurrogateOptions) -> Array1<f64> {
    library(&(Array2::from(vec![row]) * s), &[0], options).confusion().column(0).to_owned()
}

/// A sample whose classes 1 and 2 lead by 1 and 3, and one that is right.
const WRONG: [f64; 4] = [0.0, 1.0, 3.0, -1.0];
const RIGHT: [f64; 4] = [5.0, 1.0, 3.0, -1.0];

fn close(found: Array1<f64>, expected: [f64; 4]) {
    assert!((&found - &Array1::from(expected.to_vec())).iter().all(|x| x.abs() <= 1e-12), "{found} for {expected:?}");
}

/// Without a gate the softmax over the competitors alone tends to 1 at i* for every sample, right
/// or wrong.
#[test]
fn no_gate_and_competitors_only_count_right_answers_too() {
    let options = options(Gate::One, Competition::SoftmaxCompetitors);
    close(column(RIGHT, 1e3, &options), [0.0, 0.0, 1.0, 0.0]);
    close(column(WRONG, 1e3, &options), [0.0, 0.0, 1.0, 0.0]);
    assert_eq!(hard(&array![RIGHT], &[0], 0.0).sum(), 0.0);
}

/// Relu shares do not sharpen: d_i/sum d stays as the scores grow. The column sum, the error, is
/// right in the limit; the matrix is not, unless a single class leads.
#[test]
fn relu_shares_are_split_by_leads() {
    for gate in [Gate::Sigmoid, Gate::One] {
        let options = options(gate, Competition::Relu);
        close(column(WRONG, 1e6, &options), [0.0, 0.25, 0.75, 0.0]);
        close(column(RIGHT, 1e6, &options), [0.0; 4]);
        close(column([0.0, -1.0, 3.0, -1.0], 1e6, &options), [0.0, 0.0, 1.0, 0.0]);
    }
}

/// The relu gate grows with the scores: s (f_i* - f_j) at i* with a softmax, s d_i^2/sum d with
/// relu shares.
#[test]
fn the_relu_gate_diverges_on_errors() {
    for competition in [Competition::SoftmaxAll, Competition::SoftmaxCompetitors] {
        let options = options(Gate::Relu, competition);
        close(column(WRONG, 1e3, &options) / 1e3, [0.0, 0.0, 3.0, 0.0]);
        close(column(RIGHT, 1e3, &options), [0.0; 4]);
    }
    let options = options(Gate::Relu, Competition::Relu);
    for scale in [1.0, 1e3, 1e6] {
        close(column(WRONG, scale, &options) / scale, [0.0, 0.25, 2.25, 0.0]);
        close(column(RIGHT, scale, &options), [0.0; 4]);
    }
}

/// A margin in the units of the logits is forgotten in the limit
/// (`large_scores_give_the_hard_matrix`). One that grows with them, g s, is kept by the softmax
/// over the competitors, which tends to C_g, but not by the softmax over all, which takes the share
/// of every right answer to 0: it tends to C_min(g, 0), and no margin makes it count right answers.
#[test]
fn a_margin_is_lost_on_the_softmax_over_all_classes() {
    let (logits, labels) = (array![WRONG, RIGHT, [1.0, 0.5, -2.0, 0.0], [0.0, 0.25, 0.125, -1.0]], [0, 0, 1, 0]);
    for g in [-1.0, -0.1, 0.0, 0.3, 1.0, 4.0] {
        let scale = 1e4;
        let limit = |competition| {
            let options = SurrogateOptions { margin: g * scale, ..options(Gate::Sigmoid, competition) };
            library(&(&logits * scale), &labels, &options).confusion().to_owned()
        };
        assert!(norm(&(limit(Competition::SoftmaxCompetitors) - hard(&logits, &labels, g))) < 1e-12, "g = {g}");
        assert!(norm(&(limit(Competition::SoftmaxAll) - hard(&logits, &labels, g.min(0.0)))) < 1e-12, "g = {g}");
    }
    assert!(norm(&(hard(&logits, &labels, 4.0) - hard(&logits, &labels, 0.0))) > 0.3);
}

/// At a tie of the true class with one competitor C_0 counts 1, the surrogates 1/4 and 1/2 at every
/// scale: they bound C_0 in neither direction (a right answer of margin > 0 counts above 0).
#[test]
fn ties_are_shared() {
    let tie = [2.0, -1.0, 2.0, -3.0];
    close(column(tie, 1e4, &options(Gate::Sigmoid, Competition::SoftmaxAll)), [0.0, 0.0, 0.25, 0.0]);
    close(column(tie, 1e4, &options(Gate::Sigmoid, Competition::SoftmaxCompetitors)), [0.0, 0.0, 0.5, 0.0]);
    assert_eq!(hard(&array![tie], &[0], 0.0)[[2, 0]], 1.0);
    assert!(column(RIGHT, 1.0, &options(Gate::Sigmoid, Competition::SoftmaxAll))[2] > 0.01);
}

/// Lead 5: every competition with the relu gate puts more than 4 into a column.
#[test]
fn the_relu_gate_exceeds_one() {
    for competition in [Competition::SoftmaxAll, Competition::SoftmaxCompetitors, Competition::Relu] {
        assert!(column([0.0, 5.0, -1.0, -2.0], 1.0, &options(Gate::Relu, competition)).sum() > 4.9);
    }
}

/// The exception of the row sums, with numbers: leads 1 and 3, w = (1, 0), no gate. Detached, the
/// row sums to (1 - 2 * 1/4)/4 = 1/8; differentiated, to 0.
#[test]
fn a_detached_baseline_leaves_a_row_sum() {
    let mut w = Array2::zeros((4, 4));
    w[[1, 0]] = 1.0;
    for (baseline_gradient, expected) in [(false, 0.125), (true, 0.0)] {
        let options = SurrogateOptions { baseline_gradient, ..options(Gate::One, Competition::Relu) };
        let gradient = library(&array![WRONG], &[0], &options).gradient(w.view()).unwrap();
        assert!((gradient.sum() - expected).abs() < 1e-15);
    }
}

/// The slope of d_1/(d_1 + d_2) is of the order of one over the leads: it has no bound, and
/// overflows below 1e-308.
#[test]
fn relu_shares_are_as_steep_as_their_leads_are_small() {
    let mut w = Array2::zeros((3, 3));
    w[[1, 0]] = 1.0;
    for lead in [1.0, 1e-6, 1e-150, 1e-300] {
        let found = library(&array![[0.0, lead, 2.0 * lead]], &[0], &options(Gate::One, Competition::Relu));
        let gradient = found.gradient(w.view()).unwrap();
        assert!((gradient[[0, 1]] * lead - 2.0 / 9.0).abs() < 1e-15);
    }
}

/// float32 scores are taken as they are.
#[test]
fn single_precision_scores_are_exact() {
    let (logits, labels) = (array![[0.1f32, 0.2, 0.7], [1.0, -0.3, 0.9]], array![0, 2]);
    let wide = logits.mapv(f64::from);
    let options = SurrogateOptions::official_code();
    let narrow = Surrogate::new(logits.view(), labels.view(), &options).unwrap();
    assert_eq!(narrow.confusion(), library(&wide, &[0, 2], &options).confusion());
}
