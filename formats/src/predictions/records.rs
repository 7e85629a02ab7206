//! Scores by the names of their classes in each sample: `{"label": "cat", "scores": {"cat": 0.9,
//! "dog": 0.1}}`, and lists of `{"label": "cat", "score": 0.9}` as pipelines of classifiers give
//! them.

use crate::budget::{Budget, Exceeded};
use crate::weights::Saved;

/// Bytes charged for a score beside its name.
const SCORE: usize = 2 * size_of::<(String, Saved)>();

/// Puts the scores of each record under `NAME.CLASS`, and those of records that are nothing else
/// under `CLASS`; gives anything else back.
pub(super) fn by_class<'a>(saved: Saved<'a>, budget: &mut Budget) -> Result<Saved<'a>, Exceeded> {
    let Saved::List(records) = saved else { return Ok(saved) };
    let has_scores = |record: &Saved<'_>| match record {
        Saved::Dictionary(entries) => entries.iter().any(|(_, value)| are_scores(value)),
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
            if key == "score" =>
        {
            Some((class, *score))
        }
        _ => None,
    }
}

fn scores_of<'a>(value: Saved<'a>) -> Vec<(String, Saved<'a>)> {
    match value {
        Saved::Dictionary(entries) => entries,
        Saved::List(pairs) => {
            let named = pairs.iter().filter_map(score_of);
            named.map(|(class, score)| (class.to_owned(), Saved::Number(score))).collect()
        }
        _ => Vec::new(),
    }
}
