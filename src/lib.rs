//! Frequency-weighted confusion matrices of long-tailed classifiers, their spectral norms, and the
//! worst-class bounds built on them.
//!
//! Zhu et al. (CVPR 2026, "Confusion-Aware Spectral Regularizer for Long-Tailed Recognition") bound
//! the error of the worst class by the spectral norm of a weighted confusion matrix plus a
//! complexity term. This library computes every quantity of that statement exactly or with
//! certified error bars, says of each theorem whether it applies, and judges it against held-out
//! data. It is pure Rust: no file, no plot, no native library (LAPACK only with feature `lapack`).
//!
//! | module | holds |
//! | --- | --- |
//! | [`confusion`] | margin confusion matrices (D1) as mergeable counts, class weights (D3), dense and sparse matrices |
//! | [`norms`] | one-, infinity- and Frobenius norm, exact SVD, certified enclosure of the spectral norm (S5) |
//! | [`bounds`] | the chain S1-S3, the theorems T1-T6, confidence intervals, verdicts |
//! | [`longtail`] | the long-tail protocol, many/medium/few, metrics of the worst class |
//! | [`car`] | CAR as a reference in f64: surrogate (D6), moving average, spectral term, analytic gradients |
//!
//! Statement numbers are those of `THEORY.md`. Matrices have **row = predicted class, column = true
//! class**. One call from counts to every interval is [`WorstClassAnalysis::of`]; the main types
//! stand at the root, too. Arrays are those of [`ndarray`], which is re-exported.

#![deny(unsafe_code)]

pub mod bounds;
pub mod car;
mod class_errors;
pub mod confusion;
mod error;
pub mod longtail;
pub mod norms;
#[cfg(feature = "rayon")]
mod threads;
mod worst_class;

pub use ndarray;

pub use bounds::{Interval, Outcome, PairedCounts, Verdict};
pub use car::{CarObjective, CarOptions};
pub use class_errors::ClassErrors;
pub use confusion::{ClassWeights, ConfusionMatrix, MarginCounts, MarginGrid, WeightForm};
pub use error::Error;
pub use longtail::{ClassMetrics, Group};
pub use norms::{SpectralNorm, spectral_norm};
pub use worst_class::WorstClassAnalysis;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadmeExample;
