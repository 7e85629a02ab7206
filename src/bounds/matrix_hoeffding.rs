//! T1 with 4K in place of 8K: the same quantity, with a proof.
//!
//! ```text
//! with probability ≥ 1−δ, for all posteriors Q:
//! ‖C_S − C_D‖₂ ≤ √( 4K/(m_min − 4K) · (KL(Q‖P) + ln(m_min/2δ)) ),   m_min > 4K
//! ```
//! Matrix Hoeffding with the best constant (Mackey, Jordan, Chen, Farrell and Tropp, Ann.
//! Probab. 2014) gives P(‖C_S − C_D‖₂ ≥ ε) ≤ 2K e^{−cε²}, c = m_min/4K, for one classifier, hence E
//! e^{(c−1)‖·‖₂²} ≤ m_min/2, and Donsker and Varadhan the rest. Where the published form applies it
//! is larger, and T1' ([`unconditional()`](super::unconditional())) is smaller than both, always.
//! Source: here, after Morvant, Koço and Ralaivola.

use super::morvant::{Posterior, by_smallest_class};
use super::{BoundError, Outcome};

/// The radius for `class_counts` m_1..m_K. The condition on m_min, over all classes, is looked at
/// first.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`]; [`BoundError::Value`] for a bad KL.
pub fn matrix_hoeffding(class_counts: &[u64], posterior: Posterior, delta: f64) -> Result<Outcome<f64>, BoundError> {
    by_smallest_class(class_counts, posterior, delta, 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::NotApplicable;

    #[test]
    fn value_and_edge_of_the_condition() {
        let bound = matrix_hoeffding(&[100, 300], Posterior::Gibbs { kl: 3.0 }, 0.05).unwrap();
        // python: sqrt(4*2/(100-8) * (3 + log(100/(2*.05))))
        approx::assert_relative_eq!(*bound.value().unwrap(), 0.9281939114769039, max_relative = 1e-14);
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
