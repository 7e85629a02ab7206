//! Lists and dictionaries as Python prints them: `[60 48 39]`, `tensor([60, 48])`, `Counter({2: 60, 0: 25})`.

use std::path::Path;

use super::{Found, count_in};
use crate::budget::Budget;
use crate::{InputError, Result};

/// Bytes charged for an entry.
const ENTRY: u64 = 160;

/// Names in front of the brackets.
const CALLS: &[&str] = &["", "array", "tensor", "Counter", "OrderedDict", "defaultdict", "dict", "list", "Size"];

/// Reads a printed list or dictionary; `None` if the text is none.
pub(super) fn read(file: &Path, text: &str, budget: &mut Budget) -> Option<Result<Found>> {
    let text = text.trim();
    let open = text.find(['[', '{'])?;
    let call = text[..open].trim_end_matches(['(', ' ']);
    // `defaultdict(<class 'int'>, {...})`, `torch.Size([...])`.
    let call = call.split('(').next().unwrap_or(call).rsplit('.').next().unwrap_or(call);
    if !CALLS.contains(&call.trim()) {
        return None;
    }
    let close = if text[open..].starts_with('[') { ']' } else { '}' };
    let end = text.rfind(close)?;
    let inside = text.get(open.saturating_add(1)..end)?;
    // What follows the brackets is `)`, or a type as in `array([...], dtype=int32)`.
    if inside.contains(['[', '{', '(']) || text[end.saturating_add(1)..].contains(['[', '{', '\n']) {
        return None;
    }
    Some(if close == ']' { list(file, inside, budget) } else { dictionary(file, inside, budget) })
}

fn spend(file: &Path, budget: &mut Budget, bytes: u64) -> Result<()> {
    budget.spend(bytes).map_err(|exceeded| exceeded.of(file, "list".to_owned()))
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
    for entry in inside.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        spend(file, budget, ENTRY.saturating_add(entry.len() as u64))?;
        let place = format!("entry {}", entries.len());
        let (class, count) = entry.rsplit_once(':').ok_or_else(|| InputError::Count {
            file: file.to_path_buf(),
            place: place.clone(),
            found: crate::quoting::quoted(entry),
        })?;
        let count = count_in(file, || place.clone(), count.trim())?;
        entries.push((class.trim().trim_matches(['\'', '"']).to_owned(), count, place));
    }
    Ok(Found::ByClass(entries))
}
