//! T3, step 3: how far the scores of a rescaled network move when its weights do. With ‖W_l‖₂ <=
//! beta, ‖U_l‖₂ <= t for all of d layers and ‖x‖ <= B
//!
//! ```text
//! ‖f_(W+U)(x) - f_W(x)‖ <= B ((beta+t)^d - beta^d),  attained by numbers
//!                       <= (e-1) d B beta^(d-1) t   for t <= beta/d, where the paper's source has e
//! ```
//! *Proof.* With x_i the i-th pre-activation of W and D_i its change, phi 1-Lipschitz and phi(0) =
//! 0: D_1 <= t B and D_(i+1) <= ‖W+U‖ D_i + ‖U‖ ‖x_i‖ <= (beta+t) D_i + t beta^i B, and
//! (beta+t)((beta+t)^i - beta^i) + t beta^i = (beta+t)^(i+1) - beta^(i+1). The second: ((1+r)^d -
//! 1)/(d r) grows in r (convexity) and is below e-1 at r = 1/d.
//!
//! So 42 is not the smallest constant of sigma_j: on the same grid, with t = sqrt 2 g/(c d B
//! b^(d-1)), a move of at most g/4 needs (1+t/beta)^d - 1 <= y/4 with y = g/(B beta^d) <= 2; the
//! left side is convex in y and 0 at 0, so y = 2 decides:
//!
//! ```text
//! c_d = 2 sqrt 2 r_d / (d (1.5^(1/d) - 1)), r_d = (1-1/d)^-(d-1): c_1 = 5.66, c_2 = 12.6, -> 2 sqrt 2 e/ln 1.5 = 18.97
//! ```
//! and KL_j could be (42/c_d)^2, 4.9 to 55 times, smaller. T3' keeps the published constant. T3''
//! needs of all scores together only that a margin moves by at most g/2; a margin moves by <1_y -
//! 1_i, D> <= sqrt 2 ‖D‖, so that B ((beta+t)^d - beta^d) <= g/(2 sqrt 2) suffices:
//!
//! ```text
//! c'_d = 2 sqrt 2 r_d / (d ((1+1/sqrt 2)^(1/d) - 1)):   c'_1 = 4, c'_2 = 9.23, -> 2 sqrt 2 e/ln(1+1/sqrt 2) = 14.38
//! ```
//!
//! Checked: the inequalities on random networks and by search, and that constants 10 % smaller
//! fail; the prior's tail by simulation. A search proves no supremum; the scalar case does.

use std::f64::consts::{E, FRAC_1_SQRT_2, SQRT_2};

use car_spectral::bounds::MarginStatement;
use nalgebra::{DMatrix, DVector};
use proofs_checks::draws::{miss_probability, normal};
use proofs_checks::evidence::{Check, Kind, cases};
use proofs_checks::search::{Found, Search};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const TELESCOPED: &str = "Δ ≤ B((β+t)^d − β^d)";
const PUBLISHED: &str = "Δ ≤ e·d·B·β^(d−1)·t";
const SHARPER: &str = "Δ ≤ (e−1)·d·B·β^(d−1)·t";

fn forward(layers: &[DMatrix<f64>], x: &DVector<f64>) -> DVector<f64> {
    let mut scores = &layers[0] * x;
    for layer in &layers[1..] {
        scores = layer * scores.map(|value| value.max(0.0));
    }
    scores
}

/// Layers from numbers in [-1, 1], each rescaled to the norm wanted; None if one is zero.
fn layers_of(numbers: &mut impl Iterator<Item = f64>, widths: &[usize], norm: f64) -> Option<Vec<DMatrix<f64>>> {
    widths
        .windows(2)
        .map(|shape| {
            let layer = DMatrix::from_fn(shape[1], shape[0], |_, _| numbers.next().unwrap_or(0.0));
            let sigma = layer.singular_values().max();
            (sigma > 1e-9).then(|| layer * (norm / sigma))
        })
        .collect()
}

/// A network of layers of norm 1, its sum with layers of norm t, and an input of length 1.
struct Moved {
    layers: Vec<DMatrix<f64>>,
    sum: Vec<DMatrix<f64>>,
    x: DVector<f64>,
}

impl Moved {
    fn of(mut numbers: impl Iterator<Item = f64>, widths: &[usize], t: f64) -> Option<Self> {
        let layers = layers_of(&mut numbers, widths, 1.0)?;
        let change = layers_of(&mut numbers, widths, t)?;
        let x = DVector::from_iterator(widths[0], numbers);
        let sum = layers.iter().zip(change).map(|(w, u)| w + u).collect();
        (x.norm() > 1e-9).then(|| Self { layers, sum, x: x.normalize() })
    }

    /// The scores before and after.
    fn scores(&self) -> [DVector<f64>; 2] {
        [&self.layers, &self.sum].map(|layers| forward(layers, &self.x))
    }

    fn distance(&self) -> f64 {
        let [before, after] = self.scores();
        (after - before).norm()
    }

    /// How far the margin of class y moves.
    fn of_margin(&self, y: usize) -> f64 {
        let [before, after] = self.scores().map(|scores| margin(&scores, y));
        (after - before).abs()
    }
}

/// The three right sides at B = beta = 1.
fn right_sides(d: usize, t: f64) -> [(&'static str, f64); 3] {
    let linear = d as f64 * t;
    [(TELESCOPED, (1.0 + t).powi(d as i32) - 1.0), (PUBLISHED, E * linear), (SHARPER, (E - 1.0) * linear)]
}

#[test]
fn on_random_networks() {
    let widths = (1usize..5).prop_flat_map(|d| prop::collection::vec(1usize..6, d + 1));
    let networks = widths.prop_flat_map(|widths| {
        let numbers: usize = widths.windows(2).map(|shape| shape[0] * shape[1]).sum();
        let inputs = widths[0];
        (Just(widths), prop::collection::vec(-1.0f64..1.0, 2 * numbers + inputs), 1e-3f64..1.0, any::<bool>())
    });
    for number in 0..3 {
        let check = Check::new("T3", right_sides(1, 1.0)[number].0, Kind::Random);
        check.property(file!(), 128, networks.clone(), move |check, (widths, numbers, share, positive)| {
            let d = widths.len() - 1;
            let t = share / d as f64;
            // Half of the networks have no negative weight, where nothing is lost to the ReLU.
            let numbers = numbers.iter().map(|x| if positive { x.abs() } else { *x });
            if let Some(moved) = Moved::of(numbers, &widths, t) {
                let left = moved.distance();
                let right = right_sides(d, t)[number].1;
                // A pass loses 6u of |W||x| a layer, ‖|W|‖₂ <= sqrt 5 ‖W‖₂: two passes of 4 layers at norm 5/4
                // a layer lose less than 2 * 4 * 6 * 25 * 2.5 u = 3000 u. The norms are scaled to within 1e-14.
                prop_assert!(left <= right + 1e-12, "{} > {} at d = {}, t = {}", left, right, d, t);
                check.ratio(left, right);
            }
            Ok(())
        });
    }
}

/// Widths of 2, layers of norm 1, t = 1/d: the largest value there is, ((1+1/d)^d - 1)/e for the
/// published constant.
#[test]
fn by_search() {
    let checks = right_sides(1, 1.0).map(|(claim, _)| Check::new("T3", claim, Kind::Search));
    for d in 1usize..=4 {
        let widths = vec![2; d + 1];
        let t = 1.0 / d as f64;
        let telescoped = right_sides(d, t)[0].1;
        let found = Search { starts: 3, evaluations: 20_000, seed: 2 }.maximise(8 * d + 2, |x| {
            let numbers = x.iter().map(|x| 2.0 * x - 1.0);
            Moved::of(numbers, &widths, t).map_or(f64::NAN, |moved| moved.distance())
        });
        println!("d = {d}: {} of {telescoped}", found.value);
        assert!(found.value <= telescoped + 1e-12);
        assert!(found.value >= 0.97 * telescoped, "the search is too weak: {} of {telescoped}", found.value);
        for (check, (_, right)) in checks.iter().zip(right_sides(d, t)) {
            check.cases_at(found.evaluations, found.value / right);
        }
    }
    checks.into_iter().for_each(Check::passed);
}

/// c_d of the page above with `growth` = 1.5, c'_d with [`OF_MARGINS`].
fn smallest_constant(growth: f64, d: usize) -> f64 {
    let depth = d as f64;
    let cell = if d == 1 { 1.0 } else { (1.0 - 1.0 / depth).powf(1.0 - depth) };
    2.0 * SQRT_2 * cell / (depth * (growth.powf(1.0 / depth) - 1.0))
}

const OF_MARGINS: f64 = 1.0 + FRAC_1_SQRT_2;

const MARGIN_MOVE: &str = "|margin(W+U) − margin(W)| ≤ √2 B((β+t)^d − β^d)";

/// Margins by definition: the score of class y less the largest other.
fn margin(scores: &DVector<f64>, y: usize) -> f64 {
    let others = scores.iter().enumerate().filter(|&(i, _)| i != y).map(|(_, &score)| score);
    scores[y] - others.fold(f64::NEG_INFINITY, f64::max)
}

#[test]
fn margins_on_random_networks() {
    let widths = (1usize..5).prop_flat_map(|d| (prop::collection::vec(1usize..6, d), 2usize..6));
    let networks = widths.prop_flat_map(|(mut widths, k)| {
        widths.push(k);
        let numbers: usize = widths.windows(2).map(|shape| shape[0] * shape[1]).sum();
        let inputs = widths[0];
        (Just(widths), prop::collection::vec(-1.0f64..1.0, 2 * numbers + inputs), 1e-3f64..1.0)
    });
    let check = Check::new("T3''", MARGIN_MOVE, Kind::Random);
    check.property(file!(), 256, networks, |check, (widths, numbers, share)| {
        let d = widths.len() - 1;
        let t = share / d as f64;
        if let Some(moved) = Moved::of(numbers.into_iter(), &widths, t) {
            let right = SQRT_2 * right_sides(d, t)[0].1;
            for y in 0..widths[d] {
                let left = moved.of_margin(y);
                prop_assert!(left <= right + 1e-12, "{} > {} at d = {}, t = {}", left, right, d, t);
                check.ratio(left, right);
            }
        }
        Ok(())
    });
}

/// Two classes whose scores are opposite: numbers W_l = 1, U_l = t, the last layer (1, -1)/sqrt 2
/// of each. And by search over all networks of width 2.
#[test]
fn the_root_of_two_is_attained() {
    let by_hand = Check::new("T3''", MARGIN_MOVE, Kind::Enumeration);
    for d in 1usize..=8 {
        let t = 1.0 / d as f64;
        let number = |value: f64| {
            let mut layers = vec![DMatrix::from_element(1, 1, value); d - 1];
            layers.push(DMatrix::from_column_slice(2, 1, &[value / SQRT_2, -value / SQRT_2]));
            layers
        };
        let x = DVector::from_element(1, 1.0);
        let moved = margin(&forward(&number(1.0 + t), &x), 0) - margin(&forward(&number(1.0), &x), 0);
        let right = SQRT_2 * right_sides(d, t)[0].1;
        assert!((moved / right - 1.0).abs() < 1e-12, "d = {d}: {moved} of {right}");
        by_hand.ratio(moved, right);
    }
    by_hand.passed();
    let check = Check::new("T3''", MARGIN_MOVE, Kind::Search);
    for d in 1usize..=3 {
        let (widths, t) = (vec![2; d + 1], 1.0 / d as f64);
        let right = SQRT_2 * right_sides(d, t)[0].1;
        let found = Search { starts: 3, evaluations: 20_000, seed: 6 }.maximise(8 * d + 2, |x| {
            let numbers = x.iter().map(|x| 2.0 * x - 1.0);
            Moved::of(numbers, &widths, t).map_or(f64::NAN, |moved| moved.of_margin(0))
        });
        println!("margin, d = {d}: {} of {right}", found.value);
        assert!(found.value <= right + 1e-12);
        assert!(found.value > 0.9 * right, "a constant of 0.9 sqrt 2 fails");
        check.cases_at(found.evaluations, found.value / right);
    }
    check.passed();
}

/// The largest `factor` B ((beta+t)^d - beta^d) / g over all beta, grid points b within beta/d and
/// g <= 2 B beta^d.
fn largest_move(d: usize, constant: f64, factor: f64) -> Found {
    let depth = d as f64;
    Search { starts: 2, evaluations: 20_000, seed: 1 }.maximise(2, |x| {
        // beta = B = 1.
        let (point, g) = (1.0 + (2.0 * x[0] - 1.0) / depth, 2.0 * x[1]);
        let t = SQRT_2 * g / (constant * depth * point.powf(depth - 1.0));
        factor * (depth * t.ln_1p()).exp_m1() / g
    })
}

/// The largest move of a margin, sqrt 2 B ((beta+t)^d - beta^d), against g/2: with c'_d it is
/// attained, with a constant 10 % smaller exceeded.
#[test]
fn the_constant_of_sigma_for_margins() {
    let check = Check::new("T3''", "√2 Δ ≤ g/2 with c'_d", Kind::Search);
    for d in 1usize..=8 {
        let largest = |constant: f64| largest_move(d, constant, SQRT_2 / 0.5);
        let constant = smallest_constant(OF_MARGINS, d);
        let found = largest(constant);
        assert!(found.value <= 1.0 + 1e-12 && found.value > 1.0 - 1e-6, "d = {d}: {found:?}");
        let ratio = MarginStatement::T3DoublePrime.constant(d) / constant;
        assert!((ratio - 1.000001).abs() < 1e-12, "d = {d}: {ratio}");
        assert!(largest(0.9 * constant).value > 1.05, "d = {d}");
        check.cases_at(found.evaluations, found.value);
    }
    check.passed();
    assert!((1..200).all(|d| smallest_constant(OF_MARGINS, d) < smallest_constant(OF_MARGINS, d + 1)));
    let limit = 2.0 * SQRT_2 * E / OF_MARGINS.ln();
    assert!(limit < 14.377 && (limit - smallest_constant(OF_MARGINS, 100_000)).abs() < 1e-3);
}

/// The largest move B ((beta+t)^d - beta^d) against g/4.
#[test]
fn the_constant_of_sigma() {
    let claims = ["Δ ≤ g/4 with 42", "Δ ≤ g/4 with c_d for 42"];
    for (number, claim) in claims.into_iter().enumerate() {
        let check = Check::new("T3", claim, Kind::Search);
        for d in 1usize..=8 {
            let constant = if number == 0 { 42.0 } else { smallest_constant(1.5, d) };
            let found = largest_move(d, constant, 4.0);
            // Some twenty operations, none with cancellation.
            assert!(found.value <= 1.0 + 1e-12, "d = {d}: {found:?}");
            if number == 1 {
                assert!(found.value > 1.0 - 1e-6, "d = {d}: {found:?}");
            }
            check.cases_at(found.evaluations, found.value);
        }
        check.passed();
    }
    for d in 1..200 {
        assert!(smallest_constant(1.5, d) < smallest_constant(1.5, d + 1));
    }
    let limit = 2.0 * SQRT_2 * E / 1.5f64.ln();
    assert!(limit < 18.97 && smallest_constant(1.5, 100_000) < limit && smallest_constant(1.5, 100_000) > limit - 1e-3);
    println!(
        "c_1, c_2, c_3 = {}, {}, {}",
        smallest_constant(1.5, 1),
        smallest_constant(1.5, 2),
        smallest_constant(1.5, 3)
    );
}

/// Step 4: P(‖U‖₂ > t) <= 2h exp(-t^2/(2 h sigma^2)), which is 1/(2d) at t = sigma sqrt(2h
/// ln(4dh)); and at smaller t. The ratio is the measured tail over the bound.
#[test]
fn the_tail_of_the_prior() {
    let check = Check::new("T3", "P(‖U‖₂ > t) ≤ 2h exp(−t²/2hσ²)", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(12);
    let draws = u64::from(cases(8000));
    for h in [1usize, 2, 3, 5, 10] {
        let norms: Vec<f64> = (0..if h > 5 { draws / 8 } else { draws })
            .map(|_| DMatrix::from_fn(h, h, |_, _| normal(rng)).singular_values().max())
            .collect();
        let above = |t: f64| norms.iter().filter(|&&norm| norm > t).count() as u64;
        let width = h as f64;
        for d in [1.0, 2.0, 4.0] {
            let misses = above((2.0 * width * (4.0 * d * width).ln()).sqrt());
            let seen = miss_probability(misses, norms.len() as u64);
            println!("h {h}, d {d}: tail {:.5}, bound {:.4}", misses as f64 / norms.len() as f64, 0.5 / d);
            assert!(seen.upper <= 0.5 / d, "{seen:?}");
            check.ratio(misses as f64 / norms.len() as f64, 0.5 / d);
        }
        // Where the bound is 0.9 it says least.
        let misses = above((2.0 * width * (2.0 * width / 0.9).ln()).sqrt());
        assert!(miss_probability(misses, norms.len() as u64).upper <= 0.9);
        check.ratio(misses as f64 / norms.len() as f64, 0.9);
    }
    check.passed();
}

/// The scores in f32, each inner product added from its first term and from its last, against those
/// in f64: ‖f_fl(x) − f(x)‖ <= B (Π(‖W_l‖₂ + γ‖W_l‖_F) − Π‖W_l‖₂), γ = nu/(1−nu), which T3 needs
/// for the float network itself. Products of numbers come within a tenth of it.
#[test]
fn the_scores_of_the_float_network() {
    let rng = &mut ChaCha8Rng::seed_from_u64(15);
    let mut largest = 0.0_f64;
    for draw in 0..cases(2000).min(20_000) {
        let number = draw % 2 == 0;
        let width = |rng: &mut ChaCha8Rng| if number { 1 } else { 1 + (normal(rng).abs() * 20.0) as usize };
        let widths: Vec<usize> = (0..2 + draw as usize % 5).map(|_| width(rng)).collect();
        let mut value = || {
            // A rounding is largest against a product just above a power of two.
            let value = if number { 1.0 + 1e-3 * normal(rng).abs() } else { normal(rng) };
            f64::from(value as f32)
        };
        let layers: Vec<DMatrix<f64>> =
            widths.windows(2).map(|shape| DMatrix::from_fn(shape[1], shape[0], |_, _| value())).collect();
        let x = DVector::from_fn(widths[0], |_, _| value());
        let exact = forward(&layers, &x);
        let n = *widths.iter().max().unwrap() as f64;
        let u = f64::from(f32::EPSILON) / 2.0;
        let gamma = n * u / (1.0 - n * u);
        let norms = layers.iter().map(|layer| (layer.singular_values().max(), layer.norm()));
        let (with, without) = norms.fold((x.norm(), x.norm()), |(with, without), (spectral, frobenius)| {
            (with * (spectral + gamma * frobenius), without * spectral)
        });
        for backwards in [false, true] {
            let scores = forward_f32(&layers, &x, backwards);
            let ratio = (scores - &exact).norm() / (with - without);
            assert!(ratio <= 1.0 + 1e-6, "{widths:?}: {ratio}");
            largest = largest.max(ratio);
        }
    }
    println!("largest error over its bound: {largest:.3}");
    assert!(largest > 0.9);
}

fn forward_f32(layers: &[DMatrix<f64>], x: &DVector<f64>, backwards: bool) -> DVector<f64> {
    let mut values: Vec<f32> = x.iter().map(|&value| value as f32).collect();
    for (at, layer) in layers.iter().enumerate() {
        let active: Vec<f32> = values.iter().map(|&value| if at == 0 { value } else { value.max(0.0) }).collect();
        let row = |row: usize| {
            let products = (0..active.len()).map(|column| layer[(row, column)] as f32 * active[column]);
            let add = |sum: f32, product: f32| sum + product;
            if backwards { products.rev().fold(0.0, add) } else { products.fold(0.0, add) }
        };
        values = (0..layer.nrows()).map(row).collect();
    }
    DVector::from_iterator(values.len(), values.into_iter().map(f64::from))
}
