//! Weights in parts: a JSON list says which file beside it holds which tensor
//! (`model.safetensors.index.json`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::{CheckpointKind, Part, Weights, WeightsError, beside, kind_of, read_one};
use crate::Result;
use crate::content::{Content, sha256};
use crate::quoting::{escaped, quoted};

/// Parts of a list; more would be a list of single tensors.
const MOST_PARTS: usize = 1024;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Whether the bytes are such a list, by their beginning and the one key that it needs.
pub(super) fn is_index(bytes: &[u8]) -> bool {
    let mark = b"\"weight_map\"";
    bytes.trim_ascii_start().starts_with(b"{") && bytes.windows(mark.len()).any(|window| window == mark)
}

/// Reads the parts, which stand beside the list, each within its own budget.
pub(super) fn read(content: &Content, key: Option<&str>) -> Result<Weights> {
    let file = content.file.as_path();
    let refused = |problem: String| WeightsError::Index { file: file.to_path_buf(), problem };
    let index: Index = serde_json::from_slice(&content.bytes).map_err(|error| refused(escaped(&error.to_string())))?;
    let names: BTreeSet<&String> = index.weight_map.values().collect();
    if names.is_empty() || names.len() > MOST_PARTS {
        return Err(refused(format!("an index of {} parts, 1 to {MOST_PARTS} are read", names.len())).into());
    }
    let (mut tensors, mut parts, mut metadata) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    for name in names {
        if Path::new(name).file_name().is_none_or(|plain| plain != name.as_str()) || name.contains('\\') {
            return Err(refused(format!("{} is no plain file name; parts stand beside the list", quoted(name))).into());
        }
        let part = file.with_file_name(name);
        if !part.exists() {
            let problem = format!("an index of parts, and {} is not beside it", escaped(name));
            return Err(refused(problem).into());
        }
        let content = Content::read(&part)?;
        let read = read_one(&content, kind_of(&content)?, None)?;
        for (tensor, value) in read.tensors {
            // What a part holds beside is not listed and not taken.
            if index.weight_map.get(&tensor) == Some(name) {
                tensors.insert(tensor, value);
            }
        }
        metadata.extend(read.metadata);
        parts.push(Part { file: part, bytes: read.bytes, sha256: read.sha256 });
    }
    if let Some((tensor, name)) = index.weight_map.iter().find(|(tensor, _)| !tensors.contains_key(*tensor)) {
        return Err(refused(format!("{} has no tensor {}", quoted(name), quoted(tensor))).into());
    }
    let beside = beside::of_metadata(metadata.iter());
    let weights = Weights {
        tensors,
        beside,
        kind: CheckpointKind::Index,
        source: file.to_path_buf(),
        bytes: content.bytes.len() as u64,
        sha256: sha256(&content.bytes),
        parts,
        metadata,
        nesting: Vec::new(),
        keys: Vec::new(),
        unread: Vec::new(),
        passed_over: Vec::new(),
    };
    match key {
        Some(key) => weights.beginning_with(key),
        None => Ok(weights),
    }
}
