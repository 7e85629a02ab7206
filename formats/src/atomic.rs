//! Files that appear whole or not at all: written to a temporary name in the same folder, synced, then renamed.
//!
//! The temporary name of `NAME` is always `.NAME.partial`: what a killed run leaves there, the next run replaces.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::Path;

use rustix::fs::OFlags;

use crate::FileError;
use crate::temporary::{self, Temporary};

/// Creates the parent folder if needed, lets `write` fill a temporary file beside `path`, and renames it to `path`. A
/// file that was there keeps its mode, and its owner where the program may give files away.
///
/// # Errors
/// [`FileError::Io`] naming `path`; [`FileError::Malformed`] if another run is writing it, or if something else than a
/// file is in the way; an error of `write` is passed on. `path` is untouched then and the temporary file is removed.
pub fn write_atomically<E: From<FileError>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(FileError::io(folder))?;
    let name = path.file_name().ok_or_else(|| FileError::malformed(path, "the path names no file"))?;
    let mut partial = std::ffi::OsString::from(".");
    partial.push(name);
    partial.push(".partial");
    let partial = folder.join(partial);
    let file = take(&partial, path)?;
    let registered = Temporary::new(partial.clone(), remove);
    let mut buffer = BufWriter::new(&file);
    write(&mut buffer)?;
    buffer.flush().map_err(FileError::io(path))?;
    drop(buffer);
    let finish = || {
        file.sync_all()?;
        if let Ok(earlier) = path.metadata() {
            let _ = chown(&partial, Some(earlier.uid()), Some(earlier.gid()));
            file.set_permissions(earlier.permissions())?;
        }
        let _gate = temporary::gate();
        std::fs::rename(&partial, path)
    };
    finish().map_err(FileError::io(path))?;
    registered.keep();
    Ok(())
}

fn remove(path: &Path) {
    // What cannot be removed is replaced by the next run.
    let _ = std::fs::remove_file(path);
}

/// Opens the temporary file for one program alone, emptied.
fn take(partial: &Path, path: &Path) -> Result<File, FileError> {
    let in_the_way = |problem: &str| FileError::malformed(path, format!("{}: {problem}", partial.display()));
    loop {
        if partial.symlink_metadata().is_ok_and(|found| !found.is_file()) {
            return Err(in_the_way("is in the way and no file; move it away"));
        }
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(false).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(partial).map_err(FileError::io(path))?;
        match file.try_lock() {
            Ok(()) if temporary::is_same(&file, partial) => {
                file.set_len(0).map_err(FileError::io(path))?;
                return Ok(file);
            }
            // Another program has renamed it meanwhile.
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(in_the_way("another run is writing this file; wait for its end, or choose another name"));
            }
            Err(TryLockError::Error(source)) => return Err(FileError::io(path)(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/result.json");
        write_atomically(&path, |file| file.write_all(b"old").map_err(FileError::io(Path::new("x")))).unwrap();
        let failed = write_atomically(&path, |file| {
            file.write_all(b"half").unwrap();
            Err(FileError::malformed(Path::new("x"), "stop"))
        });
        assert!(failed.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
    #[test]
    fn what_a_killed_write_left_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        let killed = std::panic::catch_unwind(|| {
            write_atomically::<FileError>(&path, |_| {
                let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
                // A kill leaves this file; a panic removes it, so it is made again.
                panic!("{}", names[0].to_str().unwrap());
            })
        });
        let left = killed.unwrap_err().downcast::<String>().unwrap();
        std::fs::write(folder.path().join(&*left), "half of a longer file").unwrap();
        write_atomically(&path, |file| file.write_all(b"new").map_err(FileError::io(Path::new("x")))).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
