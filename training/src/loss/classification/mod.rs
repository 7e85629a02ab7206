//! Classification losses of the long-tail literature. All take logits f `[B, K]` and labels y `[B]`
//! and give a scalar; CAR can be added to each, on the same logits.
//!
//! | file | holds |
//! | --- | --- |
//! | `class_balanced` | the weights of classes by effective numbers of images |
//! | `focal` | the factor of focal loss |
//! | `ldam` | the margins of LDAM |
//! | `logit_adjustment` | the shifts of logit adjustment, with τ = 1 those of Balanced Softmax |

mod class_balanced;
mod focal;
mod ldam;
mod logit_adjustment;

use car_spectral_runs::settings::ClassificationOptions;
use tch::{Device, Kind, Reduction, Tensor};

use crate::{Result, TrainingError};

/// A loss for given class counts.
#[derive(Debug)]
pub struct ClassificationLoss {
    options: ClassificationOptions,
    /// By class, on the device of the first logits: tau ln pi_j, or s Delta_j.
    shift: Option<Tensor>,
    weights: Option<Tensor>,
}

impl ClassificationLoss {
    /// Makes the loss for `[K]` training images of each class.
    ///
    /// # Errors
    /// [`TrainingError::Setting`] for a constant out of its range, or for a loss that needs images
    /// of every class and counts with a zero.
    pub fn new(class_counts: &[u64], options: ClassificationOptions) -> Result<Self> {
        options.check()?;
        let needs_all = !matches!(options, ClassificationOptions::CrossEntropy | ClassificationOptions::Focal { .. });
        if let Some(class) = class_counts.iter().position(|&count| count == 0).filter(|_| needs_all) {
            let requirement = format!("class {class} has no training images, and the {} needs some", options.label());
            return Err(TrainingError::setting("class counts", 0, requirement));
        }
        let tensor = |values: Vec<f64>| Some(Tensor::from_slice(&values));
        let (shift, weights) = match options {
            ClassificationOptions::CrossEntropy | ClassificationOptions::Focal { .. } => (None, None),
            ClassificationOptions::ClassBalanced { beta } => {
                (None, tensor(class_balanced::weights(class_counts, beta)))
            }
            ClassificationOptions::LdamDrw { largest_margin, scale, beta, .. } => {
                let margins = ldam::scaled_margins(class_counts, largest_margin, scale);
                (tensor(margins), tensor(class_balanced::weights(class_counts, beta)))
            }
            ClassificationOptions::LogitAdjustment { tau } => {
                (tensor(logit_adjustment::shifts(class_counts, tau)), None)
            }
        };
        Ok(Self { options, shift, weights })
    }

    /// The loss of a batch in epoch `epoch` (from 1).
    pub fn forward(&mut self, logits: &Tensor, targets: &Tensor, epoch: usize) -> Result<Tensor> {
        self.move_to(logits.device(), logits.kind())?;
        let cross_entropy = |logits: &Tensor, weights: Option<&Tensor>| {
            logits.f_cross_entropy_loss(targets, weights, Reduction::Mean, -100, 0.0)
        };
        Ok(match (self.options, &self.shift) {
            (ClassificationOptions::Focal { gamma }, _) => {
                let log = logits.f_log_softmax(1, logits.kind())?.f_gather(1, &targets.f_unsqueeze(1)?, false)?;
                -(focal::factor(&log, gamma)? * log).f_mean(logits.kind())?
            }
            (ClassificationOptions::LdamDrw { deferred_from, .. }, Some(margins)) => {
                let taken_off = ldam::take_off(margins, logits, targets)?;
                cross_entropy(&taken_off, self.weights.as_ref().filter(|_| epoch >= deferred_from))?
            }
            (_, Some(adjustment)) => cross_entropy(&logits.f_add(adjustment)?, None)?,
            (_, None) => cross_entropy(logits, self.weights.as_ref())?,
        })
    }

    /// The loss of a batch whose labels y `[B, K]` are distributions, in the kind of the logits:
    /// each term of the loss, and each weight that the sum is divided by, becomes its mean under y,
    ///
    /// ```text
    /// - sum_qk y_qk w_k (1 - p_qk)^gamma ln p_qk / sum_qk y_qk w_k      w_k = 1 and gamma = 0 for a loss without them
    /// ```
    ///
    /// so that labels of one class give [`ClassificationLoss::forward`], and a mixture of two
    /// labels the mixture of their terms.
    ///
    /// # Errors
    /// [`TrainingError::Setting`] for a loss without soft labels; passes on what libtorch refuses.
    pub fn forward_soft(&mut self, logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
        if !self.options.takes_soft_labels() {
            let requirement =
                "takes no soft labels, so it goes with no `cutmix`; give another loss, or leave `cutmix` out";
            return Err(TrainingError::setting("loss", self.options.label(), requirement));
        }
        self.move_to(logits.device(), logits.kind())?;
        let log = match &self.shift {
            Some(adjustment) => logits.f_add(adjustment)?.f_log_softmax(1, logits.kind())?,
            None => logits.f_log_softmax(1, logits.kind())?,
        };
        let terms = match self.options {
            ClassificationOptions::Focal { gamma } => focal::factor(&log, gamma)? * log,
            _ => log,
        };
        let weighted = match &self.weights {
            Some(weights) => labels.f_mul(weights)?,
            None => labels.shallow_clone(),
        };
        let total = weighted.f_sum(logits.kind())?;
        Ok(-(weighted * terms).f_sum(logits.kind())? / total)
    }

    fn move_to(&mut self, device: Device, kind: Kind) -> Result<()> {
        for tensor in [&mut self.shift, &mut self.weights].into_iter().flatten() {
            if tensor.device() != device || tensor.kind() != kind {
                *tensor = tensor.f_to_device(device)?.f_to_kind(kind)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTS: [u64; 3] = [80, 15, 5];
    const ALL: [ClassificationOptions; 7] = [
        ClassificationOptions::CrossEntropy,
        ClassificationOptions::Focal { gamma: 2.0 },
        ClassificationOptions::Focal { gamma: 0.5 },
        ClassificationOptions::ClassBalanced { beta: 0.999 },
        ClassificationOptions::LdamDrw { largest_margin: 0.5, scale: 30.0, beta: 0.9999, deferred_from: 3 },
        ClassificationOptions::LogitAdjustment { tau: 1.0 },
        ClassificationOptions::LogitAdjustment { tau: 0.9 },
    ];

    /// The definitions, example by example.
    fn by_definition(options: ClassificationOptions, rows: &[[f64; 3]], labels: &[i64], epoch: usize) -> f64 {
        let total: u64 = COUNTS.iter().sum();
        let log_p = |row: [f64; 3], y: usize| row[y] - row.iter().map(|x| x.exp()).sum::<f64>().ln();
        let weight = |beta: f64, y: usize| (1.0 - beta) / (1.0 - beta.powf(COUNTS[y] as f64));
        let (mut sum, mut weights) = (0.0, 0.0);
        for (row, &y) in rows.iter().zip(labels) {
            let (mut row, y, mut w) = (*row, y as usize, 1.0);
            let mut factor = 1.0;
            match options {
                ClassificationOptions::CrossEntropy => {}
                ClassificationOptions::Focal { gamma } => factor = (1.0 - log_p(row, y).exp()).powf(gamma),
                ClassificationOptions::ClassBalanced { beta } => w = weight(beta, y),
                ClassificationOptions::LdamDrw { largest_margin, scale, beta, deferred_from } => {
                    row[y] -= scale * largest_margin * (5.0 / COUNTS[y] as f64).powf(0.25);
                    if epoch >= deferred_from {
                        w = weight(beta, y);
                    }
                }
                ClassificationOptions::LogitAdjustment { tau } => {
                    for (x, n) in row.iter_mut().zip(COUNTS) {
                        *x += tau * (n as f64 / total as f64).ln();
                    }
                }
            }
            sum -= w * factor * log_p(row, y);
            weights += w;
        }
        sum / weights
    }

    fn value(options: ClassificationOptions, rows: &[[f64; 3]], labels: &[i64], epoch: usize) -> f64 {
        let logits = Tensor::from_slice(&rows.concat()).view([-1, 3]);
        let mut loss = ClassificationLoss::new(&COUNTS, options).unwrap();
        loss.forward(&logits, &Tensor::from_slice(labels), epoch).unwrap().double_value(&[])
    }

    const ROWS: [[f64; 3]; 4] = [[2.0, 0.5, -1.0], [0.25, 0.5, 0.125], [-3.0, 1.0, 0.0], [6.0, -2.0, 4.0]];
    const LABELS: [i64; 4] = [0, 2, 1, 2];

    #[test]
    fn values_are_those_of_the_definitions() {
        for options in ALL {
            for epoch in [1, 2, 3, 9] {
                let (found, expected) =
                    (value(options, &ROWS, &LABELS, epoch), by_definition(options, &ROWS, &LABELS, epoch));
                assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{options:?}: {found} for {expected}");
            }
        }
        // By hand: one example, p_y = 1/2 of two equal leaders.
        let halves = [[0.0, 0.0, -1e9]];
        let ln2 = 2f64.ln();
        for (options, expected) in [
            (ALL[0], ln2),
            (ALL[1], 0.25 * ln2),
            (ALL[3], ln2),
            // f_1 + ln(.15) against f_0 + ln(.8): p = .15/.95.
            (ALL[5], (0.95f64 / 0.15).ln()),
        ] {
            assert!((value(options, &halves, &[1], 1) - expected).abs() < 1e-14, "{options:?}");
        }
    }

    #[test]
    fn gradients_are_those_of_central_differences() {
        for options in ALL {
            for epoch in [1, 3] {
                let logits = Tensor::from_slice(&ROWS.concat()).view([-1, 3]).set_requires_grad(true);
                let mut loss = ClassificationLoss::new(&COUNTS, options).unwrap();
                loss.forward(&logits, &Tensor::from_slice(&LABELS), epoch).unwrap().backward();
                check_gradient(&logits, &format!("{options:?}"), |rows| value(options, rows, &LABELS, epoch));
            }
        }
    }

    /// Holds the gradient at [`ROWS`] against central differences.
    fn check_gradient(logits: &Tensor, what: &str, value: impl Fn(&[[f64; 3]]) -> f64) {
        let gradient = Vec::<f64>::try_from(logits.grad().flatten(0, -1)).unwrap();
        for (at, &found) in gradient.iter().enumerate() {
            let moved = |by: f64| {
                let mut rows = ROWS;
                rows[at / 3][at % 3] += by;
                value(&rows)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((found - difference).abs() < 1e-8, "{what}, {at}: {found} for {difference}");
        }
    }

    fn soft_value(options: ClassificationOptions, rows: &[[f64; 3]], labels: &[[f64; 3]]) -> f64 {
        let logits = Tensor::from_slice(&rows.concat()).view([-1, 3]);
        let mut loss = ClassificationLoss::new(&COUNTS, options).unwrap();
        loss.forward_soft(&logits, &Tensor::from_slice(&labels.concat()).view([-1, 3])).unwrap().double_value(&[])
    }

    #[test]
    fn soft_labels_mix_the_terms_of_the_classes() {
        const SOFT: [[f64; 3]; 4] = [[0.75, 0.25, 0.0], [0.0, 1.0, 0.0], [0.1, 0.2, 0.7], [0.5, 0.0, 0.5]];
        for options in ALL.into_iter().filter(ClassificationOptions::takes_soft_labels) {
            let one_hot = LABELS.map(|y| std::array::from_fn(|class| f64::from(class as i64 == y)));
            let (found, hard) = (soft_value(options, &ROWS, &one_hot), value(options, &ROWS, &LABELS, 1));
            assert!((found - hard).abs() < 1e-12, "{options:?}: {found} for {hard}");

            // Every class of every sample as a sample of its own, with the weight it has in the label.
            let (mut sum, mut weights) = (0.0, 0.0);
            for (row, label) in ROWS.iter().zip(SOFT) {
                for (class, share) in label.into_iter().enumerate() {
                    let weight = match options {
                        ClassificationOptions::ClassBalanced { beta } => {
                            share * (1.0 - beta) / (1.0 - beta.powf(COUNTS[class] as f64))
                        }
                        _ => share,
                    };
                    sum += weight * by_definition(options, &[*row], &[class as i64], 1);
                    weights += weight;
                }
            }
            let found = soft_value(options, &ROWS, &SOFT);
            assert!((found - sum / weights).abs() < 1e-12, "{options:?}: {found} for {}", sum / weights);

            let logits = Tensor::from_slice(&ROWS.concat()).view([-1, 3]).set_requires_grad(true);
            let mut loss = ClassificationLoss::new(&COUNTS, options).unwrap();
            let labels = Tensor::from_slice(&SOFT.concat()).view([-1, 3]);
            loss.forward_soft(&logits, &labels).unwrap().backward();
            check_gradient(&logits, &format!("{options:?}"), |rows| soft_value(options, rows, &SOFT));
        }
        let mut ldam = ClassificationLoss::new(&COUNTS, ALL[4]).unwrap();
        let logits = Tensor::zeros([1, 3], (Kind::Double, Device::Cpu));
        let text = ldam.forward_soft(&logits, &logits).unwrap_err().to_string();
        assert!(text.contains("loss = LDAM-DRW") && text.contains("`cutmix`"), "{text}");
    }

    #[test]
    fn extreme_logits_stay_finite_and_kinds_follow_the_logits() {
        for options in ALL {
            let mut loss = ClassificationLoss::new(&COUNTS, options).unwrap();
            for kind in [Kind::Float, Kind::Double] {
                let logits = Tensor::from_slice(&[80.0, -80.0, 0.0, -500.0, 500.0, 0.0]).view([2, 3]).to_kind(kind);
                let logits = logits.set_requires_grad(true);
                let value = loss.forward(&logits, &Tensor::from_slice(&[0i64, 0]), 5).unwrap();
                value.backward();
                assert!(value.kind() == kind && value.double_value(&[]).is_finite(), "{options:?}");
                assert_eq!(logits.grad().isfinite().all().int64_value(&[]), 1, "{options:?}");
            }
        }
    }

    #[test]
    fn a_constant_out_of_range_or_an_empty_class_is_refused() {
        for (options, part) in [
            (ClassificationOptions::Focal { gamma: -1.0 }, "gamma"),
            (ClassificationOptions::ClassBalanced { beta: 1.0 }, "class-beta"),
            (ClassificationOptions::LogitAdjustment { tau: f64::NAN }, "tau"),
            (
                ClassificationOptions::LdamDrw { largest_margin: 0.0, scale: 30.0, beta: 0.9, deferred_from: 1 },
                "largest-margin",
            ),
        ] {
            assert!(ClassificationLoss::new(&COUNTS, options).unwrap_err().to_string().contains(part));
        }
        let error = ClassificationLoss::new(&[3, 0, 1], ALL[5]).unwrap_err().to_string();
        assert!(error.contains("class 1 has no training images") && error.contains("Balanced Softmax"), "{error}");
        ClassificationLoss::new(&[3, 0, 1], ALL[0]).unwrap();
        // Cui et al.: b = 0 weighs all classes alike; b -> 1 by 1/n.
        assert!(class_balanced::weights(&COUNTS, 0.0).iter().all(|weight| (weight - 1.0).abs() < 1e-15));
        let inverse = class_balanced::weights(&COUNTS, 1.0 - 1e-12);
        assert!((inverse[2] / inverse[0] - 16.0).abs() < 1e-8, "{inverse:?}");
    }
}
