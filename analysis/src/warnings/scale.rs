//! Scores that are no logits.

use car_spectral_formats::predictions::Scale;
use serde_json::json;

use crate::results::Warning;
use crate::subject::{Scored, Subject};

/// Warns of test and training scores that look like probabilities or their logarithms, unless it
/// was said what they are.
pub(super) fn warnings(subject: &Subject) -> impl Iterator<Item = Warning> {
    let parts = [("test", Some(&subject.test)), ("training", subject.train.as_ref())];
    parts.into_iter().filter_map(|(part, scored)| {
        let of_scale = || if subject.scores_said { None } else { warning(part, scored?) };
        twice(part, scored?).or_else(of_scale)
    })
}

/// Warns of a softmax of probabilities, whatever was said of the scores.
fn twice(part: &str, scored: &Scored) -> Option<Warning> {
    let sentence = format!(
        "no {part} score is more than e = 2.72 times another of its sample, and some nearly are, as softmax makes them \
         of probabilities; if so, the predicted classes are right, but margins, their bounds and the surrogate are not: \
         give the scores before the second softmax"
    );
    scored
        .logits
        .is_softmax_of_softmax()
        .then(|| Warning::new("scores-are-softmax-twice", sentence, [("part", json!(part))]))
}

fn warning(part: &str, scored: &Scored) -> Option<Warning> {
    let scale = scored.logits.scale();
    let (id, consequence) = match scale {
        Scale::Logits | Scale::Bounded => return None,
        Scale::LogProbabilities => (
            "scores-are-log-probabilities",
            "their margins are those of the logits, unless probabilities were cut from below",
        ),
        Scale::LogarithmsTo(_) => (
            "scores-are-log-probabilities",
            "margins, their bounds and the surrogate are in this unit; give natural logarithms, which have the margins \
             of the logits",
        ),
        Scale::Probabilities | Scale::Percent => (
            "scores-are-probabilities",
            "margins, their bounds and the surrogate are in this unit, not in that of logits; say `scores` \
             probabilities to have their logarithms taken, or give logits",
        ),
        _ => (
            "scores-are-probabilities",
            "margins, their bounds and the surrogate are in this unit; if they are no logits, give logits",
        ),
    };
    let sentence = format!("the {part} scores look like {scale}: {consequence}");
    Some(Warning::new(id, sentence, [("part", json!(part)), ("look", json!(scale.to_string()))]))
}
