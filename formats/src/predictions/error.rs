//! Errors of predictions beside their format: which array is which, and what labels and scores
//! mean.

use std::path::PathBuf;

use thiserror::Error;

/// Predictions that cannot be used, or that have to be said more of.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum PredictionsError {
    #[error("{file}: there is no array {name}, which `keys` names; present: {present}")]
    NoSuchKey { file: PathBuf, name: String, present: String },
    #[error(
        "{file}: no array can be the {what}; present: {present}. Name it with `keys` {what}=NAME, or save the arrays as \
         logits [N, K] and labels [N]"
    )]
    Missing { file: PathBuf, what: &'static str, present: String },
    #[error("{file}: several arrays can be the {what}: {candidates}; name one of them with `keys` {what}=NAME")]
    Ambiguous { file: PathBuf, what: &'static str, candidates: String },
    #[error(
        "{file}: the scores are {classes} x {samples} and there are {samples} labels: a column for each sample; save \
         them with a row for each sample, logits.T"
    )]
    Transposed { file: PathBuf, classes: usize, samples: usize },
    #[error(
        "{file}: labels of type {element} cannot tell {classes} classes apart: it holds every whole number only up to \
         {largest}, and larger ones come out as others; save the labels as int64, before they meet the scores' type"
    )]
    NarrowLabels { file: PathBuf, element: String, classes: usize, largest: u64 },
    #[error(
        "{file}: sample {sample}: the labels have a column for each class, and this row is not one 1 among zeros (mixed \
         or smoothed labels?); save the number of the true class"
    )]
    NotOneHot { file: PathBuf, sample: usize },
    #[error(
        "{file}: sample {sample}: label {classes}, and none is 0, where the scores have the columns 0 to {last}; if label \
         1 is the first column, say `first-label` 1, else renumber the labels"
    )]
    LabelsFromOne { file: PathBuf, sample: usize, classes: usize, last: usize },
    #[error(
        "{file}: no label and no predicted class is 0, and the smallest is {smallest}; if the first class is 1, say \
         `first-label` 1, else give the names of all classes with `class-names`"
    )]
    ClassesFromOne { file: PathBuf, smallest: usize },
    #[error(
        "{file}: sample {sample}: label {label} is a text; give the names of the classes in the order of the scores with \
         `class-names`, or save class numbers"
    )]
    TextLabel { file: PathBuf, sample: usize, label: String },
    #[error("{file}: sample {sample}: label {label} is none of the names of the classes ({names})")]
    UnknownName { file: PathBuf, sample: usize, label: String, names: String },
    #[error("{file}: sample {sample}: `scores` says {said}, and {problem}; leave it out for logits")]
    NotTheScoresSaid { file: PathBuf, sample: usize, said: &'static str, problem: String },
    #[error("{file}: line {line}: {problem}; {remedy}")]
    Table { file: PathBuf, line: u64, problem: String, remedy: String },
    #[error("{file}: Parquet, Arrow and Feather take readers that this build is without")]
    NeedsArrow { file: PathBuf },
    #[error("{file}: its bytes are no longer those that were checked: it was written to meanwhile; read it again")]
    Changed { file: PathBuf },
    #[error(
        "{file}: sample {sample} has the index of sample {first} in {name} and another label; it names no samples, so \
         leave it out of `keys`"
    )]
    Index { file: PathBuf, name: String, sample: usize, first: usize },
    #[error(
        "{file}: {scores} of the scores and {labels} of the labels name the same samples in different orders (the first \
         other row: {first}); sort both by it"
    )]
    OtherOrder { file: PathBuf, scores: String, labels: String, first: usize },
    #[error(
        "{file}: each row of {name} names {columns} different classes: it is a list of the top {columns} and holds no scores; \
         save the scores, or take the first of each row for the predicted class, without what needs scores: {line}"
    )]
    TopK { file: PathBuf, name: String, columns: usize, line: String },
    #[error(
        "{file}: the numbers of {name} fall from first to last in every sample, and {by} beside them names other classes in \
         each: they stand in the order of their size; put them into that of the classes: {line}"
    )]
    Sorted { file: PathBuf, name: String, by: String, line: String },
    #[error(
        "{file}: {name} numbers the rows in another order (the first other row: {row}), and {other} does not say which \
         samples it is of; sort the rows by it where {other} is in the order of the numbers, as sort_index() does in \
         pandas, or take it out where {other} is in the order of the rows"
    )]
    NumberedRows { file: PathBuf, name: String, row: usize, other: PathBuf },
    #[error(
        "{file}: the samples stand by keys that are not the numbers 0 to {last}, and {other} does not say which samples it \
         is of; save both by the same keys, or this one as a list in the order of the other"
    )]
    KeysAlone { file: PathBuf, last: usize, other: PathBuf },
    #[error(
        "{file}: there are {samples} by {samples} numbers and {samples} samples, and nothing says whether the outer keys \
         ({keys}) are samples or classes; save the table with orient=\"split\", or as CSV"
    )]
    Square { file: PathBuf, samples: usize, keys: String },
    #[error("{file}: {name} says that the samples are of several splits: {parts}; give those of one")]
    Splits { file: PathBuf, name: String, parts: String },
    #[error(
        "{file}: the scores are called by names of classes ({names}); give these in their order with `class-names`"
    )]
    ByClassName { file: PathBuf, names: String },
    #[error(
        "{file}: the columns of the labels are called {labels}, and the classes {classes}; call them alike, or by \
         number from 0"
    )]
    OtherColumns { file: PathBuf, labels: String, classes: String },
    #[error(
        "{file}: the scores are in the order of {name} ({names}), and `class-names` has the same names in another; \
         give them in that order, or save scores and labels in the other"
    )]
    OtherClassOrder { file: PathBuf, name: String, names: String },
    #[error("{file}: {found}, which is not read here; convert it with: {line}")]
    Foreign { file: PathBuf, found: &'static str, line: String },
    #[error("{file}: {found}; one array of both is split by this in Python: {line}")]
    LabelsAmongScores { file: PathBuf, found: String, line: String },
    #[error("{file}: {problem}; give parts of one model's predictions")]
    Parts { file: PathBuf, problem: String },
}
