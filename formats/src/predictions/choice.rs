//! Choice of the arrays of a file that are the scores and the labels.

use std::path::Path;

use super::beside::may_say;
use super::names::{LABEL_NAMES, PREDICTED, SAMPLE_NAMES, SCORE_NAMES, plain};
use super::table_of_classes::GUESSES;
use super::{LABELS, LOGITS, PredictionsError, Reading, label_column, sorted, splits};
use crate::array::Array;
use crate::named::{Named, described};
use crate::quoting::quoted;
use crate::words::Words;
use crate::{InputError, Result};

/// The arrays chosen, and what was chosen where names alone did not say it.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    pub(super) logits: Array<'a>,
    pub(super) logits_name: String,
    pub(super) labels: Array<'a>,
    pub(super) labels_name: String,
    /// What is called as if it said the same again.
    pub(super) beside: Vec<Named<'a>>,
}

fn is_called(named: &Named<'_>, names: Words) -> bool {
    names.contains(&plain(&named.name))
}

/// Where the arrays stand that are so.
fn positions(arrays: &[Named<'_>], is: impl Fn(&Named<'_>) -> bool) -> Vec<usize> {
    arrays.iter().enumerate().filter(|(_, named)| is(named)).map(|(at, _)| at).collect()
}

/// Extents that matter: of scores the last two axes that are more than one long, of labels the
/// first.
fn could_be_scores(named: &Named<'_>) -> bool {
    named.array.as_ref().is_ok_and(|array| {
        let long = array.shape.iter().filter(|&&extent| extent != 1).count();
        array.may_be_scores() && array.shape.len() >= 2 && (1..=3).contains(&long)
    })
}

/// Whether it may be a class for each sample.
fn is_list_of_classes(array: &Array<'_>) -> bool {
    array.is_discrete() && array.len() > 1 && array.shape.iter().filter(|&&extent| extent != 1).count() == 1
}

/// Chooses the scores and the labels.
pub(super) fn choose<'a>(file: &Path, mut arrays: Vec<Named<'a>>, reading: &Reading) -> Result<Chosen<'a>> {
    if let [Named { array: Err(_), .. }] = arrays.as_slice() {
        // Nothing else is there, so what is wrong with it is what to say.
        arrays.remove(0).array?;
    }
    let scores = scores_among(file, &arrays, reading)?;
    // A fault of the scores is told first, for the labels are sought by their shape.
    if arrays.get(scores).is_some_and(|named| named.array.is_err()) {
        return Err(arrays.swap_remove(scores).array.err().unwrap_or_else(|| missing(file, LOGITS, &[])));
    }
    if let Some(refusal) = sorted::refusal(file, &arrays, scores) {
        return Err(refusal);
    }
    let labels = labels_among(file, &arrays, reading, scores).map_err(|missing| {
        let array = arrays.get(scores).and_then(|named| named.array.as_ref().ok());
        array.and_then(|array| label_column::refusal(file, array, None)).unwrap_or(missing)
    })?;
    let mut taken: Vec<Option<Named<'a>>> = arrays.into_iter().map(Some).collect();
    let mut take = |at: usize| taken.get_mut(at).and_then(Option::take);
    let (logits, labels) = (take(scores), take(labels));
    let (Some(logits), Some(labels)) = (logits, labels) else { return Err(missing(file, LABELS, &[])) };
    let beside = taken
        .into_iter()
        .flatten()
        .filter(|named| {
            let is_split = named.array.as_ref().is_ok_and(splits::begin);
            may_say(&named.name) || is_split || reading.keys.index.as_ref() == Some(&named.name)
        })
        .collect();
    Ok(Chosen {
        logits: logits.array?,
        logits_name: logits.name,
        labels: labels.array?,
        labels_name: labels.name,
        beside,
    })
}

fn missing(file: &Path, what: &'static str, arrays: &[Named<'_>]) -> InputError {
    PredictionsError::Missing { file: file.to_path_buf(), what, present: described(arrays) }.into()
}

/// Chooses the array of a role in a file of its own; `others` are names that the other role has.
pub(super) fn choose_alone<'a>(
    file: &Path,
    mut arrays: Vec<Named<'a>>,
    role: &'static str,
    reading: &Reading,
) -> Result<(String, Array<'a>)> {
    let (key, names) = match role {
        LOGITS => (&reading.keys.logits, SCORE_NAMES),
        _ => (&reading.keys.labels, LABEL_NAMES),
    };
    let at = match key {
        // A name that only the other file of the pair has is no mistake.
        Some(name) if arrays.iter().any(|named| named.name == *name) => named_by_key(file, &arrays, name)?,
        _ => {
            let all: Vec<usize> = (0..arrays.len()).collect();
            let called = positions(&arrays, |named| is_called(named, names));
            one_of(file, &arrays, role, &called, &all)?
        }
    };
    let named = arrays.swap_remove(at);
    Ok((named.name, named.array?))
}

fn scores_among(file: &Path, arrays: &[Named<'_>], reading: &Reading) -> Result<usize> {
    if let Some(name) = &reading.keys.logits {
        return named_by_key(file, arrays, name);
    }
    if let Some(exact) = arrays.iter().position(|named| named.name == LOGITS) {
        return Ok(exact);
    }
    let not_labels = |named: &Named<'_>| reading.keys.labels.as_ref() != Some(&named.name);
    let fits = |named: &Named<'_>| could_be_scores(named) && not_labels(named) && !is_called(named, LABEL_NAMES);
    let fitting = positions(arrays, fits);
    let called = positions(arrays, |named| fits(named) && is_called(named, SCORE_NAMES));
    if fitting.is_empty() {
        // A class for each sample in place of scores, or one score, of which the message says what it lacks.
        let by_name = |names| positions(arrays, |named| not_labels(named) && is_called(named, names));
        let several = [SCORE_NAMES, PREDICTED, GUESSES].map(by_name);
        let mut classes: Vec<usize> = several.iter().flatten().copied().collect();
        classes.sort_unstable();
        classes.dedup();
        classes.retain(|at| arrays.get(*at).is_some_and(|named| named.array.as_ref().is_ok_and(is_list_of_classes)));
        if !classes.is_empty() {
            return one_of(file, arrays, LOGITS, &classes, &[]);
        }
        let called = several.into_iter().find(|called| !called.is_empty()).unwrap_or_default();
        let is_array = |at: &&usize| arrays.get(**at).is_some_and(|named| named.array.is_ok());
        // One that is no array says why.
        if let Some(&one) = called.iter().find(is_array).or(called.first().filter(|_| called.len() == 1)) {
            return Ok(one);
        }
    }
    one_of(file, arrays, LOGITS, &called, &fitting)
}

fn labels_among(file: &Path, arrays: &[Named<'_>], reading: &Reading, at_scores: usize) -> Result<usize> {
    if let Some(name) = &reading.keys.labels {
        return named_by_key(file, arrays, name);
    }
    if let Some(exact) = arrays.iter().position(|named| named.name == LABELS) {
        return Ok(exact);
    }
    let array_at = |at: usize| arrays.get(at)?.array.as_ref().ok();
    let Some(logits) = array_at(at_scores) else { return Err(missing(file, LABELS, arrays)) };
    let others = || (0..arrays.len()).filter(|&at| at != at_scores);
    let scores = logits.len();
    let classes = logits.shape.iter().rev().copied().find(|&extent| extent != 1).unwrap_or(1).max(1);
    let samples = scores.checked_div(classes).unwrap_or_default();
    let fits = |at: &usize| array_at(*at).is_some_and(|array| [samples, scores].contains(&array.len()));
    let is = |at: &usize, is: &dyn Fn(&Named<'_>) -> bool| arrays.get(*at).is_some_and(is);
    let called: Vec<usize> = others().filter(|at| is(at, &|named| is_called(named, LABEL_NAMES))).collect();
    if let &[one] = called.as_slice() {
        return Ok(one);
    }
    let called: Vec<usize> = called.into_iter().filter(fits).collect();
    // Neither what the model says nor which sample it is.
    let is_aside =
        |named: &Named<'_>| [SCORE_NAMES, PREDICTED, SAMPLE_NAMES].into_iter().any(|names| is_called(named, names));
    let is_list =
        |at: &usize| array_at(*at).is_some_and(|array| array.len() == samples) && is(at, &|named| !is_aside(named));
    let lists: Vec<usize> = others().filter(is_list).collect();
    let numbers = |at: &usize| array_at(*at).is_some_and(|array| array.element().is_some_and(|e| e.is_integer()));
    let whole: Vec<usize> = lists.iter().copied().filter(numbers).collect();
    one_of(file, arrays, LABELS, &called, if whole.is_empty() { &lists } else { &whole })
}

fn named_by_key(file: &Path, arrays: &[Named<'_>], name: &str) -> Result<usize> {
    arrays.iter().position(|named| named.name == name).ok_or_else(|| {
        let (file, present) = (file.to_path_buf(), described(arrays));
        PredictionsError::NoSuchKey { file, name: quoted(name), present }.into()
    })
}

/// The one array that is called so, or the one that fits where none is.
fn one_of(file: &Path, arrays: &[Named<'_>], what: &'static str, called: &[usize], fitting: &[usize]) -> Result<usize> {
    let candidates = if called.is_empty() { fitting } else { called };
    match candidates {
        &[one] => Ok(one),
        [] => Err(missing(file, what, arrays)),
        several => {
            let file = file.to_path_buf();
            let candidates = described(several.iter().filter_map(|&at| arrays.get(at)));
            Err(PredictionsError::Ambiguous { file, what, candidates }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, shape: &[usize]) -> Named<'static> {
        let elements = shape.iter().product();
        Named { name: name.to_owned(), array: Ok(Array::decimals(shape.to_vec(), vec![0.5; elements])) }
    }

    fn chosen(arrays: &[(&str, &[usize])], keys: &str) -> Result<[String; 2]> {
        let arrays = arrays.iter().map(|(name, shape)| named(name, shape)).collect();
        let keys = if keys.is_empty() { Default::default() } else { keys.parse().unwrap() };
        let chosen = choose(Path::new("a"), arrays, &Reading { keys, ..Reading::default() })?;
        Ok([chosen.logits_name, chosen.labels_name])
    }

    #[test]
    fn several_lists_of_classes_are_asked_about_in_any_order() {
        let list = |name: &str, decimal: bool| {
            let data = match decimal {
                true => crate::array::Data::Decimals(vec![0.5; 3]),
                false => crate::array::Data::Texts(vec!["1".to_owned(); 3]),
            };
            let array = Array { shape: vec![3], column_major: false, data };
            Named { name: name.to_owned(), array: Ok(array) }
        };
        let chosen = |arrays| choose(Path::new("a"), arrays, &Reading::default()).map(|chosen| chosen.logits_name);
        for turned in [false, true] {
            let mut two = vec![list("preds", false), list("y_pred", false), list("labels", false)];
            let mut beside = vec![list("scores", true), list("preds", false), list("labels", false)];
            if turned {
                two.swap(0, 1);
                beside.swap(0, 1);
            }
            let error = chosen(two).unwrap_err().to_string();
            assert!(error.contains("several arrays can be the logits") && error.contains("logits=NAME"), "{error}");
            assert_eq!(chosen(beside).unwrap(), "preds");
        }
    }

    #[test]
    fn usual_names_are_found_and_several_are_asked_for() {
        let (table, list): (&[usize], &[usize]) = (&[4, 3], &[4]);
        for (arrays, expected) in [
            (&[("outputs", table), ("targets", list)][..], ["outputs", "targets"]),
            (&[("y_pred", table), ("y_true", table)], ["y_pred", "y_true"]),
            (&[("features", &[4, 8]), ("preds", table), ("y", list), ("index", list)], ["preds", "y"]),
            (&[("arr_0", table), ("arr_1", list)], ["arr_0", "arr_1"]),
            (&[("test.Logits", table), ("test.gt", list)], ["test.Logits", "test.gt"]),
            (&[("probs", table), ("logits", table), ("labels", list)], ["logits", "labels"]),
            (&[("all_preds", table), ("all_labels", list)], ["all_preds", "all_labels"]),
        ] {
            assert_eq!(chosen(arrays, "").unwrap(), expected);
        }
        let several: &[(&str, &[usize])] = &[("head_a", table), ("head_b", table), ("labels", list)];
        let error = chosen(several, "").unwrap_err().to_string();
        assert!(error.contains("\"head_a\" [4, 3]") && error.contains("logits=NAME"), "{error}");
        assert_eq!(chosen(several, "logits=head_b").unwrap(), ["head_b", "labels"]);
        let error = chosen(several, "logits=head_c").unwrap_err().to_string();
        assert!(error.contains("no array \"head_c\""), "{error}");
        let error = chosen(&[("logits", table), ("a", list), ("b", list)], "").unwrap_err().to_string();
        assert!(error.contains("can be the labels"), "{error}");
        let error = chosen(&[("logits", table)], "").unwrap_err().to_string();
        assert!(error.contains("no array can be the labels"), "{error}");
    }
}
