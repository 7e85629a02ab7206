//! Operations on the colours of an image, each with Pillow's rounding, so that published recipes
//! give the same bytes.
//!
//! Images have three channels (red, green, blue) or are grey, whatever their other number of
//! channels: then every channel is treated alone, and saturation and hue are those of an image
//! without colour.

use super::Pixels;

/// Luminance `[H W]` (ITU-R BT.601): 0.299 R + 0.587 G + 0.114 B in units of 2^-16, rounded; of a
/// grey image its first channel.
fn luminance(image: &Pixels) -> Vec<u8> {
    if image.channels != 3 {
        return image.plane(0).to_vec();
    }
    let colours = image.plane(0).iter().zip(image.plane(1)).zip(image.plane(2));
    let weigh = |((&red, &green), &blue): ((&u8, &u8), &u8)| {
        (u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000) >> 16
    };
    colours.map(|colour| weigh(colour) as u8).collect()
}

/// from + factor (to - from), cut off towards 0 and clamped to a byte; the factor may lie outside
/// [0, 1].
fn blend(from: u8, to: u8, factor: f32) -> u8 {
    (f32::from(from) + factor * (f32::from(to) - f32::from(from))) as u8
}

fn map(plane: &mut [u8], table: &[u8; 256]) {
    plane.iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
}

fn histogram(plane: &[u8]) -> [usize; 256] {
    let mut counts = [0; 256];
    plane.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    counts
}

/// 255 - byte.
pub fn invert(image: &mut Pixels) {
    image.bytes.iter_mut().for_each(|byte| *byte = 255 - *byte);
}

/// Bytes of at least the threshold become 255 - byte.
pub fn solarize(image: &mut Pixels, threshold: f64) {
    image.bytes.iter_mut().filter(|byte| f64::from(**byte) >= threshold).for_each(|byte| *byte = 255 - *byte);
}

/// Keeps the highest `bits` bits (1 to 8) of each byte.
pub fn posterize(image: &mut Pixels, bits: u32) {
    let mask = !0u8 << (8 - bits.clamp(1, 8));
    image.bytes.iter_mut().for_each(|byte| *byte &= mask);
}

/// Stretches each channel linearly so that its least byte becomes 0 and its largest 255; a channel
/// of one value stays.
pub fn auto_contrast(image: &mut Pixels) {
    for channel in 0..image.channels {
        let plane = image.plane_mut(channel);
        let (low, high) = plane.iter().fold((255, 0), |(low, high), &byte| (byte.min(low), byte.max(high)));
        if high > low {
            let scale = 255.0 / f64::from(high - low);
            let offset = -f64::from(low) * scale;
            map(plane, &std::array::from_fn(|byte| (byte as f64 * scale + offset) as u8));
        }
    }
}

/// Histogram equalisation of each channel: byte b becomes (s/2 + number of pixels below b) / s,
/// where s is the number of pixels that are not of the largest byte over 255, all in whole numbers;
/// a channel with s = 0 stays.
pub fn equalize(image: &mut Pixels) {
    for channel in 0..image.channels {
        let plane = image.plane_mut(channel);
        let counts = histogram(plane);
        let largest = counts.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
        let step = (plane.len() - largest) / 255;
        if step > 0 {
            let mut below = step / 2;
            map(
                plane,
                &counts.map(|count| {
                    let level = below / step;
                    below += count;
                    level.min(255) as u8
                }),
            );
        }
    }
}

/// Blends with black: factor 0 is black, 1 the image, more is brighter.
pub fn brightness(image: &mut Pixels, factor: f64) {
    image.bytes.iter_mut().for_each(|byte| *byte = blend(0, *byte, factor as f32));
}

/// Blends with the mean luminance: factor 0 is grey, 1 the image, more has more contrast.
pub fn contrast(image: &mut Pixels, factor: f64) {
    let luminance = luminance(image);
    let sum: u64 = luminance.iter().map(|&byte| u64::from(byte)).sum();
    let mean = (sum as f64 / luminance.len() as f64 + 0.5) as u8;
    image.bytes.iter_mut().for_each(|byte| *byte = blend(mean, *byte, factor as f32));
}

/// Blends with the luminance: factor 0 is grey, 1 the image, more has stronger colours.
pub fn saturation(image: &mut Pixels, factor: f64) {
    let grey = luminance(image);
    if image.channels == 3 {
        for channel in 0..3 {
            let bytes = image.plane_mut(channel).iter_mut().zip(&grey);
            bytes.for_each(|(byte, &grey)| *byte = blend(grey, *byte, factor as f32));
        }
    }
}

/// Every channel becomes the luminance.
pub fn greyscale(image: &mut Pixels) {
    saturation(image, 0.0);
}

/// Blends with the image smoothed by the 3 x 3 kernel of ones around a 5, over 13 (the border
/// stays): factor 0 is smooth, 1 the image, more is sharper.
pub fn sharpness(image: &mut Pixels, factor: f64) {
    let (height, width) = (image.height, image.width);
    for channel in 0..image.channels {
        let plane = image.plane_mut(channel);
        let original = plane.to_vec();
        for row in 1..height.saturating_sub(1) {
            for column in 1..width.saturating_sub(1) {
                let at = row * width + column;
                let neighbours = [at - width, at, at + width]
                    .map(|middle| original[middle - 1..=middle + 1].iter().map(|&byte| u32::from(byte)).sum::<u32>());
                // Rounded: 13 is odd, so there are no halves.
                let smooth = (2 * (neighbours.iter().sum::<u32>() + 4 * u32::from(original[at])) + 13) / 26;
                plane[at] = blend(smooth as u8, original[at], factor as f32);
            }
        }
    }
}

/// Turns the hue by `turn` of a full turn, in steps of 1/256 (cut off towards 0), through hue,
/// saturation and value of 8 bits.
pub fn hue(image: &mut Pixels, turn: f64) {
    if image.channels != 3 {
        return;
    }
    let shift = ((turn * 255.0) as i32) as u8;
    let size = image.height * image.width;
    let (red, rest) = image.bytes.split_at_mut(size);
    let (green, blue) = rest.split_at_mut(size);
    for ((red, green), blue) in red.iter_mut().zip(green).zip(blue) {
        let (hue, saturation, value) = to_hsv([*red, *green, *blue]);
        [*red, *green, *blue] = from_hsv(hue.wrapping_add(shift), saturation, value);
    }
}

/// Hue, saturation and value, each in 0 to 255; hue 0 where there is no colour.
fn to_hsv([red, green, blue]: [u8; 3]) -> (u8, u8, u8) {
    let (low, high) = (red.min(green).min(blue), red.max(green).max(blue));
    if low == high {
        return (0, 0, high);
    }
    let range = f32::from(high - low);
    let below = |colour: u8| f32::from(high - colour) / range;
    let sixths = if red == high {
        below(blue) - below(green)
    } else if green == high {
        (2.0 + f64::from(below(red)) - f64::from(below(blue))) as f32
    } else {
        (4.0 + f64::from(below(green)) - f64::from(below(red))) as f32
    };
    let turn = (f64::from(sixths) / 6.0 + 1.0).fract() as f32;
    ((f64::from(turn) * 255.0) as u8, (f64::from(range / f32::from(high)) * 255.0) as u8, high)
}

fn from_hsv(hue: u8, saturation: u8, value: u8) -> [u8; 3] {
    let sixths = f32::from(hue) as f64 * 6.0 / 255.0;
    let whole = sixths.floor();
    let part = f64::from((sixths - whole) as f32);
    let saturation = f64::from((f64::from(saturation) / 255.0) as f32);
    let level = |share: f64| (f64::from(value) * (1.0 - share)).round() as u8;
    let (low, falling, rising) = (level(saturation), level(saturation * part), level(saturation * (1.0 - part)));
    match whole as u8 % 6 {
        0 => [value, rising, low],
        1 => [falling, value, low],
        2 => [low, value, rising],
        3 => [low, falling, value],
        4 => [rising, low, value],
        _ => [value, low, falling],
    }
}
