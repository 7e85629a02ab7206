//! Training counts that are those of the test samples.

use serde_json::json;

use crate::results::Warning;
use crate::subject::Subject;

/// Warns where a class has as many training images as test samples, every class, and not all
/// classes as many.
pub(super) fn warning(subject: &Subject, test_counts: &[u64]) -> Option<Warning> {
    let given = subject.train_counts.as_deref().filter(|_| subject.train.is_none())?;
    let differ = test_counts.windows(2).any(|pair| pair[0] != pair[1]);
    (differ && given == test_counts).then(|| {
        let sentence = "the training counts are the numbers of test samples, class by class: groups and weights of classes \
                        take the numbers of training images";
        Warning::new("counts-of-test", sentence.to_owned(), [("counts", json!(given))])
    })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::subject::Scored;
    use car_spectral_formats::predictions::Logits;

    #[test]
    fn counts_of_an_unbalanced_test_set_are_told() {
        let scored = Scored { logits: Logits::F32(Array2::zeros((1, 3))), labels: Array1::zeros(1) };
        let of = |train: Option<&[u64]>, test: &[u64]| {
            let mut subject = Subject::new("a".to_owned(), scored.clone());
            subject.train_counts = train.map(<[u64]>::to_vec);
            warning(&subject, test).is_some()
        };
        assert!(of(Some(&[9, 4, 4]), &[9, 4, 4]));
        assert!(!of(Some(&[4, 4, 4]), &[4, 4, 4]), "two balanced sets");
        assert!(!of(Some(&[9, 4, 5]), &[9, 4, 4]) && !of(None, &[9, 4, 4]));
    }
}
