//! Random resized crop (Szegedy et al., CVPR 2015): a part of random area and shape, resized to a fixed size.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Pixels;

/// Least share of the area that a crop has (the customary one for images of 32 pixels; He et al., CVPR 2020).
const LEAST_AREA: f64 = 0.2;
/// Bounds of width over height.
const LEAST_RATIO: f64 = 3.0 / 4.0;
const LARGEST_RATIO: f64 = 4.0 / 3.0;
const ATTEMPTS: usize = 10;

/// Crops a share of the area uniform on [0.2, 1], with a ratio of width to height log-uniform on [3/4, 4/3], and resizes it
/// bilinearly with antialiasing to the size that the image had. After ten draws that do not fit, the largest centred crop of an
/// allowed ratio is taken.
pub fn random_resized_crop(image: &mut Pixels, rng: &mut ChaCha8Rng) {
    let (height, width) = (image.height, image.width);
    let (top, left, crop_height, crop_width) = draw(height, width, rng);
    *image = resized(&crop(image, top, left, crop_height, crop_width), height, width);
}

/// Top, left, height and width.
fn draw(height: usize, width: usize, rng: &mut ChaCha8Rng) -> (usize, usize, usize, usize) {
    let (h, w) = (height as f64, width as f64);
    for _ in 0..ATTEMPTS {
        let area = h * w * rng.random_range(LEAST_AREA..=1.0);
        let ratio = rng.random_range(LEAST_RATIO.ln()..=LARGEST_RATIO.ln()).exp();
        let (crop_width, crop_height) = ((area * ratio).sqrt().round(), (area / ratio).sqrt().round());
        if (1.0..=w).contains(&crop_width) && (1.0..=h).contains(&crop_height) {
            let (crop_height, crop_width) = (crop_height as usize, crop_width as usize);
            let top = rng.random_range(0..=height - crop_height);
            let left = rng.random_range(0..=width - crop_width);
            return (top, left, crop_height, crop_width);
        }
    }
    let ratio = (w / h).clamp(LEAST_RATIO, LARGEST_RATIO);
    let crop_width = ((h * ratio).round() as usize).clamp(1, width);
    let crop_height = ((w / ratio).round() as usize).clamp(1, height);
    ((height - crop_height) / 2, (width - crop_width) / 2, crop_height, crop_width)
}

pub(super) fn crop(image: &Pixels, top: usize, left: usize, height: usize, width: usize) -> Pixels {
    let planes = (0..image.channels).map(|channel| image.plane(channel));
    let rows = planes.flat_map(|plane| plane.chunks_exact(image.width).skip(top).take(height));
    let bytes = rows.flat_map(|row| &row[left..left + width]).copied().collect();
    Pixels { channels: image.channels, height, width, bytes }
}

pub(super) fn resized(image: &Pixels, height: usize, width: usize) -> Pixels {
    if (image.height, image.width) == (height, width) {
        return image.clone();
    }
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
    let mut resizer = Resizer::new();
    let mut bytes = Vec::with_capacity(image.channels * height * width);
    for channel in 0..image.channels {
        let (from_width, from_height) = (image.width as u32, image.height as u32);
        let from = ImageRef::new(from_width, from_height, image.plane(channel), PixelType::U8)
            .expect("a plane has height times width bytes");
        let mut to = Image::new(width as u32, height as u32, PixelType::U8);
        resizer.resize(&from, &mut to, &options).expect("both images hold single bytes");
        bytes.extend_from_slice(to.buffer());
    }
    Pixels { channels: image.channels, height, width, bytes }
}
