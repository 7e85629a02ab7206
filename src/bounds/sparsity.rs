//! Limits of nu = ‖M‖₁ / ‖M‖₂ from one pass over the matrix: a sharper form of S3 without any
//! spectral norm.
//!
//! ```text
//! M >= 0, s_j non-zeros in column j, t the most in a row, j* a largest column, m_j = M 1_j, M^i = row i:
//!
//!   1/sqrt(t) <= sqrt(‖M‖₁/‖M‖_∞) <= nu
//!      <= ‖M‖₁ / max(max_j ‖m_j‖, max_i ‖M^i‖, ‖1ᵀM‖/sqrt(K), ‖M1‖/sqrt(K)) <= sqrt(s_j*)
//! ```
//!
//! *Proof.* ‖M‖₂² <= ‖M‖₁ ‖M‖_∞ and ‖M‖_∞ <= t ‖M‖₁; each number of the maximum is ‖Mx‖ or ‖Mᵀx‖ at
//! a unit vector x; and ‖M‖₁ = ‖m_j*‖₁ <= sqrt(s_j*) ‖m_j*‖ (Cauchy and Schwarz). ∎
//!
//! S3's sqrt(K-1) is the worst of this: nu is near sqrt(s_j*) where the worst class spreads its
//! errors evenly over s_j* classes and shares none of them with other classes, and near 1/sqrt(t)
//! where many classes flow into one.
//!
//! **Rounding.** u = 2^-53; entries within 8u of the exact ones (S5). The one-norm and the infinity
//! norm are then off by at most (K+7)u, the largest of the four by (2K+11)u, a quotient, a root,
//! the factor and its own rounding by 4u: at most (3K+22)u in all, to first order, and (4K+32)u is
//! taken outwards. The largest column in floats is within 2(K+7)u of the largest.

use super::{BoundError, Interval};
use crate::confusion::ConfusionMatrix;
use crate::norms::{infinity_norm, one_norm, spectral_floor};

/// Two intervals that contain nu, the second inside the first up to rounding.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct NuRange {
    /// [1/sqrt(t), sqrt(s_j*)]: from the places of the non-zeros and the largest column alone. Of
    /// several largest columns that with the fewest non-zeros is j*.
    pub by_non_zeros: Interval,
    /// [sqrt(‖M‖₁/‖M‖_∞), ‖M‖₁/max(...)]: from column and row sums and lengths.
    pub by_sums: Interval,
}

/// The ranges of nu = ‖M‖₁/‖M‖₂ for a matrix M, entries within 8u of those stored, ends rounded
/// outwards; `None` for the zero matrix, where nu is undefined.
///
/// # Errors
/// [`BoundError::Value`] if the column sums or lengths are not finite normal numbers (2.3e-308 to
/// 1.8e308).
pub fn nu_range(matrix: &ConfusionMatrix) -> Result<Option<NuRange>, BoundError> {
    let (one, infinity, floor) = (one_norm(matrix), infinity_norm(matrix), spectral_floor(matrix));
    if one == 0.0 {
        return Ok(None);
    }
    for (what, value) in [("one-norm", one), ("infinity norm", infinity), ("longest column or row", floor)] {
        if !(f64::MIN_POSITIVE..f64::INFINITY).contains(&value) {
            return Err(BoundError::Value { what, value, requirement: "a finite normal number" });
        }
    }
    let non_zeros = matrix.column_non_zeros();
    let largest_columns = matrix.column_sums().into_iter().zip(&non_zeros).filter(|&(sum, _)| sum == one);
    // The one-norm is the maximum of the column sums to the last bit.
    let of_largest = largest_columns.map(|(_, &terms)| terms).min().unwrap_or(matrix.num_classes());
    let outwards = |lower: f64, upper: f64| {
        let slack = (4 * matrix.num_classes() + 32) as f64 * (f64::EPSILON / 2.0);
        Interval { lower: lower * (1.0 - slack), upper: upper * (1.0 + slack) }
    };
    Ok(Some(NuRange {
        by_non_zeros: outwards(1.0 / (most_in_a_row(matrix) as f64).sqrt(), (of_largest as f64).sqrt()),
        by_sums: outwards((one / infinity).sqrt(), one / floor),
    }))
}

/// t, the most non-zeros in a row.
fn most_in_a_row(matrix: &ConfusionMatrix) -> usize {
    let mut terms = vec![0; matrix.num_classes()];
    matrix.non_zeros().for_each(|(row, _, _)| terms[row] += 1);
    terms.into_iter().max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(num_classes: usize, triplets: &[(usize, usize, f64)]) -> NuRange {
        let sparse = ConfusionMatrix::from_triplets(num_classes, triplets.iter().copied()).unwrap();
        let dense = ConfusionMatrix::from_dense(sparse.to_dense()).unwrap();
        let found = nu_range(&sparse).unwrap().unwrap();
        assert_eq!(nu_range(&dense).unwrap().unwrap(), found);
        found
    }

    /// The ends without their slack.
    fn within(found: Interval, num_classes: usize, lower: f64, upper: f64) {
        let slack = (4 * num_classes + 32) as f64 * f64::EPSILON / 2.0;
        assert_eq!((found.lower, found.upper), (lower * (1.0 - slack), upper * (1.0 + slack)));
    }

    #[test]
    fn one_even_column_attains_the_upper_ends() {
        // nu = 2 = √4.
        let found = range(6, &[(1, 0, 0.25), (2, 0, 0.25), (3, 0, 0.25), (4, 0, 0.25), (0, 5, 0.125)]);
        within(found.by_non_zeros, 6, 1.0, 2.0);
        within(found.by_sums, 6, 2.0, 2.0);
    }

    #[test]
    fn one_even_row_attains_the_lower_ends() {
        // nu = 1/2 = 1/√4: the length of the row is 2.
        let found = range(5, &[(0, 1, 1.0), (0, 2, 1.0), (0, 3, 1.0), (0, 4, 1.0)]);
        within(found.by_non_zeros, 5, 0.5, 1.0);
        within(found.by_sums, 5, 0.5, 0.5);
    }

    #[test]
    fn of_equal_columns_the_one_with_fewest_non_zeros_decides() {
        let found = range(3, &[(1, 0, 0.5), (2, 0, 0.5), (0, 1, 1.0), (1, 2, 0.5), (0, 2, 0.25)]);
        within(found.by_non_zeros, 3, 1.0 / 2f64.sqrt(), 1.0);
        // Column sums 1, 1, 0.75; row sums 1.25, 1, 0.5; the longest row is (0, 1, 0.25).
        within(found.by_sums, 3, (1.0f64 / 1.25).sqrt(), 1.0 / 1.0625f64.sqrt());
    }

    #[test]
    fn nothing_is_said_of_zero_nor_beyond_the_normal_numbers() {
        let matrix = |value| ConfusionMatrix::from_triplets(2, [(0, 1, value), (1, 1, value)]).unwrap();
        assert_eq!(nu_range(&matrix(0.0)), Ok(None));
        let refused = |value, expected: &str| {
            assert!(
                matches!(nu_range(&matrix(value)), Err(BoundError::Value { what, .. }) if what == expected),
                "{value}"
            );
        };
        refused(f64::MAX, "one-norm");
        // Sum 1.2, length 0.85 of the smallest normal number.
        refused(f64::MIN_POSITIVE * 0.6, "infinity norm");
        let small = [(0, 1), (0, 2), (2, 1)].map(|(row, column)| (row, column, f64::MIN_POSITIVE * 0.6));
        let found = nu_range(&ConfusionMatrix::from_triplets(3, small).unwrap());
        assert!(matches!(found, Err(BoundError::Value { what: "longest column or row", .. })));
        assert!(nu_range(&matrix(f64::MIN_POSITIVE)).is_ok() && nu_range(&matrix(f64::MAX / 2.0)).is_ok());
    }
}
