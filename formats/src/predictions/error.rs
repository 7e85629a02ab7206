//! What can be wrong with predictions beside their format: which array is which, and what labels and scores mean.

use std::path::PathBuf;

use thiserror::Error;

/// Predictions that cannot be used, or that have to be said more of.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PredictionsError {
    /// No array that a key names.
    #[error("{file}: there is no array {name}, which `keys` names; present: {present}")]
    NoSuchKey {
        /// The file.
        file: PathBuf,
        /// The name, quoted.
        name: String,
        /// The arrays that are there.
        present: String,
    },

    /// No array that can be the scores or the labels.
    #[error(
        "{file}: no array can be the {what}; present: {present}. Name it with `keys` {what}=NAME, or save the arrays as \
         logits [N, K] and labels [N]"
    )]
    Missing {
        /// The file.
        file: PathBuf,
        /// `logits` or `labels`.
        what: &'static str,
        /// The arrays that are there, with shapes and types.
        present: String,
    },

    /// Several arrays that can be the scores or the labels.
    #[error("{file}: several arrays can be the {what}: {candidates}; name one of them with `keys` {what}=NAME")]
    Ambiguous {
        /// The file.
        file: PathBuf,
        /// `logits` or `labels`.
        what: &'static str,
        /// The arrays, with shapes and types.
        candidates: String,
    },

    /// Scores with a column for each sample.
    #[error(
        "{file}: the scores are {classes} x {samples} and there are {samples} labels: a column for each sample; save \
         them with a row for each sample, logits.T"
    )]
    Transposed {
        /// The file.
        file: PathBuf,
        /// Rows found.
        classes: usize,
        /// Columns found.
        samples: usize,
    },

    /// Labels of a type that does not hold every class.
    #[error(
        "{file}: labels of type {element} cannot tell {classes} classes apart: it holds every whole number only up to \
         {largest}, and larger ones come out as others; save the labels as int64, before they meet the scores' type"
    )]
    NarrowLabels {
        /// The file.
        file: PathBuf,
        /// Their type.
        element: String,
        /// K.
        classes: usize,
        /// Largest number up to which it holds all.
        largest: u64,
    },

    /// A row of labels that names no one class.
    #[error(
        "{file}: sample {sample}: the labels have a column for each class, and this row is not one 1 among zeros (mixed \
         or smoothed labels?); save the number of the true class"
    )]
    NotOneHot {
        /// The file.
        file: PathBuf,
        /// Row, from 0.
        sample: usize,
    },

    /// Labels that may be 1 to K.
    #[error(
        "{file}: sample {sample}: label {classes}, and none is 0, where the scores have the columns 0 to {last}; if label \
         1 is the first column, say `first-label` 1, else renumber the labels"
    )]
    LabelsFromOne {
        /// The file.
        file: PathBuf,
        /// The first sample of label K, from 0.
        sample: usize,
        /// K.
        classes: usize,
        /// K - 1.
        last: usize,
    },

    /// A label that is a text, where no names are known.
    #[error(
        "{file}: sample {sample}: label {label} is a text; give the names of the classes in the order of the scores with \
         `class-names`, or save class numbers"
    )]
    TextLabel {
        /// The file.
        file: PathBuf,
        /// Sample, from 0.
        sample: usize,
        /// The label, quoted.
        label: String,
    },

    /// A label that is none of the names.
    #[error("{file}: sample {sample}: label {label} is none of the names of the classes ({names})")]
    UnknownName {
        /// The file.
        file: PathBuf,
        /// Sample, from 0.
        sample: usize,
        /// The label, quoted.
        label: String,
        /// The names, quoted.
        names: String,
    },

    /// Scores that are not what was said of them.
    #[error("{file}: sample {sample}: `scores` says {said}, and {problem}; leave it out for logits")]
    NotTheScoresSaid {
        /// The file.
        file: PathBuf,
        /// Sample, from 0.
        sample: usize,
        /// What was said.
        said: &'static str,
        /// What contradicts it.
        problem: String,
    },

    /// A table of which columns hold what cannot be told.
    #[error("{file}: line {line}: {problem}; {remedy}")]
    Table {
        /// The file.
        file: PathBuf,
        /// Line of the header, or the first of numbers.
        line: u64,
        /// What is unclear.
        problem: String,
        /// What to say or to write.
        remedy: String,
    },

    /// A table of Parquet, Arrow or Feather in a build that reads none.
    #[cfg(not(feature = "arrow"))]
    #[error(
        "{file}: to read Parquet, Arrow and Feather, analyze needs readers that this build is without; build it with: \
         cargo build --bin analyze --package car-spectral-analysis --features arrow"
    )]
    NeedsArrow {
        /// The table.
        file: PathBuf,
    },

    /// A file that was written to while it was read.
    #[error("{file}: its bytes are no longer those that were checked: it was written to meanwhile; read it again")]
    Changed {
        /// The file.
        file: PathBuf,
    },

    /// Samples of one index with different labels.
    #[error(
        "{file}: sample {sample} has the index of sample {first} in {name} and another label; it names no samples, so \
         leave it out of `keys`"
    )]
    Index {
        /// The file, or the first of several.
        file: PathBuf,
        /// The array, quoted.
        name: String,
        /// The sample.
        sample: usize,
        /// The earlier one.
        first: usize,
    },

    /// A format that another program converts in one line.
    #[error("{file}: {found}, which is not read here; convert it with: {line}")]
    Foreign {
        /// The file.
        file: PathBuf,
        /// What it is.
        found: &'static str,
        /// The line for the shell.
        line: String,
    },

    /// Parts of one set of predictions that do not fit together.
    #[error("{file}: {problem}; give parts of one model's predictions")]
    Parts {
        /// The file at fault, or the folder.
        file: PathBuf,
        /// How it differs.
        problem: String,
    },
}
