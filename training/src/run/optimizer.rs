//! Optimizers whose state can be saved and put back.

use std::collections::BTreeMap;

use car_spectral_formats::quoting::quoted;
use car_spectral_runs::settings::OptimizerOptions;
use tch::{Kind, Tensor, no_grad};

use crate::{Result, TrainingError};

/// Names of the tensors kept of every parameter.
fn slots(options: &OptimizerOptions) -> &'static [&'static str] {
    match options {
        OptimizerOptions::Sgd { .. } => &["momentum"],
        OptimizerOptions::AdamW { .. } => &["mean", "square"],
    }
}

/// An optimizer and what its steps leave behind.
#[derive(Debug)]
pub struct Optimizer {
    options: OptimizerOptions,
    parameters: Vec<Parameter>,
    steps: i64,
}

#[derive(Debug)]
struct Parameter {
    name: String,
    value: Tensor,
    /// One tensor a slot, of the parameter's shape; none before its first gradient.
    slots: Vec<Tensor>,
}

/// Name of the number of steps in the state.
const STEPS: &str = "steps";

impl Optimizer {
    /// Makes an optimizer for the given parameters by name.
    pub fn new(options: OptimizerOptions, parameters: BTreeMap<String, Tensor>) -> Result<Self> {
        options.check()?;
        let parameters =
            parameters.into_iter().map(|(name, value)| Parameter { name, value, slots: Vec::new() }).collect();
        Ok(Self { options, parameters, steps: 0 })
    }

    /// Forgets the gradients.
    pub fn zero_grad(&mut self) {
        for parameter in &mut self.parameters {
            parameter.value.zero_grad();
        }
    }

    /// One step along the gradients there are; a parameter without one stays.
    pub fn step(&mut self, learning_rate: f64) -> Result<()> {
        self.steps += 1;
        let (options, steps) = (self.options, self.steps);
        no_grad(|| {
            for parameter in &mut self.parameters {
                let gradient = parameter.value.grad();
                if gradient.defined() {
                    parameter.step(&options, &gradient, learning_rate, steps)?;
                }
            }
            Ok(())
        })
    }

    /// A copy of all that a step leaves to the next: `steps` (int64), and `SLOT.NAME` of every
    /// parameter that has had a gradient (`momentum`; or `mean` and `square`), of its shape and
    /// kind.
    pub fn state(&self) -> BTreeMap<String, Tensor> {
        let slots = self.parameters.iter().flat_map(|parameter| {
            let names = slots(&self.options).iter();
            names.zip(&parameter.slots).map(|(slot, tensor)| (format!("{slot}.{}", parameter.name), tensor.copy()))
        });
        slots.chain([(STEPS.to_owned(), Tensor::from(self.steps))]).collect()
    }

    /// Puts back what [`Optimizer::state`] gave. All or nothing.
    ///
    /// # Errors
    /// [`TrainingError::WeightsMismatch`] naming the tensor that is missing, left over, or of
    /// another shape or kind.
    pub fn set_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let mismatch = |problem: String| TrainingError::WeightsMismatch {
            problem: format!("the optimizer's state is not this one's: {problem}"),
        };
        let steps = state.get(STEPS).ok_or_else(|| mismatch(format!("`{STEPS}` is missing")))?;
        if steps.kind() != Kind::Int64 || steps.numel() != 1 || steps.int64_value(&[]) < 0 {
            return Err(mismatch(format!("`{STEPS}` is no number of steps")));
        }
        let mut used = 1;
        let mut read = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            let names = slots(&self.options).iter().map(|slot| format!("{slot}.{}", parameter.name));
            let found: Vec<(String, Option<&Tensor>)> = names.map(|name| (name.clone(), state.get(&name))).collect();
            if found.iter().all(|(_, tensor)| tensor.is_none()) {
                read.push(Vec::new());
                continue;
            }
            let mut slots = Vec::new();
            for (name, tensor) in found {
                let tensor = tensor.ok_or_else(|| mismatch(format!("`{name}` is missing")))?;
                let (value, shape) = (&parameter.value, tensor.size());
                if shape != value.size() || tensor.kind() != value.kind() {
                    let wanted = format!("{:?} {:?}", value.kind(), value.size());
                    return Err(mismatch(format!("`{name}` is {:?} {shape:?}, expected {wanted}", tensor.kind())));
                }
                used += 1;
                slots.push(tensor.f_to_device(value.device())?.copy());
            }
            read.push(slots);
        }
        if used != state.len() {
            let own = |name: &String| {
                let parameter = |slot: &&str| name.strip_prefix(*slot).and_then(|rest| rest.strip_prefix('.'));
                let parameter = slots(&self.options).iter().find_map(parameter);
                name == STEPS || self.parameters.iter().any(|own| parameter == Some(&own.name))
            };
            let other = state.keys().find(|name| !own(name)).map_or("", String::as_str);
            return Err(mismatch(format!("it has no tensor {}", quoted(other))));
        }
        self.steps = steps.int64_value(&[]);
        self.parameters.iter_mut().zip(read).for_each(|(parameter, slots)| parameter.slots = slots);
        Ok(())
    }
}

impl Parameter {
    fn step(&mut self, options: &OptimizerOptions, gradient: &Tensor, rate: f64, t: i64) -> Result<()> {
        if self.slots.is_empty() {
            self.slots = slots(options).iter().map(|_| self.value.zeros_like()).collect();
        }
        match *options {
            OptimizerOptions::Sgd { momentum, nesterov, weight_decay } => {
                let decayed = gradient + &self.value * weight_decay;
                let buffer = &mut self.slots[0];
                *buffer *= momentum;
                *buffer += &decayed;
                let step = if nesterov { decayed + &*buffer * momentum } else { buffer.shallow_clone() };
                self.value -= step * rate;
            }
            OptimizerOptions::AdamW { beta1, beta2, epsilon, weight_decay } => {
                self.value *= 1.0 - rate * weight_decay;
                let [mean, square] = &mut self.slots[..] else { unreachable!("AdamW has two slots") };
                *mean *= beta1;
                *mean += gradient * (1.0 - beta1);
                *square *= beta2;
                *square += gradient * gradient * (1.0 - beta2);
                let t = t as f64;
                let (first, second) = (1.0 - beta1.powf(t), 1.0 - beta2.powf(t));
                let scale = square.sqrt() / second.sqrt() + epsilon;
                self.value -= &*mean / scale * (rate / first);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawn;
    use tch::Device;
    use tch::nn::{self, OptimizerConfig};

    const ALL: [OptimizerOptions; 4] = [
        OptimizerOptions::Sgd { momentum: 0.9, nesterov: false, weight_decay: 2e-4 },
        OptimizerOptions::Sgd { momentum: 0.9, nesterov: true, weight_decay: 1e-2 },
        OptimizerOptions::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0 },
        OptimizerOptions::AdamW { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.05 },
    ];

    /// Two parameters in f64, the same each time.
    fn variables() -> nn::VarStore {
        let mut store = nn::VarStore::new(Device::Cpu);
        store.set_kind(Kind::Double);
        let root = store.root();
        let _ = root.var_copy("a", &drawn::normal(4, &[3, 2], Kind::Double));
        let _ = root.var_copy("b", &drawn::normal(5, &[3], Kind::Double));
        store
    }

    fn named(store: &nn::VarStore) -> BTreeMap<String, Tensor> {
        store.variables().into_iter().collect()
    }

    /// Some function of both, with a gradient that changes from step to step.
    fn loss(store: &nn::VarStore, t: i64) -> Tensor {
        let variables = named(store);
        let mixed = variables["a"].matmul(&Tensor::from_slice(&[1.0, -0.5])) * (t as f64).sin() - &variables["b"];
        mixed.square().sum(Kind::Double) + variables["b"].cos().sum(Kind::Double)
    }

    fn train(store: &nn::VarStore, optimizer: &mut Optimizer, steps: std::ops::Range<i64>) {
        for t in steps {
            optimizer.zero_grad();
            loss(store, t).backward();
            optimizer.step(0.02 / (1.0 + 0.1 * t as f64)).unwrap();
        }
    }

    fn same(a: &nn::VarStore, b: &nn::VarStore, tolerance: f64) -> bool {
        let (a, b) = (named(a), named(b));
        a.iter().all(|(name, tensor)| tensor.allclose(&b[name], tolerance, tolerance, false))
    }

    #[test]
    fn steps_are_those_of_libtorch() {
        for options in ALL {
            let (ours, theirs) = (variables(), variables());
            let mut optimizer = Optimizer::new(options, named(&ours)).unwrap();
            train(&ours, &mut optimizer, 0..25);
            let mut reference = match options {
                OptimizerOptions::Sgd { momentum, nesterov, weight_decay } => {
                    nn::sgd(momentum, 0.0, weight_decay, nesterov).build(&theirs, 0.1).unwrap()
                }
                OptimizerOptions::AdamW { beta1, beta2, epsilon, weight_decay } => {
                    nn::adamw(beta1, beta2, weight_decay).eps(epsilon).build(&theirs, 0.1).unwrap()
                }
            };
            for t in 0..25 {
                reference.set_lr(0.02 / (1.0 + 0.1 * t as f64));
                reference.backward_step(&loss(&theirs, t));
            }
            // The same operations in another order: a few roundings a step.
            assert!(same(&ours, &theirs, 1e-13), "{options:?}");
            assert!(!same(&ours, &variables(), 1e-3));
        }
    }

    #[test]
    fn a_run_from_a_saved_state_goes_on_bit_for_bit() {
        for options in ALL {
            let (whole, parts) = (variables(), variables());
            let mut optimizer = Optimizer::new(options, named(&whole)).unwrap();
            train(&whole, &mut optimizer, 0..20);
            let mut first = Optimizer::new(options, named(&parts)).unwrap();
            train(&parts, &mut first, 0..7);
            let mut second = Optimizer::new(options, named(&parts)).unwrap();
            second.set_state(&first.state()).unwrap();
            train(&parts, &mut second, 7..20);
            assert!(named(&whole).iter().all(|(name, tensor)| tensor.equal(&named(&parts)[name])), "{options:?}");
        }
    }

    #[test]
    fn a_state_that_does_not_fit_is_refused_by_name_and_changes_nothing() {
        let store = variables();
        let mut optimizer = Optimizer::new(ALL[3], named(&store)).unwrap();
        train(&store, &mut optimizer, 0..2);
        let good = optimizer.state();
        assert_eq!(good.len(), 5);
        let mut refused = |change: &dyn Fn(&mut BTreeMap<String, Tensor>), part: &str| {
            let mut state: BTreeMap<String, Tensor> =
                good.iter().map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
            change(&mut state);
            let error = optimizer.set_state(&state).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
            assert!(optimizer.state().iter().all(|(name, tensor)| tensor.equal(&good[name])));
        };
        refused(&|state| drop(state.remove("steps")), "`steps` is missing");
        refused(&|state| drop(state.remove("mean.a")), "`mean.a` is missing");
        refused(&|state| drop(state.insert("momentum.a".into(), good["mean.a"].copy())), "no tensor \"momentum.a\"");
        refused(&|state| drop(state.insert("mean.a".into(), good["mean.b"].copy())), "[3], expected Double [3, 2]");
        refused(&|state| drop(state.insert("mean.b".into(), good["mean.b"].to_kind(Kind::Float))), "Float");
        refused(&|state| drop(state.insert("steps".into(), Tensor::from(-1i64))), "no number of steps");
    }
}
