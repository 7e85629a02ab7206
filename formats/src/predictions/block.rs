//! Scores of some samples, in either type.

use std::hash::{DefaultHasher, Hash, Hasher};

use ndarray::{ArrayView1, ArrayView2};

use super::Logits;

/// Scores of successive samples.
#[derive(Debug, Clone, Copy)]
pub enum Block<'a> {
    /// Of float32, float16 or bfloat16.
    F32(ArrayView2<'a, f32>),
    /// Of float64.
    F64(ArrayView2<'a, f64>),
}

/// Scores of a sample that are looked at first where samples are compared.
const FIRST: usize = 8;

impl Block<'_> {
    /// A number for the first scores of each sample, equal where those are; 0 and -0 are.
    pub(super) fn beginnings(self) -> Vec<u64> {
        fn of<T: Copy + Into<f64>>(row: ArrayView1<'_, T>) -> u64 {
            let mut hasher = DefaultHasher::new();
            row.iter().take(FIRST).for_each(|&score| (score.into() + 0.0_f64).to_bits().hash(&mut hasher));
            hasher.finish()
        }
        match self {
            Self::F32(scores) => scores.rows().into_iter().map(of).collect(),
            Self::F64(scores) => scores.rows().into_iter().map(of).collect(),
        }
    }
}

impl Logits {
    /// A number for each sample, equal where the first scores are; nothing without scores.
    pub fn beginnings(&self) -> Vec<u64> {
        match self {
            Self::F32(scores) => Block::F32(scores.view()).beginnings(),
            Self::F64(scores) => Block::F64(scores.view()).beginnings(),
            Self::Stored(scores) => scores.beginnings().to_vec(),
            Self::Classes(_) | Self::Counted(_) => Vec::new(),
        }
    }
}
