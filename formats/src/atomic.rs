//! Files that appear whole or not at all: written to a temporary name in the same folder, synced,
//! then renamed.
//!
//! The temporary name of `NAME` is always `.NAME.partial`: what a killed run leaves there, the next
//! run replaces.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufWriter, Error, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::FileError;
use crate::temporary::{self, Temporary};

/// Creates the parent folder if needed, lets `write` fill a temporary file beside `path`, and
/// renames it to `path`. A file that was there keeps its mode, and its owner where the program may
/// give files away.
///
/// # Errors
/// [`FileError::Io`] naming `path`; [`FileError::Malformed`] if another run is writing it, or if
/// something else than a file is in the way, such as a device; an error of `write` is passed on.
/// `path` is untouched then and the temporary file is removed.
pub fn write_atomically<E: From<FileError>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
) -> Result<(), E> {
    Written::new(path, write)?.show().map_err(E::from)
}

/// A file that is whole under its temporary name, and is removed with it unless it is shown.
#[must_use = "it is gone unless it is shown"]
pub struct Written {
    path: PathBuf,
    partial: PathBuf,
    file: File,
    registered: Temporary,
}

impl Written {
    /// Lets `write` fill the temporary file of `path`, as [`write_atomically`] does, and syncs it.
    ///
    /// # Errors
    /// As [`write_atomically`].
    pub fn new<E: From<FileError>>(
        path: &Path,
        write: impl FnOnce(&mut BufWriter<&File>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let path = &target(path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(FileError::io(folder))?;
        let name = path.file_name().ok_or_else(|| FileError::malformed(path, "the path names no file"))?;
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(".partial");
        let partial = folder.join(partial);
        let (file, registered) = {
            // What is made is registered before anyone can stop the program.
            let _gate = temporary::gate();
            (take(&partial, path)?, Temporary::new(partial.clone(), remove))
        };
        let mut buffer = BufWriter::new(&file);
        write(&mut buffer)?;
        buffer.flush().map_err(FileError::io(path))?;
        drop(buffer);
        file.sync_all().map_err(FileError::io(path))?;
        Ok(Self { path: path.to_owned(), partial, file, registered })
    }

    /// Gives it its name.
    ///
    /// # Errors
    /// [`FileError::Io`] naming it.
    pub fn show(self) -> Result<(), FileError> {
        let gate = temporary::gate();
        self.adopt().and_then(|()| self.rename()).map_err(FileError::io(&self.path))?;
        drop(gate);
        self.registered.keep();
        Ok(())
    }

    /// Shows this file, which holds the text of `copy` too, and that copy. At every moment the copy
    /// is absent or that of this file: it goes first and comes last.
    ///
    /// # Errors
    /// [`FileError::Io`] naming the one that could not be shown.
    pub fn show_with_copy(self, copy: Self) -> Result<(), FileError> {
        let gate = temporary::gate();
        self.adopt().map_err(FileError::io(&self.path))?;
        copy.adopt().and_then(|()| remove_earlier(&copy.path)).map_err(FileError::io(&copy.path))?;
        self.rename().map_err(FileError::io(&self.path))?;
        copy.rename().map_err(FileError::io(&copy.path))?;
        drop(gate);
        self.registered.keep();
        copy.registered.keep();
        Ok(())
    }

    /// Takes the mode of the earlier file, and its owner where that may be given.
    fn adopt(&self) -> std::io::Result<()> {
        match self.path.metadata() {
            Ok(earlier) if earlier.is_dir() => Err(Error::from(ErrorKind::IsADirectory)),
            Ok(earlier) => {
                let _ = chown(&self.partial, Some(earlier.uid()), Some(earlier.gid()));
                self.file.set_permissions(earlier.permissions())
            }
            Err(_) => Ok(()),
        }
    }

    fn rename(&self) -> std::io::Result<()> {
        std::fs::rename(&self.partial, &self.path)
    }
}

/// Checks that a file may be written there: where nothing is, or a file.
///
/// # Errors
/// [`FileError::Malformed`] for a folder, a device, a pipe, and a link that leads nowhere.
pub fn check_target(path: &Path) -> Result<(), FileError> {
    target(path).map(drop)
}

/// The file that a path names: behind a link the one that it leads to, which alone is replaced.
fn target(path: &Path) -> Result<PathBuf, FileError> {
    let refuse = |problem: &str| Err(FileError::malformed(path, problem));
    let file = match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => match path.canonicalize() {
            Ok(file) => file,
            Err(_) => return refuse("a link that leads nowhere; give the file itself"),
        },
        _ => path.to_owned(),
    };
    match file.metadata() {
        Ok(found) if found.is_dir() => refuse("a folder; give the name of a file"),
        Ok(found) if !found.is_file() => refuse("a device or pipe, which would be replaced; give the name of a file"),
        _ => Ok(file),
    }
}

fn remove_earlier(path: &Path) -> std::io::Result<()> {
    std::fs::remove_file(path).or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
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
    use std::collections::BTreeSet;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    use super::*;

    const CHILD: &str = "CAR_SPECTRAL_WRITES_PAIRS_IN";

    fn write_pair(folder: &Path, text: &str) -> Result<(), FileError> {
        let written = |name: &str| {
            let path = folder.join(name);
            Written::new(&path, |file| file.write_all(text.as_bytes()).map_err(FileError::io(&path)))
        };
        written("weights")?.show_with_copy(written("copy")?)
    }

    /// What the folder shows: the file and its copy.
    fn pair(folder: &Path) -> [Option<String>; 2] {
        ["weights", "copy"].map(|name| std::fs::read_to_string(folder.join(name)).ok())
    }

    #[test]
    fn nothing_but_a_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str| {
            write_atomically::<FileError>(&at(name), |file| file.write_all(b"new").map_err(FileError::io(&at(name))))
        };
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        std::fs::write(at("file"), "old").unwrap();
        std::os::unix::fs::symlink(at("file"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        std::os::unix::fs::symlink(at("pipe"), at("link_to_pipe")).unwrap();
        for (name, problem) in [
            ("pipe", "device or pipe"),
            ("link_to_pipe", "device or pipe"),
            ("dangling", "leads nowhere"),
            ("", "folder"),
        ] {
            let refused = write(name).unwrap_err().to_string();
            assert!(refused.contains(problem), "{refused}");
        }
        write("link").unwrap();
        assert!(at("link").is_symlink() && std::fs::read(at("file")).unwrap() == b"new");
    }

    /// Does nothing unless the test below starts it as a program of its own.
    #[test]
    fn writes_pairs_until_it_is_killed() {
        let Some(folder) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
        for round in 0_u64.. {
            write_pair(&folder, &format!("{round} of {}", std::process::id())).unwrap();
        }
    }

    #[test]
    fn killed_at_any_moment_a_pair_is_not_mixed_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        write_pair(folder.path(), "first").unwrap();
        let (mut kills, mut without_copy, mut mixed, mut lost, mut seen) = (0, 0, 0, 0, BTreeSet::new());
        // On a busy machine many are killed before they have written anything.
        for kill in 0..4_000 {
            if kill >= 200 && seen.len() > 20 {
                break;
            }
            kills += 1;
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "atomic::tests::writes_pairs_until_it_is_killed"])
                .env(CHILD, folder.path())
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_micros(5_000 + 171 * (kill * 37 % 100)));
            child.kill().unwrap();
            child.wait().unwrap();
            let [weights, copy] = pair(folder.path());
            lost += u32::from(weights.is_none());
            without_copy += u32::from(copy.is_none());
            mixed += u32::from(copy.is_some() && copy != weights);
            seen.extend(weights);
        }
        println!("{kills} kills: {mixed} mixed, {lost} lost, {without_copy} between; {} pairs seen", seen.len());
        assert_eq!((mixed, lost), (0, 0));
        assert!(seen.len() > 20, "the children wrote: {}", seen.len());
        write_pair(folder.path(), "last").unwrap();
        assert_eq!(pair(folder.path()), [Some("last".to_owned()), Some("last".to_owned())]);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_pair_that_cannot_be_shown_leaves_the_earlier_one() {
        for name in ["weights", "copy"] {
            let folder = tempfile::tempdir().unwrap();
            write_pair(folder.path(), "old").unwrap();
            std::fs::remove_file(folder.path().join(name)).unwrap();
            std::fs::create_dir(folder.path().join(name)).unwrap();
            let left = pair(folder.path());
            assert!(write_pair(folder.path(), "new").unwrap_err().to_string().contains(name));
            assert_eq!(pair(folder.path()), left);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
        }
    }

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
