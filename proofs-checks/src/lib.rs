//! Parts that the checks of THEORY.md share. The checks themselves are in `tests`, one file a
//! statement.
//!
//! - [`draws`]: draws from known populations;
//! - [`evidence`]: what a check tried and the tightest case it met; the verdict table is made of
//!   these records;
//! - [`exact`]: rational numbers, and the spectral norm compared with a rational without rounding;
//! - [`masses`]: probability masses of binomial and hypergeometric counts;
//! - [`matrices`]: random matrices and weights that reach the corners;
//! - [`search`]: local optimisation that tries to make an inequality fail;
//! - [`table`]: the verdict table.

#![forbid(unsafe_code)]

pub mod draws;
pub mod evidence;
pub mod exact;
pub mod masses;
pub mod matrices;
pub mod search;
pub mod table;
