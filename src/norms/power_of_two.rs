//! Multiplication by 2^e without intermediate overflow: exact except where the result is subnormal.

/// The exponent e of 2^e <= x < 2^(e+1), for finite x > 0, subnormals included.
pub(super) fn exponent(x: f64) -> i32 {
    const BIAS: i32 = 1023;
    let biased = (x.to_bits() >> 52) as i32;
    // A subnormal is its mantissa times 2^-1074.
    if biased == 0 { 63 - x.to_bits().leading_zeros() as i32 - 1074 } else { biased - BIAS }
}

/// x 2^e, for |e| <= 2044: exact unless the result is subnormal, then less than 2^-1074 off;
/// infinite only if x 2^e is too large.
///
/// Both factors are powers of two in range, on the same side of 1. Upwards nothing is rounded
/// before the result itself overflows. Downwards both products may be: the first by at most
/// 2^-1075, which the second factor, then at most 1/2, halves, the second by at most 2^-1075 more:
/// three quarters of 2^-1074. That is not always the nearest float.
pub(super) fn scale(x: f64, e: i32) -> f64 {
    let half = e / 2;
    x * power(half) * power(e - half)
}

/// x 2^e rounded up, for x > 0.
pub(super) fn scale_up(x: f64, e: i32) -> f64 {
    let scaled = scale(x, e);
    if scaled <= f64::MIN_POSITIVE { scaled.next_up() } else { scaled }
}

/// x 2^e rounded down, for x > 0, not below 0.
pub(super) fn scale_down(x: f64, e: i32) -> f64 {
    let scaled = scale(x, e);
    if scaled <= f64::MIN_POSITIVE { scaled.next_down().max(0.0) } else { scaled }
}

fn power(e: i32) -> f64 {
    debug_assert!((-1022..=1023).contains(&e));
    f64::from_bits(((e + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: f64 = f64::from_bits(1);

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
        // The largest distance that is allowed, both ways.
        assert_eq!((scale(SMALLEST, 2044), scale(f64::MAX, -2044)), (2f64.powi(970), 2f64.powi(-1020).next_down()));
    }

    #[test]
    fn two_roundings_may_miss_the_nearest_float_but_not_by_a_unit() {
        // 2^-1060 (1 + 2^-15 + 2^-45) is 16384.5 + 2^-31 units of 2^-1074, nearest to 16385. The first product, by
        // 2^-30, loses the last bit to a tie, and the second rounds 16384.5 to even.
        let x = 2f64.powi(-1000) * (1.0 + 2f64.powi(-15) + 2f64.powi(-45));
        assert_eq!(scale(x, -60), 16384.0 * SMALLEST);
        assert_eq!((scale_down(x, -60), scale_up(x, -60)), (16383.0 * SMALLEST, 16385.0 * SMALLEST));
        // m 2^-1074 with m of 53 bits, times 2^e: m 2^e units, both products inexact.
        for i in 0..2000u64 {
            let (mantissa, e) = ((1u64 << 52) + 2 * i * i * 1_000_003 + 1, -24 + (i % 9) as i32);
            let (x, exact) = (scale(mantissa as f64, -1074), mantissa as f64 * 2f64.powi(e));
            for (result, from, to) in
                [(scale(x, e), -0.75, 0.75), (scale_up(x, e), 0.25, 1.75), (scale_down(x, e), -1.75, -0.25)]
            {
                let off = result.to_bits() as f64 - exact;
                assert!((from..=to).contains(&off), "{mantissa} 2^{e}: {off}");
            }
        }
    }

    #[test]
    fn outwards() {
        for (e, ends) in [(-1, (0.75, 0.75)), (-1022, (f64::MIN_POSITIVE * 1.5, f64::MIN_POSITIVE * 1.5))] {
            assert_eq!((scale_down(1.5, e), scale_up(1.5, e)), ends);
        }
        assert_eq!((scale_down(1.0, -1074), scale_up(1.0, -1074)), (0.0, 2.0 * SMALLEST));
        assert_eq!((scale_down(1.0, -1080), scale_up(1.0, -1080)), (0.0, SMALLEST));
        assert_eq!(
            (scale_down(1.0, -1022), scale_up(1.0, -1022)),
            (f64::MIN_POSITIVE.next_down(), f64::MIN_POSITIVE.next_up())
        );
    }
}
