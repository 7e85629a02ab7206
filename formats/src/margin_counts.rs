//! Counts of margins as bytes, to be kept in files ([`crate::counts_file`]), sent to others and
//! added up there.
//!
//! Little-endian: `CARCOUNT`; the version 2, K and G (u32), the number of pairs P, the bytes I of
//! the inputs (u64); G margins (f64); K class counts, K numbers of zero margins, K of those
//! classified correctly, the number of ties (u64); P pairs, ascending, each of true class and
//! competitor (u32) and G + 1 counters (u64); the inputs, each of its size, the bytes of its name
//! (u64), its SHA-256 (32 bytes) and its name (UTF-8); the SHA-256 of all before it (32 bytes).
//! Version 1 is without inputs and without I.

use car_spectral::confusion::{ConfusionError, MarginCounts, MarginGrid, MarginParts};
use sha2::{Digest, Sha256};
use thiserror::Error;

pub(crate) const MAGIC: &[u8; 8] = b"CARCOUNT";
const VERSION: u32 = 2;
const HEADER: usize = 8 + 3 * 4 + 8;
/// Bytes of an input beside its name.
const INPUT: usize = 8 + 8 + 32;
const CHECKSUM: usize = 32;

/// Bytes that are no counts.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of each variant says what it is and what its fields are")]
pub enum MarginCountsError {
    #[error("these bytes are no counts of margins: they do not begin with CARCOUNT")]
    Foreign,
    #[error("counts of version {version}; this build reads version {VERSION}, a newer one may read them")]
    Version { version: u32 },
    #[error("counts of {expected} bytes in {found} bytes; the file was cut off or joined with another")]
    Length { expected: u128, found: usize },
    #[error("the checksum of the counts is wrong; the bytes were damaged")]
    Checksum,
    #[error("the names of the files that were counted are damaged")]
    Inputs,
    /// Whole bytes that no samples leave behind.
    #[error(transparent)]
    Counts(#[from] ConfusionError),
}

/// A file that was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedInput {
    /// Name of the file, as it was given.
    pub name: String,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file.
    pub sha256: [u8; 32],
}

/// Writes counts as bytes; equal counts give equal bytes, however they are stored.
pub fn to_bytes(counts: &MarginCounts) -> Vec<u8> {
    with_inputs(counts, &[])
}

/// Writes counts as bytes, with the files that they are of.
pub fn with_inputs(counts: &MarginCounts, inputs: &[CountedInput]) -> Vec<u8> {
    let parts = counts.to_parts();
    let mut bytes = MAGIC.to_vec();
    let short = |number: usize| (number as u32).to_le_bytes(); // K < 2^32 by construction
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend([parts.class_counts.len(), parts.grid.len()].into_iter().flat_map(short));
    bytes.extend((parts.pairs.len() as u64).to_le_bytes());
    bytes.extend(inputs.iter().map(|input| INPUT.saturating_add(input.name.len()) as u64).sum::<u64>().to_le_bytes());
    bytes.extend(parts.grid.margins().iter().flat_map(|margin| margin.to_le_bytes()));
    let lists = [&parts.class_counts, &parts.zero_margin, &parts.zero_margin_correct];
    bytes.extend(lists.into_iter().flatten().chain([&parts.top_ties]).flat_map(|count| count.to_le_bytes()));
    for (column, row, counters) in &parts.pairs {
        bytes.extend([*column, *row].into_iter().flat_map(short));
        bytes.extend(counters.iter().flat_map(|count| count.to_le_bytes()));
    }
    for CountedInput { name, bytes: size, sha256 } in inputs {
        bytes.extend([*size, name.len() as u64].into_iter().flat_map(u64::to_le_bytes));
        bytes.extend(sha256);
        bytes.extend(name.as_bytes());
    }
    let checksum = Sha256::digest(&bytes);
    bytes.extend(checksum);
    bytes
}

/// Reads counts; nothing is allocated that the bytes do not hold.
///
/// # Errors
/// [`MarginCountsError`] for bytes that [`to_bytes`] and [`with_inputs`] did not write.
pub fn from_bytes(bytes: &[u8]) -> Result<MarginCounts, MarginCountsError> {
    Ok(with_inputs_from(bytes)?.0)
}

/// Reads counts and the files that they are of.
pub fn with_inputs_from(bytes: &[u8]) -> Result<(MarginCounts, Vec<CountedInput>), MarginCountsError> {
    let mut rest = Rest(bytes.strip_prefix(MAGIC.as_slice()).ok_or(MarginCountsError::Foreign)?);
    let found = bytes.len();
    if found < HEADER + CHECKSUM {
        return Err(MarginCountsError::Length { expected: (HEADER + CHECKSUM) as u128, found });
    }
    let version = rest.u32();
    if !(1..=VERSION).contains(&version) {
        return Err(MarginCountsError::Version { version });
    }
    let (classes, margins, pairs) = (rest.u32() as usize, rest.u32() as usize, rest.u64());
    let (header, inputs) = if version == 1 { (HEADER, 0) } else { (HEADER + 8, rest.u64()) };
    let (k, g, p) = (classes as u128, margins as u128, u128::from(pairs));
    let expected = ((header.saturating_add(CHECKSUM)) as u128)
        .saturating_add(g.saturating_add(k.saturating_mul(3)).saturating_add(1).saturating_mul(8))
        .saturating_add(p.saturating_mul(g.saturating_add(1).saturating_mul(8).saturating_add(8)))
        .saturating_add(u128::from(inputs));
    if expected != found as u128 {
        return Err(MarginCountsError::Length { expected, found });
    }
    let (content, checksum) = bytes.split_at(found.saturating_sub(CHECKSUM));
    if Sha256::digest(content).as_slice() != checksum {
        return Err(MarginCountsError::Checksum);
    }
    let grid: Vec<f64> = (0..margins).map(|_| f64::from_bits(rest.u64())).collect();
    let sorted = MarginGrid::new(&grid)?;
    if sorted.margins() != grid {
        return Err(ConfusionError::NoCounts { problem: "its margins do not ascend".to_owned() }.into());
    }
    let mut list = |length: usize| (0..length).map(|_| rest.u64()).collect::<Vec<u64>>();
    let parts = MarginParts {
        class_counts: list(classes),
        zero_margin: list(classes),
        zero_margin_correct: list(classes),
        top_ties: rest.u64(),
        pairs: (0..pairs)
            .map(|_| {
                let (column, row) = (rest.u32() as usize, rest.u32() as usize);
                (column, row, (0..=margins).map(|_| rest.u64()).collect())
            })
            .collect(),
        grid: sorted,
    };
    Ok((MarginCounts::from_parts(&parts)?, rest.inputs(inputs as usize)?))
}

/// Bytes of which the length was checked.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        match self.0.split_first_chunk() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => [0; N],
        }
    }

    /// The inputs in the next bytes.
    fn inputs(&mut self, bytes: usize) -> Result<Vec<CountedInput>, MarginCountsError> {
        let end = self.0.len().saturating_sub(bytes);
        let mut inputs = Vec::new();
        while self.0.len() > end {
            let (size, length) = (self.u64(), self.u64());
            let sha256 = self.take();
            let name = usize::try_from(length).ok().and_then(|length| self.0.split_at_checked(length));
            let (name, rest) = name.filter(|(_, rest)| rest.len() >= end).ok_or(MarginCountsError::Inputs)?;
            let name = str::from_utf8(name).map_err(|_| MarginCountsError::Inputs)?.to_owned();
            inputs.push(CountedInput { name, bytes: size, sha256 });
            self.0 = rest;
        }
        Ok(inputs)
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array1, Array2};

    use super::*;

    fn counts(num_classes: usize) -> MarginCounts {
        let scores = Array2::from_shape_fn((40, num_classes), |(row, class)| ((row * 7 + class * 5) % 9) as f32);
        let labels = Array1::from_shape_fn(40, |row| row * row % num_classes);
        let mut counts = MarginCounts::new(num_classes, &MarginGrid::new(&[0.0, 0.5]).unwrap()).unwrap();
        counts.add_batch(scores.view(), labels.view()).unwrap();
        counts
    }

    #[test]
    fn what_is_written_is_read() {
        for num_classes in [2, 7, 1000] {
            let counts = counts(num_classes);
            assert_eq!(from_bytes(&to_bytes(&counts)).unwrap(), counts);
            let inputs: Vec<CountedInput> = ["a.npz", "", "d/\u{fc}.parquet"]
                .iter()
                .enumerate()
                .map(|(n, name)| CountedInput { name: (*name).to_owned(), bytes: n as u64, sha256: [n as u8; 32] })
                .collect();
            assert_eq!(with_inputs_from(&with_inputs(&counts, &inputs)).unwrap(), (counts, inputs));
        }
    }

    #[test]
    fn the_first_version_is_read() {
        let counts = counts(7);
        let mut bytes = to_bytes(&counts);
        bytes[8] = 1;
        bytes.drain(HEADER..HEADER + 8);
        let content = bytes.len() - CHECKSUM;
        let checksum = Sha256::digest(&bytes[..content]);
        bytes[content..].copy_from_slice(&checksum);
        assert_eq!(with_inputs_from(&bytes).unwrap(), (counts, Vec::new()));
    }

    #[test]
    fn damaged_bytes_are_refused() {
        let input = CountedInput { name: "a.npz".to_owned(), bytes: 3, sha256: [7; 32] };
        let bytes = with_inputs(&counts(7), &[input]);
        assert_eq!(from_bytes(b"PK\x03\x04").unwrap_err(), MarginCountsError::Foreign);
        for cut in 0..bytes.len() {
            assert!(from_bytes(&bytes[..cut]).is_err(), "cut off at {cut}");
        }
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x41;
            assert!(from_bytes(&damaged).is_err(), "damaged at {at}");
        }
        let mut later = bytes.clone();
        later[8] = 3;
        assert_eq!(from_bytes(&later).unwrap_err(), MarginCountsError::Version { version: 3 });
    }

    #[test]
    fn whole_bytes_of_impossible_counts_are_refused() {
        let mut bytes = to_bytes(&counts(7));
        let content = bytes.len() - CHECKSUM;
        // One class count less than its counters say.
        let first_class_count = HEADER + 8 + 2 * 8;
        bytes[first_class_count] = 0;
        let checksum = Sha256::digest(&bytes[..content]);
        bytes[content..].copy_from_slice(&checksum);
        assert!(from_bytes(&bytes).unwrap_err().to_string().contains("class 0 counts more than its 0 samples"));
    }
}
