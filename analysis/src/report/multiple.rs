//! Counts, lists, and how many times a measured value a bound is, in words.

use super::plots::scale::short;

/// `3.2 times WCE`; `equal to WCE (attained)` where the factor rounds to 1.
pub(crate) fn multiple(factor: f64, of: &str) -> String {
    match short(factor).as_str() {
        "1" => format!("equal to {of} (attained)"),
        factor => format!("{factor} times {of}"),
    }
}

/// Writes a number of things: `1 class`, `3 classes`.
pub fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// `T1`, `T1 and T1'`, `T1, T3 and T3'`.
pub(crate) fn listed(items: &[&str]) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_lists_are_grammatical() {
        assert_eq!([1, 2].map(|n| counted(n, "class", "classes")), ["1 class", "2 classes"]);
        assert_eq!(listed(&["T3"]), "T3");
        assert_eq!(listed(&["T1", "T3", "T3'"]), "T1, T3 and T3'");
    }

    #[test]
    fn a_bound_that_is_attained_is_called_so() {
        assert_eq!(multiple(3.24, "WCE"), "3.24 times WCE");
        for factor in [1.0, 0.9999, 1.004] {
            assert_eq!(multiple(factor, "WCE"), "equal to WCE (attained)");
        }
        assert_eq!(multiple(1.01, "WCE"), "1.01 times WCE");
    }
}
