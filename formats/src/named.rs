//! The arrays of a file by their names, whatever container they came in.

use std::collections::BTreeMap;
use std::path::Path;

use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::join::join;
use crate::quoting::{quoted, quoted_list};
use crate::weights::Saved;
use crate::{ElementType, InputError, Result};

/// An array of a file.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    pub(crate) name: String,
    /// What is wrong with it matters only if it is wanted.
    pub(crate) array: Result<Array<'a>>,
}

impl Named<'_> {
    /// Name, shape and type for a message.
    pub(crate) fn described(&self) -> String {
        match &self.array {
            Ok(array) => format!("{} {}", quoted(&self.name), array.described()),
            Err(_) => format!("{} (not an array that is read here)", quoted(&self.name)),
        }
    }
}

/// Names, shapes and types of arrays for a message, the list cut.
pub(crate) fn described<'n, 'a: 'n>(arrays: impl IntoIterator<Item = &'n Named<'a>>) -> String {
    const SHOWN: usize = 12;
    let mut arrays = arrays.into_iter();
    let mut shown: Vec<String> = arrays.by_ref().take(SHOWN).map(Named::described).collect();
    let more = arrays.count();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    if shown.is_empty() { "nothing".to_owned() } else { shown.join(", ") }
}

/// The arrays in a saved object: by keys of dictionaries joined by dots, by places of tuples; lists
/// of batches joined.
pub(crate) fn arrays_of<'a>(file: &Path, saved: Saved<'a>, budget: &mut Budget) -> Result<Vec<Named<'a>>> {
    let mut found = Vec::new();
    match saved {
        Saved::List(parts) if is_batches(&parts) => add_batches(file, "", parts, budget, &mut found)?,
        Saved::List(parts)
            if parts.len() <= MOST_PARTS
                && !parts.iter().all(|part| matches!(part, Saved::Number(_) | Saved::Text(_))) =>
        {
            for (name, value) in entries(Saved::List(parts)) {
                add(file, name, value, budget, &mut found)?;
            }
        }
        other => add(file, String::new(), other, budget, &mut found)?,
    }
    Ok(found)
}

/// The same of a file that holds the scores or the labels alone: arrays in a list are batches,
/// however few.
pub(crate) fn arrays_of_half<'a>(file: &Path, saved: Saved<'a>, budget: &mut Budget) -> Result<Vec<Named<'a>>> {
    /// The extents behind the first and the type; of a list none.
    fn behind<'s>(part: &'s Saved<'_>) -> Option<(&'s [usize], Option<ElementType>)> {
        match part {
            Saved::Array(array) => Some((array.shape.get(1..)?, array.element())),
            Saved::List(_) => Some((&[], None)),
            _ => None,
        }
    }
    let is_alike = |parts: &[Saved<'_>]| {
        let first = parts.first().and_then(behind);
        first.is_some() && parts.len() > 1 && parts.iter().all(|part| behind(part) == first)
    };
    if !matches!(&saved, Saved::List(parts) if is_alike(parts)) {
        return arrays_of(file, saved, budget);
    }
    let mut found = Vec::new();
    add(file, String::new(), saved, budget, &mut found)?;
    Ok(found)
}

/// Adds the parts of one name in a list of tuples or dictionaries, joined; the name of the list is
/// in front.
fn add_batches<'a>(
    file: &Path,
    list: &str,
    parts: Vec<Saved<'a>>,
    budget: &mut Budget,
    found: &mut Vec<Named<'a>>,
) -> Result<()> {
    let batches = parts.len();
    let mut columns: BTreeMap<String, Vec<(usize, Saved<'a>)>> = BTreeMap::new();
    for (batch, part) in parts.into_iter().enumerate() {
        for (name, value) in entries(part) {
            let cost = COLUMN.saturating_add(size_of::<(usize, Saved<'a>)>() as u64).saturating_mul(2);
            budget.spend(cost).map_err(|exceeded| exceeded.of(file, "batches".to_owned()))?;
            columns.entry(name).or_default().push((batch, value));
        }
    }
    for (name, values) in columns {
        let cost = (list.len().saturating_add(name.len()) as u64).saturating_add(ARRAY);
        budget.spend(cost).map_err(|exceeded| exceeded.of(file, "names of arrays".to_owned()))?;
        // A part that is not everywhere would meet the others in the wrong rows.
        let absent = values.iter().map(|(batch, _)| *batch).chain([batches]).zip(0..).find(|(batch, at)| batch != at);
        let values = values.into_iter().map(|(_, value)| value).collect();
        let array = match absent {
            Some((_, at)) if at < batches => {
                let problem = format!("part {at} of the list has no {}", quoted(&name));
                Err(InputError::damaged(file, format!("array {}", quoted(&name)), problem))
            }
            _ => column(file, &name, Saved::List(values), budget),
        };
        found.push(Named { name: if list.is_empty() { name } else { format!("{list}.{name}") }, array });
    }
    Ok(())
}

/// Bytes charged for an array, or what is none, beside its name: lists of them double.
const ARRAY: u64 = 2 * size_of::<Named>() as u64 + 256;

/// Bytes charged for a part of a batch beside its own.
const COLUMN: u64 = 64;

/// A tuple of more parts is a list of batches or of numbers.
const MOST_PARTS: usize = 8;

fn entries(part: Saved<'_>) -> Vec<(String, Saved<'_>)> {
    match part {
        Saved::Dictionary(entries) => entries,
        Saved::List(items) => items.into_iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        other => vec![("0".to_owned(), other)],
    }
}

/// Whether a list is one of batches: of dictionaries with arrays, or of tuples whose parts differ
/// in kind, all alike.
fn is_batches(parts: &[Saved<'_>]) -> bool {
    /// Rank and whether its elements are fractions, of an array or a list of arrays alike; `None`
    /// if they differ.
    fn kind(part: &Saved<'_>) -> Option<(usize, bool)> {
        match part {
            Saved::Array(array) => Some((array.shape.len(), array.may_be_scores())),
            Saved::Number(_) => Some((0, false)),
            Saved::List(items) => {
                let (rank, fractions) = kind(items.first()?)?;
                Some((rank.saturating_add(1), fractions))
            }
            _ => None,
        }
    }
    match parts {
        [] => false,
        [Saved::Dictionary(_), ..] => parts.iter().all(|part| matches!(part, Saved::Dictionary(_))),
        [Saved::List(first), ..] if (2..=MOST_PARTS).contains(&first.len()) => {
            let kinds: Vec<_> = first.iter().map(kind).collect();
            let differ = kinds.first().is_some_and(|first| kinds.iter().any(|kind| kind != first));
            let squeezed = |(rank, fractions): (usize, bool)| rank.checked_sub(1).map(|rank| (rank, fractions));
            let below: Vec<_> = kinds.iter().map(|kind| kind.and_then(squeezed)).collect();
            let alike = |part: &Saved<'_>, kinds: &[Option<(usize, bool)>]| matches!(part, Saved::List(items) if items.iter().map(kind).eq(kinds.iter().copied()));
            // `squeeze` takes an axis off a last batch of one sample.
            let last =
                |at: usize, part: &Saved<'_>| at > 0 && at.saturating_add(1) == parts.len() && alike(part, &below);
            differ && parts.iter().enumerate().all(|(at, part)| alike(part, &kinds) || last(at, part))
        }
        _ => false,
    }
}

/// Adds an array, or those below a dictionary.
fn add<'a>(file: &Path, name: String, value: Saved<'a>, budget: &mut Budget, found: &mut Vec<Named<'a>>) -> Result<()> {
    match value {
        Saved::Dictionary(entries) => {
            for (key, value) in entries {
                // A long key may stand above many arrays.
                let cost = ((name.len().saturating_add(key.len())) as u64).saturating_mul(4);
                budget.spend(cost).map_err(|exceeded| exceeded.of(file, "names of arrays".to_owned()))?;
                let name = if name.is_empty() { key } else { format!("{name}.{key}") };
                add(file, name, value, budget, found)?;
            }
        }
        // Samples or batches below a key.
        Saved::List(parts) if matches!(parts.first(), Some(Saved::Dictionary(_))) && is_batches(&parts) => {
            add_batches(file, &name, parts, budget, found)?;
        }
        Saved::Number(_) | Saved::Text(_) | Saved::Other("None") => {}
        other => {
            // What is refused is kept, with the words for it.
            let cost = name.len().saturating_add(file.as_os_str().len()).saturating_mul(2) as u64;
            budget.spend(cost.saturating_add(ARRAY)).map_err(|exceeded| exceeded.of(file, "arrays".to_owned()))?;
            let array = column(file, &name, other, budget);
            if let Err(error @ InputError::Budget { .. }) = array {
                return Err(error);
            }
            found.push(Named { name, array });
        }
    }
    Ok(())
}

/// One array of a value: itself, or numbers, texts and arrays of a list joined.
fn column<'a>(file: &Path, name: &str, value: Saved<'a>, budget: &mut Budget) -> Result<Array<'a>> {
    let refused = |found: &str| {
        InputError::element_type(file, quoted(name), found, "an array or tensor of numbers, or a list of such")
    };
    match value {
        Saved::Array(array) => Ok(*array),
        Saved::Number(number) => Ok(Array::decimals(Vec::new(), vec![number])),
        Saved::Text(text) => Ok(Array { shape: Vec::new(), column_major: false, data: Data::Texts(vec![text]) }),
        Saved::Dictionary(entries) => {
            Err(refused(&format!("a dictionary of {}", quoted_list(entries.iter().map(|(key, _)| key)))))
        }
        Saved::Other(what) => Err(refused(what)),
        Saved::List(items) => {
            let numbers: Option<Vec<f64>> = items
                .iter()
                .map(|item| match item {
                    Saved::Number(number) => Some(*number),
                    _ => None,
                })
                .collect();
            if let Some(numbers) = numbers {
                return Ok(Array::decimals(vec![numbers.len()], numbers));
            }
            let parts: Vec<Array<'a>> =
                items.into_iter().map(|item| column(file, name, item, budget)).collect::<Result<_, _>>()?;
            join(file, name, parts, budget)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_their_places_of_one_shape_are_no_batches() {
        let scores = || Saved::array(Array::decimals(vec![1, 2], vec![2.5, 1.5]));
        let place = Data::Binary {
            kind: crate::array::Kind::Number(ElementType::I8),
            order: crate::element::ByteOrder::Little,
            content: (&[1, 0][..]).into(),
            start: 0,
        };
        let places = Saved::array(Array { shape: vec![1, 2], column_major: false, data: place });
        let found = |parts| arrays_of_half(Path::new("a"), Saved::List(parts), &mut Budget::of(9)).unwrap();
        let names: Vec<String> = found(vec![scores(), places]).into_iter().map(|named| named.name).collect();
        assert_eq!(names, ["0", "1"]);
        assert_eq!(found(vec![scores(), scores()]).len(), 1);
    }
}
