//! Scores of a last layer that was never trained.

use car_spectral_formats::InputError;
use car_spectral_formats::predictions::{Block, Logits};
use ndarray::{ArrayView1, ArrayView2};
use serde_json::json;

use super::agreement::Predicted;
use super::chance::elsewhere;
use crate::results::Warning;
use crate::words::percent;

/// Share of the largest entropy, ln K, above which scores hardly tell classes apart.
const HARDLY_APART: f64 = 0.75;

/// Standard deviations above chance below which an accuracy counts as no better.
const NO_BETTER: f64 = 3.0;

/// Samples below which nothing is said.
const FEWEST: u64 = 10;

/// Warns of scores that hardly tell classes apart, and little more of them right than by chance.
pub(super) fn warning(table: &Predicted, logits: &Logits) -> Option<Warning> {
    if table.samples < FEWEST {
        return None;
    }
    let agreement = table.agreement(Some);
    let (n, classes) = (table.samples as f64, table.num_classes() as f64);
    let (accuracy, expected) = (agreement.found / n, agreement.expected / n);
    // Behind a trained backbone samples of one class get one class from it, which is the right one for some.
    let little = if table.num_classes() > 2 { 0.3 / classes } else { 0.0 };
    let above = agreement.found > agreement.expected + NO_BETTER * agreement.deviation && accuracy > expected + little;
    if table.is_ordered() || above && !elsewhere(table) {
        return None;
    }
    let entropy = mean_entropy(logits)? / classes.ln();
    (entropy > HARDLY_APART).then(|| {
        let sentence = format!(
            "the scores hardly tell classes apart (mean entropy {} of that of equal probabilities) and the accuracy is \
             {}: the last layer looks untrained; check that its weights were loaded",
            percent(entropy),
            percent(accuracy),
        );
        Warning::new("untrained-head", sentence, [("accuracy", json!(accuracy)), ("relative_entropy", json!(entropy))])
    })
}

/// Mean entropy in nats of the probabilities of each row, its softmax unless it holds
/// probabilities. `None` without scores.
fn mean_entropy(logits: &Logits) -> Option<f64> {
    let are_shares = logits.scale().is_of_shares();
    let (mut sum, mut samples) = (0.0, 0);
    let read = logits.for_each_block(|_, block| {
        (sum, samples) = match block {
            Block::F32(scores) => (add_over_rows(sum, scores, are_shares), samples + scores.nrows()),
            Block::F64(scores) => (add_over_rows(sum, scores, are_shares), samples + scores.nrows()),
        };
        Ok::<(), InputError>(())
    });
    // What cannot be read again was counted, and has no mean.
    read.ok().filter(|()| samples > 0).map(|()| sum / samples as f64)
}

fn add_over_rows<T: Copy + Into<f64>>(sum: f64, scores: ArrayView2<'_, T>, are_shares: bool) -> f64 {
    let weights = |row: ArrayView1<'_, T>| -> Vec<f64> {
        let largest = row.iter().map(|&score| score.into()).fold(f64::NEG_INFINITY, f64::max);
        let weight = |score: f64| if are_shares { score } else { (score - largest).exp() };
        row.iter().map(|&score| weight(score.into())).collect()
    };
    let entropy = |row| {
        let weights = weights(row);
        let sum: f64 = weights.iter().sum();
        weights.iter().filter(|&&weight| weight > 0.0).map(|weight| weight / sum).map(|p| -p * p.ln()).sum::<f64>()
    };
    scores.rows().into_iter().map(entropy).fold(sum, |sum, entropy| sum + entropy)
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::super::agreement::tests::predicted;
    use super::*;

    #[test]
    fn scores_that_tell_nothing_apart_are_told_from_models_and_from_shuffled_labels() {
        let labels: Vec<usize> = (0..400).map(|sample| sample % 10).collect();
        let is_warned = |classes: &[usize], sureness: f32| {
            let scores = Array2::from_shape_fn((400, 10), |(n, k)| if classes[n] == k { sureness } else { 0.0 });
            warning(&predicted(10, classes, &labels), &Logits::F32(scores)).is_some()
        };
        let half: Vec<usize> =
            labels.iter().enumerate().map(|(n, &label)| if n < 200 { 9 - label } else { label }).collect();
        let shuffled: Vec<usize> = (0..400).map(|sample| sample * 7 / 3 % 10).collect();
        assert_eq!([0.55, 9.0].map(|sureness| is_warned(&half, sureness)), [false, false]);
        assert_eq!([0.55, 9.0].map(|sureness| is_warned(&shuffled, sureness)), [true, false]);
    }
}
