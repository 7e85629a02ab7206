//! Exponentials of a whole row at once, in the vectors that the processor has.

use multiversion::multiversion;

/// 1.5 · 2⁵²: a number of magnitude below 2⁵¹ that is added to it is rounded to an integer, in the
/// low bits.
const MAGIC: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts; the first has 32 bits, so that its products with exponents are exact.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// 1/13!, 1/12!, ..., 1/2!.
const COEFFICIENTS: [f64; 12] = [
    1.605_904_383_682_161_5e-10,
    2.087_675_698_786_81e-9,
    2.505_210_838_544_172e-8,
    2.755_731_922_398_589e-7,
    2.755_731_922_398_589_3e-6,
    2.480_158_730_158_73e-5,
    1.984_126_984_126_984e-4,
    1.388_888_888_888_889e-3,
    8.333_333_333_333_333e-3,
    4.166_666_666_666_666_4e-2,
    1.666_666_666_666_666_6e-1,
    0.5,
];
/// Sums and maxima are taken in so many parts.
const LANES: usize = 8;

/// e^x to a relative error of at most 2⁻⁵² (of subnormal results 2⁻¹⁰⁷⁴); infinity above 709.79, 0
/// below -745.14. x must not be NaN.
///
/// x = n ln 2 + r with |r| <= ln(2)/2; e^r by its Taylor polynomial of degree 13, whose rest is
/// below 2⁻⁵⁷; 2^n in two factors, so that subnormal results are rounded once more and nothing
/// overflows before its time.
#[inline(always)]
fn exponential(x: f64) -> f64 {
    let x = x.clamp(-746.0, 710.0);
    let shifted = x * std::f64::consts::LOG2_E + MAGIC;
    let n = shifted - MAGIC;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let tail = COEFFICIENTS.iter().fold(0.0, |sum, coefficient| sum * r + coefficient);
    let mantissa = 1.0 + (r + r * r * tail);
    // n + 2048, which is positive; half of it and the rest of it are exponents in range.
    let lifted = shifted.to_bits().wrapping_sub(MAGIC.to_bits()).wrapping_add(2048);
    let half = lifted >> 1;
    let power = |exponent: u64| f64::from_bits(exponent.wrapping_sub(1) << 52);
    mantissa * power(half) * power(lifted - half)
}

/// Replaces each x by 1/(1 + e^{-x}).
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn sigmoids(values: &mut [f64]) {
    for value in values {
        *value = 1.0 / (1.0 + exponential(-*value));
    }
}

/// Replaces each x by e^{(x - m)/tau} over the sum of all of them, m the largest. All-finite
/// values, tau > 0.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2+fma", "aarch64+neon"))]
pub(super) fn softmax(values: &mut [f64], temperature: f64) {
    let largest = in_lanes(values, f64::NEG_INFINITY, |a, b| if a > b { a } else { b });
    for value in values.iter_mut() {
        *value = exponential((*value - largest) / temperature);
    }
    let total = in_lanes(values, 0.0, |a, b| a + b);
    for value in values {
        *value /= total;
    }
}

#[inline(always)]
fn in_lanes(values: &[f64], neutral: f64, join: impl Fn(f64, f64) -> f64) -> f64 {
    let mut lanes = [neutral; LANES];
    let (whole, rest) = values.as_chunks::<LANES>();
    for chunk in whole {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = join(*lane, value);
        }
    }
    lanes.iter().chain(rest).copied().fold(neutral, join)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn relative(found: f64, expected: f64) -> f64 {
        if found == expected { 0.0 } else { ((found - expected) / expected).abs() }
    }

    proptest! {
        /// Against the exponential of the system, which is within an ulp.
        #[test]
        fn exponentials_are_those_of_the_system(x in prop_oneof![-708.0..709.0, -1.0..1.0, -1e-12..1e-12]) {
            prop_assert!(relative(exponential(x), x.exp()) <= 1.5 * f64::EPSILON, "{x}: {} {}", exponential(x), x.exp());
        }

        #[test]
        fn sigmoids_and_shares_are_those_of_single_numbers(
            values in prop::collection::vec(-40.0..40.0, 1..40), temperature in 0.1..4.0
        ) {
            let mut found = values.clone();
            sigmoids(&mut found);
            for (found, x) in found.iter().zip(&values) {
                prop_assert!(relative(*found, 1.0 / (1.0 + (-x).exp())) <= 4.0 * f64::EPSILON);
            }
            let mut found = values.clone();
            softmax(&mut found, temperature);
            let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let all: Vec<f64> = values.iter().map(|x| ((x - largest) / temperature).exp()).collect();
            let total: f64 = all.iter().sum();
            for (found, share) in found.iter().zip(&all) {
                prop_assert!(relative(*found, share / total) <= 50.0 * f64::EPSILON);
            }
        }
    }

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!(
            [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, 710.0, -746.0, 1e308].map(exponential),
            [1.0, 1.0, f64::INFINITY, 0.0, f64::INFINITY, 0.0, f64::INFINITY]
        );
        for x in [-745.1f64, -740.0, -720.0, -709.0, 709.7] {
            assert!((exponential(x) - x.exp()).abs() <= 1e-15 * x.exp() + f64::from_bits(1), "{x}");
        }
    }
}
