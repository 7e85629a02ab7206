//! The norm of M = Hᵀ diag(weights) that is penalised, with a subgradient: pairs (x_i, y_i) for
//! which the norm is sum of x_iᵀ M y_i and sum of x_i y_iᵀ one of its subgradients.
//!
//! | norm | pairs |
//! | --- | --- |
//! | spectral | the top singular pair, by Lanczos (module `spectral`) |
//! | Ky Fan of order r | r singular pairs, by a full decomposition |
//! | one | (1, e_j), j the column of the largest sum |

use car_spectral::car::PenaltyNorm;
use tch::{Kind, TchError, Tensor};

use super::spectral::top_singular_pair;

/// A norm of M and its pairs.
pub(super) struct Pairs {
    /// The norm, a scalar.
    pub(super) value: Tensor,
    /// x_i `[r, K]`, by predicted class.
    pub(super) left: Tensor,
    /// y_i `[r, K]`, by true class.
    pub(super) right: Tensor,
}

/// Singular values below this share of sigma_1 are rounding, and no subgradient follows their
/// vectors.
fn rounding(kind: Kind) -> f64 {
    if kind == Kind::Double { 1e-8 } else { 1e-5 }
}

/// The pairs of `norm` for H `[K, K]` (row = true class) and `weights` `[K]` without a negative
/// entry; `previous` `[K]` is a guess of u_1, of norm 1 or 0. None if M = 0.
pub(super) fn penalty_pairs(
    norm: PenaltyNorm,
    by_true_class: &Tensor,
    weights: &Tensor,
    previous: &Tensor,
) -> Result<Option<Pairs>, TchError> {
    match norm {
        PenaltyNorm::Spectral => {
            let pair = top_singular_pair(by_true_class, weights, previous)?;
            pair.map(|pair| {
                Ok(Pairs { value: pair.sigma, left: pair.left.f_unsqueeze(0)?, right: pair.right.f_unsqueeze(0)? })
            })
            .transpose()
        }
        PenaltyNorm::KyFan { order } => ky_fan(by_true_class, weights, order as i64),
        PenaltyNorm::One => one_norm(by_true_class, weights),
    }
}

fn ky_fan(by_true_class: &Tensor, weights: &Tensor, order: i64) -> Result<Option<Pairs>, TchError> {
    let weighted = by_true_class.f_mul(&weights.f_unsqueeze(1)?)?;
    let scale = weighted.f_max()?;
    if scale.f_double_value(&[])? == 0.0 {
        return Ok(None);
    }
    // Of Mᵀ = (V S Uᵀ): true classes are its rows.
    let (right, values, left) = weighted.f_div(&scale)?.f_svd(true, true)?;
    let values = values.f_narrow(0, 0, order)?;
    let limit = values.f_select(0, 0)?.f_mul_scalar(rounding(values.kind()))?;
    let told = values.f_gt_tensor(&limit)?.f_to_kind(values.kind())?;
    let rows = |vectors: &Tensor| vectors.f_narrow(1, 0, order)?.f_transpose(0, 1);
    Ok(Some(Pairs {
        value: values.f_sum(values.kind())?.f_mul(&scale)?,
        left: rows(&left)?.f_mul(&told.f_unsqueeze(1)?)?,
        right: rows(&right)?.f_contiguous()?,
    }))
}

fn one_norm(by_true_class: &Tensor, weights: &Tensor) -> Result<Option<Pairs>, TchError> {
    let sums = by_true_class.f_sum_dim_intlist(1i64, false, by_true_class.kind())?.f_mul(weights)?;
    let value = sums.f_max()?;
    if value.f_double_value(&[])? == 0.0 {
        return Ok(None);
    }
    let largest = sums.f_argmax(0, false)?;
    let right = sums.f_zeros_like()?.f_index_fill(0, &largest, 1.0)?;
    Ok(Some(Pairs { value, left: sums.f_ones_like()?.f_unsqueeze(0)?, right: right.f_unsqueeze(0)? }))
}
