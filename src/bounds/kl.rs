//! The relative entropy of two coins, and its inverse.
//!
//! ```text
//! kl(q‖p) = q ln(q/p) + (1-q) ln((1-q)/(1-p)),   0 ln 0 = 0
//! kl⁻¹(q, c) = max{ p in [q, 1] : kl(q‖p) <= c }
//! ```
//! A PAC-Bayes bound "kl(q‖p) <= c" says p <= kl⁻¹(q, c), which is never above Pinsker's q + √(c/2)
//! and at q = 0 is 1 − e^(−c) (Maurer 2004; Seeger 2002).

use super::BoundError;
use super::bisection::neighbours;
use super::error::{check_share, check_value};

/// kl(q‖p) in nats; infinite where p is 0 or 1 and q is not.
///
/// # Errors
/// [`BoundError::Value`] for a q or p outside [0, 1].
pub fn binary_kl(q: f64, p: f64) -> Result<f64, BoundError> {
    check_share("q", q)?;
    check_share("p", p)?;
    let (first, second) = terms(q, p);
    Ok((first + second).max(0.0))
}

/// kl⁻¹(q, c), rounded upwards: kl(q‖p) >= c at the p returned, unless that is 1.
///
/// # Errors
/// [`BoundError::Value`] for a q outside [0, 1] or a c that is negative or NaN; an infinite c
/// gives 1.
pub fn kl_inverse(q: f64, c: f64) -> Result<f64, BoundError> {
    check_share("q", q)?;
    check_value(c >= 0.0, "c", c, "a number, not negative")?;
    // A quotient is off by a rounding, and so its logarithm by u however small that is: with the roundings of 1 − q,
    // 1 − p, the products and the sum 3u + 5u (|first| + |second|) at the most; the two sizes add to at most kl + 2.
    let needed = c + 4.0 * f64::EPSILON * (c + 2.0);
    let certainly_reaches = |p: f64| {
        let (first, second) = terms(q, p);
        first + second >= needed
    };
    Ok(neighbours(q, 1.0, |p| !certainly_reaches(p)).1)
}

fn terms(q: f64, p: f64) -> (f64, f64) {
    let term = |q: f64, p: f64| if q == 0.0 { 0.0 } else { q * (q / p).ln() };
    (term(q, p), term(1.0 - q, 1.0 - p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(binary_kl(0.3, 0.3).unwrap(), 0.0);
        approx::assert_relative_eq!(binary_kl(0.0, 0.5).unwrap(), 2f64.ln(), max_relative = 1e-15);
        approx::assert_relative_eq!(binary_kl(1.0, 0.25).unwrap(), 4f64.ln(), max_relative = 1e-15);
        // python: .2*log(.2/.5) + .8*log(.8/.5)
        approx::assert_relative_eq!(binary_kl(0.2, 0.5).unwrap(), 0.19274475702175753, max_relative = 1e-14);
        assert_eq!(binary_kl(0.5, 1.0).unwrap(), f64::INFINITY);
        assert_eq!(binary_kl(0.5, 0.0).unwrap(), f64::INFINITY);
        assert_eq!((binary_kl(0.0, 0.0).unwrap(), binary_kl(1.0, 1.0).unwrap()), (0.0, 0.0));
    }

    #[test]
    fn the_inverse_is_the_inverse_from_above() {
        for q in [0.0, 1e-12, 0.01, 0.2, 0.5, 0.999] {
            assert!((q..q + 1e-7).contains(&kl_inverse(q, 0.0).unwrap()));
            for c in [1e-9, 1e-3, 0.1, 1.0, 30.0] {
                let p = kl_inverse(q, c).unwrap();
                let attained = binary_kl(q, p).unwrap();
                assert!(p == 1.0 || attained >= c, "q = {q}, c = {c}: p = {p}, kl = {attained}");
                assert!(binary_kl(q, q + (p - q) * (1.0 - 1e-5)).unwrap() <= c, "q = {q}, c = {c}: p = {p} is loose");
                assert!(p <= q + (c / 2.0).sqrt() + 1e-7, "Pinsker");
            }
        }
        approx::assert_relative_eq!(kl_inverse(0.0, 0.5).unwrap(), 1.0 - (-0.5f64).exp(), max_relative = 1e-14);
        assert_eq!((kl_inverse(1.0, 0.1).unwrap(), kl_inverse(0.3, f64::INFINITY).unwrap()), (1.0, 1.0));
    }

    /// q, c and the least float that is not below kl⁻¹(q, c).
    ///
    /// ```python
    /// from mpmath import mp, mpf, log; import numpy as np; mp.dps = 50
    /// def least(q, c):
    ///     kl = lambda p: mpf(q)*log(mpf(q)/p) + (1-mpf(q))*log((1-mpf(q))/(1-p)); low, high = mpf(q), mpf(1)
    ///     for _ in range(170): m = (low+high)/2; low, high = (m, high) if kl(m) <= c else (low, m)
    ///     return float(low) if mpf(float(low)) >= low else np.nextafter(float(low), 2)
    /// ```
    const EXACT: &[(f64, f64, f64)] = &[
        (0.3, 1e-18, 0.3000000006480741),
        (0.3, 1e-9, 0.3000204941681892),
        (0.3, 0.1, 0.5210276120682475),
        (0.1, 1e-6, 0.10042479735711952),
        (0.1, 1e-3, 0.11394793103272075),
        (0.7, 1e-15, 0.7000000204939013),
        (0.7, 1e-9, 0.7000204936348559),
        (0.7, 1e-6, 0.7006478071067335),
        (0.001, 1e-18, 0.001000000044698994),
        (0.001, 1e-9, 0.001001414171689631),
        (0.001, 1e-6, 0.001045366764991977),
        (0.001, 1e-3, 0.00314281862209154),
        (0.001, 1.0, 0.6352203964939468),
        (0.9, 1e-6, 0.9004237306912615),
        (0.9, 1.0, 0.9999982410858573),
    ];

    #[test]
    fn the_inverse_is_never_below_the_exact_one() {
        for &(q, c, exact) in EXACT {
            let p = kl_inverse(q, c).unwrap();
            let excess = (p - exact) / (exact - q);
            // 16u of kl, which near q is a square.
            let least = if (1e-9..=1e-3).contains(&c) { 6e-16 / c } else { 0.0 };
            assert!((least..2e-15 / c + 1e-14).contains(&excess), "q = {q}, c = {c}: {p} is {excess:e} above {exact}");
        }
    }

    #[test]
    fn bad_input_is_named() {
        for (q, c) in [(-0.1, 1.0), (1.1, 1.0), (f64::NAN, 1.0), (0.5, -1.0), (0.5, f64::NAN)] {
            assert!(matches!(kl_inverse(q, c), Err(BoundError::Value { .. })), "{q}, {c}");
        }
        assert!(binary_kl(0.5, f64::NAN).is_err() && binary_kl(2.0, 0.5).is_err());
    }
}
