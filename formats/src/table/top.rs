//! Lines above the header of a table that are none of its records.

use super::records::{Records, Separator, is_list, is_rule, number};

/// The lines above a table.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Top {
    /// What stands between fields, where a line says so.
    pub(super) separator: Option<Separator>,
    /// A title.
    pub(super) title: Option<String>,
    /// Where the lines below begin, and the first of them.
    pub(super) end: (usize, u64),
}

/// Reads `sep=;`, which Excel writes and takes out of sight, and a title above a line of names:
/// alone, or with nothing in the other fields.
pub(super) fn read(text: &str) -> Top {
    let mut top = Top { end: (0, 1), ..Top::default() };
    let mut walk = Records { text, position: 0, line: 1, quotes: true, bars: false };
    let Some((_, first)) = walk.next() else { return top };
    let mut next = first;
    if let Some(separator) = separator_said(first) {
        top.separator = Some(separator);
        top.end = (walk.position, walk.line);
        let Some((_, second)) = walk.next() else { return top };
        next = second;
    }
    // Rules, and lines with nothing but separators.
    let is_empty = |record: &str| record.trim_matches([',', ';', '\t', '|', ' ']).is_empty();
    loop {
        let below = (walk.position, walk.line);
        let Some((_, names)) = walk.next() else { return top };
        if is_rule(names) || is_empty(names) {
            continue;
        }
        if let Some(title) = title_above(next, names, top.separator) {
            (top.title, top.end) = (Some(title), below);
        }
        return top;
    }
}

fn separator_said(record: &str) -> Option<Separator> {
    let said = record.trim_matches([' ', '"']).strip_prefix("sep=")?;
    match said.as_bytes() {
        &[one] => Some(Separator::Character(one)),
        _ => None,
    }
}

/// Wider tables have no title: their fields would cost more than is charged for them.
const MOST_FIELDS: usize = 100_000;

/// The title that a record is, which has names of columns below it.
fn title_above(record: &str, names: &str, separator: Option<Separator>) -> Option<String> {
    let separator = separator.unwrap_or_else(|| Separator::of(names));
    if separator == Separator::Blanks || record.trim_start().starts_with('#') {
        return None;
    }
    if separator.count(record).max(separator.count(names)) > MOST_FIELDS {
        return None;
    }
    let (mut fields, mut below) = (Vec::new(), Vec::new());
    separator.split(record, &mut fields);
    separator.split(names, &mut below);
    let is_name = |field: &str| number(field, true).is_none() && !is_list(field);
    let named = |fields: &[std::borrow::Cow<'_, str>]| fields.iter().filter(|field| !field.is_empty()).count();
    let are_names = named(&below) > 1 && below.iter().all(|field| is_name(field));
    let title = fields.iter().find(|field| !field.is_empty())?;
    let alone = named(&fields) == 1 && (fields.len() == 1 || fields.len() == below.len());
    (alone && are_names && is_name(title)).then(|| title.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_titles_are_told_from_records() {
        let title = |text: &str| read(text).title;
        assert_eq!(title("Predictions of a\nlabel,logit_0\n1,2\n").as_deref(), Some("Predictions of a"));
        assert_eq!(title("Predictions,,\n,,\n\nlabel,a,b\n1,2,3\n").as_deref(), Some("Predictions"));
        assert_eq!(title("sep=;\nmy title\nlabel;a\n0;1\n").as_deref(), Some("my title"));
        for none in
            ["label,a,b\n1,2,3\n", "x\n\"a\",0.5\n\"b\",1\n", "label\ncat\ndog\n", "0\nlabel,a\n", "# a\nlabel,b\n"]
        {
            assert_eq!(title(none), None, "{none}");
        }
        let top = read("\"sep=|\"\r\nlabel|a\r\n");
        assert_eq!((top.separator, top.end), (Some(Separator::Character(b'|')), (9, 2)));
        assert_eq!(read("sep=ab\n").separator, None);
    }
}
