//! Batches of bytes as tensors.

use car_spectral_data::Normalisation;
use car_spectral_data::loader::{Batch, View};
use tch::{Kind, Tensor};

/// Makes the images [B, C, H, W] of a view of a batch a tensor of bytes on the CPU.
pub fn image_tensor(view: &View, count: usize) -> Result<Tensor, tch::TchError> {
    let [channels, height, width] = view.shape.map(|side| side as i64);
    Tensor::f_from_slice(&view.bytes)?.f_view([count as i64, channels, height, width])
}

/// Makes the labels `[B]` of a batch a tensor of 64-bit integers on the CPU.
pub fn label_tensor(batch: &Batch) -> Result<Tensor, tch::TchError> {
    let labels: Vec<i64> = batch.labels.iter().map(|&label| label as i64).collect();
    Tensor::f_from_slice(&labels)
}

/// Normalises byte images [B, C, H, W] to float32: x = (byte / 255 - mean_c) / std_c.
///
/// # Errors
/// Passes on libtorch's refusal, such as a number of channels that is not that of the constants.
pub fn normalise(normalisation: &Normalisation, images: &Tensor) -> Result<Tensor, tch::TchError> {
    let Normalisation { mean, std } = normalisation;
    let constant = |values: Vec<f32>| Tensor::from_slice(&values).to_device(images.device()).view([1, -1, 1, 1]);
    let scale = constant(std.iter().map(|std| (1.0 / (255.0 * std)) as f32).collect());
    let shift = constant(mean.iter().zip(std).map(|(mean, std)| (-mean / std) as f32).collect());
    images.f_to_kind(Kind::Float)?.f_mul(&scale)?.f_add(&shift)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    #[test]
    fn no_image_exceeds_the_norm_bound_and_the_extreme_one_attains_it() {
        let normalisation = Normalisation::new(vec![0.3, 0.6], vec![0.25, 0.5]).unwrap();
        let bound = normalisation.input_norm_bound(4, 5);
        let extreme = Tensor::cat(
            &[
                Tensor::full([1, 1, 4, 5], 255, (Kind::Uint8, Device::Cpu)),
                Tensor::zeros([1, 1, 4, 5], (Kind::Uint8, Device::Cpu)),
            ],
            1,
        );
        let norm = normalise(&normalisation, &extreme).unwrap().to_kind(Kind::Double).norm().double_value(&[]);
        assert!(norm <= bound && norm >= bound * (1.0 - 1e-5), "{norm} against {bound}");
        let random = Tensor::randint(256, [50, 2, 4, 5], (Kind::Int64, Device::Cpu)).to_kind(Kind::Uint8);
        let norms =
            normalise(&normalisation, &random).unwrap().flatten(1, -1).norm_scalaropt_dim(2, [1i64].as_slice(), false);
        assert!(norms.max().double_value(&[]) <= bound);
    }

    #[test]
    fn bytes_and_labels_keep_their_places() {
        let view = View { shape: [2, 1, 2], bytes: (0..12).collect() };
        let tensor = image_tensor(&view, 3).unwrap();
        assert_eq!(tensor.size(), [3, 2, 1, 2]);
        assert_eq!(tensor.int64_value(&[1, 1, 0, 1]), 7);
        let batch = Batch { views: vec![view], labels: vec![2, 0, 1], indices: vec![7, 8, 9] };
        assert_eq!(Vec::<i64>::try_from(label_tensor(&batch).unwrap()).unwrap(), [2, 0, 1]);
    }
}
