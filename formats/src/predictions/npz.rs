//! The .npz format: a ZIP archive with one .npy member an array.

use std::path::Path;

use super::beside::may_say;
use super::own_names::is_usual;
use super::saved::arrays_of_pickle;
use super::{LABELS, LOGITS, Reading};
use crate::archive::Archive;
use crate::budget::Budget;
use crate::content::Content;
use crate::named::Named;
use crate::npy::{self, Npy};
use crate::quoting::quoted;
use crate::words::Words;
use crate::{InputError, Result};

/// The arrays of an archive: where their names say which are the scores and the labels those, else
/// all.
pub(crate) fn arrays<'a>(content: &'a Content, reading: &Reading, budget: &mut Budget) -> Result<Vec<Named<'a>>> {
    let file = content.file.as_path();
    let archive = Archive::open(file, &content.bytes)?;
    if archive.members().iter().all(|member| is_other_file(&member.name)) {
        let (found, remedy) = ("a zip archive of files that are no arrays", "unpack it and give the file inside");
        return Err(InputError::Impostor { file: file.to_path_buf(), found, remedy });
    }
    let names: Vec<&str> = archive.members().iter().map(|member| without_suffix(&member.name)).collect();
    for (at, name) in names.iter().enumerate() {
        // numpy writes the suffix; some writers leave it out, and numpy.load accepts both.
        if archive.member(name).is_some()
            && archive.member(&format!("{name}.npy")).is_some()
            && names.iter().take(at).any(|earlier| earlier == name)
        {
            let name = format!("array {} (as {name} and as {name}.npy)", quoted(name));
            return Err(InputError::Duplicate { file: file.to_path_buf(), name });
        }
    }
    let wanted = [reading.keys.logits.as_deref().unwrap_or(LOGITS), reading.keys.labels.as_deref().unwrap_or(LABELS)];
    let told = wanted.iter().all(|name| names.contains(name));
    let mut found = Vec::new();
    // What is wanted is unpacked before what may say the same again.
    let mut members: Vec<_> = archive.members().iter().zip(names).collect();
    if told {
        members.retain(|(_, name)| wanted.contains(name) || may_say(name) || is_usual(name));
        members.sort_by_key(|(_, name)| !wanted.contains(name));
    }
    for (member, name) in members {
        let read = archive.read(member, false, budget).and_then(|bytes| npy::parse(file, name, bytes));
        let array = match read {
            Ok(Npy::Array(array)) => Ok(array),
            Ok(Npy::Pickle(bytes, start)) => {
                object_array(content, name, bytes.get(start..).unwrap_or_default(), budget)
            }
            Err(error) => Err(error),
        };
        found.push(Named { name: name.to_owned(), array });
    }
    Ok(found)
}

/// Whether a member is called as a table or a text is.
fn is_other_file(name: &str) -> bool {
    const ENDINGS: Words = Words("csv tsv txt json jsonl parquet feather arrow pkl pickle xml html");
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(ending.to_ascii_lowercase().as_str()))
}

pub(super) fn without_suffix(name: &str) -> &str {
    name.strip_suffix(".npy").unwrap_or(name)
}

/// An array of objects that are numbers, rows or texts.
fn object_array<'a>(
    content: &Content,
    name: &str,
    pickle: &[u8],
    budget: &mut Budget,
) -> Result<crate::array::Array<'a>> {
    let part = format!("array {}, a pickle", quoted(name));
    let mut arrays = arrays_of_pickle(content, pickle, &part, budget)?;
    match arrays.pop() {
        Some(only) if arrays.is_empty() => only.array,
        _ => Err(InputError::ElementType {
            file: content.file.clone(),
            array: name.to_owned(),
            found: "objects that are no numbers".to_owned(),
            expected: "numbers, or texts for labels",
        }),
    }
}

/// Whether an archive is one of `torch.save` and not of arrays.
pub(crate) fn is_torch_save(file: &Path, bytes: &[u8]) -> Result<bool> {
    let archive = Archive::open(file, bytes)?;
    Ok(archive.members().iter().any(|member| member.name == "data.pkl" || member.name.ends_with("/data.pkl")))
}
