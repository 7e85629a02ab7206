//! Errors in a protocol or in the counts that metrics are made of.

use thiserror::Error;

/// An input without a long-tailed protocol or without metrics. Every variant names the argument and
/// its range.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum LongTailError {
    /// Fewer than two classes.
    #[error("a long-tailed protocol needs at least 2 classes, got {num_classes}")]
    TooFewClasses { num_classes: usize },
    /// More classes than samples, or than fit into memory.
    #[error("{num_classes} classes do not fit into memory")]
    TooManyClasses { num_classes: usize },
    /// An imbalance factor below 1, infinite or NaN.
    #[error("the imbalance factor is {imbalance}; it is the largest class over the smallest, finite and at least 1")]
    InvalidImbalance { imbalance: f64 },
    /// A largest class too large for exact arithmetic.
    #[error("the largest class has {n_max} samples; at most {} are supported", u32::MAX)]
    TooManySamples { n_max: u64 },
    /// A class that the protocol leaves without a sample.
    #[error(
        "class {class} would have no training sample with n_max = {n_max} and imbalance factor {imbalance}; \
         raise n_max or lower the factor"
    )]
    EmptyClass { class: usize, n_max: u64, imbalance: f64 },
    /// Lists of different lengths.
    #[error("{what}: {found} entries where there are {expected} classes")]
    WrongLength { what: &'static str, found: usize, expected: usize },
    /// More errors than samples.
    #[error("{what}: class {class} has {errors} errors in {count} samples")]
    TooManyErrors { what: &'static str, class: usize, errors: u64, count: u64 },
    /// More than 2^64 - 1 samples.
    #[error("{what}: the samples of all classes together are too many to count in 64 bits")]
    SumTooLarge { what: &'static str },
    /// A class weight that is not a positive finite number.
    #[error("the weight of class {class} is {weight}; weights are finite and above 0")]
    InvalidWeight { class: usize, weight: f64 },
}
