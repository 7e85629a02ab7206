//! Choice of the tensors of a saved object that are the weights.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::layout::{StorageBytes, lay_out};
use super::pickle::{Heap, Key, Pickle, Value};
use super::usual::{WEIGHT_KEYS, WHOLE_TRAINING, is_state_of_training};
use super::{Found, Tensor, WeightsError, beside, nameless, parts};
use crate::budget::Budget;
use crate::content::Content;
use crate::quoting::{escaped, quoted, quoted_list};
use crate::{InputError, Result};

/// Containers in each other.
const MAX_DEPTH: usize = 32;

/// What walks over a saved object: each step costs.
struct Walk<'a> {
    content: &'a Content,
    heap: &'a Heap,
    budget: &'a mut Budget,
}

impl<'a> Walk<'a> {
    fn spend(&mut self, bytes: u64) -> Result<()> {
        self.budget.spend(bytes).map_err(|exceeded| exceeded.of(&self.content.file, "saved object".to_owned()))
    }

    fn no_weights(&self, found: String) -> InputError {
        WeightsError::NoWeights { file: self.content.file.clone(), found }.into()
    }

    /// The entries of a dictionary by their keys as texts, or of a list by their places; those with
    /// tensors below are marked.
    fn level(&mut self, value: Value) -> Result<BTreeMap<String, (Value, bool)>> {
        let mut level = BTreeMap::new();
        for (key, value) in self.entries(value)? {
            let key = self.key(key)?;
            let holds = self.holds_tensor(value, 0)?;
            if level.insert(key.clone(), (value, holds)).is_some() {
                // 1 and "1".
                return Err(self.twice("key", &key));
            }
        }
        Ok(level)
    }

    /// The entries of a dictionary, or of a list of names with tensors; those of another list by
    /// their places.
    fn entries(&mut self, value: Value) -> Result<Vec<(Key, Value)>> {
        /// Bytes charged for an entry.
        const ENTRY: u64 = size_of::<(Key, Value)>() as u64;
        let heap = self.heap;
        if let Some(entries) = heap.entries(value) {
            self.spend(ENTRY.saturating_mul(entries.len() as u64))?;
            return Ok(entries.iter().map(|(&key, &value)| (key, value)).collect());
        }
        let items = heap.items(value).unwrap_or_default();
        self.spend(ENTRY.saturating_mul(2).saturating_mul(items.len() as u64))?;
        let places = items.iter().enumerate().map(|(place, &value)| (Key::Integer(place as i64), value));
        Ok(heap.named_tensors(value).unwrap_or_else(|| places.collect()))
    }

    fn twice(&self, what: &str, name: &str) -> InputError {
        InputError::Duplicate { file: self.content.file.clone(), name: format!("{what} {}", quoted(name)) }
    }

    fn key(&mut self, key: Key) -> Result<String> {
        let text = self.heap.key(key);
        self.spend((text.len() as u64).saturating_mul(2).saturating_add(96))?;
        Ok(text)
    }

    fn parts(&mut self, value: Value, depth: usize) -> Result<Vec<Value>> {
        let heap = self.heap;
        let count = heap
            .entries(value)
            .map_or(0, |entries| entries.len())
            .saturating_add(heap.items(value).map_or(0, <[Value]>::len));
        self.spend((count as u64).saturating_mul(16).saturating_add(16))?;
        if depth > MAX_DEPTH && count > 0 {
            return Err(self.no_weights(format!("containers nested more than {MAX_DEPTH} deep")));
        }
        let items = heap.items(value).unwrap_or_default().iter();
        Ok(heap.entries(value).into_iter().flat_map(|entries| entries.values()).chain(items).copied().collect())
    }

    fn holds_tensor(&mut self, value: Value, depth: usize) -> Result<bool> {
        if matches!(value, Value::Tensor(_)) {
            return Ok(true);
        }
        for part in self.parts(value, depth)? {
            if self.holds_tensor(part, depth.saturating_add(1))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds the tensors below by their dotted names.
    fn collect(&mut self, value: Value, name: &str, depth: usize, found: &mut BTreeMap<String, u32>) -> Result<()> {
        if let Value::Tensor(tensor) = value {
            self.spend((name.len() as u64).saturating_add(256))?;
            return match found.insert(name.to_owned(), tensor) {
                None => Ok(()),
                // {"a.b": ...} and {"a": {"b": ...}}: one name for two tensors.
                Some(_) => Err(self.twice("tensor", name)),
            };
        }
        if depth > MAX_DEPTH {
            return Err(self.no_weights(format!("containers nested more than {MAX_DEPTH} deep")));
        }
        let join = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
        for (key, value) in self.entries(value)? {
            self.spend((name.len() as u64).saturating_add(96))?;
            let key = self.key(key)?;
            self.collect(value, &join(&key), depth.saturating_add(1), found)?;
        }
        Ok(())
    }

    /// Whether a value at a level, or in a dictionary there, is of NumPy.
    fn holds_arrays(&self, level: &BTreeMap<String, (Value, bool)>) -> bool {
        let is_array = |value: &Value| value.passed_over().is_some_and(|name| name.starts_with("numpy"));
        let inside = |value: &Value| self.heap.entries(*value).is_some_and(|entries| entries.values().any(is_array));
        level.values().any(|(value, _)| is_array(value) || inside(value))
    }

    /// Descends to the level at which tensors, or several dictionaries of them, stand.
    fn descend(&mut self, root: Value, key: Option<&str>) -> Result<Chosen> {
        let (mut nesting, mut unread) = (Vec::new(), Vec::new());
        let mut level = self.level(root)?;
        let given = key.map(|key| self.under(root, key)).transpose()?.flatten();
        let is_given = given.is_some();
        if let Some((path, inner)) = given {
            nesting = path;
            level = self.level(inner)?;
        }
        if !level.values().any(|(_, holds)| *holds) {
            let is_array = |item: &Value| matches!(item, Value::NdArray { .. });
            if let Some(items) = self.heap.items(root).filter(|items| items.iter().all(is_array) && !items.is_empty()) {
                return Err(nameless::refused(&self.content.file, items.len(), "arrays of NumPy", &[]).into());
            }
            let arrays =
                if self.holds_arrays(&level) { " but arrays of NumPy, which torch.tensor converts" } else { "" };
            return Err(self.no_weights(format!("no tensors{arrays}; the top-level keys are {}", keys_of(&level))));
        }
        loop {
            let is_top = nesting.is_empty();
            let chosen = self.at_level(&level, is_top, is_given)?;
            if !is_top {
                let left =
                    level.iter().filter(|(key, (_, holds))| *holds && !chosen.iter().any(|(own, _)| own == *key));
                unread.extend(left.map(|(key, _)| format!("{}.{key}", nesting.join("."))));
            }
            let sole = match chosen.as_slice() {
                [(key, inner)] if self.heap.is_named(*inner) => Some((key, inner)),
                _ => None,
            };
            // A single key at the top is a wrapper; further down, unless it is a usual one, it begins the names.
            let Some((key, inner)) = sole.filter(|(key, _)| is_top || WEIGHT_KEYS.contains(key)) else {
                return Ok(Chosen { nesting, values: chosen, unread });
            };
            if nesting.len() == MAX_DEPTH {
                return Err(self.no_weights(format!("containers nested more than {MAX_DEPTH} deep")));
            }
            let next = self.level(*inner)?;
            nesting.push(key.clone());
            level = next;
        }
    }

    /// The dictionary under a key, or under keys joined by dots, that holds tensors.
    fn under(&mut self, root: Value, key: &str) -> Result<Option<(Vec<String>, Value)>> {
        let (mut path, mut at, mut rest) = (Vec::new(), root, key);
        while !rest.is_empty() && path.len() < MAX_DEPTH {
            let level = self.level(at)?;
            let dots = rest.match_indices('.').map(|(dot, _)| dot);
            // The longest beginning that is a key: `model.pt` is one of its own.
            let ends: Vec<usize> = dots.chain([rest.len()]).collect();
            let found = ends.into_iter().rev().find_map(|end| match level.get(&rest[..end]) {
                Some(&(inner, true)) if self.heap.is_named(inner) => Some((end, inner)),
                _ => None,
            });
            let Some((end, inner)) = found else { return Ok(None) };
            path.push(rest[..end].to_owned());
            at = inner;
            rest = rest[end..].trim_start_matches('.');
        }
        Ok((!path.is_empty()).then_some((path, at)))
    }

    /// What may be weights at a level: all that holds tensors, but not the state of a training at
    /// the top or beside a usual key, nor what stands beside one at the top and is no dictionary
    /// (the best accuracy, a curve).
    fn at_level(
        &self,
        level: &BTreeMap<String, (Value, bool)>,
        is_top: bool,
        is_given: bool,
    ) -> Result<Vec<(String, Value)>> {
        let is_dictionary = |value: &Value| self.heap.is_named(*value);
        let is_usual = |key: &str| key.starts_with("state_dict") || WEIGHT_KEYS.contains(key);
        let usual = level.iter().any(|(key, (value, holds))| *holds && is_dictionary(value) && is_usual(key));
        let has_state = is_top || usual && !is_given;
        let may_be = |key: &str, value: &Value| {
            let is_beside = is_top && usual && !is_dictionary(value);
            !(is_beside || has_state && is_state_of_training(key) && is_dictionary(value))
        };
        if let Some((value, true)) = level.get(WHOLE_TRAINING).filter(|_| is_top) {
            return Ok(vec![(WHOLE_TRAINING.to_owned(), *value)]);
        }
        let holding = level.iter().filter(|(_, (_, holds))| *holds);
        let chosen: Vec<(String, Value)> = holding
            .filter(|(key, (value, _))| may_be(key, value))
            .map(|(key, (value, _))| (key.clone(), *value))
            .collect();
        if chosen.is_empty() {
            let keys = keys_of(level);
            let deepspeed = if level.contains_key("ds_version") {
                " (of DeepSpeed: the zero_to_fp32.py beside it makes weights of the parts)"
            } else {
                ""
            };
            return Err(
                self.no_weights(format!("only the state of a training{deepspeed}; the top-level keys are {keys}"))
            );
        }
        Ok(chosen)
    }
}

/// Where the tensors that may be weights stand.
struct Chosen {
    nesting: Vec<String>,
    /// By key.
    values: Vec<(String, Value)>,
    /// Keys below the top that hold tensors and were passed over.
    unread: Vec<String>,
}

fn keys_of(level: &BTreeMap<String, (Value, bool)>) -> String {
    quoted_list(level.keys().filter(|key| *key != "_metadata"))
}

/// Chooses the tensors that are the weights, and lays them out.
pub(super) fn extract(
    content: &Content,
    pickle: &Pickle,
    program: &[u8],
    key: Option<&str>,
    storages: &impl StorageBytes,
    budget: &mut Budget,
) -> Result<Found> {
    let heap = &pickle.heap;
    let mut walk = Walk { content, heap, budget };
    if !matches!(pickle.value, Value::Dictionary(_) | Value::List(_) | Value::Tuple(_)) {
        let what = describe(pickle.value);
        return Err(walk.no_weights(format!("the saved object is {what}, not a dictionary or a list")));
    }
    let Chosen { nesting, values, unread: below } = walk.descend(pickle.value, key)?;
    let mut names = BTreeMap::new();
    for (key, value) in &values {
        walk.collect(*value, key, 0, &mut names)?;
    }
    let dictionaries = values.iter().filter(|(_, value)| heap.is_named(*value));
    let keys: Vec<String> = dictionaries.map(|(key, _)| key.clone()).collect();
    let root = walk.level(pickle.value)?;
    let is_read = |key: &String| match nesting.first() {
        Some(read) => key == read,
        None => values.iter().any(|(chosen, _)| chosen == key),
    };
    let unread = root.iter().filter(|(key, (_, holds))| *holds && !is_read(key)).map(|(key, _)| key.clone());
    let unread: Vec<String> = unread.chain(below).collect();
    let metadata =
        root.iter().filter_map(|(key, (value, _))| Some((key.clone(), scalar_text(heap, *value)?))).collect();
    let passed_over: BTreeSet<String> =
        root.values().filter_map(|(value, _)| value.passed_over()).map(str::to_owned).collect();
    let tensors = lay_out_all(content, heap, names, storages, budget)?;
    let chosen: Vec<Value> = values.iter().map(|(_, value)| *value).collect();
    let beside =
        beside::of_saved(&mut parts::Walk { content, pickle, program, storages, budget }, pickle.value, &chosen);
    Ok(Found { tensors, metadata, beside, nesting, keys, unread, passed_over: passed_over.into_iter().collect() })
}

/// Lays tensors out storage by storage, so that each is unpacked once and one at a time.
fn lay_out_all(
    content: &Content,
    heap: &Heap,
    names: BTreeMap<String, u32>,
    storages: &impl StorageBytes,
    budget: &mut Budget,
) -> Result<BTreeMap<String, Tensor>> {
    let mut by_storage: Vec<(u32, &String, u32)> =
        names.iter().map(|(name, &tensor)| (heap.tensor(tensor).storage, name, tensor)).collect();
    by_storage.sort_unstable();
    let mut tensors = BTreeMap::new();
    let mut current: Option<(u32, Cow<'_, [u8]>)> = None;
    for (storage, name, tensor) in by_storage {
        if current.as_ref().is_none_or(|(at, _)| *at != storage) {
            // The one before is given back first.
            current = None;
        }
        let (_, bytes) = match &mut current {
            Some(current) => current,
            none => none.insert((storage, storages.bytes(heap, heap.storage(storage), budget)?)),
        };
        let view = heap.tensor(tensor);
        tensors.insert(name.clone(), lay_out(&content.file, name, view, bytes, budget)?);
    }
    Ok(tensors)
}

fn scalar_text(heap: &Heap, value: Value) -> Option<String> {
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => escaped(heap.spelled(text)),
        _ => return None,
    })
}

fn describe(value: Value) -> String {
    match value {
        Value::None => "None".to_owned(),
        Value::Bool(_) => "a truth value".to_owned(),
        Value::Integer(_) | Value::Magic | Value::Float(_) => "a number".to_owned(),
        Value::Text(_) => "a text".to_owned(),
        Value::Tuple(_) => "a tuple".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Dictionary(_) => "a dictionary".to_owned(),
        Value::Tensor(_) => "a \"torch.Tensor\"".to_owned(),
        Value::Storage(_) => "a storage".to_owned(),
        Value::Global(_) => "a name".to_owned(),
        Value::Bytes(_) | Value::Dtype(_) | Value::NdArray { .. } | Value::Inert(_) | Value::Object { .. } => {
            value.passed_over().unwrap_or("a value that is passed over").to_owned()
        }
    }
}
