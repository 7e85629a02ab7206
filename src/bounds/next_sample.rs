//! T5'': the errors among further images of a class, and in a finite population of which the images
//! seen are a part.
//!
//! ```text
//! k of n wrong, k' of the next n' wrong:  P(k' > most) <= α,  most = max{k' : P(Hyp(n+n', k+k', n) <= k) > α}
//!                                         P(k' < least) <= α, least = min{k' : P(Hyp(n+n', k+k', n) >= k) > α}
//! n drawn from N without replacement, D of the N wrong:  D in [k + least, k + most] with n' = N − n
//! ```
//! Hyp(N, D, n) is the number of wrong ones among n of N of which D are wrong. All n + n' images
//! are exchangeable: given that k + k' = D are wrong, the first n are any n of them. This is what a
//! second test set may be compared with; an interval of e_j may not.

use super::bisection::last;
use super::clopper_pearson::check_samples;
use super::error::{check_delta, check_errors, check_value};
use super::masses::hypergeometric_masses;
use super::{BoundError, Interval};

/// [least, most]: how many of `further` images will be wrong, after `errors` = k of `samples` = n;
/// `alpha` a side.
///
/// [0, n'] for n = 0. For all classes at once take alpha = delta/(2K), for M models delta/(2KM).
///
/// # Errors
/// [`BoundError::MoreErrorsThanSamples`] (as class 0) for k > n; [`BoundError::TooManySamples`] for
/// n or n' above [`MOST_SAMPLES`](super::MOST_SAMPLES); [`BoundError::Delta`] for an alpha outside
/// (0, 1).
pub fn prediction_limits(errors: u64, samples: u64, further: u64, alpha: f64) -> Result<[u64; 2], BoundError> {
    check_errors(0, errors, samples)?;
    check_samples(0, samples)?;
    check_samples(0, further)?;
    check_delta(alpha)?;
    let most = most(errors, samples, further, alpha);
    // Errors and right answers exchange their parts.
    let least = further - self::most(samples - errors, samples, further, alpha);
    Ok([least.min(most), most])
}

/// Bounds the share D/N of errors in a population of `population` = N images, from `errors` = k of
/// `samples` = n drawn from it without replacement; `alpha` a side. Narrower than Clopper-Pearson's
/// interval, which takes the population for infinite.
///
/// # Errors
/// As [`prediction_limits`], with n' = N − n; [`BoundError::Value`] for N < n or N = 0.
pub fn finite_population_interval(
    errors: u64,
    samples: u64,
    population: u64,
    alpha: f64,
) -> Result<Interval, BoundError> {
    let requirement = "at least 1 and at least the number of samples";
    check_value(population >= samples.max(1), "population", population as f64, requirement)?;
    let share = |further: u64| (errors + further) as f64 / population as f64;
    let [least, most] = prediction_limits(errors, samples, population - samples, alpha)?;
    Ok(Interval { lower: share(least), upper: share(most) })
}

/// The largest k' with P(Hyp(n+n', k+k', n) <= k) > alpha, which falls with k' from 1 at k' = 0.
fn most(errors: u64, samples: u64, further: u64, alpha: f64) -> u64 {
    let possible = |more: u64| {
        let masses = hypergeometric_masses(samples + further, errors + more, samples);
        // Tails are computed to far better than 1e-9; a total that is only just excluded stays.
        masses[..=errors as usize].iter().sum::<f64>() * (1.0 + 1e-9) > alpha
    };
    last(0, further + 1, possible)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from scipy.stats import hypergeom
    /// def limits(k, n, m, a):
    ///     most = max(x for x in range(m+1) if hypergeom.cdf(k, n+m, k+x, n) > a)
    ///     least = min(x for x in range(m+1) if hypergeom.sf(k-1, n+m, k+x, n) > a)
    ///     return least, most
    /// ```
    #[test]
    fn agrees_with_scipy() {
        for &(errors, samples, further, alpha, limits) in SCIPY {
            assert_eq!(prediction_limits(errors, samples, further, alpha).unwrap(), limits, "{errors} of {samples}");
        }
    }

    const SCIPY: &[(u64, u64, u64, f64, [u64; 2])] = &[
        (37, 100, 100, 0.025, [24, 51]),
        (37, 100, 10, 0.025, [1, 7]),
        (0, 100, 100, 0.00025, [0, 11]),
        (100, 100, 100, 0.00025, [89, 100]),
        (1, 5, 20, 0.1, [0, 12]),
        (3, 7, 1, 0.3, [0, 1]),
    ];

    #[test]
    fn without_samples_or_without_further_images() {
        assert_eq!(prediction_limits(0, 0, 9, 0.1).unwrap(), [0, 9]);
        assert_eq!(prediction_limits(3, 5, 0, 0.1).unwrap(), [0, 0]);
        assert_eq!(finite_population_interval(3, 5, 5, 0.1).unwrap(), Interval { lower: 0.6, upper: 0.6 });
    }

    #[test]
    fn a_total_that_is_only_just_excluded_stays() {
        // One right, one further: P(the first is the right one of the two) = 1/2, once the further one is wrong.
        for (alpha, most) in [(0.5, 1), (0.5 + 0.9e-10, 1), (0.5 * (1.0 + 1e-9), 0), (0.5 + 1e-8, 0)] {
            assert_eq!(prediction_limits(0, 1, 1, alpha).unwrap(), [0, most], "{alpha}");
        }
    }

    #[test]
    fn a_finite_population_is_known_better() {
        // 400 of 500, 148 of them wrong: python, as above with m = 100: (148 + 30)/500 and (148 + 56)/500.
        let interval = finite_population_interval(148, 400, 500, 0.00025).unwrap();
        let infinite = super::super::clopper_pearson(148, 400, 0.00025, 0.00025).unwrap();
        assert_eq!(interval.upper, 0.408);
        assert!(infinite.upper > 0.45 && infinite.lower < interval.lower);
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(prediction_limits(3, 2, 9, 0.1), Err(BoundError::MoreErrorsThanSamples { .. })));
        for alpha in [0.0, 1.0, f64::NAN] {
            assert!(matches!(prediction_limits(1, 2, 9, alpha), Err(BoundError::Delta { .. })));
        }
        assert!(matches!(prediction_limits(1, 2, u64::MAX, 0.1), Err(BoundError::TooManySamples { .. })));
        assert!(matches!(finite_population_interval(1, 9, 8, 0.1), Err(BoundError::Value { .. })));
        assert!(matches!(finite_population_interval(0, 0, 0, 0.1), Err(BoundError::Value { .. })));
    }
}
