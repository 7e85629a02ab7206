//! Arrow's own format, as files (Feather is another name for them) and as streams, decoded by the
//! crate `arrow-ipc`.

use std::io::Cursor;
use std::path::Path;

use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_ipc::{CompressionType, RecordBatch, root_as_footer, root_as_message};

use super::{damaged, gather, wanted};
use crate::Result;
use crate::budget::Budget;
use crate::content::Content;
use crate::named::Named;

/// How a file begins and ends.
const MAGIC: &[u8] = b"ARROW1";
/// How a message of a stream begins.
const MESSAGE: [u8; 4] = [0xff; 4];

/// The columns of a file or a stream.
pub(super) fn arrays(content: &Content, budget: &mut Budget) -> Result<Vec<Named<'static>>> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    let failed = |error: arrow_schema::ArrowError| damaged(file, error);
    if bytes.starts_with(MAGIC) {
        check_file(file, bytes, budget)?;
        let whole = FileReader::try_new(Cursor::new(bytes), None).map_err(failed)?.schema();
        let reader = FileReader::try_new(Cursor::new(bytes), Some(wanted(&whole))).map_err(failed)?;
        let schema = reader.schema();
        return gather(file, &schema, reader.map(|batch| batch.map_err(|error| error.to_string())), budget);
    }
    check_stream(file, bytes, budget)?;
    let whole = StreamReader::try_new(Cursor::new(bytes), None).map_err(failed)?.schema();
    let reader = StreamReader::try_new(Cursor::new(bytes), Some(wanted(&whole))).map_err(failed)?;
    let schema = reader.schema();
    gather(file, &schema, reader.map(|batch| batch.map_err(|error| error.to_string())), budget)
}

/// Checks every message of a file: that it is inside, and what it unpacks to.
fn check_file(file: &Path, bytes: &[u8], budget: &mut Budget) -> Result<()> {
    let end = bytes.len().checked_sub(10).and_then(|end| bytes[end..].split_first_chunk::<4>());
    let Some((length, MAGIC)) = end else {
        return Err(damaged(file, "an Arrow table without its end: it was cut off, or is still being written"));
    };
    let length = u32::from_le_bytes(*length) as usize;
    let footer = bytes.len().checked_sub(10 + length).map(|start| &bytes[start..start + length]);
    let footer = footer.ok_or_else(|| damaged(file, format!("a footer of {length} bytes, more than the file has")))?;
    let footer = root_as_footer(footer).map_err(|error| damaged(file, error))?;
    let batches = footer.recordBatches().into_iter().flatten();
    for block in batches.chain(footer.dictionaries().into_iter().flatten()) {
        let inside = |start: i64, length: i64| {
            let start = usize::try_from(start).ok()?;
            bytes.get(start..start.checked_add(usize::try_from(length).ok()?)?)
        };
        let header = inside(block.offset(), block.metaDataLength().into());
        let body = block.offset().checked_add(block.metaDataLength().into());
        let body = body.and_then(|start| inside(start, block.bodyLength()));
        let (Some(header), Some(body)) = (header, body) else {
            return Err(damaged(file, "a batch beyond the end of the file"));
        };
        let header = header.strip_prefix(&MESSAGE).unwrap_or(header);
        check_message(file, header.get(4..).unwrap_or_default(), body, budget)?;
    }
    Ok(())
}

/// Checks every message of a stream.
fn check_stream(file: &Path, bytes: &[u8], budget: &mut Budget) -> Result<()> {
    let mut rest = bytes;
    while let Some((begin, after)) = rest.split_first_chunk::<4>() {
        let cut_off = || damaged(file, "a stream of Arrow that ends in the middle of a message");
        if *begin != MESSAGE {
            return Err(damaged(file, "a message of Arrow that does not begin as one"));
        }
        let (length, after) = after.split_first_chunk::<4>().ok_or_else(cut_off)?;
        let length = u32::from_le_bytes(*length) as usize;
        if length == 0 {
            return Ok(());
        }
        let (header, after) = after.split_at_checked(length).ok_or_else(cut_off)?;
        let message = root_as_message(header).map_err(|error| damaged(file, error))?;
        let body = usize::try_from(message.bodyLength()).ok().and_then(|length| after.split_at_checked(length));
        let (body, after) = body.ok_or_else(cut_off)?;
        check_message(file, header, body, budget)?;
        rest = after;
    }
    Ok(())
}

fn check_message(file: &Path, header: &[u8], body: &[u8], budget: &mut Budget) -> Result<()> {
    let message = root_as_message(header).map_err(|error| damaged(file, error))?;
    let dictionary = message.header_as_dictionary_batch().and_then(|batch| batch.data());
    match message.header_as_record_batch().or(dictionary) {
        Some(batch) => check_batch(file, &batch, body, budget),
        None => Ok(()),
    }
}

/// Charges what the buffers of a batch unpack to, which each says in its first eight bytes.
fn check_batch(file: &Path, batch: &RecordBatch<'_>, body: &[u8], budget: &mut Budget) -> Result<()> {
    let codec = batch.compression().map(|compression| compression.codec());
    if codec.is_some_and(|codec| ![CompressionType::LZ4_FRAME, CompressionType::ZSTD].contains(&codec)) {
        return Err(damaged(file, "a compression that is not known"));
    }
    for buffer in batch.buffers().into_iter().flatten() {
        let start = usize::try_from(buffer.offset()).ok();
        let end = start.and_then(|start| start.checked_add(usize::try_from(buffer.length()).ok()?));
        let Some(bytes) = start.zip(end).and_then(|(start, end)| body.get(start..end)) else {
            return Err(damaged(file, "a buffer beyond the end of its batch"));
        };
        let unpacked = match (codec, bytes.split_first_chunk::<8>()) {
            // -1: kept as it is.
            (Some(_), Some((length, _))) if *length != [0xff; 8] => u64::from_le_bytes(*length),
            _ => bytes.len() as u64,
        };
        budget.spend(unpacked).map_err(|exceeded| exceeded.of(file, "the table".to_owned()))?;
    }
    Ok(())
}
