//! T9, these networks: the mean difference of the worst classes over pairs of networks.
//!
//! ```text
//! D̄ = (1/M) Σ_i (max_j e^{A_i}_j − max_j e^{B_i}_j)  lies in  [ (1/M) Σ lower_i, (1/M) Σ upper_i ],
//! each pair by T8 (b) at delta/M
//! ```
//! All pairs may share their test images. The networks are fixed: nothing is said of another seed.

use crate::bounds::error::{check_delta, check_not_empty};
use crate::bounds::paired::{ComparisonVerdict, PairedCounts, WorstClassDifference, worst_class_difference};
use crate::bounds::{BoundError, Interval};

/// The mean difference of two groups of networks in their worst classes.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NetworksDifference {
    /// Interval of D̄ with probability at least 1 − delta over the test images.
    pub interval: Interval,
    /// A's networks against B's, on the mean.
    pub verdict: ComparisonVerdict,
    /// Every pair at delta/M; all of them hold together with the mean.
    pub pairs: Vec<WorstClassDifference>,
}

/// T9 for M pairs of a network of A and one of B. For groups of different sizes give all pairs:
/// each network then counts equally often in its group.
///
/// # Errors
/// [`BoundError::Empty`] for no pair; [`BoundError::Delta`], [`BoundError::TooManySamples`].
pub fn networks_difference(pairs: &[PairedCounts], delta: f64) -> Result<NetworksDifference, BoundError> {
    check_delta(delta)?;
    check_not_empty("pairs of networks", pairs.len())?;
    let number = pairs.len() as f64;
    let pairs: Vec<WorstClassDifference> =
        pairs.iter().map(|counts| worst_class_difference(counts, delta / number)).collect::<Result<_, _>>()?;
    let mean = |end: fn(&Interval) -> f64| pairs.iter().map(|pair| end(&pair.interval)).sum::<f64>() / number;
    let interval = Interval { lower: mean(|interval| interval.lower), upper: mean(|interval| interval.upper) };
    Ok(NetworksDifference { interval, verdict: ComparisonVerdict::of(interval), pairs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_averaged_at_a_share_of_delta() {
        let counts = |a: u64, b: u64| PairedCounts::from_counts(&[[500, 200, a, b], [500, 20, 5, 5]]).unwrap();
        let pairs = [counts(60, 5), counts(40, 10)];
        let found = networks_difference(&pairs, 0.1).unwrap();
        let [first, second] = pairs.each_ref().map(|counts| worst_class_difference(counts, 0.05).unwrap());
        assert_eq!(found.interval.lower, (first.interval.lower + second.interval.lower) / 2.0);
        assert_eq!(found.interval.upper, (first.interval.upper + second.interval.upper) / 2.0);
        assert_eq!(found.verdict, ComparisonVerdict::Worse);
        assert_eq!(found.pairs, [first, second]);
        let one = networks_difference(&pairs[..1], 0.1).unwrap();
        assert_eq!(one.interval, worst_class_difference(&pairs[0], 0.1).unwrap().interval);
    }

    #[test]
    fn bad_input_is_named() {
        assert_eq!(networks_difference(&[], 0.1).unwrap_err(), BoundError::Empty { what: "pairs of networks" });
        let counts = PairedCounts::from_counts(&[[5, 0, 0, 0]; 2]).unwrap();
        assert_eq!(networks_difference(&[counts], 0.0).unwrap_err(), BoundError::Delta { delta: 0.0 });
    }
}
