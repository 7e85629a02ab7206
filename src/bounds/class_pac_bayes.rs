//! T1'': the error of every class under a Gibbs classifier, each class by its own examples.
//!
//! ```text
//! with probability ≥ 1−δ, for all posteriors Q and all classes j:
//! kl(ê_j(Q)‖e_j(Q)) ≤ (KL(Q‖P_j) + ln(2√m_j/δ_j)) / m_j,   so   e_j(Q) ≤ kl⁻¹(ê_j(Q), ·),   Σ δ_j ≤ δ
//! ```
//! Maurer's bound (2004) for each class-conditional distribution. ê_j(Q) is the share of class j's
//! m_j examples, and e_j(Q) the probability of class j, that a classifier drawn from Q errs on;
//! with δ_j = δ/K the logarithm is ln(2√m_j K/δ). The prior P_j may differ from class to class and
//! depend on the examples of the *other* classes, never on those of class j. No spectral norm is
//! needed: on CIFAR100-LT at KL = 5 and ê = 0 it is 3.2 % for 500 images, 26 % for 50 and 94 % for
//! 5, where T1' exceeds 1 for all. Source: here, after Maurer.

use super::error::{check_length, check_non_negative, check_num_classes, check_share};
use super::{BoundError, DeltaShares, NotApplicable, Outcome, kl_inverse};

/// The numbers of one class that T1'' needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GibbsClass {
    /// ê_j(Q): the mean error of the randomised classifier on the class's examples, in [0, 1].
    pub error: f64,
    /// m_j, the number of the class's examples.
    pub samples: u64,
    /// KL(Q‖P_j) in nats, finite and not negative.
    pub kl: f64,
}

/// The upper bound of e_j(Q) for every class. One [`GibbsClass`] a class, K of them.
///
/// [`NotApplicable::ClassTooSmall`] for a class without examples. A deterministic classifier is a
/// point mass, with a finite KL only against a prior that gives it a probability P_j(c) > 0: then
/// KL = ln(1/P_j(c)).
///
/// # Errors
/// [`BoundError::TooFewClasses`]; [`BoundError::Length`] if there is not one share a class;
/// [`BoundError::Value`] for an error outside [0, 1] or a KL that is negative or not finite.
pub fn class_pac_bayes(classes: &[GibbsClass], shares: &DeltaShares) -> Result<Vec<Outcome<f64>>, BoundError> {
    check_num_classes(classes.len())?;
    check_length("shares of delta", classes.len(), shares.shares().len())?;
    for class in classes {
        check_share("Gibbs error", class.error)?;
        check_non_negative("KL(Q‖P_j)", class.kl)?;
    }
    let bound = |(class, (&GibbsClass { error, samples, kl }, share)): (usize, (&GibbsClass, &f64))| {
        if samples == 0 {
            return Ok(Outcome::NotApplicable(NotApplicable::ClassTooSmall { class, samples, needed: 1 }));
        }
        let m = samples as f64;
        let ln_union = 2f64.ln() + 0.5 * m.ln() - share.ln();
        kl_inverse(error, (kl + ln_union) / m).map(Outcome::Applies)
    };
    classes.iter().zip(shares.shares()).enumerate().map(bound).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::binary_kl;

    #[test]
    fn cifar100_lt_at_no_training_error() {
        let mut classes = vec![GibbsClass { error: 0.0, samples: 500, kl: 5.0 }; 100];
        (classes[1].samples, classes[2].samples) = (50, 5);
        let shares = DeltaShares::equal(100, 0.05).unwrap();
        let found = class_pac_bayes(&classes, &shares).unwrap();
        // python: [1 - exp(-(5 + log(2*sqrt(m)*100/.05))/m) for m in (500, 50, 5)]
        let expected = [0.03227053336060948, 0.2628775270037996, 0.9403793756877855];
        for (bound, expected) in found.iter().zip(expected) {
            approx::assert_relative_eq!(*bound.value().unwrap(), expected, max_relative = 1e-12);
        }
    }

    #[test]
    fn each_class_has_its_own_numbers() {
        let shares = DeltaShares::new(vec![0.04, 0.01], 0.05).unwrap();
        let classes =
            [GibbsClass { error: 0.25, samples: 16, kl: 1.0 }, GibbsClass { error: 0.5, samples: 400, kl: 7.0 }];
        let found = class_pac_bayes(&classes, &shares).unwrap();
        for (j, share) in [0.04, 0.01].into_iter().enumerate() {
            let GibbsClass { error, samples, kl } = classes[j];
            let m = samples as f64;
            let allowed = (kl + (2.0 * m.sqrt() / share).ln()) / m;
            let attained = binary_kl(error, *found[j].value().unwrap()).unwrap();
            approx::assert_relative_eq!(attained, allowed, max_relative = 1e-12);
        }
    }

    #[test]
    fn bad_input_is_named() {
        let shares = DeltaShares::equal(2, 0.05).unwrap();
        let good = GibbsClass { error: 0.1, samples: 3, kl: 1.0 };
        let found = class_pac_bayes(&[good, GibbsClass { samples: 0, ..good }], &shares).unwrap();
        assert_eq!(found[1].reason(), Some(NotApplicable::ClassTooSmall { class: 1, samples: 0, needed: 1 }));
        assert!(found[0].value().is_some());
        let error = |classes: &[GibbsClass]| class_pac_bayes(classes, &shares).unwrap_err();
        assert!(matches!(error(&[good; 3]), BoundError::Length { what: "shares of delta", .. }));
        assert!(matches!(error(&[good]), BoundError::TooFewClasses { .. }));
        let wrong = GibbsClass { error: 1.1, ..good };
        assert!(matches!(error(&[wrong, good]), BoundError::Value { what: "Gibbs error", .. }));
        for kl in [f64::INFINITY, -1.0] {
            let wrong = GibbsClass { kl, ..good };
            assert!(matches!(error(&[good, wrong]), BoundError::Value { what: "KL(Q‖P_j)", .. }));
        }
    }
}
