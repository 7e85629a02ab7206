//! Errors of a file of weights.

use std::path::PathBuf;

use thiserror::Error;

/// Weights that cannot be used.
///
/// Texts copied out of a file are escaped and cut before they are stored here.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum WeightsError {
    #[error(
        "{file}: refused: the file names {globals} ({place}); loading it in Python could run code. Only tensors and \
         plain containers are read here. Where you trust the file, this converts it, running its code where the modules \
         that it names can be imported: {conversion}"
    )]
    RefusedGlobal { file: PathBuf, place: String, globals: String, conversion: String },
    #[error(
        "{file}: refused: {place}: {problem}; what it would load cannot be told. Save the weights alone with \
         torch.save(model.state_dict(), FILE) or as .safetensors"
    )]
    RefusedPickle { file: PathBuf, place: String, problem: String },
    #[error(
        "{file}: refused: the archive holds several pickles ({members}); torch.save writes one data.pkl, save the \
         weights again"
    )]
    SeveralPickles { file: PathBuf, members: String },
    #[error(
        "{file}: the tar format of PyTorch before 0.1.10 is not read; where you trust the file, this converts it, \
         running its code: {conversion}"
    )]
    OldTar { file: PathBuf, conversion: String },
    #[error("{file}: a tar archive of {members}, whatever its name says; unpack it and give the file inside")]
    Tar { file: PathBuf, members: String },
    #[error("{file}: {problem}; download all parts beside it again")]
    Index { file: PathBuf, problem: String },
    #[error(
        "{file}: a plain pickle without tensor data, not a torch.save file. Where you trust the file, this converts it, \
         running its code: {conversion}"
    )]
    PlainPickle { file: PathBuf, conversion: String },
    #[error(
        "{file}: a TorchScript module, which is a program and is not read as weights; if you trust it, analyze runs it \
         with `run-torchscript`"
    )]
    TorchScript { file: PathBuf },
    #[error("{file}: an ONNX network, which analyze runs as a `checkpoint`; weights are wanted here")]
    Onnx { file: PathBuf },
    #[error(
        "{file}: {place}: written in big-endian byte order; load it with torch.load and save it on a little-endian \
         machine"
    )]
    BigEndian { file: PathBuf, place: String },
    #[error("{file}: no weights: {found}; save model.state_dict(), alone or under the key state_dict")]
    NoWeights { file: PathBuf, found: String },
    #[error(
        "{file}: {count} {what} without names, in a list; where they are those of model.state_dict(), in its order, this \
         names them in Python: {line}"
    )]
    Nameless { file: PathBuf, count: usize, what: &'static str, line: String },
    #[error("{file}: several sets of weights that differ all fit, under {candidates}; name the one to read with `key`")]
    AmbiguousWeights { file: PathBuf, candidates: String },
    #[error("{file}: the weights are not those of {network}: {problem}")]
    NamesDiffer { file: PathBuf, network: String, problem: String },
    #[error("{file}: {found}, not the weights as the network computes with them; {remedy}")]
    Rewritten { file: PathBuf, found: String, remedy: &'static str },
    #[error("{file}: the last layer: {problem}")]
    LastLayer { file: PathBuf, problem: String },
    #[error(
        "{file}: beside the tensors of {network} stand {tensors}; if the scores are computed without them, leave them \
         out by name: `leave-out` NAME. Factors `s` of the classes go into the last layer first: weight *= \
         s.view(-1, 1); bias *= s.view(-1)"
    )]
    LeftOver { file: PathBuf, network: String, tensors: String },
    #[error("{file}: `rename` {from}={to}: {problem}")]
    Renamed { file: PathBuf, from: String, to: String, problem: String },
    #[error("{file}: tensor {tensor}: {problem}; save the weights as contiguous float or integer tensors")]
    Tensor { file: PathBuf, tensor: String, problem: String },
    #[error(
        "{file}: tensor {tensor}: {bytes} bytes when laid out, {limit} are accepted for a file of this size; save \
         the weights with .contiguous()"
    )]
    TensorTooLarge { file: PathBuf, tensor: String, bytes: u64, limit: u64 },
    #[error(
        "{file}: refused: it is a .safetensors file and a torch.save file in one; two programs could read two different \
         contents, write the file again"
    )]
    TwoFormats { file: PathBuf },
    #[error(
        "{file}: tensor {tensor}, element {element}: the value is {value}; the training diverged, take an earlier \
         checkpoint"
    )]
    NonFiniteWeight { file: PathBuf, tensor: String, element: usize, value: f64 },
}
