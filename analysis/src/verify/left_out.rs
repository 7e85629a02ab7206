//! Gaps of a report, with the setting that would fill them.

use crate::subject::Subject;

/// Kinds of sources whose training data is given beside them.
const OF_PREDICTIONS: [&str; 3] = ["predictions", "counts", "confusion"];

/// A sentence, or none where nothing is left out that could be given.
pub(super) fn sentences(subject: &Subject) -> Vec<String> {
    let beside = OF_PREDICTIONS.contains(&subject.source.kind.as_str());
    let sentence = match (&subject.train_counts, &subject.train) {
        (None, _) if beside => {
            "Left out: classes by many, medium and few, class weights, and bounds from training samples. They need the number of \
             training samples of each class (`train-counts`), or scores on those images (`train-predictions`), which bring \
             training errors and the published bound of each class (T2) as well."
        }
        (None, _) => {
            "Left out: classes by many, medium and few, class weights, and bounds from training samples. They need the number of \
             training samples of each class (`imbalance`)."
        }
        (Some(_), None) if beside => {
            "Left out: training errors and the published bound of each class (T2). They need scores on the training samples (`train-predictions`)."
        }
        _ => return Vec::new(),
    };
    vec![sentence.to_owned()]
}
