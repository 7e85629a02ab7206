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
        let count = |(class, count): (usize, PyResult<Bound<'_, PyAny>>)| {
            let count = count?;
            let whole = |count: &f64| count.fract() == 0.0 && (0.0..2f64.powi(53)).contains(count);
            let as_float = || count.extract().ok().filter(whole).map(|count| count as u64);
            let wrong = || refused(format!("class {class} has {count} training images; give whole numbers from 0"));
            count.extract().ok().or_else(as_float).ok_or_else(wrong)
        };
        let train_counts = train_counts.try_iter()?.enumerate().map(count).collect::<PyResult<Vec<u64>>>()?;
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
