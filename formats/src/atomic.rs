//! Files that appear whole or not at all: written to a temporary name in the same folder, synced, then renamed.
//!
//! The temporary name of `NAME` is always `.NAME.partial`: what a killed run leaves there, the next run replaces.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;

use crate::FileError;

/// Creates the parent folder if needed, lets `write` fill a temporary file beside `path`, and renames it to `path`.
///
/// # Errors
/// [`FileError::Io`] naming `path`; an error of `write` is passed on. In either case `path` is untouched and the
/// temporary file is removed.
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
    match std::fs::remove_file(folder.join(&partial)) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(FileError::io(path)(error).into()),
        _ => (),
    }
    let temporary =
        tempfile::Builder::new().prefix(&partial).rand_bytes(0).tempfile_in(folder).map_err(FileError::io(path))?;
    let mut buffer = BufWriter::new(temporary.as_file());
    write(&mut buffer)?;
    buffer.flush().map_err(FileError::io(path))?;
    drop(buffer);
    temporary.as_file().sync_all().map_err(FileError::io(path))?;
    make_readable(temporary.as_file()).map_err(FileError::io(path))?;
    temporary.persist(path).map_err(|error| FileError::Io { path: path.to_owned(), source: error.error })?;
    Ok(())
}

/// Temporary files are private to their owner; results are not.
fn make_readable(file: &File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
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
