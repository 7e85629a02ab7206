//! Bytes of a file: all in memory, or read from it piece by piece.

use std::borrow::Cow;
use std::ops::Range;

use crate::region::Region;

/// Where the bytes are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pieces<'a> {
    Memory(&'a [u8]),
    File(&'a Region),
}

impl<'a> Pieces<'a> {
    /// Number of bytes.
    pub(crate) fn len(self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File(region) => usize::try_from(region.length).unwrap_or(usize::MAX),
        }
    }

    /// The bytes of a range; `None` beyond the end, and of a file that cannot be read.
    pub(crate) fn get(self, range: Range<usize>) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Memory(bytes) => bytes.get(range).map(Cow::Borrowed),
            Self::File(region) => {
                let length = range.end.checked_sub(range.start).filter(|_| range.end <= self.len())?;
                let mut bytes = vec![0; length];
                region.read(range.start as u64, &mut bytes).ok().map(|()| Cow::Owned(bytes))
            }
        }
    }
}
