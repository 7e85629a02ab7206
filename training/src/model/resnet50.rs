//! ResNet-50 (He et al., CVPR 2016, table 1): a 7x7 convolution and a 3x3 maximum, both of stride
//! 2, then 3, 4, 6 and 3 bottleneck blocks of 1x1, 3x3 and 1x1 convolutions, projection shortcuts
//! (option B), global average pooling.
//!
//! The stride stands in the 3x3 convolution, and parameters have the names, of torchvision's
//! implementation, so that its files load and mean the same.

use tch::{Tensor, nn};

use super::Backbone;
use super::layers::{Convolution, NormalisedConvolution, Pass, batch_norm, channels_last, global_average};

/// Number of features.
pub(super) const FEATURES: i64 = 2048;
/// Channels out of a block over those of its 3x3 convolution.
const EXPANSION: i64 = 4;
/// Channels of the 3x3 convolutions and number of blocks of each stage.
const STAGES: [(i64, i64); 4] = [(64, 3), (128, 4), (256, 6), (512, 3)];

#[derive(Debug)]
pub(super) struct ResNet50 {
    stem: NormalisedConvolution,
    blocks: Vec<Bottleneck>,
}

#[derive(Debug)]
struct Bottleneck {
    reduce: NormalisedConvolution,
    spatial: NormalisedConvolution,
    expand: NormalisedConvolution,
    shortcut: Option<NormalisedConvolution>,
}

impl ResNet50 {
    pub(super) fn new(path: &nn::Path, input_channels: i64) -> Self {
        let stem = NormalisedConvolution::numbered(path, 1, [input_channels, 64], 7, 2);
        let mut blocks = Vec::new();
        let mut channels = 64;
        for (stage, (width, count)) in STAGES.into_iter().enumerate() {
            for block in 0..count {
                let at = path / format!("layer{}", stage + 1) / block;
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                let output = width * EXPANSION;
                let shortcut = (block == 0).then(|| NormalisedConvolution {
                    convolution: Convolution::new(&at / "downsample" / 0, [channels, output], 1, stride),
                    norm: batch_norm(&at / "downsample" / 1, output, Default::default()),
                });
                blocks.push(Bottleneck {
                    reduce: NormalisedConvolution::numbered(&at, 1, [channels, width], 1, 1),
                    spatial: NormalisedConvolution::numbered(&at, 2, [width, width], 3, stride),
                    expand: NormalisedConvolution::numbered(&at, 3, [width, output], 1, 1),
                    shortcut,
                });
                channels = output;
            }
        }
        Self { stem, blocks }
    }
}

impl Backbone for ResNet50 {
    fn features(&self, images: &Tensor, pass: Pass) -> Tensor {
        let stem = self.stem.forward(&channels_last(images), pass).relu().max_pool2d(3, 2, 1, 1, false);
        global_average(&self.blocks.iter().fold(stem, |x, block| block.forward(&x, pass)))
    }
}

impl Bottleneck {
    fn forward(&self, x: &Tensor, pass: Pass) -> Tensor {
        let residual = self.spatial.forward(&self.reduce.forward(x, pass).relu(), pass).relu();
        let shortcut = self.shortcut.as_ref().map_or_else(|| x.shallow_clone(), |shortcut| shortcut.forward(x, pass));
        (self.expand.forward(&residual, pass) + shortcut).relu()
    }
}
