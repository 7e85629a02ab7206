//! Names of the classes, in their order, and how many there are.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{Answer, Entry, Given, SHOWN, number as number_of};
use crate::results::Warning;
use crate::words::readable;

/// What programs call the names.
const NAMES: [&str; 16] = [
    "classes",
    "class_names",
    "classnames",
    "class_name",
    "class_labels",
    "label_names",
    "labels",
    "target_names",
    "categories",
    "category_names",
    "idx_to_class",
    "class_to_idx",
    "idx2label",
    "id2label",
    "label2id",
    "names",
];
/// What they call their number.
const NUMBER: [&str; 11] = [
    "num_classes",
    "num_class",
    "n_classes",
    "n_class",
    "nb_classes",
    "nclasses",
    "class_num",
    "cls_num",
    "num_cls",
    "num_labels",
    "classes",
];
/// A part of the keys under which timm says what a model was before it was trained further.
const BEFORE: [&str; 2] = ["pretrained_cfg", "default_cfg"];

/// Whether an entry names the classes in the order that is given. Names of which none is among
/// those given are in other words, and say nothing of their order.
pub(super) fn answer(entry: &Entry<'_>, given: &Given<'_>) -> Option<Answer> {
    if !NAMES.contains(&entry.key.as_str()) || is_before(entry) {
        return None;
    }
    let stated = names(entry.value)?;
    let places: HashMap<String, usize> =
        given.class_names.iter().enumerate().map(|(class, name)| (plain(name), class)).collect();
    let mut common = Vec::new();
    for (class, name) in &stated {
        common.extend(places.get(&plain(name)).map(|&place| (*class, place, name)));
    }
    if common.is_empty() {
        return None;
    }
    let moved: Vec<_> = common.iter().filter(|(class, place, _)| class != place).collect();
    if moved.is_empty() && stated.len() == given.class_names.len() {
        return Some(Answer::Agrees);
    }
    let how = if moved.is_empty() {
        format!("names {} classes, and here are {}", stated.len(), given.class_names.len())
    } else {
        let shown = moved
            .iter()
            .take(SHOWN)
            .map(|(class, place, name)| format!("{} class {class}, here class {place}", readable(name)));
        format!("calls {} of them by other numbers: {}", moved.len(), shown.collect::<Vec<_>>().join("; "))
    };
    let sentence = format!(
        "the classes are in the order of the flags or the data set, and {} {how}: labels and counts may be those of other \
         classes; give the order of the training",
        entry.place,
    );
    let pairs: Vec<[usize; 2]> = moved.iter().map(|&&(class, place, _)| [class, place]).collect();
    let evidence = [("stated", json!(stated.len())), ("class_here", json!(pairs)), ("place", json!(entry.place))];
    Some(Answer::Differs(Warning::new("stated-classes", sentence, evidence)))
}

/// Whether an entry states the number of classes.
pub(super) fn number(entry: &Entry<'_>, given: &Given<'_>) -> Option<Answer> {
    if !NUMBER.contains(&entry.key.as_str()) || is_before(entry) {
        return None;
    }
    let stated = number_of(entry.value).filter(|&number| number >= 2.0 && number.fract() == 0.0)?;
    let found = given.class_names.len();
    if stated == found as f64 {
        return Some(Answer::Agrees);
    }
    let sentence = format!(
        "the model has {found} classes and was run on as many, and {} states {stated}: the file was probably not made \
         with this data set",
        entry.place,
    );
    let evidence = [("given", json!(found)), ("stated", json!(stated)), ("place", json!(entry.place))];
    Some(Answer::Differs(Warning::new("stated-classes", sentence, evidence)))
}

fn is_before(entry: &Entry<'_>) -> bool {
    BEFORE.iter().any(|part| entry.path.split('.').any(|key| key == *part))
}

/// A name without what is written in several ways.
fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace(['_', '-'], " ")
}

/// Classes by number with their names: a list, or a dictionary either way round.
fn names(value: &Value) -> Option<Vec<(usize, String)>> {
    let whole = |value: &Value| value.as_u64().and_then(|number| usize::try_from(number).ok());
    let mut found: Vec<(usize, String)> = match value {
        Value::Array(items) => {
            let name = |(class, item): (usize, &Value)| Some((class, item.as_str()?.to_owned()));
            items.iter().enumerate().map(name).collect::<Option<_>>()?
        }
        Value::Object(entries) => {
            let pair = |(key, value): (&String, &Value)| match value {
                Value::String(name) => Some((key.parse().ok()?, name.clone())),
                number => Some((whole(number)?, key.clone())),
            };
            entries.iter().map(pair).collect::<Option<_>>()?
        }
        _ => return None,
    };
    found.sort_unstable();
    (found.len() > 1).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;
    use super::*;

    const CLASSES: [&str; 10] =
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    #[test]
    fn names_in_another_order_are_told_by_their_numbers() {
        let mut moved = CLASSES;
        moved.swap(3, 5);
        let numbered: Value =
            moved.iter().enumerate().map(|(class, name)| ((*name).to_owned(), json!(class))).collect();
        let agree = [
            json!({"meta": {"CLASSES": CLASSES}}),
            json!({"class_names": CLASSES.map(|name| name.to_uppercase())}),
            json!({"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}),
            json!({"labels": [3, 5, 3], "names": ["n01440764", "n01443537"]}),
        ];
        let differ = [
            (
                json!({"classes": moved}),
                "classes in the file calls 2 of them by other numbers: dog class 3, here class 5",
            ),
            (json!({"hyper_parameters": {"class_to_idx": numbered}}), "cat class 5, here class 3"),
            (
                json!({"idx_to_class": {"2": "airplane", "10": "automobile"}}),
                "numbers: airplane class 2, here class 0; automo",
            ),
            (json!({"class_names": CLASSES[..5]}), "names 5 classes, and here are 10"),
        ];
        check("stated-classes", &agree, &differ);
    }

    #[test]
    fn another_number_of_classes_is_told() {
        let agree = [json!({"args": {"num_classes": 10}}), json!({"num_classes": null, "n_classes": "10"})];
        check(
            "stated-classes",
            &agree,
            &[(json!({"args": {"num_classes": 100}}), "args.num_classes in the file states 100")],
        );
    }
}
