//! A file that several readers need, read once.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::folder::read_class_folder;
use crate::Result;
use crate::content::{Content, StoredFile, sha256};

/// A file, or a folder of classes, that is read when the first reader asks; all others are given
/// the same bytes, and the checksum is of those. A copy shares them.
#[derive(Clone, Debug)]
pub struct GivenFile {
    path: PathBuf,
    held: Arc<OnceLock<Held>>,
}

/// What was read.
#[derive(Debug)]
pub(crate) enum Held {
    File(Content),
    /// Classes and their images.
    Folder(Vec<(String, u64)>),
}

impl GivenFile {
    /// The bytes, or the listing.
    pub(crate) fn held(&self) -> Result<&Held> {
        if let Some(held) = self.held.get() {
            return Ok(held);
        }
        let read = if self.path.is_dir() {
            Held::Folder(read_class_folder(&self.path)?)
        } else {
            Held::File(Content::read(&self.path)?)
        };
        Ok(self.held.get_or_init(|| read))
    }

    /// Gives its size and SHA-256; of a folder of classes, those of the lines of its classes and
    /// counts.
    ///
    /// # Errors
    /// As for every reader: it is missing, unreadable or empty.
    pub fn stored(&self) -> Result<StoredFile> {
        Ok(match self.held()? {
            Held::File(content) => content.stored(),
            Held::Folder(classes) => {
                let listing: String = classes.iter().map(|(class, count)| format!("{class} {count}\n")).collect();
                StoredFile { path: self.path.clone(), bytes: listing.len() as u64, sha256: sha256(listing.as_bytes()) }
            }
        })
    }
}

impl<P: Into<PathBuf>> From<P> for GivenFile {
    fn from(path: P) -> Self {
        Self { path: path.into(), held: Arc::default() }
    }
}

impl Deref for GivenFile {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::{read_class_names, read_named_counts, read_names};

    #[test]
    fn what_is_parsed_later_and_hashed_is_what_was_read_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("given");
        std::fs::write(&path, "5\n3\n").unwrap();
        let given = GivenFile::from(path.as_path());
        assert_eq!(read_named_counts(&given, 2, None).unwrap(), [5, 3]);
        std::fs::write(&path, "1\n2\n").unwrap();
        let copy = given.clone();
        assert_eq!(read_named_counts(&copy, 2, None).unwrap(), [5, 3]);
        assert_eq!(read_names(&copy).unwrap(), ["5", "3"]);
        assert_eq!(read_class_names(&given, 2).unwrap(), ["5", "3"]);
        let stored = given.stored().unwrap();
        assert_eq!((stored.bytes, stored.sha256), (4, sha256(b"5\n3\n")));
        assert_eq!(read_named_counts(&path.into(), 2, None).unwrap(), [1, 2]);
        // A listing, too.
        let class = folder.path().join("classes/a");
        std::fs::create_dir_all(&class).unwrap();
        std::fs::create_dir_all(folder.path().join("classes/b")).unwrap();
        std::fs::write(class.join("x.png"), "x").unwrap();
        let given = GivenFile::from(folder.path().join("classes"));
        assert_eq!(read_named_counts(&given, 2, None).unwrap(), [1, 0]);
        std::fs::remove_file(class.join("x.png")).unwrap();
        assert_eq!(given.stored().unwrap().sha256, sha256(b"a 1\nb 0\n"));
    }
}
