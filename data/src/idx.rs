//! IDX files (LeCun), gzipped or not, as Fashion-MNIST ships them (Xiao, Rasul and Vollgraf, 2017).
//!
//! Big-endian header: two zero bytes, type 8 (unsigned byte), number of axes, one 32-bit length an axis; then the data.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::{DataKind, DataSet, Images, Split, read, sha256};
use crate::DataError;

const CLASS_NAMES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

struct Idx {
    shape: Vec<usize>,
    bytes: Vec<u8>,
    offset: usize,
}

pub(super) fn load_fashion_mnist(folder: &Path, test_alone: bool) -> Result<DataSet, DataError> {
    let test = load_split(folder, "t10k")?;
    let there = ["train-images-idx3-ubyte", "train-images-idx3-ubyte.gz"].iter().any(|name| folder.join(name).exists());
    let train = if test_alone && !there { Split::absent(&test) } else { load_split(folder, "train")? };
    Ok(DataSet {
        kind: DataKind::FashionMnist,
        train: Arc::new(train),
        test: Arc::new(test),
        class_names: CLASS_NAMES.map(str::to_owned).to_vec(),
        notes: Vec::new(),
    })
}

fn load_split(folder: &Path, part: &str) -> Result<Split, DataError> {
    let (images_path, images) = load(folder, &format!("{part}-images-idx3-ubyte"), 3)?;
    let (labels_path, labels) = load(folder, &format!("{part}-labels-idx1-ubyte"), 1)?;
    let [count, height, width] = images.shape[..] else { unreachable!("load checked the number of axes") };
    if labels.shape[0] != count {
        let problem = format!("{} labels for the {count} images of {}", labels.shape[0], images_path.display());
        return Err(DataError::malformed(&labels_path, problem));
    }
    if count == 0 || height == 0 || width == 0 {
        return Err(DataError::malformed(&images_path, format!("no pixels: shape {:?}", images.shape)));
    }
    let data = &labels.bytes[labels.offset..];
    if let Some(at) = data.iter().position(|&label| usize::from(label) >= CLASS_NAMES.len()) {
        let problem = format!("label {} of image {at} is not below {}", data[at], CLASS_NAMES.len());
        return Err(DataError::malformed(&labels_path, problem));
    }
    Ok(Split {
        labels: data.iter().map(|&label| usize::from(label)).collect(),
        sha256: sha256(&[&images.bytes, &labels.bytes]),
        images: Images::InMemory { shape: [1, height, width], bytes: images.bytes[images.offset..].to_vec() },
    })
}

fn load(folder: &Path, name: &str, axes: usize) -> Result<(std::path::PathBuf, Idx), DataError> {
    let plain = folder.join(name);
    let zipped = folder.join(format!("{name}.gz"));
    let (path, bytes) = if plain.exists() {
        (plain.clone(), read(&plain)?)
    } else if zipped.exists() {
        let mut bytes = Vec::new();
        let compressed = read(&zipped)?;
        MultiGzDecoder::new(&compressed[..])
            .read_to_end(&mut bytes)
            .map_err(|error| DataError::malformed(&zipped, format!("not a whole gzip file: {error}")))?;
        (zipped, bytes)
    } else {
        return Err(DataError::MissingFile {
            folder: folder.to_owned(),
            wanted: format!("{name} or {name}.gz"),
            hint: "the four IDX files of Fashion-MNIST come with the Debian package dataset-fashion-mnist".to_owned(),
        });
    };
    let header = 4 + 4 * axes;
    let describe = |problem: String| DataError::malformed(&path, problem);
    if bytes.len() < header || bytes[..3] != [0, 0, 8] || usize::from(bytes[3]) != axes {
        let found = &bytes[..bytes.len().min(4)];
        return Err(describe(format!("not an IDX file of bytes with {axes} axes: it starts with {found:?}")));
    }
    let shape: Vec<usize> = bytes[4..header]
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]) as usize)
        .collect();
    let wanted = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
    if wanted != Some(bytes.len() - header) {
        return Err(describe(format!("the header says {shape:?}, but {} data bytes follow", bytes.len() - header)));
    }
    Ok((path, Idx { shape, bytes, offset: header }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn idx(shape: &[u32], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0, 0, 8, shape.len() as u8];
        shape.iter().for_each(|side| bytes.extend(side.to_be_bytes()));
        bytes.extend(data);
        bytes
    }

    fn folder(train_labels: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("train-images-idx3-ubyte", &idx(&[2, 2, 3], &[0, 1, 2, 3, 4, 5, 250, 251, 252, 253, 254, 255]));
        write("train-labels-idx1-ubyte", &idx(&[train_labels.len() as u32], train_labels));
        write("t10k-labels-idx1-ubyte", &idx(&[1], &[4]));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&idx(&[1, 2, 3], &[9; 6])).unwrap();
        write("t10k-images-idx3-ubyte.gz", &gzip.finish().unwrap());
        folder
    }

    #[test]
    fn plain_and_gzipped_files_are_read() {
        let folder = folder(&[9, 0]);
        let data = load_fashion_mnist(folder.path(), false).unwrap();
        assert_eq!(data.image_shape(None).unwrap(), [1, 2, 3]);
        assert_eq!(data.train.images.len(), 2);
        assert_eq!(data.train.images.pixels(1).unwrap().bytes, [250, 251, 252, 253, 254, 255]);
        assert_eq!((&data.train.labels, &data.test.labels), (&vec![9, 0], &vec![4]));
    }

    #[test]
    fn wrong_files_are_named() {
        let error = |folder: &tempfile::TempDir| load_fashion_mnist(folder.path(), false).unwrap_err().to_string();
        assert!(error(&folder(&[1, 10])).contains("label 10 of image 1"));
        assert!(error(&folder(&[1])).contains("1 labels for the 2 images"));
        let cut = folder(&[1, 2]);
        std::fs::write(cut.path().join("train-images-idx3-ubyte"), idx(&[2, 2, 3], &[0; 11])).unwrap();
        assert!(error(&cut).contains("[2, 2, 3], but 11 data bytes follow"));
        std::fs::write(cut.path().join("train-images-idx3-ubyte"), b"GIF89a").unwrap();
        assert!(error(&cut).contains("not an IDX file"));
        std::fs::remove_file(cut.path().join("train-images-idx3-ubyte")).unwrap();
        assert!(error(&cut).contains("no train-images-idx3-ubyte"));
        std::fs::write(cut.path().join("train-images-idx3-ubyte.gz"), [0x1f, 0x8b, 8, 0, 0]).unwrap();
        assert!(error(&cut).contains("not a whole gzip file"));
    }
}
