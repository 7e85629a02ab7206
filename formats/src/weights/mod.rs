//! Weights of a trained model, from files that are never executed.
//!
//! | file | read by |
//! | --- | --- |
//! | .safetensors | crate `safetensors` |
//! | torch.save, zip (PyTorch 1.6 and later) and legacy (0.1.10 to 1.5) | `pickle`, a machine that builds nothing but tensors |
//! | torch.save, tar (before 0.1.10) | refused by name |
//! | ONNX | told apart ([`CheckpointKind::Onnx`]) and read by [`crate::onnx`] |
//! | TorchScript | told apart ([`CheckpointKind::TorchScript`]), never read here: it is a program |
//! | `*.index.json` | the parts it lists, beside it |
//!
//! [`read`] gives every tensor that may be a weight, by its name below the keys that lead to it;
//! [`fit`] finds among them the network that is wanted, whatever stands in front of its names, and
//! says what it left.

mod beside;
mod choice;
mod error;
mod fit;
mod layout;
mod nameless;
mod parts;
mod pickle;
mod rewritten;
mod safetensors;
mod saved;
mod shards;
mod torch_legacy;
mod torch_zip;
mod usual;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::budget::Budget;
use super::content::Content;
use super::element::{ByteOrder, extend_f32, extend_f64, first_non_finite, for_each_integer, reserve};
use super::impostor::{refuse_impostor, tensorflow};
use super::onnx::is_onnx;
use super::quoting::{quoted, quoted_list};
use super::safetensors::{is_safetensors, is_truncated_safetensors};
use super::{ElementType, InputError, Result};

pub use error::WeightsError;
pub use fit::{
    Fitted, KeptNormalisation, LastLayer, MatrixRows, Reading, Rename, Taken, Wanted, fit, kept_normalisation,
};
pub(crate) use parts::Saved;
pub(crate) use saved::{with_plain_pickle, with_saved};

/// The kind of a file of weights, told by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::Display)]
#[non_exhaustive]
pub enum CheckpointKind {
    /// .safetensors.
    #[strum(to_string = "safetensors")]
    Safetensors,
    /// torch.save since PyTorch 1.6.
    #[strum(to_string = "torch.save (zip)")]
    TorchSaveZip,
    /// torch.save of PyTorch 0.1.10 to 1.5.
    #[strum(to_string = "torch.save (legacy)")]
    TorchSaveLegacy,
    /// torch.jit.save: a program, never read here.
    TorchScript,
    /// A list of parts, as JSON.
    #[strum(to_string = "index of parts")]
    Index,
    /// ONNX: a network, read by [`crate::onnx`].
    #[strum(to_string = "ONNX")]
    Onnx,
}

/// Elements of a tensor in row-major order. Narrower types are widened without rounding.
#[derive(Debug, Clone, PartialEq)]
pub enum TensorData {
    /// Elements of float32, float16, bfloat16.
    F32(Vec<f32>),
    /// Elements of float64.
    F64(Vec<f64>),
    /// Elements of every integer type (a uint64 above the range of i64 is an error).
    I64(Vec<i64>),
    /// Elements of bool.
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

    /// Tells whether there are no elements (some extent is 0).
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// One tensor.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor {
    /// Extents, outermost first; empty for a scalar. Their product is the number of elements of
    /// `data`.
    pub shape: Vec<usize>,
    /// Elements.
    pub data: TensorData,
    /// Element type in the file.
    pub stored_dtype: ElementType,
}

/// The weights in a file.
#[derive(Debug, Clone)]
pub struct Weights {
    /// Tensors by name below `nesting`. At least one.
    pub tensors: BTreeMap<String, Tensor>,
    /// Kind of the file.
    pub kind: CheckpointKind,
    /// The file.
    pub source: PathBuf,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file in lower-case hexadecimal.
    pub sha256: String,
    /// The files that an index lists.
    pub parts: Vec<Part>,
    /// .safetensors: its `__metadata__`. torch.save: the numbers, texts and truth values at the top
    /// level (`epoch`, `arch`, ...).
    pub metadata: BTreeMap<String, String>,
    /// Contents of the file beside the weights and the state of the training, in the shape of JSON,
    /// arrays and tensors as lists: settings, also those of `argparse.Namespace`, names, counts.
    /// Large values are left out.
    pub beside: serde_json::Value,
    /// Keys under which the tensors were found, outermost first; empty if at the top level.
    pub nesting: Vec<String>,
    /// Keys of the dictionaries at this level; with more than one, names begin with theirs.
    pub keys: Vec<String>,
    /// Keys with tensors that were not read (optimizer state), and what else stands beside the
    /// weights.
    pub unread: Vec<String>,
    /// Kinds of values at the top level that were passed over unbuilt (`argparse.Namespace`, a
    /// NumPy number).
    pub passed_over: Vec<String>,
}

/// A file that an index lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub file: PathBuf,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file in lower-case hexadecimal.
    pub sha256: String,
}

/// Checks that every floating-point element is finite.
fn check_finite(file: &Path, tensors: &BTreeMap<String, Tensor>) -> Result<(), WeightsError> {
    for (name, tensor) in tensors {
        let found = match &tensor.data {
            TensorData::F32(values) => {
                first_non_finite(values, f32::is_finite).and_then(|at| Some((at, f64::from(*values.get(at)?))))
            }
            TensorData::F64(values) => {
                first_non_finite(values, f64::is_finite).and_then(|at| Some((at, *values.get(at)?)))
            }
            TensorData::I64(_) | TensorData::Bool(_) => None,
        };
        if let Some((element, value)) = found {
            let (file, tensor) = (file.to_path_buf(), quoted(name));
            return Err(WeightsError::NonFiniteWeight { file, tensor, element, value });
        }
    }
    Ok(())
}

/// Tells what a file is by its content, without reading tensors.
///
/// # Errors
/// [`InputError::UnknownFormat`], [`WeightsError::OldTar`], [`WeightsError::PlainPickle`],
/// [`WeightsError::RefusedGlobal`] (a plain pickle that names more than plain containers), and
/// those of a damaged archive.
pub fn detect(file: &Path) -> Result<CheckpointKind> {
    kind_of(&Content::read(file)?)
}

/// Detects as [`detect`] does, from a file that was read.
///
/// # Errors
/// As [`detect`].
pub fn detect_in(content: &Content) -> Result<CheckpointKind> {
    kind_of(content)
}

/// Reads the weights of a .safetensors or torch.save file, or of the parts that an index lists.
///
/// Dictionaries that hold nothing but one other are entered; where several hold tensors, the
/// tensors of all are given with the key in front of their names, except the state of a training.
///
/// # Errors
/// An [`InputError`] that names the file and the tensor, member or byte;
/// [`WeightsError::TorchScript`] for a module.
pub fn read(file: &Path) -> Result<Weights> {
    read_in(&Content::read(file)?, None)
}

/// Reads the weights under a key of a torch.save file as [`read`] does, or else the tensors whose
/// names begin with `key` and a dot.
///
/// # Errors
/// As [`read`]; [`WeightsError::NoWeights`] if there is neither.
pub fn read_under(file: &Path, key: &str) -> Result<Weights> {
    read_in(&Content::read(file)?, Some(key))
}

/// Reads as [`read`] does, or [`read_under`] a key, from a file that was read; the parts of an
/// index are read beside it.
///
/// # Errors
/// As [`read_under`].
pub fn read_in(content: &Content, key: Option<&str>) -> Result<Weights> {
    match kind_of(content)? {
        CheckpointKind::Index => shards::read(content, key),
        kind => read_one(content, kind, key),
    }
}

/// Reads a file that is no list of parts.
fn read_one(content: &Content, kind: CheckpointKind, key: Option<&str>) -> Result<Weights> {
    let budget = &mut Budget::of(content.bytes.len());
    let (found, sha256) = content.parse_and_hash(|content| match kind {
        CheckpointKind::Safetensors => safetensors::read(content, budget),
        CheckpointKind::TorchSaveZip => torch_zip::read(content, key, budget),
        CheckpointKind::TorchSaveLegacy => torch_legacy::read(content, key, budget),
        CheckpointKind::TorchScript => Err(WeightsError::TorchScript { file: content.file.clone() }.into()),
        CheckpointKind::Onnx => Err(WeightsError::Onnx { file: content.file.clone() }.into()),
        CheckpointKind::Index => {
            let problem = "a part is a list itself".to_owned();
            Err(WeightsError::Index { file: content.file.clone(), problem }.into())
        }
    })?;
    let Found { tensors, metadata, beside, nesting, keys, unread, passed_over } = found;
    let (source, bytes, parts) = (content.file.clone(), content.bytes.len() as u64, Vec::new());
    let weights =
        Weights { tensors, kind, source, bytes, sha256, parts, metadata, beside, nesting, keys, unread, passed_over };
    match key {
        Some(key) if weights.nesting.first().is_none_or(|first| !is_at(first, key)) => weights.beginning_with(key),
        _ => Ok(weights),
    }
}

/// Whether `key` is `first`, or leads further down from it.
fn is_at(first: &str, key: &str) -> bool {
    key.strip_prefix(first).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

impl Weights {
    /// Takes the tensors of another file in, `key` in front of their names, as if both were
    /// dictionaries of one.
    #[must_use]
    pub fn joined(mut self, other: Self, key: &str) -> Self {
        self.tensors.extend(other.tensors.into_iter().map(|(name, tensor)| (format!("{key}.{name}"), tensor)));
        self.parts.push(Part { file: other.source, bytes: other.bytes, sha256: other.sha256 });
        self.parts.extend(other.parts);
        self.keys.push(key.to_owned());
        self
    }

    /// The tensors whose names begin with `key` and a dot.
    fn beginning_with(mut self, key: &str) -> Result<Self> {
        let beginning = format!("{key}.");
        let (chosen, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.tensors.into_iter().partition(|(name, _)| name.starts_with(&beginning));
        let mut heads: Vec<&str> = others.keys().filter_map(|name| name.split('.').next()).collect();
        heads.dedup();
        if chosen.is_empty() {
            let (key, heads) = (quoted(key), quoted_list(heads));
            let keys =
                if self.keys.is_empty() { String::new() } else { format!("; keys: {}", quoted_list(&self.keys)) };
            let found = format!("nothing under {key}; the names of its tensors begin with {heads}{keys}");
            return Err(WeightsError::NoWeights { file: self.source, found }.into());
        }
        self.unread.extend(heads.into_iter().map(str::to_owned));
        self.tensors = chosen;
        Ok(self)
    }
}

/// What the reader of a format finds.
struct Found {
    tensors: BTreeMap<String, Tensor>,
    metadata: BTreeMap<String, String>,
    beside: serde_json::Value,
    nesting: Vec<String>,
    keys: Vec<String>,
    unread: Vec<String>,
    passed_over: Vec<String>,
}

fn kind_of(content: &Content) -> Result<CheckpointKind> {
    let bytes = content.bytes.as_slice();
    let budget = || Budget::of(bytes.len());
    if bytes.starts_with(b"PK") {
        torch_zip::kind(content)
    } else if torch_legacy::is_tar(bytes) {
        Err(torch_legacy::refuse_tar(content))
    } else if is_safetensors(bytes) {
        if torch_legacy::begins_with_magic(content, &mut budget()) {
            return Err(WeightsError::TwoFormats { file: content.file.clone() }.into());
        }
        Ok(CheckpointKind::Safetensors)
    } else if torch_legacy::is_legacy(bytes) {
        Ok(CheckpointKind::TorchSaveLegacy)
    } else if let Some(what) = tensorflow(bytes) {
        let (file, found) = (content.file.clone(), what.to_owned());
        Err(InputError::UnknownFormat { file, found, expected: "weights as .safetensors or of torch.save, or ONNX" })
    } else if is_onnx(bytes) {
        Ok(CheckpointKind::Onnx)
    } else if is_truncated_safetensors(bytes) {
        // Read as such, it says where it ends.
        Ok(CheckpointKind::Safetensors)
    } else if shards::is_index(bytes) {
        Ok(CheckpointKind::Index)
    } else {
        refuse_impostor(content)?;
        torch_legacy::refuse_plain_pickle(content, &mut budget())?;
        let start: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Err(InputError::UnknownFormat {
            file: content.file.clone(),
            found: format!("the bytes {}", start.join(" ")),
            expected: "weights as .safetensors or as torch.save writes them (.pt, .pth, .th, .pth.tar, .bin), or ONNX",
        })
    }
}

/// Converts the row-major little-endian bytes of one tensor, of which there are as many as the
/// shape says.
fn tensor(file: &Path, name: &str, shape: Vec<usize>, element: ElementType, bytes: &[u8]) -> Result<Tensor> {
    let problem = |problem: &str| WeightsError::Tensor {
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
