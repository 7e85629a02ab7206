//! Logits of a model on a set of images: evaluation mode, no augmentation, float32.

use ndarray::Array2;
use tch::{Device, Kind, Tensor};

use crate::TrainingError;

/// Images evaluated at once. Fixed, so that the same weights give the same bits.
pub const EVALUATION_BATCH: usize = 256;

/// Logits [N, K] of byte images [N, C, H, W] at the given indices, in their order.
///
/// `forward` maps a batch of bytes [B, C, H, W] on `device` to logits [B, K], normalisation included; `progress` is told
/// the number of images done after each batch.
///
/// # Errors
/// [`TrainingError::Torch`] for what libtorch refuses; [`TrainingError::WeightsMismatch`] if the output is not
/// [B, K] with the same K in every batch.
pub fn logits(
    images: &Tensor,
    indices: &[usize],
    device: Device,
    mut forward: impl FnMut(&Tensor) -> Result<Tensor, tch::TchError>,
    mut progress: impl FnMut(usize),
) -> Result<Array2<f32>, TrainingError> {
    let (mut values, mut classes, mut done) = (Vec::new(), None, 0);
    let _no_gradients = tch::no_grad_guard();
    for chunk in indices.chunks(EVALUATION_BATCH) {
        let chosen: Vec<i64> = chunk.iter().map(|&index| index as i64).collect();
        let batch = images.f_index_select(0, &Tensor::from_slice(&chosen))?.f_to_device(device)?;
        let output = forward(&batch)?;
        let shape = output.size();
        let expected = classes.unwrap_or_else(|| shape.get(1).copied().unwrap_or(0));
        if shape.len() != 2 || shape[0] != chunk.len() as i64 || shape[1] != expected || expected < 2 {
            let problem = format!(
                "the model returned a tensor of shape {shape:?} for {} images; expected logits [{}, K] with K >= 2",
                chunk.len(),
                chunk.len()
            );
            return Err(TrainingError::WeightsMismatch { problem });
        }
        classes = Some(expected);
        let output = output.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_contiguous()?;
        values.extend(Vec::<f32>::try_from(output.f_flatten(0, -1)?)?);
        done += chunk.len();
        progress(done);
    }
    let shape = (indices.len(), classes.unwrap_or(0) as usize);
    Ok(Array2::from_shape_vec(shape, values).expect("every batch added its rows times K values"))
}
