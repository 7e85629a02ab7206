//! T1'': the error of every class under a Gibbs classifier, each class by its own examples.
//!
//! ```text
//! with probability ≥ 1−δ, for all posteriors Q and all classes j:
//! kl(ê_j(Q)‖e_j(Q)) ≤ (KL(Q‖P_j) + ln(2√m_j/δ_j)) / m_j,   so   e_j(Q) ≤ kl⁻¹(ê_j(Q), ·),   Σ δ_j ≤ δ
//! ```
//! Maurer's bound (2004) for each class-conditional distribution. ê_j(Q) is the share of class j's m_j examples, and
//! e_j(Q) the probability of class j, that a classifier drawn from Q errs on; with δ_j = δ/K the logarithm is ln(2√m_j
//! K/δ). The prior P_j may differ from class to class and depend on the examples of the *other* classes, never on those
//! of class j. No spectral norm is needed: on CIFAR100-LT at KL = 5 and ê = 0 it is
//! 3.2 % for 500 images, 26 % for 50 and 94 % for 5, where T1' exceeds 1 for all. Source: here, after Maurer.

use super::error::{check_length, check_non_negative, check_num_classes, check_share};
use super::{BoundError, DeltaShares, NotApplicable, Outcome, kl_inverse};

/// The upper bound of e_j(Q) for every class. Slices of K: ê_j(Q), m_j and KL(Q‖P_j) in nats.
///
/// [`NotApplicable::ClassTooSmall`] for a class without examples. A deterministic classifier is a point mass, with a
/// finite KL only against a prior that gives it a probability P_j(c) > 0: then KL = ln(1/P_j(c)).
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Length`]; [`BoundError::Value`] for an error outside [0, 1] or a KL
/// that is negative or not finite.
pub fn class_pac_bayes(
    gibbs_errors: &[f64],
    class_counts: &[u64],
    kl: &[f64],
    shares: &DeltaShares,
) -> Result<Vec<Outcome<f64>>, BoundError> {
    let num_classes = class_counts.len();
    check_num_classes(num_classes)?;
    check_length("Gibbs errors", num_classes, gibbs_errors.len())?;
    check_length("KL(Q‖P_j)", num_classes, kl.len())?;
    check_length("shares of delta", num_classes, shares.shares().len())?;
    for (&error, &kl) in gibbs_errors.iter().zip(kl) {
        check_share("Gibbs error", error)?;
        check_non_negative("KL(Q‖P_j)", kl)?;
    }
    (0..num_classes)
        .map(|class| {
            let samples = class_counts[class];
            if samples == 0 {
                return Ok(Outcome::NotApplicable(NotApplicable::ClassTooSmall { class, samples, needed: 1 }));
            }
            let m = samples as f64;
            let ln_union = 2f64.ln() + 0.5 * m.ln() - shares.shares()[class].ln();
            kl_inverse(gibbs_errors[class], (kl[class] + ln_union) / m).map(Outcome::Applies)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::binary_kl;

    #[test]
    fn cifar100_lt_at_no_training_error() {
        let mut counts = vec![500; 100];
        (counts[1], counts[2]) = (50, 5);
        let shares = DeltaShares::equal(100, 0.05).unwrap();
        let found = class_pac_bayes(&[0.0; 100], &counts, &[5.0; 100], &shares).unwrap();
        // python: [1 - exp(-(5 + log(2*sqrt(m)*100/.05))/m) for m in (500, 50, 5)]
        let expected = [0.03227053336060948, 0.2628775270037996, 0.9403793756877855];
        for (bound, expected) in found.iter().zip(expected) {
            approx::assert_relative_eq!(*bound.value().unwrap(), expected, max_relative = 1e-12);
        }
    }

    #[test]
    fn each_class_has_its_own_numbers() {
        let shares = DeltaShares::new(vec![0.04, 0.01], 0.05).unwrap();
        let (errors, counts, kl) = ([0.25, 0.5], [16_u64, 400], [1.0, 7.0]);
        let found = class_pac_bayes(&errors, &counts, &kl, &shares).unwrap();
        for (j, share) in [0.04, 0.01].into_iter().enumerate() {
            let m = counts[j] as f64;
            let allowed = (kl[j] + (2.0 * m.sqrt() / share).ln()) / m;
            let attained = binary_kl(errors[j], *found[j].value().unwrap()).unwrap();
            approx::assert_relative_eq!(attained, allowed, max_relative = 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let shares = DeltaShares::equal(2, 0.05).unwrap();
        let found = class_pac_bayes(&[0.1, 0.0], &[3, 0], &[1.0, 1.0], &shares).unwrap();
        assert_eq!(found[1].reason(), Some(NotApplicable::ClassTooSmall { class: 1, samples: 0, needed: 1 }));
        assert!(found[0].value().is_some());
        let error =
            |errors: &[f64], counts: &[u64], kl: &[f64]| class_pac_bayes(errors, counts, kl, &shares).unwrap_err();
        assert!(matches!(error(&[0.1], &[1, 1], &[1.0; 2]), BoundError::Length { what: "Gibbs errors", .. }));
        assert!(matches!(error(&[0.1; 2], &[1, 1], &[1.0]), BoundError::Length { what: "KL(Q‖P_j)", .. }));
        assert!(matches!(error(&[0.1; 3], &[1; 3], &[1.0; 3]), BoundError::Length { what: "shares of delta", .. }));
        assert!(matches!(error(&[0.1], &[1], &[1.0]), BoundError::TooFewClasses { .. }));
        assert!(matches!(error(&[1.1, 0.0], &[1, 1], &[1.0; 2]), BoundError::Value { what: "Gibbs error", .. }));
        assert!(matches!(error(&[0.1; 2], &[1, 1], &[1.0, f64::INFINITY]), BoundError::Value { .. }));
        assert!(matches!(error(&[0.1; 2], &[1, 1], &[-1.0, 0.0]), BoundError::Value { .. }));
    }
}
