//! Scores of some samples, in either type.

use std::hash::{DefaultHasher, Hash, Hasher};

use ndarray::{ArrayView1, ArrayView2};

use super::Logits;

/// Scores of successive samples.
#[derive(Debug, Clone, Copy)]
pub enum Block<'a> {
    /// Scores of float32, float16 or bfloat16.
    F32(ArrayView2<'a, f32>),
    /// Scores of float64.
    F64(ArrayView2<'a, f64>),
}

/// Scores of a sample that are looked at first where samples are compared.
const FIRST: usize = 8;

/// Numbers for the first scores of a sample, by which samples that may be alike are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beginning {
    /// Equal where those scores are; 0 and -0 are.
    pub exact: u32,
    /// Equal where they hardly differ, but for those at the edge of rounding: to 40 bits in all, of
    /// which each has 5 to 13 below the largest.
    pub rounded: u32,
}

impl Beginning {
    fn of<T: Copy + Into<f64>>(row: ArrayView1<'_, T>) -> Self {
        let scores = || row.iter().take(FIRST).map(|&score| score.into() + 0.0_f64);
        let (mut exact, mut rounded) = (DefaultHasher::new(), DefaultHasher::new());
        scores().for_each(|score| score.to_bits().hash(&mut exact));
        let largest = scores().fold(f64::MIN_POSITIVE, |largest, score| largest.max(score.abs()));
        let bits = 40_usize.checked_div(row.len().clamp(1, FIRST)).unwrap_or_default().clamp(5, 13) as i32;
        let unit = 2.0_f64.powi((largest.log2().ceil() as i32).saturating_sub(bits));
        scores().for_each(|score| ((score / unit).round() as i64).hash(&mut rounded));
        Self { exact: exact.finish() as u32, rounded: rounded.finish() as u32 }
    }
}

impl Block<'_> {
    /// The beginning of each sample.
    pub(super) fn beginnings(self) -> Vec<Beginning> {
        match self {
            Self::F32(scores) => scores.rows().into_iter().map(Beginning::of).collect(),
            Self::F64(scores) => scores.rows().into_iter().map(Beginning::of).collect(),
        }
    }
}

impl Logits {
    /// The beginning of each sample; nothing without scores.
    pub fn beginnings(&self) -> Vec<Beginning> {
        match self {
            Self::F32(scores) => Block::F32(scores.view()).beginnings(),
            Self::F64(scores) => Block::F64(scores.view()).beginnings(),
            Self::Stored(scores) => scores.beginnings().to_vec(),
            Self::Classes(_) | Self::Counted(_) => Vec::new(),
        }
    }
}
