//! Errors in the numbers handed to a bound, and the checks that find them.

use thiserror::Error;

use crate::ClassErrors;

/// The smallest and the largest class weight lambda_j taken: between them no product of a weight,
/// its square or a share of a 64-bit count can under- or overflow, which the rounding bounds of
/// this module rely on.
pub const WEIGHT_RANGE: (f64, f64) = (1e-100, 1e100);

/// An argument of a bound that no statement allows.
#[derive(Clone, Debug, PartialEq, Error)]
#[allow(missing_docs, reason = "the message of each variant says what its fields are")]
pub enum BoundError {
    /// delta is the probability with which a statement may fail.
    #[error("delta = {delta} is not strictly between 0 and 1: give the allowed probability of failure, such as 0.05")]
    Delta { delta: f64 },
    /// A classifier needs two classes.
    #[error("{num_classes} classes: the bounds need at least 2")]
    TooFewClasses { num_classes: usize },
    /// Two slices that should both have one entry a class.
    #[error("{what}: {got} entries for {expected} classes; give one a class")]
    Length { what: &'static str, expected: usize, got: usize },
    /// More errors than samples.
    #[error("class {class}: {errors} errors among {samples} samples; a count of errors cannot exceed its samples")]
    MoreErrorsThanSamples { class: usize, errors: u64, samples: u64 },
    /// More samples than the intervals are computed for.
    #[error("class {class}: {samples} samples; intervals are computed for at most 10,000,000 a class")]
    TooManySamples { class: usize, samples: u64 },
    /// No class has a single sample.
    #[error("no class has a sample: nothing can be said about the worst one")]
    NoSamples,
    /// A weight outside `WEIGHT_RANGE`, or not a number.
    #[error("class {class}: weight {weight} is not a finite number between 1e-100 and 1e100")]
    Weight { class: usize, weight: f64 },
    /// A number outside the range its statement allows.
    #[error("{what} = {value}: must be {requirement}")]
    Value { what: &'static str, value: f64, requirement: &'static str },
    /// A lower end above its upper end, or an end that is no number.
    #[error("{what}: [{lower}, {upper}] is no interval; the lower end must not exceed the upper")]
    Interval { what: &'static str, lower: f64, upper: f64 },
    /// No model, no margin or no layer, where at least one is needed.
    #[error("{what}: none given; at least one is needed")]
    Empty { what: &'static str },
    /// A number of a layer that cannot be.
    #[error("layer {layer}: {what} = {value}: must be {requirement}")]
    Layer { layer: usize, what: &'static str, value: f64, requirement: &'static str },
    /// Layers that do not fit each other, or a last layer that does not give one score a class.
    #[error("layer {layer} gives {rows} numbers, but {expected} are needed after it (the next layer's columns, or K)")]
    LayerShape { layer: usize, rows: usize, expected: usize },
    /// A model's predictions on other images than the labels.
    #[error("model {model}: {got} predictions for {expected} labels; both models must have seen the same images")]
    Predictions { model: &'static str, got: usize, expected: usize },
    /// A label or prediction that is no class.
    #[error("sample {sample}: class {class} of {num_classes} classes; classes are counted from 0")]
    Class { sample: usize, class: usize, num_classes: usize },
    /// A group of classes that is none.
    #[error("class {class} of {num_classes} does not exist or stands twice in its group")]
    Group { class: usize, num_classes: usize },
    /// Too few networks to see a spread.
    #[error("{seeds} seeds: a spread between seeds needs at least 2")]
    TooFewSeeds { seeds: usize },
    /// More non-zeros in a column than there are other classes.
    #[error("class {class}: {non_zeros} non-zeros in its column; off the diagonal of {num_classes} classes there is room for {}", num_classes - 1)]
    ColumnNonZeros { class: usize, non_zeros: usize, num_classes: usize },
    /// A confusion count that is no confusion.
    #[error(
        "confusion count at (predicted {predicted}, true {class}) of {num_classes} classes: both indices must be below \
         {num_classes} and differ"
    )]
    ConfusionEntry { predicted: usize, class: usize, num_classes: usize },
}

pub(super) fn check_delta(delta: f64) -> Result<(), BoundError> {
    if delta > 0.0 && delta < 1.0 { Ok(()) } else { Err(BoundError::Delta { delta }) }
}

pub(super) fn check_num_classes(num_classes: usize) -> Result<(), BoundError> {
    if num_classes < 2 { Err(BoundError::TooFewClasses { num_classes }) } else { Ok(()) }
}

pub(crate) fn check_length(what: &'static str, expected: usize, got: usize) -> Result<(), BoundError> {
    if expected == got { Ok(()) } else { Err(BoundError::Length { what, expected, got }) }
}

pub(super) fn check_weights(weights: &[f64]) -> Result<(), BoundError> {
    let (least, greatest) = WEIGHT_RANGE;
    match weights.iter().position(|weight| !(least..=greatest).contains(weight)) {
        Some(class) => Err(BoundError::Weight { class, weight: weights[class] }),
        None => Ok(()),
    }
}

/// Two classes or more, as many errors as counts, no more errors than samples.
pub(super) fn check_class_errors(of: ClassErrors<'_>) -> Result<(), BoundError> {
    check_num_classes(of.counts.len())?;
    check_length("errors", of.counts.len(), of.errors.len())?;
    of.classes().enumerate().try_for_each(|(class, (errors, samples))| check_errors(class, errors, samples))
}

pub(super) fn check_errors(class: usize, errors: u64, samples: u64) -> Result<(), BoundError> {
    if errors <= samples { Ok(()) } else { Err(BoundError::MoreErrorsThanSamples { class, errors, samples }) }
}

/// One number s_j <= K - 1 a class.
pub(super) fn check_column_non_zeros(column_non_zeros: &[usize], num_classes: usize) -> Result<(), BoundError> {
    check_length("non-zeros in the columns", num_classes, column_non_zeros.len())?;
    match column_non_zeros.iter().position(|&non_zeros| non_zeros > num_classes - 1) {
        Some(class) => Err(BoundError::ColumnNonZeros { class, non_zeros: column_non_zeros[class], num_classes }),
        None => Ok(()),
    }
}

pub(super) fn check_not_empty(what: &'static str, number: usize) -> Result<(), BoundError> {
    if number > 0 { Ok(()) } else { Err(BoundError::Empty { what }) }
}

pub(super) fn check_value(
    is_right: bool,
    what: &'static str,
    value: f64,
    requirement: &'static str,
) -> Result<(), BoundError> {
    if is_right { Ok(()) } else { Err(BoundError::Value { what, value, requirement }) }
}

pub(super) fn check_non_negative(what: &'static str, value: f64) -> Result<(), BoundError> {
    check_value(value >= 0.0 && value.is_finite(), what, value, "finite and not negative")
}

pub(super) fn check_share(what: &'static str, value: f64) -> Result<(), BoundError> {
    check_value((0.0..=1.0).contains(&value), what, value, "between 0 and 1")
}

/// A level of one side.
pub(super) fn check_alpha(what: &'static str, alpha: f64) -> Result<(), BoundError> {
    check_value(alpha > 0.0 && alpha <= 0.25, what, alpha, "above 0 and at most 1/4")
}
