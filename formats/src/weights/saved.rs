//! Content that `torch.save`, `pickle.dump` or `numpy.save` put into a file: containers with arrays
//! in them, nothing executed.

use std::borrow::Cow;

use super::layout::StorageBytes;
use super::parts::{Saved, Walk};
use super::pickle::{Heap, PersistentIds, Storage, load};
use super::{torch_legacy, torch_zip};
use crate::budget::Budget;
use crate::content::Content;
use crate::{InputError, Result};

/// Gives the object in a zip or legacy file of `torch.save`, or in a plain pickle, to `then`.
pub(crate) fn with_saved<T>(
    content: &Content,
    budget: &mut Budget,
    then: impl FnOnce(Saved<'_>, &mut Budget) -> Result<T>,
) -> Result<T> {
    if content.bytes.starts_with(b"PK") {
        torch_zip::with_pickle(content, budget, |pickle, program, storages, budget| {
            let saved = Walk { content, pickle, program, storages, budget }.part(pickle.value, 0)?;
            then(saved, budget)
        })
    } else if torch_legacy::is_legacy(&content.bytes) {
        torch_legacy::with_pickle(content, budget, |pickle, storages, budget| {
            let program = content.bytes.as_slice();
            let saved = Walk { content, pickle, program, storages, budget }.part(pickle.value, 0)?;
            then(saved, budget)
        })
    } else {
        with_plain_pickle(content, &content.bytes, "pickle", budget, then)
    }
}

/// As [`with_saved`], for a pickle without storages that fills `program`, a part of the file.
pub(crate) fn with_plain_pickle<T>(
    content: &Content,
    program: &[u8],
    part: &str,
    budget: &mut Budget,
    then: impl FnOnce(Saved<'_>, &mut Budget) -> Result<T>,
) -> Result<T> {
    let pickle = load(&content.file, part, program, 0, PersistentIds::None, budget)?;
    if pickle.end != program.len() {
        let (file, extra) = (content.file.clone(), program.len().saturating_sub(pickle.end) as u64);
        return Err(InputError::TrailingBytes { file, place: format!("{part}, byte {}", pickle.end), extra });
    }
    let saved = Walk { content, pickle: &pickle, program, storages: &NoStorages, budget }.part(pickle.value, 0)?;
    then(saved, budget)
}

/// Of a pickle that refers to no storage.
struct NoStorages;

impl StorageBytes for NoStorages {
    fn bytes(&self, _: &Heap, _: &Storage, _: &mut Budget) -> Result<Cow<'_, [u8]>> {
        Ok(Cow::Borrowed(&[]))
    }
}
