//! T6': the population's spectral norm from held-out counts, by self-bounding above and by
//! Chernoff's bound below.
//!
//! ```text
//! each end with probability >= 1 − δ/2:
//! ‖C_DΛ‖₂ <= (√(bL/2) + √(‖ĈΛ‖₂ + bL/2))²,          b = max_j λ_j/n_j,  L = ln(2/δ)
//! ‖C_DΛ‖₂ >= μ, the root below X = uᵀĈΛv of  μ − X + X ln(X/μ) = b'L',
//!              b' = max_j(λ_j v_j/n_j) max_i u_i,  L' = ln(2N/δ)
//! ```
//! the largest such μ of N pairs of unit vectors u, v >= 0 that are fixed before the held-out
//! samples are seen: the vector of ones twice, top pairs of C_gΛ on the training images, of a
//! validation set. Pairs from a part of the held-out samples are fixed for the rest only.
//!
//! ‖ĈΛ‖₂ is too large on average, as a maximum of estimates is; so the upper end needs no bound of
//! the noise, which T6 pays for.

use super::bisection::neighbours;
use super::error::{check_delta, check_length};
use super::spectral_certificate::{a_priori_norm, upper_mean};
use super::{BoundError, Interval, Outcome, WeightedConfusions};

/// A pair of vectors (u over predicted classes, v over true classes), of any length: only their
/// directions count.
pub type VectorPair = (Vec<f64>, Vec<f64>);

/// The vector of ones for both: its quotient is the mean weighted error of the classes.
pub fn even_pair(num_classes: usize) -> VectorPair {
    (vec![1.0; num_classes], vec![1.0; num_classes])
}

/// T6': where ‖C_DΛ‖₂ lies with probability at least 1 − `delta`. `held_out` encloses ‖ĈΛ‖₂ of the
/// held-out samples `of`; `pairs` are fixed before these are seen (none: the lower end is 0).
///
/// Not applicable if a class has no held-out sample.
///
/// # Errors
/// [`BoundError::Delta`], [`BoundError::Interval`]; [`BoundError::Length`] for a pair of another
/// number of classes, [`BoundError::Value`] for one with an entry that is negative or not finite,
/// or of zeros.
pub fn self_bounding_interval(
    of: &WeightedConfusions<'_>,
    held_out: Interval,
    pairs: &[VectorPair],
    delta: f64,
) -> Result<Outcome<Interval>, BoundError> {
    let WeightedConfusions { weights, counts, entries, .. } = of;
    let num_classes = counts.len();
    check_delta(delta)?;
    held_out.check_norm()?;
    let pairs: Vec<(Vec<f64>, Vec<f64>)> = pairs
        .iter()
        .map(|(left, right)| Ok((unit("left vector", left, num_classes)?, unit("right vector", right, num_classes)?)))
        .collect::<Result<_, BoundError>>()?;

    if let Some(reason) = of.not_estimated() {
        return Ok(Outcome::NotApplicable(reason));
    }
    let mut quotients = vec![0.0; pairs.len()];
    for &(predicted, class, count) in entries {
        let entry = weights[class] * (count as f64 / counts[class] as f64);
        for (quotient, (left, right)) in quotients.iter_mut().zip(&pairs) {
            *quotient += left[predicted] * entry * right[class];
        }
    }

    let step = |class: usize| weights[class] / counts[class] as f64;
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let b = largest(&mut (0..num_classes).map(step));
    let upper = upper_mean(held_out.upper, b * (2.0 / delta).ln()) * (1.0 + ROUNDING);
    let union = (2.0 * pairs.len() as f64 / delta).ln();
    let lower = largest(&mut quotients.iter().zip(&pairs).map(|(&seen, (left, right))| {
        let b =
            largest(&mut (0..num_classes).map(|class| step(class) * right[class])) * largest(&mut left.iter().copied());
        // A sum of as many rounded products, and unit vectors that are longer than 1 by K roundings.
        let rounding = (entries.len() as f64 + 2.0 * num_classes as f64 + 64.0) * f64::EPSILON;
        chernoff_lower(seen * (1.0 - rounding).max(0.0), b * union)
    }));
    let upper = upper.min(a_priori_norm(weights));
    Ok(Outcome::Applies(Interval { lower: (lower * (1.0 - ROUNDING)).min(upper), upper }))
}

/// More than the roundings of a few products, relatively.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// The root μ below X = `seen` of μ − X + X ln(X/μ) = `scale`, from below: X r with r − 1 − ln r =
/// `scale`/X. 0 for X = 0 and below the smallest normal float.
fn chernoff_lower(seen: f64, scale: f64) -> f64 {
    // r − 1 and ln r nearly cancel: each carries a few u.
    let needed = scale / seen * (1.0 + ROUNDING) + 8.0 * f64::EPSILON;
    let (ratio, _) = neighbours(0.0, 1.0, |ratio| ratio - 1.0 - ratio.ln() >= needed);
    let mean = seen * ratio;
    if mean.is_normal() { mean } else { 0.0 }
}

fn unit(what: &'static str, vector: &[f64], num_classes: usize) -> Result<Vec<f64>, BoundError> {
    check_length(what, num_classes, vector.len())?;
    let bad = |value| Err(BoundError::Value { what, value, requirement: "finite, not negative and not all zeros" });
    if let Some(&value) = vector.iter().find(|value| !(**value >= 0.0 && value.is_finite())) {
        return bad(value);
    }
    let largest = vector.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return bad(0.0);
    }
    let norm = vector.iter().map(|value| (value / largest).powi(2)).sum::<f64>().sqrt();
    Ok(vector.iter().map(|value| value / largest / norm).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::NotApplicable;

    fn exactly(norm: f64) -> Interval {
        Interval { lower: norm, upper: norm }
    }

    fn at(
        weights: &[f64],
        counts: &[u64],
        confusions: impl IntoIterator<Item = (usize, usize, u64)>,
        norm: f64,
        pairs: &[VectorPair],
        delta: f64,
    ) -> Interval {
        let of = WeightedConfusions::new(weights, counts, confusions).unwrap();
        *self_bounding_interval(&of, exactly(norm), pairs, delta).unwrap().value().unwrap()
    }

    /// Class j of 100 loses `errors` of its 100 images, one each to the next classes: ĈΛ is a
    /// circulant of norm errors/100.
    fn spread(errors: usize) -> Vec<(usize, usize, u64)> {
        (0..100).flat_map(|j| (1..=errors).map(move |step| ((j + step) % 100, j, 1))).collect()
    }

    #[test]
    fn hundred_classes_of_hundred() {
        let interval = at(&[1.0; 100], &[100; 100], spread(50), 0.5, &[even_pair(100)], 0.05);
        // python: b, L = .01, log(40); (sqrt(b*L/2) + sqrt(.5 + b*L/2))**2
        approx::assert_relative_eq!(interval.upper, 0.7324637870730011, max_relative = 1e-12);
        // python: brentq(lambda m: m - .5 + .5*log(.5/m) - 1e-4*log(40), 1e-9, .5): b' = 1/100 * 1/10 * 1/10
        approx::assert_relative_eq!(interval.lower, 0.48103867820346774, max_relative = 1e-11);
    }

    #[test]
    fn every_pair_costs_and_the_best_counts() {
        // Two classes, 10 images each, weights 2 and 1: 6 of class 0 wrong, 1 of class 1.
        let (weights, counts, confusions) = ([2.0, 1.0], [10, 10], [(1, 0, 6), (0, 1, 1)]);
        let lower = |pairs: &[VectorPair]| at(&weights, &counts, confusions, 1.2, pairs, 0.2).lower;
        let aimed = (vec![0.0, 3.0], vec![0.5, 0.0]);
        // u = 1_1, v = 1_0: X = 1.2, b' = 0.2. python: brentq(lambda m: m - 1.2 + 1.2*log(1.2/m) - .2*log(N/.1), 1e-9,
        // 1.2)
        approx::assert_relative_eq!(lower(std::slice::from_ref(&aimed)), 0.43057743690902905, max_relative = 1e-11);
        approx::assert_relative_eq!(lower(&[even_pair(2), aimed]), 0.36242053476443264, max_relative = 1e-11);
        assert_eq!(lower(&[]), 0.0);
        // Nearly nothing seen: the root, about X exp(-b'L'/X), is no float.
        assert_eq!(lower(&[(vec![1.0, 1e-9], vec![1.0, 1e-9])]), 0.0);
    }

    #[test]
    fn cut_at_what_no_matrix_exceeds() {
        let found = at(&[1.0; 2], &[3, 3], [(1, 0, 3)], 1.0, &[even_pair(2)], 0.05);
        assert_eq!(found.upper, a_priori_norm(&[1.0; 2]));
        let Interval { lower, upper } = at(&[1.0; 2], &[1000; 2], [], 0.0, &[even_pair(2)], 0.05);
        assert_eq!(lower, 0.0);
        // python: (2*sqrt(1e-3*log(40)/2))**2
        approx::assert_relative_eq!(upper, 0.007377758908227871, max_relative = 1e-12);
    }

    #[test]
    fn the_ends_are_moved_outwards_by_what_rounding_can_do() {
        let upper = at(&[1.0; 2], &[1000; 2], [], 0.0, &[], 0.05).upper / (2e-3 * 40f64.ln()) - 1.0;
        assert!((60.0..68.0).contains(&(upper / f64::EPSILON)), "{upper:e}");
        let aimed = (vec![0.0, 1.0], vec![1.0, 0.0]);
        let found = at(&[2.0, 1.0], &[10; 2], [(1, 0, 6)], 1.2, &[aimed], 0.2);
        // mpmath: X = mpf(6)/5; findroot(lambda m: m - X + X*log(X/m) - log(10)/5, .43)
        let lower = 1.0 - found.lower / 0.430577436909029;
        // r = 0.36, s = 0.38: 64 directly, 69 (1 + s/(1 − r)) by X, (8 + 64 s)/(1 − r) by the equation: 226.
        assert!((215.0..240.0).contains(&(lower / f64::EPSILON)), "{lower:e}");
    }

    #[test]
    fn what_rounding_can_do_grows_with_terms_and_classes() {
        let lower = |num_classes: usize, terms: usize| {
            let unit = |class: usize| (0..num_classes).map(|j| f64::from(j == class)).collect();
            let confusions = std::iter::once((1, 0, 500)).chain((1..terms).map(|_| (1, 0, 0)));
            let (weights, counts) = (vec![1.0; num_classes], vec![1000; num_classes]);
            at(&weights, &counts, confusions, 0.5, &[(unit(1), unit(0))], 0.05).lower
        };
        let least = lower(2, 1);
        // d ln μ / d ln X
        let ratio = 0.5 / least;
        let power = ratio * ratio.ln() / (ratio - 1.0);
        for (found, roundings) in [(lower(2, 100_001), 1e5), (lower(50_002, 1), 1e5)] {
            let moved = (1.0 - found / least) / power / f64::EPSILON;
            assert!((moved / roundings - 1.0).abs() < 1e-3, "{moved}");
        }
    }

    #[test]
    fn a_pair_that_hardly_sees_an_error_ends() {
        // One error among 10^6 images of class 0, on which the pair has a weight of 1e-12: the root underflows.
        let pair = (vec![1.0, 1.0], vec![1e-12, 1.0]);
        assert_eq!(at(&[1.0; 2], &[1_000_000, 10], [(1, 0, 1)], 1e-6, &[pair], 0.05).lower, 0.0);
    }

    #[test]
    fn reasons_and_errors() {
        let at = |counts: &[u64], pairs: &[VectorPair]| {
            let of = WeightedConfusions::new(&[1.0; 2], counts, []).unwrap();
            self_bounding_interval(&of, exactly(0.5), pairs, 0.05)
        };
        let reason = at(&[3, 0], &[]).unwrap().reason();
        assert_eq!(reason, Some(NotApplicable::ClassWithoutSamples { class: 1 }));
        for bad in [vec![0.0; 2], vec![1.0, -1.0], vec![f64::NAN, 1.0], vec![1.0, f64::INFINITY]] {
            assert!(matches!(at(&[3, 3], &[(bad.clone(), vec![1.0; 2])]), Err(BoundError::Value { .. })), "{bad:?}");
            assert!(matches!(at(&[3, 3], &[(vec![1.0; 2], bad)]), Err(BoundError::Value { .. })));
        }
        assert!(matches!(at(&[3, 3], &[even_pair(3)]), Err(BoundError::Length { .. })));
    }
}
