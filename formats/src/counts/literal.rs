//! Lists and dictionaries as Python prints them: `[60 48 39]`, `Counter({2: 60, 0: 25})`, `[('cat',
//! 60), ('dog', 25)]`.

use std::path::Path;

use super::columns::refusal;
use super::{Found, count_in, pairs};
use crate::budget::Budget;
use crate::quoting::quoted;
use crate::{InputError, Result};

/// Bytes charged for an entry.
const ENTRY: u64 = 160;

/// Bytes in which a printed number ends.
const LONGEST_NUMBER: usize = 32;

/// Bytes in which a printed name of a class ends.
const LONGEST_TEXT: usize = 1024;

/// Names in front of the brackets.
const CALLS: &[&str] = &["", "array", "tensor", "Counter", "OrderedDict", "defaultdict", "dict", "list", "Size"];

/// Reads a printed list or dictionary; `None` if the text is none.
pub(super) fn read(file: &Path, text: &str, num_classes: usize, budget: &mut Budget) -> Option<Result<Found>> {
    let text = text.trim();
    let open = text.find(['[', '{'])?;
    let front = text.get(..open)?.trim_end();
    // `cls_num_list = [...]`, and LDAM-DRW's log, which goes on below the list.
    let (name, call) = match front.rsplit_once(['=', ':']).filter(|(name, _)| is_name(name)) {
        Some((name, call)) => (Some(name.trim()), call.trim_start()),
        None => (None, front),
    };
    if let Some(error) = name.and_then(|name| refusal(file, "the name of the counts", name)) {
        return Some(Err(error));
    }
    let call = call.trim_end_matches(['(', ' ']);
    // `defaultdict(<class 'int'>, {...})`, `torch.Size([...])`.
    let call = call.split('(').next().unwrap_or(call).rsplit('.').next().unwrap_or(call);
    if !CALLS.contains(&call.trim()) {
        return None;
    }
    let close = if text.get(open..)?.starts_with('[') { ']' } else { '}' };
    let end = text.rfind(close)?;
    let after = end.saturating_add(1);
    // What follows the brackets is `)`, or a type as in `array([...], dtype=int32)`.
    let behind = text.get(after..)?;
    if behind.contains(['[', '{']) || name.is_none() && behind.contains('\n') {
        return None;
    }
    if let Err(error) = spend(file, budget, (text.len() as u64).saturating_mul(2)) {
        return Some(Err(error));
    }
    let inside = bare_scalars(text.get(open.saturating_add(1)..end)?);
    if close == '}' {
        return Some(dictionary(file, &inside, budget));
    }
    if !inside.contains(['[', '{', '(']) {
        return Some(list(file, &inside, budget));
    }
    let lists = match inner(file, &bare_scalars(text.get(..after)?), budget)? {
        Ok(lists) => lists,
        Err(error) => return Some(Err(error)),
    };
    pairs::paired(lists).map(|pairs| pairs::read(file, pairs, num_classes))
}

/// Whether a text names what stands behind it: words of a line.
fn is_name(text: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "_. -".contains(character);
    text.trim().starts_with(char::is_alphabetic) && text.trim().chars().all(is_part)
}

fn spend(file: &Path, budget: &mut Budget, bytes: u64) -> Result<()> {
    budget.spend(bytes).map_err(|exceeded| exceeded.of(file, "list".to_owned()))
}

/// Numbers and texts without the call that NumPy 2 and PyTorch print around them: `np.int64(60)`,
/// `tensor(60)`, `np.str_('cat')`.
fn bare_scalars(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('(') {
        let name = before.trim_end_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        let call = before.strip_prefix(name).unwrap_or_default();
        let is_scalar = call == "tensor" || call.starts_with("np.") || call.starts_with("numpy.");
        let scalar = Some(behind).filter(|_| is_scalar).and_then(scalar);
        bare.push_str(if scalar.is_some() { name } else { before });
        bare.push_str(scalar.unwrap_or("("));
        rest = scalar.and_then(|scalar| behind.get(scalar.len().saturating_add(1)..)).unwrap_or(behind);
    }
    bare.push_str(rest);
    bare
}

/// The number or text in front of a closing bracket.
fn scalar(text: &str) -> Option<&str> {
    // No further than a scalar is long: unclosed brackets are not sought for to the end, each anew.
    let within = |most: usize, end: &[u8]| text.as_bytes().windows(end.len()).take(most).position(|found| found == end);
    match text.bytes().next()? {
        quote @ (b'\'' | b'"') => text.get(..within(LONGEST_TEXT, &[quote, b')'])?.saturating_add(1)),
        _ => text.get(..within(LONGEST_NUMBER, b")")?).filter(|number| number.parse::<f64>().is_ok()),
    }
}

/// The parts between commas that stand in no quotes.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let split = move |character: char| {
        match quote {
            Some(open) if character == open => quote = None,
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None => return character == ',',
            Some(_) => {}
        }
        false
    };
    text.split(split).map(str::trim).filter(|part| !part.is_empty())
}

fn unquoted(text: &str) -> String {
    text.trim_matches(['\'', '"']).to_owned()
}

/// The entries of each list or tuple that holds no other; `None` if the brackets do not match.
fn inner(file: &Path, text: &str, budget: &mut Budget) -> Option<Result<Vec<Vec<String>>>> {
    let mut lists = Vec::new();
    let mut depth = 0_usize;
    // Where the innermost list begins that no other has begun in.
    let mut innermost = None;
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, '(' | '[') => {
                depth = depth.saturating_add(1);
                innermost = Some(at.saturating_add(1));
            }
            (None, ')' | ']') => {
                depth = depth.checked_sub(1)?;
                if let Some(begin) = innermost.take() {
                    let entries: Vec<String> = parts(text.get(begin..at)?).map(unquoted).collect();
                    let bytes = ENTRY.saturating_mul(entries.len().saturating_add(1) as u64);
                    if let Err(error) = spend(file, budget, bytes) {
                        return Some(Err(error));
                    }
                    lists.push(entries);
                }
            }
            _ => {}
        }
    }
    Some(Ok(lists))
}

fn list(file: &Path, inside: &str, budget: &mut Budget) -> Result<Found> {
    let mut counts = Vec::new();
    let separator = |character: char| character == ',' || character.is_whitespace();
    for field in inside.split(separator).filter(|field| !field.is_empty()) {
        spend(file, budget, ENTRY)?;
        // NumPy prints 60. for a whole floating-point number.
        counts.push(count_in(file, || format!("entry {}", counts.len()), field)?);
    }
    Ok(Found::InOrder(counts))
}

fn dictionary(file: &Path, inside: &str, budget: &mut Budget) -> Result<Found> {
    let mut entries = Vec::new();
    for entry in parts(inside) {
        spend(file, budget, ENTRY.saturating_add(entry.len() as u64))?;
        let place = format!("entry {}", entries.len());
        let (class, count) = entry.rsplit_once(':').ok_or_else(|| InputError::Count {
            file: file.to_path_buf(),
            place: place.clone(),
            found: quoted(entry),
        })?;
        let count = count_in(file, || place.clone(), count.trim())?;
        entries.push((unquoted(class.trim()), count, place));
    }
    Ok(Found::ByClass(entries))
}
