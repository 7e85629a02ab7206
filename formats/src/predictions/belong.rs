//! Whether all rows of a file are of one split, and its scores and labels of the same samples in the same order.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::PredictionsError;
use super::names::{SAMPLE_NAMES, plain};
use crate::Result;
use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::named::Named;
use crate::quoting::quoted;
use crate::words::Words;

/// What people call a column that says which split a sample is of.
const SPLIT_NAMES: Words = Words("split splits subset partition phase set dataset_split data_split");

/// The splits, each by the words for it.
const SPLITS: [Words; 3] =
    [Words("train training"), Words("val valid validation dev"), Words("test testing eval evaluation")];

/// Words in front of the number or file of a sample that say whose it is.
const OF_LABELS: Words = Words("label labels target targets gt true y");
const OF_SCORES: Words = Words("logit logits score scores output outputs pred preds prob probs");

/// Bytes charged for the name of a sample.
const SAMPLE: u64 = 40;

/// What people call a column that says whether a sample is to be counted, 1 or 0.
const MASKS: Words =
    Words("mask masks valid is_valid valid_mask ignore ignored is_ignored keep padding pad is_pad pad_mask");

/// In front of what a file of labels says of its samples.
pub(super) const LABELS_SIDE: &str = "labels_";

/// Which split a word names.
pub(super) fn split_of(word: &str) -> Option<usize> {
    SPLITS.iter().position(|words| words.contains(&word.to_ascii_lowercase()))
}

/// The split that a name speaks of, in a word of it: of `train_logits` and `is_train`.
pub(super) fn split_in(name: &str) -> Option<usize> {
    let mut splits = name.split(|character: char| !character.is_ascii_alphanumeric()).filter_map(split_of);
    let first = splits.next()?;
    splits.all(|split| split == first).then_some(first)
}

/// Whether an array says which split its rows are of, to judge by its first value.
pub(super) fn begins_with_split(array: &Array<'_>) -> bool {
    matches!(&array.data, Data::Texts(texts) if texts.first().is_some_and(|text| split_of(text).is_some()))
}

/// Whether samples are numbered for the labels alone, the scores alone or both, and what that is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Labels,
    Scores,
    Both,
}

fn side(name: &str) -> Option<(Side, String)> {
    let one = |name: &str| name.trim_end_matches('s').to_owned();
    let plain = plain(name);
    if SAMPLE_NAMES.contains(&plain) || is_unnamed(name) {
        return Some((Side::Both, if is_unnamed(name) { String::new() } else { one(&plain) }));
    }
    if name.strip_prefix(LABELS_SIDE).is_some_and(is_unnamed) {
        return Some((Side::Labels, String::new()));
    }
    let behind = |words: Words| words.iter().find_map(|word| plain.strip_prefix(word)?.strip_prefix('_'));
    let of = |words, side| behind(words).filter(|rest| SAMPLE_NAMES.contains(rest)).map(|rest| (side, one(rest)));
    of(OF_LABELS, Side::Labels).or_else(|| of(OF_SCORES, Side::Scores))
}

/// Whether a column has no name, as that of the numbers of rows which pandas writes in front.
pub(super) fn is_unnamed(name: &str) -> bool {
    name.is_empty() || name == "Unnamed: 0"
}

/// Whether an array of this name says which split or, for one side, which sample a row is.
pub(super) fn may_say(name: &str) -> bool {
    let may_say_split = SPLIT_NAMES.contains(&plain(name)) || flags_split(name) || MASKS.contains(&words_of(name));
    may_say_split || side(name).is_some_and(|(side, _)| side != Side::Both)
}

/// Whether it is called as what is 1 for the samples of a split: `is_train`, `test_mask`.
fn flags_split(name: &str) -> bool {
    let name = words_of(name);
    let rest = name.strip_prefix("is_").or(name.strip_prefix("in_"));
    let rest = rest.or(name.strip_suffix("_mask")).or(name.strip_suffix("_flag"));
    rest.is_some_and(|rest| split_of(rest).is_some())
}

fn words_of(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', ' '], "_")
}

/// What is said of the rows of a file.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What is odd, a sentence each.
    pub(super) odd: Vec<String>,
    /// What says that all of them are training samples.
    pub(super) training: Option<String>,
}

/// Refuses rows of several splits, and labels in another order than the scores; says where numbers of samples differ
/// and nothing more is certain, and what else is odd.
pub(super) fn check(file: &Path, arrays: &[Named<'_>], samples: usize, budget: &mut Budget) -> Result<Said> {
    let mut said = Said::default();
    for named in arrays {
        check_splits(file, named, samples, budget, &mut said)?;
        said.odd.extend(uncounted(named, samples));
    }
    said.odd.extend(other_order(file, arrays, samples, budget)?);
    Ok(said)
}

/// Refuses labels in another order than the scores; gives a sentence where nothing is certain.
fn other_order(file: &Path, arrays: &[Named<'_>], samples: usize, budget: &mut Budget) -> Result<Option<String>> {
    let sides = arrays.iter().filter_map(|named| side(&named.name).map(|side| (side, named)));
    let sides: Vec<_> = sides.collect();
    for ((own, called), labels) in sides.iter().filter(|((side, _), _)| *side == Side::Labels) {
        let same = |other: &&&((Side, String), &Named<'_>)| other.0.0 != *own && other.0.1 == *called;
        let other = |other: &&&((Side, String), &Named<'_>)| other.0.0 != *own;
        let Some((_, scores)) =
            sides.iter().filter(|each| same(&each)).chain(sides.iter().filter(|each| other(&each))).next()
        else {
            continue;
        };
        let [Some(of_scores), Some(of_labels)] = [scores, labels].map(|named| {
            let array = named.array.as_ref().ok().filter(|array| array.len() == samples)?;
            numbers_of_samples(array, budget)
        }) else {
            continue;
        };
        let Some(first) = of_scores.iter().zip(&of_labels).position(|(one, other)| one != other) else { continue };
        if ![&of_scores, &of_labels].into_iter().all(|numbers| tell_apart(numbers)) {
            continue;
        }
        let own_name = labels.name.strip_prefix(LABELS_SIDE).filter(|rest| *rest == scores.name);
        let names = [scores.name.as_str(), own_name.unwrap_or(&labels.name)].map(quoted);
        let same_name = side(&scores.name).is_some_and(|(_, name)| name == *called);
        let same_samples = sorted(&of_scores) == sorted(&of_labels);
        if same_name && same_samples {
            let [scores, labels] = names;
            return Err(PredictionsError::OtherOrder { file: file.to_path_buf(), scores, labels, first }.into());
        }
        if same_name || same_samples {
            let differ = of_scores.iter().zip(&of_labels).filter(|(one, other)| one != other).count();
            return Ok(Some(format!(
                "{} of the scores and {} of the labels differ in {differ} of {samples} rows (the first: {first}): are \
                 they of the same samples in the same order?",
                names[0], names[1]
            )));
        }
    }
    Ok(None)
}

fn sorted(numbers: &[u64]) -> Vec<u64> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers
}

/// Whether hardly a number is there twice: those of classes (`label_index`, `pred_id`) are no numbers of samples.
fn tell_apart(numbers: &[u64]) -> bool {
    let mut distinct = sorted(numbers);
    distinct.dedup();
    distinct.len().saturating_mul(10) >= numbers.len().saturating_mul(9)
}

/// Refuses rows of several splits by what the array says of each: its split in a word, or in a folder of its path.
fn check_splits(file: &Path, named: &Named<'_>, samples: usize, budget: &mut Budget, said: &mut Said) -> Result<()> {
    let Ok(array) = &named.array else { return Ok(()) };
    let by_name = SPLIT_NAMES.contains(&plain(&named.name));
    let texts = array.texts(file, &named.name, budget)?.filter(|texts| texts.len() == samples);
    let counts = match texts {
        Some(texts) if flags_split(&named.name) => values(texts.iter().map(String::as_str)),
        Some(texts) => {
            let is_path = texts.iter().any(|text| text.contains(['/', '\\']));
            let folder = |text: &str| {
                let (folders, _) = text.rsplit_once(['/', '\\'])?;
                folders.split(['/', '\\']).find_map(split_of)
            };
            let splits: Vec<Option<usize>> =
                texts.iter().map(|text| if is_path { folder(text) } else { split_of(text) }).collect();
            let known = splits.iter().filter(|split| split.is_some()).count();
            if known == 0 && by_name {
                said.odd.extend(in_numbers(&named.name, values(texts.iter().map(String::as_str))));
            }
            if known == 0 || (known < samples && !by_name) {
                return Ok(());
            }
            let first = |split: usize| splits.iter().position(|own| *own == Some(split));
            let name = |split: usize| first(split).and_then(|at| texts.get(at)).map_or("", String::as_str);
            let count = |split: usize| splits.iter().filter(|own| **own == Some(split)).count();
            let all =
                (0..SPLITS.len()).filter(|&split| count(split) > 0).map(|split| (split, name(split), count(split)));
            let all: Vec<(usize, &str, usize)> = all.collect();
            if let &[(TRAINING, word, _)] = all.as_slice() {
                said.training.get_or_insert(format!("{} ({}, ...)", quoted(&named.name), quoted(word)));
            }
            let counts: Vec<(String, usize)> = all.iter().map(|(_, word, count)| (quoted(word), *count)).collect();
            if is_path && counts.len() > 1 {
                let folders: Vec<String> = counts.iter().map(|(path, count)| format!("{count} as {path}")).collect();
                said.odd.push(format!(
                    "{} names samples in folders of several splits: {}; are all of them of the test set?",
                    quoted(&named.name),
                    folders.join(", ")
                ));
                return Ok(());
            }
            counts
        }
        None if flags_split(&named.name) => numbers(array, samples),
        None if by_name => {
            said.odd.extend(in_numbers(&named.name, numbers(array, samples)));
            return Ok(());
        }
        None => return Ok(()),
    };
    if counts.len() < 2 {
        return Ok(());
    }
    let parts: Vec<String> = counts.iter().map(|(name, count)| format!("{name} ({count})")).collect();
    let (name, parts) = (quoted(&named.name), parts.join(", "));
    Err(PredictionsError::Splits { file: file.to_path_buf(), name, parts }.into())
}

/// The first of [`SPLITS`].
pub(super) const TRAINING: usize = 0;
/// More values than these are no splits.
const MOST_SPLITS: usize = 4;

/// A sentence on a column of splits whose numbers leave open which is which.
fn in_numbers(name: &str, counts: Vec<(String, usize)>) -> Option<String> {
    let parts: Vec<String> = counts.iter().map(|(value, count)| format!("{value} ({count})")).collect();
    (parts.len() > 1).then(|| {
        format!(
            "{} has the values {}, and all samples are counted; unless these are folds, give those of the test set alone",
            quoted(name),
            parts.join(", ")
        )
    })
}

/// How often each value is there; none of many.
fn values<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        let count = counts.entry(text.to_ascii_lowercase()).or_default();
        *count = count.saturating_add(1);
        if counts.len() > MOST_SPLITS {
            return Vec::new();
        }
    }
    counts.into_iter().collect()
}

fn numbers(array: &Array<'_>, samples: usize) -> Vec<(String, usize)> {
    let mut texts: Vec<String> = Vec::new();
    if array.len() == samples {
        // Numbers that cannot be read are no splits.
        let _ = array.for_each_number(|number| {
            texts.push(number.map_or_else(|decimal| decimal.to_string(), |whole| whole.to_string()));
            Ok::<_, ()>(())
        });
    }
    values(texts.iter().map(String::as_str))
}

/// A sentence on samples that an array says are not to be counted, and that are.
fn uncounted(named: &Named<'_>, samples: usize) -> Option<String> {
    if !MASKS.contains(&words_of(&named.name)) {
        return None;
    }
    let array = named.array.as_ref().ok().filter(|array| array.len() == samples)?;
    let counts = match &array.data {
        Data::Texts(texts) => values(texts.iter().map(String::as_str)),
        _ => numbers(array, samples),
    };
    let [(one, first), (other, second)] = counts.as_slice() else { return None };
    Some(format!(
        "{} is {one} in {first} samples and {other} in {second}, and all of them are counted; leave out those that \
         should not be",
        quoted(&named.name)
    ))
}

/// Which sample each row is; `None` for numbers that are not whole.
pub(super) fn numbers_of_samples(array: &Array<'_>, budget: &mut Budget) -> Option<Vec<u64>> {
    budget.spend(SAMPLE.saturating_mul(array.len() as u64)).ok()?;
    let hash = |value: &dyn Fn(&mut DefaultHasher)| {
        let mut hasher = DefaultHasher::new();
        value(&mut hasher);
        hasher.finish()
    };
    let texts = array.texts(std::path::Path::new(""), "", budget).ok()?;
    if let Some(texts) = texts {
        // `17` in a table is 17 in an array; `007` is a name.
        let number = |text: &String| text.parse::<i128>().ok().filter(|number| number.to_string() == *text);
        let of = |text: &String| match number(text) {
            Some(number) => hash(&|hasher| number.hash(hasher)),
            None => hash(&|hasher| text.hash(hasher)),
        };
        return Some(texts.iter().map(of).collect());
    }
    let mut found = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        let whole = number.or_else(|number| if number.fract() == 0.0 { Ok(number as i128) } else { Err(()) })?;
        found.push(hash(&|hasher| whole.hash(hasher)));
        Ok::<_, ()>(())
    });
    (known == Ok(true)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_whose_samples_they_number() {
        let of = |name: &str| side(name);
        assert_eq!(of("index"), Some((Side::Both, "index".into())));
        assert_eq!(of("test.label_index"), Some((Side::Labels, "index".into())));
        assert_eq!(of("labels_paths"), Some((Side::Labels, "path".into())));
        assert_eq!(of("logits_paths"), Some((Side::Scores, "path".into())));
        assert_eq!(of("label_names"), Some((Side::Labels, "name".into())));
        assert_eq!(of("label"), None);
        assert_eq!((split_of("Validation"), split_of("dev"), split_of("set")), (Some(1), Some(1), None));
    }
}
