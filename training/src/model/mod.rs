//! The built-in architectures: one description, one constructor, weights in and out by name.

mod cifar_resnet;
mod efficientnet_lite0;
mod head;
mod layers;
mod mlp;
mod pretrained;
mod resnet50;
mod spellings;
#[cfg(test)]
mod tests;
mod vision_transformer;

use std::collections::BTreeMap;
use std::fmt;

use car_spectral_formats::quoting::quoted;
use car_spectral_runs::settings::{Architecture, ArchitectureKind, Classifier, TrainingPass};
use tch::{Device, Kind, Tensor, nn};

use crate::{Result, TrainingError};
use cifar_resnet::CifarResNet;
use efficientnet_lite0::{Conventions, EfficientNetLite0};
use head::Head;
use layers::Pass;
use resnet50::ResNet50;
use vision_transformer::VisionTransformer;

/// A network with its weights on a device.
#[derive(Debug)]
pub struct Model {
    architecture: Architecture,
    variables: nn::VarStore,
    network: Network,
    training: TrainingPass,
    frozen: bool,
}

#[derive(Debug)]
enum Network {
    Mlp(Vec<Tensor>),
    Headed(Box<dyn Backbone>, Head),
}

/// A network up to its last layer.
trait Backbone: fmt::Debug {
    /// Images [B, C, H, W] to features [B, D], float32.
    fn features(&self, images: &Tensor, pass: Pass) -> Tensor;
}

impl Model {
    /// A freshly initialised network (libtorch's generator, see `tch::manual_seed`).
    pub fn new(architecture: Architecture, device: Device) -> Result<Self> {
        architecture.check()?;
        let variables = nn::VarStore::new(device);
        let root = variables.root();
        let input = architecture.network_input().map(|side| side as i64);
        let [channels, height, width] = input;
        let classes = architecture.num_classes as i64;
        let head = |features, config| {
            let name = architecture.kind.classifier_name().expect("every kind but mlp names its last layer");
            Head::new(&root / name, features, classes, architecture.classifier, config)
        };
        let network = match &architecture.kind {
            ArchitectureKind::Mlp { hidden } => {
                let hidden: Vec<i64> = hidden.iter().map(|&width| width as i64).collect();
                Network::Mlp(mlp::layers(&root, channels * height * width, &hidden, classes))
            }
            ArchitectureKind::ResNet50 => {
                let backbone = Box::new(ResNet50::new(&root, channels));
                Network::Headed(backbone, head(resnet50::FEATURES, head::kaiming()))
            }
            &ArchitectureKind::Vit { size, patch } => {
                let backbone = Box::new(VisionTransformer::new(&root, size, patch as i64, input));
                Network::Headed(backbone, head(size.width() as i64, vision_transformer::head()))
            }
            kind @ (ArchitectureKind::EfficientNetLite0 | ArchitectureKind::EfficientNetLite0Symmetric) => {
                let conventions = match kind {
                    ArchitectureKind::EfficientNetLite0 => Conventions::TensorFlow,
                    _ => Conventions::PyTorch,
                };
                let backbone = Box::new(EfficientNetLite0::new(&root, channels, conventions));
                Network::Headed(backbone, head(efficientnet_lite0::FEATURES, head::kaiming()))
            }
            cifar => {
                let blocks = cifar.cifar_blocks_per_stage().expect("the kinds left are CIFAR's") as i64;
                let backbone = Box::new(CifarResNet::new(&root, channels, blocks));
                Network::Headed(backbone, head(cifar_resnet::FEATURES, head::kaiming()))
            }
        };
        Ok(Self { architecture, variables, network, training: TrainingPass::default(), frozen: false })
    }

    /// The architecture with the given weights. Buffers `num_batches_tracked` are passed over.
    ///
    /// # Errors
    /// [`TrainingError::WeightsMismatch`] naming the first tensor that is missing, left over or of
    /// another shape.
    pub fn with_weights(
        architecture: Architecture,
        weights: &BTreeMap<String, Tensor>,
        device: Device,
    ) -> Result<Self> {
        let mut model = Self::new(architecture, device)?;
        model.set_weights(weights)?;
        Ok(model)
    }

    /// Takes other weights, with the same conditions as [`Model::with_weights`].
    ///
    /// # Errors
    /// [`TrainingError::WeightsMismatch`]; then nothing has changed.
    pub fn set_weights(&mut self, weights: &BTreeMap<String, Tensor>) -> Result<()> {
        let mismatch = |problem: String| TrainingError::WeightsMismatch {
            problem: format!("the weights are not those of {}: {problem}", self.architecture.kind),
        };
        let variables = self.variables.variables();
        let given = |name: &&String| !name.ends_with("num_batches_tracked");
        if let Some(name) = weights.keys().filter(given).find(|name| !variables.contains_key(*name)) {
            return Err(mismatch(format!(
                "it has no tensor {}; its own are {}",
                quoted(name),
                first_names(variables.keys())
            )));
        }
        let mut names: Vec<&String> = variables.keys().collect();
        names.sort();
        for name in &names {
            let found = weights.get(*name).ok_or_else(|| {
                mismatch(format!("tensor `{name}` is missing; the file holds {}", first_names(weights.keys())))
            })?;
            let (found, wanted) = (found.size(), variables[*name].size());
            if found != wanted {
                return Err(mismatch(format!("tensor `{name}` has shape {found:?}, expected {wanted:?}")));
            }
        }
        tch::no_grad(|| {
            for name in names {
                variables[name].shallow_clone().f_copy_(&weights[name])?;
            }
            Ok(())
        })
    }

    /// The architecture.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// The trainable parameters by name, sharing memory with the network: what an optimizer steps
    /// on.
    pub fn trainable(&self) -> BTreeMap<String, Tensor> {
        self.variables.variables().into_iter().filter(|(_, tensor)| tensor.requires_grad()).collect()
    }

    /// Number of trainable parameters.
    pub fn parameter_count(&self) -> usize {
        self.trainable().values().map(Tensor::numel).sum()
    }

    /// All weights and buffers by name, on the CPU.
    pub fn weights(&self) -> BTreeMap<String, Tensor> {
        let variables = self.variables.variables();
        variables.into_iter().map(|(name, tensor)| (name, tensor.detach().to_device(Device::Cpu))).collect()
    }

    /// Leaves all but the last layer as it is from now on: it is neither trained nor among
    /// [`Model::learned`].
    ///
    /// # Errors
    /// [`TrainingError::Setting`] for `mlp`, which has no last layer apart.
    pub(crate) fn freeze_backbone(&mut self) -> Result<()> {
        if self.architecture.kind.classifier_name().is_none() {
            let requirement = "has no last layer apart; give another network";
            return Err(TrainingError::setting("model", &self.architecture.kind, requirement));
        }
        self.frozen = true;
        for (name, tensor) in self.variables.variables() {
            if !self.is_learned(&name) {
                let _ = tensor.f_set_requires_grad(false)?;
            }
        }
        Ok(())
    }

    /// Lets the last layer, whose weights were drawn, begin at 0. On features that stay as they are
    /// the draw would be noise in every logit, and the few steps of a last layer hardly forget it.
    /// A cosine layer keeps its draw: it has no direction at 0.
    pub(crate) fn begin_last_layer_at_zero(&mut self) {
        if let Classifier::Linear = self.architecture.classifier {
            let learned = self.variables.variables().into_iter().filter(|(name, _)| self.is_learned(name));
            tch::no_grad(|| learned.for_each(|(_, mut tensor)| drop(tensor.zero_())));
        }
    }

    fn is_learned(&self, name: &str) -> bool {
        let of_last_layer = |layer| name.strip_prefix(layer).is_some_and(|rest: &str| rest.starts_with('.'));
        !self.frozen || self.architecture.kind.classifier_name().is_some_and(of_last_layer)
    }

    /// The weights and buffers that training changes, on the CPU.
    pub(crate) fn learned(&self) -> BTreeMap<String, Tensor> {
        self.weights().into_iter().filter(|(name, _)| self.is_learned(name)).collect()
    }

    /// Puts back what [`Model::learned`] gave; the rest stays.
    ///
    /// # Errors
    /// As [`Model::set_weights`].
    pub(crate) fn set_learned(&mut self, learned: &BTreeMap<String, Tensor>) -> Result<()> {
        let kept = self.weights().into_iter().filter(|(name, _)| !self.is_learned(name));
        let given = learned.iter().map(|(name, tensor)| (name.clone(), tensor.shallow_clone()));
        self.set_weights(&kept.chain(given).collect())
    }

    /// All parameters and buffers by name, sharing memory with the network.
    pub(crate) fn variables(&self) -> BTreeMap<String, Tensor> {
        self.variables.variables().into_iter().collect()
    }

    /// Chooses how training steps compute from now on.
    pub fn set_training_pass(&mut self, pass: TrainingPass) -> Result<()> {
        pass.check(&self.architecture.kind)?;
        self.training = pass;
        Ok(())
    }

    /// Normalised images [B, C, H, W] to logits [B, K], float32. `train` selects batch statistics
    /// in normalisation layers and the [`TrainingPass`]. Images are resized first if the
    /// architecture has a resolution.
    pub fn forward(&self, images: &Tensor, train: bool) -> Tensor {
        self.classify(&self.features(images, train))
    }

    /// Normalised images [B, C, H, W] to features [B, D], float32, what the last layer reads. As
    /// [`Model::forward`].
    pub fn features(&self, images: &Tensor, train: bool) -> Tensor {
        let TrainingPass { bf16, drop_path } = self.training;
        let products = if train && bf16 { Kind::BFloat16 } else { Kind::Float };
        let pass = Pass { train, products, drop_path };
        let resized = self.architecture.resolution.map(|side| {
            let side = side as i64;
            images.upsample_bilinear2d([side, side], false, None, None)
        });
        let images = resized.as_ref().unwrap_or(images);
        match &self.network {
            Network::Mlp(layers) => mlp::features(layers, images, pass),
            Network::Headed(backbone, _) => backbone.features(images, pass).to_kind(Kind::Float),
        }
    }

    /// Features [B, D] to logits [B, K].
    pub fn classify(&self, features: &Tensor) -> Tensor {
        match &self.network {
            Network::Mlp(_) => features.linear::<Tensor>(self.class_weights(), None),
            Network::Headed(_, head) => head.forward(features),
        }
    }

    /// Weights [K, D] of the last layer, a row a class.
    pub fn class_weights(&self) -> &Tensor {
        match &self.network {
            Network::Mlp(layers) => layers.last().expect("a network has at least one layer by construction"),
            Network::Headed(_, head) => head.class_weights(),
        }
    }

    /// The weight matrices [out, in] of a bias-free ReLU network in order, or `None` for the other
    /// families.
    pub fn bias_free_relu_layers(&self) -> Option<&[Tensor]> {
        match &self.network {
            Network::Mlp(layers) => Some(layers),
            Network::Headed(..) => None,
        }
    }
}

fn first_names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable();
    let more = if names.len() > 4 { ", ..." } else { "" };
    let shown: Vec<String> = names.iter().take(4).map(|name| quoted(name)).collect();
    format!("{}{more}", shown.join(", "))
}
