//! What can be wrong with a file that was handed in: every variant names the file, the place in it, and what to do.

use std::io;
use std::path::PathBuf;

use crate::class_name::ClassNameError;
use crate::confusion::ConfusionFileError;
use crate::onnx::OnnxError;
use crate::predictions::PredictionsError;
use crate::weights::WeightsError;
use thiserror::Error;

/// An input file that cannot be used.
///
/// Texts copied out of a file (member, tensor and global names, field values) are escaped and cut before they are
/// stored here, so that a message can be printed on a terminal.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum InputError {
    /// The operating system refused to open, read or write.
    #[error("{file}: cannot {action}: {source}; check the path, its permissions and the free space")]
    Io {
        /// The file.
        file: PathBuf,
        /// What was tried, as in "read the file".
        action: &'static str,
        /// The operating system's answer.
        source: io::Error,
    },

    /// Folders of classes whose order as text is not that of the numbers in their names.
    #[error(
        "{file}: as text {first} before {second}, by number after it; give the names of the classes in the order of their labels as `class-names`"
    )]
    ClassFolderOrder {
        /// The folder above them.
        file: PathBuf,
        /// The first as text.
        first: String,
        /// The first by number.
        second: String,
    },

    /// A folder, a device or a pipe where a file is needed.
    #[error("{file}: not a regular file (it is {found}); give the path of a file")]
    NotAFile {
        /// The path.
        file: PathBuf,
        /// What is there.
        found: &'static str,
    },

    /// No bytes at all.
    #[error("{file}: the file is empty (0 bytes); write or download it again")]
    EmptyFile {
        /// The file.
        file: PathBuf,
    },

    /// An array that the machine has no memory for.
    #[error(
        "{file}: {place}: {bytes} bytes of memory are needed and not available; use a larger machine or fewer samples"
    )]
    OutOfMemory {
        /// The file.
        file: PathBuf,
        /// Which array.
        place: String,
        /// Bytes needed.
        bytes: u64,
    },

    /// The first bytes are those of no format that is read here.
    #[error("{file}: byte 0: {found}; expected {expected}")]
    UnknownFormat {
        /// The file.
        file: PathBuf,
        /// What the file starts with.
        found: String,
        /// The formats that are read here.
        expected: &'static str,
    },

    /// Predictions that cannot be used, or that have to be said more of.
    #[error(transparent)]
    Predictions(#[from] PredictionsError),

    /// A confusion matrix that cannot be used, or that has to be said more of.
    #[error(transparent)]
    Confusion(#[from] ConfusionFileError),

    /// A well-known kind of file that stands in place of the content.
    #[error("{file}: {found}; {remedy}")]
    Impostor {
        /// The file.
        file: PathBuf,
        /// What it is.
        found: &'static str,
        /// What to do.
        remedy: &'static str,
    },

    /// The file ends before what it announces.
    #[error(
        "{file}: {place}: {needed} bytes are announced, {available} are there; the file is truncated, write or \
         download it again"
    )]
    Truncated {
        /// The file.
        file: PathBuf,
        /// Member, tensor, or byte.
        place: String,
        /// Bytes announced.
        needed: u64,
        /// Bytes present.
        available: u64,
    },

    /// Bytes after the end of the content.
    #[error(
        "{file}: {place}: {extra} bytes follow the end of the content; write the file again with the program that \
         made it"
    )]
    TrailingBytes {
        /// The file.
        file: PathBuf,
        /// Member, tensor, or byte.
        place: String,
        /// Bytes too many.
        extra: u64,
    },

    /// A structure that contradicts its format.
    #[error("{file}: {place}: {problem}; the file is damaged, write or download it again")]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Member, tensor, or byte.
        place: String,
        /// What is wrong there.
        problem: String,
    },

    /// A member of an archive whose checksum differs.
    #[error(
        "{file}: member {member}: the CRC-32 is {found:08x}, the directory says {expected:08x}; the file is damaged, \
         write or download it again"
    )]
    Checksum {
        /// The file.
        file: PathBuf,
        /// Member of the archive.
        member: String,
        /// CRC-32 of the bytes.
        found: u32,
        /// CRC-32 of the directory.
        expected: u32,
    },

    /// Two members or tensors with the same name: two readers could see two different files.
    #[error("{file}: {name} is there twice; two programs could read two different contents, write the file again")]
    Duplicate {
        /// The file.
        file: PathBuf,
        /// Name of the member, tensor or key.
        name: String,
    },

    /// A member that is encrypted, or compressed by a method other than deflate.
    #[error(
        "{file}: member {member}: {problem}; write the archive again with numpy.savez, numpy.savez_compressed or \
         torch.save"
    )]
    UnsupportedMember {
        /// The file.
        file: PathBuf,
        /// Member of the archive.
        member: String,
        /// What is not supported.
        problem: String,
    },

    /// A small compressed member that announces a very large content.
    #[error(
        "{file}: member {member}: {compressed} bytes announce {size} when unpacked, more than the {limit} that are \
         accepted; store the array uncompressed if this is meant"
    )]
    Expansion {
        /// The file.
        file: PathBuf,
        /// Member of the archive.
        member: String,
        /// Compressed bytes.
        compressed: u64,
        /// Bytes announced.
        size: u64,
        /// Largest size accepted for this member.
        limit: u64,
    },

    /// One half of a pair of .npy files.
    #[error(
        "{file}: one .npy file holds one array, and both logits and labels are needed; give the pair as \
         LOGITS.npy,LABELS.npy"
    )]
    LoneNpy {
        /// The file.
        file: PathBuf,
    },

    /// Wrong element type.
    #[error(
        "{file}: array {array}: elements of type {found}; expected {expected}, convert the array and save it again"
    )]
    ElementType {
        /// The file.
        file: PathBuf,
        /// The array.
        array: String,
        /// Type in the file.
        found: String,
        /// Types accepted.
        expected: &'static str,
    },

    /// Wrong number of dimensions.
    #[error("{file}: array {array}: shape {found:?}; expected {expected}")]
    Shape {
        /// The file.
        file: PathBuf,
        /// The array.
        array: String,
        /// Shape in the file.
        found: Vec<usize>,
        /// Shape expected, in words.
        expected: &'static str,
    },

    /// A shape that does not account for the bytes that are there.
    #[error(
        "{file}: array {array}: shape {shape:?} of {element} does not fit the {available} bytes that are there; the \
         header or the data is damaged, save the array again"
    )]
    SizeMismatch {
        /// The file.
        file: PathBuf,
        /// The array.
        array: String,
        /// Shape in the header.
        shape: Vec<usize>,
        /// Element type in the header.
        element: String,
        /// Bytes present.
        available: u64,
    },

    /// Not one label for each row of logits.
    #[error("{file}: logits have {logits} rows and labels {labels} entries; save one label for each sample")]
    LengthMismatch {
        /// The file of the labels.
        file: PathBuf,
        /// Rows of logits.
        logits: usize,
        /// Labels.
        labels: usize,
    },

    /// N = 0.
    #[error("{file}: array {array}: no samples (N = 0); save at least one prediction")]
    NoSamples {
        /// The file.
        file: PathBuf,
        /// The array.
        array: &'static str,
    },

    /// Counts under the name that `value_counts` gives them, without its index.
    #[error(
        "{file}: counts that fall from line to line under the header `count`, as value_counts() writes them without its \
         index: whether they are in the order of the classes is open; write class,count lines, or take the header out if \
         they are"
    )]
    CountOrder {
        /// The file.
        file: PathBuf,
    },

    /// K < 2.
    #[error(
        "{file}: array {array}: {classes} class(es); a confusion needs at least 2, save one column of logits for each class (of a single logit z the columns 0 and z)"
    )]
    TooFewClasses {
        /// The file.
        file: PathBuf,
        /// The array.
        array: &'static str,
        /// Number of columns.
        classes: usize,
    },

    /// A logit that is NaN or infinite.
    #[error(
        "{file}: sample {sample}, class {class}: the logit is {value}; find out why the model gives it, no margin \
         can be taken of it"
    )]
    NonFinite {
        /// The file.
        file: PathBuf,
        /// Row of the logits, from 0.
        sample: usize,
        /// Column of the logits, from 0.
        class: usize,
        /// The value.
        value: f64,
    },

    /// A label that is no class.
    #[error(
        "{file}: sample {sample}: the label is {label}; labels are the classes 0 to {last_class}, renumber them or \
         remove the sample"
    )]
    LabelOutOfRange {
        /// The file.
        file: PathBuf,
        /// Position in the labels, from 0.
        sample: usize,
        /// The label.
        label: i128,
        /// K - 1.
        last_class: usize,
    },

    /// A text file that is not UTF-8.
    #[error("{file}: byte {byte}: not UTF-8 text; save the file as UTF-8")]
    NotText {
        /// The file.
        file: PathBuf,
        /// First bad byte, from 0.
        byte: usize,
    },

    /// A label that is not a whole number.
    #[error("{file}: sample {sample}: label {label} is not a whole number; labels are class numbers from 0")]
    FractionalLabel {
        /// The file.
        file: PathBuf,
        /// Sample, from 0.
        sample: usize,
        /// Label found.
        label: f64,
    },

    /// A row with more or fewer fields than the header.
    #[error("{file}: line {line}: {found} fields; the header has {expected}, complete the row")]
    CsvRowLength {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Fields in the row.
        found: usize,
        /// Fields in the header.
        expected: usize,
    },

    /// A field that is not what its column holds.
    #[error("{file}: line {line}, column {column}: {found} is not {expected}; correct the field")]
    CsvField {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// The field.
        found: String,
        /// What the column holds.
        expected: &'static str,
    },

    /// Counts or names of another number of classes.
    #[error(
        "{file}: {found} {what}, and the model has {expected} classes; give one {unit} for each class in the order \
         of the labels"
    )]
    ClassCountMismatch {
        /// The file.
        file: PathBuf,
        /// "training counts" or "class names".
        what: &'static str,
        /// Entries in the file.
        found: usize,
        /// Classes.
        expected: usize,
        /// What an entry is.
        unit: &'static str,
    },

    /// An entry of a counts file that is no count.
    #[error(
        "{file}: {place}: {found} is not a count; give a non-negative integer, the number of training samples of the \
         class"
    )]
    Count {
        /// The file.
        file: PathBuf,
        /// Line, column or index.
        place: String,
        /// What is there.
        found: String,
    },

    /// Counts that neither lines nor commas part.
    #[error(
        "{file}: {place}: {found} is more than one count; give one count a line, or as CSV all in one row, as in \
         500,480,5"
    )]
    SeveralCounts {
        /// The file.
        file: PathBuf,
        /// Line, or line and column.
        place: String,
        /// What is there.
        found: String,
    },

    /// All counts are zero, or their sum overflows.
    #[error("{file}: the training counts sum to {sum}; give the number of training samples of each class")]
    CountSum {
        /// The file.
        file: PathBuf,
        /// The sum in words.
        sum: &'static str,
    },

    /// A class named twice, or no class, in a counts file with a class column.
    #[error(
        "{file}: {place}: class {class} {problem}; give each class from 0 to {last_class} once, or its name with \
         `class-names`"
    )]
    CountClass {
        /// The file.
        file: PathBuf,
        /// Line or entry.
        place: String,
        /// The class.
        class: String,
        /// What is wrong with it.
        problem: &'static str,
        /// K - 1.
        last_class: usize,
    },

    /// A JSON file that does not parse.
    #[error("{file}: line {line}, column {column}: {problem}; {expected}")]
    Json {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// The parser's words.
        problem: String,
        /// What the file should be.
        expected: &'static str,
    },

    /// A text that cannot name a class.
    #[error("{file}: line {line}: {problem}; give one name a line, in the order of the labels")]
    ClassName {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: ClassNameError,
    },

    /// A file that costs more memory or steps than its size allows.
    #[error(
        "{file}: {place}: {exceeded}; save the weights alone with torch.save(model.state_dict(), FILE), or predictions uncompressed"
    )]
    Budget {
        /// The file.
        file: PathBuf,
        /// Pickle and byte, or member.
        place: String,
        /// What was needed and what is accepted.
        exceeded: String,
    },

    /// Weights that are refused.
    #[error(transparent)]
    Weights(#[from] WeightsError),

    /// An ONNX network that is refused.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_small_enough_to_be_returned_by_value() {
        assert!(size_of::<InputError>() <= 128, "{} bytes", size_of::<InputError>());
    }
}
