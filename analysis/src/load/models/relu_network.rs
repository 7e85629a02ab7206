//! Facts on a bias-free ReLU network that T3 needs: the norms of its matrices and the bound on its
//! input.

use car_spectral::bounds::{Architecture, BiasFreeReluNetwork, LayerNorms};
use car_spectral::norms::certified_spectral_upper;
use ndarray::Array2;

use super::preprocessing::InputSteps;
use crate::Result;

/// The network of these matrices [outputs, inputs], first layer first: the norms of each with a
/// certified upper bound of the spectral norm, and B from the pixel range and the normalisation of
/// images of `height` x `width`.
pub(super) fn relu_network(
    layers: &[Array2<f64>],
    steps: &InputSteps,
    [_, height, width]: [usize; 3],
) -> Result<Architecture> {
    let layers = layers.iter().map(layer_norms).collect::<Result<Vec<_>, _>>()?;
    let bound = steps.normalisation.input_norm_bound(height, width);
    Ok(Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(layers, bound)?))
}

fn layer_norms(matrix: &Array2<f64>) -> Result<LayerNorms> {
    // Squares of the entries over the largest do not under- or overflow; summing n of them loses at most a factor 1 + n
    // u, and the bound grows with the norm, so it is rounded up by more than that.
    let largest = matrix.iter().fold(0.0f64, |largest, value| largest.max(value.abs()));
    let sum: f64 = matrix.iter().map(|value| if largest > 0.0 { (value / largest).powi(2) } else { 0.0 }).sum();
    let frobenius = sum.sqrt() * largest * (1.0 + (matrix.len() + 8) as f64 * f64::EPSILON);
    let spectral_upper = certified_spectral_upper(matrix.view())?;
    let (rows, columns) = matrix.dim();
    Ok(LayerNorms { spectral_upper, frobenius, rows, columns })
}
