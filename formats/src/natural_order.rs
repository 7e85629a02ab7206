//! Names with numbers in them in the order that people count.

use std::cmp::Ordering;

/// Compares texts by their characters, but numbers in them by value.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits =
            |text: &str| text.len().saturating_sub(text.trim_start_matches(|c: char| c.is_ascii_digit()).len());
        let (in_a, in_b) = (digits(a), digits(b));
        let order = if in_a > 0 && in_b > 0 {
            let value = |text: &str, length: usize| text[..length].trim_start_matches('0').to_owned();
            let (left, right) = (value(a, in_a), value(b, in_b));
            (a, b) = (&a[in_a..], &b[in_b..]);
            left.len().cmp(&right.len()).then(left.cmp(&right)).then(in_a.cmp(&in_b))
        } else {
            let (mut left, mut right) = (a.chars(), b.chars());
            let order = left.next().cmp(&right.next());
            if a.is_empty() || b.is_empty() {
                return order;
            }
            (a, b) = (left.as_str(), right.as_str());
            order
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_are_compared_by_value() {
        let mut names = ["b", "a10", "a2", "a02", "a2b", "", "a"];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(names, ["", "a", "a2", "a2b", "a02", "a10", "b"]);
    }
}
