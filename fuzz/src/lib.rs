//! Parts that the targets share: bytes as a file, and the budget that no reader may exceed.

#[path = "../../formats/tests/allocation/mod.rs"]
mod allocation;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use car_spectral_formats::InputError;
use car_spectral_formats::predictions::{Block, Predictions};

/// Runs a reader of files of together `bytes` bytes, which may take 64 MiB and 8 times as much.
///
/// # Panics
/// If it takes more.
pub fn within_budget<T>(bytes: usize, read: impl FnOnce() -> T) -> T {
    let (found, taken) = allocation::peak(read);
    assert!(taken <= (64 << 20) + 8 * bytes, "{bytes} bytes took {taken} bytes of memory");
    found
}

/// This process's folder below TMPDIR, which run.py puts into memory and removes.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("car-spectral-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for temporary files");
    folder
});

/// Puts bytes into a file of this name, over those of the last call.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.join(name);
    fs::write(&path, bytes).expect("room for temporary files");
    path
}

/// Gives what was read; of an error it sees that a sentence can be made of it, and that it names
/// the file.
///
/// # Panics
/// If it does not.
pub fn checked<T, E: std::fmt::Display>(file: &Path, read: Result<T, E>) -> Option<T> {
    match read {
        Ok(found) => Some(found),
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.contains(&file.display().to_string()), "an error that does not name its file: {sentence}");
            None
        }
    }
}

/// Cuts bytes in two; the first two bytes say where (little-endian). What is over is in the second
/// part.
pub fn in_two(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

/// Checks predictions and gives their scores, row by row; an empty list where only classes are
/// known.
///
/// # Panics
/// If they are not what [`Predictions`] promises.
pub fn sound(found: &Predictions) -> Vec<f64> {
    let (samples, classes) = found.logits.dim();
    assert!(samples >= 1 && classes >= 2 && found.labels.len() == samples, "{samples} x {classes}");
    assert!(found.labels.iter().all(|&label| label < classes), "a label of {classes} or more");
    let predicted = found.logits.predicted();
    assert!(predicted.len() == samples && predicted.iter().all(|&class| class < classes));
    assert!([0, samples].contains(&found.logits.beginnings().len()));
    let mut scores = Vec::new();
    let read = found.logits.for_each_block(|first, block| {
        assert_eq!(first * classes, scores.len(), "blocks follow each other");
        match block {
            Block::F32(block) => scores.extend(block.iter().map(|&score| f64::from(score))),
            Block::F64(block) => scores.extend(block.iter().copied()),
        }
        Ok::<_, InputError>(())
    });
    read.expect("the file has not changed");
    assert!([0, samples * classes].contains(&scores.len()) && scores.iter().all(|score| score.is_finite()));
    for (row, &class) in scores.chunks(classes).zip(&predicted) {
        assert!(row.iter().all(|score| score <= &row[class]) && !row[..class].contains(&row[class]));
    }
    scores
}
