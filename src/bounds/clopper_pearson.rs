//! T5: Clopper-Pearson intervals for the error of every class at once.
//!
//! ```text
//! l_j = BetaInv(delta/2K; k_j, n_j - k_j + 1)        0 if k_j = 0
//! u_j = BetaInv(1 - delta/2K; k_j + 1, n_j - k_j)    1 if k_j = n_j;  [0, 1] if n_j = 0
//! ```
//! With M models compared, delta/2K becomes delta/2KM. The samples must not have been used to
//! choose the model.
//!
//! Quantiles are found from the distribution function of `statrs`. Its own quantile was seen to
//! stop up to 3e-9 early (n = 4,000,000, k = 2), and starts at 1e-4 at the least; here Newton's
//! method on ln F, kept inside a bracket, runs until it stands still, and agrees with scipy to
//! 1e-11 absolute for n up to 10^7. The ends are then moved outwards by ten times as much, so that
//! no verdict hangs on a rounding.

use statrs::distribution::{Beta, Continuous, ContinuousCDF};
use statrs::statistics::Distribution;

use super::alike::Alike;
use super::error::{
    check_alpha, check_class_errors, check_delta, check_errors, check_length, check_not_empty, check_num_classes,
    check_value,
};
use super::{BoundError, DeltaShares, Interval};
use crate::ClassErrors;

/// The most samples a class may have here, 10^7. `statrs` takes 140 terms of its continued
/// fraction, enough for alpha <= 1/4 up to there (9e-12 from scipy at the most over 2844 cases) but
/// not for 10^8 (off by 3e-4), and a wrong interval is worse than none.
pub const MOST_SAMPLES: u64 = 10_000_000;

/// What an end is moved outwards by, ten times what it was seen to be off by: 1e-10, or 1e-7 of a
/// smaller limit.
const LIMIT_ERROR: f64 = 1e-10;
const RELATIVE_LIMIT_ERROR: f64 = 1e-7;
/// The same of the closed forms, relatively.
const CLOSED_FORM_ERROR: f64 = 1e-14;

/// The interval for a probability of which `errors` = k of `samples` = n independent trials came
/// true: P(p < lower) <= `alpha_lower` and P(p > upper) <= `alpha_upper` whatever p (Clopper and
/// Pearson 1934).
///
/// [0, 1] for n = 0; the closed forms 1 - alpha^(1/n) and alpha^(1/n) at k = 0 and k = n. Ends are
/// rounded outwards, by at most 1.1e-10.
///
/// # Errors
/// [`BoundError::MoreErrorsThanSamples`] (as class 0) for k > n; [`BoundError::Value`] for an alpha
/// outside (0, 1/4], all that T5 asks for; [`BoundError::TooManySamples`] for n above
/// [`MOST_SAMPLES`].
pub fn clopper_pearson(errors: u64, samples: u64, alpha_lower: f64, alpha_upper: f64) -> Result<Interval, BoundError> {
    check_errors(0, errors, samples)?;
    check_samples(0, samples)?;
    check_alpha("alpha_lower", alpha_lower)?;
    check_alpha("alpha_upper", alpha_upper)?;
    let lower = lower_limit(errors, samples, alpha_lower);
    Ok(Interval { lower, upper: upper_limit(errors, samples, alpha_upper).max(lower) })
}

/// The lower end alone, rounded downwards: P(X >= k | l) <= alpha; 0 for k = 0 and for n = 0. For
/// `errors` <= `samples`, alpha in (0, 1/4].
pub(super) fn lower_limit(errors: u64, samples: u64, alpha: f64) -> f64 {
    let limit = success_limit(errors, samples, alpha);
    if errors == samples {
        limit * (1.0 - CLOSED_FORM_ERROR)
    } else {
        limit - LIMIT_ERROR.min(RELATIVE_LIMIT_ERROR * limit)
    }
}

/// The upper end alone, rounded upwards: P(X <= k | u) <= alpha; 1 for k = n and for n = 0.
pub(super) fn upper_limit(errors: u64, samples: u64, alpha: f64) -> f64 {
    if samples == 0 {
        1.0
    } else if errors == 0 {
        -(alpha.ln() / samples as f64).exp_m1() * (1.0 + CLOSED_FORM_ERROR)
    } else {
        // The upper limit of k errors is one minus the lower limit of n - k successes: no 1 - alpha is ever formed.
        (1.0 - lower_limit(samples - errors, samples, alpha)).next_up()
    }
    .min(1.0)
}

/// T5 for all classes: [l_j, u_j], which hold together with probability at least 1 - delta (over
/// `models_compared` models too).
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Length`], [`BoundError::MoreErrorsThanSamples`],
/// [`BoundError::TooManySamples`], [`BoundError::Delta`]; [`BoundError::Empty`] for no model;
/// [`BoundError::Value`] if delta/2KM is below 2.3e-308.
pub fn held_out_intervals(
    of: ClassErrors<'_>,
    delta: f64,
    models_compared: usize,
) -> Result<Vec<Interval>, BoundError> {
    check_test_errors(of)?;
    let alpha = held_out_alpha(of.counts.len(), delta, models_compared)?;
    let alike = Alike::of(of.classes());
    let intervals = alike.values.iter().map(|&(errors, samples)| clopper_pearson(errors, samples, alpha, alpha));
    let intervals: Vec<Interval> = intervals.collect::<Result<_, _>>()?;
    Ok(alike.by_class(&intervals).copied().collect())
}

/// T5 with δ_j/2M a side in place of δ/2KM: intervals that hold together with probability at least
/// 1 − δ, narrower for the classes that have the larger shares. A side with more than 1/4 is
/// computed with 1/4.
///
/// # Errors
/// As [`held_out_intervals`]; [`BoundError::Length`] also if there is not one share a class.
pub fn held_out_intervals_with_shares(
    of: ClassErrors<'_>,
    shares: &DeltaShares,
    models_compared: usize,
) -> Result<Vec<Interval>, BoundError> {
    check_length("shares of delta", of.counts.len(), shares.shares().len())?;
    check_test_errors(of)?;
    check_not_empty("models compared", models_compared)?;
    let classes = of.classes().zip(shares.shares());
    classes
        .map(|((errors, samples), &share)| {
            let alpha = (0.5 * share / models_compared as f64).min(0.25);
            clopper_pearson(errors, samples, alpha, alpha)
        })
        .collect()
}

/// delta / (2 K M): what one side of one class's interval may fail with.
///
/// # Errors
/// As [`held_out_intervals`].
pub fn held_out_alpha(num_classes: usize, delta: f64, models_compared: usize) -> Result<f64, BoundError> {
    check_num_classes(num_classes)?;
    check_delta(delta)?;
    check_not_empty("models compared", models_compared)?;
    share_of(delta, 2.0 * num_classes as f64 * models_compared as f64)
}

/// Errors of samples, and not too many of them to compute with.
pub(super) fn check_test_errors(of: ClassErrors<'_>) -> Result<(), BoundError> {
    check_class_errors(of)?;
    of.counts.iter().enumerate().try_for_each(|(class, &samples)| check_samples(class, samples))
}

/// `delta` over a number of parts, which must be a normal number: below, tails lose their digits or
/// become 0.
pub(super) fn share_of(delta: f64, parts: f64) -> Result<f64, BoundError> {
    let share = delta / parts;
    let requirement = "at least 2.3e-308; take a larger delta";
    check_value(share.is_normal(), "share of delta of one statement", share, requirement)?;
    Ok(share)
}

pub(super) fn check_samples(class: usize, samples: u64) -> Result<(), BoundError> {
    if samples <= MOST_SAMPLES { Ok(()) } else { Err(BoundError::TooManySamples { class, samples }) }
}

/// BetaInv(alpha; k, n - k + 1), the p at which k or more of n come true with probability alpha.
fn success_limit(successes: u64, samples: u64, alpha: f64) -> f64 {
    let (k, n) = (successes as f64, samples as f64);
    if successes == 0 {
        0.0
    } else if successes == samples {
        (alpha.ln() / n).exp()
    } else {
        beta_quantile(k, n - k + 1.0, alpha)
    }
}

/// The x with F(x) = alpha for the Beta(a, b) distribution function, a, b >= 1, of which ln F is
/// concave.
fn beta_quantile(a: f64, b: f64, alpha: f64) -> f64 {
    let Ok(beta) = Beta::new(a, b) else { return 0.0 };
    solve(|x| (beta.cdf(x), beta.pdf(x)), beta.mean().unwrap_or(0.5), alpha)
}

/// Solves F(x) = alpha on (0, 1) for a distribution function of which ln F is concave;
/// `distribution` gives F and its density.
///
/// A Newton step on ln F from the left of the root stays left and one from the right jumps left: it
/// converges from anywhere; the bracket only guards against rounding and underflow.
fn solve(distribution: impl Fn(f64) -> (f64, f64), start: f64, alpha: f64) -> f64 {
    let (mut lower, mut upper) = (0.0, 1.0);
    let mut x = start;
    // Bisection alone would need at most 1100 steps to the smallest float; Newton needs about ten, and some more where
    // the rounding of F shows.
    for _ in 0..1100 {
        let (share, density) = distribution(x);
        if share < alpha {
            lower = x;
        } else {
            upper = x;
        }
        let newton = x - (share / alpha).ln() * share / density;
        let next = if (lower..=upper).contains(&newton) { newton } else { 0.5 * (lower + upper) };
        if next <= lower || next >= upper {
            return next;
        }
        x = next;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class_errors::of;

    /// Reference values n, k, alpha and the two ends, and the lines that print them (scipy 1.17):
    ///
    /// ```python
    /// from scipy.stats import beta
    /// for n, k, a in CASES:
    ///     lower = beta.ppf(a, k, n - k + 1) if k else 0.0
    ///     print(n, k, a, lower, beta.isf(a, k + 1, n - k) if k < n else 1.0, sep=",")
    /// ```
    fn scipy() -> impl Iterator<Item = (u64, u64, f64, f64, f64)> {
        include_str!("clopper_pearson.csv").lines().skip(1).map(|line| {
            let [n, k, alpha, lower, upper] = line.split(',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let real = |text: &str| text.parse::<f64>().unwrap();
            (n.parse().unwrap(), k.parse().unwrap(), real(alpha), real(lower), real(upper))
        })
    }

    #[test]
    fn is_outside_scipy_by_at_most_1_1e_10() {
        for (n, k, alpha, lower, upper) in scipy() {
            let interval = clopper_pearson(k, n, alpha, alpha).unwrap();
            let ends = [(lower - interval.lower, lower, k == n), (interval.upper - upper, 1.0 - upper, k == 0)];
            for (outwards, end, closed_form) in ends {
                // The end itself is right to 1e-11, and to 2e-8 of itself; a closed form to rounding.
                let (least, most) = match closed_form {
                    true => (0.0, 1e-13),
                    false => (f64::min(0.8e-10, 0.7e-7 * end), f64::min(1.2e-10, 1.3e-7 * end)),
                };
                let within = least - 1e-15 <= outwards && outwards <= most + 1e-15;
                assert!(within, "n = {n}, k = {k}, alpha = {alpha}: {interval:?}, scipy [{lower}, {upper}]");
            }
        }
    }

    #[test]
    fn newton_needs_less_than_twenty_steps_on_average() {
        let (steps, mut cases) = (std::cell::Cell::new(0), 0);
        for (n, k, alpha, ..) in scipy().filter(|&(n, k, ..)| 0 < k && k < n) {
            let beta = Beta::new(k as f64, (n - k + 1) as f64).unwrap();
            let counted = |x| {
                steps.set(steps.get() + 1);
                (beta.cdf(x), beta.pdf(x))
            };
            solve(counted, beta.mean().unwrap(), alpha);
            cases += 1;
        }
        assert!(steps.get() < 20 * cases, "{} steps for {cases} cases", steps.get());
    }

    #[test]
    fn the_share_of_delta_by_hand() {
        assert_eq!(held_out_alpha(4, 0.5, 8).unwrap(), 0.5 / 64.0);
    }

    #[test]
    fn edges_are_exact() {
        assert_eq!(clopper_pearson(0, 0, 0.1, 0.1).unwrap(), Interval { lower: 0.0, upper: 1.0 });
        let none = clopper_pearson(0, 1, 0.1, 0.25).unwrap();
        assert_eq!((none.lower, none.upper), (0.0, 0.75 * (1.0 + 1e-14)));
        let all = clopper_pearson(1, 1, 0.25, 0.1).unwrap();
        assert_eq!(all.upper, 1.0);
        approx::assert_relative_eq!(all.lower, 0.25 * (1.0 - 1e-14), max_relative = 1e-15);
        assert!(clopper_pearson(2, 1, 0.1, 0.1).is_err());
        assert!(clopper_pearson(1, 2, 0.0, 0.1).is_err());
        assert!(clopper_pearson(1, 2, 0.1, 0.6).is_err());
        assert!(clopper_pearson(1, 2, 0.1, f64::NAN).is_err());
    }

    #[test]
    fn shares_of_delta() {
        let (errors, counts) = ([0, 3, 10], [5, 20, 400]);
        let shares = DeltaShares::new(vec![0.2, 0.06, 0.04], 0.3).unwrap();
        let found = held_out_intervals_with_shares(of(&errors, &counts), &shares, 2).unwrap();
        for (j, alpha) in [0.05, 0.015, 0.01].into_iter().enumerate() {
            let expected = clopper_pearson(errors[j], counts[j], alpha, alpha).unwrap();
            approx::assert_relative_eq!(found[j].lower, expected.lower, max_relative = 1e-12);
            approx::assert_relative_eq!(found[j].upper, expected.upper, max_relative = 1e-12);
        }
        // Equal shares are T5 itself, and a share above one half is cut.
        let equal =
            held_out_intervals_with_shares(of(&errors, &counts), &DeltaShares::equal(3, 0.3).unwrap(), 1).unwrap();
        for (equal, plain) in equal.iter().zip(held_out_intervals(of(&errors, &counts), 0.3, 1).unwrap()) {
            approx::assert_relative_eq!(equal.upper, plain.upper, max_relative = 1e-12);
        }
        let most = DeltaShares::new(vec![0.6, 0.1], 0.8).unwrap();
        let cut = held_out_intervals_with_shares(of(&[1, 1], &[9, 9]), &most, 1).unwrap();
        assert_eq!(cut[0], clopper_pearson(1, 9, 0.25, 0.25).unwrap());

        let error = |errors: &[u64], counts: &[u64], models| {
            held_out_intervals_with_shares(ClassErrors { errors, counts }, &most, models).unwrap_err()
        };
        assert!(matches!(error(&[1, 1], &[2, 2], 0), BoundError::Empty { .. }));
        assert!(matches!(error(&[1], &[2, 2], 1), BoundError::Length { what: "errors", .. }));
        assert!(matches!(error(&[1; 3], &[2; 3], 1), BoundError::Length { what: "shares of delta", .. }));
        assert!(matches!(error(&[3, 1], &[2, 2], 1), BoundError::MoreErrorsThanSamples { .. }));
        assert!(matches!(error(&[3, 1], &[MOST_SAMPLES + 1; 2], 1), BoundError::TooManySamples { .. }));
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(
            held_out_intervals(of(&[1, 3], &[2, 2]), 0.05, 1).unwrap_err(),
            BoundError::MoreErrorsThanSamples { class: 1, errors: 3, samples: 2 }
        );
        assert_eq!(
            held_out_intervals(of(&[1], &[2]), 0.05, 1).unwrap_err(),
            BoundError::TooFewClasses { num_classes: 1 }
        );
        assert!(matches!(held_out_intervals(of(&[1], &[2, 2]), 0.05, 1), Err(BoundError::Length { got: 1, .. })));
        assert_eq!(held_out_intervals(of(&[1, 1], &[2, 2]), 1.0, 1).unwrap_err(), BoundError::Delta { delta: 1.0 });
        let many = [2, MOST_SAMPLES + 1];
        assert_eq!(
            held_out_intervals(of(&[1, 1], &many), 0.1, 1).unwrap_err(),
            BoundError::TooManySamples { class: 1, samples: MOST_SAMPLES + 1 }
        );
        assert!(matches!(held_out_intervals(of(&[1, 1], &[2, 2]), 0.1, 0), Err(BoundError::Empty { .. })));
    }
}
