//! Predictions that agree with the labels no better than by chance.

use serde_json::json;

use super::agreement::{Predicted, first_labels, improbability};
use crate::results::Warning;
use crate::words::percent;

/// Standard deviations above chance below which an accuracy counts as no better.
const NO_BETTER: f64 = 3.0;

/// Share of what is left to chance below which an accuracy counts as no better, however few the
/// samples are.
const SMALL_SHARE: f64 = 0.1;

/// Samples below which nothing is said.
const FEWEST: u64 = 10;

/// Classes with a first label that say whether it is their own.
const FEWEST_CLASSES: usize = 4;
/// Share of what is left to chance beyond which the accuracy is that of no such model.
const HARDLY: f64 = 0.25;
/// How probable by chance the classes that are tied to their own label are where they count as no
/// more.
const BY_CHANCE: f64 = 1e-2;

/// Whether most classes are tied to another label than their own, and no more to their own than by
/// chance: samples that fall together by class, as behind a last layer without training, make some
/// classes right. Not of ordered classes, whose neighbours are rightly confused.
pub(super) fn elsewhere(table: &Predicted) -> bool {
    let classes = table.num_classes();
    let first = first_labels(classes, &table.ties(), |_| true);
    let tied = first.iter().flatten().count();
    let own = (0..classes).filter(|&class| first[class] == Some(class)).count();
    let by_chance = improbability(own as f64, tied as f64, 1.0 / classes as f64) > BY_CHANCE;
    let agreement = table.agreement(Some);
    let low = agreement.found <= agreement.expected + HARDLY * (table.samples as f64 - agreement.expected);
    low && !table.is_ordered() && tied >= FEWEST_CLASSES && 2 * own < tied && by_chance
}

/// Warns of an accuracy no better than chance, or of few classes alone. Nothing can be said of few
/// samples, where one class alone is tested, of ordered classes whose predictions lie near their
/// labels, nor where a class with more than half of the samples is predicted for nearly all and is
/// right as often as it occurs: rare ones may rightly never be predicted.
pub(super) fn warning(table: &Predicted) -> Option<Warning> {
    let agreement = table.agreement(Some);
    let n = table.samples as f64;
    let (accuracy, expected) = (agreement.found / n, agreement.expected / n);
    let given = |counts: &[u64]| counts.iter().filter(|&&samples| samples > 0).count();
    let largest = table.labelled.iter().copied().max().unwrap_or(0) as f64 / n;
    let dominant =
        (largest > 0.5 && accuracy >= 0.99 * largest) || (table.num_classes() == 2 && given(&table.predicted) < 2);
    let says_nothing = table.samples < FEWEST || given(&table.labelled) < 2 || dominant;
    let small = accuracy <= expected + SMALL_SHARE * (1.0 - expected);
    let above = agreement.above_chance();
    let no_better = small && above <= NO_BETTER && !table.is_ordered();
    (!says_nothing && (no_better || elsewhere(table))).then(|| {
        let relation = match (no_better, above < -NO_BETTER) {
            (true, true) => "below chance,",
            (true, false) => "no better than chance,",
            (false, _) => "that of few classes, others being predicted one for another; of shuffled labels it is",
        };
        let sentence = format!(
            "the accuracy, {}, is {relation} {}: labels and scores may be of other samples or orders, or the \
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
        assert!(said(&[3; 400]).unwrap().contains("10.0 %, is no better than chance, 10.0 %"), "one class for all");
        let few = |classes: &[usize], labels: &[usize]| warning(&predicted(2, classes, labels));
        assert_eq!(few(&[0, 0, 0, 1, 1, 1], &[0, 0, 0, 1, 1, 1]), None, "all of six");
        assert_eq!(few(&[0; 200], &(0..200).map(|n| usize::from(n == 7)).collect::<Vec<_>>()), None, "a rare class");
        let rare: Vec<usize> = (0..400).map(|n| if n < 396 { 0 } else { 1 + n % 2 }).collect();
        assert_eq!(warning(&predicted(3, &[0; 400], &rare)), None, "two rare classes");
        assert!(warning(&predicted(3, &[1; 400], &rare)).is_some(), "a rare class for all");
        assert_eq!(warning(&predicted(10, &[1, 2, 3], &[4, 5, 6])), None, "three samples");
        assert_eq!(warning(&predicted(10, &shuffled, &[3; 400])), None, "one class alone");
        let wrong: Vec<usize> = labels.iter().enumerate().map(|(n, label)| (label + 1 + n / 10 % 9) % 10).collect();
        assert!(said(&wrong).unwrap().contains("0 %, is below chance"));
        // Samples fall together by class, two classes in their own: twice the accuracy of chance.
        let together = |own: usize| -> Vec<usize> {
            let half_way = |label: usize| own + (label - own + (10 - own) / 2) % (10 - own);
            labels.iter().map(|&label| if label < own { label } else { half_way(label) }).collect()
        };
        assert!(said(&together(2)).unwrap().contains("20.0 %, is that of few classes"));
        assert_eq!(said(&together(6)), None);
        // Of ordered classes all that is not hit is near.
        let near: Vec<usize> = labels.iter().enumerate().map(|(n, label)| (label + n / 10 % 3).min(9)).collect();
        let table = predicted(10, &near, &labels);
        assert!(table.is_ordered() && warning(&table).is_none());
    }
}
