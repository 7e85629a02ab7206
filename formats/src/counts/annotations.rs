//! Training counts from annotations of images in JSON, as iNaturalist, COCO and ImageNet-LT have
//! them: `{"annotations": [{"image_id": 7, "category_id": 3}, ...], "categories": [{"id": 3,
//! "name": "cat"}, ...]}`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::says::Says;
use super::{Found, instead};
use crate::Result;
use crate::budget::Budget;
use crate::quoting::quoted;

/// Bytes charged for an annotation, an image or a class.
const ENTRY: u64 = 160;
const REMEDY: &str = "give the number of training images of each class";
const PLACE: &str = "the annotations";

/// What is looked at; all else costs nothing.
#[derive(Deserialize)]
struct Annotated<'t> {
    #[serde(borrow)]
    annotations: Vec<Annotation<'t>>,
    #[serde(borrow, default)]
    categories: Vec<Category<'t>>,
    #[serde(borrow, default)]
    images: Vec<Image<'t>>,
    num_classes: Option<u64>,
}

#[derive(Deserialize)]
struct Annotation<'t> {
    #[serde(deserialize_with = "number")]
    category_id: u64,
    #[serde(borrow)]
    image_id: Option<Id<'t>>,
    #[serde(borrow, alias = "file_name")]
    fpath: Option<Cow<'t, str>>,
    #[serde(borrow, alias = "subset")]
    split: Option<Cow<'t, str>>,
}

#[derive(Deserialize)]
struct Category<'t> {
    #[serde(deserialize_with = "number")]
    id: u64,
    #[serde(borrow)]
    name: Option<Cow<'t, str>>,
}

#[derive(Deserialize)]
struct Image<'t> {
    #[serde(borrow)]
    id: Option<Id<'t>>,
    #[serde(borrow)]
    file_name: Option<Cow<'t, str>>,
    #[serde(borrow, alias = "subset")]
    split: Option<Cow<'t, str>>,
}

#[derive(Deserialize, PartialEq, Eq, Hash)]
#[serde(untagged)]
enum Id<'t> {
    Number(u64),
    #[serde(borrow)]
    Text(Cow<'t, str>),
}

/// The number of a class, also as a text.
fn number<'t, D: Deserializer<'t>>(deserializer: D) -> Result<u64, D::Error> {
    match Id::deserialize(deserializer)? {
        Id::Number(number) => Ok(number),
        Id::Text(text) => text.trim().parse().map_err(|_| D::Error::custom("a text in place of a number")),
    }
}

impl Id<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => quoted(text),
        }
    }
}

/// Counts the annotations of each class; `None` of any other text.
pub(super) fn count(
    file: &Path,
    text: &str,
    num_classes: usize,
    by_name: bool,
    budget: &mut Budget,
) -> Option<Result<Found>> {
    if !text.trim_start().starts_with('{') || !text.contains("\"annotations\"") {
        return None;
    }
    // An entry has at least so many characters before it is read.
    let cost = (text.matches('{').count() as u64).saturating_mul(ENTRY);
    if let Err(exceeded) = budget.spend(cost) {
        return Some(Err(exceeded.of(file, PLACE.to_owned())));
    }
    let all: Annotated<'_> = serde_json::from_str(text).ok()?;
    Some(counted(file, &all, num_classes, by_name))
}

fn counted(file: &Path, all: &Annotated<'_>, num_classes: usize, by_name: bool) -> Result<Found> {
    let refused = |found: String, remedy: &str| Err(instead(file, PLACE, found, remedy));
    if let Some(found) = other_split(all) {
        return refused(found, "keep the annotations of the training images alone");
    }
    if let Some(said) = all.num_classes.filter(|&said| said != num_classes as u64) {
        return refused(format!("num_classes is {said}, and the model has {num_classes}"), REMEDY);
    }
    let mut seen = HashSet::new();
    if let Some(image) = all.annotations.iter().filter_map(|one| one.image_id.as_ref()).find(|id| !seen.insert(*id)) {
        return refused(
            format!("the image {} has several annotations, which are objects in it", image.shown()),
            REMEDY,
        );
    }
    let mut counts: BTreeMap<u64, u64> = all.categories.iter().map(|category| (category.id, 0)).collect();
    for one in &all.annotations {
        let count = counts.entry(one.category_id).or_default();
        *count = count.saturating_add(1);
    }
    let place = |id: u64| format!("category {id}");
    let names: HashMap<u64, &str> =
        all.categories.iter().filter_map(|category| Some((category.id, category.name.as_deref()?))).collect();
    if by_name && names.len() == counts.len() {
        let entry = |(&id, &count): (&u64, &u64)| Some(((*names.get(&id)?).to_owned(), count, place(id)));
        return Ok(Found::ByClass(counts.iter().filter_map(entry).collect()));
    }
    if !counts.keys().copied().eq(0..counts.len() as u64) {
        let found = format!("the categories are not numbered from 0 to {}", counts.len().saturating_sub(1));
        return refused(found, "give their names with `class-names`");
    }
    Ok(Found::ByClass(counts.into_iter().map(|(id, count)| (id.to_string(), count, place(id))).collect()))
}

/// What says that images of another split than the training are there: a field of theirs, or a
/// folder in the path of an image.
fn other_split(all: &Annotated<'_>) -> Option<String> {
    let annotated: HashSet<&Id<'_>> = all.annotations.iter().filter_map(|one| one.image_id.as_ref()).collect();
    let images = all.images.iter().filter(|image| image.id.as_ref().is_none_or(|id| annotated.contains(id)));
    let of_images = images.map(|image| (image.file_name.as_deref(), image.split.as_deref()));
    let of_annotations = all.annotations.iter().map(|one| (one.fpath.as_deref(), one.split.as_deref()));
    of_annotations.chain(of_images).find_map(|(path, split)| {
        let is_other = |word: &&str| Says::of(word) == Says::OtherSplit;
        if let Some(split) = split.filter(is_other) {
            return Some(format!("one of them is of the split {}", quoted(split)));
        }
        let path = path?;
        let folders = path.rsplit_once(['/', '\\']).map_or("", |(folders, _)| folders);
        let folder = folders.split(['/', '\\']).find(is_other)?;
        Some(format!("an image lies in {}", quoted(folder)))
    })
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
        let as_texts = named.replace("\"id\": 0", "\"id\": \"0\"").replace("category_id\": 2", "category_id\": \"2\"");
        assert!(as_texts.contains("\"id\": \"0\", \"name\"") && as_texts.contains("\"category_id\": \"2\""));
        assert_eq!(counts(&as_texts, None).unwrap(), [3, 1, 2]);
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
        assert!(said.contains("the image 0 has several annotations"), "{said}");
        for (rest, problem) in [
            (r#", "num_classes": 1000"#, "num_classes is 1000, and the model has 3"),
            (r#", "images": [{"id": 2, "file_name": "val/a.jpg"}]"#, "an image lies in \"val\""),
            (r#", "images": [{"id": 2, "split": "test"}]"#, "of the split \"test\""),
        ] {
            let said = counts(&annotations(rest), None).unwrap_err();
            assert!(said.contains(problem), "{rest}: {said}");
        }
        let unused = annotations(r#", "images": [{"id": 77, "file_name": "val/a.jpg"}]"#);
        assert_eq!(counts(&unused, None).unwrap(), [3, 1, 2], "an image without an annotation is not counted");
        let said = counts(&annotations(&format!(", {CATEGORIES}")), Some(["ant", "bee", "emu"])).unwrap_err();
        assert!(said.contains("\"cat\""), "{said}");
    }
}
