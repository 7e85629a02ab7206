//! What can be wrong with a protocol or with the counts that metrics are made of.

use thiserror::Error;

/// An input without a long-tailed protocol or without metrics. Every variant names the argument and its range.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum LongTailError {
    /// Fewer than two classes.
    #[error("a long-tailed protocol needs at least 2 classes, got {num_classes}")]
    TooFewClasses {
        /// The number of classes given.
        num_classes: usize,
    },
    /// More classes than samples, or than fit into memory.
    #[error("{num_classes} classes do not fit into memory")]
    TooManyClasses {
        /// The number of classes given.
        num_classes: usize,
    },
    /// An imbalance factor below 1, infinite or NaN.
    #[error("the imbalance factor is {imbalance}; it is the largest class over the smallest, finite and at least 1")]
    InvalidImbalance {
        /// The offending value.
        imbalance: f64,
    },
    /// A largest class too large for exact arithmetic.
    #[error("the largest class has {n_max} samples; at most {} are supported", u32::MAX)]
    TooManySamples {
        /// Samples of the largest class.
        n_max: u64,
    },
    /// A class that the protocol leaves without a sample.
    #[error(
        "class {class} would have no training sample with n_max = {n_max} and imbalance factor {imbalance}; \
         raise n_max or lower the factor"
    )]
    EmptyClass {
        /// The class.
        class: usize,
        /// Samples of the largest class.
        n_max: u64,
        /// The imbalance factor.
        imbalance: f64,
    },
    /// Lists of different lengths.
    #[error("{what}: {found} entries where there are {expected} classes")]
    WrongLength {
        /// The list at fault.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The number of classes.
        expected: usize,
    },
    /// More errors than samples.
    #[error("{what}: class {class} has {errors} errors in {count} samples")]
    TooManyErrors {
        /// The data at fault.
        what: &'static str,
        /// The class.
        class: usize,
        /// Its errors.
        errors: u64,
        /// Its samples.
        count: u64,
    },
    /// More than 2^64 - 1 samples.
    #[error("{what}: the samples of all classes together are too many to count in 64 bits")]
    SumTooLarge {
        /// The data at fault.
        what: &'static str,
    },
    /// A class weight that is not a positive finite number.
    #[error("the weight of class {class} is {weight}; weights are finite and above 0")]
    InvalidWeight {
        /// The class.
        class: usize,
        /// The offending value.
        weight: f64,
    },
}
