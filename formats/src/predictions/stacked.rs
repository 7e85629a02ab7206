//! Scores kept class by class: lists of one length called alike but for a number, as a table of columns becomes.

use std::path::Path;

use super::Reading;
use super::columns::families;
use super::names::{LABEL_NAMES, plain};
use crate::array::Array;
use crate::budget::Budget;
use crate::element::reserve;
use crate::named::Named;
use crate::quoting::quoted;
use crate::{InputError, Result};

/// Puts lists `logit_0`, `logit_1`, ... together to one array [N, K], where no other array can be the scores and the
/// labels are called so.
pub(super) fn stacked<'a>(
    file: &Path,
    arrays: Vec<Named<'a>>,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Vec<Named<'a>>> {
    let shape = |named: &Named<'_>| named.array.as_ref().map(|array| array.shape.clone()).unwrap_or_default();
    let is_label = |named: &Named<'_>| {
        LABEL_NAMES.contains(&plain(&named.name)) || reading.keys.labels.as_ref() == Some(&named.name)
    };
    if reading.keys.logits.is_some()
        || arrays.iter().any(|named| shape(named).len() > 1)
        || !arrays.iter().any(is_label)
    {
        return Ok(arrays);
    }
    let is_list = |named: &Named<'_>| {
        named.array.as_ref().is_ok_and(|array| array.shape.len() == 1 && array.may_be_scores()) && !is_label(named)
    };
    let by_name = |name: &String| arrays.iter().position(|named| named.name == *name && is_list(named));
    let names = reading.class_names.as_ref().filter(|names| names.len() > 1);
    if let Some(columns) = names.and_then(|names| names.iter().map(by_name).collect()) {
        return put_together(file, arrays, columns, budget);
    }
    let lists = arrays.iter().enumerate().filter(|(_, named)| is_list(named));
    let found = families(lists.map(|(at, named)| (at, named.name.as_str())));
    let shape_at = |at: &usize| arrays.get(*at).map(shape);
    let same_length =
        |columns: &Vec<usize>| columns.iter().all(|at| shape_at(at) == columns.first().and_then(shape_at));
    let whole = found.into_values().filter(|(first, _)| *first == 0).map(|(_, columns)| columns).filter(same_length);
    let whole: Vec<Vec<usize>> = whole.collect();
    whole.into_iter().try_fold(arrays, |arrays, columns| put_together(file, arrays, columns, budget))
}

/// Adds the array whose columns are these lists.
fn put_together<'a>(
    file: &Path,
    mut arrays: Vec<Named<'a>>,
    columns: Vec<usize>,
    budget: &mut Budget,
) -> Result<Vec<Named<'a>>> {
    let ends = (columns.first().and_then(|&at| arrays.get(at)), columns.last().and_then(|&at| arrays.get(at)));
    let (Some(first), Some(last)) = ends else { return Ok(arrays) };
    let samples = first.array.as_ref().map_or(0, Array::len);
    let classes = columns.len();
    let names = [first, last].map(|named| quoted(&named.name).trim_matches('"').to_owned());
    let count = samples.saturating_mul(classes);
    budget
        .spend((count as u64).saturating_mul(8))
        .map_err(|exceeded| exceeded.of(file, "scores by class".to_owned()))?;
    let mut values: Vec<f64> = reserve(file, "scores by class", count)?;
    values.resize(count, 0.0);
    for (class, &at) in columns.iter().enumerate() {
        let mut sample = 0_usize;
        if let Some(Ok(array)) = arrays.get(at).map(|named| &named.array) {
            array.for_each_number(|number| {
                if let Some(value) = values.get_mut(sample.saturating_mul(classes).saturating_add(class)) {
                    *value = number.map_or_else(|number| number, |integer| integer as f64);
                }
                sample = sample.saturating_add(1);
                Ok::<_, InputError>(())
            })?;
        }
    }
    let array = Ok(Array::decimals(vec![samples, classes], values));
    arrays.push(Named { name: format!("{} to {}", names[0], names[1]), array });
    Ok(arrays)
}
