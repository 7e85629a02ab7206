//! Norms of C̄Λ that the regulariser can penalise: the paper's, or one to compare it with, each
//! with a subgradient.
//!
//! ```text
//! spectral   sigma_1                        u_1 v_1^T
//! Ky Fan     sigma_1 + ... + sigma_r        u_1 v_1^T + ... + u_r v_r^T
//! one        max_j sum_i M_ij               1 e_j^T, j the column of that maximum
//! ```
//!
//! for M = C̄Λ >= 0 (Horn and Johnson, *Matrix Analysis*, 2nd ed., sections 5.6 and 7.4). The
//! one-norm of the *hard* CΛ is WCE itself (D4); the spectral norm bounds it up to sqrt(K-1) (S2,
//! S3).

use std::fmt;
use std::str::FromStr;

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayView2};

use super::{CarError, penalised_norm};
use crate::norms::{NormError, exact};

#[cfg(feature = "serde")]
use serde::{Deserialize, Serialize};

/// Singular values below this share of sigma_1 have no vectors that an eigendecomposition of MᵀM
/// could tell.
const DETERMINED: f64 = 1e-8;

/// A norm of C̄Λ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(try_from = "String", into = "String"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum PenaltyNorm {
    /// sigma_1, the paper's.
    #[default]
    Spectral,
    /// The sum of the `order` largest singular values, 1 <= `order` <= K.
    KyFan {
        /// Number of singular values.
        order: usize,
    },
    /// The largest column sum.
    One,
}

impl PenaltyNorm {
    /// Gives the norm's symbol for C̄Λ in logs.
    pub fn symbol(&self) -> String {
        match self {
            PenaltyNorm::Spectral => "‖C̄Λ‖₂".to_owned(),
            PenaltyNorm::KyFan { order } => format!("‖C̄Λ‖ (Ky Fan, {order})"),
            PenaltyNorm::One => "‖C̄Λ‖₁".to_owned(),
        }
    }

    /// # Errors
    /// [`CarError::KyFanOrder`] for a Ky Fan norm of no value, or of more values than there are
    /// classes.
    pub fn check(&self, num_classes: usize) -> Result<(), CarError> {
        match *self {
            PenaltyNorm::KyFan { order } if !(1..=num_classes).contains(&order) => {
                Err(CarError::KyFanOrder { order, num_classes })
            }
            _ => Ok(()),
        }
    }
}

/// `spectral`, `one`, `ky-fan:R`.
impl fmt::Display for PenaltyNorm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PenaltyNorm::Spectral => f.write_str("spectral"),
            PenaltyNorm::KyFan { order } => write!(f, "ky-fan:{order}"),
            PenaltyNorm::One => f.write_str("one"),
        }
    }
}

impl From<PenaltyNorm> for String {
    fn from(norm: PenaltyNorm) -> Self {
        norm.to_string()
    }
}

impl TryFrom<String> for PenaltyNorm {
    type Error = CarError;

    fn try_from(name: String) -> Result<Self, CarError> {
        name.parse()
    }
}

impl FromStr for PenaltyNorm {
    type Err = CarError;

    fn from_str(name: &str) -> Result<Self, CarError> {
        match (name, name.strip_prefix("ky-fan:").map(str::parse)) {
            ("spectral", _) => Ok(PenaltyNorm::Spectral),
            ("one", _) => Ok(PenaltyNorm::One),
            (_, Some(Ok(order))) if order > 0 => Ok(PenaltyNorm::KyFan { order }),
            _ => Err(CarError::UnknownNorm { name: name.to_owned() }),
        }
    }
}

/// Value and subgradient of a norm of CΛ.
#[derive(Clone, Debug, PartialEq)]
pub struct PenaltyTerm {
    /// The norm.
    pub value: f64,
    /// A subgradient with respect to C, [K, K], zero on the diagonal; zero altogether at C = 0.
    pub gradient: Array2<f64>,
    /// Distance of the norm, relative to its largest part, from a point where it has several
    /// subgradients: that of sigma_1 to sigma_2, of sigma_r to sigma_(r+1) (to 0 for r = K), of the
    /// largest column sum to the next.
    pub relative_gap: f64,
}

/// A norm of CΛ for a matrix [K, K] >= 0 and weights lambda, `[K]`.
///
/// The singular vectors of a Ky Fan norm come from an eigendecomposition of MᵀM, which leaves those
/// of sigma_i below 1e-8 sigma_1 undetermined: they are left out of the gradient.
///
/// # Errors
/// As [`penalised_norm`]; [`CarError::KyFanOrder`] for an order out of range.
pub fn penalty_term(
    confusion: ArrayView2<'_, f64>,
    weights: &[f64],
    norm: PenaltyNorm,
) -> Result<PenaltyTerm, CarError> {
    norm.check(weights.len())?;
    let spectral = penalised_norm(confusion, weights)?;
    if spectral.value == 0.0 {
        return Ok(PenaltyTerm { value: 0.0, gradient: spectral.gradient(), relative_gap: 0.0 });
    }
    match norm {
        PenaltyNorm::Spectral => Ok(PenaltyTerm {
            value: spectral.value,
            gradient: spectral.gradient(),
            relative_gap: spectral.relative_gap,
        }),
        PenaltyNorm::KyFan { order } => ky_fan(confusion, weights, order),
        PenaltyNorm::One => Ok(one_norm(confusion, weights)),
    }
}

fn ky_fan(confusion: ArrayView2<'_, f64>, weights: &[f64], order: usize) -> Result<PenaltyTerm, CarError> {
    let weighted = Array2::from_shape_fn(confusion.dim(), |(i, j)| confusion[[i, j]] * weights[j]);
    let values = exact::singular_values(weighted.view())?;
    let classes = weights.len();
    let m = DMatrix::from_row_iterator(classes, classes, weighted.iter().copied()) / values[0];
    let eigen = SymmetricEigen::try_new(m.transpose() * &m, f64::EPSILON, exact::MOST_SWEEPS).ok_or_else(|| {
        let reason = "symmetric QR sweeps for the top pairs".into();
        NormError::NotConverged { rows: classes, columns: classes, reason }
    })?;
    let mut by_value: Vec<usize> = (0..classes).collect();
    by_value.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    // U V^T over the pairs whose vectors are determined.
    let mut directions = DMatrix::zeros(classes, classes);
    for &at in by_value[..order].iter().filter(|&&at| eigen.eigenvalues[at] > DETERMINED * DETERMINED) {
        let right = eigen.eigenvectors.column(at);
        directions += (&m * right).normalize() * right.transpose();
    }
    let next = values.get(order).copied().unwrap_or(0.0);
    Ok(PenaltyTerm {
        value: values[..order].iter().sum(),
        gradient: Array2::from_shape_fn(
            confusion.dim(),
            |(i, j)| {
                if i == j { 0.0 } else { directions[(i, j)] * weights[j] }
            },
        ),
        relative_gap: (values[order - 1] - next) / values[0],
    })
}

fn one_norm(confusion: ArrayView2<'_, f64>, weights: &[f64]) -> PenaltyTerm {
    let mut sums: Vec<(f64, usize)> =
        confusion.columns().into_iter().zip(weights).enumerate().map(|(j, (c, w))| (c.sum() * w, j)).collect();
    // Of equal sums the first column.
    sums.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (value, largest) = sums[0];
    let gradient =
        Array2::from_shape_fn(confusion.dim(), |(i, j)| if j == largest && i != j { weights[j] } else { 0.0 });
    PenaltyTerm { value, gradient, relative_gap: 1.0 - sums[1].0 / value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn norms_by_hand() {
        // CΛ = [[0, 3, 0], [4, 0, 0], [1, 0, 0]]: singular values sqrt(17), 3, 0; column sums 5, 3, 0.
        let confusion = array![[0.0, 3.0, 0.0], [2.0, 0.0, 0.0], [0.5, 0.0, 0.0]];
        let term = |norm| penalty_term(confusion.view(), &[2.0, 1.0, 1.0], norm).unwrap();
        let root = 17f64.sqrt();
        let one = term(PenaltyNorm::One);
        assert_eq!((one.value, one.relative_gap), (5.0, 0.4));
        assert_eq!(one.gradient, array![[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [2.0, 0.0, 0.0]]);
        assert_relative_eq!(term(PenaltyNorm::Spectral).value, root, max_relative = 1e-15);
        assert_relative_eq!(term(PenaltyNorm::Spectral).relative_gap, 1.0 - 3.0 / root, max_relative = 1e-14);
        let two = term(PenaltyNorm::KyFan { order: 2 });
        assert_relative_eq!(two.value, root + 3.0, max_relative = 1e-15);
        assert_relative_eq!(two.relative_gap, 3.0 / root, max_relative = 1e-14);
        let expected = array![[0.0, 1.0, 0.0], [8.0 / root, 0.0, 0.0], [2.0 / root, 0.0, 0.0]];
        for (found, expected) in two.gradient.iter().zip(&expected) {
            assert_relative_eq!(found, expected, epsilon = 1e-14);
        }
        let first = term(PenaltyNorm::KyFan { order: 1 });
        assert_relative_eq!(first.relative_gap, 1.0 - 3.0 / root, max_relative = 1e-14);
        // The third value is 0, and its vectors are no one's.
        let three = term(PenaltyNorm::KyFan { order: 3 });
        assert_relative_eq!(three.value, two.value, max_relative = 1e-15);
        assert_eq!((three.gradient, three.relative_gap), (two.gradient, 0.0));
    }

    #[test]
    fn gradients_are_slopes() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let mut seen = [0; 4];
        for _ in 0..60 {
            let k = rng.random_range(3..8);
            let confusion = Array2::from_shape_fn((k, k), |(i, j)| if i == j { 0.0 } else { rng.random::<f64>() });
            let weights: Vec<f64> = (0..k).map(|_| rng.random_range(0.5..2.0)).collect();
            let norms = [
                PenaltyNorm::Spectral,
                PenaltyNorm::One,
                PenaltyNorm::KyFan { order: 1 },
                PenaltyNorm::KyFan { order: 3 },
            ];
            for (norm, seen) in norms.into_iter().zip(&mut seen) {
                let term = penalty_term(confusion.view(), &weights, norm).unwrap();
                if term.relative_gap < 0.02 {
                    continue;
                }
                *seen += 1;
                for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))).filter(|(i, j)| i != j) {
                    let moved = |by: f64| {
                        let mut confusion = confusion.clone();
                        confusion[[i, j]] += by;
                        penalty_term(confusion.view(), &weights, norm).unwrap().value
                    };
                    let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
                    assert_relative_eq!(term.gradient[[i, j]], slope, epsilon = 1e-7);
                }
            }
        }
        assert!(seen.iter().all(|&seen| seen > 30), "{seen:?}");
    }

    #[test]
    fn a_pair_below_1e_minus_8_of_the_largest_has_no_direction() {
        for (unit, second, share) in [(1.0, 1e-5, 1.0), (1.0, 1e-9, 0.0), (1e-12, 1e-5, 1.0)] {
            let confusion = array![[0.0, second], [1.0, 0.0]] * unit;
            let term = penalty_term(confusion.view(), &[1.0; 2], PenaltyNorm::KyFan { order: 2 }).unwrap();
            assert_relative_eq!(term.value, unit * (1.0 + second), max_relative = 1e-14);
            assert_relative_eq!(*term.gradient.as_slice().unwrap(), [0.0, share, 1.0, 0.0], epsilon = 1e-9);
        }
    }

    #[test]
    fn zero_ties_and_orders_out_of_range() {
        for norm in [PenaltyNorm::Spectral, PenaltyNorm::One, PenaltyNorm::KyFan { order: 2 }] {
            let zero = penalty_term(Array2::zeros((3, 3)).view(), &[1.0; 3], norm).unwrap();
            assert_eq!(zero, PenaltyTerm { value: 0.0, gradient: Array2::zeros((3, 3)), relative_gap: 0.0 });
        }
        let tie = penalty_term(array![[0.0, 1.0], [1.0, 0.0]].view(), &[1.0; 2], PenaltyNorm::One).unwrap();
        assert_eq!((tie.relative_gap, tie.gradient), (0.0, array![[0.0, 0.0], [1.0, 0.0]]));
        for order in [0, 4] {
            let refused = penalty_term(Array2::zeros((3, 3)).view(), &[1.0; 3], PenaltyNorm::KyFan { order });
            assert_eq!(refused, Err(CarError::KyFanOrder { order, num_classes: 3 }));
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for norm in [PenaltyNorm::Spectral, PenaltyNorm::One, PenaltyNorm::KyFan { order: 5 }] {
            assert_eq!(norm.to_string().parse(), Ok(norm));
            assert_eq!(String::from(norm).try_into(), Ok(norm));
        }
        let symbols =
            [PenaltyNorm::Spectral, PenaltyNorm::One, PenaltyNorm::KyFan { order: 5 }].map(|norm| norm.symbol());
        assert_eq!(symbols, ["‖C̄Λ‖₂", "‖C̄Λ‖₁", "‖C̄Λ‖ (Ky Fan, 5)"]);
        for wrong in ["", "two", "ky-fan", "ky-fan:", "ky-fan:x", "ky-fan:-1", "ky-fan:0"] {
            assert_eq!(wrong.parse::<PenaltyNorm>(), Err(CarError::UnknownNorm { name: wrong.to_owned() }));
        }
    }
}
