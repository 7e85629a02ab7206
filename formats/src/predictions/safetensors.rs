//! The tensors of a .safetensors file.

use std::borrow::Cow;
use std::path::Path;

use crate::array::{Array, Data, Kind};
use crate::element::ByteOrder;
use crate::named::Named;
use crate::quoting::quoted;
use crate::safetensors::{element_type, open};
use crate::{InputError, Result};

/// All tensors, by name.
pub(super) fn arrays<'a>(file: &Path, bytes: &'a [u8]) -> Result<Vec<Named<'a>>> {
    let (tensors, _) = open(file, bytes)?;
    let mut found: Vec<Named<'a>> = tensors
        .tensors()
        .into_iter()
        .map(|(name, tensor)| {
            let array = match element_type(tensor.dtype()) {
                Some(element) => Ok(Array {
                    shape: tensor.shape().to_vec(),
                    column_major: false,
                    data: Data::Binary {
                        kind: Kind::Number(element),
                        order: ByteOrder::Little,
                        content: Cow::Borrowed(tensor.data()),
                        start: 0,
                    },
                }),
                None => Err(InputError::ElementType {
                    file: file.to_path_buf(),
                    array: quoted(&name),
                    found: format!("{:?}", tensor.dtype()),
                    expected: "F16, BF16, F32 or F64 for logits, an integer type for labels",
                }),
            };
            Named { name, array }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
