//! Names in a label map of TensorFlow: `item { id: 1 name: 'cat' }`.

use std::collections::BTreeMap;
use std::path::Path;

use super::entries::{Entry, Names, ordered};
use crate::{InputError, Result};

/// The names of a label map, by their numbers; `None` of any other text.
pub(super) fn items(file: &Path, lines: &[Entry<&str>]) -> Option<Result<Names>> {
    let is_start = |line: &str| line.trim_start().starts_with("item") && line.contains('{');
    lines.iter().find(|(_, line)| !line.trim().is_empty()).filter(|(_, line)| is_start(line))?;
    let damaged = |line: usize, problem: &str| Err(InputError::damaged(file, format!("line {line}"), problem));
    let mut by_number = BTreeMap::new();
    let (mut number, mut name, mut shown) = (None, None, None);
    for (at, line) in lines {
        // One field a line, or all of an item in one.
        let inside = line.trim().trim_start_matches("item").trim_matches([' ', '{', '}']);
        for (key, value) in fields(inside) {
            match key {
                "id" => number = value.parse::<usize>().ok(),
                "name" => name = Some(value.to_owned()),
                "display_name" => shown = Some(value.to_owned()),
                _ => {}
            }
        }
        if line.contains('}') {
            if name.as_ref().or(shown.as_ref()).is_some_and(|name| name.contains('\\')) {
                return Some(damaged(*at, "a name with a backslash; write its characters as they are"));
            }
            let Some((number, name)) = number.take().zip(name.take().or(shown.take())) else {
                return Some(damaged(*at, "an item without an id or a name"));
            };
            shown = None;
            if by_number.insert(number, (*at, name)).is_some() {
                return Some(damaged(*at, "an id that is there twice"));
            }
        }
    }
    Some(ordered(by_number).map_err(|problem| InputError::damaged(file, "the ids of the items", problem)))
}

/// The fields `key: value` of a line; a text stands between quotes.
fn fields(line: &str) -> Vec<(&str, &str)> {
    let (mut found, mut rest) = (Vec::new(), line.trim());
    while let Some((key, value)) = rest.split_once(':') {
        let value = value.trim_start();
        let quote = value.chars().next().filter(|first| matches!(first, '\'' | '"'));
        let (value, behind) = match quote {
            Some(quote) => value.get(1..).unwrap_or_default().split_once(quote).unwrap_or((value, "")),
            None => value.split_once([' ', ',']).unwrap_or((value, "")),
        };
        found.push((key.trim_matches([' ', ',']), value));
        rest = behind;
    }
    found
}
