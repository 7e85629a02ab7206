//! Large scores that need not be in memory: found by the header of their file alone.
//!
//! Whatever is not as it should be is left to the readers of whole files, which say what is wrong.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use safetensors::tensor::Metadata;

use super::beside::may_say;
use super::npz::without_suffix;
use super::own_names::is_usual;
use super::{LABELS, LOGITS, Reading};
use crate::ElementType;
use crate::archive::{Archive, Member};
use crate::array::{Array, Data, Kind};
use crate::budget::Budget;
use crate::element::ByteOrder;
use crate::named::Named;
use crate::npy::{self, Npy};
use crate::pieces::Pieces;
use crate::quoting::quoted;
use crate::region::{Expected, Region, open};
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

/// The tensors of a .safetensors file with scores of more than `in_memory` bytes, and the budget of
/// the file.
pub(super) fn of_safetensors(file: &Path, in_memory: u64) -> Option<(Vec<Named<'static>>, Budget)> {
    let (region, begin) = open(file, BEGIN)?;
    let (length, rest) = begin.split_first_chunk::<8>()?;
    let header = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    let metadata: Metadata = serde_json::from_slice(header).ok().filter(|_| duplicate_key(header).is_none())?;
    let start = (header.len() as u64).saturating_add(8);
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

/// The arrays of a .npz file with scores of more than `in_memory` bytes that are stored as they are
/// and called by their usual names or keys, and the budget of the file.
pub(super) fn of_npz(file: &Path, reading: &Reading) -> Option<(Vec<Named<'static>>, Budget)> {
    let (region, begin) = open(file, 2)?;
    let archive = Archive::open_pieces(file, Pieces::File(&region)).ok().filter(|_| begin == b"PK")?;
    let wanted = [reading.keys.logits.as_deref().unwrap_or(LOGITS), reading.keys.labels.as_deref().unwrap_or(LABELS)];
    let names: Vec<&str> = archive.members().iter().map(|member| without_suffix(&member.name)).collect();
    let twice = names.iter().collect::<HashSet<_>>().len() < names.len();
    let is_large = |member: &Member| member.stored_at().is_some_and(|(data, _)| data.len() as u64 > reading.in_memory);
    if twice || !archive.members().iter().any(is_large) || !wanted.iter().all(|name| names.contains(name)) {
        return None;
    }
    let mut budget = Budget::of(usize::try_from(region.length).unwrap_or(usize::MAX));
    let mut arrays = Vec::new();
    let members = archive.members().iter().zip(names);
    for (member, name) in members.filter(|(_, name)| wanted.contains(name) || may_say(name) || is_usual(name)) {
        let array = match stored(&region, member, reading.in_memory) {
            Some(array) => array,
            None => {
                let bytes = archive.read(member, false, &mut budget).ok()?.into_owned();
                match npy::parse(file, name, Cow::Owned(bytes)).ok()? {
                    Npy::Array(array) => array,
                    Npy::Pickle(..) => return None,
                }
            }
        };
        arrays.push(Named { name: name.to_owned(), array: Ok(array) });
    }
    let large = arrays.iter().any(|named| named.array.as_ref().is_ok_and(|array| array.outside_bytes() > 0));
    large.then_some((arrays, budget))
}

/// The large array of a member that is stored as it is.
fn stored(region: &Region, member: &Member, in_memory: u64) -> Option<Array<'static>> {
    let (data, crc32) = member.stored_at().filter(|(data, _)| data.len() as u64 > in_memory)?;
    let of = region.within(data.start as u64, data.end as u64)?;
    let mut begin = vec![0; data.len().min(BEGIN as usize)];
    of.read(0, &mut begin).ok()?;
    let (element, order, shape, start) = npy::numbers(&begin)?;
    begin.truncate(start);
    let expected = Some(Expected { begin, crc32, member: quoted(&member.name) });
    let mut of = of.within(of.start.saturating_add(start as u64), of.end)?;
    of.expected = expected;
    array(of, element, order, shape, in_memory).filter(|array| array.outside_bytes() > 0)
}

/// Numbers that a region holds exactly: outside if they can be scores and are large.
fn array(
    region: Region,
    element: ElementType,
    order: ByteOrder,
    shape: Vec<usize>,
    in_memory: u64,
) -> Option<Array<'static>> {
    let bytes = region.end.saturating_sub(region.start);
    let elements = shape.iter().try_fold(1_u64, |product, &extent| product.checked_mul(extent as u64))?;
    if elements.checked_mul(element.size()? as u64) != Some(bytes) {
        return None;
    }
    if bytes > in_memory && element.is_float() && shape.len() > 1 {
        return Some(Array { shape, column_major: false, data: Data::Outside { element, order, region } });
    }
    let mut content = vec![0; usize::try_from(bytes).ok()?];
    region.read(0, &mut content).ok()?;
    Array::binary(Kind::Number(element), order, shape, false, content.into(), 0)
}
