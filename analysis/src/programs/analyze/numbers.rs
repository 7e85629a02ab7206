//! Numbers on the command line, refused where they can never be right.

/// A number that says how many.
pub(super) fn at_least_1(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&number| number > 0).ok_or_else(|| "give a whole number from 1 on".to_owned())
}

/// A number that may be negative.
pub(super) fn finite(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| "give a finite number".to_owned())
}

/// A number to divide by.
pub(super) fn above_0(text: &str) -> Result<f64, String> {
    finite(text).ok().filter(|&number| number > 0.0).ok_or_else(|| "give a finite number above 0".to_owned())
}
