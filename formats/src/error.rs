//! Errors of a file that was handed in: every variant names the file, the place in it, and what to
//! do.

use std::io;
use std::path::{Path, PathBuf};

use crate::class_name::ClassNameError;
use crate::confusion::ConfusionFileError;
use crate::onnx::OnnxError;
use crate::predictions::PredictionsError;
use crate::weights::WeightsError;
use thiserror::Error;

/// An input file that cannot be used.
///
/// Texts copied out of a file (member, tensor and global names, field values) are escaped and cut
/// before they are stored here, so that a message can be printed on a terminal.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum InputError {
    #[error("{file}: cannot {action}: {source}; check the path, its permissions and the free space")]
    Io { file: PathBuf, action: &'static str, source: io::Error },
    #[error(
        "{file}: as text {first} before {second}, by number after it; give the names of the classes in the order of their labels as `class-names`"
    )]
    ClassFolderOrder { file: PathBuf, first: String, second: String },
    #[error("{file}: not a regular file (it is {found}); give the path of a file")]
    NotAFile { file: PathBuf, found: &'static str },
    #[error("{file}: the file is empty (0 bytes); write or download it again")]
    EmptyFile { file: PathBuf },
    #[error(
        "{file}: {place}: {bytes} bytes of memory are needed and not available; use a larger machine or fewer samples"
    )]
    OutOfMemory { file: PathBuf, place: String, bytes: u64 },
    #[error("{file}: byte 0: {found}; expected {expected}")]
    UnknownFormat { file: PathBuf, found: String, expected: &'static str },
    /// Predictions that cannot be used, or that have to be said more of.
    #[error(transparent)]
    Predictions(#[from] PredictionsError),
    /// A confusion matrix that cannot be used, or that has to be said more of.
    #[error(transparent)]
    Confusion(#[from] ConfusionFileError),
    #[error("{file}: {found}; {remedy}")]
    Impostor { file: PathBuf, found: &'static str, remedy: &'static str },
    #[error(
        "{file}: {place}: {needed} bytes are announced, {available} are there; the file is truncated, write or \
         download it again"
    )]
    Truncated { file: PathBuf, place: String, needed: u64, available: u64 },
    #[error(
        "{file}: {place}: {extra} bytes follow the end of the content; write the file again with the program that \
         made it"
    )]
    TrailingBytes { file: PathBuf, place: String, extra: u64 },
    #[error("{file}: {place}: {problem}; the file is damaged, write or download it again")]
    Damaged { file: PathBuf, place: String, problem: String },
    #[error(
        "{file}: member {member}: the CRC-32 is {found:08x}, the directory says {expected:08x}; the file is damaged, \
         write or download it again"
    )]
    Checksum { file: PathBuf, member: String, found: u32, expected: u32 },
    #[error("{file}: {name} is there twice; two programs could read two different contents, write the file again")]
    Duplicate { file: PathBuf, name: String },
    #[error(
        "{file}: member {member}: {problem}; write the archive again with numpy.savez, numpy.savez_compressed or \
         torch.save"
    )]
    UnsupportedMember { file: PathBuf, member: String, problem: String },
    #[error(
        "{file}: member {member}: {compressed} bytes announce {size} when unpacked, more than the {limit} that are \
         accepted; store the array uncompressed if this is meant"
    )]
    Expansion { file: PathBuf, member: String, compressed: u64, size: u64, limit: u64 },
    #[error(
        "{file}: one .npy file holds one array, and both logits and labels are needed; give the pair as \
         LOGITS.npy,LABELS.npy"
    )]
    LoneNpy { file: PathBuf },
    #[error(
        "{file}: array {array}: elements of type {found}; expected {expected}, convert the array and save it again"
    )]
    ElementType { file: PathBuf, array: String, found: String, expected: &'static str },
    #[error("{file}: array {array}: shape {found:?}; expected {expected}")]
    Shape { file: PathBuf, array: String, found: Vec<usize>, expected: &'static str },
    #[error(
        "{file}: array {array}: shape {shape:?} of {element} does not fit the {available} bytes that are there; the \
         header or the data is damaged, save the array again"
    )]
    SizeMismatch { file: PathBuf, array: String, shape: Vec<usize>, element: String, available: u64 },
    #[error(
        "{file}: logits have {logits} rows and labels {labels} entries; save one label for each sample (a header that is a number, \
         as pandas writes above a series without a name, counts as a row)"
    )]
    LengthMismatch { file: PathBuf, logits: usize, labels: usize },
    #[error("{file}: array {array}: no samples (N = 0); save at least one prediction")]
    NoSamples { file: PathBuf, array: &'static str },
    #[error(
        "{file}: counts that fall from line to line under a header of counts, as value_counts() writes them without its \
         index: whether they are in the order of the classes is open; write class,count lines, or take the header out if \
         they are"
    )]
    CountOrder { file: PathBuf },
    #[error(
        "{file}: array {array}: {classes} class(es); a confusion needs at least 2, save one column for each class (of a \
         single logit z the columns 0 and z; of a single probability p the columns 1 - p and p, with `scores` \
         probabilities; of predicted classes name their column with `keys` logits=NAME,labels=NAME, by its number from 0 \
         where there is no header)"
    )]
    TooFewClasses { file: PathBuf, array: &'static str, classes: usize },
    #[error(
        "{file}: sample {sample}, class {class}: the logit is {value}; find out why the model gives it, no margin \
         can be taken of it"
    )]
    NonFinite { file: PathBuf, sample: usize, class: usize, value: f64 },
    #[error(
        "{file}: sample {sample}: the label is {label}; labels are the classes 0 to {last_class}, renumber them or \
         remove the sample"
    )]
    LabelOutOfRange { file: PathBuf, sample: usize, label: i128, last_class: usize },
    #[error("{file}: byte {byte}: not UTF-8 text; save the file as UTF-8")]
    NotText { file: PathBuf, byte: usize },
    #[error("{file}: sample {sample}: label {label} is not a whole number; labels are class numbers from 0")]
    FractionalLabel { file: PathBuf, sample: usize, label: f64 },
    #[error(
        "{file}: line {line}: the header again, as when a table is appended to a file; take the line out, and see whether \
         the rows below it are those above it"
    )]
    HeaderAgain { file: PathBuf, line: u64 },
    #[error("{file}: {line} stands below the table, and the table has {found}; write all of its rows, as CSV")]
    RowsSaid { file: PathBuf, line: String, found: usize },
    #[error(
        "{file}: line {line}: further columns stand below, as pandas and R print wide tables in parts; write the table by \
         df.to_csv(FILE) in pandas or write.csv(d, FILE) in R"
    )]
    Wrapped { file: PathBuf, line: u64 },
    #[error(
        "{file}: line {line}: {found} has a decimal point, and {other} in line {at} a decimal comma; write all numbers \
         with a point, or take the mark of thousands out"
    )]
    Decimals { file: PathBuf, line: u64, found: String, other: String, at: u64 },
    #[error("{file}: line {line}: {found} fields; the header has {expected}, complete the row")]
    CsvRowLength { file: PathBuf, line: u64, found: usize, expected: usize },
    #[error("{file}: line {line}, column {column}: {found} is not {expected}; correct the field")]
    CsvField { file: PathBuf, line: u64, column: usize, found: String, expected: &'static str },
    #[error(
        "{file}: {found} {what}, and the model has {expected} classes; give one {unit} for each class in the order \
         of the labels"
    )]
    ClassCountMismatch { file: PathBuf, what: &'static str, found: usize, expected: usize, unit: &'static str },
    #[error(
        "{file}: {place}: {found} is not a count; give a non-negative integer, the number of training samples of the \
         class"
    )]
    Count { file: PathBuf, place: String, found: String },
    #[error("{file}: {place}: {found}; {remedy}")]
    NotCounts { file: PathBuf, place: String, found: String, remedy: String },
    #[error(
        "{file}: {place}: {found} is more than one count; give one count a line, or as CSV all in one row, as in \
         500,480,5"
    )]
    SeveralCounts { file: PathBuf, place: String, found: String },
    #[error("{file}: the training counts sum to {sum}; give the number of training samples of each class")]
    CountSum { file: PathBuf, sum: &'static str },
    #[error(
        "{file}: {place}: class {class} {problem}; give each class from 0 to {last_class} once, or its name with \
         `class-names`"
    )]
    CountClass { file: PathBuf, place: String, class: String, problem: &'static str, last_class: usize },
    #[error("{file}: line {line}, column {column}: {problem}; {expected}")]
    Json { file: PathBuf, line: usize, column: usize, problem: String, expected: &'static str },
    #[error("{file}: line {line}: {problem}; give one name a line, in the order of the labels")]
    ClassName { file: PathBuf, line: usize, problem: ClassNameError },
    #[error("{file}: {place}: {exceeded}; {remedy}")]
    Budget { file: PathBuf, place: String, exceeded: String, remedy: &'static str },
    /// Weights that are refused.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// An ONNX network that is refused.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
}

impl InputError {
    pub(crate) fn damaged(file: &Path, place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), place: place.into(), problem: problem.into() }
    }

    pub(crate) fn truncated(file: &Path, place: impl Into<String>, needed: u64, available: u64) -> Self {
        Self::Truncated { file: file.to_owned(), place: place.into(), needed, available }
    }

    pub(crate) fn unknown_format(file: &Path, found: impl Into<String>, expected: &'static str) -> Self {
        Self::UnknownFormat { file: file.to_owned(), found: found.into(), expected }
    }

    pub(crate) fn element_type(
        file: &Path,
        array: impl Into<String>,
        found: impl Into<String>,
        expected: &'static str,
    ) -> Self {
        Self::ElementType { file: file.to_owned(), array: array.into(), found: found.into(), expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_small_enough_to_be_returned_by_value() {
        assert!(size_of::<InputError>() <= 128, "{} bytes", size_of::<InputError>());
    }
}
