//! T7: the error of every class under a head of class means on frozen features, certified by
//! examples that the head was trained on.
//!
//! ```text
//! score_i(x) = w_i·φ(x) − ‖w_i‖²/2,  w_i a function of class i's training examples S_i alone
//!                                       (their mean: nearest class mean)
//! T_j ⊂ S_j, n_j of them, picked without looking at them;
//! w_j⁰: a function of S_j ∖ T_j (the mean without T_j);  Δ_j = w_j − w_j⁰
//! m(x) = score_j(x) − max_{i≠j} score_i(x),   a(x) = √(‖φ(x) − w_j⁰‖² + κ²)
//!
//! with probability ≥ 1−δ, for all classes j and all N pairs (σ, c) at once:
//!   e_j ≤ kl⁻¹( (1/n_j) Σ_{x∈T_j} Φ(c − m(x)/(σ a(x))),  (KL_j + ln(2√n_j N/δ_j))/n_j ) / Φ(c)
//!   KL_j = (‖Δ_j‖² + ‖Δ_j‖⁴/(4κ²))/(2σ²),   Σ_j δ_j ≤ δ
//! ```
//! e_j is the error, ties counted, of the deterministic classifier trained on all of S. The best
//! pair may be taken after looking, since all hold at once; so may their maximum over the classes,
//! a certificate of the worst class.
//!
//! **What must be fixed before T_j is seen**, which means a function of S ∖ T_j at most: φ with its
//! preprocessing and the metric, for every class at once; the rule that picks T_j; w_j⁰, κ, the
//! pairs (σ, c) and the shares of δ. κ may differ from class to class, here it does not.
//!
//! **Rounding.** Φ is computed within 10⁻¹⁰, and means, logarithms and quotients are moved outwards
//! by that. The scores are taken as exact. If they are computed within η of the exact ones for
//! every x there can be, subtract 4η from each computed margin: the statement then holds for the
//! classifier of the computed scores.
//!
//! Source: here; T1'' with a Gaussian prior and posterior of row j only.

use statrs::function::erf::erfc;

use super::error::{check_length, check_non_negative, check_not_empty, check_num_classes, check_value};
use super::{BoundError, DeltaShares, kl_inverse};

/// What the computed Φ, and everything made of a few roundings, may be off by. `statrs` is within
/// 2.5·10⁻¹¹ of scipy's Φ at z = −9, −8.99, ..., 9.
const SLACK: f64 = 1e-10;

/// The numbers of one example x of T_j: m(x) and ‖φ(x) − w_j⁰‖.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadExample {
    /// m(x) under the head trained on all of S: the score of x's class less the largest other one.
    /// Finite.
    pub margin: f64,
    /// ‖φ(x) − w_j⁰‖, finite and not negative.
    pub distance: f64,
}

/// The numbers of one class j that T7 needs of T_j.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HeadClass<'a> {
    /// The n_j examples of T_j; none gives the bound 1.
    pub examples: &'a [HeadExample],
    /// ‖Δ_j‖² = ‖w_j − w_j⁰‖², finite and not negative.
    pub squared_shift: f64,
}

/// The numbers fixed before any T_j is seen: κ, and the pairs (σ, c) of a grid.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriorGrid<'a> {
    /// κ, the share of the bias in the noise, in units of the features; from 10⁻¹⁰⁰ to 10¹⁰⁰.
    pub kappa: f64,
    /// The σ: the noise of a score in units of a(x). From 10⁻¹⁰⁰ to 10¹⁰⁰.
    pub sigmas: &'a [f64],
    /// The c: the margin lost, in units of the noise. From 0 to 8; Φ(c) is the factor that
    /// derandomising costs.
    pub thresholds: &'a [f64],
}

/// The certificate of one class at one pair (σ, c).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ClassMeanBound {
    /// σ.
    pub sigma: f64,
    /// c.
    pub threshold: f64,
    /// KL_j in nats.
    pub kl: f64,
    /// The mean of Φ(c − m/(σa)) over T_j, rounded upwards.
    pub gibbs_loss: f64,
    /// The bound of e_j, below 1.
    pub total: f64,
}

/// The certificates of all classes.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ClassMeanCertificate {
    /// The least bound of each class over the grid, of equal ones the first; `None` where none is
    /// below 1.
    pub classes: Vec<Option<ClassMeanBound>>,
}

impl ClassMeanCertificate {
    /// The bound of e_j for every class, at most 1.
    pub fn bounds(&self) -> impl Iterator<Item = f64> + '_ {
        self.classes.iter().map(|class| class.map_or(1.0, |bound| bound.total))
    }

    /// The bound of max_j e_j: the largest of them.
    pub fn worst_class(&self) -> f64 {
        self.bounds().fold(0.0, f64::max)
    }
}

/// T7 for every class. One [`HeadClass`] a class, K of them.
///
/// # Errors
/// [`BoundError::TooFewClasses`]; [`BoundError::Length`] if there is not one share a class;
/// [`BoundError::Empty`] for no σ or no c; [`BoundError::Value`] for a number outside its range.
pub fn class_mean_head(
    classes: &[HeadClass<'_>],
    grid: PriorGrid<'_>,
    shares: &DeltaShares,
) -> Result<ClassMeanCertificate, BoundError> {
    check_num_classes(classes.len())?;
    check_length("shares of delta", classes.len(), shares.shares().len())?;
    grid.check()?;
    let classes = classes.iter().zip(shares.shares()).map(|(class, &share)| class.best(grid, share));
    Ok(ClassMeanCertificate { classes: classes.collect::<Result<_, _>>()? })
}

impl PriorGrid<'_> {
    fn check(&self) -> Result<(), BoundError> {
        check_not_empty("sigma", self.sigmas.len())?;
        check_not_empty("threshold c", self.thresholds.len())?;
        check_scale("kappa", self.kappa)?;
        self.sigmas.iter().try_for_each(|&sigma| check_scale("sigma", sigma))?;
        self.thresholds.iter().try_for_each(|&threshold| {
            check_value((0.0..=8.0).contains(&threshold), "threshold c", threshold, "between 0 and 8")
        })
    }

    /// ln N.
    fn ln_size(&self) -> f64 {
        (self.sigmas.len() as f64).ln() + (self.thresholds.len() as f64).ln()
    }
}

impl HeadClass<'_> {
    fn check(&self) -> Result<(), BoundError> {
        check_non_negative("squared shift of the class mean", self.squared_shift)?;
        for example in self.examples {
            check_non_negative("distance from the class mean", example.distance)?;
            check_value(example.margin.is_finite(), "margin", example.margin, "finite")?;
        }
        Ok(())
    }

    fn best(&self, grid: PriorGrid<'_>, share: f64) -> Result<Option<ClassMeanBound>, BoundError> {
        self.check()?;
        if self.examples.is_empty() {
            return Ok(None);
        }
        let n = self.examples.len() as f64;
        let ln_union = 2f64.ln() + 0.5 * n.ln() + grid.ln_size() - share.ln();
        // m/a does not depend on the pair.
        let ratios: Vec<f64> = self.examples.iter().map(|x| x.margin / x.distance.hypot(grid.kappa)).collect();
        let mut best: Option<ClassMeanBound> = None;
        for &sigma in grid.sigmas {
            let shift = self.squared_shift / sigma / sigma;
            let kl = 0.5 * shift * (1.0 + 0.25 * self.squared_shift / grid.kappa / grid.kappa);
            let relative_entropy = (kl + ln_union) / n * (1.0 + SLACK);
            for &threshold in grid.thresholds {
                let losses: f64 = ratios.iter().map(|ratio| normal_cdf(threshold - ratio / sigma)).sum();
                // A sum of n numbers in [0, 1] is off by at most n·n units; the mean by n.
                let gibbs_loss = (losses / n + SLACK + n * f64::EPSILON).min(1.0);
                let total = kl_inverse(gibbs_loss, relative_entropy)? / (normal_cdf(threshold) - SLACK);
                if total < best.map_or(1.0, |best| best.total) {
                    best = Some(ClassMeanBound { sigma, threshold, kl, gibbs_loss, total });
                }
            }
        }
        Ok(best)
    }
}

/// Φ(z), within [`SLACK`].
fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

fn check_scale(what: &'static str, value: f64) -> Result<(), BoundError> {
    check_value((1e-100..=1e100).contains(&value), what, value, "between 1e-100 and 1e100")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::binary_kl;

    fn example(margin: f64, distance: f64) -> HeadExample {
        HeadExample { margin, distance }
    }

    fn shares() -> DeltaShares {
        DeltaShares::new(vec![0.04, 0.01], 0.05).unwrap()
    }

    fn only(sigma: &f64, threshold: &f64) -> (f64, f64) {
        (*sigma, *threshold)
    }

    #[test]
    fn the_normal_distribution_function() {
        // scipy: for z in ...: print(norm.cdf(z))
        for (z, expected) in [
            (-8.0, 6.22096057427174e-16),
            (-2.25, 0.012224472655044696),
            (-0.71, 0.2388520680899867),
            (-1.0, 0.15865525393145707),
            (-0.1, 0.460172162722971),
            (0.0, 0.5),
            (0.7, 0.758036347776927),
            (1.5, 0.9331927987311419),
            (2.25, 0.9877755273449553),
            (8.0, 0.9999999999999993),
        ] {
            assert!((normal_cdf(z) - expected).abs() < 0.3 * SLACK, "{z}");
        }
        assert_eq!((normal_cdf(f64::NEG_INFINITY), normal_cdf(f64::INFINITY)), (0.0, 1.0));
    }

    #[test]
    fn by_hand() {
        // a = √(3²+4²) = 5, σ a = 1: losses Φ(1.5 − 1.5) = 1/2 and Φ(1.5 − 9.5) = 6·10⁻¹⁶, ten and thirty times; KL =
        // (16 + 4)/(2·0.04).
        let examples = [vec![example(1.5, 3.0); 10], vec![example(9.5, 3.0); 30]].concat();
        let class = HeadClass { examples: &examples, squared_shift: 16.0 };
        let other = HeadClass { examples: &[], squared_shift: 0.0 };
        let grid = PriorGrid { kappa: 4.0, sigmas: &[0.2], thresholds: &[1.5] };
        let found = class_mean_head(&[class, other], grid, &shares()).unwrap();
        // KL = 250 in 40 examples leaves nothing below 1.
        assert_eq!(found.classes, [None, None]);
        assert_eq!(found.bounds().collect::<Vec<_>>(), [1.0, 1.0]);

        let class = HeadClass { examples: &examples, squared_shift: 0.25 };
        let found = class_mean_head(&[class, class], grid, &shares()).unwrap();
        for (bound, share) in found.classes.iter().zip([0.04, 0.01]) {
            let bound = bound.unwrap();
            assert_eq!(only(&bound.sigma, &bound.threshold), (0.2, 1.5));
            // (1/4 + 1/16/64)/(2/25)
            approx::assert_relative_eq!(bound.kl, 3.13720703125, max_relative = 1e-14);
            approx::assert_relative_eq!(bound.gibbs_loss, 0.125, max_relative = 1e-8);
            let allowed = (3.13720703125 + (2.0 * 40f64.sqrt() / share).ln()) / 40.0;
            let inverse = bound.total * 0.9331927987311419;
            approx::assert_relative_eq!(binary_kl(0.125, inverse).unwrap(), allowed, max_relative = 1e-7);
        }
        assert_eq!(found.worst_class(), found.classes[1].unwrap().total);
        assert!(found.worst_class() > found.classes[0].unwrap().total);
    }

    #[test]
    fn mean_entropy_and_factor_are_each_moved_outwards() {
        let examples = [example(2.0, 3.0); 40];
        let class = HeadClass { examples: &examples, squared_shift: 0.25 };
        let grid = PriorGrid { kappa: 4.0, sigmas: &[0.2], thresholds: &[1.5] };
        let bound = class_mean_head(&[class, class], grid, &shares()).unwrap().classes[0].unwrap();
        // scipy: norm.cdf(-.5), norm.cdf(1.5)
        let (loss, factor) = (0.3085375387259869, 0.9331927987311419);
        let moved = |times: f64| times > 0.7 && times < 1.3;
        assert!(moved((bound.gibbs_loss - loss) / SLACK), "{:e}", bound.gibbs_loss - loss);
        let allowed = (3.13720703125 + (2.0 * 40f64.sqrt() / 0.04).ln()) / 40.0;
        let inverse = |slack: f64| kl_inverse(bound.gibbs_loss, allowed * (1.0 + slack)).unwrap();
        // In units of what SLACK in the entropy does; SLACK in the factor, left out, would be 4 of them.
        let by_entropy = (bound.total * (factor - SLACK) - inverse(0.0)) / (inverse(SLACK) - inverse(0.0));
        assert!(moved(by_entropy), "{by_entropy}");
    }

    #[test]
    fn the_mean_of_many_losses_is_moved_by_their_rounding_too() {
        let examples = vec![example(1e300, 0.0); 1 << 16];
        let class = HeadClass { examples: &examples, squared_shift: 0.0 };
        let grid = PriorGrid { kappa: 1.0, sigmas: &[1.0], thresholds: &[0.0] };
        let bound = class_mean_head(&[class, class], grid, &shares()).unwrap().classes[0].unwrap();
        assert_eq!(bound.gibbs_loss, 1e-10 + 2f64.powi(16 - 52));
    }

    #[test]
    fn clean_classes_in_closed_form() {
        // No shift, margins far above the noise: kl⁻¹(0, x) = 1 − e^(−x), so 1 − (δ_j/(2√n N))^(1/n) over Φ(c), N = 6.
        let examples = [example(1e6, 1.0); 400];
        let class = HeadClass { examples: &examples, squared_shift: 0.0 };
        let grid = PriorGrid { kappa: 1.0, sigmas: &[0.5, 0.1, 0.01], thresholds: &[0.0, 2.25] };
        let found = class_mean_head(&[class, class], grid, &shares()).unwrap();
        let expected = (1.0 - (0.04f64 / (2.0 * 20.0 * 6.0)).powf(1.0 / 400.0)) / 0.9877755273449553;
        let bound = found.classes[0].unwrap();
        // The slack of 10⁻¹⁰ in the mean is what the tolerance is for: kl⁻¹ grows by some twenty times that.
        approx::assert_relative_eq!(bound.total, expected, max_relative = 1e-7);
        assert!(bound.total >= expected);
        // Every σ gives the same: the first is named.
        assert_eq!((bound.kl, bound.sigma, bound.threshold), (0.0, 0.5, 2.25));
    }

    #[test]
    fn the_best_pair_is_taken_and_paid_for() {
        let examples: Vec<HeadExample> = (0..300).map(|i| example(0.02 * f64::from(i) - 0.5, 1.0)).collect();
        let classes = [HeadClass { examples: &examples, squared_shift: 0.02 }; 2];
        let at = |sigmas: &[f64], thresholds: &[f64]| {
            class_mean_head(&classes, PriorGrid { kappa: 1.0, sigmas, thresholds }, &shares()).unwrap()
        };
        let (sigmas, thresholds) = ([0.01, 0.025, 0.05, 0.1, 0.2], [0.5, 1.5, 2.25]);
        let all = at(&sigmas, &thresholds);
        let best = all.classes[0].unwrap();
        assert!(sigmas[1..4].contains(&best.sigma), "{best:?}");
        for sigma in sigmas {
            for threshold in thresholds {
                // The same pair fifteen times over is a grid of fifteen: the union is paid for, and no other pair is
                // better.
                let alone = at(&[sigma; 5], &[threshold; 3]).classes[0].map_or(1.0, |bound| bound.total);
                assert!(
                    alone >= best.total
                        && (alone > best.total || only(&sigma, &threshold) == only(&best.sigma, &best.threshold))
                );
                assert!(at(&[sigma], &[threshold]).bounds().next().unwrap() <= alone);
            }
        }
    }

    #[test]
    fn larger_margins_and_smaller_shifts_make_it_smaller() {
        let bound = |margin: f64, distance: f64, squared_shift: f64, kappa: f64| {
            let examples = [example(margin, distance); 100];
            let class = HeadClass { examples: &examples, squared_shift };
            let grid = PriorGrid { kappa, sigmas: &[0.5], thresholds: &[1.5] };
            class_mean_head(&[class, class], grid, &shares()).unwrap().worst_class()
        };
        let middle = bound(2.0, 1.0, 1.0, 1.0);
        assert!(middle < 1.0);
        for worse in [bound(1.9, 1.0, 1.0, 1.0), bound(2.0, 1.1, 1.0, 1.0), bound(2.0, 1.0, 1.1, 1.0)] {
            assert!(worse > middle, "{worse} {middle}");
        }
        // κ: more noise, but less KL of the bias.
        assert!(bound(2.0, 1.0, 0.01, 1.1) > bound(2.0, 1.0, 0.01, 1.0));
        assert!(bound(6.0, 1.0, 4.0, 1.1) < bound(6.0, 1.0, 4.0, 1.0));
        assert_eq!(bound(2.0, 1.0, 1e300, 1e-100), 1.0);
        assert_eq!(bound(-2.0, 1.0, 0.0, 1.0), 1.0);
    }

    #[test]
    fn bad_input_is_named() {
        let good = [example(1.0, 1.0)];
        let class = HeadClass { examples: &good, squared_shift: 0.0 };
        let grid = PriorGrid { kappa: 1.0, sigmas: &[1.0], thresholds: &[1.0] };
        assert!(matches!(class_mean_head(&[class], grid, &shares()), Err(BoundError::TooFewClasses { .. })));
        assert!(matches!(
            class_mean_head(&[class; 3], grid, &shares()),
            Err(BoundError::Length { expected: 3, got: 2, .. })
        ));
        let error = |grid: PriorGrid<'_>| class_mean_head(&[class; 2], grid, &shares()).unwrap_err();
        assert_eq!(error(PriorGrid { sigmas: &[], ..grid }), BoundError::Empty { what: "sigma" });
        assert_eq!(error(PriorGrid { thresholds: &[], ..grid }), BoundError::Empty { what: "threshold c" });
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-101] {
            assert!(matches!(error(PriorGrid { kappa: bad, ..grid }), BoundError::Value { what: "kappa", .. }));
            assert!(matches!(
                error(PriorGrid { sigmas: &[1.0, bad], ..grid }),
                BoundError::Value { what: "sigma", .. }
            ));
        }
        for bad in [-0.1, 8.1, f64::NAN] {
            let error = error(PriorGrid { thresholds: &[1.0, bad], ..grid });
            assert!(matches!(error, BoundError::Value { what: "threshold c", .. }));
        }
        assert!(class_mean_head(&[class; 2], PriorGrid { thresholds: &[0.0, 8.0], ..grid }, &shares()).is_ok());
        let error = |example: HeadExample, squared_shift| {
            let examples = [good[0], example];
            class_mean_head(&[class, HeadClass { examples: &examples, squared_shift }], grid, &shares()).unwrap_err()
        };
        for (example, squared_shift, named) in [
            (example(f64::NAN, 1.0), 0.0, "margin"),
            (example(f64::INFINITY, 1.0), 0.0, "margin"),
            (example(1.0, -1.0), 0.0, "distance from the class mean"),
            (example(1.0, f64::INFINITY), 0.0, "distance from the class mean"),
            (example(1.0, 1.0), -1.0, "squared shift of the class mean"),
            (example(1.0, 1.0), f64::NAN, "squared shift of the class mean"),
        ] {
            assert!(
                matches!(error(example, squared_shift), BoundError::Value { what, .. } if what == named),
                "{named}"
            );
        }
    }
}
