//! Test samples that are all classified right.

use car_spectral::confusion::MarginCounts;
use serde_json::json;

use crate::results::Warning;
use crate::words::grouped;

/// Samples below which that may happen.
const FEWEST: u64 = 100;

/// Warns where not one of many test samples of several classes is wrong: labels may be the
/// predictions themselves, as programs that predict write them, or the samples those of the
/// training.
pub(super) fn warning(counts: &MarginCounts) -> Option<Warning> {
    let samples = counts.samples();
    let classes = counts.class_counts().iter().filter(|&&count| count > 0).count();
    if samples < FEWEST || classes < 2 || counts.errors().iter().any(|&errors| errors > 0) {
        return None;
    }
    let sentence = format!(
        "all {} test samples are classified right: are the labels predictions, or the samples those of the training?",
        grouped(samples)
    );
    Some(Warning::new("all-right", sentence, [("samples", json!(samples))]))
}

#[cfg(test)]
mod tests {
    use car_spectral::confusion::MarginGrid;
    use ndarray::Array1;

    use super::*;

    #[test]
    fn labels_that_are_the_predictions_are_told() {
        let said = |predicted: &[usize], labels: Vec<usize>| {
            let mut counts = MarginCounts::new(4, &MarginGrid::new(&[0.0]).unwrap()).unwrap();
            counts.add_classes(predicted, Array1::from_vec(labels).view()).unwrap();
            warning(&counts).map(|warning| (warning.id, warning.sentence))
        };
        let classes: Vec<usize> = (0..400).map(|sample| sample * 7 / 3 % 4).collect();
        let (id, sentence) = said(&classes, classes.clone()).unwrap();
        assert_eq!(id, "all-right");
        assert!(sentence.starts_with("all 400 test samples are classified right"), "{sentence}");
        let mut one_wrong = classes.clone();
        one_wrong[17] = (one_wrong[17] + 1) % 4;
        assert_eq!(said(&classes, one_wrong), None);
        assert_eq!(said(&classes[..99], classes[..99].to_vec()), None, "few");
        assert_eq!(said(&[1; 400], vec![1; 400]), None, "one class");
    }
}
