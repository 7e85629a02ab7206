//! The best epoch so far on the validation part of a run.

use std::collections::BTreeMap;

use tch::Tensor;

/// The best epoch so far.
#[derive(Debug)]
pub(crate) struct Best {
    pub epoch: usize,
    /// Mean of the class accuracies on the validation part.
    pub accuracy_macro: f64,
    pub weights: BTreeMap<String, Tensor>,
    /// Tensors of the average that regularises; empty without CAR.
    pub loss: BTreeMap<String, Tensor>,
}

impl Best {
    /// A copy of what the weights and the average are now.
    pub(crate) fn new(
        epoch: usize,
        accuracy_macro: f64,
        weights: BTreeMap<String, Tensor>,
        loss: BTreeMap<String, Tensor>,
    ) -> Self {
        let copy = |tensors: BTreeMap<String, Tensor>| {
            tensors.into_iter().map(|(name, tensor)| (name, tensor.detach().copy())).collect()
        };
        Self { epoch, accuracy_macro, weights: copy(weights), loss: copy(loss) }
    }

    /// The same tensors.
    pub(crate) fn shallow_clone(&self) -> Self {
        let share = |tensors: &BTreeMap<String, Tensor>| {
            tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone())).collect()
        };
        let (weights, loss) = (share(&self.weights), share(&self.loss));
        Self { epoch: self.epoch, accuracy_macro: self.accuracy_macro, weights, loss }
    }

    /// Whether an epoch with this macro accuracy on the validation part takes the place of `best`.
    pub(crate) fn is_beaten(best: Option<&Self>, accuracy_macro: f64) -> bool {
        best.is_none_or(|best| accuracy_macro > best.accuracy_macro)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_weights_stay_what_they_were() {
        let weight = Tensor::from_slice(&[1.0f32, 2.0]);
        let tensors = || BTreeMap::from([("w".to_owned(), weight.shallow_clone())]);
        let best = Best::new(1, 0.5, tensors(), tensors());
        let _ = weight.shallow_clone().fill_(9.0);
        for kept in [&best.weights["w"], &best.loss["w"], &best.shallow_clone().weights["w"]] {
            assert_eq!(Vec::<f32>::try_from(kept).unwrap(), [1.0, 2.0]);
        }
    }

    #[test]
    fn the_first_of_the_largest_macro_accuracies_stays() {
        let best = |accuracy_macro| Best { epoch: 1, accuracy_macro, weights: BTreeMap::new(), loss: BTreeMap::new() };
        assert!(Best::is_beaten(None, 0.0));
        assert!(!Best::is_beaten(Some(&best(0.5)), 0.5));
        assert!(Best::is_beaten(Some(&best(0.5)), 0.75));
    }
}
