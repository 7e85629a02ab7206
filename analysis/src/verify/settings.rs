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

impl Settings {
    /// Settings for one model alone.
    #[must_use]
    pub fn new(grid: MarginGrid, r0: f64, weights: WeightForm, delta: f64) -> Self {
        Self { grid, r0, weights, delta, models_compared: 1, comparisons: 1 }
    }
}
