//! Tensors `logits` and `labels` of a .safetensors file.

use std::borrow::Cow;
use std::path::Path;

use super::{LABELS, LOGITS, StoredArray, StoredPredictions};
use crate::InputError;
use crate::element::ByteOrder;
use crate::quoting::quoted_list;
use crate::safetensors::{element_type, open};

/// Finds `logits` and `labels`.
///
/// # Errors
/// Those of the format; [`InputError::MissingArray`] with the tensors that are there.
pub(super) fn parse<'a>(file: &'a Path, bytes: &'a [u8]) -> Result<StoredPredictions<'a>, InputError> {
    let (tensors, _) = open(file, bytes)?;
    let array = |name: &'static str| -> Result<StoredArray<'a>, InputError> {
        let tensor = tensors.tensor(name).map_err(|_| {
            let mut names = tensors.names();
            names.sort_unstable();
            InputError::MissingArray { file: file.to_path_buf(), name, present: quoted_list(names) }
        })?;
        let element = element_type(tensor.dtype()).ok_or_else(|| InputError::ElementType {
            file: file.to_path_buf(),
            array: name.to_owned(),
            found: format!("{:?}", tensor.dtype()),
            expected: "F16, BF16, F32 or F64 for logits, an integer type for labels",
        })?;
        Ok(StoredArray {
            file,
            name,
            element,
            order: ByteOrder::Little,
            shape: tensor.shape().to_vec(),
            fortran_order: false,
            content: Cow::Borrowed(tensor.data()),
            data_start: 0,
        })
    };
    Ok(StoredPredictions { logits: array(LOGITS)?, labels: array(LABELS)? })
}
