//! The full singular value decomposition of nalgebra: M = U diag(σ) Vᵀ, σ₁ ≥ σ₂ ≥ … ≥ 0.
//!
//! Backward stable: each computed σ_i is within p(m, n) 2^-53 σ₁ of the true one, p a modest polynomial (Golub and
//! Van Loan, *Matrix Computations*, 4th ed., section 8.6). Cost O(m n min(m, n)); for large matrices and for a
//! certificate see [`spectral_norm`](super::spectral_norm).

use nalgebra::{DMatrix, SVD};
use ndarray::ArrayView2;

use super::NormError;

/// σ₁ of a matrix with unit vectors u (length m) and v (length n): M v = σ₁ u, Mᵀ u = σ₁ v.
#[derive(Clone, Debug, PartialEq)]
pub struct TopSingularPair {
    /// The largest singular value.
    pub sigma: f64,
    /// Left singular vector u, over the rows (predicted classes).
    pub left: Vec<f64>,
    /// Right singular vector v, over the columns (true classes).
    pub right: Vec<f64>,
}

/// All min(m, n) singular values of an m x n matrix, descending.
///
/// # Errors
/// [`NormError::Empty`], [`NormError::NonFinite`], [`NormError::NotConverged`], [`NormError::Overflow`].
pub fn singular_values(matrix: ArrayView2<f64>) -> Result<Vec<f64>, NormError> {
    let svd = decompose(matrix, false)?;
    let mut values: Vec<f64> = svd.singular_values.iter().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    Ok(values)
}

/// ‖M‖₂ = σ₁ of an m x n matrix.
///
/// # Errors
/// As [`singular_values`].
pub fn spectral_norm(matrix: ArrayView2<f64>) -> Result<f64, NormError> {
    Ok(singular_values(matrix)?[0])
}

/// σ₁ with one pair of unit singular vectors; non-negative vectors if no entry of the matrix is negative.
///
/// For M ≥ 0 the vectors |u|, |v| serve as well (S4): σ₁ = uᵀMv ≤ |u|ᵀM|v| ≤ σ₁, so equality holds throughout. Where
/// σ₁ is multiple the pair is one of many. The zero matrix gives σ = 0 and the first unit vectors.
///
/// # Errors
/// As [`singular_values`].
pub fn top_singular_pair(matrix: ArrayView2<f64>) -> Result<TopSingularPair, NormError> {
    let svd = decompose(matrix, true)?;
    let (top, sigma) = svd.singular_values.argmax();
    // Both were asked for.
    let (u, v_t) = (svd.u.expect("U was computed"), svd.v_t.expect("V was computed"));
    let mut left: Vec<f64> = u.column(top).iter().copied().collect();
    let mut right: Vec<f64> = v_t.row(top).iter().copied().collect();
    if sigma == 0.0 {
        left = first_unit_vector(left.len());
        right = first_unit_vector(right.len());
    } else if matrix.iter().all(|&value| value >= 0.0) {
        left.iter_mut().chain(right.iter_mut()).for_each(|value| *value = value.abs());
    }
    Ok(TopSingularPair { sigma, left, right })
}

fn first_unit_vector(len: usize) -> Vec<f64> {
    let mut unit = vec![0.0; len];
    unit[0] = 1.0;
    unit
}

/// Refuses what no decomposition can take: nothing, infinities and NaN.
pub(super) fn check(matrix: ArrayView2<f64>) -> Result<(), NormError> {
    let (rows, columns) = matrix.dim();
    if rows == 0 || columns == 0 {
        return Err(NormError::Empty { rows, columns });
    }
    match matrix.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), &value)) => Err(NormError::NonFinite { row, column, value }),
        None => Ok(()),
    }
}

fn decompose(matrix: ArrayView2<f64>, vectors: bool) -> Result<SVD<f64, nalgebra::Dyn, nalgebra::Dyn>, NormError> {
    check(matrix)?;
    let (rows, columns) = matrix.dim();
    // Entries below 2^-200 of the largest change σ by less than √(mn) 2^-200 σ₁, far below the rounding of the method, but
    // their squares underflow in its shifts and then it may circle for ever (seen with entries from 1e-300 to 1e300).
    let negligible = matrix.iter().fold(0.0f64, |max, value| max.max(value.abs())) * 2f64.powi(-200);
    let kept = matrix.iter().map(|&value| if value.abs() < negligible { 0.0 } else { value });
    let copy = DMatrix::from_row_iterator(rows, columns, kept);
    // The implicit QR iteration takes about two sweeps a singular value; 0 would mean "for ever" to nalgebra.
    let sweeps = 1000 + 100 * rows.min(columns);
    let svd = SVD::try_new_unordered(copy, vectors, vectors, f64::EPSILON, sweeps).ok_or_else(|| {
        NormError::NotConverged { rows, columns, reason: format!("{sweeps} implicit QR sweeps of nalgebra") }
    })?;
    if svd.singular_values.iter().all(|value| value.is_finite()) { Ok(svd) } else { Err(NormError::Overflow) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn known_values() {
        let values = singular_values(array![[3.0, 0.0], [4.0, 5.0]].view()).unwrap();
        // Golub and Van Loan's 2 x 2 example: σ = √45, √5.
        assert!((values[0] - 45f64.sqrt()).abs() < 1e-14 && (values[1] - 5f64.sqrt()).abs() < 1e-14);
        assert_eq!(singular_values(array![[3.0, 4.0]].view()).unwrap().len(), 1);
        assert!((spectral_norm(array![[3.0], [4.0]].view()).unwrap() - 5.0).abs() < 1e-15);
    }

    #[test]
    fn top_pair_of_a_non_negative_matrix_is_non_negative_and_attains_sigma() {
        let matrix = array![[0.0, 2.0, 1.0], [3.0, 0.0, 0.5], [1.0, 1.0, 0.0]];
        let pair = top_singular_pair(matrix.view()).unwrap();
        assert!(pair.left.iter().chain(&pair.right).all(|&x| x >= 0.0));
        for i in 0..3 {
            let mv: f64 = (0..3).map(|j| matrix[[i, j]] * pair.right[j]).sum();
            assert!((mv - pair.sigma * pair.left[i]).abs() < 1e-14);
        }
        // With a negative entry the signs matter and stay.
        let signed = top_singular_pair(array![[1.0, -1.0], [-1.0, 1.0]].view()).unwrap();
        assert!(signed.left[0] * signed.left[1] < 0.0 && (signed.sigma - 2.0).abs() < 1e-15);
        assert_eq!(top_singular_pair(Array2::zeros((2, 3)).view()).unwrap().right, vec![1.0, 0.0, 0.0]);
    }

    #[test]
    fn bad_matrices_are_refused_with_their_place() {
        assert_eq!(singular_values(Array2::zeros((0, 3)).view()), Err(NormError::Empty { rows: 0, columns: 3 }));
        let error = spectral_norm(array![[0.0, 1.0], [f64::NAN, 0.0]].view()).unwrap_err();
        assert!(matches!(error, NormError::NonFinite { row: 1, column: 0, .. }), "{error}");
        assert!(error.to_string().contains("(1, 0)"));
        assert!(top_singular_pair(array![[f64::INFINITY]].view()).is_err());
        assert_eq!(spectral_norm(Array2::from_elem((3, 3), f64::MAX).view()), Err(NormError::Overflow));
    }
}
