//! Counts as lines of text.

use std::borrow::Cow;
use std::path::Path;

use super::{Found, count_in};
use crate::InputError;
use crate::budget::Budget;
use crate::image_files::is_image;
use crate::quoting::quoted;
use crate::table::{Record, Separator, records};

/// What people call a column of classes, and one of counts.
const CLASS_NAMES: &[&str] = &[
    "", "class", "classes", "label", "labels", "target", "category", "class_id", "label_id", "index", "id", "cls",
    "name",
];
const COUNT_NAMES: &[&str] = &[
    "count",
    "counts",
    "n",
    "num",
    "number",
    "frequency",
    "freq",
    "samples",
    "images",
    "num_samples",
    "num_images",
    "n_samples",
    "n_images",
    "train_count",
    "train",
    "size",
    "0",
];

/// A line with its fields.
struct Row<'t> {
    line: u64,
    text: &'t str,
    fields: Vec<Cow<'t, str>>,
}

/// Reads lines: one count each, all counts in one, or a class and its count each.
///
/// # Errors
/// [`InputError::Count`], [`InputError::SeveralCounts`], [`InputError::CsvRowLength`], [`InputError::Budget`].
pub(super) fn read(file: &Path, text: &str, num_classes: usize, budget: &mut Budget) -> Result<Found, InputError> {
    let spend = |budget: &mut Budget, line: u64, bytes: u64| {
        budget.spend(bytes).map_err(|exceeded| exceeded.of(file, format!("line {line}")))
    };
    let lines = || records(text).filter(|(_, record)| !is_remark(record));
    let Some((_, last)) = lines().last() else { return Ok(Found::InOrder(Vec::new())) };
    if is_list_of_images(last) {
        return of_images(file, lines(), num_classes);
    }
    let separator = Separator::of(last);
    let mut rows = Vec::new();
    for (line, text) in lines() {
        spend(budget, line, 160 + 72 * separator.count(text) as u64)?;
        let mut fields = Vec::with_capacity(separator.count(text));
        separator.split(text, &mut fields);
        rows.push(Row { line, text, fields });
    }
    let is_header = rows[0].fields.iter().any(|field| field.parse::<f64>().is_err() && !field.contains([',', ';']));
    let header = if is_header && rows.len() > 1 { Some(rows.remove(0)) } else { None };
    // Above a printed series stands the name of its index alone.
    let is_whole = |header: &Row<'_>| separator != Separator::Blanks || header.fields.len() == rows[0].fields.len();
    let header = header.filter(is_whole);
    if rows.iter().all(|row| row.fields.len() == 1) {
        let counts = rows.iter().map(|row| count_in(file, || format!("line {}", row.line), &row.fields[0]));
        return counts.collect::<Result<_, _>>().map(Found::InOrder);
    }
    if let [row] = rows.as_slice()
        && header.as_ref().is_none_or(|header| header.fields.len() == 1)
        && (row.fields.len() == num_classes || header.is_none() && separator == Separator::Character(b','))
    {
        let place = |column: usize| move || format!("line {}, column {}", row.line, column + 1);
        let counts = row.fields.iter().enumerate().map(|(column, field)| count_in(file, place(column), field));
        return counts.collect::<Result<_, _>>().map(Found::InOrder);
    }
    let width = header.as_ref().map_or(rows[0].fields.len(), |header| header.fields.len());
    if let Some(row) = rows.iter().find(|row| row.fields.len() != width) {
        let (file, line, found) = (file.to_path_buf(), row.line, row.fields.len());
        return Err(InputError::CsvRowLength { file, line, found, expected: width });
    }
    let Some((class, count)) = columns(header.as_ref(), &rows, num_classes) else {
        let (file, place) = (file.to_path_buf(), format!("line {}", rows[0].line));
        return Err(InputError::SeveralCounts { file, place, found: quoted(rows[0].text) });
    };
    let entries = rows.iter().map(|row| {
        let place = format!("line {}", row.line);
        let value = count_in(file, || format!("line {}, column {}", row.line, count + 1), &row.fields[count])?;
        Ok((row.fields[class].to_string(), value, place))
    });
    entries.collect::<Result<_, InputError>>().map(Found::ByClass)
}

/// Remarks: a hash of NumPy in front, and what pandas prints below a series.
fn is_remark(record: &str) -> bool {
    let record = record.trim_start();
    record.starts_with('#') || record.starts_with("Name: ") || record.starts_with("dtype: ")
}

/// The columns of the classes and of the counts: by their names, or because one holds every class once.
fn columns(header: Option<&Row<'_>>, rows: &[Row<'_>], num_classes: usize) -> Option<(usize, usize)> {
    let width = rows[0].fields.len();
    if let Some(header) = header {
        let called = |names: &[&str]| {
            let is =
                |at: &usize| names.contains(&header.fields[*at].to_ascii_lowercase().replace([' ', '-'], "_").as_str());
            (0..width).filter(is).collect::<Vec<_>>()
        };
        let counts: Vec<usize> = called(COUNT_NAMES);
        let mut classes = called(CLASS_NAMES);
        if classes.len() > 1 {
            // An index in front of a column that says what it is.
            classes.retain(|&at| !header.fields[at].is_empty() && header.fields[at] != "index");
        }
        match (classes.as_slice(), counts.as_slice()) {
            (&[class], &[count]) => return Some((class, count)),
            (&[class], []) if width == 2 => return Some((class, 1 - class)),
            ([], &[count]) if width == 2 => return Some((1 - count, count)),
            _ => {}
        }
    }
    if width != 2 {
        return None;
    }
    let holds_classes = |at: usize| {
        let mut seen = vec![false; num_classes];
        rows.len() == num_classes
            && rows.iter().all(|row| {
                let class = row.fields[at].parse().ok().filter(|&class: &usize| class < num_classes);
                class.is_some_and(|class| !std::mem::replace(&mut seen[class], true))
            })
    };
    match (holds_classes(0), holds_classes(1)) {
        (true, false) => Some((0, 1)),
        (false, true) => Some((1, 0)),
        _ => None,
    }
}

/// Whether a line is the path of an image and a class.
fn is_list_of_images(record: &str) -> bool {
    image_and_class(record)
        .is_some_and(|(path, class)| is_image(Path::new(path)) && class.bytes().all(|byte| byte.is_ascii_digit()))
}

fn image_and_class(record: &str) -> Option<(&str, &str)> {
    let (path, class) = record.trim().rsplit_once([' ', '\t', ','])?;
    Some((path.trim(), class.trim()))
}

/// The images of each class in a list of them.
fn of_images<'t>(
    file: &Path,
    lines: impl Iterator<Item = Record<'t>>,
    num_classes: usize,
) -> Result<Found, InputError> {
    let mut counts = vec![0; num_classes];
    for (line, record) in lines {
        let class = image_and_class(record).map(|(_, class)| class).unwrap_or_default();
        let slot = class.parse().ok().and_then(|class: usize| counts.get_mut(class));
        *slot.ok_or_else(|| InputError::CountClass {
            file: file.to_path_buf(),
            place: format!("line {line}"),
            class: quoted(class),
            problem: "is not one of the classes",
            last_class: num_classes.saturating_sub(1),
        })? += 1;
    }
    Ok(Found::InOrder(counts))
}
