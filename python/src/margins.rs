//! The margin counts of each sample, packed into one number.

use car_spectral::confusion::{ConfusionError, MarginGrid, MarginParts, SampleMargin, Score, sample_margins};
use ndarray::{Array1, ArrayView1, ArrayView2};
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

/// Keys of samples: ((label K + i) (G + 1) + s) 8 + f, s the position of the smallest margin g of
/// the grid that is at least the sample's, G if there is none; i the competitor, or the label where
/// nothing of the pair is counted; f = 1 for an error, + 2 for a margin of 0, + 4 for the largest
/// score attained twice.
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

/// Keys with their times, ascending, each key once.
fn summed(parts: impl Iterator<Item = (i64, i64)>) -> Vec<(i64, i64)> {
    let mut pairs: Vec<(i64, i64)> = parts.filter(|&(_, times)| times > 0).collect();
    pairs.sort_unstable();
    pairs.dedup_by(|later, first| {
        let same = later.0 == first.0;
        first.1 += if same { later.1 } else { 0 };
        same
    });
    pairs
}

type Keys<'py> = Bound<'py, PyArray1<i64>>;

/// The keys of parts, ascending, each once, with the sum of its times; those that never came are
/// left out.
#[pyfunction]
pub(crate) fn merge_keys<'py>(
    py: Python<'py>,
    keys: Vec<PyReadonlyArray1<'py, i64>>,
    times: Vec<PyReadonlyArray1<'py, i64>>,
) -> (Keys<'py>, Keys<'py>) {
    let parts: Vec<_> = keys.iter().zip(&times).map(|(keys, times)| (keys.as_array(), times.as_array())).collect();
    let (keys, times) = py.detach(|| {
        let each = parts.iter().flat_map(|(keys, times)| keys.iter().copied().zip(times.iter().copied()));
        summed(each).into_iter().unzip::<i64, i64, Vec<i64>, Vec<i64>>()
    });
    (keys.into_pyarray(py), times.into_pyarray(py))
}

/// What the keys of [`margin_keys`] and their times add up to.
pub(crate) fn parts_of_keys(
    num_classes: usize,
    grid: MarginGrid,
    keys: ArrayView1<'_, i64>,
    times: ArrayView1<'_, i64>,
) -> PyResult<MarginParts> {
    let buckets = grid.len();
    let none = || vec![0u64; num_classes];
    let (mut class_counts, mut zero_margin, mut zero_margin_correct, mut top_ties) = (none(), none(), none(), 0);
    let mut pairs: Vec<(usize, usize, Vec<u64>)> = Vec::new();
    for (key, times) in summed(keys.iter().copied().zip(times.iter().copied())) {
        let (whole, times) = (key as usize, times as u64);
        let [wrong, zero, tie] = [1, 2, 4].map(|flag| whole & flag != 0);
        let (pair, bucket) = (whole / 8 / (buckets + 1), whole / 8 % (buckets + 1));
        let (label, other) = (pair / num_classes, pair % num_classes);
        if key < 0 || label >= num_classes {
            return Err(refused(format!("{key} is no key of {num_classes} classes and {buckets} margins")));
        }
        class_counts[label] += times;
        top_ties += if tie { times } else { 0 };
        zero_margin[label] += if zero { times } else { 0 };
        zero_margin_correct[label] += if zero && !wrong { times } else { 0 };
        if other == label {
            continue;
        }
        if pairs.last().is_none_or(|last| (last.0, last.1) != (label, other)) {
            pairs.push((label, other, vec![0; buckets + 1]));
        }
        if let Some((.., counters)) = pairs.last_mut() {
            if bucket < buckets {
                counters[bucket] += times;
            }
            counters[buckets] += if wrong { times } else { 0 };
        }
    }
    Ok(MarginParts { grid, class_counts, top_ties, zero_margin, zero_margin_correct, pairs })
}
