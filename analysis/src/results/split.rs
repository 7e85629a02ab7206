//! The matrices and norms of one split.

use car_spectral::car::SurrogateOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number known to lie in [lower, upper].
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Enclosure {
    /// Best estimate, lower <= value <= upper.
    pub value: f64,
    /// Certified lower bound (S5).
    pub lower: f64,
    /// Certified upper bound (S5).
    pub upper: f64,
}

/// Norms of a confusion matrix C and of its weighted form CΛ.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatrixNorms {
    /// ‖C‖₁: the largest column sum. For the hard matrix, the worst class's error.
    pub one_norm: f64,
    /// ‖CΛ‖₁. For the hard matrix, the weighted worst-class error WCE (D4).
    pub one_norm_weighted: f64,
    /// ‖C‖₂, certified (S5).
    pub spectral_norm: Enclosure,
    /// ‖CΛ‖₂, certified: R of D5 for a margin matrix.
    pub spectral_norm_weighted: Enclosure,
    /// nu = ‖C‖₁ / ‖C‖₂ (S3); `None` for the zero matrix.
    pub nu: Option<f64>,
    /// ‖CΛ‖₁ / ‖CΛ‖₂; `None` for the zero matrix.
    pub nu_weighted: Option<f64>,
    /// [1/sqrt(t), sqrt(s)], which contains `nu` (S3, by sparsity): t the most non-zeros in a row
    /// of C, s those of its largest column. Rounded outwards; `None` for the zero matrix.
    pub nu_by_non_zeros: Option<[f64; 2]>,
    /// A narrower interval that contains `nu`, from column and row sums and lengths (S3).
    pub nu_by_sums: Option<[f64; 2]>,
    /// `nu_by_non_zeros` of CΛ, which contains `nu_weighted`.
    pub nu_weighted_by_non_zeros: Option<[f64; 2]>,
    /// `nu_by_sums` of CΛ, which contains `nu_weighted`.
    pub nu_weighted_by_sums: Option<[f64; 2]>,
}

/// The margin confusion matrix C_g (D1) at one margin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MarginReport {
    /// g, in units of the logits.
    pub margin: f64,
    /// c_j(g): share of class j with margin <= g; `None` for an empty class. Length K.
    pub class_margin_error: Vec<Option<f64>>,
    /// Norms of C_g and C_gΛ.
    #[serde(flatten)]
    pub norms: MatrixNorms,
}

/// Ties among the scores (S1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ties {
    /// Samples whose largest score is attained at least twice.
    pub top2: u64,
    /// `top2` as a share of the samples.
    pub share: f64,
    /// Samples with margin exactly 0.
    pub zero_margin: u64,
    /// Samples with margin exactly 0 that are nevertheless predicted correctly (the tie goes to the
    /// lowest index): the excess of the column sums of C_0 over the errors.
    pub zero_margin_correct: u64,
}

/// Above this number of classes the dense surrogate matrix (8 K^2 bytes, twice) is left out.
pub(crate) const SURROGATE_CLASSES: usize = 4096;

/// The smooth surrogate matrix (D6) beside the hard one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Surrogate {
    /// Options of the surrogate.
    #[serde(flatten)]
    pub options: SurrogateOptions,
    /// ‖C̃Λ‖₂.
    pub spectral_norm_weighted: Enclosure,
    /// ‖C̃ - C‖_F, C the hard (argmax) confusion matrix, unweighted.
    pub gap_to_hard_frobenius: f64,
}

/// The chain λ_j e_j <= WCE <= sqrt(K-1) ‖CΛ‖₂ (S2, S3) on one hard confusion matrix.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chain {
    /// λ_j e_j; `None` for an empty class. Length K.
    pub weighted_error: Vec<Option<f64>>,
    /// WCE = max_j λ_j e_j = ‖CΛ‖₁.
    pub wce: f64,
    /// A class that attains WCE (the lowest index); `None` if no class has a sample.
    pub wce_class: Option<usize>,
    /// sqrt(K - 1).
    pub sqrt_k_minus_1: f64,
    /// Certified upper bound of R = ‖CΛ‖₂.
    pub spectral_upper: f64,
    /// sqrt(K - 1) times `spectral_upper`.
    pub upper_bound: f64,
    /// Tells whether every step holds, compared without dividing.
    pub holds: bool,
    /// `upper_bound` - `wce`.
    pub slack: f64,
    /// `upper_bound` / `wce`: how many times too large the bound is; `None` if `wce` is 0.
    pub slack_factor: Option<f64>,
    /// s: the most non-zero entries in a column of C.
    pub max_column_nonzeros: usize,
    /// sqrt(s) times `spectral_upper`: the sharper bound of S3, which depends on the data.
    pub upper_bound_sqrt_s: f64,
    /// Tells whether WCE <= sqrt(s) ‖CΛ‖₂ holds.
    pub holds_sqrt_s: bool,
    /// `upper_bound_sqrt_s` / `wce`; `None` if `wce` is 0.
    pub slack_factor_sqrt_s: Option<f64>,
}

/// The top singular pair of CΛ: which classes the spectral norm weighs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TopPair {
    /// The singular value.
    pub sigma: f64,
    /// u: weight of each **predicted** class; non-negative, unit length. Length K.
    pub left: Vec<f64>,
    /// v: weight of each **true** class; non-negative, unit length. Length K.
    pub right: Vec<f64>,
}

/// One data split (training or test).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SplitReport {
    /// Number of samples.
    pub samples: u64,
    /// Samples of each class. Length K.
    pub class_counts: Vec<u64>,
    /// Misclassified samples of each class (argmax, ties to the lowest index). Length K.
    pub class_errors: Vec<u64>,
    /// Ties among the scores.
    pub ties: Ties,
    /// Share of the samples classified correctly.
    pub accuracy: f64,
    /// Error of each class; `None` for an empty class. Length K.
    pub per_class_error: Vec<Option<f64>>,
    /// Norms of the hard (argmax) confusion matrix.
    pub hard: MatrixNorms,
    /// Norms of the margin confusion matrix at each margin of the grid, ascending.
    pub margins: Vec<MarginReport>,
    /// The surrogate; `None` if the scores were not kept.
    pub surrogate: Option<Surrogate>,
    /// The chain of inequalities on the hard matrix.
    pub chain: Chain,
    /// Top singular pair of the weighted hard matrix; `None` for the zero matrix.
    pub top_pair: Option<TopPair>,
}

impl SplitReport {
    /// Number of classes without a sample, whose errors are not estimated.
    pub fn classes_without_samples(&self) -> usize {
        self.class_counts.iter().filter(|&&count| count == 0).count()
    }
}
