//! T11: planned numbers of images and of seeds reach their power, and eight tenths of them do not.
//!
//! *Proof.* The powers are sums over outcomes (THEORY.md). Checked by simulation of the whole
//! procedure that the plan is for.

use car_spectral::bounds::{
    ComparisonVerdict, PairedCounts, clopper_pearson, images_for_certificate, images_for_paired, images_for_unpaired,
    paired_seeds, seeds_for_paired, worst_class_difference, worst_class_sign_level,
};
use proofs_checks::draws::{category, miss_probability, normal, paired_class};
use proofs_checks::evidence::{Check, Kind, cases};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const POWER: f64 = 0.8;

/// Runs `found` at the planned n and at eight tenths of it: at most 1 - POWER fail, and more than
/// that.
fn confirm(check: &Check, name: &str, n: u64, draws: u64, mut found: impl FnMut(u64) -> bool) {
    let mut failures = |n: u64| (0..draws).filter(|_| !found(n)).count() as u64;
    let (planned, fewer) = (failures(n), failures(n * 4 / 5));
    let (at, below) = (miss_probability(planned, draws), miss_probability(fewer, draws));
    println!(
        "{name}: n = {n}, power {:.3}; at {}: {:.3}",
        1.0 - at.lower.midpoint(at.upper),
        n * 4 / 5,
        1.0 - below.lower.midpoint(below.upper)
    );
    assert!(at.lower <= 1.0 - POWER, "{name}: power below {POWER}: {at:?}");
    assert!(below.lower > 1.0 - POWER, "{name}: eight tenths would do: {below:?}");
    check.cases(draws);
    // What is certain of the failures: the estimate itself lies on either side of what is allowed.
    check.at_least(at.lower / (1.0 - POWER));
}

fn wrong(error: f64, n: u64, rng: &mut ChaCha8Rng) -> u64 {
    (0..n).filter(|_| category([error], rng) == 0).count() as u64
}

#[test]
fn certificates() {
    let check = Check::new("T11", "P(max u_j(δ) > max e_j + w) ≤ 1 − power at the planned n", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(110);
    let draws = u64::from(cases(3000).min(10_000));
    let mut one = vec![0.1; 10];
    one[0] = 0.4;
    let populations = [
        ("one worst of ten", one, 0.05),
        ("ten equal", vec![0.3; 10], 0.1),
        ("spread", vec![0.05, 0.1, 0.2, 0.25, 0.28, 0.3], 0.08),
        ("rare errors", vec![0.01, 0.005, 0.02], 0.03),
    ];
    for (name, errors, width) in populations {
        let n = images_for_certificate(&errors, width, 0.05, POWER).unwrap().unwrap();
        let worst = errors.iter().copied().fold(0.0, f64::max);
        confirm(&check, name, n, draws, |n| {
            // The upper limit grows with the count.
            let most = errors.iter().map(|&error| wrong(error, n, rng)).max().unwrap();
            clopper_pearson(most, n, 0.05, 0.05).unwrap().upper <= worst + width
        });
    }
    check.passed();
}

/// The whole procedure T8 (b) at delta = 0.05, with the level that it spends on the sign.
#[test]
fn two_models_on_the_same_images() {
    let check = Check::new("T11", "P(T8 finds no sign of D) ≤ 1 − power at the planned n", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(111);
    let draws = u64::from(cases(600).min(2000));
    let level = worst_class_sign_level(0.05).unwrap();
    // Both wrong, only A, only B in the worst class; the others err on a fiftieth, alike.
    for (name, [both, a, b]) in [
        ("40 against 36 %, nine tenths in common", [0.324, 0.076, 0.036]),
        ("50 against 40 %, A's errors hold all of B's", [0.4, 0.1, 0.0]),
        ("60 against 50 %, half in common", [0.25, 0.35, 0.25]),
        ("90 against 70 %", [0.65, 0.25, 0.05]),
    ] {
        let n = images_for_paired(a + b, a - b, level, POWER).unwrap().unwrap();
        confirm(&check, name, n, draws, |n| {
            let shares = [[both, a, b], [0.02, 0.001, 0.001], [0.02, 0.001, 0.001]];
            let counts = PairedCounts::from_counts(&shares.map(|shares| paired_class(shares, n, rng))).unwrap();
            worst_class_difference(&counts, 0.05).unwrap().verdict == ComparisonVerdict::Worse
        });
    }
    check.passed();
}

#[test]
fn two_models_on_different_images() {
    let check = Check::new("T11", "P(l(A) ≤ u(B)) ≤ 1 − power at the planned n", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(112);
    let draws = u64::from(cases(3000).min(10_000));
    for (a, b, alpha) in [(0.4, 0.3, 0.0125), (0.9, 0.8, 0.05), (0.05, 0.01, 0.025), (0.5, 0.3, 0.2)] {
        let n = images_for_unpaired(a, b, alpha, POWER).unwrap().unwrap();
        confirm(&check, &format!("{a} against {b} at {alpha}"), n, draws, |n| {
            let end = |count| clopper_pearson(count, n, alpha, alpha).unwrap();
            end(wrong(a, n, rng)).lower > end(wrong(b, n, rng)).upper
        });
    }
    check.passed();
}

#[test]
fn seeds() {
    let check = Check::new("T11", "P(t-test finds no difference) ≤ 1 − power at the planned n", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(113);
    let draws = u64::from(cases(5000).min(50_000));
    for (difference, deviation, delta) in
        [(0.02, 0.02, 0.05), (0.01, 0.02, 0.05), (-0.03, 0.01, 0.01), (0.01, 0.03, 0.1)]
    {
        let n = seeds_for_paired(difference, deviation, delta, POWER).unwrap().unwrap();
        confirm(&check, &format!("{difference} at spread {deviation}, level {delta}"), n, draws, |n| {
            let sample: Vec<f64> = (0..n).map(|_| difference + deviation * normal(rng)).collect();
            paired_seeds(&sample, delta).unwrap().t_test <= delta
        });
    }
    check.passed();
}
