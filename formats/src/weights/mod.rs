//! Weights of a trained model, from files that are never executed.
//!
//! | file | read by |
//! | --- | --- |
//! | .safetensors | crate `safetensors` |
//! | torch.save, zip (PyTorch 1.6 and later) and legacy (0.1.10 to 1.5) | `pickle`, a machine that builds nothing but tensors |
//! | torch.save, tar (before 0.1.10) | refused by name |
//! | ONNX | told apart ([`CheckpointKind::Onnx`]) and read by [`crate::onnx`] |
//! | TorchScript | told apart ([`CheckpointKind::TorchScript`]), never read here: it is a program |
//!
//! The weights of a torch.save file may be nested (`state_dict`, `model`, `net`, ...); the prefix `module.` of
//! `DataParallel` is taken off if every tensor has it. Both are recorded.

mod choice;
mod layout;
mod pickle;
mod safetensors;
mod saved;
mod torch_legacy;
mod torch_zip;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::budget::Budget;
use super::content::Content;
use super::element::{ByteOrder, extend_f32, extend_f64, first_non_finite, for_each_integer, reserve};
use super::error::quoted;
use super::onnx::is_onnx;
use super::safetensors::{is_safetensors, is_truncated_safetensors};
use super::{ElementType, InputError};

pub(crate) use saved::{Saved, with_plain_pickle, with_saved};

/// The prefix that `torch.nn.DataParallel` and `DistributedDataParallel` put in front of every name.
const DATA_PARALLEL_PREFIX: &str = "module.";

/// What a file of weights is, told by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CheckpointKind {
    /// .safetensors.
    Safetensors,
    /// torch.save since PyTorch 1.6.
    TorchSaveZip,
    /// torch.save of PyTorch 0.1.10 to 1.5.
    TorchSaveLegacy,
    /// torch.jit.save: a program, never read here.
    TorchScript,
    /// ONNX: a network, read by [`crate::onnx`].
    Onnx,
}

impl fmt::Display for CheckpointKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safetensors => "safetensors",
            Self::TorchSaveZip => "torch.save (zip)",
            Self::TorchSaveLegacy => "torch.save (legacy)",
            Self::TorchScript => "TorchScript",
            Self::Onnx => "ONNX",
        })
    }
}

/// Elements of a tensor in row-major order. Narrower types are widened without rounding.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// From float32, float16, bfloat16.
    F32(Vec<f32>),
    /// From float64.
    F64(Vec<f64>),
    /// From every integer type (a uint64 above the range of i64 is an error).
    I64(Vec<i64>),
    /// From bool.
    Bool(Vec<bool>),
}

impl TensorData {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    /// Whether there are no elements (some extent is 0).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Extents, outermost first; empty for a scalar. Their product is the number of elements of `data`.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: TensorData,
    /// Element type in the file.
    pub stored_dtype: ElementType,
}

/// The weights in a file.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Tensors by name, without nesting and without the prefix of `DataParallel`. At least one.
    pub tensors: BTreeMap<String, Tensor>,
    /// What the file is.
    pub kind: CheckpointKind,
    /// The file.
    pub source: PathBuf,
    /// SHA-256 of the file in lower-case hexadecimal.
    pub sha256: String,
    /// .safetensors: its `__metadata__`. torch.save: the numbers, texts and truth values at the top level (`epoch`,
    /// `arch`, ...).
    pub metadata: BTreeMap<String, String>,
    /// Keys under which the weights were found, outermost first; empty if at the top level.
    pub nesting: Vec<String>,
    /// Top-level keys with tensors that were not read (optimizer state, averaged weights).
    pub unread: Vec<String>,
    /// Kinds of values at the top level that were passed over unbuilt (`argparse.Namespace`, a NumPy number).
    pub passed_over: Vec<String>,
    /// Whether the prefix `module.` was taken off every name.
    pub data_parallel: bool,
}

impl Weights {
    /// Checks that every floating-point element is finite.
    ///
    /// # Errors
    /// [`InputError::NonFiniteWeight`] with the first tensor (by name) and element.
    pub fn check_finite(&self) -> Result<(), InputError> {
        for (name, tensor) in &self.tensors {
            let found = match &tensor.data {
                TensorData::F32(values) => {
                    first_non_finite(values, f32::is_finite).map(|element| (element, f64::from(values[element])))
                }
                TensorData::F64(values) => {
                    first_non_finite(values, f64::is_finite).map(|element| (element, values[element]))
                }
                TensorData::I64(_) | TensorData::Bool(_) => None,
            };
            if let Some((element, value)) = found {
                let (file, tensor) = (self.source.clone(), quoted(name));
                return Err(InputError::NonFiniteWeight { file, tensor, element, value });
            }
        }
        Ok(())
    }
}

/// Tells what a file is by its content, without reading tensors.
///
/// # Errors
/// [`InputError::UnknownFormat`], [`InputError::OldTar`], [`InputError::PlainPickle`], [`InputError::RefusedGlobal`] (a
/// plain pickle that names more than plain containers), and those of a damaged archive.
pub fn detect(file: &Path) -> Result<CheckpointKind, InputError> {
    kind_of(&Content::read(file)?)
}

/// Reads the weights of a .safetensors or torch.save file.
///
/// The weights of a torch.save file are looked for at the top level, then under the usual keys; several candidates are
/// an error, never a guess ([`read_under`] takes the key).
///
/// # Errors
/// An [`InputError`] that names the file and the tensor, member or byte; [`InputError::TorchScript`] for a module.
pub fn read(file: &Path) -> Result<Weights, InputError> {
    read_at(file, None)
}

/// As [`read`], for the weights under the top-level key `key` of a torch.save file.
///
/// # Errors
/// As [`read`]; [`InputError::NoWeights`] if there is no such key, or no tensor under it.
pub fn read_under(file: &Path, key: &str) -> Result<Weights, InputError> {
    read_at(file, Some(key))
}

fn read_at(file: &Path, key: Option<&str>) -> Result<Weights, InputError> {
    let content = Content::read(file)?;
    let budget = &mut Budget::of(content.bytes.len());
    let kind = kind_of(&content)?;
    let (found, sha256) = content.parse_and_hash(|content| match kind {
        CheckpointKind::Safetensors if key.is_some() => Err(InputError::NoWeights {
            file: file.to_path_buf(),
            found: "a .safetensors file has no keys above its tensors".to_owned(),
        }),
        CheckpointKind::Safetensors => safetensors::read(content, budget),
        CheckpointKind::TorchSaveZip => torch_zip::read(content, key, budget),
        CheckpointKind::TorchSaveLegacy => torch_legacy::read(content, key, budget),
        CheckpointKind::TorchScript => Err(InputError::TorchScript { file: file.to_path_buf() }),
        CheckpointKind::Onnx => Err(InputError::Onnx { file: file.to_path_buf() }),
    })?;
    let Found { mut tensors, metadata, nesting, unread, passed_over } = found;
    let data_parallel = !tensors.is_empty() && tensors.keys().all(|name| name.starts_with(DATA_PARALLEL_PREFIX));
    if data_parallel {
        tensors =
            tensors.into_iter().map(|(name, tensor)| (name[DATA_PARALLEL_PREFIX.len()..].to_owned(), tensor)).collect();
    }
    let source = file.to_path_buf();
    Ok(Weights { tensors, kind, source, sha256, metadata, nesting, unread, passed_over, data_parallel })
}

/// What the reader of a format finds.
struct Found {
    tensors: BTreeMap<String, Tensor>,
    metadata: BTreeMap<String, String>,
    nesting: Vec<String>,
    unread: Vec<String>,
    passed_over: Vec<String>,
}

fn kind_of(content: &Content) -> Result<CheckpointKind, InputError> {
    let bytes = content.bytes.as_slice();
    let budget = || Budget::of(bytes.len());
    if bytes.starts_with(b"PK") {
        torch_zip::kind(content)
    } else if torch_legacy::is_tar(bytes) {
        Err(InputError::OldTar { file: content.file.clone() })
    } else if is_safetensors(bytes) {
        if torch_legacy::begins_with_magic(content, &mut budget()) {
            return Err(InputError::TwoFormats { file: content.file.clone() });
        }
        Ok(CheckpointKind::Safetensors)
    } else if torch_legacy::is_legacy(bytes) {
        Ok(CheckpointKind::TorchSaveLegacy)
    } else if is_onnx(bytes) {
        Ok(CheckpointKind::Onnx)
    } else if is_truncated_safetensors(bytes) {
        // Read as such, it says where it ends.
        Ok(CheckpointKind::Safetensors)
    } else {
        torch_legacy::refuse_plain_pickle(content, &mut budget())?;
        let start: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Err(InputError::UnknownFormat {
            file: content.file.clone(),
            found: format!("the bytes {}", start.join(" ")),
            expected: "weights as .safetensors or as torch.save writes them (.pt, .pth, .th, .pth.tar, .bin), or ONNX",
        })
    }
}

/// Converts the row-major little-endian bytes of one tensor, of which there are as many as the shape says.
fn tensor(
    file: &Path,
    name: &str,
    shape: Vec<usize>,
    element: ElementType,
    bytes: &[u8],
) -> Result<Tensor, InputError> {
    let problem = |problem: &str| InputError::Tensor {
        file: file.to_path_buf(),
        tensor: quoted(name),
        problem: problem.to_owned(),
    };
    let elements = element
        .size()
        .and_then(|size| super::element::elements_in(&shape, size, bytes.len()))
        .ok_or_else(|| problem("its bytes do not fit its shape"))?;
    let order = ByteOrder::Little;
    let data = match element {
        ElementType::F32 | ElementType::F16 | ElementType::BF16 => {
            let mut values = reserve(file, &quoted(name), elements)?;
            extend_f32(bytes, element, order, &mut values);
            TensorData::F32(values)
        }
        ElementType::F64 => {
            let mut values = reserve(file, &quoted(name), elements)?;
            extend_f64(bytes, order, &mut values);
            TensorData::F64(values)
        }
        ElementType::Bool => TensorData::Bool(bytes.iter().map(|&byte| byte != 0).collect()),
        _ => {
            let mut values = reserve(file, &quoted(name), elements)?;
            for_each_integer(bytes, element, order, |integer| {
                values.push(i64::try_from(integer).map_err(|_| problem("a uint64 value exceeds the range of int64"))?);
                Ok::<_, InputError>(())
            })?;
            TensorData::I64(values)
        }
    };
    Ok(Tensor { shape, data, stored_dtype: element })
}

#[cfg(test)]
mod tests;
