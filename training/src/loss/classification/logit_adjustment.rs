//! The shifts of logit adjustment (Menon et al., ICLR 2021); with τ = 1 Balanced Softmax (Ren et
//! al., NeurIPS 2020).

/// τ ln π_j, `[K]`, added to the logits in training.
pub(super) fn shifts(class_counts: &[u64], tau: f64) -> Vec<f64> {
    let total: u64 = class_counts.iter().sum();
    class_counts.iter().map(|&n| tau * (n as f64 / total as f64).ln()).collect()
}
