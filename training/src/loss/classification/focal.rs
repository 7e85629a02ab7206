//! The factor of focal loss (Lin et al., ICCV 2017).

use tch::Tensor;

/// (1 - p)^gamma from ln p, without cancellation.
pub(super) fn factor(log: &Tensor, gamma: f64) -> Result<Tensor, tch::TchError> {
    // Kept off 0, where a power below 1 has no slope.
    (-log.f_expm1()?).f_clamp_min(f64::from(f32::MIN_POSITIVE))?.f_pow_tensor_scalar(gamma)
}
