//! Intervals of class errors and of the worst class.

use car_spectral::ClassErrors;
use car_spectral::bounds::Interval;
use car_spectral::{WorstClassAnalysis, bounds};
use numpy::{IntoPyArray, PyArray2};
use pyo3::prelude::*;

use crate::counts::Counts;
use crate::error::refused;
use crate::weights::ClassWeights;

fn pair(Interval { lower, upper }: Interval) -> (f64, f64) {
    (lower, upper)
}

/// Clopper-Pearson, with a probability of failing on each side.
#[pyfunction]
pub(crate) fn clopper_pearson(errors: u64, samples: u64, alpha_lower: f64, alpha_upper: f64) -> PyResult<(f64, f64)> {
    bounds::clopper_pearson(errors, samples, alpha_lower, alpha_upper).map(pair).map_err(refused)
}

/// T5: every class's error at once, `[K, 2]`.
#[pyfunction]
pub(crate) fn class_intervals<'py>(
    py: Python<'py>,
    errors: Vec<u64>,
    samples: Vec<u64>,
    delta: f64,
    models: usize,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let of = ClassErrors { errors: &errors, counts: &samples };
    let found = py.detach(|| bounds::held_out_intervals(of, delta, models)).map_err(refused)?;
    let ends = ndarray::Array2::from_shape_fn((found.len(), 2), |(class, end)| {
        if end == 0 { found[class].lower } else { found[class].upper }
    });
    Ok(ends.into_pyarray(py))
}

/// T5': the largest error of any class.
#[pyfunction]
pub(crate) fn worst_class_interval(
    py: Python<'_>,
    errors: Vec<u64>,
    samples: Vec<u64>,
    delta: f64,
    models: usize,
) -> PyResult<(f64, f64)> {
    let of = ClassErrors { errors: &errors, counts: &samples };
    py.detach(|| bounds::worst_class_interval(of, delta, models)).map(pair).map_err(refused)
}

/// T5': the weighted worst-class error.
#[pyfunction]
pub(crate) fn weighted_worst_class_interval(
    py: Python<'_>,
    weights: &ClassWeights,
    errors: Vec<u64>,
    samples: Vec<u64>,
    delta: f64,
    models: usize,
) -> PyResult<(f64, f64)> {
    let of = ClassErrors { errors: &errors, counts: &samples };
    let weights = weights.inner.values();
    py.detach(|| bounds::weighted_worst_class_interval(weights, of, delta, models)).map(pair).map_err(refused)
}

/// T5': the classes among which the worst is.
#[pyfunction]
pub(crate) fn worst_class_candidates(
    py: Python<'_>,
    errors: Vec<u64>,
    samples: Vec<u64>,
    delta: f64,
    models: usize,
) -> PyResult<Vec<usize>> {
    let of = ClassErrors { errors: &errors, counts: &samples };
    py.detach(|| bounds::worst_class_candidates(of, delta, models)).map_err(refused)
}

/// T6': the population's weighted spectral norm; none where it does not apply.
#[pyfunction]
pub(crate) fn population_norm(
    py: Python<'_>,
    counts: &Counts,
    weights: &ClassWeights,
    delta: f64,
) -> PyResult<Option<(f64, f64)>> {
    let (counts, weights) = (&counts.inner, &weights.inner);
    let found = py.detach(|| WorstClassAnalysis::of(counts, weights, delta)).map_err(refused)?;
    Ok(found.population_norm.value().copied().map(pair))
}
