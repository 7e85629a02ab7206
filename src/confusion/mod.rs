//! Margin confusion matrices (D1, D2), their weights (D3), and the type that holds them.

mod error;
mod matrix;

pub use error::ConfusionError;
pub use matrix::ConfusionMatrix;
