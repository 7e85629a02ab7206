//! Data sets in the formats their authors publish, the part of one that is trained on,
//! augmentation, and batches of bytes ahead of time. Nothing here knows a tensor. What touches
//! pixels (`decode`, `augment`, `loader`) is behind feature `pixels`: counting the images of each
//! class needs none of it.
//!
//! ```text
//! source -> data set (splits of images and labels) -> parts (long-tailed subset, validation)
//!        -> order of an epoch -> loader (decode, augment, stack) -> batches
//! ```

#![forbid(unsafe_code)]

mod annotations;
#[cfg(feature = "pixels")]
pub mod augment;
mod cifar;
mod class_order;
mod cut_mix;
mod data_set;
#[cfg(feature = "pixels")]
mod decode;
mod error;
mod idx;
mod image_folder;
mod images;
#[cfg(feature = "pixels")]
mod jpeg;
mod kind;
mod layout;
mod list;
#[cfg(feature = "pixels")]
pub mod loader;
mod normalisation;
mod order;
mod parts;
#[cfg(feature = "pixels")]
mod pixels;
pub mod random;
mod recipe;
mod setting_error;
mod sizes;
mod source;
mod subset;
mod validation;

use std::fs::File;
use std::io::{Read, Take};
use std::path::Path;

use car_spectral_formats::open_regular;
use sha2::{Digest, Sha256};

pub use class_order::ClassOrder;
pub use cut_mix::{CutMix, Rectangle};
pub use data_set::{DataSet, Split};
pub use error::DataError;
pub use images::Images;
pub use kind::DataKind;
pub use layout::Layout;
pub use normalisation::Normalisation;
pub use order::{Order, Sampler};
pub use parts::Parts;
#[cfg(feature = "pixels")]
pub use pixels::Pixels;
pub use recipe::{AugmentationOptions, Policy, RandAugment};
pub use setting_error::{SettingError, message_with_flags, with_flags, with_names};
pub use sizes::check_sizes;
pub use source::DataSource;
pub use subset::{LongTail, Subset};
pub use validation::Validation;

/// Bytes of a list of images: iNaturalist's 2.7 million lines have a tenth.
const MOST_OF_A_LIST: u64 = 1 << 30;

fn sha256(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads a regular file of at most `most` bytes, whatever becomes of it meanwhile.
fn read(path: &Path, most: u64) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    open(path, most)?.read_to_end(&mut bytes).map_err(DataError::io(path))?;
    if bytes.len() as u64 > most {
        return Err(DataError::malformed(path, format!("it grew above {most} bytes while it was read")));
    }
    Ok(bytes)
}

/// A regular file of at most `most` bytes, of which no more than one byte above that is read.
fn open(path: &Path, most: u64) -> Result<Take<File>, DataError> {
    let (file, length) = open_regular(path)?;
    if length > most {
        let problem = format!("it has {length} bytes, at most {most} are read of such a file");
        return Err(DataError::malformed(path, problem));
    }
    Ok(file.take(most + 1))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    /// Puts what is no regular file in place of `path`, and checks that `refused` names it.
    pub(crate) fn each_irregular(path: &Path, refused: &dyn Fn() -> DataError) {
        let pipe = || assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
        let kinds: [(&dyn Fn(), &str); 4] = [
            (&pipe, "a device, pipe or socket"),
            (&|| symlink("/dev/zero", path).unwrap(), "a device, pipe or socket"),
            (&|| drop(UnixListener::bind(path).unwrap()), "a device, pipe or socket"),
            (&|| symlink("/proc", path).unwrap(), "a folder"),
        ];
        for (put, what) in kinds {
            let _ = std::fs::remove_file(path);
            put();
            let error = refused().to_string();
            assert!(error.contains(&path.display().to_string()) && error.contains(what), "{error}");
        }
    }

    #[test]
    fn a_file_above_its_limit_is_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(read(file.path(), 5).unwrap(), b"12345");
        assert!(read(file.path(), 4).unwrap_err().to_string().contains("it has 5 bytes, at most 4"));
        each_irregular(&file.path().with_extension("x"), &|| read(&file.path().with_extension("x"), 5).unwrap_err());
        std::fs::remove_file(file.path().with_extension("x")).unwrap();
    }
}
