//! Pixel normalisation: x = (byte / 255 - mean_c) / std_c for each channel c.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::DataKind;
use crate::TrainingError;

/// Mean and standard deviation of each channel, in units of byte / 255.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normalisation {
    /// Mean of each channel.
    pub mean: Vec<f64>,
    /// Standard deviation of each channel, positive.
    pub std: Vec<f64>,
}

impl Normalisation {
    /// Checks and takes the constants.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`] unless there are as many means as deviations, at least one, the means from
    /// -1e6 to 1e6 and the deviations from 1e-6 to 1e6.
    pub fn new(mean: Vec<f64>, std: Vec<f64>) -> Result<Self, TrainingError> {
        if mean.len() != std.len() || mean.is_empty() {
            let value = format!("{} means, {} deviations", mean.len(), std.len());
            return Err(TrainingError::setting("--mean/--std", value, "one of each a channel"));
        }
        if let Some(bad) = mean.iter().find(|value| !(-1e6..=1e6).contains(*value)) {
            return Err(TrainingError::setting("--mean", bad, "from -1e6 to 1e6"));
        }
        if let Some(bad) = std.iter().find(|value| !(1e-6..=1e6).contains(*value)) {
            return Err(TrainingError::setting("--std", bad, "from 1e-6 to 1e6"));
        }
        Ok(Self { mean, std })
    }

    /// The constants customary for a data set's full training split (fixed before any subset is drawn, as T3 needs); for files
    /// those of ImageNet.
    pub fn customary(kind: DataKind) -> Self {
        let (mean, std): (&[f64], &[f64]) = match kind {
            DataKind::Cifar100 => (&[0.5071, 0.4865, 0.4409], &[0.2673, 0.2564, 0.2762]),
            DataKind::Cifar10 => (&[0.4914, 0.4822, 0.4465], &[0.2470, 0.2435, 0.2616]),
            DataKind::FashionMnist => (&[0.2860], &[0.3530]),
            DataKind::ImageFolder | DataKind::List => (&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]),
        };
        Self { mean: mean.to_vec(), std: std.to_vec() }
    }

    /// Checks that there are constants for so many channels.
    ///
    /// # Errors
    /// [`TrainingError::InvalidSetting`].
    pub fn check_channels(&self, channels: usize) -> Result<(), TrainingError> {
        if self.mean.len() == channels {
            return Ok(());
        }
        let requirement = format!("one value a channel, of which the images have {channels}");
        Err(TrainingError::setting("--mean/--std", format!("{} values", self.mean.len()), requirement))
    }

    /// Byte images [B, C, H, W] to normalised float32.
    ///
    /// # Errors
    /// Passes on libtorch's refusal, such as a number of channels that is not that of the constants.
    pub fn apply(&self, images: &Tensor) -> Result<Tensor, tch::TchError> {
        let constant = |values: Vec<f32>| Tensor::from_slice(&values).to_device(images.device()).view([1, -1, 1, 1]);
        let scale = constant(self.std.iter().map(|std| (1.0 / (255.0 * std)) as f32).collect());
        let shift = constant(self.mean.iter().zip(&self.std).map(|(mean, std)| (-mean / std) as f32).collect());
        images.f_to_kind(Kind::Float)?.f_mul(&scale)?.f_add(&shift)
    }

    /// B: the largest Euclidean norm that any image of C x `height` x `width` bytes can have after [`apply`](Self::apply),
    /// sqrt(sum_c H W max(|0 - mean_c|, |1 - mean_c|)^2 / std_c^2). This is the a-priori bound that T3 asks for.
    pub fn input_norm_bound(&self, height: usize, width: usize) -> f64 {
        let per_pixel: f64 = self
            .mean
            .iter()
            .zip(&self.std)
            .map(|(&mean, &std)| {
                let largest = mean.abs().max((1.0 - mean).abs()) / std;
                largest * largest
            })
            .sum();
        // Float32 preprocessing rounds each pixel by a few units of 2^-24; 1e-6 covers it with room.
        (per_pixel * (height * width) as f64).sqrt() * (1.0 + 1e-6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_image_exceeds_the_norm_bound_and_the_extreme_one_attains_it() {
        let normalisation = Normalisation::new(vec![0.3, 0.6], vec![0.25, 0.5]).unwrap();
        let bound = normalisation.input_norm_bound(4, 5);
        let extreme = Tensor::cat(
            &[
                Tensor::full([1, 1, 4, 5], 255, (Kind::Uint8, tch::Device::Cpu)),
                Tensor::zeros([1, 1, 4, 5], (Kind::Uint8, tch::Device::Cpu)),
            ],
            1,
        );
        let norm = normalisation.apply(&extreme).unwrap().to_kind(Kind::Double).norm().double_value(&[]);
        assert!(norm <= bound && norm >= bound * (1.0 - 1e-5), "{norm} against {bound}");
        let random = Tensor::randint(256, [50, 2, 4, 5], (Kind::Int64, tch::Device::Cpu)).to_kind(Kind::Uint8);
        let norms =
            normalisation.apply(&random).unwrap().flatten(1, -1).norm_scalaropt_dim(2, [1i64].as_slice(), false);
        assert!(norms.max().double_value(&[]) <= bound);
    }

    #[test]
    fn wrong_constants_are_refused() {
        assert!(Normalisation::new(vec![0.5], vec![0.0]).is_err());
        assert!(Normalisation::new(vec![0.5], vec![]).is_err());
        assert!(Normalisation::new(vec![f64::NAN], vec![1.0]).is_err());
        let grey = Normalisation::customary(DataKind::FashionMnist);
        assert!(grey.check_channels(1).is_ok());
        assert!(
            grey.check_channels(3).unwrap_err().to_string().contains("--mean/--std = 1 values: one value a channel")
        );
    }
}
