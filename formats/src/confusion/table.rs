//! A confusion matrix as a table, with names above the columns, before the rows, both, or neither.

use std::path::Path;

use super::{ConfusionFileError, Read, axes, not_square};
use crate::Result;
use crate::array::Array;
use crate::budget::Budget;
use crate::quoting::quoted;
use crate::table::{Table, bad_field};

/// Names of sums of rows and columns, which `pandas.crosstab` and spreadsheets add.
const SUMS: &[&str] = &["all", "total", "totals", "sum", "support"];

fn is_sum(name: &str) -> bool {
    SUMS.contains(&name.trim().to_ascii_lowercase().as_str())
}

/// The numbers of a table with what is called beside them.
struct Named {
    rows: Vec<String>,
    columns: Vec<String>,
    /// Row by row.
    values: Vec<f64>,
}

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
    let (row_names, values) = fields(file, &table)?;
    let from = usize::from(!row_names.is_empty());
    let width = table.width.saturating_sub(from);
    if from == 1 && row_names.len() != table.rows || values.len() != width.saturating_mul(table.rows) {
        return Err(not_square(file, "rows with and without names".to_owned()));
    }
    let mut said = table.header.as_ref().filter(|_| from == 1).and_then(|(_, names)| axes::of_corner(names.first()?));
    let Some((_, header)) = table.header else {
        let read = Read::of(Array::decimals(vec![table.rows, width], values), Some(row_names));
        return Ok(Read { names: read.names.filter(|names| !names.is_empty()), ..read });
    };
    let columns: Vec<String> = header.into_iter().skip(from).collect();
    if from == 0 {
        return Ok(Read::of(Array::decimals(vec![table.rows, width], values), class_names(columns)));
    }
    let mut named = Named { rows: row_names, columns, values };
    named.take_sums_off(file)?;
    said = said.or(axes::of_names(&mut named.rows, &mut named.columns));
    let (mut notes, mut names) = (Vec::new(), named.columns.clone());
    for (own, others, what) in [(&named.columns, &named.rows, "was taken for"), (&named.rows, &named.columns, "is of")]
    {
        let missing: Vec<&String> = others.iter().filter(|name| !own.contains(name)).collect();
        // A class that is not there has no row or column of its own in a cross table.
        if !missing.is_empty() && own.iter().all(|name| others.contains(name)) {
            let listed = crate::quoting::quoted_list(&missing);
            notes.push(format!("no sample {what} {listed}, as the table has no row or column for it"));
            names.clone_from(others);
        }
    }
    // Numbers in another order are put in theirs.
    let number = |name: &String| name.parse().ok().filter(|&class: &usize| class < names.len());
    if let Some(numbers) = names.iter().map(number).collect::<Option<std::collections::BTreeSet<_>>>()
        && numbers.len() == names.len()
    {
        names = numbers.into_iter().map(|number| number.to_string()).collect();
    }
    let cost = (names.len() as u64).saturating_mul(names.len() as u64).saturating_mul(8);
    budget.spend(cost).map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
    let values = named.in_order(file, &names)?;
    let array = Array::decimals(vec![names.len(); 2], values);
    Ok(Read { array, names: class_names(names), said, notes })
}

/// Names of classes, but for numbers from 0, which are none.
fn class_names(names: Vec<String>) -> Option<Vec<String>> {
    Some(names).filter(|names| !names.iter().enumerate().all(|(at, name)| *name == at.to_string()))
}

/// What stands in front of the rows, if anything does, and the numbers behind it.
fn fields(file: &Path, table: &Table<'_>) -> Result<(Vec<String>, Vec<f64>)> {
    // Under a header one column more than rows has names, or numbers the rows; so does one under a word beside numbers.
    let named = table.header.as_ref().is_some_and(|(_, names)| {
        let is_number = |name: &String| name.parse::<u32>().is_ok();
        let above = names.split_first().is_some_and(|(first, rest)| {
            !is_number(first) && !rest.is_empty() && rest.iter().all(|name| is_number(name) || is_sum(name))
        });
        names.first().is_some_and(|first| first.is_empty() || axes::of_corner(first).is_some())
            || above
            || table.rows.saturating_add(1) == table.width
            || names.get(table.width.saturating_sub(1)).is_some_and(|last| is_sum(last))
    });
    let (mut row_names, mut values, mut row) = (Vec::new(), Vec::new(), 0);
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
            values.push(number.ok_or_else(|| bad_field(file, line, column, field, "a number of samples"))?);
        }
        Ok(())
    })?;
    Ok((row_names, values))
}

fn is_percent(field: &str) -> bool {
    field.strip_suffix('%').is_some_and(|number| number.trim().parse::<f64>().is_ok())
}

impl Named {
    /// Leaves out sums beside and below the counts, which have to be theirs.
    fn take_sums_off(&mut self, file: &Path) -> Result<()> {
        let mut width = self.columns.len();
        if width > 1 && self.columns.last().is_some_and(|name| is_sum(name)) {
            let split = self.values.chunks(width).filter_map(|row| row.split_last());
            let mut wrong = split.clone().enumerate().filter(|(_, (sum, counts))| counts.iter().sum::<f64>() != **sum);
            if let Some((row, (&found, _))) = wrong.next() {
                let file = file.to_path_buf();
                return Err(ConfusionFileError::Sum { file, row, found }.into());
            }
            self.values = split.flat_map(|(_, counts)| counts.iter().copied()).collect();
            width = width.saturating_sub(1);
            self.columns.truncate(width);
        }
        if self.rows.len() > 1 && self.rows.last().is_some_and(|name| is_sum(name)) {
            let row = self.rows.len().saturating_sub(1);
            let (counts, sums) = self.values.split_at_checked(row.saturating_mul(width)).unwrap_or_default();
            let sum = |column: usize| counts.iter().skip(column).step_by(width.max(1)).sum::<f64>();
            if let Some((_, &found)) = sums.iter().enumerate().find(|(column, found)| sum(*column) != **found) {
                let file = file.to_path_buf();
                return Err(ConfusionFileError::Sum { file, row, found }.into());
            }
            self.rows.truncate(row);
            self.values.truncate(row.saturating_mul(width));
        }
        Ok(())
    }

    /// The numbers with rows and columns in the order of the names; 0 where one has no row or column.
    fn in_order(&self, file: &Path, names: &[String]) -> Result<Vec<f64>> {
        let width = self.columns.len();
        if let Some(row) = self.rows.iter().find(|row| !names.contains(row)) {
            return Err(ConfusionFileError::Names { file: file.to_path_buf(), row: quoted(row) }.into());
        }
        if self.rows.len().max(width) > names.len() {
            let problem = format!("{} rows and {width} columns, of which some have one name", self.rows.len());
            return Err(not_square(file, problem));
        }
        let places = |own: &[String]| -> Vec<Option<usize>> {
            names.iter().map(|name| own.iter().position(|own| own == name)).collect()
        };
        let (rows, columns) = (places(&self.rows), places(&self.columns));
        let at = |(row, column): (usize, usize)| self.values.get(row.saturating_mul(width).saturating_add(column));
        let mut sorted = Vec::with_capacity(names.len().saturating_mul(names.len()));
        for row in rows {
            sorted.extend(columns.iter().map(|column| row.zip(*column).and_then(at).copied().unwrap_or_default()));
        }
        Ok(sorted)
    }
}
