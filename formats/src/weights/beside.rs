//! Contents of a saved object beside the weights, in the shape of JSON: settings, names, counts,
//! accuracies.
//!
//! It is only looked at to find what contradicts the rest, so whatever is large or of a kind
//! without a place in JSON is left out, and nothing here makes a file unreadable.

use serde_json::{Map, Number, Value as Json};

use super::layout::StorageBytes;
use super::parts::{Saved, Walk};
use super::pickle::{Heap, Value};
use super::usual::is_state_of_training;

/// Containers in each other.
const MAX_DEPTH: usize = 8;
/// Values in all.
const MOST: usize = 1 << 16;
/// Values of a list: one of more is none of classes, but of samples or steps.
const LONGEST: usize = 1 << 13;
/// Tensors in a dictionary beyond which it is one of weights.
const MOST_TENSORS: usize = 16;
/// Bytes charged for a value, the characters of its key left out.
const NODE: u64 = 160;
/// Bytes of a storage that is read for a small part of it.
const MOST_STORAGE: u64 = 1 << 22;

/// The object but for `weights`, which were read from it.
pub(super) fn of_saved<S: StorageBytes>(walk: &mut Walk<'_, '_, S>, root: Value, weights: &[Value]) -> Json {
    // Of many, all but those of modules are in a dictionary of too many tensors.
    let weights = if weights.len() > MOST_TENSORS { &[] } else { weights };
    let mut outline = Outline { walk, weights, left: MOST };
    outline.value(root, 0).unwrap_or(Json::Null)
}

struct Outline<'o, 'a, 'b, S> {
    walk: &'o mut Walk<'a, 'b, S>,
    weights: &'o [Value],
    left: usize,
}

impl<S: StorageBytes> Outline<'_, '_, '_, S> {
    /// Takes room for this many values; `None` where there is none.
    fn take(&mut self, values: usize) -> Option<()> {
        self.left = self.left.checked_sub(values)?;
        self.walk.spend(NODE.saturating_mul(values as u64)).ok()
    }

    /// A value; `None` for what is left out.
    fn value(&mut self, value: Value, depth: usize) -> Option<Json> {
        if depth > MAX_DEPTH || self.weights.contains(&value) {
            return None;
        }
        self.take(1)?;
        let pickle = self.walk.pickle;
        let heap = &pickle.heap;
        match value {
            Value::Bool(truth) => Some(Json::Bool(truth)),
            Value::Integer(integer) => Some(Json::from(integer)),
            Value::Float(number) => Number::from_f64(number).map(Json::Number),
            Value::Text(text) => self.text(heap.spelled(text)),
            Value::Tensor(at) => {
                let view = heap.tensor(at);
                let storage = heap.storage(view.storage);
                let is_small = storage.elements.saturating_mul(storage.element_size()) <= MOST_STORAGE;
                if is_small { self.array(value, view.shape.iter().product()) } else { None }
            }
            Value::NdArray { at, .. } => self.array(value, heap.array(at).shape.iter().product()),
            Value::List(at) | Value::Tuple(at) => {
                let items = Some(heap.list(at)).filter(|items| items.len() <= LONGEST)?;
                // All of them before any is looked at: a list that many others share is looked at as often.
                self.take(items.len())?;
                // A place is kept, or what follows would move.
                let item = |&item: &Value| self.value(item, depth.saturating_add(1)).unwrap_or(Json::Null);
                Some(Json::Array(items.iter().map(item).collect()))
            }
            Value::Dictionary(_) => self.entries(value, depth),
            Value::Object { entries, .. } => self.entries(Value::Dictionary(entries), depth),
            _ => None,
        }
    }

    fn entries(&mut self, value: Value, depth: usize) -> Option<Json> {
        let pickle = self.walk.pickle;
        let entries = pickle.heap.entries(value)?;
        self.take(entries.len())?;
        if entries.values().filter(|value| matches!(value, Value::Tensor(_))).count() > MOST_TENSORS {
            return None;
        }
        let mut named = Vec::new();
        for (&key, &value) in entries {
            let key = pickle.heap.key(key);
            self.walk.spend((key.len() as u64).saturating_mul(2)).ok()?;
            named.push((key, value));
        }
        // Where there is no room for all, the same are left out each time.
        named.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut found = Map::new();
        for (key, value) in named {
            if is_state_of_training(&key) && is_container(&pickle.heap, value) {
                continue;
            }
            if let Some(value) = self.value(value, depth.saturating_add(1)) {
                found.insert(key, value);
            }
        }
        Some(Json::Object(found))
    }

    fn text(&mut self, text: &str) -> Option<Json> {
        self.walk.spend(text.len() as u64).ok()?;
        Some(Json::String(text.to_owned()))
    }

    /// The elements of an array, row by row where it has two axes; of one element that element.
    fn array(&mut self, value: Value, elements: u64) -> Option<Json> {
        self.take(usize::try_from(elements).ok().filter(|&elements| elements <= LONGEST)?)?;
        let Saved::Array(array) = self.walk.part(value, 0).ok()? else { return None };
        let mut numbers = Vec::new();
        let told = array.for_each_number(|number| {
            let number = number.map_or_else(Number::from_f64, |integer| i64::try_from(integer).ok().map(Number::from));
            numbers.push(number.map_or(Json::Null, Json::Number));
            Ok::<_, std::convert::Infallible>(())
        });
        if let Ok(true) = told {
            return match (array.shape.as_slice(), numbers.as_slice()) {
                ([], [_]) => numbers.pop(),
                _ => Some(Json::Array(numbers)),
            };
        }
        let file = self.walk.content.file.clone();
        let texts = array.texts(&file, "", self.walk.budget).ok()??;
        Some(Json::Array(texts.into_iter().map(Json::String).collect()))
    }
}

fn is_container(heap: &Heap, value: Value) -> bool {
    heap.entries(value).is_some() || heap.items(value).is_some()
}

/// What the metadata of a .safetensors file say: JSON where a text is that, or else the text.
pub(super) fn of_metadata<'a>(metadata: impl Iterator<Item = (&'a String, &'a String)>) -> Json {
    /// Bytes of a text that is looked into.
    const LONGEST: usize = 1 << 16;
    let parsed = |text: &String| match serde_json::from_str(text) {
        Ok(value) if text.len() <= LONGEST => value,
        _ => Json::String(text.clone()),
    };
    Json::Object(metadata.map(|(key, text)| (key.clone(), parsed(text))).collect())
}
