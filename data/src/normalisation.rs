//! Pixel normalisation: x = (byte / 255 - mean_c) / std_c for each channel c.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DataKind;
use crate::DataError;

/// Mean and standard deviation of each channel, in units of byte / 255.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// [`DataError::Setting`] unless there are as many means as deviations, at least one, the means
    /// from -1e6 to 1e6 and the deviations from 1e-6 to 1e6.
    pub fn new(mean: Vec<f64>, std: Vec<f64>) -> Result<Self, DataError> {
        if mean.len() != std.len() || mean.is_empty() {
            let value = format!("{} means, {} deviations", mean.len(), std.len());
            return Err(DataError::setting("mean/std", value, "one of each a channel"));
        }
        if let Some(bad) = mean.iter().find(|value| !(-1e6..=1e6).contains(*value)) {
            return Err(DataError::setting("mean", bad, "from -1e6 to 1e6"));
        }
        if let Some(bad) = std.iter().find(|value| !(1e-6..=1e6).contains(*value)) {
            return Err(DataError::setting("std", bad, "from 1e-6 to 1e6"));
        }
        Ok(Self { mean, std })
    }

    /// The constants customary for a data set's full training split (fixed before any subset is
    /// drawn, as T3 needs); for files those of ImageNet.
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
    pub fn check_channels(&self, channels: usize) -> Result<(), DataError> {
        if self.mean.len() == channels {
            return Ok(());
        }
        let requirement = format!("one value a channel, of which the images have {channels}");
        Err(DataError::setting("mean/std", format!("{} values", self.mean.len()), requirement))
    }

    /// B: the largest Euclidean norm that any image of C x `height` x `width` bytes can have in
    /// float32, sqrt(sum_c H W max(|0 - mean_c|, |1 - mean_c|)^2 / std_c^2). This is the a-priori
    /// bound that T3 asks for.
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
    fn the_extreme_image_attains_the_norm_bound() {
        let normalisation = Normalisation::new(vec![0.3, 0.6], vec![0.25, 0.5]).unwrap();
        // White in the first channel, black in the second: 0.7/0.25 and 0.6/0.5 at each of 20 pixels.
        let attained = (20.0f64 * (2.8 * 2.8 + 1.2 * 1.2)).sqrt();
        let bound = normalisation.input_norm_bound(4, 5);
        assert!(bound >= attained && bound <= attained * (1.0 + 1e-5), "{bound} against {attained}");
    }

    #[test]
    fn wrong_constants_are_refused() {
        assert!(Normalisation::new(vec![0.5], vec![0.0]).is_err());
        assert!(Normalisation::new(vec![0.5], vec![]).is_err());
        assert!(Normalisation::new(vec![f64::NAN], vec![1.0]).is_err());
        let grey = Normalisation::customary(DataKind::FashionMnist);
        assert!(grey.check_channels(1).is_ok());
        assert!(grey.check_channels(3).unwrap_err().to_string().contains("mean/std = 1 values: one value a channel"));
    }
}
