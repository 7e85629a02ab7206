//! The files of weights that a network names: regular files in its folder, each read once.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::super::content::{Content, sha256};
use super::super::quoting::quoted;
use super::super::{InputError, Result};
use super::census::Wanted;
use super::{OnnxError, ReadFile};

/// Files that a network may name; old exporters write one a tensor.
const MOST_FILES: usize = 4096;

/// What the files hold, by the name that the network uses.
pub(super) type Contents = BTreeMap<String, Vec<u8>>;

/// Reads every file that is wanted, with what was read.
pub(super) fn read(network: &Path, wanted: &[Wanted<'_>]) -> Result<(Contents, Vec<ReadFile>)> {
    let (mut bytes, mut files) = (Contents::new(), Vec::new());
    for wanted in wanted {
        if bytes.contains_key(wanted.location) {
            continue;
        }
        let refused = |problem: String| {
            InputError::from(OnnxError::Beside {
                file: network.to_path_buf(),
                location: quoted(wanted.location),
                problem,
            })
        };
        if bytes.len() == MOST_FILES {
            return Err(refused(format!("more than {MOST_FILES} files are named")));
        }
        let path = inside(network, wanted.location).map_err(refused)?;
        let content = Content::read(&path).map_err(|error| refused(error.to_string()))?;
        files.push(ReadFile { path, bytes: content.bytes.len() as u64, sha256: sha256(&content.bytes) });
        bytes.insert(wanted.location.to_owned(), content.bytes);
    }
    Ok((bytes, files))
}

/// The path of a file in the network's folder, links followed; or why it is none.
fn inside(network: &Path, location: &str) -> Result<PathBuf, String> {
    let named = Path::new(location);
    let plain = named.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if location.is_empty() || location.contains('\0') || !plain {
        return Err("only files in the network's own folder are read".to_owned());
    }
    let folder = network.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let path = folder.join(named);
    let real = |path: &Path| path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
    if !real(&path)?.starts_with(real(folder)?) {
        return Err("it is a link out of the network's folder".to_owned());
    }
    Ok(path)
}
