//! T11 (c): seeds for a paired t-test.
//!
//! ```text
//! power = P(|T| > t_{n−1}(delta/2)),  T noncentral t with n − 1 degrees of freedom and noncentrality d √n / σ
//!       = ∫ (Φ(d√n/σ − t s) + Φ(−d√n/σ − t s)) f(s) ds,    f the density of √(χ²_{n−1}/(n−1))
//! ```

use statrs::function::erf::erfc;
use statrs::function::gamma::ln_gamma;

use super::{check_power, least};
use crate::bounds::BoundError;
use crate::bounds::error::{check_delta, check_value};
use crate::bounds::seeds::student::quantile;

/// The seeds n >= 2 with which the paired t-test at level `delta` finds a mean `difference` with
/// probability at least `power`, if the differences of the seeds are normal with standard deviation
/// `deviation`. Only the ratio of the two counts.
///
/// # Errors
/// [`BoundError::Delta`]; [`BoundError::Value`] for a `difference` that is 0 or not finite, a
/// `deviation` that is not positive and finite, or a `power` outside (0, 1).
pub fn seeds_for_paired(difference: f64, deviation: f64, delta: f64, power: f64) -> Result<Option<u64>, BoundError> {
    check_delta(delta)?;
    check_power(power)?;
    let is_difference = difference != 0.0 && difference.is_finite();
    check_value(is_difference, "difference", difference, "finite and not 0")?;
    check_value(deviation > 0.0 && deviation.is_finite(), "deviation", deviation, "positive and finite")?;
    let effect = difference.abs() / deviation;
    least(2, |n| Ok(t_power(effect * (n as f64).sqrt(), (n - 1) as f64, delta) >= power))
}

fn t_power(noncentrality: f64, freedom: f64, delta: f64) -> f64 {
    let critical = quantile(0.5 * delta, freedom);
    let normal = |x: f64| 0.5 * erfc(-x * std::f64::consts::FRAC_1_SQRT_2);
    let log_constant = 2f64.ln() + 0.5 * freedom * (0.5 * freedom).ln() - ln_gamma(0.5 * freedom);
    let density = |s: f64| {
        let power = if freedom == 1.0 { 0.0 } else { (freedom - 1.0) * s.ln() };
        (log_constant + power - 0.5 * freedom * s * s).exp()
    };
    let integrand =
        |s: f64| density(s) * (normal(noncentrality - critical * s) + normal(-noncentrality - critical * s));
    // Simpson's rule over ten standard deviations of s about 1, in which the normal's rise is resolved too.
    let spread = 10.0 / freedom.sqrt();
    let (first, last) = ((1.0 - spread).max(0.0), 1.0 + spread);
    let cells = 1000 + (20.0 * critical * last).min(1e6) as usize;
    let width = (last - first) / cells as f64;
    let sum: f64 = (0..cells)
        .map(|cell| {
            let start = first + cell as f64 * width;
            integrand(start) + 4.0 * integrand(start + 0.5 * width) + integrand(start + width)
        })
        .sum();
    (sum * width / 6.0).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from scipy.stats import nct, t
    /// for c, v, d in CASES: q = t.isf(d/2, v); print(c, v, d, nct.sf(q, v, c) + nct.cdf(-q, v, c))
    /// ```
    #[test]
    fn agrees_with_scipy() {
        for &(noncentrality, freedom, delta, power) in SCIPY {
            approx::assert_relative_eq!(t_power(noncentrality, freedom, delta), power, max_relative = 1e-7);
        }
    }

    const SCIPY: &[(f64, f64, f64, f64)] = &[
        (3.0, 9.0, 0.05, 0.7611566204263243),
        (1.0, 1.0, 0.05, 0.07298889446966995),
        (2.0, 2.0, 0.1, 0.38452473170887985),
        (0.0, 5.0, 0.05, 0.04999999999999998),
        (2.9, 33.0, 0.05, 0.8036490041912452),
        (4.0, 400.0, 0.01, 0.9203692429134437),
        (1.0, 1.0, 0.001, 0.0014621540984571053),
        (2.9, 1e6, 0.05, 0.8264003292160815),
    ];

    #[test]
    fn the_plan_reaches_its_power_and_one_less_does_not() {
        // An effect of one standard deviation: 10 seeds; of a half: 34 (the textbook's numbers for power 0.8 at 0.05).
        assert_eq!(seeds_for_paired(0.02, 0.02, 0.05, 0.8).unwrap(), Some(10));
        assert_eq!(seeds_for_paired(-0.01, 0.02, 0.05, 0.8).unwrap(), Some(34));
        // scipy, as above: power 0.9085 with three seeds, 0.3428 with two.
        assert_eq!(seeds_for_paired(4.0, 1.0, 0.05, 0.8).unwrap(), Some(3));
        assert_eq!(seeds_for_paired(1e9, 1.0, 0.05, 0.8).unwrap(), Some(2));
        assert_eq!(seeds_for_paired(1e-9, 1.0, 0.05, 0.8).unwrap(), None);
    }

    #[test]
    fn bad_input_is_named() {
        for (d, s, power) in
            [(0.0, 1.0, 0.8), (f64::NAN, 1.0, 0.8), (0.1, 0.0, 0.8), (0.1, f64::INFINITY, 0.8), (0.1, 1.0, 1.0)]
        {
            assert!(matches!(seeds_for_paired(d, s, 0.05, power), Err(BoundError::Value { .. })));
        }
        assert!(matches!(seeds_for_paired(0.1, 0.1, 1.0, 0.8), Err(BoundError::Delta { .. })));
    }
}
