//! Scores kept class by class: lists of one length called alike but for a number, as a table of
//! columns becomes.

use std::collections::BTreeSet;
use std::path::Path;

use super::class_columns::{BETWEEN, called_by_classes, class_columns, families};
use super::columns::is_aside;
use super::names::{LABEL_NAMES, SCORE_NAMES, plain};
use super::{PredictionsError, Reading};
use crate::array::Array;
use crate::budget::Budget;
use crate::element::reserve;
use crate::named::Named;
use crate::quoting::{quoted, quoted_list};
use crate::{InputError, Result};

fn shape(named: &Named<'_>) -> Vec<usize> {
    named.array.as_ref().map(|array| array.shape.clone()).unwrap_or_default()
}

/// Puts lists `logit_0`, `logit_1`, ... together to one array [N, K], where no other array can be
/// the scores and the labels are called so.
pub(super) fn stacked<'a>(
    file: &Path,
    arrays: Vec<Named<'a>>,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Vec<Named<'a>>> {
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
    let lists = arrays.iter().enumerate().filter(|(_, named)| is_list(named));
    if let Some(columns) = called_by_classes(lists.map(|(at, named)| (at, named.name.as_str())), reading) {
        return put_together(file, arrays, columns, budget);
    }
    if let Some(names) = called_by_labels(file, &arrays, reading, (is_label, is_list), budget)? {
        return Err(PredictionsError::ByClassName { file: file.to_path_buf(), names }.into());
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

/// Puts the lists of a file that holds the scores alone together, a list for each class; a
/// sentence tells of others.
pub(super) fn stacked_alone<'a>(
    file: &Path,
    arrays: Vec<Named<'a>>,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<(Vec<Named<'a>>, Option<String>)> {
    let is_other =
        |name: &str| is_aside(name) || [LABEL_NAMES, SCORE_NAMES].iter().any(|names| names.contains(&plain(name)));
    let is_list = |named: &Named<'_>| {
        named.array.as_ref().is_ok_and(|array| array.shape.len() == 1 && array.may_be_scores())
            && !is_other(&named.name)
    };
    let lists = arrays.iter().enumerate().filter(|(_, named)| is_list(named));
    let names: Vec<(usize, &str)> = lists.map(|(at, named)| (at, named.name.as_str())).collect();
    let first = names.first().and_then(|(at, _)| arrays.get(*at)).map(shape);
    let alike = names.iter().all(|(at, _)| arrays.get(*at).map(shape) == first);
    if names.len() < 2 || !alike || reading.keys.logits.is_some() || arrays.iter().any(|named| shape(named).len() > 1) {
        return Ok((arrays, None));
    }
    let Some(columns) = class_columns(file, 1, &names, reading)? else {
        let names = quoted_list(names.iter().map(|(_, name)| *name));
        return Err(PredictionsError::ByClassName { file: file.to_path_buf(), names }.into());
    };
    let left_out: Vec<&str> = names.iter().filter(|(at, _)| !columns.contains(at)).map(|(_, name)| *name).collect();
    let note = (!left_out.is_empty()).then(|| format!("columns left out: {}", quoted_list(left_out)));
    let mut arrays = put_together(file, arrays, columns, budget)?;
    arrays.retain(|named| !is_list(named));
    Ok((arrays, note))
}

/// The names of lists that end with the labels, which are texts, where nothing says the order of
/// the classes.
fn called_by_labels(
    file: &Path,
    arrays: &[Named<'_>],
    reading: &Reading,
    (is_label, is_list): (impl Fn(&Named<'_>) -> bool, impl Fn(&Named<'_>) -> bool),
    budget: &mut Budget,
) -> Result<Option<String>> {
    if reading.class_names.is_some() {
        return Ok(None);
    }
    let label = arrays.iter().filter(|named| is_label(named)).find_map(|named| named.array.as_ref().ok());
    let Some(labels) = label.map(|array| array.texts(file, "labels", budget)).transpose()?.flatten() else {
        return Ok(None);
    };
    let labels: BTreeSet<&str> = labels.iter().map(String::as_str).collect();
    let last = |name: &str| name.rsplit(BETWEEN).next().map(str::to_owned);
    let lists: Vec<&str> = arrays.iter().filter(|named| is_list(named)).map(|named| named.name.as_str()).collect();
    let ends: BTreeSet<String> = lists.iter().filter_map(|name| last(name)).collect();
    let all = labels.len() > 1 && labels.iter().all(|label| ends.contains(*label));
    Ok(all.then(|| quoted_list(lists.into_iter().filter(|name| last(name).is_some_and(|end| ends.contains(&end))))))
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
