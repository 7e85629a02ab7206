//! T1 with 4K in place of 8K: the same quantity, with a proof.
//!
//! ```text
//! with probability ≥ 1−δ, for all posteriors Q:
//! ‖C_S − C_D‖₂ ≤ √( 4K/(m_min − 4K) · (KL(Q‖P) + ln(m_min/2δ)) ),   m_min > 4K
//! ```
//! Matrix Hoeffding with the best constant (Mackey, Jordan, Chen, Farrell and Tropp, Ann. Probab. 2014) gives P(‖C_S −
//! C_D‖₂ ≥ ε) ≤ 2K e^{−cε²}, c = m_min/4K, for one classifier, hence E e^{(c−1)‖·‖₂²} ≤ m_min/2, and Donsker and
//! Varadhan the rest. Where the published form applies it is larger, and T1'
//! ([`unconditional()`](super::unconditional())) is smaller than both, always. Source: here, after Morvant, Koço and
//! Ralaivola.

use super::error::{check_delta, check_num_classes};
use super::morvant::{ConfusionRadius, Posterior};
use super::{BoundError, NotApplicable, Outcome};

/// The radius for `class_counts` m_1..m_K. The condition on m_min, over all classes, is looked at first.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`]; [`BoundError::Value`] for a bad KL.
pub fn matrix_hoeffding(
    class_counts: &[u64],
    posterior: Posterior,
    delta: f64,
) -> Result<Outcome<ConfusionRadius>, BoundError> {
    let num_classes = class_counts.len();
    check_num_classes(num_classes)?;
    check_delta(delta)?;
    let kl = posterior.kl()?;
    let needed = 4 * num_classes as u64;
    let m_min = class_counts.iter().copied().min().unwrap_or(0);
    if m_min <= needed {
        return Ok(Outcome::NotApplicable(NotApplicable::SmallestClassTooSmall { m_min, needed }));
    }
    let Some(kl) = kl else { return Ok(Outcome::NotApplicable(NotApplicable::DeterministicClassifier)) };
    let complexity = kl + (m_min as f64 / (2.0 * delta)).ln();
    let radius = (needed as f64 / (m_min - needed) as f64 * complexity).sqrt();
    Ok(Outcome::Applies(ConfusionRadius { radius, num_classes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_edge_of_the_condition() {
        let bound = matrix_hoeffding(&[100, 300], Posterior::Gibbs { kl: 3.0 }, 0.05).unwrap();
        // python: sqrt(4*2/(100-8) * (3 + log(100/(2*.05))))
        approx::assert_relative_eq!(bound.value().unwrap().radius, 0.9281939114769039, max_relative = 1e-14);
        assert_eq!(bound.value().unwrap().num_classes, 2);
        let at = |m_min, posterior| matrix_hoeffding(&[m_min, 300], posterior, 0.05).unwrap().reason();
        assert_eq!(
            at(8, Posterior::Gibbs { kl: 3.0 }),
            Some(NotApplicable::SmallestClassTooSmall { m_min: 8, needed: 8 })
        );
        assert_eq!(at(9, Posterior::Gibbs { kl: 3.0 }), None);
        assert_eq!(at(9, Posterior::Deterministic), Some(NotApplicable::DeterministicClassifier));
    }

    #[test]
    fn bad_input_is_named() {
        let at = |counts: &[u64], posterior, delta| matrix_hoeffding(counts, posterior, delta).unwrap_err();
        assert!(matches!(at(&[9], Posterior::Deterministic, 0.1), BoundError::TooFewClasses { .. }));
        assert!(matches!(at(&[9, 9], Posterior::Deterministic, 0.0), BoundError::Delta { .. }));
        assert!(matches!(at(&[9, 9], Posterior::Gibbs { kl: -1.0 }, 0.1), BoundError::Value { .. }));
    }
}
