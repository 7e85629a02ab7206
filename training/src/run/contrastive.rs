//! The contrastive branch of balanced contrastive learning (BCL, Zhu et al., CVPR 2022): two
//! multilayer perceptrons with parameters of their own, beside the network.

use std::collections::BTreeMap;

use car_spectral_runs::settings::ContrastiveOptions;
use tch::nn::{self, ModuleT};
use tch::{Device, Tensor};

use crate::{Result, TrainingError};

/// The two perceptrons with their parameters.
#[derive(Debug)]
pub(crate) struct ContrastiveBranch {
    variables: nn::VarStore,
    projection: Perceptron,
    centres: Perceptron,
}

impl ContrastiveBranch {
    /// For features of `width` numbers, freshly initialised from libtorch's generator.
    pub(crate) fn new(width: i64, options: &ContrastiveOptions, device: Device) -> Self {
        let variables = nn::VarStore::new(device);
        let sizes = [width, options.hidden as i64, options.dimension as i64];
        let root = variables.root();
        let projection = Perceptron::new(&root / "projection", sizes);
        let centres = Perceptron::new(&root / "centres", sizes);
        Self { variables, projection, centres }
    }

    /// Features [B, D] of the network to those that are compared [B, `dimension`], not normalised,
    /// with batch statistics.
    pub(crate) fn project(&self, features: &Tensor) -> Tensor {
        self.projection.forward(features)
    }

    /// The classifier's weights [K, D] to the centres of the classes [K, `dimension`], not
    /// normalised.
    pub(crate) fn centres(&self, class_weights: &Tensor) -> Tensor {
        self.centres.forward(class_weights)
    }

    /// The trainable parameters by name, sharing memory.
    pub(crate) fn trainable(&self) -> BTreeMap<String, Tensor> {
        self.variables.variables().into_iter().filter(|(_, tensor)| tensor.requires_grad()).collect()
    }

    /// All parameters and statistics by name.
    pub(crate) fn state(&self) -> BTreeMap<String, Tensor> {
        self.variables.variables().into_iter().map(|(name, tensor)| (name, tensor.detach().copy())).collect()
    }

    /// Puts back what [`ContrastiveBranch::state`] gave.
    ///
    /// # Errors
    /// [`TrainingError::WeightsMismatch`] naming the first tensor that is missing, left over or of
    /// another shape; then nothing has changed.
    pub(crate) fn set_state(&mut self, state: &BTreeMap<String, Tensor>) -> Result<()> {
        let mismatch = |name: &str, problem: String| TrainingError::WeightsMismatch {
            problem: format!("the contrastive branch is another one: tensor `{name}` {problem}"),
        };
        let variables = self.variables.variables();
        if let Some(name) = state.keys().find(|name| !variables.contains_key(*name)) {
            return Err(mismatch(name, "is not known".to_owned()));
        }
        for (name, variable) in &variables {
            let found = state.get(name).ok_or_else(|| mismatch(name, "is missing".to_owned()))?.size();
            if found != variable.size() {
                return Err(mismatch(name, format!("has shape {found:?}, expected {:?}", variable.size())));
            }
        }
        tch::no_grad(|| {
            for (name, mut variable) in variables {
                variable.f_copy_(&state[&name])?;
            }
            Ok(())
        })
    }
}

/// Linear, batch normalisation, ReLU, linear.
#[derive(Debug)]
struct Perceptron {
    hidden: nn::Linear,
    normalisation: nn::BatchNorm,
    output: nn::Linear,
}

impl Perceptron {
    fn new(path: nn::Path, [input, hidden, output]: [i64; 3]) -> Self {
        let normalisation = nn::BatchNormConfig { ws_init: nn::Init::Const(1.0), ..Default::default() };
        Self {
            hidden: nn::linear(&path / "hidden", input, hidden, Default::default()),
            normalisation: nn::batch_norm1d(&path / "normalisation", hidden, normalisation),
            output: nn::linear(&path / "output", hidden, output, Default::default()),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let hidden = self.normalisation.forward_t(&x.apply(&self.hidden), true);
        hidden.relu().apply(&self.output)
    }
}
