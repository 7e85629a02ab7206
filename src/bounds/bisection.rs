//! Bisection down to the last bit.

/// The neighbouring floats between which `is_below` turns from true to false, once on the way from
/// `below` to `above`; 0 <= `below` <= `above`. If it never turns, an end and the float next to it;
/// the ends themselves if they are neighbours or equal.
pub(super) fn neighbours(mut below: f64, mut above: f64, is_below: impl Fn(f64) -> bool) -> (f64, f64) {
    loop {
        let middle = 0.5 * (below + above);
        if middle <= below || middle >= above {
            return (below, above);
        }
        if is_below(middle) {
            below = middle;
        } else {
            above = middle;
        }
    }
}

/// The last integer of `first..end` for which `holds`, which turns to false once; `first` if it
/// never holds.
pub(super) fn last(first: u64, end: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut last, mut above) = (first, end);
    while above - last > 1 {
        let middle = last + (above - last) / 2;
        *if holds(middle) { &mut last } else { &mut above } = middle;
    }
    last
}

/// The least float s = −ln(1−U) for which `large_enough` is true, a condition that becomes true
/// once as s grows, and at U = 1 − δ/K is, K = `num_classes`.
pub(super) fn ln_complement_of_common_floor(num_classes: usize, delta: f64, large_enough: impl Fn(f64) -> bool) -> f64 {
    // Not ln(K/δ), a quotient that can overflow.
    neighbours(0.0, (num_classes as f64).ln() - delta.ln(), |s| !large_enough(s)).1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_of_a_root_and_of_the_ends() {
        // √2 = 1.41421356237309504880..., its float is above it.
        let root = std::f64::consts::SQRT_2;
        assert_eq!(neighbours(1.0, 2.0, |x| x * x < 2.0), (root.next_down(), root));
        assert_eq!(neighbours(0.0, 3.0, |x| x * x < 2.0), (root.next_down(), root));
        assert_eq!(neighbours(0.25, 1.0, |_| true), (1f64.next_down(), 1.0));
        assert_eq!(neighbours(0.25, 1.0, |_| false), (0.25, 0.25f64.next_up()));
        assert_eq!(neighbours(0.0, 1.0, |_| false), (0.0, 5e-324));
        for equal in [0.0, 1.0, 0.3] {
            assert_eq!(neighbours(equal, equal, |_| panic!("nothing lies between")), (equal, equal));
        }
        assert_eq!(neighbours(0.3, 0.3f64.next_up(), |_| panic!("nothing lies between")).0, 0.3);
    }

    #[test]
    fn the_last_integer_is_found() {
        for (first, end, found) in [(0, 10, 7), (7, 8, 7), (0, u64::MAX, 7), (8, 20, 8), (0, 5, 4)] {
            assert_eq!(last(first, end, |n| n <= 7), found, "{first}..{end}");
        }
    }
}
