//! Counts under the names of their rows and columns, in whatever order these stand.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::orientation::Orientation;
use super::{ConfusionFileError, Read, axes, not_square};
use crate::Result;
use crate::array::Array;
use crate::budget::Budget;
use crate::quoting::{quoted, quoted_list};

/// Names of sums of rows and columns, which `pandas.crosstab` and spreadsheets add.
const SUMS: &[&str] = &["all", "total", "totals", "sum", "support"];

pub(super) fn is_sum(name: &str) -> bool {
    SUMS.contains(&name.trim().to_ascii_lowercase().as_str())
}

/// The numbers of a table with what is called beside them.
#[derive(Debug, Default)]
pub(super) struct Cross {
    /// Names of the rows; none, and they are those of the columns.
    pub(super) rows: Vec<String>,
    /// Names of the columns; none, and they are those of the rows.
    pub(super) columns: Vec<String>,
    /// Row by row.
    pub(super) values: Vec<f64>,
    /// Which way the table says that it lies.
    pub(super) said: Option<Orientation>,
    /// Whether the rows are the outer keys of a dictionary.
    pub(super) outer_keys: bool,
}

impl Cross {
    /// The counts with rows and columns in one order, that of the columns; numbers of classes in
    /// theirs.
    pub(super) fn read(mut self, file: &Path, budget: &mut Budget) -> Result<Read<'static>> {
        let mut notes = Vec::new();
        self.name_both(&mut notes);
        if self.rows.is_empty() || self.columns.is_empty() {
            let wide = self.columns.len().max(self.values.len().checked_div(self.rows.len()).unwrap_or_default());
            let rows = self.values.len().checked_div(wide).unwrap_or_default();
            return Ok(Read::of(Array::decimals(vec![rows, wide], self.values), None));
        }
        self.take_sums_off(file)?;
        self.take_other_sums_off(&mut notes);
        let said = self.said.or(axes::of_names(&mut self.rows, &mut self.columns));
        let mut names = self.columns.clone();
        for (own, others, what) in [(&self.columns, &self.rows, "was taken for"), (&self.rows, &self.columns, "is of")]
        {
            let (known, needed): (HashSet<&String>, HashSet<&String>) = (own.iter().collect(), others.iter().collect());
            // A class that is not there has no row or column of its own in a cross table.
            let missing: Vec<&String> = others.iter().filter(|name| !known.contains(name)).collect();
            if !missing.is_empty() && own.iter().all(|name| needed.contains(name)) {
                let listed = quoted_list(&missing);
                // Those at the end may have been there.
                let is_end = others.ends_with(&missing.iter().map(|name| (*name).clone()).collect::<Vec<_>>());
                let cut = if is_end { "; or is the table cut off?" } else { "" };
                notes.push(format!("no sample {what} {listed}, as the table has no row or column for it{cut}"));
                names.clone_from(others);
            }
        }
        if are_numbers(&names) {
            names.sort_by_key(|name| name.parse::<usize>().ok());
        }
        let cost = (names.len() as u64).saturating_mul(names.len() as u64).saturating_mul(8);
        budget
            .spend(cost.saturating_add((names.len() as u64).saturating_mul(200)))
            .map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
        let values =
            if names == self.rows && names == self.columns { self.values } else { self.in_order(file, &names)? };
        let array = Array::decimals(vec![names.len(); 2], values);
        // Numbers from 0 are no names.
        let is_named = names.iter().enumerate().any(|(at, name)| *name != at.to_string());
        let numbered = are_numbers(&names);
        Ok(Read { array, names: is_named.then_some(names), numbered, said, notes, outer_keys: self.outer_keys })
    }

    /// Gives rows or columns without names those of the others, if they are as many.
    fn name_both(&mut self, notes: &mut Vec<String>) {
        let is_square = |names: &[String]| names.len().checked_mul(names.len()) == Some(self.values.len());
        let in_order =
            |names: &[String]| are_numbers(names) && names.is_sorted_by_key(|name| name.parse::<usize>().ok());
        let (unnamed, others) = match (self.rows.as_slice(), self.columns.as_slice()) {
            ([], columns) if is_square(columns) => ("rows", "columns"),
            (rows, []) if is_square(rows) => ("columns", "rows"),
            _ => return,
        };
        let names = if unnamed == "rows" { &self.columns } else { &self.rows };
        if !in_order(names) {
            notes.push(format!("the {unnamed} have no names and are taken to be in the order of the {others}"));
        }
        if unnamed == "rows" {
            self.rows.clone_from(&self.columns);
        } else {
            self.columns.clone_from(&self.rows);
        }
    }

    /// Leaves out what is called a sum beside and below the counts, which has to be theirs.
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

    /// Leaves out a column and a row that hold the sums of the others, whatever they are called:
    /// `Grand Total`, `Gesamt`, `Σ`.
    fn take_other_sums_off(&mut self, notes: &mut Vec<String>) {
        let width = self.columns.len();
        let rows: Vec<&[f64]> = self.values.chunks(width.max(1)).collect();
        let (of_rows, mut of_columns) = (rows.iter().map(|row| row.iter().sum::<f64>()), vec![0.0; width]);
        let of_rows: Vec<f64> = of_rows.collect();
        for row in &rows {
            of_columns.iter_mut().zip(*row).for_each(|(sum, count)| *sum += count);
        }
        let some = of_rows.iter().any(|&sum| sum > 0.0);
        // The sum of all is twice what it holds itself.
        let is_sum = |(sum, count): (&f64, &f64)| *sum == 2.0 * count;
        let row =
            rows.iter().position(|row| of_columns.iter().zip(*row).all(is_sum)).filter(|_| some && rows.len() > 2);
        let column = (0..width)
            .find(|&at| some && width > 2 && of_rows.iter().zip(rows.iter().filter_map(|row| row.get(at))).all(is_sum));
        let (row_name, column_name) =
            (row.and_then(|at| self.rows.get(at)), column.and_then(|at| self.columns.get(at)));
        // A class has a row and a column, and is not the sum of the others in both.
        let is_class =
            |name: &String, others: &[String], other: Option<&String>| others.contains(name) && other != Some(name);
        let row = row.filter(|_| row_name.is_some_and(|name| !is_class(name, &self.columns, column_name)));
        let column = column.filter(|_| column_name.is_some_and(|name| !is_class(name, &self.rows, row_name)));
        if row.is_none() && column.is_none() {
            return;
        }
        let kept =
            rows.iter().enumerate().filter(|(at, _)| Some(*at) != row).flat_map(|(_, row)| {
                row.iter().enumerate().filter(|(at, _)| Some(*at) != column).map(|(_, &count)| count)
            });
        self.values = kept.collect();
        for (what, names, at) in [("row", &mut self.rows, row), ("column", &mut self.columns, column)] {
            if let Some(at) = at {
                let name = quoted(&names.remove(at));
                notes.push(format!("the {what} {name} holds the sums of the others and is left out"));
            }
        }
    }

    /// The numbers with rows and columns in the order of the names; 0 where one has no row or
    /// column.
    fn in_order(&self, file: &Path, names: &[String]) -> Result<Vec<f64>> {
        let width = self.columns.len();
        let (rows, columns) = (places(&self.rows), places(&self.columns));
        let known: HashSet<&str> = names.iter().map(String::as_str).collect();
        if let Some(row) = self.rows.iter().find(|row| !known.contains(row.as_str())) {
            return Err(ConfusionFileError::Names { file: file.to_path_buf(), row: quoted(row) }.into());
        }
        if rows.len() < self.rows.len() || columns.len() < width || known.len() < names.len() {
            let problem = format!("{} rows and {width} columns, of which some have one name", self.rows.len());
            return Err(not_square(file, problem));
        }
        let at = |row: usize, column: usize| self.values.get(row.saturating_mul(width).saturating_add(column)).copied();
        let mut sorted = Vec::with_capacity(names.len().saturating_mul(names.len()));
        for row in names.iter().map(|name| rows.get(name.as_str())) {
            let place = names.iter().map(|name| row.zip(columns.get(name.as_str())));
            sorted.extend(place.map(|place| place.and_then(|(&row, &column)| at(row, column)).unwrap_or_default()));
        }
        Ok(sorted)
    }
}

/// Where each name stands; of one that is there twice, where last.
pub(super) fn places(names: &[String]) -> HashMap<&str, usize> {
    names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect()
}

/// Whether names are the numbers of all classes, from 0 or from 1, in any order.
pub(super) fn are_numbers(names: &[String]) -> bool {
    let numbers: Option<HashSet<usize>> = names.iter().map(|name| name.parse().ok()).collect();
    numbers.is_some_and(|numbers| {
        let first = usize::from(!numbers.contains(&0));
        numbers.len() == names.len() && (0..names.len()).all(|at| numbers.contains(&first.saturating_add(at)))
    })
}
