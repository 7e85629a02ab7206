//! Names that people give the arrays and columns of predictions.

use crate::words::Words;

/// What people call the scores.
pub(super) const SCORE_NAMES: Words = Words(
    "logits logit outputs output out scores score preds pred predictions prediction probs prob probabilities \
     probas proba softmax softmaxes y_pred y_hat yhat y_score y_prob y_proba y_logits log_probs logprobs \
     log_softmax confidences results pred_score pred_scores cls_score cls_scores",
);

/// What people call scores that are no probabilities.
pub(super) const RAW_SCORES: Words = Words("logits logit rawprediction raw_prediction raw_predictions raw_scores");

/// What people call the labels.
pub(super) const LABEL_NAMES: Words = Words(
    "labels label targets target y y_true ytrue y_test gt gts gt_label gt_labels gt_class gt_classes true truth \
     ground_truth groundtruth true_labels true_label label_ids label_id references reference class classes \
     class_id class_ids category fine_labels fine_label actual actuals obs true_class true_classes actual_class \
     actual_label target_class gold gold_label gold_labels human_label expert_label \
     clean_labels clean_label original_labels original_label orig_labels orig_label noisy_labels noisy_label",
);

/// Words in front of those names.
const FRONT_WORDS: Words = Words("test val valid validation eval all total model image img np");

/// What people call a column of predicted classes.
pub(super) const PREDICTED: Words = Words(
    "pred preds predict prediction predictions predicted pred_label y_pred predicted_label predicted_class pred_class \
     top1 argmax scored_label scored_labels",
);

/// Whether a column is called as predicted classes are: also `Prediction (species)` and `Most
/// Likely species`.
pub(super) fn is_predicted(name: &str) -> bool {
    let plain = plain(name);
    let before_bracket = plain.split('(').next().unwrap_or_default().trim_end_matches('_');
    PREDICTED.contains(before_bracket) || plain.starts_with("most_likely_")
}

/// What people call the number or the file of a sample.
pub(super) const SAMPLE_NAMES: Words = Words(
    "index idx indices indexes id ids sample sample_id sample_ids image image_id image_ids file files filename \
     filenames file_name path paths img_path name names",
);

/// A name without its container and the words in front.
pub(super) fn plain(name: &str) -> String {
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    let spelled: String = last
        .chars()
        .map(|character| if matches!(character, '-' | ' ') { '_' } else { character.to_ascii_lowercase() })
        .collect();
    let mut rest = spelled.as_str();
    while let Some(shorter) = FRONT_WORDS.iter().find_map(|word| rest.strip_prefix(word)?.strip_prefix('_')) {
        rest = shorter;
    }
    rest.to_owned()
}
