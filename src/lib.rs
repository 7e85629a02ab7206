//! Frequency-weighted confusion matrices of long-tailed classifiers, their spectral norms, and the worst-class bounds
//! built on them.
//!
//! Zhu et al. (CVPR 2026, "Confusion-Aware Spectral Regularizer for Long-Tailed Recognition") bound the error of the
//! worst class by the spectral norm of a weighted confusion matrix plus a complexity term. This library computes every
//! quantity of that statement exactly or with certified error bars, says of each theorem whether it applies, and judges
//! it against held-out data. It is pure Rust: no file, no plot, no native library (LAPACK only with feature `lapack`).
//!
//! | module | holds |
//! | --- | --- |
//! | [`confusion`] | margin confusion matrices (D1) as mergeable counts, class weights (D3), dense and sparse matrices |
//! | [`norms`] | one-, infinity- and Frobenius norm, exact SVD, certified enclosure of the spectral norm (S5) |
//! | [`bounds`] | the chain S1-S3, the theorems T1-T6, confidence intervals, verdicts |
//! | [`longtail`] | the long-tail protocol, many/medium/few, metrics of the worst class |
//! | [`car`] | the smooth surrogate of the confusion matrix (D6) |
//!
//! Statement numbers are those of `THEORY.md`. Matrices have **row = predicted class, column = true class**.
//!
//! ```
//! use car_spectral::bounds::{Interval, chain, held_out_intervals};
//! use car_spectral::confusion::{ClassWeights, MarginCounts, MarginGrid, WeightForm};
//! use car_spectral::norms;
//! use ndarray::array;
//!
//! // Scores of six held-out samples of three classes, and how often each class occurred in training.
//! let logits = array![
//!     [2.0f32, 1.0, 0.0], [3.0, 0.0, 0.0], [0.5, 2.0, 0.0],
//!     [1.0, 0.2, 0.0], [2.0, 0.0, 1.0], [0.0, 0.0, 4.0],
//! ];
//! let labels = array![0, 0, 1, 1, 2, 2];
//! let train_counts = [500, 50, 5];
//!
//! let mut counts = MarginCounts::new(3, &MarginGrid::new(&[0.0, 0.5])?)?;
//! counts.add_batch(logits.view(), labels.view())?;
//! let weights = ClassWeights::new(&train_counts, 0.2, WeightForm::Paper)?;
//!
//! let confusion = counts.confusion();
//! let weighted = confusion.scale_columns(weights.values())?;
//! let spectral = norms::spectral_norm(&weighted)?; // certified: lower <= ||C Lambda||_2 <= upper
//! let interval = Interval::new(spectral.lower, spectral.upper)?;
//! let non_zeros = confusion.column_non_zeros();
//! let chain = chain(weights.values(), &counts.errors(), counts.class_counts(), interval, &non_zeros)?;
//! assert!(chain.holds()); // lambda_j e_j <= sqrt(s_j) ||C Lambda||_2, lambda_j e_j <= WCE <= sqrt(K-1) ||C Lambda||_2
//!
//! // Two samples a class say little: the interval of the worst class's error shows how little.
//! let errors = held_out_intervals(&counts.errors(), counts.class_counts(), 0.05, 1)?;
//! assert!(errors[2].lower < 0.01 && errors[2].upper > 0.99);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod bounds;
pub mod car;
pub mod confusion;
pub mod longtail;
pub mod norms;

/// The example of the README, compiled and run with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct ReadmeExample;
