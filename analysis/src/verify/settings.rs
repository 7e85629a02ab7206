//! Settings that the verdicts depend on besides the scores.

use car_spectral::confusion::{MarginGrid, WeightForm};

/// Settings that the verdicts depend on besides the scores.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The margins g.
    pub grid: MarginGrid,
    /// r0 of D3.
    pub r0: f64,
    /// Form of D3.
    pub weights: WeightForm,
    /// delta of every statement.
    pub delta: f64,
    /// M of T5: models compared.
    pub models_compared: usize,
    /// Comparisons of two models, which share delta; at least 1.
    pub comparisons: usize,
}
