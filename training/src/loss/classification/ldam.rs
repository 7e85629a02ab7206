//! The margins of LDAM (Cao et al., NeurIPS 2019).

use tch::{TchError, Tensor};

/// s Δ_j, `[K]`: Δ_j falls with n_j^(1/4) and is `largest_margin` for the smallest class.
pub(super) fn scaled_margins(class_counts: &[u64], largest_margin: f64, scale: f64) -> Vec<f64> {
    let least = class_counts.iter().min().copied().unwrap_or(1) as f64;
    class_counts.iter().map(|&n| scale * largest_margin * (least / n as f64).powf(0.25)).collect()
}

/// The logits `[B, K]`, the margin of the true class taken off its logit.
pub(super) fn take_off(margins: &Tensor, logits: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
    let of_class = margins.f_index_select(0, targets)?.f_unsqueeze(1)?;
    logits.f_scatter_add(1, &targets.f_unsqueeze(1)?, &-of_class)
}
