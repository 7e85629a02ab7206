//! Scores of some samples, in either type.

use ndarray::ArrayView2;

/// Scores of successive samples.
#[derive(Debug, Clone, Copy)]
pub enum Block<'a> {
    /// Of float32, float16 or bfloat16.
    F32(ArrayView2<'a, f32>),
    /// Of float64.
    F64(ArrayView2<'a, f64>),
}
