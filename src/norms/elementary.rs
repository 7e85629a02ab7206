//! The norms that need one pass over the matrix: ‖M‖₁, ‖M‖_∞ and ‖M‖_F, and what the column sums force on ‖M‖₂.

use crate::confusion::ConfusionMatrix;

use super::power_of_two::{exponent, scale};

/// ‖M‖₁ = max_j Σ_i M_ij, the largest column sum: for a confusion matrix the largest class error, for C Λ the weighted
/// worst-class error (D4).
///
/// Sums run over ascending rows, so the value is the maximum of [`ConfusionMatrix::column_sums`] to the last bit;
/// relative error at most (K-1) 2^-53. A sum above the largest f64 gives infinity.
pub fn one_norm(matrix: &ConfusionMatrix) -> f64 {
    let sums = match matrix.as_dense() {
        // Row by row: the same additions as column by column, in the order of memory.
        Some(dense) => {
            let mut sums = vec![0.0; matrix.num_classes()];
            for row in dense.rows() {
                sums.iter_mut().zip(row).for_each(|(sum, &value)| *sum += value);
            }
            sums
        }
        None => matrix.column_sums(),
    };
    largest(sums)
}

/// ‖M‖_∞ = max_i Σ_j M_ij, the largest row sum: how much of the other classes flows into one predicted class.
///
/// Relative error at most (K-1) 2^-53; a sum above the largest f64 gives infinity.
pub fn infinity_norm(matrix: &ConfusionMatrix) -> f64 {
    match matrix.as_dense() {
        Some(dense) => largest(dense.rows().into_iter().map(|row| row.iter().sum())),
        None => {
            let mut sums = vec![0.0; matrix.num_classes()];
            for (row, _, value) in matrix.non_zeros() {
                sums[row] += value;
            }
            largest(sums)
        }
    }
}

/// ‖M‖_F = √(Σ_ij M_ij²) ≥ ‖M‖₂.
///
/// The entries are first scaled by the power of two that brings the largest one into [1, 2), so that no square
/// overflows and none that matters underflows. Infinity if the norm itself exceeds the largest f64.
pub fn frobenius_norm(matrix: &ConfusionMatrix) -> f64 {
    match matrix.as_dense() {
        Some(dense) => scaled_root_of_squares(|| dense.iter().copied()),
        None => scaled_root_of_squares(|| matrix.non_zeros().map(|(_, _, value)| value)),
    }
}

/// ‖1ᵀM‖₂/√K ≤ ‖M‖₂, for 1/√K in every entry is a unit vector: what the column sums s alone force on the spectral norm. The
/// matrix 1 sᵀ/K, whose columns spread evenly over all rows, attains it. Of C Λ it is the root mean square over classes of the
/// weighted errors λ_j e_j: how far ‖C Λ‖₂ lies above it says how unevenly errors flow into predicted classes.
///
/// Relative error at most (2K+3) 2^-53 up to second order. Infinity if it exceeds the largest f64.
pub fn column_sum_floor(matrix: &ConfusionMatrix) -> f64 {
    let sums = matrix.column_sums();
    scaled_root_of_squares(|| sums.iter().copied()) / (sums.len() as f64).sqrt()
}

fn scaled_root_of_squares<I: Iterator<Item = f64>>(values: impl Fn() -> I) -> f64 {
    let max = largest(values());
    if max == 0.0 {
        return 0.0;
    }
    let e = exponent(max);
    let sum: f64 = values().map(|value| scale(value, -e)).map(|value| value * value).sum();
    scale(sum.sqrt(), e)
}

fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::super::spectral_norm;
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array2, array};

    #[test]
    fn the_floor_of_column_sums_is_attained_by_even_columns_and_never_exceeds_the_norm() {
        let sums = [0.5, 0.25, 1.0, 0.0];
        for even in both_storages(Array2::from_shape_fn((4, 4), |(_, column)| sums[column] / 4.0)) {
            assert_relative_eq!(column_sum_floor(&even), (1.3125f64 / 4.0).sqrt(), max_relative = 1e-15);
            assert_relative_eq!(column_sum_floor(&even), spectral_norm(&even).unwrap().value, max_relative = 1e-12);
        }
        // All errors of one class in one row: the norm is the largest sum, the floor a quarter of its square under the root.
        for one in both_storages(array![[0.0, 0.5], [0.0, 0.0]]) {
            assert_eq!((column_sum_floor(&one), spectral_norm(&one).unwrap().value), (0.5 / 2f64.sqrt(), 0.5));
        }
        for zero in both_storages(Array2::zeros((3, 3))) {
            assert_eq!(column_sum_floor(&zero), 0.0);
        }
    }

    fn both_storages(dense: Array2<f64>) -> [ConfusionMatrix; 2] {
        let triplets: Vec<_> = dense.indexed_iter().map(|((i, j), &value)| (i, j, value)).collect();
        let sparse = ConfusionMatrix::from_triplets(dense.nrows(), triplets).unwrap();
        [ConfusionMatrix::from_dense(dense).unwrap(), sparse]
    }

    #[test]
    fn sums_of_columns_and_rows() {
        for matrix in both_storages(array![[0.0, 0.25, 0.5], [0.5, 0.0, 0.0], [0.125, 0.0, 0.0]]) {
            assert_eq!(one_norm(&matrix), 0.625);
            assert_eq!(infinity_norm(&matrix), 0.75);
            assert_eq!(frobenius_norm(&matrix), (0.0625f64 + 0.25 + 0.25 + 0.015625).sqrt());
        }
        for matrix in both_storages(Array2::zeros((4, 4))) {
            assert_eq!((one_norm(&matrix), infinity_norm(&matrix), frobenius_norm(&matrix)), (0.0, 0.0, 0.0));
        }
    }

    #[test]
    fn frobenius_norm_neither_overflows_nor_underflows() {
        for unit in [1e-320, 1e-200, 1.0, 1e200, 1e307] {
            for matrix in both_storages(array![[0.0, 3.0 * unit], [4.0 * unit, 0.0]]) {
                let norm = frobenius_norm(&matrix);
                // A subnormal unit carries its own rounding, up to 2^-1075 an entry.
                assert!((norm - 5.0 * unit).abs() <= 5.0 * unit * 4e-16 + 2e-323, "{unit}: {norm}");
            }
        }
    }
}
