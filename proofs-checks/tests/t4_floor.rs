//! T4: a bound that is valid at 1 - alpha and at most u on clean examples has u >= 1 - alpha^(1/m).
//!
//! *Proof.* For an error p > u, m clean examples have probability (1-p)^m, and then the bound fails: (1-p)^m <= alpha for every
//! p > u. Checked: the formula; that a smaller bound fails too often and T5 attains the floor, both by the exact probability;
//! that T3 does not go below. Bounds from other classes' examples are not covered.

use car_spectral::bounds::{
    Architecture, BiasFreeReluNetwork, LayerNorms, TrainingMargins, clopper_pearson, held_out_floor,
    held_out_intervals, per_class_margin, training_floor,
};
use proofs_checks::evidence::{Check, Kind};
use proptest::prelude::*;

/// Any u below the floor fails too often: for an error p between u and the floor, m clean examples have
/// probability (1-p)^m > alpha. At the floor itself the probability is alpha.
#[test]
fn a_smaller_bound_fails_too_often() {
    let cases = (prop::collection::vec(1_u64..1_000_000, 2..20), 0.001_f64..0.5, 0.0_f64..0.999);
    let check = Check::new("T4", "α < (1−p)^m for p < 1 − α^(1/m)", Kind::Random);
    check.property(file!(), 300, cases, |check, (counts, delta, below)| {
        let alpha = delta / counts.len() as f64;
        for (&m, floor) in counts.iter().zip(training_floor(&counts, delta).unwrap()) {
            let ln_clean = |p: f64| m as f64 * (-p).ln_1p();
            prop_assert!((ln_clean(floor) - alpha.ln()).abs() <= 1e-9 * alpha.ln().abs());
            prop_assert!(ln_clean(floor * below) > alpha.ln());
            check.ratio(alpha, ln_clean(floor * below).exp());
        }
        Ok(())
    });
}

/// T5 attains the floor of held-out bounds, and needs every class.
#[test]
fn t5_attains_it() {
    let cases = (prop::collection::vec(0_u64..100_000, 2..20), 0.001_f64..0.9, 1_usize..5);
    let check = Check::new("T4", "1 − α^(1/n) ≤ u_j(0) of T5", Kind::Random);
    check.property(file!(), 300, cases, |check, (counts, delta, models)| {
        let floor = held_out_floor(&counts, delta, models).unwrap();
        let intervals = held_out_intervals(&vec![0; counts.len()], &counts, delta, models).unwrap();
        for (floor, interval) in floor.iter().zip(intervals) {
            prop_assert_eq!(*floor, interval.upper);
            check.ratio(*floor, interval.upper);
        }
        Ok(())
    });
}

/// The probability that T5's upper end misses p, summed term by term just above the floor: only k = 0 misses, so it is (1-p)^n,
/// alpha at the floor; and just above a bound that is 1 % smaller there it exceeds alpha.
#[test]
fn the_floor_is_where_t5_misses() {
    let check = Check::new("T4", "P(u_j < p) ≤ α for T5, p ↓ 1 − α^(1/n)", Kind::Enumeration);
    for n in [1_u64, 2, 5, 20, 100] {
        for alpha in [0.2, 0.05, 0.00025] {
            let upper = |k: u64| clopper_pearson(k, n, alpha, alpha).unwrap().upper;
            let floor = upper(0);
            let missed = |p: f64, uppers: &dyn Fn(u64) -> f64| -> f64 {
                (0..=n).filter(|&k| uppers(k) < p).map(|k| mass(n, k, p)).sum()
            };
            let at = floor + (1.0 - floor) * 1e-9;
            let probability = missed(at, &upper);
            // (1-p)^n, from n rounded factors.
            assert!(probability <= alpha * (1.0 + 1e-12) && probability >= alpha * (1.0 - 2e-9 * n as f64));
            check.ratio(probability, alpha);
            let smaller = |k: u64| if k == 0 { 0.99 * floor } else { upper(k) };
            assert!(missed(0.995 * floor, &smaller) > alpha);
        }
    }
    check.passed();
}

/// C(n,k) p^k (1-p)^(n-k).
fn mass(n: u64, k: u64, p: f64) -> f64 {
    let choose: f64 = (0..k).map(|at| (n - at) as f64 / (at + 1) as f64).product();
    choose * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
}

/// T3 and T3' spend delta/K a class, so with a clean class they cannot lie below the training floor.
#[test]
fn t3_does_not_go_below() {
    let cases = (prop::collection::vec(1_u64..10_000_000_000, 2..5), 0.1_f64..3.0, 0.1_f64..6.0, 0.001_f64..0.5);
    let check = Check::new("T4", "1 − (δ/K)^(1/m_j) ≤ T3' at c_j = 0", Kind::Random);
    check.property(file!(), 300, cases, |check, (counts, norm, margin, delta)| {
        let k = counts.len();
        let layer = LayerNorms { spectral_upper: norm, frobenius: norm, rows: k, columns: 2 };
        let network = Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(vec![layer], 1.0).unwrap());
        let clean = vec![0; k];
        let training = TrainingMargins { margin, grid_size: 1, margin_errors: &clean, class_counts: &counts };
        let outcome = per_class_margin(&network, Some(training), delta).unwrap();
        for (class, floor) in outcome.value().unwrap().classes.iter().zip(training_floor(&counts, delta).unwrap()) {
            let class = class.value().unwrap();
            prop_assert!(class.t3_prime.total >= floor);
            check.ratio(floor, class.t3_prime.total);
            if let Some(t3) = class.t3.value() {
                prop_assert!(t3.total >= floor);
            }
        }
        Ok(())
    });
}

#[test]
fn five_images_of_a_hundred_classes() {
    // python: 1 - (.05/100)**(1/5) = 0.7813275852113444
    let floor = training_floor(&[5; 100], 0.05).unwrap()[0];
    assert!((floor - 0.7813275852113444).abs() < 1e-14);
}
