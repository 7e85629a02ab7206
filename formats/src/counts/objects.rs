//! Counts in what JSON, `torch.save` or `pickle.dump` hold.

use std::borrow::Cow;
use std::path::Path;

use super::columns::{Row, Table, names_of_samples, of_other_split, refusal, transposed};
use super::says::Says;
use super::{Found, arrays, count_in, count_of, no_count, pairs};
use crate::budget::Budget;
use crate::named::arrays_of;
use crate::quoting::quoted;
use crate::weights::Saved;
use crate::{InputError, Result};

/// Bytes charged for a field.
const FIELD: u64 = 160;

/// Names of columns, and the fields below them.
type Frame = (Vec<String>, Vec<Vec<String>>);

pub(super) fn read(file: &Path, saved: Saved<'_>, num_classes: usize, budget: &mut Budget) -> Result<Found> {
    let saved = below_names(file, saved)?;
    let fields = if holds_containers(&saved) { extent(&saved, 3) } else { 0 };
    budget.spend((fields as u64).saturating_mul(FIELD)).map_err(|exceeded| exceeded.of(file, "a table".to_owned()))?;
    if let Some((names, rows)) = frame(&saved).filter(|(_, rows)| !rows.is_empty()) {
        let owned = |fields: Vec<String>| fields.into_iter().map(Cow::Owned).collect();
        let rows = (0_u64..).zip(rows).map(|(at, fields)| Row { at, fields: owned(fields) }).collect();
        let header = Some(("the names of the columns".to_owned(), owned(names)));
        return Table { header, rows, unit: "entry", mark: ',' }.read(file, num_classes);
    }
    match saved {
        Saved::Dictionary(entries)
            if entries.len() > num_classes && entries.iter().all(|(_, value)| is_a_name(value)) =>
        {
            Err(names_of_samples(file, entries.iter().filter_map(|(_, value)| name_in(value))))
        }
        Saved::List(items) if items.len() > num_classes && items.iter().all(is_a_name) => {
            Err(names_of_samples(file, items.iter().filter_map(name_in)))
        }
        // scikit-learn's report.
        Saved::Dictionary(entries) if entries.iter().any(|(_, value)| has_support(value)) => {
            Err(of_other_split(file, "the keys of the classes".to_owned(), "support"))
        }
        Saved::Dictionary(entries) => {
            let entry = |(class, value): (String, Saved<'_>)| {
                let place = format!("entry {}", quoted(&class));
                Ok((class, count(file, &place, value, true)?, place))
            };
            entries.into_iter().map(entry).collect::<Result<_>>().map(Found::ByClass)
        }
        Saved::List(items) if items.iter().any(|item| item.as_text().is_some()) => {
            let texts = items.iter().all(|item| matches!(item, Saved::Text(_)));
            let entry = |(at, item)| count(file, &format!("entry {at}"), item, texts);
            items.into_iter().enumerate().map(entry).collect::<Result<_>>().map(Found::InOrder)
        }
        Saved::List(items) if items.iter().all(|item| matches!(item, Saved::Array(_) | Saved::List(_))) => {
            match items.iter().map(texts).collect::<Option<_>>().and_then(pairs::paired) {
                Some(pairs) => pairs::read(file, pairs, num_classes),
                None => arrays::read(file, arrays_of(file, Saved::List(items), budget)?, num_classes, budget),
            }
        }
        other => arrays::read(file, arrays_of(file, other, budget)?, num_classes, budget),
    }
}

/// What is below a name that stands alone, or below the name of the training beside those of other
/// splits.
fn below_names<'a>(file: &Path, saved: Saved<'a>) -> Result<Saved<'a>> {
    let Saved::Dictionary(mut entries) = saved else { return Ok(saved) };
    let other = |(name, value): &(String, Saved<'_>)| Says::of(name) == Says::OtherSplit || !is_container(value);
    let training = |(name, value): &(String, Saved<'_>)| Says::of(name) == Says::TrainingCounts && is_container(value);
    if let [(name, value)] = entries.as_slice()
        && is_container(value)
    {
        if let Some(error) = refusal(file, "the key above the counts", name) {
            return Err(error);
        }
        return below_names(file, entries.swap_remove(0).1);
    }
    match entries.iter().position(training) {
        Some(at) if entries.iter().enumerate().all(|(place, entry)| place == at || other(entry)) => {
            below_names(file, entries.swap_remove(at).1)
        }
        _ => Ok(Saved::Dictionary(entries)),
    }
}

fn name_in<'s>(value: &'s Saved<'_>) -> Option<&'s str> {
    if let Saved::Text(name) = value {
        Some(name).filter(|name| pairs::is_name(name)).map(String::as_str)
    } else {
        None
    }
}

fn is_a_name(value: &Saved<'_>) -> bool {
    name_in(value).is_some()
}

fn has_support(value: &Saved<'_>) -> bool {
    matches!(value, Saved::Dictionary(parts) if parts.iter().any(|(name, _)| name == "support"))
}

fn is_container(value: &Saved<'_>) -> bool {
    match value {
        Saved::Array(array) => !array.shape.is_empty(),
        Saved::List(_) | Saved::Dictionary(_) => true,
        _ => false,
    }
}

fn holds_containers(saved: &Saved<'_>) -> bool {
    match saved {
        Saved::List(items) => items.iter().any(is_container),
        Saved::Dictionary(entries) => entries.iter().any(|(_, value)| is_container(value)),
        _ => false,
    }
}

/// Parts of an object down to a depth.
fn extent(saved: &Saved<'_>, depth: usize) -> usize {
    let deeper = |part: &Saved<'_>| depth.checked_sub(1).map_or(1, |depth| extent(part, depth));
    match saved {
        Saved::List(items) => items.iter().map(deeper).fold(1, usize::saturating_add),
        Saved::Dictionary(entries) => entries.iter().map(|(_, part)| deeper(part)).fold(1, usize::saturating_add),
        Saved::Array(array) => array.len(),
        _ => 1,
    }
}

/// A count that stands as a number, or as a text where `texts` are taken.
fn count(file: &Path, place: &str, value: Saved<'_>, texts: bool) -> Result<u64> {
    let place = || place.to_owned();
    match value {
        Saved::Number(number) => count_of(file, &place(), number),
        Saved::Text(text) if texts => count_in(file, place, text.trim()),
        Saved::Text(text) => Err(no_count(file, place(), &text)),
        Saved::Array(_) if value.as_text().is_some() => count_in(file, place, &value.as_text().unwrap_or_default()),
        Saved::List(_) | Saved::Array(_) => Err(no_number(file, place(), "a list")),
        Saved::Dictionary(_) => Err(no_number(file, place(), "an object")),
        Saved::Other(what) => Err(no_number(file, place(), what)),
    }
}

fn no_number(file: &Path, place: String, found: &str) -> InputError {
    InputError::Count { file: file.to_path_buf(), place, found: found.to_owned() }
}

/// The numbers and texts of a list as texts.
fn texts(item: &Saved<'_>) -> Option<Vec<String>> {
    match item {
        Saved::Array(array) if array.shape.len() == 1 => arrays::numbers_of(array),
        Saved::List(items) => items.iter().map(Saved::as_text).collect(),
        _ => None,
    }
}

/// A table in any of the forms in which pandas and databases write one as JSON, or a dictionary of
/// columns.
fn frame(saved: &Saved<'_>) -> Option<Frame> {
    match saved {
        Saved::List(items) => records(items).or_else(|| lines(items)),
        Saved::Dictionary(entries) => {
            let part = |wanted: &str| entries.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
            match (part("data"), part("columns"), part("index")) {
                (Some(Saved::List(data)), _, _) if part("schema").is_some() => records(data),
                (Some(Saved::List(data)), Some(columns), Some(index)) => {
                    split(texts(columns)?, &texts(index)?, data.iter().map(texts).collect::<Option<_>>()?)
                }
                (Some(data), None, Some(index)) => {
                    let name = part("name").and_then(Saved::as_text).unwrap_or_default();
                    split(vec![name], &texts(index)?, texts(data)?.into_iter().map(|field| vec![field]).collect())
                }
                _ => by_column(entries),
            }
        }
        _ => None,
    }
}

/// Rows beside their index.
fn split(mut names: Vec<String>, index: &[String], mut rows: Vec<Vec<String>>) -> Option<Frame> {
    names.insert(0, String::new());
    rows.iter_mut().zip(index).for_each(|(row, index)| row.insert(0, index.clone()));
    let is_whole = index.len() == rows.len() && rows.iter().all(|row| row.len() == names.len());
    is_whole.then_some((names, rows))
}

/// Dictionaries of the same keys.
fn records(items: &[Saved<'_>]) -> Option<Frame> {
    let Some(Saved::Dictionary(first)) = items.first() else { return None };
    let names: Vec<String> = first.iter().map(|(name, _)| name.clone()).collect();
    let rows = items.iter().map(|item| fields_of(item, &names)).collect::<Option<_>>()?;
    Some((names, rows))
}

/// The entries of a dictionary by name, where it has no others.
fn fields_of(item: &Saved<'_>, names: &[String]) -> Option<Vec<String>> {
    let Saved::Dictionary(entries) = item else { return None };
    let alike = entries.len() == names.len() && entries.iter().zip(names).all(|((name, _), wanted)| name == wanted);
    let field =
        |wanted: &String| entries.iter().find(|(name, _)| name == wanted).and_then(|(_, value)| value.as_text());
    if alike {
        return entries.iter().map(|(_, value)| value.as_text()).collect();
    }
    // Keys in another order, of few columns: those of many entries all are in one.
    (entries.len() == names.len() && names.len() <= MOST_COLUMNS).then(|| names.iter().map(field).collect())?
}

/// Columns that are sought for by name in each entry.
const MOST_COLUMNS: usize = 64;

/// A list of lists, the first of names.
fn lines(items: &[Saved<'_>]) -> Option<Frame> {
    let mut rows = items.iter().map(texts).collect::<Option<Vec<_>>>()?;
    let width = rows.first().filter(|names| names.iter().all(|name| pairs::is_name(name)))?.len();
    let says = rows.first()?.iter().any(|name| Says::of(name) != Says::Nothing);
    let is_table = says && rows.len() > 1 && width > 1 && rows.iter().all(|row| row.len() == width);
    is_table.then(|| (rows.remove(0), rows))
}

/// A dictionary of columns, each a list or a dictionary by the index; or of rows, each a dictionary
/// by the column.
fn by_column(entries: &[(String, Saved<'_>)]) -> Option<Frame> {
    let says = |name: &String| name != "0" && Says::of(name) != Says::Nothing;
    let keys: Vec<String> = entries.iter().map(|(key, _)| key.clone()).collect();
    let Some((_, Saved::Dictionary(first))) = entries.first() else {
        let columns = entries.iter().map(|(_, column)| texts(column)).collect::<Option<Vec<_>>>()?;
        return keys.iter().any(says).then(|| transposed(columns)).flatten().map(|rows| (keys, rows));
    };
    let inner: Vec<String> = first.iter().map(|(key, _)| key.clone()).collect();
    let parts = entries.iter().map(|(_, part)| fields_of(part, &inner)).collect::<Option<Vec<_>>>()?;
    if keys.iter().any(says) {
        return split(keys, &inner, transposed(parts)?);
    }
    if inner.iter().any(says) { split(inner, &keys, parts) } else { None }
}
