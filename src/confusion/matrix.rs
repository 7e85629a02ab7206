//! The matrix type: K x K, non-negative, **row = predicted class i (or competitor), column = true
//! class j**, dense or sparse behind one interface, so that K = 100,000 classes with a few hundred
//! thousand errors fit.

use ndarray::{Array2, ArrayView2};

use super::ConfusionError;
use super::tables::check_num_classes;

/// A K x K matrix with finite entries >= 0; row = predicted class, column = true class.
///
/// Sparse storage is compressed by column (CSC) with ascending rows; both storages hold the same
/// values, and equality compares values, not storage.
#[derive(Clone, Debug)]
pub struct ConfusionMatrix {
    num_classes: usize,
    storage: Storage,
}

#[derive(Clone, Debug)]
enum Storage {
    Dense(Array2<f64>),
    Sparse { starts: Vec<usize>, rows: Vec<u32>, values: Vec<f64> },
}

impl ConfusionMatrix {
    /// Takes a dense square matrix.
    ///
    /// # Errors
    /// [`ConfusionError::NotSquare`], [`ConfusionError::TooFewClasses`] for K < 2,
    /// [`ConfusionError::TooManyClasses`] for K ≥ 2^32, [`ConfusionError::InvalidEntry`] for an
    /// entry that is negative or not finite.
    pub fn from_dense(matrix: Array2<f64>) -> Result<Self, ConfusionError> {
        let (rows, columns) = matrix.dim();
        if rows != columns {
            return Err(ConfusionError::NotSquare { rows, columns });
        }
        check_num_classes(rows)?;
        for ((row, column), &value) in matrix.indexed_iter() {
            check_entry(row, column, value)?;
        }
        Ok(Self { num_classes: rows, storage: Storage::Dense(matrix) })
    }

    /// Builds a sparse matrix from (row, column, value) triplets in any order; values at the same
    /// place are added.
    ///
    /// # Errors
    /// [`ConfusionError::TooFewClasses`] for K < 2, [`ConfusionError::TooManyClasses`] for K ≥
    /// 2^32, [`ConfusionError::EntryOutOfRange`], [`ConfusionError::InvalidEntry`], also for values
    /// at one place that add up to infinity.
    pub fn from_triplets(
        num_classes: usize,
        triplets: impl IntoIterator<Item = (usize, usize, f64)>,
    ) -> Result<Self, ConfusionError> {
        check_num_classes(num_classes)?;
        let mut entries = Vec::new();
        for (row, column, value) in triplets {
            if row >= num_classes || column >= num_classes {
                return Err(ConfusionError::EntryOutOfRange { row, column, num_classes });
            }
            check_entry(row, column, value)?;
            if value > 0.0 {
                entries.push((column, row as u32, value));
            }
        }
        entries.sort_by_key(|&(column, row, _)| (column, row));
        let mut starts = vec![0; num_classes + 1];
        let (mut rows, mut values): (Vec<u32>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut previous = None;
        for (column, row, value) in entries {
            if previous == Some((column, row)) {
                let last = values.len() - 1;
                values[last] += value;
                check_entry(row as usize, column, values[last])?;
            } else {
                rows.push(row);
                values.push(value);
                starts[column + 1] = rows.len();
                previous = Some((column, row));
            }
        }
        for column in 0..num_classes {
            starts[column + 1] = starts[column + 1].max(starts[column]);
        }
        Ok(Self { num_classes, storage: Storage::Sparse { starts, rows, values } })
    }

    /// Number of classes K.
    pub fn num_classes(&self) -> usize {
        self.num_classes
    }

    /// Tells whether the entries are stored by column, zeros left out.
    pub fn is_sparse(&self) -> bool {
        matches!(self.storage, Storage::Sparse { .. })
    }

    /// The dense storage, if this matrix has it.
    pub fn as_dense(&self) -> Option<ArrayView2<'_, f64>> {
        match &self.storage {
            Storage::Dense(matrix) => Some(matrix.view()),
            Storage::Sparse { .. } => None,
        }
    }

    /// The sparse storage, if this matrix has it: rows and values of column j from `starts[j]` to
    /// `starts[j + 1]`.
    pub(crate) fn as_sparse(&self) -> Option<(&[usize], &[u32], &[f64])> {
        match &self.storage {
            Storage::Dense(_) => None,
            Storage::Sparse { starts, rows, values } => Some((starts, rows, values)),
        }
    }

    /// The entry at (predicted `row`, true `column`).
    ///
    /// # Panics
    /// If either index is not below K.
    pub fn get(&self, row: usize, column: usize) -> f64 {
        assert!(row < self.num_classes && column < self.num_classes, "({row}, {column}) outside {}", self.num_classes);
        match &self.storage {
            Storage::Dense(matrix) => matrix[[row, column]],
            Storage::Sparse { starts, rows, values } => {
                let range = starts[column]..starts[column + 1];
                rows[range.clone()].binary_search(&(row as u32)).map_or(0.0, |at| values[range.start + at])
            }
        }
    }

    /// The non-zero entries of true class `column` as (row, value), rows ascending.
    ///
    /// # Panics
    /// If `column` is not below K.
    pub fn column(&self, column: usize) -> Box<dyn Iterator<Item = (usize, f64)> + '_> {
        match &self.storage {
            Storage::Dense(matrix) => {
                Box::new(matrix.column(column).into_iter().copied().enumerate().filter(|&(_, value)| value != 0.0))
            }
            Storage::Sparse { starts, rows, values } => {
                let range = starts[column]..starts[column + 1];
                Box::new(rows[range.clone()].iter().map(|&row| row as usize).zip(values[range].iter().copied()))
            }
        }
    }

    /// All non-zero entries as (row, column, value), column by column, rows ascending.
    pub fn non_zeros(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        (0..self.num_classes).flat_map(move |column| self.column(column).map(move |(row, value)| (row, column, value)))
    }

    /// Column sums s_j = sum_i M_ij: for a confusion matrix, the error (or margin error) of true
    /// class j.
    pub fn column_sums(&self) -> Vec<f64> {
        (0..self.num_classes).map(|column| self.column(column).map(|(_, value)| value).sum()).collect()
    }

    /// Numbers of non-zeros s_j in the columns: into how many predicted classes the errors of true
    /// class j go. With it the bounds of class j have √s_j in place of √(K−1) (S3).
    pub fn column_non_zeros(&self) -> Vec<usize> {
        (0..self.num_classes).map(|column| self.column(column).count()).collect()
    }

    /// M diag(w): column j times w_j. With the class weights of D3 this is CΛ.
    ///
    /// # Errors
    /// [`ConfusionError::InvalidWeight`] if a weight is negative or not finite,
    /// [`ConfusionError::InvalidEntry`] if an entry overflows.
    ///
    /// # Panics
    /// If there are not K weights.
    pub fn scale_columns(&self, weights: &[f64]) -> Result<Self, ConfusionError> {
        assert_eq!(weights.len(), self.num_classes, "one weight a class");
        // An empty column would not show it, nor a zero times a negative weight.
        if let Some(class) = weights.iter().position(|weight| !(0.0..f64::INFINITY).contains(weight)) {
            return Err(ConfusionError::InvalidWeight { class, weight: weights[class] });
        }
        match &self.storage {
            Storage::Dense(matrix) => {
                let mut scaled = matrix.clone();
                for (mut column, &weight) in scaled.columns_mut().into_iter().zip(weights) {
                    column *= weight;
                }
                Self::from_dense(scaled)
            }
            Storage::Sparse { .. } => Self::from_triplets(
                self.num_classes,
                self.non_zeros().map(|(row, column, value)| (row, column, value * weights[column])),
            ),
        }
    }

    /// The same matrix as a dense K x K array.
    pub fn to_dense(&self) -> Array2<f64> {
        match &self.storage {
            Storage::Dense(matrix) => matrix.clone(),
            Storage::Sparse { .. } => {
                let mut dense = Array2::zeros((self.num_classes, self.num_classes));
                for (row, column, value) in self.non_zeros() {
                    dense[[row, column]] = value;
                }
                dense
            }
        }
    }
}

impl PartialEq for ConfusionMatrix {
    fn eq(&self, other: &Self) -> bool {
        self.num_classes == other.num_classes && self.non_zeros().eq(other.non_zeros())
    }
}

fn check_entry(row: usize, column: usize, value: f64) -> Result<(), ConfusionError> {
    if value.is_finite() && value >= 0.0 { Ok(()) } else { Err(ConfusionError::InvalidEntry { row, column, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn both_storages_hold_the_same_matrix() {
        let dense = array![[0.0, 0.25, 0.0], [0.5, 0.0, 0.0], [0.125, 0.0, 0.0]];
        let a = ConfusionMatrix::from_dense(dense.clone()).unwrap();
        let b = ConfusionMatrix::from_triplets(3, [(2, 0, 0.125), (0, 1, 0.25), (1, 0, 0.25), (1, 0, 0.25)]).unwrap();
        assert_eq!(a, b);
        assert_eq!((a.is_sparse(), a.as_dense()), (false, Some(dense.view())));
        assert_eq!((b.is_sparse(), b.as_dense()), (true, None));
        assert_eq!(b.to_dense(), dense);
        assert_eq!(b.column_sums(), vec![0.625, 0.25, 0.0]);
        assert_eq!((a.column_non_zeros(), b.column_non_zeros()), (vec![2, 1, 0], vec![2, 1, 0]));
        assert_eq!((b.get(2, 0), b.get(2, 2)), (0.125, 0.0));
        assert_eq!(a.scale_columns(&[2.0, 4.0, 8.0]).unwrap(), b.scale_columns(&[2.0, 4.0, 8.0]).unwrap());
    }

    #[test]
    fn matrices_that_differ_are_not_equal() {
        let one = |num_classes, value| ConfusionMatrix::from_triplets(num_classes, [(0, 1, value)]).unwrap();
        assert_ne!(one(3, 0.5), one(4, 0.5));
        assert_ne!(one(3, 0.5), one(3, 0.25));
    }

    #[test]
    fn bad_matrices_are_refused() {
        assert_eq!(
            ConfusionMatrix::from_dense(Array2::zeros((2, 3))).unwrap_err(),
            ConfusionError::NotSquare { rows: 2, columns: 3 }
        );
        assert!(ConfusionMatrix::from_dense(Array2::zeros((1, 1))).is_err());
        assert!(ConfusionMatrix::from_triplets(2, [(0, 1, f64::NAN)]).is_err());
        assert!(ConfusionMatrix::from_triplets(2, [(0, 2, 1.0)]).is_err());
        assert!(ConfusionMatrix::from_triplets(2, [(0, 1, -1.0)]).is_err());
        let overflow = ConfusionMatrix::from_triplets(2, [(0, 1, f64::MAX)]).unwrap().scale_columns(&[1.0, 2.0]);
        assert!(matches!(overflow, Err(ConfusionError::InvalidEntry { row: 0, column: 1, .. })));
    }

    #[test]
    fn more_classes_than_32_bits_can_name_are_refused() {
        let num_classes = 1 << 32;
        let error = ConfusionMatrix::from_triplets(num_classes, [(num_classes - 1, 0, 1.0)]).unwrap_err();
        assert_eq!(error, ConfusionError::TooManyClasses { num_classes });
    }

    #[test]
    fn a_bad_weight_is_refused_in_either_storage_even_of_an_empty_column() {
        let sparse = ConfusionMatrix::from_triplets(3, [(1, 0, 0.5), (2, 1, 0.25)]).unwrap();
        let dense = ConfusionMatrix::from_dense(sparse.to_dense()).unwrap();
        for matrix in [sparse, dense] {
            for class in 0..3 {
                for bad in [-1.0, f64::NAN, f64::INFINITY] {
                    let mut weights = [1.0; 3];
                    weights[class] = bad;
                    let error = matrix.scale_columns(&weights).unwrap_err();
                    assert!(
                        matches!(error, ConfusionError::InvalidWeight { class: found, weight }
                            if found == class && weight.to_bits() == bad.to_bits()),
                        "{error}"
                    );
                }
            }
            assert_eq!(matrix.scale_columns(&[0.0, 2.0, f64::MAX]).unwrap().column_sums(), [0.0, 0.5, 0.0]);
        }
    }
}
