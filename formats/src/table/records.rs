//! Records of a table of text, and their fields.

use std::borrow::Cow;

use super::footer::rows_said;

/// What stands between fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Separator {
    /// One character.
    Character(u8),
    /// One or more blanks.
    Blanks,
}

/// A record: its first line and its text.
pub(crate) type Record<'t> = (u64, &'t str);

/// The records of a text, blank lines left out; a line end between quotes belongs to a field.
pub(super) struct Records<'t> {
    pub(super) text: &'t str,
    pub(super) position: usize,
    pub(super) line: u64,
    pub(super) quotes: bool,
    /// Whether bars or blanks part the fields, so that others may frame a record and lines lie
    /// between.
    pub(super) bars: bool,
}

/// The records of a text with their lines, from 1.
pub(crate) fn records(text: &str) -> impl Iterator<Item = Record<'_>> {
    Records { text, position: 0, line: 1, quotes: true, bars: false }
}

impl<'t> Iterator for Records<'t> {
    type Item = Record<'t>;

    fn next(&mut self) -> Option<Record<'t>> {
        loop {
            let rest = self.text.as_bytes().get(self.position..)?;
            if rest.is_empty() {
                return None;
            }
            let (mut quoted, mut lines, first) = (false, 1_u64, self.line);
            let mut length = rest.len();
            for (at, &byte) in rest.iter().enumerate() {
                match byte {
                    b'"' if self.quotes => quoted = !quoted,
                    b'\n' | b'\r' if !quoted => {
                        length = at;
                        break;
                    }
                    b'\n' => lines = lines.saturating_add(1),
                    _ => {}
                }
            }
            let record = &self.text[self.position..self.position.saturating_add(length)];
            let end = match rest.get(length..).unwrap_or_default() {
                [b'\r', b'\n', ..] => 2,
                [] => 0,
                _ => 1,
            };
            self.position = self.position.saturating_add(length.saturating_add(end));
            self.line = self.line.saturating_add(lines);
            if !(record.trim().is_empty() || self.bars && is_rule(record)) {
                return Some((first, if self.bars { framed(record) } else { record }));
            }
        }
    }
}

impl Separator {
    /// The fields of a record, quotes taken off, appended to `fields`.
    pub(crate) fn split<'r>(self, record: &'r str, fields: &mut Vec<Cow<'r, str>>) {
        fields.clear();
        let separator = match self {
            Self::Blanks => return fields.extend(record.split_whitespace().map(unquoted)),
            Self::Character(separator) => separator,
        };
        let bytes = record.as_bytes();
        let (mut start, mut quoted) = (0, false);
        for at in 0..=bytes.len() {
            match bytes.get(at) {
                Some(b'"') => quoted = !quoted,
                Some(&byte) if byte == separator && !quoted => {
                    fields.push(unquoted(&record[start..at]));
                    start = at.saturating_add(1);
                }
                None => fields.push(unquoted(&record[start..])),
                _ => {}
            }
        }
    }

    /// Gives each field of a record to `take`.
    pub(super) fn for_each(self, record: &str, mut take: impl FnMut(&str)) {
        let mut fields = Vec::new();
        self.split(record, &mut fields);
        fields.iter().for_each(|field| take(field));
    }

    /// Whether the first field of a record is this number.
    pub(super) fn begins_with(self, record: &str, number: usize) -> bool {
        let mut fields = Vec::new();
        self.split(record, &mut fields);
        fields.first().is_some_and(|field| field.parse() == Ok(number))
    }

    pub(crate) fn count(self, record: &str) -> usize {
        match self {
            Self::Blanks => record.split_whitespace().count(),
            Self::Character(separator) => {
                let mut quoted = false;
                let is_end = |&&byte: &&u8| {
                    quoted ^= byte == b'"';
                    byte == separator && !quoted
                };
                record.as_bytes().iter().filter(is_end).count().saturating_add(1)
            }
        }
    }

    /// What parts most fields of a record: a tab, a semicolon, a comma, a bar, or blanks.
    pub(crate) fn of(record: &str) -> Self {
        for separator in [b'\t', b';', b',', b'|'].map(Self::Character) {
            if separator.count(record) > 1 {
                return separator;
            }
        }
        if record.split_whitespace().count() > 1 { Self::Blanks } else { Self::Character(b',') }
    }
}

/// A record without the bars at its ends.
pub(crate) fn framed(record: &str) -> &str {
    let bars = record.trim().strip_prefix('|').and_then(|record| record.strip_suffix('|'));
    bars.unwrap_or(record)
}

/// Whether a line lies between the rows of a table with bars, as Markdown and databases have them,
/// or counts these.
pub(crate) fn is_rule(record: &str) -> bool {
    let record = record.trim();
    // A row of single dashes is one of missing values.
    let is_drawn = ["--", "==", "|", "+"].iter().any(|line| record.contains(line));
    record.len() > 2 && is_drawn && record.chars().all(|character| "-+|=: ".contains(character))
        || rows_said(record).is_some()
}

fn unquoted(field: &str) -> Cow<'_, str> {
    let field = field.trim();
    match field.strip_prefix('"').and_then(|field| field.strip_suffix('"')) {
        Some(inner) if inner.contains("\"\"") => Cow::Owned(inner.replace("\"\"", "\"")),
        Some(inner) => Cow::Borrowed(inner.trim()),
        None => Cow::Borrowed(field),
    }
}

/// Whether a field is a list in brackets.
pub(crate) fn is_list(field: &str) -> bool {
    field.starts_with('[') && field.ends_with(']')
}

/// The number that a text is; with a comma before its fraction where tables have one.
pub(super) fn number(field: &str, decimal_comma: bool) -> Option<f64> {
    if decimal_comma && field.contains(',') {
        return field.replacen(',', ".", 1).parse().ok();
    }
    field.parse().ok()
}
