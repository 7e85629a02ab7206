//! Names of the classes, in the order of their numbers.

use std::collections::BTreeMap;
use std::path::Path;

use crate::InputError;
use crate::budget::Budget;
use crate::class_name::check_class_name;
use crate::content::Content;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::quoting::quoted;
use crate::text::text_of;
use crate::weights::Saved;

/// Bytes charged for a name beside its own.
const NAME: u64 = 200;

/// Reads the names of K = `num_classes` classes: one a line, spaces around them removed; a JSON list; a JSON object of
/// numbers and names, as `class_to_idx` or its inverse; or lines of a number and a name.
///
/// Two classes may have the same name (ImageNet has such pairs).
///
/// # Errors
/// As [`read_names`], and [`InputError::ClassCountMismatch`] for another number of names than K.
pub fn read_class_names(file: &Path, num_classes: usize) -> Result<Vec<String>, InputError> {
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
/// A name that [`check_class_name`] refuses (empty, control or direction characters, too long), classes that are not
/// numbered from 0 without a gap, a file that is no text.
pub fn read_names(file: &Path) -> Result<Vec<String>, InputError> {
    let content = Content::read(file)?;
    refuse_impostor(&content)?;
    let budget = &mut Budget::of(content.bytes.len());
    let text = text_of(&content, budget)?;
    let names = if text.trim_start().starts_with(['[', '{']) {
        let expected = "give a list of names, or an object of names and numbers";
        of_json(file, read_json(file, &text, expected, budget)?)?
    } else {
        of_lines(file, &text, budget)?
    };
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

fn of_lines(file: &Path, text: &str, budget: &mut Budget) -> Result<Names, InputError> {
    let mut names = Vec::new();
    // Empty lines at the end are how editors leave files; elsewhere one would shift every later name.
    for (index, line) in text.trim_end().lines().enumerate() {
        budget.spend(NAME + line.len() as u64).map_err(|exceeded| exceeded.of(file, format!("line {}", index + 1)))?;
        names.push((index + 1, line.trim().to_owned()));
    }
    Ok(numbered(&names).unwrap_or(names))
}

/// Names behind their numbers, if every line has a number in front and these are 0 to K - 1.
fn numbered(names: &[(usize, String)]) -> Option<Names> {
    let mut by_number = BTreeMap::new();
    for (line, text) in names {
        let (number, name) = text.split_once(['\t', ',', ' ', ':'])?;
        by_number.insert(number.trim().parse::<usize>().ok()?, (*line, name.trim().trim_matches('"').to_owned()));
    }
    let complete = by_number.len() == names.len() && by_number.keys().copied().eq(0..names.len());
    complete.then(|| by_number.into_values().collect())
}

fn of_json(file: &Path, saved: Saved<'_>) -> Result<Names, InputError> {
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
                Saved::Text(name) => Ok((at + 1, name.trim().to_owned())),
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
            Ok(by_number.into_values().enumerate().map(|(at, name)| (at + 1, name.trim().to_owned())).collect())
        }
        Saved::Array(_) => Err(wrong("a list of numbers, not of names".to_owned())),
        _ => Err(wrong("neither a list nor an object".to_owned())),
    }
}
