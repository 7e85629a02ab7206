//! T5 with shares δ_j of δ that are not equal: the ends l_j, u_j miss e_j with probability at most
//! δ_j/2 each, so all intervals hold at once with probability ≥ 1−δ.
//!
//! Checked: the probability to miss, term by term, which is attained; that some class misses,
//! exactly, on four populations; ends 10 % nearer to ê_j fail.

use car_spectral::ClassErrors;
use car_spectral::bounds::{DeltaShares, Interval, held_out_intervals_with_shares};
use proofs_checks::evidence::{Check, Kind};

/// C(n,k) p^k (1-p)^(n-k).
fn mass(n: u64, k: u64, p: f64) -> f64 {
    let ln_choose: f64 = (0..k).map(|at| ((n - at) as f64 / (at + 1) as f64).ln()).sum();
    (ln_choose + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p()).exp()
}

/// The intervals of class j for every k.
fn by_count(counts: &[u64], shares: &DeltaShares, j: usize) -> Vec<Interval> {
    (0..=counts[j])
        .map(|k| {
            let mut errors = vec![0; counts.len()];
            errors[j] = k;
            held_out_intervals_with_shares(ClassErrors { errors: &errors, counts }, shares, 1).unwrap()[j]
        })
        .collect()
}

fn missed(n: u64, p: f64, outside: impl Fn(usize) -> bool) -> f64 {
    (0..=n).filter(|&k| outside(k as usize)).map(|k| mass(n, k, p)).sum()
}

#[test]
fn each_end_spends_half_a_share() {
    let check = Check::new("T5", "P(u_j < e_j) ≤ δ_j/2, P(e_j < l_j) ≤ δ_j/2", Kind::Enumeration);
    let counts = [5_u64, 20, 100, 500];
    for shares in
        [DeltaShares::mixed(&counts, 0.05).unwrap(), DeltaShares::new(vec![0.07, 0.02, 0.005, 0.005], 0.1).unwrap()]
    {
        for (j, &n) in counts.iter().enumerate() {
            let intervals = by_count(&counts, &shares, j);
            let half = 0.5 * shares.shares()[j];
            let mut smaller_fails = 0.0_f64;
            for k in (0..n as usize).step_by(1 + n as usize / 20) {
                let at = intervals[k].upper;
                let above = at + (1.0 - at) * 1e-9;
                let probability = missed(n, above, |k| intervals[k].upper < above);
                assert!(probability <= half * (1.0 + 1e-8), "n = {n}, k = {k}: {probability} {half}");
                check.ratio(probability, half);
                let below = 1.0 - above;
                let probability = missed(n, below, |k| intervals[k].lower > below);
                assert!(probability <= half * (1.0 + 1e-8));
                check.ratio(probability, half);
                let cut = |k: usize| {
                    let empirical = k as f64 / n as f64;
                    empirical + 0.9 * (intervals[k].upper - empirical)
                };
                let p = cut(k) + (1.0 - cut(k)) * 1e-9;
                smaller_fails = smaller_fails.max(missed(n, p, |k| cut(k) < p) / half);
            }
            assert!(smaller_fails > 1.2, "n = {n}: {smaller_fails}");
        }
    }
    check.passed();
}

#[test]
fn some_class_misses_at_most_delta() {
    let check = Check::new("T5", "P(some e_j outside [l_j, u_j]) ≤ δ with shares δ_j", Kind::Enumeration);
    let counts = [5_u64, 20, 100, 400];
    for delta in [0.05, 0.3] {
        let shares = DeltaShares::mixed(&counts, delta).unwrap();
        for (name, errors) in [
            ("equal", [0.5, 0.5, 0.5, 0.5]),
            ("long tail", [0.9, 0.6, 0.3, 0.1]),
            ("one bad class", [0.01, 0.01, 0.8, 0.01]),
            ("near the ends of no error", [0.65, 0.24, 0.055, 0.014]),
        ] {
            let mut all_hold = 1.0;
            for (j, (&n, &p)) in counts.iter().zip(&errors).enumerate() {
                let intervals = by_count(&counts, &shares, j);
                all_hold *= 1.0 - missed(n, p, |k| !intervals[k].contains(p));
            }
            println!("delta {delta}, {name}: some class misses with {:.5}", 1.0 - all_hold);
            assert!(1.0 - all_hold <= delta);
            check.ratio(1.0 - all_hold, delta);
        }
    }
    check.passed();
}
