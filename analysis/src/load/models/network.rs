//! What T3 needs to know of a network, read off its weights.

use car_spectral::bounds::{Architecture, BiasFreeReluNetwork, LayerNorms};
use car_spectral::norms::certified_spectral_upper;
use car_spectral_runs::settings::ArchitectureKind;
use car_spectral_training::model::Model;
use ndarray::Array2;
use tch::{Kind, Tensor};

use super::preprocessing::InputSteps;
use crate::AnalysisError;

/// The architecture as T3 sees it: the norms of every layer of a bias-free ReLU network with certified upper bounds of
/// the spectral norms, and B from the pixel range and the normalisation; other built-in models have attention, or else
/// skip connections.
pub(super) fn architecture(model: &Model, steps: &InputSteps) -> Result<Architecture, AnalysisError> {
    let Some(layers) = model.bias_free_relu_layers() else {
        return Ok(match model.architecture().kind {
            ArchitectureKind::Vit { .. } => Architecture::Attention,
            _ => Architecture::Residual,
        });
    };
    let layers = layers.iter().map(layer_norms).collect::<Result<Vec<_>, _>>()?;
    let [_, height, width] = model.architecture().input;
    let bound = steps.normalisation.input_norm_bound(height, width);
    Ok(Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(layers, bound)?))
}

fn layer_norms(weight: &Tensor) -> Result<LayerNorms, AnalysisError> {
    let (rows, columns) = weight.size2()?;
    let values = Vec::<f64>::try_from(weight.f_to_kind(Kind::Double)?.f_contiguous()?.f_flatten(0, -1)?)?;
    let matrix = Array2::from_shape_vec((rows as usize, columns as usize), values).expect("a whole matrix");
    // Squares of the entries over the largest do not under- or overflow; summing n of them loses at most a factor 1 + n
    // u, and the bound grows with the norm, so it is rounded up by more than that.
    let largest = matrix.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let sum: f64 = matrix.iter().map(|value| if largest > 0.0 { (value / largest).powi(2) } else { 0.0 }).sum();
    let frobenius = sum.sqrt() * largest * (1.0 + (matrix.len() + 8) as f64 * f64::EPSILON);
    let spectral_upper = certified_spectral_upper(matrix.view())?;
    Ok(LayerNorms { spectral_upper, frobenius, rows: rows as usize, columns: columns as usize })
}
