//! Tables of Parquet, Arrow and Feather: lists of scores, a column for each class, labels of any
//! integer type or names.
//!
//! The crates `parquet` and `arrow-ipc` decode; what a file claims is checked against its size and
//! charged before they allocate it. Columns that nobody can want (structures, dates, lists of
//! lists) are not decoded.

mod column;
mod ipc;
mod parquet;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};

use super::Reading;
use super::beside::may_name_samples;
use crate::budget::Budget;
use crate::content::Content;
use crate::named::Named;
use crate::{ElementType, InputError, Result};
use column::Column;

/// Values of a table that are decoded at a time.
const VALUES: usize = 1 << 20;

/// The columns of a table, as arrays.
pub(super) fn arrays(content: &Content, budget: &mut Budget) -> Result<Vec<Named<'static>>> {
    // Neither crate promises never to panic on the files of strangers.
    let read = catch_unwind(AssertUnwindSafe(|| match content.bytes.starts_with(b"PAR1") {
        true => parquet::arrays(content, budget),
        false => ipc::arrays(content, budget),
    }));
    read.unwrap_or_else(|_| Err(damaged(&content.file, "its decoder stopped")))
}

/// What is said, with the first column of whole numbers that is called so as the index of the
/// samples.
pub(super) fn with_index(reading: &Reading, arrays: &[Named<'_>]) -> Reading {
    let mut reading = reading.clone();
    let is_index = |named: &&Named<'_>| {
        let is_whole = named.array.as_ref().is_ok_and(|array| array.element().is_some_and(ElementType::is_integer));
        is_whole && may_name_samples(&named.name)
    };
    if reading.keys.index.is_none() {
        reading.keys.index = arrays.iter().find(is_index).map(|named| named.name.clone());
    }
    reading
}

fn damaged(file: &Path, problem: impl ToString) -> InputError {
    InputError::Damaged { file: file.to_path_buf(), place: "the table".to_owned(), problem: problem.to_string() }
}

/// Places of the columns that can be scores, labels or what stands beside them.
fn wanted(schema: &Schema) -> Vec<usize> {
    let is_plain = |kind: &DataType| kind.is_numeric() || matches!(kind, DataType::Boolean) || is_text(kind);
    let is_wanted = |kind: &DataType| match kind {
        DataType::List(item) | DataType::LargeList(item) => item.data_type().is_numeric(),
        DataType::FixedSizeList(item, size) => item.data_type().is_numeric() && *size > 0,
        DataType::Dictionary(_, values) => is_plain(values),
        kind => is_plain(kind),
    };
    let fields = schema.fields().iter().enumerate();
    fields.filter(|(_, field)| is_wanted(field.data_type())).map(|(at, _)| at).collect()
}

fn is_text(kind: &DataType) -> bool {
    matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The columns of batches that come one after the other.
fn gather(
    file: &Path,
    schema: &Schema,
    batches: impl Iterator<Item = Result<RecordBatch, String>>,
    budget: &mut Budget,
) -> Result<Vec<Named<'static>>> {
    let mut columns: Vec<Column> = schema.fields().iter().map(|field| Column::new(file, field.name())).collect();
    for batch in batches {
        let batch = batch.map_err(|error| damaged(file, error))?;
        for (column, values) in columns.iter_mut().zip(batch.columns()) {
            column.push(values.as_ref(), budget)?;
        }
    }
    Ok(columns.into_iter().map(Column::finish).collect())
}
