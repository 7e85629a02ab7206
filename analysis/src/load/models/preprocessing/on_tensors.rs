//! The steps on libtorch's tensors.

use car_spectral_data::Images;
use car_spectral_training::batch::normalise;
use tch::{Kind, Tensor};

use super::{InputSteps, resized};
use crate::load::Channels;

impl InputSteps {
    /// Bytes [B, C, H, W] of the chain to float32 input.
    pub fn apply(&self, bytes: &Tensor, images: &Images) -> Result<Tensor, tch::TchError> {
        let as_tensors = self.as_floats(images);
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

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;
    use car_spectral_data::{Normalisation, Pixels};
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
