//! torch.save of PyTorch 0.1.10 to 1.5: five pickles, then for each storage its number of elements
//! and its bytes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use super::layout::StorageBytes;
use super::pickle::{Heap, LEGACY_MAGIC, PersistentIds, Pickle, Storage, Value, load};
use super::{Found, WeightsError, choice};
use crate::budget::Budget;
use crate::content::Content;
use crate::quoting::{in_command, quoted, quoted_list};
use crate::{InputError, Result};

/// The version that every such file states.
const PROTOCOL: i64 = 1001;

/// The magic number is the first pickle, and ends within so many bytes in every protocol.
const MAGIC_WITHIN: usize = 64;

/// The pickles, in order.
const PICKLES: [&str; 5] =
    ["magic number", "protocol version", "system information", "saved object", "list of storages"];

/// Whether a file is a tar archive, by the mark of POSIX or by the checksum of its first header, by
/// which Python's `tarfile`, and so `torch.load`, tells one.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<512>() else { return false };
    let field = header[148..156].split(|&byte| byte == 0).next().unwrap_or_default().trim_ascii();
    let octal = std::str::from_utf8(field).ok().and_then(|digits| i64::from_str_radix(digits, 8).ok());
    let sum = |value: fn(u8) -> i64| -> i64 {
        let rest = header[..148].iter().chain(&header[156..]);
        rest.map(|&byte| value(byte)).sum::<i64>().saturating_add(256)
    };
    let sums = [sum(i64::from), sum(|byte| byte.cast_signed().into())];
    // Numbers above the octal range are stored in base 256 behind a first byte of 0x80 or 0xff.
    let binary = match header[148] {
        0x80 | 0xff => {
            let high = if header[148] == 0xff { -1 } else { 0 };
            Some(header[149..156].iter().fold(high, |number, &byte| number << 8 | i64::from(byte)))
        }
        _ => None,
    };
    &header[257..262] == b"ustar" || binary.or(octal).is_some_and(|stated| sums.contains(&stated))
}

/// Says whether a tar archive is one of PyTorch or holds other files.
pub(super) fn refuse_tar(content: &Content) -> InputError {
    /// Bytes of a header, and of the blocks that members fill.
    const BLOCK: usize = 512;
    const LOOKED_AT: usize = 16;
    let (bytes, file) = (content.bytes.as_slice(), content.file.clone());
    let (mut at, mut names) = (0, Vec::new());
    while names.len() < LOOKED_AT
        && let Some(header) = bytes.get(at..).and_then(<[u8]>::first_chunk::<BLOCK>)
    {
        let field = |range: Range<usize>| {
            String::from_utf8_lossy(
                header.get(range).unwrap_or_default().split(|&byte| byte == 0).next().unwrap_or_default(),
            )
            .into_owned()
        };
        let Ok(size) = usize::from_str_radix(field(124..136).trim(), 8) else { break };
        let name = field(0..100);
        if name.is_empty() {
            break;
        }
        names.push(name);
        at = at.saturating_add(size.div_ceil(BLOCK).saturating_add(1).saturating_mul(BLOCK));
    }
    if ["sys_info", "pickle", "storages"].iter().all(|part| names.iter().any(|name| name == part)) {
        let conversion = format!(
            "python -c \"import torch; torch.save(torch.load('{}', map_location='cpu', weights_only=False), 'weights.pt')\"",
            in_command(&file)
        );
        return WeightsError::OldTar { file, conversion }.into();
    }
    WeightsError::Tar { file, members: quoted_list(names) }.into()
}

/// Whether a file starts with the magic number.
pub(super) fn is_legacy(bytes: &[u8]) -> bool {
    let start = bytes.get(..MAGIC_WITHIN).unwrap_or(bytes);
    let holds = |magic: &[u8]| start.windows(magic.len()).any(|window| window == magic);
    // As protocols 2 and up write it, and in decimal as protocols 0 and 1 do.
    holds(&LEGACY_MAGIC.to_le_bytes()[..10]) || holds(LEGACY_MAGIC.to_string().as_bytes())
}

/// Whether the file begins with a pickle of the magic number, wherever that stands, as `torch.load`
/// looks for it.
pub(super) fn begins_with_magic(content: &Content, budget: &mut Budget) -> bool {
    load(&content.file, "pickle", &content.bytes, 0, PersistentIds::None, budget)
        .is_ok_and(|pickle| pickle.value == Value::Magic)
}

/// Fails if the file is a pickle by itself: by the names it holds, or as no torch.save file.
pub(super) fn refuse_plain_pickle(content: &Content, budget: &mut Budget) -> Result<()> {
    let file = content.file.clone();
    match load(&content.file, "pickle", &content.bytes, 0, PersistentIds::None, budget) {
        Err(InputError::Weights(WeightsError::RefusedGlobal { file, place, globals, conversion })) => {
            // Of a table or of a model of another library it is told by its names.
            let of_library = conversion.contains("`predictions`");
            let conversion = if of_library { conversion } else { conversion_of_plain(&file) };
            Err(WeightsError::RefusedGlobal { file, place, globals, conversion }.into())
        }
        Err(error @ InputError::Weights(WeightsError::RefusedPickle { .. }))
            if content.bytes.first() == Some(&0x80) =>
        {
            Err(error)
        }
        Ok(pickle) if pickle.end == content.bytes.len() => {
            let conversion = conversion_of_plain(&file);
            Err(WeightsError::PlainPickle { file, conversion }.into())
        }
        _ => Ok(()),
    }
}

/// The line for the shell that makes a dictionary of arrays or tensors, pickled without torch.save,
/// one of tensors.
fn conversion_of_plain(file: &Path) -> String {
    let file = in_command(file);
    format!(
        "python -c \"import pickle, torch; d = pickle.load(open('{file}', 'rb')); d = d.get('state_dict', d); \
         torch.save({{k: torch.as_tensor(v) for k, v in d.items()}}, 'weights.pt')\""
    )
}

/// Where the bytes of each storage are, by the text of its key.
pub(super) struct Places<'a> {
    bytes: &'a [u8],
    places: HashMap<u32, Range<usize>>,
}

impl StorageBytes for Places<'_> {
    fn bytes(&self, _: &Heap, storage: &Storage, _: &mut Budget) -> Result<Cow<'_, [u8]>> {
        // Every storage of the pickle is listed, which `storages` has seen.
        let place = self.places.get(&storage.key);
        Ok(Cow::Borrowed(place.and_then(|place| self.bytes.get(place.clone())).unwrap_or_default()))
    }
}

/// Reads a legacy file of torch.save.
pub(super) fn read(content: &Content, key: Option<&str>, budget: &mut Budget) -> Result<Found> {
    with_pickle(content, budget, |object, places, budget| {
        choice::extract(content, object, &content.bytes, key, places, budget)
    })
}

/// Gives the saved object of a legacy file, and the storages that it refers to, to `then`.
pub(super) fn with_pickle<T>(
    content: &Content,
    budget: &mut Budget,
    then: impl FnOnce(&Pickle, &Places<'_>, &mut Budget) -> Result<T>,
) -> Result<T> {
    let (object, keys, position) = pickles(content, budget)?;
    let places = storages(content, &object, &keys, position)?;
    then(&object, &Places { bytes: &content.bytes, places }, budget)
}

/// The saved object, the list of storages, and where they begin.
fn pickles(content: &Content, budget: &mut Budget) -> Result<(Pickle, Pickle, usize)> {
    let mut position = 0;
    let mut next = |number: usize| {
        let part = format!("pickle {} of 5 ({})", number.saturating_add(1), PICKLES.get(number).unwrap_or(&""));
        let ids = if number == 3 { PersistentIds::Legacy } else { PersistentIds::None };
        let pickle = load(&content.file, &part, &content.bytes, position, ids, budget)?;
        let place = format!("{part}, byte {position}");
        position = pickle.end;
        Ok::<_, InputError>((pickle, place))
    };
    let damaged = |place: String, problem: &str| InputError::damaged(&content.file, place, problem);
    let (magic, place) = next(0)?;
    if magic.value != Value::Magic {
        return Err(damaged(place, "it is not the magic number of torch.save"));
    }
    let (version, place) = next(1)?;
    if version.value != Value::Integer(PROTOCOL) {
        return Err(damaged(place, "it is not the version 1001 of torch.save's format"));
    }
    let (system, place) = next(2)?;
    if system.heap.entry(system.value, "little_endian") == Some(Value::Bool(false)) {
        return Err(WeightsError::BigEndian { file: content.file.clone(), place }.into());
    }
    let (object, _) = next(3)?;
    let (keys, place) = next(4)?;
    if !matches!(keys.value, Value::List(_)) {
        return Err(damaged(place, "the list of storages is no list"));
    }
    Ok((object, keys, position))
}

/// Where the bytes of each storage are; the storages fill the rest of the file.
fn storages(
    content: &Content,
    object: &Pickle,
    keys: &Pickle,
    mut position: usize,
) -> Result<HashMap<u32, Range<usize>>> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    let damaged = |place: String, problem: &str| InputError::damaged(file, place, problem);
    let mut wanted: HashMap<&str, &Storage> =
        object.heap.storages.iter().map(|storage| (object.heap.spelled(storage.key), storage)).collect();
    let mut places = HashMap::new();
    for key in keys.heap.items(keys.value).unwrap_or_default() {
        let Value::Text(key) = *key else {
            return Err(damaged(format!("byte {position}"), "a storage without a key"));
        };
        let key = keys.heap.spelled(key);
        let place = || format!("storage {} (byte {position})", quoted(key));
        let storage = wanted
            .remove(key)
            .ok_or_else(|| damaged(place(), "it is listed, and the saved object does not refer to it"))?;
        let rest = bytes.get(position..).unwrap_or_default();
        let stored = rest.first_chunk().map_or(u64::MAX, |elements| u64::from_le_bytes(*elements));
        let size = stored.saturating_mul(storage.element_size());
        let needed = size.saturating_add(8);
        if needed > rest.len() as u64 {
            let available = rest.len() as u64;
            return Err(InputError::Truncated { file: file.to_path_buf(), place: place(), needed, available });
        }
        super::layout::check_size(file, place, storage, size)?;
        // At most the bytes that are there.
        let end = position.saturating_add(needed as usize);
        places.insert(storage.key, position.saturating_add(8)..end);
        position = end;
    }
    if let Some(key) = wanted.keys().min() {
        let problem = "the saved object refers to it and it is not in the list of storages";
        return Err(damaged(format!("storage {}", quoted(key)), problem));
    }
    if position != bytes.len() {
        let extra = bytes.len().saturating_sub(position) as u64;
        return Err(InputError::TrailingBytes { file: file.to_path_buf(), place: format!("byte {position}"), extra });
    }
    Ok(places)
}
