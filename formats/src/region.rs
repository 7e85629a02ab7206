//! Numbers that stay in their file and are read block by block.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{InputError, Result};

/// What the bytes of a range have to be, with those before it in their member of an archive.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) begin: Vec<u8>,
    pub(crate) crc32: u32,
    /// The member, quoted.
    pub(crate) member: String,
}

/// A range of bytes of an open file.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    pub(crate) file: PathBuf,
    handle: Arc<File>,
    /// Bytes of the whole file.
    pub(crate) length: u64,
    /// Where the range begins and ends.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// The checksum that the file gives.
    pub(crate) expected: Option<Expected>,
}

impl PartialEq for Region {
    fn eq(&self, other: &Self) -> bool {
        (&self.file, self.start, self.end) == (&other.file, other.start, other.end)
    }
}

/// A regular file with its first bytes, at most `most`; `None` for what a whole read tells more of.
pub(crate) fn open(file: &Path, most: u64) -> Option<(Region, Vec<u8>)> {
    let metadata = fs::metadata(file).ok().filter(|metadata| metadata.is_file())?;
    let handle = File::open(file).ok()?;
    let mut begin = Vec::new();
    (&handle).take(most).read_to_end(&mut begin).ok()?;
    let length = metadata.len();
    let region =
        Region { file: file.to_path_buf(), handle: Arc::new(handle), length, start: 0, end: length, expected: None };
    Some((region, begin))
}

impl Region {
    /// The same file from `start` to `end`, if it is that long.
    pub(crate) fn within(&self, start: u64, end: u64) -> Option<Self> {
        (start <= end && end <= self.length).then(|| Self { start, end, ..self.clone() })
    }

    /// Fills `bytes` with those of the file from `at` on, counted from the beginning of the range.
    pub(crate) fn read(&self, at: u64, bytes: &mut [u8]) -> Result<()> {
        self.handle.read_exact_at(bytes, self.start.saturating_add(at)).map_err(|source| self.unread(source))
    }

    /// Gives what lies before the range, or behind it, to `take` in pieces.
    pub(crate) fn around(&self, before: bool, mut take: impl FnMut(&[u8])) -> Result<()> {
        const PIECE: u64 = 1 << 20;
        let (start, end) = if before { (0, self.start) } else { (self.end, self.length) };
        let mut handle = self.handle.as_ref();
        handle.seek(SeekFrom::Start(start)).map_err(|source| self.unread(source))?;
        let mut left = end.saturating_sub(start);
        while left > 0 {
            let mut piece = vec![0; left.min(PIECE) as usize];
            handle.read_exact(&mut piece).map_err(|source| self.unread(source))?;
            take(&piece);
            left = left.saturating_sub(piece.len() as u64);
        }
        Ok(())
    }

    fn unread(&self, source: std::io::Error) -> InputError {
        InputError::Io { file: self.file.clone(), action: "read the file again", source }
    }
}
