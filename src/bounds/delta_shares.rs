//! The shares of the classes in the probability of failure δ.
//!
//! ```text
//! bounds of all classes at once, bound j failing with probability at most δ_j:   Σ_j δ_j ≤ δ  (union bound)
//! equal         δ_j = δ/K
//! equal floors  δ_j = (1−U)^{m_j},  Σ_j δ_j = δ:  the floors 1−δ_j^{1/m_j} of T4 are all U
//! mixed         half of δ in equal shares, half in those of equal floors
//! ```
//! The shares are fixed before the data; they may depend on the class counts m_j, not on the
//! examples. Equal floors give a class of many examples next to nothing: on CIFAR100-LT (imbalance
//! 100, δ = 0.05) U = 0.618, with δ_j = 0.0081 for the four classes of 5 images and 10⁻²⁰⁹ for that
//! of 500, whose floor rises from 0.015 to 0.618. With mixed shares the two floors are 0.660 and
//! 0.016. Source: here.

use super::BoundError;
use super::bisection::ln_complement_of_common_floor;
use super::error::{check_delta, check_num_classes, check_value};

/// δ_1, ..., δ_K > 0 with Σ δ_j ≤ δ.
#[derive(Clone, Debug, PartialEq)]
pub struct DeltaShares {
    delta: f64,
    shares: Vec<f64>,
}

impl DeltaShares {
    /// Takes K shares whose sum is δ or less.
    ///
    /// A sum above δ by no more than its own rounding, K 2⁻⁵² of it, is taken; every share is then
    /// lowered by K 2⁻⁵¹ of itself, which makes bounds wider, so that Σ δ_j ≤ δ holds exactly.
    ///
    /// # Errors
    /// [`BoundError::TooFewClasses`], [`BoundError::Delta`]; [`BoundError::Value`] for a share that
    /// is not positive and normal, or a sum above δ.
    pub fn new(shares: Vec<f64>, delta: f64) -> Result<Self, BoundError> {
        check_num_classes(shares.len())?;
        check_delta(delta)?;
        for &share in &shares {
            check_value(share > 0.0 && share.is_normal(), "share of delta", share, "positive and normal")?;
        }
        let rounding = shares.len() as f64 * f64::EPSILON;
        let sum: f64 = shares.iter().sum();
        check_value(sum <= delta * (1.0 + rounding), "sum of the shares of delta", sum, "at most delta")?;
        let shares = shares.into_iter().map(|share| (share * (1.0 - 2.0 * rounding)).max(f64::MIN_POSITIVE)).collect();
        Ok(Self { delta, shares })
    }

    /// δ/K for every class.
    ///
    /// # Errors
    /// [`BoundError::TooFewClasses`], [`BoundError::Delta`].
    pub fn equal(num_classes: usize, delta: f64) -> Result<Self, BoundError> {
        check_num_classes(num_classes)?;
        Self::new(vec![delta / num_classes as f64; num_classes], delta)
    }

    /// (1−U)^{m_j}, U the root of Σ_j (1−U)^{m_j} = δ: the floor of every class is U. Shares below
    /// 2⁻¹⁰²² are raised to it.
    ///
    /// # Errors
    /// [`BoundError::TooFewClasses`], [`BoundError::Delta`]; [`BoundError::Value`] for a class
    /// without examples.
    pub fn equal_floors(class_counts: &[u64], delta: f64) -> Result<Self, BoundError> {
        Self::new(equal_floor_shares(class_counts, delta)?, delta)
    }

    /// δ/2K + (1−U)^{m_j}, Σ_j (1−U)^{m_j} = δ/2: rare classes get most of one half, and no class
    /// less than δ/2K.
    ///
    /// # Errors
    /// As [`DeltaShares::equal_floors`].
    pub fn mixed(class_counts: &[u64], delta: f64) -> Result<Self, BoundError> {
        let equal = 0.5 * delta / class_counts.len().max(1) as f64;
        let shares = equal_floor_shares(class_counts, 0.5 * delta)?;
        Self::new(shares.into_iter().map(|share| equal + share).collect(), delta)
    }

    /// δ.
    pub fn delta(&self) -> f64 {
        self.delta
    }

    /// δ_1, ..., δ_K.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }
}

fn equal_floor_shares(class_counts: &[u64], delta: f64) -> Result<Vec<f64>, BoundError> {
    check_num_classes(class_counts.len())?;
    check_delta(delta)?;
    check_value(!class_counts.contains(&0), "examples of a class", 0.0, "at least 1")?;
    let share = |m: u64, s: f64| (-(m as f64) * s).exp();
    // Rounded so that the sum does not exceed delta.
    let s = ln_complement_of_common_floor(class_counts.len(), delta, |s| {
        class_counts.iter().map(|&m| share(m, s)).sum::<f64>() <= delta
    });
    Ok(class_counts.iter().map(|&m| share(m, s).max(f64::MIN_POSITIVE)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::longtail::long_tailed_counts;

    #[test]
    fn equal_floors_on_cifar100_lt() {
        let counts = long_tailed_counts(500, 100.0, 100).unwrap();
        let shares = DeltaShares::equal_floors(&counts, 0.05).unwrap();
        assert_eq!(shares.delta(), 0.05);
        // scipy: s = brentq(lambda s: sum(exp(-m*s) for m in counts) - .05, .9, 1.1); exp(-5*s), exp(-500*s)
        approx::assert_relative_eq!(shares.shares()[99], 0.008135323077213968, max_relative = 1e-12);
        approx::assert_relative_eq!(shares.shares()[0], 1.0901354698543882e-209, max_relative = 1e-10);
        let sum: f64 = shares.shares().iter().sum();
        assert!(sum <= 0.05 && sum > 0.05 * (1.0 - 1e-12), "{sum}");
    }

    #[test]
    fn mixed_shares_by_hand() {
        // Equal counts: both halves are equal. Counts 1 and 2: x + x^2 = 0.375 at x = (sqrt 2.5 - 1)/2.
        for share in DeltaShares::mixed(&[7; 4], 0.2).unwrap().shares() {
            approx::assert_relative_eq!(*share, 0.05, max_relative = 1e-13);
        }
        let x = 0.5 * (2.5f64.sqrt() - 1.0);
        let shares = DeltaShares::mixed(&[1, 2], 0.75).unwrap();
        approx::assert_relative_eq!(shares.shares()[0], 0.1875 + x, max_relative = 1e-13);
        approx::assert_relative_eq!(shares.shares()[1], 0.1875 + x * x, max_relative = 1e-13);
    }

    #[test]
    fn a_huge_class_keeps_a_share() {
        let shares = DeltaShares::equal_floors(&[1, 1_000_000], 0.1).unwrap();
        assert_eq!(shares.shares()[1], f64::MIN_POSITIVE);
        approx::assert_relative_eq!(shares.shares()[0], 0.1, max_relative = 1e-14);
    }

    #[test]
    fn the_sum_is_rounded_outwards() {
        for k in [2, 3, 7, 10, 100, 1000] {
            let shares = DeltaShares::equal(k, 0.05).unwrap();
            let share = shares.shares()[0];
            // The product is rounded once; what is left below delta is more than that.
            assert!(share * k as f64 <= 0.05 * (1.0 - f64::EPSILON) && share > 0.05 / k as f64 * (1.0 - 1e-12));
        }
        // The sum of the floats 0.1 and 0.2 is above the float 0.3, by rounding alone.
        assert!(DeltaShares::new(vec![0.1, 0.2], 0.3).is_ok());
        assert!(DeltaShares::new(vec![0.1, 0.1], 0.3).is_ok());
        let error = DeltaShares::new(vec![0.1, 0.2 + 1e-12], 0.3).unwrap_err();
        assert!(matches!(error, BoundError::Value { what: "sum of the shares of delta", .. }));
    }

    #[test]
    fn bad_input_is_named() {
        for share in [0.0, -0.1, f64::NAN, f64::INFINITY, 1e-320] {
            let error = DeltaShares::new(vec![0.01, share], 0.05).unwrap_err();
            assert!(matches!(error, BoundError::Value { what: "share of delta", .. }), "{share}");
        }
        assert_eq!(DeltaShares::new(vec![0.01], 0.05), Err(BoundError::TooFewClasses { num_classes: 1 }));
        assert_eq!(DeltaShares::equal(0, 0.05), Err(BoundError::TooFewClasses { num_classes: 0 }));
        assert_eq!(DeltaShares::mixed(&[], 0.05), Err(BoundError::TooFewClasses { num_classes: 0 }));
        assert_eq!(DeltaShares::equal(2, 1.0), Err(BoundError::Delta { delta: 1.0 }));
        assert!(matches!(DeltaShares::mixed(&[1, 1], 2.5), Err(BoundError::Delta { .. })));
        assert!(matches!(DeltaShares::equal_floors(&[3, 0], 0.05), Err(BoundError::Value { .. })));
    }
}
