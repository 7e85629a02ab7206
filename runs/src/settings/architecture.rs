//! Facts needed to build a network: its family and size, the images, the classes, the last layer.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RunError;

/// Sides of an image that a network takes; more would only exhaust the memory.
const LARGEST_SIDE: usize = 4096;
/// Units of a hidden layer; more would only exhaust the memory.
pub(crate) const LARGEST_WIDTH: usize = 16_384;
/// Patches of an image, whose attention takes their square.
const MOST_PATCHES: usize = 16_384;
/// ResNet-50 and EfficientNet-Lite0 halve the sides five times; from 33 on every normalisation sees
/// more than one pixel.
const SMALLEST_SIDE_HALVED_FIVE_TIMES: usize = 33;

/// The facts needed to build a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Architecture {
    /// The family and its size.
    #[serde(flatten)]
    pub kind: ArchitectureKind,
    /// Image shape C, H, W.
    pub input: [usize; 3],
    /// Number of classes K.
    pub num_classes: usize,
    /// The last layer of any network but `mlp`.
    #[serde(default, skip_serializing_if = "Classifier::is_linear")]
    pub classifier: Classifier,
    /// Side of the square to which images are resized on the device before the network (bilinear,
    /// not antialiased); none: images are taken as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<usize>,
}

impl Architecture {
    /// Image shape C, H, W after resizing: what the network itself takes.
    pub fn network_input(&self) -> [usize; 3] {
        let [channels, height, width] = self.input;
        let [height, width] = self.resolution.map_or([height, width], |side| [side, side]);
        [channels, height, width]
    }

    /// Checks that there is such a network.
    ///
    /// # Errors
    /// [`RunError::Setting`] for fewer than two classes, an empty image, images that do not fit the
    /// network, and as [`ArchitectureKind::check`], [`Classifier::check`] and
    /// [`ArchitectureKind::check_resolution`].
    pub fn check(&self) -> Result<(), RunError> {
        if self.num_classes < 2 {
            return Err(RunError::setting("classes", self.num_classes, "at least 2"));
        }
        let [_, height, width] = self.network_input();
        if self.input.contains(&0) {
            return Err(RunError::setting("image shape", format!("{:?}", self.input), "no side may be 0"));
        }
        if self.input.iter().try_fold(1_i64, |all, &side| all.checked_mul(i64::try_from(side).ok()?)).is_none() {
            return Err(RunError::setting(
                "image shape",
                format!("{:?}", self.input),
                "more numbers than 64 bits count",
            ));
        }
        self.kind.check()?;
        self.classifier.check(&self.kind)?;
        self.kind.check_resolution(self.resolution)?;
        let sides = format!("{height} x {width}");
        match self.kind {
            ArchitectureKind::Vit { patch, .. } if !height.is_multiple_of(patch) || !width.is_multiple_of(patch) => {
                let requirement = format!("must divide the sides of the images, {sides}; or give `resolution`");
                Err(RunError::setting("patch", patch, requirement))
            }
            ArchitectureKind::Vit { patch, .. } if (height / patch) * (width / patch) > MOST_PATCHES => {
                let requirement = format!("more than {MOST_PATCHES} patches of {sides} pixels; give larger ones");
                Err(RunError::setting("patch", patch, requirement))
            }
            _ => Ok(()),
        }
    }

    /// Checks that its normalisations see more than one pixel, which they need in training;
    /// evaluation needs one.
    ///
    /// # Errors
    /// [`RunError::Setting`] for images that are too small.
    pub fn check_for_training(&self) -> Result<(), RunError> {
        let [_, height, width] = self.network_input();
        match self.kind {
            ArchitectureKind::ResNet50
            | ArchitectureKind::EfficientNetLite0
            | ArchitectureKind::EfficientNetLite0Symmetric
                if height.min(width) < SMALLEST_SIDE_HALVED_FIVE_TIMES =>
            {
                let requirement = format!(
                    "too small for {}, which halves them five times: at least {SMALLEST_SIDE_HALVED_FIVE_TIMES} to train; \
                     give `resolution`",
                    self.kind
                );
                Err(RunError::setting("image sides", format!("{height} x {width}"), requirement))
            }
            _ => Ok(()),
        }
    }
}

/// The kind, and what sets the network apart from the usual one of its kind.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Classifier::Cosine { scale } = self.classifier {
            write!(f, ", cosine classifier of scale {scale}")?;
        }
        self.resolution.map_or(Ok(()), |side| write!(f, ", at {side} px"))
    }
}

/// The last layer of a network: features x to logits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Classifier {
    /// f_i = w_i . x + b_i.
    #[default]
    Linear,
    /// f_i = s cos(angle of w_i and x), without bias (the normalised classifier of LDAM, Cao et
    /// al., NeurIPS 2019).
    Cosine {
        /// s.
        scale: u32,
    },
}

impl Classifier {
    fn is_linear(&self) -> bool {
        *self == Self::Linear
    }

    /// Checks the scale, and that the network is not `mlp` for any but the linear classifier.
    pub fn check(&self, network: &ArchitectureKind) -> Result<(), RunError> {
        match (self, network) {
            (Self::Linear, _) => Ok(()),
            (Self::Cosine { .. }, ArchitectureKind::Mlp { .. }) => Err(RunError::setting(
                "model",
                network,
                "has no cosine classifier (that of `loss` ldam-drw unless told otherwise); give another network, or `classifier` \
                 linear",
            )),
            (Self::Cosine { scale: 0 }, _) => Err(RunError::setting("scale", 0, "at least 1")),
            (Self::Cosine { .. }, _) => Ok(()),
        }
    }
}

/// The family of a network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// ResNet-50 for images of ImageNet's size.
    ResNet50,
    /// Vision transformer.
    Vit {
        /// Width.
        size: VitSize,
        /// Side of the square patches in pixels.
        patch: usize,
    },
    /// EfficientNet-Lite0.
    #[serde(rename = "efficientnet-lite0")]
    EfficientNetLite0,
    /// EfficientNet-Lite0 with symmetric padding and PyTorch's constant of normalisation, timm's
    /// `efficientnet_lite0`.
    #[serde(rename = "efficientnet-lite0-symmetric")]
    EfficientNetLite0Symmetric,
}

/// Names of timm and torchvision for networks that are built in, vision transformers apart.
const NAMES_ELSEWHERE: [(&str, &str); 2] =
    [("tf_efficientnet_lite0", "efficientnet-lite0"), ("efficientnet_lite0", "efficientnet-lite0-symmetric")];

/// What a name of timm (`vit_small_patch32_224`, `deit_base_patch16_384`) or torchvision
/// (`vit_b_32`) says of a vision transformer: its own name here and the side of its patches.
fn vit_elsewhere(name: &str) -> Option<(&'static str, usize)> {
    if let Some(patch) = name.strip_prefix("vit_b_") {
        return Some(("vit-base", patch.parse().ok()?));
    }
    let rest = name.strip_prefix("vit_").or_else(|| name.strip_prefix("deit_"))?;
    let (size, rest) = rest.split_once("_patch")?;
    let (patch, side) = rest.split_once('_')?;
    side.parse::<usize>().ok()?;
    let own = match size {
        "tiny" => "vit-tiny",
        "small" => "vit-small",
        "base" => "vit-base",
        _ => return None,
    };
    Some((own, patch.parse().ok()?))
}

impl ArchitectureKind {
    /// The names accepted by `--arch` and `--model`.
    pub const NAMES: [&'static str; 11] = [
        "mlp",
        "resnet20",
        "resnet32",
        "resnet44",
        "resnet56",
        "resnet50",
        "vit-tiny",
        "vit-small",
        "vit-base",
        "efficientnet-lite0",
        "efficientnet-lite0-symmetric",
    ];

    /// The kind of that name, or of timm's or torchvision's name for it; the hidden widths matter
    /// for `mlp` only, the patch for `vit-*` only, where a name of timm or torchvision says it
    /// itself.
    ///
    /// # Errors
    /// [`RunError::Setting`] for another name, listing those there are.
    pub fn from_name(name: &str, hidden: &[usize], patch: usize) -> Result<Self, RunError> {
        let plain = name.split('.').next().unwrap_or(name);
        let elsewhere = NAMES_ELSEWHERE.iter().find(|(other, _)| *other == plain).map(|&(_, own)| (own, patch));
        let (own, patch) = vit_elsewhere(plain).or(elsewhere).unwrap_or((name, patch));
        match own {
            "mlp" => Ok(Self::Mlp { hidden: hidden.to_vec() }),
            "resnet20" => Ok(Self::ResNet20),
            "resnet32" => Ok(Self::ResNet32),
            "resnet44" => Ok(Self::ResNet44),
            "resnet56" => Ok(Self::ResNet56),
            "resnet50" => Ok(Self::ResNet50),
            "vit-tiny" => Ok(Self::Vit { size: VitSize::Tiny, patch }),
            "vit-small" => Ok(Self::Vit { size: VitSize::Small, patch }),
            "vit-base" => Ok(Self::Vit { size: VitSize::Base, patch }),
            "efficientnet-lite0" => Ok(Self::EfficientNetLite0),
            "efficientnet-lite0-symmetric" => Ok(Self::EfficientNetLite0Symmetric),
            _ => Err(RunError::setting("architecture", name, format!("one of {}", Self::NAMES.join(", ")))),
        }
    }

    /// Checks the hidden widths of `mlp` and the patch of `vit-*`.
    ///
    /// # Errors
    /// [`RunError::Setting`] for a width or a patch that is zero or too large.
    pub fn check(&self) -> Result<(), RunError> {
        match self {
            Self::Mlp { hidden } if hidden.iter().any(|width| !(1..=LARGEST_WIDTH).contains(width)) => {
                Err(RunError::setting("hidden", format!("{hidden:?}"), format!("widths from 1 to {LARGEST_WIDTH}")))
            }
            Self::Vit { patch, .. } if !(1..=LARGEST_SIDE).contains(patch) => {
                Err(RunError::setting("patch", patch, format!("from 1 to {LARGEST_SIDE}")))
            }
            _ => Ok(()),
        }
    }

    /// Checks that the network can be given images resized to that side.
    ///
    /// # Errors
    /// [`RunError::Setting`] for a side out of range, and for `mlp`, whose bound T3 is of the
    /// images as they are.
    pub fn check_resolution(&self, resolution: Option<usize>) -> Result<(), RunError> {
        match (self, resolution) {
            (_, None) => Ok(()),
            (Self::Mlp { .. }, Some(side)) => {
                Err(RunError::setting("resolution", side, "mlp takes images as they are; leave it out"))
            }
            (_, Some(side)) if !(1..=LARGEST_SIDE).contains(&side) => {
                Err(RunError::setting("resolution", side, format!("from 1 to {LARGEST_SIDE}")))
            }
            _ => Ok(()),
        }
    }

    /// Tells whether there are residual branches that stochastic depth can leave out.
    pub fn has_drop_path(&self) -> bool {
        matches!(self, Self::Vit { .. } | Self::EfficientNetLite0 | Self::EfficientNetLite0Symmetric)
    }

    /// Name of the last layer; none for `mlp`, whose layers are all of one kind.
    pub fn classifier_name(&self) -> Option<&'static str> {
        match self {
            Self::Mlp { .. } => None,
            Self::ResNet20 | Self::ResNet32 | Self::ResNet44 | Self::ResNet56 => Some("linear"),
            Self::ResNet50 => Some("fc"),
            Self::Vit { .. } => Some("head"),
            Self::EfficientNetLite0 | Self::EfficientNetLite0Symmetric => Some("_fc"),
        }
    }

    /// Blocks of each of the three stages; none for a network that is no CIFAR ResNet.
    pub fn cifar_blocks_per_stage(&self) -> Option<usize> {
        match self {
            Self::ResNet20 => Some(3),
            Self::ResNet32 => Some(5),
            Self::ResNet44 => Some(7),
            Self::ResNet56 => Some(9),
            _ => None,
        }
    }
}

/// Width of a vision transformer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum VitSize {
    /// 192 entries a token, 3 heads.
    Tiny,
    /// 384 entries a token, 6 heads.
    Small,
    /// 768 entries a token, 12 heads.
    Base,
}

impl VitSize {
    /// Entries of a token, which is the number of features.
    pub fn width(self) -> usize {
        match self {
            Self::Tiny => 192,
            Self::Small => 384,
            Self::Base => 768,
        }
    }

    /// Names it as in the names of the networks.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

impl fmt::Display for ArchitectureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mlp { hidden } => {
                let widths: Vec<String> = hidden.iter().map(usize::to_string).collect();
                write!(f, "mlp ({})", if widths.is_empty() { "linear".to_owned() } else { widths.join("-") })
            }
            Self::ResNet20 => f.write_str("resnet20"),
            Self::ResNet32 => f.write_str("resnet32"),
            Self::ResNet44 => f.write_str("resnet44"),
            Self::ResNet56 => f.write_str("resnet56"),
            Self::ResNet50 => f.write_str("resnet50"),
            Self::Vit { size, patch } => write!(f, "vit-{}/{patch}", size.name()),
            Self::EfficientNetLite0 => f.write_str("efficientnet-lite0"),
            Self::EfficientNetLite0Symmetric => f.write_str("efficientnet-lite0-symmetric"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_timm_and_torchvision_say_size_and_patch() {
        let vit = |size, patch| Some(ArchitectureKind::Vit { size, patch });
        for (name, kind) in [
            ("vit_small_patch32_224", vit(VitSize::Small, 32)),
            ("vit_tiny_patch16_224.augreg_in21k", vit(VitSize::Tiny, 16)),
            ("vit_small_patch8_224.dino", vit(VitSize::Small, 8)),
            ("vit_base_patch32_384", vit(VitSize::Base, 32)),
            ("deit_base_patch16_384", vit(VitSize::Base, 16)),
            ("vit_b_16", vit(VitSize::Base, 16)),
            ("vit_b_32", vit(VitSize::Base, 32)),
            ("vit-small", vit(VitSize::Small, 4)),
            ("efficientnet_lite0", Some(ArchitectureKind::EfficientNetLite0Symmetric)),
            // Networks with other layers.
            ("vit_base_patch16_clip_224", None),
            ("vit_large_patch16_224", None),
            ("deit_tiny_distilled_patch16_224", None),
        ] {
            assert_eq!(ArchitectureKind::from_name(name, &[], 4).ok(), kind, "{name}");
        }
    }
}
