//! `MarginCounts`.

use car_spectral::confusion::{ConfusionError, MarginCounts, MarginGrid, SampleMargin, Score};
use car_spectral_formats::margin_counts::{from_bytes, to_bytes};
use ndarray::{Array1, ArrayView2};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1};
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::refused;
use crate::labels::{Labels, LabelsView};
use crate::margins::parts_of_keys;
use crate::scores::{Scores, ScoresView, WithRows};

/// Scores counted between two looks for an interrupt.
const SCORES_AT_A_TIME: usize = 1 << 24;

/// Mergeable integer counts of margin confusions.
#[pyclass(module = "car_spectral._core")]
pub(crate) struct Counts {
    pub(crate) inner: MarginCounts,
}

/// Ties: samples, share, samples of each class with margin 0, those of them that are right.
type Ties<'py> = (u64, f64, Bound<'py, PyArray1<u64>>, Bound<'py, PyArray1<u64>>);
/// Predicted class, true class and number of samples of each pair.
type Pairs<'py> = (Bound<'py, PyArray1<u64>>, Bound<'py, PyArray1<u64>>, Bound<'py, PyArray1<u64>>);

struct Add<'a> {
    counts: &'a mut MarginCounts,
    labels: Array1<usize>,
}

impl WithRows for Add<'_> {
    type Output = Result<(), ConfusionError>;

    fn with<S: Score>(self, rows: ArrayView2<'_, S>) -> Self::Output {
        self.counts.add_batch(rows, self.labels.view())
    }
}

fn add(
    counts: &mut MarginCounts,
    scores: ScoresView<'_>,
    labels: LabelsView<'_>,
    (start, end, before): (usize, usize, u64),
) -> PyResult<()> {
    let labels = labels.classes(start, end, before)?;
    scores.rows(start, end).give_to(Add { counts, labels }).map_err(refused)
}

#[pymethods]
impl Counts {
    #[new]
    fn new(num_classes: usize, margins: Vec<f64>) -> PyResult<Self> {
        let grid = MarginGrid::new(&margins).map_err(refused)?;
        Ok(Self { inner: MarginCounts::new(num_classes, &grid).map_err(refused)? })
    }

    fn update(&mut self, py: Python<'_>, scores: Scores<'_>, labels: Labels<'_>) -> PyResult<()> {
        let (samples, columns) = scores.dim();
        if samples != labels.len() {
            return Err(refused(ConfusionError::WrongNumberOfLabels { samples, labels: labels.len() }));
        }
        let before = self.inner.samples();
        let step = (SCORES_AT_A_TIME / columns.max(1)).max(1);
        let undo = (samples > step).then(|| self.inner.clone());
        let (scores, labels, counts) = (scores.view(), labels.view(), &mut self.inner);
        if columns != counts.num_classes() {
            return Err(refused(ConfusionError::WrongNumberOfScores { columns, num_classes: counts.num_classes() }));
        }
        for start in (0..samples).step_by(step) {
            let part = (start, samples.min(start + step), before);
            let outcome = py.detach(|| add(counts, scores, labels, part));
            let outcome = outcome.and_then(|()| if undo.is_some() { py.check_signals() } else { Ok(()) });
            if let Err(error) = outcome {
                if let Some(undo) = undo {
                    *counts = undo;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn add_margins(
        &mut self,
        py: Python<'_>,
        labels: Labels<'_>,
        competitors: Labels<'_>,
        margins: PyReadonlyArray1<'_, f64>,
        ties: PyReadonlyArray1<'_, bool>,
    ) -> PyResult<()> {
        let samples = labels.len();
        let (margins, ties) = (margins.as_array(), ties.as_array());
        if [competitors.len(), margins.len(), ties.len()] != [samples; 3] {
            return Err(refused(format!(
                "{samples} labels, {} competitors, {} margins and {} ties; give one of each a sample",
                competitors.len(),
                margins.len(),
                ties.len()
            )));
        }
        let (before, counts) = (self.inner.samples(), &mut self.inner);
        let (labels, competitors) = (labels.view(), competitors.view());
        py.detach(|| {
            let labels = labels.classes(0, samples, before)?;
            let competitors = competitors.classes(0, samples, before)?;
            let of_sample = |at: usize| SampleMargin {
                label: labels[at],
                competitor: competitors[at],
                margin: margins[at],
                competitors_tie: ties[at],
            };
            counts.add_margins(&(0..samples).map(of_sample).collect::<Vec<_>>()).map_err(refused)
        })
    }

    fn merge(&mut self, py: Python<'_>, other: &Self) -> PyResult<()> {
        let (counts, other) = (&mut self.inner, &other.inner);
        py.detach(|| counts.merge(other)).map_err(refused)
    }

    fn copy(&self) -> Self {
        Self { inner: self.inner.clone() }
    }

    fn equals(&self, other: &Self) -> bool {
        self.inner == other.inner
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| to_bytes(&self.inner));
        PyBytes::new(py, &bytes)
    }

    /// Counts of keys as [`margin_keys`](crate::margins::margin_keys) makes them, and how often
    /// each came.
    #[staticmethod]
    fn from_keys(
        py: Python<'_>,
        num_classes: usize,
        margins: Vec<f64>,
        keys: PyReadonlyArray1<'_, i64>,
        times: PyReadonlyArray1<'_, i64>,
    ) -> PyResult<Self> {
        let grid = MarginGrid::new(&margins).map_err(refused)?;
        let (keys, times) = (keys.as_array(), times.as_array());
        py.detach(|| {
            let parts = parts_of_keys(num_classes, grid, keys, times)?;
            Ok(Self { inner: MarginCounts::from_parts(&parts).map_err(refused)? })
        })
    }

    #[staticmethod]
    fn from_bytes(py: Python<'_>, content: &[u8]) -> PyResult<Self> {
        Ok(Self { inner: py.detach(|| from_bytes(content)).map_err(refused)? })
    }

    #[getter]
    fn num_classes(&self) -> usize {
        self.inner.num_classes()
    }

    #[getter]
    fn samples(&self) -> u64 {
        self.inner.samples()
    }

    #[getter]
    fn margins<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        PyArray1::from_slice(py, self.inner.margins())
    }

    #[getter]
    fn class_counts<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        PyArray1::from_slice(py, self.inner.class_counts())
    }

    #[getter]
    fn errors<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<u64>> {
        self.inner.errors().into_pyarray(py)
    }

    fn margin_errors<'py>(&self, py: Python<'py>, at: usize) -> PyResult<Bound<'py, PyArray1<u64>>> {
        self.check_margin(at)?;
        Ok(self.inner.margin_errors(at).into_pyarray(py))
    }

    fn pairs<'py>(&self, py: Python<'py>, at: Option<usize>) -> PyResult<Pairs<'py>> {
        at.map_or(Ok(()), |at| self.check_margin(at))?;
        let parts = py.detach(|| self.inner.to_parts());
        let slots = |counters: &[u64]| match at {
            Some(at) => counters[..=at].iter().sum(),
            None => counters[counters.len() - 1],
        };
        let found: Vec<(u64, u64, u64)> = parts
            .pairs
            .iter()
            .map(|(column, row, counters)| (*row as u64, *column as u64, slots(counters)))
            .filter(|&(.., count)| count > 0)
            .collect();
        let list = |part: fn(&(u64, u64, u64)) -> u64| found.iter().map(part).collect::<Vec<u64>>().into_pyarray(py);
        Ok((list(|pair| pair.0), list(|pair| pair.1), list(|pair| pair.2)))
    }

    fn confusion<'py>(&self, py: Python<'py>, at: Option<usize>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        at.map_or(Ok(()), |at| self.check_margin(at))?;
        let dense = py.detach(|| match at {
            Some(at) => self.inner.margin_confusion(at).to_dense(),
            None => self.inner.confusion().to_dense(),
        });
        Ok(dense.into_pyarray(py))
    }

    fn ties<'py>(&self, py: Python<'py>) -> Ties<'py> {
        let ties = self.inner.ties();
        (ties.top2, ties.share, ties.zero_margin.into_pyarray(py), ties.zero_margin_correct.into_pyarray(py))
    }
}

impl Counts {
    /// The place of a margin in the grid.
    pub(crate) fn check_margin(&self, at: usize) -> PyResult<()> {
        let margins = self.inner.grid().len();
        if at < margins {
            return Ok(());
        }
        Err(PyIndexError::new_err(format!("margin number {at}; there are {margins}, numbered from 0")))
    }
}
