//! What is counted of each sample, as one number.

use car_spectral::confusion::{ConfusionError, SampleMargin, Score, sample_margins};
use ndarray::{Array1, ArrayView2};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;

use crate::error::refused;
use crate::labels::Labels;
use crate::scores::{Scores, WithRows};

struct Reduce(Array1<usize>);

impl WithRows for Reduce {
    type Output = Result<Vec<SampleMargin>, ConfusionError>;

    fn with<S: Score>(self, rows: ArrayView2<'_, S>) -> Self::Output {
        sample_margins(rows, self.0.view())
    }
}

/// Keys of samples: ((label K + i) (G + 1) + s) 8 + f, s the position of the smallest margin g of the grid that is at
/// least the sample's, G if there is none; i the competitor, or the label where nothing of the pair is counted; f = 1
/// for an error, + 2 for a margin of 0, + 4 for the largest score attained twice.
#[pyfunction]
pub(crate) fn margin_keys<'py>(
    py: Python<'py>,
    scores: Scores<'py>,
    labels: Labels<'py>,
    margins: PyReadonlyArray1<'py, f64>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let (samples, classes) = scores.dim();
    let (scores, labels, margins) = (scores.view(), labels.view(), margins.as_array());
    let keys = py.detach(|| {
        let labels = labels.classes(0, labels.len(), 0)?;
        let found = scores.rows(0, samples).give_to(Reduce(labels)).map_err(refused)?;
        let slots = margins.len() as i64;
        let key = |&SampleMargin { label, competitor, margin, competitors_tie }: &SampleMargin| {
            let slot = margins.iter().take_while(|&&g| g < margin).count() as i64;
            let wrong = margin < 0.0 || (margin == 0.0 && competitor < label);
            let other = if slot == slots && !wrong { label } else { competitor };
            let tie = margin == 0.0 || (margin < 0.0 && competitors_tie);
            let flags = i64::from(wrong) + 2 * i64::from(margin == 0.0) + 4 * i64::from(tie);
            (((label * classes + other) as i64) * (slots + 1) + slot) * 8 + flags
        };
        Ok::<Vec<i64>, PyErr>(found.iter().map(key).collect())
    })?;
    Ok(keys.into_pyarray(py))
}
