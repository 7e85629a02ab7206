//! T5'': how many of the next n' images are wrong, and the share of errors in a finite population.
//!
//! *Proof.* Given that D of all n + n' images are wrong, the first n are any n of them: k ~ Hyp(n +
//! n', D, n), and k' > most means that the tail P(Hyp(n + n', k + k', n) <= k) of what was seen is
//! at most α, which has probability at most α whatever D (THEORY.md).
//!
//! Checked: all (k, k') for errors on a grid, limits one nearer miss too often; all D of a
//! population, every single end is needed.

use car_spectral::bounds::{clopper_pearson, finite_population_interval, prediction_limits};
use proofs_checks::evidence::{Check, Kind};
use proofs_checks::masses::{binomial, hypergeometric};

const ABOVE: &str = "P(k' > most) ≤ α";
const BELOW: &str = "P(k' < least) ≤ α";

/// The first n images are drawn from e, the next n' too: misses of both limits over all (k, k');
/// and of limits that are one nearer, where they are not 0 or n' anyway.
#[test]
fn next_images_exactly() {
    let checks = [ABOVE, BELOW].map(|claim| Check::new("T5''", claim, Kind::Enumeration));
    for (n, further) in [(1_u64, 1_u64), (5, 20), (20, 5), (30, 30), (60, 60), (200, 100)] {
        for alpha in [0.25, 0.025, 0.00025] {
            let limits: Vec<[u64; 2]> = (0..=n).map(|k| prediction_limits(k, n, further, alpha).unwrap()).collect();
            let (mut largest, mut nearer) = ([0.0_f64; 2], [0.0_f64; 2]);
            for step in 0..=200 {
                let e = f64::from(step) / 200.0;
                let (first, next) = (binomial(n, e), binomial(further, e));
                let (mut missed, mut missed_nearer) = ([0.0; 2], [0.0; 2]);
                for (mass, &[least, most]) in first.iter().zip(&limits) {
                    let above = |most: u64| next[most as usize + 1..].iter().rev().sum::<f64>();
                    let below = |least: u64| next[..least as usize].iter().sum::<f64>();
                    missed[0] += mass * above(most);
                    missed[1] += mass * below(least);
                    missed_nearer[0] += mass * above(if most < further { most.saturating_sub(1) } else { most });
                    missed_nearer[1] += mass * below(if least > 0 { (least + 1).min(further) } else { least });
                }
                for place in 0..2 {
                    assert!(missed[place] <= alpha * (1.0 + 1e-12), "n = {n}, n' = {further}, e = {e}: {missed:?}");
                    checks[place].ratio(missed[place], alpha);
                    largest[place] = largest[place].max(missed[place] / alpha);
                    nearer[place] = nearer[place].max(missed_nearer[place] / alpha);
                }
            }
            println!("n = {n}, n' = {further}, α {alpha}: misses {largest:.3?} of α, one nearer {nearer:.3?}");
            // With fewer images a whole one is too much.
            assert!(n.min(further) < 30 || nearer.iter().all(|&ratio| ratio > 1.02), "{nearer:?}");
        }
    }
    checks.into_iter().for_each(Check::passed);
}

/// n of N images without replacement, D of them wrong: misses of both ends for every D. Every
/// single end is needed: one image nearer for one k alone misses with more than α, at the D that is
/// lost. Clopper and Pearson's interval, for an infinite population, is nowhere narrower by more
/// than 1/N.
#[test]
fn finite_populations_exactly() {
    let checks =
        ["P(D/N > upper end) ≤ α", "P(D/N < lower end) ≤ α"].map(|claim| Check::new("T5''", claim, Kind::Enumeration));
    for (n, population) in [(1_u64, 2_u64), (4, 5), (5, 25), (30, 60), (50, 60), (100, 500)] {
        for alpha in [0.25, 0.025, 0.00025] {
            let size = population as f64;
            let ends: Vec<[f64; 2]> = (0..=n)
                .map(|k| {
                    let interval = finite_population_interval(k, n, population, alpha).unwrap();
                    let infinite = clopper_pearson(k, n, alpha, alpha).unwrap();
                    assert!(interval.upper <= infinite.upper + 1.0 / size);
                    assert!(interval.lower >= infinite.lower - 1.0 / size);
                    [interval.upper * size, interval.lower * size]
                })
                .collect();
            let (mut largest, mut nearer) = ([0.0_f64; 2], [f64::INFINITY; 2]);
            for wrong in 0..=population {
                let masses = hypergeometric(population, wrong, n);
                let d = wrong as f64;
                // Ends are whole numbers but for rounding.
                let beyond = [|ends: &[f64; 2], d: f64| d > ends[0] + 0.5, |ends: &[f64; 2], d: f64| d < ends[1] - 0.5];
                for place in 0..2 {
                    let missed = |also: Option<usize>| -> f64 {
                        let misses = |k: usize| Some(k) == also || beyond[place](&ends[k], d);
                        (0..=n as usize).filter(|&k| misses(k)).map(|k| masses[k]).sum()
                    };
                    let at = missed(None);
                    assert!(at <= alpha * (1.0 + 1e-12), "{n} of {population}, D = {wrong}: {at:?}");
                    checks[place].ratio(at, alpha);
                    largest[place] = largest[place].max(at / alpha);
                    for k in (0..=n as usize).filter(|&k| (ends[k][place] - d).abs() < 0.5) {
                        nearer[place] = nearer[place].min(missed(Some(k)) / alpha);
                    }
                }
            }
            println!(
                "{n} of {population}, α {alpha}: misses {largest:.3?} of α, one end one image nearer at least {nearer:.4?}"
            );
            assert!(nearer.iter().all(|&ratio| ratio > 1.0), "{nearer:?}");
        }
    }
    checks.into_iter().for_each(Check::passed);
}
