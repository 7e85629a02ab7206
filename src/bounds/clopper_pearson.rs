//! T5: Clopper-Pearson intervals for the error of every class at once.
//!
//! ```text
//! l_j = BetaInv(delta/2K; k_j, n_j - k_j + 1)        0 if k_j = 0
//! u_j = BetaInv(1 - delta/2K; k_j + 1, n_j - k_j)    1 if k_j = n_j;  [0, 1] if n_j = 0
//! ```
//! With M models compared, delta/2K becomes delta/2KM. The samples must not have been used to choose the model.
//!
//! Quantiles are found from the distribution function of `statrs`. Its own quantile was seen to stop up to 3e-9 early
//! (n = 4,000,000, k = 2), and starts at 1e-4 at the least; here Newton's method on ln F, kept inside a bracket, runs
//! until it stands still, and agrees with scipy to 1e-11 absolute for n up to 10^7. The ends are then moved outwards by
//! ten times as much, so that no verdict hangs on a rounding.

use statrs::distribution::{Beta, Continuous, ContinuousCDF};
use statrs::statistics::Distribution;

use super::error::{check_delta, check_errors, check_length, check_num_classes};
use super::{BoundError, DeltaShares, Interval};

/// The most samples a class may have here, 10^7. `statrs` takes 140 terms of its continued fraction, enough for
/// alpha <= 1/4 up to there (9e-12 from scipy at the most over 2844 cases) but not for 10^8 (off by 3e-4), and a wrong
/// interval is worse than none.
pub const MOST_SAMPLES: u64 = 10_000_000;

/// What an end is moved outwards by, ten times what it was seen to be off by: 1e-10, or 1e-7 of a smaller limit.
const LIMIT_ERROR: f64 = 1e-10;
const RELATIVE_LIMIT_ERROR: f64 = 1e-7;
/// The same of the closed forms, relatively.
const CLOSED_FORM_ERROR: f64 = 1e-14;

/// The interval for a probability of which `errors` = k of `samples` = n independent trials came true:
/// P(p < lower) <= `alpha_lower` and P(p > upper) <= `alpha_upper` whatever p (Clopper and Pearson 1934).
///
/// [0, 1] for n = 0; the closed forms 1 - alpha^(1/n) and alpha^(1/n) at k = 0 and k = n. Ends are rounded outwards, by
/// at most 1.1e-10.
///
/// # Errors
/// [`BoundError::MoreErrorsThanSamples`] (as class 0) for k > n; [`BoundError::Value`] for an alpha outside
/// (0, 1/4], all that T5 asks for; [`BoundError::TooManySamples`] for n above [`MOST_SAMPLES`].
pub fn clopper_pearson(errors: u64, samples: u64, alpha_lower: f64, alpha_upper: f64) -> Result<Interval, BoundError> {
    check_errors(&[errors], &[samples])?;
    check_samples(0, samples)?;
    for (what, alpha) in [("alpha_lower", alpha_lower), ("alpha_upper", alpha_upper)] {
        if !(alpha > 0.0 && alpha <= 0.25) {
            return Err(BoundError::Value { what, value: alpha, requirement: "above 0 and at most 1/4" });
        }
    }
    let lower = lower_limit(errors, samples, alpha_lower);
    Ok(Interval { lower, upper: upper_limit(errors, samples, alpha_upper).max(lower) })
}

/// The lower end alone, rounded downwards: P(X >= k | l) <= alpha; 0 for k = 0 and for n = 0. For `errors` <=
/// `samples`, alpha in (0, 1/4].
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

/// T5 for all classes: [l_j, u_j], which hold together with probability at least 1 - delta (over `models_compared`
/// models too). Slices of K: errors k_j and samples n_j.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Length`], [`BoundError::MoreErrorsThanSamples`],
/// [`BoundError::TooManySamples`], [`BoundError::Delta`]; [`BoundError::Empty`] for no model; [`BoundError::Value`] if
/// delta/2KM is below 2.3e-308.
pub fn held_out_intervals(
    errors: &[u64],
    counts: &[u64],
    delta: f64,
    models_compared: usize,
) -> Result<Vec<Interval>, BoundError> {
    check_num_classes(counts.len())?;
    check_length("errors", counts.len(), errors.len())?;
    check_errors(errors, counts)?;
    for (class, &samples) in counts.iter().enumerate() {
        check_samples(class, samples)?;
    }
    let alpha = held_out_alpha(counts.len(), delta, models_compared)?;
    errors.iter().zip(counts).map(|(&errors, &samples)| clopper_pearson(errors, samples, alpha, alpha)).collect()
}

/// T5 with δ_j/2M a side in place of δ/2KM: intervals that hold together with probability at least 1 − δ, narrower for
/// the classes that have the larger shares. Slices of K: errors k_j and samples n_j. A side with more than 1/4 is
/// computed with 1/4.
///
/// # Errors
/// As [`held_out_intervals`]; [`BoundError::Length`] also if there is not one share a class.
pub fn held_out_intervals_with_shares(
    errors: &[u64],
    counts: &[u64],
    shares: &DeltaShares,
    models_compared: usize,
) -> Result<Vec<Interval>, BoundError> {
    check_length("shares of delta", counts.len(), shares.shares().len())?;
    check_length("errors", counts.len(), errors.len())?;
    check_errors(errors, counts)?;
    for (class, &samples) in counts.iter().enumerate() {
        check_samples(class, samples)?;
    }
    if models_compared == 0 {
        return Err(BoundError::Empty { what: "models compared" });
    }
    let classes = errors.iter().zip(counts).zip(shares.shares());
    classes
        .map(|((&errors, &samples), &share)| {
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
    if models_compared == 0 {
        return Err(BoundError::Empty { what: "models compared" });
    }
    share_of(delta, 2.0 * num_classes as f64 * models_compared as f64)
}

/// `delta` over a number of parts, which must be a normal number: below, tails lose their digits or become 0.
pub(super) fn share_of(delta: f64, parts: f64) -> Result<f64, BoundError> {
    let share = delta / parts;
    if share.is_normal() {
        Ok(share)
    } else {
        let requirement = "at least 2.3e-308; take a larger delta";
        Err(BoundError::Value { what: "share of delta of one statement", value: share, requirement })
    }
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

/// The x with F(x) = alpha for the Beta(a, b) distribution function, a, b >= 1, of which ln F is concave.
fn beta_quantile(a: f64, b: f64, alpha: f64) -> f64 {
    let Ok(beta) = Beta::new(a, b) else { return 0.0 };
    solve(|x| (beta.cdf(x), beta.pdf(x)), beta.mean().unwrap_or(0.5), alpha)
}

/// Solves F(x) = alpha on (0, 1) for a distribution function of which ln F is concave; `distribution` gives F and its
/// density.
///
/// A Newton step on ln F from the left of the root stays left and one from the right jumps left: it converges from
/// anywhere; the bracket only guards against rounding and underflow.
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

    /// Reference values, and the lines that print them (scipy 1.17):
    ///
    /// ```python
    /// from scipy.stats import beta
    /// for n, k, a in CASES:
    ///     print(n, k, a, beta.ppf(a, k, n - k + 1) if k else 0.0, beta.isf(a, k + 1, n - k) if k < n else 1.0)
    /// ```
    const SCIPY: &[(u64, u64, f64, f64, f64)] = &[
        (1, 0, 0.025, 0.0, 0.975),
        (1, 0, 0.00025, 0.0, 0.99975),
        (1, 1, 0.025, 0.025, 1.0),
        (1, 1, 0.00025, 0.00025, 1.0),
        (2, 1, 0.025, 0.01257911709342505, 0.9874208829065749),
        (2, 1, 0.00025, 0.0001250078134767151, 0.9998749921865233),
        (5, 0, 0.25, 0.0, 0.24214171674480095),
        (5, 0, 0.00025, 0.0, 0.8096346061284121),
        (5, 0, 2.5e-06, 0.0, 0.9242141716744801),
        (5, 0, 3.07e-09, 0.0, 0.9801652068790346),
        (5, 1, 0.25, 0.05591248870509801, 0.45418056477361574),
        (5, 1, 0.00025, 5.000500075013127e-05, 0.9144058848999915),
        (5, 1, 2.5e-06, 5.0000050000075e-07, 0.973264400919907),
        (5, 1, 3.07e-09, 6.140000007539919e-10, 0.9950171735568343),
        (5, 4, 0.25, 0.5458194352263843, 0.944087511294902),
        (5, 4, 0.00025, 0.08559411510000844, 0.9999499949992499),
        (5, 4, 2.5e-06, 0.026735599080093014, 0.9999994999995),
        (5, 4, 3.07e-09, 0.004982826443165747, 0.999999999386),
        (5, 5, 0.25, 0.757858283255199, 1.0),
        (5, 5, 0.00025, 0.19036539387158782, 1.0),
        (5, 5, 2.5e-06, 0.07578582832551989, 1.0),
        (5, 5, 3.07e-09, 0.019834793120965373, 1.0),
        (100, 0, 0.25, 0.0, 0.013767295506640827),
        (100, 0, 0.00025, 0.0, 0.07959408694492459),
        (100, 0, 2.5e-06, 0.0, 0.12101917690211261),
        (100, 0, 3.07e-09, 0.0, 0.17800082103580803),
        (100, 1, 0.25, 0.0028726866410664935, 0.02669939886619296),
        (100, 1, 0.00025, 2.5003094263142764e-06, 0.1024920255536219),
        (100, 1, 2.5e-06, 2.5000030937551307e-08, 0.14611415476161158),
        (100, 1, 3.07e-09, 3.070000004665325e-11, 0.2045674035791292),
        (100, 7, 0.25, 0.05106668418478597, 0.09553853404662353),
        (100, 7, 0.00025, 0.012288827252630592, 0.201224586374101),
        (100, 7, 2.5e-06, 0.005912273626945019, 0.25182956416140756),
        (100, 7, 3.07e-09, 0.0021731140397018163, 0.314980125052526),
        (100, 50, 0.25, 0.46143119062854077, 0.5385688093714592),
        (100, 50, 0.00025, 0.32691534512440457, 0.6730846548755954),
        (100, 50, 2.5e-06, 0.27932068550954403, 0.720679314490456),
        (100, 50, 3.07e-09, 0.22888182144337885, 0.7711181785566211),
        (100, 99, 0.25, 0.973300601133807, 0.9971273133589335),
        (100, 99, 0.00025, 0.8975079744463781, 0.9999974996905737),
        (100, 99, 2.5e-06, 0.8538858452383884, 0.9999999749999691),
        (100, 99, 3.07e-09, 0.7954325964208708, 0.9999999999693),
        (100, 100, 0.25, 0.9862327044933592, 1.0),
        (100, 100, 0.00025, 0.9204059130550754, 1.0),
        (100, 100, 2.5e-06, 0.8789808230978874, 1.0),
        (100, 100, 3.07e-09, 0.821999178964192, 1.0),
        (1000, 1, 0.025, 2.531748749129404e-05, 0.005558924279826673),
        (1000, 1, 0.00025, 2.500312239514984e-07, 0.010706301099769772),
        (1000, 2, 0.025, 0.00024230111687723185, 0.007205838911457499),
        (1000, 2, 0.00025, 2.2540093690877503e-05, 0.01279513020426659),
        (1000, 333, 0.025, 0.30381780242015766, 0.36316921785200823),
        (1000, 333, 0.00025, 0.2822065437197286, 0.38662943898521057),
        (1000, 999, 0.025, 0.9944410757201734, 0.9999746825125088),
        (1000, 999, 0.00025, 0.9892936989002302, 0.999999749968776),
        (10000, 2, 0.025, 2.422184564042985e-05, 0.000722280057723716),
        (10000, 2, 0.00025, 2.2530175866581365e-06, 0.0012857810628554242),
        (10000, 9998, 0.025, 0.9992777199422763, 0.9999757781543596),
        (10000, 9998, 0.00025, 0.9987142189371446, 0.9999977469824134),
        (60000, 3, 0.025, 1.0311320743561041e-05, 0.0001461141953017051),
        (60000, 3, 0.00025, 1.9647797525946727e-06, 0.00024653497627813306),
        (60000, 12345, 0.025, 0.20252135295816215, 0.20900713161319653),
        (60000, 12345, 0.00025, 0.20003880683741654, 0.2115438518176058),
        (1000000, 0, 0.25, 0.0, 1.3862934002143067e-06),
        (1000000, 0, 0.00025, 0.0, 8.294015244567404e-06),
        (1000000, 0, 2.5e-06, 0.0, 1.2899136631511773e-05),
        (1000000, 0, 3.07e-09, 0.0, 1.960139616547107e-05),
        (1000000, 1, 0.25, 2.8768203107129746e-07, 2.6926322500836493e-06),
        (1000000, 1, 0.00025, 2.5003125517805225e-10, 1.075858524252264e-05),
        (1000000, 1, 2.5e-06, 2.5000031250020833e-12, 1.571544420745681e-05),
        (1000000, 1, 3.07e-09, 3.0700000047124454e-15, 2.2769765258174745e-05),
        (1000000, 2, 0.25, 9.612787817258139e-07, 3.920398295919644e-06),
        (1000000, 2, 0.00025, 2.2529085719388662e-08, 1.2864727210042905e-05),
        (1000000, 2, 2.5e-06, 2.2377374706324543e-09, 1.8108995192449184e-05),
        (1000000, 2, 3.07e-09, 7.836023801387161e-11, 2.5460930819876743e-05),
        (1000000, 3, 0.25, 1.7272996533787248e-06, 5.109422096041494e-06),
        (1000000, 3, 0.00025, 1.17885047110348e-07, 1.479346516905385e-05),
        (1000000, 3, 2.5e-06, 2.481552591366171e-08, 2.0288632981800194e-05),
        (1000000, 3, 3.07e-09, 2.6427163546452964e-09, 2.7905254116661532e-05),
        (1000000, 1000, 0.25, 0.0009785030021458585, 0.0010221430265376524),
        (1000000, 1000, 0.00025, 0.0008936648574134898, 0.0011147824108636388),
        (1000000, 1000, 2.5e-06, 0.0008622628715991842, 0.0011520019437768927),
        (1000000, 1000, 3.07e-09, 0.0008270396918618195, 0.0011958569390001493),
        (1000000, 500000, 0.25, 0.4996622552478878, 0.5003377447521122),
        (1000000, 500000, 0.00025, 0.49825912750857054, 0.5017408724914294),
        (1000000, 500000, 2.5e-06, 0.49771711860223594, 0.502282881397764),
        (1000000, 500000, 3.07e-09, 0.49709307563985355, 0.5029069243601465),
        (1000000, 999998, 0.25, 0.9999960796017041, 0.9999990387212183),
        (1000000, 999998, 0.00025, 0.9999871352727899, 0.9999999774709143),
        (1000000, 999998, 2.5e-06, 0.9999818910048075, 0.9999999977622626),
        (1000000, 999998, 3.07e-09, 0.9999745390691801, 0.9999999999216398),
        (1000000, 1000000, 0.25, 0.9999986137065998, 1.0),
        (1000000, 1000000, 0.00025, 0.9999917059847554, 1.0),
        (1000000, 1000000, 2.5e-06, 0.9999871008633685, 1.0),
        (1000000, 1000000, 3.07e-09, 0.9999803986038345, 1.0),
        (10000000, 3, 0.25, 1.7272994414123009e-07, 5.109426946843642e-07),
        (10000000, 3, 0.00025, 1.178849472673483e-08, 1.4793543679616428e-06),
        (10000000, 3, 2.5e-06, 2.481550385679232e-09, 2.0288790827118684e-06),
        (10000000, 3, 3.07e-09, 2.642713979342237e-10, 2.790556686711095e-06),
        (10000000, 3238454, 0.25, 0.3237455527916932, 0.3239452696451947),
        (10000000, 3238454, 0.00025, 0.3233304292270254, 0.32436066712194445),
        (10000000, 3238454, 2.5e-06, 0.3231701210080089, 0.3245211802008191),
        (10000000, 3238454, 3.07e-09, 0.32298558267305716, 0.3247060227693564),
    ];

    #[test]
    fn is_outside_scipy_by_at_most_1_1e_10() {
        for &(n, k, alpha, lower, upper) in SCIPY {
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
        for &(n, k, alpha, ..) in SCIPY.iter().filter(|&&(n, k, ..)| 0 < k && k < n) {
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
        let found = held_out_intervals_with_shares(&errors, &counts, &shares, 2).unwrap();
        for (j, alpha) in [0.05, 0.015, 0.01].into_iter().enumerate() {
            let expected = clopper_pearson(errors[j], counts[j], alpha, alpha).unwrap();
            approx::assert_relative_eq!(found[j].lower, expected.lower, max_relative = 1e-12);
            approx::assert_relative_eq!(found[j].upper, expected.upper, max_relative = 1e-12);
        }
        // Equal shares are T5 itself, and a share above one half is cut.
        let equal = held_out_intervals_with_shares(&errors, &counts, &DeltaShares::equal(3, 0.3).unwrap(), 1).unwrap();
        for (equal, plain) in equal.iter().zip(held_out_intervals(&errors, &counts, 0.3, 1).unwrap()) {
            approx::assert_relative_eq!(equal.upper, plain.upper, max_relative = 1e-12);
        }
        let most = DeltaShares::new(vec![0.6, 0.1], 0.8).unwrap();
        let cut = held_out_intervals_with_shares(&[1, 1], &[9, 9], &most, 1).unwrap();
        assert_eq!(cut[0], clopper_pearson(1, 9, 0.25, 0.25).unwrap());

        let error = |errors: &[u64], counts: &[u64], models| {
            held_out_intervals_with_shares(errors, counts, &most, models).unwrap_err()
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
            held_out_intervals(&[1, 3], &[2, 2], 0.05, 1).unwrap_err(),
            BoundError::MoreErrorsThanSamples { class: 1, errors: 3, samples: 2 }
        );
        assert_eq!(held_out_intervals(&[1], &[2], 0.05, 1).unwrap_err(), BoundError::TooFewClasses { num_classes: 1 });
        assert!(matches!(held_out_intervals(&[1], &[2, 2], 0.05, 1), Err(BoundError::Length { got: 1, .. })));
        assert_eq!(held_out_intervals(&[1, 1], &[2, 2], 1.0, 1).unwrap_err(), BoundError::Delta { delta: 1.0 });
        let many = [2, MOST_SAMPLES + 1];
        assert_eq!(
            held_out_intervals(&[1, 1], &many, 0.1, 1).unwrap_err(),
            BoundError::TooManySamples { class: 1, samples: MOST_SAMPLES + 1 }
        );
        assert!(matches!(held_out_intervals(&[1, 1], &[2, 2], 0.1, 0), Err(BoundError::Empty { .. })));
    }
}
