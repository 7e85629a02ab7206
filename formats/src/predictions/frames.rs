//! Tables in JSON: what `DataFrame.to_json` writes.

use super::names::{LABEL_NAMES, plain};
use super::records::by_class;
use crate::array::Array;
use crate::budget::{Budget, Exceeded};
use crate::weights::Saved;

/// Turns a table kept by columns, by rows or apart from its header into lists by their names, below
/// a key as well; gives anything else back.
pub(super) fn unfolded<'a>(saved: Saved<'a>, budget: &mut Budget) -> Result<Saved<'a>, Exceeded> {
    let Saved::Dictionary(entries) = saved else { return by_class(saved, budget) };
    if let Some(table) = apart(&entries, budget)? {
        return Ok(table);
    }
    if is_described(&entries) {
        return Ok(entries.into_iter().find(|(key, _)| key == "data").map_or(Saved::Other("None"), |(_, data)| data));
    }
    match by_samples(entries, budget)? {
        Saved::Dictionary(entries) => {
            budget.spend(entries.len().saturating_mul(size_of::<(String, Saved<'a>)>()) as u64)?;
            // Nested no deeper than the reader lets containers be.
            let below = |(key, value)| unfolded(value, budget).map(|value| (key, value));
            entries.into_iter().map(below).collect::<Result<_, _>>().map(Saved::Dictionary)
        }
        other => Ok(other),
    }
}

/// Whether these are the rows of a table beside the description of its columns (`orient="table"`).
fn is_described(entries: &[(String, Saved<'_>)]) -> bool {
    let has = |name: &str, is: &dyn Fn(&Saved<'_>) -> bool| entries.iter().any(|(key, value)| key == name && is(value));
    let has_fields =
        |value: &Saved<'_>| matches!(value, Saved::Dictionary(parts) if parts.iter().any(|(key, _)| key == "fields"));
    has("schema", &has_fields) && has("data", &|value| matches!(value, Saved::List(_)))
}

/// Lists by their names of a table kept by columns or by rows.
fn by_samples<'a>(entries: Vec<(String, Saved<'a>)>, budget: &mut Budget) -> Result<Saved<'a>, Exceeded> {
    let Some(inner) = common_keys(&entries) else { return Ok(Saved::Dictionary(entries)) };
    let is_label = |key: &String| LABEL_NAMES.contains(&plain(key));
    let (by_column, by_row) = (entries.iter().any(|(key, _)| is_label(key)), inner.iter().any(is_label));
    let whole = |value: &Saved<'_>| match value {
        Saved::Number(_) | Saved::Text(_) => true,
        Saved::Array(array) => array.shape.is_empty(),
        _ => false,
    };
    let parts = |value: &Saved<'_>, is: &dyn Fn(&String, &Saved<'_>) -> bool| matches!(value, Saved::Dictionary(parts) if parts.iter().any(|(key, part)| is(key, part)));
    budget.spend(entries.len().saturating_mul(inner.len()).saturating_mul(size_of::<Saved<'a>>()) as u64)?;
    if by_column && !by_row && !entries.iter().any(|(_, value)| parts(value, &|_, part| !whole(part))) {
        let column = |(name, value)| {
            let values = match value {
                Saved::Dictionary(cells) => cells.into_iter().map(|(_, cell)| cell).collect(),
                other => vec![other],
            };
            (name, Saved::List(values))
        };
        return Ok(Saved::Dictionary(entries.into_iter().map(column).collect()));
    }
    // A label that is one number: the entry is one sample, and not one split.
    if by_row && !by_column && entries.iter().all(|(_, value)| parts(value, &|key, part| is_label(key) && whole(part)))
    {
        return Ok(Saved::List(entries.into_iter().map(|(_, value)| value).collect()));
    }
    Ok(Saved::Dictionary(entries))
}

/// The keys that all entries have, if all are dictionaries with the same keys in the same order.
pub(super) fn common_keys(entries: &[(String, Saved<'_>)]) -> Option<Vec<String>> {
    let keys = |value: &Saved<'_>| match value {
        Saved::Dictionary(parts) => Some(parts.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>()),
        _ => None,
    };
    let first = keys(&entries.first()?.1).filter(|first| !first.is_empty())?;
    let same = |value: &Saved<'_>| {
        matches!(value, Saved::Dictionary(parts)
            if parts.len() == first.len() && parts.iter().zip(&first).all(|((key, _), first)| key == first))
    };
    entries.iter().all(|(_, value)| same(value)).then_some(first)
}

/// The columns of `{"columns": [...], "index": [...], "data": [[...], ...]}`.
fn apart<'a>(entries: &[(String, Saved<'a>)], budget: &mut Budget) -> Result<Option<Saved<'a>>, Exceeded> {
    let entry = |name: &str| entries.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    let (Some(names), Some(Saved::List(rows))) = (entry("columns").and_then(texts), entry("data")) else {
        return Ok(None);
    };
    budget.spend(
        ((rows.len().saturating_mul(names.len())) as u64)
            .saturating_mul(32)
            .saturating_add((names.len() as u64).saturating_mul(64)),
    )?;
    let array = |values: Vec<f64>| Saved::array(Array::decimals(vec![values.len()], values));
    let columns: Vec<Saved<'a>> = if let Some(columns) = columns_of_numbers(rows, names.len()) {
        columns.into_iter().map(array).collect()
    } else {
        budget.spend((rows.len().saturating_mul(names.len()).saturating_mul(size_of::<Saved<'a>>())) as u64)?;
        let Some(columns) = columns_of_cells(rows, names.len()) else { return Ok(None) };
        columns.into_iter().map(Saved::List).collect()
    };
    Ok(Some(Saved::Dictionary(names.into_iter().zip(columns).collect())))
}

/// Names in a list, of which numbers are some.
fn texts(names: &Saved<'_>) -> Option<Vec<String>> {
    if let Some((_, numbers)) = names.as_decimals() {
        return Some(numbers.iter().map(f64::to_string).collect());
    }
    match names {
        Saved::List(names) => {
            let name = |name: &Saved<'_>| match name {
                Saved::Text(name) => Some(name.clone()),
                Saved::Number(number) => Some(number.to_string()),
                _ => None,
            };
            names.iter().map(name).collect()
        }
        _ => None,
    }
}

/// The columns of rows that hold numbers alone.
fn columns_of_numbers(rows: &[Saved<'_>], width: usize) -> Option<Vec<Vec<f64>>> {
    let mut columns: Vec<Vec<f64>> = (0..width).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        let (_, cells) = row.as_decimals()?;
        if cells.len() != width {
            return None;
        }
        columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(*cell));
    }
    Some(columns)
}

/// The columns of rows with texts among their numbers.
fn columns_of_cells<'a>(rows: &[Saved<'_>], width: usize) -> Option<Vec<Vec<Saved<'a>>>> {
    let mut columns: Vec<Vec<Saved<'a>>> = (0..width).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        let Saved::List(cells) = row else { return None };
        if cells.len() != width {
            return None;
        }
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.push(match cell {
                Saved::Number(number) => Saved::Number(*number),
                Saved::Text(text) => Saved::Text(text.clone()),
                // An image, as W&B keeps them beside.
                Saved::Dictionary(_) => Saved::Other("an object"),
                _ => return None,
            });
        }
    }
    Some(columns)
}
