//! Scores that stay in their file: checked and hashed in one pass when they are opened, read again
//! block by block.
//!
//! Every later pass must meet the bytes of the first, by the checksum of each block: what is used
//! is what was hashed.

use std::sync::Arc;

use crc32fast::hash as crc32;
use ndarray::{ArrayView1, ArrayView2};
use sha2::{Digest, Sha256};

use super::block::Beginning;
use super::scale::Look;
use super::{Block, Logits, PredictionsError, StoredFile, first_largest};
use crate::array::place_of;
use crate::aside::both;
use crate::element::{ByteOrder, extend_f32, extend_f64, first_non_finite};
use crate::region::{Expected, Region};
use crate::{ElementType, InputError};

/// Scores of a block: enough for all threads to count, little beside any program.
const BLOCK: usize = if cfg!(test) { 64 } else { 5 << 20 };

/// Checked scores [N, K] in a file, in row-major order.
#[derive(Debug)]
pub struct StoredScores {
    region: Region,
    element: ElementType,
    order: ByteOrder,
    samples: usize,
    classes: usize,
    /// Of each block the checksum.
    checksums: Vec<u32>,
    predicted: Vec<u32>,
    beginnings: Vec<Beginning>,
    look: Look,
    sha256: String,
}

impl PartialEq for StoredScores {
    fn eq(&self, other: &Self) -> bool {
        let of = |scores: &Self| (scores.element, scores.order, scores.samples, scores.classes);
        of(self) == of(other) && self.checksums == other.checksums && self.predicted == other.predicted
    }
}

/// Room for the scores of a block.
#[derive(Default)]
struct Room {
    bytes: Vec<u8>,
    singles: Vec<f32>,
    doubles: Vec<f64>,
}

impl StoredScores {
    /// Reads N x K scores, which the region holds, once: checks and hashes them.
    pub(super) fn open(
        region: Region,
        (element, order): (ElementType, ByteOrder),
        (samples, classes): (usize, usize),
    ) -> Result<Self, InputError> {
        let mut found = Self {
            region,
            element,
            order,
            samples,
            classes,
            checksums: Vec::new(),
            predicted: Vec::with_capacity(samples),
            beginnings: Vec::with_capacity(samples),
            look: Look::new(classes),
            sha256: String::new(),
        };
        let mut hasher = Sha256::new();
        found.region.around(true, |bytes| hasher.update(bytes))?;
        let mut room = Room::default();
        for first in (0..samples).step_by(found.rows()) {
            found.fill(first, &mut room)?;
            let bytes = &room.bytes;
            let hash = || {
                hasher.update(bytes);
                crc32(bytes)
            };
            let (singles, doubles) = (&mut room.singles, &mut room.doubles);
            let (checksum, checked) = both(hash, || {
                converted(bytes, element, order, classes, singles, doubles, |block| {
                    found.look.add(block);
                    found.predicted.extend(predicted_of(block));
                    found.beginnings.extend(block.beginnings());
                    non_finite(block)
                })
            });
            if let Some((row, class, value)) = checked {
                let file = found.region.file.clone();
                return Err(InputError::NonFinite { file, sample: first.saturating_add(row), class, value });
            }
            found.checksums.push(checksum);
        }
        found.check_member()?;
        found.region.around(false, |bytes| hasher.update(bytes))?;
        found.sha256 = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(found)
    }

    /// Holds the checksum of the whole against that of the archive they are in.
    fn check_member(&self) -> Result<(), InputError> {
        let Some(Expected { begin, crc32: expected, member }) = &self.region.expected else { return Ok(()) };
        let mut whole = crc32fast::Hasher::new();
        whole.update(begin);
        for (first, &checksum) in (0..self.samples).step_by(self.rows()).zip(&self.checksums) {
            let bytes = self.rows().min(self.samples.saturating_sub(first)).saturating_mul(self.row_bytes());
            whole.combine(&crc32fast::Hasher::new_with_initial_len(checksum, bytes as u64));
        }
        let (file, member, found) = (self.region.file.clone(), member.clone(), whole.finalize());
        let expected = *expected;
        if found == expected { Ok(()) } else { Err(InputError::Checksum { file, member, found, expected }) }
    }

    /// (N, K).
    pub fn dim(&self) -> (usize, usize) {
        (self.samples, self.classes)
    }

    /// The class with the largest score of each sample, `[N]`; of equal scores the first.
    pub fn predicted(&self) -> Vec<usize> {
        self.predicted.iter().map(|&class| class as usize).collect()
    }

    pub(super) fn beginnings(&self) -> &[Beginning] {
        &self.beginnings
    }

    pub(super) fn look(&self) -> &Look {
        &self.look
    }

    pub(super) fn file(&self) -> StoredFile {
        StoredFile { path: self.region.file.clone(), bytes: self.region.length, sha256: self.sha256.clone() }
    }

    /// The scores of one sample as f64.
    pub fn row(&self, sample: usize) -> Result<Vec<f64>, InputError> {
        let length = self.row_bytes();
        let mut bytes = vec![0; length];
        self.region.read((sample as u64).saturating_mul(length as u64), &mut bytes)?;
        let (mut singles, mut doubles) = (Vec::new(), Vec::new());
        Ok(converted(&bytes, self.element, self.order, self.classes, &mut singles, &mut doubles, |block| match block {
            Block::F32(scores) => scores.iter().map(|&score| score.into()).collect(),
            Block::F64(scores) => scores.iter().copied().collect(),
        }))
    }

    /// Gives all scores to `take`, block by block, each with the number of its first sample.
    ///
    /// # Errors
    /// The first of `take`; [`InputError::Io`], and [`PredictionsError::Changed`] for bytes that
    /// are no longer those that were checked.
    pub fn for_each_block<E: From<InputError>>(
        &self,
        mut take: impl FnMut(usize, Block<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut room = Room::default();
        for (first, checksum) in (0..self.samples).step_by(self.rows()).zip(&self.checksums) {
            self.fill(first, &mut room)?;
            if crc32(&room.bytes) != *checksum {
                return Err(InputError::from(PredictionsError::Changed { file: self.region.file.clone() }).into());
            }
            let (singles, doubles) = (&mut room.singles, &mut room.doubles);
            converted(&room.bytes, self.element, self.order, self.classes, singles, doubles, |block| {
                take(first, block)
            })?;
        }
        Ok(())
    }

    /// Samples of a block.
    fn rows(&self) -> usize {
        BLOCK.checked_div(self.classes).unwrap_or_default().max(1)
    }

    fn row_bytes(&self) -> usize {
        // Scores have a size; and the file holds a row.
        self.classes.saturating_mul(self.element.size().unwrap_or(1))
    }

    fn fill(&self, first: usize, room: &mut Room) -> Result<(), InputError> {
        let rows = self.rows().min(self.samples.saturating_sub(first));
        room.bytes.resize(rows.saturating_mul(self.row_bytes()), 0);
        self.region.read((first as u64).saturating_mul(self.row_bytes() as u64), &mut room.bytes)
    }
}

/// Gives the scores that bytes hold to `then`.
fn converted<T>(
    bytes: &[u8],
    element: ElementType,
    order: ByteOrder,
    classes: usize,
    singles: &mut Vec<f32>,
    doubles: &mut Vec<f64>,
    then: impl FnOnce(Block<'_>) -> T,
) -> T {
    // The bytes are those of whole rows.
    const ROWS: &str = "whole rows";
    if element == ElementType::F64 {
        doubles.clear();
        extend_f64(bytes, order, doubles);
        let shape = (doubles.len().checked_div(classes).unwrap_or_default(), classes);
        return then(Block::F64(ArrayView2::from_shape(shape, doubles).expect(ROWS)));
    }
    singles.clear();
    extend_f32(bytes, element, order, singles);
    let shape = (singles.len().checked_div(classes).unwrap_or_default(), classes);
    then(Block::F32(ArrayView2::from_shape(shape, singles).expect(ROWS)))
}

fn predicted_of(block: Block<'_>) -> Vec<u32> {
    fn of<T: Copy + PartialOrd>(scores: ArrayView2<'_, T>) -> Vec<u32> {
        let class = |row: ArrayView1<'_, T>| first_largest(row) as u32;
        scores.rows().into_iter().map(class).collect()
    }
    match block {
        Block::F32(scores) => of(scores),
        Block::F64(scores) => of(scores),
    }
}

/// The first score that is NaN or infinite: its row, its class and the score.
fn non_finite(block: Block<'_>) -> Option<(usize, usize, f64)> {
    let (position, value, extents) = match block {
        Block::F32(scores) => {
            let values = scores.to_slice()?;
            let position = first_non_finite(values, f32::is_finite)?;
            (position, f64::from(*values.get(position)?), scores.dim())
        }
        Block::F64(scores) => {
            let values = scores.to_slice()?;
            let position = first_non_finite(values, f64::is_finite)?;
            (position, *values.get(position)?, scores.dim())
        }
    };
    let (row, class) = place_of(position, extents, false);
    Some((row, class, value))
}

impl Logits {
    /// Gives all scores to `take`, block by block, each with the number of its first sample;
    /// nothing without scores.
    pub fn for_each_block<E: From<InputError>>(
        &self,
        mut take: impl FnMut(usize, Block<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::F32(scores) => take(0, Block::F32(scores.view())),
            Self::F64(scores) => take(0, Block::F64(scores.view())),
            Self::Stored(scores) => scores.for_each_block(take),
            Self::Classes(_) | Self::Counted(_) => Ok(()),
        }
    }

    /// The scores that stay in a file.
    pub(super) fn stored(&self) -> Option<&Arc<StoredScores>> {
        match self {
            Self::Stored(scores) => Some(scores),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use half::f16;
    use ndarray::Array2;
    use ndarray_npy::{NpzWriter, write_npy};

    use super::super::{PredictionSource, Predictions, Reading, read_as};
    use super::*;
    use crate::testing;

    const SHAPE: (usize, usize) = (37, 7);

    fn score(sample: usize, class: usize) -> f32 {
        ((sample * 31 + class * 17) % 64) as f32 / 8.0 - 3.0
    }

    fn scores() -> Array2<f32> {
        Array2::from_shape_fn(SHAPE, |(sample, class)| score(sample, class))
    }

    fn labels() -> Vec<i64> {
        (0..SHAPE.0 as i64).map(|sample| sample * 3 % SHAPE.1 as i64).collect()
    }

    fn read_both(source: &PredictionSource) -> [Result<Predictions, String>; 2] {
        [0, u64::MAX].map(|in_memory| {
            let reading = Reading { in_memory, ..Reading::default() };
            read_as(source, &reading).map_err(|error| error.to_string())
        })
    }

    fn assert_same(source: &PredictionSource, what: &str) {
        let [outside, inside] = read_both(source).map(|read| read.unwrap_or_else(|error| panic!("{what}: {error}")));
        assert!(matches!(outside.logits, Logits::Stored(_)) && !matches!(inside.logits, Logits::Stored(_)), "{what}");
        let of = |read: &Predictions| {
            (read.labels.clone(), read.sha256.clone(), read.files.clone(), read.notes.clone(), read.doubts.clone())
        };
        assert_eq!(of(&outside), of(&inside), "{what}");
        let of = |read: &Predictions| (read.logits.dim(), read.logits.predicted(), read.logits.scale());
        assert_eq!(of(&outside), of(&inside), "{what}");
        assert_eq!(outside.stored_dtype, inside.stored_dtype, "{what}");
        let all = |read: &Predictions| {
            let (mut all, mut blocks) = (Vec::new(), 0);
            read.logits
                .for_each_block(|first, block| {
                    assert_eq!(first * SHAPE.1, all.len());
                    blocks += 1;
                    match block {
                        Block::F32(scores) => all.extend(scores.iter().map(|&score| f64::from(score))),
                        Block::F64(scores) => all.extend(scores.iter().copied()),
                    }
                    Ok::<(), InputError>(())
                })
                .unwrap();
            (all, blocks)
        };
        assert_eq!(all(&outside).0, all(&inside).0, "{what}");
        assert_eq!((all(&outside).1, all(&inside).1), (5, 1), "{what}: 9 samples a block");
    }

    fn safetensors(file: &Path, scores: &Array2<f32>) {
        let bytes = |values: &Array2<f32>| values.iter().flat_map(|score| score.to_le_bytes()).collect::<Vec<u8>>();
        let (scores, labels) =
            (bytes(scores), labels().iter().flat_map(|label| label.to_le_bytes()).collect::<Vec<u8>>());
        let at = scores.len();
        let header = format!(
            r#"{{"logits":{{"dtype":"F32","shape":[37,7],"data_offsets":[0,{at}]}},"labels":{{"dtype":"I64","shape":[37],"data_offsets":[{at},{}]}}}}"#,
            at + labels.len()
        );
        std::fs::write(file, testing::safetensors(&header, &[scores, labels].concat())).unwrap();
    }

    fn npz(file: &Path) {
        let mut to = NpzWriter::new(std::fs::File::create(file).unwrap());
        to.add_array("logits", &scores()).unwrap();
        to.add_array("labels", &ndarray::Array1::from(labels())).unwrap();
        to.finish().unwrap();
    }

    #[test]
    fn scores_in_their_file_are_those_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        write_npy(file("labels.npy"), &ndarray::Array1::from(labels())).unwrap();
        write_npy(file("f32.npy"), &scores()).unwrap();
        write_npy(file("f64.npy"), &scores().mapv(f64::from)).unwrap();
        let halves = scores().iter().flat_map(|&score| f16::from_f32(score).to_le_bytes()).collect::<Vec<u8>>();
        std::fs::write(file("f16.npy"), testing::npy("<f2", "(37, 7)", &halves)).unwrap();
        for name in ["f32.npy", "f64.npy", "f16.npy"] {
            let pair = PredictionSource::Pair { logits: file(name), labels: file("labels.npy") };
            assert_same(&pair, name);
        }
        npz(&file("both.npz"));
        assert_same(&PredictionSource::File(file("both.npz")), "npz");
        safetensors(&file("both.safetensors"), &scores());
        assert_same(&PredictionSource::File(file("both.safetensors")), "safetensors");
        let rows = scores().mapv(f32::exp);
        let shares = Array2::from_shape_fn(SHAPE, |(n, k)| rows[(n, k)] / rows.row(n).sum());
        safetensors(&file("shares.safetensors"), &shares);
        assert_same(&PredictionSource::File(file("shares.safetensors")), "probabilities");
    }

    #[test]
    fn what_is_wrong_is_told_as_of_a_file_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        write_npy(file("labels.npy"), &ndarray::Array1::from(labels())).unwrap();
        let mut wrong = scores();
        wrong[(30, 4)] = f32::NAN;
        write_npy(file("nan.npy"), &wrong).unwrap();
        write_npy(file("short.npy"), &scores()).unwrap();
        let whole = std::fs::read(file("short.npy")).unwrap();
        std::fs::write(file("short.npy"), &whole[..whole.len() - 3]).unwrap();
        for name in ["nan.npy", "short.npy"] {
            let [outside, inside] =
                read_both(&PredictionSource::Pair { logits: file(name), labels: file("labels.npy") });
            let outside = outside.map(drop).unwrap_err();
            assert!(outside.contains(name) && outside == inside.map(drop).unwrap_err(), "{outside}");
        }
        npz(&file("bit.npz"));
        let mut bytes = std::fs::read(file("bit.npz")).unwrap();
        let at = bytes.windows(4).position(|bytes| bytes == score(3, 2).to_le_bytes()).unwrap();
        bytes[at] ^= 1;
        std::fs::write(file("bit.npz"), bytes).unwrap();
        let [outside, inside] = read_both(&PredictionSource::File(file("bit.npz")));
        let outside = outside.map(drop).unwrap_err();
        assert!(outside.contains("logits.npy") && outside == inside.map(drop).unwrap_err(), "{outside}");
        safetensors(&file("nan.safetensors"), &wrong);
        let [outside, _] = read_both(&PredictionSource::File(file("nan.safetensors")));
        assert!(outside.map(drop).unwrap_err().contains("sample 30"));
    }

    #[test]
    fn a_file_that_changes_between_two_passes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("both.safetensors");
        safetensors(&file, &scores());
        let [outside, _] = read_both(&PredictionSource::File(file.clone()));
        let outside = outside.unwrap();
        let mut changed = scores();
        changed[(36, 6)] += 0.125;
        safetensors(&file, &changed);
        let error = outside.logits.for_each_block(|_, _| Ok::<(), InputError>(())).unwrap_err();
        assert!(error.to_string().contains("no longer those that were checked"), "{error}");
    }
}
