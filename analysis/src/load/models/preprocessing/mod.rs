//! Steps from the pixels of a data set to the input of a model: by the checkpoint's own word or by
//! flags, never guessed. What is said here is done in `on_tensors` for libtorch and in `on_arrays`
//! for ONNX.

#[cfg(feature = "onnx")]
mod on_arrays;
#[cfg(feature = "torch")]
mod on_tensors;

use car_spectral_data::augment::{CentreCrop, Chain, Resize};
use car_spectral_data::{Images, Normalisation, SettingError};

use crate::load::{Channels, PixelSteps};
use crate::results::Preprocessing;
use crate::{AnalysisError, Result};

/// The steps from the images of a data set to a model's input: resize and crop, channels,
/// normalisation. Image files are resized and cropped as they are decoded ([`InputSteps::chain`]),
/// images in memory as tensors of float32, unless they are a checkpoint's.
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

    /// The steps that were asked for the foreign model in `file`; mean and deviation are demanded,
    /// the others are off unless given.
    pub fn of_request(steps: Option<&PixelSteps>, file: &str) -> Result<Self> {
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

    /// Whether images are resized and cropped as float32, not as they are decoded.
    fn as_floats(&self, images: &Images) -> bool {
        self.origin == Origin::Flags && matches!(images, Images::InMemory { .. })
    }

    /// Gives the steps that an image takes as it is decoded.
    pub fn chain(&self, images: &Images) -> Result<Chain> {
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
    pub fn output_shape(&self, images: &Images) -> Result<[usize; 3]> {
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
}

/// Height and width with the shorter side made `side`, the longer in proportion, rounded down.
fn resized(height: usize, width: usize, side: usize) -> (usize, usize) {
    if height <= width { (side, side * width / height) } else { (side * height / width, side) }
}
