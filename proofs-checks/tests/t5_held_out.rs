//! T5: Clopper-Pearson intervals for all classes at once, verdicts.
//!
//! *Proof.* P_p(X >= k) grows with p, so e < l_k only for k in an upper tail of probability <=
//! alpha; 2KM such events. Checked: the ends by their tails, the exact probability of a miss at its
//! worst p, where it is alpha, and simultaneous coverage by simulation, which is near delta only if
//! the classes use up their levels.

use car_spectral::ClassErrors;
use car_spectral::bounds::{
    BoundError, Interval, Verdict, VerdictCounts, clopper_pearson, held_out_alpha, held_out_intervals, verdict,
    verdicts,
};
use proofs_checks::draws::miss_probability;
use proofs_checks::evidence::{Check, Kind, cases};
use proofs_checks::masses::binomial;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The definition, with tails summed term by term: P(X >= k | l) = alpha and P(X <= k | u) = alpha.
/// The ends are rounded outwards, never inwards: by at most 1.2e-10 and 1.3e-7 of l, or of 1 − u,
/// the closed forms by 1e-14; and d ln P(X >= k)/d ln p <= k, d ln P(X <= k)/d ln(1−p) <= n−k.
#[test]
fn the_ends_have_their_tails() {
    let cases = ((1_u64..1500).prop_flat_map(|n| (Just(n), 0..=n)), 0.7_f64..9.0);
    let check = Check::new("T5", "P(X ≥ k | l) = α = P(X ≤ k | u)", Kind::Random);
    check.property(file!(), 200, cases, |check, ((n, k), digits)| {
        let alpha = 10f64.powf(-digits);
        let Interval { lower, upper } = clopper_pearson(k, n, alpha, alpha).unwrap();
        let outwards = |end: f64| (1.2e-10 / end).min(1.3e-7) + 2e-14 / end;
        // Of the masses, one step from the mode after another.
        let rounding = 1.0 + 8.0 * n as f64 * f64::EPSILON;
        prop_assert!(0.0 <= lower && lower < upper && upper <= 1.0);
        if k == 0 {
            prop_assert_eq!(lower, 0.0);
        } else {
            let tail: f64 = binomial(n, lower)[k as usize..].iter().rev().sum();
            let allowed = k as f64 * outwards(lower);
            prop_assert!((1.0 - allowed..=rounding).contains(&(tail / alpha)), "{tail} for {alpha}");
        }
        if k == n {
            prop_assert_eq!(upper, 1.0);
        } else {
            let tail: f64 = binomial(n, upper)[..=k as usize].iter().sum();
            // Near 1, rounding `upper` to the next f64 takes up to 2u of 1 - upper.
            let allowed = (n - k) as f64 * (outwards(1.0 - upper) + 2.0 * f64::EPSILON / (1.0 - upper));
            prop_assert!((1.0 - allowed..=rounding).contains(&(tail / alpha)), "{tail} for {alpha}");
        }
        check.case();
        Ok(())
    });
}

/// The intervals of k = 0, ..., n, with the distances of their ends from k/n scaled.
fn intervals(n: u64, alpha: f64, scale: f64) -> Vec<Interval> {
    (0..=n)
        .map(|k| {
            let (share, whole) = (k as f64 / n as f64, clopper_pearson(k, n, alpha, alpha).unwrap());
            Interval {
                lower: if scale == 1.0 { whole.lower } else { share - scale * (share - whole.lower) },
                upper: if scale == 1.0 { whole.upper } else { share + scale * (whole.upper - share) },
            }
        })
        .collect()
}

/// P(p < l_X) and P(p > u_X): the masses of the k that miss p added up.
fn miss_probabilities(intervals: &[Interval], p: f64) -> (f64, f64) {
    let (mut above, mut below) = (0.0, 0.0);
    for (mass, interval) in binomial(intervals.len() as u64 - 1, p).into_iter().zip(intervals) {
        if p < interval.lower {
            above += mass;
        }
        if p > interval.upper {
            below += mass;
        }
    }
    (above, below)
}

const MISSED: &str = "P(e < l) ≤ α and P(e > u) ≤ α";

/// Exact coverage: the ends are rounded outwards, so that only the masses are rounded.
#[test]
fn coverage_is_exact() {
    let cases = (1_u64..60, 0.001_f64..0.999, 0.7_f64..4.0);
    Check::new("T5", MISSED, Kind::Random).property(file!(), 200, cases, |check, (n, p, digits)| {
        let alpha = 10f64.powf(-digits);
        let (above, below) = miss_probabilities(&intervals(n, alpha, 1.0), p);
        prop_assert!(above <= alpha * (1.0 + 1e-12) && below <= alpha * (1.0 + 1e-12));
        check.ratio(above.max(below), alpha);
        Ok(())
    });
}

/// The probability of a miss, as a function of p, jumps at the ends of the n+1 intervals: its
/// supremum is reached just beside one of them, and there it is alpha. So a radius that is 10 % too
/// small misses too often, and by how much is printed.
#[test]
fn the_worst_probability() {
    let check = Check::new("T5", MISSED, Kind::Enumeration);
    let mut least_excess = f64::INFINITY;
    for n in [1_u64, 2, 5, 10, 30, 60, 200] {
        for alpha in [0.2, 0.025, 0.00025] {
            let worst = |scale: f64| {
                let intervals = intervals(n, alpha, scale);
                let mut largest = (0.0_f64, 0.0_f64);
                for Interval { lower, upper } in &intervals {
                    // Just outside the interval of one k.
                    let beside = [lower * (1.0 - 1e-10), upper + (1.0 - upper) * 1e-10];
                    for p in beside.into_iter().filter(|p| 0.0 < *p && *p < 1.0) {
                        let (above, below) = miss_probabilities(&intervals, p);
                        largest = (largest.0.max(above), largest.1.max(below));
                        if scale == 1.0 {
                            check.ratio(above.max(below), alpha);
                        }
                    }
                }
                largest
            };
            let (above, below) = worst(1.0);
            let within = |miss: f64| miss <= alpha * (1.0 + 1e-12) && miss >= alpha * (1.0 - 1e-6);
            assert!(within(above) && within(below), "n = {n}, alpha = {alpha}: {above}, {below}");
            let (above, below) = worst(0.9);
            assert!(above > 1.02 * alpha && below > 1.02 * alpha, "n = {n}, alpha = {alpha}: {above}, {below}");
            least_excess = least_excess.min(above.min(below) / alpha);
        }
    }
    println!("nine tenths of the radius: at least {least_excess:.3} alpha");
    check.passed();
}

/// Exactly one verdict fits, and it is the first in T5's order.
#[test]
fn one_verdict() {
    let cases = (prop::option::of(0.0_f64..2.0), 0.0_f64..=1.0, 0.0_f64..=1.0, 0..6);
    let check = Check::new("T5", "exactly one verdict, the first that fits", Kind::Random);
    check.property(file!(), 200, cases, |check, (free, a, b, edge)| {
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
        let all = [counts.not_applicable, counts.vacuous, counts.violated, counts.holds, counts.undecided];
        prop_assert!(all.contains(&3) && (counts.violated == 3) == (expected == Verdict::Violated));
        check.case();
        Ok(())
    });
}

#[test]
fn comparing_models_costs_their_number() {
    let alpha = held_out_alpha(100, 0.05, 7).unwrap();
    assert!((alpha - 0.05 / 1400.0).abs() < 1e-19);
    let errors = [3, 10];
    let one = held_out_intervals(ClassErrors { errors: &errors, counts: &[20, 20] }, 0.05, 1).unwrap();
    let seven = held_out_intervals(ClassErrors { errors: &errors, counts: &[20, 20] }, 0.05, 7).unwrap();
    assert_eq!(seven, held_out_intervals(ClassErrors { errors: &errors, counts: &[20, 20] }, 0.05 / 7.0, 1).unwrap());
    assert!(one.iter().zip(&seven).all(|(one, seven)| seven.lower < one.lower && one.upper < seven.upper));
    assert_eq!(
        held_out_intervals(ClassErrors { errors: &errors, counts: &[20, 9] }, 0.05, 1).unwrap_err(),
        BoundError::MoreErrorsThanSamples { class: 1, errors: 10, samples: 9 }
    );
}

/// All class intervals at once. delta is 0.3, so that misses do occur; the share of draws with a
/// miss is compared through its own Clopper-Pearson interval; its ratio to delta is recorded.
#[test]
fn simultaneous_coverage() {
    let check = Check::new("T5", "P(some e_j ∉ [l_j, u_j]) ≤ δ", Kind::Simulation);
    let mut rng = ChaCha8Rng::seed_from_u64(20);
    let (draws, delta) = (u64::from(cases(4000).min(100_000)), 0.3);
    let few = ([0.02, 0.15, 0.4, 0.77, 0.97], [90_u64, 60, 40, 25, 0]);
    // Many examples: less is lost to whole numbers.
    let many = ([0.3, 0.15, 0.4, 0.5, 0.6], [900_u64, 600, 400, 500, 700]);
    for (population, counts) in [few, many] {
        let mut misses = 0;
        for _ in 0..draws {
            let errors: Vec<u64> = population
                .iter()
                .zip(counts)
                .map(|(&e, n)| (0..n).filter(|_| rng.random::<f64>() < e).count() as u64)
                .collect();
            let intervals = held_out_intervals(ClassErrors { errors: &errors, counts: &counts }, delta, 1).unwrap();
            assert!(counts[4] > 0 || intervals[4] == Interval { lower: 0.0, upper: 1.0 });
            misses += u64::from(population.iter().zip(&intervals).any(|(&e, interval)| !interval.contains(e)));
        }
        let share = miss_probability(misses, draws);
        println!("{misses} of {draws} missed: {share:.4?}, delta {delta}");
        assert!(share.upper <= delta, "{share:?}");
        check.cases_at(draws, misses as f64 / draws as f64 / delta);
        assert!(share.lower > 0.05, "intervals far too wide");
    }
    check.passed();
}
