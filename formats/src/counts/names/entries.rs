//! Names with their places and numbers, and the words that files use for them.

use std::collections::BTreeMap;

/// Something with the line or entry, from 1, where it stands.
pub(super) type Entry<T> = (usize, T);
pub(super) type Names = Vec<Entry<String>>;

/// Keys under which programs keep names of classes, alone or with their numbers; the first that is
/// there is read.
pub(super) const KEYS: [&str; 11] = [
    "id2label",
    "names",
    "class_names",
    "classes",
    "class_to_idx",
    "idx_to_class",
    "label2id",
    "categories",
    "fine_label_names",
    "label_names",
    "labels",
];

/// What people call a column of names, and one of numbers of classes.
pub(super) const NAME_WORDS: &[&str] =
    &["name", "names", "class_name", "label_name", "category_name", "class", "label", "category"];
pub(super) const ID_WORDS: &[&str] = &[
    "id",
    "idx",
    "class_id",
    "class_idx",
    "class_index",
    "label_id",
    "label_idx",
    "category_id",
    "number",
    "target",
    "class",
    "label",
    "category",
];

pub(super) fn is_word(words: &[&str], name: &str) -> bool {
    words.contains(&name.trim().to_ascii_lowercase().replace([' ', '-'], "_").as_str())
}

/// Names in the order of their numbers, which begin with 0 or 1; or which number is missing.
pub(super) fn ordered(by_number: BTreeMap<usize, Entry<String>>) -> Result<Names, String> {
    let (count, first) = (by_number.len(), by_number.keys().next().copied().unwrap_or_default().min(1));
    match by_number.keys().enumerate().find(|(place, number)| **number != first.saturating_add(*place)) {
        Some((place, number)) => Err(format!(
            "class {} is missing before {number}: the numbers are not {first} to {}",
            first.saturating_add(place),
            first.saturating_add(count).saturating_sub(1)
        )),
        None => Ok(by_number.into_values().collect()),
    }
}
