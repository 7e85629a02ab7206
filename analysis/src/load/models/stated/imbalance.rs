//! Ratio of the training images of the largest class to those of the smallest.

use serde_json::{Value, json};

use super::{Answer, Entry, Given, number};
use crate::results::Warning;

/// What programs call it.
const KEYS: [&str; 8] = [
    "imb_factor",
    "imb_ratio",
    "imbalance",
    "imbalance_factor",
    "imbalance_ratio",
    "imbalanced_ratio",
    "imb",
    "im_ratio",
];
/// What they call its shape, and shapes that have it.
const SHAPE: &str = "imb_type";
const LONG_TAILED: [&str; 4] = ["exp", "step", "lt", "longtail"];
/// Share of the stated factor that is rounding of counts.
const ROUNDING: f64 = 0.02;

/// Whether an entry states the imbalance of the training counts; 0.01 and 100 say the same.
pub(super) fn answer(entry: &Entry<'_>, given: &Given<'_>) -> Option<Answer> {
    let shape = entry.among.get(SHAPE).and_then(Value::as_str);
    if !KEYS.contains(&entry.key.as_str()) || shape.is_some_and(|shape| !LONG_TAILED.contains(&shape)) {
        return None;
    }
    let stated = number(entry.value).filter(|&factor| factor > 0.0)?;
    let factor = if stated < 1.0 { 1.0 / stated } else { stated };
    let [largest, smallest] = [given.counts.iter().max()?, given.counts.iter().min()?].map(|&count| count as f64);
    let found = largest / smallest;
    if !found.is_finite() || (smallest - largest / factor).abs() <= 1.0 || (found / factor - 1.0).abs() <= ROUNDING {
        return found.is_finite().then_some(Answer::Agrees);
    }
    let sentence = format!(
        "the largest class has {found:.1} times the training images of the smallest, as given or counted, and {} \
         states {stated}, which is {factor:.1} times: give the counts of the training",
        entry.place,
    );
    let evidence = [("given", json!(found)), ("stated", json!(stated)), ("place", json!(entry.place))];
    Some(Answer::Differs(Warning::new("stated-counts", sentence, evidence)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    #[test]
    fn a_factor_is_held_against_the_counts() {
        let agree = [
            json!({"args": {"imb_factor": 0.01, "imb_type": "exp"}}),
            json!({"imbalance": 100}),
            json!({"imb_ratio": "100"}),
            json!({"args": {"imb_factor": 0.1, "imb_type": "none"}}),
            json!({"imbalance": true, "imb_factor": null}),
        ];
        let differ = [
            (json!({"args": {"imb_factor": 0.02, "imb_type": "exp"}}), "states 0.02, which is 50.0 times"),
            (json!({"imbalance_ratio": 10}), "has 100.0 times"),
        ];
        check("stated-counts", &agree, &differ);
    }
}
