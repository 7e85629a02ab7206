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
    let names: Vec<String> = parts.iter().map(file_name).collect();
    let mut odd: Vec<String> = gaps(&names).into_iter().chain(mixed_kinds(parts)).collect();
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

/// A word where the scores of one part look of another kind than those of the first.
fn mixed_kinds(parts: &[Part]) -> Option<String> {
    let kind = |part: &Part| (part.0.labels.len() >= FEWEST_ROWS).then(|| part.0.logits.scale());
    let mut kinds = parts.iter().filter_map(|part| Some((part, kind(part)?)));
    let (first, of_first) = kinds.next()?;
    let (other, of_other) = kinds.find(|(_, kind)| !kind.has_margins_of(of_first))?;
    Some(format!("{} holds {of_first}, {} {of_other}: are they of one kind?", name_of(first), name_of(other)))
}

/// The texts of a name around its numbers, and the numbers.
fn numbered(name: &str) -> Option<(Vec<&str>, Vec<u64>)> {
    let (mut texts, mut numbers) = (Vec::new(), Vec::new());
    let mut rest = name;
    while let Some(at) = rest.find(|character: char| character.is_ascii_digit()) {
        let (text, from) = rest.split_at_checked(at)?;
        let end = from.find(|character: char| !character.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at_checked(end)?;
        texts.push(text);
        numbers.push(number.parse().ok()?);
        rest = after;
    }
    texts.push(rest);
    Some((texts, numbers))
}

/// Numbers that are missing among those of parts called alike but for one number, such as 3 of
/// `part-3.npz` or `test-00003-of-00004.npz`.
fn gaps(names: &[String]) -> Option<String> {
    let called: Vec<(Vec<&str>, Vec<u64>)> = names.iter().map(|name| numbered(name)).collect::<Option<_>>()?;
    let (texts, numbers) = called.first()?;
    if called.iter().any(|(other, _)| other != texts) {
        return None;
    }
    let column = |at: usize| called.iter().filter_map(|(_, numbers)| numbers.get(at).copied()).collect::<BTreeSet<_>>();
    let columns: Vec<BTreeSet<u64>> = (0..numbers.len()).map(column).collect();
    let mut varying = columns.iter().enumerate().filter(|(_, found)| found.len() > 1);
    let ((at, found), None) = (varying.next()?, varying.next()) else { return None };
    let (first, last) = (*found.first()?, *found.last()?);
    let behind = texts.get(at.saturating_add(1))?.trim_matches(|character: char| !character.is_ascii_alphabetic());
    let total = numbers.get(at.saturating_add(1)).filter(|_| behind.eq_ignore_ascii_case("of"));
    let expected = match total {
        Some(&total) if last == total => 1..total.saturating_add(1),
        Some(&total) => 0..total,
        None => first.min(1)..last,
    };
    // Numbers far apart count something else, such as epochs or samples.
    let most = (names.len() as u64).saturating_mul(2);
    if found.len() != names.len() || total.is_none() && last.saturating_sub(first.min(1)) >= most {
        return None;
    }
    let mut missing = expected.filter(|number| !found.contains(number)).map(|number| number.to_string());
    let shown: Vec<String> = missing.by_ref().take(FEWEST_ROWS).collect();
    let more = if missing.next().is_some() { ", ..." } else { "" };
    (!shown.is_empty()).then(|| format!("among the parts there is none of number {}{more}", shown.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_numbers_are_told() {
        let said = |names: &[&str]| gaps(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        for (names, missing) in [
            (&["p0.npz", "p1.npz", "p3.npz"][..], "2"),
            (&["p2.npz", "p3.npz", "p4.npz"], "1"),
            (&["test-00000-of-00004.npz", "test-00001-of-00004.npz", "test-00003-of-00004.npz"], "2"),
            (&["test-00000-of-00003.npz", "test-00001-of-00003.npz"], "2"),
            (&["part1_of_4.npz", "part4_of_4.npz"], "2, 3"),
            (&["preds_rank0_epoch10.npz", "preds_rank2_epoch10.npz"], "1"),
            (&["rank0_w4.npz", "rank1_w4.npz", "rank3_w4.npz"], "2"),
            (&["a-0-of-9.npz", "a-1-of-9.npz"], "2, 3, 4, 5, ..."),
        ] {
            let word = format!("among the parts there is none of number {missing}");
            assert_eq!(said(names), Some(word), "{names:?}");
        }
        for whole in [
            &["p0.npz", "p1.npz"][..],
            &["part1.npz", "part2.npz", "part3.npz"],
            &["test-00000-of-00002.npz", "test-00001-of-00002.npz"],
            &["epoch10.npz", "epoch90.npz"],
            &["a.npz", "b.npz"],
            &["rank0_batch0.npz", "rank1_batch1.npz"],
        ] {
            assert_eq!(said(whole), None, "{whole:?}");
        }
    }
}
