//! A file's bytes in memory, read once, with their SHA-256.
//!
//! Every reader works on these bytes and never opens the path again, so what is checked, what is
//! hashed and what is used are the same.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{InputError, Result};
use crate::aside::both;
use crate::regular::irregular;

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    /// Path of the file.
    pub path: PathBuf,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of what was read, in lower-case hexadecimal.
    pub sha256: String,
}

/// A whole regular file, read once; its SHA-256 is of these bytes.
#[derive(Debug)]
pub struct Content {
    pub(crate) file: PathBuf,
    pub(crate) bytes: Vec<u8>,
}

impl Content {
    /// Reads `file`.
    ///
    /// # Errors
    /// The file is missing, unreadable, empty or no regular file.
    pub fn read(file: &Path) -> Result<Self> {
        let io = |source| InputError::Io { file: file.to_path_buf(), action: "read the file", source };
        // Looked at before it is opened: opening a named pipe would wait for a writer.
        let metadata = fs::metadata(file).map_err(io)?;
        if let Some(found) = irregular(&metadata) {
            return Err(InputError::NotAFile { file: file.to_path_buf(), found });
        }
        let length = metadata.len();
        if length == 0 {
            return Err(InputError::EmptyFile { file: file.to_path_buf() });
        }
        let out_of_memory =
            || InputError::OutOfMemory { file: file.to_path_buf(), place: "the whole file".to_owned(), bytes: length };
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(usize::try_from(length).map_err(|_| out_of_memory())?).map_err(|_| out_of_memory())?;
        File::open(file).map_err(io)?.take(length).read_to_end(&mut bytes).map_err(io)?;
        if (bytes.len() as u64) < length {
            return Err(InputError::truncated(file, format!("byte {}", bytes.len()), length, bytes.len() as u64));
        }
        Ok(Self { file: file.to_path_buf(), bytes })
    }

    /// Gives the path where it was read.
    pub fn path(&self) -> &Path {
        &self.file
    }

    /// Gives the bytes that were read.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The size and SHA-256 of what was read.
    pub fn stored(&self) -> StoredFile {
        StoredFile { path: self.file.clone(), bytes: self.bytes.len() as u64, sha256: sha256(&self.bytes) }
    }

    /// Runs `parse` on the bytes while a second thread hashes them.
    ///
    /// Returns what `parse` returns and the SHA-256 in lower-case hexadecimal.
    pub(crate) fn parse_and_hash<T>(&self, parse: impl FnOnce(&Self) -> Result<T>) -> Result<(T, String)> {
        let (digest, parsed) = both(|| sha256(&self.bytes), || parse(self));
        Ok((parsed?, digest))
    }
}

/// Computes the SHA-256 of bytes, in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computes the SHA-256 of a file's content in lower-case hexadecimal, as `sha256sum` prints it.
///
/// # Errors
/// As for every reader: the file is missing, unreadable, empty or no regular file.
pub fn sha256_file(file: &Path) -> Result<String> {
    Ok(sha256(&Content::read(file)?.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("abc");
        fs::write(&file, "abc").unwrap();
        assert_eq!(sha256_file(&file).unwrap(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let content = Content::read(&file).unwrap();
        let (length, digest) = content.parse_and_hash(|content| Ok(content.bytes.len())).unwrap();
        assert_eq!((length, digest), (3, sha256(b"abc")));
    }

    #[test]
    fn only_regular_files_with_content_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let missing = directory.path().join("missing");
        assert!(matches!(Content::read(&missing), Err(InputError::Io { file, .. }) if file == missing));
        assert!(matches!(Content::read(directory.path()), Err(InputError::NotAFile { found: "a folder", .. })));
        assert!(matches!(Content::read(Path::new("/dev/null")), Err(InputError::NotAFile { .. })));
        let empty = directory.path().join("empty");
        fs::write(&empty, "").unwrap();
        assert!(matches!(Content::read(&empty), Err(InputError::EmptyFile { .. })));
    }
}
