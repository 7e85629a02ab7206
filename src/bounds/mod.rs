//! The worst-class bounds as pure functions of numbers: each statement returns its value, or the reason why it does
//! not apply.
//!
//! | file | statement |
//! | --- | --- |
//! | [`chain`] | S1 to S3: lambda_j e_j <= WCE <= sqrt(K-1) \|\|C Lambda\|\|_2, and the measured nu |
//! | [`morvant`] | T1: Morvant, Koço and Ralaivola, needs m_min > 8K |
//! | [`unconditional`] | T1': the same quantity without the condition |
//! | [`spectral_term`] | T2: the computable first term of the published bound |
//! | [`per_class_margin`] | T3 and T3': the margin bound of every class, with all constants |
//! | [`floor`] | T4: what no bound from m_j clean examples can go below |
//! | [`interval`] | T5: Clopper-Pearson intervals, all classes at once |
//! | [`spectral_certificate`] | T6: the population's spectral norm from held-out counts |
//! | [`verdict`] | T5: the verdict on "bound_j >= e_j" |
//!
//! Notation. K >= 2 classes; `class_counts[j]` = m_j training examples (or n_j held-out ones) of class j; matrices have
//! rows = predicted and columns = true class; lambda_j > 0 is the weight of class j; e_j the error of class j; delta the
//! probability with which a statement may fail. Proofs are in `THEORY.md`.
//!
//! ```
//! use car_spectral::bounds::{Outcome, interval, verdict::{Verdict, verdict}};
//!
//! // Ten held-out examples of each of two classes: three and no errors.
//! let intervals = interval::held_out_intervals(&[3, 0], &[10, 10], 0.05, 1)?;
//! assert_eq!(verdict(Some(0.9), intervals[0])?, Verdict::Holds);
//! assert_eq!(verdict(Some(0.01), intervals[0])?, Verdict::Violated);
//! assert_eq!(verdict(Some(0.3), intervals[0])?, Verdict::Undecided);
//! assert_eq!(verdict(Some(1.7), intervals[0])?, Verdict::Vacuous);
//! # Ok::<(), car_spectral::bounds::BoundError>(())
//! ```

pub mod chain;
mod error;
pub mod floor;
pub mod interval;
pub mod morvant;
pub mod network;
mod outcome;
pub mod per_class_margin;
pub mod spectral_certificate;
pub mod spectral_term;
pub mod unconditional;
pub mod verdict;

pub use error::BoundError;
pub use interval::Interval;
pub use network::{Architecture, BiasFreeReluNetwork, LayerNorms};
pub use outcome::{NotApplicable, Outcome};
pub use verdict::{Verdict, VerdictCounts};
