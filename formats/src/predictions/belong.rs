//! Checks of whether the scores and labels of a file are of the same samples in the same order, and
//! of one split.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use super::names::{SAMPLE_NAMES, plain};
use super::splits::Said;
use super::{PredictionsError, split_rows, splits};
use crate::Result;
use crate::array::Array;
use crate::budget::Budget;
use crate::named::Named;
use crate::quoting::quoted;
use crate::words::Words;

/// Words in front of the number or file of a sample that say whose it is.
const OF_LABELS: Words = Words("label labels target targets gt true y");
const OF_SCORES: Words = Words("logit logits score scores output outputs pred preds prob probs");

/// Bytes charged for the name of a sample.
const SAMPLE: u64 = 40;

/// In front of what a file of labels says of its samples.
pub(super) const LABELS_SIDE: &str = "labels_";

/// Whether samples are numbered for the labels alone, the scores alone or both, and what that is
/// called.
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

/// Whether an array of this name says which split or, for one side, which sample a row is, or which
/// rows a split has.
pub(super) fn may_say(name: &str) -> bool {
    splits::may_say(name) || split_rows::may_list(name) || side(name).is_some_and(|(side, _)| side != Side::Both)
}

/// Refuses rows of several splits, and labels in another order than the scores; says where numbers
/// of samples differ and nothing more is certain, and what else is odd.
pub(super) fn check(file: &Path, arrays: &[Named<'_>], samples: usize, budget: &mut Budget) -> Result<Said> {
    let mut said = Said::default();
    for named in arrays {
        splits::check(file, named, samples, budget, &mut said)?;
    }
    said.odd.extend(split_rows::check(file, arrays, samples, budget)?);
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

/// Whether hardly a number is there twice: those of classes (`label_index`, `pred_id`) are no
/// numbers of samples.
fn tell_apart(numbers: &[u64]) -> bool {
    let mut distinct = sorted(numbers);
    distinct.dedup();
    distinct.len().saturating_mul(10) >= numbers.len().saturating_mul(9)
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
    }
}
