//! Which tensors of a saved object are the weights.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::layout::{StorageBytes, lay_out};
use super::pickle::{Heap, Key, Pickle, Value};
use super::{Found, Tensor};
use crate::InputError;
use crate::budget::Budget;
use crate::content::Content;
use crate::error::{escaped, quoted, quoted_list};

/// Keys under which training programs put the weights.
const WEIGHT_KEYS: [&str; 10] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "net_state_dict",
];

/// Parts of the names of top-level keys that hold tensors which are no weights.
const STATE_OF_TRAINING: [&str; 4] = ["optim", "sched", "scaler", "rng"];

/// Containers in each other.
const MAX_DEPTH: usize = 32;

/// What walks over a saved object: each step costs.
struct Walk<'a> {
    content: &'a Content,
    heap: &'a Heap,
    budget: &'a mut Budget,
}

impl<'a> Walk<'a> {
    fn spend(&mut self, bytes: u64) -> Result<(), InputError> {
        self.budget.spend(bytes).map_err(|exceeded| InputError::Budget {
            file: self.content.file.clone(),
            place: "saved object".to_owned(),
            exceeded: exceeded.to_string(),
        })
    }

    fn no_weights(&self, found: String) -> InputError {
        InputError::NoWeights { file: self.content.file.clone(), found }
    }

    /// The entries of a dictionary by their keys as texts; those with tensors below are marked.
    fn level(&mut self, value: Value) -> Result<BTreeMap<String, (Value, bool)>, InputError> {
        let heap = self.heap;
        let mut level = BTreeMap::new();
        for (&key, &value) in heap.entries(value).into_iter().flatten() {
            let key = self.key(key)?;
            let holds = self.holds_tensor(value, 0)?;
            if level.insert(key.clone(), (value, holds)).is_some() {
                // 1 and "1".
                return Err(self.twice("key", &key));
            }
        }
        Ok(level)
    }

    fn twice(&self, what: &str, name: &str) -> InputError {
        InputError::Duplicate { file: self.content.file.clone(), name: format!("{what} {}", quoted(name)) }
    }

    fn key(&mut self, key: Key) -> Result<String, InputError> {
        let text = self.heap.key(key);
        self.spend(96 + 2 * text.len() as u64)?;
        Ok(text)
    }

    fn parts(&mut self, value: Value, depth: usize) -> Result<Vec<Value>, InputError> {
        let heap = self.heap;
        let count =
            heap.entries(value).map_or(0, |entries| entries.len()) + heap.items(value).map_or(0, <[Value]>::len);
        self.spend(16 + 16 * count as u64)?;
        if depth > MAX_DEPTH && count > 0 {
            return Err(self.no_weights(format!("containers nested more than {MAX_DEPTH} deep")));
        }
        let items = heap.items(value).unwrap_or_default().iter();
        Ok(heap.entries(value).into_iter().flat_map(|entries| entries.values()).chain(items).copied().collect())
    }

    fn holds_tensor(&mut self, value: Value, depth: usize) -> Result<bool, InputError> {
        if matches!(value, Value::Tensor(_)) {
            return Ok(true);
        }
        for part in self.parts(value, depth)? {
            if self.holds_tensor(part, depth + 1)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds the tensors below by their dotted names.
    fn collect(
        &mut self,
        value: Value,
        name: &str,
        depth: usize,
        found: &mut BTreeMap<String, u32>,
    ) -> Result<(), InputError> {
        if let Value::Tensor(tensor) = value {
            self.spend(256 + name.len() as u64)?;
            return match found.insert(name.to_owned(), tensor) {
                None => Ok(()),
                // {"a.b": ...} and {"a": {"b": ...}}: one name for two tensors.
                Some(_) => Err(self.twice("tensor", name)),
            };
        }
        if depth > MAX_DEPTH {
            return Err(self.no_weights(format!("containers nested more than {MAX_DEPTH} deep")));
        }
        let heap = self.heap;
        let join = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
        for (&key, &value) in heap.entries(value).into_iter().flatten() {
            self.spend(96 + name.len() as u64)?;
            let key = self.key(key)?;
            self.collect(value, &join(&key), depth + 1, found)?;
        }
        for (index, &value) in heap.items(value).unwrap_or_default().iter().enumerate() {
            self.spend(96 + name.len() as u64)?;
            self.collect(value, &join(&index.to_string()), depth + 1, found)?;
        }
        Ok(())
    }

    /// The keys that lead to the weights, and the dictionary there.
    fn weights_path(&mut self, root: Value, key: Option<&str>) -> Result<(Vec<String>, Value), InputError> {
        let mut path = Vec::new();
        let mut at = root;
        let mut level = self.level(root)?;
        if let Some(key) = key {
            match level.get(key) {
                Some(&(inner @ Value::Dictionary(_), true)) => at = inner,
                _ => {
                    let (key, keys) = (quoted(key), keys_of(&level));
                    return Err(self.no_weights(format!("no tensors under {key}; the top-level keys are {keys}")));
                }
            }
            path.push(key.to_owned());
            level = self.level(at)?;
        }
        if !level.values().any(|(_, holds)| *holds) {
            return Err(self.no_weights(format!("no tensors; the top-level keys are {}", keys_of(&level))));
        }
        while path.len() <= MAX_DEPTH {
            let Some(key) = self.next_key(&level, path.is_empty())? else { return Ok((path, at)) };
            at = level[&key].0;
            path.push(key);
            level = self.level(at)?;
        }
        Err(self.no_weights(format!("containers nested more than {MAX_DEPTH} deep")))
    }

    /// The key below which the weights are, if they are not at this level.
    fn next_key(&self, level: &BTreeMap<String, (Value, bool)>, is_top: bool) -> Result<Option<String>, InputError> {
        let dictionaries = || {
            let holding = level.iter().filter(|(_, (value, holds))| *holds && matches!(value, Value::Dictionary(_)));
            holding.map(|(key, _)| key)
        };
        let usual: Vec<&String> = dictionaries().filter(|key| WEIGHT_KEYS.contains(&key.as_str())).collect();
        // Tensors beside a usual key (the best accuracy, a curve) are no weights; further down they are, for `model` and
        // `net` are names of modules as well.
        let beside = level.values().any(|(value, _)| matches!(value, Value::Tensor(_)));
        if beside && !(is_top && usual.len() == 1) {
            return Ok(None);
        }
        let is_training = |key: &str| STATE_OF_TRAINING.iter().any(|part| key.to_ascii_lowercase().contains(part));
        let others: Vec<&String> = dictionaries().filter(|key| !is_training(key)).collect();
        match (usual.as_slice(), others.as_slice()) {
            ([one], _) => Ok(Some((*one).clone())),
            ([_, _, ..], _) => {
                Err(InputError::AmbiguousWeights { file: self.content.file.clone(), candidates: quoted_list(usual) })
            }
            // A single key at the top is a wrapper; further down it is the first part of the tensors' names.
            ([], [one]) if is_top => Ok(Some((*one).clone())),
            ([], []) if is_top => {
                let keys = keys_of(level);
                Err(self.no_weights(format!("only the state of a training; the top-level keys are {keys}")))
            }
            _ => Ok(None),
        }
    }
}

fn keys_of(level: &BTreeMap<String, (Value, bool)>) -> String {
    quoted_list(level.keys().filter(|key| *key != "_metadata"))
}

/// Chooses the tensors that are the weights, and lays them out.
pub(super) fn extract(
    content: &Content,
    pickle: &Pickle,
    key: Option<&str>,
    storages: &impl StorageBytes,
    budget: &mut Budget,
) -> Result<Found, InputError> {
    let heap = &pickle.heap;
    let mut walk = Walk { content, heap, budget };
    if !matches!(pickle.value, Value::Dictionary(_)) {
        let what = describe(pickle.value);
        return Err(walk.no_weights(format!("the saved object is {what}, not a dictionary")));
    }
    let (nesting, weights) = walk.weights_path(pickle.value, key)?;
    let mut names = BTreeMap::new();
    walk.collect(weights, "", 0, &mut names)?;
    let root = walk.level(pickle.value)?;
    let unread = match nesting.first() {
        None => Vec::new(),
        Some(read) => {
            root.iter().filter(|(key, (_, holds))| *holds && *key != read).map(|(key, _)| key.clone()).collect()
        }
    };
    let metadata =
        root.iter().filter_map(|(key, (value, _))| Some((key.clone(), scalar_text(heap, *value)?))).collect();
    let passed_over: BTreeSet<String> =
        root.values().filter_map(|(value, _)| value.passed_over()).map(str::to_owned).collect();
    Ok(Found {
        tensors: lay_out_all(content, heap, names, storages, budget)?,
        metadata,
        nesting,
        unread,
        passed_over: passed_over.into_iter().collect(),
    })
}

/// Lays tensors out storage by storage, so that each is unpacked once and one at a time.
fn lay_out_all(
    content: &Content,
    heap: &Heap,
    names: BTreeMap<String, u32>,
    storages: &impl StorageBytes,
    budget: &mut Budget,
) -> Result<BTreeMap<String, Tensor>, InputError> {
    let mut by_storage: Vec<(u32, &String, u32)> =
        names.iter().map(|(name, &tensor)| (heap.tensors[tensor as usize].storage, name, tensor)).collect();
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
            none => none.insert((storage, storages.bytes(heap, &heap.storages[storage as usize], budget)?)),
        };
        let view = &heap.tensors[tensor as usize];
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
        Value::Bytes(_) | Value::Dtype(_) | Value::NdArray { .. } | Value::Inert(_) => {
            value.passed_over().unwrap_or("a value that is passed over").to_owned()
        }
    }
}
