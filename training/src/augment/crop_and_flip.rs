//! Random crop with zero padding and horizontal flip (He et al., CVPR 2016, section 4.2), for a whole batch in one
//! gather: padded images [N, C, H + 2p, W + 2p] and indices `[B]` to a batch [B, C, H, W].

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use tch::{Device, Kind, Tensor};

/// Draws augmented batches from a set of images held on one device as bytes.
#[derive(Debug)]
pub struct CropAndFlip {
    padded: Tensor,
    height: i64,
    width: i64,
    padding: i64,
}

impl CropAndFlip {
    /// Takes byte images [N, C, H, W] and pads each side by `padding` black pixels.
    ///
    /// # Errors
    /// Passes on what libtorch refuses (a tensor that is not four-dimensional, no memory).
    pub fn new(images: &Tensor, padding: i64, device: Device) -> Result<Self, tch::TchError> {
        let (_, _, height, width) = images.size4()?;
        let padded = images.f_constant_pad_nd([padding, padding, padding, padding])?.f_to_device(device)?;
        Ok(Self { padded, height, width, padding })
    }

    /// Byte images [B, C, H, W] of the given indices, each cropped at an offset uniform on {0, ..., 2p}^2 and flipped
    /// left to right with probability 1/2. Draws three numbers an image from `rng`, in the order of `indices`.
    ///
    /// # Errors
    /// Passes on what libtorch refuses, such as an index outside the images.
    pub fn batch(&self, indices: &[i64], rng: &mut ChaCha8Rng) -> Result<Tensor, tch::TchError> {
        let (mut rows, mut columns) = (
            Vec::with_capacity(indices.len() * self.height as usize),
            Vec::with_capacity(indices.len() * self.width as usize),
        );
        for _ in indices {
            let top = rng.random_range(0..=2 * self.padding);
            let left = rng.random_range(0..=2 * self.padding);
            rows.extend(top..top + self.height);
            if rng.random::<bool>() {
                columns.extend((left..left + self.width).rev());
            } else {
                columns.extend(left..left + self.width);
            }
        }
        let device = self.padded.device();
        let on_device = |values: &[i64]| Tensor::from_slice(values).to_kind(Kind::Int64).to_device(device);
        let batch = indices.len() as i64;
        let images = on_device(indices).f_view([batch, 1, 1])?;
        let rows = on_device(&rows).f_view([batch, self.height, 1])?;
        let columns = on_device(&columns).f_view([batch, 1, self.width])?;
        // Advanced indices around a slice put the gathered axes first: [B, H, W, C].
        let gathered = self.padded.f_index(&[Some(&images), None, Some(&rows), Some(&columns)])?;
        gathered.f_permute([0, 3, 1, 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_batch_holds_shifted_or_mirrored_copies_of_the_images_asked_for() {
        let images =
            (Tensor::arange(2 * 3 * 4 * 4, (Kind::Int64, Device::Cpu)) + 1).to_kind(Kind::Uint8).view([2, 3, 4, 4]);
        let augment = CropAndFlip::new(&images, 1, Device::Cpu).unwrap();
        let padded = images.constant_pad_nd([1, 1, 1, 1]);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let (mut flips, mut plain) = (0, 0);
        for _ in 0..40 {
            let batch = augment.batch(&[1, 0, 1], &mut rng).unwrap();
            assert_eq!(batch.size(), [3, 3, 4, 4]);
            for (at, &source) in [1i64, 0, 1].iter().enumerate() {
                let image = batch.get(at as i64);
                let candidates = (0..3).flat_map(|top| (0..3).map(move |left| (top, left)));
                let crops: Vec<Tensor> =
                    candidates.map(|(top, left)| padded.get(source).narrow(1, top, 4).narrow(2, left, 4)).collect();
                let is_plain = crops.iter().any(|crop| crop.equal(&image));
                let is_flip = crops.iter().any(|crop| crop.flip([2]).equal(&image));
                assert!(is_plain || is_flip, "image {at} is no crop of image {source}");
                plain += usize::from(is_plain);
                flips += usize::from(is_flip);
            }
        }
        assert!(plain > 30 && flips > 30, "{plain} plain, {flips} flipped of 120");
    }
    #[test]
    fn every_offset_occurs_and_the_seed_decides() {
        // Not square, so that rows and columns cannot be exchanged unnoticed; all pixels differ.
        let image = (Tensor::arange(15, (Kind::Int64, Device::Cpu)) + 1).to_kind(Kind::Uint8).view([1, 1, 3, 5]);
        let augment = CropAndFlip::new(&image, 2, Device::Cpu).unwrap();
        let draw = |seed| augment.batch(&[0; 400], &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
        let batch = draw(1);
        assert!(batch.equal(&draw(1)) && !batch.equal(&draw(2)));
        let padded = image.constant_pad_nd([2, 2, 2, 2]);
        for (top, left) in (0..5).flat_map(|top| (0..5).map(move |left| (top, left))) {
            let crop = padded.get(0).narrow(1, top, 3).narrow(2, left, 5);
            for wanted in [crop.flip([2]), crop] {
                assert!((0..400).any(|at| batch.get(at).equal(&wanted)), "never cropped at {top}, {left}");
            }
        }
    }
}
