//! Large scores that need not be in memory: found by the header of their file alone.
//!
//! Whatever is not as it should be is left to the readers of whole files, which say what is wrong.

use std::path::Path;

use safetensors::tensor::Metadata;

use crate::ElementType;
use crate::array::{Array, Data, Kind};
use crate::budget::Budget;
use crate::element::ByteOrder;
use crate::named::Named;
use crate::npy;
use crate::region::{Region, open};
use crate::safetensors::{duplicate_key, element_type};

/// Bytes in which a header is sought.
const BEGIN: u64 = 1 << 16;

/// The scores of a .npy file of more than `in_memory` bytes in row-major order.
pub(super) fn of_npy(file: &Path, in_memory: u64) -> Option<Array<'static>> {
    let (region, begin) = open(file, BEGIN)?;
    let (element, order, shape, start) = npy::numbers(&begin)?;
    let region = region.within(start as u64, region.length)?;
    array(region, element, order, shape, in_memory).filter(|array| array.outside_bytes() > 0)
}

/// The tensors of a .safetensors file with scores of more than `in_memory` bytes, and the budget of the file.
pub(super) fn of_safetensors(file: &Path, in_memory: u64) -> Option<(Vec<Named<'static>>, Budget)> {
    let (region, begin) = open(file, BEGIN)?;
    let (length, rest) = begin.split_first_chunk::<8>()?;
    let header = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let metadata: Metadata = serde_json::from_slice(header).ok().filter(|_| duplicate_key(header).is_none())?;
    let start = 8 + header.len() as u64;
    let mut names = metadata.offset_keys();
    names.sort();
    let mut arrays = Vec::new();
    let mut end = start;
    for name in names {
        let info = metadata.info(&name)?;
        let (from, to) = info.data_offsets;
        let of = region.within(start.checked_add(from as u64)?, start.checked_add(to as u64)?)?;
        end = end.max(of.end);
        let array = array(of, element_type(info.dtype)?, ByteOrder::Little, info.shape.clone(), in_memory)?;
        arrays.push(Named { name, array: Ok(array) });
    }
    let large = arrays.iter().any(|named| named.array.as_ref().is_ok_and(|array| array.outside_bytes() > 0));
    let budget = Budget::of(usize::try_from(region.length).unwrap_or(usize::MAX));
    (large && end == region.length).then_some((arrays, budget))
}

/// Numbers that a region holds exactly: outside if they can be scores and are large.
fn array(
    region: Region,
    element: ElementType,
    order: ByteOrder,
    shape: Vec<usize>,
    in_memory: u64,
) -> Option<Array<'static>> {
    let bytes = region.end - region.start;
    let elements = shape.iter().try_fold(1_u64, |product, &extent| product.checked_mul(extent as u64))?;
    if elements.checked_mul(element.size()? as u64) != Some(bytes) {
        return None;
    }
    if bytes > in_memory && element.is_float() && shape.len() > 1 {
        return Some(Array { shape, column_major: false, data: Data::Outside { element, order, region } });
    }
    if bytes > in_memory {
        return None;
    }
    let mut content = vec![0; usize::try_from(bytes).ok()?];
    region.read(0, &mut content).ok()?;
    Array::binary(Kind::Number(element), order, shape, false, content.into(), 0)
}
