//! Predictions that agree with the labels no better than by chance.

use serde_json::json;

use super::agreement::Predicted;
use crate::report::Warning;
use crate::words::percent;

/// Standard deviations above chance below which an accuracy counts as no better.
const NO_BETTER: f64 = 3.0;

/// Warns of an accuracy no better than chance.
pub(super) fn warning(table: &Predicted) -> Option<Warning> {
    let agreement = table.agreement(Some);
    let n = table.samples as f64;
    let (accuracy, expected) = (agreement.found / n, agreement.expected / n);
    (agreement.above_chance() <= NO_BETTER).then(|| {
        let relation = if agreement.above_chance() < -NO_BETTER { "below" } else { "no better than" };
        let sentence = format!(
            "the accuracy, {}, is {relation} chance, {}: labels and scores may be of other samples or orders, or the \
             model is not the one that was meant",
            percent(accuracy),
            percent(expected),
        );
        let evidence =
            [("accuracy", json!(accuracy)), ("by_chance", json!(expected)), ("samples", json!(table.samples))];
        Warning::new("chance", sentence, evidence)
    })
}

#[cfg(test)]
mod tests {
    use super::super::agreement::tests::predicted;
    use super::*;

    #[test]
    fn an_accuracy_is_held_against_that_of_shuffled_labels() {
        let labels: Vec<usize> = (0..400).map(|sample| sample % 10).collect();
        let said = |classes: &[usize]| warning(&predicted(10, classes, &labels)).map(|warning| warning.sentence);
        let half: Vec<usize> =
            labels.iter().enumerate().map(|(n, &label)| if n < 200 { 9 - label } else { label }).collect();
        assert_eq!((said(&half), said(&labels)), (None, None));
        let shuffled: Vec<usize> = (0..400).map(|sample| sample * 7 / 3 % 10).collect();
        assert!(said(&shuffled).unwrap().contains("no better than chance"));
        assert!(said(&[3; 400]).unwrap().contains("10 %, is no better than chance, 10 %"), "one class for all");
        let wrong: Vec<usize> = labels.iter().enumerate().map(|(n, label)| (label + 1 + n / 10 % 9) % 10).collect();
        assert!(said(&wrong).unwrap().contains("0 %, is below chance"));
    }
}
