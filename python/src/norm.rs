//! The certified spectral norm.

use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::spectral_norm as enclose;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::counts::Counts;
use crate::error::refused;
use crate::weights::ClassWeights;

/// value, lower, upper, u, v.
type Norm<'py> = (f64, f64, f64, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

fn certified<'py>(py: Python<'py>, matrix: impl FnOnce() -> PyResult<ConfusionMatrix> + Send) -> PyResult<Norm<'py>> {
    let norm = py.detach(|| enclose(&matrix()?).map_err(refused))?;
    let (left, right) = (norm.left.into_pyarray(py), norm.right.into_pyarray(py));
    Ok((norm.value, norm.lower, norm.upper, left, right))
}

/// The norm of a dense matrix, or of counts with their weights at a margin.
#[pyfunction]
#[pyo3(signature = (matrix))]
pub(crate) fn spectral_norm<'py>(py: Python<'py>, matrix: PyReadonlyArray2<'py, f64>) -> PyResult<Norm<'py>> {
    let matrix = matrix.as_array();
    certified(py, || ConfusionMatrix::from_dense(matrix.to_owned()).map_err(refused))
}

/// The norm of the weighted confusion matrix of counts, at a margin of their grid or of the errors.
#[pyfunction]
pub(crate) fn spectral_norm_of_counts<'py>(
    py: Python<'py>,
    counts: &Counts,
    weights: &ClassWeights,
    at: Option<usize>,
) -> PyResult<Norm<'py>> {
    at.map_or(Ok(()), |at| counts.check_margin(at))?;
    let (counts, weights) = (&counts.inner, weights.inner.values());
    certified(py, || {
        let matrix = at.map_or_else(|| counts.confusion(), |at| counts.margin_confusion(at));
        matrix.scale_columns(weights).map_err(refused)
    })
}

/// The norm of a sparse matrix of K classes: row, column and value of each entry.
#[pyfunction]
pub(crate) fn spectral_norm_of_triplets<'py>(
    py: Python<'py>,
    num_classes: usize,
    rows: PyReadonlyArray1<'py, u64>,
    columns: PyReadonlyArray1<'py, u64>,
    values: PyReadonlyArray1<'py, f64>,
) -> PyResult<Norm<'py>> {
    let (rows, columns, values) = (rows.as_array(), columns.as_array(), values.as_array());
    if [rows.len(), columns.len()] != [values.len(); 2] {
        return Err(refused("a sparse matrix has one row, one column and one value an entry"));
    }
    certified(py, || {
        let entries = rows.iter().zip(columns).zip(values).map(|((&i, &j), &value)| (i as usize, j as usize, value));
        ConfusionMatrix::from_triplets(num_classes, entries).map_err(refused)
    })
}
