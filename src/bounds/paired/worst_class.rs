//! T8 (b): the difference of the worst classes, D = max_j e^A_j − max_j e^B_j.
//!
//! ```text
//! paired at δ      min{L(d_j; δ/4) : j in W_B(δ/4)} <= D <= max{U(d_j; δ/4) : j in W_A(δ/4)}
//! separate at δ    L_A − U_B <= D <= U_A − L_B,   [L, U] of each model's max e_j (T5') at δ/2
//! together at δ    both at δ/2, intersected
//! ```
//! W_A(α) are the classes that can be A's worst (T5'), U and L the ends of [`difference_interval`].
//! D is at most A's error less B's in A's worst class, which is not random: the candidates pay for
//! not knowing it, once, not K times. The paired interval is the narrower one where both models
//! have the same few worst classes, the separate one where they do not.

use super::class::SIGN_SHARE;
use super::{ComparisonVerdict, PairedCounts, difference_interval};
use crate::ClassErrors;
use crate::bounds::error::check_delta;
use crate::bounds::{BoundError, Interval, clopper_pearson, worst_class_candidates, worst_class_interval};

/// The paired interval of D and what it rests on.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PairedWorstClass {
    /// Interval of D.
    pub interval: Interval,
    /// W_A: the classes that can be A's worst; all of them bear the upper end.
    pub candidates_a: Vec<usize>,
    /// W_B: the classes that can be B's worst; all of them bear the lower end.
    pub candidates_b: Vec<usize>,
}

/// The interval of D, the model that is better in its worst class, and the classes that decide it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct WorstClassDifference {
    /// Interval of D = max e^A − max e^B with probability at least 1 − delta.
    pub interval: Interval,
    /// A against B.
    pub verdict: ComparisonVerdict,
    /// The classes that decide it, ascending; empty if undecided. By the paired interval: the
    /// candidates for the worst class of the better model, in all of which it is better. If only
    /// the separate one decides: the class whose upper limit is the better model's largest, and the
    /// class whose lower limit is the other's.
    pub deciding: Vec<usize>,
    /// The paired part, at delta/2.
    pub paired: PairedWorstClass,
    /// The separate part, at delta/2.
    pub separate: Interval,
}

/// The one-sided level at which [`worst_class_difference`] tests the sign in each candidate class,
/// delta/10: what the planning of a comparison needs.
///
/// # Errors
/// [`BoundError::Delta`].
pub fn worst_class_sign_level(delta: f64) -> Result<f64, BoundError> {
    check_delta(delta)?;
    Ok(SIGN_SHARE * delta / 8.0)
}

/// The paired interval of D alone, at level `delta`.
///
/// # Errors
/// [`BoundError::Delta`], [`BoundError::TooManySamples`].
pub fn paired_worst_class_difference(counts: &PairedCounts, delta: f64) -> Result<PairedWorstClass, BoundError> {
    check_delta(delta)?;
    let alpha = 0.25 * delta;
    let candidates =
        |errors: &[u64]| worst_class_candidates(ClassErrors { errors, counts: counts.samples() }, alpha, 1);
    let (candidates_a, candidates_b) = (candidates(&counts.errors_a())?, candidates(&counts.errors_b())?);
    let interval = |&class: &usize| {
        difference_interval(counts.only_a_wrong()[class], counts.only_b_wrong()[class], counts.samples()[class], alpha)
    };
    let upper = candidates_a.iter().try_fold(-1.0, |largest: f64, class| Ok(largest.max(interval(class)?.upper)))?;
    let lower = candidates_b.iter().try_fold(1.0, |least: f64, class| Ok(least.min(interval(class)?.lower)))?;
    Ok(PairedWorstClass { interval: ordered(lower, upper), candidates_a, candidates_b })
}

/// The separate interval of D alone, at level `delta`, from the errors of the two models by
/// themselves.
///
/// # Errors
/// As [`paired_worst_class_difference`].
pub fn separate_worst_class_difference(counts: &PairedCounts, delta: f64) -> Result<Interval, BoundError> {
    check_delta(delta)?;
    let worst = |errors: &[u64]| worst_class_interval(ClassErrors { errors, counts: counts.samples() }, 0.5 * delta, 1);
    let (a, b) = (worst(&counts.errors_a())?, worst(&counts.errors_b())?);
    Ok(Interval { lower: a.lower - b.upper, upper: a.upper - b.lower })
}

/// T8 (b): the paired and the separate interval at delta/2 each, intersected.
///
/// # Errors
/// As [`paired_worst_class_difference`].
pub fn worst_class_difference(counts: &PairedCounts, delta: f64) -> Result<WorstClassDifference, BoundError> {
    check_delta(delta)?;
    let paired = paired_worst_class_difference(counts, 0.5 * delta)?;
    let separate = separate_worst_class_difference(counts, 0.5 * delta)?;
    let interval = ordered(paired.interval.lower.max(separate.lower), paired.interval.upper.min(separate.upper));
    let verdict = ComparisonVerdict::of(interval);
    let separately = |larger: &[u64], smaller: &[u64]| -> Result<Vec<usize>, BoundError> {
        let alpha = 0.125 * delta;
        let mut classes = vec![
            largest(larger, counts.samples(), alpha / counts.num_classes() as f64, |ends| ends.lower)?,
            largest(smaller, counts.samples(), alpha, |ends| ends.upper)?,
        ];
        classes.sort_unstable();
        classes.dedup();
        Ok(classes)
    };
    let deciding = match verdict {
        ComparisonVerdict::Undecided => Vec::new(),
        ComparisonVerdict::Better if paired.interval.upper < 0.0 => paired.candidates_a.clone(),
        ComparisonVerdict::Worse if paired.interval.lower > 0.0 => paired.candidates_b.clone(),
        ComparisonVerdict::Better => separately(&counts.errors_b(), &counts.errors_a())?,
        ComparisonVerdict::Worse => separately(&counts.errors_a(), &counts.errors_b())?,
    };
    Ok(WorstClassDifference { interval, verdict, deciding, paired, separate })
}

/// The class with the largest end of its interval at `alpha` a side, ties to the lowest index.
fn largest(errors: &[u64], samples: &[u64], alpha: f64, end: fn(Interval) -> f64) -> Result<usize, BoundError> {
    let mut best = (0, f64::NEG_INFINITY);
    for (class, (&errors, &samples)) in errors.iter().zip(samples).enumerate() {
        let end = end(clopper_pearson(errors, samples, alpha, alpha)?);
        if end > best.1 {
            best = (class, end);
        }
    }
    Ok(best.0)
}

/// Ends cross only where one of them fails, so any order of them misses no more often than they do.
fn ordered(lower: f64, upper: f64) -> Interval {
    Interval { lower: lower.min(upper), upper: lower.max(upper) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(classes: &[[u64; 4]]) -> PairedCounts {
        PairedCounts::from_counts(classes).unwrap()
    }

    /// Class 0 is clearly the worst of both models; A errs there on 60 images alone, B on 10.
    #[test]
    fn one_clear_class_decides() {
        let clear = counts(&[[1000, 400, 60, 10], [1000, 90, 10, 10], [1000, 90, 10, 10]]);
        let found = worst_class_difference(&clear, 0.05).unwrap();
        assert_eq!((found.verdict, &found.deciding[..]), (ComparisonVerdict::Worse, &[0][..]));
        assert_eq!((&found.paired.candidates_a[..], &found.paired.candidates_b[..]), (&[0][..], &[0][..]));
        // The paired part has delta/2, so delta/8 a side of the class.
        assert_eq!(found.paired.interval, difference_interval(60, 10, 1000, 0.05 / 8.0).unwrap());
        assert_eq!(found.paired, paired_worst_class_difference(&clear, 0.025).unwrap());
        assert_eq!(found.separate, separate_worst_class_difference(&clear, 0.025).unwrap());
        assert_eq!(found.interval, found.paired.interval);
        assert!(found.separate.lower < 0.0 && found.separate.upper > found.interval.upper);
        let exchanged = worst_class_difference(&clear.exchanged(), 0.05).unwrap();
        assert_eq!((exchanged.verdict, exchanged.deciding), (ComparisonVerdict::Better, vec![0]));
        approx::assert_relative_eq!(exchanged.interval.lower, -found.interval.upper, max_relative = 1e-12);
        approx::assert_relative_eq!(exchanged.interval.upper, -found.interval.lower, max_relative = 1e-12);
    }

    /// A is much worse in class 0, B in class 1, by the same: only the separate interval is narrow.
    #[test]
    fn different_worst_classes_need_the_separate_interval() {
        let crossed = counts(&[[1000, 100, 500, 0], [1000, 100, 0, 500], [1000, 100, 50, 50]]);
        let found = worst_class_difference(&crossed, 0.05).unwrap();
        assert_eq!(found.interval, found.separate);
        assert_eq!((found.verdict, found.deciding), (ComparisonVerdict::Undecided, vec![]));
        assert!(found.paired.interval.upper > 0.4 && found.paired.interval.lower < -0.4);
        // A's worst class is far worse than B's: the separate interval alone decides, by A's class 0 and B's class 1.
        let far = counts(&[[1000, 100, 700, 0], [1000, 100, 0, 300], [1000, 100, 50, 50]]);
        let found = worst_class_difference(&far, 0.05).unwrap();
        assert!(found.paired.interval.lower < 0.0 && found.separate.lower > 0.0);
        assert_eq!((found.verdict, found.deciding), (ComparisonVerdict::Worse, vec![0, 1]));
        let exchanged = worst_class_difference(&far.exchanged(), 0.05).unwrap();
        assert_eq!((exchanged.verdict, exchanged.deciding), (ComparisonVerdict::Better, vec![0, 1]));
    }

    /// Two candidates of B: the lower end is the smaller of theirs.
    #[test]
    fn every_candidate_bears_its_end() {
        let tied = counts(&[[500, 100, 100, 10], [500, 100, 60, 12]]);
        let found = paired_worst_class_difference(&tied, 0.05).unwrap();
        assert_eq!(found.candidates_b, [0, 1]);
        let ends = [(100, 10), (60, 12)].map(|(b, c)| difference_interval(b, c, 500, 0.0125).unwrap());
        assert_eq!(found.interval.lower, ends[1].lower);
        assert_eq!(found.interval.upper, ends[0].upper);
    }

    /// In both classes A is better for certain, and neither is for certain the worse one.
    #[test]
    fn all_candidates_of_the_better_model_decide() {
        let both = counts(&[[1000, 290, 10, 110], [1000, 290, 10, 110], [1000, 10, 0, 0]]);
        let found = worst_class_difference(&both, 0.05).unwrap();
        assert_eq!((found.verdict, found.deciding), (ComparisonVerdict::Better, vec![0, 1]));
        let exchanged = worst_class_difference(&both.exchanged(), 0.05).unwrap();
        assert_eq!((exchanged.verdict, exchanged.deciding), (ComparisonVerdict::Worse, vec![0, 1]));
    }

    #[test]
    fn the_separate_interval_gives_each_model_half_of_delta() {
        let far = counts(&[[1000, 100, 700, 0], [1000, 100, 0, 300], [1000, 100, 50, 50]]);
        let found = separate_worst_class_difference(&far, 0.05).unwrap();
        // Upper ends at 0.025/2: scipy, beta.isf(.0125, 801, 200) and beta.isf(.0125, 401, 600).
        let (a, b) = (0.8276907667638537, 0.4355454513264268);
        let lower = |k, alpha| clopper_pearson(k, 1000, alpha, alpha).unwrap().lower;
        // Lower ends by Simes, for one class far above the others: at 0.0125/3.
        approx::assert_relative_eq!(found.upper, a - lower(400, 0.0125 / 3.0), max_relative = 1e-8);
        approx::assert_relative_eq!(found.lower, lower(800, 0.0125 / 3.0) - b, max_relative = 1e-8);
    }

    /// 36 of 40 has the larger lower end at 0.175/3, 800 of 1000 at 0.05/8/3.
    #[test]
    fn the_class_that_decides_separately_is_found_at_its_level() {
        let (errors, samples) = ([36, 800, 0], [40, 1000, 1000]);
        let at = |alpha: f64| largest(&errors, &samples, alpha / 3.0, |ends| ends.lower).unwrap();
        assert_eq!((at(0.175), at(0.00625)), (0, 1));
        let far = counts(&[[40, 0, 36, 0], [1000, 0, 800, 0], [1000, 0, 0, 300]]);
        let found = worst_class_difference(&far, 0.05).unwrap();
        assert!(found.paired.interval.lower < 0.0);
        assert_eq!((found.verdict, found.deciding), (ComparisonVerdict::Worse, vec![1, 2]));
    }

    #[test]
    fn of_equal_ends_the_lowest_class_is_taken() {
        assert_eq!(largest(&[1, 5, 5], &[10; 3], 0.05, |ends| ends.upper).unwrap(), 1);
    }

    #[test]
    fn no_images_and_errors() {
        let none = counts(&[[0, 0, 0, 0], [0, 0, 0, 0]]);
        let found = worst_class_difference(&none, 0.05).unwrap();
        assert_eq!(found.interval, Interval { lower: -1.0, upper: 1.0 });
        assert_eq!(found.verdict, ComparisonVerdict::Undecided);
        for delta in [0.0, 1.0] {
            assert_eq!(worst_class_difference(&none, delta).unwrap_err(), BoundError::Delta { delta });
            assert_eq!(paired_worst_class_difference(&none, delta).unwrap_err(), BoundError::Delta { delta });
            assert_eq!(separate_worst_class_difference(&none, delta).unwrap_err(), BoundError::Delta { delta });
            assert_eq!(worst_class_sign_level(delta).unwrap_err(), BoundError::Delta { delta });
        }
        approx::assert_relative_eq!(worst_class_sign_level(0.05).unwrap(), 0.005, max_relative = 1e-15);
    }

    #[test]
    fn crossed_ends_are_put_in_order() {
        assert_eq!(ordered(0.5, 0.25), Interval { lower: 0.25, upper: 0.5 });
        assert_eq!(ordered(-0.5, 0.25), Interval { lower: -0.5, upper: 0.25 });
    }
}
