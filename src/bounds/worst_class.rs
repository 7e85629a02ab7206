//! T5': the worst class by itself: the largest error of any class, WCE, and which class it can be.
//!
//! ```text
//! max_j λ_j e_j <= max_j λ_j u_j(α)                                        with probability >= 1 − α: no factor K
//! max_j λ_j e_j >= sup{t : p_(i)(t) <= i α/K for some i}                   with probability >= 1 − α (Simes 1986)
//!                  p_j(t) = P(Bin(n_j, t/λ_j) >= k_j), p_(1) <= ... <= p_(K) in order of size
//! W = {j : no i has Fisher's exact p-value of "e_i <= e_j" <= δ/(K−1)}     holds argmax e_j with probability >= 1 − δ
//! for K >= 100 and N = Σ n_j < 10 K: Simes at α/2, and at α/2 all samples together (Hoeffding 1956),
//!                  P(Bin(N, Σ n_j min(t/λ_j, 1) / N) >= Σ k_j), which see what no single class can show
//! ```
//! with u_j(α) the one-sided Clopper-Pearson limit. The class that attains the maximum is not
//! random, so that the upper limit of that one class alone has to hold. λ = 1 gives the largest
//! error itself. Model and weights are fixed before the samples are seen; with M models compared δ
//! becomes δ/M. A class without samples has u_j = 1 and may be the worst.

use super::alike::Alike;
use super::binomial::upper_tail_above;
use super::bisection::neighbours;
use super::clopper_pearson::{MOST_SAMPLES, check_test_errors, lower_limit, share_of, upper_limit};
use super::error::{check_delta, check_length, check_not_empty, check_weights};
use super::holm::holm;
use super::masses::hypergeometric_masses;
use super::{BoundError, Interval};
use crate::ClassErrors;

/// Each class is compared with this many others at most: those whose errors are largest for
/// certain. Comparing with fewer only leaves more candidates.
const MOST_RIVALS: usize = 64;

/// The interval of max_j λ_j e_j: WCE (D4) for the class weights, the largest error of any class
/// for weights of 1. It holds with probability at least 1 − `delta`, over `models_compared` models
/// too.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Length`], [`BoundError::Weight`],
/// [`BoundError::MoreErrorsThanSamples`], [`BoundError::TooManySamples`], [`BoundError::Delta`];
/// [`BoundError::Empty`] for no model.
pub fn weighted_worst_class_interval(
    weights: &[f64],
    of: ClassErrors<'_>,
    delta: f64,
    models_compared: usize,
) -> Result<Interval, BoundError> {
    check_test_errors(of)?;
    check_length("weights", of.counts.len(), weights.len())?;
    check_weights(weights)?;
    let alpha = (0.5 * of_one_model(delta, models_compared)?).min(LARGEST_ALPHA);
    let upper = largest_upper_limit(weights, of, alpha);
    Ok(Interval { lower: lower_end(weights, of, alpha).min(upper), upper })
}

/// The interval of max_j e_j, the largest error of any class: [`weighted_worst_class_interval`]
/// with weights of 1.
///
/// # Errors
/// As [`weighted_worst_class_interval`].
pub fn worst_class_interval(of: ClassErrors<'_>, delta: f64, models_compared: usize) -> Result<Interval, BoundError> {
    weighted_worst_class_interval(&vec![1.0; of.counts.len()], of, delta, models_compared)
}

/// The one-sided certificate max_j u_j(δ/M): "no class has an error above this".
///
/// # Errors
/// As [`weighted_worst_class_interval`].
pub fn worst_class_certificate(of: ClassErrors<'_>, delta: f64, models_compared: usize) -> Result<f64, BoundError> {
    check_test_errors(of)?;
    let alpha = of_one_model(delta, models_compared)?.min(LARGEST_ALPHA);
    Ok(largest_upper_limit(&vec![1.0; of.counts.len()], of, alpha))
}

/// The classes that can be the worst, ascending: W holds any one class of the largest error with
/// probability at least 1 − `delta`.
///
/// A class is left out if Fisher's test finds another one's error larger. Only the comparisons of
/// the worst class with the K−1 others must not fail, so only those are paid for. Where several
/// classes share the largest error, each of them is in W with that probability, all of them at once
/// need not be.
///
/// # Errors
/// As [`worst_class_interval`].
pub fn worst_class_candidates(
    of: ClassErrors<'_>,
    delta: f64,
    models_compared: usize,
) -> Result<Vec<usize>, BoundError> {
    check_test_errors(of)?;
    let ClassErrors { errors, counts } = of;
    let num_classes = counts.len();
    let level = share_of(of_one_model(delta, models_compared)?, (num_classes - 1) as f64)?;
    let alike = Alike::of(of.classes());
    let limits: Vec<f64> = alike.values.iter().map(|&(k, n)| lower_limit(k, n, level.min(LARGEST_ALPHA))).collect();
    let mut rivals: Vec<(usize, f64)> = alike.by_class(&limits).copied().enumerate().collect();
    rivals.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    rivals.truncate(MOST_RIVALS);
    let rivals = Alike::of(rivals.iter().map(|&(rival, _)| (errors[rival], counts[rival]))).values;
    let is_beaten = |&(errors, samples): &(u64, u64)| {
        rivals.iter().any(|&(more, of)| {
            // Fisher's test cannot find a smaller share larger.
            let larger = u128::from(more) * u128::from(samples) > u128::from(errors) * u128::from(of);
            larger && fisher(more, of, errors, samples) * (1.0 + FISHER_ERROR) <= level
        })
    };
    let beaten: Vec<bool> = alike.values.iter().map(is_beaten).collect();
    Ok(alike.by_class(&beaten).enumerate().filter(|&(_, beaten)| !beaten).map(|(class, _)| class).collect())
}

/// The classes whose error exceeds `level`, ascending, by Holm's method (1979) on the exact
/// binomial p-values of "e_j
/// <= level": with probability at least 1 − `delta` none of them is named wrongly.
///
/// # Errors
/// As [`worst_class_interval`]; [`BoundError::Value`] for a level outside [0, 1].
pub fn classes_above(
    of: ClassErrors<'_>,
    level: f64,
    delta: f64,
    models_compared: usize,
) -> Result<Vec<usize>, BoundError> {
    check_test_errors(of)?;
    super::error::check_share("level", level)?;
    let delta = of_one_model(delta, models_compared)?;
    let alike = Alike::of(of.classes());
    let tails: Vec<f64> = alike.values.iter().map(|&(k, n)| upper_tail_above(k, n, level)).collect();
    let p_values: Vec<f64> = alike.by_class(&tails).copied().collect();
    let adjusted = holm(&p_values);
    Ok((0..p_values.len()).filter(|&class| adjusted[class] <= delta).collect())
}

/// P(Hyp(n_i + n_j, k_i + k_j, n_i) >= k_i): small if class i has the larger error.
fn fisher(errors_i: u64, samples_i: u64, errors_j: u64, samples_j: u64) -> f64 {
    let masses = hypergeometric_masses(samples_i + samples_j, errors_i + errors_j, samples_i);
    masses[errors_i as usize..].iter().rev().sum()
}

/// (λ_j by its bits, k_j, n_j) of each class.
fn weighted_classes(weights: &[f64], of: ClassErrors<'_>) -> Alike<(u64, u64, u64)> {
    Alike::of(weights.iter().zip(of.classes()).map(|(weight, (errors, samples))| (weight.to_bits(), errors, samples)))
}

fn largest_upper_limit(weights: &[f64], of: ClassErrors<'_>, alpha: f64) -> f64 {
    let limits = weighted_classes(weights, of).values.into_iter().map(|(weight, errors, samples)| {
        let weight = f64::from_bits(weight);
        (weight * upper_limit(errors, samples, alpha)).next_up().min(weight)
    });
    limits.fold(0.0, f64::max)
}

/// The largest t that Simes' test rejects, or where classes have few samples the test of all
/// together, by bisection from below: what they reject is an interval from 0 on, as the p-values
/// grow with t.
fn lower_end(weights: &[f64], of: ClassErrors<'_>, alpha: f64) -> f64 {
    let ClassErrors { errors, counts } = of;
    let num_classes = counts.len() as f64;
    let (wrong, samples): (u64, u64) = (errors.iter().sum(), counts.iter().sum());
    let sparse = counts.len() >= MANY_CLASSES && samples < FEW_SAMPLES * counts.len() as u64 && samples <= MOST_SAMPLES;
    let alpha = if sparse { 0.5 * alpha } else { alpha };
    let alike = weighted_classes(weights, of);
    // Of a class without an error the p-value is 1, which no level reaches.
    let tested: Vec<(f64, u64, u64, usize)> = alike
        .values
        .iter()
        .zip(alike.classes())
        .filter(|((_, errors, _), _)| *errors > 0)
        .map(|(&(weight, errors, samples), classes)| (f64::from_bits(weight), errors, samples, classes))
        .collect();
    let share = |t: f64, weight: f64| (t / weight).min(1.0);
    let together = |t: f64| {
        let shares: Vec<f64> = alike.values.iter().map(|&(weight, ..)| share(t, f64::from_bits(weight))).collect();
        let of_classes = alike.by_class(&shares).zip(counts);
        let mean = of_classes.map(|(share, &count)| share * count as f64).sum::<f64>() / samples as f64;
        // Rounded upwards: a sum of K products, and a quotient.
        let mean = (mean * (1.0 + (num_classes + 2.0) * f64::EPSILON)).min(1.0);
        wrong as f64 > samples as f64 * mean + 1.0 && upper_tail_above(wrong, samples, mean) <= alpha
    };
    let rejected = |t: f64| {
        let mut p_values: Vec<(f64, usize)> =
            tested.iter().map(|&(weight, k, n, classes)| (upper_tail_above(k, n, share(t, weight)), classes)).collect();
        p_values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut rank = 0;
        let simes = p_values.iter().any(|&(p, classes)| {
            rank += classes;
            p <= rank as f64 * alpha / num_classes
        });
        // With one error at the most, no mean is below it by more than 1.
        simes || sparse && wrong > 1 && together(t)
    };
    neighbours(0.0, weights.iter().copied().fold(0.0, f64::max), rejected).0
}

/// Of so many classes with fewer samples each than this, in the mean, no single one shows much, and
/// all together are asked as well. The rule looks at the numbers of samples alone.
const MANY_CLASSES: usize = 100;
const FEW_SAMPLES: u64 = 10;
/// Limits are computed for at most this a side; with less they are only wider.
const LARGEST_ALPHA: f64 = 0.25;
/// Relative error allowed to a sum of masses; they are right to a few u for each of the √n steps
/// from the mode that count.
const FISHER_ERROR: f64 = 1e-9;

/// δ/M.
fn of_one_model(delta: f64, models_compared: usize) -> Result<f64, BoundError> {
    check_delta(delta)?;
    check_not_empty("models compared", models_compared)?;
    share_of(delta, models_compared as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::clopper_pearson;
    use crate::class_errors::of;

    fn errors_of_ten(worst: u64) -> [u64; 10] {
        [worst, 100, 100, 100, 100, 100, 100, 100, 100, 100]
    }

    #[test]
    fn no_factor_k_above_and_simes_below() {
        // python: beta.isf(.025, 377, 624); the t at which the smallest of the ten binom.sf(k - 1, 1000, t) is .025/10
        let interval = worst_class_interval(of(&errors_of_ten(376), &[1000; 10]), 0.05, 1).unwrap();
        approx::assert_relative_eq!(interval.upper, 0.4068513760241379, epsilon = 1.1e-10);
        approx::assert_relative_eq!(interval.lower, 0.3333004061531951, max_relative = 1e-8);
        let certificate = worst_class_certificate(of(&errors_of_ten(376), &[1000; 10]), 0.05, 1).unwrap();
        approx::assert_relative_eq!(certificate, 0.4019427156497017, epsilon = 1.1e-10);
        // No error anywhere: 1 - 0.05^(1/100).
        let clean = worst_class_certificate(of(&[0; 100], &[100; 100]), 0.05, 1).unwrap();
        approx::assert_relative_eq!(clean, 0.029513049607037932, max_relative = 1e-12);
        assert_eq!(worst_class_interval(of(&[0; 100], &[100; 100]), 0.05, 1).unwrap().lower, 0.0);
        assert_eq!(worst_class_certificate(of(&[100, 0], &[100; 2]), 0.05, 1).unwrap(), 1.0);
        // No error exceeds 1, nor does its limit.
        assert_eq!(worst_class_interval(of(&[3, 0], &[3, 3]), 0.05, 1).unwrap().upper, 1.0);
        // Each side may have a quarter, so that the interval has delta = 1/2 and the certificate 1/4.
        let half = worst_class_interval(of(&[40, 0], &[100, 100]), 0.5, 1).unwrap();
        assert_eq!(half, worst_class_interval(of(&[40, 0], &[100, 100]), 0.9, 1).unwrap());
        approx::assert_relative_eq!(half.upper, upper_limit(40, 100, 0.25), max_relative = 1e-15);
    }

    #[test]
    fn simes_is_never_below_bonferroni_and_uses_several_classes() {
        let bonferroni = |errors: u64, classes: f64| clopper_pearson(errors, 100, 0.025 / classes, 0.1).unwrap().lower;
        let alone = worst_class_interval(of(&[60, 0, 0, 0], &[100; 4]), 0.05, 1).unwrap().lower;
        approx::assert_relative_eq!(alone, bonferroni(60, 4.0), max_relative = 1e-8);
        // Four equal classes: p_(4) = p <= alpha decides, without a factor K.
        let equal = worst_class_interval(of(&[60; 4], &[100; 4]), 0.05, 1).unwrap().lower;
        approx::assert_relative_eq!(equal, bonferroni(60, 1.0), max_relative = 1e-8);
        let two = worst_class_interval(of(&[60, 60, 0, 0], &[100; 4]), 0.05, 1).unwrap().lower;
        approx::assert_relative_eq!(two, bonferroni(60, 2.0), max_relative = 1e-8);
    }

    #[test]
    fn where_classes_have_few_samples_all_together_are_asked() {
        // One of three wrong in each of 1,000 classes: scipy.special.betaincinv(1000, 2001, .0125) is 0.3140918608...
        let together = 0.314_091_860_825;
        let interval = worst_class_interval(of(&[1; 1000], &[3; 1000]), 0.05, 1).unwrap();
        approx::assert_relative_eq!(interval.lower, together, max_relative = 1e-8);
        // Every tenth weight is 2: the mean share at t is (t/2 + 9 t)/10.
        let weights: Vec<f64> = (0..1000).map(|class| if class % 10 == 0 { 2.0 } else { 1.0 }).collect();
        let weighted = weighted_worst_class_interval(&weights, of(&[1; 1000], &[3; 1000]), 0.05, 1).unwrap();
        approx::assert_relative_eq!(weighted.lower, together / 0.95, max_relative = 1e-8);
        // With ten samples a class Simes has all of delta/2: 100 equal classes as one of them.
        let alone = clopper_pearson(5, 10, 0.025, 0.1).unwrap().lower;
        let dense = worst_class_interval(of(&[5; 100], &[10; 100]), 0.05, 1).unwrap().lower;
        approx::assert_relative_eq!(dense, alone, max_relative = 1e-8);
        // One class wrong three times of three, 99 right: Simes at delta/4.
        let mut errors = [0; 100];
        errors[4] = 3;
        let single = worst_class_interval(of(&errors, &[3; 100]), 0.05, 1).unwrap().lower;
        approx::assert_relative_eq!(single, (0.0125_f64 / 100.0).powf(1.0 / 3.0), max_relative = 1e-8);
    }

    #[test]
    fn weights_scale_and_models_share_delta() {
        let weighted = weighted_worst_class_interval(&[1.0, 3.0], of(&[60, 40], &[100; 2]), 0.05, 2).unwrap();
        let (lower, upper) =
            (3.0 * super::super::clopper_pearson::lower_limit(40, 100, 0.00625), 3.0 * upper_limit(40, 100, 0.0125));
        approx::assert_relative_eq!(weighted.lower, lower, max_relative = 1e-7);
        approx::assert_relative_eq!(weighted.upper, upper, max_relative = 1e-15);
        // A class without samples may have an error of 1.
        let unseen = weighted_worst_class_interval(&[1.0, 3.0], of(&[60, 0], &[100, 0]), 0.05, 1).unwrap();
        approx::assert_relative_eq!(unseen.upper, 3.0, max_relative = 1e-15);
        assert!(unseen.lower > 0.4 && unseen.lower < 0.6);
        // Limits exist for 1/4 a side: a larger delta gives those.
        let loose = worst_class_certificate(of(&[6, 4], &[10; 2]), 0.9, 1).unwrap();
        approx::assert_relative_eq!(loose, upper_limit(6, 10, 0.25), max_relative = 1e-15);
    }

    #[test]
    fn candidates_by_fishers_test() {
        // scipy.stats.hypergeom.sf(59, 200, 60 + k, 100) = 0.0168, 0.0235, 0.0325 for k = 44, 45, 46.
        let found =
            |second: u64, delta: f64| worst_class_candidates(of(&[60, second, 20], &[100; 3]), delta, 1).unwrap();
        assert_eq!(found(44, 0.05), [0]);
        assert_eq!(found(45, 0.05), [0]);
        assert_eq!(found(46, 0.05), [0, 1]);
        assert_eq!(found(44, 0.03), [0, 1]);
        assert_eq!(worst_class_candidates(of(&[60, 44, 20], &[100; 3]), 0.05, 2).unwrap(), [0, 1]);
        // One of one against none of one: a p-value of exactly 1/2 is within its rounding of a level of 1/2.
        assert_eq!(worst_class_candidates(of(&[1, 0], &[1; 2]), 0.5, 1).unwrap(), [0, 1]);
        assert_eq!(worst_class_candidates(of(&[1, 0], &[1; 2]), 0.5 + 1e-8, 1).unwrap(), [0]);
        // An equal share is not larger, whatever the level: Fisher's p-value is 5/6 here.
        assert_eq!(worst_class_candidates(of(&[1, 1], &[2; 2]), 0.9, 1).unwrap(), [0, 1]);
        // Nothing is known of a class without samples.
        assert_eq!(worst_class_candidates(of(&[60, 0, 0], &[100, 0, 100]), 0.05, 1).unwrap(), [0, 1]);
        assert_eq!(worst_class_candidates(of(&[0; 100], &[3; 100]), 0.05, 1).unwrap().len(), 100);
    }

    #[test]
    fn many_classes_have_few_rivals() {
        let mut errors = vec![1; 300];
        errors[7] = 90;
        assert_eq!(worst_class_candidates(of(&errors, &[100; 300]), 0.05, 1).unwrap(), [7]);
        // 70 alike and one below: the rivals are 64 of the 70.
        let mut errors = vec![90; 71];
        errors[70] = 1;
        assert_eq!(worst_class_candidates(of(&errors, &[100; 71]), 0.05, 1).unwrap(), (0..70).collect::<Vec<_>>());
    }

    #[test]
    fn classes_above_a_level_by_holm() {
        // binom.sf(k - 1, 100, .5): 60 -> 0.0284, 65 -> 0.00176, 70 -> 3.9e-5; Holm: 3 p, 2 p, p.
        let above = |delta| classes_above(of(&[60, 70, 65], &[100; 3]), 0.5, delta, 1).unwrap();
        assert_eq!((above(0.05), above(0.02), above(0.001)), (vec![0, 1, 2], vec![1, 2], vec![1]));
        assert_eq!(classes_above(of(&[60, 70, 65], &[100; 3]), 0.5, 0.04, 2).unwrap(), [1, 2]);
        assert_eq!(classes_above(of(&[1, 0], &[1, 1]), 0.0, 0.05, 1).unwrap(), [0]);
        // A p-value of 0.5001.
        assert!(classes_above(of(&[5_000_000, 0], &[10_000_000; 2]), 0.5, 0.8, 1).unwrap().is_empty());
        assert_eq!(classes_above(of(&[1, 1], &[1, 1]), 1.0, 0.05, 1).unwrap(), [] as [usize; 0]);
    }

    #[test]
    fn bad_input_is_named() {
        assert!(matches!(worst_class_interval(of(&[1], &[2]), 0.05, 1), Err(BoundError::TooFewClasses { .. })));
        assert!(matches!(worst_class_interval(of(&[1], &[2, 2]), 0.05, 1), Err(BoundError::Length { .. })));
        assert!(matches!(
            worst_class_candidates(of(&[1, 3], &[2, 2]), 0.05, 1),
            Err(BoundError::MoreErrorsThanSamples { .. })
        ));
        assert!(matches!(worst_class_certificate(of(&[1, 1], &[2, 2]), 0.0, 1), Err(BoundError::Delta { .. })));
        assert!(matches!(worst_class_certificate(of(&[1, 1], &[2, 2]), 0.1, 0), Err(BoundError::Empty { .. })));
        assert!(matches!(classes_above(of(&[1, 1], &[2, 2]), 1.5, 0.1, 1), Err(BoundError::Value { .. })));
        assert!(matches!(
            weighted_worst_class_interval(&[1.0, 0.0], of(&[1, 1], &[2, 2]), 0.1, 1),
            Err(BoundError::Weight { .. })
        ));
        // Shares of delta that would be 0: a p-value of 0 would reject.
        for delta in [5e-324, 1e-307] {
            let error = worst_class_candidates(of(&[100, 0, 50], &[100; 3]), delta, 1000).unwrap_err();
            assert!(matches!(error, BoundError::Value { requirement: "at least 2.3e-308; take a larger delta", .. }));
            assert!(worst_class_interval(of(&[100, 0, 50], &[100; 3]), delta, 1000).is_err());
            assert!(classes_above(of(&[100, 0, 50], &[100; 3]), 0.1, delta, 1000).is_err());
        }
        let many = [2, super::super::MOST_SAMPLES + 1];
        assert!(matches!(
            worst_class_interval(of(&[1, 1], &many), 0.1, 1),
            Err(BoundError::TooManySamples { class: 1, .. })
        ));
    }
}
