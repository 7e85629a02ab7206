//! How the pixels of a data set become the input of a model: by the checkpoint's own word or by flags, never guessed.

use std::fmt;
use std::str::FromStr;

use car_spectral_training::data::Normalisation;
use tch::{Kind, Tensor};

use crate::AnalysisError;
use crate::arguments::Arguments;
use crate::report::Preprocessing;

/// Channels a model expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Red, green, blue; a grey image is repeated three times.
    Rgb,
    /// Blue, green, red.
    Bgr,
    /// One channel, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
    Gray,
}

impl fmt::Display for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rgb => "rgb",
            Self::Bgr => "bgr",
            Self::Gray => "gray",
        })
    }
}

impl FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "rgb" => Ok(Self::Rgb),
            "bgr" => Ok(Self::Bgr),
            "gray" => Ok(Self::Gray),
            _ => Err("expected rgb, bgr or gray".to_owned()),
        }
    }
}

/// The steps from bytes [B, C, H, W] to a model's input: channels, resize, crop, normalisation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct InputSteps {
    pub normalisation: Normalisation,
    pub resize: Option<usize>,
    pub crop: Option<usize>,
    pub channels: Option<Channels>,
    origin: &'static str,
}

impl InputSteps {
    /// The steps a checkpoint of this project describes.
    pub fn of_checkpoint(normalisation: Normalisation) -> Self {
        Self { normalisation, resize: None, crop: None, channels: None, origin: "checkpoint" }
    }

    /// The steps given by flags; --mean and --std are demanded, the others are off unless given.
    pub fn of_flags(arguments: &Arguments, path: &str) -> Result<Self, AnalysisError> {
        let (Some(mean), Some(std)) = (&arguments.mean, &arguments.std) else {
            return Err(AnalysisError::Usage {
                problem: format!(
                    "{path} does not say how it wants its input: give --mean and --std (and --resize, --crop, --channels if it needs them)"
                ),
            });
        };
        for (flag, value) in [("--resize", arguments.resize), ("--crop", arguments.crop)] {
            if value.is_some_and(|pixels| pixels == 0 || pixels > 16_384) {
                return Err(AnalysisError::Usage { problem: format!("{flag}: give 1 to 16384 pixels") });
            }
        }
        Ok(Self {
            normalisation: Normalisation::new(mean.clone(), std.clone())?,
            resize: arguments.resize,
            crop: arguments.crop,
            channels: arguments.channels,
            origin: "flags",
        })
    }

    /// The same, for the report.
    pub fn described(&self) -> Preprocessing {
        Preprocessing {
            origin: self.origin.to_owned(),
            mean: self.normalisation.mean.clone(),
            std: self.normalisation.std.clone(),
            resize: self.resize,
            crop: self.crop,
            channels: self.channels.map(|channels| channels.to_string()),
        }
    }

    /// Image shape C, H, W after all steps, from the stored one.
    ///
    /// # Errors
    /// [`AnalysisError::Usage`] if the steps do not fit the images.
    pub fn output_shape(&self, stored: [usize; 3]) -> Result<[usize; 3], AnalysisError> {
        let [stored_channels, mut height, mut width] = stored;
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
                    format!("--crop {side}: the images are {height} x {width}; give a smaller side or --resize first");
                return Err(AnalysisError::Usage { problem });
            }
            (height, width) = (side, side);
        }
        if self.normalisation.mean.len() != channels {
            let problem = format!(
                "--mean and --std have {} values, the images {channels} channel(s); give one of each a channel, or --channels",
                self.normalisation.mean.len()
            );
            return Err(AnalysisError::Usage { problem });
        }
        Ok([channels, height, width])
    }

    /// Bytes [B, C, H, W] to float32 input.
    pub fn apply(&self, bytes: &Tensor) -> Result<Tensor, tch::TchError> {
        let mut images = bytes.f_to_kind(Kind::Float)?;
        let stored = images.size()[1];
        images = match (self.channels, stored) {
            (Some(Channels::Rgb | Channels::Bgr), 1) => images.f_expand([-1, 3, -1, -1], false)?,
            (Some(Channels::Bgr), 3) => images.f_flip([1])?,
            (Some(Channels::Gray), 3) => {
                let luma = Tensor::from_slice(&[0.299f32, 0.587, 0.114]).to_device(images.device()).view([1, 3, 1, 1]);
                (images * luma).f_sum_dim_intlist([1i64].as_slice(), true, Kind::Float)?
            }
            _ => images,
        };
        if let Some(side) = self.resize {
            let (height, width) = (images.size()[2] as usize, images.size()[3] as usize);
            let (height, width) = resized(height, width, side);
            images = images.f_internal_upsample_bilinear2d_aa([height as i64, width as i64], false, None, None)?;
        }
        if let Some(side) = self.crop {
            let (height, width, side) = (images.size()[2], images.size()[3], side as i64);
            images = images.f_narrow(2, (height - side) / 2, side)?.f_narrow(3, (width - side) / 2, side)?;
        }
        self.normalisation.apply(&images)
    }
}

/// Height and width with the shorter side made `side`, the longer in proportion, rounded down.
fn resized(height: usize, width: usize, side: usize) -> (usize, usize) {
    if height <= width { (side, side * width / height) } else { (side * height / width, side) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Device;

    fn steps(mean: &[f64], resize: Option<usize>, crop: Option<usize>, channels: Option<Channels>) -> InputSteps {
        let normalisation = Normalisation::new(mean.to_vec(), vec![1.0 / 255.0; mean.len()]).unwrap();
        InputSteps { normalisation, resize, crop, channels, origin: "flags" }
    }

    #[test]
    fn every_step_changes_the_shape_as_announced() {
        let image = Tensor::randint(256, [2, 3, 6, 8], (Kind::Int64, Device::Cpu)).to_kind(Kind::Uint8);
        for steps in [
            steps(&[0.0; 3], None, None, None),
            steps(&[0.0; 3], Some(12), None, Some(Channels::Bgr)),
            steps(&[0.0], Some(3), Some(2), Some(Channels::Gray)),
        ] {
            let shape = steps.output_shape([3, 6, 8]).unwrap().map(|side| side as i64);
            assert_eq!(steps.apply(&image).unwrap().size()[1..], shape);
        }
        assert!(steps(&[0.0; 3], None, Some(7), None).output_shape([3, 6, 8]).is_err());
        assert!(steps(&[0.0], None, None, None).output_shape([3, 6, 8]).is_err());
    }

    #[test]
    fn bgr_reverses_and_grey_repeats() {
        let image = Tensor::from_slice(&[10u8, 20, 30]).view([1, 3, 1, 1]);
        let bgr = steps(&[0.0; 3], None, None, Some(Channels::Bgr)).apply(&image).unwrap();
        assert!((bgr.double_value(&[0, 0, 0, 0]) - 30.0).abs() < 1e-4);
        let grey = steps(&[0.0; 3], None, None, Some(Channels::Rgb)).apply(&image.narrow(1, 1, 1)).unwrap();
        assert!((grey.double_value(&[0, 2, 0, 0]) - 20.0).abs() < 1e-4);
    }
}
