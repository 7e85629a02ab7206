//! The full set of singular values by nalgebra, σ₁ ≥ σ₂ ≥ … ≥ 0, and the top singular pair.
//!
//! Backward stable: each computed σ_i is within p(m, n) 2^-53 σ₁ of the true one, p a modest
//! polynomial (Golub and Van Loan, *Matrix Computations*, 4th ed., section 8.6). Cost O(m n min(m,
//! n)); for large matrices and for a certificate see [`spectral_norm`](super::spectral_norm).
//!
//! Three cautions built in, all for matrices with many zeros, as confusion matrices are. nalgebra
//! 0.35 asked for singular *vectors* can return wrong singular *values*, too (seen: 1.18 for 0.91,
//! K = 5, one row of two entries); so only values are asked of its SVD, Σ σ_i² = ‖M‖_F² is checked,
//! and the vectors come from an eigendecomposition of MᵀM, checked against σ₁. Its values can be
//! NaN for a matrix and right for its transpose (seen: K = 57, 31 entries); so the transpose is
//! tried next. And with entries over hundreds of orders of magnitude its iteration can circle for
//! ever; so the negligible ones are dropped first.

use nalgebra::{DMatrix, DVector, SVD, SymmetricEigen};
use ndarray::ArrayView2;

use super::NormError;
use super::power_of_two::{exponent, scale};

/// QR takes about two sweeps a singular value, so this is enough for any matrix that O(n³) is; 0
/// would mean "for ever" to nalgebra.
pub(crate) const MOST_SWEEPS: usize = 100_000;

/// σ₁ of a matrix with unit vectors u (length m) and v (length n): M v = σ₁ u, Mᵀ u = σ₁ v.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
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
/// [`NormError::Empty`], [`NormError::NonFinite`], [`NormError::NotConverged`],
/// [`NormError::Overflow`].
pub fn singular_values(matrix: ArrayView2<f64>) -> Result<Vec<f64>, NormError> {
    let scaled = Scaled::new(matrix)?;
    scaled.singular_values()?.into_iter().map(|sigma| scaled.unscale(sigma)).collect()
}

/// ‖M‖₂ = σ₁ of an m x n matrix.
///
/// # Errors
/// As [`singular_values`].
pub fn largest_singular_value(matrix: ArrayView2<f64>) -> Result<f64, NormError> {
    Ok(singular_values(matrix)?[0])
}

/// σ₁ with one pair of unit singular vectors; non-negative vectors if no entry of the matrix is
/// negative.
///
/// v is the top eigenvector of MᵀM and u = Mv/‖Mv‖. For M >= 0 the vectors |u|, |v| serve as well
/// (S4): σ₁ = uᵀMv <= |u|ᵀM|v| <= σ₁, so equality holds throughout. Where σ₁ is multiple the pair
/// is one of many. The zero matrix gives σ = 0 and the first unit vectors.
///
/// # Errors
/// As [`singular_values`]; [`NormError::NotConverged`] also if ‖Mv‖ is not σ₁ to rounding.
pub fn top_singular_pair(matrix: ArrayView2<f64>) -> Result<TopSingularPair, NormError> {
    let scaled = Scaled::new(matrix)?;
    let sigma = scaled.singular_values()?[0];
    let m = &scaled.matrix;
    if sigma == 0.0 {
        let first = |len| (0..len).map(|i| f64::from(u8::from(i == 0))).collect();
        return Ok(TopSingularPair { sigma, left: first(m.nrows()), right: first(m.ncols()) });
    }
    let eigen = SymmetricEigen::try_new(m.transpose() * m, f64::EPSILON, MOST_SWEEPS)
        .ok_or_else(|| scaled.not_converged("symmetric QR sweeps for the top pair"))?;
    let mut right: DVector<f64> = eigen.eigenvectors.column(eigen.eigenvalues.imax()).into_owned();
    if matrix.iter().all(|&value| value >= 0.0) {
        right.apply(|value| *value = value.abs());
    }
    right.normalize_mut();
    let mut left = m * &right;
    // ‖Mv‖ misses σ₁ by the square of the error of v only.
    if !scaled.agrees(left.norm(), sigma) {
        return Err(scaled.not_converged("the eigenvector of MᵀM does not attain σ₁"));
    }
    left.normalize_mut();
    Ok(TopSingularPair {
        sigma: scaled.unscale(sigma)?,
        left: left.iter().copied().collect(),
        right: right.iter().copied().collect(),
    })
}

/// A finite matrix divided by the power of two that brings its largest entry into [1, 2); what is
/// then below 2^-200 is 0.
pub(super) struct Scaled {
    pub(super) matrix: DMatrix<f64>,
    pub(super) exponent: i32,
}

impl Scaled {
    pub(super) fn new(matrix: ArrayView2<f64>) -> Result<Self, NormError> {
        check(matrix)?;
        let (rows, columns) = matrix.dim();
        let max = matrix.iter().fold(0.0f64, |max, value| max.max(value.abs()));
        let exponent = if max > 0.0 { exponent(max) } else { 0 };
        // Dropping what is below 2^-200 changes σ by less than √(mn) 2^-200 σ₁, far below the rounding of the method.
        // Its squares would underflow in the shifts, which can then circle for ever (seen with 1e-300 to 1e300).
        let negligible = 2f64.powi(-200);
        let kept = matrix
            .iter()
            .map(|&value| scale(value, -exponent))
            .map(|value| if value.abs() < negligible { 0.0 } else { value });
        Ok(Self { matrix: DMatrix::from_row_iterator(rows, columns, kept), exponent })
    }

    /// Descending; of the matrix or, where nalgebra fails, of its transpose.
    fn singular_values(&self) -> Result<Vec<f64>, NormError> {
        let mut values = self
            .values_of(self.matrix.clone())
            .or_else(|| self.values_of(self.matrix.transpose()))
            .ok_or_else(|| self.not_converged("no singular values whose squares add up to the Frobenius norm"))?;
        values.sort_by(|a, b| b.total_cmp(a));
        Ok(values)
    }

    /// Singular values that add up to the Frobenius norm, which none that are wrong or NaN were
    /// seen to do.
    fn values_of(&self, matrix: DMatrix<f64>) -> Option<Vec<f64>> {
        let svd = SVD::try_new_unordered(matrix, false, false, f64::EPSILON, MOST_SWEEPS)?;
        let values = svd.singular_values;
        self.agrees(values.norm(), self.matrix.norm()).then(|| values.iter().copied().collect())
    }

    /// Up to a relative rounding that is generous for the backward error of the decompositions:
    /// 7e-15 at K = 2, 1.4e-13 at K = 1000 (seen: 3e-15 at most for K < 12).
    fn agrees(&self, found: f64, expected: f64) -> bool {
        let rounding = (32 + self.matrix.nrows().max(self.matrix.ncols())) as f64 * f64::EPSILON;
        (found - expected).abs() <= rounding * expected
    }

    fn not_converged(&self, reason: &str) -> NormError {
        let (rows, columns) = self.matrix.shape();
        NormError::NotConverged { rows, columns, reason: format!("nalgebra: {reason}") }
    }

    fn unscale(&self, sigma: f64) -> Result<f64, NormError> {
        let sigma = scale(sigma, self.exponent);
        if sigma.is_finite() { Ok(sigma) } else { Err(NormError::Overflow) }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn where_nalgebra_fails_the_transpose_serves() {
        // Weighted margin confusion of 31 samples over 57 classes, without its empty rows and columns.
        let [one, two, three] = [1.2480963238880254, 0.6089362107331941, 0.3965809937843093];
        let mut matrix = Array2::zeros((28, 28));
        for (row, column, value) in [
            (25, 2, one),
            (8, 3, one),
            (0, 5, one),
            (14, 8, two),
            (15, 10, one),
            (0, 12, one),
            (6, 13, two),
            (21, 13, two),
            (12, 15, three),
            (27, 15, three),
            (1, 16, two),
            (7, 16, two),
            (3, 19, one),
            (27, 26, one),
            (20, 27, two),
        ] {
            matrix[[row, column]] = value;
        }
        let scaled = Scaled::new(matrix.view()).unwrap();
        assert_eq!(
            scaled.values_of(scaled.matrix.clone()),
            None,
            "nalgebra has been mended: the transpose is needless"
        );
        // Row 0 holds two of the largest entries, and its columns nothing else.
        assert!((largest_singular_value(matrix.view()).unwrap() / (2f64.sqrt() * one) - 1.0).abs() < 1e-14);
        assert_eq!(largest_singular_value(matrix.view()), largest_singular_value(matrix.t()));
        assert!((top_singular_pair(matrix.view()).unwrap().sigma / (2f64.sqrt() * one) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn known_values() {
        let values = singular_values(array![[3.0, 0.0], [4.0, 5.0]].view()).unwrap();
        // Golub and Van Loan's 2 x 2 example: σ = √45, √5.
        assert!((values[0] - 45f64.sqrt()).abs() < 1e-14 && (values[1] - 5f64.sqrt()).abs() < 1e-14);
        assert_eq!(singular_values(array![[3.0, 4.0]].view()).unwrap().len(), 1);
        assert!((largest_singular_value(array![[3.0], [4.0]].view()).unwrap() - 5.0).abs() < 1e-15);
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

    /// The matrix for which nalgebra 0.35 with vectors gives σ₁ = 1.18, and others like it: few
    /// entries, low rank.
    #[test]
    fn sparse_matrices_of_low_rank_have_the_right_pair() {
        use rand::{RngExt, SeedableRng};
        for seed in (0..3000).chain([4_300_799_108_799_120_761]) {
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            let (k, density) = if seed > 3000 { (5, 0.083) } else { (2 + seed as usize % 10, 0.15) };
            let mut entry = || if rng.random_bool(density) { rng.random() } else { 0.0 };
            let matrix = Array2::from_shape_simple_fn((k, k), &mut entry);
            let pair = top_singular_pair(matrix.view()).unwrap();
            let stored = crate::confusion::ConfusionMatrix::from_dense(matrix.clone()).unwrap();
            let certified = crate::norms::spectral_norm(&stored).unwrap();
            assert!((pair.sigma - certified.value).abs() <= 1e-13 * pair.sigma, "{} {}", pair.sigma, certified.value);
            let (u, v) = (ndarray::aview1(&pair.left), ndarray::aview1(&pair.right));
            assert!(pair.left.iter().chain(&pair.right).all(|&x| x >= 0.0));
            assert!((u.dot(&u) - 1.0).abs() < 1e-14 && (v.dot(&v) - 1.0).abs() < 1e-14);
            assert!((u.dot(&matrix.dot(&v)) - pair.sigma).abs() <= 1e-13 * pair.sigma);
        }
    }

    #[test]
    fn a_decomposition_may_be_off_by_a_few_roundings_only() {
        let scaled = Scaled::new(Array2::zeros((2, 3)).view()).unwrap();
        // (32 + 3) eps of 4.
        let off = |by: f64| 4.0 + by * f64::EPSILON;
        assert!(scaled.agrees(off(140.0), 4.0) && scaled.agrees(off(-140.0), 4.0));
        assert!(!scaled.agrees(off(144.0), 4.0) && !scaled.agrees(off(-144.0), 4.0));
    }

    #[test]
    fn entries_below_2_to_the_minus_200_of_the_largest_are_dropped() {
        let second = |value: f64| singular_values(array![[8.0, 0.0], [0.0, 8.0 * value]].view()).unwrap()[1];
        assert_eq!(second(2f64.powi(-200)), 8.0 * 2f64.powi(-200));
        assert_eq!(second(2f64.powi(-200).next_down()), 0.0);
    }

    #[test]
    fn bad_matrices_are_refused_with_their_place() {
        assert_eq!(singular_values(Array2::zeros((0, 3)).view()), Err(NormError::Empty { rows: 0, columns: 3 }));
        let error = largest_singular_value(array![[0.0, 1.0], [f64::NAN, 0.0]].view()).unwrap_err();
        assert!(matches!(error, NormError::NonFinite { row: 1, column: 0, .. }), "{error}");
        assert!(error.to_string().contains("(1, 0)"));
        assert!(top_singular_pair(array![[f64::INFINITY]].view()).is_err());
        assert_eq!(largest_singular_value(Array2::from_elem((3, 3), f64::MAX).view()), Err(NormError::Overflow));
    }
}
