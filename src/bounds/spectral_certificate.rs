//! T6: how far the spectral norm of the population's weighted confusion matrix can be from the
//! held-out one.
//!
//! ```text
//! Ĉ from n_j held-out examples of class j, fixed before they are seen;  each with probability >= 1 - delta:
//!   |‖ĈΛ‖₂ - ‖C_DΛ‖₂|  <=  ‖(Ĉ - C_D)Λ‖₂  <=  radius
//!
//! simple   sqrt(H) (1 + sqrt(ln(1/delta))),                       H = sum_j lambda_j^2 / n_j
//! sharp    R l/3 + sqrt((R l/3)^2 + 2 v l),                       l = ln(6K/delta),  R = sqrt(2) max_j lambda_j/n_j
//!          v = max(max_j lambda_j^2 e+_j / n_j, max_i rho+_i),    L = ln(3K/delta)
//!          e+_j = (sqrt(L/2n_j) + sqrt(ê_j + L/2n_j))^2
//!          rho_i = sum_j lambda_j^2 ĉ_ij / n_j,  rho+_i = (sqrt(bL/2) + sqrt(rho_i + bL/2))^2,
//!          b = max_j lambda_j^2/n_j^2
//! ```
//! Whatever the counts, ‖C_DΛ‖₂ <= sqrt(sum_j lambda_j^2 - min_i lambda_i^2), which cuts off the
//! interval: the norm is convex, so over columns of zero diagonal and sum <= 1 it is largest where
//! each column j is 0 or one unit e_i(j), i(j) != j; the rows then have disjoint supports, so the
//! norm is that of the longest row i, without lambda_i. All other classes always taken for the one
//! of the least weight attain it.
//!
//! The sharp radius is the matrix Bernstein inequality with its variance bounded from the same
//! counts. Choose one of the two before looking; the smaller of both holds with probability 1 - 2
//! delta. T5 and T6 together: 1 - 2 delta.

use super::error::check_delta;
use super::{BoundError, Interval, Outcome, WeightedConfusions};

/// The two radii of T6.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SpectralCertificate {
    /// Radius by McDiarmid's inequality on the Frobenius norm.
    pub simple: f64,
    /// Radius by the matrix Bernstein inequality with empirical variance.
    pub sharp: f64,
    /// Limit of ‖C_DΛ‖₂ whatever the counts: sqrt(sum_j lambda_j^2 - min_i lambda_i^2), rounded up.
    pub a_priori: f64,
}

impl SpectralCertificate {
    /// Gives the interval of ‖C_DΛ‖₂ by the sharp radius, given the enclosure of the held-out
    /// ‖ĈΛ‖₂; within [0, `a_priori`].
    ///
    /// # Errors
    /// [`BoundError::Interval`] for an enclosure that is none.
    pub fn population(&self, held_out: Interval) -> Result<Interval, BoundError> {
        held_out.check_norm()?;
        let within = |end: f64| end.clamp(0.0, self.a_priori);
        Ok(Interval { lower: within(held_out.lower - self.sharp), upper: within(held_out.upper + self.sharp) })
    }
}

/// T6 from held-out counts.
///
/// Not applicable if a class has no held-out example: its column is not estimated.
///
/// # Errors
/// [`BoundError::Delta`].
pub fn spectral_certificate(
    of: &WeightedConfusions<'_>,
    delta: f64,
) -> Result<Outcome<SpectralCertificate>, BoundError> {
    let WeightedConfusions { weights, counts, entries, errors } = of;
    check_delta(delta)?;
    if let Some(reason) = of.not_estimated() {
        return Ok(Outcome::NotApplicable(reason));
    }
    let num_classes = counts.len();
    let mut row_variances = vec![0.0; num_classes];
    for &(predicted, class, count) in entries {
        // lambda_j^2 ĉ_ij / n_j = (lambda_j / n_j)^2 count.
        row_variances[predicted] += (weights[class] / counts[class] as f64).powi(2) * count as f64;
    }

    let k = num_classes as f64;
    let (ln_bernstein, ln_variance) = ((6.0 * k / delta).ln(), (3.0 * k / delta).ln());
    let (mut reciprocal_sum, mut largest_step, mut variance) = (0.0, 0.0_f64, 0.0_f64);
    for class in 0..num_classes {
        let samples = counts[class] as f64;
        let share = errors[class] as f64 / samples;
        let square = weights[class].powi(2) / samples;
        reciprocal_sum += square;
        largest_step = largest_step.max(weights[class] / samples);
        variance = variance.max(square * upper_mean(share, ln_variance / samples));
    }
    let step_square = largest_step.powi(2);
    for row_variance in row_variances {
        variance = variance.max(upper_mean(row_variance, step_square * ln_variance));
    }
    let linear = 2f64.sqrt() * largest_step * ln_bernstein / 3.0;
    Ok(Outcome::Applies(SpectralCertificate {
        a_priori: a_priori_norm(weights),
        simple: reciprocal_sum.sqrt() * (1.0 + (-delta.ln()).sqrt()),
        sharp: linear + (linear.powi(2) + 2.0 * variance * ln_bernstein).sqrt(),
    }))
}

/// sqrt(sum_j lambda_j^2 - min_i lambda_i^2), rounded up: K squares and a root, each rounded, lose
/// at most a factor 1 + K u.
pub(super) fn a_priori_norm(weights: &[f64]) -> f64 {
    let lightest = (0..weights.len()).min_by(|&a, &b| weights[a].total_cmp(&weights[b]));
    let others = (0..weights.len()).filter(|&class| Some(class) != lightest);
    let squares: f64 = others.map(|class| weights[class].powi(2)).sum();
    squares.sqrt() * (1.0 + weights.len() as f64 * f64::EPSILON)
}

/// The largest mean mu of a sum of independent terms in [0, b] that still lets `seen` >= mu -
/// sqrt(2 b L mu): (sqrt(bL/2) + sqrt(seen + bL/2))^2, with `scale` = bL.
pub(super) fn upper_mean(seen: f64, scale: f64) -> f64 {
    ((0.5 * scale).sqrt() + (seen + 0.5 * scale).sqrt()).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::NotApplicable;

    /// Every class loses `errors` of its 100 examples, spread over the next classes one each.
    fn spread(num_classes: usize, errors: usize) -> Vec<(usize, usize, u64)> {
        (0..num_classes).flat_map(|j| (1..=errors).map(move |step| ((j + step) % num_classes, j, 1))).collect()
    }

    #[test]
    fn hundred_classes_of_hundred() {
        let certificate = |weight: f64, errors| {
            let weights = [weight; 100];
            let of = WeightedConfusions::new(&weights, &[100; 100], spread(100, errors)).unwrap();
            spectral_certificate(&of, 0.05).unwrap().value().copied().unwrap()
        };
        // python: 1 + sqrt(log(20)); the sharp radius from tests/reference in proofs-checks/tests/t6_*.rs
        approx::assert_relative_eq!(certificate(1.0, 50).simple, 2.7308183826022847, max_relative = 1e-14);
        approx::assert_relative_eq!(certificate(1.0, 50).sharp, 0.4565836974967306, max_relative = 1e-12);
        approx::assert_relative_eq!(certificate(3.0, 50).sharp, 3.0 * certificate(1.0, 50).sharp, max_relative = 1e-12);
        assert!(certificate(1.0, 0).sharp < certificate(1.0, 50).sharp);
    }

    #[test]
    fn both_variances_by_definition() {
        // Three classes, n = 16, 4, 2 and weights 3, 4, 1. Column sums 12, 4, 1; row 0 holds (0, 1) twice and (0, 2).
        let (weights, counts, delta) = ([3.0, 4.0, 1.0], [16, 4, 2], 0.2_f64);
        let confusions = [(0, 1, 1), (2, 0, 12), (0, 2, 1), (0, 1, 3), (1, 0, 0)];
        let of = WeightedConfusions::new(&weights, &counts, confusions).unwrap();
        let found = spectral_certificate(&of, delta).unwrap().value().copied().unwrap();
        let l = (18.0 / delta).ln();
        let at_most = |mean: f64, scale: f64| ((scale / 2.0).sqrt() + (mean + scale / 2.0).sqrt()).powi(2);
        let ln_variance = (9.0 / delta).ln();
        let columns = [(9.0 / 16.0, 0.75, 16.0), (4.0, 1.0, 4.0), (0.5, 0.5, 2.0)]
            .map(|(square, share, n)| square * at_most(share, ln_variance / n));
        let rows = [4.0 * 1.0 + 0.5 * 0.5, 0.0, 9.0 / 16.0 * 0.75].map(|rho| at_most(rho, ln_variance));
        let v = columns.into_iter().chain(rows).fold(0.0, f64::max);
        let bernstein = 2f64.sqrt() * l / 3.0; // max lambda_j / n_j = 1
        approx::assert_relative_eq!(
            found.sharp,
            bernstein + (bernstein * bernstein + 2.0 * v * l).sqrt(),
            max_relative = 1e-15
        );
        let simple = (9.0 / 16.0 + 16.0 / 4.0 + 1.0 / 2.0_f64).sqrt() * (1.0 + (1.0 / delta).ln().sqrt());
        approx::assert_relative_eq!(found.simple, simple, max_relative = 1e-15);
        assert_eq!(found.a_priori, 5.0 * (1.0 + 3.0 * f64::EPSILON));
    }

    #[test]
    fn reasons_and_errors() {
        let at = |weights: &[f64], counts: &[u64], entries: &[(usize, usize, u64)]| {
            let of = WeightedConfusions::new(weights, counts, entries.iter().copied()).unwrap();
            spectral_certificate(&of, 0.05)
        };
        assert_eq!(
            at(&[1.0; 2], &[3, 0], &[]).unwrap().reason(),
            Some(NotApplicable::ClassWithoutSamples { class: 1 })
        );
        let certificate = at(&[1.0; 2], &[3, 3], &[(0, 1, 2)]).unwrap().value().copied().unwrap();
        let interval = certificate.population(Interval { lower: 0.5, upper: 0.5 }).unwrap();
        assert_eq!(interval, Interval { lower: 0.0, upper: certificate.a_priori });
        let wide = at(&[1.0; 100], &[100; 100], &[]).unwrap().value().copied().unwrap();
        let interval = wide.population(Interval { lower: 0.5, upper: 0.5 }).unwrap();
        assert_eq!(interval, Interval { lower: 0.5 - wide.sharp, upper: 0.5 + wide.sharp });
        assert!(certificate.population(Interval { lower: -1.0, upper: 0.5 }).is_err());
    }
}
