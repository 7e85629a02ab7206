//! A certified upper bound of the spectral norm of a matrix of any signs, as T3 needs for weight matrices.
//!
//! ```text
//! M = U S V^T + E   =>   ||M||_2 <= ||U||_2 s_1 ||V||_2 + ||E||_F,   ||U||_2^2 = ||U^T U||_2 <= 1 + ||U^T U - I||_F
//! ```
//!
//! This holds for *any* matrices U, S, V, so the decomposition need not be trusted: what it lacks shows up in E and in
//! the departure from orthogonality, which are computed. Their own rounding: an inner product of n terms is off by at
//! most n u / (1 - n u) times the inner product of the absolute values (u = 2^-53), so each product is off by at most
//! (n + 4) u times the factors' Frobenius norms; that is added twice over. A difference and the root of its sum of N squares
//! are off by (N/2 + 3) u relatively; (2N + 16) u is added.

use nalgebra::{DMatrix, DVector};
use ndarray::ArrayView2;

use super::NormError;

/// A number that ||M||_2 does not exceed; above it by about 1e-11 relative for matrices of a few hundred rows.
///
/// # Errors
/// [`NormError::Empty`], [`NormError::NonFinite`], [`NormError::NotConverged`], [`NormError::Overflow`].
pub fn certified_spectral_upper(matrix: ArrayView2<'_, f64>) -> Result<f64, NormError> {
    let (rows, columns) = matrix.dim();
    if rows == 0 || columns == 0 {
        return Err(NormError::Empty { rows, columns });
    }
    if let Some(((row, column), &value)) = matrix.indexed_iter().find(|(_, value)| !value.is_finite()) {
        return Err(NormError::NonFinite { row, column, value });
    }
    // Powers of two scale without rounding; entries near 1 keep squares from over- and underflowing.
    let largest = matrix.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    if largest == 0.0 {
        return Ok(0.0);
    }
    let exponent = largest.log2().floor().clamp(-1000.0, 1000.0) as i32;
    let scale = 2.0f64.powi(exponent);
    let scaled = DMatrix::from_fn(rows, columns, |row, column| matrix[[row, column]] / scale);
    let not_converged = || NormError::NotConverged { rows, columns, reason: "iteration limit".to_owned() };
    let svd = nalgebra::SVD::try_new(scaled.clone(), true, true, f64::EPSILON, 0).ok_or_else(not_converged)?;
    let (u, v_t) = (svd.u.ok_or_else(not_converged)?, svd.v_t.ok_or_else(not_converged)?);
    let upper = upper_by(&scaled, &u, &svd.singular_values, &v_t) * scale;
    if upper.is_finite() { Ok(upper) } else { Err(NormError::Overflow) }
}

/// The bound by any U, S, V^T, good or bad.
fn upper_by(matrix: &DMatrix<f64>, u: &DMatrix<f64>, s: &DVector<f64>, v_t: &DMatrix<f64>) -> f64 {
    let (rows, columns) = matrix.shape();
    let sigma = s.iter().fold(0.0f64, |largest, value| largest.max(*value));
    let residual = (matrix - u * DMatrix::from_diagonal(s) * v_t).norm();
    let rank = s.len();
    let residual = residual + rounding(rank) * u.norm() * v_t.norm() * sigma;
    let orthogonal = |gram: DMatrix<f64>, terms: usize, norm: f64| {
        let departure = norm_upper(&(gram - DMatrix::identity(rank, rank))) + rounding(terms) * norm * norm;
        (1.0 + departure).sqrt()
    };
    let left = orthogonal(u.transpose() * u, rows, u.norm());
    let right = orthogonal(v_t * v_t.transpose(), columns, v_t.norm());
    (left * sigma * right + residual) * (1.0 + 8.0 * f64::EPSILON)
}

/// The Frobenius norm of a difference, from above.
fn norm_upper(difference: &DMatrix<f64>) -> f64 {
    difference.norm() * (1.0 + (difference.len() as f64 + 8.0) * f64::EPSILON)
}

fn rounding(terms: usize) -> f64 {
    (terms + 4) as f64 * f64::EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use rand::{RngExt, SeedableRng};

    #[test]
    fn at_least_the_norm_and_close_to_it() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for (rows, columns) in [(1, 1), (2, 7), (40, 40), (10, 120), (120, 10)] {
            let matrix = Array2::from_shape_fn((rows, columns), |_| rng.random_range(-1.0..1.0));
            let upper = certified_spectral_upper(matrix.view()).unwrap();
            let svd = super::super::exact::spectral_norm(matrix.view()).unwrap();
            assert!(upper >= svd && upper <= svd * (1.0 + 1e-10), "{rows} x {columns}: {upper} against {svd}");
        }
    }

    #[test]
    fn what_a_decomposition_lacks_is_added() {
        let matrix = DMatrix::from_diagonal(&DVector::from_vec(vec![3.0, 1.0]));
        let (one, s) = (DMatrix::identity(2, 2), |first, second| DVector::from_vec(vec![first, second]));
        let by = |u: &DMatrix<f64>, s: DVector<f64>, v_t: &DMatrix<f64>| upper_by(&matrix, u, &s, v_t);
        // Singular values too small: the residual. Factors that are not orthogonal: their norms, left and right.
        for (bound, most) in [
            (by(&one, s(1.0, 1.0), &one), 3.0),
            (by(&(&one * 2.0), s(1.5, 0.5), &one), 3.44),
            (by(&one, s(1.5, 0.5), &(&one * 2.0)), 3.44),
        ] {
            assert!((3.0..=most * (1.0 + 1e-12)).contains(&bound), "{bound} for a norm of 3");
        }
    }

    #[test]
    fn rounding_of_the_checks_themselves_is_added() {
        let one = DMatrix::identity(4, 4);
        let bound = upper_by(&(&one * 2.0), &one, &DVector::repeat(4, 2.0), &one);
        // Residual 8 x 4 x 2 eps; each factor 8 x 4 eps under a root; 8 eps at the end: 64, twice 16 and 8, the last three
        // of 2.
        assert_eq!(bound, 2.0 + (64.0 + 2.0 * (16.0 + 16.0 + 8.0)) * f64::EPSILON);
        assert_eq!(norm_upper(&DMatrix::from_element(1, 1, 2.0)), 2.0 * (1.0 + 9.0 * f64::EPSILON));
    }

    #[test]
    fn a_norm_of_many_squares_is_not_below_the_exact_one() {
        // 1/3 as a float is below 1/3; the sum of 10^5 squares rounds at every step.
        let many = DMatrix::from_element(100, 1000, 1.0 / 3.0);
        let exact = (1.0f64 / 3.0) * 1e5f64.sqrt();
        let above = norm_upper(&many) / exact - 1.0;
        assert!((1e5 * f64::EPSILON * 0.5..=2e5 * f64::EPSILON).contains(&above), "{above:e}");
    }

    #[test]
    fn known_norms_are_enclosed_from_above_at_every_scale() {
        for scale in [1.0, 1e-300, 1e300, 3e-320] {
            let upper = certified_spectral_upper((array![[1.0, 0.0], [-1.0, 0.0]] * scale).view()).unwrap();
            let norm = 2.0f64.sqrt() * scale;
            assert!(upper >= norm * (1.0 - 1e-15) && upper <= norm * (1.0 + 1e-10) + f64::from_bits(2), "{upper:e}");
        }
        assert_eq!(certified_spectral_upper(Array2::zeros((3, 2)).view()), Ok(0.0));
        let error = |matrix: Array2<f64>| certified_spectral_upper(matrix.view()).unwrap_err();
        assert!(matches!(error(array![[1.0, f64::INFINITY]]), NormError::NonFinite { row: 0, column: 1, .. }));
        assert_eq!(error(Array2::zeros((0, 3))), NormError::Empty { rows: 0, columns: 3 });
        assert_eq!(error(Array2::zeros((3, 0))), NormError::Empty { rows: 3, columns: 0 });
        assert_eq!(error(Array2::from_elem((2, 2), f64::MAX)), NormError::Overflow);
    }
}
