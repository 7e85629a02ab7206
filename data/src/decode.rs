//! One file to an image of three channels: JPEG, PNG, BMP, WebP, PPM. Colours are taken as they are
//! stored: no colour profile, transparency or turn of the camera is applied; grey becomes equal
//! red, green and blue.

use std::io::Cursor;
use std::path::Path;

use image::{ImageFormat, ImageReader, Limits};

use super::{jpeg, read};
use crate::{DataError, Images, Pixels};

const FORMATS: [ImageFormat; 5] =
    [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP, ImageFormat::Pnm];
const NAMES: &str = "JPEG, PNG, BMP, WebP or PPM";

/// Bytes of a file, and bytes that decoding may take: a header cannot make a reader ask for more.
const MOST_BYTES: u64 = 1 << 28;
const LONGEST_SIDE: u32 = 1 << 15;

/// Scans of a progressive JPEG file; each may cost a pass over the whole image.
const MOST_SCANS: usize = 100;

impl Images {
    /// One image, decoded, in its own size.
    ///
    /// # Panics
    /// For an index that is not below N.
    pub fn pixels(&self, index: usize) -> Result<Pixels, DataError> {
        match self {
            Self::InMemory { shape: [channels, height, width], bytes } => {
                let size = channels * height * width;
                let bytes = bytes[index * size..(index + 1) * size].to_vec();
                Ok(Pixels { channels: *channels, height: *height, width: *width, bytes })
            }
            Self::Files { paths, .. } => decode(&paths[index]),
        }
    }
}

/// Decodes a file.
///
/// # Errors
/// [`DataError::File`] for a file of another format, cut short, damaged, or larger than 32,768
/// pixels a side or 256 MiB.
fn decode(path: &Path) -> Result<Pixels, DataError> {
    let malformed = |problem: &str| DataError::malformed(path, problem);
    let bytes = read(path, MOST_BYTES)?;
    let format = match image::guess_format(&bytes) {
        Ok(format) if FORMATS.contains(&format) => format,
        _ if bytes.is_empty() => return Err(malformed("the file is empty")),
        Ok(format) => return Err(malformed(&format!("a file of format {format:?}; save it as {NAMES}"))),
        Err(_) => return Err(malformed(&format!("no file of {NAMES}"))),
    };
    let (interleaved, height, width) = if format == ImageFormat::Jpeg {
        match scans(&bytes) {
            None => return Err(malformed("the JPEG file is cut short: it has no end-of-image marker")),
            Some(scans) if scans > MOST_SCANS => return Err(malformed(&format!("{scans} scans in a JPEG file"))),
            Some(_) => {}
        }
        jpeg::decode(&bytes, LONGEST_SIDE as usize, MOST_BYTES).map_err(|problem| malformed(&problem))?
    } else {
        let mut reader = ImageReader::with_format(Cursor::new(&bytes), format);
        let mut limits = Limits::default();
        limits.max_image_width = Some(LONGEST_SIDE);
        limits.max_image_height = Some(LONGEST_SIDE);
        limits.max_alloc = Some(MOST_BYTES);
        reader.limits(limits);
        let image = reader.decode().map_err(|error| malformed(&error.to_string()))?.into_rgb8();
        let (width, height) = (image.width() as usize, image.height() as usize);
        (image.into_raw(), height, width)
    };
    if width == 0 || height == 0 {
        return Err(malformed("the image has no pixel"));
    }
    let mut planes = Vec::with_capacity(interleaved.len());
    for channel in 0..3 {
        planes.extend(interleaved.iter().skip(channel).step_by(3));
    }
    Ok(Pixels { channels: 3, height, width, bytes: planes })
}

/// The scans of a JPEG image, if the marker that ends it follows its segments (ITU-T T.81, annex
/// B). Decoders fill in what a file cut short lacks; an image with a grey lower half must not be
/// trained on unnoticed. A thumbnail inside a segment has an end of its own, so segments are
/// stepped over.
fn scans(bytes: &[u8]) -> Option<usize> {
    let (mut rest, mut scans) = (bytes, 0);
    loop {
        // Inside a scan a byte FF of the data is followed by 00, and before a marker FF may be repeated.
        let marker = rest.windows(2).position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xff));
        let at = marker?;
        let code = rest[at + 1];
        rest = &rest[at + 2..];
        match code {
            0xd9 => return Some(scans),
            // Markers without a segment: start of image, restarts, TEM.
            0x01 | 0xd0..=0xd8 => {}
            _ => {
                scans += usize::from(code == 0xda);
                let [high, low, ..] = rest else { return None };
                rest = rest.get(usize::from(u16::from_be_bytes([*high, *low]))..)?;
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};

    use super::*;

    /// An encoded image of these bytes, red, green and blue of each pixel in turn.
    pub(crate) fn encoded(format: ImageFormat, width: u32, height: u32, bytes: Vec<u8>) -> Vec<u8> {
        encoded_image(format, &DynamicImage::ImageRgb8(RgbImage::from_raw(width, height, bytes).unwrap()))
    }

    fn encoded_image(format: ImageFormat, image: &DynamicImage) -> Vec<u8> {
        let mut file = Cursor::new(Vec::new());
        image.write_to(&mut file, format).unwrap();
        file.into_inner()
    }

    fn decoded(bytes: &[u8]) -> Result<Pixels, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture");
        std::fs::write(&path, bytes).unwrap();
        decode(&path).map_err(|error| {
            let text = error.to_string();
            assert!(text.contains("picture: "), "{text}");
            text
        })
    }

    /// Smooth, so that JPEG keeps it within a few levels.
    fn gradient(width: u32, height: u32) -> Vec<u8> {
        (0..height).flat_map(|y| (0..width).flat_map(move |x| [(2 * x) as u8, (3 * y) as u8, (x + y) as u8])).collect()
    }

    #[test]
    fn png_and_jpeg_become_planes() {
        let found = decoded(&encoded(ImageFormat::Png, 2, 3, (0..18).collect())).unwrap();
        assert_eq!((found.channels, found.height, found.width), (3, 3, 2));
        assert_eq!(found.plane(0), [0, 3, 6, 9, 12, 15]);
        assert_eq!(found.plane(2), [2, 5, 8, 11, 14, 17]);
        let found = decoded(&encoded(ImageFormat::Jpeg, 60, 40, gradient(60, 40))).unwrap();
        assert_eq!((found.height, found.width), (40, 60));
        for (channel, expected) in [(0, 2 * 31), (1, 3 * 17), (2, 31 + 17)] {
            let value = i32::from(found.plane(channel)[17 * 60 + 31]);
            assert!((value - expected).abs() < 8, "channel {channel}: {value}, expected {expected}");
        }
        let grey = GrayImage::from_raw(2, 1, vec![7, 200]).unwrap();
        let found = decoded(&encoded_image(ImageFormat::Png, &DynamicImage::ImageLuma8(grey))).unwrap();
        assert_eq!(found.bytes, [7, 200, 7, 200, 7, 200]);
        let clear = RgbaImage::from_raw(1, 1, vec![10, 20, 30, 0]).unwrap();
        let found = decoded(&encoded_image(ImageFormat::Png, &DynamicImage::ImageRgba8(clear))).unwrap();
        assert_eq!(found.bytes, [10, 20, 30]);
    }

    /// tests/fixtures/pillow/make_images.py: baseline and progressive, three samplings, odd sizes,
    /// grey, inks.
    #[test]
    fn files_give_the_bytes_of_pillow() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/pillow");
        let bytes = std::fs::read(format!("{folder}/images.safetensors")).unwrap();
        let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut seen = 0;
        for name in file.names().into_iter().filter(|name| name.starts_with("file/")) {
            let name = name.trim_start_matches("file/");
            let found = decoded(file.tensor(&format!("file/{name}")).unwrap().data()).unwrap();
            let expected = file.tensor(&format!("pixels/{name}")).unwrap();
            assert_eq!([found.channels, found.height, found.width], expected.shape(), "{name}");
            let differ = found.bytes.iter().zip(expected.data()).filter(|(a, b)| a != b).count();
            assert_eq!(differ, 0, "{name}: of {} bytes", found.bytes.len());
            seen += 1;
        }
        assert_eq!(seen, 52);
    }

    #[test]
    fn files_cut_anywhere_are_refused() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let whole = encoded(format, 40, 40, gradient(40, 40));
            assert!(decoded(&whole).is_ok());
            for length in [0, 1, 8, 20, whole.len() / 2, whole.len() - 20, whole.len() - 1] {
                if format == ImageFormat::Png && length + 20 > whole.len() {
                    continue; // All pixels are there; only the last chunk, which holds nothing, is cut.
                }
                let error = decoded(&whole[..length]).unwrap_err();
                assert!(length > 0 || error.contains("empty"), "{error}");
            }
        }
        // A thumbnail with an end of its own, in an application segment.
        let whole = encoded(ImageFormat::Jpeg, 40, 40, gradient(40, 40));
        let mut thumbnail = vec![0xff, 0xe1];
        let inner = encoded(ImageFormat::Jpeg, 8, 8, gradient(8, 8));
        thumbnail.extend((inner.len() as u16 + 2).to_be_bytes());
        thumbnail.extend(inner);
        let with = [&whole[..2], &thumbnail, &whole[2..]].concat();
        assert!(decoded(&with).is_ok());
        assert!(decoded(&with[..with.len() - 30]).unwrap_err().contains("cut short"));
        // Bytes after the end are in many files.
        assert!(decoded(&[&whole[..], b"trailing"].concat()).is_ok());
    }

    #[test]
    fn other_files_and_sizes_that_cannot_be_are_refused_before_memory_is_asked_for() {
        assert!(decoded(b"GIF89a, say").unwrap_err().contains("a file of format Gif; save it as JPEG"));
        assert!(decoded(b"nothing, say").unwrap_err().contains("no file of JPEG, PNG"));
        // 101 scans, each of which could cost a pass over the image.
        let whole = encoded(ImageFormat::Jpeg, 8, 8, gradient(8, 8));
        let many = [&whole[..2], &[0xff, 0xda, 0, 2].repeat(100), &whole[2..]].concat();
        assert!(decoded(&many).unwrap_err().contains("101 scans"));
        // Headers that promise too much, in the frame (SOF0) of a JPEG file: 60,000 x 60,000 pixels, a side above
        // 32,768, and 10,000 x 10,000, which is 300 MB.
        let jpeg = encoded(ImageFormat::Jpeg, 40, 40, gradient(40, 40));
        let frame = jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        let with_sides = |height: u16, width: u16| {
            let mut bytes = jpeg.clone();
            bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
            bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
            bytes
        };
        assert!(decoded(&with_sides(40, 32_768)).is_ok());
        for (height, width) in [(60_000, 60_000), (40, 32_769), (10_000, 10_000)] {
            let error = decoded(&with_sides(height, width)).unwrap_err();
            assert!(error.contains("limit"), "{height} x {width}: {error}");
        }
        // The same in the first chunk (IHDR) of a PNG file, with its checksum: 2^31 - 1 pixels a side, and none.
        for side in [i32::MAX, 0] {
            let mut png = encoded(ImageFormat::Png, 2, 2, vec![0; 12]);
            png[16..20].copy_from_slice(&side.to_be_bytes());
            png[20..24].copy_from_slice(&side.to_be_bytes());
            let mut crc = flate2::Crc::new();
            crc.update(&png[12..29]);
            png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
            decoded(&png).unwrap_err();
        }
    }

    #[test]
    fn what_became_no_file_since_it_was_listed_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.png");
        crate::tests::each_irregular(&path, &|| decode(&path).unwrap_err());
        std::fs::remove_file(&path).unwrap();
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(decode(&path).unwrap_err().to_string().contains("it has 1099511627776 bytes, at most 268435456"));
    }

    #[test]
    fn bytes_changed_at_random_give_an_image_or_an_error() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(5);
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let whole = encoded(format, 24, 24, gradient(24, 24));
            for _ in 0..300 {
                let mut bytes = whole.clone();
                for _ in 0..rng.random_range(1..6) {
                    let at = rng.random_range(0..bytes.len());
                    bytes[at] = rng.random();
                }
                let _ = decoded(&bytes);
            }
        }
    }
}
