//! Errors in scores, labels, counts, weights and matrices.

use thiserror::Error;

/// An input from which no confusion matrix can be built. Every variant names the place and what to
/// do.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum ConfusionError {
    /// Fewer than two classes.
    #[error("a confusion matrix needs at least 2 classes, got {num_classes}")]
    TooFewClasses { num_classes: usize },
    /// A matrix that is not square.
    #[error("a confusion matrix is square (predicted x true); got {rows} x {columns}")]
    NotSquare { rows: usize, columns: usize },
    /// An entry outside the matrix.
    #[error("entry ({row}, {column}) lies outside a matrix of {num_classes} classes")]
    EntryOutOfRange { row: usize, column: usize, num_classes: usize },
    /// A negative, infinite or NaN entry.
    #[error("entry ({row}, {column}) is {value}; entries of a confusion matrix are finite and not negative")]
    InvalidEntry { row: usize, column: usize, value: f64 },
    /// A negative, infinite or NaN weight of a column.
    #[error("class {class}: weight {weight}; weights of columns are finite and not negative")]
    InvalidWeight { class: usize, weight: f64 },
    /// More classes than a class index of 32 bits can name.
    #[error("{num_classes} classes are more than this library can index; the largest number is {}", u32::MAX)]
    TooManyClasses { num_classes: usize },
    /// The tables do not fit into memory.
    #[error(
        "the counts of {num_classes} classes and {margins} margins do not fit into memory; \
         use sparse storage or fewer margins"
    )]
    TablesTooLarge { num_classes: usize, margins: usize },
    /// A list of margins without a margin.
    #[error("the list of margins is empty; give at least one, for example 0")]
    NoMargins,
    /// A margin that is infinite or NaN.
    #[error("margin number {index} is {value}; margins are finite")]
    InvalidMargin { index: usize, value: f64 },
    /// Scores whose rows are not as long as there are classes.
    #[error("each sample needs {num_classes} scores, one a class; the batch has {columns} columns")]
    WrongNumberOfScores { columns: usize, num_classes: usize },
    /// A number of labels that is not that of the samples.
    #[error("the batch has {samples} rows of scores but {labels} labels; give one label a row")]
    WrongNumberOfLabels { samples: usize, labels: usize },
    /// A score that is infinite or NaN.
    #[error("sample {sample}: the score of class {class} is {value}; scores must be finite")]
    NonFiniteScore { sample: u64, class: usize, value: f64 },
    /// A label that names no class.
    #[error("sample {sample}: label {label} is not below the number of classes {num_classes}")]
    LabelOutOfRange { sample: u64, label: usize, num_classes: usize },
    /// A sample whose competitor or margin cannot be one.
    #[error(
        "sample {sample}: competitor {competitor} at margin {margin}; a competitor is a class other than the label, \
         a margin is a number"
    )]
    InvalidMarginOfSample { sample: u64, competitor: usize, margin: f64 },
    /// Parts of counts that no samples can leave behind.
    #[error("these are no counts: {problem}")]
    NoCounts { problem: String },
    /// More than 2^64 - 1 samples.
    #[error("{samples} samples and {more} more are too many to count in 64 bits")]
    TooManySamples { samples: u64, more: u64 },
    /// Counts of different numbers of classes.
    #[error("counts of {left} classes cannot be merged with counts of {right} classes")]
    DifferentClasses { left: usize, right: usize },
    /// Counts over different margins.
    #[error("counts over the margins {left:?} cannot be merged with counts over {right:?}")]
    DifferentMargins { left: Vec<f64>, right: Vec<f64> },
    /// Class frequencies of an empty training set.
    #[error("the training counts are all 0; class frequencies need at least one training sample")]
    NoTrainingSamples,
    /// An offset r0 that is infinite or NaN.
    #[error("the weight offset r0 is {r0}; it must be finite")]
    InvalidOffset { r0: f64 },
    /// A class whose weight (pi + r0)^(-1/2) does not exist.
    #[error(
        "class {class}: frequency {frequency} plus r0 = {r0} is not above 0, so it has no weight; give a larger r0"
    )]
    NoWeight { class: usize, frequency: f64, r0: f64 },
    /// A name that is no form of the weights.
    #[error("\"{name}\" is no form of the class weights; choose paper, official or none")]
    UnknownWeightForm { name: String },
}
