//! Files of counts: what is left of predictions of any number, to be added up by whoever has the
//! other parts.
//!
//! A file is the bytes of [`crate::margin_counts`], with the names and checksums of the files that
//! were counted, so that a part that is given twice is told.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use car_spectral::confusion::{ConfusionError, MarginCounts};
use thiserror::Error;

use crate::atomic::{check_target, write_atomically};
use crate::content::{Content, StoredFile, sha256};
use crate::margin_counts::{CountedInput, MAGIC, MarginCountsError, with_inputs, with_inputs_from};
use crate::quoting::quoted;
use crate::{FileError, InputError};

/// Counts with the files that they are of.
#[derive(Clone, Debug, PartialEq)]
pub struct CountsFile {
    /// The counts.
    pub counts: MarginCounts,
    /// Inputs that were counted.
    pub inputs: Vec<CountedInput>,
}

/// Files of counts that cannot be read or added up.
#[derive(Debug, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum CountsFileError {
    /// A file that cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file that cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    #[error("{}: another file, no earlier counts, would be replaced; give another name, or move it away", file.display())]
    Occupied { file: PathBuf },
    #[error("{}: {problem}", file.display())]
    Malformed { file: PathBuf, problem: MarginCountsError },
    #[error("{}: {problem}; give counts of one model, made with the same margins", file.display())]
    Different { file: PathBuf, problem: ConfusionError },
    #[error("{}: {input} was counted before, in {}; give each part once", file.display(), first.display())]
    Twice { file: PathBuf, input: String, first: PathBuf },
}

/// Counts that are added up, with where each part came from.
#[derive(Debug, Default)]
pub struct CountsMerge {
    sum: Option<CountsFile>,
    /// By the SHA-256 of each input of the sum the file that it came in.
    from: HashMap<[u8; 32], PathBuf>,
}

impl CountsMerge {
    /// Adds counts that are in `file`, or made of it.
    ///
    /// # Errors
    /// [`CountsFileError::Twice`] for an input that was counted before;
    /// [`CountsFileError::Different`].
    pub fn add(&mut self, file: &Path, part: CountsFile) -> Result<(), CountsFileError> {
        for input in &part.inputs {
            if let Some(first) = self.from.insert(input.sha256, file.to_path_buf()) {
                let (file, input) = (file.to_path_buf(), quoted(&input.name));
                return Err(CountsFileError::Twice { file, input, first });
            }
        }
        match &mut self.sum {
            Some(sum) => {
                let different = |problem| CountsFileError::Different { file: file.to_path_buf(), problem };
                sum.counts.merge(&part.counts).map_err(different)?;
                sum.inputs.extend(part.inputs);
            }
            None => self.sum = Some(part),
        }
        Ok(())
    }

    /// The sum; `None` of nothing.
    pub fn finish(self) -> Option<CountsFile> {
        self.sum
    }
}

impl CountsFile {
    /// Reads a file of counts, with its size and checksum.
    pub fn read(file: &Path) -> Result<(Self, StoredFile), CountsFileError> {
        let content = Content::read(file)?;
        let (counts, inputs) = with_inputs_from(&content.bytes)
            .map_err(|problem| CountsFileError::Malformed { file: file.to_path_buf(), problem })?;
        let stored =
            StoredFile { path: file.to_path_buf(), bytes: content.bytes.len() as u64, sha256: sha256(&content.bytes) };
        Ok((Self { counts, inputs }, stored))
    }

    /// Checks that counts may be written there: where nothing is, nothing in it, or earlier counts.
    ///
    /// # Errors
    /// [`CountsFileError::Occupied`]; [`CountsFileError::File`] for what is no file.
    pub fn check_place(file: &Path) -> Result<(), CountsFileError> {
        check_target(file)?;
        if file.metadata().map_or(0, |found| found.len()) == 0 {
            return Ok(());
        }
        let mut begin = [0; MAGIC.len()];
        let read = File::open(file).and_then(|mut from| from.read_exact(&mut begin));
        if read.is_ok() && begin == *MAGIC {
            return Ok(());
        }
        Err(CountsFileError::Occupied { file: file.to_path_buf() })
    }

    /// Writes the file whole: what is killed leaves none.
    ///
    /// # Errors
    /// As [`Self::check_place`], and [`CountsFileError::File`].
    pub fn write(&self, file: &Path) -> Result<(), CountsFileError> {
        Self::check_place(file)?;
        let bytes = with_inputs(&self.counts, &self.inputs);
        Ok(write_atomically::<FileError>(file, |to| to.write_all(&bytes).map_err(FileError::io(file)))?)
    }
}

#[cfg(test)]
mod tests {
    use car_spectral::confusion::MarginGrid;
    use ndarray::array;

    use super::*;

    fn part(input: u8, margin: f64, classes: usize) -> CountsFile {
        let mut counts = MarginCounts::new(classes, &MarginGrid::new(&[margin]).unwrap()).unwrap();
        let scores = ndarray::Array2::from_shape_fn((2, classes), |(n, k)| (n * 3 + k * usize::from(input) % 5) as f32);
        counts.add_batch(scores.view(), array![0, 1].view()).unwrap();
        CountsFile {
            counts,
            inputs: vec![CountedInput { name: format!("{input}.npz"), bytes: 9, sha256: [input; 32] }],
        }
    }

    #[test]
    fn parts_add_up_and_each_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        part(1, 0.0, 3).write(&file("a")).unwrap();
        let (read, stored) = CountsFile::read(&file("a")).unwrap();
        assert_eq!((&read, stored.bytes), (&part(1, 0.0, 3), std::fs::metadata(file("a")).unwrap().len()));
        let mut merge = CountsMerge::default();
        merge.add(&file("a"), read).unwrap();
        merge.add(&file("b"), part(2, 0.0, 3)).unwrap();
        let refused = |merge: &mut CountsMerge, part| merge.add(&file("c"), part).unwrap_err().to_string();
        let twice = refused(&mut merge, part(1, 0.0, 3));
        assert!(twice.contains("c: \"1.npz\" was counted before, in") && twice.ends_with("a; give each part once"));
        assert!(refused(&mut merge, part(3, 0.5, 3)).contains("margins"));
        assert!(refused(&mut merge, part(4, 0.0, 4)).contains("classes"));
        let whole = merge.finish().unwrap();
        assert_eq!((whole.counts.samples(), whole.inputs.len()), (4, 2));
    }

    #[test]
    fn files_of_something_else_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.counts");
        part(1, 0.0, 3).write(&file).unwrap();
        let whole = std::fs::read(&file).unwrap();
        let mut changed = whole.clone();
        changed[60] ^= 1;
        let mut later = whole.clone();
        later[8] = 9;
        let wrong: [(&[u8], &str); 4] =
            [(&whole[..90], "cut off"), (&changed, "checksum"), (&later, "version 9"), (b"PK", "CARCOUNT")];
        part(1, 0.0, 3).write(&file).unwrap();
        let other = folder.path().join("x.npz");
        std::fs::write(&other, b"PK").unwrap();
        let occupied = part(1, 0.0, 3).write(&other).unwrap_err().to_string();
        assert!(occupied.contains("x.npz: another file") && std::fs::read(&other).unwrap() == b"PK", "{occupied}");
        for (bytes, words) in wrong {
            std::fs::write(&file, bytes).unwrap();
            let error = CountsFile::read(&file).unwrap_err().to_string();
            assert!(error.contains("x.counts") && error.contains(words), "{error}");
        }
    }
}
