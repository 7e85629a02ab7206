//! Exact ties among stored scores: what stands between the error and C_0 (S1).

/// The numbers of scores that tie exactly, from [`MarginCounts::ties`](super::MarginCounts::ties).
///
/// Scores computed in bf16 or stored as f16 tie often (about 1 % of samples); float32 scores hardly
/// ever do.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Ties {
    /// Samples whose largest score is attained by at least two classes.
    pub top2: u64,
    /// `top2` as a share of all samples; 0 when there are no samples.
    pub share: f64,
    /// Samples of each true class with margin exactly 0.
    pub zero_margin: Vec<u64>,
    /// Samples of each true class j with margin 0 and j < i*, which the rule "ties to the lowest
    /// index" decides rightly. S1: `#(margin <= 0) = errors + zero_margin_correct`, exactly.
    pub zero_margin_correct: Vec<u64>,
}
