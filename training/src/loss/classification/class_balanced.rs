//! Class weights of the class-balanced loss (Cui et al., CVPR 2019), which LDAM-DRW takes too.

/// (1 - b)/(1 - b^n_j), scaled to mean 1.
pub(super) fn weights(class_counts: &[u64], beta: f64) -> Vec<f64> {
    // 1 - b^n without cancellation for b near 1.
    let weights = class_counts.iter().map(|&n| (1.0 - beta) / -(n as f64 * beta.ln()).exp_m1());
    let weights: Vec<f64> = weights.collect();
    let mean = weights.iter().sum::<f64>() / weights.len() as f64;
    weights.iter().map(|weight| weight / mean).collect()
}
