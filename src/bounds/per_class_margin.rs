//! T3, T3' and T3'': the margin bound on the error of every class, with every constant, for a plain
//! bias-free ReLU network.
//!
//! ```text
//! with probability >= 1 - delta, for all weights, all classes j and all margins g of the grid G:
//!   T3   e_j <= c_j(g) + 4 sqrt( (KL_j + ln(6 K N_j |G| m_j / delta)) / (m_j - 1) ),       m_j >= 2
//!   T3'  e_j <= c_j(g) +   sqrt( (KL_j + ln(4 sqrt(m_j) K N_j |G| / delta)) / (2 m_j) ),   m_j >= 1
//! and, by itself with probability >= 1 - delta, on the smallest grid point within beta/d of beta,
//! with c'_d for 42 in sigma_j,
//!   T3'' e_j <= kl⁻¹( c_j(g), (KL_j + ln(4 sqrt(m_j) N'_j |G| / delta_j)) / m_j ),   m_j >= 1, sum_j delta_j <= delta
//!
//!   c_j(g)   share of the m_j training examples of class j with margin <= g
//!   s_l      upper bound of ‖W_l‖₂,  beta = (prod s_l)^(1/d),  W̃_l = (beta / s_l) W_l
//!   sigma_j = g / (42 d B b_j^(d-1) sqrt(h ln(4 d h))),   KL_j = sum_l ‖W̃_l‖_F^2 / (2 sigma_j^2)
//!   N_j     = ceil(d m_j^(1/(2d))),  grid points beta_min (1 + (2k+1)/d), k < N_j,  beta_min = (g/2B)^(1/d)
//!   b_j      any grid point within beta/d of beta
//!   N'_j    = 1 + max(0, ceil(((d-1) m_j^(1/(2d)) - d - 1)/2)), how many of them can be the smallest within beta/d
//!   c'_d    = 2 sqrt2 r_d/(d((1+1/sqrt2)^(1/d) - 1)),  r_d = (1-1/d)^-(d-1):  4, 9.2, 10.9, ... below 14.4
//! ```
//! T3 and T3' too hold with ln(1/delta_j) for ln(K/delta), for any [`DeltaShares`].
//!
//! T3 is Lemma 1 of Neyshabur, Bhojanapalli and Srebro (ICLR 2018) for each class with delta/K; T3'
//! takes the KL of the restricted posterior exactly, then Maurer's bound and Pinsker's inequality.
//! T3 follows from T3' on the same event, so both hold together with probability 1 - delta, and the
//! term of T3 is always more than 4 sqrt 2 = 5.656... times that of T3'. T3'' inverts kl itself in
//! place of Pinsker, and asks of sigma_j only what moves a margin by g/2. It is below 1 as long as
//! c_j(g) is, so "vacuous" means above 1 - 10⁻⁶ for it ([`VACUOUS_ABOVE`]).
//!
//! **Which grid point.** The smallest within beta/d. The union over k < N_j makes the statement
//! hold at all grid points at once, so the choice may look at the weights; KL_j grows with b_j, so
//! the smallest gives the smallest bound.
//!
//! **Outside the grid.** [`GridRange::Below`]: beta^d < g/(2B) or a zero layer: every margin is
//! below g, so c_j(g) = 1 and the bound is 1. [`GridRange::Above`]: beta^d > g sqrt(m_j)/(2B): the
//! formula at b_j = beta is reported; it is above 1, and e_j <= 1 is what holds. T3'' is reported
//! as 1 outside the grid on either side.
//!
//! **Always large.** In the non-trivial range KL_j >= 220.5 (1+1/d)^(2d-2) d^3 h ln(4dh) whatever
//! the weights (with c'_d^2/8 for 220.5 in T3''), so the bounds are vacuous unless m_j is of that
//! order: [`least_kl`], [`vacuous_whatever_the_weights`](super::vacuous_whatever_the_weights).
//!
//! **Rounding.** 4 sqrt 2 e^2 = 41.799 where the formula has 42: a relative error eps in every s_l
//! is covered while (1 + eps)^(d-1) <= 1.0048; in T3'' c'_d is raised by 10⁻⁶ of itself for it. d,
//! h, B, the preprocessing, G and the shares of delta must be fixed before the data are seen, and
//! c_j(g) measured on the original training images in evaluation mode.

use super::error::{check_class_errors, check_delta, check_length, check_not_empty, check_value};
use super::least_kl::{MarginStatement, least_kl};
use super::{Architecture, BiasFreeReluNetwork, BoundError, DeltaShares, NotApplicable, Outcome, kl_inverse};
use crate::ClassErrors;

/// T3'' is called vacuous above this, 1 − 10⁻⁶: kl⁻¹ is below 1 wherever c_j(g) is.
pub const VACUOUS_ABOVE: f64 = 1.0 - 1e-6;

/// The training examples at one margin of the grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingMargins<'a> {
    /// g.
    pub margin: f64,
    /// |G|: how many margins the grid holds, this one included.
    pub grid_size: usize,
    /// Examples of each class with margin <= g, at most m_j.
    pub margin_errors: &'a [u64],
    /// Examples of each class, m_j.
    pub class_counts: &'a [u64],
}

/// The place of beta against the grid of class j.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GridRange {
    /// beta^d < g/(2B): every margin is below g.
    Below,
    /// Inside: the grid point taken.
    Inside {
        /// k.
        index: f64,
        /// b_j.
        point: f64,
    },
    /// beta^d > g sqrt(m_j)/(2B): the complexity term exceeds 1.
    Above,
}

/// One of the two bounds for one class.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct MarginBound {
    /// c_j(g); 1 below the grid.
    pub first_term: f64,
    /// The square root; 0 below the grid, where the bound is 1 without it. Infinite if KL_j
    /// overflows.
    pub complexity: f64,
    /// Their sum, not cut at 1: at least 1 means vacuous.
    pub total: f64,
}

/// T3'' for one class.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct InvertedMarginBound {
    /// N'_j.
    pub grid_points: f64,
    /// KL_j with c'_d in place of 42, in nats; `None` outside the grid.
    pub kl: Option<f64>,
    /// c_j(g); 1 outside the grid.
    pub first_term: f64,
    /// (KL_j + ln(4 √m_j N'_j |G|/δ_j))/m_j, the relative entropy that is inverted; 0 outside the
    /// grid, where the bound is 1 without it.
    pub relative_entropy: f64,
    /// kl⁻¹ of the two, at most 1.
    pub total: f64,
}

impl InvertedMarginBound {
    /// What holds outside the grid.
    fn one(grid_points: f64) -> Self {
        Self { grid_points, kl: None, first_term: 1.0, relative_entropy: 0.0, total: 1.0 }
    }

    /// Tells whether it is above [`VACUOUS_ABOVE`].
    pub fn is_vacuous(&self) -> bool {
        self.total > VACUOUS_ABOVE
    }
}

/// T3, T3' and T3'' for one class.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassMarginBounds {
    /// Place of beta.
    pub range: GridRange,
    /// N_j.
    pub grid_points: f64,
    /// sigma_j of T3 and T3', the standard deviation of prior and posterior; `None` below the grid.
    pub sigma: Option<f64>,
    /// KL_j of T3 and T3' in nats; `None` below the grid.
    pub kl: Option<f64>,
    /// T3, for m_j >= 2.
    pub t3: Outcome<MarginBound>,
    /// T3'.
    pub t3_prime: MarginBound,
    /// T3''.
    pub t3_double_prime: InvertedMarginBound,
}

/// T3, T3' and T3'' at one margin.
#[derive(Clone, Debug, PartialEq)]
pub struct PerClassMargin {
    /// g.
    pub margin: f64,
    /// beta = (prod s_l)^(1/d).
    pub beta: f64,
    /// [`least_kl`] of T3 and T3', which KL_j cannot go below inside the grid.
    pub least_kl: f64,
    /// Bounds of each class; [`NotApplicable::ClassTooSmall`] for a class without training
    /// examples.
    pub classes: Vec<Outcome<ClassMarginBounds>>,
}

/// T3, T3' and T3'' for all classes at one margin of the grid, every class with delta/K. `training`
/// is `None` when there are no training data.
///
/// Not applicable: for an architecture other than a plain bias-free ReLU network, without training
/// data, for g <= 0.
///
/// # Errors
/// [`BoundError::Delta`], [`BoundError::TooFewClasses`], [`BoundError::Length`],
/// [`BoundError::MoreErrorsThanSamples`]; [`BoundError::Value`] for g not finite;
/// [`BoundError::Empty`] for |G| = 0; [`BoundError::LayerShape`] if the last layer has not K rows.
pub fn per_class_margin(
    architecture: &Architecture,
    training: Option<TrainingMargins<'_>>,
    delta: f64,
) -> Result<Outcome<PerClassMargin>, BoundError> {
    check_delta(delta)?;
    let Some(at) = &training else { return at_margin(architecture, None) };
    at.check()?;
    let shares = DeltaShares::equal(at.class_counts.len(), delta)?;
    at_margin(architecture, Some((*at, &shares)))
}

/// The same with delta_j for delta/K: all classes at once with probability at least 1 - sum
/// delta_j.
///
/// # Errors
/// As [`per_class_margin`]; [`BoundError::Length`] also if there is not one share a class.
pub fn per_class_margin_with_shares(
    architecture: &Architecture,
    training: TrainingMargins<'_>,
    shares: &DeltaShares,
) -> Result<Outcome<PerClassMargin>, BoundError> {
    training.check()?;
    check_length("shares of delta", training.class_counts.len(), shares.shares().len())?;
    at_margin(architecture, Some((training, shares)))
}

fn at_margin(
    architecture: &Architecture,
    training: Option<(TrainingMargins<'_>, &DeltaShares)>,
) -> Result<Outcome<PerClassMargin>, BoundError> {
    let network = match architecture.bias_free_relu() {
        Ok(network) => network,
        Err(reason) => return Ok(Outcome::NotApplicable(reason)),
    };
    let Some((training, shares)) = training else { return Ok(Outcome::NotApplicable(NotApplicable::NoTrainingData)) };
    let num_classes = training.class_counts.len();
    if let Some(last) = network.layers().last()
        && last.rows != num_classes
    {
        return Err(BoundError::LayerShape { layer: network.depth() - 1, rows: last.rows, expected: num_classes });
    }
    let margin = training.margin;
    if margin <= 0.0 {
        return Ok(Outcome::NotApplicable(NotApplicable::MarginNotPositive { margin }));
    }

    let complexity = Complexity::new(network, margin);
    let ln_margins = (training.grid_size as f64).ln();
    let classes = training
        .margin_errors
        .iter()
        .zip(training.class_counts)
        .zip(shares.shares())
        .enumerate()
        .map(|(class, ((&errors, &samples), share))| {
            complexity.class_bounds(class, errors, samples, ln_margins - share.ln())
        })
        .collect::<Result<_, _>>()?;
    Ok(Outcome::Applies(PerClassMargin {
        margin,
        beta: complexity.beta,
        least_kl: least_kl(MarginStatement::T3, network.depth(), network.width()),
        classes,
    }))
}

impl TrainingMargins<'_> {
    fn check(&self) -> Result<(), BoundError> {
        check_class_errors(ClassErrors { errors: self.margin_errors, counts: self.class_counts })?;
        check_value(self.margin.is_finite(), "margin g", self.margin, "finite")?;
        check_not_empty("margins in the grid", self.grid_size)
    }
}

/// What does not depend on the class.
struct Complexity {
    depth: f64,
    /// ln beta^d.
    ln_product: f64,
    beta: f64,
    /// (g/2B)^(1/d).
    beta_min: f64,
    /// ln(g/2B).
    ln_least_product: f64,
    /// ln sum_l (‖W_l‖_F / s_l)^2.
    ln_ratio_sum: f64,
    /// ln of g / (42 d B sqrt(h ln(4dh))): sigma_j is its exponential over b_j^(d-1).
    ln_sigma_unit: f64,
    /// (c'_d/42)^2, what KL_j is multiplied with in T3''.
    kl_factor: f64,
}

impl Complexity {
    fn new(network: &BiasFreeReluNetwork, margin: f64) -> Self {
        let (depth, width) = (network.depth() as f64, network.width() as f64);
        let ln_product = network.ln_spectral_product();
        let ln_least_product = margin.ln() - 2f64.ln() - network.input_bound().ln();
        let ratio_sum: f64 = network
            .layers()
            .iter()
            .zip(network.spectral_bounds())
            .map(|(layer, bound)| (layer.frobenius / bound).powi(2))
            .sum();
        let ln_sigma_unit = margin.ln()
            - (MarginStatement::T3.constant(network.depth()) * depth).ln()
            - network.input_bound().ln()
            - 0.5 * (width * (4.0 * depth * width).ln()).ln();
        Self {
            depth,
            ln_product,
            beta: (ln_product / depth).exp(),
            beta_min: (ln_least_product / depth).exp(),
            ln_least_product,
            ln_ratio_sum: ratio_sum.ln(),
            ln_sigma_unit,
            kl_factor: (MarginStatement::T3DoublePrime.constant(network.depth())
                / MarginStatement::T3.constant(network.depth()))
            .powi(2),
        }
    }

    /// `ln_union` = ln(|G|/delta_j).
    fn class_bounds(
        &self,
        class: usize,
        errors: u64,
        samples: u64,
        ln_union: f64,
    ) -> Result<Outcome<ClassMarginBounds>, BoundError> {
        let too_small = |needed| NotApplicable::ClassTooSmall { class, samples, needed };
        if samples == 0 {
            return Ok(Outcome::NotApplicable(too_small(1)));
        }
        let m = samples as f64;
        let grid_points = (self.depth * m.powf(0.5 / self.depth)).ceil();
        let least_points = 1.0 + self.smallest_index(m.powf(0.5 / self.depth));
        let range = self.range(m);
        let ln_point = match range {
            GridRange::Below => {
                let one = MarginBound { first_term: 1.0, complexity: 0.0, total: 1.0 };
                let t3 = if samples < 2 { Outcome::NotApplicable(too_small(2)) } else { Outcome::Applies(one) };
                return Ok(Outcome::Applies(ClassMarginBounds {
                    range,
                    grid_points,
                    sigma: None,
                    kl: None,
                    t3,
                    t3_prime: one,
                    t3_double_prime: InvertedMarginBound::one(least_points),
                }));
            }
            GridRange::Inside { point, .. } => point.ln(),
            GridRange::Above => self.ln_product / self.depth,
        };
        let ln_sigma = self.ln_sigma_unit - (self.depth - 1.0) * ln_point;
        let kl = 0.5 * (self.ln_ratio_sum + 2.0 * self.ln_product / self.depth - 2.0 * ln_sigma).exp();
        let first_term = errors as f64 / m;
        let bound = |complexity| MarginBound { first_term, complexity, total: first_term + complexity };
        let ln_grid = ln_union + grid_points.ln();
        let t3 = if samples < 2 {
            Outcome::NotApplicable(too_small(2))
        } else {
            Outcome::Applies(bound(4.0 * ((kl + 6f64.ln() + m.ln() + ln_grid) / (m - 1.0)).sqrt()))
        };
        let t3_prime = bound(((kl + 4f64.ln() + 0.5 * m.ln() + ln_grid) / (2.0 * m)).sqrt());
        let t3_double_prime = if let GridRange::Inside { .. } = range {
            let kl = self.kl_factor * kl;
            let relative_entropy = (kl + 4f64.ln() + 0.5 * m.ln() + ln_union + least_points.ln()) / m;
            let total = kl_inverse(first_term, relative_entropy)?;
            InvertedMarginBound { grid_points: least_points, kl: Some(kl), first_term, relative_entropy, total }
        } else {
            InvertedMarginBound::one(least_points)
        };
        Ok(Outcome::Applies(ClassMarginBounds {
            range,
            grid_points,
            sigma: Some(ln_sigma.exp()),
            kl: Some(kl),
            t3,
            t3_prime,
            t3_double_prime,
        }))
    }

    /// The smallest admissible k at beta = rho beta_min: beta_min (1 + (2k+1)/d) >= beta (1 - 1/d).
    /// It grows with rho.
    fn smallest_index(&self, rho: f64) -> f64 {
        (0.5 * ((self.depth - 1.0) * rho - self.depth - 1.0)).ceil().max(0.0)
    }

    /// The smallest admissible grid point: beta_min (1 + (2k+1)/d) >= beta (1 - 1/d) for the least
    /// k >= 0. With rho = beta/beta_min >= 1 it is also at most beta (1 + 1/d), since the points
    /// lie 2 beta_min/d apart and the window is 2 beta/d wide; and k < N_j, since rho <= m^(1/2d).
    fn range(&self, samples: f64) -> GridRange {
        if self.ln_product < self.ln_least_product {
            return GridRange::Below;
        }
        if self.ln_product > self.ln_least_product + 0.5 * samples.ln() {
            return GridRange::Above;
        }
        let rho = ((self.ln_product - self.ln_least_product) / self.depth).exp();
        // rho may be rounded to above its largest value m^(1/2d); the last point is then admissible to within that
        // rounding.
        let index = self.smallest_index(rho).min(self.smallest_index(samples.powf(0.5 / self.depth)));
        GridRange::Inside { index, point: self.beta_min * (1.0 + (2.0 * index + 1.0) / self.depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::LayerNorms;

    fn two_class_network() -> Architecture {
        // W = [[1, 0], [-1, 0]]: both norms are sqrt 2.
        let norm = 2f64.sqrt();
        let layer = LayerNorms { spectral_upper: norm, frobenius: norm, rows: 2, columns: 2 };
        Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(vec![layer], 1.0).unwrap())
    }

    fn margins<'a>(margin: f64, margin_errors: &'a [u64], class_counts: &'a [u64]) -> TrainingMargins<'a> {
        TrainingMargins { margin, grid_size: 1, margin_errors, class_counts }
    }

    #[test]
    fn the_case_that_is_not_vacuous() {
        let Outcome::Applies(bounds) =
            per_class_margin(&two_class_network(), Some(margins(1.5, &[0, 0], &[1_000_000; 2])), 0.05).unwrap()
        else {
            panic!("T3 applies")
        };
        for class in &bounds.classes {
            let class = class.value().unwrap();
            // numpy: KL = ‖W‖_F^2 / (2 sigma^2), sigma = 1.5 / (42 sqrt(2 ln 8)); see proofs-checks/tests/t3_*.rs
            approx::assert_relative_eq!(class.kl.unwrap(), 3260.564337353983, max_relative = 1e-13);
            assert_eq!(class.grid_points, 1000.0);
            approx::assert_relative_eq!(class.t3.value().unwrap().total, 0.22932148713579545, max_relative = 1e-13);
            approx::assert_relative_eq!(class.t3_prime.total, 0.04049354900306455, max_relative = 1e-13);
            // numpy: KL = 2 / (2 * (1.5 / (4 * (1 + 1e-6) * sqrt(2 * log(8))))**2); x = (KL + log(4 * 1000 * 2 / .05))
            // / 10**6; -expm1(-x)
            let sharpest = class.t3_double_prime;
            approx::assert_relative_eq!(sharpest.kl.unwrap(), 29.57433885247998, max_relative = 1e-13);
            assert_eq!((sharpest.grid_points, sharpest.first_term), (1.0, 0.0));
            approx::assert_relative_eq!(sharpest.relative_entropy, 4.155726794669595e-05, max_relative = 1e-13);
            approx::assert_relative_eq!(sharpest.total, 4.155640445539784e-05, max_relative = 1e-10);
            assert!(!sharpest.is_vacuous());
        }
    }

    #[test]
    fn shares_of_delta_stand_for_delta_over_k() {
        let training = margins(1.5, &[10, 0], &[1_000_000, 100]);
        let at = |shares: Vec<f64>| {
            let shares = DeltaShares::new(shares, 0.06).unwrap();
            let outcome = per_class_margin_with_shares(&two_class_network(), training, &shares).unwrap();
            let classes = outcome.value().unwrap().classes.clone();
            [*classes[0].value().unwrap(), *classes[1].value().unwrap()]
        };
        let (unequal, equal) = (at(vec![0.01, 0.05]), at(vec![0.03, 0.03]));
        let plain = per_class_margin(&two_class_network(), Some(training), 0.06).unwrap();
        for (j, ratio) in [3f64, 0.6].into_iter().enumerate() {
            let (unequal, equal, m) = (unequal[j], equal[j], training.class_counts[j] as f64);
            assert_eq!(plain.value().unwrap().classes[j].value().unwrap(), &equal);
            // Squares, rid of their denominators: the logarithms differ by ln ratio.
            let nats = |class: &ClassMarginBounds| {
                let t3 = (class.t3.value().unwrap().complexity / 4.0).powi(2) * (m - 1.0);
                [t3, class.t3_prime.complexity.powi(2) * 2.0 * m, class.t3_double_prime.relative_entropy * m]
            };
            for (unequal, equal) in nats(&unequal).into_iter().zip(nats(&equal)) {
                assert!((unequal - equal - ratio.ln()).abs() < 1e-9, "{unequal} {equal}");
            }
        }
        let wrong = DeltaShares::equal(3, 0.05).unwrap();
        let error = per_class_margin_with_shares(&two_class_network(), training, &wrong).unwrap_err();
        assert!(matches!(error, BoundError::Length { what: "shares of delta", expected: 2, got: 3 }));
        let shares = DeltaShares::equal(2, 0.05).unwrap();
        let bad = TrainingMargins { grid_size: 0, ..training };
        assert!(per_class_margin_with_shares(&two_class_network(), bad, &shares).is_err());
        assert!(matches!(per_class_margin(&two_class_network(), None, 0.0), Err(BoundError::Delta { delta: 0.0 })));
    }

    #[test]
    fn vacuous_above_one_less_a_millionth() {
        let total = |total| InvertedMarginBound { total, ..InvertedMarginBound::one(1.0) };
        assert!(total(1.0).is_vacuous() && total(1.0 - 9e-7).is_vacuous());
        assert!(!total(VACUOUS_ABOVE).is_vacuous() && !total(0.5).is_vacuous());
    }

    #[test]
    fn ranges_outside_the_grid() {
        // beta = sqrt 2, B = 1: below the grid for g > 2 sqrt 2, above it for g < 2 sqrt 2 / sqrt(m).
        let at = |margin, counts: &[u64]| {
            let outcome = per_class_margin(&two_class_network(), Some(margins(margin, &[1, 0], counts)), 0.05).unwrap();
            outcome.value().unwrap().classes[0]
        };
        let below = at(3.0, &[4, 4]);
        assert_eq!(below.value().unwrap().range, GridRange::Below);
        assert_eq!(below.value().unwrap().t3_prime.total, 1.0);
        assert_eq!(below.value().unwrap().t3_double_prime, InvertedMarginBound::one(1.0));
        let above = at(1.0, &[4, 4]);
        assert_eq!(above.value().unwrap().range, GridRange::Above);
        assert!(above.value().unwrap().t3_prime.complexity > 1.0);
        assert_eq!(above.value().unwrap().t3_double_prime, InvertedMarginBound::one(1.0));
        assert!(matches!(at(2.0, &[4, 4]).value().unwrap().range, GridRange::Inside { index: 0.0, .. }));
        assert_eq!(
            at(2.0, &[1, 4]).value().unwrap().t3.reason().unwrap().to_string(),
            "not applicable: class 0 has m_j = 1, needs at least 2"
        );
    }

    #[test]
    fn three_layers_by_definition() {
        // s = 2, 3/2, 1/2, so that beta^3 = 3/2; d = 3, h = 6, B = 2, K = 3, |G| = 5.
        let layer = |spectral_upper, frobenius, rows, columns| LayerNorms { spectral_upper, frobenius, rows, columns };
        let layers = vec![layer(2.0, 2.5, 4, 5), layer(1.5, 3.0, 6, 4), layer(0.75, 0.5, 3, 6)];
        let network = Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(layers, 2.0).unwrap());
        let (d, h, b, beta, delta) = (3.0_f64, 6.0_f64, 2.0, 1.5_f64.cbrt(), 0.05);
        let counts = [2, 1000, 1_000_000];
        let mut indices = Vec::new();
        // beta^3 over g/2B is 1.2, 4, 40 and 100.
        for g in [5.0, 1.5, 0.15, 0.06] {
            let training =
                TrainingMargins { margin: g, grid_size: 5, margin_errors: &[1, 250, 0], class_counts: &counts };
            let outcome = per_class_margin(&network, Some(training), delta).unwrap();
            let found = outcome.value().unwrap();
            assert_eq!(found.margin, g);
            approx::assert_relative_eq!(found.beta, beta, max_relative = 1e-14);
            approx::assert_relative_eq!(found.least_kl, 220.5 * (4.0_f64 / 3.0).powi(4) * 27.0 * 6.0 * 72f64.ln());
            for ((class, m), share) in found.classes.iter().zip(counts.map(|m| m as f64)).zip([0.5, 0.25, 0.0]) {
                let class = class.value().unwrap();
                let grid_points = (d * m.powf(1.0 / 6.0)).ceil();
                let beta_min = (g / 4.0).cbrt();
                let near = (0..grid_points as usize)
                    .map(|k| (k as f64, beta_min * (1.0 + (2.0 * k as f64 + 1.0) / d)))
                    .find(|(_, point)| (point - beta).abs() <= beta / d);
                let point = match class.range {
                    GridRange::Inside { index, point } => {
                        assert_eq!(index, near.unwrap().0);
                        approx::assert_relative_eq!(point, near.unwrap().1, max_relative = 1e-14);
                        indices.push(index);
                        point
                    }
                    range => {
                        assert_eq!((range, 1.5 > g / 4.0 * m.sqrt()), (GridRange::Above, true));
                        beta
                    }
                };
                let sigma = g / (42.0 * d * b * point.powi(2) * (h * (4.0 * d * h).ln()).sqrt());
                let squares: f64 =
                    [(2.0, 2.5), (1.5, 3.0), (0.5, 0.5)].map(|(s, f)| (beta / s * f).powi(2)).iter().sum();
                let kl = squares / (2.0 * sigma.powi(2));
                // The smallest admissible k at the largest beta, beta_min m^(1/6).
                let beta_max = beta_min * m.powf(1.0 / 6.0);
                let last = (0..).find(|&k| beta_min * (1.0 + f64::from(2 * k + 1) / d) >= beta_max * (1.0 - 1.0 / d));
                let points = f64::from(last.unwrap() + 1);
                let sharpest = class.t3_double_prime;
                assert_eq!(sharpest.grid_points, points);
                if let GridRange::Inside { .. } = class.range {
                    // python: 2*sqrt(2)*2.25/(3*((1+1/sqrt(2))**(1/3)-1))
                    let smaller = kl * (10.87053936429949 * (1.0 + 1e-6) / 42_f64).powi(2);
                    let x = (smaller + (4.0 * m.sqrt() * 3.0 * points * 5.0 / delta).ln()) / m;
                    approx::assert_relative_eq!(sharpest.kl.unwrap(), smaller, max_relative = 1e-13);
                    approx::assert_relative_eq!(sharpest.relative_entropy, x, max_relative = 1e-13);
                    assert_eq!(sharpest.first_term, share);
                    assert_eq!(sharpest.total, kl_inverse(share, sharpest.relative_entropy).unwrap());
                }
                let t3 = 4.0 * ((kl + (6.0 * 3.0 * grid_points * 5.0 * m / delta).ln()) / (m - 1.0)).sqrt();
                let t3_prime = ((kl + (4.0 * m.sqrt() * 3.0 * grid_points * 5.0 / delta).ln()) / (2.0 * m)).sqrt();
                assert_eq!(class.grid_points, grid_points);
                for (found, expected) in [
                    (class.sigma.unwrap(), sigma),
                    (class.kl.unwrap(), kl),
                    (class.t3.value().unwrap().complexity, t3),
                    (class.t3.value().unwrap().total, share + t3),
                    (class.t3_prime.complexity, t3_prime),
                    (class.t3_prime.total, share + t3_prime),
                ] {
                    approx::assert_relative_eq!(found, expected, max_relative = 1e-13);
                }
            }
        }
        assert_eq!(indices, [0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 3.0]);
    }

    #[test]
    fn the_grid_holds_its_ends() {
        // W = identity: beta = 1; g/2B = 1 and sqrt(m) = 1, so both ends of the range are exactly at beta.
        let unit = LayerNorms { spectral_upper: 1.0, frobenius: 2f64.sqrt(), rows: 2, columns: 2 };
        let network = Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(vec![unit], 1.0).unwrap());
        let outcome = per_class_margin(&network, Some(margins(2.0, &[0, 0], &[1, 1])), 0.05).unwrap();
        let range = outcome.value().unwrap().classes[0].value().unwrap().range;
        assert_eq!(range, GridRange::Inside { index: 0.0, point: 2.0 });
    }

    #[test]
    fn rounding_at_the_upper_end_adds_no_grid_point() {
        // d = 2, g/2B = 1, m = r^4 and s_l = r: beta/beta_min = r is the largest there is, and (r - 3)/2 an integer.
        for r in (3_u64..400).step_by(2) {
            let norm = r as f64;
            let layer = LayerNorms { spectral_upper: norm, frobenius: norm, rows: 2, columns: 2 };
            let network = Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(vec![layer; 2], 1.0).unwrap());
            let outcome = per_class_margin(&network, Some(margins(2.0, &[0, 0], &[r.pow(4), 1])), 0.05).unwrap();
            let class = *outcome.value().unwrap().classes[0].value().unwrap();
            if let GridRange::Inside { index, .. } = class.range {
                assert!(index < class.t3_double_prime.grid_points, "r = {r}: {class:?}");
            }
        }
    }

    #[test]
    fn t3_needs_two_examples_on_every_side_of_the_grid() {
        for margin in [3.0, 2.0, 0.1] {
            let outcome =
                per_class_margin(&two_class_network(), Some(margins(margin, &[0, 0], &[1, 2])), 0.05).unwrap();
            let t3 = |class: usize| outcome.value().unwrap().classes[class].value().unwrap().t3;
            assert_eq!(t3(0).reason(), Some(NotApplicable::ClassTooSmall { class: 0, samples: 1, needed: 2 }));
            assert!(t3(1).value().unwrap().total >= 1.0);
        }
    }

    /// 2B overflows; the zero layer puts beta below every grid all the same.
    #[test]
    fn the_largest_inputs_leave_a_zero_network_below_the_grid() {
        for (norm, range) in [(0.0, GridRange::Below), (1.0, GridRange::Above)] {
            let layer = LayerNorms { spectral_upper: norm, frobenius: norm, rows: 2, columns: 2 };
            let network = Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(vec![layer], f64::MAX).unwrap());
            let outcome = per_class_margin(&network, Some(margins(1.0, &[0, 0], &[4, 4])), 0.05).unwrap();
            let class = *outcome.value().unwrap().classes[0].value().unwrap();
            assert_eq!(class.range, range);
            assert!(class.t3_prime.total >= 1.0 && class.t3.value().unwrap().total >= 1.0, "{class:?}");
            assert_eq!(class.t3_double_prime.total, 1.0);
        }
    }

    #[test]
    fn reasons_and_errors() {
        let training = margins(1.0, &[0, 0], &[4, 0]);
        for (architecture, reason) in [
            (Architecture::Residual, NotApplicable::ResidualNetwork),
            (Architecture::Normalised, NotApplicable::NormalisedNetwork),
            (Architecture::Biased, NotApplicable::BiasedNetwork),
            (Architecture::Attention, NotApplicable::AttentionNetwork),
            (Architecture::Unknown, NotApplicable::UnknownArchitecture),
        ] {
            assert_eq!(per_class_margin(&architecture, Some(training), 0.05).unwrap().reason(), Some(reason));
            assert!(reason.to_string().starts_with("not applicable: "));
        }
        let network = two_class_network();
        let reason = |training| per_class_margin(&network, training, 0.05).unwrap().reason();
        assert_eq!(reason(None), Some(NotApplicable::NoTrainingData));
        assert_eq!(
            reason(Some(TrainingMargins { margin: 0.0, ..training })),
            Some(NotApplicable::MarginNotPositive { margin: 0.0 })
        );
        let outcome = per_class_margin(&network, Some(training), 0.05).unwrap();
        assert_eq!(
            outcome.value().unwrap().classes[1].reason(),
            Some(NotApplicable::ClassTooSmall { class: 1, samples: 0, needed: 1 })
        );
        let error = |training| per_class_margin(&network, Some(training), 0.05).unwrap_err();
        assert!(matches!(error(TrainingMargins { margin: f64::NAN, ..training }), BoundError::Value { .. }));
        assert!(matches!(error(TrainingMargins { grid_size: 0, ..training }), BoundError::Empty { .. }));
        let expected = BoundError::LayerShape { layer: 0, rows: 2, expected: 3 };
        assert_eq!(error(margins(1.0, &[0; 3], &[1; 3])), expected);
        assert!(matches!(error(margins(1.0, &[5, 0], &[4, 4])), BoundError::MoreErrorsThanSamples { .. }));
    }
}
