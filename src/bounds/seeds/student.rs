//! Student's t distribution: tails and quantiles.

use statrs::function::beta::beta_reg;

use crate::bounds::bisection::neighbours;

/// P(T > t), t >= 0, for T with `freedom` > 0 degrees of freedom: I_x(freedom/2, 1/2)/2 at x =
/// freedom/(freedom + t²).
pub(in crate::bounds) fn upper_tail(t: f64, freedom: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    0.5 * beta_reg(0.5 * freedom, 0.5, freedom / (freedom + t * t))
}

/// Above this t² comes near the largest f64, and t²/freedom's reciprocal near the least.
const LARGEST: f64 = 1e150;

/// The t >= 0 with P(T > t) = `alpha`, 0 < alpha <= 1/2; rounded upwards to where the tail is at
/// most alpha. Infinite above 10¹⁵⁰.
pub(in crate::bounds) fn quantile(alpha: f64, freedom: f64) -> f64 {
    let (_, t) = neighbours(0.0, LARGEST, |t| upper_tail(t, freedom) > alpha);
    if t < LARGEST { t } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from scipy.stats import t
    /// for a, v in CASES: print(a, v, t.isf(a, v))
    /// ```
    #[test]
    fn agrees_with_scipy() {
        let cases = [
            (0.025, 1.0, 12.706204736174705),
            (0.025, 2.0, 4.302652729749462),
            (0.025, 4.0, 2.7764451051977943),
            (0.0005, 9.0, 4.780912585931139),
            (0.25, 30.0, 0.6827556933212927),
            (0.025, 3.7, 2.8675207071911903),
            (1e-8, 1.0, 31830988.61837906),
        ];
        for (alpha, freedom, scipy) in cases {
            approx::assert_relative_eq!(quantile(alpha, freedom), scipy, max_relative = 1e-9);
            approx::assert_relative_eq!(upper_tail(scipy, freedom), alpha, max_relative = 1e-9);
        }
        assert!(quantile(0.5, 3.0) < 1e-300);
        // Cauchy's: P(T > t) is 1/(πt).
        approx::assert_relative_eq!(quantile(1e-140, 1.0), 3.183098861837907e139, max_relative = 1e-9);
        assert_eq!(quantile(1e-200, 1.0), f64::INFINITY);
        assert_eq!((upper_tail(0.0, 3.0), upper_tail(f64::INFINITY, 3.0)), (0.5, 0.0));
    }
}
