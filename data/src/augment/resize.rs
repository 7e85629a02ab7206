//! Another size: linear interpolation, antialiased when the image becomes smaller (the triangle
//! filter widens with the scale), each channel in 8 bits.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{F32, U8};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use rand_chacha::ChaCha8Rng;

use super::{Augmentation, Pixels};

/// Brings an image to another size.
#[derive(Clone, Copy, Debug)]
pub enum Resize {
    /// Resizes to so many rows and columns, the ratio of the sides not kept.
    Square(usize),
    /// The shorter side to so many pixels, the longer in proportion, rounded down.
    ShorterSide(usize),
}

/// A part of an image in pixels, with its edges anywhere between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Part {
    pub top: f64,
    pub left: f64,
    pub height: f64,
    pub width: f64,
}

impl Augmentation for Resize {
    fn apply(&self, image: &mut Pixels, _: &mut ChaCha8Rng) {
        let (height, width) = match *self {
            Self::Square(size) => (size, size),
            Self::ShorterSide(side) if image.height <= image.width => (side, side * image.width / image.height),
            Self::ShorterSide(side) => (side * image.height / image.width, side),
        };
        let whole = Part { top: 0.0, left: 0.0, height: image.height as f64, width: image.width as f64 };
        resize(image, whole, height, width);
    }
}

/// Makes a part of an image all of it, in the given size.
///
/// # Panics
/// For a size of 0, or a part that is empty or not inside the image.
pub(super) fn resize(image: &mut Pixels, part: Part, height: usize, width: usize) {
    let whole = part.top == 0.0 && part.left == 0.0 && part.height == height as f64 && part.width == width as f64;
    if whole && (image.height, image.width) == (height, width) {
        return;
    }
    let options = bilinear().crop(part.left, part.top, part.width, part.height);
    let mut bytes = Vec::with_capacity(image.channels * height * width);
    for channel in 0..image.channels {
        let plane: Vec<U8> = image.plane(channel).iter().copied().map(U8::new).collect();
        let resized = resized(&plane, [image.height, image.width], [height, width], &options);
        bytes.extend(resized.pixels().iter().map(|pixel| pixel.0));
    }
    *image = Pixels { channels: image.channels, height, width, bytes };
}

/// Brings one channel of float32 values from `[height, width]` to another size, by the same rule
/// without rounding.
///
/// # Panics
/// For a size of 0, or values that are not height times width.
pub fn resized_plane(values: &[f32], [height, width]: [usize; 2], [to_height, to_width]: [usize; 2]) -> Vec<f32> {
    if (height, width) == (to_height, to_width) {
        return values.to_vec();
    }
    let plane: Vec<F32> = values.iter().copied().map(F32::new).collect();
    resized(&plane, [height, width], [to_height, to_width], &bilinear()).pixels().iter().map(|pixel| pixel.0).collect()
}

fn bilinear() -> ResizeOptions {
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear))
}

/// A plane in another size. `resize`, which takes any kind of pixels, is compiled for all of them:
/// minutes.
fn resized<P: PixelTrait>(
    plane: &[P],
    [height, width]: [usize; 2],
    [to_height, to_width]: [usize; 2],
    options: &ResizeOptions,
) -> TypedImage<'static, P> {
    let plane = TypedImageRef::new(width as u32, height as u32, plane).expect("a plane has height times width values");
    let mut target = TypedImage::new(to_width as u32, to_height as u32);
    Resizer::new().resize_typed(&plane, &mut target, options).expect("the part lies inside the image");
    target
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn of_part(mut image: Pixels, part: Part, height: usize, width: usize) -> Pixels {
        resize(&mut image, part, height, width);
        image
    }

    #[test]
    fn sizes_are_those_asked_for() {
        let sizes = |height, width, step: Resize| {
            let mut found = Pixels { channels: 3, height, width, bytes: vec![100; 3 * height * width] };
            step.apply(&mut found, &mut ChaCha8Rng::seed_from_u64(0));
            assert!(found.bytes.iter().all(|&byte| byte == 100), "a grey image stays grey");
            assert_eq!(found.bytes.len(), 3 * found.height * found.width);
            (found.height, found.width)
        };
        assert_eq!(sizes(30, 50, Resize::ShorterSide(16)), (16, 26));
        assert_eq!(sizes(50, 30, Resize::ShorterSide(16)), (26, 16));
        assert_eq!(sizes(1, 200, Resize::ShorterSide(3)), (3, 600));
        assert_eq!(sizes(7, 5, Resize::Square(9)), (9, 9));
        assert_eq!(sizes(9, 9, Resize::Square(9)), (9, 9));
    }

    /// From 4 to 2 columns the triangle filter has half-width 2 around the centres 1 and 3 (in
    /// pixel edges): weights at the pixel centres 0.5, 1.5, 2.5 (3.5 is outside by symmetry) are
    /// 3/4, 3/4, 1/4, divided by their sum 7/4.
    #[test]
    fn values_are_those_of_the_triangle_filter() {
        let image = Pixels { channels: 2, height: 1, width: 4, bytes: vec![10, 80, 150, 220, 0, 0, 0, 70] };
        let whole = Part { top: 0.0, left: 0.0, height: 1.0, width: 4.0 };
        let found = of_part(image.clone(), whole, 1, 2);
        let weighted = |a: f64, b: f64, c: f64| ((3.0 * a + 3.0 * b + c) / 7.0).round() as u8;
        let expected = [
            weighted(10.0, 80.0, 150.0),
            weighted(220.0, 150.0, 80.0),
            weighted(0.0, 0.0, 0.0),
            weighted(70.0, 0.0, 0.0),
        ];
        assert_eq!(found.bytes, expected);
        // Twice as wide: between two pixels a quarter of the way, and the edge pixels themselves.
        let line = Pixels { channels: 1, height: 1, width: 2, bytes: vec![0, 100] };
        let whole = Part { top: 0.0, left: 0.0, height: 1.0, width: 2.0 };
        assert_eq!(of_part(line, whole, 1, 4).bytes, [0, 25, 75, 100]);
        // A part is cut out before it is resized.
        let part = Part { top: 0.0, left: 2.0, height: 1.0, width: 2.0 };
        assert_eq!(of_part(image, part, 1, 2).bytes, [150, 220, 0, 70]);
    }
}
