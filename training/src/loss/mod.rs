//! Losses on libtorch tensors: those of the long-tail literature ([`classification`]), and CAR, the
//! confusion-aware spectral regulariser (Zhu et al., CVPR 2026, equations 7 to 9), which can be
//! added to each.
//!
//! For logits f `[B, K]` and labels y `[B]`, n_j of which are j, with d_i = f_i - f_j (row i =
//! predicted class, column j = true class, diagonal 0):
//!
//! ```text
//! c̃_ij = (1/n_j) sum over q with y_q = j of gate(d_i) competition_i(f_q)      the batch
//! C̄_t  = b C̄_{t-1} + (1-b) C̃_t, the history constant for the gradient         the moving average
//! L    = mean cross-entropy + alpha sigma_1(C̄_t Λ),   Λ = diag(lambda_j), lambda_j = (pi_j + r0)^(-1/2)
//! ```
//!
//! [`CarLoss`] does this in a loop of one's own. What `car_spectral::car::CarOptions` can choose,
//! it does; `car_spectral::car` holds the same chain in f64 without libtorch, to read beside the
//! paper.
//!
//! | file | holds |
//! | --- | --- |
//! | `classification` | cross-entropy and its relatives, also for soft labels |
//! | `balanced_contrastive` | the contrastive loss of balanced contrastive learning |
//! | `rectified_labels` | ConCutMix's labels of mixed images |
//! | `car` | [`CarLoss`]: checks, one step, state |
//! | `surrogate` | gate times competition for each sample, `[B, K]`: the only differentiable matrix |
//! | `moving_average` | the moving average, stored by true class |
//! | `penalty` | the norm that is penalised, as pairs of vectors: the top singular pair, or what stands in its place |
//! | `spectral` | the top singular pair by thick-restart Lanczos |
//!
//! # Why no K x K matrix is differentiated
//!
//! With (u, v) the top singular pair of M = C̄Λ, d sigma_1 = uᵀ dM v. Only the batch's samples S
//! `[B, K]` move M, so
//!
//! ```text
//! d sigma_1 = sum over q of a_q (dS_q . u),   a_q = w_{y_q} lambda_{y_q} v_{y_q} / n_{y_q},
//! ```
//!
//! w_j the share of the batch in column j of the matrix used: 1 - b, over 1 - b^t if
//! bias-corrected. The value returned is sigma_1 as a constant plus P - P.detach(), P = sum a_q
//! (S_q . u) with a and u constants: right in value and in gradient, at B K operations beyond the
//! products M x and Mᵀ y of Lanczos, and without a backward pass through a decomposition. Where
//! sigma_1 is multiple this is one of its subgradients; at M = 0 it is 0, the one of smallest norm.
//! For another `CarOptions::norm` the sum runs over its pairs of vectors, too.

mod balanced_contrastive;
mod car;
pub mod classification;
mod error;
mod moving_average;
mod penalty;
mod rectified_labels;
mod spectral;
mod surrogate;

pub use balanced_contrastive::balanced_contrastive_loss;
pub use car::{CarLoss, CarParts};
pub use error::LossError;
pub use rectified_labels::Rectification;
