//! Residual networks of the CIFAR kind (He et al., CVPR 2016, section 4.2): 3x3 convolutions, three stages of 16, 32
//! and 64 channels with n blocks each (depth 6n + 2), parameter-free shortcuts (option A), global average pooling.
//!
//! Parameter names are those of the widely used PyTorch implementation by Y. Idelbayev, so that its files load.

use tch::nn::{self, ModuleT};
use tch::{Kind, Tensor};

use super::Classifier;

#[derive(Debug)]
struct Block {
    conv1: nn::Conv2D,
    bn1: nn::BatchNorm,
    conv2: nn::Conv2D,
    bn2: nn::BatchNorm,
    stride: i64,
    added_channels: i64,
}

#[derive(Debug)]
pub(super) struct CifarResNet {
    conv1: nn::Conv2D,
    bn1: nn::BatchNorm,
    blocks: Vec<Block>,
    head: Head,
}

#[derive(Debug)]
enum Head {
    Linear(nn::Linear),
    /// Weights [K, 64] and the scale.
    Cosine(Tensor, f64),
}

impl Head {
    fn new(path: nn::Path, features: i64, classes: i64, classifier: Classifier) -> Self {
        let ws_init = nn::init::DEFAULT_KAIMING_NORMAL;
        match classifier {
            Classifier::Linear => {
                let config = nn::LinearConfig { ws_init, ..Default::default() };
                Self::Linear(nn::linear(path, features, classes, config))
            }
            Classifier::Cosine { scale } => {
                Self::Cosine(path.var("weight", &[classes, features], ws_init), f64::from(scale))
            }
        }
    }

    /// Features [B, 64] to logits [B, K].
    fn forward(&self, features: &Tensor) -> Tensor {
        match self {
            Self::Linear(linear) => features.apply(linear),
            Self::Cosine(weight, scale) => unit_rows(features).linear::<Tensor>(&unit_rows(weight), None) * *scale,
        }
    }
}

/// Rows divided by their length; a row of zeros stays.
fn unit_rows(x: &Tensor) -> Tensor {
    x / x.norm_scalaropt_dim(2, [1i64].as_slice(), true).clamp_min(1e-12)
}

fn conv3x3(path: nn::Path, input: i64, output: i64, stride: i64) -> nn::Conv2D {
    let config = nn::ConvConfig {
        stride,
        padding: 1,
        bias: false,
        ws_init: nn::init::DEFAULT_KAIMING_NORMAL,
        ..Default::default()
    };
    nn::conv2d(path, input, output, 3, config)
}

fn batch_norm(path: nn::Path, channels: i64) -> nn::BatchNorm {
    nn::batch_norm2d(path, channels, nn::BatchNormConfig { ws_init: nn::Init::Const(1.0), ..Default::default() })
}

impl CifarResNet {
    pub(super) fn new(
        path: &nn::Path,
        input_channels: i64,
        blocks_per_stage: i64,
        classes: i64,
        classifier: Classifier,
    ) -> Self {
        let mut blocks = Vec::new();
        let mut channels = 16;
        for (stage, width) in [16, 32, 64].into_iter().enumerate() {
            for block in 0..blocks_per_stage {
                let at = path / format!("layer{}", stage + 1) / block;
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                blocks.push(Block {
                    conv1: conv3x3(&at / "conv1", channels, width, stride),
                    bn1: batch_norm(&at / "bn1", width),
                    conv2: conv3x3(&at / "conv2", width, width, 1),
                    bn2: batch_norm(&at / "bn2", width),
                    stride,
                    added_channels: width - channels,
                });
                channels = width;
            }
        }
        Self {
            conv1: conv3x3(path / "conv1", input_channels, 16, 1),
            bn1: batch_norm(path / "bn1", 16),
            blocks,
            head: Head::new(path / "linear", 64, classes, classifier),
        }
    }

    /// Images [B, C, H, W] to features [B, 64].
    pub(super) fn features(&self, images: &Tensor, train: bool) -> Tensor {
        // Strides of channels last: libtorch's CPU convolutions are a third faster on them.
        let images = images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]);
        let stem = images.apply(&self.conv1).apply_t(&self.bn1, train).relu();
        let features = self.blocks.iter().fold(stem, |x, block| block.forward(&x, train));
        features.mean_dim([2i64, 3].as_slice(), false, None::<Kind>)
    }

    pub(super) fn classify(&self, features: &Tensor) -> Tensor {
        self.head.forward(features)
    }

    /// Weights [K, 64] of the last layer.
    pub(super) fn class_weights(&self) -> &Tensor {
        match &self.head {
            Head::Linear(linear) => &linear.ws,
            Head::Cosine(weights, _) => weights,
        }
    }
}

impl Block {
    fn forward(&self, x: &Tensor, train: bool) -> Tensor {
        let residual = self.bn1.forward_t(&x.apply(&self.conv1), train).relu();
        let residual = self.bn2.forward_t(&residual.apply(&self.conv2), train);
        (residual + self.shortcut(x)).relu()
    }

    /// Option A: every second pixel, and zeros for the added channels, half before and half after.
    fn shortcut(&self, x: &Tensor) -> Tensor {
        if self.stride == 1 && self.added_channels == 0 {
            return x.shallow_clone();
        }
        let half = self.added_channels / 2;
        x.slice(2, None, None, self.stride).slice(3, None, None, self.stride).constant_pad_nd([
            0,
            0,
            0,
            0,
            half,
            self.added_channels - half,
        ])
    }
}
