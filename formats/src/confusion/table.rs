//! A confusion matrix as a table, with names above the columns, before the rows, both, or neither.

use std::path::Path;

use super::cross::{Cross, is_sum};
use super::{ConfusionFileError, Read, axes, long, not_square};
use crate::Result;
use crate::array::Array;
use crate::budget::Budget;
use crate::quoting::quoted;
use crate::table::{Table, bad_field};

/// Reads a table of text.
pub(super) fn read(file: &Path, text: &str, budget: &mut Budget) -> Result<Read<'static>> {
    let table = Table::open(file, text, budget)?;
    budget
        .spend(
            (table.rows.saturating_mul(table.width) as u64)
                .saturating_mul(8)
                .saturating_add((table.rows as u64).saturating_mul(80)),
        )
        .map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
    if let Some((column, field)) =
        table.header.iter().flat_map(|(_, names)| names).enumerate().find(|(_, f)| is_percent(f))
    {
        let (file, found) = (file.to_path_buf(), quoted(field));
        return Err(ConfusionFileError::NotACount { file, row: 0, column, found }.into());
    }
    if let Some(cross) = long::read(file, &table, budget)? {
        return cross.read(file, budget);
    }
    let (rows, values) = fields(file, &table)?;
    let from = usize::from(!rows.is_empty());
    let width = table.width.saturating_sub(from);
    if from == 1 && rows.len() != table.rows || values.len() != width.saturating_mul(table.rows) {
        return Err(not_square(file, "rows with and without names".to_owned()));
    }
    // Above a printed table of pandas the one word is of the columns, of R's of the rows.
    let is_printed = table.is_of_blanks();
    let is_open = |corner: &&String| !is_printed || corner.contains(['\\', '/', '|']);
    let of_columns = table.title.as_deref().and_then(axes::of_title);
    let header = table.header.map(|(_, names)| names).unwrap_or_default();
    if rows.is_empty() && header.is_empty() {
        return Ok(Read::of(Array::decimals(vec![table.rows, width], values), None));
    }
    // A last row that is missing leaves as many rows as there are numbers behind a name.
    let is_corner = header.first().is_some_and(|corner| corner.is_empty() || axes::of_corner(corner).is_some());
    let is_count = |row: &String| row.parse::<f64>().is_ok() && !header.contains(row);
    if !is_corner && rows.len().saturating_add(1) == table.width && rows.iter().all(is_count) {
        return Err(not_square(file, format!("{} rows and {} columns", rows.len(), table.width)));
    }
    let said =
        header.first().filter(|_| from == 1).filter(is_open).and_then(|corner| axes::of_corner(corner)).or(of_columns);
    let columns = header.into_iter().skip(from).collect();
    Cross { rows, columns, values, said, outer_keys: false }.read(file, budget)
}

/// What stands in front of the rows, if anything does, and the numbers behind it.
fn fields(file: &Path, table: &Table<'_>) -> Result<(Vec<String>, Vec<f64>)> {
    // Under a header one column more than rows has names, or numbers the rows; so does one under a word beside numbers.
    let named = table.header.as_ref().is_some_and(|(_, names)| {
        let is_number = |name: &String| name.parse::<u32>().is_ok();
        let above = names.split_first().is_some_and(|(first, rest)| {
            let numbers = rest.iter().take_while(|name| is_number(name)).count();
            // Sums, whatever they are called, stand behind the classes or in front.
            let others = rest.get(numbers..).unwrap_or_default();
            !is_number(first)
                && (numbers > 1 && others.len() < 2 || !rest.is_empty() && others.iter().all(|name| is_sum(name)))
        });
        names.first().is_some_and(|first| first.is_empty() || axes::of_corner(first).is_some())
            || above
            || table.rows.saturating_add(1) == table.width
            || names.get(table.width.saturating_sub(1)).is_some_and(|last| is_sum(last))
    });
    let (mut row_names, mut values, mut row) = (Vec::new(), Vec::new(), 0);
    // Numbers that may be of thousands, unless others have a fraction.
    let (mut grouped, mut fractions) = (None, false);
    table.for_each(|line, fields| {
        if let Some((column, field)) = fields.iter().enumerate().find(|(_, field)| is_percent(field)) {
            let (file, found) = (file.to_path_buf(), quoted(field));
            return Err(ConfusionFileError::NotACount { file, row, column, found }.into());
        }
        row = row.saturating_add(1);
        let name = fields.first().filter(|first| named || table.number(first).is_none());
        row_names.extend(name.map(|name| name.to_string()));
        let from = usize::from(name.is_some());
        for (column, field) in fields.iter().enumerate().skip(from) {
            let number = table.number(field);
            if is_grouped(field) {
                let place = (row.saturating_sub(1), column.saturating_sub(from));
                grouped.get_or_insert_with(|| (place, field.to_string()));
            } else {
                fractions |= field.contains(['.', ',']);
            }
            values.push(number.ok_or_else(|| bad_field(file, line, column, field, "a number of samples"))?);
        }
        Ok(())
    })?;
    match grouped.filter(|_| !fractions) {
        Some(((row, column), found)) => {
            Err(ConfusionFileError::Grouped { file: file.to_path_buf(), row, column, found: quoted(&found) }.into())
        }
        None => Ok((row_names, values)),
    }
}

/// Whether a field is a number of thousands with a mark between them, as in `12,000`.
fn is_grouped(field: &str) -> bool {
    let mut groups = field.split(['.', ',']);
    let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let first =
        groups.next().is_some_and(|first| (1..4).contains(&first.len()) && is_digits(first) && !first.starts_with('0'));
    let behind: Vec<&str> = groups.collect();
    first && !behind.is_empty() && behind.iter().all(|group| group.len() == 3 && is_digits(group))
}

fn is_percent(field: &str) -> bool {
    field.strip_suffix('%').is_some_and(|number| number.trim().parse::<f64>().is_ok())
}
