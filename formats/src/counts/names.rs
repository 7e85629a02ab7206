//! Names of the classes, in the order of their numbers.

use std::collections::BTreeMap;
use std::path::Path;

use super::given::{GivenFile, Held};
use crate::budget::Budget;
use crate::class_name::{ClassNameError, check_class_name};
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::quoting::quoted;
use crate::text::text_of;
use crate::weights::Saved;
use crate::{InputError, Result};

/// Bytes charged for a name beside its own.
const NAME: u64 = 200;

/// Reads the names of K = `num_classes` classes: one a line, spaces around them removed; a JSON list; a JSON object of
/// numbers and names, as `class_to_idx` or its inverse; or lines of a number and a name.
///
/// Two classes may have the same name (ImageNet has such pairs).
///
/// # Errors
/// As [`read_names`], and [`InputError::ClassCountMismatch`] for another number of names than K.
pub fn read_class_names(file: &GivenFile, num_classes: usize) -> Result<Vec<String>> {
    let names = read_names(file)?;
    if names.len() != num_classes {
        return Err(InputError::ClassCountMismatch {
            file: file.to_path_buf(),
            what: "class names",
            found: names.len(),
            expected: num_classes,
            unit: "name",
        });
    }
    Ok(names)
}

/// Reads names of classes, however many.
///
/// # Errors
/// No name; a name that [`check_class_name`] refuses (empty, control or direction characters, too long); classes that
/// are not numbered from 0 without a gap; a file that is no text.
pub fn read_names(file: &GivenFile) -> Result<Vec<String>> {
    let Held::File(content) = file.held()? else {
        return Err(InputError::NotAFile { file: file.to_path_buf(), found: "a folder" });
    };
    refuse_impostor(content)?;
    let budget = &mut Budget::of(content.bytes.len());
    let text = text_of(content, budget)?;
    let names = if text.trim_start().starts_with(['[', '{']) {
        let expected = "give a list of names, or an object of names and numbers";
        let saved = match read_json(file, &text, expected, budget) {
            Err(error @ InputError::Json { .. }) if !text.contains('"') => {
                // As Python prints a list or a dictionary.
                let cost = (text.len() as u64).saturating_mul(3);
                budget.spend(cost).map_err(|exceeded| exceeded.of(file, "names".to_owned()))?;
                read_json(file, &in_json(&text), expected, budget).map_err(|_| error)?
            }
            read => read?,
        };
        of_json(file, saved)?
    } else {
        of_lines(file, &text, budget)?
    };
    if names.is_empty() {
        return Err(InputError::ClassName { file: file.to_path_buf(), line: 1, problem: ClassNameError::Empty });
    }
    for (line, name) in &names {
        check_class_name(name).map_err(|problem| InputError::ClassName {
            file: file.to_path_buf(),
            line: *line,
            problem,
        })?;
    }
    Ok(names.into_iter().map(|(_, name)| name).collect())
}

/// Names with the line or entry, from 1, of each.
type Names = Vec<(usize, String)>;

fn of_lines(file: &Path, text: &str, budget: &mut Budget) -> Result<Names> {
    let mut names = Vec::new();
    // Empty lines at the end are how editors leave files; elsewhere one would shift every later name.
    for (index, line) in text.trim_end().lines().enumerate() {
        budget
            .spend(NAME.saturating_add(line.len() as u64))
            .map_err(|exceeded| exceeded.of(file, format!("line {}", index.saturating_add(1))))?;
        names.push((index.saturating_add(1), line.trim().to_owned()));
    }
    // A line of names may stand above the numbers.
    let found = numbered(&names).or_else(|| numbered(names.get(1..)?));
    let Some(by_number) = found else {
        let unquoted = |text: &str| text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned);
        return Ok(names.into_iter().map(|(line, text)| (line, unquoted(&text).unwrap_or(text))).collect());
    };
    let (count, first) = (by_number.len(), by_number.keys().next().copied().unwrap_or_default().min(1));
    if let Some((place, (number, _))) =
        by_number.iter().enumerate().find(|(place, (number, _))| **number != first.saturating_add(*place))
    {
        let problem = format!(
            "class {} is missing before {number}: the numbers are not {first} to {} ",
            first.saturating_add(place),
            first.saturating_add(count).saturating_sub(1)
        );
        return Err(InputError::damaged(file, "the numbers of the names", problem));
    }
    Ok(by_number.into_values().collect())
}

/// Names by their numbers, if every line has one in front, or every line ends in one, and no two have the same.
fn numbered(names: &[(usize, String)]) -> Option<BTreeMap<usize, (usize, String)>> {
    let split = |front: bool| {
        let mut by_number = BTreeMap::new();
        for (line, text) in names {
            let (one, other) =
                if front { text.split_once(['\t', ',', ' ', ':', ';'])? } else { text.rsplit_once(['\t', ',', ';'])? };
            let (number, name) = if front { (one, other) } else { (other, one) };
            by_number.insert(number.trim().parse::<usize>().ok()?, (*line, name.trim().trim_matches('"').to_owned()));
        }
        (by_number.len() == names.len() && names.len() > 1).then_some(by_number)
    };
    split(true).or_else(|| split(false))
}

/// A list or dictionary that Python printed as JSON: other quotes, and quotes around numbers that are keys.
fn in_json(text: &str) -> String {
    let mut json = String::with_capacity(text.len().saturating_mul(2));
    let (mut rest, mut quoted) = (text, false);
    let is_digit = |character: char| character.is_ascii_digit();
    while let Some(character) = rest.chars().next() {
        let number =
            if quoted { "" } else { &rest[..rest.len().saturating_sub(rest.trim_start_matches(is_digit).len())] };
        let is_key = !number.is_empty() && rest[number.len()..].trim_start().starts_with(':');
        let taken = number.len().max(character.len_utf8());
        match character {
            '\'' => {
                quoted = !quoted;
                json.push('"');
            }
            _ if is_key => json.extend(["\"", number, "\""]),
            _ => json.push_str(&rest[..taken]),
        }
        rest = &rest[taken..];
    }
    json
}

fn of_json(file: &Path, saved: Saved<'_>) -> Result<Names> {
    let wrong = |problem: String| InputError::Json {
        file: file.to_path_buf(),
        line: 1,
        column: 1,
        problem,
        expected: "give a list of names, or an object of names and numbers",
    };
    match saved {
        Saved::List(items) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| match item {
                Saved::Text(name) => Ok((at.saturating_add(1), name.trim().to_owned())),
                _ => Err(wrong(format!("entry {at} is no text"))),
            })
            .collect(),
        Saved::Dictionary(mut entries) => {
            if let [(_, Saved::List(_) | Saved::Dictionary(_))] = entries.as_slice() {
                return of_json(file, entries.swap_remove(0).1);
            }
            let count = entries.len();
            let mut by_number = BTreeMap::new();
            for (key, value) in entries {
                let shown = quoted(&key);
                let (number, name) = match value {
                    Saved::Number(number) if number.fract() == 0.0 && number >= 0.0 => (number as usize, key),
                    Saved::Text(name) => match key.parse() {
                        Ok(number) => (number, name),
                        Err(_) => return Err(wrong(format!("neither {shown} nor its value is a number"))),
                    },
                    // As ImageNet's index: {"0": ["n01440764", "tench"], ...}.
                    Saved::List(parts) => match (key.parse(), parts.into_iter().next_back()) {
                        (Ok(number), Some(Saved::Text(name))) => (number, name),
                        _ => return Err(wrong(format!("the value of {shown} is neither a number nor a name"))),
                    },
                    _ => return Err(wrong(format!("the value of {shown} is neither a number nor a name"))),
                };
                by_number.insert(number, name);
            }
            if !by_number.keys().copied().eq(0..count) {
                return Err(wrong(format!(
                    "its numbers are not 0 to {} without a gap, each once",
                    count.saturating_sub(1)
                )));
            }
            Ok(by_number
                .into_values()
                .enumerate()
                .map(|(at, name)| (at.saturating_add(1), name.trim().to_owned()))
                .collect())
        }
        Saved::Array(_) => Err(wrong("a list of numbers, not of names".to_owned())),
        _ => Err(wrong("neither a list nor an object".to_owned())),
    }
}
