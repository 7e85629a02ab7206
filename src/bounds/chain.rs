//! S1 to S3, the deterministic steps of the worst-class bound: they hold on every input.
//!
//! ```text
//! S1  share(margin < 0) <= error_j <= share(margin <= 0)
//! S2  lambda_j e_j <= WCE = ‖CΛ‖₁ = max_j lambda_j e_j,   so  e_j <= WCE / lambda_j
//! S3  lambda_j e_j <= sqrt(s_j) ‖CΛ‖₂,   s_j = non-zeros in column j
//!     WCE <= sqrt(s) ‖CΛ‖₂ <= sqrt(K-1) ‖CΛ‖₂,   s = max_j s_j
//!     nu = ‖M‖₁ / ‖M‖₂ in [1/sqrt(K-1), sqrt(K-1)], undefined for M = 0
//! ```
//! The steps are compared as products, never after a division by lambda_j or a norm.
//!
//! **Slack.** With u = 2^-53: fl(lambda_j fl(k_j/n_j)) carries a factor of at most (1+u)^2 over
//! lambda_j e_j, and of (1+u)^3/(1-u) where counts from 2^53 on are rounded themselves; an entry of
//! the stored matrix is at least (1-8u) times the exact one, and S4 passes that to the norm that
//! `upper` encloses; fl(fl(sqrt(K-1)) upper) is at least (1-u)^2 times the product. So an
//! inequality that holds exactly holds in floats up to the factor (1+u)^3 / ((1-8u)(1-u)^3) < 1 +
//! 14.5u, and multiplying by 1 + 16u, rounded, covers it. No term under- or overflows, since
//! weights lie in 1e-100..1e100 and counts are below 2^64.

use super::error::{check_class_errors, check_column_non_zeros, check_length, check_weights};
use super::{BoundError, Interval};
use crate::ClassErrors;

/// 1 + 16u, u = 2^-53: the proved slack of lambda_j e_j <= sqrt(s_j) `upper` and its like in floats
/// (see the module's page).
pub const CHAIN_SLACK: f64 = 1.0 + 16.0 * UNIT_ROUNDOFF;

const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// The chains lambda_j e_j <= sqrt(s_j) upper and lambda_j e_j <= WCE <= sqrt(s) upper <= sqrt(K-1)
/// upper on one set of counts.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Chain {
    /// lambda_j e_j; `None` for a class without samples.
    pub class_terms: Vec<Option<f64>>,
    /// WCE = max_j lambda_j e_j, D4.
    pub weighted_worst_class_error: f64,
    /// The classes that attain it: where S2 is an equality.
    pub attained_by: Vec<usize>,
    /// S2's bound WCE / lambda_j of e_j, for every class.
    pub class_bounds: Vec<f64>,
    /// The worst class j*: the largest e_j, the lowest index among equals.
    pub worst_class: usize,
    /// e_{j*}.
    pub worst_class_error: f64,
    /// S2's bound over the truth at j*: (WCE / lambda_{j*}) / e_{j*}; `None` if no class has an
    /// error.
    pub ratio_at_worst: Option<f64>,
    /// The limit of that ratio by S2: lambda_max / lambda_{j*}, over the classes with samples.
    /// Compared as products it needs no check: rounding is monotone, so lambda_k e_k <= lambda_max
    /// e_{j*} in floats too.
    pub ratio_limit: f64,
    /// sqrt(s_j) upper(‖CΛ‖₂) for every class, s_j = non-zeros in its column.
    pub class_spectral_terms: Vec<f64>,
    /// sqrt(s) upper(‖CΛ‖₂), s = max_j s_j.
    pub sparse_spectral_term: f64,
    /// sqrt(K-1) upper(‖CΛ‖₂).
    pub spectral_term: f64,
    /// lambda_j e_j <= sqrt(s_j) upper for every class with samples, with [`CHAIN_SLACK`].
    pub class_steps_hold: bool,
    /// WCE <= sqrt(s) upper, with [`CHAIN_SLACK`].
    pub sparse_step_holds: bool,
    /// WCE <= sqrt(K-1) upper, with [`CHAIN_SLACK`].
    pub spectral_step_holds: bool,
}

impl Chain {
    /// Tells whether every step holds. A `false` means a fault in the numbers given (or in this
    /// code), never a discovery.
    pub fn holds(&self) -> bool {
        self.class_steps_hold && self.sparse_step_holds && self.spectral_step_holds
    }
}

/// S2 and S3 on the matrix whose column j sums to k_j / n_j: the confusion matrix of a test set, or
/// a margin confusion matrix C_g, with k_j the counts of margins at most g.
///
/// `spectral` encloses ‖CΛ‖₂ of the same matrix (S5); `column_non_zeros` are the s_j, the numbers
/// of its non-zeros in each column
/// ([`ConfusionMatrix::column_non_zeros`](crate::confusion::ConfusionMatrix::column_non_zeros)).
/// K-1 for each is always allowed.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Length`], [`BoundError::Weight`],
/// [`BoundError::MoreErrorsThanSamples`], [`BoundError::Interval`]; [`BoundError::NoSamples`] if
/// every count is 0; [`BoundError::ColumnNonZeros`] if an s_j exceeds K - 1.
pub fn chain(
    weights: &[f64],
    of: ClassErrors<'_>,
    spectral: Interval,
    column_non_zeros: &[usize],
) -> Result<Chain, BoundError> {
    let num_classes = of.counts.len();
    check_class_errors(of)?;
    check_length("weights", num_classes, weights.len())?;
    check_weights(weights)?;
    spectral.check_norm()?;
    check_column_non_zeros(column_non_zeros, num_classes)?;

    let shares: Vec<Option<f64>> = of.classes().map(|(k, n)| (n > 0).then(|| k as f64 / n as f64)).collect();
    let class_terms: Vec<Option<f64>> =
        shares.iter().zip(weights).map(|(share, weight)| share.map(|share| weight * share)).collect();
    let mut worst: Option<(usize, f64)> = None;
    let (mut weighted_worst_class_error, mut largest_weight) = (0.0_f64, 0.0_f64);
    for class in 0..num_classes {
        let (Some(share), Some(term)) = (shares[class], class_terms[class]) else { continue };
        weighted_worst_class_error = weighted_worst_class_error.max(term);
        largest_weight = largest_weight.max(weights[class]);
        if worst.is_none_or(|(_, largest)| share > largest) {
            worst = Some((class, share));
        }
    }
    let (worst_class, worst_class_error) = worst.ok_or(BoundError::NoSamples)?;
    let attained_by =
        (0..num_classes).filter(|&class| class_terms[class] == Some(weighted_worst_class_error)).collect();
    let class_bounds: Vec<f64> = weights.iter().map(|weight| weighted_worst_class_error / weight).collect();
    let term = |non_zeros: usize| (non_zeros as f64).sqrt() * spectral.upper;
    let class_spectral_terms: Vec<f64> = column_non_zeros.iter().map(|&non_zeros| term(non_zeros)).collect();
    let sparse_spectral_term = class_spectral_terms.iter().copied().fold(0.0, f64::max);
    let spectral_term = term(num_classes - 1);
    let mut class_steps = class_terms.iter().zip(&class_spectral_terms);
    Ok(Chain {
        attained_by,
        worst_class,
        worst_class_error,
        ratio_at_worst: (worst_class_error > 0.0).then(|| class_bounds[worst_class] / worst_class_error),
        ratio_limit: largest_weight / weights[worst_class],
        class_steps_hold: class_steps.all(|(term, bound)| term.is_none_or(|term| term <= bound * CHAIN_SLACK)),
        sparse_step_holds: weighted_worst_class_error <= sparse_spectral_term * CHAIN_SLACK,
        spectral_step_holds: weighted_worst_class_error <= spectral_term * CHAIN_SLACK,
        class_terms,
        weighted_worst_class_error,
        class_bounds,
        class_spectral_terms,
        sparse_spectral_term,
        spectral_term,
    })
}

/// nu = ‖M‖₁ / ‖M‖₂ as an interval that contains it, from the float one-norm and the enclosure of
/// the spectral norm; `None` for the zero matrix, where nu is undefined. An enclosure whose lower
/// end is 0 gives an infinite upper end. What one pass says of nu without a spectral norm:
/// [`nu_range`](super::nu_range).
///
/// `column_non_zeros` is s, the most non-zeros in a column. Adding s terms, each within 2u of its
/// exact value (4u for counts from 2^53 on), gives ‖M‖₁ up to a factor 1 ± (s+3)u; the stored
/// matrix's norm is within 4u (S4), two more operations and the rounding of the factor itself add
/// 3u: s + 12 is ample.
///
/// # Errors
/// [`BoundError::Value`] for a one-norm that is negative or not finite; [`BoundError::Interval`].
pub fn nu(one_norm: f64, column_non_zeros: usize, spectral: Interval) -> Result<Option<Interval>, BoundError> {
    super::error::check_non_negative("one-norm", one_norm)?;
    spectral.check_norm()?;
    if one_norm == 0.0 || spectral.upper == 0.0 {
        return Ok(None);
    }
    let slack = (column_non_zeros as f64 + 12.0) * UNIT_ROUNDOFF;
    let lower = (one_norm / spectral.upper) * (1.0 - slack);
    let upper = if spectral.lower > 0.0 { (one_norm / spectral.lower) * (1.0 + slack) } else { f64::INFINITY };
    Ok(Some(Interval { lower, upper }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class_errors::of;

    fn exactly(norm: f64) -> Interval {
        Interval { lower: norm, upper: norm }
    }

    #[test]
    fn one_full_column_attains_s3() {
        // Every sample of class 0 goes evenly to the four others: ‖M‖₁ = 1, ‖M‖₂ = 1/2 = 1/sqrt(K-1).
        let chain = chain(&[1.0; 5], of(&[8, 0, 0, 0, 0], &[8, 8, 8, 8, 0]), exactly(0.5), &[4, 0, 0, 0, 0]).unwrap();
        assert_eq!((chain.weighted_worst_class_error, chain.spectral_term), (1.0, 1.0));
        assert_eq!(chain.class_terms[4], None);
        assert!(chain.holds());
        let too_small = super::chain(&[1.0; 5], of(&[8, 0, 0, 0, 0], &[8; 5]), exactly(0.5 - 1e-15), &[4; 5]).unwrap();
        assert!(!too_small.holds());
    }

    #[test]
    fn the_worst_class_need_not_be_the_weighted_one() {
        let chain = chain(&[1.0, 3.0], of(&[4, 2], &[10, 10]), exactly(0.6), &[1, 1]).unwrap();
        assert_eq!((chain.worst_class, &chain.attained_by[..]), (0, &[1][..]));
        approx::assert_relative_eq!(chain.ratio_at_worst.unwrap(), 1.5, max_relative = 1e-15);
        assert_eq!(chain.ratio_limit, 3.0);
        assert!(chain.holds());
    }

    #[test]
    fn every_field_by_hand() {
        // Errors 1/4, 1/2, 1/2 and 0: classes 1 and 2 are the worst, 2 and 0 the weighted worst; class 4 has no sample.
        let chain =
            chain(&[4.0, 0.5, 2.0, 1.0, 8.0], of(&[1, 2, 4, 0, 0], &[4, 4, 8, 9, 0]), exactly(0.75), &[1, 1, 1, 0, 0])
                .unwrap();
        assert_eq!(chain.class_terms, [Some(1.0), Some(0.25), Some(1.0), Some(0.0), None]);
        assert_eq!((chain.weighted_worst_class_error, &chain.attained_by[..]), (1.0, &[0, 2][..]));
        assert_eq!(chain.class_bounds, [0.25, 2.0, 0.5, 1.0, 0.125]);
        assert_eq!((chain.worst_class, chain.worst_class_error), (1, 0.5));
        assert_eq!((chain.ratio_at_worst, chain.ratio_limit), (Some(4.0), 8.0));
        assert_eq!((chain.sparse_spectral_term, chain.spectral_term), (0.75, 1.5));
        assert_eq!(chain.class_spectral_terms, [0.75, 0.75, 0.75, 0.0, 0.0]);
        assert_eq!((chain.sparse_step_holds, chain.spectral_step_holds, chain.holds()), (false, true, false));
    }

    #[test]
    fn the_steps_have_a_slack_of_16u() {
        // WCE = 1; s = 1, so that sqrt(s) upper is the upper end itself.
        let step = |upper| chain(&[1.0; 2], of(&[1, 0], &[1, 1]), exactly(upper), &[1, 0]).unwrap();
        let (within, beyond) = (1.0 - 16.0 * UNIT_ROUNDOFF, 1.0 - 18.0 * UNIT_ROUNDOFF);
        let steps = |chain: Chain| (chain.class_steps_hold, chain.sparse_step_holds, chain.spectral_step_holds);
        assert_eq!((steps(step(within)), steps(step(beyond))), ((true, true, true), (false, false, false)));
    }

    #[test]
    fn without_an_error_there_is_no_ratio() {
        let chain = chain(&[2.0, 1.0], of(&[0, 0], &[1, 1]), exactly(0.0), &[0, 0]).unwrap();
        assert_eq!((chain.ratio_at_worst, chain.worst_class, &chain.attained_by[..]), (None, 0, &[0, 1][..]));
        assert!(chain.holds());
    }

    #[test]
    fn nu_is_undefined_at_zero_and_encloses_otherwise() {
        assert_eq!(nu(0.0, 0, exactly(0.0)).unwrap(), None);
        let enclosure = nu(1.0, 4, Interval { lower: 0.5 - 1e-9, upper: 0.5 }).unwrap().unwrap();
        assert!(enclosure.lower < 2.0 && 2.0 < enclosure.upper && enclosure.upper - enclosure.lower < 1e-8);
        let exact = nu(1.0, 4, exactly(0.5)).unwrap().unwrap();
        let slack = 16.0 * UNIT_ROUNDOFF;
        assert_eq!((exact.lower, exact.upper), (2.0 * (1.0 - slack), 2.0 * (1.0 + slack)));
        for zero in [0.0, -0.0] {
            assert_eq!(nu(1.0, 4, Interval { lower: zero, upper: 0.5 }).unwrap().unwrap().upper, f64::INFINITY);
        }
        assert_eq!(nu(0.0, 0, Interval { lower: 0.0, upper: 1e-300 }).unwrap(), None);
        assert_eq!(nu(1e-300, 1, exactly(0.0)).unwrap(), None);
        assert!(nu(f64::NAN, 1, exactly(1.0)).is_err());
    }

    #[test]
    fn every_class_has_its_own_step() {
        // Class 0 errs on one of two and class 1 on all, four ways: norm of columns (1/2) and (1/4, 1/4, 1/4, 1/4) on
        // other rows.
        let at = |class_zero| {
            chain(&[1.0; 6], of(&[1, 4, 0, 0, 0, 0], &[2, 4, 1, 1, 1, 0]), exactly(0.5), &[class_zero, 4, 0, 0, 0, 5])
                .unwrap()
        };
        assert_eq!(at(1).class_spectral_terms[..2], [0.5, 1.0]);
        assert_eq!((at(1).sparse_spectral_term, at(1).holds()), (0.5 * 5f64.sqrt(), true));
        // No entry in column 0 and errors in it: numbers of two matrices.
        assert_eq!((at(0).class_steps_hold, at(0).sparse_step_holds, at(0).holds()), (false, true, false));
    }

    #[test]
    fn counts_that_are_rounded_are_within_the_slack() {
        // 2^53 + 1 images of class 0 in each of three predicted classes: each entry rounds down to 2^53/n, their sum 3
        // 2^53 + 3 up by 1. The stored column has length √3 2^53/n, so that sqrt(s) times it is 3 2^53/n.
        let (part, n) = ((1u64 << 53) + 1, 1u64 << 55);
        let norm = 3f64.sqrt() * (part as f64 / n as f64);
        let chain = chain(&[1.0; 4], of(&[3 * part, 0, 0, 0], &[n, 1, 1, 1]), exactly(norm), &[3, 0, 0, 0]).unwrap();
        assert!(chain.weighted_worst_class_error > chain.spectral_term, "no rounding to allow for");
        assert!(chain.holds());
    }

    #[test]
    fn bad_input_is_named() {
        let at = |weights: &[f64], errors: &[u64], counts: &[u64], norm, s| {
            chain(weights, ClassErrors { errors, counts }, norm, &vec![s; counts.len()])
        };
        assert_eq!(at(&[1.0; 2], &[0, 0], &[0, 0], exactly(0.0), 0).unwrap_err(), BoundError::NoSamples);
        assert!(matches!(
            at(&[1.0, f64::INFINITY], &[0, 0], &[1, 1], exactly(0.0), 0),
            Err(BoundError::Weight { class: 1, .. })
        ));
        assert!(matches!(at(&[1.0; 2], &[0, 0], &[1, 1], exactly(f64::NAN), 0), Err(BoundError::Interval { .. })));
        assert_eq!(
            chain(&[1.0; 2], of(&[0, 0], &[1, 1]), exactly(0.0), &[1, 2]).unwrap_err(),
            BoundError::ColumnNonZeros { class: 1, non_zeros: 2, num_classes: 2 }
        );
        assert!(matches!(
            chain(&[1.0; 2], of(&[0, 0], &[1, 1]), exactly(0.0), &[1]),
            Err(BoundError::Length { expected: 2, got: 1, .. })
        ));
    }
}
