//! Scores cut by a threshold for each class: 0 or 1, in some samples none or several of them 1.

use serde_json::json;

use super::rows::Rows;
use crate::results::Warning;
use crate::subject::Subject;
use crate::words::grouped;

/// Warns of test and training scores that are 0 or 1 and have not one 1 in every sample.
pub(super) fn warnings(subject: &Subject) -> impl Iterator<Item = Warning> {
    let parts = [("test", Some(&subject.test)), ("training", subject.train.as_ref())];
    parts.into_iter().filter_map(|(part, scored)| warning(part, &Rows::of(scored?)?))
}

fn warning(part: &str, rows: &Rows<'_>) -> Option<Warning> {
    let (mut without, mut several) = (Vec::new(), 0_u64);
    for row in 0..rows.len() {
        let scores = rows.scores(row);
        if scores.iter().any(|score| ![0.0, 1.0].contains(score)) {
            return None;
        }
        match scores.iter().filter(|&&score| score == 1.0).count() {
            0 => without.push(row),
            1 => {}
            _ => several += 1,
        }
    }
    let odd = without.len() as u64 + several;
    if odd == 0 || odd == rows.len() as u64 {
        return None;
    }
    let first = without.first().map_or(String::new(), |first| format!(" (the first: sample {first})"));
    let sentence = format!(
        "the {part} scores are 0 or 1, as behind a threshold for each class: {} of {} samples have no 1{first} and count for the \
         first class, {} have several and count for the first of them. Give the scores before the threshold, or the \
         class of the largest",
        grouped(without.len() as u64),
        grouped(rows.len() as u64),
        grouped(several),
    );
    let evidence = [("part", json!(part)), ("without", json!(without.len())), ("several", json!(several))];
    Some(Warning::new("scores-are-thresholded", sentence, evidence))
}

#[cfg(test)]
mod tests {
    use car_spectral_formats::predictions::Logits;
    use ndarray::{Array2, array};

    use super::*;
    use crate::subject::Scored;

    #[test]
    fn samples_without_a_class_above_the_threshold_are_told() {
        let warned = |scores: Array2<f32>| {
            let labels = (0..scores.nrows()).map(|row| row % 2).collect();
            let subject = Subject::new("a".to_owned(), Scored { logits: Logits::F32(scores), labels });
            warnings(&subject).map(|warning| warning.sentence).collect::<Vec<_>>().join(". ")
        };
        let said = warned(array![[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]);
        assert!(
            said.contains("1 of 4 samples have no 1 (the first: sample 1)") && said.contains("1 have several"),
            "{said}"
        );
        assert_eq!(warned(array![[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), "", "one class each");
        assert_eq!(warned(array![[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.3, 0.0, 0.0]]), "", "no threshold");
    }
}
