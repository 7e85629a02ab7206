//! T10: how much too large max_j k_j/n_j is as an estimate of the worst class's error, without
//! simulation.
//!
//! The class whose estimate is largest is partly the class with the worst luck: E max_j ê_j >=
//! max_j e_j, with a gap that grows with the number of classes whose errors are near the largest.
//! Two estimates of it, both computed exactly:
//!
//! ```text
//! bootstrap    E max_j X_j/n_j − max_j k_j/n_j,   X_j ~ Bin(n_j, k_j/n_j) independent:
//!              the bias if the truth were k_j/n_j
//! half split   h_j = ⌊n_j/2⌋ of the images of each class, drawn without replacement, pick the class J; then
//!              picking = E max_j X_j/h_j,   held back = E (k_J − X_J)/(n_J − h_J),   X_j ~ Hyp(n_j, k_j, h_j)
//! ```
//! Over draws of the held-out images, **E held back <= max_j e_j <= E max_j k_j/n_j**: `held_back`
//! is an unbiased estimate of the mean error of the class that half of the images pick, and
//! `picking − held_back` of how much the picking half flatters itself, which is more than all
//! images do. The bootstrap's estimate is too small where many classes are nearly tied (about 0.4
//! of the bias at a hundred equal errors), because the estimates are spread wider than the truth.
//! Neither is a confidence bound: the interval of the worst class's error is T5'.
//!
//! E max is the sum over the values v that some class can take of v (F(v) − F(v−)), F the product
//! of the classes' distribution functions.

use super::BoundError;
use super::clopper_pearson::check_test_errors;
use super::masses::{binomial_masses, hypergeometric_masses};
use crate::ClassErrors;

/// The error of the class that a random half of the images picks, on both halves; means over all
/// splits.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct HalfSplit {
    /// Mean of the picked class's error on the half that picked it, in [0, 1].
    pub picking: f64,
    /// Mean of its error on the other half, in [0, 1].
    pub held_back: f64,
}

impl HalfSplit {
    /// `picking` − `held_back`, an unbiased estimate of how much the picking half flatters itself;
    /// may be negative by chance.
    pub fn gap(&self) -> f64 {
        self.picking - self.held_back
    }
}

/// The bootstrap's estimate of E max_j ê_j − max_j e_j from errors k_j of n_j held-out images;
/// never negative. Classes without images are left out.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Length`], [`BoundError::MoreErrorsThanSamples`],
/// [`BoundError::TooManySamples`]; [`BoundError::NoSamples`] if all n_j are 0.
pub fn bootstrap_selection_bias(of: ClassErrors<'_>) -> Result<f64, BoundError> {
    check_test_errors(of)?;
    let shares: Vec<(f64, u64)> = of
        .classes()
        .filter(|&(_, count)| count > 0)
        .map(|(error, count)| (error as f64 / count as f64, count))
        .collect();
    if shares.is_empty() {
        return Err(BoundError::NoSamples);
    }
    let plug_in = shares.iter().map(|&(share, _)| share).fold(0.0, f64::max);
    let resampled: Vec<Vec<f64>> = shares.iter().map(|&(share, count)| binomial_masses(count, share)).collect();
    let mut mean = 0.0;
    for_each_maximum(&resampled, |class, errors, probability| {
        mean += probability * (errors as f64 / shares[class].1 as f64);
    });
    Ok((mean - plug_in).max(0.0))
}

/// The means over all splits in halves, from errors k_j of n_j held-out images; ties pick the
/// lowest index. Classes with fewer than two images cannot be split and are left out.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Length`], [`BoundError::MoreErrorsThanSamples`],
/// [`BoundError::TooManySamples`]; [`BoundError::NoSamples`] if no class has two images.
pub fn half_split(of: ClassErrors<'_>) -> Result<HalfSplit, BoundError> {
    check_test_errors(of)?;
    let classes: Vec<(u64, u64)> = of.classes().filter(|&(_, count)| count > 1).collect();
    if classes.is_empty() {
        return Err(BoundError::NoSamples);
    }
    let halves: Vec<Vec<f64>> =
        classes.iter().map(|&(errors, count)| hypergeometric_masses(count, errors, count / 2)).collect();
    let (mut picking, mut held_back) = (0.0, 0.0);
    for_each_maximum(&halves, |class, seen, probability| {
        let (errors, count) = classes[class];
        let half = count / 2;
        picking += probability * (seen as f64 / half as f64);
        held_back += probability * ((errors - seen as u64) as f64 / (count - half) as f64);
    });
    Ok(HalfSplit { picking, held_back })
}

/// Calls `visit(j, x, probability)` for every class j and count x that can be the largest share
/// x/n_j, ties to the lowest index; `masses[j]` are the probabilities of 0..=n_j, independent over
/// j, and n_j >= 1.
fn for_each_maximum(masses: &[Vec<f64>], mut visit: impl FnMut(usize, usize, f64)) {
    // Different fractions of counts below 2²⁶ have different quotients in f64, equal ones the same.
    let mut values: Vec<(f64, usize, usize)> = Vec::new();
    for (class, masses) in masses.iter().enumerate() {
        let most = (masses.len() - 1) as f64;
        let possible = masses.iter().enumerate().filter(|&(_, &mass)| mass > 0.0);
        values.extend(possible.map(|(count, _)| (count as f64 / most, class, count)));
    }
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));

    let classes = masses.len();
    let (mut below, mut up_to) = (vec![0.0; classes], vec![0.0; classes]);
    // Products of `up_to` over the classes from j on.
    let mut from = vec![1.0; classes + 1];
    for equal in values.chunk_by(|a, b| a.0 == b.0) {
        for &(_, class, count) in equal {
            up_to[class] += masses[class][count];
        }
        for class in (0..classes).rev() {
            from[class] = from[class + 1] * up_to[class];
        }
        let (mut before, mut next) = (1.0, 0);
        for &(_, class, count) in equal {
            before *= below[next..class].iter().product::<f64>();
            next = class;
            visit(class, count, before * masses[class][count] * from[class + 1]);
        }
        for &(_, class, _) in equal {
            below[class] = up_to[class];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::class_errors::of;
    use approx::assert_relative_eq;

    #[test]
    fn two_coins_by_hand() {
        // X, Y ~ Bin(2, 1/2): max/2 is 0, 1/2, 1 with probability 1/16, 8/16, 7/16: mean 11/16, less 1/2.
        assert_relative_eq!(bootstrap_selection_bias(of(&[1, 1], &[2, 2])).unwrap(), 3.0 / 16.0, max_relative = 1e-14);
        // Each half has one image; P(wrong) = 1/2 each. Class 0 is picked unless it is right and class 1 wrong.
        // (0,0): 0 then 1; (1,0), (1,1): 1 then 0; (0,1): class 1, 1 then 0.
        let split = half_split(of(&[1, 1], &[2, 2])).unwrap();
        assert_eq!((split.picking, split.held_back), (0.75, 0.25));
        assert_eq!(split.gap(), 0.5);
    }

    #[test]
    fn unequal_counts_by_enumeration() {
        let (errors, counts) = ([2_u64, 3, 1, 0], [5_u64, 4, 3, 2]);
        let shares = [0.4, 0.75, 1.0 / 3.0, 0.0];
        let choose = |n: u64, k: u64| (0..k).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64);
        let binomial = |j: usize, x: u64| {
            choose(counts[j], x) * f64::powi(shares[j], x as i32) * f64::powi(1.0 - shares[j], (counts[j] - x) as i32)
        };
        let half = counts.map(|count| count / 2);
        let hypergeometric = |j: usize, x: u64| {
            let rest = half[j].checked_sub(x).unwrap();
            let ways = |n, k| if k > n { 0.0 } else { choose(n, k) };
            ways(errors[j], x) * ways(counts[j] - errors[j], rest) / choose(counts[j], half[j])
        };
        let (mut mean, mut picking, mut held_back) = (0.0, 0.0, 0.0);
        for a in 0..=5 {
            for b in 0..=4 {
                for c in 0..=3 {
                    for d in 0..=2 {
                        let x: [u64; 4] = [a, b, c, d];
                        let largest =
                            |n: [u64; 4]| (0..4).rev().max_by(|&i, &j| (x[i] * n[j]).cmp(&(x[j] * n[i]))).unwrap();
                        let j = largest(counts);
                        mean += (0..4).map(|j| binomial(j, x[j])).product::<f64>() * x[j] as f64 / counts[j] as f64;
                        if (0..4).all(|j| x[j] <= half[j]) {
                            let mass: f64 = (0..4).map(|j| hypergeometric(j, x[j])).product();
                            let j = largest(half);
                            picking += mass * x[j] as f64 / half[j] as f64;
                            held_back += mass * errors[j].saturating_sub(x[j]) as f64 / (counts[j] - half[j]) as f64;
                        }
                    }
                }
            }
        }
        let bias = bootstrap_selection_bias(of(&errors, &counts)).unwrap();
        assert_relative_eq!(bias, mean - 0.75, max_relative = 1e-12);
        let split = half_split(of(&errors, &counts)).unwrap();
        assert_relative_eq!(split.picking, picking, max_relative = 1e-13);
        assert_relative_eq!(split.held_back, held_back, max_relative = 1e-13);
    }

    #[test]
    fn classes_that_cannot_be_used_are_left_out() {
        let all = bootstrap_selection_bias(of(&[1, 1, 0], &[2, 2, 0])).unwrap();
        assert_eq!(all, bootstrap_selection_bias(of(&[1, 1], &[2, 2])).unwrap());
        assert_eq!(half_split(of(&[1, 1, 1], &[2, 1, 2])).unwrap(), half_split(of(&[1, 1], &[2, 2])).unwrap());
        assert_eq!(bootstrap_selection_bias(of(&[0, 0], &[0, 0])).unwrap_err(), BoundError::NoSamples);
        assert_eq!(half_split(of(&[0, 1], &[0, 1])).unwrap_err(), BoundError::NoSamples);
        assert!(matches!(half_split(of(&[3, 1], &[2, 1])), Err(BoundError::MoreErrorsThanSamples { .. })));
        assert!(matches!(bootstrap_selection_bias(of(&[1], &[2, 1])), Err(BoundError::Length { .. })));
        let many = [2, crate::bounds::MOST_SAMPLES + 1];
        let error = BoundError::TooManySamples { class: 1, samples: many[1] };
        assert_eq!(bootstrap_selection_bias(of(&[1, 1], &many)).unwrap_err(), error);
        assert_eq!(half_split(of(&[1, 1], &many)).unwrap_err(), error);
        assert!(matches!(bootstrap_selection_bias(of(&[1], &[2])), Err(BoundError::TooFewClasses { .. })));
    }

    #[test]
    fn certain_classes_have_no_bias() {
        assert_eq!(bootstrap_selection_bias(of(&[0, 7], &[9, 7])).unwrap(), 0.0);
        let split = half_split(of(&[0, 7], &[9, 7])).unwrap();
        assert_eq!((split.picking, split.held_back), (1.0, 1.0));
    }
}
