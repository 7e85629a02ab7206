//! Scores or labels alone in a file, by the names of their samples: dictionaries, and what pandas
//! writes as JSON.

use std::path::Path;

use super::frames::{common_keys, unfolded};
use super::names::{LABEL_NAMES, SAMPLE_NAMES, SCORE_NAMES, plain};
use super::{LABELS, PredictionsError};
use crate::Result;
use crate::array::{Array, Data};
use crate::budget::{Budget, Exceeded};
use crate::named::{Named, arrays_of};
use crate::quoting::quoted_list;
use crate::weights::Saved;

/// What a file holds, and what names its samples.
pub(super) struct BySample<'a> {
    pub(super) saved: Saved<'a>,
    pub(super) names: Vec<Named<'a>>,
    /// Whether the names are keys of a dictionary, whose order says nothing.
    pub(super) keyed: bool,
}

/// Takes names of samples apart: keys of a dictionary with a number, text or list for each sample,
/// keys of a table kept by rows or by columns, the index of one kept apart from it. Of `samples`
/// the other file of the pair has so many.
pub(super) fn by_sample<'a>(
    file: &Path,
    saved: Saved<'a>,
    role: &'static str,
    samples: Option<usize>,
    budget: &mut Budget,
) -> Result<BySample<'a>> {
    let exceeded = |exceeded: Exceeded| exceeded.of(file, "samples by their names".to_owned());
    let mut saved = saved;
    if let Saved::Dictionary(entries) = &mut saved {
        if let Some(inner) = common_keys(entries) {
            let cells = entries.len().saturating_mul(inner.len());
            budget.spend((cells.saturating_mul(CELL)) as u64).map_err(exceeded)?;
            if let Some(outside) = outside(file, entries, &inner, role, samples)? {
                return Ok(table(std::mem::take(entries), inner, outside));
            }
        }
        let has = |name: &str| entries.iter().position(|(key, _)| key == name);
        if let (Some(_), Some(_), Some(index)) = (has("columns"), has("data"), has("index")) {
            let (_, index) = entries.remove(index);
            let index = arrays_of(file, Saved::Dictionary(vec![("index".to_owned(), index)]), budget)?;
            let saved = unfolded(saved, budget).map_err(exceeded)?;
            return Ok(BySample { saved, names: index, keyed: false });
        }
    }
    let (saved, names) = by_key(unfolded(saved, budget).map_err(exceeded)?, budget).map_err(exceeded)?;
    Ok(BySample { saved, keyed: names.is_some(), names: names.into_iter().collect() })
}

/// Bytes charged for a cell of a table kept by keys.
const CELL: usize = 2 * size_of::<(String, Saved<'_>)>();

/// What the outer keys of a table are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outside {
    Columns,
    Rows,
}

/// What the outer keys are of dictionaries with the same keys: columns, as `DataFrame.to_json()`
/// writes them, or rows (`orient="index"`); `None` for what is no table.
fn outside(
    file: &Path,
    entries: &[(String, Saved<'_>)],
    inner: &[String],
    role: &'static str,
    samples: Option<usize>,
) -> Result<Option<Outside>> {
    let is_cell = |value: &Saved<'_>| match value {
        Saved::Number(_) | Saved::Text(_) => true,
        Saved::Array(array) => array.shape.is_empty(),
        _ => false,
    };
    let is_row =
        |value: &Saved<'_>| matches!(value, Saved::Dictionary(cells) if cells.iter().all(|(_, cell)| is_cell(cell)));
    if !entries.iter().all(|(_, value)| is_row(value)) {
        return Ok(None);
    }
    let is_label = |key: &String| LABEL_NAMES.contains(&plain(key));
    let (by_column, by_row) = (entries.iter().any(|(key, _)| is_label(key)), inner.iter().any(is_label));
    let extents = (entries.len(), inner.len());
    if role == LABELS {
        return Ok(match (by_column, by_row, extents) {
            (true, false, _) | (false, false, (1, _)) => Some(Outside::Columns),
            (false, true, _) | (false, false, (_, 1)) => Some(Outside::Rows),
            _ => None,
        });
    }
    let is_number = |key: &String| key.parse::<u64>().is_ok();
    let numbers = (entries.iter().all(|(key, _)| is_number(key)), inner.iter().all(is_number));
    match (extents, samples) {
        ((1, _) | (_, 1), _) => Ok(None),
        ((outer, columns), Some(samples)) if outer == samples && columns != samples => Ok(Some(Outside::Rows)),
        ((outer, rows), Some(samples)) if outer == samples && rows == samples => match numbers {
            (true, false) => Ok(Some(Outside::Rows)),
            (false, true) => Ok(Some(Outside::Columns)),
            _ => {
                let keys = quoted_list(entries.iter().map(|(key, _)| key));
                Err(PredictionsError::Square { file: file.to_path_buf(), samples, keys }.into())
            }
        },
        _ => Ok(Some(Outside::Columns)),
    }
}

/// Columns by their names, or rows, beside the names of the samples.
fn table<'a>(entries: Vec<(String, Saved<'a>)>, inner: Vec<String>, outside: Outside) -> BySample<'a> {
    let (saved, names) = match outside {
        Outside::Columns => {
            let column = |(name, cells)| match cells {
                Saved::Dictionary(cells) => (name, Saved::List(cells.into_iter().map(|(_, cell)| cell).collect())),
                other => (name, other),
            };
            (Saved::Dictionary(entries.into_iter().map(column).collect()), inner)
        }
        Outside::Rows => {
            let (names, rows): (Vec<String>, Vec<Saved<'a>>) = entries.into_iter().unzip();
            (Saved::List(rows), names)
        }
    };
    BySample { saved, names: vec![named(names)], keyed: true }
}

/// Keys as what names the samples.
fn named<'a>(keys: Vec<String>) -> Named<'a> {
    let keys = Array { shape: vec![keys.len()], column_major: false, data: Data::Texts(keys) };
    Named { name: "sample".to_owned(), array: Ok(keys) }
}

/// Takes a dictionary that holds one number, text or list for each sample apart: its values, and
/// its keys as what names the samples.
fn by_key<'a>(saved: Saved<'a>, budget: &mut Budget) -> Result<(Saved<'a>, Option<Named<'a>>), Exceeded> {
    let Saved::Dictionary(entries) = saved else { return Ok((saved, None)) };
    let extent = |value: &Saved<'_>| match value {
        Saved::Number(_) | Saved::Text(_) => Some(None),
        Saved::Array(array) => match *array.shape {
            [] => Some(None),
            [extent] => Some(Some(extent)),
            _ => None,
        },
        _ => None,
    };
    let first = entries.first().and_then(|(_, value)| extent(value));
    let is_column =
        |key: &str| [LABEL_NAMES, SCORE_NAMES, SAMPLE_NAMES].iter().any(|names| names.contains(&plain(key)));
    let are_samples = first.is_some()
        && entries.len() > 2
        && entries.iter().all(|(key, value)| extent(value) == first && !is_column(key));
    if !are_samples {
        return Ok((Saved::Dictionary(entries), None));
    }
    budget.spend((entries.len().saturating_mul(size_of::<(String, Saved<'a>)>()) as u64).saturating_mul(2))?;
    let (keys, values): (Vec<String>, Vec<Saved<'a>>) = entries.into_iter().unzip();
    Ok((Saved::List(values), Some(named(keys))))
}
