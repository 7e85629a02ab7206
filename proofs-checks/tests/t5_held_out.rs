//! T5: Clopper-Pearson intervals for all classes at once, the interval of the weighted worst-class error, verdicts.

use car_spectral::bounds::{
    BoundError, Interval, Verdict, VerdictCounts, clopper_pearson, held_out_alpha, held_out_intervals, verdict,
    verdicts, weighted_worst_class_interval,
};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// P(X = k), k = 0..n, for X binomial, by the ratio of neighbours from the mode outwards.
fn binomial(n: u64, p: f64) -> Vec<f64> {
    let mut masses = vec![0.0; n as usize + 1];
    let mode = ((n + 1) as f64 * p).floor().min(n as f64) as usize;
    masses[mode] = 1.0;
    for k in mode + 1..=n as usize {
        masses[k] = masses[k - 1] * (n as usize - k + 1) as f64 / k as f64 * p / (1.0 - p);
    }
    for k in (0..mode).rev() {
        masses[k] = masses[k + 1] * (k + 1) as f64 / (n as usize - k) as f64 * (1.0 - p) / p;
    }
    let total: f64 = masses.iter().sum();
    masses.iter().map(|mass| mass / total).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The definition, with tails summed term by term: P(X >= k | l) = alpha and P(X <= k | u) = alpha.
    #[test]
    fn the_ends_have_their_tails((n, k) in (1_u64..1500).prop_flat_map(|n| (Just(n), 0..=n)), digits in 0.7_f64..9.0) {
        let alpha = 10f64.powf(-digits);
        let Interval { lower, upper } = clopper_pearson(k, n, alpha, alpha).unwrap();
        prop_assert!(0.0 <= lower && lower < upper && upper <= 1.0);
        if k == 0 {
            prop_assert_eq!(lower, 0.0);
        } else {
            let tail: f64 = binomial(n, lower)[k as usize..].iter().rev().sum();
            prop_assert!((tail / alpha - 1.0).abs() < 1e-8, "{tail} for {alpha}");
        }
        if k == n {
            prop_assert_eq!(upper, 1.0);
        } else {
            let tail: f64 = binomial(n, upper)[..=k as usize].iter().sum();
            prop_assert!((tail / alpha - 1.0).abs() < 1e-8, "{tail} for {alpha}");
        }
    }

    /// Exact coverage: the masses of the k whose interval misses p add up to at most the two alphas.
    #[test]
    fn coverage_is_exact(n in 1_u64..60, p in 0.001_f64..0.999, digits in 0.7_f64..4.0) {
        let alpha = 10f64.powf(-digits);
        let (mut above, mut below) = (0.0, 0.0);
        for (k, mass) in binomial(n, p).into_iter().enumerate() {
            let interval = clopper_pearson(k as u64, n, alpha, alpha).unwrap();
            if p < interval.lower {
                above += mass;
            }
            if p > interval.upper {
                below += mass;
            }
        }
        prop_assert!(above <= alpha * (1.0 + 1e-9) && below <= alpha * (1.0 + 1e-9));
    }

    /// Exactly one verdict fits, and it is the first in T5's order.
    #[test]
    fn one_verdict(free in prop::option::of(0.0_f64..2.0), a in 0.0_f64..=1.0, b in 0.0_f64..=1.0, edge in 0..6) {
        // Half of the bounds lie exactly on an edge.
        let bound = match edge {
            0 => Some(1.0),
            1 => Some(a),
            2 => Some(b),
            _ => free,
        };
        let interval = Interval { lower: a.min(b), upper: a.max(b) };
        let expected = match bound {
            None => Verdict::NotApplicable,
            Some(bound) if bound >= 1.0 => Verdict::Vacuous,
            Some(bound) if bound < interval.lower => Verdict::Violated,
            Some(bound) if bound >= interval.upper => Verdict::Holds,
            Some(_) => Verdict::Undecided,
        };
        prop_assert_eq!(verdict(bound, interval).unwrap(), expected);
        let many = verdicts(&[bound; 3], &[interval; 3]).unwrap();
        let counts: VerdictCounts = many.into_iter().collect();
        prop_assert_eq!(counts.total(), 3);
        prop_assert!(counts.sentence("T5").contains(&expected.to_string()));
        prop_assert_eq!(counts.violated > 0, counts.sentence("T5").contains("no disproof"));
    }
}

#[test]
fn comparing_models_costs_their_number() {
    let alpha = held_out_alpha(100, 0.05, 7).unwrap();
    assert!((alpha - 0.05 / 1400.0).abs() < 1e-19);
    let errors = [3, 10];
    let one = held_out_intervals(&errors, &[20, 20], 0.05, 1).unwrap();
    let seven = held_out_intervals(&errors, &[20, 20], 0.05, 7).unwrap();
    assert_eq!(seven, held_out_intervals(&errors, &[20, 20], 0.05 / 7.0, 1).unwrap());
    assert!(one.iter().zip(&seven).all(|(one, seven)| seven.lower < one.lower && one.upper < seven.upper));
    assert_eq!(
        held_out_intervals(&errors, &[20, 9], 0.05, 1).unwrap_err(),
        BoundError::MoreErrorsThanSamples { class: 1, errors: 10, samples: 9 }
    );
}

/// Simultaneous coverage by simulation: all class intervals and the interval of WCE. delta is 0.3, so that failures do
/// occur; with 600 draws their share has a standard deviation below 0.019, and 0.3 + 4 x 0.019 is the limit.
#[test]
fn simultaneous_coverage() {
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let population: [f64; 5] = [0.02, 0.15, 0.4, 0.77, 0.97];
    let (counts, weights) = ([90_u64, 60, 40, 25, 0], [0.8, 1.0, 1.2, 1.9, 2.2]);
    let truth = population.iter().zip(weights).map(|(e, weight)| e * weight).fold(0.0, f64::max);
    let (draws, delta) = (600, 0.3);
    let (mut misses, mut weighted_misses) = (0, 0);
    for _ in 0..draws {
        let errors: Vec<u64> = population
            .iter()
            .zip(counts)
            .map(|(&e, n)| (0..n).filter(|_| rng.random::<f64>() < e).count() as u64)
            .collect();
        let intervals = held_out_intervals(&errors, &counts, delta, 1).unwrap();
        assert_eq!(intervals[4], Interval { lower: 0.0, upper: 1.0 });
        let missed = population.iter().zip(&intervals).any(|(&e, interval)| !interval.contains(e));
        let weighted = weighted_worst_class_interval(&weights, &intervals).unwrap();
        let weighted_missed = !weighted.contains(truth);
        assert!(missed || !weighted_missed, "WCE is covered whenever every class is");
        misses += usize::from(missed);
        weighted_misses += usize::from(weighted_missed);
    }
    let share = misses as f64 / f64::from(draws);
    assert!(share <= delta + 4.0 * 0.019, "{share}");
    assert!(share > 0.02, "{share}: intervals far too wide");
    assert!(weighted_misses <= misses);
}
