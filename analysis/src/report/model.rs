//! The report on one model: what was found of it, and in words what follows.

use car_spectral::longtail::Group;

use super::left_out;
use super::verdicts::{Note, step_sentence, verdict_sentences};
use crate::results::{Bound, BoundReport, ModelReport, Source, TrainToTest, Verified, Warning};
use crate::subject::Subject;

impl ModelReport {
    /// Says what was found of `subject`. Words that name a setting, in backticks, go through
    /// `named`.
    pub(crate) fn new(
        subject: &Subject,
        found: Verified,
        warnings: Vec<Warning>,
        named: &dyn Fn(&str) -> String,
    ) -> Self {
        let group_of = |counts: &Vec<u64>| counts.iter().map(|&count| Group::of(count)).collect();
        let notes = subject.source.notes.iter().map(|note| named(note)).collect();
        let bounds: Vec<BoundReport> = found.bounds.into_iter().map(BoundReport::new).collect();
        let train_to_test = found.train_to_test.zip(found.train.as_ref());
        let train_to_test =
            train_to_test.map(|(step, train)| TrainToTest { sentence: step_sentence(&step, train), step });
        Self {
            name: subject.name.clone(),
            source: Source { notes, ..subject.source.clone() },
            num_classes: found.weights.len(),
            class_names: subject.class_names.clone(),
            train_counts: subject.train_counts.clone(),
            groups: subject.train_counts.as_ref().map(group_of),
            weights: found.weights,
            network: found.network,
            delta_per_class: found.delta_per_class,
            train: found.train,
            floors: found.floors,
            verdicts: verdict_sentences(&found.test.split, train_to_test.as_ref(), &bounds),
            test: found.test,
            train_to_test,
            bounds,
            confusions: found.confusions,
            class_confusions: found.class_confusions,
            confused: found.confused,
            left_out: left_out::sentence(subject).map(named).into_iter().collect(),
            warnings: warnings
                .into_iter()
                .map(|warning| Warning { sentence: named(&warning.sentence), ..warning })
                .collect(),
        }
    }
}

impl BoundReport {
    fn new(Bound { id, margin, precondition, values }: Bound) -> Self {
        let applicable = precondition.is_none();
        let bound = Self { id, margin, applicable, precondition, reason: None, values };
        Self { reason: Note::on(&bound).map(|note| note.to_string()), ..bound }
    }
}
