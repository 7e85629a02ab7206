//! Diagnosis of CAR, on demand: how large its gradient is beside that of cross-entropy, what share
//! of a step it takes, and the other average (all columns, or those of present classes) on the same
//! batches, so that their gaps to the surrogate over the whole training set can be compared within
//! one run. It changes nothing of the training.

use std::collections::BTreeMap;
use std::time::Instant;

use car_spectral::car::{CarOptions, EmaColumns, EmaOptions};
use car_spectral_runs::log::CarDiagnosis;
use tch::{Device, Tensor};

use crate::loss::CarLoss;
use crate::{Result, TrainingError};

/// What is measured beside the term.
#[derive(Debug)]
pub(super) struct CarMonitor {
    other: CarLoss,
    gradient_norm: f64,
    cross_entropy_gradient_norm: f64,
    seconds: f64,
}

impl CarMonitor {
    pub(super) fn new(class_counts: &[u64], options: CarOptions) -> Result<Self> {
        let columns = match options.ema.columns {
            EmaColumns::All => EmaColumns::Present,
            EmaColumns::Present => EmaColumns::All,
        };
        let other = CarOptions { ema: EmaOptions { columns, ..options.ema }, ..options };
        let other = CarLoss::new(class_counts, other)?;
        Ok(Self { other, gradient_norm: 0.0, cross_entropy_gradient_norm: 0.0, seconds: 0.0 })
    }

    /// The other average.
    pub(super) fn ema(&self) -> Tensor {
        self.other.ema()
    }

    pub(super) fn state(&self) -> BTreeMap<String, Tensor> {
        self.other.state()
    }

    pub(super) fn set_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        if state.is_empty() {
            return Err(TrainingError::setting("car-diagnose", true, "the run was begun without; leave it out"));
        }
        Ok(self.other.set_state(state)?)
    }

    /// One step of `loss`, timed forward and backward to the logits.
    pub(super) fn watch(&mut self, loss: &mut CarLoss, logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
        if let Device::Cuda(index) = logits.device() {
            // The network's forward pass, still under way, is not the regulariser's time.
            tch::Cuda::synchronize(index as i64);
        }
        let started = Instant::now();
        let spectral = loss.regulariser(logits, targets)?;
        if spectral.requires_grad() {
            let gradient = Tensor::f_run_backward(&[&spectral], &[logits], true, false)?.remove(0);
            self.gradient_norm += gradient.f_norm()?.f_double_value(&[])?;
        }
        self.seconds += started.elapsed().as_secs_f64();
        let constant = logits.detach();
        let mut residual = constant.f_softmax(1, constant.kind())?;
        residual -= targets.f_one_hot(constant.size()[1])?;
        self.cross_entropy_gradient_norm += residual.f_norm()?.f_double_value(&[])? / constant.size()[0] as f64;
        let _ = tch::no_grad(|| self.other.regulariser(&constant, targets))?;
        Ok(spectral)
    }

    /// The means over the epoch that ends, and a fresh start.
    pub(super) fn finish_epoch(&mut self, steps: usize, step_seconds: f64) -> CarDiagnosis {
        let mean = |sum: &mut f64| std::mem::take(sum) / steps as f64;
        CarDiagnosis {
            gradient_norm: mean(&mut self.gradient_norm),
            cross_entropy_gradient_norm: mean(&mut self.cross_entropy_gradient_norm),
            time_share: std::mem::take(&mut self.seconds) / step_seconds,
        }
    }
}
