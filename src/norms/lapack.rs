//! Singular values by LAPACK (feature `lapack`, through ndarray-linalg and the system's OpenBLAS):
//! the second oracle of the tests and benches, independent of nalgebra.
//!
//! Never in one process with libtorch, whose library exports the same symbols: the routine that
//! answers would then depend on the order of linking.

use ndarray::ArrayView2;
use ndarray_linalg::{JobSvd, SVDDC};

use super::NormError;

/// ‖M‖₂ = σ₁ of an m x n matrix, all of whose singular values are computed (LAPACK's dgesdd).
///
/// # Errors
/// [`NormError::Empty`], [`NormError::NonFinite`]; [`NormError::NotConverged`] with LAPACK's own
/// message; [`NormError::Overflow`].
pub fn spectral_norm(matrix: ArrayView2<f64>) -> Result<f64, NormError> {
    super::exact::check(matrix)?;
    let (rows, columns) = matrix.dim();
    let not_converged = |reason| NormError::NotConverged { rows, columns, reason };
    let (_, values, _) = matrix.to_owned().svddc(JobSvd::None).map_err(|error| not_converged(error.to_string()))?;
    if values.iter().any(|value| value.is_nan()) {
        return Err(not_converged("a singular value is NaN".to_owned()));
    }
    if values.iter().all(|value| value.is_finite()) { Ok(values[0]) } else { Err(NormError::Overflow) }
}
