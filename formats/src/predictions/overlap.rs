//! Parts of a folder that do not belong together: copies, the whole beside its parts, other splits,
//! gaps.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use super::file::Part;
use super::splits;
use super::{Logits, PredictionsError, StoredFile};
use crate::Result;
use crate::quoting::quoted;

/// Rows of a part before equal rows are more than chance.
const FEWEST_ROWS: usize = 4;

/// Parts that are compared in a row that is in more.
const MOST_PARTS: usize = 8;

/// Refuses parts that hold samples of others, or of another split; gives what else is odd about
/// them.
pub(super) fn check(parts: &[Part]) -> Result<Vec<String>> {
    let refused = |part: &Part, problem: String| Err(PredictionsError::Parts { file: path_of(part), problem }.into());
    let mut seen: BTreeMap<Vec<&str>, &Part> = BTreeMap::new();
    for part in parts {
        if let Some(same) = seen.insert(part.1.iter().map(|file| file.sha256.as_str()).collect(), part) {
            return refused(part, format!("the same as {}, byte for byte", name_of(same)));
        }
    }
    let rows: Vec<Vec<u64>> = parts.iter().map(|(converted, _)| rows(&converted.logits, &converted.labels)).collect();
    if let Some((inner, outer)) = contained(&rows)
        && let (Some(inner), Some(outer)) = (parts.get(inner), parts.get(outer))
    {
        return refused(inner, format!("each of its rows is in {} too", name_of(outer)));
    }
    let of_split =
        |part: &Part| part.1.first().and_then(|file| words_of(file).iter().find_map(|word| splits::of_word(word)));
    let mut splits: BTreeMap<usize, &Part> = BTreeMap::new();
    for part in parts {
        if let Some(split) = of_split(part) {
            splits.entry(split).or_insert(part);
        }
    }
    let mut splits = splits.into_values();
    if let (Some(one), Some(other)) = (splits.next(), splits.next()) {
        return refused(one, format!("of another split than {}, as their names say", name_of(other)));
    }
    let mut odd = gaps(parts);
    for (at, part) in parts.iter().enumerate() {
        let (one, _) = part;
        let same = |other: &&Part| {
            one.labels.len() > FEWEST_ROWS
                && one.labels == other.0.labels
                && one.labels.first().is_some_and(|first| one.labels.iter().any(|label| label != first))
        };
        if let Some(other) = parts.iter().skip(at.saturating_add(1)).find(same) {
            let (one, other) = (name_of(part), name_of(other));
            odd.push(format!("{one} and {other} have the same labels in the same order; are they of two models?"));
            break;
        }
    }
    Ok(odd)
}

fn name_of(part: &Part) -> String {
    quoted(&file_name(part))
}

fn file_name(part: &Part) -> String {
    path_of(part).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The path of its first file.
fn path_of(part: &Part) -> PathBuf {
    part.1.first().map(|file| file.path.clone()).unwrap_or_default()
}

fn words_of(file: &StoredFile) -> Vec<String> {
    let name = file.path.file_stem().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    name.split(|character: char| !character.is_ascii_alphabetic()).map(str::to_owned).collect()
}

/// Each row with its label as a number; none where only classes are known.
fn rows(logits: &Logits, labels: &[usize]) -> Vec<u64> {
    let row = |numbers: &mut dyn Iterator<Item = u64>, label: usize| {
        let mut hasher = DefaultHasher::new();
        label.hash(&mut hasher);
        numbers.for_each(|number| number.hash(&mut hasher));
        hasher.finish()
    };
    match logits {
        Logits::F32(scores) => {
            let rows = scores.rows().into_iter().zip(labels);
            rows.map(|(scores, label)| row(&mut scores.iter().map(|score| score.to_bits().into()), *label)).collect()
        }
        Logits::F64(scores) => {
            let rows = scores.rows().into_iter().zip(labels);
            rows.map(|(scores, label)| row(&mut scores.iter().map(|score| score.to_bits()), *label)).collect()
        }
        Logits::Classes(_) | Logits::Counted(_) | Logits::Stored(_) => Vec::new(),
    }
}

/// A part all of whose rows are in another, and that other.
fn contained(parts: &[Vec<u64>]) -> Option<(usize, usize)> {
    let mut all: Vec<(u64, usize)> =
        parts.iter().enumerate().flat_map(|(part, rows)| rows.iter().map(move |&row| (row, part))).collect();
    all.sort_unstable();
    let mut shared: HashMap<(usize, usize), usize> = HashMap::new();
    for same in all.chunk_by(|one, other| one.0 == other.0) {
        let distinct: BTreeSet<usize> = same.iter().map(|(_, part)| *part).take(MOST_PARTS).collect();
        for &(_, part) in same.iter().filter(|_| distinct.len() > 1) {
            for &other in distinct.iter().filter(|&&other| other != part) {
                let rows = shared.entry((part, other)).or_default();
                *rows = rows.saturating_add(1);
            }
        }
    }
    let whole = shared
        .into_iter()
        .filter(|((part, _), rows)| *rows >= FEWEST_ROWS && parts.get(*part).is_some_and(|own| *rows == own.len()));
    whole.map(|(pair, _)| pair).min()
}

/// Numbers that are missing between those of parts called alike but for one number.
fn gaps(parts: &[Part]) -> Vec<String> {
    let mut numbers: BTreeSet<u64> = BTreeSet::new();
    let mut around: Option<(String, String)> = None;
    for part in parts {
        let name = file_name(part);
        let is_digit = |character: char| character.is_ascii_digit();
        let Some(last) = name.rfind(is_digit) else { return Vec::new() };
        let front = name[..=last].trim_end_matches(is_digit);
        let Ok(number) = name[front.len()..=last].parse() else { return Vec::new() };
        let own = (front.to_owned(), name[last.saturating_add(1)..].to_owned());
        if around.get_or_insert_with(|| own.clone()) != &own || !numbers.insert(number) {
            return Vec::new();
        }
    }
    let (Some(&first), Some(&last)) = (numbers.first(), numbers.last()) else { return Vec::new() };
    let missing: Vec<String> = (first.min(1)..last)
        .filter(|number| !numbers.contains(number))
        .take(FEWEST_ROWS)
        .map(|n| n.to_string())
        .collect();
    // Numbers far apart count something else, such as epochs or samples.
    if missing.is_empty()
        || last.saturating_sub(first) >= (parts.len() as u64).saturating_mul(2)
        || parts.len() < 2
        || first > 1
    {
        return Vec::new();
    }
    vec![format!("among the parts there is none of number {}", missing.join(", "))]
}
