//! The gap of a report, with the settings that would fill it.

use crate::subject::Subject;

/// Kinds of sources whose training data is given beside them.
const OF_PREDICTIONS: [&str; 3] = ["predictions", "counts", "confusion"];

/// `None` where nothing is left out that could be given.
pub(super) fn sentence(subject: &Subject) -> Option<&'static str> {
    let beside = OF_PREDICTIONS.contains(&subject.source.kind.as_str());
    Some(match (&subject.train_counts, &subject.train) {
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
        _ => return None,
    })
}
