//! T11 (b): images of a class to tell two models apart in it.
//!
//! ```text
//! paired     m ~ Bin(n, s), b | m ~ Bin(m, (s+|d|)/2s):   power = Σ_m P(m) P(b >= x(m))
//!            x(m) least with P(Bin(m, 1/2) >= x) <= alpha
//! unpaired   X ~ Bin(n, e_larger), Y ~ Bin(n, e_smaller) independent:   power = P(l(X; n, alpha) > u(Y; n, alpha))
//! ```
//! What alpha is depends on the question. One class that was named beforehand: delta/2. The worst
//! class (T8): what its interval spends on the sign,
//! [`worst_class_sign_level`](crate::bounds::worst_class_sign_level); the plan then holds if one
//! class is so clearly the worst of both models that n images leave no other candidate: with few
//! images that is not so (50 against 40 %, other classes at 10 %, n = 101: power 0.52 for 0.8).

use super::{check_power, least};
use crate::bounds::binomial::upper_tail;
use crate::bounds::error::{check_alpha, check_share, check_value};
use crate::bounds::masses::binomial_masses;
use crate::bounds::{BoundError, clopper_pearson};

/// Outcomes less likely than this together add nothing that a power could show.
const NEGLIGIBLE: f64 = 1e-18;

/// The images of one class with which McNemar's exact one-sided test at `alpha` finds the sign of
/// `difference` = e^A − e^B with probability at least `power`, when the two models differ on a
/// share `discordance` of the images.
///
/// # Errors
/// [`BoundError::Value`] for a `discordance` outside [0, 1], a `difference` that is 0, not a number
/// or larger in size than `discordance`, an `alpha` outside (0, 1/4] or a `power` outside (0, 1).
pub fn images_for_paired(discordance: f64, difference: f64, alpha: f64, power: f64) -> Result<Option<u64>, BoundError> {
    check_alpha("alpha", alpha)?;
    check_power(power)?;
    check_share("discordance", discordance)?;
    let is_difference = difference != 0.0 && difference.abs() <= discordance;
    check_value(is_difference, "difference", difference, "not 0 and at most the discordance in size")?;
    let share = 0.5 * (1.0 + difference.abs() / discordance);
    least(1, |n| Ok(paired_power(n, discordance, share, alpha) >= power))
}

fn paired_power(n: u64, discordance: f64, share: f64, alpha: f64) -> f64 {
    let masses = binomial_masses(n, discordance);
    let possible = (0..=n).filter(|&m| masses[m as usize] > NEGLIGIBLE);
    // x(m) grows by 0 or 1 with m.
    let mut critical = None;
    possible
        .map(|m| {
            let rejects = |x: u64| upper_tail(x, m, 0.5) <= alpha;
            let mut x = critical.unwrap_or(m / 2);
            while !rejects(x) {
                x += 1;
            }
            critical = Some(x);
            masses[m as usize] * upper_tail(x, m, share)
        })
        .sum()
}

/// The images of one class for each of two models, different images or models without common
/// predictions, with which the Clopper-Pearson lower limit of the larger error exceeds the upper
/// limit of the smaller one, each at `alpha`, with probability at least `power`.
///
/// # Errors
/// [`BoundError::Value`] for errors outside [0, 1] or equal ones, an `alpha` outside (0, 1/4] or a
/// `power` outside (0, 1).
pub fn images_for_unpaired(error_a: f64, error_b: f64, alpha: f64, power: f64) -> Result<Option<u64>, BoundError> {
    check_alpha("alpha", alpha)?;
    check_power(power)?;
    check_share("error of A", error_a)?;
    check_share("error of B", error_b)?;
    if error_a == error_b {
        return Err(BoundError::Value { what: "error of B", value: error_b, requirement: "different from A's" });
    }
    let (smaller, larger) = (error_a.min(error_b), error_a.max(error_b));
    least(1, |n| Ok(unpaired_power(n, smaller, larger, alpha)? >= power))
}

fn unpaired_power(n: u64, smaller: f64, larger: f64, alpha: f64) -> Result<f64, BoundError> {
    let masses = binomial_masses(n, smaller);
    let mut critical = 0;
    let mut power = 0.0;
    for (y, &mass) in masses.iter().enumerate().filter(|&(_, &mass)| mass > NEGLIGIBLE) {
        let upper = clopper_pearson(y as u64, n, alpha, alpha)?.upper;
        critical = critical.max(y as u64);
        while critical <= n && clopper_pearson(critical, n, alpha, alpha)?.lower <= upper {
            critical += 1;
        }
        let found = upper_tail(critical, n, larger);
        power += mass * found;
    }
    Ok(power)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from scipy.stats import binom, beta
    /// def paired(n, s, p, a):
    ///     return sum(binom.pmf(m, n, s)
    ///         *binom.sf(next(x for x in range(m+2) if binom.sf(x-1, m, .5) <= a)-1, m, p) for m in range(n+1))
    /// def unpaired(n, q, p, a):
    ///     l = lambda k: beta.ppf(a, k, n-k+1) if k else 0.; u = lambda k: beta.isf(a, k+1, n-k) if k < n else 1.
    ///     return sum(binom.pmf(y, n, q)
    ///         *sum(binom.pmf(x, n, p) for x in range(n+1) if l(x) > u(y)) for y in range(n+1))
    /// ```
    #[test]
    fn powers_agree_with_scipy() {
        for (n, s, p, alpha, power) in [
            (100, 0.2, 0.75, 0.025, 0.5444412569039274),
            (40, 1.0, 0.6, 0.1, 0.44022022364846136),
            (9, 0.3, 1.0, 0.05, 0.09880865999999992),
        ] {
            approx::assert_relative_eq!(paired_power(n, s, p, alpha), power, max_relative = 1e-9);
        }
        for (n, q, p, alpha, power) in [
            (60, 0.2, 0.5, 0.05, 0.8399517830258187),
            (30, 0.0, 0.4, 0.01, 0.8237135152559881),
            (25, 0.6, 1.0, 0.2, 0.9976332311701909),
        ] {
            approx::assert_relative_eq!(unpaired_power(n, q, p, alpha).unwrap(), power, max_relative = 1e-9);
        }
    }

    #[test]
    fn the_plan_reaches_its_power_and_one_less_does_not() {
        let n = images_for_paired(0.112, 0.04, 0.005, 0.8).unwrap().unwrap();
        assert_eq!(images_for_paired(0.112, -0.04, 0.005, 0.8).unwrap(), Some(n));
        let share = 0.5 * (1.0 + 0.04 / 0.112);
        assert!(paired_power(n, 0.112, share, 0.005) >= 0.8 && paired_power(n - 1, 0.112, share, 0.005) < 0.8);
        let n = images_for_unpaired(0.4, 0.3, 0.0125, 0.8).unwrap().unwrap();
        assert_eq!(images_for_unpaired(0.3, 0.4, 0.0125, 0.8).unwrap(), Some(n));
        assert!(
            unpaired_power(n, 0.3, 0.4, 0.0125).unwrap() >= 0.8
                && unpaired_power(n - 1, 0.3, 0.4, 0.0125).unwrap() < 0.8
        );
        // Six images that all say the same: 1/64 <= 0.025.
        assert_eq!(images_for_paired(1.0, 1.0, 0.025, 0.99).unwrap(), Some(6));
    }

    #[test]
    fn bad_input_is_named() {
        for (s, d, alpha, power) in [
            (0.1, 0.2, 0.05, 0.8),
            (0.1, 0.0, 0.05, 0.8),
            (0.1, f64::NAN, 0.05, 0.8),
            (1.1, 0.2, 0.05, 0.8),
            (0.1, 0.05, 0.0, 0.8),
            (0.1, 0.05, 0.05, 1.0),
        ] {
            assert!(matches!(images_for_paired(s, d, alpha, power), Err(BoundError::Value { .. })));
        }
        for (a, b, alpha, power) in [
            (0.1, 0.1, 0.05, 0.8),
            (-0.1, 0.1, 0.05, 0.8),
            (0.1, 1.1, 0.05, 0.8),
            (0.1, 0.2, 0.3, 0.8),
            (0.1, 0.2, 0.05, 0.0),
        ] {
            assert!(matches!(images_for_unpaired(a, b, alpha, power), Err(BoundError::Value { .. })));
        }
    }
}
