//! The accuracy that the training program measured.

use car_spectral::bounds::clopper_pearson;
use car_spectral_formats::predictions::Logits;
use serde_json::json;

use super::{Answer, Entry, Given, number};
use crate::results::Warning;
use crate::subject::Scored;
use crate::words::percent;

/// What programs call it, behind words such as `best_` and `val_`.
const KEYS: [&str; 9] = ["acc", "acc1", "acc_1", "accuracy", "prec1", "prec_1", "top1", "top1_acc", "acc_top1"];
/// What stands in front.
const FRONTS: [&str; 11] =
    ["best_", "max_", "val_", "test_", "valid_", "eval_", "best_val_", "best_test_", "best_eval_", "best_valid_", ""];
/// What says that it is of an earlier epoch.
const BEST: [&str; 2] = ["best", "max"];
/// How much less than the best of a training its last epoch may reach.
const LATER: f64 = 0.05;
/// Probability with which a sound accuracy lies beyond the interval, a side.
const ALPHA: f64 = 5e-4;
/// Difference that is rounding.
const ROUNDING: f64 = 1e-3;

/// Whether an entry states the accuracy that was measured here, over all samples or as the mean
/// over classes.
pub(super) fn answer(entry: &Entry<'_>, given: &Given<'_>) -> Option<Answer> {
    let is_key = FRONTS.iter().any(|front| entry.key.strip_prefix(front).is_some_and(|key| KEYS.contains(&key)));
    if !is_key || entry.is_below(&["train", "training"]) {
        return None;
    }
    // 0 is what a training begins with.
    let told = number(entry.value).filter(|&value| value > 0.0 && value <= 100.0)?;
    let stated = if told > 1.0 { told / 100.0 } else { told };
    let Measured { right, samples, over_classes } = measured(given.test)?;
    let accuracy = right as f64 / samples as f64;
    let interval = clopper_pearson(samples - right, samples, ALPHA, ALPHA).ok()?;
    let [below, above] = [accuracy - (1.0 - interval.upper), (1.0 - interval.lower) - accuracy];
    let is_best = BEST.iter().any(|word| entry.key.starts_with(word));
    let file = given.file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase());
    let is_of_last = is_best && file.is_none_or(|name| !BEST.iter().any(|word| name.contains(word)));
    let more = if is_of_last { above.max(LATER) } else { above };
    // 0.9 may be a share, or per cent early in a training.
    let is_near = |found: f64| {
        let mut meant = [stated, told / 100.0].into_iter();
        meant.any(|share| share >= found - below - ROUNDING && share <= found + more + ROUNDING)
    };
    if is_near(accuracy) || is_near(over_classes) {
        return Some(Answer::Agrees);
    }
    let or = if is_best { ", or it is that of another epoch, the best" } else { "" };
    let sentence = format!(
        "the accuracy is {} ({} to {} with 99.9 %), and {} states {}: images, their preprocessing or the order of classes \
         are probably not those that it was measured with{or}",
        percent(accuracy),
        percent(1.0 - interval.upper),
        percent(1.0 - interval.lower),
        entry.place,
        percent(stated),
    );
    let evidence = [("measured", json!(accuracy)), ("stated", json!(stated)), ("place", json!(entry.place))];
    Some(Answer::Differs(Warning::new("stated-accuracy", sentence, evidence)))
}

struct Measured {
    right: u64,
    samples: u64,
    over_classes: f64,
}

/// Counts the samples whose own score is the largest; `None` without samples.
fn measured(test: &Scored) -> Option<Measured> {
    let classes = test.logits.dim().1;
    let (mut right, mut all) = (vec![0_u64; classes], vec![0_u64; classes]);
    let Logits::F32(scores) = &test.logits else { return None };
    for (row, &label) in scores.rows().into_iter().zip(&test.labels) {
        all[label] += 1;
        right[label] += u64::from(row.iter().enumerate().all(|(class, &score)| class == label || score < row[label]));
    }
    let shares: Vec<f64> =
        right.iter().zip(&all).filter(|(_, all)| **all > 0).map(|(&right, &all)| right as f64 / all as f64).collect();
    let samples = all.iter().sum();
    let over_classes = shares.iter().sum::<f64>() / shares.len() as f64;
    (samples > 0).then(|| Measured { right: right.iter().sum(), samples, over_classes })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{check, warned_in};
    use super::*;

    #[test]
    fn an_accuracy_beyond_the_interval_is_told() {
        // 70 % of 1000 samples: 65.0 to 74.7 %.
        let agree = [
            json!({"best_acc1": [70.0]}),
            json!({"acc": 0.66, "epoch": 200}),
            json!({"best_acc": 0, "train_acc": 99.9, "train": {"acc": 1.0}}),
            json!({"callbacks": {"best_acc1": 74.9}}),
            json!({"results": {"top1": 70.0, "loss": 3.0}}),
        ];
        let differ = [
            (
                json!({"best_acc1": [44.77]}),
                "the accuracy is 70.0 % (65.0 % to 74.7 % with 99.9 %), and best_acc1 in the file states 44.8 %",
            ),
            (json!({"acc": 90}), "acc in the file states 90.0 %"),
            (json!({"acc": 0.6}), "states 60.0 %"),
            (json!({"best_val_acc": 80.0}), "or it is that of another epoch, the best"),
        ];
        check("stated-accuracy", &agree, &differ);
    }

    #[test]
    fn the_best_of_a_training_may_be_a_little_above_its_last_epoch() {
        let best = json!({"best_acc1": 75.0});
        assert_eq!(warned_in("ckpt.pth.tar", &best), []);
        assert_eq!(warned_in("ckpt.best.pth.tar", &best)[0].0, "stated-accuracy");
    }
}
