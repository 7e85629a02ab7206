//! Scores by the names of their classes in each sample: `{"label": "cat", "scores": {"cat": 0.9,
//! "dog": 0.1}}`; lists of `{"label": "cat", "score": 0.9}`, or the names and the scores in two
//! lists, as pipelines of classifiers give them.

use crate::budget::{Budget, Exceeded};
use crate::weights::Saved;
use crate::words::Words;

/// Bytes charged for a score beside its name.
const SCORE: usize = 2 * size_of::<(String, Saved)>();

/// What stands before a score.
const SCORE_KEYS: Words = Words("score prob probability confidence");

/// What stands before the names of classes that go with a list of scores.
const NAME_KEYS: Words = Words(
    "displayNames display_names labels classes names class_names candidate_labels candidates label_names topk top_k \
     topk_labels topk_classes topk_names top_labels top_classes top_names predicted_labels predicted_classes pred_labels \
     pred_classes categories",
);

/// Puts the scores of each record under `NAME.CLASS`, and those of records that are nothing else
/// under `CLASS`; gives anything else back.
pub(super) fn by_class<'a>(saved: Saved<'a>, budget: &mut Budget) -> Result<Saved<'a>, Exceeded> {
    let Saved::List(records) = saved else { return Ok(saved) };
    let has_scores = |record: &Saved<'_>| match record {
        Saved::Dictionary(entries) => {
            entries.iter().any(|(_, value)| are_scores(value)) || in_two_lists(entries).is_some()
        }
        other => are_scores(other),
    };
    if records.is_empty() || !records.iter().all(has_scores) {
        return Ok(Saved::List(records));
    }
    records.into_iter().map(|record| flat(record, budget)).collect::<Result<_, _>>().map(Saved::List)
}

fn flat<'a>(record: Saved<'a>, budget: &mut Budget) -> Result<Saved<'a>, Exceeded> {
    let entries = match record {
        Saved::Dictionary(entries) => entries,
        scores => return Ok(Saved::Dictionary(scores_of(scores))),
    };
    let mut found = Vec::with_capacity(entries.len());
    if let Some((names, scores)) = in_two_lists(&entries) {
        for (class, &score) in names.iter().filter_map(Saved::as_text).zip(scores) {
            budget.spend(SCORE.saturating_add(class.len()) as u64)?;
            found.push((format!("scores.{class}"), Saved::Number(score)));
        }
        let others = entries.into_iter().filter(|(_, value)| !matches!(value, Saved::List(_) | Saved::Array(_)));
        found.extend(others);
        return Ok(Saved::Dictionary(found));
    }
    for (name, value) in entries {
        if !are_scores(&value) {
            found.push((name, value));
            continue;
        }
        for (class, score) in scores_of(value) {
            budget.spend(SCORE.saturating_add(name.len()).saturating_add(class.len()) as u64)?;
            found.push((format!("{name}.{class}"), score));
        }
    }
    Ok(Saved::Dictionary(found))
}

/// Whether this is a number for each of at least two names.
fn are_scores(value: &Saved<'_>) -> bool {
    match value {
        Saved::Dictionary(entries) => {
            entries.len() > 1 && entries.iter().all(|(_, score)| matches!(score, Saved::Number(_)))
                || in_two_lists(entries).is_some()
        }
        Saved::List(pairs) => pairs.len() > 1 && pairs.iter().all(|pair| score_of(pair).is_some()),
        _ => false,
    }
}

/// The class and the score of `{"label": "cat", "score": 0.9}`.
fn score_of<'p>(pair: &'p Saved<'_>) -> Option<(&'p str, f64)> {
    let Saved::Dictionary(entries) = pair else { return None };
    match entries.as_slice() {
        [(_, Saved::Text(class)), (key, Saved::Number(score))]
        | [(key, Saved::Number(score)), (_, Saved::Text(class))]
            if SCORE_KEYS.contains(key) =>
        {
            Some((class, *score))
        }
        _ => None,
    }
}

/// The names and the scores of `{"displayNames": ["cat", "dog"], "confidences": [0.9, 0.1]}`.
fn in_two_lists<'p, 'a>(entries: &'p [(String, Saved<'a>)]) -> Option<(&'p [Saved<'a>], &'p [f64])> {
    let named = entries.iter().find_map(|(key, value)| match value {
        Saved::List(names) if NAME_KEYS.contains(key) => Some(names.as_slice()),
        _ => None,
    })?;
    let mut scores = entries.iter().filter_map(|(_, value)| value.as_decimals()).map(|(_, scores)| scores);
    let scores = scores.next().filter(|_| scores.next().is_none())?;
    let are_names = named.len() > 1 && named.iter().all(|name| matches!(name, Saved::Text(_)));
    (are_names && named.len() == scores.len()).then_some((named, scores))
}

fn scores_of<'a>(value: Saved<'a>) -> Vec<(String, Saved<'a>)> {
    match value {
        Saved::Dictionary(entries) => match in_two_lists(&entries) {
            Some((names, scores)) => {
                names.iter().filter_map(Saved::as_text).zip(scores.iter().map(|&score| Saved::Number(score))).collect()
            }
            None => entries,
        },
        Saved::List(pairs) => {
            let named = pairs.iter().filter_map(score_of);
            named.map(|(class, score)| (class.to_owned(), Saved::Number(score))).collect()
        }
        _ => Vec::new(),
    }
}
