//! Named tensors and a JSON text in one safetensors file.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use tch::{Device, Kind, Tensor};

use crate::{Result, TrainingError};
use car_spectral_formats::atomic::Written;
use car_spectral_formats::quoting::quoted;

/// Writes float32, float64 and int64 tensors, with `json` in the header's metadata under `key`, to
/// be shown.
pub(crate) fn write(
    path: &Path,
    tensors: impl IntoIterator<Item = (String, Tensor)>,
    key: &str,
    json: &str,
) -> Result<Written> {
    let stored = tensors
        .into_iter()
        .map(|(name, tensor)| Ok((name.clone(), Stored::of(path, &name, &tensor)?)))
        .collect::<Result<Vec<(String, Stored)>>>()?;
    let views: Vec<(&str, TensorView)> = stored
        .iter()
        .map(|(name, stored)| {
            let view = TensorView::new(stored.dtype, stored.shape.clone(), &stored.bytes);
            (name.as_str(), view.expect("as many bytes as the shape says"))
        })
        .collect();
    let metadata = HashMap::from([(key.to_owned(), json.to_owned())]);
    let serialised = safetensors::serialize(views, Some(metadata))
        .map_err(|error| TrainingError::malformed(path, error.to_string()))?;
    Written::new(path, |file| file.write_all(&serialised).map_err(TrainingError::io(path)))
}

/// The tensors whose names begin with `prefix`, without it, on the CPU.
pub(crate) fn tensors_under(path: &Path, file: &SafeTensors<'_>, prefix: &str) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    for (full, view) in file.tensors() {
        let Some(name) = full.strip_prefix(prefix) else { continue };
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            Dtype::I64 => Kind::Int64,
            other => return Err(TrainingError::malformed(path, format!("tensor {} is {other:?}", quoted(&full)))),
        };
        let shape: Vec<i64> = view.shape().iter().map(|&side| side as i64).collect();
        tensors.insert(name.to_owned(), Tensor::f_from_data_size(view.data(), &shape, kind)?);
    }
    Ok(tensors)
}

/// A tensor as it stands in the file.
struct Stored {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Stored {
    fn of(path: &Path, name: &str, tensor: &Tensor) -> Result<Self> {
        let shape = tensor.size().iter().map(|&side| side as usize).collect();
        let flat = tensor.f_to_device(Device::Cpu)?.f_contiguous()?.f_flatten(0, -1)?;
        let (dtype, bytes) = match flat.kind() {
            Kind::Float => {
                (Dtype::F32, Vec::<f32>::try_from(flat)?.iter().flat_map(|value| value.to_le_bytes()).collect())
            }
            Kind::Double => {
                (Dtype::F64, Vec::<f64>::try_from(flat)?.iter().flat_map(|value| value.to_le_bytes()).collect())
            }
            Kind::Int64 => {
                (Dtype::I64, Vec::<i64>::try_from(flat)?.iter().flat_map(|value| value.to_le_bytes()).collect())
            }
            kind => return Err(TrainingError::malformed(path, format!("tensor `{name}` is {kind:?}"))),
        };
        Ok(Self { dtype, shape, bytes })
    }
}
