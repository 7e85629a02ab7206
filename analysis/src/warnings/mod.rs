//! Doubts about what is analysed: scores in another unit, classes in another order, samples that
//! are there twice. The numbers are right for the input as it is; these words say why it may not be
//! what it is taken for.

mod absent;
mod agreement;
mod chance;
mod flawless;
mod near;
mod order;
mod repeats;
mod rows;
mod same_counts;
mod scale;
mod thresholded;
mod unread;
mod untrained;

use car_spectral::confusion::MarginCounts;

use crate::results::Warning;
use crate::subject::{Scored, Subject};
use agreement::Predicted;

/// The warnings on one model, those that put most in doubt first.
pub(crate) fn of(subject: &Subject, counts: &MarginCounts, train: Option<&MarginCounts>) -> Vec<Warning> {
    let mut all = on_agreement(subject, counts, &subject.test);
    if let (Some(counts), Some(scored)) = (train, &subject.train) {
        let of_training = on_agreement(subject, counts, scored).into_iter();
        let named =
            |warning: Warning| Warning { sentence: format!("training samples: {}", warning.sentence), ..warning };
        all.extend(of_training.map(named));
    }
    all.extend(flawless::warning(counts));
    all.extend(scale::warnings(subject));
    all.extend(thresholded::warnings(subject));
    all.extend(repeats::warnings(subject));
    all.extend(absent::warnings(subject, counts.class_counts()));
    all.extend(same_counts::warning(subject, counts.class_counts()));
    all.extend(unread::warning(&subject.source));
    all.extend(subject.warnings.iter().cloned());
    all.sort_by_key(Warning::is_small);
    all
}

/// What predictions and labels say of each other.
fn on_agreement(subject: &Subject, counts: &MarginCounts, scored: &Scored) -> Vec<Warning> {
    let predicted = Predicted::of(counts);
    match order::warning(&predicted, &subject.class_names) {
        Some(order) => vec![order],
        None => {
            let untrained = untrained::warning(&predicted, &scored.logits);
            chance::warning(&predicted).into_iter().chain(untrained).collect()
        }
    }
}
