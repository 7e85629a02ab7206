//! Residual networks of the CIFAR kind (He et al., CVPR 2016, section 4.2): 3x3 convolutions, three
//! stages of 16, 32 and 64 channels with n blocks each (depth 6n + 2), parameter-free shortcuts
//! (option A), global average pooling.
//!
//! Parameter names are those of the widely used PyTorch implementation by Y. Idelbayev, so that its
//! files load.

use tch::{Tensor, nn};

use super::Backbone;
use super::layers::{NormalisedConvolution, Pass, channels_last, global_average};

/// Number of features.
pub(super) const FEATURES: i64 = 64;

#[derive(Debug)]
pub(super) struct CifarResNet {
    stem: NormalisedConvolution,
    blocks: Vec<Block>,
}

#[derive(Debug)]
struct Block {
    first: NormalisedConvolution,
    second: NormalisedConvolution,
    stride: i64,
    added_channels: i64,
}

fn conv3x3(path: &nn::Path, number: i64, channels: [i64; 2], stride: i64) -> NormalisedConvolution {
    NormalisedConvolution::numbered(path, number, channels, 3, stride)
}

impl CifarResNet {
    pub(super) fn new(path: &nn::Path, input_channels: i64, blocks_per_stage: i64) -> Self {
        let mut blocks = Vec::new();
        let mut channels = 16;
        for (stage, width) in [16, 32, FEATURES].into_iter().enumerate() {
            for block in 0..blocks_per_stage {
                let at = path / format!("layer{}", stage + 1) / block;
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                blocks.push(Block {
                    first: conv3x3(&at, 1, [channels, width], stride),
                    second: conv3x3(&at, 2, [width, width], 1),
                    stride,
                    added_channels: width - channels,
                });
                channels = width;
            }
        }
        Self { stem: conv3x3(path, 1, [input_channels, 16], 1), blocks }
    }
}

impl Backbone for CifarResNet {
    fn features(&self, images: &Tensor, pass: Pass) -> Tensor {
        let stem = self.stem.forward(&channels_last(images), pass).relu();
        global_average(&self.blocks.iter().fold(stem, |x, block| block.forward(&x, pass)))
    }
}

impl Block {
    fn forward(&self, x: &Tensor, pass: Pass) -> Tensor {
        let residual = self.first.forward(x, pass).relu();
        (self.second.forward(&residual, pass) + self.shortcut(x)).relu()
    }

    /// Option A: every second pixel, and zeros for the added channels, half before and half after.
    fn shortcut(&self, x: &Tensor) -> Tensor {
        if self.stride == 1 && self.added_channels == 0 {
            return x.shallow_clone();
        }
        let half = self.added_channels / 2;
        let padding = [0, 0, 0, 0, half, self.added_channels - half];
        x.slice(2, None, None, self.stride).slice(3, None, None, self.stride).constant_pad_nd(padding)
    }
}
