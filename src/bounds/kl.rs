//! The relative entropy of two coins, and its inverse.
//!
//! ```text
//! kl(q‖p) = q ln(q/p) + (1-q) ln((1-q)/(1-p)),   0 ln 0 = 0
//! kl⁻¹(q, c) = max{ p in [q, 1] : kl(q‖p) <= c }
//! ```
//! A PAC-Bayes bound "kl(q‖p) <= c" says p <= kl⁻¹(q, c), which is never above Pinsker's q + √(c/2) and at q = 0 is 1 −
//! e^(−c) (Maurer 2004; Seeger 2002).

use super::BoundError;
use super::error::check_share;

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
/// [`BoundError::Value`] for a q outside [0, 1] or a c that is negative or NaN; an infinite c gives 1.
pub fn kl_inverse(q: f64, c: f64) -> Result<f64, BoundError> {
    check_share("q", q)?;
    if c.is_nan() || c < 0.0 {
        return Err(BoundError::Value { what: "c", value: c, requirement: "a number, not negative" });
    }
    // Each term carries a few roundings; what is certainly there is the sum less 8u of their sizes.
    let certainly_reaches = |p: f64| {
        let (first, second) = terms(q, p);
        first + second - 4.0 * f64::EPSILON * (first.abs() + second.abs()) >= c
    };
    let (mut below, mut above) = (q, 1.0);
    loop {
        let middle = 0.5 * (below + above);
        if middle <= below || middle >= above {
            return Ok(above);
        }
        if certainly_reaches(middle) {
            above = middle;
        } else {
            below = middle;
        }
    }
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

    #[test]
    fn bad_input_is_named() {
        for (q, c) in [(-0.1, 1.0), (1.1, 1.0), (f64::NAN, 1.0), (0.5, -1.0), (0.5, f64::NAN)] {
            assert!(matches!(kl_inverse(q, c), Err(BoundError::Value { .. })), "{q}, {c}");
        }
        assert!(binary_kl(0.5, f64::NAN).is_err() && binary_kl(2.0, 0.5).is_err());
    }
}
