//! The line that converts a refused file to weights alone, for whoever trusts it.

use std::path::Path;

use super::globals::Global;
use super::value::{Heap, Key, Value};
use crate::quoting::in_command;
use crate::weights::usual::WEIGHT_KEYS;

/// The line for the shell: it loads the file in Python, which runs the file's code, and keeps its
/// tensors. A `plain` pickle is none of `torch.save`.
pub(super) fn conversion(file: &Path, heap: &Heap, object: Option<Value>, refused: &[String], plain: bool) -> String {
    let is_table = object.is_none_or(|object| object == Value::Global(Global::Refused));
    let library = of_library(file, refused, is_table);
    if let Some(line) = library.or_else(|| of_other_tensors(file, refused, plain)) {
        return line;
    }
    let loaded = format!("torch.load('{}', map_location='cpu', weights_only=False)", in_command(file));
    let kept = match object {
        Some(value) => kept(heap, value, &loaded),
        None => format!("{loaded}[KEY]"),
    };
    let line = format!("python -c \"import torch; torch.save({kept}, 'weights.pt')\"");
    if kept.ends_with("[KEY]") { format!("{line} with the KEY of its weights") } else { line }
}

/// What refused names of tensors begin with that `torch.save` writes as plain ones once they are
/// turned into such.
const OTHER_TENSORS: [&str; 5] = [
    "torch.storage._load_from_bytes",
    "torch._utils._rebuild_sparse_tensor",
    "torch.float8_",
    "torch._tensor._rebuild_from_type",
    RESULTS,
];

/// What `topk` and `max` return: values and their places.
const RESULTS: &str = "torch.return_types.";

/// The line for tensors that are sparse, of one byte, of a class of their own or pickled without
/// `torch.save`.
fn of_other_tensors(file: &Path, refused: &[String], plain: bool) -> Option<String> {
    let is_one = |name: &String| OTHER_TENSORS.iter().any(|known| name.starts_with(known));
    let is_subclass = refused.iter().any(|name| name.starts_with("torch._tensor._rebuild_from_type"));
    if !refused.iter().any(is_one) || !(is_subclass || refused.iter().all(is_one)) {
        return None;
    }
    let name = in_command(file);
    let loaded = if plain {
        format!("pickle.load(open('{name}', 'rb'))")
    } else {
        format!("torch.load('{name}', map_location='cpu', weights_only=False)")
    };
    let results = if refused.iter().any(|name| name.starts_with(RESULTS)) {
        " (of topk() and max() the first classes, which are no scores; name them with `keys` logits=NAME)"
    } else {
        ""
    };
    Some(format!(
        "python -c \"import torch, pickle; f = lambda o: {{k: f(v) for k, v in o.items()}} if isinstance(o, dict) else \
         o.indices.reshape(len(o.indices), -1)[:, 0] if hasattr(o, 'indices') and isinstance(o, tuple) else [f(v) for v \
         in o] if isinstance(o, (list, tuple)) else o if not torch.is_tensor(o) else (o.to_dense() if \
         o.layout != torch.strided else o.float() if o.itemsize == 1 and o.is_floating_point() else \
         o).detach().as_subclass(torch.Tensor); torch.save(f({loaded}), 'plain.pt')\", which gives the same in plain \
         tensors{results}"
    ))
}

/// The line for what holds no tensors: a model of scikit-learn, masked arrays, a table of pandas or
/// a dictionary of such.
fn of_library(file: &Path, refused: &[String], is_table: bool) -> Option<String> {
    let name = in_command(file);
    let is_of = |module: &str| refused.iter().any(|name| name.starts_with(module));
    if is_of("sklearn.") {
        return Some(format!(
            "python -c \"import pickle, numpy; m = pickle.load(open('{name}', 'rb')); \
             numpy.savez('test.npz', logits=m.predict_log_proba(X), labels=y)\" with its test data X and y; the scores \
             of scikit-learn are given as `predictions`"
        ));
    }
    if is_of("transformers.") {
        return Some(format!(
            "python -c \"import torch, pickle, numpy; p = torch.load('{name}', weights_only=False) if open('{name}', \
             'rb').read(2) == b'PK' else pickle.load(open('{name}', 'rb')); numpy.savez('predictions.npz', \
             logits=p.predictions, labels=p.label_ids)\", which gives `predictions`"
        ));
    }
    if is_of("torch.utils.data.") {
        return Some(format!(
            "python -c \"import torch; torch.save(list(torch.load('{name}', map_location='cpu', \
             weights_only=False).tensors), 'predictions.pt')\", which gives `predictions` where these are scores and \
             labels"
        ));
    }
    if is_of("numpy.ma.") || is_of("pandas.") && !is_table {
        return Some(format!(
            "python -c \"import pickle, numpy; f = lambda o: {{k: f(v) for k, v in o.items()}} if isinstance(o, dict) else \
             [f(v) for v in o] if isinstance(o, (list, tuple)) else numpy.ma.filled(o.astype(float), numpy.nan) if \
             numpy.ma.is_masked(o) else numpy.asarray(o); pickle.dump(f(pickle.load(open('{name}', 'rb'))), \
             open('plain.pkl', 'wb'))\", which gives the same in plain arrays, masked values as NaN"
        ));
    }
    is_of("pandas.").then(|| {
        format!(
            "python -c \"import pandas; pandas.read_pickle('{name}').to_csv('table.csv')\", which gives a table for \
             `predictions`, or for `train-counts` where it is a value_counts()"
        )
    })
}

fn kept(heap: &Heap, object: Value, loaded: &str) -> String {
    // Nothing but a refused class stands for a module.
    let is_module = |value: Value| value == Value::Global(Global::Refused);
    if is_module(object) {
        return format!("{loaded}.state_dict()");
    }
    let Some(entries) = heap.entries(object) else { return format!("{loaded}[KEY]") };
    let is_tensor = |value: &Value| matches!(value, Value::Tensor(_));
    let holds = |value: Value| heap.entries(value).is_some_and(|entries| entries.values().any(is_tensor));
    let plain = |key: &str| key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
    let mut named: Vec<(&str, Value)> = entries
        .iter()
        .filter_map(|(&key, &value)| match key {
            Key::Text(text) => Some((heap.spelled(text), value)),
            Key::Integer(_) => None,
        })
        .filter(|(key, value)| plain(key) && (holds(*value) || is_module(*value)))
        .collect();
    named.sort_unstable_by_key(|(key, value)| {
        let usual = WEIGHT_KEYS.iter().position(|usual| usual == *key).unwrap_or(usize::MAX);
        (is_module(*value), usual, *key)
    });
    let is_usual = |key: &str| WEIGHT_KEYS.contains(key);
    match named.as_slice() {
        [(key, value), ..] if holds(*value) => format!("{loaded}['{key}']"),
        _ if entries.values().any(is_tensor) => {
            format!("{{k: v for k, v in {loaded}.items() if torch.is_tensor(v)}}")
        }
        modules => match modules.iter().find(|(key, _)| is_usual(key)).or(modules.first()) {
            Some((key, _)) => format!("{loaded}['{key}'].state_dict()"),
            None => format!("{loaded}[KEY]"),
        },
    }
}
