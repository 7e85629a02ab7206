//! The spectral term ‖CΛ‖₂, its subgradient, and its one-sided derivative (S6).
//!
//! ```text
//! R(C) = sigma_1(CΛ),   dR/dC_ij = u_i v_j lambda_j  (i != j),   (u, v) a top singular pair of CΛ
//! ```
//!
//! Where sigma_1 is simple this is the gradient. Where it is not, every pair v in range(V1), u = M
//! v/sigma_1 gives a subgradient, and the derivative in direction E is lambda_max of the symmetric
//! part of U1^T E V1 with U1 = M V1/sigma_1. At C = 0 the norm has every u v^T and also 0 as
//! subgradients; 0, the smallest, is taken.

use nalgebra::{DMatrix, Dyn, SymmetricEigen};
use ndarray::{Array2, ArrayView2};

use super::CarError;
use crate::confusion::ConfusionError;
use crate::norms::{NormError, exact};

/// Value and top singular pair of CΛ.
#[derive(Clone, Debug, PartialEq)]
pub struct PenalisedNorm {
    /// R = sigma_1.
    pub value: f64,
    /// u, unit, over the rows (predicted classes).
    pub left: Vec<f64>,
    /// v, unit, over the columns (true classes).
    pub right: Vec<f64>,
    /// (sigma_1 - sigma_2)/sigma_1: 0 where sigma_1 is multiple and the gradient one of many; 0 for
    /// the zero matrix.
    pub relative_gap: f64,
    weights: Vec<f64>,
}

impl PenalisedNorm {
    /// dR/dC, [K, K], zero on the diagonal; zero altogether at C = 0.
    pub fn gradient(&self) -> Array2<f64> {
        let classes = self.weights.len();
        if self.value == 0.0 {
            return Array2::zeros((classes, classes));
        }
        Array2::from_shape_fn((classes, classes), |(i, j)| {
            if i == j { 0.0 } else { self.left[i] * self.right[j] * self.weights[j] }
        })
    }
}

/// ‖CΛ‖₂ of a matrix [K, K] with finite entries and weights lambda, `[K]`, by nalgebra: O(K^3).
///
/// # Errors
/// [`CarError::WrongNumberOfClasses`], [`CarError::Confusion`] for a matrix that is not square,
/// [`CarError::Norm`].
pub fn penalised_norm(confusion: ArrayView2<'_, f64>, weights: &[f64]) -> Result<PenalisedNorm, CarError> {
    let (rows, columns) = confusion.dim();
    if rows != columns {
        return Err(ConfusionError::NotSquare { rows, columns }.into());
    }
    if weights.len() != columns {
        let what = "the list of class weights";
        return Err(CarError::WrongNumberOfClasses { what, found: weights.len(), expected: columns });
    }
    let weighted = Array2::from_shape_fn((rows, columns), |(i, j)| confusion[[i, j]] * weights[j]);
    let pair = exact::top_singular_pair(weighted.view())?;
    let second = exact::singular_values(weighted.view())?.get(1).copied().unwrap_or(0.0);
    Ok(PenalisedNorm {
        value: pair.sigma,
        left: pair.left,
        right: pair.right,
        relative_gap: if pair.sigma > 0.0 { 1.0 - second / pair.sigma } else { 0.0 },
        weights: weights.to_vec(),
    })
}

/// The one-sided derivative of ‖M‖₂ in direction E (S6): lim over t -> 0+ of (‖M + tE‖₂ - ‖M‖₂)/t.
///
/// Singular values of at least sigma_1 (1 - `tolerance`) count as equal to it; 1e-9 suits matrices
/// whose multiplicity is exact up to rounding. At M = 0 the derivative is ‖E‖₂.
///
/// # Errors
/// [`CarError::WrongNumberOfClasses`] for shapes that differ, [`CarError::Norm`]: also if an
/// eigendecomposition has not converged after a number of sweeps that only matrices need whose
/// entries lie hundreds of orders of magnitude apart.
pub fn spectral_derivative(
    matrix: ArrayView2<'_, f64>,
    direction: ArrayView2<'_, f64>,
    tolerance: f64,
) -> Result<f64, CarError> {
    if matrix.dim() != direction.dim() {
        let (found, expected) = (direction.nrows(), matrix.nrows());
        return Err(CarError::WrongNumberOfClasses { what: "the direction", found, expected });
    }
    let sigma = exact::largest_singular_value(matrix)?;
    let along = exact::largest_singular_value(direction)?;
    if sigma == 0.0 {
        return Ok(along);
    }
    let to_nalgebra = |m: ArrayView2<'_, f64>| DMatrix::from_row_iterator(m.nrows(), m.ncols(), m.iter().copied());
    let (m, e) = (to_nalgebra(matrix) / sigma, to_nalgebra(direction));
    let eigen = symmetric_eigen(m.transpose() * &m, exact::MOST_SWEEPS, "top space")?;
    let smallest = (1.0 - tolerance).powi(2);
    let top: Vec<usize> = (0..m.ncols()).filter(|&i| eigen.eigenvalues[i] >= smallest).collect();
    let right = eigen.eigenvectors.select_columns(&top);
    let left = &m * &right;
    let compressed = left.transpose() * e * right;
    let symmetric = (&compressed + compressed.transpose()) / 2.0;
    Ok(symmetric_eigen(symmetric, exact::MOST_SWEEPS, "derivative on the top space")?.eigenvalues.max())
}

/// Eigenvalues and eigenvectors of a symmetric matrix in at most `most_sweeps` QR sweeps (not 0,
/// which means "for ever" to nalgebra); `what` it is done for stands in the error.
fn symmetric_eigen(
    matrix: DMatrix<f64>,
    most_sweeps: usize,
    what: &str,
) -> Result<SymmetricEigen<f64, Dyn>, NormError> {
    let (rows, columns) = matrix.shape();
    SymmetricEigen::try_new(matrix, f64::EPSILON, most_sweeps).ok_or_else(|| NormError::NotConverged {
        rows,
        columns,
        reason: format!("symmetric QR sweeps for the {what}"),
    })
}

/// Cosine, in the space of zero-diagonal matrices, between the gradients uvᵀΛ of two singular
/// pairs: whether a step that lowers the one spectral norm lowers the other. `None` if one of the
/// gradients is zero.
///
/// # Panics
/// If the vectors and weights are not all of the same length.
pub fn descent_cosine(a: (&[f64], &[f64]), b: (&[f64], &[f64]), weights: &[f64]) -> Option<f64> {
    let product = |(u, v): (&[f64], &[f64]), (x, y): (&[f64], &[f64])| {
        let classes = 0..weights.len();
        let left: f64 = classes.clone().map(|i| u[i] * x[i]).sum();
        let right = |j: usize| v[j] * y[j] * weights[j] * weights[j];
        let whole = left * classes.clone().map(right).sum::<f64>();
        whole - classes.map(|j| u[j] * x[j] * right(j)).sum::<f64>()
    };
    assert!([a.0, a.1, b.0, b.1].iter().all(|vector| vector.len() == weights.len()), "vectors of different lengths");
    let norms = (product(a, a) * product(b, b)).sqrt();
    (norms > 0.0).then(|| (product(a, b) / norms).clamp(-1.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;

    #[test]
    fn a_simple_pair_by_hand() {
        // CΛ = [[0, 3], [4, 0]] with Λ = diag(2, 1).
        let term = penalised_norm(array![[0.0, 3.0], [2.0, 0.0]].view(), &[2.0, 1.0]).unwrap();
        assert_relative_eq!(term.value, 4.0, max_relative = 1e-15);
        assert_relative_eq!(term.relative_gap, 0.25, max_relative = 1e-14);
        assert_relative_eq!(*term.gradient().as_slice().unwrap(), [0.0, 0.0, 2.0, 0.0], epsilon = 1e-14);
    }

    #[test]
    fn zero_has_value_and_gradient_zero() {
        let term = penalised_norm(Array2::zeros((3, 3)).view(), &[1.0; 3]).unwrap();
        assert_eq!((term.value, term.relative_gap, term.gradient()), (0.0, 0.0, Array2::zeros((3, 3))));
        let direction = array![[0.0, -3.0, 0.0], [0.0, 0.0, 0.0], [4.0, 0.0, 0.0]];
        let derivative = spectral_derivative(Array2::zeros((3, 3)).view(), direction.view(), 1e-9).unwrap();
        assert_relative_eq!(derivative, 4.0, max_relative = 1e-14);
    }

    #[test]
    fn the_derivative_where_the_norm_is_simple_and_where_it_is_not() {
        let at = |matrix: [[f64; 3]; 3], direction: [[f64; 3]; 3], tolerance| {
            spectral_derivative(
                Array2::from(matrix.to_vec()).view(),
                Array2::from(direction.to_vec()).view(),
                tolerance,
            )
            .unwrap()
        };
        let e = [[0.0, 1.0, 9.0], [1.0, 4.0, 9.0], [9.0, 9.0, 9.0]];
        // u = (0, 1, 0), v = (1, 0, 0): the derivative is the entry there.
        assert_relative_eq!(
            at([[0.0, 3.0, 0.0], [4.0, 0.0, 0.0], [0.0, 0.0, 1.0]], e, 1e-9),
            1.0,
            max_relative = 1e-14
        );
        // V1 = first two unit vectors, U1 the same in the other order: U1^T E V1 = [[1, 4], [0, 1]], whose symmetric
        // part [[1, 2], [2, 1]] has the eigenvalues 3 and -1.
        let double = [[0.0, 2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 1.0]];
        assert_relative_eq!(at(double, e, 1e-9), 3.0, max_relative = 1e-14);
        assert_relative_eq!(at(double, e.map(|row| row.map(|x: f64| -x)), 1e-9), 1.0, max_relative = 1e-14);
        // Two singular values that the tolerance tells apart or does not; along the swap the larger alone stands still.
        let (near, swap) =
            ([[1.0, 0.0, 0.0], [0.0, 1.0 - 1e-6, 0.0], [0.0; 3]], [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0; 3]]);
        assert_relative_eq!(at(near, swap, 2e-6), 1.0 - 0.5e-6, max_relative = 1e-14);
        assert_relative_eq!(at(near, swap, 0.5e-6), 0.0, epsilon = 1e-14);
    }

    #[test]
    fn too_few_sweeps_are_an_error_and_not_a_loop() {
        let matrix = DMatrix::from_fn(6, 6, |i, j| 1.0 / (1.0 + i as f64 + j as f64));
        let error = symmetric_eigen(matrix.clone(), 1, "top space").unwrap_err();
        let reason = "symmetric QR sweeps for the top space".to_owned();
        assert_eq!(error, NormError::NotConverged { rows: 6, columns: 6, reason });
        // numpy: numpy.linalg.eigvalsh(scipy.linalg.hilbert(6))[-1]
        let eigen = symmetric_eigen(matrix, exact::MOST_SWEEPS, "top space").unwrap();
        assert_relative_eq!(eigen.eigenvalues.max(), 1.618899858924339, max_relative = 1e-14);
    }

    #[test]
    fn entries_over_hundreds_of_orders_of_magnitude_end() {
        let magnitudes = [1e-300, 1e-150, 1.0, 1e150, 1e300];
        let direction = Array2::from_shape_fn((5, 5), |(i, j)| magnitudes[(2 * i + 3 * j) % 5]);
        let found = spectral_derivative(Array2::eye(5).view(), direction.view(), 1e-9);
        // The largest eigenvalue of the symmetric part is a number near 1e300, or the sweeps ran out.
        assert!(match found {
            Ok(derivative) => (1e299..1e301).contains(&derivative),
            Err(error) => matches!(error, CarError::Norm(NormError::NotConverged { .. })),
        });
    }

    #[test]
    fn the_cosine_of_a_pair_with_itself_is_one() {
        let (u, v, w) = ([0.6, 0.8, 0.0], [0.0, 0.6, 0.8], [1.0, 2.0, 0.5]);
        assert_relative_eq!(descent_cosine((&u, &v), (&u, &v), &w).unwrap(), 1.0, max_relative = 1e-15);
        // As dense matrices, diagonal left out.
        let (x, y) = ([0.0, 0.6, 0.8], [0.8, 0.0, 0.6]);
        let dense = |u: &[f64; 3], v: &[f64; 3]| {
            Array2::from_shape_fn((3, 3), |(i, j)| if i == j { 0.0 } else { u[i] * v[j] * w[j] })
        };
        let (a, b) = (dense(&u, &v), dense(&x, &y));
        let expected = (&a * &b).sum() / ((&a * &a).sum() * (&b * &b).sum()).sqrt();
        assert_relative_eq!(descent_cosine((&u, &v), (&x, &y), &w).unwrap(), expected, max_relative = 1e-14);
        let first = [1.0, 0.0, 0.0];
        assert_eq!(descent_cosine((&first, &first), (&u, &v), &w), None);
    }

    #[test]
    fn shapes_that_differ_are_refused() {
        assert!(penalised_norm(Array2::zeros((2, 3)).view(), &[1.0; 3]).is_err());
        assert!(penalised_norm(Array2::zeros((3, 3)).view(), &[1.0; 2]).is_err());
        assert!(penalised_norm(array![[0.0, f64::NAN], [0.0, 0.0]].view(), &[1.0; 2]).is_err());
        assert!(spectral_derivative(Array2::zeros((3, 3)).view(), Array2::zeros((2, 2)).view(), 1e-9).is_err());
    }
}
