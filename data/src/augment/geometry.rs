//! Shear, translation and rotation of an image: each pixel is the nearest one of its place in the
//! original (Pillow's rule for affine maps), or grey 128 where that lies outside, as AutoAugment
//! has it.

use super::{GREY, Pixels};

/// Pixels (x, y) become those at (x + factor y, y): the rows slide.
pub fn shear_x(image: &mut Pixels, factor: f64) {
    affine(image, [1.0, factor, 0.0, 0.0, 1.0, 0.0]);
}

/// Pixels (x, y) become those at (x, y + factor x): the columns slide.
pub fn shear_y(image: &mut Pixels, factor: f64) {
    affine(image, [1.0, 0.0, 0.0, factor, 1.0, 0.0]);
}

/// Pixels (x, y) become those at (x + shift, y).
pub fn translate_x(image: &mut Pixels, shift: f64) {
    affine(image, [1.0, 0.0, shift, 0.0, 1.0, 0.0]);
}

/// Pixels (x, y) become those at (x, y + shift).
pub fn translate_y(image: &mut Pixels, shift: f64) {
    affine(image, [1.0, 0.0, 0.0, 0.0, 1.0, shift]);
}

/// Turns the image about its centre, counter-clockwise.
pub fn rotate(image: &mut Pixels, degrees: f64) {
    let (sine, cosine) = (-degrees).to_radians().sin_cos();
    let (x, y) = (image.width as f64 / 2.0, image.height as f64 / 2.0);
    affine(image, [cosine, sine, x - cosine * x - sine * y, -sine, cosine, y + sine * x - cosine * y]);
}

/// Pixel (x, y) becomes that in which (a x + b y + c, d x + e y + f) lies, measured at the pixels'
/// centres, in units of 2^-16.
fn affine(image: &mut Pixels, [a, b, c, d, e, f]: [f64; 6]) {
    let fixed = |value: f64| (value * 65_536.0 + 0.5).floor() as i64;
    let ([xx, xy, yx, yy], [x0, y0]) = ([a, b, d, e].map(fixed), [c + (a + b) / 2.0, f + (d + e) / 2.0].map(fixed));
    let original = image.clone();
    let (height, width) = (image.height, image.width);
    let inside = |place: i64, side: usize| usize::try_from(place >> 16).ok().filter(|&at| at < side);
    for row in 0..height {
        for column in 0..width {
            let (x, y) = (column as i64, row as i64);
            let source = inside(x0 + xx * x + xy * y, width).zip(inside(y0 + yx * x + yy * y, height));
            for channel in 0..image.channels {
                image.plane_mut(channel)[row * width + column] =
                    source.map_or(GREY, |(x, y)| original.plane(channel)[y * width + x]);
            }
        }
    }
}
