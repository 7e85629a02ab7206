//! The hidden folder in which the next files are made.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::{IsOwn, in_place, write_synced};
use crate::temporary::{self, Temporary, is_same};

const MARK: &str = ".car-spectral-";
/// So many letters and digits, drawn at random, end the name.
const DRAWN: usize = 6;
/// The name of a file that is not whole yet.
const PARTIAL: &str = ".car-spectral-partial";

/// A hidden folder, locked as long as its program lives, registered so that a program that is told
/// to stop takes it down, and taken down when dropped.
pub(super) struct Staging {
    pub(super) path: PathBuf,
    /// The folder that it is for.
    pub(super) folder: PathBuf,
    /// Whether it lies beside that folder, and not in it.
    pub(super) beside: bool,
    _lock: File,
    _registered: Temporary,
}

impl Staging {
    /// Makes the folder beside `folder`, or in it where that cannot be.
    pub(super) fn beside(folder: &Path, is_own: IsOwn) -> io::Result<Self> {
        loop {
            // What is made is registered before anyone can stop the program.
            let _gate = temporary::gate();
            let (path, beside) = Self::make(folder)?;
            // Until it is locked, another run may take it for that of a program that is gone.
            let lock = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            lock.lock()?;
            if is_same(&lock, &path) {
                let of = folder.to_owned();
                let registered = Temporary::new(path.clone(), move |path| take_down(path, &of, is_own));
                return Ok(Self { path, folder: folder.to_owned(), beside, _lock: lock, _registered: registered });
            }
        }
    }

    fn make(folder: &Path) -> io::Result<(PathBuf, bool)> {
        let in_it = || make(folder, MARK.as_ref()).map(|path| (path, false));
        match (folder.parent(), folder.file_name()) {
            (Some(parent), Some(name)) if !is_working_directory(folder) && same_device(parent, folder) => {
                make(parent, &prefix(name)).map(|path| (path, true)).or_else(|_| in_it())
            }
            _ => in_it(),
        }
    }

    /// Writes a file; it has its name when it is whole.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let _gate = temporary::gate();
        let partial = self.path.join(PARTIAL);
        let written = write_synced(&partial, bytes).and_then(|()| fs::rename(&partial, self.path.join(name)));
        if written.is_err() {
            let _ = fs::remove_file(&partial);
        }
        written
    }

    /// Gives the files the modes and owners of those that they replace.
    pub(super) fn adopt(&self, names: &[OsString]) -> io::Result<()> {
        for name in names {
            if let Ok(earlier) = self.folder.join(name).metadata() {
                adopt(&self.path.join(name), &earlier)?;
            }
        }
        Ok(())
    }
}

/// Gives `path` the mode of `earlier`, and its owner and group if this program may.
pub(super) fn adopt(path: &Path, earlier: &fs::Metadata) -> io::Result<()> {
    let made = path.metadata()?;
    if (made.uid(), made.gid()) != (earlier.uid(), earlier.gid()) {
        // Only root gives files away; for anyone else the file is a new one of theirs, as after `mv`.
        let _ = chown(path, Some(earlier.uid()), Some(earlier.gid()));
    }
    fs::set_permissions(path, earlier.permissions())
}

fn prefix(name: &OsStr) -> OsString {
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(MARK);
    prefix
}

fn make(parent: &Path, prefix: &OsStr) -> io::Result<PathBuf> {
    Ok(tempfile::Builder::new().prefix(prefix).rand_bytes(DRAWN).tempdir_in(parent)?.keep())
}

/// Whoever stands in a folder would stay in the earlier one.
fn is_working_directory(folder: &Path) -> bool {
    std::env::current_dir().and_then(|path| path.canonicalize()).is_ok_and(|path| path.starts_with(folder))
}

fn same_device(a: &Path, b: &Path) -> bool {
    matches!((a.metadata(), b.metadata()), (Ok(a), Ok(b)) if a.dev() == b.dev())
}

/// Takes down the hidden folders for `folder` whose programs are gone.
pub(super) fn take_down_abandoned(folder: &Path, is_own: IsOwn) -> io::Result<()> {
    let beside = folder.parent().zip(folder.file_name()).map(|(parent, name)| (parent, prefix(name)));
    for (place, prefix) in [Some((folder, OsString::from(MARK))), beside].into_iter().flatten() {
        // A folder that cannot be listed cannot hold what this program made there.
        let Ok(entries) = fs::read_dir(place) else { continue };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let drawn = name.as_bytes().strip_prefix(prefix.as_bytes()).unwrap_or_default();
            let hidden = drawn.len() == DRAWN && drawn.iter().all(u8::is_ascii_alphanumeric);
            let hidden = hidden && entry.file_type()?.is_dir();
            let Some(lock) = hidden.then(|| File::open(entry.path()).ok()).flatten() else { continue };
            if lock.try_lock().is_ok() && is_same(&lock, &entry.path()) {
                take_down(&entry.path(), folder, is_own);
            }
        }
    }
    Ok(())
}

/// Removes a hidden folder with all that is the program's or that `folder` has too; what neither
/// holds of goes back to `folder`. Nothing of anyone else's is ever removed: what cannot go back
/// stays where it is.
fn take_down(hidden: &Path, folder: &Path, is_own: IsOwn) {
    in_place::restore(hidden, folder, is_own);
    empty(hidden, folder, &|path| path.ends_with(PARTIAL) || is_own(path).unwrap_or(false));
}

fn empty(hidden: &Path, folder: &Path, is_own: &dyn Fn(&Path) -> bool) {
    for entry in fs::read_dir(hidden).into_iter().flatten().flatten() {
        let (path, there) = (entry.path(), folder.join(entry.file_name()));
        let back = || renameat_with(CWD, &path, CWD, &there, RenameFlags::NOREPLACE);
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !in_place::keeps_earlier(&path) && back().is_err() {
                empty(&path, &there, &|_| false);
            }
        } else if is_link_of(&path, &there) || is_own(&path) {
            let _ = fs::remove_file(&path);
        } else {
            let _ = back();
        }
    }
    let _ = fs::remove_dir(hidden);
}

fn is_link_of(path: &Path, other: &Path) -> bool {
    let inode = |path: &Path| path.symlink_metadata().map(|found| (found.dev(), found.ino()));
    matches!((inode(path), inode(other)), (Ok(a), Ok(b)) if a == b)
}
