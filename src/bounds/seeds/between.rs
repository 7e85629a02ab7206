//! T9, between seeds: the expectation over seeds of a difference of two methods, as measured on one
//! test set.
//!
//! ```text
//! paired     x_1..x_n, x_i = a_i − b_i of seed i:   x̄ ± t_{n−1}(delta/2) s/√n
//! unpaired   a_1..a_n, b_1..b_m:                    ā − b̄ ± t_v(delta/2) √(s_a²/n + s_b²/m)
//!            v = (s_a²/n + s_b²/m)² / ((s_a²/n)²/(n−1) + (s_b²/m)²/(m−1))                      (Welch 1947)
//! ```
//! **Assumptions.** The seeds are drawn independently of each other. The paired interval is exact
//! if the x_i are normal with one variance; the unpaired one is an approximation even then. With
//! few seeds neither assumption can be seen in the data. The sign test beside the paired interval
//! assumes only independence and one distribution: its hypothesis is that x > 0 and x < 0 are
//! equally likely; with n seeds its p-value is at least 2^(1−n), so below six seeds it cannot reach
//! 0.05.
//!
//! Where the seeds do not differ among themselves nothing is known of their spread: the interval is
//! the whole line, and no test rejects. A spread below 2⁻³⁰ of the largest number counts as the
//! rounding of differences.
//!
//! The test images are not random here: where the numbers are errors measured on one test set, this
//! is about the mean over seeds of the *measured* error, not of the population's.

use super::student::{quantile, upper_tail};
use crate::bounds::error::check_delta;
use crate::bounds::paired::{ComparisonVerdict, mcnemar};
use crate::bounds::{BoundError, Interval};

/// A spread so small against the numbers themselves is the rounding of differences.
const ROUNDING: f64 = 1.0 / (1 << 30) as f64;

/// A mean difference over seeds, and what the spread between the seeds says about it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SeedComparison {
    /// Mean of A less mean of B.
    pub difference: f64,
    /// Interval of the expectation over seeds, Student's or Welch's; (−∞, ∞) without any spread.
    pub interval: Interval,
    /// s/√n, or √(s_a²/n + s_b²/m).
    pub standard_error: f64,
    /// n−1, or Welch's v.
    pub freedom: f64,
    /// Two-sided p-value of "no difference in expectation", of the same t.
    pub t_test: f64,
    /// Two-sided exact p-value of "either sign is as likely", seeds without a difference left out;
    /// `None` if unpaired.
    pub sign_test: Option<f64>,
    /// Verdict on A against B for numbers of which less is better: whether the interval lies below
    /// or above 0.
    pub verdict: ComparisonVerdict,
}

/// Paired by seed: `differences` x_i = a_i − b_i of n >= 2 seeds, where a_i and b_i share what a
/// seed fixes.
///
/// # Errors
/// [`BoundError::Delta`]; [`BoundError::TooFewSeeds`] for fewer than two; [`BoundError::Value`] for
/// a number that is not finite, or numbers whose differences are not.
pub fn paired_seeds(differences: &[f64], delta: f64) -> Result<SeedComparison, BoundError> {
    check_delta(delta)?;
    let sample = Sample::new(differences)?;
    let (above, below) = differences.iter().fold((0, 0), |(above, below), &difference| {
        (above + u64::from(difference > 0.0), below + u64::from(difference < 0.0))
    });
    let sign_test = Some(mcnemar(above, below)?.two_sided);
    Ok(compare(sample.mean, sample.standard_error, sample.size - 1.0, sign_test, delta))
}

/// Unpaired: the numbers of A's seeds and of B's, at least two each.
///
/// # Errors
/// As [`paired_seeds`].
pub fn unpaired_seeds(a: &[f64], b: &[f64], delta: f64) -> Result<SeedComparison, BoundError> {
    check_delta(delta)?;
    let (a, b) = (Sample::new(a)?, Sample::new(b)?);
    let total = a.standard_error.hypot(b.standard_error);
    // Without any spread each freedom is as good as another; the smaller is the careful one.
    let freedom = if total > 0.0 {
        let part = |sample: &Sample| (sample.standard_error / total).powi(4) / (sample.size - 1.0);
        1.0 / (part(&a) + part(&b))
    } else {
        a.size.min(b.size) - 1.0
    };
    Ok(compare(a.mean - b.mean, total, freedom, None, delta))
}

fn compare(difference: f64, standard_error: f64, freedom: f64, sign_test: Option<f64>, delta: f64) -> SeedComparison {
    let spread = standard_error > 0.0;
    let radius = if spread { quantile(0.5 * delta, freedom) * standard_error } else { f64::INFINITY };
    let interval = Interval { lower: difference - radius, upper: difference + radius };
    let t_test = if spread { 2.0 * upper_tail((difference / standard_error).abs(), freedom) } else { 1.0 };
    let verdict = ComparisonVerdict::of(interval);
    SeedComparison { difference, interval, standard_error, freedom, t_test, sign_test, verdict }
}

struct Sample {
    size: f64,
    mean: f64,
    standard_error: f64,
}

impl Sample {
    fn new(numbers: &[f64]) -> Result<Self, BoundError> {
        if numbers.len() < 2 {
            return Err(BoundError::TooFewSeeds { seeds: numbers.len() });
        }
        if let Some(&value) = numbers.iter().find(|number| !number.is_finite()) {
            return Err(BoundError::Value { what: "measurement of a seed", value, requirement: "finite" });
        }
        let size = numbers.len() as f64;
        let mean = numbers.iter().map(|number| number / size).sum::<f64>();
        let largest = numbers.iter().fold(0.0, |largest: f64, number| largest.max(number.abs()));
        let spread = numbers.iter().fold(0.0, |spread: f64, number| spread.max((number - mean).abs()));
        if spread.is_infinite() {
            let requirement = "small enough that the numbers' differences are finite";
            return Err(BoundError::Value { what: "measurement of a seed", value: largest, requirement });
        }
        let standard_error = if spread <= largest * ROUNDING {
            0.0
        } else {
            // In units of the spread no square leaves the range of numbers.
            let squares = numbers.iter().map(|number| ((number - mean) / spread).powi(2)).sum::<f64>();
            spread * (squares / (size - 1.0) / size).sqrt()
        };
        Ok(Self { size, mean, standard_error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from scipy.stats import ttest_1samp, ttest_ind, binomtest
    /// x = [.02, .05, -.01, .04, .03]; r = ttest_1samp(x, 0); print(r.pvalue, r.confidence_interval(.95), r.df)
    /// r = ttest_ind([.3, .34, .31], [.25, .27, .21, .3], equal_var=False)
    /// print(r.pvalue, r.confidence_interval(.9), r.df)
    /// binomtest(4, 5).pvalue
    /// ```
    #[test]
    fn agrees_with_scipy() {
        let paired = paired_seeds(&[0.02, 0.05, -0.01, 0.04, 0.03], 0.05).unwrap();
        approx::assert_relative_eq!(paired.t_test, 0.06498591034212063, max_relative = 1e-10);
        approx::assert_relative_eq!(paired.interval.lower, -0.0025852519098702245, max_relative = 1e-9);
        approx::assert_relative_eq!(paired.interval.upper, 0.05458525190987023, max_relative = 1e-9);
        assert_eq!((paired.freedom, paired.verdict), (4.0, ComparisonVerdict::Undecided));
        approx::assert_relative_eq!(paired.sign_test.unwrap(), 0.375, max_relative = 1e-14);
        let welch = unpaired_seeds(&[0.3, 0.34, 0.31], &[0.25, 0.27, 0.21, 0.3], 0.1).unwrap();
        approx::assert_relative_eq!(welch.t_test, 0.04810688604893445, max_relative = 1e-10);
        approx::assert_relative_eq!(welch.interval.lower, 0.013556319614752704, max_relative = 1e-9);
        approx::assert_relative_eq!(welch.interval.upper, 0.10477701371858056, max_relative = 1e-9);
        approx::assert_relative_eq!(welch.freedom, 4.753701248228248, max_relative = 1e-12);
        assert_eq!((welch.sign_test, welch.verdict), (None, ComparisonVerdict::Worse));
    }

    /// Two or three seeds that measured the same say nothing of a fourth; nor do differences that
    /// differ by rounding.
    #[test]
    fn without_spread_nothing_is_decided() {
        let rounded = [0.3 - 0.1, 0.5 - 0.3, 0.9 - 0.7];
        assert!(rounded[0] != rounded[1]);
        for same in [&[-0.25, -0.25, -0.25][..], &[-0.1; 3], &rounded, &[0.0; 2], &[1e-5; 7], &[-1e307; 3]] {
            let found = paired_seeds(same, 0.05).unwrap();
            assert_eq!((found.interval.lower, found.interval.upper), (f64::NEG_INFINITY, f64::INFINITY));
            assert_eq!((found.t_test, found.verdict), (1.0, ComparisonVerdict::Undecided), "{same:?}");
            approx::assert_relative_eq!(found.difference, same[0], max_relative = 1e-13);
        }
        assert_eq!(paired_seeds(&[0.0, 0.0], 0.05).unwrap().sign_test, Some(1.0));
        let unpaired = unpaired_seeds(&[0.5, 0.5], &[0.25; 5], 0.05).unwrap();
        assert_eq!((unpaired.difference, unpaired.freedom, unpaired.standard_error), (0.25, 1.0, 0.0));
        assert_eq!((unpaired.t_test, unpaired.verdict), (1.0, ComparisonVerdict::Undecided));
    }

    /// The unit of the numbers is no matter, however near to the ends of the range.
    #[test]
    fn the_unit_is_no_matter() {
        let numbers = [0.02, 0.05, -0.01, 0.04, 0.03];
        let one = paired_seeds(&numbers, 0.05).unwrap();
        for unit in [1e-300, 1e-200, 1e200, 1e305] {
            let scaled = numbers.map(|number| unit * number);
            let found = paired_seeds(&scaled, 0.05).unwrap();
            approx::assert_relative_eq!(found.t_test, one.t_test, max_relative = 1e-12);
            approx::assert_relative_eq!(found.standard_error, unit * one.standard_error, max_relative = 1e-12);
            let of_both = unpaired_seeds(&scaled, &[unit, 2.0 * unit], 0.05).unwrap();
            let expected = unpaired_seeds(&numbers, &[1.0, 2.0], 0.05).unwrap();
            approx::assert_relative_eq!(of_both.freedom, expected.freedom, max_relative = 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(paired_seeds(&[0.1], 0.05).unwrap_err(), BoundError::TooFewSeeds { seeds: 1 });
        assert_eq!(unpaired_seeds(&[0.1, 0.2], &[], 0.05).unwrap_err(), BoundError::TooFewSeeds { seeds: 0 });
        assert!(matches!(paired_seeds(&[0.1, f64::NAN], 0.05), Err(BoundError::Value { .. })));
        assert!(matches!(paired_seeds(&[f64::MAX, f64::MAX, -f64::MAX], 0.05), Err(BoundError::Value { .. })));
        assert!(matches!(paired_seeds(&[0.1, 0.2], 0.0), Err(BoundError::Delta { .. })));
        assert!(matches!(unpaired_seeds(&[0.1, 0.2], &[0.1, 0.2], 1.0), Err(BoundError::Delta { .. })));
    }
}
