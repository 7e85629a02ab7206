//! JPEG files to the bytes that Pillow gives: libjpeg's slow integer transform and smooth
//! enlargement of the colours, by mozjpeg's copy of it. Pillow's rule for four inks, too.

use std::panic::catch_unwind;

use mozjpeg::{ColorSpace, Decompress};

/// Decodes a file to red, green and blue of each pixel in turn, with its height and width.
pub(super) fn decode(bytes: &[u8], longest_side: usize, most_bytes: u64) -> Result<(Vec<u8>, usize, usize), String> {
    // The library ends on a damaged file by unwinding.
    catch_unwind(|| {
        let file = Decompress::new_mem(bytes).map_err(|error| error.to_string())?;
        let (width, height) = file.size();
        if width.max(height) > longest_side || (width * height * 3) as u64 > most_bytes {
            return Err(format!("{height} x {width} pixels are above the limit"));
        }
        let four = matches!(file.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK);
        let target = if four { ColorSpace::JCS_CMYK } else { ColorSpace::JCS_RGB };
        let mut lines = file.to_colorspace(target).map_err(|error| error.to_string())?;
        let samples: Vec<u8> = lines.read_scanlines().map_err(|error| error.to_string())?;
        lines.finish().map_err(|error| error.to_string())?;
        Ok((if four { of_inks(&samples) } else { samples }, height, width))
    })
    .unwrap_or_else(|cause| Err(cause.downcast_ref::<String>().map_or("it is damaged".to_owned(), Clone::clone)))
}

/// Red, green and blue of cyan, magenta, yellow and black, stored inverted as Adobe's programs do.
fn of_inks(samples: &[u8]) -> Vec<u8> {
    let light = |sample: u8, rest: u8| {
        let ink = u32::from(255 - sample) * u32::from(rest) + 128;
        rest.saturating_sub((((ink >> 8) + ink) >> 8) as u8)
    };
    samples.as_chunks().0.iter().flat_map(|&[c, m, y, k]: &[u8; 4]| [c, m, y].map(|sample| light(sample, k))).collect()
}
