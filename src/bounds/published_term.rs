//! T2 (Zhu et al., CVPR 2026, Proposition 3.2): the published per-class bound, of which only the
//! first term can be computed.
//!
//! ```text
//! e_j <= (nu / lambda_j) ‖C_{S,g}Λ‖₂ + E(f, S, g, delta)
//! ```
//! E is known up to constants only, so there is no total and no verdict on one. The paper's nu
//! ("depends on K only") is put in as the proved constant sqrt(K-1) of S3, or, class by class,
//! sqrt(s_j) for a column j with s_j non-zeros. The measured nu must not be put in: with it the
//! spectral norm cancels and the one-norm comes back.

use super::error::{check_column_non_zeros, check_non_negative, check_num_classes, check_weights};
use super::{BoundError, NotApplicable};

/// The first term of T2 for every class.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct PublishedTerm {
    /// sqrt(K-1) / lambda_j * upper(‖C_{S,g}Λ‖₂). By S3 it is at least c_j(g), the share of class j
    /// with margin at most g.
    pub first_term: Vec<f64>,
    /// sqrt(s_j) / lambda_j * upper(‖C_{S,g}Λ‖₂), still at least c_j(g): 0 for a class none of
    /// whose margins is at most g.
    pub sparse_first_term: Vec<f64>,
}

impl PublishedTerm {
    /// Gives the reason why T2 has no second term here, and so no total: "up to constants".
    pub fn complexity(&self) -> NotApplicable {
        NotApplicable::ConstantsUnknown
    }
}

/// T2's first term from an upper bound of ‖C_{S,g}Λ‖₂ (S5) and the numbers s_j of non-zeros in the
/// columns of C_{S,g}
/// ([`ConfusionMatrix::column_non_zeros`](crate::confusion::ConfusionMatrix::column_non_zeros)).
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Weight`], [`BoundError::Length`];
/// [`BoundError::Value`] for a norm that is negative or not finite; [`BoundError::ColumnNonZeros`]
/// if an s_j exceeds K - 1.
pub fn published_term(
    weights: &[f64],
    spectral_upper: f64,
    column_non_zeros: &[usize],
) -> Result<PublishedTerm, BoundError> {
    check_num_classes(weights.len())?;
    check_weights(weights)?;
    check_non_negative("upper bound of the spectral norm", spectral_upper)?;
    check_column_non_zeros(column_non_zeros, weights.len())?;
    let term = |terms: usize, weight: f64| (terms as f64).sqrt() * spectral_upper / weight;
    Ok(PublishedTerm {
        first_term: weights.iter().map(|&weight| term(weights.len() - 1, weight)).collect(),
        sparse_first_term: column_non_zeros.iter().zip(weights).map(|(&terms, &weight)| term(terms, weight)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_and_reason() {
        let term = published_term(&[1.0, 2.0, 4.0, 1.0, 1.0], 0.5, &[1, 4, 1, 0, 4]).unwrap();
        assert_eq!(term.first_term, [1.0, 0.5, 0.25, 1.0, 1.0]);
        assert_eq!(term.sparse_first_term, [0.5, 0.5, 0.125, 0.0, 1.0]);
        let full = published_term(&[1.0; 5], 0.5, &[4; 5]).unwrap();
        assert_eq!(full.sparse_first_term, full.first_term);
        assert_eq!(
            term.complexity().to_string(),
            "not applicable: the complexity term is known up to constants, not computable"
        );
        assert!(published_term(&[1.0, 2.0], f64::NAN, &[1, 1]).is_err());
        assert!(published_term(&[1.0, -2.0], 1.0, &[1, 1]).is_err());
        assert!(published_term(&[1.0, 2.0], 1.0, &[1, 2]).is_err());
        assert!(published_term(&[1.0, 2.0], 1.0, &[1]).is_err());
    }
}
