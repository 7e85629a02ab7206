//! `ClassWeights`.

use car_spectral::confusion::ClassWeights as Weights;
use numpy::PyArray1;
use pyo3::prelude::*;

use crate::error::refused;

/// The weights lambda_j = (pi_j + r0)^(-1/2) of K classes.
#[pyclass(module = "car_spectral._core", frozen)]
pub(crate) struct ClassWeights {
    pub(crate) inner: Weights,
}

#[pymethods]
impl ClassWeights {
    #[new]
    #[pyo3(signature = (train_counts, r0 = 0.2, form = "paper"))]
    fn new(train_counts: &Bound<'_, PyAny>, r0: f64, form: &str) -> PyResult<Self> {
        let train_counts = train_counts.try_iter()?.map(|count| count?.extract()).collect::<PyResult<Vec<u64>>>()?;
        let form = form.parse().map_err(refused)?;
        Ok(Self { inner: Weights::new(&train_counts, r0, form).map_err(refused)? })
    }

    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.inner.values())
    }

    #[getter]
    fn form(&self) -> &'static str {
        self.inner.form().name()
    }

    #[getter]
    fn r0(&self) -> f64 {
        self.inner.r0()
    }

    fn __len__(&self) -> usize {
        self.inner.values().len()
    }
}
