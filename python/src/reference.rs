//! CAR in f64, as a reference.

use car_spectral::car::CarObjective;
use ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;

use crate::error::refused;
use crate::labels::Labels;

/// The objective with the state of its average.
#[pyclass(module = "car_spectral._core")]
pub(crate) struct Reference {
    inner: CarObjective,
}

type Matrix<'py> = Bound<'py, PyArray2<f64>>;
/// Cross-entropy, penalty, its relative gap, batch confusion, average, gradients of the penalty and
/// of the loss.
type Step<'py> = (f64, f64, f64, Matrix<'py>, Matrix<'py>, Matrix<'py>, Matrix<'py>);

#[pymethods]
impl Reference {
    #[new]
    fn new(class_counts: Vec<u64>, options: &str) -> PyResult<Self> {
        let options = serde_json::from_str(options).map_err(refused)?;
        Ok(Self { inner: CarObjective::new(&class_counts, options).map_err(refused)? })
    }

    fn step<'py>(
        &mut self,
        py: Python<'py>,
        logits: PyReadonlyArray2<'py, f64>,
        labels: Labels<'py>,
    ) -> PyResult<Step<'py>> {
        let labels = labels.view().classes(0, labels.len(), 0)?;
        let (logits, objective) = (logits.as_array(), &mut self.inner);
        let step = py.detach(|| objective.step(logits, labels.view())).map_err(refused)?;
        let array = |matrix: Array2<f64>| matrix.into_pyarray(py);
        Ok((
            step.cross_entropy,
            step.penalty.value,
            step.penalty.relative_gap,
            array(step.batch),
            array(step.confusion),
            array(step.penalty_gradient),
            array(step.gradient),
        ))
    }
}
