//! CAR in the training loop: the regulariser's gradient for a batch, and what the run records of it.
//!
//! Beside the average that regularises, the other one (all columns, or those of present classes) is kept on the same
//! batches, so that their gaps to the surrogate over the whole training set can be compared within one run.

use std::collections::BTreeMap;
use std::time::Instant;

use car_spectral::car::{CarOptions, EmaColumns, EmaOptions, descent_cosine};
use car_spectral::confusion::{ClassWeights, ConfusionMatrix};
use car_spectral::longtail::Group;
use car_spectral::norms::{self, SpectralNorm};
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::TrainingError;
use crate::loss::CarLoss;

/// What a run with CAR records in an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarMetrics {
    /// Mean over the epoch's steps of ||C^ Lambda||_2, or of the other norm that is penalised.
    pub spectral: f64,
    /// Mean over the epoch's steps of the Frobenius norm of its gradient with respect to the batch's logits [B, K], without
    /// alpha.
    pub gradient_norm: f64,
    /// The same of the mean cross-entropy.
    pub cross_entropy_gradient_norm: f64,
    /// Share of the steps' time that the regulariser took, forward and backward.
    pub time_share: f64,
    /// Gap of the average over all columns (the paper's); null in epochs without an evaluation, as are the next three.
    pub gap_all_columns: Option<EmaGap>,
    /// Gap of the per-class average.
    pub gap_present_columns: Option<EmaGap>,
    /// Cosine between the gradients u v^T Lambda of the average that regularises and of the hard confusion matrix of the
    /// training set.
    pub ema_hard_cosine: Option<f64>,
}

/// Distance of an average C^ from the surrogate C~ of the whole training set ("CM gap"), Frobenius norms.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmaGap {
    /// ||C^ - C~||_F.
    pub gap: f64,
    /// ||C~||_F.
    pub surrogate: f64,
    /// ||C^ - C~||_F over the columns of classes with fewer than 20 training images.
    pub gap_few: f64,
    /// ||C~||_F over these columns.
    pub surrogate_few: f64,
}

/// The regulariser of a run.
#[derive(Debug)]
pub(crate) struct Regulariser {
    options: CarOptions,
    class_counts: Vec<u64>,
    weights: ClassWeights,
    loss: CarLoss,
    other: CarLoss,
    sums: Sums,
}

#[derive(Debug, Default)]
struct Sums {
    steps: usize,
    spectral: f64,
    gradient_norm: f64,
    cross_entropy_gradient_norm: f64,
    seconds: f64,
}

impl Regulariser {
    pub(crate) fn new(class_counts: &[u64], options: CarOptions) -> Result<Self, TrainingError> {
        let columns = match options.ema.columns {
            EmaColumns::All => EmaColumns::Present,
            EmaColumns::Present => EmaColumns::All,
        };
        let other = CarOptions { ema: EmaOptions { columns, ..options.ema }, ..options };
        Ok(Self {
            options,
            class_counts: class_counts.to_vec(),
            weights: ClassWeights::new(class_counts, options.r0, options.weights)?,
            loss: CarLoss::new(class_counts, options)?,
            other: CarLoss::new(class_counts, other)?,
            sums: Sums::default(),
        })
    }

    pub(crate) fn loss(&self) -> &CarLoss {
        &self.loss
    }

    /// State of the average that is kept for comparison.
    pub(crate) fn other_state(&self) -> BTreeMap<String, Tensor> {
        self.other.state()
    }

    /// Puts back what both averages gave.
    pub(crate) fn set_state(
        &mut self,
        loss: &BTreeMap<String, Tensor>,
        other: &BTreeMap<String, Tensor>,
    ) -> Result<(), TrainingError> {
        self.loss.set_state(loss)?;
        Ok(self.other.set_state(other)?)
    }

    /// Takes in a batch: a scalar whose gradient with respect to `logits` [B, K] is alpha times that of the spectral term.
    ///
    /// The term is differentiated on a copy of the logits, apart from the network, so that its gradient and its time can be
    /// told from those of the cross-entropy.
    pub(crate) fn term(&mut self, logits: &Tensor, targets: &Tensor) -> Result<Tensor, TrainingError> {
        if let Device::Cuda(index) = logits.device() {
            // The network's forward pass, still under way, is not the regulariser's time.
            tch::Cuda::synchronize(index as i64);
        }
        let started = Instant::now();
        let copy = logits.detach().set_requires_grad(true);
        let spectral = self.loss.regulariser(&copy, targets)?;
        let gradient = Tensor::f_run_backward(&[&spectral], &[&copy], false, false)?.remove(0);
        self.sums.spectral += spectral.double_value(&[]);
        self.sums.seconds += started.elapsed().as_secs_f64();
        self.sums.steps += 1;
        self.sums.gradient_norm += gradient.norm().double_value(&[]);
        let constant = logits.detach();
        let mut residual = constant.softmax(1, constant.kind());
        residual -= targets.one_hot(constant.size()[1]);
        self.sums.cross_entropy_gradient_norm += residual.norm().double_value(&[]) / constant.size()[0] as f64;
        let _ = tch::no_grad(|| self.other.regulariser(&constant, targets))?;
        Ok((gradient * logits).f_sum(logits.kind())? * self.options.alpha)
    }

    /// The record of the epoch that ends, None for one without a batch, and a fresh start. `evaluated` holds the surrogate and
    /// the hard matrix's top pair of the training set.
    pub(crate) fn finish_epoch(
        &mut self,
        step_seconds: f64,
        evaluated: Option<(&ConfusionMatrix, &SpectralNorm)>,
    ) -> Result<Option<CarMetrics>, TrainingError> {
        let sums = std::mem::take(&mut self.sums);
        if sums.steps == 0 {
            return Ok(None);
        }
        let steps = sums.steps as f64;
        let mut metrics = CarMetrics {
            spectral: sums.spectral / steps,
            gradient_norm: sums.gradient_norm / steps,
            cross_entropy_gradient_norm: sums.cross_entropy_gradient_norm / steps,
            time_share: sums.seconds / step_seconds,
            gap_all_columns: None,
            gap_present_columns: None,
            ema_hard_cosine: None,
        };
        if let Some((surrogate, hard)) = evaluated {
            let surrogate = surrogate.to_dense();
            let (own, other) = (matrix(&self.loss.ema())?, matrix(&self.other.ema())?);
            let (own_gap, other_gap) =
                (self.gap(own.view(), surrogate.view()), self.gap(other.view(), surrogate.view()));
            let all_columns = self.options.ema.columns == EmaColumns::All;
            (metrics.gap_all_columns, metrics.gap_present_columns) =
                if all_columns { (Some(own_gap), Some(other_gap)) } else { (Some(other_gap), Some(own_gap)) };
            let lambda = self.weights.values();
            let average = norms::spectral_norm(&ConfusionMatrix::from_dense(own)?.scale_columns(lambda)?)?;
            if average.value > 0.0 && hard.value > 0.0 {
                metrics.ema_hard_cosine =
                    descent_cosine((&average.left, &average.right), (&hard.left, &hard.right), lambda);
            }
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

fn matrix(tensor: &Tensor) -> Result<Array2<f64>, TrainingError> {
    let classes = tensor.size()[0] as usize;
    let values = Vec::<f64>::try_from(tensor.f_to_kind(Kind::Double)?.f_contiguous()?.f_flatten(0, -1)?)?;
    Ok(Array2::from_shape_vec((classes, classes), values).expect("a square matrix"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> (Tensor, Tensor) {
        tch::manual_seed(3);
        (
            Tensor::randn([16, 4], (Kind::Double, Device::Cpu)) * 2.0,
            Tensor::randint(4, [16], (Kind::Int64, Device::Cpu)),
        )
    }

    #[test]
    fn the_term_has_the_gradient_of_the_loss() {
        let options = CarOptions::paper();
        let counts = [100, 30, 8, 2];
        let (logits, targets) = batch();
        let mut regulariser = Regulariser::new(&counts, options).unwrap();
        let mut loss = CarLoss::new(&counts, options).unwrap();
        for _ in 0..3 {
            let by_term = logits.detach().set_requires_grad(true);
            let cross_entropy = by_term.cross_entropy_loss::<Tensor>(&targets, None, tch::Reduction::Mean, -100, 0.0);
            (regulariser.term(&by_term, &targets).unwrap() + cross_entropy).backward();
            let by_loss = logits.detach().set_requires_grad(true);
            loss.forward(&by_loss, &targets).unwrap().0.backward();
            assert!(by_term.grad().allclose(&by_loss.grad(), 1e-10, 1e-12, false));
        }
    }

    #[test]
    fn an_epoch_is_recorded_and_forgotten() {
        let (logits, targets) = batch();
        let mut regulariser = Regulariser::new(&[100, 30, 8, 2], CarOptions::paper()).unwrap();
        let _ = regulariser.term(&logits, &targets).unwrap();
        // The paper's average from zero is half the batch's surrogate after one step; the other one, too, where present.
        let average = matrix(&regulariser.loss().ema()).unwrap();
        let whole = ConfusionMatrix::from_dense(&average * 2.0).unwrap();
        let hard = norms::spectral_norm(&whole).unwrap();
        let metrics = regulariser.finish_epoch(1.0, Some((&whole, &hard))).unwrap().unwrap();
        let gap = metrics.gap_all_columns.unwrap();
        assert!((gap.gap - 0.5 * gap.surrogate).abs() < 1e-12);
        assert!(gap.gap_few < gap.gap && (gap.gap_few - 0.5 * gap.surrogate_few).abs() < 1e-12);
        assert!(metrics.spectral > 0.0 && metrics.gradient_norm > 0.0 && metrics.time_share > 0.0);
        assert!(metrics.ema_hard_cosine.unwrap() > 0.9);
        let _ = regulariser.term(&logits, &targets).unwrap();
        let second = regulariser.finish_epoch(1.0, None).unwrap().unwrap();
        assert!(second.spectral > metrics.spectral && second.gap_all_columns.is_none());
        assert!(regulariser.finish_epoch(1.0, None).unwrap().is_none(), "no batch since");
    }
}
