//! Gaussian blur, as Pillow approximates it: three box blurs whose variance is that of the Gaussian
//! (Gwosdek et al., SSVM 2011).

use super::Pixels;

const PASSES: usize = 3;

/// Blurs every channel with the standard deviation `sigma`, in pixels. Beyond the border an image
/// goes on with its border.
pub(super) fn gaussian_blur(image: &mut Pixels, sigma: f64) {
    let radius = box_radius(sigma);
    let (height, width) = (image.height, image.width);
    let mut line = Vec::new();
    for channel in 0..image.channels {
        let plane = image.plane_mut(channel);
        for row in plane.chunks_exact_mut(width) {
            for _ in 0..PASSES {
                line.clear();
                line.extend_from_slice(row);
                box_blur(&line, row, radius);
            }
        }
        let mut column = vec![0; height];
        for x in 0..width {
            line.clear();
            line.extend(plane[x..].iter().step_by(width));
            for _ in 0..PASSES {
                box_blur(&line, &mut column, radius);
                line.copy_from_slice(&column);
            }
            column.iter().enumerate().for_each(|(y, &byte)| plane[y * width + x] = byte);
        }
    }
}

/// Radius l + a of a box whose ends count by their share a, such that three of them have the
/// variance sigma^2.
fn box_radius(sigma: f64) -> f64 {
    let variance = sigma * sigma / PASSES as f64;
    let whole = (((12.0 * variance + 1.0).sqrt() - 1.0) / 2.0).floor();
    let length = 2.0 * whole + 1.0;
    let share = length * (whole * (whole + 1.0) - 3.0 * variance) / (6.0 * (variance - (whole + 1.0) * (whole + 1.0)));
    whole + share
}

/// Weighted mean over the box around each byte, in units of 2^-24, rounded.
fn box_blur(from: &[u8], to: &mut [u8], radius: f64) {
    let whole = radius as usize;
    let weight = ((1u32 << 24) as f64 / (2.0 * radius + 1.0)) as u32;
    let end_weight = ((1 << 24) - (2 * whole as u32 + 1) * weight) / 2;
    let at = |place: isize| u32::from(from[place.clamp(0, from.len() as isize - 1) as usize]);
    let reach = whole as isize;
    let mut sum: u32 = (-reach..=reach).map(at).sum();
    for (place, byte) in to.iter_mut().enumerate() {
        let place = place as isize;
        let ends = at(place - reach - 1) + at(place + reach + 1);
        *byte = ((sum * weight + ends * end_weight + (1 << 23)) >> 24) as u8;
        sum = sum + at(place + reach + 1) - at(place - reach);
    }
}
