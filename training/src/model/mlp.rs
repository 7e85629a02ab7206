//! Bias-free ReLU network: f(x) = W_d relu(W_{d-1} ... relu(W_1 x)), the class of networks to which
//! T3 applies.

use tch::{Kind, Tensor, nn};

use super::layers::{Pass, linear};

/// Layers `fc1.weight`, ..., `fcD.weight`, each [out, in], no biases.
pub(super) fn layers(path: &nn::Path, input: i64, hidden: &[i64], classes: i64) -> Vec<Tensor> {
    let sizes: Vec<i64> = std::iter::once(input).chain(hidden.iter().copied()).chain([classes]).collect();
    sizes
        .windows(2)
        .enumerate()
        .map(|(at, pair)| {
            (path / format!("fc{}", at + 1)).var("weight", &[pair[1], pair[0]], nn::init::DEFAULT_KAIMING_NORMAL)
        })
        .collect()
}

/// Images [B, C, H, W], flattened, to the features [B, D] that the last layer reads.
pub(super) fn features(layers: &[Tensor], images: &Tensor, pass: Pass) -> Tensor {
    let hidden = &layers[..layers.len() - 1];
    let features = hidden.iter().fold(images.flatten(1, -1), |x, weight| linear(&x, weight, None, pass).relu());
    features.to_kind(Kind::Float)
}
