//! T3, steps 5 and 7: the KL of a Gaussian posterior that is restricted to a symmetric event, and
//! the two inequalities of the PAC-Bayes step that are checked by computing.
//!
//! ```text
//! KL(N(W, s^2 | W + A) ‖ N(0, s^2)) = ln(1/Z) + ‖W‖^2/(2 s^2),   A = -A, Z = P(U in A)
//! sum_k C(m,k) (k/m)^k (1-k/m)^(m-k) <= 2 sqrt m                 (Maurer 2004 for m >= 8)
//! 2 (p-q)^2 <= kl(p‖q)                                           (Pinsker)
//! ```
//! *Proof of the first.* ln of the density ratio at W + U is ln(1/Z) + (‖W+U‖^2 - ‖U‖^2)/(2 s^2),
//! and E <W, U> = 0 on A.
//!
//! Checked: in one dimension by quadrature; on random layers by simulation with the event of T3,
//! cut so that Z is well below 1, within five standard errors; m = 1 to 60 in rationals; Pinsker by
//! search.

use dashu_int::IBig;
use nalgebra::DMatrix;
use proofs_checks::draws::normal;
use proofs_checks::evidence::{Check, Kind, cases};
use proofs_checks::exact::RBig;
use proofs_checks::search::Search;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const KL: &str = "KL(Q̃‖P) = ln(1/Z) + ‖W̃‖²/2σ²";

/// One weight w, A = [-t, t]: the integral of q ln(q/p) by Simpson's rule.
#[test]
fn one_weight() {
    let check = Check::new("T3", KL, Kind::Enumeration);
    let simpson = |f: &dyn Fn(f64) -> f64, from: f64, to: f64| {
        let steps = 2000;
        let width = (to - from) / f64::from(steps);
        let term = |at: i32| {
            let factor = if at == 0 || at == steps { 1.0 } else { 2.0 + 2.0 * f64::from(at % 2) };
            factor * f(from + f64::from(at) * width)
        };
        (0..=steps).map(term).sum::<f64>() * width / 3.0
    };
    for (w, t, sigma) in [(0.7, 0.5, 1.0), (2.0, 1.0, 0.8), (-1.3, 0.1, 2.0), (0.0, 3.0, 1.0), (5.0, 2.0, 1.5)] {
        let density = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp() / (sigma * std::f64::consts::TAU.sqrt());
        let z = simpson(&density, -t, t);
        let integrand = |x: f64| {
            let q = density(x - w) / z;
            q * (q / density(x)).ln()
        };
        let found = simpson(&integrand, w - t, w + t);
        let formula = (1.0 / z).ln() + w * w / (2.0 * sigma * sigma);
        // Simpson's error: (2t)^5/(180 * 2000^4) times a fourth derivative below 1e4.
        assert!((found - formula).abs() <= 1e-9 * (1.0 + formula), "{found} {formula}");
        check.case();
    }
    check.passed();
}

/// Layers of random shape, the event "every ‖U_l‖₂ <= t", with t so that Z is about one half to one
/// hundredth.
#[test]
fn random_layers() {
    let check = Check::new("T3", KL, Kind::Simulation);
    // Two streams, so that the layers do not depend on how many draws are made.
    let (rng, noise_rng) = (&mut ChaCha8Rng::seed_from_u64(31), &mut ChaCha8Rng::seed_from_u64(32));
    let draws = cases(20_000).min(1_000_000);
    for case in 0..12 {
        let depth = 1 + case % 3;
        let shapes: Vec<(usize, usize)> =
            (0..depth).map(|_| (rng.random_range(1..4), rng.random_range(1..4))).collect();
        let sigma = rng.random_range(0.5..2.0);
        let layers: Vec<DMatrix<f64>> =
            shapes.iter().map(|&(r, c)| DMatrix::from_fn(r, c, |_, _| rng.random_range(-1.0..1.0))).collect();
        let square: f64 = layers.iter().map(DMatrix::norm_squared).sum();
        // sqrt(rows) + sqrt(columns) is about the norm of the noise.
        let typical = shapes.iter().map(|&(r, c)| (r as f64).sqrt() + (c as f64).sqrt()).fold(0.0, f64::max);
        let t = sigma * typical * rng.random_range(0.6..0.8);
        let (mut kept, mut sum, mut squares) = (0u32, 0.0, 0.0);
        for _ in 0..draws {
            let noise: Vec<DMatrix<f64>> =
                shapes.iter().map(|&(r, c)| DMatrix::from_fn(r, c, |_, _| sigma * normal(noise_rng))).collect();
            if noise.iter().any(|u| u.singular_values().max() > t) {
                continue;
            }
            kept += 1;
            // ln of the two normal densities at W + U, whose constants cancel.
            let log_ratio: f64 = layers
                .iter()
                .zip(&noise)
                .map(|(w, u)| ((w + u).norm_squared() - u.norm_squared()) / (2.0 * sigma * sigma))
                .sum();
            sum += log_ratio;
            squares += log_ratio * log_ratio;
        }
        let (n, all) = (f64::from(kept), f64::from(draws));
        let z = n / all;
        let mean = sum / n;
        let formula = square / (2.0 * sigma * sigma) - z.ln();
        let found = mean - z.ln();
        // Given Z's estimate, which both sides share, only the mean is uncertain.
        let error = ((squares / n - mean * mean) / n).sqrt();
        println!("Z {z:.3}: KL {found:.4} +- {error:.4}, formula {formula:.4}");
        assert!(kept > 50 && z < 0.9, "Z = {z}");
        assert!((found - formula).abs() <= 5.0 * error, "{found} +- {error}, formula {formula}");
        check.case();
    }
    check.passed();
}

/// The squares compared, in rationals: equality at m = 1.
#[test]
fn maurers_sum() {
    let check = Check::new("T3", "Σ_k C(m,k)(k/m)^k(1−k/m)^(m−k) ≤ 2√m", Kind::Exact);
    for m in 1u32..=60 {
        let power = |base: u32, exponent: u32| IBig::from(base).pow(exponent as usize);
        let mut choose = IBig::ONE;
        let mut sum = IBig::ZERO;
        for k in 0..=m {
            sum += &choose * power(k, k) * power(m - k, m - k);
            choose = choose * IBig::from(m - k) / IBig::from(k + 1);
        }
        // sum / m^m <= 2 sqrt m  <=>  sum^2 <= 4 m m^(2m).
        let (left, right) = (sum.pow(2), IBig::from(4 * m) * power(m, 2 * m));
        assert!(left <= right, "m = {m}");
        assert_eq!(left == right, m == 1);
        let quotient = RBig::from(left) / RBig::from(right);
        check.ratio(quotient.to_f64().value().sqrt(), 1.0);
    }
    check.passed();
}

#[test]
fn pinsker() {
    let check = Check::new("T3", "2(p−q)² ≤ kl(p‖q)", Kind::Search);
    let part = |p: f64, q: f64| if p == 0.0 { 0.0 } else { p * (p / q).ln() };
    let found = Search { starts: 4, evaluations: 50_000, seed: 4 }.maximise(2, |x| {
        let (p, q) = (x[0], x[1]);
        // Nearer to each other the difference of the two logarithms has too few digits left.
        if (p - q).abs() < 1e-3 || q == 0.0 || q == 1.0 {
            return f64::NAN;
        }
        2.0 * (p - q).powi(2) / (part(p, q) + part(1.0 - p, 1.0 - q))
    });
    // kl >= 2e-6 from terms of size 1e-3 that are within 4u.. of theirs: 1e-15/2e-6 < 1e-8.
    assert!(found.value <= 1.0 + 1e-8 && found.value > 0.999, "{found:?}");
    check.cases_at(found.evaluations, found.value);
    check.passed();
}
