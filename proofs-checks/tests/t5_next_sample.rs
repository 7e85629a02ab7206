//! T5'': errors among further images, and in a finite population.
//!
//! *Proof.* Given that k + k' of the n + n' images are wrong, the first n are any n of them, so k is hypergeometric, and the total is excluded with
//! probability at most α. Checked: the exact probability of a miss over all (k, k'), and over all draws from every
//! finite population.

use car_spectral::bounds::{finite_population_interval, prediction_limits};
use proofs_checks::evidence::{Check, Kind};

fn ln_choose(n: u64, k: u64) -> f64 {
    (0..k).map(|i| ((n - i) as f64 / (i + 1) as f64).ln()).sum()
}

fn binomial(n: u64, p: f64, k: u64) -> f64 {
    (ln_choose(n, k) + k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln()).exp()
}

#[test]
fn further_images() {
    let check = Check::new("T5''", "P(k′ > most) ≤ α and P(k′ < least) ≤ α", Kind::Enumeration);
    let mut nearer = 0.0_f64;
    for (n, further) in [(10_u64, 10_u64), (30, 10), (10, 40), (60, 60)] {
        for alpha in [0.2, 0.05, 0.01] {
            let limits: Vec<[u64; 2]> = (0..=n).map(|k| prediction_limits(k, n, further, alpha).unwrap()).collect();
            for e in (1..40).map(|step| f64::from(step) / 40.0) {
                let next: Vec<f64> = (0..=further).map(|k| binomial(further, e, k)).collect();
                let missed = |inside: u64| -> (f64, f64) {
                    let (mut above, mut below) = (0.0, 0.0);
                    for k in 0..=n {
                        let [least, most] = limits[k as usize];
                        let mass = binomial(n, e, k);
                        above += mass * next.iter().skip((most + 1).saturating_sub(inside) as usize).sum::<f64>();
                        below += mass * next.iter().take((least + inside) as usize).sum::<f64>();
                    }
                    (above, below)
                };
                let (above, below) = missed(0);
                assert!(above <= alpha * (1.0 + 1e-9) && below <= alpha * (1.0 + 1e-9), "{n} {further} {e}");
                check.ratio(above.max(below), alpha);
                let (above, below) = missed(1);
                nearer = nearer.max(above.max(below) / alpha);
            }
        }
    }
    // Limits one error nearer miss more often than allowed.
    assert!(nearer > 1.0, "{nearer}");
    println!("one error nearer: up to {nearer:.3} of α");
    check.passed();
}

#[test]
fn every_finite_population() {
    let check = Check::new("T5''", "P(D/N outside) ≤ α a side, D of N wrong", Kind::Enumeration);
    for (population, n) in [(20_u64, 5_u64), (50, 20), (100, 90)] {
        for alpha in [0.2, 0.05, 0.001] {
            let intervals: Vec<_> =
                (0..=n).map(|k| finite_population_interval(k, n, population, alpha)).collect::<Vec<_>>();
            for wrong in 0..=population {
                let (mut above, mut below) = (0.0, 0.0);
                for k in wrong.saturating_sub(population - n)..=n.min(wrong) {
                    let mass =
                        (ln_choose(wrong, k) + ln_choose(population - wrong, n - k) - ln_choose(population, n)).exp();
                    let interval = intervals[k as usize].as_ref().unwrap();
                    let share = wrong as f64 / population as f64;
                    above += if share > interval.upper { mass } else { 0.0 };
                    below += if share < interval.lower { mass } else { 0.0 };
                }
                assert!(above <= alpha * (1.0 + 1e-9) && below <= alpha * (1.0 + 1e-9), "{population} {n} {wrong}");
                check.ratio(above.max(below), alpha);
            }
        }
    }
    check.passed();
}
