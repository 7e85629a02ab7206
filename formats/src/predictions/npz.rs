//! The .npz format: a ZIP archive with one .npy member an array.

use std::path::Path;

use super::{LABELS, LOGITS, StoredArray, StoredPredictions, npy};
use crate::InputError;
use crate::archive::Archive;
use crate::budget::Budget;
use crate::quoting::{quoted, quoted_list};

/// Finds `logits` and `labels` in an archive.
///
/// # Errors
/// Those of the archive and of the .npy format; [`InputError::MissingArray`] with the arrays that are there.
pub(super) fn parse<'a>(
    file: &'a Path,
    bytes: &'a [u8],
    budget: &mut Budget,
) -> Result<StoredPredictions<'a>, InputError> {
    let archive = Archive::open(file, bytes)?;
    let mut array = |name| array(file, &archive, name, budget);
    Ok(StoredPredictions { logits: array(LOGITS)?, labels: array(LABELS)? })
}

fn array<'a>(
    file: &'a Path,
    archive: &Archive<'a>,
    name: &'static str,
    budget: &mut Budget,
) -> Result<StoredArray<'a>, InputError> {
    // numpy writes the suffix; some writers leave it out, and numpy.load accepts both.
    let suffixed = archive.member(&format!("{name}.npy"));
    let member = match (suffixed, archive.member(name)) {
        (Some(_), Some(_)) => {
            let name = format!("array {} (as {name} and as {name}.npy)", quoted(name));
            return Err(InputError::Duplicate { file: file.to_path_buf(), name });
        }
        (Some(member), None) | (None, Some(member)) => member,
        (None, None) => {
            let names = archive.members().iter().map(|member| member.name.strip_suffix(".npy").unwrap_or(&member.name));
            return Err(InputError::MissingArray { file: file.to_path_buf(), name, present: quoted_list(names) });
        }
    };
    npy::parse(file, name, archive.read(member, false, budget)?)
}
