//! Statements of a foreign model's files on its training, held against what is given and the
//! images show. What is done is what is given; a word is said where the files say something
//! else.
//!
//! A statement is an entry with a usual name: of what a program saved beside its weights
//! (`args.cls_num_list`), of buffers among them (`criterion.cls_num_list`), or of the settings
//! beside the file. Where one file has several of a kind (best and last accuracy, size before and
//! after a crop), one that agrees is enough.

mod accuracy;
mod counts;
mod data_set;
mod imbalance;
mod names;
mod normalisation;
mod size;

use std::path::Path;

use car_spectral_data::{DataKind, Normalisation};
use car_spectral_formats::Content;
#[cfg(feature = "torch")]
use car_spectral_formats::weights::{TensorData, Weights};
use serde_json::{Map, Value};

use crate::results::Warning;
use crate::subject::Scored;
use crate::words::readable;
pub(super) use normalisation::Normaliser;

/// Files in which programs say what a model is.
const SETTINGS: [&str; 2] = ["preprocessor_config.json", "config.json"];
/// Bytes of such a file, at most.
const MOST_BYTES: u64 = 1 << 20;
/// Containers in each other that are looked into.
const MAX_DEPTH: usize = 8;
/// Values shown in a sentence.
const SHOWN: usize = 3;

/// What a model was run with, and what it gave.
pub(super) struct Given<'a> {
    pub file: &'a Path,
    pub data: DataKind,
    pub normalisation: &'a Normalisation,
    /// C, H, W of the network's input.
    pub shape: [usize; 3],
    /// Training images of each class.
    pub counts: &'a [u64],
    pub class_names: &'a [String],
    pub test: &'a Scored,
}

/// What the files of one model state.
#[derive(Debug, Default)]
pub(super) struct Stated {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    name: String,
    content: Map<String, Value>,
}

/// An entry that may state something.
struct Entry<'a> {
    /// Where it stands, for a sentence.
    place: String,
    /// The keys that lead to it, in lower case.
    path: String,
    /// The last part of its key, in lower case.
    key: String,
    value: &'a Value,
    /// The entries beside it.
    among: &'a Map<String, Value>,
}

/// What an entry says of what is given.
enum Answer {
    Agrees,
    Differs(Warning),
}

/// Tells what an entry says; `None` for one of another kind.
type Question = fn(&Entry<'_>, &Given<'_>) -> Option<Answer>;

const QUESTIONS: [Question; 8] = [
    normalisation::answer,
    counts::answer,
    imbalance::answer,
    names::answer,
    names::number,
    data_set::answer,
    size::answer,
    accuracy::answer,
];

impl Stated {
    /// Reads what stands beside the weights of a file, and in buffers among them.
    #[cfg(feature = "torch")]
    pub fn of(weights: &Weights) -> Self {
        let mut content = weights.beside.as_object().cloned().unwrap_or_default();
        let buffers = weights.tensors.iter().filter(|(name, _)| counts::is_key(&last_of(name)));
        let buffers = buffers.map(|(name, tensor)| {
            let numbers = match &tensor.data {
                TensorData::F32(values) => Value::from(values.clone()),
                TensorData::F64(values) => Value::from(values.clone()),
                TensorData::I64(values) => Value::from(values.clone()),
                TensorData::Bool(_) => Value::Null,
            };
            (name.clone(), numbers)
        });
        content.extend(buffers);
        Self { sources: vec![Source { name: "the file".to_owned(), content }] }
    }

    /// Adds what the settings beside a file say.
    #[must_use]
    pub fn with_settings(mut self, file: &Path) -> Self {
        self.sources.extend(SETTINGS.iter().filter_map(|name| {
            let path = file.with_file_name(name);
            let is_small = path.metadata().is_ok_and(|found| found.is_file() && found.len() <= MOST_BYTES);
            let content = is_small.then(|| Content::read(&path).ok()).flatten()?;
            let Ok(Value::Object(content)) = serde_json::from_slice(content.bytes()) else { return None };
            Some(Source { name: format!("{name} beside the file"), content })
        }));
        self
    }

    /// The warnings where files state something else than is given: one of a kind and file.
    pub fn against(&self, given: &Given<'_>) -> Vec<Warning> {
        self.sources.iter().flat_map(|source| source.against(given)).collect()
    }
}

impl Source {
    fn against(&self, given: &Given<'_>) -> Vec<Warning> {
        let mut entries = Vec::new();
        self.add_entries(&self.content, "", &mut entries, 0);
        let warning = |question: &Question| {
            let mut first = None;
            for answer in entries.iter().filter_map(|entry| question(entry, given)) {
                match answer {
                    Answer::Agrees => return None,
                    Answer::Differs(warning) => first = first.or(Some(warning)),
                }
            }
            first
        };
        // Counts that differ have another imbalance as well: of one cause the first sentence is said.
        let mut warnings: Vec<Warning> = Vec::new();
        for found in QUESTIONS.iter().filter_map(warning) {
            if warnings.iter().all(|other| other.id != found.id) {
                warnings.push(found);
            }
        }
        warnings
    }

    fn add_entries<'a>(&self, level: &'a Map<String, Value>, path: &str, found: &mut Vec<Entry<'a>>, depth: usize) {
        for (key, value) in level {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            if let Some(inner) = value.as_object().filter(|_| depth < MAX_DEPTH) {
                self.add_entries(inner, &path, found, depth + 1);
            }
            let place = format!("{} in {}", readable(&path), self.name);
            found.push(Entry { place, path: path.to_ascii_lowercase(), key: last_of(key), value, among: level });
        }
    }
}

impl Entry<'_> {
    /// Whether one of these words is a part of the keys that lead here.
    fn is_below(&self, words: &[&str]) -> bool {
        self.path.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| words.contains(&part))
    }
}

/// The last part of a name, as keys are compared.
fn last_of(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase().replace('-', "_")
}

/// The number that a value is, also alone in a list or as text.
fn number(value: &Value) -> Option<f64> {
    match numbers(value)?[..] {
        [number] => Some(number),
        _ => None,
    }
}

/// The numbers that a value is: one, a list of them, or text as Python prints these.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    match value {
        Value::Number(number) => Some(vec![number.as_f64()?]),
        Value::Array(values) => values.iter().map(Value::as_f64).collect(),
        Value::String(text) => {
            let inner = text.trim().trim_start_matches(['[', '(']).trim_end_matches([']', ')', ',']);
            inner.split(',').map(|part| part.trim().parse().ok().filter(|number: &f64| number.is_finite())).collect()
        }
        _ => None,
    }
}

/// The first numbers of a list, for a sentence.
fn beginning(values: &[f64]) -> String {
    let shown: Vec<String> = values.iter().take(SHOWN).map(f64::to_string).collect();
    if values.len() > SHOWN { format!("{}, ...", shown.join(", ")) } else { shown.join(", ") }
}

#[cfg(test)]
mod tests {
    use car_spectral_formats::predictions::Logits;
    use ndarray::{Array1, Array2};
    use serde_json::json;

    use super::*;

    /// Ids and sentences of what `content`, saved in `file`, says against a run on CIFAR-10 of 1000
    /// samples with 700 right, 100 a class, at 32 pixels and mean and deviation 0.5, trained on
    /// 5000 to 50 images a class.
    pub(super) fn warned_in(file: &str, content: &Value) -> Vec<(String, String)> {
        let mut scores = Array2::<f32>::zeros((1000, 10));
        let labels: Array1<usize> = (0..1000).map(|sample| sample % 10).collect();
        (0..1000).for_each(|sample| scores[(sample, if sample < 700 { sample % 10 } else { (sample + 1) % 10 })] = 1.0);
        let counts = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50];
        let names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
        let given = Given {
            file: Path::new(file),
            data: DataKind::Cifar10,
            normalisation: &Normalisation::new(vec![0.5; 3], vec![0.25; 3]).unwrap(),
            shape: [3, 32, 32],
            counts: &counts,
            class_names: &names.map(str::to_owned),
            test: &Scored { logits: Logits::F32(scores), labels },
        };
        let content = content.as_object().unwrap().clone();
        let stated = Stated { sources: vec![Source { name: "the file".to_owned(), content }] };
        stated.against(&given).into_iter().map(|warning| (warning.id, warning.sentence)).collect()
    }

    /// Checks that each of `agree` says nothing, and each of `differ` is warned of under `id` with
    /// its words.
    pub(super) fn check(id: &str, agree: &[Value], differ: &[(Value, &str)]) {
        for content in agree {
            assert_eq!(warned_in("w.pth", content), [], "{content}");
        }
        for (content, words) in differ {
            let found = warned_in("w.pth", content);
            assert!(
                matches!(&found[..], [(found, said)] if found == id && said.contains(words)),
                "{content}: {found:?}"
            );
        }
    }

    #[test]
    fn one_statement_of_a_kind_that_agrees_is_enough_and_each_kind_has_its_word() {
        let all = json!({"args": {"num_classes": 100, "dataset": "cifar100"}, "best_acc1": 30.0});
        let ids: Vec<String> = warned_in("w.pth", &all).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, ["stated-classes", "stated-data", "stated-accuracy"]);
        assert_eq!(warned_in("w.pth", &json!({"best_acc": 0.9, "acc": 0.7, "crop_size": 32, "img_size": 40})), []);
    }

    #[test]
    fn settings_beside_a_file_state_as_the_file_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("model.safetensors");
        let said = |settings: &str| {
            std::fs::write(folder.path().join(SETTINGS[1]), settings).unwrap();
            let stated = Stated::default().with_settings(&file);
            let content = stated.sources.first().map(|source| Value::Object(source.content.clone()));
            content.map_or_else(Vec::new, |content| warned_in("w.pth", &content))
        };
        for none in ["{", "[]", "{}", r#"{"num_classes": 10, "pretrained_cfg": {"num_classes": 1000}}"#] {
            assert_eq!(said(none), [], "{none}");
        }
        assert_eq!(said(r#"{"num_classes": 20}"#)[0].0, "stated-classes");
    }

    #[test]
    fn numbers_are_read_as_programs_keep_them() {
        for (value, expected) in [
            (json!(3), Some(vec![3.0])),
            (json!([0.5, 1]), Some(vec![0.5, 1.0])),
            (json!("(0.5, 1.0,)"), Some(vec![0.5, 1.0])),
            (json!("0.5"), Some(vec![0.5])),
            (json!("none"), None),
            (json!([0.5, "a"]), None),
            (json!(null), None),
        ] {
            assert_eq!(numbers(&value), expected, "{value}");
        }
    }
}
