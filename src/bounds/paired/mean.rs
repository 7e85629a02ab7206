//! T8 (c): mean differences over a group of classes, by images or by classes.
//!
//! ```text
//! d_G = Σ_{j in G} w_j n_j d_j,   micro w_j = 1/Σ_G n_i,   macro w_j = 1/(|G| n_j)
//! |Σ w_j (b_j − c_j) − d_G| <= √(2 V⁺ L) + w L/3,   L = ln(3/delta),  w = max_j w_j
//!   V⁺ = (√(w²L/2) + √(V + w²L/2))²,   V = Σ_{j in G} w_j² (b_j + c_j)
//! ```
//! with probability at least 1 − delta (Bernstein's inequality, its variance bounded from the same
//! counts). No factor for the number of classes: only their mean is spoken of.

use super::{ComparisonVerdict, PairedCounts};
use crate::bounds::error::check_delta;
use crate::bounds::{BoundError, Interval, NotApplicable, Outcome};

/// The unit that weighs the same throughout a mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Averaging {
    /// Every image weighs the same.
    Micro,
    /// Every class weighs the same.
    Macro,
}

/// The mean difference of a group of classes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MeanDifference {
    /// Mean error of A less that of B on the held-out images.
    pub difference: f64,
    /// Interval of the population's difference with probability at least 1 − delta, within [−1, 1];
    /// rounded outwards.
    pub interval: Interval,
    /// A against B.
    pub verdict: ComparisonVerdict,
}

/// T8 (c) over `classes` (each once): all of them for "overall", or those of a group, chosen before
/// the images are seen.
///
/// Not applicable to a macro mean with a class without images.
///
/// # Errors
/// [`BoundError::Delta`]; [`BoundError::Group`] for a class that does not exist or stands there
/// twice; [`BoundError::NoSamples`] if the group has no image at all.
pub fn mean_difference(
    counts: &PairedCounts,
    classes: &[usize],
    averaging: Averaging,
    delta: f64,
) -> Result<Outcome<MeanDifference>, BoundError> {
    check_delta(delta)?;
    let num_classes = counts.num_classes();
    let mut taken = vec![false; num_classes];
    for &class in classes {
        if class >= num_classes || std::mem::replace(&mut taken[class], true) {
            return Err(BoundError::Group { class, num_classes });
        }
    }
    let samples = |class: usize| counts.samples()[class] as f64;
    let total: f64 = classes.iter().map(|&class| samples(class)).sum();
    if total == 0.0 {
        return Err(BoundError::NoSamples);
    }
    let empty = classes.iter().copied().find(|&class| counts.samples()[class] == 0);
    if let (Averaging::Macro, Some(class)) = (averaging, empty) {
        return Ok(Outcome::NotApplicable(NotApplicable::ClassWithoutSamples { class }));
    }

    let (mut difference, mut variance, mut largest) = (0.0, 0.0, 0.0_f64);
    for &class in classes {
        let weight = match averaging {
            Averaging::Micro => 1.0 / total,
            Averaging::Macro => 1.0 / (classes.len() as f64 * samples(class)),
        };
        let (b, c) = (counts.only_a_wrong()[class] as f64, counts.only_b_wrong()[class] as f64);
        difference += weight * (b - c);
        variance += weight * weight * (b + c);
        largest = largest.max(weight);
    }
    let l = (3.0 / delta).ln();
    let step = 0.5 * largest * largest * l;
    let deviation = step.sqrt() + (variance + step).sqrt();
    let radius = deviation * (2.0 * l).sqrt() + largest * l / 3.0;
    // Sums of at most K terms, whose sizes add up to at most 1, and a dozen roundings.
    let rounding = (counts.num_classes() + 16) as f64 * f64::EPSILON;
    let radius = radius * (1.0 + rounding) + rounding;
    let interval = Interval { lower: (difference - radius).max(-1.0), upper: (difference + radius).min(1.0) };
    Ok(Outcome::Applies(MeanDifference { difference, interval, verdict: ComparisonVerdict::of(interval) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts() -> PairedCounts {
        PairedCounts::from_counts(&[[100, 9, 10, 2], [400, 0, 80, 40], [0; 4], [900, 8, 0, 3]]).unwrap()
    }

    fn mean(classes: &[usize], averaging: Averaging, delta: f64) -> MeanDifference {
        mean_difference(&counts(), classes, averaging, delta).unwrap().value().copied().unwrap()
    }

    /// ```python
    /// from math import *
    /// def f(w, b, c, d):
    ///     L, W = log(3/d), max(w); V = sum(x*x*(i+j) for x, i, j in zip(w, b, c)); e = sqrt(W*W*L/2)
    ///     return sum(x*(i-j) for x, i, j in zip(w, b, c)), (e+sqrt(V+e*e))*sqrt(2*L)+W*L/3
    /// f([1/500]*2, [10, 80], [2, 40], .05); f([1/200, 1/800], [10, 80], [2, 40], .05)
    /// ```
    #[test]
    fn agrees_with_python() {
        let cases = [(Averaging::Micro, (0.096, 0.07718047735708054)), (Averaging::Macro, (0.09, 0.0937115726502554))];
        for (averaging, (difference, radius)) in cases {
            let found = mean(&[1, 0], averaging, 0.05);
            approx::assert_relative_eq!(found.difference, difference, max_relative = 1e-13);
            approx::assert_relative_eq!(found.interval.upper - found.difference, radius, max_relative = 1e-12);
            approx::assert_relative_eq!(found.difference - found.interval.lower, radius, max_relative = 1e-12);
        }
        assert_eq!(mean(&[0, 1], Averaging::Micro, 0.05).verdict, ComparisonVerdict::Worse);
        assert_eq!(mean(&[0, 1], Averaging::Macro, 0.001).verdict, ComparisonVerdict::Undecided);
    }

    /// Plain floats end inside both; mpmath, 50 digits: -0.05704200938902043176...,
    /// 0.01204200938902043176...
    #[test]
    fn the_ends_are_rounded_outwards() {
        let counts = PairedCounts::from_counts(&[[100, 0, 4, 7], [700, 0, 16, 31]]).unwrap();
        let outcome = mean_difference(&counts, &[0, 1], Averaging::Micro, 0.05).unwrap();
        let Interval { lower, upper } = outcome.value().unwrap().interval;
        // 18 times 2^-52 of 1 and of the radius, 0.0345.
        for outwards in [-0.057_042_009_389_020_43 - lower, upper - 0.012_042_009_389_020_431] {
            assert!((4.1e-15..4.2e-15).contains(&outwards), "{outwards}");
        }
    }

    #[test]
    fn one_class_has_one_mean() {
        let [micro, macros] = [Averaging::Micro, Averaging::Macro].map(|averaging| mean(&[3], averaging, 0.1));
        assert_eq!(micro, macros);
        approx::assert_relative_eq!(micro.difference, -3.0 / 900.0, max_relative = 1e-14);
    }

    #[test]
    fn the_interval_stays_within_one() {
        let tiny = PairedCounts::from_counts(&[[1, 0, 1, 0], [1, 0, 0, 0]]).unwrap();
        let found = mean_difference(&tiny, &[0, 1], Averaging::Micro, 0.05).unwrap().value().copied().unwrap();
        assert_eq!((found.difference, found.interval), (0.5, Interval { lower: -1.0, upper: 1.0 }));
    }

    #[test]
    fn empty_classes_and_errors() {
        let all = [0, 1, 2, 3];
        assert_eq!(mean(&all, Averaging::Micro, 0.05), mean(&[0, 1, 3], Averaging::Micro, 0.05));
        assert_eq!(
            mean_difference(&counts(), &all, Averaging::Macro, 0.05).unwrap().reason(),
            Some(NotApplicable::ClassWithoutSamples { class: 2 })
        );
        let at = |classes: &[usize], delta| mean_difference(&counts(), classes, Averaging::Micro, delta);
        assert_eq!(at(&[0, 4], 0.05).unwrap_err(), BoundError::Group { class: 4, num_classes: 4 });
        assert_eq!(at(&[0, 1, 0], 0.05).unwrap_err(), BoundError::Group { class: 0, num_classes: 4 });
        assert_eq!(at(&[], 0.05).unwrap_err(), BoundError::NoSamples);
        assert_eq!(at(&[2], 0.05).unwrap_err(), BoundError::NoSamples);
        assert!(matches!(at(&[0], 0.0), Err(BoundError::Delta { .. })));
    }
}
