//! Training counts from annotations of images in JSON, as iNaturalist, COCO and ImageNet-LT have
//! them: `{"annotations": [{"image_id": 7, "category_id": 3}, ...], "categories": [{"id": 3,
//! "name": "cat"}, ...]}`.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::{Found, instead};
use crate::Result;
use crate::budget::Budget;
use crate::quoting::quoted;
use crate::weights::Saved;

/// Bytes charged for an annotation.
const ANNOTATION: u64 = 72;
const REMEDY: &str = "give the number of training images of each class";

/// Counts the annotations of each class; `None` of what has none.
pub(super) fn count(file: &Path, saved: &Saved<'_>, by_name: bool, budget: &mut Budget) -> Option<Result<Found>> {
    let annotations = list(saved, "annotations")?;
    if let Err(exceeded) = budget.spend((annotations.len() as u64).saturating_mul(ANNOTATION)) {
        return Some(Err(exceeded.of(file, "the annotations".to_owned())));
    }
    let classes = annotations.iter().map(|one| number(one, "category_id")).collect::<Option<Vec<u64>>>()?;
    if let Some(image) = several(annotations) {
        let found = format!("the image {image} has several annotations, which are objects in it");
        return Some(Err(instead(file, "the annotations", found, REMEDY)));
    }
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    let categories = list(saved, "categories").unwrap_or_default();
    let ids: Vec<u64> = categories.iter().filter_map(|category| number(category, "id")).collect();
    counts.extend(ids.iter().map(|&id| (id, 0)));
    for class in classes {
        let count = counts.entry(class).or_default();
        *count = count.saturating_add(1);
    }
    let names: BTreeMap<u64, &str> =
        categories.iter().filter_map(|category| number(category, "id").zip(text(category, "name"))).collect();
    if by_name && names.len() == counts.len() {
        let entry = |(id, count): (&u64, &u64)| Some(((*names.get(id)?).to_owned(), *count, format!("category {id}")));
        return counts.iter().map(entry).collect::<Option<_>>().map(|entries| Ok(Found::ByClass(entries)));
    }
    if !counts.keys().copied().eq(0..counts.len() as u64) {
        let found = format!("the categories are not numbered from 0 to {}", counts.len().saturating_sub(1));
        return Some(Err(instead(file, "the annotations", found, "give their names with `class-names`")));
    }
    Some(Ok(Found::ByClass(
        counts.into_iter().map(|(id, count)| (id.to_string(), count, format!("category {id}"))).collect(),
    )))
}

/// An image that is annotated more than once.
fn several(annotations: &[Saved<'_>]) -> Option<String> {
    let mut seen = HashSet::new();
    annotations.iter().find_map(|one| {
        let image = field(one, "image_id")?;
        let key = match image {
            Saved::Number(number) => (number.to_bits(), ""),
            Saved::Text(text) => (0, text.as_str()),
            _ => return None,
        };
        (!seen.insert(key)).then(|| quoted(&image.as_text().unwrap_or_default()))
    })
}

fn field<'s, 'a>(saved: &'s Saved<'a>, name: &str) -> Option<&'s Saved<'a>> {
    let Saved::Dictionary(entries) = saved else { return None };
    entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

fn list<'s, 'a>(saved: &'s Saved<'a>, name: &str) -> Option<&'s [Saved<'a>]> {
    match field(saved, name)? {
        Saved::List(items) if !items.is_empty() => Some(items),
        _ => None,
    }
}

fn number(saved: &Saved<'_>, name: &str) -> Option<u64> {
    match field(saved, name)? {
        Saved::Number(number) if number.fract() == 0.0 && (0.0..9e15).contains(number) => Some(*number as u64),
        _ => None,
    }
}

fn text<'s>(saved: &'s Saved<'_>, name: &str) -> Option<&'s str> {
    match field(saved, name)? {
        Saved::Text(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::counts::{read_named_counts, read_names};
    use crate::testing::with_file;

    const CATEGORIES: &str =
        r#""categories": [{"id": 1, "name": "bee"}, {"id": 0, "name": "ant"}, {"id": 2, "name": "cat"}]"#;

    fn counts(text: &str, names: Option<[&str; 3]>) -> Result<Vec<u64>, String> {
        let names = names.map(|names| names.map(str::to_owned));
        let read =
            |file: &std::path::Path| read_named_counts(&file.into(), 3, names.as_ref().map(<[String; 3]>::as_slice));
        with_file("annotations.json", text, read).map_err(|error| error.to_string())
    }

    fn annotations(rest: &str) -> String {
        let of =
            |(image, class): (usize, u8)| format!(r#"{{"id": {image}, "image_id": {image}, "category_id": {class}}}"#);
        let all: Vec<String> = [0, 2, 0, 1, 0, 2].into_iter().enumerate().map(of).collect();
        format!(r#"{{"info": {{"year": 2018}}, "annotations": [{}]{rest}}}"#, all.join(", "))
    }

    #[test]
    fn annotations_are_counted_by_number_or_name() {
        let plain = annotations("");
        let named = annotations(&format!(", {CATEGORIES}"));
        assert_eq!(counts(&plain, None).unwrap(), [3, 1, 2]);
        assert_eq!(counts(&named, None).unwrap(), [3, 1, 2]);
        assert_eq!(counts(&named, Some(["cat", "ant", "bee"])).unwrap(), [2, 3, 1]);
        let names = with_file("annotations.json", &named, |file| read_names(&file.into())).unwrap();
        assert_eq!(names, ["ant", "bee", "cat"]);
        let with_empty = named.replace(r#""category_id": 1}"#, r#""category_id": 0}"#);
        assert_eq!(counts(&with_empty, None).unwrap(), [4, 0, 2]);
    }

    #[test]
    fn gaps_and_objects_are_refused() {
        let gaps = annotations(&format!(", {}", CATEGORIES.replace(": 2", ": 7")))
            .replace("category_id\": 2", "category_id\": 7");
        let said = counts(&gaps, None).unwrap_err();
        assert!(said.contains("not numbered from 0 to 2; give their names with `class-names`"), "{said}");
        assert_eq!(counts(&gaps, Some(["bee", "cat", "ant"])).unwrap(), [1, 2, 3]);
        let said = counts(&annotations("").replace("image_id\": 3", "image_id\": 0"), None).unwrap_err();
        assert!(said.contains("the image \"0\" has several annotations"), "{said}");
        let said = counts(&annotations(&format!(", {CATEGORIES}")), Some(["ant", "bee", "emu"])).unwrap_err();
        assert!(said.contains("\"cat\""), "{said}");
    }
}
