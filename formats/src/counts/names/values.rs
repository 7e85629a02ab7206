//! Names in lists and dictionaries: of JSON, of a pickle, or as Python prints them.

use std::collections::BTreeMap;
use std::path::Path;

use super::entries::{Entry, ID_WORDS, KEYS, NAME_WORDS, Names, is_word, ordered};
use crate::budget::Budget;
use crate::quoting::quoted;
use crate::weights::Saved;
use crate::{InputError, Result};

/// What a file of names may hold beside lines.
pub(super) const EXPECTED: &str = "give a list of names, or an object of names and numbers";

fn wrong(file: &Path, problem: String) -> InputError {
    InputError::Json { file: file.to_path_buf(), line: 1, column: 1, problem, expected: EXPECTED }
}

pub(super) fn read(file: &Path, saved: Saved<'_>, budget: &mut Budget) -> Result<Names> {
    match saved {
        Saved::List(items) if items.iter().all(|item| matches!(item, Saved::Text(_))) => {
            Ok((1..).zip(items).filter_map(|(at, item)| text(&item).map(|name| (at, name))).collect())
        }
        Saved::List(items) if items.iter().any(|item| matches!(item, Saved::Text(_))) => {
            let at = items.iter().take_while(|item| matches!(item, Saved::Text(_))).count();
            Err(wrong(file, format!("entry {at} is no text")))
        }
        Saved::List(items) => by_number(file, items.iter().map(pair), 1),
        Saved::Dictionary(entries) => dictionary(file, entries, budget),
        Saved::Array(array) => match array.texts(file, "names", budget)? {
            Some(names) if array.shape.len() == 1 => Ok((1..).zip(names).collect()),
            _ => Err(wrong(file, "a list of numbers, not of names".to_owned())),
        },
        _ => Err(wrong(file, "neither a list nor an object".to_owned())),
    }
}

fn dictionary(file: &Path, mut entries: Vec<(String, Saved<'_>)>, budget: &mut Budget) -> Result<Names> {
    let is_container = |value: &Saved<'_>| matches!(value, Saved::List(_) | Saved::Dictionary(_));
    if let [(_, value)] = entries.as_slice()
        && is_container(value)
    {
        return read(file, entries.swap_remove(0).1, budget);
    }
    let place = |key: &str| entries.iter().position(|(name, value)| name == key && is_container(value));
    // `DataFrame.to_json()`: a frame apart, or its columns.
    if let (Some(columns), Some(data)) = (place("columns"), place("data")) {
        let [columns, data] = [columns, data].map(|at| entries.get(at).map(|(_, value)| value));
        if let (Some(Saved::List(columns)), Some(Saved::List(rows))) = (columns, data) {
            let columns: Vec<String> = columns.iter().filter_map(text).collect();
            return by_number(file, rows.iter().map(|row| in_row(&columns, row)), 1);
        }
    }
    if let (Some(by_id), Some(by_label)) = (place("id2label"), place("label2id")) {
        refuse_others(file, [by_id, by_label].map(|at| entries.get(at).map(|(_, value)| value)))?;
    }
    if let Some(at) = KEYS.iter().find_map(|key| place(key)) {
        return read(file, entries.swap_remove(at).1, budget);
    }
    let column = |words: &[&str], is_number: bool| {
        entries.iter().find_map(|(name, value)| match value {
            Saved::Dictionary(column) if is_word(words, name) => {
                column.iter().all(|(_, value)| number(value).is_some() == is_number).then_some(column)
            }
            _ => None,
        })
    };
    if let Some((ids, names)) = column(ID_WORDS, true).zip(column(NAME_WORDS, false)) {
        let known: BTreeMap<&str, &Saved<'_>> = names.iter().map(|(row, name)| (row.as_str(), name)).collect();
        return by_number(
            file,
            ids.iter().map(|(row, id)| number(id).zip(known.get(row.as_str()).and_then(|name| text(name)))),
            1,
        );
    }
    let (one, other): (Vec<_>, Vec<_>) =
        entries.iter().map(|(key, value)| (by_key(key, value), by_name(key, value))).unzip();
    // By number where all keys are numbers: {"3": "5"} is class 3 of the name 5.
    if other.iter().all(Option::is_some) && one.iter().any(Option::is_none) {
        return by_number(file, other.into_iter(), 0);
    }
    // Datasets of Hugging Face have them in the description of a feature.
    if one.iter().all(Option::is_none)
        && let Some(place) = only_below(&entries)
    {
        return dictionary(file, vec![entries.swap_remove(place)], budget);
    }
    if let Some((key, value)) = entries.iter().zip(&one).find(|(_, pair)| pair.is_none()).map(|(entry, _)| entry) {
        let problem = match value {
            Saved::Text(_) => format!("neither {} nor its value is a number", quoted(key)),
            _ => format!("the value of {} is neither a number nor a name", quoted(key)),
        };
        return Err(wrong(file, problem));
    }
    by_number(file, one.into_iter(), 0)
}

/// The one entry below which one of [`KEYS`] stands, and no other does.
fn only_below(entries: &[(String, Saved<'_>)]) -> Option<usize> {
    fn keys(value: &Saved<'_>) -> usize {
        let Saved::Dictionary(entries) = value else { return 0 };
        let own = |(key, value): &(String, Saved<'_>)| {
            let is_names = matches!(value, Saved::List(_) | Saved::Dictionary(_)) && KEYS.contains(&key.as_str());
            if is_names { 1 } else { keys(value) }
        };
        entries.iter().map(own).sum()
    }
    let mut found = entries.iter().enumerate().filter(|(_, (_, value))| keys(value) > 0);
    let (at, (_, value)) = found.next()?;
    (found.next().is_none() && keys(value) == 1).then_some(at)
}

/// Refuses a configuration whose two lists name the classes otherwise.
fn refuse_others(file: &Path, lists: [Option<&Saved<'_>>; 2]) -> Result<()> {
    let [Some(Saved::Dictionary(by_id)), Some(Saved::Dictionary(by_label))] = lists else { return Ok(()) };
    let by_label: Option<BTreeMap<usize, String>> = by_label.iter().map(|(key, value)| by_name(key, value)).collect();
    let Some(by_label) = by_label else { return Ok(()) };
    let mut named = by_id.iter().filter_map(|(key, value)| by_key(key, value));
    let other = named.find_map(|(class, name)| {
        by_label.get(&class).filter(|other| **other != name).map(|other| (class, name, quoted(other)))
    });
    let Some((class, name, other)) = other else { return Ok(()) };
    Err(InputError::NotCounts {
        file: file.to_path_buf(),
        place: "the names of the classes".to_owned(),
        found: format!("class {class} is {} in id2label and {other} in label2id", quoted(&name)),
        remedy: "correct one of them".to_owned(),
    })
}

/// `"3": "cat"`, `"3": ["n01440764", "cat"]` as in ImageNet's index, or `"3": {"name": "cat"}`.
fn by_key(key: &str, value: &Saved<'_>) -> Option<(usize, String)> {
    let name = match value {
        Saved::Text(_) => text(value),
        Saved::List(parts) => parts.last().and_then(text),
        Saved::Dictionary(entries) => field(entries, NAME_WORDS, false).and_then(text),
        _ => None,
    };
    key.trim().parse().ok().zip(name)
}

/// `"cat": 3`, `"cat": "3"` or `"cat": {"id": 3}`.
fn by_name(key: &str, value: &Saved<'_>) -> Option<(usize, String)> {
    let class = match value {
        Saved::Dictionary(entries) => field(entries, ID_WORDS, true).and_then(number),
        other => number(other),
    };
    class.map(|class| (class, key.trim().to_owned()))
}

/// `[3, "cat"]`, `["cat", 3]` or `{"id": 3, "name": "cat"}`.
fn pair(item: &Saved<'_>) -> Option<(usize, String)> {
    match item {
        Saved::List(parts) => match parts.as_slice() {
            [one, other] => number(one).zip(text(other)).or_else(|| number(other).zip(text(one))),
            _ => None,
        },
        Saved::Dictionary(entries) => {
            field(entries, ID_WORDS, true).and_then(number).zip(field(entries, NAME_WORDS, false).and_then(text))
        }
        _ => None,
    }
}

/// The number and the name in a row below these names of columns.
fn in_row(columns: &[String], row: &Saved<'_>) -> Option<(usize, String)> {
    let Saved::List(fields) = row else { return None };
    let called = |words: &[&str], is_number: bool| {
        let mut fields = columns.iter().zip(fields);
        fields
            .find(|(name, value)| is_word(words, name) && number(value).is_some() == is_number)
            .map(|(_, value)| value)
    };
    called(ID_WORDS, true).and_then(number).zip(called(NAME_WORDS, false).and_then(text))
}

/// The value under one of these words that is a number, or none.
fn field<'s, 'a>(entries: &'s [(String, Saved<'a>)], words: &[&str], is_number: bool) -> Option<&'s Saved<'a>> {
    let mut named = entries.iter().filter(|(name, value)| is_word(words, name) && number(value).is_some() == is_number);
    named.next().map(|(_, value)| value)
}

/// The number of a class, also as a text.
fn number(value: &Saved<'_>) -> Option<usize> {
    match value {
        Saved::Number(number) if number.fract() == 0.0 && (0.0..1e9).contains(number) => Some(*number as usize),
        Saved::Text(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn text(value: &Saved<'_>) -> Option<String> {
    match value {
        Saved::Text(text) => Some(text.trim().to_owned()),
        _ => None,
    }
}

/// The names in the order of their numbers, from 0 or up to `most_first`.
fn by_number(file: &Path, pairs: impl Iterator<Item = Option<(usize, String)>>, most_first: usize) -> Result<Names> {
    let (mut by_number, mut count) = (BTreeMap::new(), 0_usize);
    for pair in pairs {
        let (number, name) = pair
            .ok_or_else(|| wrong(file, format!("entry {count} is no text, nor a name with the number of its class")))?;
        count = count.saturating_add(1);
        by_number.insert(number, (count, name));
    }
    let is_from = by_number.keys().next().is_some_and(|&first| first <= most_first);
    let names: Option<Vec<Entry<String>>> =
        Some(by_number).filter(|names| is_from && names.len() == count).and_then(|names| ordered(names).ok());
    names.ok_or_else(|| {
        wrong(file, format!("its numbers are not 0 to {} without a gap, each once", count.saturating_sub(1)))
    })
}
