//! How the pixels of a data set become the input of a model: by the checkpoint's own word or by flags, never guessed.

use car_spectral_data::augment::{CentreCrop, Chain, Resize};
use car_spectral_data::{Images, Normalisation, SettingError};
use car_spectral_training::batch::normalise;
use tch::{Kind, Tensor};

use crate::AnalysisError;
use crate::load::{Channels, PixelSteps};
use crate::report::Preprocessing;

/// The steps from the images of a data set to a model's input: resize and crop, channels, normalisation. Image files
/// are resized and cropped as they are decoded ([`InputSteps::chain`]), images in memory as tensors of float32, unless
/// they are a checkpoint's.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InputSteps {
    pub normalisation: Normalisation,
    resize: Option<usize>,
    crop: Option<usize>,
    channels: Option<Channels>,
    origin: Origin,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// A checkpoint of this project, trained on images of this size or as they are stored.
    Checkpoint(Option<usize>),
    Flags,
}

impl InputSteps {
    /// The steps a checkpoint of this project describes.
    pub fn of_checkpoint(normalisation: Normalisation, image_size: Option<usize>, images: &Images) -> Self {
        let (resize, crop) = match images {
            Images::InMemory { .. } => (image_size, None),
            Images::Files { .. } => (image_size.map(Chain::shorter_side), image_size),
        };
        Self { normalisation, resize, crop, channels: None, origin: Origin::Checkpoint(image_size) }
    }

    /// The steps that were asked for the foreign model in `file`; mean and deviation are demanded, the others are off
    /// unless given.
    pub fn of_request(steps: Option<&PixelSteps>, file: &str) -> Result<Self, AnalysisError> {
        let Some(PixelSteps { mean, std, resize, crop, channels }) = steps else {
            return Err(AnalysisError::Usage {
                problem: format!(
                    "{file} does not say how it wants its input: give `mean` and `std` (and `resize`, `crop`, `channels` if it needs them)"
                ),
            });
        };
        for (name, value) in [("resize", resize), ("crop", crop)] {
            if let Some(pixels) = value.filter(|&pixels| pixels == 0 || pixels > 16_384) {
                return Err(SettingError::new(name, pixels, "1 to 16384 pixels").into());
            }
        }
        Ok(Self {
            normalisation: Normalisation::new(mean.clone(), std.clone())?,
            resize: *resize,
            crop: *crop,
            channels: *channels,
            origin: Origin::Flags,
        })
    }

    /// The same, for the report.
    pub fn described(&self) -> Preprocessing {
        Preprocessing {
            origin: match self.origin {
                Origin::Checkpoint(_) => "checkpoint".to_owned(),
                Origin::Flags => "flags".to_owned(),
            },
            mean: self.normalisation.mean.clone(),
            std: self.normalisation.std.clone(),
            resize: self.resize,
            crop: self.crop,
            channels: self.channels.map(|channels| channels.to_string()),
        }
    }

    /// What is done with an image as it is decoded.
    ///
    /// # Errors
    /// [`AnalysisError::Usage`] if image files would not come out in one size.
    pub fn chain(&self, images: &Images) -> Result<Chain, AnalysisError> {
        match (self.origin, images) {
            (Origin::Checkpoint(image_size), _) => Ok(Chain::evaluation(images, image_size)),
            (Origin::Flags, Images::InMemory { .. }) => Ok(Chain::new()),
            (Origin::Flags, Images::Files { .. }) => {
                let (Some(side), Some(size)) = (self.resize, self.crop.filter(|&crop| Some(crop) <= self.resize))
                else {
                    let problem = "image files have many sizes: give `resize` and `crop`, no larger than that";
                    return Err(AnalysisError::Usage { problem: problem.to_owned() });
                };
                Ok(Chain::new().then(Resize::ShorterSide(side)).then(CentreCrop { size }))
            }
        }
    }

    /// Image shape C, H, W after all steps given by flags.
    ///
    /// # Errors
    /// [`AnalysisError::Usage`] if the steps do not fit the images.
    pub fn output_shape(&self, images: &Images) -> Result<[usize; 3], AnalysisError> {
        let [stored_channels, mut height, mut width] = match (images, self.resize) {
            (Images::InMemory { shape, .. }, _) => *shape,
            (Images::Files { .. }, side) => [3, side.unwrap_or(1), side.unwrap_or(1)],
        };
        let channels = match self.channels {
            None => stored_channels,
            Some(Channels::Gray) => 1,
            Some(Channels::Rgb | Channels::Bgr) => 3,
        };
        if let Some(side) = self.resize {
            (height, width) = resized(height, width, side);
        }
        if let Some(side) = self.crop {
            if side > height.min(width) {
                let problem =
                    format!("`crop` {side}: the images are {height} x {width}; give a smaller side or `resize` first");
                return Err(AnalysisError::Usage { problem });
            }
            (height, width) = (side, side);
        }
        if self.normalisation.mean.len() != channels {
            let problem = format!(
                "`mean` and `std` have {} values, the images {channels} channel(s); give one of each a channel, or `channels`",
                self.normalisation.mean.len()
            );
            return Err(AnalysisError::Usage { problem });
        }
        Ok([channels, height, width])
    }

    /// Bytes [B, C, H, W] of the chain to float32 input.
    pub fn apply(&self, bytes: &Tensor, images: &Images) -> Result<Tensor, tch::TchError> {
        let as_tensors = self.origin == Origin::Flags && matches!(images, Images::InMemory { .. });
        let mut pixels = bytes.f_to_kind(Kind::Float)?;
        let stored = pixels.size()[1];
        pixels = match (self.channels, stored) {
            (Some(Channels::Rgb | Channels::Bgr), 1) => pixels.f_expand([-1, 3, -1, -1], false)?,
            (Some(Channels::Bgr), 3) => pixels.f_flip([1])?,
            (Some(Channels::Gray), 3) => {
                let luma = Tensor::from_slice(&[0.299f32, 0.587, 0.114]).to_device(pixels.device()).view([1, 3, 1, 1]);
                (pixels * luma).f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?
            }
            _ => pixels,
        };
        if let Some(side) = self.resize.filter(|_| as_tensors) {
            let (height, width) = (pixels.size()[2] as usize, pixels.size()[3] as usize);
            let (height, width) = resized(height, width, side);
            pixels = pixels.f_internal_upsample_bilinear2d_aa([height as i64, width as i64], false, None, None)?;
        }
        if let Some(side) = self.crop.filter(|_| as_tensors) {
            let (height, width, side) = (pixels.size()[2], pixels.size()[3], side as i64);
            pixels = pixels.f_narrow(2, (height - side) / 2, side)?.f_narrow(3, (width - side) / 2, side)?;
        }
        normalise(&self.normalisation, &pixels)
    }
}

/// Height and width with the shorter side made `side`, the longer in proportion, rounded down.
fn resized(height: usize, width: usize, side: usize) -> (usize, usize) {
    if height <= width { (side, side * width / height) } else { (side * height / width, side) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use car_spectral_data::Pixels;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use tch::Device;

    const STORED: Images = Images::InMemory { shape: [3, 6, 8], bytes: Vec::new() };

    fn steps(mean: &[f64], resize: Option<usize>, crop: Option<usize>, channels: Option<Channels>) -> InputSteps {
        let normalisation = Normalisation::new(mean.to_vec(), vec![1.0 / 255.0; mean.len()]).unwrap();
        InputSteps { normalisation, resize, crop, channels, origin: Origin::Flags }
    }

    #[test]
    fn every_step_changes_the_shape_as_announced() {
        let image = Tensor::randint(256, [2, 3, 6, 8], (Kind::Int64, Device::Cpu)).to_kind(Kind::Uint8);
        for steps in [
            steps(&[0.0; 3], None, None, None),
            steps(&[0.0; 3], Some(12), None, Some(Channels::Bgr)),
            steps(&[0.0], Some(3), Some(2), Some(Channels::Gray)),
        ] {
            let shape = steps.output_shape(&STORED).unwrap().map(|side| side as i64);
            assert_eq!(steps.apply(&image, &STORED).unwrap().size()[1..], shape);
        }
        assert!(steps(&[0.0; 3], None, Some(7), None).output_shape(&STORED).is_err());
        assert!(steps(&[0.0], None, None, None).output_shape(&STORED).is_err());
    }

    #[test]
    fn files_are_resized_and_cropped_as_they_are_decoded() {
        let files = Images::Files { paths: Vec::new(), bytes: 0 };
        let decoded = |steps: &InputSteps, images: &Images| {
            let mut pixels = Pixels { channels: 3, height: 40, width: 60, bytes: vec![51; 3 * 40 * 60] };
            steps.chain(images).unwrap().apply(&mut pixels, &mut ChaCha8Rng::seed_from_u64(0));
            let tensor = Tensor::from_slice(&pixels.bytes).view([1, 3, pixels.height as i64, pixels.width as i64]);
            steps.apply(&tensor, images).unwrap()
        };
        let flags = steps(&[0.0; 3], Some(12), Some(10), Some(Channels::Bgr));
        assert_eq!(flags.output_shape(&files).unwrap(), [3, 10, 10]);
        assert_eq!(decoded(&flags, &files).size(), [1, 3, 10, 10]);
        for (resize, crop) in [(None, None), (Some(12), None), (None, Some(10)), (Some(9), Some(10))] {
            let error = steps(&[0.0; 3], resize, crop, None).chain(&files).unwrap_err().to_string();
            assert!(error.contains("`resize` and `crop`"), "{error}");
        }
        let normalisation = || Normalisation::new(vec![0.0; 3], vec![1.0; 3]).unwrap();
        let own = InputSteps::of_checkpoint(normalisation(), Some(7), &files);
        assert_eq!((own.described().resize, own.described().crop), (Some(8), Some(7)));
        let found = decoded(&own, &files);
        assert_eq!(found.size(), [1, 3, 7, 7]);
        assert!((found.double_value(&[0, 0, 0, 0]) - 0.2).abs() < 1e-6);
        let own = InputSteps::of_checkpoint(normalisation(), Some(7), &STORED);
        assert_eq!((own.described().resize, own.described().crop), (Some(7), None));
        assert_eq!(decoded(&own, &STORED).size(), [1, 3, 7, 7]);
    }

    #[test]
    fn bgr_reverses_and_grey_repeats() {
        let image = Tensor::from_slice(&[10u8, 20, 30]).view([1, 3, 1, 1]);
        let bgr = steps(&[0.0; 3], None, None, Some(Channels::Bgr)).apply(&image, &STORED).unwrap();
        assert!((bgr.double_value(&[0, 0, 0, 0]) - 30.0).abs() < 1e-4);
        let grey = steps(&[0.0; 3], None, None, Some(Channels::Rgb)).apply(&image.narrow(1, 1, 1), &STORED).unwrap();
        assert!((grey.double_value(&[0, 2, 0, 0]) - 20.0).abs() < 1e-4);
    }
}
