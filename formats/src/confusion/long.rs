//! A line for each pair of classes and the number of its samples, as R's
//! `as.data.frame(table(...))` and SQL give it.

use std::collections::HashMap;
use std::path::Path;

use super::cross::Cross;
use super::{ConfusionFileError, axes};
use crate::Result;
use crate::budget::Budget;
use crate::quoting::quoted;
use crate::table::{Table, bad_field};

/// Bytes charged for a pair beside the text of its names.
const PAIR: u64 = 200;

/// Counts by pairs of a row and a column.
#[derive(Default)]
struct Pairs {
    rows: Vec<String>,
    columns: Vec<String>,
    counts: HashMap<(usize, usize), f64>,
}

/// Reads a table of two columns of classes and one of counts, perhaps behind one that numbers the
/// lines; `None` if the table is none.
pub(super) fn read(file: &Path, table: &Table<'_>, budget: &mut Budget) -> Result<Option<Cross>> {
    let Some((_, header)) = &table.header else { return Ok(None) };
    let from = usize::from(header.len() == 4 && header.first().is_some_and(|name| axes::is_true(name).is_none()));
    let Some([one, other, count]) = header.get(from..) else { return Ok(None) };
    let said = match (axes::is_true(one), axes::is_true(other), axes::is_true(count)) {
        (Some(rows_are_true), Some(columns), None) if rows_are_true != columns => axes::orientation(rows_are_true),
        _ => None,
    };
    if said.is_none() && !may_be_pairs(table, from)? {
        return Ok(None);
    }
    if said.is_none() {
        let columns = format!("{} and {}", quoted(one), quoted(other));
        return Err(ConfusionFileError::LongForm { file: file.to_path_buf(), columns }.into());
    }
    let pairs = pairs(file, table, from, budget)?;
    let cost = (pairs.rows.len() as u64).saturating_mul(pairs.columns.len() as u64).saturating_mul(8);
    budget.spend(cost).map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
    let Pairs { rows, columns, counts } = pairs;
    // A class comes first where it has samples; in the order of the rows, which are whole, both stand alike.
    let mut order: Vec<usize> = (0..columns.len()).collect();
    let places = super::cross::places(&rows);
    order.sort_by_key(|&at| columns.get(at).and_then(|name| places.get(name.as_str())).copied().unwrap_or(usize::MAX));
    let mut values = Vec::with_capacity(rows.len().saturating_mul(columns.len()));
    for row in 0..rows.len() {
        values.extend(order.iter().map(|&column| counts.get(&(row, column)).copied().unwrap_or_default()));
    }
    let columns = order.iter().filter_map(|&at| columns.get(at).cloned()).collect();
    Ok(Some(Cross { rows, columns, values, said, outer_keys: false }))
}

/// Whether the lines are more than a matrix has, two classes and a number each.
fn may_be_pairs(table: &Table<'_>, from: usize) -> Result<bool> {
    let mut all = table.rows > table.width;
    table.for_each(|_, fields| {
        let [one, other, count] = [0, 1, 2].map(|at| fields.get(from.saturating_add(at)));
        let are_names = [one, other].iter().all(|field| field.is_some_and(|field| table.number(field).is_none()));
        all &= are_names && count.is_some_and(|count| table.number(count).is_some());
        Ok(())
    })?;
    Ok(all)
}

fn pairs(file: &Path, table: &Table<'_>, from: usize, budget: &mut Budget) -> Result<Pairs> {
    let mut pairs = Pairs::default();
    let (mut rows, mut columns) = (HashMap::new(), HashMap::new());
    let place = |name: &str, places: &mut HashMap<String, usize>, names: &mut Vec<String>| {
        if let Some(&at) = places.get(name) {
            return at;
        }
        let at = names.len();
        names.push(name.to_owned());
        places.insert(name.to_owned(), at);
        at
    };
    table.for_each(|line, fields| {
        let [row, column, field] = [0, 1, 2].map(|at| fields.get(from.saturating_add(at)).map_or("", |f| f.as_ref()));
        let cost = (row.len().saturating_add(column.len()) as u64).saturating_mul(2).saturating_add(PAIR);
        budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("line {line}")))?;
        let at = from.saturating_add(2);
        let count = table.number(field).ok_or_else(|| bad_field(file, line, at, field, "a number of samples"))?;
        let pair = (place(row, &mut rows, &mut pairs.rows), place(column, &mut columns, &mut pairs.columns));
        if pairs.counts.insert(pair, count).is_some() {
            return Err(bad_field(
                file,
                line,
                from,
                &format!("{row}, {column}"),
                "a pair of its own: it is there twice",
            ));
        }
        Ok(())
    })?;
    Ok(pairs)
}
