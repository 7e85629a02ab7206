//! CIFAR-10 and CIFAR-100 in their binary version (Krizhevsky, 2009): records of label bytes
//! (CIFAR-100: coarse, then fine; CIFAR-10: one) and 3 x 32 x 32 pixel bytes, red plane, green
//! plane, blue plane, row-major.

use std::path::Path;
use std::sync::Arc;

use super::{DataKind, DataSet, Images, Split, read, sha256};
use crate::DataError;
use car_spectral_formats::check_class_name;

const PIXELS: usize = 3 * 32 * 32;
/// Images of a file: all of the published sets, in whatever parts.
const MOST_IMAGES: usize = 60_000;
/// Bytes of the file of class names.
const MOST_OF_NAMES: u64 = 1 << 16;

#[derive(Clone, Copy)]
pub(super) enum Version {
    Cifar10,
    Cifar100,
}

impl Version {
    fn label_bytes(self) -> usize {
        match self {
            Self::Cifar10 => 1,
            Self::Cifar100 => 2,
        }
    }

    fn kind(self) -> DataKind {
        match self {
            Self::Cifar10 => DataKind::Cifar10,
            Self::Cifar100 => DataKind::Cifar100,
        }
    }

    fn num_classes(self) -> usize {
        match self {
            Self::Cifar10 => 10,
            Self::Cifar100 => 100,
        }
    }

    fn train_files(self) -> Vec<String> {
        match self {
            Self::Cifar10 => (1..=5).map(|part| format!("data_batch_{part}.bin")).collect(),
            Self::Cifar100 => vec!["train.bin".to_owned()],
        }
    }

    fn test_file(self) -> &'static str {
        match self {
            Self::Cifar10 => "test_batch.bin",
            Self::Cifar100 => "test.bin",
        }
    }

    fn names_file(self) -> &'static str {
        match self {
            Self::Cifar10 => "batches.meta.txt",
            Self::Cifar100 => "fine_label_names.txt",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Cifar10 => "give the folder cifar-10-batches-bin of the binary version of CIFAR-10",
            Self::Cifar100 => "give the folder cifar-100-binary of the binary version of CIFAR-100",
        }
    }
}

pub(super) fn load(folder: &Path, version: Version, test_alone: bool) -> Result<DataSet, DataError> {
    let names_path = folder.join(version.names_file());
    let names = String::from_utf8(read_part(folder, version.names_file(), version, MOST_OF_NAMES)?)
        .map_err(|error| DataError::malformed(&names_path, error.to_string()))?;
    let class_names: Vec<String> =
        names.lines().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    for name in &class_names {
        check_class_name(name).map_err(|error| DataError::malformed(&names_path, format!("{name:?}: {error}")))?;
    }
    if class_names.len() != version.num_classes() {
        let problem = format!("{} class names, expected {}", class_names.len(), version.num_classes());
        return Err(DataError::malformed(&names_path, problem));
    }
    let test = load_split(folder, &[version.test_file().to_owned()], version)?;
    let files = version.train_files();
    let absent = test_alone && !files.iter().any(|file| folder.join(file).exists());
    let train = if absent { Split::absent(&test) } else { load_split(folder, &files, version)? };
    Ok(DataSet { kind: version.kind(), train: Arc::new(train), test: Arc::new(test), class_names, notes: Vec::new() })
}

fn load_split(folder: &Path, files: &[String], version: Version) -> Result<Split, DataError> {
    let record = version.label_bytes() + PIXELS;
    let (mut labels, mut pixels, mut contents) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let (path, bytes) = (folder.join(file), read_part(folder, file, version, (MOST_IMAGES * record) as u64)?);
        if bytes.is_empty() || bytes.len() % record != 0 {
            let problem = format!("{} bytes are no whole number of records of {record} bytes", bytes.len());
            return Err(DataError::malformed(&path, problem));
        }
        pixels.reserve(bytes.len());
        for (at, image) in bytes.chunks_exact(record).enumerate() {
            let label = usize::from(image[version.label_bytes() - 1]);
            if label >= version.num_classes() {
                let problem = format!("label {label} of record {at} is not below {}", version.num_classes());
                return Err(DataError::malformed(&path, problem));
            }
            labels.push(label);
            pixels.extend_from_slice(&image[version.label_bytes()..]);
        }
        contents.push(bytes);
    }
    let parts: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    Ok(Split { images: Images::InMemory { shape: [3, 32, 32], bytes: pixels }, labels, sha256: sha256(&parts) })
}

fn read_part(folder: &Path, name: &str, version: Version, most: u64) -> Result<Vec<u8>, DataError> {
    let path = folder.join(name);
    if !path.exists() {
        return Err(DataError::MissingFile {
            folder: folder.to_owned(),
            wanted: name.to_owned(),
            hint: version.hint().to_owned(),
        });
    }
    read(&path, most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataSource;

    fn record(labels: &[u8], value: u8) -> Vec<u8> {
        let mut bytes = labels.to_vec();
        bytes.extend(std::iter::repeat_n(value, PIXELS));
        bytes
    }

    fn cifar100(train: &[u8]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("train.bin"), train).unwrap();
        std::fs::write(folder.path().join("test.bin"), record(&[0, 3], 1)).unwrap();
        let names: String = (0..100).map(|class| format!("class {class}\n")).collect();
        std::fs::write(folder.path().join("fine_label_names.txt"), names).unwrap();
        folder
    }

    #[test]
    fn the_fine_label_and_the_planes_are_read() {
        let mut train = record(&[19, 42], 7);
        train[2 + 1024] = 200;
        train.extend(record(&[1, 99], 8));
        let data = load(cifar100(&train).path(), Version::Cifar100, false).unwrap();
        assert_eq!(data.train.labels, [42, 99]);
        assert_eq!(data.train.images.pixels(0).unwrap().plane(1)[0], 200);
        assert_eq!(data.train.images.pixels(1).unwrap().plane(2)[32 * 32 - 1], 8);
        assert_eq!(data.class_names[99], "class 99");
    }

    #[test]
    fn wrong_files_are_named() {
        let error = |train: &[u8]| load(cifar100(train).path(), Version::Cifar100, false).unwrap_err().to_string();
        assert!(error(&record(&[0, 100], 0)).contains("label 100 of record 0"));
        assert!(error(&[0; 3073]).contains("3073 bytes are no whole number of records of 3074"));
        assert!(error(&[]).contains("0 bytes"));
        let folder = cifar100(&record(&[0, 0], 0));
        std::fs::copy(folder.path().join("train.bin"), folder.path().join("test.bin")).unwrap();
        let same: DataSource = format!("cifar100:{}", folder.path().display()).parse().unwrap();
        assert!(same.load().unwrap_err().to_string().contains("its test images are the training images"));
        std::fs::remove_file(folder.path().join("test.bin")).unwrap();
        assert!(load(folder.path(), Version::Cifar100, false).unwrap_err().to_string().contains("no test.bin"));
    }

    #[test]
    fn what_is_no_file_or_above_the_published_set_is_refused_by_name() {
        for name in ["train.bin", "test.bin", "fine_label_names.txt"] {
            let folder = cifar100(&record(&[0, 1], 0));
            let refused = || load(folder.path(), Version::Cifar100, false).unwrap_err();
            std::fs::OpenOptions::new().write(true).open(folder.path().join(name)).unwrap().set_len(1 << 40).unwrap();
            assert!(refused().to_string().contains("it has 1099511627776 bytes, at most"), "{name}: {}", refused());
            crate::tests::each_irregular(&folder.path().join(name), &refused);
        }
    }
}
