//! Regular files, and nothing else: a pipe would wait for a writer, a device may have no end.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read as _;
use std::path::Path;

use crate::FileError;

/// What is there in place of a regular file, in words.
pub(crate) fn irregular(found: &Metadata) -> Option<&'static str> {
    (!found.is_file()).then(|| if found.is_dir() { "a folder" } else { "a device, pipe or socket" })
}

fn refuse_irregular(path: &Path, found: &Metadata) -> Result<(), FileError> {
    let refused = |what| FileError::malformed(path, format!("it is {what}; give the path of a file"));
    irregular(found).map_or(Ok(()), |what| Err(refused(what)))
}

/// Opens a regular file to read it, with the bytes that it has. It is looked at before it is
/// opened: opening a named pipe would wait for a writer.
///
/// # Errors
/// [`FileError::Io`]; [`FileError::Malformed`] for what is no regular file.
pub fn open_regular(path: &Path) -> Result<(File, u64), FileError> {
    let found = fs::metadata(path).map_err(FileError::io(path))?;
    refuse_irregular(path, &found)?;
    Ok((File::open(path).map_err(FileError::io(path))?, found.len()))
}

/// Opens a regular file to append to it, made where nothing is.
///
/// # Errors
/// As [`open_regular`].
pub fn append_to_regular(path: &Path) -> Result<File, FileError> {
    if let Ok(found) = fs::metadata(path) {
        refuse_irregular(path, &found)?;
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(FileError::io(path))
}

/// Reads a regular file, which may be empty, as long as it was when it was looked at: what another
/// program appends meanwhile is left out.
///
/// # Errors
/// As [`open_regular`].
pub fn read_regular(path: &Path) -> Result<Vec<u8>, FileError> {
    let (file, length) = open_regular(path)?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).map_err(FileError::io(path))?;
    Ok(bytes)
}

/// Reads a regular file of UTF-8 text, as [`read_regular`] does.
///
/// # Errors
/// As [`open_regular`], and [`FileError::Malformed`] for bytes that are no UTF-8.
pub fn read_regular_text(path: &Path) -> Result<String, FileError> {
    String::from_utf8(read_regular(path)?).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        FileError::malformed(path, format!("byte {byte}: not UTF-8 text; save the file as UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_regular_files_are_opened_and_no_more_than_they_had_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(Command::new("mkfifo").arg(at("pipe")).status().unwrap().success());
        std::os::unix::fs::symlink("/dev/zero", at("zero")).unwrap();
        for (name, what) in [("pipe", "a device, pipe or socket"), ("zero", "a device"), ("", "a folder")] {
            for refused in [read_regular(&at(name)).unwrap_err(), append_to_regular(&at(name)).unwrap_err()] {
                let said = refused.to_string();
                assert!(said.contains(&format!("{}: it is {what}", at(name).display())), "{said}");
            }
        }
        for text in ["a", "\u{e9}"] {
            append_to_regular(&at("file")).unwrap().write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(read_regular_text(&at("file")).unwrap(), "a\u{e9}");
        fs::write(at("file"), b"ab\xff").unwrap();
        assert!(read_regular_text(&at("file")).unwrap_err().to_string().contains("file: byte 2: not UTF-8"));
        fs::write(at("file"), "").unwrap();
        assert_eq!(read_regular(&at("file")).unwrap(), b"");
        assert!(matches!(read_regular(&at("missing")), Err(FileError::Io { .. })));
    }
}
