//! T9: groups of networks: the statement for these networks, and the one between seeds.
//!
//! *Proof.* T8 (b) for every pair at delta/M and the mean of the ends; Student's t (THEORY.md).
//! Checked: coverage of both by simulation, the second against its own level, which it uses up; and
//! that neither interval is the other's.

use car_spectral::bounds::{PairedCounts, mcnemar, networks_difference, paired_seeds, unpaired_seeds};
use proofs_checks::draws::{category, miss_probability, normal};
use proofs_checks::evidence::{Check, Kind, cases};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Draws of one class's images for M pairs of networks that share the images: with probability 1/2
/// an image is "hard", and only then may any network be wrong on it, each independently.
fn pairs(errors: &[Vec<[f64; 2]>], samples: u64, rng: &mut ChaCha8Rng) -> Vec<PairedCounts> {
    let classes = errors[0].len();
    let mut counts = vec![vec![[samples, 0, 0, 0]; classes]; errors.len()];
    for class in 0..classes {
        for _ in 0..samples {
            if category([0.5], rng) == 1 {
                continue;
            }
            for (errors, counts) in errors.iter().zip(&mut counts) {
                let [a, b] = errors[class].map(|error| category([2.0 * error], rng) == 0);
                match (a, b) {
                    (true, true) => counts[class][1] += 1,
                    (true, false) => counts[class][2] += 1,
                    (false, true) => counts[class][3] += 1,
                    (false, false) => {}
                }
            }
        }
    }
    counts.iter().map(|counts| PairedCounts::from_counts(counts).unwrap()).collect()
}

/// M pairs of networks with known errors; delta = 0.3.
#[test]
fn these_networks() {
    let check = Check::new("T9", "P(mean of D over the pairs ∉ mean of the ends) ≤ δ", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(90);
    let (draws, delta) = (u64::from(cases(1000).min(5000)), 0.3);
    let populations = [
        ("one pair", vec![vec![[0.4, 0.3], [0.2, 0.2], [0.1, 0.15]]], 100),
        ("three alike", vec![vec![[0.45, 0.4], [0.2, 0.2], [0.1, 0.1]]; 3], 200),
        ("worst class differs by seed", vec![vec![[0.4, 0.3], [0.3, 0.35]], vec![[0.3, 0.45], [0.4, 0.2]]], 100),
        ("ties, five images", vec![vec![[0.25, 0.25]; 4]; 2], 5),
    ];
    let mut tightest = ("", 0.0_f64);
    for (name, errors, samples) in &populations {
        let worst = |network: &[[f64; 2]], model: usize| network.iter().map(|x| x[model]).fold(0.0, f64::max);
        let truth = errors.iter().map(|x| worst(x, 0) - worst(x, 1)).sum::<f64>() / errors.len() as f64;
        let mut misses = 0;
        for _ in 0..draws {
            let found = networks_difference(&pairs(errors, *samples, rng), delta).unwrap();
            misses += u64::from(!found.interval.contains(truth));
        }
        let share = miss_probability(misses, draws);
        println!("{name}: {misses} of {draws} missed: {share:.4?}");
        assert!(share.upper <= delta, "{name}: {share:?}");
        check.cases(draws);
        let ratio = misses as f64 / draws as f64 / delta;
        check.at_least(ratio);
        if ratio >= tightest.1 {
            tightest = (name, ratio);
        }
    }
    println!("tightest {:.3}, {}", tightest.1, tightest.0);
    check.passed();
}

/// Normal seeds: Student's interval misses with probability delta, neither more nor less; nine
/// tenths of it miss more often. The numbers are rescaled and shifted, which must not matter.
#[test]
fn students_interval_uses_up_its_level() {
    let check = Check::new("T9", "P(expectation over seeds ∉ Student's interval) = δ, normal seeds", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(91);
    let draws = u64::from(cases(20_000).min(50_000));
    for (seeds, delta, mean, deviation) in
        [(2, 0.05, 0.0, 1.0), (3, 0.3, 0.02, 0.01), (5, 0.05, -3.0, 0.1), (10, 0.1, 0.0, 7.0)]
    {
        let (mut misses, mut cut, mut rejected) = (0, 0, 0);
        for _ in 0..draws {
            let sample: Vec<f64> = (0..seeds).map(|_| mean + deviation * normal(rng)).collect();
            let found = paired_seeds(&sample, delta).unwrap();
            let radius = found.interval.upper - found.difference;
            misses += u64::from(!found.interval.contains(mean));
            cut += u64::from((found.difference - mean).abs() > 0.9 * radius);
            rejected += u64::from(
                paired_seeds(&sample.iter().map(|x| x - mean).collect::<Vec<_>>(), delta).unwrap().t_test <= delta,
            );
        }
        let share = miss_probability(misses, draws);
        println!("{seeds} seeds, delta {delta}: {share:.4?}, nine tenths {:.4}", cut as f64 / draws as f64);
        assert!(share.contains(delta), "{seeds} seeds: {share:?}");
        assert!(
            miss_probability(cut, draws).lower > delta || seeds == 2 || draws < 10_000,
            "nine tenths of the radius miss too often"
        );
        assert!(misses.abs_diff(rejected) <= 2, "the test and the interval agree: {misses} {rejected}");
        check.cases(draws);
    }
    check.passed();
}

/// Welch's is an approximation: how near it comes, with unequal spreads and numbers of seeds. No
/// claim of coverage is recorded.
#[test]
fn welchs_interval_is_near_its_level() {
    let rng = &mut ChaCha8Rng::seed_from_u64(92);
    let draws = u64::from(cases(10_000).min(100_000));
    for (a, b, ratio) in [(3, 3, 1.0), (3, 3, 10.0), (3, 10, 3.0), (10, 3, 3.0), (5, 5, 2.0)] {
        let mut misses = 0;
        for _ in 0..draws {
            let of_a: Vec<f64> = (0..a).map(|_| 1.0 + normal(rng)).collect();
            let of_b: Vec<f64> = (0..b).map(|_| 0.5 + ratio * normal(rng)).collect();
            misses += u64::from(!unpaired_seeds(&of_a, &of_b, 0.05).unwrap().interval.contains(0.5));
        }
        let share = misses as f64 / draws as f64;
        println!("{a} and {b} seeds, spreads 1 : {ratio}: {share:.4} missed of 0.05");
        assert!((0.02..0.08).contains(&share), "{share}");
    }
}

/// Exact under independence whatever the distribution: a two-point one with ties.
#[test]
fn the_sign_test_is_exact() {
    let check = Check::new("T9", "P(sign test's p ≤ δ) ≤ δ, either sign as likely", Kind::Enumeration);
    for seeds in 2..=12_u64 {
        for third in [0.0, 0.3] {
            // P(above = a, below = b) with P(tie) = third.
            let choose = |n: u64, k: u64| (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product::<f64>();
            for delta in [0.05, 0.3] {
                let mut rejected = 0.0;
                for ties in 0..=seeds {
                    let left = seeds - ties;
                    let mass =
                        choose(seeds, ties) * f64::powi(third, ties as i32) * f64::powi(1.0 - third, left as i32);
                    for above in 0..=left {
                        if mcnemar(above, left - above).unwrap().two_sided <= delta {
                            rejected += mass * choose(left, above) * 0.5f64.powi(left as i32);
                        }
                    }
                }
                assert!(rejected <= delta);
                check.ratio(rejected, delta);
            }
        }
        let all: Vec<f64> = (1..=seeds).map(|x| x as f64).collect();
        let p = paired_seeds(&all, 0.05).unwrap().sign_test.unwrap();
        assert!((p - 2f64.powi(1 - seeds as i32)).abs() < 1e-12);
    }
    check.passed();
}

/// Why the two are never mixed: seeds that hardly differ, measured on fifty images, give a narrow
/// interval between seeds that misses the population's difference, which these networks' interval
/// covers.
#[test]
fn between_seeds_is_not_the_population() {
    let check = Check::new("T9", "P(population's D ∉ Student's interval) ≤ δ", Kind::Necessity);
    let rng = &mut ChaCha8Rng::seed_from_u64(93);
    let (draws, delta, samples) = (u64::from(cases(400).min(5000)), 0.05, 50_u64);
    let (mut between, mut these) = (0, 0);
    for _ in 0..draws {
        // A's worst class has error 0.5, B's 0.4; five seeds with all but the same predictions.
        let wrong =
            |error: f64, rng: &mut ChaCha8Rng| (0..samples).filter(|_| category([error], rng) == 0).count() as u64;
        let (a, b) = (wrong(0.5, rng), wrong(0.4, rng).min(samples));
        let differences: Vec<f64> =
            (0..5).map(|_| (a as f64 - b as f64) / samples as f64 + 0.005 * normal(rng)).collect();
        between += u64::from(!paired_seeds(&differences, delta).unwrap().interval.contains(0.1));
        let together = (a + b).saturating_sub(samples);
        let worst = [samples, together, a - together, b - together];
        let counts = PairedCounts::from_counts(&[worst, [samples, 0, 0, 0]]).unwrap();
        these += u64::from(!networks_difference(&vec![counts; 5], delta).unwrap().interval.contains(0.1));
    }
    println!("between seeds {between} of {draws} missed, these networks {these}");
    assert!(miss_probability(between, draws).lower > 10.0 * delta);
    assert!(miss_probability(these, draws).lower <= delta);
    check.cases_at(draws, between as f64 / draws as f64 / delta);
    check.passed();
}
