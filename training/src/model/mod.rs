//! The built-in architectures: one description, one constructor, weights in and out by name.

mod mlp;
mod resnet;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use tch::{Device, Tensor, nn};

use crate::TrainingError;
use resnet::CifarResNet;

/// What has to be known to build a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Architecture {
    /// The family and its size.
    #[serde(flatten)]
    pub kind: ArchitectureKind,
    /// Image shape C, H, W.
    pub input: [usize; 3],
    /// Number of classes K.
    pub num_classes: usize,
    /// The last layer of a residual network.
    #[serde(default, skip_serializing_if = "Classifier::is_linear")]
    pub classifier: Classifier,
}

/// The last layer of a residual network: features x to logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Classifier {
    /// f_i = w_i . x + b_i.
    #[default]
    Linear,
    /// f_i = s cos(angle of w_i and x), without bias (the normalised classifier of LDAM, Cao et al., NeurIPS 2019).
    Cosine {
        /// s.
        scale: u32,
    },
}

impl Classifier {
    fn is_linear(&self) -> bool {
        *self == Self::Linear
    }

    /// Checks the scale, and that the network is a residual one for any but the linear classifier.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`].
    pub fn check(&self, network: &ArchitectureKind) -> Result<(), TrainingError> {
        match self {
            Self::Linear => Ok(()),
            Self::Cosine { .. } if network.blocks_per_stage().is_none() => Err(TrainingError::setting(
                "--model",
                network,
                "has no cosine classifier, which --loss ldam-drw needs; give a residual network, or --classifier linear",
            )),
            Self::Cosine { scale: 0 } => Err(TrainingError::setting("--scale", 0, "at least 1")),
            Self::Cosine { .. } => Ok(()),
        }
    }
}

/// The family of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum ArchitectureKind {
    /// Bias-free ReLU network with the given hidden widths.
    Mlp {
        /// Hidden widths, from the input side.
        hidden: Vec<usize>,
    },
    /// CIFAR ResNet of depth 20.
    ResNet20,
    /// CIFAR ResNet of depth 32.
    ResNet32,
    /// CIFAR ResNet of depth 44.
    ResNet44,
    /// CIFAR ResNet of depth 56.
    ResNet56,
}

impl ArchitectureKind {
    /// The names accepted by `--arch` and `--model`.
    pub const NAMES: [&'static str; 5] = ["mlp", "resnet20", "resnet32", "resnet44", "resnet56"];

    /// The kind of that name; the hidden widths matter for `mlp` only.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`] for another name, listing those there are.
    pub fn from_name(name: &str, hidden: &[usize]) -> Result<Self, TrainingError> {
        match name {
            "mlp" => Ok(Self::Mlp { hidden: hidden.to_vec() }),
            "resnet20" => Ok(Self::ResNet20),
            "resnet32" => Ok(Self::ResNet32),
            "resnet44" => Ok(Self::ResNet44),
            "resnet56" => Ok(Self::ResNet56),
            _ => Err(TrainingError::setting("architecture", name, format!("one of {}", Self::NAMES.join(", ")))),
        }
    }

    /// Checks the hidden widths of `mlp`.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`] for a width of zero.
    pub fn check(&self) -> Result<(), TrainingError> {
        match self {
            Self::Mlp { hidden } if hidden.contains(&0) => {
                Err(TrainingError::setting("--hidden", format!("{hidden:?}"), "widths are at least 1"))
            }
            _ => Ok(()),
        }
    }

    fn blocks_per_stage(&self) -> Option<i64> {
        match self {
            Self::Mlp { .. } => None,
            Self::ResNet20 => Some(3),
            Self::ResNet32 => Some(5),
            Self::ResNet44 => Some(7),
            Self::ResNet56 => Some(9),
        }
    }
}

impl fmt::Display for ArchitectureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mlp { hidden } => {
                let widths: Vec<String> = hidden.iter().map(usize::to_string).collect();
                write!(f, "mlp ({})", if widths.is_empty() { "linear".to_owned() } else { widths.join("-") })
            }
            other => write!(f, "resnet{}", other.blocks_per_stage().map_or(0, |blocks| 6 * blocks + 2)),
        }
    }
}

/// A network with its weights on a device.
#[derive(Debug)]
pub struct Model {
    architecture: Architecture,
    variables: nn::VarStore,
    network: Network,
}

#[derive(Debug)]
enum Network {
    Mlp(Vec<Tensor>),
    ResNet(Box<CifarResNet>),
}

impl Model {
    /// A freshly initialised network (Kaiming normal; libtorch's generator, see `tch::manual_seed`).
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`] for fewer than two classes, an empty image or a hidden width of zero.
    pub fn new(architecture: Architecture, device: Device) -> Result<Self, TrainingError> {
        if architecture.num_classes < 2 {
            return Err(TrainingError::setting("classes", architecture.num_classes, "at least 2"));
        }
        if architecture.input.contains(&0) {
            return Err(TrainingError::setting("image shape", format!("{:?}", architecture.input), "no side may be 0"));
        }
        architecture.kind.check()?;
        architecture.classifier.check(&architecture.kind)?;
        let variables = nn::VarStore::new(device);
        let root = variables.root();
        let [channels, height, width] = architecture.input.map(|side| side as i64);
        let classes = architecture.num_classes as i64;
        let network = match &architecture.kind {
            ArchitectureKind::Mlp { hidden } => {
                let hidden: Vec<i64> = hidden.iter().map(|&width| width as i64).collect();
                Network::Mlp(mlp::layers(&root, channels * height * width, &hidden, classes))
            }
            kind => {
                let blocks = kind.blocks_per_stage().expect("every kind but mlp is a residual network");
                Network::ResNet(Box::new(CifarResNet::new(&root, channels, blocks, classes, architecture.classifier)))
            }
        };
        Ok(Self { architecture, variables, network })
    }

    /// The architecture with the given weights. Buffers `num_batches_tracked` are passed over.
    ///
    /// # Errors
    /// [`TrainingError::WeightsMismatch`] naming the first tensor that is missing, left over or of another shape.
    pub fn with_weights(
        architecture: Architecture,
        weights: &BTreeMap<String, Tensor>,
        device: Device,
    ) -> Result<Self, TrainingError> {
        let mut model = Self::new(architecture, device)?;
        model.set_weights(weights)?;
        Ok(model)
    }

    /// Takes other weights, with the same conditions as [`Model::with_weights`].
    ///
    /// # Errors
    /// [`TrainingError::WeightsMismatch`]; then nothing has changed.
    pub fn set_weights(&mut self, weights: &BTreeMap<String, Tensor>) -> Result<(), TrainingError> {
        let mismatch = |problem: String| TrainingError::WeightsMismatch {
            problem: format!("the weights are not those of {}: {problem}", self.architecture.kind),
        };
        let variables = self.variables.variables();
        let given = |name: &&String| !name.ends_with("num_batches_tracked");
        if let Some(name) = weights.keys().filter(given).find(|name| !variables.contains_key(*name)) {
            return Err(mismatch(format!("it has no tensor `{name}`; its own are {}", first_names(variables.keys()))));
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

    /// The trainable parameters by name, sharing memory with the network: what an optimizer steps on.
    pub fn trainable(&self) -> BTreeMap<String, Tensor> {
        self.variables.variables().into_iter().filter(|(_, tensor)| tensor.requires_grad()).collect()
    }

    /// Number of trainable parameters.
    pub fn parameter_count(&self) -> usize {
        self.variables.trainable_variables().iter().map(Tensor::numel).sum()
    }

    /// All weights and buffers by name, on the CPU.
    pub fn weights(&self) -> BTreeMap<String, Tensor> {
        let variables = self.variables.variables();
        variables.into_iter().map(|(name, tensor)| (name, tensor.detach().to_device(Device::Cpu))).collect()
    }

    /// Normalised images [B, C, H, W] to logits [B, K]. `train` selects batch statistics in normalisation layers.
    pub fn forward(&self, images: &Tensor, train: bool) -> Tensor {
        self.classify(&self.features(images, train))
    }

    /// Normalised images [B, C, H, W] to features [B, D], what the last layer reads.
    pub fn features(&self, images: &Tensor, train: bool) -> Tensor {
        match &self.network {
            Network::Mlp(layers) => mlp::features(layers, images),
            Network::ResNet(network) => network.features(images, train),
        }
    }

    /// Features [B, D] to logits [B, K].
    pub fn classify(&self, features: &Tensor) -> Tensor {
        match &self.network {
            Network::Mlp(_) => features.linear::<Tensor>(self.class_weights(), None),
            Network::ResNet(network) => network.classify(features),
        }
    }

    /// Weights [K, D] of the last layer, a row a class.
    pub fn class_weights(&self) -> &Tensor {
        match &self.network {
            Network::Mlp(layers) => layers.last().expect("a network has at least one layer by construction"),
            Network::ResNet(network) => network.class_weights(),
        }
    }

    /// The weight matrices [out, in] of a bias-free ReLU network in order, or `None` for the other families.
    pub fn bias_free_relu_layers(&self) -> Option<&[Tensor]> {
        match &self.network {
            Network::Mlp(layers) => Some(layers),
            Network::ResNet(_) => None,
        }
    }
}

fn first_names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable();
    let more = if names.len() > 4 { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(4)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    fn resnet(kind: ArchitectureKind, classes: usize) -> Model {
        let classifier = Classifier::Linear;
        Model::new(Architecture { kind, input: [3, 32, 32], num_classes: classes, classifier }, Device::Cpu).unwrap()
    }

    #[test]
    fn cosine_logits_are_scaled_cosines() {
        let architecture = Architecture {
            kind: ArchitectureKind::ResNet20,
            input: [3, 32, 32],
            num_classes: 5,
            classifier: Classifier::Cosine { scale: 30 },
        };
        let model = Model::new(architecture.clone(), Device::Cpu).unwrap();
        assert_eq!(model.parameter_count(), resnet(ArchitectureKind::ResNet20, 5).parameter_count() - 5, "no bias");
        let images = Tensor::randn([4, 3, 32, 32], (Kind::Float, Device::Cpu));
        let logits = tch::no_grad(|| model.forward(&images, false));
        assert!(logits.abs().max().double_value(&[]) <= 30.0 + 1e-4);
        // Longer weights change nothing.
        let mut weights = model.weights();
        weights.insert("linear.weight".into(), &weights["linear.weight"] * 7.0);
        let longer = Model::with_weights(architecture.clone(), &weights, Device::Cpu).unwrap();
        assert!(tch::no_grad(|| longer.forward(&images, false)).allclose(&logits, 1e-4, 1e-4, false));
        let json = serde_json::to_string(&architecture).unwrap();
        assert_eq!(serde_json::from_str::<Architecture>(&json).unwrap(), architecture);
        let mlp = Architecture { kind: ArchitectureKind::Mlp { hidden: vec![] }, ..architecture };
        assert!(Model::new(mlp, Device::Cpu).unwrap_err().to_string().contains("--classifier"));
    }

    /// Parameters of He et al., table 6: 0.27 M, 0.46 M, 0.66 M, 0.85 M for ten classes.
    #[test]
    fn residual_networks_have_the_published_number_of_parameters() {
        let counts = [
            ArchitectureKind::ResNet20,
            ArchitectureKind::ResNet32,
            ArchitectureKind::ResNet44,
            ArchitectureKind::ResNet56,
        ]
        .map(|kind| resnet(kind, 10).parameter_count());
        assert_eq!(counts, [269_722, 464_154, 658_586, 853_018]);
    }

    #[test]
    fn logits_have_one_column_a_class_and_evaluation_is_repeatable() {
        let model = resnet(ArchitectureKind::ResNet20, 7);
        let images = Tensor::randn([4, 3, 32, 32], (Kind::Float, Device::Cpu));
        let logits = tch::no_grad(|| model.forward(&images, false));
        assert_eq!(logits.size(), [4, 7]);
        assert!(logits.equal(&tch::no_grad(|| model.forward(&images, false))));
    }

    #[test]
    fn the_mlp_is_positively_homogeneous() {
        let architecture = Architecture {
            kind: ArchitectureKind::Mlp { hidden: vec![16, 8] },
            input: [1, 5, 5],
            num_classes: 3,
            classifier: Classifier::Linear,
        };
        let model = Model::new(architecture, Device::Cpu).unwrap();
        let images = Tensor::randn([6, 1, 5, 5], (Kind::Float, Device::Cpu));
        let (one, four) = tch::no_grad(|| (model.forward(&images, false), model.forward(&(&images * 4.0), false)));
        assert!(four.allclose(&(one * 4.0), 1e-5, 1e-6, false));
        assert_eq!(model.bias_free_relu_layers().unwrap().len(), 3);
    }

    #[test]
    fn weights_travel_by_name_and_wrong_ones_are_named() {
        let model = resnet(ArchitectureKind::ResNet20, 5);
        let mut weights = model.weights();
        let copy = Model::with_weights(model.architecture().clone(), &weights, Device::Cpu).unwrap();
        let images = Tensor::randn([2, 3, 32, 32], (Kind::Float, Device::Cpu));
        tch::no_grad(|| assert!(model.forward(&images, false).equal(&copy.forward(&images, false))));

        let error =
            |weights| Model::with_weights(model.architecture().clone(), &weights, Device::Cpu).unwrap_err().to_string();
        let linear = weights.remove("linear.weight").unwrap();
        assert!(error(model.weights_without("linear.weight")).contains("`linear.weight` is missing"));
        weights.insert("linear.weight".into(), linear.transpose(0, 1));
        assert!(error(weights).contains("shape [64, 5], expected [5, 64]"));
        let mut more = model.weights();
        more.insert("head.extra".into(), Tensor::zeros([1], (Kind::Float, Device::Cpu)));
        assert!(error(more).contains("no tensor `head.extra`"));
    }

    impl Model {
        fn weights_without(&self, name: &str) -> BTreeMap<String, Tensor> {
            self.weights().into_iter().filter(|(other, _)| other != name).collect()
        }
    }
}
