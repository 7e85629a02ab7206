//! One training step of CAR (D8; Zhu et al., equation 9): mean cross-entropy + alpha ‖C̄_t Λ‖₂,
//! with its gradient with respect to the logits by the chain rule through `penalty`, `ema` and
//! `surrogate`.

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::{CarError, CarOptions, ConfusionEma, PenaltyTerm, Surrogate, penalty_term};
use crate::confusion::{ClassWeights, Score};

/// Everything a step computes.
#[derive(Clone, Debug)]
pub struct CarStep {
    /// Mean cross-entropy of the batch, natural logarithm.
    pub cross_entropy: f64,
    /// The penalised norm of C̄_t Λ; its value is not yet times alpha.
    pub penalty: PenaltyTerm,
    /// Cross-entropy + alpha times the penalty.
    pub total: f64,
    /// The batch's surrogate C̃_t, [K, K].
    pub batch: Array2<f64>,
    /// The average C̄_t as used, [K, K].
    pub confusion: Array2<f64>,
    /// d penalty / d logits, [N, K], not times alpha.
    pub penalty_gradient: Array2<f64>,
    /// d total / d logits, [N, K].
    pub gradient: Array2<f64>,
}

/// The objective with the state of its average.
#[derive(Clone, Debug)]
pub struct CarObjective {
    options: CarOptions,
    weights: ClassWeights,
    ema: ConfusionEma,
}

impl CarObjective {
    /// The objective for a training set with these class counts, `[K]`.
    ///
    /// # Errors
    /// [`CarError::InvalidOption`]; [`CarError::Confusion`] for counts or an r0 that give no
    /// weights.
    pub fn new(class_counts: &[u64], options: CarOptions) -> Result<Self, CarError> {
        options.check()?;
        options.norm.check(class_counts.len())?;
        let weights = ClassWeights::new(class_counts, options.r0, options.weights)?;
        let ema = ConfusionEma::new(class_counts.len(), options.ema)?;
        Ok(Self { options, weights, ema })
    }

    /// The class weights.
    pub fn weights(&self) -> &ClassWeights {
        &self.weights
    }

    /// The average as it stands.
    pub fn ema(&self) -> &ConfusionEma {
        &self.ema
    }

    /// Takes in a batch of scores [N, K] and labels `[N]`.
    ///
    /// # Errors
    /// [`CarError`] naming what was refused, with [`CarError::Overflow`] for scores whose loss f64
    /// does not hold; the state is then unchanged.
    pub fn step<S: Score>(
        &mut self,
        logits: ArrayView2<'_, S>,
        labels: ArrayView1<'_, usize>,
    ) -> Result<CarStep, CarError> {
        let surrogate = Surrogate::new(logits, labels, &self.options.surrogate)?;
        let mut ema = self.ema.clone();
        let averaged = ema.update(surrogate.confusion(), surrogate.class_counts())?;
        let penalty = penalty_term(averaged.confusion.view(), self.weights.values(), self.options.norm)?;
        let mut upstream = penalty.gradient.clone();
        for (mut column, factor) in upstream.columns_mut().into_iter().zip(&averaged.gradient_factor) {
            column *= *factor;
        }
        let penalty_gradient = surrogate.gradient(upstream.view())?;
        let (cross_entropy, mut gradient) = cross_entropy(surrogate.scores(), labels);
        gradient.scaled_add(self.options.alpha, &penalty_gradient);
        let total = cross_entropy + self.options.alpha * penalty.value;
        if !total.is_finite() || gradient.iter().any(|part| !part.is_finite()) {
            return Err(CarError::Overflow { what: "the loss or its gradient" });
        }
        self.ema = ema;
        Ok(CarStep {
            cross_entropy,
            total,
            penalty,
            batch: surrogate.confusion().to_owned(),
            confusion: averaged.confusion,
            penalty_gradient,
            gradient,
        })
    }
}

/// Mean of -ln softmax_y(f) and its gradient (softmax - one-hot)/N.
fn cross_entropy(scores: ArrayView2<'_, f64>, labels: ArrayView1<'_, usize>) -> (f64, Array2<f64>) {
    let samples = scores.nrows() as f64;
    let (mut loss, mut gradient) = (0.0, scores.to_owned());
    for (mut row, &label) in gradient.rows_mut().into_iter().zip(labels) {
        let largest = row.fold(f64::NEG_INFINITY, |largest, &score| largest.max(score));
        let own = row[label] - largest;
        row.mapv_inplace(|score| (score - largest).exp());
        let total = row.sum();
        loss += total.ln() - own;
        row /= total * samples;
        row[label] -= 1.0 / samples;
    }
    (loss / samples, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::car::{EmaColumns, EmaOptions, EmaStart};
    use crate::confusion::ConfusionError;
    use approx::assert_relative_eq;
    use ndarray::array;

    #[test]
    fn cross_entropy_by_hand() {
        let (loss, gradient) = cross_entropy(array![[0.0, 0.0], [0.0, 3f64.ln()]].view(), array![0, 0].view());
        assert_relative_eq!(loss, (2f64.ln() + 4f64.ln()) / 2.0, max_relative = 1e-15);
        assert_relative_eq!(*gradient.as_slice().unwrap(), [-0.25, 0.25, -0.375, 0.375], max_relative = 1e-15);
    }

    #[test]
    fn the_gradient_of_a_later_step_is_that_of_its_total() {
        let options = CarOptions {
            alpha: 0.75,
            ema: EmaOptions { beta: 0.75, start: EmaStart::BiasCorrected, columns: EmaColumns::Present },
            ..CarOptions::paper()
        };
        let mut objective = CarObjective::new(&[10, 5, 1], options).unwrap();
        objective.step(array![[0.0, 1.0, 0.5], [0.3, 0.2, 0.1]].view(), array![0, 2].view()).unwrap();
        objective.step(array![[1.0, 0.5, 0.0], [0.8, 1.2, -0.3]].view(), array![1, 1].view()).unwrap();
        let logits = array![[0.2, 0.9, -0.4], [0.7, -0.1, 0.3], [1.1, 0.4, 0.6]];
        let step = |logits: &Array2<f64>| objective.clone().step(logits.view(), array![0, 2, 2].view()).unwrap();
        let found = step(&logits);
        assert_eq!(found.total, found.cross_entropy + 0.75 * found.penalty.value);
        const H: f64 = 1e-5;
        for at in ndarray::indices(logits.dim()) {
            let moved = |by: f64| {
                let mut logits = logits.clone();
                logits[at] += by;
                step(&logits)
            };
            let (up, down) = (moved(H), moved(-H));
            let slope = |part: fn(&CarStep) -> f64| (part(&up) - part(&down)) / (2.0 * H);
            assert_relative_eq!(found.gradient[at], slope(|step| step.total), epsilon = 1e-9);
            assert_relative_eq!(found.penalty_gradient[at], slope(|step| step.penalty.value), epsilon = 1e-9);
        }
    }

    #[test]
    fn a_refused_batch_changes_nothing() {
        let mut objective = CarObjective::new(&[10, 5, 1], CarOptions::paper()).unwrap();
        objective.step(array![[0.0, 1.0, 0.5], [0.3, 0.2, 0.1]].view(), array![0, 2].view()).unwrap();
        let before = objective.ema().clone();
        let refused = [
            (array![[0.0, f64::NAN, 0.0]], array![0]),
            (array![[0.0, 1.0, 2.0]], array![3]),
            (array![[0.0, 1.0]], array![0]),
            (Array2::zeros((0, 3)), array![]),
            (array![[0.0, 1.0, 2.0]], array![0, 1]),
        ];
        for (logits, labels) in refused {
            assert!(objective.step(logits.view(), labels.view()).is_err());
        }
        // Finite scores: a difference that overflows, and cross-entropies whose sum does.
        for (logits, labels) in [
            (array![[1.7e308, -1.7e308, 0.0]], array![1]),
            (array![[8e307, -8e307, 0.0], [0.0, 8e307, -8e307]], array![1, 2]),
        ] {
            let error = objective.step(logits.view(), labels.view()).unwrap_err();
            assert!(matches!(error, CarError::Overflow { .. }), "{error}");
        }
        assert_eq!(objective.ema(), &before);
    }

    #[test]
    fn counts_without_weights_are_refused() {
        let no_offset = CarOptions { r0: 0.0, ..CarOptions::paper() };
        assert!(matches!(
            CarObjective::new(&[5, 0], no_offset),
            Err(CarError::Confusion(ConfusionError::NoWeight { class: 1, .. }))
        ));
        assert!(CarObjective::new(&[5, 0], CarOptions::paper()).is_ok());
        assert!(CarObjective::new(&[5], CarOptions::paper()).is_err());
    }
}
