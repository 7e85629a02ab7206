//! Norms of confusion matrices: one-norm, infinity norm, Frobenius norm, and the spectral norm
//! three ways.
//!
//! ```text
//! ‖M‖₁ = max_j Σ_i |M_ij|     ‖M‖_∞ = max_i Σ_j |M_ij|     ‖M‖_F = √(Σ_ij M_ij²)
//! ‖M‖₂ = max ‖Mx‖/‖x‖ = the largest singular value σ₁
//! ```
//!
//! - [`spectral_norm`]: lower ≤ ‖M‖₂ ≤ upper, *certified* (S5 of THEORY.md; [`enclosure`] has the
//!   proof), for dense and sparse matrices of any size. This is what the reports use.
//! - [`exact`]: the full singular value decomposition of nalgebra; always there, O(K³).
//! - `lapack`: the same by LAPACK (feature `lapack`), an independent second oracle for tests and
//!   benches.
//!
//! ```
//! use car_spectral::confusion::ConfusionMatrix;
//! use car_spectral::norms;
//!
//! // Class 0 is mistaken for 1 and 2, class 1 for 0: two blocks that share no row and no column.
//! let matrix = ConfusionMatrix::from_triplets(3, [(1, 0, 0.3), (2, 0, 0.4), (0, 1, 0.25)]).unwrap();
//! assert!((norms::one_norm(&matrix) - 0.7).abs() < 1e-15);
//! let spectral = norms::spectral_norm(&matrix).unwrap();
//! assert!(spectral.lower <= spectral.value && spectral.value <= spectral.upper);
//! assert!((spectral.value - 0.5).abs() < 1e-15); // √(0.3² + 0.4²)
//! assert!((spectral.right[0] - 1.0).abs() < 1e-15);
//! ```

mod block;
mod certified_upper;
mod columns;
mod components;
mod elementary;
pub mod enclosure;
mod error;
pub mod exact;
mod lanczos;
#[cfg(feature = "lapack")]
pub mod lapack;
mod power_of_two;
mod tridiagonal;

pub use certified_upper::certified_spectral_upper;
pub use elementary::{column_sum_floor, frobenius_norm, infinity_norm, one_norm, spectral_floor};
pub use enclosure::{SpectralNorm, spectral_norm};
pub use error::NormError;
