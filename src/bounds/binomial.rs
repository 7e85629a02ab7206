//! Tails of the binomial distribution.

/// P(Bin(n, p) >= k), 0 <= p <= 1.
pub(super) fn upper_tail(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        1.0
    } else if k > n {
        0.0
    } else {
        statrs::function::beta::beta_reg(k as f64, (n - k + 1) as f64, p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!((upper_tail(0, 3, 0.2), upper_tail(4, 3, 0.2)), (1.0, 0.0));
        approx::assert_relative_eq!(upper_tail(3, 3, 0.2), 0.008, max_relative = 1e-12);
        approx::assert_relative_eq!(upper_tail(1, 3, 0.2), 0.488, max_relative = 1e-12);
        assert_eq!((upper_tail(1, 3, 0.0), upper_tail(1, 3, 1.0)), (0.0, 1.0));
    }
}
