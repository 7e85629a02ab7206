//! The norms that need one pass over the matrix: ‖M‖₁, ‖M‖_∞ and ‖M‖_F, and what the column sums
//! force on ‖M‖₂.

use crate::confusion::ConfusionMatrix;

use super::power_of_two::{exponent, scale};

/// ‖M‖₁ = max_j Σ_i M_ij, the largest column sum: for a confusion matrix the largest class error,
/// for CΛ the weighted worst-class error (D4).
///
/// Sums run over ascending rows, so the value is the maximum of [`ConfusionMatrix::column_sums`] to
/// the last bit; relative error at most (K-1) 2^-53. A sum above the largest f64 gives infinity.
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

/// ‖M‖_∞ = max_i Σ_j M_ij, the largest row sum: how much of the other classes flows into one
/// predicted class.
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
/// The entries are first scaled by the power of two that brings the largest one into [1, 2), so
/// that no square overflows and none that matters underflows. Infinity if the norm itself exceeds
/// the largest f64.
pub fn frobenius_norm(matrix: &ConfusionMatrix) -> f64 {
    match matrix.as_dense() {
        Some(dense) => scaled_root_of_squares(|| dense.iter().copied()),
        None => scaled_root_of_squares(|| matrix.non_zeros().map(|(_, _, value)| value)),
    }
}

/// ‖1ᵀM‖₂/√K ≤ ‖M‖₂, for 1/√K in every entry is a unit vector: what the column sums s alone force
/// on the spectral norm. The matrix 1 sᵀ/K, whose columns spread evenly over all rows, attains it.
/// Of CΛ it is the root mean square over classes of the weighted errors λ_j e_j: how far ‖CΛ‖₂ lies
/// above it says how unevenly errors flow into predicted classes.
///
/// Relative error at most (2K+3) 2^-53 up to second order, and below the normal numbers 2^-1074.
/// Infinity if it exceeds the largest f64.
pub fn column_sum_floor(matrix: &ConfusionMatrix) -> f64 {
    let Some(e) = largest_exponent(matrix) else { return 0.0 };
    let mut sums = vec![0.0; matrix.num_classes()];
    for (_, column, value) in matrix.non_zeros() {
        sums[column] += scale(value, -e);
    }
    scale(root_mean_square(sums), e)
}

/// The largest of four numbers that ‖M‖₂ is not below and that one pass over the entries gives: the
/// lengths of the longest column max_j ‖M 1_j‖ and of the longest row max_i ‖1_iᵀM‖, and what
/// column and row sums force, ‖1ᵀM‖/√K and ‖M1‖/√K.
///
/// Relative error at most (2K+3) 2^-53 up to second order, and below the normal numbers 2^-1074.
/// Infinity if it exceeds the largest f64.
pub fn spectral_floor(matrix: &ConfusionMatrix) -> f64 {
    #[derive(Clone, Default)]
    struct Line {
        sum: f64,
        squares: f64,
    }

    let Some(e) = largest_exponent(matrix) else { return 0.0 };
    let (mut columns, mut rows) =
        (vec![Line::default(); matrix.num_classes()], vec![Line::default(); matrix.num_classes()]);
    for (row, column, value) in matrix.non_zeros() {
        let value = scale(value, -e);
        for line in [&mut columns[column], &mut rows[row]] {
            line.sum += value;
            line.squares += value * value;
        }
    }
    let floor = |lines: Vec<Line>| {
        let longest = largest(lines.iter().map(|line| line.squares)).sqrt();
        longest.max(root_mean_square(lines.iter().map(|line| line.sum)))
    };
    scale(floor(columns).max(floor(rows)), e)
}

/// The e of the power of two that divides the largest entry to [1, 2); `None` for the zero matrix.
fn largest_exponent(matrix: &ConfusionMatrix) -> Option<i32> {
    let max = largest(matrix.non_zeros().map(|(_, _, value)| value));
    (max > 0.0).then(|| exponent(max))
}

fn root_mean_square(values: impl IntoIterator<Item = f64, IntoIter: ExactSizeIterator>) -> f64 {
    let values = values.into_iter();
    let count = values.len() as f64;
    (values.map(|value| value * value).sum::<f64>() / count).sqrt()
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
        // All errors of one class in one row: the norm is the largest sum, the floor a quarter of its square under the
        // root.
        for one in both_storages(array![[0.0, 0.5], [0.0, 0.0]]) {
            assert_relative_eq!(column_sum_floor(&one), 0.5 / 2f64.sqrt(), max_relative = 1e-15);
            assert_eq!(spectral_norm(&one).unwrap().value, 0.5);
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

    #[test]
    fn floors_overflow_only_with_their_value_and_keep_the_digits_of_small_ones() {
        // Column 0 sums to 1.5 of the largest float; the floor is half of that.
        let most = f64::MAX * 0.75;
        for full in both_storages(array![[0.0, 0.0, 0.0, 0.0], [most; 4], [most, 0.0, 0.0, 0.0], [0.0; 4]]) {
            let floor = column_sum_floor(&full);
            assert_relative_eq!(floor, most * (7.0f64 / 4.0).sqrt(), max_relative = 1e-15);
            // Row 1 has length 2 x 0.75.
            assert_eq!(spectral_floor(&full), f64::INFINITY);
        }
        // In units of 2^-1074: √((3² + 4²)/2) = 3.54, rounded once.
        let unit = f64::from_bits(1);
        for tiny in both_storages(array![[0.0, 4.0 * unit], [3.0 * unit, 0.0]]) {
            assert_eq!((column_sum_floor(&tiny), spectral_floor(&tiny)), (4.0 * unit, 4.0 * unit));
        }
    }

    #[test]
    fn each_of_the_four_floors_can_be_the_largest() {
        let floor = |dense: Array2<f64>| {
            let [a, b] = both_storages(dense);
            assert_eq!(spectral_floor(&a), spectral_floor(&b));
            assert!(spectral_floor(&a) <= spectral_norm(&a).unwrap().upper);
            spectral_floor(&a)
        };
        assert_eq!(floor(array![[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [4.0, 0.0, 0.0]]), 5.0);
        assert_eq!(floor(array![[0.0, 3.0, 4.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]), 5.0);
        // All column and row sums are 2, all lengths √2.
        let ones = array![[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]];
        assert_eq!(floor(ones), 2.0);
        // Column sums 1, 2.5, 2.5, row sums 2, 2, 2: √(13.5/3) = 2.12 against 2; longest column √3.25. And the
        // transpose.
        let uneven = array![[0.0, 1.0, 1.0], [0.5, 0.0, 1.5], [0.5, 1.5, 0.0]];
        let expected = (1.0f64 + 6.25 + 6.25).sqrt() / 3f64.sqrt();
        for matrix in [uneven.clone(), uneven.reversed_axes()] {
            assert_relative_eq!(floor(matrix), expected, max_relative = 1e-15);
        }
        assert_eq!(floor(Array2::zeros((3, 3))), 0.0);
    }
}
