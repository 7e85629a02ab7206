//! How many times a measured value a bound is, in words.

use super::plots::scale::short;

/// `3.2 times WCE`; `equal to WCE (attained)` where the factor rounds to 1.
pub(crate) fn multiple(factor: f64, of: &str) -> String {
    match short(factor).as_str() {
        "1" => format!("equal to {of} (attained)"),
        factor => format!("{factor} times {of}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_that_is_attained_is_called_so() {
        assert_eq!(multiple(3.24, "WCE"), "3.24 times WCE");
        for factor in [1.0, 0.9999, 1.004] {
            assert_eq!(multiple(factor, "WCE"), "equal to WCE (attained)");
        }
        assert_eq!(multiple(1.01, "WCE"), "1.01 times WCE");
    }
}
