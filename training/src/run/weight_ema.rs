//! Exponential moving average of the weights, whose network is evaluated and kept in place of the
//! one that is trained.
//!
//! After step t = 0, 1, ...: v = v + (1 - d_t) (w - v) with d_t = min(d, (1 + t) / (10 + t)), from
//! v = w before the first step: short runs forget where they began (as in TensorFlow's
//! ExponentialMovingAverage; Polyak and Juditsky, SIAM J. Control Optim. 1992, average with equal
//! weights). Means and variances of batch normalisation are averaged the same way.

use std::collections::BTreeMap;

use tch::{Device, Tensor, no_grad};

use crate::model::Model;
use crate::{Result, TrainingError};

/// Name of the number of steps in the state.
const STEPS: &str = "steps";
/// In front of the names of the averages in the state.
const AVERAGE: &str = "average.";

/// The averages, as a network of their own.
#[derive(Debug)]
pub(crate) struct WeightEma {
    decay: f64,
    steps: i64,
    averaged: Model,
}

impl WeightEma {
    /// Begins with the weights of `model`.
    pub(crate) fn new(model: &Model, decay: f64, device: Device) -> Result<Self> {
        let averaged = Model::with_weights(model.architecture().clone(), &model.variables(), device)?;
        Ok(Self { decay, steps: 0, averaged })
    }

    /// Takes in the weights of `model` after a step.
    pub(crate) fn update(&mut self, model: &Model) -> Result<()> {
        let steps = self.steps as f64;
        let share = 1.0 - self.decay.min((1.0 + steps) / (10.0 + steps));
        self.steps += 1;
        let weights = model.variables();
        no_grad(|| {
            for (name, mut average) in self.averaged.variables() {
                let _ = average.f_lerp_(&weights[&name], share)?;
            }
            Ok(())
        })
    }

    /// The network with the averaged weights.
    pub(crate) fn model(&self) -> &Model {
        &self.averaged
    }

    /// A copy of the averages and the number of steps.
    pub(crate) fn state(&self) -> BTreeMap<String, Tensor> {
        let averages =
            self.averaged.weights().into_iter().map(|(name, tensor)| (format!("{AVERAGE}{name}"), tensor.copy()));
        averages.chain([(STEPS.to_owned(), Tensor::from(self.steps))]).collect()
    }

    /// Puts back what [`WeightEma::state`] gave.
    pub(crate) fn set_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let mismatch = |problem: &str| TrainingError::WeightsMismatch {
            problem: format!("the state of the averaged weights is not this one's: {problem}"),
        };
        let steps = state.get(STEPS).ok_or_else(|| mismatch("`steps` is missing"))?;
        if steps.kind() != tch::Kind::Int64 || steps.numel() != 1 || steps.int64_value(&[]) < 0 {
            return Err(mismatch("`steps` is no number of steps"));
        }
        let averages = state
            .iter()
            .filter_map(|(name, tensor)| Some((name.strip_prefix(AVERAGE)?.to_owned(), tensor.shallow_clone())));
        self.averaged.set_weights(&averages.collect()).map_err(|error| mismatch(&error.to_string()))?;
        self.steps = steps.int64_value(&[]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier};

    fn model() -> Model {
        let architecture = Architecture {
            kind: ArchitectureKind::ResNet20,
            input: [3, 8, 8],
            num_classes: 3,
            classifier: Classifier::Linear,
            resolution: None,
        };
        Model::new(architecture, Device::Cpu).unwrap()
    }

    fn fill(model: &Model, value: f64) {
        no_grad(|| model.variables().into_values().for_each(|mut tensor| drop(tensor.fill_(value))));
    }

    /// Every entry of every tensor; they are all alike here.
    fn value(model: &Model) -> f64 {
        let weights = model.weights();
        let value = weights["conv1.weight"].double_value(&[0, 0, 0, 0]);
        assert!(weights.values().all(|tensor| tensor.eq(value).all().int64_value(&[]) == 1));
        value
    }

    #[test]
    fn averages_of_weights_and_buffers_are_those_by_hand() {
        let model = model();
        fill(&model, 2.0);
        let mut ema = WeightEma::new(&model, 0.15, Device::Cpu).unwrap();
        assert_eq!(value(ema.model()), 2.0);
        let mut expected = 2.0f64;
        // d_0 = 1/10, then 2/11 is above 0.15.
        for (weight, decay) in [(4.0, 0.1), (-1.0, 0.15), (0.5, 0.15)] {
            fill(&model, weight);
            ema.update(&model).unwrap();
            expected = decay * expected + (1.0 - decay) * weight;
            assert!((value(ema.model()) - expected).abs() < 1e-6);
        }
        assert_eq!(value(&model), 0.5, "the trained weights stay");
    }

    #[test]
    fn a_state_put_back_goes_on_as_before() {
        let trained = model();
        let mut first = WeightEma::new(&trained, 0.9, Device::Cpu).unwrap();
        fill(&trained, 1.0);
        first.update(&trained).unwrap();
        let mut second = WeightEma::new(&model(), 0.9, Device::Cpu).unwrap();
        second.set_state(&first.state()).unwrap();
        fill(&trained, 3.0);
        for ema in [&mut first, &mut second] {
            ema.update(&trained).unwrap();
        }
        let (first, second) = (first.state(), second.state());
        assert!(first["steps"].int64_value(&[]) == 2 && first.len() == 98, "97 tensors of ResNet-20");
        assert!(first.iter().all(|(name, tensor)| tensor.equal(&second[name])));
    }

    #[test]
    fn bad_states_are_refused_by_name() {
        let mut ema = WeightEma::new(&model(), 0.9, Device::Cpu).unwrap();
        let mut state = ema.state();
        let refused =
            |ema: &mut WeightEma, state: &BTreeMap<String, Tensor>| ema.set_state(state).unwrap_err().to_string();
        state.remove("average.bn1.weight");
        assert!(refused(&mut ema, &state).contains("`bn1.weight` is missing"));
        state.insert(STEPS.to_owned(), Tensor::from_slice(&[1.0f32]));
        assert!(refused(&mut ema, &state).contains("no number of steps"));
        state.remove(STEPS);
        assert!(refused(&mut ema, &state).contains("`steps` is missing"));
        assert_eq!(ema.model().weights()["bn1.weight"].kind(), Kind::Float);
    }
}
