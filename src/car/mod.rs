//! CAR, the confusion-aware regulariser (Zhu et al., CVPR 2026, equations 7 to 9), as a reference
//! in f64: values and analytic gradients with respect to the logits, written to be read beside the
//! paper.
//!
//! ```text
//! c̃_ij = (1/m_j) sum over samples of class j of gate(f_i - f_j) competition_i(f),  i != j  surrogate (D6, eq. 7)
//! C̄_t  = b C̄_{t-1} + (1-b) C̃_t, the history constant for the gradient                      EMA (D7, eq. 8)
//! L    = mean cross-entropy + alpha ‖C̄_t Λ‖₂                                               objective (D8, eq. 9)
//! ```
//!
//! | file | holds |
//! | --- | --- |
//! | `options` | what the paper and its authors' code leave open, as switches; presets `paper` and `official_code` |
//! | `surrogate` | D6 and its gradient |
//! | `exponential` | exponentials of a whole row at once |
//! | `moving_average` | D7 and the per-class EMA; S7: closed form and bias |
//! | `spectral` | the spectral term, its subgradient and its one-sided derivative (S6) |
//! | `penalty` | the norms that can stand in place of the spectral norm, to compare it with |
//! | `objective` | the whole chain, a training step at a time |
//!
//! The same on libtorch tensors, for training, is `car_spectral_training::loss::CarLoss`; it is
//! tested against this one.

mod error;
mod exponential;
mod moving_average;
mod objective;
mod options;
mod penalty;
mod spectral;
mod surrogate;

pub use error::CarError;
pub use moving_average::{ConfusionEma, EmaStep, presence_probability};
pub use objective::{CarObjective, CarStep};
pub use options::{CarOptions, Competition, EmaColumns, EmaOptions, EmaStart, Gate, SurrogateOptions};
pub use penalty::{PenaltyNorm, PenaltyTerm, penalty_term};
pub use spectral::{PenalisedNorm, descent_cosine, penalised_norm, spectral_derivative};
pub use surrogate::{Surrogate, SurrogateSums, surrogate_confusion};
