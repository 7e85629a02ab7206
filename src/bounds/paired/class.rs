//! T8 (a): one class, and all classes at once.
//!
//! With s = β + γ the probability that exactly one of the two models is wrong and π = β/s that it
//! is then A, d = β − γ = s(2π − 1). Given m = b + c, b ~ Bin(m, π); m ~ Bin(n, s). With one-sided
//! Clopper-Pearson ends of π at 4α/5 and of s at α/5:
//!
//! ```text
//! U(d; α) = (2π⁺ − 1) s⁺ if π⁺ >= 1/2, else (2π⁺ − 1) s⁻;    L(d; α) = (2π⁻ − 1) s⁻ if π⁻ >= 1/2, else (2π⁻ − 1) s⁺
//! P(d > U) <= α,  P(d < L) <= α
//! ```
//! U < 0 exactly if McNemar's exact test of d >= 0 rejects at 4α/5. Where both models err alone
//! about equally often this is up to √2 narrower than the difference of Clopper-Pearson ends of β
//! and γ; it is wider only where nearly all of the images on which one errs alone belong to one of
//! them.

use super::{ComparisonVerdict, PairedCounts};
use crate::bounds::binomial::coin_tail_above;
use crate::bounds::clopper_pearson::{check_samples, share_of};
use crate::bounds::error::{check_alpha, check_delta, check_errors};
use crate::bounds::holm::holm;
use crate::bounds::{BoundError, Interval, clopper_pearson};

/// The share of α that pays for s, the rest for π: a few percent of the width at the most hang on
/// it.
const DISCORDANCE_SHARE: f64 = 0.2;

/// What [`difference_interval`] spends on the sign: U < 0 if and only if McNemar's one-sided
/// p-value is below this share of α.
pub(in crate::bounds) const SIGN_SHARE: f64 = 1.0 - DISCORDANCE_SHARE;

/// The exact p-values of McNemar's test, rounded upwards (by less than 10⁻¹² of themselves for b +
/// c <= 1000, by 10⁻⁹ + 10⁻¹³ (b + c) of themselves above): one model errs alone as often as the
/// other.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct McNemar {
    /// P(Bin(b+c, 1/2) >= b): small if A is worse; of the hypothesis d <= 0.
    pub a_worse: f64,
    /// P(Bin(b+c, 1/2) >= c): small if B is worse; of the hypothesis d >= 0.
    pub b_worse: f64,
    /// min(1, twice the smaller one): of d = 0.
    pub two_sided: f64,
}

/// McNemar's exact test of one class, from `only_a_wrong` = b and `only_b_wrong` = c.
///
/// # Errors
/// [`BoundError::TooManySamples`] (as class 0) if b + c exceeds
/// [`MOST_SAMPLES`](crate::bounds::MOST_SAMPLES).
pub fn mcnemar(only_a_wrong: u64, only_b_wrong: u64) -> Result<McNemar, BoundError> {
    let discordant = only_a_wrong.saturating_add(only_b_wrong);
    check_samples(0, discordant)?;
    let (a_worse, b_worse) = (coin_tail_above(only_a_wrong, discordant), coin_tail_above(only_b_wrong, discordant));
    Ok(McNemar { a_worse, b_worse, two_sided: (2.0 * a_worse.min(b_worse)).min(1.0) })
}

/// [L(d; α), U(d; α)] of one class: b images wrong for A only, c for B only, of `samples` = n;
/// `alpha` a side.
///
/// [-1, 1] for n = 0.
///
/// # Errors
/// [`BoundError::MoreErrorsThanSamples`] (as class 0) if b + c > n; [`BoundError::Value`] for an
/// alpha outside (0, 1/4]; [`BoundError::TooManySamples`].
pub fn difference_interval(
    only_a_wrong: u64,
    only_b_wrong: u64,
    samples: u64,
    alpha: f64,
) -> Result<Interval, BoundError> {
    let discordant = only_a_wrong.saturating_add(only_b_wrong);
    check_errors(0, discordant, samples)?;
    check_alpha("alpha", alpha)?;
    let (of_discordance, of_sign) = (alpha * DISCORDANCE_SHARE, alpha * SIGN_SHARE);
    let s = clopper_pearson(discordant, samples, of_discordance, of_discordance)?;
    let pi = clopper_pearson(only_a_wrong, discordant, of_sign, of_sign)?;
    let (highest, lowest) = (2.0 * pi.upper - 1.0, 2.0 * pi.lower - 1.0);
    Ok(Interval {
        lower: lowest * if lowest >= 0.0 { s.lower } else { s.upper },
        upper: highest * if highest >= 0.0 { s.upper } else { s.lower },
    })
}

/// One class of two models.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ClassDifference {
    /// (b_j − c_j)/n_j; `None` without images.
    pub difference: Option<f64>,
    /// Interval of d_j; all classes at once with probability at least 1 − delta.
    pub interval: Interval,
    /// McNemar's exact test of this class alone.
    pub test: McNemar,
    /// The smallest delta at which Holm's method finds a sign for this class.
    pub adjusted: f64,
    /// The sign that Holm's method finds at delta; with probability at least 1 − delta no class
    /// gets a wrong one.
    pub verdict: ComparisonVerdict,
}

/// T8 (a) for every class: intervals at delta/(2K) a side, and Holm's method (1979) over the 2K
/// one-sided hypotheses d_j <= 0 and d_j >= 0.
///
/// The intervals hold all together with probability 1 − delta, and so do the verdicts; both
/// together with 1 − 2 delta. The verdicts decide more classes.
///
/// # Errors
/// [`BoundError::Delta`], [`BoundError::TooManySamples`]; [`BoundError::Value`] if delta/2K is
/// below 2.3e-308.
pub fn class_differences(counts: &PairedCounts, delta: f64) -> Result<Vec<ClassDifference>, BoundError> {
    check_delta(delta)?;
    let classes = counts.num_classes();
    counts.samples().iter().enumerate().try_for_each(|(class, &samples)| check_samples(class, samples))?;
    let alpha = share_of(delta, 2.0 * classes as f64)?;
    let tests: Vec<McNemar> = counts
        .only_a_wrong()
        .iter()
        .zip(counts.only_b_wrong())
        .map(|(&b, &c)| mcnemar(b, c))
        .collect::<Result<_, _>>()?;
    let one_sided: Vec<f64> = tests.iter().flat_map(|test| [test.a_worse, test.b_worse]).collect();
    let adjusted = holm(&one_sided);
    (0..classes)
        .map(|class| {
            let (b, c) = (counts.only_a_wrong()[class], counts.only_b_wrong()[class]);
            let samples = counts.samples()[class];
            let smaller = adjusted[2 * class].min(adjusted[2 * class + 1]);
            Ok(ClassDifference {
                difference: (samples > 0).then(|| (b as f64 - c as f64) / samples as f64),
                interval: difference_interval(b, c, samples, alpha)?,
                test: tests[class],
                adjusted: smaller,
                verdict: if smaller > delta {
                    ComparisonVerdict::Undecided
                } else if b < c {
                    ComparisonVerdict::Better
                } else {
                    ComparisonVerdict::Worse
                },
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from scipy.stats import beta, binom, binomtest
    /// U = lambda k, n, a: beta.isf(a, k+1, n-k) if k < n else 1.0
    /// L = lambda k, n, a: beta.ppf(a, k, n-k+1) if k else 0.0
    /// def upper(b, c, n, a):
    ///     m, p = b+c, 2*U(b, b+c, .8*a)-1
    ///     return p*(U(m, n, .2*a) if p >= 0 else L(m, n, .2*a))
    /// for b, c, n, a in CASES: print(b, c, n, a, -upper(c, b, n, a), upper(b, c, n, a))
    /// ```
    #[test]
    fn intervals_agree_with_scipy() {
        for &(b, c, n, alpha, lower, upper) in SCIPY {
            let interval = difference_interval(b, c, n, alpha).unwrap();
            assert!((interval.lower - lower).abs() <= 1e-9, "{b} {c} {n} {alpha}: {interval:?}");
            assert!((interval.upper - upper).abs() <= 1e-9, "{b} {c} {n} {alpha}: {interval:?}");
            let exchanged = difference_interval(c, b, n, alpha).unwrap();
            assert!((exchanged.lower + upper).abs() <= 1e-9 && (exchanged.upper + lower).abs() <= 1e-9);
        }
    }

    const SCIPY: &[(u64, u64, u64, f64, f64, f64)] = &[
        (76, 36, 1000, 0.0125, 0.01138898383585237, 0.07924088914307224),
        (36, 36, 1000, 0.0125, -0.027544574234204085, 0.027544574234204085),
        (112, 0, 1000, 0.0125, 0.07883102942079909, 0.14268970701066902),
        (3, 1, 10, 0.05, -0.4229714484257528, 0.7657881937166073),
        (1, 0, 5, 0.2, -0.4608979937426194, 0.677791167268558),
        (0, 1, 100, 0.00025, -0.1181236201039395, 0.11807637065589792),
        (300, 250, 10000, 0.00125, -0.0026998226080781926, 0.01407849803794736),
        (50, 40, 100, 1e-06, -0.3834359101945422, 0.5668245957238479),
    ];

    #[test]
    fn edges_are_closed_forms() {
        assert_eq!(difference_interval(0, 0, 0, 0.1).unwrap(), Interval { lower: -1.0, upper: 1.0 });
        // No discordant image: all that is known is s.
        let none = difference_interval(0, 0, 3, 0.1).unwrap();
        let s = 1.0 - 0.02f64.powf(1.0 / 3.0);
        approx::assert_relative_eq!(none.upper, s, max_relative = 1e-9);
        assert_eq!(none.lower, -none.upper);
        // All wrong for A only: pi <= 1, s <= 1, and below 0.08^(1/4), 0.02^(1/4).
        let all = difference_interval(4, 0, 4, 0.1).unwrap();
        approx::assert_relative_eq!(all.upper, 1.0, epsilon = 1e-12);
        let lower = (2.0 * 0.08f64.powf(0.25) - 1.0) * 0.02f64.powf(0.25);
        approx::assert_relative_eq!(all.lower, lower, max_relative = 1e-9);
    }

    /// `binomtest(7, 8).pvalue`; P(Bin(8, 1/2) >= 7) = 9/256, P(>= 1) = 255/256.
    #[test]
    fn mcnemar_by_hand() {
        let test = mcnemar(7, 1).unwrap();
        approx::assert_relative_eq!(test.a_worse, 9.0 / 256.0, max_relative = 1e-13);
        approx::assert_relative_eq!(test.b_worse, 255.0 / 256.0, max_relative = 1e-13);
        approx::assert_relative_eq!(test.two_sided, 0.0703125, max_relative = 1e-13);
        assert_eq!(mcnemar(0, 0).unwrap(), McNemar { a_worse: 1.0, b_worse: 1.0, two_sided: 1.0 });
        assert_eq!(mcnemar(3, 3).unwrap().two_sided, 1.0);
        assert!(mcnemar(u64::MAX, 1).is_err());
    }

    #[test]
    fn many_equal_errors_are_no_difference() {
        let test = mcnemar(5_000_000, 5_000_000).unwrap();
        assert_eq!(test.two_sided, 1.0);
        // binom.sf(4999999, 10**7, .5), rounded upwards by 10⁻⁹ + 10⁻⁶ of itself.
        let excess = test.a_worse / 0.5001261566229462 - 1.0;
        assert!((0.9e-6..1.1e-6).contains(&excess), "{excess:e}");
        assert!(matches!(mcnemar(50_000_000, 50_000_000), Err(BoundError::TooManySamples { .. })));
    }

    #[test]
    fn the_interval_has_the_sign_of_the_test() {
        for (b, c) in [(3, 14), (4, 14), (5, 14), (2, 14), (0, 5), (0, 6), (0, 7), (20, 35), (20, 40)] {
            for alpha in [0.01, 0.025, 0.05] {
                let interval = difference_interval(b, c, 300, alpha).unwrap();
                assert_eq!(
                    interval.upper < 0.0,
                    mcnemar(b, c).unwrap().b_worse < SIGN_SHARE * alpha,
                    "{b} {c} {alpha}"
                );
                assert!(interval.contains((b as f64 - c as f64) / 300.0));
            }
        }
    }

    #[test]
    fn holm_counts_both_sides_of_every_class() {
        // Three classes, six hypotheses: 6 p_1, 5 p_2, ... with p = P(Bin(10, 1/2) >= 10), P(Bin(8) >= 8), P(Bin(6) >=
        // 6).
        let counts = PairedCounts::from_counts(&[[50, 9, 10, 0], [50, 9, 0, 8], [50, 9, 0, 6]]).unwrap();
        let found = class_differences(&counts, 0.02).unwrap();
        let adjusted: Vec<f64> = found.iter().map(|class| class.adjusted).collect();
        for (found, expected) in adjusted.iter().zip([6.0 / 1024.0, 5.0 / 256.0, 4.0 / 64.0]) {
            approx::assert_relative_eq!(*found, expected, max_relative = 1e-12);
        }
        use ComparisonVerdict::{Better, Undecided, Worse};
        assert_eq!(found.iter().map(|class| class.verdict).collect::<Vec<_>>(), [Worse, Better, Undecided]);
        assert_eq!(
            found.iter().map(|class| class.difference).collect::<Vec<_>>(),
            [Some(0.2), Some(-0.16), Some(-0.12)]
        );
        assert_eq!(found[1].interval, difference_interval(0, 8, 50, 0.02 / 6.0).unwrap());
        assert_eq!(found[2].test, mcnemar(0, 6).unwrap());
        // 5/256 = 0.0195...: just not at 0.0195.
        let verdicts = |delta| class_differences(&counts, delta).unwrap().into_iter().map(|class| class.verdict);
        assert_eq!(verdicts(0.0195).collect::<Vec<_>>(), [Worse, Undecided, Undecided]);
        // `adjusted` itself is enough.
        assert_eq!(verdicts(adjusted[0]).next(), Some(Worse));
        assert_eq!(verdicts(adjusted[0].next_down()).next(), Some(Undecided));
        assert_eq!(verdicts(0.0625 + 1e-12).collect::<Vec<_>>(), [Worse, Better, Better]);
    }

    #[test]
    fn a_class_without_images_says_nothing() {
        let counts = PairedCounts::from_counts(&[[9, 0, 9, 0], [0; 4]]).unwrap();
        let found = class_differences(&counts, 0.05).unwrap();
        assert_eq!((found[1].difference, found[1].interval), (None, Interval { lower: -1.0, upper: 1.0 }));
        assert_eq!((found[1].verdict, found[1].adjusted), (ComparisonVerdict::Undecided, 1.0));
        assert_eq!(found[0].verdict, ComparisonVerdict::Worse);
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(difference_interval(2, 2, 3, 0.1), Err(BoundError::MoreErrorsThanSamples { errors: 4, .. })));
        for alpha in [0.0, 0.3, f64::NAN] {
            let error = difference_interval(1, 1, 3, alpha).unwrap_err();
            assert!(matches!(error, BoundError::Value { what: "alpha", .. }));
        }
        assert!(difference_interval(1, 1, 3, 0.25).is_ok());
        let counts = PairedCounts::from_counts(&[[9, 0, 9, 0], [9, 0, 0, 0]]).unwrap();
        assert_eq!(class_differences(&counts, 1.0).unwrap_err(), BoundError::Delta { delta: 1.0 });
        assert!(matches!(class_differences(&counts, 5e-324), Err(BoundError::Value { value: 0.0, .. })));
        let many = crate::bounds::MOST_SAMPLES + 1;
        let counts = PairedCounts::from_counts(&[[9, 0, 9, 0], [many, 0, 0, 0]]).unwrap();
        let error = class_differences(&counts, 0.05).unwrap_err();
        assert_eq!(error, BoundError::TooManySamples { class: 1, samples: many });
    }
}
