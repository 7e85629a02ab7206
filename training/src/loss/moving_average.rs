//! The moving average of the confusion (D7), stored by true class: row j of the tensor is column j
//! of C̄.

use car_spectral::car::{EmaColumns, EmaOptions, EmaStart};
use tch::{Device, Kind, TchError, Tensor};

/// The numbers of batches end here: every one up to it is exact in f64 too.
pub(super) const MOST_BATCHES: i64 = 1 << 53;

/// Entries of the history below this become 0: 10^4 times the smallest normal number, 1.2e-34 (f32)
/// or 2.2e-304. The history decays towards the subnormal numbers, with which processors compute
/// slowly and Lanczos has no digits left.
fn negligible(kind: Kind) -> f64 {
    1e4 * if kind == Kind::Double { f64::MIN_POSITIVE } else { f64::from(f32::MIN_POSITIVE) }
}

/// Batches in which the history decays by 1e-4: entries that are not negligible stay normal numbers
/// in between.
fn batches_between_sweeps(beta: f64) -> i64 {
    ((1e-4f64.ln() / beta.ln()) as i64).max(1)
}

/// C̄ᵀ before bias correction, and how many batches stand behind it.
#[derive(Debug)]
pub(super) struct ConfusionEma {
    pub(super) options: EmaOptions,
    /// `[K, K]`, row = true class, column = predicted class.
    pub(super) by_true_class: Tensor,
    pub(super) seen: Seen,
}

/// What stands for t.
#[derive(Debug)]
pub(super) enum Seen {
    /// Batches, for [`EmaColumns::All`].
    Batches(i64),
    /// Batches with class j, `[K]` int64, for [`EmaColumns::Present`].
    Occurrences(Tensor),
}

impl ConfusionEma {
    pub(super) fn new(options: EmaOptions, num_classes: i64, kind: Kind, device: Device) -> Result<Self, TchError> {
        let seen = match options.columns {
            EmaColumns::All => Seen::Batches(0),
            EmaColumns::Present => Seen::Occurrences(Tensor::f_zeros([num_classes], (Kind::Int64, device))?),
        };
        Ok(Self { options, by_true_class: Tensor::f_zeros([num_classes, num_classes], (kind, device))?, seen })
    }

    /// Takes the batch with samples S `[B, K]` (detached) and targets `[B]` in. Returns, one a
    /// sample, the factor dC̄/dS of the matrix before bias correction: its share w_j / n_j, or 0
    /// where the batch was taken as a constant.
    pub(super) fn update(&mut self, samples: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
        let beta = self.options.beta;
        let num_classes = self.by_true_class.size()[0];
        let options = (samples.kind(), samples.device());
        let ones = Tensor::f_ones([samples.size()[0]], options)?;
        let counts = Tensor::f_zeros([num_classes], options)?.f_index_add_(0, targets, &ones)?;
        let mean = counts.f_index_select(0, targets)?.f_reciprocal()?;
        let first_is_constant = self.options.start == EmaStart::FirstBatch;
        let (share, gradient) = match &mut self.seen {
            Seen::Batches(batches) => {
                let first = *batches == 0;
                *batches = (*batches + 1).min(MOST_BATCHES);
                let _ = self.by_true_class.f_mul_scalar_(beta)?;
                if *batches % batches_between_sweeps(beta) == 0 {
                    let negligible = negligible(samples.kind());
                    let _ = self.by_true_class.f_threshold_(negligible, 0.0)?;
                }
                if first && first_is_constant {
                    let nothing = mean.f_zeros_like()?;
                    (mean, nothing)
                } else {
                    let share = mean.f_mul_scalar(1.0 - beta)?;
                    (share.shallow_clone(), share)
                }
            }
            Seen::Occurrences(occurrences) => {
                let first = occurrences.f_index_select(0, targets)?.f_eq(0)?;
                let present = counts.f_gt(0)?.f_to_kind(Kind::Int64)?;
                let _ = occurrences.f_add_(&present)?.f_clamp_max_(MOST_BATCHES)?;
                // The rows of a class that occurs twice are written twice, with the same values.
                let decayed = self.by_true_class.f_index_select(0, targets)?.f_mul_scalar_(beta)?;
                let decayed = decayed.f_threshold(negligible(samples.kind()), 0.0)?;
                let _ = self.by_true_class.f_index_copy_(0, targets, &decayed)?;
                let share = mean.f_mul_scalar(1.0 - beta)?;
                if first_is_constant {
                    let constant = share.f_masked_fill(&first, 0.0)?;
                    (mean.f_where_self(&first, &share)?, constant)
                } else {
                    (share.shallow_clone(), share)
                }
            }
        };
        let _ = self.by_true_class.f_index_add_(0, targets, &samples.f_mul(&share.f_unsqueeze(1)?)?)?;
        Ok(gradient)
    }

    /// `weights` `[K]` times what each column has to be multiplied by when used: 1, or 1/(1 - b^t)
    /// if bias-corrected.
    pub(super) fn corrected(&self, weights: &Tensor) -> Result<Tensor, TchError> {
        if self.options.start != EmaStart::BiasCorrected {
            return Ok(weights.shallow_clone());
        }
        // 1 - b^t without cancellation; b = 0 gives exp(-inf) = 0.
        let log_beta = self.options.beta.ln();
        match &self.seen {
            Seen::Batches(0) => Ok(weights.shallow_clone()),
            Seen::Batches(batches) => weights.f_div_scalar(-(*batches as f64 * log_beta).exp_m1()),
            Seen::Occurrences(occurrences) => {
                // A class never seen has a zero column; any finite factor does.
                let exponents = occurrences.f_to_kind(Kind::Double)?.f_clamp_min(1.0)?.f_mul_scalar(log_beta)?;
                weights.f_div(&exponents.f_expm1()?.f_neg()?.f_to_kind(weights.kind())?)
            }
        }
    }

    /// C̄ as used: `[K, K]`, row = predicted, column = true.
    pub(super) fn matrix(&self) -> Result<Tensor, TchError> {
        let ones = Tensor::f_ones([self.by_true_class.size()[0]], (self.by_true_class.kind(), self.device()))?;
        self.by_true_class.f_mul(&self.corrected(&ones)?.f_unsqueeze(1)?)?.f_transpose(0, 1)?.f_contiguous()
    }

    pub(super) fn kind(&self) -> Kind {
        self.by_true_class.kind()
    }

    pub(super) fn device(&self) -> Device {
        self.by_true_class.device()
    }

    /// The same in another kind, on another device.
    pub(super) fn to(&self, kind: Kind, device: Device) -> Result<Self, TchError> {
        let seen = match &self.seen {
            Seen::Batches(batches) => Seen::Batches(*batches),
            Seen::Occurrences(occurrences) => Seen::Occurrences(occurrences.f_to_device(device)?),
        };
        Ok(Self {
            options: self.options,
            by_true_class: self.by_true_class.f_to_device(device)?.f_to_kind(kind)?,
            seen,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BETA: f64 = 0.75;

    /// Four batches of two classes; class 1 is missing from the second and the third. One sample a
    /// class, so that the batch's confusion is the sample itself: 0.5 and, times the step, 0.1.
    fn run(start: EmaStart, columns: EmaColumns) -> (Vec<[f64; 2]>, Vec<Vec<f64>>) {
        let mut ema =
            ConfusionEma::new(EmaOptions { beta: BETA, start, columns }, 2, Kind::Double, Device::Cpu).unwrap();
        let (mut matrices, mut gradients) = (vec![], vec![]);
        for step in 1..=4 {
            let off_diagonal = [0.5, 0.1 * f64::from(step)];
            let classes: &[i64] = if [2, 3].contains(&step) { &[0] } else { &[0, 1] };
            let samples = Tensor::from_slice(&[0.0, off_diagonal[0], off_diagonal[1], 0.0]).view([2, 2]);
            let targets = Tensor::from_slice(classes);
            let gradient = ema.update(&samples.narrow(0, 0, classes.len() as i64), &targets).unwrap();
            gradients.push(Vec::<f64>::try_from(gradient).unwrap());
            let matrix = ema.matrix().unwrap();
            // Row = predicted: the confusion of true class 0 stands in row 1.
            matrices.push([matrix.double_value(&[1, 0]), matrix.double_value(&[0, 1])]);
        }
        (matrices, gradients)
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-15, "{found} {expected}");
        }
    }

    /// The average of class 1's column after the last step, by its own recursion over the batches
    /// that move it.
    #[test]
    fn every_start_and_choice_of_columns_by_hand() {
        let (b, c) = (BETA, 1.0 - BETA);
        let all_zero = b.powi(3) * c * 0.1 + c * 0.4;
        let all_first = b.powi(3) * 0.1 + c * 0.4;
        let present_zero = b * c * 0.1 + c * 0.4;
        let present_first = b * 0.1 + c * 0.4;
        let cases = [
            (EmaStart::Zero, EmaColumns::All, 0.5 * (1.0 - b.powi(4)), all_zero),
            (EmaStart::FirstBatch, EmaColumns::All, 0.5, all_first),
            (EmaStart::BiasCorrected, EmaColumns::All, 0.5, all_zero / (1.0 - b.powi(4))),
            (EmaStart::Zero, EmaColumns::Present, 0.5 * (1.0 - b.powi(4)), present_zero),
            (EmaStart::FirstBatch, EmaColumns::Present, 0.5, present_first),
            (EmaStart::BiasCorrected, EmaColumns::Present, 0.5, present_zero / (1.0 - b.powi(2))),
        ];
        for (start, columns, first, second) in cases {
            let (matrices, gradients) = run(start, columns);
            assert_close(&matrices[3], &[first, second]);
            assert_close(&gradients[3], &[c, c]);
            let at_first = if start == EmaStart::FirstBatch { 0.0 } else { c };
            assert_close(&gradients[0], &[at_first, at_first]);
            assert_close(&gradients[1], &[c]);
        }
    }

    #[test]
    fn a_class_that_comes_later_is_taken_whole_as_a_constant() {
        let options = EmaOptions { beta: BETA, start: EmaStart::FirstBatch, columns: EmaColumns::Present };
        let mut ema = ConfusionEma::new(options, 3, Kind::Double, Device::Cpu).unwrap();
        let samples = Tensor::from_slice(&[0.0, 0.4, 0.2, 0.0, 0.8, 0.2, 0.3, 0.0, 0.1]).view([3, 3]);
        let step = |ema: &mut ConfusionEma, targets: &[i64]| {
            let samples = samples.narrow(0, 0, targets.len() as i64);
            Vec::<f64>::try_from(ema.update(&samples, &Tensor::from_slice(targets)).unwrap()).unwrap()
        };
        assert_eq!(step(&mut ema, &[0, 0]), [0.0, 0.0]);
        assert_eq!(step(&mut ema, &[0, 0, 1]), [0.125, 0.125, 0.0]);
        let column = Vec::<f64>::try_from(ema.matrix().unwrap().select(1, 1).contiguous()).unwrap();
        assert_close(&column, &[0.3, 0.0, 0.1]);
        let column = Vec::<f64>::try_from(ema.matrix().unwrap().select(1, 0).contiguous()).unwrap();
        assert_close(&column, &[0.0, 0.6, 0.2]);
    }

    #[test]
    fn bias_correction_keeps_its_digits_for_b_close_to_one() {
        for columns in [EmaColumns::All, EmaColumns::Present] {
            let options = EmaOptions { beta: 1.0 - 1e-12, start: EmaStart::BiasCorrected, columns };
            let mut ema = ConfusionEma::new(options, 2, Kind::Double, Device::Cpu).unwrap();
            for _ in 0..2 {
                let samples = Tensor::from_slice(&[0.0, 0.5, 0.25, 0.0]).view([2, 2]);
                let _ = ema.update(&samples, &Tensor::from_slice(&[0i64, 1])).unwrap();
            }
            // 1 - b itself has lost four digits to the rounding of b.
            assert!((ema.matrix().unwrap().double_value(&[1, 0]) - 0.5).abs() < 1e-10);
        }
    }

    /// Two batches of class 0, then two hundred without it: its column must not linger among the
    /// subnormal numbers.
    #[test]
    fn history_vanishes_before_it_is_subnormal() {
        for columns in [EmaColumns::All, EmaColumns::Present] {
            let options = EmaOptions { beta: 0.5, start: EmaStart::Zero, columns };
            let mut ema = ConfusionEma::new(options, 2, Kind::Float, Device::Cpu).unwrap();
            let samples = Tensor::from_slice(&[0.0f32, 0.5, 1e-36, 0.0]).view([2, 2]);
            for step in 0..200 {
                let (row, class) = if step < 2 { (0, 0i64) } else { (1, 1) };
                let _ = ema.update(&samples.narrow(0, row, 1), &Tensor::from_slice(&[class])).unwrap();
                let values = Vec::<f32>::try_from(ema.by_true_class.flatten(0, -1)).unwrap();
                assert!(values.iter().all(|value| *value == 0.0 || value.is_normal()), "step {step}: {values:?}");
            }
            let kept = if columns == EmaColumns::All { 0.0 } else { 0.375 };
            assert_eq!(ema.matrix().unwrap().double_value(&[1, 0]), kept);
        }
    }
}
