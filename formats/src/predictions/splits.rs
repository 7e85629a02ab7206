//! Split that the rows of a file are of, by columns that say so: several are refused, training
//! samples told; and masks of samples that are not to be counted.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use super::PredictionsError;
use super::names::plain;
use crate::Result;
use crate::array::{Array, Data, Kind};
use crate::budget::Budget;
use crate::element::ElementType;
use crate::named::Named;
use crate::quoting::quoted;
use crate::words::Words;

/// What people call a column that says which split a sample is of.
const SPLIT_NAMES: Words = Words("split splits subset partition phase set dataset_split data_split");

/// The splits, each by the words for it.
const SPLITS: [Words; 3] =
    [Words("train training"), Words("val valid validation dev"), Words("test testing eval evaluation")];

/// The first of [`SPLITS`].
pub(super) const TRAINING: usize = 0;

/// What people call a column that says whether a sample is to be counted, 1 or 0.
const MASKS: Words =
    Words("mask masks valid is_valid valid_mask ignore ignored is_ignored keep padding pad is_pad pad_mask");

/// More values than these are no splits.
const MOST_SPLITS: usize = 4;

/// Which split a word names.
pub(crate) fn of_word(word: &str) -> Option<usize> {
    SPLITS.iter().position(|words| words.contains(&word.to_ascii_lowercase()))
}

/// The split that a name speaks of, in a word of it: of `train_logits` and `is_train`.
pub(super) fn in_name(name: &str) -> Option<usize> {
    let mut splits = name.split(|character: char| !character.is_ascii_alphanumeric()).filter_map(of_word);
    let first = splits.next()?;
    splits.all(|split| split == first).then_some(first)
}

/// Whether an array says which split its rows are of, to judge by its first value.
pub(super) fn begin(array: &Array<'_>) -> bool {
    matches!(&array.data, Data::Texts(texts) if texts.first().is_some_and(|text| of_word(text).is_some()))
}

/// Whether it is called as what is 1 for the samples of a split: `is_train`, `test_mask`.
fn flags_split(name: &str) -> bool {
    let name = words_of(name);
    let rest = name.strip_prefix("is_").or(name.strip_prefix("in_"));
    let rest = rest.or(name.strip_suffix("_mask")).or(name.strip_suffix("_flag"));
    rest.is_some_and(|rest| of_word(rest).is_some())
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

/// Whether an array of this name says which split a row is of, or whether it is to be counted.
pub(super) fn may_say(name: &str) -> bool {
    SPLIT_NAMES.contains(&plain(name)) || flags_split(name) || MASKS.contains(&words_of(name))
}

/// Refuses rows of several splits by what the array says of each, and says what else it tells.
pub(super) fn check(
    file: &Path,
    named: &Named<'_>,
    samples: usize,
    budget: &mut Budget,
    said: &mut Said,
) -> Result<()> {
    let Ok(array) = &named.array else { return Ok(()) };
    let texts = texts_of(file, array, budget).filter(|texts| texts.len() == samples);
    let counts = || match &texts {
        Some(texts) => values(texts.iter().map(String::as_str)),
        None => numbers(array, samples),
    };
    if MASKS.contains(&words_of(&named.name)) {
        said.odd.extend(uncounted(&named.name, &counts()));
        return Ok(());
    }
    let by_name = SPLIT_NAMES.contains(&plain(&named.name));
    let splits = texts.as_deref().and_then(|texts| Splits::of(texts, by_name));
    let refused = match splits {
        Some(Splits { in_folders: true, found }) if found.len() > 1 => {
            said.odd.push(in_several_folders(&named.name, &found));
            return Ok(());
        }
        Some(Splits { found, .. }) => {
            if let [(TRAINING, word, _)] = found.as_slice() {
                said.training.get_or_insert(format!("{} ({}, ...)", quoted(&named.name), quoted(word)));
            }
            found.into_iter().map(|(_, word, count)| (quoted(&word), count)).collect()
        }
        None if flags_split(&named.name) => counts(),
        None if by_name && texts.as_deref().is_none_or(|texts| !texts.iter().any(|text| of_word(text).is_some())) => {
            said.odd.extend(in_numbers(&named.name, &counts()));
            return Ok(());
        }
        None => return Ok(()),
    };
    if refused.len() < 2 {
        return Ok(());
    }
    let (name, parts) = (quoted(&named.name), listed(&refused));
    Err(PredictionsError::Splits { file: file.to_path_buf(), name, parts }.into())
}

/// The texts of an array; what cannot be read says nothing.
fn texts_of<'a>(file: &Path, array: &'a Array<'_>, budget: &mut Budget) -> Option<Cow<'a, [String]>> {
    match &array.data {
        Data::Texts(texts) => Some(Cow::Borrowed(texts)),
        _ => array.texts(file, "", budget).ok().flatten().map(Cow::Owned),
    }
}

/// The splits that texts name.
struct Splits {
    /// Whether in a folder of a path.
    in_folders: bool,
    /// Each with the first text that names it, and how many do.
    found: Vec<(usize, String, usize)>,
}

impl Splits {
    /// `None` unless every text names one; of a column that is called so, some.
    fn of(texts: &[String], by_name: bool) -> Option<Self> {
        let in_folders = texts.iter().any(|text| text.contains(['/', '\\']));
        let folder = |text: &str| {
            let (folders, _) = text.rsplit_once(['/', '\\'])?;
            folders.split(['/', '\\']).find_map(of_word)
        };
        let mut found: BTreeMap<usize, (String, usize)> = BTreeMap::new();
        let mut known = 0_usize;
        for text in texts {
            if let Some(split) = if in_folders { folder(text) } else { of_word(text) } {
                known = known.saturating_add(1);
                let (_, count) = found.entry(split).or_insert_with(|| (text.clone(), 0));
                *count = count.saturating_add(1);
            }
        }
        let found = found.into_iter().map(|(split, (text, count))| (split, text, count)).collect();
        (known > 0 && (by_name || known == texts.len())).then_some(Self { in_folders, found })
    }
}

fn listed(counts: &[(String, usize)]) -> String {
    counts.iter().map(|(value, count)| format!("{value} ({count})")).collect::<Vec<_>>().join(", ")
}

/// A sentence on paths in folders of several splits.
fn in_several_folders(name: &str, found: &[(usize, String, usize)]) -> String {
    let folders: Vec<String> = found.iter().map(|(_, path, count)| format!("{count} as {}", quoted(path))).collect();
    format!(
        "{} names samples in folders of several splits: {}; are all of them of the test set?",
        quoted(name),
        folders.join(", ")
    )
}

/// A sentence on a column of splits whose numbers leave open which is which.
fn in_numbers(name: &str, counts: &[(String, usize)]) -> Option<String> {
    (counts.len() > 1).then(|| {
        format!(
            "{} has the values {}, and all samples are counted; unless these are folds, give those of the test set \
             alone",
            quoted(name),
            listed(counts)
        )
    })
}

/// A sentence on samples that an array says are not to be counted, and that are.
fn uncounted(name: &str, counts: &[(String, usize)]) -> Option<String> {
    let [(one, first), (other, second)] = counts else { return None };
    Some(format!(
        "{} is {one} in {first} samples and {other} in {second}, and all of them are counted; leave out those that \
         should not be",
        quoted(name)
    ))
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
    if array.len() != samples {
        return Vec::new();
    }
    if let Some((Kind::Number(ElementType::Bool), _, bytes)) = array.bytes() {
        return values(bytes.iter().map(|&byte| if byte == 0 { "false" } else { "true" }));
    }
    // Numbers that cannot be read are no splits.
    let _ = array.for_each_number(|number| {
        texts.push(number.map_or_else(|decimal| decimal.to_string(), |whole| whole.to_string()));
        Ok::<_, ()>(())
    });
    values(texts.iter().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names_speak_of_splits() {
        assert_eq!((of_word("Validation"), of_word("dev"), of_word("set")), (Some(1), Some(1), None));
        let of = ["resnet-train.npz", "train_logits", "train_test.npz", "trained.npz", "val.train"].map(in_name);
        assert_eq!(of, [Some(TRAINING), Some(TRAINING), None, None, None]);
    }
}
