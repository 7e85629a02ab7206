//! torch.save since PyTorch 1.6: an archive with one pickle, `data.pkl`, and a member for each
//! storage.

use std::borrow::Cow;

use super::layout::StorageBytes;
use super::pickle::{Heap, PersistentIds, Pickle, Storage, load};
use super::{CheckpointKind, Found, WeightsError, choice};
use crate::archive::{Archive, Member};
use crate::budget::Budget;
use crate::content::Content;
use crate::quoting::{in_command, quoted, quoted_list};
use crate::{InputError, Result};

/// Tells torch.save from TorchScript and from other archives.
pub(super) fn kind(content: &Content) -> Result<CheckpointKind> {
    let archive = Archive::open(&content.file, &content.bytes).map_err(|error| {
        // Several archives, one behind the other.
        if content.file.extension().is_none_or(|ending| ending != "distcp") {
            return error;
        }
        InputError::unknown_format(
            &content.file,
            "a part of a distributed checkpoint; python -m torch.distributed.checkpoint.format_utils dcp_to_torch \
                    FOLDER weights.pt makes one file of its folder",
            "weights as .safetensors or as torch.save writes them",
        )
    })?;
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

/// Whether a member is called as files of weights are.
fn is_weights(name: &str) -> bool {
    [".pth", ".pt", ".tar", ".bin", ".safetensors", ".ckpt", ".th", ".onnx", ".zip"]
        .iter()
        .any(|end| name.ends_with(end))
}

/// The one pickle of an archive, in the folder of the first member, where torch looks for it.
fn pickle_member<'a>(content: &Content, archive: &'a Archive<'_>) -> Result<&'a Member> {
    let pickles: Vec<&Member> =
        archive.members().iter().filter(|member| member.name.to_ascii_lowercase().ends_with(".pkl")).collect();
    let folder = archive.members().first().map_or("", |first| first.name.split('/').next().unwrap_or_default());
    let unknown = |found: String| {
        InputError::unknown_format(&content.file, found, "weights as .safetensors or as torch.save writes them")
    };
    match pickles.as_slice() {
        [member] if member.name == "data.pkl" || member.name.strip_suffix("/data.pkl") == Some(folder) => Ok(member),
        [member] if member.name.ends_with("/data.pkl") => {
            let (folder, name) = (quoted(folder), quoted(&member.name));
            Err(unknown(format!("a ZIP archive that begins with the folder {folder} and holds {name}")))
        }
        [] if archive.members().iter().any(|member| member.name.ends_with(".npy")) => {
            let file = in_command(&content.file);
            Err(unknown(format!(
                "arrays of NumPy (.npz); python -c \"import numpy, torch; torch.save({{k: torch.as_tensor(v) for k, v in \
                 numpy.load('{file}').items()}}, 'weights.pt')\" converts them"
            )))
        }
        [] if archive.members().iter().any(|member| {
            member.name.ends_with("serialized_exported_program.json")
                || member.name.contains("/models/")
                || member.name.ends_with("archive_format")
        }) =>
        {
            let file = in_command(&content.file);
            Err(unknown(format!(
                "a program of torch.export (.pt2); python -c \"import torch; \
                 torch.save(torch.export.load('{file}').state_dict, 'weights.pt')\" takes its weights"
            )))
        }
        [] if archive.members().iter().any(|member| member.name.ends_with(".weights.h5")) => Err(unknown(
            "a model of Keras (.keras); export it as ONNX (tf2onnx), or give its scores as predictions".to_owned(),
        )),
        [] if archive.members().iter().any(|member| is_weights(&member.name)) => {
            let names = quoted_list(archive.members().iter().map(|member| &member.name));
            Err(unknown(format!("a ZIP archive of other files; unpack it and give the file inside (it holds {names})")))
        }
        [] | [_] => {
            let names = quoted_list(archive.members().iter().map(|member| &member.name));
            Err(unknown(format!("a ZIP archive without data.pkl (it holds {names})")))
        }
        _ => Err(WeightsError::SeveralPickles {
            file: content.file.clone(),
            members: quoted_list(pickles.iter().map(|member| &member.name)),
        }
        .into()),
    }
}

/// The storages of an archive.
pub(super) struct Members<'a> {
    content: &'a Content,
    archive: &'a Archive<'a>,
    folder: &'a str,
}

impl Members<'_> {
    fn name(&self, heap: &Heap, storage: &Storage) -> String {
        format!("{}data/{}", self.folder, heap.spelled(storage.key))
    }

    fn member(&self, name: &str) -> Result<&Member> {
        self.archive.member(name).ok_or_else(|| InputError::Damaged {
            file: self.content.file.clone(),
            place: format!("member {}", quoted(name)),
            problem: "the pickle refers to it and it is not there".to_owned(),
        })
    }
}

impl StorageBytes for Members<'_> {
    fn bytes(&self, heap: &Heap, storage: &Storage, budget: &mut Budget) -> Result<Cow<'_, [u8]>> {
        self.archive.read(self.member(&self.name(heap, storage))?, true, budget)
    }
}

/// Reads a zip file of torch.save.
pub(super) fn read(content: &Content, key: Option<&str>, budget: &mut Budget) -> Result<Found> {
    with_pickle(content, budget, |pickle, program, members, budget| {
        choice::extract(content, pickle, program, key, members, budget)
    })
}

/// Gives the pickle of a zip file, its bytes, and the storages that it refers to, to `then`.
pub(super) fn with_pickle<T>(
    content: &Content,
    budget: &mut Budget,
    then: impl FnOnce(&Pickle, &[u8], &Members<'_>, &mut Budget) -> Result<T>,
) -> Result<T> {
    let file = content.file.as_path();
    let archive = Archive::open(file, &content.bytes)?;
    let member = pickle_member(content, &archive)?;
    let folder = member.name.strip_suffix("data.pkl").unwrap_or_default();
    if let Some(member) = archive.member(&format!("{folder}byteorder")) {
        let place = format!("member {}", quoted(&member.name));
        match &*archive.read(member, true, budget)? {
            b"little" => {}
            b"big" => return Err(WeightsError::BigEndian { file: file.to_path_buf(), place }.into()),
            _ => {
                let problem = "neither \"little\" nor \"big\"".to_owned();
                return Err(InputError::Damaged { file: file.to_path_buf(), place, problem });
            }
        }
    }

    let program = archive.read(member, true, budget)?;
    let part = format!("member {}", quoted(&member.name));
    let pickle = load(file, &part, &program, 0, PersistentIds::Zip, budget)?;
    if pickle.end != program.len() {
        let extra = program.len().saturating_sub(pickle.end) as u64;
        let place = format!("{part}, byte {}", pickle.end);
        return Err(InputError::TrailingBytes { file: file.to_path_buf(), place, extra });
    }
    let members = Members { content, archive: &archive, folder };
    for storage in &pickle.heap.storages {
        let name = members.name(&pickle.heap, storage);
        let there = members.member(&name)?.size;
        super::layout::check_size(file, || format!("member {}", quoted(&name)), storage, there)?;
    }
    then(&pickle, &program, &members, budget)
}
