//! Parquet, decoded by the crate `parquet` from bytes that are charged page by page.

use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::{ChunkReader, Length};

use super::{VALUES, damaged, gather, wanted};
use crate::Result;
use crate::budget::{Budget, Exceeded};
use crate::content::Content;
use crate::named::Named;

/// Bytes charged for each value that a page claims: its levels, its place in a dictionary.
const VALUE: u64 = 4;

/// The columns of a file.
pub(super) fn arrays(content: &Content, budget: &mut Budget) -> Result<Vec<Named<'static>>> {
    let file = content.file.as_path();
    let pages = check_footer(file, &content.bytes)?;
    // The decoder wants bytes of its own.
    budget.spend(content.bytes.len() as u64).map_err(|exceeded| exceeded.of(file, "the table".to_owned()))?;
    let (bytes, left) = (Bytes::copy_from_slice(&content.bytes), Arc::new(AtomicU64::new(budget.left())));
    let pages = Pages { bytes, pages, left };
    let left = Arc::clone(&pages.left);
    let exceeded = |error: &dyn ToString| match left.load(Ordering::Relaxed) {
        0 => Exceeded::beyond(budget).of(file, "the table".to_owned()),
        _ => damaged(file, error.to_string()),
    };
    let options = ArrowReaderOptions::new().with_skip_arrow_metadata(false);
    let builder =
        ParquetRecordBatchReaderBuilder::try_new_with_options(pages, options).map_err(|error| exceeded(&error))?;
    let chosen = wanted(builder.schema());
    let schema = builder.schema().project(&chosen).map_err(|error| damaged(file, error))?;
    let mask = ProjectionMask::roots(builder.parquet_schema(), chosen);
    let metadata = builder.metadata();
    let columns = || metadata.row_groups().iter().flat_map(|group| group.columns());
    // The decoder takes these as they are.
    let begin = |column: &ColumnChunkMetaData| column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    if columns().any(|column| begin(column) < 0 || column.compressed_size() < 0 || column.num_values() < 0) {
        return Err(damaged(file, "a column with a negative place, size or number of values"));
    }
    let values = columns().fold(0_i64, |sum, column| sum.saturating_add(column.num_values()));
    let rows = metadata.file_metadata().num_rows().max(1);
    let width = usize::try_from(values / rows).unwrap_or(usize::MAX).max(1);
    let reader = builder.with_projection(mask).with_batch_size((VALUES / width).clamp(1, VALUES)).build();
    let reader = reader.map_err(|error| exceeded(&error))?;
    gather(file, &schema, reader.map(|batch| batch.map_err(|error| error.to_string())), budget)
}

/// Where the pages of a file end and its footer begins.
fn check_footer(file: &Path, bytes: &[u8]) -> Result<usize> {
    let end = bytes.len().checked_sub(8).and_then(|end| bytes[end..].split_first_chunk::<4>());
    let Some((length, b"PAR1")) = end else {
        return Err(damaged(file, "a Parquet table without its end: it was cut off, or is still being written"));
    };
    let length = u32::from_le_bytes(*length);
    let before = bytes.len().checked_sub(8 + length as usize).filter(|&before| before >= 4);
    before.ok_or_else(|| damaged(file, format!("a footer of {length} bytes, more than the file has")))
}

/// The bytes of a file; what the header of a page claims is charged before the page is decoded.
struct Pages {
    bytes: Bytes,
    /// Where they end.
    pages: usize,
    left: Arc<AtomicU64>,
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }
}

impl ChunkReader for Pages {
    type T = Cursor<Bytes>;

    /// Called where the header of a page begins, and for the footer.
    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        let start = usize::try_from(start).ok().filter(|&start| start <= self.bytes.len());
        let start = start.ok_or_else(|| ParquetError::EOF("a page beyond the file".to_owned()))?;
        let rest = self.bytes.slice(start..);
        if start >= self.pages {
            return Ok(Cursor::new(rest));
        }
        let claimed = claimed(&rest).ok_or_else(|| ParquetError::General("a page without a header".to_owned()))?;
        let charged = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(claimed));
        if charged.is_err() {
            self.left.store(0, Ordering::Relaxed);
            return Err(ParquetError::General("more than a file of this size may cost".to_owned()));
        }
        Ok(Cursor::new(rest))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let start = usize::try_from(start).unwrap_or(usize::MAX);
        match start.checked_add(length).filter(|&end| end <= self.bytes.len()) {
            Some(end) => Ok(self.bytes.slice(start..end)),
            None => Err(ParquetError::EOF("bytes beyond the file".to_owned())),
        }
    }
}

/// What decoding a page may cost, by its header: Thrift's compact form of type, size, compressed
/// size, checksum, and a structure that begins with the number of values.
fn claimed(header: &[u8]) -> Option<u64> {
    const I32: u8 = 0x15;
    const STRUCTURE: u8 = 0x0c;
    let mut rest = header.iter().copied();
    let number = |rest: &mut std::iter::Copied<std::slice::Iter<'_, u8>>| {
        let mut value = 0_u64;
        for shift in (0..35).step_by(7) {
            let byte = rest.next()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // Zigzag: even numbers stand for those that are not negative.
                return (value & 1 == 0).then_some(value / 2);
            }
        }
        None
    };
    let integer = |rest: &mut std::iter::Copied<std::slice::Iter<'_, u8>>| match rest.next()? {
        I32 => number(rest),
        _ => None,
    };
    let (_, size, _) = (integer(&mut rest)?, integer(&mut rest)?, integer(&mut rest)?);
    let mut field = rest.next()?;
    if field == I32 {
        // A checksum, of which the sign does not matter.
        rest.by_ref().take(5).take_while(|byte| byte & 0x80 != 0).for_each(drop);
        field = rest.next()?;
    }
    if field & 0x0f != STRUCTURE {
        return None;
    }
    let values = integer(&mut rest)?;
    Some(size.saturating_add(VALUE.saturating_mul(values)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_costs_what_its_header_claims() {
        // Type 0, 300 bytes, 40 compressed, checksum -1, data page of 7 values.
        let header = [0x15, 0, 0x15, 0xd8, 0x04, 0x15, 80, 0x15, 1, 0x1c, 0x15, 14, 0];
        assert_eq!(claimed(&header), Some(300 + 4 * 7));
        for cut in 0..12 {
            assert_eq!(claimed(&header[..cut]), None, "{cut}");
        }
        let mut negative = header;
        negative[3] = 0xd9;
        assert_eq!(claimed(&negative), None);
    }
}
