//! Weights from .safetensors.

use std::collections::BTreeMap;

use super::beside;
use super::layout::charge;
use super::{Found, WeightsError, tensor};
use crate::Result;
use crate::budget::Budget;
use crate::content::Content;
use crate::quoting::quoted;
use crate::safetensors::{element_type, open};

/// All tensors of the file, and its `__metadata__`.
pub(super) fn read(content: &Content, budget: &mut Budget) -> Result<Found> {
    let file = content.file.as_path();
    let (stored, metadata) = open(file, &content.bytes)?;
    let tensors = stored
        .iter()
        .map(|(name, view)| {
            let element = element_type(view.dtype()).ok_or_else(|| WeightsError::Tensor {
                file: file.to_path_buf(),
                tensor: quoted(name),
                problem: format!("elements of type {:?} are not read", view.dtype()),
            })?;
            charge(file, name, view.shape().iter().map(|&extent| extent as u64), element, false, budget)?;
            Ok((name.to_owned(), tensor(file, name, view.shape().to_vec(), element, view.data())?))
        })
        .collect::<Result<BTreeMap<_, _>>>()?;
    if tensors.is_empty() {
        return Err(WeightsError::NoWeights {
            file: file.to_path_buf(),
            found: "the header lists no tensor".to_owned(),
        }
        .into());
    }
    let metadata: BTreeMap<String, String> =
        metadata.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    let beside = beside::of_metadata(metadata.iter());
    Ok(Found {
        tensors,
        metadata,
        beside,
        nesting: Vec::new(),
        keys: Vec::new(),
        unread: Vec::new(),
        passed_over: Vec::new(),
    })
}
