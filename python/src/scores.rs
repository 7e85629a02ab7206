//! Scores `[N, K]` as NumPy has them, in place; half precision is raised block by block.

use car_spectral::confusion::Score;
use half::{bf16, f16};
use ndarray::{Array2, ArrayView2, s};
use numpy::{PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// An array of scores, of one of the types there are; `bfloat16` comes as the integers of its bits.
#[derive(FromPyObject)]
pub(crate) enum Scores<'py> {
    F32(PyReadonlyArray2<'py, f32>),
    F64(PyReadonlyArray2<'py, f64>),
    F16(PyReadonlyArray2<'py, f16>),
    BF16(PyReadonlyArray2<'py, u16>),
}

/// The same as a view that needs no interpreter.
#[derive(Clone, Copy)]
pub(crate) enum ScoresView<'a> {
    F32(ArrayView2<'a, f32>),
    F64(ArrayView2<'a, f64>),
    F16(ArrayView2<'a, f16>),
    BF16(ArrayView2<'a, u16>),
}

/// Some rows, in a type that can be counted.
pub(crate) enum Rows<'a> {
    F32(ArrayView2<'a, f32>),
    F64(ArrayView2<'a, f64>),
    Raised(Array2<f32>),
}

impl Scores<'_> {
    /// (N, K).
    pub(crate) fn dim(&self) -> (usize, usize) {
        let shape = match self {
            Self::F32(scores) => scores.shape(),
            Self::F64(scores) => scores.shape(),
            Self::F16(scores) => scores.shape(),
            Self::BF16(scores) => scores.shape(),
        };
        (shape[0], shape[1])
    }

    pub(crate) fn view(&self) -> ScoresView<'_> {
        match self {
            Self::F32(scores) => ScoresView::F32(scores.as_array()),
            Self::F64(scores) => ScoresView::F64(scores.as_array()),
            Self::F16(scores) => ScoresView::F16(scores.as_array()),
            Self::BF16(scores) => ScoresView::BF16(scores.as_array()),
        }
    }
}

impl<'a> ScoresView<'a> {
    /// Rows from `start` to before `end`.
    pub(crate) fn rows(self, start: usize, end: usize) -> Rows<'a> {
        match self {
            Self::F32(scores) => Rows::F32(scores.slice_move(s![start..end, ..])),
            Self::F64(scores) => Rows::F64(scores.slice_move(s![start..end, ..])),
            Self::F16(scores) => Rows::Raised(scores.slice(s![start..end, ..]).mapv(f16::to_f32)),
            Self::BF16(scores) => {
                Rows::Raised(scores.slice(s![start..end, ..]).mapv(|bits| bf16::from_bits(bits).to_f32()))
            }
        }
    }
}

/// What is done with rows of either type.
pub(crate) trait WithRows {
    type Output;
    fn with<S: Score>(self, rows: ArrayView2<'_, S>) -> Self::Output;
}

impl Rows<'_> {
    pub(crate) fn give_to<W: WithRows>(&self, user: W) -> W::Output {
        match self {
            Self::F32(rows) => user.with(rows.view()),
            Self::F64(rows) => user.with(rows.view()),
            Self::Raised(rows) => user.with(rows.view()),
        }
    }
}
