//! Multiplication by 2^e without intermediate overflow: exact except where the result is subnormal.

/// The exponent e of 2^e <= x < 2^(e+1), for finite x > 0, subnormals included.
pub(super) fn exponent(x: f64) -> i32 {
    const BIAS: i32 = 1023;
    let biased = (x.to_bits() >> 52) as i32;
    // A subnormal is its mantissa times 2^-1074.
    if biased == 0 { 63 - x.to_bits().leading_zeros() as i32 - 1074 } else { biased - BIAS }
}

/// x 2^e, for |e| <= 2044. At most one rounding: each of the two factors is a power of two in range, and the first
/// product can only be inexact where the second one underflows to zero or scales it back up.
pub(super) fn scale(x: f64, e: i32) -> f64 {
    let half = e / 2;
    x * power(half) * power(e - half)
}

fn power(e: i32) -> f64 {
    debug_assert!((-1022..=1023).contains(&e));
    f64::from_bits(((e + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_and_scaling_are_exact() {
        for (x, e) in [(1.0, 0), (1.999, 0), (2.0, 1), (0.75, -1), (f64::MAX, 1023), (5e-324, -1074), (3e-320, -1062)] {
            assert_eq!(exponent(x), e, "{x}");
            let unit = scale(x, -e);
            assert!((1.0..2.0).contains(&unit), "{x} -> {unit}");
            assert_eq!(scale(unit, e), x);
        }
        assert_eq!(exponent(f64::MIN_POSITIVE), -1022);
        assert_eq!(scale(1.5, 1024), f64::INFINITY);
        assert_eq!(scale(1.5, -1074), 1e-323);
    }
}
