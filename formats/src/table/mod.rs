//! Tables as text: records of fields between commas, semicolons, tabs or blanks, the names of the
//! columns in front.

mod decimals;
pub(crate) mod footer;
mod records;
mod top;

use std::borrow::Cow;
use std::path::Path;

use crate::budget::Budget;
use crate::quoting::quoted;
use crate::{InputError, Result};
use decimals::Decimals;
pub(crate) use records::{Record, Separator, framed, is_list, is_rule, records};
use records::{Records, number};

/// The line of a header, and its names.
type Names = (u64, Vec<String>);

/// A table whose records all have as many fields.
#[derive(Debug)]
pub(crate) struct Table<'t> {
    text: &'t str,
    separator: Separator,
    /// Whether numbers have a comma before their fraction.
    decimal_comma: bool,
    /// What stands alone above the names of the columns.
    pub(crate) title: Option<String>,
    /// Names of the columns, and the line on which they stand.
    pub(crate) header: Option<Names>,
    /// Where the records below begin, and their first line.
    start: (usize, u64),
    /// Fields of a record.
    pub(crate) width: usize,
    /// Records below the header.
    pub(crate) rows: usize,
}

impl<'t> Table<'t> {
    /// Whether blanks stand between its fields, as where a program prints it.
    pub(crate) fn is_of_blanks(&self) -> bool {
        self.separator == Separator::Blanks
    }

    /// Finds the separator, the header and the number of records, and sees that all are of one
    /// length.
    pub(crate) fn open(file: &Path, text: &'t str, budget: &mut Budget) -> Result<Self> {
        // numpy.savetxt puts a hash in front of its header, and others of their remarks.
        let is_comment = |record: &str| record.trim_start().starts_with('#');
        let top = top::read(text);
        let (position, line) = top.end;
        let all = || Records { text, position, line, quotes: true, bars: false };
        let first = all().find(|(_, record)| !is_comment(record) && !is_rule(record)).or_else(|| all().next());
        let (_, data) = first.ok_or_else(|| InputError::damaged(file, "line 1", "a table without a line"))?;
        let separator = top.separator.unwrap_or_else(|| Separator::of(framed(data)));
        let (title, start) = (top.title, top.end);
        let mut table = Self { text, separator, decimal_comma: false, title, header: None, start, width: 0, rows: 0 };
        let (remark, repeated) = table.read_header(file, budget, is_comment)?;
        table.refuse_wrapped(file)?;
        let mut row_names = false;
        let mut decimals = Decimals::default();
        for (line, record) in table.records() {
            let found = separator.count(record);
            if table.rows == 0 {
                // The fields of a record, while it is at hand.
                budget
                    .spend((found as u64).saturating_mul(48))
                    .map_err(|exceeded| exceeded.of(file, format!("line {line}")))?;
                let mut names = table.header.take().or(remark.clone().filter(|(_, names)| names.len() == found));
                // R writes no name above the names of the rows.
                if let Some((_, names)) = names.as_mut().filter(|(_, names)| names.len().saturating_add(1) == found) {
                    names.insert(0, String::new());
                    row_names = true;
                }
                table.width = names.as_ref().map_or(found, |(_, names)| names.len());
                table.header = names;
            }
            if found != table.width {
                return Err(table.other_length(file, line, record, table.width));
            }
            if separator != Separator::Character(b',') {
                decimals.add(file, line, record, separator)?;
            }
            table.rows = table.rows.saturating_add(1);
            if repeated.is_some_and(|header| header == record) {
                return Err(InputError::HeaderAgain { file: file.to_path_buf(), line });
            }
            if row_names && !separator.begins_with(record, table.rows) {
                return Err(table.other_length(file, line, record, table.width.saturating_sub(1)));
            }
        }
        table.decimal_comma = decimals.are_commas();
        if table.separator == Separator::Blanks || table.separator == Separator::Character(b'|') {
            footer::check(file, text, table.rows)?;
        }
        if table.rows == 0 {
            table.header = table.header.or(remark);
            table.width = table.header.as_ref().map_or(0, |(_, names)| names.len());
        }
        Ok(table)
    }

    /// Passes the remarks and the line of names, if there is one; gives the last remark as names,
    /// and that line.
    fn read_header(
        &mut self,
        file: &Path,
        budget: &mut Budget,
        is_comment: impl Fn(&str) -> bool,
    ) -> Result<(Option<Names>, Option<&'t str>)> {
        let mut walk = self.records();
        let mut remark = None;
        while let Some((line, record)) = walk.next() {
            let count = self.separator.count(record) as u64;
            budget.spend(count.saturating_mul(96)).map_err(|exceeded| exceeded.of(file, format!("line {line}")))?;
            let mut fields = Vec::with_capacity(count as usize);
            let comment = is_comment(record);
            self.separator
                .split(if comment { record.trim_start().trim_start_matches('#') } else { record }, &mut fields);
            let is_name = |field: &Cow<'_, str>| !field.is_empty() && number(field, true).is_none() && !is_list(field);
            let named = fields.iter().any(is_name) || is_numbering(&fields);
            if !comment && !named {
                break;
            }
            self.start = (walk.position, walk.line);
            let names: Vec<String> = fields.into_iter().map(Cow::into_owned).collect();
            if comment {
                remark = Some((line, names));
            } else {
                self.header = Some((line, names));
                return Ok((remark, Some(record)));
            }
        }
        Ok((remark, None))
    }

    /// Refuses a table of pandas whose columns go on below.
    fn refuse_wrapped(&self, file: &Path) -> Result<()> {
        match &self.header {
            Some((line, names)) if names.last().is_some_and(|last| last == WRAPPED) => {
                Err(InputError::Wrapped { file: file.to_path_buf(), line: *line })
            }
            _ => Ok(()),
        }
    }

    /// The error of a record that has not as many fields as the header.
    fn other_length(&self, file: &Path, line: u64, record: &str, expected: usize) -> InputError {
        let file = file.to_path_buf();
        if self.rows > 0 && self.separator == Separator::Blanks && is_of_names(record) {
            return InputError::Wrapped { file, line };
        }
        InputError::CsvRowLength { file, line, found: self.separator.count(record), expected }
    }

    fn records(&self) -> Records<'t> {
        let (position, line) = self.start;
        let bars = matches!(self.separator, Separator::Character(b'|') | Separator::Blanks);
        Records { text: self.text, position, line, quotes: self.separator != Separator::Blanks, bars }
    }

    /// Gives the line and the fields of each record below the header to `take`.
    pub(crate) fn for_each(&self, mut take: impl FnMut(u64, &[Cow<'_, str>]) -> Result<()>) -> Result<()> {
        let mut fields = Vec::with_capacity(self.width);
        for (line, record) in self.records() {
            self.separator.split(record, &mut fields);
            take(line, &fields)?;
        }
        Ok(())
    }

    /// The fields of the first record below the header; none of a table without one.
    pub(crate) fn first_record(&self) -> Vec<Cow<'t, str>> {
        let mut fields = Vec::with_capacity(self.width);
        if let Some((_, record)) = self.records().next() {
            self.separator.split(record, &mut fields);
        }
        fields
    }

    /// What a column is called.
    pub(crate) fn name_of(&self, column: usize) -> String {
        self.header.as_ref().and_then(|(_, names)| names.get(column)).cloned().unwrap_or_default()
    }

    /// The number that a field is.
    pub(crate) fn number(&self, field: &str) -> Option<f64> {
        number(field, self.decimal_comma)
    }
}

/// Whether a record numbers the columns, as pandas does: 0, 1, 2, ..., in front of them nothing
/// above the index.
fn is_numbering(fields: &[Cow<'_, str>]) -> bool {
    let (index, numbers) = match fields {
        [first, rest @ ..] if first.is_empty() => (1, rest),
        all => (0, all),
    };
    numbers.len().saturating_add(index) > 1 && numbers.iter().enumerate().all(|(at, field)| *field == at.to_string())
}

/// Whether no field of a line with blanks between is a number: names of further columns.
fn is_of_names(record: &str) -> bool {
    record.split_whitespace().all(|field| number(field, true).is_none())
}

/// What pandas prints behind the names of columns where others follow below.
pub(crate) const WRAPPED: &str = "\\";

/// The error of a field that is not what its column holds.
pub(crate) fn bad_field(file: &Path, line: u64, column: usize, found: &str, expected: &'static str) -> InputError {
    InputError::CsvField {
        file: file.to_path_buf(),
        line,
        column: column.saturating_add(1),
        found: quoted(found),
        expected,
    }
}

#[cfg(test)]
mod tests;
