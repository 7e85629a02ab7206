//! The moving average of batch surrogates (D7; Zhu et al., equation 8), and the per-class average
//! (S7).
//!
//! ```text
//! C̄_t = b C̄_{t-1} + (1-b) C̃_t = (1-b) sum_{s=1..t} b^(t-s) C̃_s                  zero start
//! ```
//!
//! At a frozen model the stationary mean of column j is p_j times the true column, p_j the
//! probability that a batch contains class j ([`presence_probability`]): an absent class enters
//! with a zero column. The per-class average ([`EmaColumns::Present`]) runs each column on its own
//! clock and is unbiased. The history is constant for the gradient; what the batch passes on is the
//! factor of [`EmaStep::gradient_factor`].

use ndarray::{Array2, ArrayView2};

use super::{CarError, EmaColumns, EmaOptions, EmaStart};
use crate::confusion::ConfusionError;

/// The average after a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct EmaStep {
    /// C̄_t as it is used, bias-corrected where the options say so, [K, K].
    pub confusion: Array2<f64>,
    /// dC̄_t/dC̃_t, one factor a column, `[K]`: (1-b), that over 1 - b^n, or 0 for a column that is
    /// constant on this step.
    pub gradient_factor: Vec<f64>,
}

/// The state of the average.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfusionEma {
    options: EmaOptions,
    average: Array2<f64>,
    updates: Vec<u64>,
}

impl ConfusionEma {
    /// The average before any batch.
    ///
    /// # Errors
    /// [`CarError::InvalidOption`]; [`CarError::Confusion`] for fewer than two classes.
    pub fn new(num_classes: usize, options: EmaOptions) -> Result<Self, CarError> {
        options.check()?;
        if num_classes < 2 {
            return Err(ConfusionError::TooFewClasses { num_classes }.into());
        }
        Ok(Self { options, average: Array2::zeros((num_classes, num_classes)), updates: vec![0; num_classes] })
    }

    /// Gives the number of moves of each column, `[K]`.
    pub fn updates(&self) -> &[u64] {
        &self.updates
    }

    /// C̄_t as it is used, [K, K]; zero columns before their first update.
    pub fn confusion(&self) -> Array2<f64> {
        let mut used = self.average.clone();
        if self.options.start == EmaStart::BiasCorrected {
            for (mut column, &updates) in used.columns_mut().into_iter().zip(&self.updates) {
                if updates > 0 {
                    column /= self.weight_of_batches(updates);
                }
            }
        }
        used
    }

    /// Takes in the surrogate [K, K] of a batch with these class counts, `[K]`.
    ///
    /// # Errors
    /// [`CarError::WrongNumberOfClasses`], with the state unchanged.
    pub fn update(&mut self, batch: ArrayView2<'_, f64>, class_counts: &[u64]) -> Result<EmaStep, CarError> {
        let expected = self.updates.len();
        let wrong = |what, found| Err(CarError::WrongNumberOfClasses { what, found, expected });
        if batch.dim() != (expected, expected) {
            return wrong("the batch's confusion matrix", batch.nrows());
        }
        if class_counts.len() != expected {
            return wrong("the list of class counts", class_counts.len());
        }
        let beta = self.options.beta;
        let mut gradient_factor = vec![0.0; expected];
        for class in 0..expected {
            if self.options.columns == EmaColumns::Present && class_counts[class] == 0 {
                continue;
            }
            let (mut column, new) = (self.average.column_mut(class), batch.column(class));
            if self.options.start == EmaStart::FirstBatch && self.updates[class] == 0 {
                column.assign(&new);
            } else {
                column.zip_mut_with(&new, |old, new| *old = beta * *old + (1.0 - beta) * new);
                gradient_factor[class] = 1.0 - beta;
            }
            self.updates[class] += 1;
            if self.options.start == EmaStart::BiasCorrected {
                gradient_factor[class] /= self.weight_of_batches(self.updates[class]);
            }
        }
        Ok(EmaStep { confusion: self.confusion(), gradient_factor })
    }

    /// 1 - b^n: the sum of the weights of n batches.
    fn weight_of_batches(&self, updates: u64) -> f64 {
        -(updates as f64 * self.options.beta.ln()).exp_m1()
    }
}

/// Probability that a batch of `batch` samples, drawn without replacement from `samples` of which
/// `of_class` belong to a class, contains that class: 1 - C(m - m_j, B)/C(m, B). 1 if the batch
/// takes in everything that could leave it out.
pub fn presence_probability(samples: u64, of_class: u64, batch: u64) -> f64 {
    let (fewer, more) = (of_class.min(batch), of_class.max(batch));
    if fewer + more > samples {
        return f64::from(u8::from(fewer > 0));
    }
    // Product over the smaller of both, which may change places.
    1.0 - (0..fewer).map(|drawn| (samples - more - drawn) as f64 / (samples - drawn) as f64).product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;

    fn ema(start: EmaStart, columns: EmaColumns) -> ConfusionEma {
        ConfusionEma::new(2, EmaOptions { beta: 0.75, start, columns }).unwrap()
    }

    #[test]
    fn three_batches_by_hand() {
        let batches = [(0.8, 1u64), (0.0, 0), (0.4, 2)];
        let run = |start, columns| {
            let mut ema = ema(start, columns);
            let steps = batches.map(|(value, count)| {
                let step = ema.update(array![[0.0, value], [0.5, 0.0]].view(), &[1, count]).unwrap();
                (step.confusion[[0, 1]], step.gradient_factor[1])
            });
            (steps, ema.updates().to_vec())
        };
        use EmaColumns::{All, Present};
        use EmaStart::{BiasCorrected, FirstBatch, Zero};
        let cases = [
            (Zero, All, [(0.2, 0.25), (0.15, 0.25), (0.2125, 0.25)]),
            (Zero, Present, [(0.2, 0.25), (0.2, 0.0), (0.25, 0.25)]),
            (FirstBatch, All, [(0.8, 0.0), (0.6, 0.25), (0.55, 0.25)]),
            (FirstBatch, Present, [(0.8, 0.0), (0.8, 0.0), (0.7, 0.25)]),
            (BiasCorrected, All, [(0.8, 1.0), (0.15 / 0.4375, 0.25 / 0.4375), (0.2125 / 0.578125, 0.25 / 0.578125)]),
            (BiasCorrected, Present, [(0.8, 1.0), (0.8, 0.0), (0.25 / 0.4375, 0.25 / 0.4375)]),
        ];
        for (start, columns, expected) in cases {
            let (steps, updates) = run(start, columns);
            for (found, expected) in steps.iter().zip(expected) {
                assert_relative_eq!(found.0, expected.0, max_relative = 1e-14);
                assert_relative_eq!(found.1, expected.1, max_relative = 1e-14);
            }
            assert_eq!(updates, if columns == All { [3, 3] } else { [3, 2] });
        }
    }

    #[test]
    fn before_its_first_update_a_column_is_zero() {
        for start in [EmaStart::Zero, EmaStart::FirstBatch, EmaStart::BiasCorrected] {
            let mut ema = ema(start, EmaColumns::Present);
            assert_eq!(ema.confusion(), Array2::<f64>::zeros((2, 2)));
            let step = ema.update(array![[0.0, 0.0], [0.5, 0.0]].view(), &[1, 0]).unwrap();
            assert_eq!(step.confusion.column(1), array![0.0, 0.0]);
        }
    }

    #[test]
    fn beta_zero_is_the_batch_itself() {
        let options = EmaOptions { beta: 0.0, start: EmaStart::BiasCorrected, columns: EmaColumns::All };
        let mut ema = ConfusionEma::new(2, options).unwrap();
        for value in [0.25, 0.5] {
            let step = ema.update(array![[0.0, value], [0.0, 0.0]].view(), &[1, 1]).unwrap();
            assert_eq!((step.confusion[[0, 1]], step.gradient_factor[1]), (value, 1.0));
        }
    }

    #[test]
    fn presence_by_counting() {
        // Two of five belong to the class, a batch holds two: C(3,2)/C(5,2) = 3/10 leave it out.
        assert_relative_eq!(presence_probability(5, 2, 2), 0.7, max_relative = 1e-15);
        assert_relative_eq!(presence_probability(10847, 5, 128), 0.057_637, max_relative = 1e-5);
        assert_relative_eq!(presence_probability(10847, 500, 128), presence_probability(10847, 128, 500));
        assert_eq!((presence_probability(5, 0, 3), presence_probability(5, 3, 3)), (0.0, 1.0));
        assert_eq!((presence_probability(5, 5, 1), presence_probability(0, 0, 4)), (1.0, 0.0));
        // One batch of the ten leaves it out when the others just fill it; none when they do not.
        assert_relative_eq!(presence_probability(5, 2, 3), 0.9, max_relative = 1e-15);
        assert_eq!(presence_probability(5, 4, 4), 1.0);
    }

    #[test]
    fn a_refused_batch_changes_nothing() {
        let mut ema = ema(EmaStart::Zero, EmaColumns::All);
        ema.update(array![[0.0, 0.5], [0.5, 0.0]].view(), &[1, 1]).unwrap();
        let before = ema.clone();
        assert!(ema.update(Array2::zeros((3, 3)).view(), &[1, 1, 1]).is_err());
        assert!(ema.update(Array2::zeros((2, 2)).view(), &[1]).is_err());
        assert_eq!(ema, before);
        assert!(ConfusionEma::new(1, before.options).is_err());
        assert!(ConfusionEma::new(2, EmaOptions { beta: 1.0, ..before.options }).is_err());
    }
}
