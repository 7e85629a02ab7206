//! T1': the quantity of T1 without the condition m_min > 8K.
//!
//! ```text
//! with probability ≥ 1−δ, for all posteriors Q:
//! ‖C_S − C_D‖₂ ≤ √( 2 H (KL(Q‖P) + ln(15/δ)) ),   H = Σ_j 1/m_j
//! ```
//! Needs an example of every class. On CIFAR100-LT (imbalance 100) H = 4.56, and the radius is 7.2
//! even at KL = 0. Whatever m, KL and delta, it is smaller than T1 in either form. What it is used
//! for, a bound of the class errors, T1'' ([`class_pac_bayes()`](super::class_pac_bayes())) gives
//! directly.

use super::error::{check_delta, check_num_classes};
use super::morvant::Posterior;
use super::{BoundError, NotApplicable, Outcome};

/// T1' for `class_counts` m_1..m_K. Where KL + ln(1/δ) < ln(5/3), so only for δ > 0.6, √(4H(KL +
/// ln(3/δ))) holds too and is smaller.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`]; [`BoundError::Value`] for a bad KL.
pub fn unconditional(class_counts: &[u64], posterior: Posterior, delta: f64) -> Result<Outcome<f64>, BoundError> {
    check_num_classes(class_counts.len())?;
    check_delta(delta)?;
    let kl = posterior.kl()?;
    if let Some(class) = class_counts.iter().position(|&count| count == 0) {
        return Ok(Outcome::NotApplicable(NotApplicable::ClassWithoutSamples { class }));
    }
    let Some(kl) = kl else { return Ok(Outcome::NotApplicable(NotApplicable::DeterministicClassifier)) };
    Ok(Outcome::Applies((2.0 * reciprocal_sum(class_counts) * (kl + (15.0 / delta).ln())).sqrt()))
}

/// H = sum_j 1/m_j; infinite if a class has no example.
pub fn reciprocal_sum(class_counts: &[u64]) -> f64 {
    class_counts.iter().map(|&count| 1.0 / count as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::longtail::long_tailed_counts;

    #[test]
    fn vacuous_on_cifar100_lt_even_at_zero_kl() {
        let counts = long_tailed_counts(500, 100.0, 100).unwrap();
        assert_eq!((counts.iter().sum::<u64>(), counts[99]), (10847, 5));
        approx::assert_relative_eq!(reciprocal_sum(&counts), 4.564102755000891, max_relative = 1e-14);
        let bound = unconditional(&counts, Posterior::Gibbs { kl: 0.0 }, 0.05).unwrap();
        // python: sqrt(2 * H * log(15/.05))
        approx::assert_relative_eq!(*bound.value().unwrap(), 7.215628774611975, max_relative = 1e-14);
        let bound = unconditional(&counts, Posterior::Gibbs { kl: 10.0 }, 0.05).unwrap();
        // python: sqrt(2 * H * (10 + log(15/.05)))
        approx::assert_relative_eq!(*bound.value().unwrap(), 11.972775522535537, max_relative = 1e-14);
    }

    #[test]
    fn reasons() {
        let reason = |counts: &[u64], posterior| unconditional(counts, posterior, 0.05).unwrap().reason();
        assert_eq!(
            reason(&[3, 0], Posterior::Gibbs { kl: 1.0 }),
            Some(NotApplicable::ClassWithoutSamples { class: 1 })
        );
        assert_eq!(reason(&[3, 1], Posterior::Deterministic), Some(NotApplicable::DeterministicClassifier));
        assert_eq!(reason(&[3, 1], Posterior::Gibbs { kl: 1.0 }), None);
        assert!(unconditional(&[3, 1], Posterior::Gibbs { kl: f64::NAN }, 0.05).is_err());
    }
}
