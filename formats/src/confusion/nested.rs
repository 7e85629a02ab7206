//! Matrices in dictionaries and lists of them, as JSON, `DataFrame.to_json()` and pickles hold
//! them.

use super::cross::Cross;
use super::{axes, cross};
use crate::array::Array;
use crate::weights::Saved;

/// The counts of a dictionary of rows, of a list of them, or of what `DataFrame.to_json()` writes
/// with any `orient`, also below a key; `None` of anything else.
pub(super) fn read(saved: &Saved<'_>) -> Option<Cross> {
    match saved {
        Saved::List(rows) => records(rows).or_else(|| pairs(rows)),
        Saved::Dictionary(entries) => {
            let under = |key: &str| entries.iter().find(|(name, _)| name == key).map(|(_, value)| value);
            match (under("columns"), under("index"), under("data")) {
                (Some(columns), index, Some(Saved::List(rows))) => split(columns, index, rows),
                (None, None, Some(Saved::List(rows))) if under("schema").is_some() => records(rows),
                _ => rows_by_name(entries).or_else(|| {
                    let mut found = entries.iter().filter_map(|(_, value)| read(value));
                    found.next().filter(|_| found.next().is_none())
                }),
            }
        }
        _ => None,
    }
}

/// The rows of a list of as many as each has numbers.
pub(super) fn rows(saved: &Saved<'_>) -> Option<Array<'static>> {
    let Saved::List(rows) = saved else { return None };
    let row = |row| numbers(row).filter(|row| row.len() == rows.len());
    let values = rows.iter().map(row).collect::<Option<Vec<_>>>()?.concat();
    (rows.len() > 1).then(|| Array::decimals(vec![rows.len(); 2], values))
}

/// A list of numbers.
fn numbers(saved: &Saved<'_>) -> Option<Vec<f64>> {
    let number = |item: &Saved<'_>| match item {
        Saved::Number(number) => Some(*number),
        _ => None,
    };
    if let Some((&[_], values)) = saved.as_decimals() {
        return Some(values.to_vec());
    }
    match saved {
        Saved::List(items) => items.iter().map(number).collect(),
        _ => None,
    }
}

/// Texts, or numbers as such.
fn names(saved: &Saved<'_>) -> Option<Vec<String>> {
    if let Some(numbers) = numbers(saved) {
        return Some(numbers.iter().map(f64::to_string).collect());
    }
    let Saved::List(items) = saved else { return None };
    items.iter().map(name).collect()
}

fn name(saved: &Saved<'_>) -> Option<String> {
    match saved {
        Saved::Text(text) => Some(text.clone()),
        Saved::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// `orient='split'`: names and rows apart.
fn split(columns: &Saved<'_>, index: Option<&Saved<'_>>, rows: &[Saved<'_>]) -> Option<Cross> {
    let columns = names(columns)?;
    let row = |row| numbers(row).filter(|row| row.len() == columns.len());
    let values = rows.iter().map(row).collect::<Option<Vec<_>>>()?.concat();
    let rows = match index {
        Some(index) => names(index).filter(|names| names.len() == rows.len())?,
        None => Vec::new(),
    };
    Some(Cross { rows, columns, values, ..Cross::default() })
}

/// A row each, its numbers under the names of the columns, beside them its own name or none.
fn records(rows: &[Saved<'_>]) -> Option<Cross> {
    let records = rows.iter().map(|row| match row {
        Saved::Dictionary(entries) => Some(entries.as_slice()),
        _ => None,
    });
    let records = records.collect::<Option<Vec<_>>>()?;
    let first = *records.first()?;
    let is_class = |key: &str| key.parse::<u32>().is_ok() || cross::is_sum(key);
    let above_rows = |(key, value): &(String, Saved<'_>)| {
        matches!(value, Saved::Text(_))
            || key == "index"
            || axes::of_corner(key).is_some()
            || !is_class(key) && first.iter().all(|(other, _)| other == key || is_class(other))
    };
    let corner = first.iter().find(|entry| above_rows(entry)).map(|(key, _)| key);
    let columns: Vec<String> = first.iter().map(|(key, _)| key).filter(|key| Some(*key) != corner).cloned().collect();
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for record in &records {
        (record.len() == first.len()).then_some(())?;
        let by_name = super::by_name(record);
        if let Some(corner) = corner {
            names.push(name(by_name.get(corner.as_str())?)?);
        }
        for column in &columns {
            let Saved::Number(number) = by_name.get(column.as_str())? else { return None };
            values.push(*number);
        }
    }
    let said = corner.and_then(|corner| axes::of_corner(corner));
    Some(Cross { rows: names, columns, values, said, ..Cross::default() })
}

/// Names and what belongs to them in pairs, as PyCM writes rows, and the numbers of each.
fn pairs(rows: &[Saved<'_>]) -> Option<Cross> {
    let pair = |pair: &Saved<'_>| match pair {
        Saved::List(parts) => match parts.as_slice() {
            [first, Saved::List(row)] => Some((name(first)?, row.iter().map(cell).collect::<Option<Vec<_>>>()?)),
            _ => None,
        },
        _ => None,
    };
    let rows = rows.iter().map(pair).collect::<Option<Vec<_>>>().filter(|rows| rows.len() > 1)?;
    let columns: Vec<&String> = rows.first()?.1.iter().map(|(name, _)| name).collect();
    let alike = rows.iter().all(|(_, row)| row.iter().map(|(name, _)| name).eq(columns.iter().copied()));
    let values = rows.iter().flat_map(|(_, row)| row.iter().map(|(_, number)| *number)).collect();
    let columns = columns.into_iter().cloned().collect();
    alike.then(|| Cross { rows: rows.into_iter().map(|(name, _)| name).collect(), columns, values, ..Cross::default() })
}

fn cell(pair: &Saved<'_>) -> Option<(String, f64)> {
    if let Saved::List(parts) = pair {
        return match parts.as_slice() {
            [first, Saved::Number(number)] => Some((name(first)?, *number)),
            _ => None,
        };
    }
    // Two numbers are an array.
    match pair.as_decimals()? {
        (_, &[first, number]) => Some((first.to_string(), number)),
        _ => None,
    }
}

/// Rows under their names: lists in the order of these, or dictionaries.
fn rows_by_name(rows: &[(String, Saved<'_>)]) -> Option<Cross> {
    let outer: Vec<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    let found = Cross { rows: outer, outer_keys: true, ..Cross::default() };
    let lists = rows.iter().map(|(_, row)| numbers(row).filter(|row| row.len() == rows.len()));
    if let Some(lists) = lists.collect::<Option<Vec<_>>>().filter(|lists| lists.len() > 1) {
        return Some(Cross { values: lists.concat(), ..found });
    }
    let mut columns: Vec<String> = Vec::new();
    let mut values = Vec::new();
    for (_, row) in rows {
        let Saved::Dictionary(row) = row else { return None };
        if columns.is_empty() {
            columns.extend(row.iter().map(|(name, _)| name.clone()));
        }
        (row.len() == columns.len() && !row.is_empty()).then_some(())?;
        let by_name = super::by_name(row);
        for name in &columns {
            let Saved::Number(number) = by_name.get(name.as_str())? else { return None };
            values.push(*number);
        }
    }
    (!rows.is_empty()).then_some(Cross { columns, values, ..found })
}
