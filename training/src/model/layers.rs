//! Parts that the networks are made of: convolutions, linear maps, batch normalisation, stochastic
//! depth, and the [`Pass`] that says how they compute.

use tch::nn::{self, ModuleT};
use tch::{Kind, Tensor};

/// How one forward pass computes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    /// Batch statistics in normalisation layers, and stochastic depth.
    pub train: bool,
    /// Kind of what convolutions and linear maps multiply; weights, the last layer and convolutions
    /// in groups (whose backward pass in bfloat16 takes several times that in float32 on CPUs) are
    /// float32 always.
    pub products: Kind,
    /// Probability with which the last residual branch is left out in training.
    pub drop_path: f64,
}

/// A convolution without bias, `weight` [out, in / groups, k, k].
#[derive(Debug)]
pub(super) struct Convolution {
    weight: Tensor,
    stride: i64,
    groups: i64,
    padding: Padding,
}

/// What surrounds an image of side n before a convolution with kernel k and stride s.
#[derive(Clone, Copy, Debug)]
pub(super) enum Padding {
    /// floor(k/2) zeros on each side.
    Symmetric,
    /// As TensorFlow's SAME: as many zeros as give an output of side ceil(n/s), the odd one at the
    /// end.
    Same,
}

impl Convolution {
    /// Kaiming normal over the fan-in (He et al., ICCV 2015).
    pub(super) fn new(path: nn::Path, [input, output]: [i64; 2], kernel: i64, stride: i64) -> Self {
        Self::grouped(path, [input, output], kernel, stride, 1, Padding::Symmetric)
    }

    pub(super) fn grouped(
        path: nn::Path,
        [input, output]: [i64; 2],
        kernel: i64,
        stride: i64,
        groups: i64,
        padding: Padding,
    ) -> Self {
        let shape = [output, input / groups, kernel, kernel];
        let weight = path.var("weight", &shape, nn::init::DEFAULT_KAIMING_NORMAL);
        Self { weight, stride, groups, padding }
    }

    pub(super) fn forward(&self, images: &Tensor, pass: Pass) -> Tensor {
        let kernel = self.weight.size()[2];
        let products = if self.groups == 1 { pass.products } else { Kind::Float };
        let images = images.to_kind(products);
        let (images, padding) = match self.padding {
            Padding::Same if self.stride > 1 => {
                let [top, bottom] = same_padding(images.size()[2], kernel, self.stride);
                let [left, right] = same_padding(images.size()[3], kernel, self.stride);
                (images.constant_pad_nd([left, right, top, bottom]), 0)
            }
            Padding::Same | Padding::Symmetric => (images, kernel / 2),
        };
        let weight = self.weight.to_kind(products);
        images.conv2d(&weight, None::<Tensor>, self.stride, padding, 1, self.groups).to_kind(pass.products)
    }
}

/// Zeros before and after an axis of n entries, so that ceil(n/s) outputs fit.
fn same_padding(n: i64, kernel: i64, stride: i64) -> [i64; 2] {
    let outputs = (n + stride - 1) / stride;
    let zeros = ((outputs - 1) * stride + kernel - n).max(0);
    [zeros / 2, zeros - zeros / 2]
}

/// Scale 1 and shift 0 at first; statistics and parameters are float32 whatever the kind of the
/// input, which the output has.
pub(super) fn batch_norm(path: nn::Path, channels: i64, config: nn::BatchNormConfig) -> nn::BatchNorm {
    nn::batch_norm2d(path, channels, nn::BatchNormConfig { ws_init: nn::Init::Const(1.0), ..config })
}

/// A convolution and the normalisation of its output.
#[derive(Debug)]
pub(super) struct NormalisedConvolution {
    pub convolution: Convolution,
    pub norm: nn::BatchNorm,
}

impl NormalisedConvolution {
    /// A convolution and its normalisation under the names convN and bnN.
    pub(super) fn numbered(path: &nn::Path, number: i64, channels: [i64; 2], kernel: i64, stride: i64) -> Self {
        Self {
            convolution: Convolution::new(path / format!("conv{number}"), channels, kernel, stride),
            norm: batch_norm(path / format!("bn{number}"), channels[1], Default::default()),
        }
    }

    pub(super) fn forward(&self, images: &Tensor, pass: Pass) -> Tensor {
        self.norm.forward_t(&self.convolution.forward(images, pass), pass.train)
    }
}

/// x W^T + b in the pass's kind.
pub(super) fn linear(x: &Tensor, weight: &Tensor, bias: Option<&Tensor>, pass: Pass) -> Tensor {
    let bias = bias.map(|bias| bias.to_kind(pass.products));
    x.to_kind(pass.products).linear(&weight.to_kind(pass.products), bias)
}

/// Mean over height and width in float32: [B, C, H, W] to [B, C].
pub(super) fn global_average(images: &Tensor) -> Tensor {
    images.mean_dim([2i64, 3].as_slice(), false, Kind::Float)
}

/// The same images with channels innermost in memory, on which libtorch's CPU convolutions are
/// faster.
pub(super) fn channels_last(images: &Tensor) -> Tensor {
    images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// Stochastic depth (Huang et al., ECCV 2016): in training a sample's branch is 0 with probability
/// p and else divided by 1 - p, so that its mean stays. Of `count` branches, branch `index` has p =
/// `drop_path` index / (count - 1).
pub(super) fn drop_path(branch: Tensor, index: usize, count: usize, pass: Pass) -> Tensor {
    let p = pass.drop_path * index as f64 / (count.max(2) - 1) as f64;
    if !pass.train || p == 0.0 {
        return branch;
    }
    let shape: Vec<i64> = (0..branch.dim()).map(|axis| if axis == 0 { branch.size()[0] } else { 1 }).collect();
    let kept = Tensor::ones(shape, (branch.kind(), branch.device())).bernoulli_p(1.0 - p);
    branch * (kept / (1.0 - p))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    const PASS: Pass = Pass { train: true, products: Kind::Float, drop_path: 0.0 };

    #[test]
    fn same_padding_is_that_of_tensorflow() {
        // Side, kernel, stride: before, after.
        assert_eq!(same_padding(224, 3, 2), [0, 1]);
        assert_eq!(same_padding(56, 5, 2), [1, 2]);
        assert_eq!(same_padding(7, 3, 2), [1, 1]);
        assert_eq!(same_padding(7, 1, 2), [0, 0]);
        assert_eq!(same_padding(5, 3, 1), [1, 1]);
    }

    #[test]
    fn a_convolution_by_hand_with_both_paddings() {
        let store = nn::VarStore::new(Device::Cpu);
        let image = Tensor::arange(16, (Kind::Float, Device::Cpu)).view([1, 1, 4, 4]);
        // All weights 1: sums of 3 x 3 windows. SAME: they begin at rows and columns 0, 2; symmetric: at -1, 1.
        for (name, padding, expected) in
            [("a", Padding::Same, [45.0, 39.0, 66.0, 50.0]), ("b", Padding::Symmetric, [10.0, 24.0, 51.0, 90.0])]
        {
            let convolution = Convolution::grouped(store.root() / name, [1, 1], 3, 2, 1, padding);
            let _ = tch::no_grad(|| convolution.weight.shallow_clone().fill_(1.0));
            let found = Vec::<f32>::try_from(convolution.forward(&image, PASS).flatten(0, -1)).unwrap();
            assert_eq!(found, expected, "{padding:?}");
        }
    }

    #[test]
    fn drop_path_keeps_the_mean_and_drops_whole_samples() {
        let branch = Tensor::ones([20_000, 2, 3], (Kind::Float, Device::Cpu));
        let pass = Pass { drop_path: 0.4, ..PASS };
        // The middle of three branches: p = 0.2.
        let dropped = drop_path(branch.shallow_clone(), 1, 3, pass);
        let samples = dropped.flatten(1, -1);
        let (low, high) = (samples.amin([1i64].as_slice(), false), samples.amax([1i64].as_slice(), false));
        assert!(low.equal(&high), "a sample is dropped whole");
        assert!((high.max().double_value(&[]) - 1.25).abs() < 1e-6);
        // Five standard deviations of the mean: 5 sqrt(0.2 / 0.8 / 20000).
        assert!((dropped.mean(Kind::Double).double_value(&[]) - 1.0).abs() < 0.018);
        assert!(drop_path(branch.shallow_clone(), 0, 3, pass).equal(&branch), "the first is never dropped");
        assert!(drop_path(branch.shallow_clone(), 2, 3, Pass { train: false, ..pass }).equal(&branch));
    }
}
