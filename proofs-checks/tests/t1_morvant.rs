//! T1 (Morvant, Koço and Ralaivola) with its condition m_min > 8K, and T1' without it.

use car_spectral::bounds::{Posterior, morvant, reciprocal_sum, unconditional};
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// m_min and K of the field's benchmarks: none is covered by T1.
#[test]
fn no_benchmark_is_covered() {
    for (name, m_min, num_classes, sentence) in [
        ("CIFAR100-LT", 5, 100, "not applicable: m_min = 5, needs more than 800"),
        ("ImageNet-LT", 5, 1000, "not applicable: m_min = 5, needs more than 8000"),
        ("iNaturalist 2018", 2, 8142, "not applicable: m_min = 2, needs more than 65136"),
    ] {
        let mut counts = vec![1_000_000; num_classes];
        counts[num_classes - 1] = m_min;
        for posterior in [Posterior::Deterministic, Posterior::Gibbs { kl: 0.0 }] {
            let outcome = morvant(&counts, posterior, 0.05).unwrap();
            assert_eq!(outcome.reason().unwrap().to_string(), sentence, "{name}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_condition_and_the_formula(
        counts in prop::collection::vec(1_u64..400, 2..6), kl in 0.0_f64..50.0, delta in 0.001_f64..0.5,
    ) {
        let (k, m_min) = (counts.len() as f64, *counts.iter().min().unwrap() as f64);
        let outcome = morvant(&counts, Posterior::Gibbs { kl }, delta).unwrap();
        prop_assert_eq!(outcome.value().is_some(), m_min > 8.0 * k);
        if let Some(bound) = outcome.value() {
            // The square, in another order of operations.
            let square = (kl - (4.0 * delta).ln() + m_min.ln()) * 8.0 * k / (m_min - 8.0 * k);
            prop_assert!((bound.radius.powi(2) / square - 1.0).abs() < 1e-12);
        }

        let unconditional = unconditional(&counts, Posterior::Gibbs { kl }, delta).unwrap();
        let radius = unconditional.value().unwrap().radius;
        let square = counts.iter().map(|&m| 4.0 / m as f64).sum::<f64>() * (kl + (3.0 / delta).ln());
        prop_assert!((radius.powi(2) / square - 1.0).abs() < 1e-12);
    }
}

/// The step of T1' that needs a number: if P(X >= 1 + t) <= exp(-t^2) for t >= 0, then
/// E exp(X^2/4) <= e^(1/4) + int_0^inf (1+t)/2 exp((1+t)^2/4 - t^2) dt = 2.966 <= 3.
#[test]
fn the_three_in_t1_prime() {
    // Simpson's rule; beyond t = 12 the integrand is below 1e-40.
    let integrand = |t: f64| (1.0 + t) / 2.0 * ((1.0 + t).powi(2) / 4.0 - t * t).exp();
    let steps = 20_000;
    let width = 12.0 / f64::from(steps);
    let sum: f64 = (0..=steps)
        .map(|at| {
            let factor = if at == 0 || at == steps { 1.0 } else { 2.0 + 2.0 * f64::from(at % 2) };
            factor * integrand(f64::from(at) * width)
        })
        .sum();
    let moment = 0.25_f64.exp() + sum * width / 3.0;
    // scipy.integrate.quad gives 2.9658779048936053.
    assert!((moment - 2.9658779048936053).abs() < 1e-10, "{moment}");
    assert!(moment <= 3.0);
}

/// The same moment and the bound at KL = 0 (Q = P: a classifier fixed before the data) on draws of the confusion counts.
#[test]
fn t1_prime_on_draws() {
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    // Population confusion by columns, the diagonal left out; few examples of the last class.
    let population = [[0.0, 0.2, 0.1], [0.3, 0.0, 0.3], [0.25, 0.25, 0.0]];
    let counts = [40_u64, 10, 2];
    let reciprocals = reciprocal_sum(&counts);
    let radius = unconditional(&counts, Posterior::Gibbs { kl: 0.0 }, 0.05).unwrap().value().unwrap().radius;
    let (mut moment, draws) = (0.0, 2000);
    for _ in 0..draws {
        let mut square = 0.0;
        for (column, &count) in population.iter().zip(&counts) {
            let mut seen = [0.0; 3];
            for _ in 0..count {
                let mut uniform: f64 = rng.random();
                for (row, share) in column.iter().enumerate() {
                    if uniform < *share {
                        seen[row] += 1.0 / count as f64;
                        break;
                    }
                    uniform -= share;
                }
            }
            square += seen.iter().zip(column).map(|(seen, share)| (seen - share).powi(2)).sum::<f64>();
        }
        // ||.||_2 <= ||.||_F, so this is more than T1' claims.
        assert!(square.sqrt() <= radius);
        moment += (square / (4.0 * reciprocals)).exp() / f64::from(draws);
    }
    assert!(moment <= 3.0, "{moment}");
}
