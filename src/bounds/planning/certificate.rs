//! T11 (a): images a class for a certificate of the worst class.
//!
//! With t = max_j e_j + w and n images a class, max_j u_j(delta) <= t exactly if every k_j is at
//! most k_w = max{k : P(Bin(n, t) <= k) <= delta}; so with probability Π_j P(Bin(n, e_j) <= k_w).

use super::{check_power, least};
use crate::bounds::BoundError;
use crate::bounds::alike::Alike;
use crate::bounds::binomial::upper_tail;
use crate::bounds::bisection::last;
use crate::bounds::error::{check_delta, check_num_classes, check_share, check_value};

/// The images a class with which, for a model of the class errors `errors`, the one-sided upper
/// limit max_j u_j(`delta`) of the worst class's error exceeds the truth by at most `width` with
/// probability at least `power`.
///
/// Class errors of a model at hand are estimates; the plan is for a model that has exactly these.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`]; [`BoundError::Value`] for an error outside
/// [0, 1], a `width` that is not in (0, 1] or a `power` outside (0, 1).
pub fn images_for_certificate(errors: &[f64], width: f64, delta: f64, power: f64) -> Result<Option<u64>, BoundError> {
    check_num_classes(errors.len())?;
    check_delta(delta)?;
    check_power(power)?;
    errors.iter().try_for_each(|&error| check_share("error of a class", error))?;
    check_value(width > 0.0 && width <= 1.0, "width", width, "above 0 and at most 1")?;
    let allowed = errors.iter().copied().fold(0.0, f64::max) + width;
    let errors = Alike::of(errors.iter().map(|error| error.to_bits()));
    least(1, |n| Ok(certificate_power(&errors, allowed, n, delta) >= power))
}

/// P(max_j u_j(delta) <= allowed); `errors` by their bits.
fn certificate_power(errors: &Alike<u64>, allowed: f64, n: u64, delta: f64) -> f64 {
    if allowed >= 1.0 {
        return 1.0;
    }
    // P(Bin(n, p) <= k), from the right answers: as 1 − P(Bin(n, p) > k) it would lose every small value.
    let lower_tail = |k: u64, share: f64| upper_tail(n - k, n, 1.0 - share);
    let within = |k: u64| lower_tail(k, allowed) <= delta;
    if !within(0) {
        return 0.0;
    }
    let most = last(0, n, within);
    let tails: Vec<f64> = errors.values.iter().map(|&error| lower_tail(most, f64::from_bits(error))).collect();
    errors.by_class(&tails).product()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate_power(errors: &[f64], allowed: f64, n: u64, delta: f64) -> f64 {
        super::certificate_power(&Alike::of(errors.iter().map(|error| error.to_bits())), allowed, n, delta)
    }

    /// ```python
    /// from scipy.stats import binom
    /// def power(e, w, n, d):
    ///     k = int(binom.ppf(d, n, max(e)+w)); k -= binom.cdf(k, n, max(e)+w) > d
    ///     return binom.cdf(k, n, e).prod() if k >= 0 else 0.0
    /// ```
    #[test]
    fn agrees_with_scipy() {
        let ten = [0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1];
        for (errors, width, n, power) in [
            (&ten[..], 0.05, 500, 0.7688015117984329),
            (&[0.5; 100][..], 0.1, 300, 0.023885852669338254),
            (&[0.0; 3][..], 0.01, 299, 1.0),
        ] {
            let worst = errors.iter().copied().fold(0.0, f64::max);
            approx::assert_relative_eq!(certificate_power(errors, worst + width, n, 0.05), power, max_relative = 1e-10);
        }
        // 1 - 0.05^(1/n) <= 0.01 from n = 299 on.
        assert_eq!(images_for_certificate(&[0.0; 3], 0.01, 0.05, 0.9).unwrap(), Some(299));
        assert_eq!(certificate_power(&[0.0; 3], 0.01, 298, 0.05), 0.0);
        let n = images_for_certificate(&ten, 0.05, 0.05, 0.8).unwrap().unwrap();
        assert!(certificate_power(&ten, 0.35, n, 0.05) >= 0.8 && certificate_power(&ten, 0.35, n - 1, 0.05) < 0.8);
        // 2^-n <= 1e-18 from n = 60 on.
        assert_eq!(images_for_certificate(&[0.0; 2], 0.5, 1e-18, 0.9).unwrap(), Some(60));
        assert_eq!(images_for_certificate(&[0.5, 0.2], 0.5, 0.05, 0.9).unwrap(), Some(1));
        assert_eq!(images_for_certificate(&[0.5, 0.2], 1e-5, 0.05, 0.9).unwrap(), None);
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(images_for_certificate(&[0.1], 0.1, 0.05, 0.8), Err(BoundError::TooFewClasses { .. })));
        assert!(matches!(images_for_certificate(&[0.1, 1.1], 0.1, 0.05, 0.8), Err(BoundError::Value { .. })));
        assert!(matches!(images_for_certificate(&[0.1, 0.1], 0.0, 0.05, 0.8), Err(BoundError::Value { .. })));
        assert!(matches!(images_for_certificate(&[0.1, 0.1], 1.5, 0.05, 0.8), Err(BoundError::Value { .. })));
        assert!(matches!(images_for_certificate(&[0.1, 0.1], 0.1, 0.0, 0.8), Err(BoundError::Delta { .. })));
        assert!(matches!(images_for_certificate(&[0.1, 0.1], 0.1, 0.05, 1.0), Err(BoundError::Value { .. })));
    }
}
