//! CAR in the training loop: one call a step, its value and its gradient in the objective; and what
//! the run records of it.

use std::collections::BTreeMap;

use car_spectral::car::{CarOptions, EmaColumns, descent_cosine};
use car_spectral::confusion::{ClassWeights, ConfusionMatrix};
use car_spectral::longtail::Group;
use car_spectral::norms::{self, SpectralNorm};
use car_spectral_runs::log::{CarMetrics, EmaGap};
use ndarray::{Array2, ArrayView2};
use tch::{Kind, Tensor};

use super::car_monitor::CarMonitor;
use crate::Result;
use crate::loss::CarLoss;

/// The regulariser of a run.
#[derive(Debug)]
pub(crate) struct CarTerm {
    class_counts: Vec<u64>,
    loss: CarLoss,
    monitor: Option<CarMonitor>,
    steps: usize,
    spectral: f64,
}

impl CarTerm {
    /// For `class_counts` `[K]` training images of each class; with `diagnose`, what [`CarMonitor`]
    /// measures is recorded, too.
    pub(crate) fn new(class_counts: &[u64], options: CarOptions, diagnose: bool) -> Result<Self> {
        Ok(Self {
            class_counts: class_counts.to_vec(),
            loss: CarLoss::new(class_counts, options)?,
            monitor: diagnose.then(|| CarMonitor::new(class_counts, options)).transpose()?,
            steps: 0,
            spectral: 0.0,
        })
    }

    pub(crate) fn loss(&self) -> &CarLoss {
        &self.loss
    }

    /// State of the average that is kept for comparison; empty without diagnosis.
    pub(crate) fn other_state(&self) -> BTreeMap<String, Tensor> {
        self.monitor.as_ref().map_or_else(BTreeMap::new, CarMonitor::state)
    }

    /// Puts back what both averages gave.
    pub(crate) fn set_state(
        &mut self,
        loss: &BTreeMap<String, Tensor>,
        other: &BTreeMap<String, Tensor>,
    ) -> Result<()> {
        self.loss.set_state(loss)?;
        self.monitor.as_mut().map_or(Ok(()), |monitor| monitor.set_state(other))
    }

    /// Takes in a batch: the norm, not times alpha, differentiable by `logits` [B, K].
    pub(crate) fn step(&mut self, logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
        let spectral = match &mut self.monitor {
            None => self.loss.regulariser(logits, targets)?,
            Some(monitor) => monitor.watch(&mut self.loss, logits, targets)?,
        };
        self.steps += 1;
        self.spectral += spectral.f_double_value(&[])?;
        Ok(spectral)
    }

    /// The record of the epoch that ends, None for one without a batch, and a fresh start.
    /// `evaluated` holds the surrogate and the hard matrix's top pair of the training set.
    pub(crate) fn finish_epoch(
        &mut self,
        step_seconds: f64,
        evaluated: Option<(&ConfusionMatrix, &SpectralNorm)>,
    ) -> Result<Option<CarMetrics>> {
        let (steps, spectral) = (std::mem::take(&mut self.steps), std::mem::take(&mut self.spectral));
        if steps == 0 {
            return Ok(None);
        }
        let diagnosis = self.monitor.as_mut().map(|monitor| monitor.finish_epoch(steps, step_seconds));
        let mut metrics = CarMetrics {
            spectral: spectral / steps as f64,
            diagnosis,
            gap_all_columns: None,
            gap_present_columns: None,
            ema_hard_cosine: None,
        };
        if let Some((surrogate, hard)) = evaluated {
            let surrogate = surrogate.to_dense();
            let own = matrix(&self.loss.ema())?;
            let own_gap = self.gap(own.view(), surrogate.view());
            let other = self.monitor.as_ref().map(|monitor| matrix(&monitor.ema())).transpose()?;
            let other_gap = other.map(|other| self.gap(other.view(), surrogate.view()));
            let all_columns = self.loss.options().ema.columns == EmaColumns::All;
            (metrics.gap_all_columns, metrics.gap_present_columns) =
                if all_columns { (Some(own_gap), other_gap) } else { (other_gap, Some(own_gap)) };
            metrics.ema_hard_cosine = cosine(own, self.loss.class_weights(), hard)?;
        }
        Ok(Some(metrics))
    }

    fn gap(&self, average: ArrayView2<'_, f64>, surrogate: ArrayView2<'_, f64>) -> EmaGap {
        let (mut gap, mut norm, mut gap_few, mut norm_few) = (0.0, 0.0, 0.0, 0.0);
        for (class, &count) in self.class_counts.iter().enumerate() {
            let few = Group::of(count) == Group::Few;
            for (&a, &s) in average.column(class).iter().zip(surrogate.column(class)) {
                let (difference, square) = ((a - s) * (a - s), s * s);
                gap += difference;
                norm += square;
                gap_few += if few { difference } else { 0.0 };
                norm_few += if few { square } else { 0.0 };
            }
        }
        EmaGap { gap: gap.sqrt(), surrogate: norm.sqrt(), gap_few: gap_few.sqrt(), surrogate_few: norm_few.sqrt() }
    }
}

/// The cosine between the descent directions of ‖C̄Λ‖₂ and of the hard matrix; None where one of
/// them is zero.
fn cosine(average: Array2<f64>, weights: &ClassWeights, hard: &SpectralNorm) -> Result<Option<f64>> {
    let lambda = weights.values();
    let average = norms::spectral_norm(&ConfusionMatrix::from_dense(average)?.scale_columns(lambda)?)?;
    let both = average.value > 0.0 && hard.value > 0.0;
    Ok(if both { descent_cosine((&average.left, &average.right), (&hard.left, &hard.right), lambda) } else { None })
}

fn matrix(tensor: &Tensor) -> Result<Array2<f64>> {
    let classes = tensor.size()[0] as usize;
    let values = Vec::<f64>::try_from(tensor.f_to_kind(Kind::Double)?.f_contiguous()?.f_flatten(0, -1)?)?;
    Ok(Array2::from_shape_vec((classes, classes), values).expect("a square matrix"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawn;

    fn batch() -> (Tensor, Tensor) {
        let labels = drawn::normal(4, &[16, 4], Kind::Double).argmax(1, false);
        (drawn::normal(3, &[16, 4], Kind::Double) * 2.0, labels)
    }

    #[test]
    fn with_and_without_diagnosis_a_step_has_value_and_gradient_of_the_loss() {
        let options = CarOptions::paper();
        let counts = [100, 30, 8, 2];
        let (logits, targets) = batch();
        for diagnose in [false, true] {
            let mut term = CarTerm::new(&counts, options, diagnose).unwrap();
            let mut loss = CarLoss::new(&counts, options).unwrap();
            for _ in 0..3 {
                let by_term = logits.detach().set_requires_grad(true);
                let cross_entropy =
                    by_term.cross_entropy_loss::<Tensor>(&targets, None, tch::Reduction::Mean, -100, 0.0);
                let objective = term.step(&by_term, &targets).unwrap() * options.alpha + cross_entropy;
                objective.backward();
                let by_loss = logits.detach().set_requires_grad(true);
                let (total, _) = loss.forward(&by_loss, &targets).unwrap();
                total.backward();
                assert!(objective.allclose(&total, 1e-12, 0.0, false));
                assert!(by_term.grad().allclose(&by_loss.grad(), 1e-10, 1e-12, false));
            }
        }
    }

    #[test]
    fn an_epoch_is_recorded_and_forgotten() {
        let (logits, targets) = batch();
        let logits = logits.set_requires_grad(true);
        for diagnose in [false, true] {
            let mut term = CarTerm::new(&[100, 30, 8, 2], CarOptions::paper(), diagnose).unwrap();
            let _ = term.step(&logits, &targets).unwrap();
            // The paper's average from zero is half the batch's surrogate after one step; the other one, too, where
            // present.
            let average = matrix(&term.loss().ema()).unwrap();
            let whole = ConfusionMatrix::from_dense(&average * 2.0).unwrap();
            let hard = norms::spectral_norm(&whole).unwrap();
            let metrics = term.finish_epoch(1.0, Some((&whole, &hard))).unwrap().unwrap();
            let gap = metrics.gap_all_columns.unwrap();
            assert!((gap.gap - 0.5 * gap.surrogate).abs() < 1e-12);
            assert!(gap.gap_few < gap.gap && (gap.gap_few - 0.5 * gap.surrogate_few).abs() < 1e-12);
            assert!(metrics.spectral > 0.0 && metrics.ema_hard_cosine.unwrap() > 0.9);
            assert_eq!((metrics.diagnosis.is_some(), metrics.gap_present_columns.is_some()), (diagnose, diagnose));
            assert!(metrics.diagnosis.is_none_or(|seen| seen.gradient_norm > 0.0 && seen.time_share > 0.0));
            let _ = term.step(&logits, &targets).unwrap();
            let second = term.finish_epoch(1.0, None).unwrap().unwrap();
            assert!(second.spectral > metrics.spectral && second.gap_all_columns.is_none());
            assert!(term.finish_epoch(1.0, None).unwrap().is_none(), "no batch since");
        }
    }
}
