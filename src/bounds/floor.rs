//! T4: the floors below which no bound can go, whatever examples it is drawn from, when the
//! examples of a class are all right.
//!
//! ```text
//! one class     a bound of e_j that holds with probability ≥ 1−α for every distribution, and is at most U
//!               whenever the m_j examples of class j contain no error, has  U ≥ 1 − α^{1/m_j}
//! all classes   bounds that hold at once with probability ≥ 1−δ, and U_j likewise, have  Π_j (1 − (1−U_j)^{m_j}) ≥ 1−δ
//! worst class   a bound of max_j e_j alone, at most U whenever all examples are right, has  U ≥ 1 − δ^{1/m_min}
//! ```
//! The three are limits of every bound, and attained. [`shares_floor`] and [`equal_shares_floor`]
//! are not: they are floors of a bound that gives class j the share δ_j of δ, as a union bound
//! does. On CIFAR100-LT (imbalance 100, δ = 0.05, classes of 5 images): worst class 0.451, all
//! classes at once with a common floor 0.616, shares of equal floors 0.618, equal shares 0.781.
//! Source: here.

use super::bisection::ln_complement_of_common_floor;
use super::clopper_pearson::held_out_alpha;
use super::error::{check_delta, check_length, check_num_classes};
use super::{BoundError, DeltaShares};

/// 1 − α^{1/m}: 1 for m = 0, when nothing was seen.
fn from_samples(samples: u64, alpha: f64) -> f64 {
    from_logarithm(samples, alpha.ln())
}

fn from_logarithm(samples: u64, ln_alpha: f64) -> f64 {
    if samples == 0 { 1.0 } else { -(ln_alpha / samples as f64).exp_m1() }
}

/// The least U that bounds of all classes at once can have in common: the root of Π_j (1 −
/// (1−U)^{m_j}) = 1−δ; 1 if a class has no example.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`].
pub fn simultaneous_floor(class_counts: &[u64], delta: f64) -> Result<f64, BoundError> {
    check_num_classes(class_counts.len())?;
    check_delta(delta)?;
    if class_counts.contains(&0) {
        return Ok(1.0);
    }
    let ln_all_have_an_error =
        |s: f64| -> f64 { class_counts.iter().map(|&m| (-(-(m as f64) * s).exp()).ln_1p()).sum() };
    let s = ln_complement_of_common_floor(class_counts.len(), delta, |s| ln_all_have_an_error(s) >= (-delta).ln_1p());
    Ok(-(-s).exp_m1())
}

/// 1 − δ^{1/m_min}: the floor of a bound of max_j e_j alone; 1 if a class has no example.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`].
pub fn worst_class_floor(class_counts: &[u64], delta: f64) -> Result<f64, BoundError> {
    check_num_classes(class_counts.len())?;
    check_delta(delta)?;
    Ok(from_samples(class_counts.iter().copied().min().unwrap_or(0), delta))
}

/// 1 − δ_j^{1/m_j} for every class: the floor of a bound that fails for class j with probability at
/// most δ_j.
///
/// # Errors
/// [`BoundError::Length`] if there is not one share a class.
pub fn shares_floor(class_counts: &[u64], shares: &DeltaShares) -> Result<Vec<f64>, BoundError> {
    check_length("shares of delta", class_counts.len(), shares.shares().len())?;
    Ok(class_counts.iter().zip(shares.shares()).map(|(&count, &share)| from_samples(count, share)).collect())
}

/// 1 − (δ/K)^{1/m_j} for every class: the floor of a bound that gives every class δ/K, such as T3.
/// No limit of other bounds.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`].
pub fn equal_shares_floor(class_counts: &[u64], delta: f64) -> Result<Vec<f64>, BoundError> {
    check_num_classes(class_counts.len())?;
    check_delta(delta)?;
    // δ/K itself can be 0 in f64.
    let ln_alpha = delta.ln() - (class_counts.len() as f64).ln();
    Ok(class_counts.iter().map(|&count| from_logarithm(count, ln_alpha)).collect())
}

/// 1 − (δ/2KM)^{1/n_j} for every class: the floor of a held-out bound that gives every class and
/// side δ/2KM, attained by T5.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`]; [`BoundError::Empty`] for no model.
pub fn held_out_floor(class_counts: &[u64], delta: f64, models_compared: usize) -> Result<Vec<f64>, BoundError> {
    let alpha = held_out_alpha(class_counts.len(), delta, models_compared)?;
    Ok(class_counts.iter().map(|&count| from_samples(count, alpha)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class_errors::of;
    use crate::longtail::long_tailed_counts;
    use approx::assert_relative_eq;

    #[test]
    fn four_floors_on_cifar100_lt() {
        let counts = long_tailed_counts(500, 100.0, 100).unwrap();
        // python: 1 - (.05/100)**.2, 1 - .05**.2
        assert_relative_eq!(equal_shares_floor(&counts, 0.05).unwrap()[99], 0.7813275852113444, max_relative = 1e-14);
        assert_relative_eq!(worst_class_floor(&counts, 0.05).unwrap(), 0.4507197283469412, max_relative = 1e-14);
        // scipy: s = brentq(lambda s: sum(log1p(-exp(-m*s)) for m in counts) - log1p(-.05), .9, 1.1); -expm1(-s)
        assert_relative_eq!(simultaneous_floor(&counts, 0.05).unwrap(), 0.6164314398391714, max_relative = 1e-13);
        // scipy: s = brentq(lambda s: sum(exp(-m*s) for m in counts) - .05, .9, 1.1); -expm1(-s)
        let equal_floors = shares_floor(&counts, &DeltaShares::equal_floors(&counts, 0.05).unwrap()).unwrap();
        for floor in equal_floors {
            assert_relative_eq!(floor, 0.6179897983820234, max_relative = 1e-12);
        }
        let mixed = shares_floor(&counts, &DeltaShares::mixed(&counts, 0.05).unwrap()).unwrap();
        // scipy: with .025 for .05 in s; 1 - (.05/200 + exp(-5*s))**.2, 1 - (.05/200 + exp(-500*s))**(1/500)
        assert_relative_eq!(mixed[99], 0.6597491415251127, max_relative = 1e-12);
        assert_relative_eq!(mixed[0], 0.0164512743611126, max_relative = 1e-12);
    }

    #[test]
    fn by_hand() {
        // One example a class: U^2 = 1/4. Counts 1 and 2: U (1 - (1-U)^2) = U^2 (2-U), 3/8 at U = 1/2.
        assert_relative_eq!(simultaneous_floor(&[1, 1], 0.75).unwrap(), 0.5, max_relative = 1e-15);
        assert_relative_eq!(simultaneous_floor(&[1, 2], 0.625).unwrap(), 0.5, max_relative = 1e-14);
        assert_relative_eq!(worst_class_floor(&[2, 9], 0.25).unwrap(), 0.5, max_relative = 1e-15);
        let shares = DeltaShares::new(vec![0.25, 0.125], 0.5).unwrap();
        let floors = shares_floor(&[2, 3], &shares).unwrap();
        assert!(floors.iter().all(|floor| (floor - 0.5).abs() < 1e-14), "{floors:?}");
    }

    #[test]
    fn a_class_without_examples_has_floor_one() {
        assert_eq!(simultaneous_floor(&[500, 0], 0.05).unwrap(), 1.0);
        assert_eq!(worst_class_floor(&[500, 0], 0.05).unwrap(), 1.0);
        assert_eq!(equal_shares_floor(&[500, 0], 0.05).unwrap()[1], 1.0);
        assert_eq!(shares_floor(&[500, 0], &DeltaShares::equal(2, 0.05).unwrap()).unwrap()[1], 1.0);
    }

    /// The least f64 there is for delta: 1 - (5e-324/2)^(1/1000) with ln 5e-324 = -744.44.
    #[test]
    fn a_tiny_delta_leaves_a_floor_below_one() {
        let equal = equal_shares_floor(&[1000, 1000], 5e-324).unwrap()[0];
        let common = simultaneous_floor(&[1000, 1000], 5e-324).unwrap();
        // python: -expm1((log(5e-324) - log(2))/1000); (1-U)^1000 twice adds up to delta.
        assert_relative_eq!(equal, 0.5253289395247404, max_relative = 1e-12);
        assert_relative_eq!(common, equal, max_relative = 1e-3);
        assert!(held_out_floor(&[1000, 1000], 5e-324, 1).is_err());
    }

    #[test]
    fn bad_input_is_named() {
        assert!(equal_shares_floor(&[1], 0.05).is_err() && held_out_floor(&[1, 1], 0.05, 0).is_err());
        assert!(simultaneous_floor(&[1], 0.05).is_err() && simultaneous_floor(&[1, 1], 0.0).is_err());
        assert!(worst_class_floor(&[], 0.05).is_err() && worst_class_floor(&[1, 1], 1.0).is_err());
        assert!(equal_shares_floor(&[1, 1], f64::NAN).is_err());
        let shares = DeltaShares::equal(3, 0.05).unwrap();
        assert!(matches!(shares_floor(&[1, 1], &shares), Err(BoundError::Length { expected: 2, got: 3, .. })));
    }

    #[test]
    fn held_out_floor_is_attained_by_t5() {
        let counts = [1, 7, 100, 1_000_000];
        let floor = held_out_floor(&counts, 0.1, 3).unwrap();
        let intervals = crate::bounds::held_out_intervals(of(&[0; 4], &counts), 0.1, 3).unwrap();
        // The end is rounded upwards by 1e-14 of itself.
        assert!(
            floor
                .iter()
                .zip(&intervals)
                .all(|(floor, interval)| (1.0..1.0 + 2e-14).contains(&(interval.upper / floor)))
        );
    }
}
