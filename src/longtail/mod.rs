//! Long-tail protocol (the full module follows).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("x")]
pub struct LongTailError;
pub fn long_tailed_counts(n_max: u64, imbalance: f64, k: usize) -> Result<Vec<u64>, LongTailError> {
    Ok((0..k).map(|j| (n_max as f64 * imbalance.powf(-(j as f64) / (k as f64 - 1.0)) + 1e-9).floor() as u64).collect())
}
