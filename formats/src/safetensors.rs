//! The header of a .safetensors file, checked, with errors that name the place.
//!
//! Layout: 8 bytes little-endian length of a JSON header, the header, the tensors back to back in
//! row-major order and little-endian bytes. The crate `safetensors` checks the offsets; here are
//! added the checks it does not make (a name twice in the JSON header) and the words of the error.

use std::collections::HashSet;
use std::fmt;
use std::path::Path;

use safetensors::tensor::{Metadata, SafeTensorError};
use safetensors::{Dtype, SafeTensors};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::quoting::{escaped, quoted};
use super::{ElementType, FileError, InputError, Result};

const LENGTH_BYTES: usize = 8;

/// Whether a file starts like .safetensors: a length that fits the file, then the brace of the JSON
/// header.
pub(crate) fn is_safetensors(bytes: &[u8]) -> bool {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else { return false };
    u64::from_le_bytes(*length) <= rest.len() as u64 && rest.first() == Some(&b'{')
}

/// Whether a file starts like .safetensors and is cut inside the header: a plausible length, then
/// `{"`.
pub(crate) fn is_truncated_safetensors(bytes: &[u8]) -> bool {
    const PLAUSIBLE_HEADER: u64 = 100_000_000;
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else { return false };
    u64::from_le_bytes(*length) <= PLAUSIBLE_HEADER && rest.starts_with(b"{\"")
}

/// The header of a whole safetensors file.
#[derive(Debug)]
pub struct SafetensorsHeader(Metadata);

impl SafetensorsHeader {
    /// The text under `key` in the metadata, if there is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.0.metadata().as_ref()?.get(key).map(String::as_str)
    }

    /// The shape of a tensor.
    pub fn shape(&self, tensor: &str) -> Option<&[usize]> {
        Some(self.0.info(tensor)?.shape.as_slice())
    }

    /// The names of the tensors, in the order of their bytes.
    pub fn names(&self) -> Vec<String> {
        self.0.offset_keys()
    }
}

/// Reads the header of the safetensors file at `path`.
///
/// # Errors
/// [`FileError::Malformed`] for bytes that are no whole safetensors file.
pub fn safetensors_header(path: &Path, bytes: &[u8]) -> Result<SafetensorsHeader, FileError> {
    let (length, header) = SafeTensors::read_metadata(bytes)
        .map_err(|error| FileError::malformed(path, format!("not a whole safetensors file: {error}")))?;
    if let Some(twice) = duplicate_key(header_in(bytes, LENGTH_BYTES.saturating_add(length))) {
        let twice = quoted(&twice);
        return Err(FileError::malformed(path, format!("{twice} is there twice in the header; write the file again")));
    }
    Ok(SafetensorsHeader(header))
}

/// Reads the text under `key` in the metadata of a safetensors file's header, if there is one.
///
/// # Errors
/// As [`safetensors_header`].
pub fn safetensors_metadata(path: &Path, bytes: &[u8], key: &str) -> Result<Option<String>, FileError> {
    Ok(safetensors_header(path, bytes)?.text(key).map(str::to_owned))
}

/// The text of the header, which ends at a byte of the file.
fn header_in(bytes: &[u8], end: usize) -> &[u8] {
    bytes.get(LENGTH_BYTES..end).unwrap_or_default()
}

/// Parses the header and checks that the tensors fill the file exactly.
pub(crate) fn open<'a>(file: &Path, bytes: &'a [u8]) -> Result<(SafeTensors<'a>, Metadata)> {
    let damaged = |place: String, problem: String| InputError::Damaged { file: file.to_path_buf(), place, problem };
    let header_length = bytes.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    let available = bytes.len().saturating_sub(LENGTH_BYTES) as u64;
    if bytes.len() < LENGTH_BYTES || header_length > available {
        return Err(InputError::Truncated {
            file: file.to_path_buf(),
            place: format!("header (byte {LENGTH_BYTES})"),
            needed: header_length.max(1),
            available,
        });
    }
    // At most `available`, a length in memory.
    let data_start = LENGTH_BYTES.saturating_add(header_length as usize);
    if let Some(name) = duplicate_key(header_in(bytes, data_start)) {
        return Err(InputError::Duplicate {
            file: file.to_path_buf(),
            name: format!("the header's key {}", quoted(&name)),
        });
    }
    let header = |problem: String| damaged(format!("header (bytes {LENGTH_BYTES} to {data_start})"), problem);
    match SafeTensors::read_metadata(bytes) {
        // `deserialize` repeats the call that has just succeeded.
        Ok((_, metadata)) => match SafeTensors::deserialize(bytes) {
            Ok(tensors) => Ok((tensors, metadata)),
            Err(error) => Err(header(escaped(&error.to_string()))),
        },
        Err(SafeTensorError::InvalidOffset(name)) => {
            Err(damaged(format!("tensor {}", quoted(&name)), "its bytes do not follow those before it".to_owned()))
        }
        Err(SafeTensorError::MetadataIncompleteBuffer) => {
            let announced = announced_bytes(header_in(bytes, data_start));
            let there = bytes.len().saturating_sub(data_start) as u64;
            let place = format!("tensor data (byte {data_start})");
            Err(if announced > there {
                InputError::Truncated { file: file.to_path_buf(), place, needed: announced, available: there }
            } else {
                InputError::TrailingBytes { file: file.to_path_buf(), place, extra: there.saturating_sub(announced) }
            })
        }
        Err(error) => Err(header(escaped(&error.to_string()))),
    }
}

/// The element type of a stored tensor; `None` for the types not read here (8-bit floats and
/// smaller, complex).
pub(crate) fn element_type(dtype: Dtype) -> Option<ElementType> {
    Some(match dtype {
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::BF16,
        Dtype::F32 => ElementType::F32,
        Dtype::F64 => ElementType::F64,
        Dtype::I8 => ElementType::I8,
        Dtype::I16 => ElementType::I16,
        Dtype::I32 => ElementType::I32,
        Dtype::I64 => ElementType::I64,
        Dtype::U8 => ElementType::U8,
        Dtype::U16 => ElementType::U16,
        Dtype::U32 => ElementType::U32,
        Dtype::U64 => ElementType::U64,
        Dtype::BOOL => ElementType::Bool,
        _ => return None,
    })
}

/// The end of the last tensor, as a header that parses announces it.
fn announced_bytes(header: &[u8]) -> u64 {
    serde_json::from_slice::<Metadata>(header).map_or(0, |metadata| metadata.data_len() as u64)
}

/// The first key that is twice in an object of a JSON text, at any depth; `None` also for what is
/// no JSON object.
pub(crate) fn duplicate_key(json: &[u8]) -> Option<String> {
    let mut twice = None;
    // The depth is bounded by the parser.
    let _ = Keys(&mut twice).deserialize(&mut serde_json::Deserializer::from_slice(json));
    twice
}

/// Visits a JSON value, keeping the first key that is twice in its object.
struct Keys<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Keys<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Keys(self.0))?;
            if seen.contains(&key) {
                self.0.get_or_insert(key);
            } else {
                seen.insert(key);
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Keys(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}
