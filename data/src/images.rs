//! Storage of the images of a split: all in memory, or each in a file of its own that is decoded
//! when it is asked for.

use std::path::PathBuf;

/// N images.
#[derive(Debug)]
#[allow(missing_docs, reason = "each variant says what its fields are")]
pub enum Images {
    /// Images of one size in memory: C, H, W, and N C H W bytes, image after image.
    InMemory { shape: [usize; 3], bytes: Vec<u8> },
    /// Image files of any sizes, three channels, and their sizes together.
    Files { paths: Vec<PathBuf>, bytes: u64 },
}

impl Images {
    /// N.
    pub fn len(&self) -> usize {
        match self {
            Self::InMemory { shape, bytes } => bytes.len() / shape.iter().product::<usize>().max(1),
            Self::Files { paths, .. } => paths.len(),
        }
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the pixels in memory, or of the files.
    pub fn num_bytes(&self) -> u64 {
        match self {
            Self::InMemory { bytes, .. } => bytes.len() as u64,
            Self::Files { bytes, .. } => *bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::tests::encoded;
    use super::*;
    use crate::Pixels;

    #[test]
    fn an_image_is_found_by_its_index() {
        let stored = Images::InMemory { shape: [1, 1, 2], bytes: vec![1, 2, 3, 4, 5, 6] };
        assert_eq!((stored.len(), stored.num_bytes()), (3, 6));
        assert_eq!(stored.pixels(1).unwrap(), Pixels { channels: 1, height: 1, width: 2, bytes: vec![3, 4] });

        let folder = tempfile::tempdir().unwrap();
        let paths = [0u8, 9].map(|value| {
            let path = folder.path().join(format!("{value}.png"));
            std::fs::write(&path, encoded(image::ImageFormat::Png, 1, 1, vec![value; 3])).unwrap();
            path
        });
        let files = Images::Files { paths: paths.to_vec(), bytes: 100 };
        assert_eq!((files.len(), files.num_bytes()), (2, 100));
        assert_eq!(files.pixels(1).unwrap().bytes, [9, 9, 9]);
        std::fs::remove_file(&paths[0]).unwrap();
        assert!(files.pixels(0).unwrap_err().to_string().contains("0.png"));
    }
}
