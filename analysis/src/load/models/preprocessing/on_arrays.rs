//! The steps on arrays, without libtorch: the same numbers as `on_tensors`.

use car_spectral_data::Images;
use car_spectral_data::augment::resized_plane;
use car_spectral_data::loader::View;

use super::{InputSteps, resized};
use crate::load::Channels;

/// One channel of an image.
struct Plane {
    height: usize,
    width: usize,
    values: Vec<f32>,
}

impl InputSteps {
    /// Gives the float32 input [B, C, H, W] of a batch of bytes.
    pub fn floats(&self, batch: &View, images: &Images) -> Vec<f32> {
        let [channels, height, width] = batch.shape;
        let mut input = Vec::new();
        for image in batch.bytes.chunks_exact((channels * height * width).max(1)) {
            let stored = image.chunks_exact((height * width).max(1));
            let planes = self.planes(stored.map(|bytes| bytes.iter().map(|&byte| f32::from(byte)).collect()).collect());
            for (channel, values) in planes.into_iter().enumerate() {
                let plane = self.sized(Plane { height, width, values }, images);
                let (mean, std) = (self.normalisation.mean[channel], self.normalisation.std[channel]);
                let (scale, shift) = ((1.0 / (255.0 * std)) as f32, (-mean / std) as f32);
                input.extend(plane.values.iter().map(|value| value * scale + shift));
            }
        }
        input
    }

    /// The channels that the model expects.
    fn planes(&self, stored: Vec<Vec<f32>>) -> Vec<Vec<f32>> {
        match (self.channels, stored.as_slice()) {
            (Some(Channels::Rgb | Channels::Bgr), [grey]) => vec![grey.clone(); 3],
            (Some(Channels::Bgr), [_, _, _]) => stored.into_iter().rev().collect(),
            (Some(Channels::Gray), [red, green, blue]) => {
                let luma = red.iter().zip(green).zip(blue);
                vec![luma.map(|((red, green), blue)| 0.299 * red + 0.587 * green + 0.114 * blue).collect()]
            }
            _ => stored,
        }
    }

    /// The size that the model expects, unless it was brought to it as it was decoded.
    fn sized(&self, mut plane: Plane, images: &Images) -> Plane {
        if !self.as_floats(images) {
            return plane;
        }
        if let Some(side) = self.resize {
            let (height, width) = resized(plane.height, plane.width, side);
            let values = resized_plane(&plane.values, [plane.height, plane.width], [height, width]);
            plane = Plane { height, width, values };
        }
        if let Some(side) = self.crop {
            let (top, left) = ((plane.height - side) / 2, (plane.width - side) / 2);
            let rows = plane.values.chunks_exact(plane.width).skip(top).take(side);
            let values = rows.flat_map(|row| &row[left..left + side]).copied().collect();
            plane = Plane { height: side, width: side, values };
        }
        plane
    }
}

#[cfg(test)]
mod tests {
    use super::super::Origin;
    use super::*;
    use car_spectral_data::Normalisation;

    const STORED: Images = Images::InMemory { shape: [3, 6, 8], bytes: Vec::new() };

    fn steps(resize: Option<usize>, crop: Option<usize>, channels: Option<Channels>) -> InputSteps {
        let (mean, std) = match channels {
            Some(Channels::Gray) => (vec![0.3], vec![0.25]),
            _ => (vec![0.5, 0.4, 0.3], vec![0.25, 0.2, 0.3]),
        };
        InputSteps {
            normalisation: Normalisation::new(mean, std).unwrap(),
            resize,
            crop,
            channels,
            origin: Origin::Flags,
        }
    }

    fn view(shape: [usize; 3], count: usize) -> View {
        let length = count * shape.iter().product::<usize>();
        View { shape, bytes: (0..length).map(|place| (place * 97 % 251) as u8).collect() }
    }

    #[test]
    fn channels_are_turned_repeated_and_weighed() {
        let colours = View { shape: [3, 1, 1], bytes: vec![10, 20, 30] };
        let bgr = steps(None, None, Some(Channels::Bgr)).floats(&colours, &STORED);
        assert!((bgr[0] - (30.0 / 255.0 - 0.5) / 0.25).abs() < 1e-6, "{bgr:?}");
        let grey = steps(None, None, Some(Channels::Gray)).floats(&colours, &STORED);
        assert_eq!(grey.len(), 1);
        assert!((grey[0] - (18.15 / 255.0 - 0.3) / 0.25).abs() < 1e-5, "{grey:?}");
        let one = View { shape: [1, 1, 1], bytes: vec![20] };
        let repeated = steps(None, None, Some(Channels::Rgb)).floats(&one, &STORED);
        assert!((repeated[2] - (20.0 / 255.0 - 0.3) / 0.3).abs() < 1e-6, "{repeated:?}");
    }

    #[test]
    fn resize_and_crop_give_the_announced_shape() {
        for (resize, crop) in [(Some(12), None), (Some(3), Some(2)), (None, Some(5))] {
            let steps = steps(resize, crop, None);
            let expected = 2 * steps.output_shape(&STORED).unwrap().iter().product::<usize>();
            assert_eq!(steps.floats(&view([3, 6, 8], 2), &STORED).len(), expected);
        }
    }

    #[cfg(feature = "torch")]
    #[test]
    fn every_step_is_that_on_tensors() {
        use tch::Tensor;
        for channels in [None, Some(Channels::Bgr), Some(Channels::Gray)] {
            for (resize, crop) in [(None, None), (Some(12), None), (Some(3), Some(2)), (Some(5), None), (None, Some(5))]
            {
                let (steps, batch) = (steps(resize, crop, channels), view([3, 6, 8], 2));
                let bytes = Tensor::from_slice(&batch.bytes).view([2, 3, 6, 8]);
                let tensor = steps.apply(&bytes, &STORED).unwrap().flatten(0, -1);
                let expected = Vec::<f32>::try_from(tensor).unwrap();
                let found = steps.floats(&batch, &STORED);
                assert_eq!(found.len(), expected.len());
                let difference = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                assert!(difference < 1e-5, "{channels:?} {resize:?} {crop:?}: {difference}");
            }
        }
    }
}
