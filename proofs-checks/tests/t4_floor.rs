//! T4: a bound that is valid at 1 − α and at most u on clean examples has u ≥ 1 − α^(1/m); bounds
//! of all classes at once have Π_j (1 − (1−U_j)^{m_j}) ≥ 1−δ, a bound of the worst class alone U ≥
//! 1 − δ^(1/m_min), shares δ_j 1 − δ_j^(1/m_j).
//!
//! *Proof.* For an error p > u, m clean examples have probability (1-p)^m, and then the bound
//! fails: (1-p)^m <= alpha for every p > u; the classes are independent. Checked: the formulas;
//! that smaller bounds fail too often, and that the bounds "U_j if class j is clean, 1 if not" and
//! T5 attain the floors, by the exact probability and on draws; that T3 does not go below its own,
//! and that a valid bound does go below the floor of equal shares, which limits only bounds that
//! give every class δ/K.

use car_spectral::ClassErrors;
use car_spectral::bounds::{
    Architecture, BiasFreeReluNetwork, DeltaShares, LayerNorms, TrainingMargins, clopper_pearson, equal_shares_floor,
    held_out_floor, held_out_intervals, per_class_margin, shares_floor, simultaneous_floor, worst_class_floor,
};
use car_spectral::longtail::long_tailed_counts;
use proofs_checks::draws::miss_probability;
use proofs_checks::evidence::{Check, Kind, cases};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Any u below the floor fails too often: for an error p between u and the floor, m clean examples
/// have probability (1-p)^m > alpha. At the floor itself the probability is alpha.
#[test]
fn a_smaller_bound_fails_too_often() {
    let cases = (prop::collection::vec(1_u64..1_000_000, 2..20), 0.001_f64..0.5, 0.0_f64..0.999);
    let check = Check::new("T4", "α < (1−p)^m for p < 1 − α^(1/m)", Kind::Random);
    check.property(file!(), 300, cases, |check, (counts, delta, below)| {
        let alpha = delta / counts.len() as f64;
        for (&m, floor) in counts.iter().zip(equal_shares_floor(&counts, delta).unwrap()) {
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
        let intervals =
            held_out_intervals(ClassErrors { errors: &vec![0; counts.len()], counts: &counts }, delta, models).unwrap();
        for (floor, interval) in floor.iter().zip(intervals) {
            // Rounded upwards by 1e-14 of itself.
            prop_assert!((1.0..1.0 + 2e-14).contains(&(interval.upper / floor)), "{} {}", floor, interval.upper);
            check.ratio(*floor, interval.upper);
        }
        Ok(())
    });
}

/// The probability that T5's upper end misses p, summed term by term just above the floor: only k =
/// 0 misses, so it is (1-p)^n, alpha at the floor; and just above a bound that is 1 % smaller there
/// it exceeds alpha.
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

/// T3 and T3' spend delta/K a class, so with a clean class they cannot lie below the training
/// floor.
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
        for (class, floor) in outcome.value().unwrap().classes.iter().zip(equal_shares_floor(&counts, delta).unwrap()) {
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

/// scipy, with counts as above:
///
/// ```python
/// 1 - (.05/100)**.2, 1 - .05**.2                                                              # 0.7813..., 0.4507...
/// s = brentq(lambda s: sum(log1p(-exp(-m*s)) for m in counts) - log1p(-.05), .9, 1.1); -expm1(-s)   # 0.6164...
/// s = brentq(lambda s: sum(exp(-m*s) for m in counts) - .05, .9, 1.1); -expm1(-s)                   # 0.6179...
/// ```
#[test]
fn five_images_of_a_hundred_classes() {
    let counts = long_tailed_counts(500, 100.0, 100).unwrap();
    let equal_floors = shares_floor(&counts, &DeltaShares::equal_floors(&counts, 0.05).unwrap()).unwrap();
    for (floor, expected) in [
        (equal_shares_floor(&counts, 0.05).unwrap()[99], 0.7813275852113444),
        (worst_class_floor(&counts, 0.05).unwrap(), 0.4507197283469412),
        (simultaneous_floor(&counts, 0.05).unwrap(), 0.6164314398391714),
        (equal_floors[0], 0.6179897983820234),
        (equal_floors[99], 0.6179897983820234),
    ] {
        assert!((floor - expected).abs() < 1e-12, "{floor} {expected}");
    }
}

/// ln of the probability that every class j has an error among its m_j examples, e_j = p_j.
fn ln_no_class_is_clean(counts: &[u64], errors: impl Iterator<Item = f64>) -> f64 {
    counts.iter().zip(errors).map(|(&m, p)| (-(m as f64 * (-p).ln_1p()).exp()).ln_1p()).sum()
}

/// B_99 = 1 - delta^(1/5) if the five images of class 99 are clean, else 1, and B_j = 1 for all
/// others. Only B_99 can fail, where e_99 = p > B_99 and the five are clean: (1-p)^5 <= delta, for
/// every p. So these bounds hold at once with probability >= 1 - delta, and B_99 = 0.451 lies below
/// the 0.781 of equal shares.
#[test]
fn a_valid_bound_below_the_floor_of_equal_shares() {
    let check = Check::new("T4", "1 − (δ/K)^(1/m_j) ≤ U_j without equal shares", Kind::Necessity);
    let (counts, delta) = (long_tailed_counts(500, 100.0, 100).unwrap(), 0.05_f64);
    let bound = 1.0 - delta.powf(0.2);
    let misses = |p: f64| if p > bound { (1.0 - p).powi(5) } else { 0.0 };
    for step in 0..=10_000 {
        assert!(misses(f64::from(step) / 10_000.0) <= delta * (1.0 + 1e-12));
    }
    let drawn = equal_shares_floor(&counts, delta).unwrap()[99];
    assert!(bound < 0.58 * drawn, "{bound} {drawn}");
    check.ratio(drawn, bound);
    check.passed();
    // It is a bound of all classes at once too, and of the worst one: the limits that hold are kept.
    assert!(
        ln_no_class_is_clean(&counts, (0..100).map(|j| if j == 99 { bound } else { 1.0 })) >= (-delta).ln_1p() - 1e-12
    );
    assert!(bound >= worst_class_floor(&counts, delta).unwrap() * (1.0 - 1e-12));
}

const ALL_CLASSES: &str = "1−δ ≤ Π_j (1 − (1−U)^(m_j))";

/// The common floor solves its equation, and bounds that are 10 % smaller hold with less than 1 -
/// delta where the errors are just above them.
#[test]
fn all_classes_at_once() {
    let cases = (prop::collection::vec(1_u64..1_000_000, 2..20), 0.001_f64..0.5);
    Check::new("T4", ALL_CLASSES, Kind::Random).property(file!(), 300, cases, |check, (counts, delta)| {
        let floor = simultaneous_floor(&counts, delta).unwrap();
        let all = |u: f64| ln_no_class_is_clean(&counts, std::iter::repeat_n(u, counts.len()));
        // The probabilities of a clean class, which make up delta, carry relative errors of m u/(1-U): s and U are
        // floats.
        let missing = -all(floor).exp_m1();
        prop_assert!((missing / delta - 1.0).abs() < 1e-8, "{} {}", missing, delta);
        prop_assert!(-all(0.9 * floor).exp_m1() > delta * 1.01);
        // Between the limits: one class alone, and shares that make all floors equal.
        prop_assert!(floor >= worst_class_floor(&counts, delta).unwrap() * (1.0 - 1e-12));
        let by_shares = shares_floor(&counts, &DeltaShares::equal_floors(&counts, delta).unwrap()).unwrap();
        let smallest = *counts.iter().min().unwrap();
        for (&m, &by_shares) in counts.iter().zip(&by_shares) {
            // Shares that would be below the smallest float are raised to it.
            if m == smallest {
                prop_assert!(by_shares >= floor * (1.0 - 1e-12));
            }
        }
        let equal = equal_shares_floor(&counts, delta).unwrap();
        prop_assert!(
            by_shares.iter().copied().fold(0.0, f64::max) <= equal.iter().copied().fold(0.0, f64::max) * (1.0 + 1e-9)
        );
        check.ratio((1.0 - delta).ln() / all(floor), 1.0);
        Ok(())
    });
}

/// One class alone: all examples of all classes are clean with probability (1-p)^m_min where that
/// class errs with p and no other does.
#[test]
fn the_worst_class_alone() {
    let cases = (prop::collection::vec(1_u64..1_000_000, 2..20), 0.001_f64..0.5);
    let check = Check::new("T4", "(1−U)^(m_min) ≤ δ", Kind::Random);
    check.property(file!(), 300, cases, |check, (counts, delta)| {
        let floor = worst_class_floor(&counts, delta).unwrap();
        let smallest = *counts.iter().min().unwrap() as f64;
        let clean = |u: f64| (smallest * (-u).ln_1p()).exp();
        prop_assert!((clean(floor) / delta - 1.0).abs() < 1e-8);
        prop_assert!(clean(0.9 * floor) > 1.01 * delta);
        check.ratio(clean(floor), delta);
        Ok(())
    });
}

/// Every class's floor of any shares: the probability that class j is clean at e_j = floor is its
/// share, and the shares add up to delta.
#[test]
fn shares_are_spent_to_the_end() {
    let cases = (prop::collection::vec(1_u64..10_000, 2..20), 0.001_f64..0.5, 0_usize..3);
    let check = Check::new("T4", "(1−U_j)^(m_j) ≤ δ_j, Σ δ_j ≤ δ", Kind::Random);
    check.property(file!(), 300, cases, |check, (counts, delta, kind)| {
        let shares = match kind {
            0 => DeltaShares::equal(counts.len(), delta),
            1 => DeltaShares::equal_floors(&counts, delta),
            _ => DeltaShares::mixed(&counts, delta),
        }
        .unwrap();
        let floors = shares_floor(&counts, &shares).unwrap();
        let ln_clean = |j: usize, u: f64| counts[j] as f64 * (-u).ln_1p();
        for (j, (&floor, &share)) in floors.iter().zip(shares.shares()).enumerate() {
            prop_assert!((ln_clean(j, floor) - share.ln()).abs() < 1e-8);
            prop_assert!(ln_clean(j, 0.9 * floor) > share.ln());
        }
        let sum: f64 = shares.shares().iter().sum();
        prop_assert!(sum <= delta && sum >= delta * (1.0 - 1e-9), "{} {}", sum, delta);
        check.ratio(sum, delta);
        Ok(())
    });
}

/// The bounds that attain the floors, on draws: "U if class j is clean, 1 if not" for all classes,
/// and "1 - delta^(1/m_min) if all are clean, 1 if not" for the worst one, where the errors are
/// just above. Misses must not be shown to exceed delta, and 10 % smaller bounds must be.
#[test]
fn on_draws() {
    let rng = &mut ChaCha8Rng::seed_from_u64(41);
    let (delta, draws) = (0.05, u64::from(cases(20_000).clamp(20_000, 1_000_000)));
    let checks = ["P(e_j > B_j for some j) ≤ δ, B_j = U if clean", "P(max e_j > B) ≤ δ, B = 1 − δ^(1/m_min) if clean"]
        .map(|claim| Check::new("T4", claim, Kind::Simulation));
    for counts in [vec![5_u64, 50, 500], vec![5; 10], vec![1, 1], vec![3, 4, 8, 30, 100]] {
        let smallest = *counts.iter().min().unwrap();
        for (factor, valid) in [(1.0, true), (0.9, false)] {
            let bounds = [
                factor * simultaneous_floor(&counts, delta).unwrap(),
                factor * worst_class_floor(&counts, delta).unwrap(),
            ];
            let mut misses = [0_u64; 2];
            for _ in 0..draws {
                let mut clean = |m: u64, p: f64| rng.random::<f64>() < (1.0 - p).powi(m as i32);
                // Errors just above the bounds: all classes err, or the smallest alone.
                misses[0] += u64::from(counts.iter().fold(false, |any, &m| clean(m, bounds[0] + 1e-9) | any));
                misses[1] += u64::from(clean(smallest, bounds[1] + 1e-9));
            }
            for (check, misses) in checks.iter().zip(misses) {
                let seen = miss_probability(misses, draws);
                println!("{counts:?}, {factor}: {misses} of {draws}");
                if valid {
                    assert!(seen.lower <= delta, "{seen:?}");
                    check.cases(draws);
                } else {
                    assert!(seen.lower > delta, "{seen:?}");
                }
            }
        }
    }
    checks.into_iter().for_each(Check::passed);
}
