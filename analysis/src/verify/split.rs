//! One data split: counts, matrices, norms, ties, the chain S2-S3 and the surrogate.

use car_spectral::ClassErrors;
use car_spectral::bounds::{self, Interval, VectorPair, even_pair};
use car_spectral::car::{CarOptions, SurrogateOptions, SurrogateSums};
use car_spectral::confusion::{ConfusionMatrix, MarginCounts, MarginGrid};
use car_spectral::norms::{self, SpectralNorm};

use ndarray::ArrayView1;

use crate::results::{
    Chain, Enclosure, MarginReport, MatrixNorms, SURROGATE_CLASSES, SplitReport, Surrogate, Ties, TopPair,
};
use crate::subject::Scored;
use crate::{AnalysisError, Result};
use car_spectral_formats::predictions::{Block, Logits};

/// The surrogate of every report, whatever its margins: that of the paper, as in the logs of runs
/// without CAR and in `table.md`. Of large scores it tends to C_g, where the softmax over all
/// classes would not see g (D6 (e)).
const SURROGATE: SurrogateOptions = CarOptions::paper().surrogate;

/// A split's report with what the bounds need besides.
pub(super) struct AnalysedSplit {
    pub counts: MarginCounts,
    pub confusion: ConfusionMatrix,
    /// Numbers of non-zeros in the columns of C_g, for each margin.
    pub column_non_zeros: Vec<Vec<usize>>,
    pub report: SplitReport,
}

impl AnalysedSplit {
    /// Errors name the file that `file` gives.
    pub fn new(scored: &Scored, weights: &[f64], grid: &MarginGrid, file: impl Fn() -> String) -> Result<Self> {
        // Without scores the one margin is 0, where C_g is the matrix of the errors.
        let errors_alone = MarginGrid::new(&[0.0])?;
        let grid = match &scored.logits {
            Logits::Classes(_) => &errors_alone,
            Logits::Counted(counts) => counts.grid(),
            _ => grid,
        };
        let (counts, soft) = taken_in(scored, grid)?;
        if counts.samples() == 0 {
            return Err(AnalysisError::Mismatch {
                problem: format!("{}: a data split without samples has no confusion matrix", file()),
            });
        }
        let confusion = counts.confusion();
        let hard = Norms::of(&confusion, weights)?;
        let (mut margins, mut column_non_zeros) = (Vec::new(), Vec::new());
        for (index, &margin) in grid.margins().iter().enumerate() {
            let matrix = counts.margin_confusion(index);
            let class_margin_error = shares(&counts.margin_errors(index), &counts);
            margins.push(MarginReport { margin, class_margin_error, norms: Norms::of(&matrix, weights)?.report });
            column_non_zeros.push(matrix.column_non_zeros());
        }
        let report = SplitReport {
            samples: counts.samples(),
            class_counts: counts.class_counts().to_vec(),
            class_errors: counts.errors(),
            ties: ties(&counts),
            accuracy: 1.0 - counts.errors().iter().sum::<u64>() as f64 / counts.samples() as f64,
            per_class_error: shares(&counts.errors(), &counts),
            chain: chain(&counts, &confusion, &hard, weights)?,
            top_pair: (hard.weighted.value > 0.0).then(|| TopPair {
                sigma: hard.weighted.value,
                left: hard.weighted.left.clone(),
                right: hard.weighted.right.clone(),
            }),
            hard: hard.report,
            surrogate: soft.map(|soft| surrogate(soft, &confusion, weights)).transpose()?,
            margins,
        };
        Ok(Self { counts, confusion, column_non_zeros, report })
    }
}

/// Margins whose training matrices give T6' its pairs: in units of the logits, from the errors
/// alone to nearly all samples.
const PAIR_MARGINS: [f64; 7] = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// The top singular pairs of C_gΛ on training data for the [`PAIR_MARGINS`], fixed before any test
/// sample is seen, and the vector of ones.
pub(super) fn pairs_of_training(train: &Scored, weights: &[f64]) -> Result<Vec<VectorPair>> {
    let counts = count(train, &MarginGrid::new(&PAIR_MARGINS)?)?;
    let mut pairs = vec![even_pair(weights.len())];
    for index in 0..counts.margins().len() {
        let norm = norms::spectral_norm(&counts.margin_confusion(index).scale_columns(weights)?)?;
        if norm.value > 0.0 {
            pairs.push((norm.left, norm.right));
        }
    }
    Ok(pairs)
}

/// Counts the samples of a split and adds up their surrogate, in one pass over scores that stay in
/// their file; no surrogate without scores or of too many classes.
fn taken_in(scored: &Scored, grid: &MarginGrid) -> Result<(MarginCounts, Option<SurrogateSums>)> {
    let num_classes = scored.logits.dim().1;
    let without = matches!(scored.logits, Logits::Classes(_) | Logits::Counted(_)) || num_classes > SURROGATE_CLASSES;
    if without {
        return Ok((count(scored, grid)?, None));
    }
    let mut counts = MarginCounts::new(num_classes, grid)?;
    let mut soft = SurrogateSums::new(num_classes, SURROGATE)?;
    scored.for_each_block(|block, labels| {
        add(&mut counts, block, labels)?;
        match block {
            Block::F32(scores) => soft.add_batch(scores, labels),
            Block::F64(scores) => soft.add_batch(scores, labels),
        }?;
        Ok(())
    })?;
    Ok((counts, Some(soft)))
}

/// Counts the samples of a split, at its own margins where it was counted before.
pub(crate) fn count(scored: &Scored, grid: &MarginGrid) -> Result<MarginCounts> {
    let mut counts = MarginCounts::new(scored.logits.dim().1, grid)?;
    match &scored.logits {
        Logits::Classes(classes) => counts.add_classes(&classes.predicted, scored.labels.view())?,
        // The margins are those that were counted; of training data they were fixed before the test as well.
        Logits::Counted(counted) => return Ok(MarginCounts::clone(counted)),
        _ => scored.for_each_block(|block, labels| add(&mut counts, block, labels))?,
    }
    Ok(counts)
}

fn add(counts: &mut MarginCounts, block: Block<'_>, labels: ArrayView1<'_, usize>) -> Result<()> {
    match block {
        Block::F32(scores) => counts.add_batch(scores, labels),
        Block::F64(scores) => counts.add_batch(scores, labels),
    }?;
    Ok(())
}

struct Norms {
    report: MatrixNorms,
    weighted: SpectralNorm,
}

impl Norms {
    fn of(matrix: &ConfusionMatrix, weights: &[f64]) -> Result<Self> {
        let scaled = matrix.scale_columns(weights)?;
        let (plain, weighted) = (norms::spectral_norm(matrix)?, norms::spectral_norm(&scaled)?);
        let (one_norm, one_norm_weighted) = (norms::one_norm(matrix), norms::one_norm(&scaled));
        let ratio = |one: f64, spectral: &SpectralNorm| (spectral.value > 0.0).then(|| one / spectral.value);
        let (range, range_weighted) = (bounds::nu_range(matrix)?, bounds::nu_range(&scaled)?);
        let report = MatrixNorms {
            one_norm,
            one_norm_weighted,
            nu: ratio(one_norm, &plain),
            nu_weighted: ratio(one_norm_weighted, &weighted),
            nu_by_non_zeros: range.map(|range| range.by_non_zeros.into()),
            nu_by_sums: range.map(|range| range.by_sums.into()),
            nu_weighted_by_non_zeros: range_weighted.map(|range| range.by_non_zeros.into()),
            nu_weighted_by_sums: range_weighted.map(|range| range.by_sums.into()),
            spectral_norm: enclosure(&plain),
            spectral_norm_weighted: enclosure(&weighted),
        };
        Ok(Self { report, weighted })
    }
}

fn enclosure(norm: &SpectralNorm) -> Enclosure {
    Enclosure { value: norm.value, lower: norm.lower, upper: norm.upper }
}

fn ties(counts: &MarginCounts) -> Ties {
    let ties = counts.ties();
    Ties {
        top2: ties.top2,
        share: ties.share,
        zero_margin: ties.zero_margin.iter().sum(),
        zero_margin_correct: ties.zero_margin_correct.iter().sum(),
    }
}

fn chain(counts: &MarginCounts, confusion: &ConfusionMatrix, norms: &Norms, weights: &[f64]) -> Result<Chain> {
    let non_zeros = confusion.column_non_zeros();
    let spectral = Interval::new(norms.weighted.lower, norms.weighted.upper)?;
    let errors = counts.errors();
    let class_errors = ClassErrors { errors: &errors, counts: counts.class_counts() };
    let chain = bounds::chain(weights, class_errors, spectral, &non_zeros)?;
    let wce = chain.weighted_worst_class_error;
    let factor = |bound: f64| (wce > 0.0).then(|| bound / wce);
    Ok(Chain {
        wce,
        wce_class: chain.attained_by.first().copied(),
        sqrt_k_minus_1: ((counts.num_classes() - 1) as f64).sqrt(),
        spectral_upper: spectral.upper,
        upper_bound: chain.spectral_term,
        holds: chain.holds(),
        slack: chain.spectral_term - wce,
        slack_factor: factor(chain.spectral_term),
        max_column_nonzeros: non_zeros.into_iter().max().unwrap_or(0),
        upper_bound_sqrt_s: chain.sparse_spectral_term,
        holds_sqrt_s: chain.sparse_step_holds,
        slack_factor_sqrt_s: factor(chain.sparse_spectral_term),
        weighted_error: chain.class_terms,
    })
}

/// D6 beside the hard matrix.
fn surrogate(soft: SurrogateSums, hard: &ConfusionMatrix, weights: &[f64]) -> Result<Surrogate> {
    let matrix = soft.into_confusion()?;
    let difference = matrix.to_dense() - hard.to_dense();
    let gap = norms::frobenius_norm(&ConfusionMatrix::from_dense(difference.mapv(f64::abs))?);
    let weighted = matrix.scale_columns(weights)?;
    Ok(Surrogate {
        options: SURROGATE,
        spectral_norm_weighted: enclosure(&norms::spectral_norm(&weighted)?),
        gap_to_hard_frobenius: gap,
    })
}

fn shares(parts: &[u64], counts: &MarginCounts) -> Vec<Option<f64>> {
    let share = |(&part, &count): (&u64, &u64)| (count > 0).then(|| part as f64 / count as f64);
    parts.iter().zip(counts.class_counts()).map(share).collect()
}
