//! Counts as lines of text.

use std::borrow::Cow;
use std::path::Path;

use super::columns::{Row, Table, is_thousands, of_other_split};
use super::pairs::is_name;
use super::says::Says;
use super::{Found, count_in, images, remarks, thousands};
use crate::budget::Budget;
use crate::table::{Record, Separator, WRAPPED, footer, framed, is_rule, records};
use crate::{InputError, Result};

/// Reads lines: one count each, all counts in one, a class and its count each, or an image and its
/// class each.
pub(super) fn read(
    file: &Path,
    text: &str,
    num_classes: usize,
    names: Option<&[String]>,
    budget: &mut Budget,
) -> Result<Found> {
    let lines = || records(text).filter(|(_, record)| !is_remark(record));
    let Some((_, last)) = lines().last() else { return Ok(Found::InOrder(Vec::new())) };
    if images::is_list_of_images(last) {
        // A line of names may stand above.
        let is_named = lines().next().is_some_and(|(_, first)| !images::is_list_of_images(first));
        return images::count(file, lines().skip(usize::from(is_named)), num_classes, names);
    }
    if let Some(found) = by_count(file, lines(), budget)? {
        return Ok(found);
    }
    let separator = if by_colon(last).is_some() { Separator::Character(b':') } else { Separator::of(framed(last)) };
    let mut rows = Vec::new();
    for (line, text) in lines() {
        let cost = (separator.count(text) as u64).saturating_mul(72).saturating_add(200);
        budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("line {line}")))?;
        rows.push(Row { at: line, fields: fields(text, separator) });
    }
    take_title_off(file, &mut rows, separator)?;
    let header = if begins_with_names(&rows) { Some(rows.remove(0)) } else { None };
    let header = match header {
        Some(header) if separator == Separator::Blanks => {
            let (line, words) = (header.at, header.fields.join(" "));
            let header = above_blanks(header, &mut rows);
            if header.is_none() {
                remarks::refuse_other_split(file, line, &words)?;
            }
            header
        }
        header => header,
    };
    let Some(top) = rows.first() else { return Ok(Found::InOrder(Vec::new())) };
    let width = top.fields.len();
    if let [row] = rows.as_slice()
        && width > 1
        && header.as_ref().is_none_or(|header| header.fields.len() == 1)
        && (width == num_classes || header.is_none() && separator == Separator::Character(b','))
    {
        let place = |column: usize| move || format!("line {}, column {}", row.at, column.saturating_add(1));
        let counts = row.fields.iter().enumerate().map(|(column, field)| count_in(file, place(column), field));
        return counts.collect::<Result<_, _>>().map(Found::InOrder);
    }
    let header = header.or_else(|| remarked(text, separator, width));
    let width = header.as_ref().map_or(width, |header| header.fields.len());
    if let Some(line) = wrapped(header.as_ref(), &rows, separator) {
        return Err(InputError::Wrapped { file: file.to_path_buf(), line });
    }
    if let Some(row) = rows.iter().find(|row| row.fields.len() != width) {
        let place = |row: &Row<'_>| format!("line {}", row.at);
        if let Some((row, marked)) = rows.iter().map(|row| (row, row.fields.join(","))).find(|row| is_thousands(&row.1))
        {
            return Err(thousands(file, place(row), &marked));
        }
        if header.as_ref().is_some_and(|header| header.fields.iter().any(|name| name == "precision")) {
            return Err(of_other_split(file, place(row), "support"));
        }
        let (file, line, found) = (file.to_path_buf(), row.at, row.fields.len());
        return Err(InputError::CsvRowLength { file, line, found, expected: width });
    }
    footer::check(file, text, rows.len())?;
    let mark = if let Separator::Character(mark) = separator { char::from(mark) } else { ' ' };
    let header = header.map(|row| (format!("line {}", row.at), row.fields));
    Table { header, rows, unit: "line", mark }.read(file, num_classes)
}

/// Takes a line of words off that stands above a table: alone where others have several fields, or
/// above names of columns.
fn take_title_off(file: &Path, rows: &mut Vec<Row<'_>>, separator: Separator) -> Result<()> {
    let [first, second, ..] = rows.as_slice() else { return Ok(()) };
    let filled = |row: &Row<'_>| row.fields.iter().filter(|field| !field.is_empty()).count();
    let are_words = |row: &Row<'_>| row.fields.iter().all(|field| field.is_empty() || is_name(field));
    // One name above two columns is that of the classes or the counts.
    let is_title = |title: &str| {
        let says = Says::of(title);
        first.fields.len() == 1 || title.contains(' ') && !matches!(says, Says::Class | Says::Index | Says::Rank)
    };
    let is_alone = separator != Separator::Blanks
        && filled(first) == 1
        && filled(second) > 1
        && first.fields.first().is_some_and(|title| is_title(title));
    let are_columns = second.fields.iter().all(|name| Says::of(name) != Says::Nothing) && second.fields.len() > 1;
    let is_below = |third: &Row<'_>| third.fields.len() == second.fields.len() && !are_words(third);
    let is_above_names = are_columns && rows.get(2).is_some_and(is_below);
    if are_words(first) && (is_alone || are_words(second) && is_above_names) {
        remarks::refuse_other_split(file, first.at, &first.fields.join(" "))?;
        rows.remove(0);
    }
    Ok(())
}

/// The line of names of further columns below a printed table, or the one of names that says so.
fn wrapped(header: Option<&Row<'_>>, rows: &[Row<'_>], separator: Separator) -> Option<u64> {
    let width = rows.first().map_or(0, |row| row.fields.len());
    let is_of_names = |row: &&Row<'_>| row.fields.len() < width && row.fields.iter().all(|field| is_name(field));
    let above = header.filter(|row| row.fields.last().is_some_and(|last| last == WRAPPED));
    let below = rows.iter().find(is_of_names).filter(|_| separator == Separator::Blanks && width > 1);
    above.or(below).map(|row| row.at)
}

fn fields(record: &str, separator: Separator) -> Vec<Cow<'_, str>> {
    let mut fields = Vec::with_capacity(separator.count(record));
    match by_colon(record).filter(|_| separator == Separator::Character(b':')) {
        Some(entry) => fields.extend(entry.map(Cow::Borrowed)),
        None => separator.split(framed(record), &mut fields),
    }
    fields
}

/// Whether the first row is one of names, and not a class by name and its count.
fn begins_with_names(rows: &[Row<'_>]) -> bool {
    let is_name = |field: &Cow<'_, str>| field.parse::<f64>().is_err() && !field.contains([',', ';']);
    // A line of a name and a number is none where the next is another.
    let which_is_name = |row: &Row<'_>| match row.fields.as_slice() {
        [first, second] if !first.is_empty() && is_name(first) && second.parse::<u64>().is_ok() => Some(0),
        [first, second] if !second.is_empty() && is_name(second) && first.parse::<u64>().is_ok() => Some(1),
        _ => None,
    };
    match rows {
        [first, second, ..] => {
            let is_entry = which_is_name(first).is_some() && which_is_name(first) == which_is_name(second);
            !is_entry && first.fields.iter().any(is_name)
        }
        _ => false,
    }
}

/// The names above columns with blanks between: R and pandas number the lines in front without a
/// name, and the name of an index stands alone above a printed series, in a line of its own below
/// the names of a frame.
fn above_blanks<'t>(mut header: Row<'t>, rows: &mut Vec<Row<'t>>) -> Option<Row<'t>> {
    let beside_index = header.fields.len().saturating_add(1);
    if let [index, first, ..] = rows.as_slice()
        && let [name] = index.fields.as_slice()
        && is_name(name)
        && first.fields.len() == beside_index
    {
        header.fields.insert(0, name.clone());
        rows.remove(0);
    } else if rows.first().is_some_and(|first| first.fields.len() == beside_index) {
        let is_counted = |name| Says::of(name).counts() || Says::of(name) == Says::OtherSplit;
        let of_index = matches!(header.fields.as_slice(), [name] if !is_counted(name));
        header.fields.insert(usize::from(of_index), Cow::Borrowed(""));
    }
    (rows.first()?.fields.len() == header.fields.len()).then_some(header)
}

/// Remarks: a hash of NumPy in front, what pandas prints below a series, the lines of a frame, and
/// what databases and R print beside.
fn is_remark(record: &str) -> bool {
    let record = record.trim();
    let between = |open, close| record.starts_with(open) && record.ends_with(close);
    let is_named = ["#,", "#;", "#\t", "#|"].iter().any(|name| record.starts_with(name));
    (record.starts_with('#') && !is_named)
        || is_rule(record)
        || between("Name: ", "")
        || between("dtype: ", "")
        || between("<", ">")
}

/// Names of columns in a remark of the first line. Counts alone have no header in it: they stay in
/// their order.
fn remarked(text: &str, separator: Separator, width: usize) -> Option<Row<'_>> {
    let (line, record) = records(text).next()?;
    let fields = fields(record.trim_start().strip_prefix('#')?.trim(), separator);
    let says: Vec<Says> = fields.iter().map(|name| Says::of(name)).collect();
    let are_names =
        says.len() == width && !says.contains(&Says::Nothing) && (width > 1 || !says.iter().any(|says| says.counts()));
    are_names.then_some(Row { at: line, fields })
}

/// Counts in front of names of several words, as `sort | uniq -c` prints them; `None` if no name
/// has several, or a line is something else.
fn by_count<'t>(file: &Path, lines: impl Iterator<Item = Record<'t>>, budget: &mut Budget) -> Result<Option<Found>> {
    let (mut entries, mut is_wide) = (Vec::new(), false);
    for (line, record) in lines {
        let Some((count, name)) = record.trim().split_once(' ') else { return Ok(None) };
        let is_mark = name.contains([',', ';', '\t', '|', '"']);
        if !count.bytes().all(|byte| byte.is_ascii_digit()) || is_mark || !is_name(name) || by_colon(record).is_some() {
            return Ok(None);
        }
        let cost = (name.len() as u64).saturating_add(200);
        budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("line {line}")))?;
        let name = name.trim();
        is_wide |= name.contains(' ') && name.split(' ').all(is_name);
        let place = format!("line {line}");
        entries.push((name.to_owned(), count_in(file, || place.clone(), count)?, place));
    }
    Ok(is_wide.then_some(Found::ByClass(entries)))
}

/// A class and its count with a colon between, as programs print them: `class 3: 60 images`.
fn by_colon(record: &str) -> Option<[&str; 2]> {
    let (class, count) = record.rsplit_once(':').map(|(class, count)| (class.trim(), count.trim()))?;
    let (count, unit) = count.split_once(' ').unwrap_or((count, ""));
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let is_unit = ["", "image", "images", "sample", "samples"].contains(&unit.trim());
    (is_count && is_unit && !class.contains([',', ';', '\t', ':'])).then_some([class, count])
}
