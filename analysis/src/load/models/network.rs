//! Facts on a built-in network that T3 needs, read off its weights.

use car_spectral::bounds::Architecture;
use car_spectral_runs::settings::ArchitectureKind;
use car_spectral_training::model::Model;
use ndarray::Array2;
use tch::{Kind, Tensor};

use super::preprocessing::InputSteps;
use super::relu_network::relu_network;
use crate::Result;

/// The architecture as T3 sees it: the norms of every layer of a bias-free ReLU network; other
/// built-in models have attention, or else skip connections.
pub(super) fn architecture(model: &Model, steps: &InputSteps) -> Result<Architecture> {
    let Some(layers) = model.bias_free_relu_layers() else {
        return Ok(match model.architecture().kind {
            ArchitectureKind::Vit { .. } => Architecture::Attention,
            _ => Architecture::Residual,
        });
    };
    let layers = layers.iter().map(matrix).collect::<Result<Vec<_>, _>>()?;
    relu_network(&layers, steps, model.architecture().input)
}

fn matrix(weight: &Tensor) -> Result<Array2<f64>> {
    let (rows, columns) = weight.size2()?;
    let values = Vec::<f64>::try_from(weight.f_to_kind(Kind::Double)?.f_contiguous()?.f_flatten(0, -1)?)?;
    Ok(Array2::from_shape_vec((rows as usize, columns as usize), values).expect("a whole matrix"))
}
