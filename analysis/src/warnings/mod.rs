//! What looks wrong with what is analysed: scores in another unit, classes in another order, samples that are there
//! twice. The numbers are right for the input as it is; these words say why it may not be what it is taken for.

mod absent;
mod agreement;
mod chance;
mod order;
mod repeats;
mod scale;
mod unread;
mod untrained;

use car_spectral::confusion::MarginCounts;

use crate::report::Warning;
use crate::subject::Subject;
use agreement::Predicted;

/// The warnings on one model, those that put most in doubt first.
pub(crate) fn of(subject: &Subject, counts: &MarginCounts) -> Vec<Warning> {
    let predicted = Predicted::of(counts);
    let order = order::warning(&predicted, &subject.class_names);
    let mut all: Vec<Warning> = match order {
        Some(order) => vec![order],
        None => chance::warning(&predicted).into_iter().collect(),
    };
    all.extend(untrained::warning(&predicted, &subject.test.logits));
    all.extend(scale::warnings(subject));
    all.extend(repeats::warnings(subject));
    all.extend(absent::warnings(subject, counts.class_counts()));
    all.extend(unread::warning(&subject.source));
    all.extend(subject.warnings.iter().cloned());
    all
}
