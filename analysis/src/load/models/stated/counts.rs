//! Training images of each class.

use serde_json::{Value, json};

use super::{Answer, Entry, Given, beginning, numbers};
use crate::results::Warning;

/// What programs call them.
const KEYS: [&str; 24] = [
    "cls_num_list",
    "class_num_list",
    "num_per_cls",
    "num_per_class",
    "n_per_class",
    "img_num_per_cls",
    "img_num_per_class",
    "img_num_list",
    "samples_per_cls",
    "samples_per_class",
    "num_samples_per_cls",
    "num_samples_per_class",
    "num_samples_list",
    "class_counts",
    "class_count",
    "cls_counts",
    "cls_count",
    "label_counts",
    "train_counts",
    "train_class_counts",
    "num_per_cls_dict",
    "cls_freq",
    "class_freq",
    "freq_info",
];

/// Parts of keys under which other samples are counted.
const OTHER_SPLITS: [&str; 6] = ["test", "val", "valid", "validation", "eval", "dev"];

/// Whether counts may stand under a key.
pub(super) fn is_key(key: &str) -> bool {
    KEYS.contains(&key)
}

/// Whether an entry has the training counts that are given.
pub(super) fn answer(entry: &Entry<'_>, given: &Given<'_>) -> Option<Answer> {
    if !is_key(&entry.key) || entry.is_below(&OTHER_SPLITS) {
        return None;
    }
    let stated = counts(entry.value, given.class_names)?;
    let counts: Vec<f64> = given.counts.iter().map(|&count| count as f64).collect();
    if stated == counts {
        return Some(Answer::Agrees);
    }
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let different = stated.iter().zip(&counts).filter(|(stated, given)| stated != given).count();
    let how = if stated.len() != counts.len() {
        format!("those of {} classes, and here are {}", stated.len(), counts.len())
    } else if sorted(&stated) == sorted(&counts) {
        "the same in another order".to_owned()
    } else {
        format!("others in {different} of {} classes", counts.len())
    };
    let sentence = format!(
        "the training counts are {}, as given or counted, and {} states {}, {how}: give those of the training, \
         in the order of its classes",
        beginning(&counts),
        entry.place,
        beginning(&stated),
    );
    let evidence = [("given", json!(given.counts)), ("stated", json!(stated)), ("place", json!(entry.place))];
    Some(Answer::Differs(Warning::new("stated-counts", sentence, evidence)))
}

/// Whole numbers in the order of the classes: a list, or by number or name; `None` for anything
/// else (shares, one number for all classes).
fn counts(value: &Value, names: &[String]) -> Option<Vec<f64>> {
    let found = match value {
        Value::Object(entries) => {
            let mut found = vec![None; entries.len()];
            for (key, count) in entries {
                let class = key.parse().ok().or_else(|| names.iter().position(|name| name == key))?;
                *found.get_mut(class)? = Some(count.as_f64()?);
            }
            found.into_iter().collect::<Option<Vec<f64>>>()?
        }
        value => numbers(value)?,
    };
    let are_counts = found.len() > 1 && found.iter().all(|count| *count >= 0.0 && count.fract() == 0.0);
    (are_counts && found.iter().any(|count| *count > 1.0)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    const COUNTS: [u64; 10] = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50];

    #[test]
    fn counts_in_a_file_are_held_against_those_given() {
        let mut turned = COUNTS;
        turned.reverse();
        let by_number: Value = COUNTS.iter().enumerate().map(|(class, n)| (class.to_string(), json!(n))).collect();
        let agree = [
            json!({"args": {"cls_num_list": COUNTS}}),
            json!({"criterion.cls_num_list": COUNTS.map(|count| count as f32)}),
            json!({"hyper_parameters": {"class_counts": by_number}}),
            json!({"val": {"class_counts": [100, 100]}, "val_class_counts": [100, 100]}),
            json!({"samples_per_class": 16, "class_freq": [0.5, 0.25]}),
            json!({"samples_per_cls": "[5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]"}),
        ];
        let differ = [
            (
                json!({"args": {"cls_num_list": turned}}),
                "args.cls_num_list in the file states 50, 83, 139, ..., the same",
            ),
            (json!({"img_num_per_cls": vec![5000; 10]}), "others in 9 of 10 classes"),
            (json!({"criterion.cls_num_list": [5000.0, 50.0]}), "those of 2 classes, and here are 10"),
            (json!({"class_counts": {"airplane": 50, "automobile": 5000}}), "those of 2 classes"),
            // The imbalance that goes with them is not said as well.
            (json!({"args": {"imb_factor": 0.1, "cls_num_list": vec![5000; 10]}}), "others in 9 of 10 classes"),
        ];
        check("stated-counts", &agree, &differ);
    }
}
