//! Files that are images, by the ending of their names.

use std::path::Path;

/// Endings that are read: those of torchvision's `ImageFolder` but .tif and .tiff.
const READ: [&str; 8] = ["jpg", "jpeg", "png", "bmp", "webp", "ppm", "pgm", "pbm"];

/// Endings of images that are passed over.
const PASSED_OVER: [&str; 11] = ["avif", "cr2", "gif", "heic", "heif", "jp2", "jxl", "raw", "svg", "tif", "tiff"];

fn ending_of(path: &Path, known: &[&'static str]) -> Option<&'static str> {
    let ending = path.extension()?;
    known.iter().copied().find(|known| ending.eq_ignore_ascii_case(known))
}

/// Tells whether a file is called as an image that is read, in whatever case.
pub fn is_image(path: &Path) -> bool {
    ending_of(path, &READ).is_some()
}

/// The ending, in lower case, of an image of a format that is not read.
pub fn other_image(path: &Path) -> Option<&'static str> {
    ending_of(path, &PASSED_OVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_tell_in_whatever_case() {
        assert!(["a.JPEG", "b.jpg", "c.Png", "d.webp", "e.bmp", "f.ppm"].map(Path::new).into_iter().all(is_image));
        assert!(!["a", "jpg", ".jpg", "a.txt", "a.gif"].map(Path::new).into_iter().any(is_image));
        assert_eq!(
            ["a.GIF", "b.tiff", "c.png", "d.txt"].map(|name| other_image(Path::new(name))),
            [Some("gif"), Some("tiff"), None, None]
        );
    }
}
