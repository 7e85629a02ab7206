//! Two folders change names in one system call.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::LINKED;
use super::staging::{Staging, adopt};

/// Links what is someone else's in the folder, all but `earlier`, into the hidden one, and
/// exchanges the two. False if that cannot be done here; then nothing has changed.
pub(super) fn exchange(staging: &Staging, earlier: &[OsString]) -> io::Result<bool> {
    let (folder, hidden) = (&staging.folder, &staging.path);
    let mut left = LINKED;
    if !staging.beside || !become_of(hidden, folder) || !link(folder, hidden, earlier, &mut left)? {
        return Ok(false);
    }
    File::open(hidden)?.sync_all()?;
    if renameat_with(CWD, hidden, CWD, folder, RenameFlags::EXCHANGE).is_err() {
        return Ok(false);
    }
    if let Some(parent) = folder.parent() {
        // The exchange is done; whether it outlives a power cut is the disk's affair.
        let _ = File::open(parent).and_then(|parent| parent.sync_all());
    }
    Ok(true)
}

/// Whether `hidden` could be given the mode, owner and group of `folder`.
fn become_of(hidden: &Path, folder: &Path) -> bool {
    let of = |path: &Path| path.metadata().map(|found| (found.mode(), found.uid(), found.gid()));
    folder.metadata().and_then(|earlier| adopt(hidden, &earlier)).is_ok()
        && matches!((of(hidden), of(folder)), (Ok(a), Ok(b)) if a == b)
}

/// Links every entry of `from` but `without` into `to`, folders entry by entry. False if one cannot
/// be linked, or if there are too many.
fn link(from: &Path, to: &Path, without: &[OsString], left: &mut usize) -> io::Result<bool> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, there) = (entry.file_name(), to.join(entry.file_name()));
        if without.contains(&name) {
            continue;
        }
        *left = match left.checked_sub(1) {
            Some(left) => left,
            None => return Ok(false),
        };
        let linked = if entry.file_type()?.is_dir() {
            let made = fs::create_dir(&there).is_ok() && become_of(&there, &entry.path());
            made && link(&entry.path(), &there, &[], left)?
        } else {
            fs::hard_link(entry.path(), &there).is_ok()
        };
        if !linked {
            return Ok(false);
        }
    }
    Ok(true)
}
