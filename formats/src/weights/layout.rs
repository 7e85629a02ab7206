//! Tensors laid out: the elements of a view of a storage in row-major order.

use std::borrow::Cow;
use std::path::Path;

use super::pickle::{Heap, Storage, View};
use super::{Tensor, WeightsError, tensor};
use crate::budget::{Budget, Exceeded};
use crate::quoting::quoted;
use crate::{ElementType, InputError, Result};

/// Where the bytes of storages are.
pub(super) trait StorageBytes {
    /// The bytes of a storage, of which there are as many as it says.
    fn bytes(&self, heap: &Heap, storage: &Storage, budget: &mut Budget) -> Result<Cow<'_, [u8]>>;
}

/// Checks that a storage has the bytes that the pickle says.
pub(super) fn check_size(file: &Path, place: impl FnOnce() -> String, storage: &Storage, size: u64) -> Result<()> {
    let (elements, element_size) = (storage.elements, storage.element_size());
    if elements.checked_mul(element_size) == Some(size) {
        return Ok(());
    }
    Err(InputError::Damaged {
        file: file.to_path_buf(),
        place: place(),
        problem: format!("the pickle says {elements} elements of {element_size} bytes, {size} bytes are there"),
    })
}

/// Bytes of an element once it is read: every integer type becomes int64, the short floats float32.
pub(super) fn read_size(element: ElementType) -> u64 {
    match element {
        ElementType::F16 | ElementType::BF16 | ElementType::F32 => 4,
        ElementType::Bool => 1,
        _ => 8,
    }
}

/// Charges a tensor before it is built; `copied` if its elements are gathered first.
pub(super) fn charge(
    file: &Path,
    name: &str,
    shape: impl IntoIterator<Item = u64>,
    element: ElementType,
    copied: bool,
    budget: &mut Budget,
) -> Result<()> {
    let size = read_size(element).saturating_add(if copied { element.size().unwrap_or(8) as u64 } else { 0 });
    // An extent of 0 makes it empty, whatever the others are.
    let elements = shape
        .into_iter()
        .fold((1_u64, false), |(product, empty), extent| (product.saturating_mul(extent.max(1)), empty || extent == 0));
    let bytes = if elements.1 { 0 } else { elements.0.saturating_mul(size) };
    let too_large = |Exceeded { needed, limit, .. }| WeightsError::TensorTooLarge {
        file: file.to_path_buf(),
        tensor: quoted(name),
        bytes: needed,
        limit,
    };
    Ok(budget.spend(bytes).map_err(too_large)?)
}

/// The tensor of a view whose storage has `bytes`, which the view does not leave.
pub(super) fn lay_out(file: &Path, name: &str, view: &View, bytes: &[u8], budget: &mut Budget) -> Result<Tensor> {
    let size = view.element.size().unwrap_or(1);
    let contiguous = is_contiguous(view);
    charge(file, name, view.shape.iter().copied(), view.element, !contiguous, budget)?;
    let shape = view.shape.iter().map(|&extent| usize::try_from(extent)).collect::<Result<Vec<_>, _>>();
    let shape = shape.map_err(|_| WeightsError::Tensor {
        file: file.to_path_buf(),
        tensor: quoted(name),
        problem: "an extent of its shape is no size on this machine".to_owned(),
    })?;
    if view.shape.contains(&0) {
        return tensor(file, name, shape, view.element, &[]);
    }
    // Positions within the storage, which is in memory: `check_inside` has seen the last.
    let start = (view.offset as usize).saturating_mul(size);
    let elements = shape.iter().product::<usize>();
    if contiguous {
        return tensor(
            file,
            name,
            shape,
            view.element,
            bytes.get(start..start.saturating_add(elements.saturating_mul(size))).unwrap_or_default(),
        );
    }
    let mut gathered = crate::element::reserve(file, &quoted(name), elements.saturating_mul(size))?;
    gather(view, size, bytes.get(start..).unwrap_or_default(), &mut gathered);
    tensor(file, name, shape, view.element, &gathered)
}

pub(super) fn is_contiguous(view: &View) -> bool {
    let mut expected = 1_u64;
    view.shape.iter().zip(&view.strides).rev().all(|(&extent, &stride)| {
        let fits = extent == 1 || stride == expected;
        expected = expected.saturating_mul(extent);
        fits
    })
}

/// Copies the elements of a strided view, in row-major order.
pub(super) fn gather(view: &View, size: usize, bytes: &[u8], out: &mut Vec<u8>) {
    // Axes of one element neither move nor count; without them the counter turns over at every second step at most.
    let axes: Vec<(u64, usize)> = view
        .shape
        .iter()
        .zip(&view.strides)
        .filter(|(extent, _)| **extent > 1)
        .map(|(&extent, &stride)| (extent, (stride as usize).saturating_mul(size)))
        .collect();
    let mut counter = vec![0_u64; axes.len()];
    let mut at = 0_usize;
    'elements: loop {
        out.extend_from_slice(bytes.get(at..at.saturating_add(size)).unwrap_or_default());
        for (count, &(extent, step)) in counter.iter_mut().zip(&axes).rev() {
            *count = count.saturating_add(1);
            at = at.saturating_add(step);
            if *count < extent {
                continue 'elements;
            }
            at = at.saturating_sub(step.saturating_mul(extent as usize));
            *count = 0;
        }
        return;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::TensorData;

    /// The data of a view of the bytes 0 to 23.
    fn laid_out(offset: u64, shape: &[u64], strides: &[u64]) -> TensorData {
        let view =
            View { storage: 0, element: ElementType::U8, offset, shape: shape.to_vec(), strides: strides.to_vec() };
        let bytes: Vec<u8> = (0..24).collect();
        lay_out(Path::new("w"), "w", &view, &bytes, &mut Budget::of(0)).unwrap().data
    }

    /// `torch.arange(24).as_strided(shape, strides, offset).flatten()`.
    #[test]
    fn views_of_every_kind_are_laid_out_row_by_row() {
        type Case<'a> = (u64, &'a [u64], &'a [u64], &'a [i64]);
        let cases: [Case<'_>; 8] = [
            (3, &[2, 3], &[3, 1], &[3, 4, 5, 6, 7, 8]),
            (0, &[3, 2], &[1, 3], &[0, 3, 1, 4, 2, 5]),
            (1, &[2, 2, 2], &[12, 1, 4], &[1, 5, 2, 6, 13, 17, 14, 18]),
            (5, &[4], &[0], &[5, 5, 5, 5]),
            (0, &[3, 3], &[1, 1], &[0, 1, 2, 1, 2, 3, 2, 3, 4]),
            (7, &[], &[], &[7]),
            (2, &[1, 2, 1], &[99, 5, 77], &[2, 7]),
            (0, &[2, 0, 3], &[1, 1, 1], &[]),
        ];
        for (offset, shape, strides, expected) in cases {
            assert_eq!(laid_out(offset, shape, strides), TensorData::I64(expected.to_vec()), "{shape:?} {strides:?}");
        }
    }

    #[test]
    fn a_large_view_is_refused_before_it_is_made() {
        let view = View { storage: 0, element: ElementType::U8, offset: 0, shape: vec![1 << 40], strides: vec![0] };
        let error = lay_out(Path::new("w"), "w", &view, &[0], &mut Budget::of(1)).unwrap_err();
        assert!(matches!(error, InputError::Weights(WeightsError::TensorTooLarge { .. })), "{error}");
    }
}
