//! Names of the classes that a file has beside its scores, in the order of their columns.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use super::names::{LABEL_NAMES, plain};
use super::{PredictionsError, Reading};
use crate::Result;
use crate::array::Array;
use crate::budget::{Budget, Exceeded};
use crate::named::Named;
use crate::quoting::{quoted, quoted_list};
use crate::weights::Saved;
use crate::words::Words;

/// What people call them.
const NAMES: Words = Words(
    "class_names classnames classes classes_ class_labels names label_names labels_names target_names categories \
     idx_to_class idx2class class_to_idx class2idx id2label label2id idx_to_label idx2label label_to_idx label2idx",
);

/// Bytes charged for a name beside its own.
const NAME: u64 = 96;

/// Names of the classes, and what they are called.
#[derive(Debug, Clone)]
pub(super) struct OwnNames {
    called: String,
    names: Vec<String>,
}

/// Whether an array of this name may be the names of the classes.
pub(super) fn is_usual(name: &str) -> bool {
    NAMES.contains(&plain(name))
}

/// Turns dictionaries of numbers by name or names by number, 0 to K - 1, that are called so into
/// lists of names; gives anything else back.
pub(super) fn listed<'a>(saved: Saved<'a>, budget: &mut Budget) -> Result<Saved<'a>, Exceeded> {
    let Saved::Dictionary(entries) = saved else { return Ok(saved) };
    let listed = |(key, value): (String, Saved<'a>)| {
        let names = match &value {
            Saved::Dictionary(names) if is_usual(&key) => {
                budget.spend((names.len() as u64).saturating_mul(NAME))?;
                by_number(names)
            }
            _ => None,
        };
        let value = match names {
            Some(names) => Saved::List(names.into_iter().map(Saved::Text).collect()),
            // Nested no deeper than the reader lets containers be.
            None => listed(value, budget)?,
        };
        Ok((key, value))
    };
    entries.into_iter().map(listed).collect::<Result<_, _>>().map(Saved::Dictionary)
}

/// The names in the order of their numbers.
fn by_number(entries: &[(String, Saved<'_>)]) -> Option<Vec<String>> {
    let mut names = vec![None; entries.len()];
    for (key, value) in entries {
        let (number, name) = match value {
            Saved::Number(number) if number.fract() == 0.0 && *number >= 0.0 => (*number as usize, key),
            Saved::Text(name) => (key.parse().ok()?, name),
            _ => return None,
        };
        if names.get_mut(number)?.replace(name.clone()).is_some() {
            return None;
        }
    }
    names.into_iter().collect()
}

/// Takes the names of the classes out of the arrays: texts, all different, as many as one of the
/// other arrays has columns.
pub(super) fn taken(
    file: &Path,
    arrays: &mut Vec<Named<'_>>,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Vec<OwnNames>> {
    let keys = [&reading.keys.logits, &reading.keys.labels, &reading.keys.index];
    let has_label =
        |but: &str| arrays.iter().any(|named| named.name != but && LABEL_NAMES.contains(&plain(&named.name)));
    let columns = |array: &Array<'_>| {
        let shape = array.squeezed_shape(2);
        let classes = *shape.last().filter(|_| shape.len() > 1 && array.may_be_scores())?;
        Some((array.len().checked_div(classes)?, classes))
    };
    let is_one = |named: &Named<'_>| {
        let Some(array) = named.array.as_ref().ok().filter(|array| array.element().is_none()) else { return false };
        let [count] = *array.shape else { return false };
        let fits =
            |(samples, classes): (usize, usize)| classes == count && (samples != count || has_label(&named.name));
        let mut others = arrays.iter().filter_map(|named| named.array.as_ref().ok()).filter_map(columns);
        count > 1 && is_usual(&named.name) && !keys.contains(&&Some(named.name.clone())) && others.any(fits)
    };
    let are: Vec<bool> = arrays.iter().map(is_one).collect();
    let mut found = Vec::new();
    let mut rest = Vec::new();
    for (named, is_one) in std::mem::take(arrays).into_iter().zip(are) {
        let texts = match &named.array {
            Ok(array) if is_one => array.texts(file, &named.name, budget)?,
            _ => None,
        };
        match texts.filter(|names| names.iter().collect::<BTreeSet<_>>().len() == names.len()) {
            Some(names) => found.push(OwnNames { called: named.name, names }),
            None => rest.push(named),
        }
    }
    *arrays = rest;
    Ok(found)
}

/// What own names say of scores and labels.
pub(super) struct Applied<'r> {
    pub(super) reading: Cow<'r, Reading>,
    pub(super) note: Option<String>,
    pub(super) doubts: Vec<String>,
}

/// Compares own names with those given, which have to be in the same order; without any, labels
/// that are texts are understood by the own ones.
pub(super) fn applied<'r>(
    file: &Path,
    own: &[OwnNames],
    labels: &Array<'_>,
    reading: &'r Reading,
) -> Result<Applied<'r>> {
    let mut applied = Applied { reading: Cow::Borrowed(reading), note: None, doubts: Vec::new() };
    let Some(given) = &reading.class_names else {
        let first = own.first().filter(|first| own.iter().all(|other| other.names == first.names));
        if let Some(OwnNames { called, names }) = first.filter(|_| labels.element().is_none()) {
            applied.reading = Cow::Owned(Reading { class_names: Some(names.clone()), ..reading.clone() });
            applied.note = Some(format!("labels are understood by the names in {}", quoted(called)));
        }
        return Ok(applied);
    };
    let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    for OwnNames { called, names } in own {
        if names == given {
            continue;
        }
        if set(names) == set(given) && names.len() == given.len() {
            let (file, name, names) = (file.to_path_buf(), quoted(called), quoted_list(names));
            return Err(PredictionsError::OtherClassOrder { file, name, names }.into());
        }
        applied.doubts.push(format!(
            "{} calls the classes {}, and `class-names` others: are these the names of the same columns, in this \
             order?",
            quoted(called),
            quoted_list(names)
        ));
    }
    Ok(applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::{PredictionSource, Predictions, read_as};
    use crate::testing::{archive, npy, with_file};

    fn named(content: impl AsRef<[u8]>, names: &[&str]) -> Result<Predictions> {
        with_file("p", content, |file| {
            let class_names = (!names.is_empty()).then(|| names.iter().map(|&name| name.to_owned()).collect());
            let reading = Reading { class_names, ..Reading::default() };
            read_as(&PredictionSource::File(file.to_path_buf()), &reading)
        })
    }

    const SCORES: &str = r#""logits": [[2, 1, 0], [1, 2, 0], [0, 1, 3], [0, 1, 2]]"#;
    const LABELS: &str = r#""labels": ["cat", "dog", "emu", "cat"]"#;

    fn texts(texts: &[&str]) -> Vec<u8> {
        let of = |text: &&str| format!("{text:\0<3}").chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        let bytes: Vec<u8> = texts.iter().flat_map(|text| -> Vec<u8> { of(text) }).collect();
        npy("<U3", &format!("({},)", texts.len()), &bytes)
    }

    fn files() -> Vec<Vec<u8>> {
        let mut files: Vec<Vec<u8>> = [
            r#""classes": ["cat", "dog", "emu"]"#,
            r#""class_names": ["cat", "dog", "emu"]"#,
            r#""class_to_idx": {"emu": 2, "cat": 0, "dog": 1}"#,
            r#""id2label": {"2": "emu", "0": "cat", "1": "dog"}"#,
            r#""names": {"0": "cat", "1": "dog", "2": "emu"}"#,
        ]
        .iter()
        .map(|names| format!("{{{SCORES}, {LABELS}, {names}}}").into_bytes())
        .collect();
        let scores: Vec<u8> =
            [2_f32, 1., 0., 1., 2., 0., 0., 1., 3., 0., 1., 2.].iter().flat_map(|score| score.to_le_bytes()).collect();
        for called in ["class_names", "classes_"] {
            let members: [(&str, &[u8]); 3] = [
                ("logits.npy", &npy("<f4", "(4, 3)", &scores)),
                ("labels.npy", &texts(&["cat", "dog", "emu", "cat"])),
                (&format!("{called}.npy"), &texts(&["cat", "dog", "emu"])),
            ];
            files.push(archive(&members, false));
        }
        files
    }

    #[test]
    fn names_beside_the_scores_say_the_order_of_the_columns() {
        for file in files() {
            let shown = String::from_utf8_lossy(&file).into_owned();
            for names in [&["cat", "dog", "emu"][..], &[]] {
                let found = named(&file, names).unwrap_or_else(|error| panic!("{shown}: {error}"));
                assert_eq!(found.labels.to_vec(), [0, 1, 2, 0], "{shown}");
                let note = found.notes.iter().any(|note| note.contains("understood by the names in"));
                assert_eq!(note, names.is_empty(), "{shown} {:?}", found.notes);
                assert!(!found.doubts.iter().any(|doubt| doubt.contains("calls the classes")), "{:?}", found.doubts);
            }
            let refused = named(&file, &["dog", "cat", "emu"]).unwrap_err().to_string();
            assert!(refused.contains("in the order of") && refused.contains("\"cat\", \"dog\", \"emu\""), "{refused}");
        }
        let numbers = format!(r#"{{{SCORES}, "labels": [0, 1, 2, 0], "classes": ["cat", "dog", "emu"]}}"#);
        assert_eq!(named(&numbers, &[]).unwrap().labels.to_vec(), [0, 1, 2, 0]);
        assert!(named(&numbers, &["dog", "cat", "emu"]).is_err());
        let doubts = named(&numbers, &["ant", "bee", "fly"]).unwrap().doubts.join(" ");
        assert!(doubts.contains("\"classes\" calls the classes \"cat\""), "{doubts}");
    }

    #[test]
    fn texts_that_are_the_labels_are_no_names_of_classes() {
        let square = r#"{"logits": [[2, 1, 0], [1, 2, 0], [0, 1, 3]], "classes": ["dog", "cat", "emu"]}"#;
        assert_eq!(named(square, &["cat", "dog", "emu"]).unwrap().labels.to_vec(), [1, 0, 2]);
        let labels = format!(r#"{{{SCORES}, "classes": ["cat", "dog", "emu", "cat"]}}"#);
        assert_eq!(named(labels, &["cat", "dog", "emu"]).unwrap().labels.to_vec(), [0, 1, 2, 0]);
    }

    #[test]
    fn names_in_the_scores_of_a_pair_are_compared() {
        let folder = tempfile::tempdir().unwrap();
        let (logits, labels) = (folder.path().join("s.json"), folder.path().join("l.json"));
        std::fs::write(&logits, format!(r#"{{{SCORES}, "classes": ["cat", "dog", "emu"]}}"#)).unwrap();
        std::fs::write(&labels, r#"["cat", "dog", "emu", "cat"]"#).unwrap();
        let source = PredictionSource::Pair { logits, labels };
        assert_eq!(read_as(&source, &Reading::default()).unwrap().labels.to_vec(), [0, 1, 2, 0]);
        let class_names = Some(["dog", "cat", "emu"].map(str::to_owned).to_vec());
        let refused = read_as(&source, &Reading { class_names, ..Reading::default() }).unwrap_err().to_string();
        assert!(refused.contains("s.json: the scores are in the order of \"classes\""), "{refused}");
    }
}
