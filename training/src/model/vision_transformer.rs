//! Vision transformers (Dosovitskiy et al., ICLR 2021) in the sizes of DeiT (Touvron et al., ICML
//! 2021): square patches, a class token, learned positions, twelve pre-normalised blocks of
//! attention and a two-layer perceptron; the features are the class token's.
//!
//! Parameter names are those of the library timm, so that its files load. In bfloat16 the sum that
//! runs through the blocks, its normalisation and the softmax stay float32.

use car_spectral_runs::settings::VitSize;
use tch::nn::{self, ModuleT};
use tch::{Kind, Tensor};

use super::Backbone;
use super::layers::{Pass, drop_path, linear};

/// Number of blocks.
const DEPTH: usize = 12;
/// Entries of each head's queries, keys and values.
const HEAD_WIDTH: i64 = 64;
/// Width of the perceptron over that of the tokens.
const EXPANSION: i64 = 4;
/// Standard deviation of fresh weights, before they are cut.
const WEIGHT_STD: f64 = 0.02;

#[derive(Debug)]
pub(super) struct VisionTransformer {
    /// [D, C, P, P] and [D].
    patches: (Tensor, Tensor),
    /// [1, 1, D].
    class_token: Tensor,
    /// [1, 1 + H W / P^2, D].
    positions: Tensor,
    blocks: Vec<Block>,
    norm: nn::LayerNorm,
}

#[derive(Debug)]
struct Block {
    norm1: nn::LayerNorm,
    /// D to 3 D: queries, keys, values.
    qkv: nn::Linear,
    proj: nn::Linear,
    norm2: nn::LayerNorm,
    fc1: nn::Linear,
    fc2: nn::Linear,
}

impl VisionTransformer {
    /// For images of C x H x W with H and W multiples of the patch's side.
    pub(super) fn new(path: &nn::Path, size: VitSize, patch: i64, [channels, height, width]: [i64; 3]) -> Self {
        let tokens = size.width() as i64;
        let proj = path / "patch_embed" / "proj";
        // Like a linear map of inputs with unit variance: small patches have few.
        let patch_std = 1.0 / ((channels * patch * patch) as f64).sqrt();
        let patches = (
            truncated_normal(proj.zeros("weight", &[tokens, channels, patch, patch]), patch_std),
            proj.zeros("bias", &[tokens]),
        );
        let count = (height / patch) * (width / patch);
        Self {
            patches,
            class_token: truncated_normal(path.zeros("cls_token", &[1, 1, tokens]), WEIGHT_STD),
            positions: truncated_normal(path.zeros("pos_embed", &[1, 1 + count, tokens]), WEIGHT_STD),
            blocks: (0..DEPTH).map(|block| Block::new(&(path / "blocks" / block), tokens)).collect(),
            norm: layer_norm(path / "norm", tokens),
        }
    }
}

/// How the classifier begins: weights of [`WEIGHT_STD`], biases 0.
pub(super) fn head() -> nn::LinearConfig {
    let ws_init = nn::Init::Randn { mean: 0.0, stdev: WEIGHT_STD };
    nn::LinearConfig { ws_init, bs_init: Some(nn::Init::Const(0.0)), bias: true }
}

/// Fills with std times a standard normal number that is cut at +-2.
fn truncated_normal(mut tensor: Tensor, std: f64) -> Tensor {
    /// 2 Phi(2) - 1.
    const WITHIN: f64 = 0.954_499_736_103_642;
    tch::no_grad(|| {
        let uniform = tensor.empty_like().uniform_(-WITHIN, WITHIN);
        tensor.copy_(&(uniform.erfinv() * (std * std::f64::consts::SQRT_2)));
    });
    tensor
}

fn layer_norm(path: nn::Path, width: i64) -> nn::LayerNorm {
    nn::layer_norm(path, vec![width], nn::LayerNormConfig { eps: 1e-6, ..Default::default() })
}

fn fresh_linear(path: nn::Path, input: i64, output: i64) -> nn::Linear {
    let ws = truncated_normal(path.zeros("weight", &[output, input]), WEIGHT_STD);
    nn::Linear { ws, bs: Some(path.zeros("bias", &[output])) }
}

fn apply(x: &Tensor, layer: &nn::Linear, pass: Pass) -> Tensor {
    linear(x, &layer.ws, layer.bs.as_ref(), pass)
}

impl Backbone for VisionTransformer {
    fn features(&self, images: &Tensor, pass: Pass) -> Tensor {
        let (weight, bias) = (self.patches.0.to_kind(pass.products), self.patches.1.to_kind(pass.products));
        let patch = weight.size()[2];
        let patches = images.to_kind(pass.products).conv2d(&weight, Some(bias), patch, 0, 1, 1).flatten(2, 3);
        let class_token = self.class_token.expand([images.size()[0], -1, -1], false);
        let tokens = Tensor::cat(&[class_token, patches.transpose(1, 2).to_kind(Kind::Float)], 1) + &self.positions;
        let blocks = self.blocks.iter().enumerate();
        let tokens = blocks.fold(tokens, |tokens, (index, block)| block.forward(tokens, index, pass));
        self.norm.forward_t(&tokens.select(1, 0), pass.train)
    }
}

impl Block {
    fn new(path: &nn::Path, tokens: i64) -> Self {
        Self {
            norm1: layer_norm(path / "norm1", tokens),
            qkv: fresh_linear(path / "attn" / "qkv", tokens, 3 * tokens),
            proj: fresh_linear(path / "attn" / "proj", tokens, tokens),
            norm2: layer_norm(path / "norm2", tokens),
            fc1: fresh_linear(path / "mlp" / "fc1", tokens, EXPANSION * tokens),
            fc2: fresh_linear(path / "mlp" / "fc2", EXPANSION * tokens, tokens),
        }
    }

    /// Tokens [B, N, D], float32.
    fn forward(&self, tokens: Tensor, index: usize, pass: Pass) -> Tensor {
        let attended = self.attention(&self.norm1.forward_t(&tokens, pass.train), pass);
        let tokens = tokens + drop_path(attended, index, DEPTH, pass);
        let hidden = apply(&self.norm2.forward_t(&tokens, pass.train), &self.fc1, pass).gelu("none");
        &tokens + drop_path(apply(&hidden, &self.fc2, pass), index, DEPTH, pass)
    }

    /// softmax(Q K^T / sqrt(64)) V for each head, heads side by side, and a linear map.
    fn attention(&self, tokens: &Tensor, pass: Pass) -> Tensor {
        let (batch, count, width) = tokens.size3().expect("tokens [B, N, D]");
        // [3, B, heads, N, 64].
        let qkv = apply(tokens, &self.qkv, pass)
            .view([batch, count, 3, width / HEAD_WIDTH, HEAD_WIDTH])
            .permute([2, 0, 3, 1, 4]);
        let [q, k, v] = [0, 1, 2].map(|part| qkv.select(0, part));
        let mixed = Tensor::scaled_dot_product_attention(&q, &k, &v, None::<Tensor>, 0.0, false, None, false);
        apply(&mixed.transpose(1, 2).reshape([batch, count, width]), &self.proj, pass)
    }
}
