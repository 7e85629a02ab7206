//! What can be wrong with scores, labels, counts, weights and matrices.

use thiserror::Error;

/// An input from which no confusion matrix can be built. Every variant names the place and what to do.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum ConfusionError {
    /// Fewer than two classes.
    #[error("a confusion matrix needs at least 2 classes, got {num_classes}")]
    TooFewClasses {
        /// The number of classes given.
        num_classes: usize,
    },
    /// A matrix that is not square.
    #[error("a confusion matrix is square (predicted x true); got {rows} x {columns}")]
    NotSquare {
        /// Rows given.
        rows: usize,
        /// Columns given.
        columns: usize,
    },
    /// An entry outside the matrix.
    #[error("entry ({row}, {column}) lies outside a matrix of {num_classes} classes")]
    EntryOutOfRange {
        /// Row (predicted class) of the entry.
        row: usize,
        /// Column (true class) of the entry.
        column: usize,
        /// Number of classes of the matrix.
        num_classes: usize,
    },
    /// A negative, infinite or NaN entry.
    #[error("entry ({row}, {column}) is {value}; entries of a confusion matrix are finite and not negative")]
    InvalidEntry {
        /// Row (predicted class) of the entry.
        row: usize,
        /// Column (true class) of the entry.
        column: usize,
        /// The offending value.
        value: f64,
    },
    /// A negative, infinite or NaN weight of a column.
    #[error("class {class}: weight {weight}; weights of columns are finite and not negative")]
    InvalidWeight {
        /// The class.
        class: usize,
        /// The offending value.
        weight: f64,
    },
    /// More classes than a class index of 32 bits can name.
    #[error("{num_classes} classes are more than this library can index; the largest number is {}", u32::MAX)]
    TooManyClasses {
        /// The number of classes given.
        num_classes: usize,
    },
    /// The tables do not fit into memory.
    #[error(
        "the counts of {num_classes} classes and {margins} margins do not fit into memory; \
         use sparse storage or fewer margins"
    )]
    TablesTooLarge {
        /// Number of classes K.
        num_classes: usize,
        /// Number of margins G.
        margins: usize,
    },
    /// A list of margins without a margin.
    #[error("the list of margins is empty; give at least one, for example 0")]
    NoMargins,
    /// A margin that is infinite or NaN.
    #[error("margin number {index} is {value}; margins are finite")]
    InvalidMargin {
        /// Position in the list as given, from 0.
        index: usize,
        /// The offending value.
        value: f64,
    },
    /// Scores whose rows are not as long as there are classes.
    #[error("each sample needs {num_classes} scores, one a class; the batch has {columns} columns")]
    WrongNumberOfScores {
        /// Columns of the batch.
        columns: usize,
        /// Number of classes K.
        num_classes: usize,
    },
    /// Not one label a sample.
    #[error("the batch has {samples} rows of scores but {labels} labels; give one label a row")]
    WrongNumberOfLabels {
        /// Rows of scores.
        samples: usize,
        /// Labels.
        labels: usize,
    },
    /// A score that is infinite or NaN.
    #[error("sample {sample}: the score of class {class} is {value}; scores must be finite")]
    NonFiniteScore {
        /// Sample, counted from 0 over everything this counter has taken in.
        sample: u64,
        /// Class of the score.
        class: usize,
        /// The offending value.
        value: f64,
    },
    /// A label that names no class.
    #[error("sample {sample}: label {label} is not below the number of classes {num_classes}")]
    LabelOutOfRange {
        /// Sample, counted from 0 over everything this counter has taken in.
        sample: u64,
        /// The offending label.
        label: usize,
        /// Number of classes K.
        num_classes: usize,
    },
    /// A sample whose competitor or margin cannot be one.
    #[error(
        "sample {sample}: competitor {competitor} at margin {margin}; a competitor is a class other than the label, \
         a margin is a number"
    )]
    InvalidMarginOfSample {
        /// Sample, counted from 0 over everything this counter has taken in.
        sample: u64,
        /// The competitor given.
        competitor: usize,
        /// The margin given.
        margin: f64,
    },
    /// Parts of counts that no samples can leave behind.
    #[error("these are no counts: {problem}")]
    NoCounts {
        /// What contradicts itself.
        problem: String,
    },
    /// More than 2^64 - 1 samples.
    #[error("{samples} samples and {more} more are too many to count in 64 bits")]
    TooManySamples {
        /// Samples counted so far.
        samples: u64,
        /// Samples to be added.
        more: u64,
    },
    /// Counts of different numbers of classes.
    #[error("counts of {left} classes cannot be merged with counts of {right} classes")]
    DifferentClasses {
        /// Classes of the counts that were to grow.
        left: usize,
        /// Classes of the counts that were to be added.
        right: usize,
    },
    /// Counts over different margins.
    #[error("counts over the margins {left:?} cannot be merged with counts over {right:?}")]
    DifferentMargins {
        /// Margins of the counts that were to grow.
        left: Vec<f64>,
        /// Margins of the counts that were to be added.
        right: Vec<f64>,
    },
    /// Class frequencies of an empty training set.
    #[error("the training counts are all 0; class frequencies need at least one training sample")]
    NoTrainingSamples,
    /// An offset r0 that is infinite or NaN.
    #[error("the weight offset r0 is {r0}; it must be finite")]
    InvalidOffset {
        /// The offending value.
        r0: f64,
    },
    /// A class whose weight (pi + r0)^(-1/2) does not exist.
    #[error(
        "class {class}: frequency {frequency} plus r0 = {r0} is not above 0, so it has no weight; give a larger r0"
    )]
    NoWeight {
        /// The class.
        class: usize,
        /// Its share pi of the training set.
        frequency: f64,
        /// The offset.
        r0: f64,
    },
    /// A name that is no form of the weights.
    #[error("\"{name}\" is no form of the class weights; choose paper, official or none")]
    UnknownWeightForm {
        /// The name given.
        name: String,
    },
}
