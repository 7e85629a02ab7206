//! ONNX networks: the bytes of the file and of the weights beside it, read once and checked before
//! an engine decodes them.
//!
//! A protocol buffer of two bytes can become a structure of thousands in memory. So the file is
//! walked first: what decoding costs is counted and held against its budget, operations are
//! counted, and whatever lies in other files is read from the folder of the network and nowhere
//! else.

mod census;
mod error;
mod external;
mod wire;

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::budget::Budget;
use super::content::{Content, sha256};
use super::quoting::quoted;
use super::{InputError, Result};
use census::{Census, Wanted};
use external::Contents;

pub use error::OnnxError;

/// Operations that a network may have.
pub const MOST_NODES: u64 = 100_000;

/// An ONNX network with the weights beside it.
#[derive(Debug)]
pub struct OnnxFile {
    /// The network's file: a protocol buffer that decodes within its budget.
    pub bytes: Vec<u8>,
    /// Files that were read: the network's, then those of its weights by name.
    pub files: Vec<ReadFile>,
    /// The files beside it by the names that the network uses.
    beside: Contents,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadFile {
    /// The file.
    pub path: PathBuf,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of its bytes in lower-case hexadecimal.
    pub sha256: String,
}

impl OnnxFile {
    /// Gives the bytes of a tensor that lies in another file, `length` or all from `offset` on;
    /// `None` where the network's file names none such.
    pub fn beside(&self, location: &str, offset: u64, length: Option<u64>) -> Option<&[u8]> {
        let bytes = self.beside.get(location)?;
        bytes.get(range(offset, length, bytes.len())?)
    }
}

/// Tells whether bytes begin like an ONNX network: a version, then a field that follows it.
pub(crate) fn is_onnx(bytes: &[u8]) -> bool {
    matches!(bytes, [0x08, 1..=0x7f, tag, ..] if tag & 7 == 2 && matches!(tag >> 3, 2..=4 | 6..=8 | 14))
}

/// Reads a network and the files that it names, each from the network's folder.
///
/// # Errors
/// [`InputError::UnknownFormat`], [`InputError::Damaged`] with the byte, [`InputError::Budget`] for
/// what costs more memory than files of this size may or has more than [`MOST_NODES`] operations,
/// [`OnnxError::Beside`] for a file beside it that is not there, not in the folder, or too short.
pub fn read(file: &Path) -> Result<OnnxFile> {
    read_in(Content::read(file)?)
}

/// Reads as [`read`] does, from a file that was read.
///
/// # Errors
/// As [`read`].
pub fn read_in(content: Content) -> Result<OnnxFile> {
    let file = content.file.clone();
    let file = file.as_path();
    if !is_onnx(&content.bytes) {
        let found = "no ONNX network".to_owned();
        return Err(InputError::unknown_format(&content.file, found, "a file that torch.onnx.export wrote"));
    }
    let census = Census::of(&content.bytes)
        .map_err(|fault| InputError::damaged(file, format!("byte {}", fault.at), fault.problem))?;
    let exceeded = |exceeded: String| {
        let (file, place, remedy) = (file.to_path_buf(), "the network".to_owned(), "export a smaller network");
        InputError::Budget { file, place, exceeded, remedy }
    };
    if census.nodes > MOST_NODES {
        return Err(exceeded(format!("{} operations, {MOST_NODES} are accepted", census.nodes)));
    }
    let (beside, files) = external::read(file, &census.wanted)?;
    let together = beside.values().map(Vec::len).sum::<usize>().saturating_add(content.bytes.len());
    let mut budget = Budget::of(together);
    budget.spend(census.cost).map_err(|found| exceeded(found.to_string()))?;
    for wanted in &census.wanted {
        let bytes = range_of(file, wanted, &beside)?.len() as u64;
        budget.spend(bytes).map_err(|found| exceeded(found.to_string()))?;
    }
    let own = ReadFile { path: file.to_path_buf(), bytes: content.bytes.len() as u64, sha256: sha256(&content.bytes) };
    let files = std::iter::once(own).chain(files).collect();
    Ok(OnnxFile { bytes: content.bytes, files, beside })
}

/// Where the bytes of a tensor are in a file of so many bytes; `None` if they are not all there.
fn range(offset: u64, length: Option<u64>, available: usize) -> Option<Range<usize>> {
    let start = usize::try_from(offset).ok().filter(|&start| start <= available)?;
    let end = length.map_or(Some(available), |length| start.checked_add(usize::try_from(length).ok()?))?;
    (end <= available).then_some(start..end)
}

fn range_of(file: &Path, wanted: &Wanted<'_>, beside: &Contents) -> Result<Range<usize>> {
    let available = beside.get(wanted.location).map_or(0, Vec::len);
    range(wanted.offset, wanted.length, available).ok_or_else(|| {
        let problem = format!(
            "the tensor at byte {} wants {} bytes from byte {} on, the file has {available}",
            wanted.at,
            wanted.length.map_or("all".to_owned(), |length| length.to_string()),
            wanted.offset
        );
        OnnxError::Beside { file: file.to_path_buf(), location: quoted(wanted.location), problem }.into()
    })
}

#[cfg(test)]
mod tests;
