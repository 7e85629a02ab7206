//! Weights from torch.save files: the pickles pass the guard first, then crate `pytorch-reader` builds the tensors.
//!
//! Guard and reader must not be shown two different files, so the reader never opens the path again. Of a zip file it
//! gets a fresh archive, written here, with the one `data.pkl` that the guard has walked and the storages that this
//! pickle refers to; of a legacy file a copy of the bytes that the guard has walked. Both are temporary files that are
//! removed at the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, BufWriter, Write};

use pytorch_reader::{DType, PickleValue, PytorchReader};
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;

use super::pickle_guard::{MAX_PICKLE_BYTES, PersistentIds, Storage, scan};
use super::{CheckpointKind, Found, Tensor, tensor};
use crate::archive::{Archive, Member};
use crate::content::Content;
use crate::error::{escaped, quoted, quoted_list};
use crate::{ElementType, InputError};

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

/// Tensors may take this many times the bytes of the file (tied weights are stored once, an expanded view has one
/// element for any number), plus a fixed amount for small files.
const LAYOUT_RATIO: u64 = 8;
const LAYOUT_FREE: u64 = 64 << 20;

/// The copy for the reader is a ZIP archive without ZIP64, whose positions have 32 bits; the rest is for its headers.
const MAX_STORAGE_BYTES: u64 = 0xf000_0000;

/// The magic number 0x1950a86a20f9469cfc6c of a legacy file, as protocols 2 and up write it.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The same in decimal, as protocols 0 and 1 write it.
const LEGACY_MAGIC_TEXT: &[u8] = b"119547037146038801333356";
/// The magic number is the first pickle, and ends within so many bytes in every protocol.
const LEGACY_MAGIC_WITHIN: usize = 64;

/// The pickles of a legacy file, in order.
const LEGACY_PICKLES: [&str; 5] =
    ["magic number", "protocol version", "system information", "saved object", "list of storages"];

/// Whether a file is a tar archive.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// Whether a file starts with the magic number of the legacy format.
pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(LEGACY_MAGIC_WITHIN)];
    let holds = |magic: &[u8]| start.windows(magic.len()).any(|window| window == magic);
    holds(&LEGACY_MAGIC) || holds(LEGACY_MAGIC_TEXT)
}

/// Fails if the file is a pickle by itself: by the names it holds, or as no torch.save file.
pub(super) fn refuse_plain_pickle(content: &Content) -> Result<(), InputError> {
    let file = content.file.clone();
    match scan(&content.file, "pickle", &content.bytes, 0, PersistentIds::None) {
        Err(error @ InputError::RefusedGlobal { .. }) => Err(error),
        Err(error @ InputError::RefusedPickle { .. }) if content.bytes[0] == 0x80 => Err(error),
        Ok(scan) if scan.end == content.bytes.len() => Err(InputError::PlainPickle { file }),
        _ => Ok(()),
    }
}

/// Tells torch.save from TorchScript and from other archives.
pub(super) fn zip_kind(content: &Content) -> Result<CheckpointKind, InputError> {
    let archive = Archive::open(&content.file, &content.bytes)?;
    let is_script = |name: &str| {
        let inside = name.split_once('/').map_or(name, |(_, inside)| inside);
        inside == "constants.pkl" || inside == "bytecode.pkl" || inside.starts_with("code/")
    };
    if archive.members().iter().any(|member| is_script(&member.name)) {
        return Ok(CheckpointKind::TorchScript);
    }
    pickle_member(content, &archive)?;
    Ok(CheckpointKind::TorchSaveZip)
}

/// The one pickle of an archive.
fn pickle_member<'a>(content: &Content, archive: &'a Archive<'_>) -> Result<&'a Member, InputError> {
    let pickles: Vec<&Member> =
        archive.members().iter().filter(|member| member.name.to_ascii_lowercase().ends_with(".pkl")).collect();
    match pickles.as_slice() {
        [member] if member.name == "data.pkl" || member.name.ends_with("/data.pkl") => Ok(member),
        [] | [_] => {
            let names = quoted_list(archive.members().iter().map(|member| &member.name));
            Err(InputError::UnknownFormat {
                file: content.file.clone(),
                found: format!("a ZIP archive without data.pkl (it holds {names})"),
                expected: "weights as .safetensors or as torch.save writes them",
            })
        }
        _ => Err(InputError::SeveralPickles {
            file: content.file.clone(),
            members: quoted_list(pickles.iter().map(|member| &member.name)),
        }),
    }
}

/// Reads a zip file of torch.save.
pub(super) fn read_zip(content: &Content, key: Option<&str>) -> Result<Found, InputError> {
    let file = content.file.as_path();
    let archive = Archive::open(file, &content.bytes)?;
    let pickle = pickle_member(content, &archive)?;
    if pickle.size > MAX_PICKLE_BYTES as u64 {
        return Err(InputError::UnsupportedMember {
            file: file.to_path_buf(),
            member: quoted(&pickle.name),
            problem: format!("a pickle of {} bytes, {MAX_PICKLE_BYTES} are accepted", pickle.size),
        });
    }
    let folder = pickle.name.strip_suffix("data.pkl").unwrap_or_default();
    if let Some(member) = archive.member(&format!("{folder}byteorder"))
        && archive.read(member, true)?.trim_ascii() != b"little"
    {
        let place = format!("member {}", quoted(&member.name));
        return Err(InputError::BigEndian { file: file.to_path_buf(), place });
    }

    let program = archive.read(pickle, true)?;
    let part = format!("member {}", quoted(&pickle.name));
    let scan = scan(file, &part, &program, 0, PersistentIds::Storages)?;
    if scan.end != program.len() {
        let extra = (program.len() - scan.end) as u64;
        let place = format!("{part}, byte {}", scan.end);
        return Err(InputError::TrailingBytes { file: file.to_path_buf(), place, extra });
    }

    let mut written = 0_u64;
    let limit = LAYOUT_RATIO.saturating_mul(content.bytes.len() as u64).saturating_add(LAYOUT_FREE);
    let mut copy = zip::ZipWriter::new(temporary_file(content)?);
    copy_member(content, &mut copy, "data.pkl", &program)?;
    for (key, storage) in &scan.storages {
        let name = format!("{folder}data/{key}");
        let member = archive.member(&name).ok_or_else(|| InputError::Damaged {
            file: file.to_path_buf(),
            place: format!("member {}", quoted(&name)),
            problem: "the pickle refers to it and it is not there".to_owned(),
        })?;
        check_storage_size(content, format!("member {}", quoted(&name)), *storage, member.size)?;
        written = written.saturating_add(member.size);
        if written > limit {
            let tensor = quoted(&name);
            return Err(InputError::TensorTooLarge { file: file.to_path_buf(), tensor, bytes: written, limit });
        }
        if written > MAX_STORAGE_BYTES {
            let limit = MAX_STORAGE_BYTES;
            return Err(InputError::TooManyWeights { file: file.to_path_buf(), bytes: written, limit });
        }
        copy_member(content, &mut copy, &format!("data/{key}"), &archive.read(member, true)?)?;
    }
    let copy = copy.finish().map_err(|error| copy_failed(content, error.into()))?;
    let copy = copy.into_inner().map_err(|error| copy_failed(content, error.into_error()))?;
    extract(content, &copy, key)
}

/// Reads a legacy file of torch.save: five pickles, then for each storage its number of elements and its bytes.
pub(super) fn read_legacy(content: &Content, key: Option<&str>) -> Result<Found, InputError> {
    let file = content.file.as_path();
    let bytes = content.bytes.as_slice();
    let mut position = 0;
    let mut storages = BTreeMap::new();
    let mut keys = None;
    for (number, what) in LEGACY_PICKLES.iter().enumerate() {
        let part = format!("pickle {} of 5 ({what})", number + 1);
        let ids = if number == 3 { PersistentIds::Storages } else { PersistentIds::None };
        let walked = scan(file, &part, bytes, position, ids)?;
        position = walked.end;
        match number {
            0 if !is_legacy(&bytes[..position]) => {
                // The number was somewhere behind the first pickle.
                let place = format!("{part}, byte 0");
                let problem = "it is not the magic number of torch.save".to_owned();
                return Err(InputError::Damaged { file: file.to_path_buf(), place, problem });
            }
            3 => storages = walked.storages,
            4 => keys = walked.list,
            _ => {}
        }
    }

    let damaged = |place: String, problem: &str| InputError::Damaged {
        file: file.to_path_buf(),
        place,
        problem: problem.to_owned(),
    };
    let keys = keys.ok_or_else(|| damaged(format!("byte {position}"), "the list of storages is no list"))?;
    for key in keys {
        let key = key.ok_or_else(|| damaged(format!("byte {position}"), "a storage without a key"))?;
        let place = format!("storage {} (byte {position})", quoted(&key));
        let storage = storages
            .remove(&key)
            .ok_or_else(|| damaged(place.clone(), "it is listed, and the saved object does not refer to it"))?;
        let rest = &bytes[position..];
        let stored = rest.first_chunk().map_or(u64::MAX, |elements| u64::from_le_bytes(*elements));
        let size = stored.saturating_mul(storage.element_size as u64);
        let needed = size.saturating_add(8);
        if needed > rest.len() as u64 {
            let available = rest.len() as u64;
            return Err(InputError::Truncated { file: file.to_path_buf(), place, needed, available });
        }
        check_storage_size(content, place, storage, size)?;
        position += needed as usize; // at most the bytes that are there
    }
    if let Some(key) = storages.keys().next() {
        let problem = "the saved object refers to it and it is not in the list of storages";
        return Err(damaged(format!("storage {}", quoted(key)), problem));
    }
    if position != bytes.len() {
        let extra = (bytes.len() - position) as u64;
        return Err(InputError::TrailingBytes { file: file.to_path_buf(), place: format!("byte {position}"), extra });
    }

    let mut copy = temporary_file(content)?;
    copy.write_all(bytes).map_err(|error| copy_failed(content, error))?;
    let copy = copy.into_inner().map_err(|error| copy_failed(content, error.into_error()))?;
    extract(content, &copy, key)
}

fn check_storage_size(content: &Content, place: String, storage: Storage, size: u64) -> Result<(), InputError> {
    if storage.elements.checked_mul(storage.element_size as u64) == Some(size) {
        return Ok(());
    }
    let Storage { elements, element_size } = storage;
    Err(InputError::Damaged {
        file: content.file.clone(),
        place,
        problem: format!("the pickle says {elements} elements of {element_size} bytes, {size} bytes are there"),
    })
}

fn temporary_file(content: &Content) -> Result<BufWriter<NamedTempFile>, InputError> {
    let file = tempfile::Builder::new().prefix("car-spectral-").suffix(".pt").tempfile();
    file.map(BufWriter::new).map_err(|error| copy_failed(content, error))
}

fn copy_failed(content: &Content, source: io::Error) -> InputError {
    InputError::Io { file: content.file.clone(), action: "make a temporary copy of the file", source }
}

fn copy_member(
    content: &Content,
    copy: &mut zip::ZipWriter<BufWriter<NamedTempFile>>,
    name: &str,
    bytes: &[u8],
) -> Result<(), InputError> {
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    copy.start_file(format!("archive/{name}"), options)
        .map_err(io::Error::from)
        .and_then(|()| copy.write_all(bytes))
        .map_err(|error| copy_failed(content, error))
}

/// Builds the tensors of a file that has passed the guard, and chooses those that are the weights.
fn extract(content: &Content, copy: &NamedTempFile, key: Option<&str>) -> Result<Found, InputError> {
    let file = content.file.as_path();
    let unreadable = |error: pytorch_reader::PytorchError| {
        // Its messages may name the temporary copy nowhere but may repeat text of the file.
        InputError::Unreadable { file: file.to_path_buf(), problem: escaped(&error.to_string()) }
    };
    let no_weights = |found: String| InputError::NoWeights { file: file.to_path_buf(), found };
    let tree = PytorchReader::read_pickle_data(copy.path(), None).map_err(unreadable)?;
    let PickleValue::Dict(root) = tree else {
        return Err(no_weights(format!("the saved object is {}, not a dictionary", describe(&tree))));
    };
    let nesting = weights_path(content, &root, key)?;
    let weights = nesting.iter().try_fold(&root, |level, key| match level.get(key) {
        Some(PickleValue::Dict(inner)) => Some(inner),
        _ => None,
    });
    let weights = weights.ok_or_else(|| no_weights("the key holds no dictionary".to_owned()))?;
    let names = tensor_names(weights);

    let mut stored = PytorchReader::new(copy.path()).map_err(unreadable)?.into_tensors();
    let mut tensors = BTreeMap::new();
    let mut laid_out = 0_u64;
    let limit = LAYOUT_RATIO.saturating_mul(content.bytes.len() as u64).saturating_add(LAYOUT_FREE);
    let all = tensor_names(&root);
    if let Some(name) = all.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| &pair[0]) {
        // The reader joins nested keys by dots: {"a.b": ...} and {"a": {"b": ...}} become one name.
        return Err(InputError::Duplicate { file: file.to_path_buf(), name: format!("tensor {}", quoted(name)) });
    }
    let prefix: String = nesting.iter().map(|key| format!("{key}.")).collect();
    for name in names {
        let missing = || InputError::Tensor {
            file: file.to_path_buf(),
            tensor: quoted(&name),
            problem: "it cannot be built".to_owned(),
        };
        let lazy = stored.remove(&format!("{prefix}{name}")).ok_or_else(missing)?;
        laid_out = laid_out.saturating_add(lazy.byte_len() as u64);
        if laid_out > limit {
            let tensor = quoted(&name);
            return Err(InputError::TensorTooLarge { file: file.to_path_buf(), tensor, bytes: laid_out, limit });
        }
        let bytes = lazy.read().map_err(|error| InputError::Tensor {
            file: file.to_path_buf(),
            tensor: quoted(&name),
            problem: escaped(&error.to_string()),
        })?;
        let built: Tensor = tensor(file, &name, lazy.shape().to_vec(), element_type(lazy.dtype()), &bytes)?;
        tensors.insert(name, built);
    }
    let unread = match nesting.first() {
        None => Vec::new(),
        Some(read) => {
            let others: BTreeSet<&String> =
                root.iter().filter(|(key, value)| *key != read && holds_tensor(value)).map(|(key, _)| key).collect();
            others.into_iter().cloned().collect()
        }
    };
    let metadata = root.iter().filter_map(|(key, value)| Some((key.clone(), scalar_text(value)?))).collect();
    Ok(Found { tensors, metadata, nesting, unread })
}

/// The keys that lead to the weights.
fn weights_path(
    content: &Content,
    root: &HashMap<String, PickleValue>,
    key: Option<&str>,
) -> Result<Vec<String>, InputError> {
    let file = || content.file.clone();
    let list_keys = |level: &HashMap<String, PickleValue>| {
        let keys: BTreeSet<&String> = level.keys().filter(|key| *key != "_metadata").collect();
        quoted_list(keys)
    };
    let mut path = Vec::new();
    let mut level = root;
    if let Some(key) = key {
        match root.get(key) {
            Some(PickleValue::Dict(inner)) if inner.values().any(holds_tensor) => level = inner,
            _ => {
                let found = format!("no tensors under {}; the top-level keys are {}", quoted(key), list_keys(root));
                return Err(InputError::NoWeights { file: file(), found });
            }
        }
        path.push(key.to_owned());
    }
    if !level.values().any(holds_tensor) {
        let found = format!("no tensors; the top-level keys are {}", list_keys(level));
        return Err(InputError::NoWeights { file: file(), found });
    }
    loop {
        if level.values().any(is_tensor) {
            return Ok(path);
        }
        let candidates: BTreeMap<&String, &HashMap<String, PickleValue>> = level
            .iter()
            .filter_map(|(key, value)| match value {
                PickleValue::Dict(inner) if holds_tensor(value) => Some((key, inner)),
                _ => None,
            })
            .collect();
        let usual: Vec<&String> =
            candidates.keys().copied().filter(|key| WEIGHT_KEYS.contains(&key.as_str())).collect();
        let is_training = |key: &str| STATE_OF_TRAINING.iter().any(|part| key.to_ascii_lowercase().contains(part));
        let others: Vec<&String> = candidates.keys().copied().filter(|key| !is_training(key)).collect();
        let chosen = match (usual.as_slice(), others.as_slice()) {
            ([one], _) => one,
            ([_, _, ..], _) => {
                return Err(InputError::AmbiguousWeights { file: file(), candidates: quoted_list(usual) });
            }
            // A single key at the top is a wrapper; further down it is the first part of the tensors' names.
            ([], [one]) if path.is_empty() => one,
            ([], []) if path.is_empty() => {
                let found = format!("only the state of a training; the top-level keys are {}", list_keys(level));
                return Err(InputError::NoWeights { file: file(), found });
            }
            _ => return Ok(path),
        };
        level = candidates[chosen];
        path.push((*chosen).clone());
    }
}

/// How the reader shows a tensor in the tree; no other value can carry this name, for the guard refuses the class.
fn is_tensor(value: &PickleValue) -> bool {
    matches!(value, PickleValue::Unsupported(name) if name == "torch.Tensor")
}

fn holds_tensor(value: &PickleValue) -> bool {
    match value {
        PickleValue::Dict(inner) => inner.values().any(holds_tensor),
        PickleValue::List(items) => items.iter().any(holds_tensor),
        other => is_tensor(other),
    }
}

/// Dotted names of all tensors below, sorted; a name that two tensors share is there twice.
fn tensor_names(level: &HashMap<String, PickleValue>) -> Vec<String> {
    fn walk(value: &PickleValue, path: &str, names: &mut Vec<String>) {
        match value {
            PickleValue::Dict(inner) => {
                for (key, value) in inner {
                    walk(value, &format!("{path}.{key}"), names);
                }
            }
            PickleValue::List(items) => {
                for (index, value) in items.iter().enumerate() {
                    walk(value, &format!("{path}.{index}"), names);
                }
            }
            other if is_tensor(other) => names.push(path.to_owned()),
            _ => {}
        }
    }
    let mut names = Vec::new();
    for (key, value) in level {
        walk(value, key, &mut names);
    }
    names.sort_unstable();
    names
}

fn scalar_text(value: &PickleValue) -> Option<String> {
    Some(match value {
        PickleValue::Bool(value) => value.to_string(),
        PickleValue::Int(value) => value.to_string(),
        PickleValue::Float(value) => value.to_string(),
        PickleValue::String(value) => escaped(value),
        _ => return None,
    })
}

fn describe(value: &PickleValue) -> String {
    match value {
        PickleValue::None => "None".to_owned(),
        PickleValue::Bool(_) => "a truth value".to_owned(),
        PickleValue::Int(_) | PickleValue::Float(_) => "a number".to_owned(),
        PickleValue::String(_) => "a text".to_owned(),
        PickleValue::List(_) => "a list".to_owned(),
        PickleValue::Dict(_) => "a dictionary".to_owned(),
        PickleValue::Bytes(_) => "bytes".to_owned(),
        PickleValue::Unsupported(name) => format!("a {}", quoted(name)),
    }
}

fn element_type(dtype: DType) -> ElementType {
    match dtype {
        DType::F64 => ElementType::F64,
        DType::F32 => ElementType::F32,
        DType::F16 => ElementType::F16,
        DType::BF16 => ElementType::BF16,
        DType::I64 => ElementType::I64,
        DType::I32 => ElementType::I32,
        DType::I16 => ElementType::I16,
        DType::I8 => ElementType::I8,
        DType::U64 => ElementType::U64,
        DType::U32 => ElementType::U32,
        DType::U16 => ElementType::U16,
        DType::U8 => ElementType::U8,
        DType::Bool => ElementType::Bool,
    }
}
