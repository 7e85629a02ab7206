//! Counts as lines of text.

use std::borrow::Cow;
use std::path::Path;

use super::pairs::{class_column, holds_classes};
use super::{Found, count_in};
use crate::budget::Budget;
use crate::image_files::is_image;
use crate::named::Named;
use crate::quoting::quoted;
use crate::table::{Record, Separator, records};
use crate::words::Words;
use crate::{InputError, Result};

/// What people call a column of classes, also by no name, and one of counts.
const CLASS_NAMES: Words = Words("class classes label labels target category class_id label_id index id cls name");
const COUNT_NAMES: Words = Words(
    "count counts n num number frequency freq samples images num_samples num_images n_samples n_images train_count \
     train size 0",
);

fn is_class(name: &str) -> bool {
    name.is_empty() || CLASS_NAMES.contains(name)
}

fn is_count(name: &str) -> bool {
    COUNT_NAMES.contains(name)
}

/// A line with its fields.
struct Row<'t> {
    line: u64,
    text: &'t str,
    fields: Vec<Cow<'t, str>>,
}

impl Row<'_> {
    fn field(&self, at: usize) -> &str {
        self.fields.get(at).map_or("", |field| field.as_ref())
    }
}

/// Reads lines: one count each, all counts in one, or a class and its count each.
pub(super) fn read(file: &Path, text: &str, num_classes: usize, budget: &mut Budget) -> Result<Found> {
    let spend = |budget: &mut Budget, line: u64, bytes: u64| {
        budget.spend(bytes).map_err(|exceeded| exceeded.of(file, format!("line {line}")))
    };
    let lines = || records(text).filter(|(_, record)| !is_remark(record));
    let Some((_, last)) = lines().last() else { return Ok(Found::InOrder(Vec::new())) };
    if is_list_of_images(last) {
        // A line of names may stand above.
        let is_named = lines().next().is_some_and(|(_, first)| !is_list_of_images(first));
        return of_images(file, lines().skip(usize::from(is_named)), num_classes);
    }
    let separator = if by_colon(last).is_some() { Separator::Character(b':') } else { Separator::of(last) };
    let mut rows = Vec::new();
    for (line, text) in lines() {
        spend(budget, line, (separator.count(text) as u64).saturating_mul(72).saturating_add(160))?;
        let mut fields = Vec::with_capacity(separator.count(text));
        match by_colon(text).filter(|_| separator == Separator::Character(b':')) {
            Some(entry) => fields.extend(entry.map(Cow::Borrowed)),
            None => separator.split(text, &mut fields),
        }
        rows.push(Row { line, text, fields });
    }
    let is_name = |field: &Cow<'_, str>| field.parse::<f64>().is_err() && !field.contains([',', ';']);
    // A line of a name and a number is none where the next is another.
    let which_is_name = |row: &Row<'_>| match row.fields.as_slice() {
        [first, second] if !first.is_empty() && is_name(first) && second.parse::<u64>().is_ok() => Some(0),
        [first, second] if !second.is_empty() && is_name(second) && first.parse::<u64>().is_ok() => Some(1),
        _ => None,
    };
    let is_entry = match rows.as_slice() {
        [first, second, ..] => which_is_name(first).is_some() && which_is_name(first) == which_is_name(second),
        _ => false,
    };
    let is_header = !is_entry && rows.first().is_some_and(|row| row.fields.iter().any(is_name));
    let header = if is_header && rows.len() > 1 { Some(rows.remove(0)) } else { None };
    let Some(top) = rows.first() else { return Ok(Found::InOrder(Vec::new())) };
    // Above a printed series stands the name of its index alone.
    let is_whole = |header: &Row<'_>| separator != Separator::Blanks || header.fields.len() == top.fields.len();
    let header = header.filter(is_whole);
    let single =
        |row: &Row<'_>| row.fields.first().filter(|_| row.fields.len() == 1).map(|field| (row.line, field.to_string()));
    if let Some(fields) = rows.iter().map(single).collect::<Option<Vec<_>>>() {
        let counts = fields.iter().map(|(line, field)| count_in(file, || format!("line {line}"), field));
        let counts: Vec<u64> = counts.collect::<Result<_, _>>()?;
        let falls = counts.len() > 2 && counts.is_sorted_by(|one, next| one >= next) && counts.first() > counts.last();
        if falls && header.is_some_and(|header| header.fields == ["count"]) {
            return Err(InputError::CountOrder { file: file.to_path_buf() });
        }
        return Ok(Found::InOrder(counts));
    }
    if let [row] = rows.as_slice()
        && header.as_ref().is_none_or(|header| header.fields.len() == 1)
        && (row.fields.len() == num_classes || header.is_none() && separator == Separator::Character(b','))
    {
        let place = |column: usize| move || format!("line {}, column {}", row.line, column.saturating_add(1));
        let counts = row.fields.iter().enumerate().map(|(column, field)| count_in(file, place(column), field));
        return counts.collect::<Result<_, _>>().map(Found::InOrder);
    }
    let width = header.as_ref().map_or(top.fields.len(), |header| header.fields.len());
    if let Some(row) = rows.iter().find(|row| row.fields.len() != width) {
        let (file, line, found) = (file.to_path_buf(), row.line, row.fields.len());
        return Err(InputError::CsvRowLength { file, line, found, expected: width });
    }
    let Some((class, count)) = columns(header.as_ref(), &rows, num_classes) else {
        let (file, place) = (file.to_path_buf(), format!("line {}", top.line));
        return Err(InputError::SeveralCounts { file, place, found: quoted(top.text) });
    };
    let entries = rows.iter().map(|row| {
        let place = format!("line {}", row.line);
        let value =
            count_in(file, || format!("line {}, column {}", row.line, count.saturating_add(1)), row.field(count))?;
        Ok((row.field(class).to_owned(), value, place))
    });
    entries.collect::<Result<_>>().map(Found::ByClass)
}

/// Remarks: a hash of NumPy in front, and what pandas prints below a series.
fn is_remark(record: &str) -> bool {
    let record = record.trim_start();
    record.starts_with('#') || record.starts_with("Name: ") || record.starts_with("dtype: ")
}

/// The columns of the classes and of the counts: by their names, or because one holds every class once.
fn columns(header: Option<&Row<'_>>, rows: &[Row<'_>], num_classes: usize) -> Option<(usize, usize)> {
    let width = rows.first()?.fields.len();
    if let Some(header) = header {
        let called = |is: fn(&str) -> bool| {
            let is = |name: &str| is(&name.to_ascii_lowercase().replace([' ', '-'], "_"));
            let named = header.fields.iter().enumerate().take(width).filter(|(_, name)| is(name));
            named.map(|(at, _)| at).collect::<Vec<_>>()
        };
        let counts: Vec<usize> = called(is_count);
        let mut classes = called(is_class);
        if classes.len() > 1 {
            // An index in front of a column that says what it is.
            let says = |name: &Cow<'_, str>| !name.is_empty() && name != "index";
            classes.retain(|&at| header.fields.get(at).is_some_and(says));
        }
        match (classes.as_slice(), counts.as_slice()) {
            (&[class], &[count]) => return Some((class, count)),
            (&[class], []) if width == 2 => return Some((class, 1_usize.saturating_sub(class))),
            ([], &[count]) if width == 2 => return Some((1_usize.saturating_sub(count), count)),
            // The number of a class beside its name.
            (several, &[count]) => {
                let number = several
                    .iter()
                    .copied()
                    .find(|&at| holds_classes(rows.iter().map(|row| row.field(at)), num_classes));
                if let Some(class) = number {
                    return Some((class, count));
                }
            }
            _ => {}
        }
    }
    if width != 2 {
        return None;
    }
    class_column(rows.iter().map(|row| [0, 1].map(|at| row.field(at))), num_classes)
        .map(|class| (class, 1_usize.saturating_sub(class)))
}

/// The places of two arrays of one length that are called classes and counts.
pub(super) fn classes_and_counts(arrays: &[Named<'_>]) -> Option<(usize, usize)> {
    let called = |is: fn(&str) -> bool| {
        let mut named = arrays.iter().enumerate().filter(|(_, named)| is(&named.name.to_ascii_lowercase()));
        named.next().filter(|_| named.next().is_none()).map(|(at, _)| at)
    };
    let (classes, counts) = (called(is_class)?, called(is_count)?);
    let shape = |at: usize| arrays.get(at)?.array.as_ref().ok().map(|array| &array.shape);
    (classes != counts && shape(classes).is_some() && shape(classes) == shape(counts)).then_some((classes, counts))
}

/// A class and its count with a colon between, as programs print them: `class 3: 60 images`.
fn by_colon(record: &str) -> Option<[&str; 2]> {
    let (class, count) = record.rsplit_once(':').map(|(class, count)| (class.trim(), count.trim()))?;
    let (count, unit) = count.split_once(' ').unwrap_or((count, ""));
    let is_count = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let is_unit = ["", "image", "images", "sample", "samples"].contains(&unit.trim());
    (is_count && is_unit && !class.contains([',', ';', '\t', ':'])).then_some([class, count])
}

fn names_image(path: &str) -> bool {
    is_image(Path::new(path.trim_matches('"')))
}

/// Whether a line is the path of an image and a class.
fn is_list_of_images(record: &str) -> bool {
    image_and_class(record)
        .is_some_and(|(path, class)| names_image(path) && class.bytes().all(|byte| byte.is_ascii_digit()))
}

fn image_and_class(record: &str) -> Option<(&str, &str)> {
    let (path, class) = record.trim().rsplit_once([' ', '\t', ','])?;
    // The class in front of the path, as in `3,a/b.jpg`.
    let (path, class) = if names_image(class) {
        let (class, path) = record.trim().split_once([' ', '\t', ','])?;
        (path, class)
    } else {
        (path, class)
    };
    Some((path.trim(), class.trim()))
}

/// The images of each class in a list of them.
fn of_images<'t>(file: &Path, lines: impl Iterator<Item = Record<'t>>, num_classes: usize) -> Result<Found> {
    let mut counts = vec![0_u64; num_classes];
    for (line, record) in lines {
        let class = image_and_class(record).map(|(_, class)| class).unwrap_or_default();
        let slot = class.parse().ok().and_then(|class: usize| counts.get_mut(class));
        let slot = slot.ok_or_else(|| InputError::CountClass {
            file: file.to_path_buf(),
            place: format!("line {line}"),
            class: quoted(class),
            problem: "is not one of the classes",
            last_class: num_classes.saturating_sub(1),
        })?;
        *slot = slot.saturating_add(1);
    }
    Ok(Found::InOrder(counts))
}
