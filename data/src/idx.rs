//! IDX files (LeCun), gzipped or not, as Fashion-MNIST ships them (Xiao, Rasul and Vollgraf, 2017).
//!
//! Big-endian header: two zero bytes, type 8 (unsigned byte), number of axes, one 32-bit length an
//! axis; then the data.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::{DataKind, DataSet, Images, Split, open, sha256};
use crate::DataError;

const CLASS_NAMES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

/// Data bytes of a file: those of the training images as they are published.
const MOST_BYTES: usize = 60_000 * 28 * 28;
/// Bytes that a header may have, and by which gzip makes what it cannot compress longer.
const BESIDE: usize = 1 << 16;

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

fn load(folder: &Path, name: &str, axes: usize) -> Result<(PathBuf, Idx), DataError> {
    let plain = folder.join(name);
    let zipped = folder.join(format!("{name}.gz"));
    let most = (MOST_BYTES + BESIDE) as u64;
    if plain.exists() {
        let idx = parse(&plain, &mut open(&plain, most)?, axes, &|error| DataError::io(&plain)(error))?;
        Ok((plain, idx))
    } else if zipped.exists() {
        let not_whole = |error| DataError::malformed(&zipped, format!("not a whole gzip file: {error}"));
        let mut file = MultiGzDecoder::new(BufReader::new(open(&zipped, most)?));
        let idx = parse(&zipped, &mut file, axes, &not_whole)?;
        Ok((zipped, idx))
    } else {
        Err(DataError::MissingFile {
            folder: folder.to_owned(),
            wanted: format!("{name} or {name}.gz"),
            hint: "the four IDX files of Fashion-MNIST come with the Debian package dataset-fashion-mnist".to_owned(),
        })
    }
}

/// Reads the header, and then no more than one byte above what it announces.
fn parse(
    path: &Path,
    file: &mut dyn Read,
    axes: usize,
    unreadable: &dyn Fn(std::io::Error) -> DataError,
) -> Result<Idx, DataError> {
    let header = 4 + 4 * axes;
    let describe = |problem: String| DataError::malformed(path, problem);
    let mut bytes = Vec::new();
    let mut more = |most: usize, bytes: &mut Vec<u8>| (&mut *file).take(most as u64).read_to_end(bytes);
    more(header, &mut bytes).map_err(unreadable)?;
    if bytes.len() < header || bytes[..3] != [0, 0, 8] || usize::from(bytes[3]) != axes {
        let found = &bytes[..bytes.len().min(4)];
        return Err(describe(format!("not an IDX file of bytes with {axes} axes: it starts with {found:?}")));
    }
    let shape: Vec<usize> = bytes[4..header]
        .chunks_exact(4)
        .map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]) as usize)
        .collect();
    let wanted = shape.iter().try_fold(1usize, |product, &side| product.checked_mul(side));
    let Some(wanted) = wanted.filter(|&wanted| wanted <= MOST_BYTES) else {
        return Err(describe(format!(
            "the header says {shape:?}, more than the {MOST_BYTES} bytes of the published set"
        )));
    };
    more(wanted + 1, &mut bytes).map_err(unreadable)?;
    match bytes.len() - header {
        found if found == wanted => Ok(Idx { shape, bytes, offset: header }),
        found if found < wanted => Err(describe(format!("the header says {shape:?}, but {found} data bytes follow"))),
        _ => Err(describe(format!("the header says {shape:?}, but more than {wanted} data bytes follow"))),
    }
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

    #[test]
    fn no_more_is_read_than_the_header_announces_and_the_published_set_has() {
        let folder = folder(&[1, 2]);
        let name = "train-images-idx3-ubyte";
        let refused = |file: &str, bytes: Vec<u8>, says: &str| {
            let path = folder.path().join(file);
            std::fs::write(&path, bytes).unwrap();
            let error = load_fashion_mnist(folder.path(), false).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains(says), "{error}");
            std::fs::remove_file(path).unwrap();
        };
        refused(name, idx(&[2, 2, 3], &[0; 13]), "but more than 12 data bytes follow");
        refused(name, idx(&[60_001, 28, 28], &[]), "more than the 47040000 bytes of the published set");
        refused(name, idx(&[u32::MAX; 3], &[]), "more than the 47040000 bytes");
        // 600 MB of zeros behind the header in 600 kB: read as far as one byte beyond what is announced.
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&idx(&[2, 2, 3], &[])).unwrap();
        let zeros = vec![0; 1 << 20];
        (0..600).for_each(|_| gzip.write_all(&zeros).unwrap());
        let mut bomb = gzip.finish().unwrap();
        // That no more is inflated shows in the damage behind, which is not come to.
        let end = bomb.len();
        bomb[end / 2..].fill(0xff);
        refused(&format!("{name}.gz"), bomb, "but more than 12 data bytes follow");
        // A file of a tebibyte, of which no block is there.
        let path = folder.path().join(name);
        std::fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        let error = load_fashion_mnist(folder.path(), false).unwrap_err().to_string();
        assert!(error.contains("it has 1099511627776 bytes, at most"), "{error}");
    }

    #[test]
    fn what_is_no_file_is_refused_by_name() {
        for name in ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"] {
            let folder = folder(&[1, 2]);
            crate::tests::each_irregular(&folder.path().join(name), &|| {
                load_fashion_mnist(folder.path(), false).unwrap_err()
            });
        }
    }
}
