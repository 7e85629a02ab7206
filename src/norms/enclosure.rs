//! The spectral norm of a non-negative matrix between two certified bounds (S5 of THEORY.md).
//!
//! Let M >= 0 with M != 0, J its non-zero columns and A = MᵀM on J. (Or A = MMᵀ on the non-zero
//! rows: M and Mᵀ have the same norm, and the code takes the one whose vectors are contiguous in
//! memory.)
//!
//! **Upper** (Collatz-Wielandt). For every x > 0 on J: ‖M‖₂² <= max_J (Ax)_j / x_j. *Proof.* Let r
//! be that maximum, v >= 0 a top right singular vector (S4), Av = σ² v, v = 0 outside J. Then xᵀv >
//! 0 and σ² xᵀv = xᵀAv = (Ax)ᵀv <= r xᵀv. ∎
//!
//! **Lower**. For every w != 0: ‖Mᵀw‖/‖w‖ <= ‖Mᵀ‖₂ = ‖M‖₂, by definition of the norm. With w = Mx
//! this is ‖Ax‖/‖Mx‖, which is at least ‖Mx‖/‖x‖, as ‖Mx‖² = xᵀAx <= ‖x‖ ‖Ax‖.
//!
//! **Where x comes from.** Any positive x gives true bounds; a good one makes them meet. One
//! Lanczos run from b = 1 gives θ ≈ σ² and, for s = θ (1 + δ), the vector x with (s I - A) x = b -
//! r (module `lanczos`). If r <= b and x > 0 then Ax <= s x, so the first bound is at most √s = σ
//! (1 + δ/2 + …), and x is within O(δ/gap) of the top singular vector, so the second misses σ by
//! O(δ²). It is the same small-gap certificate as in S5, ‖M‖₂² <= s - min_j b_j/x_j, with the
//! solver's output *checked by Collatz-Wielandt* instead of believed; it needs no gap between σ₁
//! and σ₂, and no component of x has to be accurate. Where the residual stays too large the
//! smallest δ that the residual allows is taken, and the interval is honestly wider.
//!
//! **Rounding.** u = 2^-53, p vectors of length n in the block, N = (most non-zeros in a row) +
//! (most in a column). All terms are non-negative, so no cancellation: a sum of t products carries
//! a factor in [(1-u)^t, (1+u)^t] in whatever order it is taken, fused or not.
//! - Upper: fl(y_j) >= (1-u)^N (Ax)_j, and the division adds one rounding, so the true ratio is at
//!   most (1-u)^-(N+1) max fl(y_j/x_j); the root halves the exponent and adds one rounding, the
//!   constant 1 + (N+8)u and the product two more. (1-u)^-(N/2 + 7/2) <= 1 + (N+8)u for N u <= 1/4,
//!   so next_up(√max · (1 + (N+8)u)) >= ‖M‖₂.
//! - Lower: w is what it is, *as computed*; y = fl(Mᵀw) is at most (1+u)^N too large, a norm of t
//!   numbers at most a factor (1±u)^(t/2+1), quotient and product two more: (‖y‖/‖w‖)(1 - (N + p +
//!   n + 8)u) <= ‖M‖₂.
//! - Underflow: entries are scaled by a power of two so that the largest of a block lies in [1, 2)
//!   (or, where a dense matrix is used in place, in [2^-80, 2^80]); 2^-300 <= x_j <= 1. An entry,
//!   product or sum that underflows is off by less than 2^-1074, which in y_j/x_j adds up to less
//!   than N² 2^-694, against a maximum of at least 2^-160: far below the spare u of the upper bound
//!   (THEORY.md has the margins). The squares add up to ‖w‖² >= 2^-760 and ‖y‖² >= 2^-920, of which
//!   n underflows are less than n 2^-154.
//!
//! The conditions of all this hold for every matrix there can be: K < 2^32 (a class is named by 32
//! bits) gives N < 2^33 and N + p + n < 2^34, so N u < 2^-20, (N + p + n) u < 2^-19 and n 2^-154 <
//! 2^-122.
//!
//! Both slacks of S5 are therefore right.

use std::borrow::Cow;

use multiversion::multiversion;
use ndarray::ArrayView2;

use crate::confusion::ConfusionMatrix;

use super::NormError;
use super::block::{Block, norm};
use super::columns::Columns;
use super::components::{Components, support_if_connected};
use super::lanczos::Lanczos;
use super::power_of_two::{exponent, scale, scale_down, scale_up};

/// Unit roundoff of f64.
const U: f64 = f64::EPSILON / 2.0;
/// An enclosure this narrow, relative to its upper end, is final.
const TARGET_WIDTH: f64 = 1e-9;
/// Components of a witness are kept above this, relative to the largest.
const FLOOR: f64 = 1.0 / ((1u128 << 100) as f64 * (1u128 << 100) as f64 * (1u128 << 100) as f64);
/// Passes over one block after which the interval reached is returned as it is.
const MAX_PASSES: usize = 4096;
/// Numbers that the Krylov basis of one block may hold (128 MiB), and bounds of its dimension.
const BASIS_BUDGET: usize = 1 << 24;
const BASIS_DIMENSION: (usize, usize) = (32, 1024);
/// Exponents of the relative shift δ of a witness (s = θ (1 + δ)): 2^-31 makes an interval of
/// relative width 2.3e-10; below 2^-39 the rounding of A x, u s x_j ≈ u/δ against b = 1, would no
/// longer be small. At 2^20 the witness is b itself to six digits.
const LARGEST_SHIFT: i32 = -31;
const SMALLEST_SHIFT: i32 = -39;
const WIDEST_SHIFT: i32 = 21;
/// Added to every component of a witness of maximum 1 before Lanczos starts from it again.
const RESTART_FLOOR: f64 = 1.0 / 1024.0;
/// Below this share of non-zeros a dense matrix is treated as a sparse one.
const SPARSE_SHARE: f64 = 0.125;
/// And above this share a component of a sparse one as a dense one: a pass is then faster in spite
/// of the zeros.
const DENSE_SHARE: f64 = 0.3;
/// Largest entries of a dense matrix between 2^-80 and 2^80 need no scaling.
const SAFE_EXPONENT: i32 = 80;

/// ‖M‖₂ between two certified bounds, with the singular pair that attains the estimate.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct SpectralNorm {
    /// Best estimate, in [`lower`](Self::lower)`..=`[`upper`](Self::upper): the quotient
    /// ‖Mᵀw‖/‖w‖ = uᵀMv of the pair below, *before* rounding outwards, hence a lower bound up to
    /// rounding, with an error quadratic in that of the pair.
    pub value: f64,
    /// Certified: lower <= ‖M‖₂.
    pub lower: f64,
    /// Certified: ‖M‖₂ <= upper.
    pub upper: f64,
    /// Passes over blocks of the matrix, each a product with M and one with Mᵀ, summed over the
    /// blocks.
    pub iterations: usize,
    /// u over the rows (predicted classes), length K: unit, non-negative, zero outside the block
    /// that attains the norm.
    pub left: Vec<f64>,
    /// v over the columns (true classes), length K: unit, non-negative, zero outside the block that
    /// attains the norm. If σ₁ is (nearly) multiple, u and v are one of the pairs that attain
    /// `value`.
    pub right: Vec<f64>,
}

impl SpectralNorm {
    /// (upper - lower) / upper; 0 for the zero matrix.
    pub fn relative_width(&self) -> f64 {
        if self.upper > 0.0 { (self.upper - self.lower) / self.upper } else { 0.0 }
    }
}

/// Certified enclosure lower <= ‖M‖₂ <= upper of the stored matrix (S5; the module's page has
/// statement and proof), relative width at most 1e-9 unless thousands of passes cannot separate σ₁
/// from what lies below it; then honestly wider.
///
/// One connected component of the bipartite graph of rows and columns at a time: ‖M‖₂ is the
/// largest of theirs. Components whose certified bound √(‖·‖₁ ‖·‖_∞) lies below the lower bound
/// already reached are skipped, a component with one entry is exact. A dense matrix of one
/// component with at least an eighth of its entries not 0 is used in place, one read a pass; a zero
/// matrix gives 0 = lower = upper with the first unit vectors.
///
/// The enclosure is of the matrix as stored. An entry of C_gΛ, computed as (count / m_j) λ_j with
/// λ_j = 1/√(π_j + r0), r0 ≥ 0, is off by at most 8u relatively, and so by S4 is the norm: ‖fl(M)‖₂
/// ∈ [(1-8u), (1+8u)] ‖M‖₂. Two of these roundings are left if λ_j is taken as it is stored.
///
/// # Errors
/// [`NormError::Overflow`] if the upper bound exceeds the largest f64.
pub fn spectral_norm(matrix: &ConfusionMatrix) -> Result<SpectralNorm, NormError> {
    let found = match matrix.as_dense() {
        Some(dense) => enclose_dense(matrix, dense),
        None => enclose_columns(&Columns::of(matrix)),
    };
    if found.upper.is_finite() { Ok(found) } else { Err(NormError::Overflow) }
}

/// In place if the matrix is full enough and connected; by compressed columns otherwise.
fn enclose_dense(matrix: &ConfusionMatrix, dense: ArrayView2<f64>) -> SpectralNorm {
    let num_classes = matrix.num_classes();
    // Row-major: the vectors are rows. Column-major: columns, and left and right change places.
    let transposed = dense.t().is_standard_layout();
    let oriented = if transposed { dense.t() } else { dense };
    let contiguous = oriented.as_standard_layout();
    let values = contiguous.as_slice().expect("standard layout is contiguous");

    let (max, non_zeros) = scan(values);
    if max == 0.0 {
        return Best::default().finish(num_classes);
    }
    if is_sparse(non_zeros, values.len()) {
        return enclose_columns(&Columns::of(matrix));
    }
    let Some(support) = support_if_connected(values, num_classes) else {
        return enclose_columns(&Columns::of(matrix));
    };
    let e = scaling(max);
    let scaled = match e {
        0 => Cow::Borrowed(values),
        _ => Cow::Owned(values.iter().map(|&value| scale(value, -e)).collect()),
    };
    let block = Block::Dense { values: scaled, len: num_classes };
    let support: Vec<f64> = support.iter().map(|&inside| f64::from(u8::from(inside))).collect();
    let mut best = Best::default();
    best.take(enclose_block(&block, &support, 0.0), e, |w, y| {
        if transposed { (y.to_vec(), w.to_vec()) } else { (w.to_vec(), y.to_vec()) }
    });
    best.finish(num_classes)
}

/// Whether to go by compressed columns: few entries for their places, or one alone, which is exact
/// there.
fn is_sparse(non_zeros: usize, places: usize) -> bool {
    non_zeros == 1 || (non_zeros as f64) < SPARSE_SHARE * places as f64
}

/// The exponent by which a dense matrix with this largest entry is scaled; 0 where it can be used
/// in place.
fn scaling(max: f64) -> i32 {
    let e = exponent(max);
    if e.abs() < SAFE_EXPONENT { 0 } else { e }
}

/// The largest of non-negative values and the number of non-zeros.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn scan(values: &[f64]) -> (f64, usize) {
    let (mut max, mut non_zeros) = ([0.0f64; 16], [0u64; 16]);
    let (lanes, tail) = values.as_chunks::<16>();
    for values in lanes {
        for lane in 0..16 {
            max[lane] = if values[lane] > max[lane] { values[lane] } else { max[lane] };
            non_zeros[lane] += u64::from(values[lane] != 0.0);
        }
    }
    let max = max.iter().chain(tail).copied().fold(0.0, f64::max);
    (max, non_zeros.iter().sum::<u64>() as usize + tail.iter().filter(|&&value| value != 0.0).count())
}

/// What is known of a component before any iteration.
struct Candidate {
    component: usize,
    /// 2^exponent <= largest entry < 2^(exponent + 1).
    exponent: i32,
    /// Certified upper bound √(‖·‖₁ ‖·‖_∞) of the component, unscaled; infinite for one that is
    /// alone.
    bound: f64,
}

fn enclose_columns(matrix: &Columns) -> SpectralNorm {
    let num_classes = matrix.num_classes();
    let components = Components::of_columns(num_classes, &matrix.starts, &matrix.rows);
    let mut candidates = candidates(matrix, &components);
    candidates.sort_by(|a, b| b.bound.total_cmp(&a.bound));

    let mut best = Best::default();
    let mut local_row = vec![u32::MAX; num_classes];
    for Candidate { component, exponent: e, bound } in candidates {
        if bound <= best.lower {
            // Sorted by bound: all that follow are smaller still.
            break;
        }
        let columns = components.columns(component);
        let mut block_rows = Vec::new();
        let stored = columns.iter().map(|&column| matrix.range(column).len()).sum();
        let (mut starts, mut indices, mut values) = (vec![0], Vec::with_capacity(stored), Vec::with_capacity(stored));
        for &column in columns {
            let range = matrix.range(column);
            for &row in &matrix.rows[range.clone()] {
                if local_row[row as usize] == u32::MAX {
                    local_row[row as usize] = block_rows.len() as u32;
                    block_rows.push(row);
                }
                indices.push(local_row[row as usize]);
            }
            values.extend(matrix.values[range].iter().map(|&value| scale(value, -e)));
            starts.push(indices.len());
        }
        let len = block_rows.len();
        let mut block = Block::Sparse { starts, indices, values, len };
        if is_faster_dense(block.count(), len, block.stored()) {
            block = block.into_dense();
        }
        // best.lower is below this component's bound, so the quotient is finite.
        let enclosed = enclose_block(&block, &vec![1.0; len], scale(best.lower, -e));
        best.take(enclosed, e, |w, y| (spread(y, &block_rows, num_classes), spread(w, columns, num_classes)));
    }
    best.finish(num_classes)
}

/// Of a component with so many vectors of this length and so many entries; one vector alone needs
/// no iteration.
fn is_faster_dense(count: usize, len: usize, stored: usize) -> bool {
    count > 1 && stored as f64 > DENSE_SHARE * (count * len) as f64
}

fn candidates(matrix: &Columns, components: &Components) -> Vec<Candidate> {
    if components.count() == 1 {
        // Nothing that it might be skipped for.
        let exponent = exponent(matrix.values.iter().copied().fold(0.0, f64::max));
        return vec![Candidate { component: 0, exponent, bound: f64::INFINITY }];
    }
    let num_classes = matrix.num_classes();
    let mut row_sums = vec![0.0; num_classes];
    let mut row_terms = vec![0usize; num_classes];
    let mut candidates = Vec::with_capacity(components.count());
    let mut column_norms = Vec::with_capacity(components.count());
    for component in 0..components.count() {
        let columns = components.columns(component);
        let entries = || columns.iter().flat_map(|&column| matrix.entries(column));
        let e = exponent(entries().map(|(_, value)| value).fold(0.0, f64::max));
        let (mut largest_sum, mut most_terms) = (0.0f64, 0);
        for &column in columns {
            let (mut sum, mut terms) = (0.0, 0);
            for (row, value) in matrix.entries(column) {
                let value = scale(value, -e);
                sum += value;
                terms += 1;
                row_sums[row as usize] += value;
                row_terms[row as usize] += 1;
            }
            largest_sum = largest_sum.max(sum);
            most_terms = most_terms.max(terms);
        }
        candidates.push(Candidate { component, exponent: e, bound: 0.0 });
        column_norms.push((largest_sum, most_terms));
    }
    let mut row_norms = vec![(0.0f64, 0usize); components.count()];
    for row in 0..num_classes {
        if let Some(component) = components.of_row(row) {
            let (largest_sum, most_terms) = &mut row_norms[component];
            *largest_sum = largest_sum.max(row_sums[row]);
            *most_terms = (*most_terms).max(row_terms[row]);
        }
    }
    for (candidate, (column, row)) in candidates.iter_mut().zip(column_norms.iter().zip(&row_norms)) {
        let bound = outward_root(column.0 * row.0, column.1 + row.1);
        candidate.bound = scale_up(bound, candidate.exponent);
    }
    candidates
}

/// Bounds of one block with the vectors of the better lower bound.
struct Enclosed {
    value: f64,
    lower: f64,
    upper: f64,
    passes: usize,
    /// Unit vectors over the block's vectors and over their places.
    w: Vec<f64>,
    y: Vec<f64>,
}

impl Enclosed {
    fn unknown() -> Self {
        Self { value: 0.0, lower: 0.0, upper: f64::INFINITY, passes: 0, w: Vec::new(), y: Vec::new() }
    }

    fn relative_width(&self) -> f64 {
        1.0 - self.lower / self.upper
    }

    /// Both bounds of S5 from one pass, for the vector x made positive on the support; returns that
    /// vector, of maximum 1. `terms` is the block's [`Block::most_terms`].
    fn certify(&mut self, block: &Block, terms: usize, support: &[f64], mut x: Vec<f64>) -> Vec<f64> {
        let max = x.iter().copied().fold(0.0, f64::max);
        for (x, &inside) in x.iter_mut().zip(support) {
            *x = if inside > 0.0 { (*x / max).max(FLOOR) } else { 0.0 };
        }
        let (mut w, mut y) = (vec![0.0; block.count()], vec![0.0; block.len()]);
        block.apply_gram(&x, &mut w, &mut y);
        self.passes += 1;

        let ratio = x.iter().zip(&y).filter(|&(&x, _)| x > 0.0).map(|(x, y)| y / x).fold(0.0, f64::max);
        self.upper = self.upper.min(outward_root(ratio, terms));

        let (w_norm, y_norm) = (norm(&w), norm(&y));
        let value = y_norm / w_norm;
        let lower = value * (1.0 - (terms + block.count() + block.len() + 8) as f64 * U);
        if lower > self.lower {
            (self.value, self.lower) = (value, lower);
            w.iter_mut().for_each(|w| *w /= w_norm);
            y.iter_mut().for_each(|y| *y /= y_norm);
            (self.w, self.y) = (w, y);
        }
        self.value = self.value.min(self.upper);
        x
    }
}

/// Encloses the norm of a connected block whose largest entry is of moderate size. `support` is 1
/// on the non-zero places and 0 elsewhere. Returns early once the upper bound is not above
/// `irrelevant_below`.
fn enclose_block(block: &Block, support: &[f64], irrelevant_below: f64) -> Enclosed {
    let mut found = Enclosed::unknown();
    let terms = block.most_terms();
    if let Block::Sparse { indices, values, .. } = block
        && block.count() == 1
    {
        if let &[value] = values.as_slice() {
            return Enclosed { value, lower: value, upper: value, passes: 0, w: vec![1.0], y: vec![1.0] };
        }
        // Rank one, A = a aᵀ: a itself is the singular vector.
        let mut x = vec![0.0; block.len()];
        indices.iter().zip(values).for_each(|(&i, &value)| x[i as usize] = value);
        found.certify(block, terms, support, x);
        return found;
    }
    if irrelevant_below > 0.0 {
        found.certify(block, terms, support, support.to_vec());
        if found.upper <= irrelevant_below {
            return found;
        }
    }

    let dimension_limit = dimension_limit(block.len());
    let mut start = support.to_vec();
    loop {
        let width_before = found.relative_width();
        let mut lanczos = Lanczos::new(block, start.clone());
        let mut next_attempt = 2;
        let witness = loop {
            lanczos.extend(block);
            found.passes += 1;
            let k = lanczos.dimension();
            let last = lanczos.is_invariant() || k >= dimension_limit || found.passes >= MAX_PASSES;
            if last {
                // The best that this space can give, however wide: at a large shift the residual is small.
                let Some(x) = lanczos.witness(WIDEST_SHIFT, SMALLEST_SHIFT) else { break start.clone() };
                break found.certify(block, terms, support, x);
            }
            if k < next_attempt {
                continue;
            }
            next_attempt = next_look(k, block.stored());
            if let Some(x) = lanczos.witness(LARGEST_SHIFT, SMALLEST_SHIFT) {
                let x = found.certify(block, terms, support, x);
                if found.relative_width() <= TARGET_WIDTH {
                    break x;
                }
            }
        };
        if !is_worth_a_restart(found.relative_width(), width_before, found.passes) {
            return found;
        }
        // Closer to the top pair than before, and still bounded away from 0, which keeps the condition r <= b mild.
        start = x_plus_floor(witness, support);
    }
}

/// Dimension that the Krylov space of vectors of this length may reach.
fn dimension_limit(len: usize) -> usize {
    (BASIS_BUDGET / len).clamp(BASIS_DIMENSION.0, BASIS_DIMENSION.1)
}

/// The dimension at which to look at T_k again after a look at k: one look costs some 500 k
/// operations, which is to stay below the passes in between over a block of so many entries.
fn next_look(k: usize, stored: usize) -> usize {
    k + 1 + (512 * k / stored).min(k / 4)
}

/// Whether a new space, from the witness of the last, may still narrow the interval.
fn is_worth_a_restart(width: f64, width_before: f64, passes: usize) -> bool {
    width > TARGET_WIDTH && passes < MAX_PASSES && width < 0.9 * width_before
}

fn x_plus_floor(mut x: Vec<f64>, support: &[f64]) -> Vec<f64> {
    x.iter_mut().zip(support).for_each(|(x, inside)| *x += inside * RESTART_FLOOR);
    x
}

/// The largest component so far, in the units of the matrix.
#[derive(Default)]
struct Best {
    value: f64,
    lower: f64,
    upper: f64,
    passes: usize,
    left_right: Option<(Vec<f64>, Vec<f64>)>,
}

impl Best {
    /// Takes in a component of which the bounds are to be multiplied by 2^e; `place` turns its w
    /// and y into left and right vectors over all classes.
    fn take(&mut self, found: Enclosed, e: i32, place: impl FnOnce(&[f64], &[f64]) -> (Vec<f64>, Vec<f64>)) {
        let (lower, value, upper) = if found.lower == found.upper {
            // One entry: its scaling was exact, and so is the way back.
            let value = scale(found.value, e);
            (value, value, value)
        } else {
            let (lower, upper) = (scale_down(found.lower, e), scale_up(found.upper, e));
            (lower, scale(found.value, e).clamp(lower, upper), upper)
        };
        if value > self.value {
            self.left_right = Some(place(&found.w, &found.y));
        }
        self.value = self.value.max(value);
        self.lower = self.lower.max(lower);
        self.upper = self.upper.max(upper);
        self.passes += found.passes;
    }

    fn finish(self, num_classes: usize) -> SpectralNorm {
        let (left, right) = self.left_right.unwrap_or_else(|| {
            let first: Vec<f64> = (0..num_classes).map(|class| f64::from(u8::from(class == 0))).collect();
            (first.clone(), first)
        });
        SpectralNorm { value: self.value, lower: self.lower, upper: self.upper, iterations: self.passes, left, right }
    }
}

/// A vector over the classes with `values` at `places` and 0 elsewhere.
fn spread(values: &[f64], places: &[u32], num_classes: usize) -> Vec<f64> {
    let mut all = vec![0.0; num_classes];
    values.iter().zip(places).for_each(|(&value, &place)| all[place as usize] = value);
    all
}

/// next_up(√ratio (1 + (terms + 8) u)).
fn outward_root(ratio: f64, terms: usize) -> f64 {
    (ratio.sqrt() * (1.0 + (terms + 8) as f64 * U)).next_up()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norms::exact;
    use ndarray::{Array2, ShapeBuilder};
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// The QR and divide-and-conquer SVDs are backward stable: an error of a small multiple of √K u
    /// σ₁; 1e-13 is 900 u.
    const SVD_ERROR: f64 = 1e-13;

    fn sparse(num_classes: usize, triplets: impl IntoIterator<Item = (usize, usize, f64)>) -> ConfusionMatrix {
        ConfusionMatrix::from_triplets(num_classes, triplets).unwrap()
    }

    fn dense(matrix: Array2<f64>) -> ConfusionMatrix {
        ConfusionMatrix::from_dense(matrix).unwrap()
    }

    /// Shares of mistakes with long tails, as a softmax averaged over a class gives them.
    fn dense_confusion(k: usize, rng: &mut ChaCha8Rng) -> Array2<f64> {
        let weights: Vec<f64> = (0..k).map(|i| 1.0 / (i as f64 + 1.0)).collect();
        Array2::from_shape_fn((k, k), |(i, j)| {
            if i == j { 0.0 } else { weights[i] * rng.random::<f64>().powi(4) / weights[j].powf(0.3) }
        })
    }

    /// `mistakes` test samples of random classes predicted as a near or a frequent class.
    fn sparse_confusion(k: usize, mistakes: usize, rng: &mut ChaCha8Rng) -> ConfusionMatrix {
        let triplets: Vec<_> = (0..mistakes)
            .map(|_| {
                let j = rng.random_range(0..k);
                let i = (j + 1 + (rng.random::<f64>().powi(4) * (k - 1) as f64) as usize) % k;
                (i, j, 0.02)
            })
            .filter(|&(i, j, _)| i != j)
            .collect();
        sparse(k, triplets)
    }

    /// Everything that must hold of an enclosure, whatever the matrix.
    fn check(matrix: &ConfusionMatrix) -> SpectralNorm {
        let found = spectral_norm(matrix).unwrap();
        let SpectralNorm { value, lower, upper, ref left, ref right, .. } = found;
        assert!(0.0 <= lower && lower <= value && value <= upper, "{lower} {value} {upper}");
        for vector in [left, right] {
            assert!(vector.iter().all(|&x| x >= 0.0));
            assert!((norm(vector) - 1.0).abs() < 1e-14);
        }
        if upper > 0.0 {
            // In units of the norm, lest the products underflow.
            let mut image = vec![0.0; matrix.num_classes()];
            matrix.non_zeros().for_each(|(i, j, m)| image[i] += m / upper * right[j]);
            let attained: f64 = image.iter().zip(left).map(|(mv, u)| mv * u).sum();
            // A subnormal norm has few digits of its own.
            let digits = 1e-13 + 1e-323 / upper;
            assert!((attained - value / upper).abs() < digits, "uᵀMv = {attained}, {}", value / upper);
            // ‖Mv - σu‖² = ‖Mv‖² - 2σ uᵀMv + σ² <= upper² - value².
            let residual: f64 = image.iter().zip(left).map(|(mv, u)| (mv - value / upper * u).powi(2)).sum();
            let allowed = 1.0 - (value / upper).powi(2) + digits;
            assert!(residual <= allowed, "{residual} {allowed}");
        }
        found
    }

    fn check_against_svd(matrix: &ConfusionMatrix) -> SpectralNorm {
        let found = check(matrix);
        let full = matrix.to_dense();
        #[cfg_attr(not(feature = "lapack"), allow(unused_mut))]
        let mut references = vec![exact::largest_singular_value(full.view()).unwrap()];
        #[cfg(feature = "lapack")]
        references.push(crate::norms::lapack::spectral_norm(full.view()).unwrap());
        for svd in references {
            assert!((found.value - svd).abs() <= 1e-12 * svd, "{} {svd}", found.value);
            assert!(found.lower <= svd * (1.0 + SVD_ERROR) && svd * (1.0 - SVD_ERROR) <= found.upper);
        }
        assert!(found.relative_width() <= 1e-9, "{}", found.relative_width());
        found
    }

    #[test]
    fn random_matrices_agree_with_the_svd() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for k in [2, 3, 4, 5, 7, 10, 16, 33, 64, 100, 171, 300] {
            for _ in 0..if k < 50 { 20 } else { 2 } {
                let full = dense_confusion(k, &mut rng);
                let by_rows = check_against_svd(&dense(full.clone()));
                // Column-major storage, the transposed path: the same matrix, to rounding the same numbers.
                let mut by_columns = Array2::zeros((k, k).f());
                by_columns.assign(&full);
                let by_columns = check_against_svd(&dense(by_columns));
                assert!((by_rows.value / by_columns.value - 1.0).abs() < 1e-13);
                for mistakes in [k / 2 + 1, 3 * k, 20 * k] {
                    let few = sparse_confusion(k, mistakes, &mut rng);
                    let found = check_against_svd(&few);
                    if !few.to_dense().iter().all(|&x| x == 0.0) {
                        let stored_dense = check_against_svd(&dense(few.to_dense()));
                        assert!((found.value / stored_dense.value - 1.0).abs() < 1e-13);
                    }
                }
            }
        }
    }

    #[test]
    fn the_norm_is_that_of_the_largest_component() {
        // A 3-class block of norm 2·0.5 = 1 (J - I, halved), a star of norm 0.5·√3 and single entries 0.9.
        let mut triplets = vec![(3, 4, 0.9), (5, 6, 0.9), (7, 5, 0.5), (8, 5, 0.5), (9, 5, 0.5)];
        triplets.extend((0..3).flat_map(|i| (0..3).filter(move |&j| j != i).map(move |j| (i, j, 0.5))));
        let found = check_against_svd(&sparse(10, triplets.clone()));
        assert!((found.value - 1.0).abs() < 1e-15);
        assert!(found.right[..3].iter().all(|v| (v - 1.0 / 3f64.sqrt()).abs() < 1e-12));
        assert!(found.right[3..].iter().chain(&found.left[3..]).all(|&v| v == 0.0));
        // The same by dense storage, and with another component made the largest.
        assert!((check_against_svd(&dense(sparse(10, triplets.clone()).to_dense())).value - 1.0).abs() < 1e-15);
        triplets.push((6, 3, 1.25));
        let found = check_against_svd(&sparse(10, triplets));
        assert_eq!((found.lower, found.value, found.upper), (1.25, 1.25, 1.25));
        assert_eq!((found.left[6], found.right[3]), (1.0, 1.0));
    }

    #[test]
    fn components_of_every_shape_are_not_lost_when_many_are_skipped() {
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        for _ in 0..50 {
            let k = 60;
            let scales: Vec<f64> = (0..12).map(|_| rng.random::<f64>()).collect();
            // Twelve 5-class blocks of all densities: sub-blocks, stars, single entries.
            let triplets: Vec<_> = (0..90)
                .map(|_| {
                    let b = rng.random_range(0..12);
                    (5 * b + rng.random_range(0..5), 5 * b + rng.random_range(0..5), scales[b])
                })
                .collect();
            check_against_svd(&sparse(k, triplets));
        }
    }

    #[test]
    fn closed_forms() {
        let k = 50;
        // Zero: exactly 0.
        for zero in [sparse(k, []), dense(Array2::zeros((k, k)))] {
            let found = check(&zero);
            assert_eq!((found.lower, found.value, found.upper, found.iterations), (0.0, 0.0, 0.0, 0));
            assert_eq!(found.relative_width(), 0.0);
        }
        // A permutation: all singular values are 1, every component one entry.
        let found = check(&sparse(k, (0..k).map(|j| ((j + 1) % k, j, 1.0))));
        assert_eq!((found.lower, found.value, found.upper), (1.0, 1.0, 1.0));
        // J - I: K - 1.
        let ones = Array2::from_shape_fn((k, k), |(i, j)| f64::from(u8::from(i != j)));
        let found = check_against_svd(&dense(ones));
        assert!((found.value / (k as f64 - 1.0) - 1.0).abs() < 1e-14);
        // The start is the singular vector: a pass to see it and one for the bounds.
        assert_eq!(found.iterations, 2);
        // Rank one, a bᵀ: ‖a‖ ‖b‖; with zero rows and columns.
        let a: Vec<f64> = (0..k).map(|i| (i % 5) as f64).collect();
        let b: Vec<f64> = (0..k).map(|j| (j % 7) as f64).collect();
        let outer = Array2::from_shape_fn((k, k), |(i, j)| a[i] * b[j]);
        let found = check_against_svd(&dense(outer));
        assert!((found.value / (norm(&a) * norm(&b)) - 1.0).abs() < 1e-14);
        let b_norm = norm(&b);
        assert!(found.right.iter().zip(&b).all(|(v, b)| (v - b / b_norm).abs() < 1e-12));
        // One row, one column.
        let row = check_against_svd(&sparse(k, (1..k).map(|j| (0, j, 0.1))));
        let column = check_against_svd(&sparse(k, (1..k).map(|i| (i, 0, 0.1))));
        assert!((row.value / (0.1 * 7.0) - 1.0).abs() < 1e-14 && (column.value / (0.1 * 7.0) - 1.0).abs() < 1e-14);
    }

    #[test]
    fn nearly_equal_blocks_with_a_link_of_any_strength() {
        for link in (0..32).map(|i| 10f64.powi(-10 * i)).chain([1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 0.0]) {
            for difference in [0.0, 1e-12, 1e-9, 1e-6, 1e-3] {
                let mut full = Array2::zeros((60, 60));
                for i in 0..30 {
                    for j in (0..30).filter(|&j| j != i) {
                        let value = ((i * 7 + j * 3) % 11) as f64;
                        full[[i, j]] = value;
                        full[[30 + i, 30 + j]] = value * (1.0 + difference);
                    }
                }
                full[[3, 40]] = link;
                let matrix = dense(full.clone());
                let found = check(&matrix);
                let svd = exact::largest_singular_value(full.view()).unwrap();
                assert!(found.lower <= svd * (1.0 + SVD_ERROR) && svd * (1.0 - SVD_ERROR) <= found.upper);
                // No gap is needed for the width; the estimate itself may be a mixture of two almost equal values.
                assert!(found.relative_width() <= 1e-9, "{link:e} {difference:e}: {}", found.relative_width());
            }
        }
    }

    #[test]
    fn entries_over_the_whole_range_of_f64() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for decades in [10.0, 100.0, 300.0] {
            for k in [2, 3, 10, 40] {
                for _ in 0..10 {
                    let mut entry = || 10f64.powf(decades * (2.0 * rng.random::<f64>() - 1.0));
                    let full = Array2::from_shape_fn((k, k), |(i, j)| if i == j { 0.0 } else { entry() });
                    check_against_svd(&dense(full));
                    let few: Vec<_> = (0..2 * k).map(|n| (n % k, (7 * n + n / k) % k, entry())).collect();
                    check_against_svd(&sparse(k, few));
                }
            }
        }
        // All entries large, all small, all subnormal: the same matrix in other units.
        let full = dense_confusion(12, &mut rng).mapv(|x| (x * 1024.0).ceil());
        let unit = check_against_svd(&dense(full.clone())).value;
        for e in [-1070, -1000, -300, 300, 1000] {
            let matrix = dense(full.mapv(|x| scale(x, e)));
            let found = check(&matrix);
            let expected = scale(unit, e);
            assert!((found.value - expected).abs() <= 1e-14 * expected + 1e-323, "2^{e}");
            assert!(found.lower <= expected && expected <= found.upper);
        }
        // The norm of the largest entries does not fit.
        let huge = dense(Array2::from_elem((3, 3), f64::MAX));
        assert_eq!(spectral_norm(&huge), Err(NormError::Overflow));
        assert_eq!(check(&sparse(3, [(0, 1, f64::MAX), (1, 0, 1.0)])).upper, f64::MAX);
        assert_eq!(check(&sparse(3, [(0, 1, 5e-324)])).lower, 5e-324);
    }

    #[test]
    fn one_entry_is_its_own_norm_in_either_storage() {
        for value in [0.3, 5e-324, f64::MAX] {
            for k in [2, 3, 10] {
                let stored = sparse(k, [(1, 0, value)]);
                for matrix in [dense(stored.to_dense()), stored] {
                    let found = check(&matrix);
                    assert_eq!((found.lower, found.value, found.upper), (value, value, value), "K = {k}");
                }
            }
        }
    }

    #[test]
    fn a_vanishing_gap_ends_with_an_honest_interval() {
        // The path: (shift + shiftᵀ)/2 has norm cos(π/(K+1)) and a gap of about 15/K²; odd and even places are two
        // components. Up to K = 1000 one Krylov space is enough, 2000 takes restarts from the witness of the one
        // before, and at 5000 all passes allowed are spent.
        for (k, width, passes) in
            [(100, 1e-9, 121), (1000, 1e-9, 1137), (2000, 1e-9, 2051), (5000, 1e-7, 2 * MAX_PASSES + 2)]
        {
            let found = check(&sparse(k, (1..k).flat_map(|i| [(i - 1, i, 0.5), (i, i - 1, 0.5)])));
            let exact = (std::f64::consts::PI / (k as f64 + 1.0)).cos();
            assert!(found.lower <= exact * (1.0 + 1e-15) && exact <= found.upper * (1.0 + 1e-15));
            assert!(found.relative_width() < width, "{k}: {}", found.relative_width());
            assert!(found.iterations <= passes, "{k}: {}", found.iterations);
        }
    }

    #[test]
    fn bounds_are_rounded_outwards_by_what_the_proof_asks() {
        // Numbers without rounding: N = 8, so √4 (1 + 16u), 2u = the machine epsilon, and one float further.
        assert_eq!(outward_root(4.0, 8), (2.0 * (1.0 + 8.0 * f64::EPSILON)).next_up());
        // M = all ones, K = 4, x = 1: w = 4, y = 16; N = p + n = 8.
        let values = [1.0; 16];
        let block = Block::Dense { values: Cow::Borrowed(&values), len: 4 };
        let mut found = Enclosed::unknown();
        let x = found.certify(&block, 8, &[1.0; 4], vec![2.0; 4]);
        assert_eq!(
            (found.lower, found.value, found.upper),
            (4.0 * (1.0 - 12.0 * f64::EPSILON), 4.0, outward_root(16.0, 8))
        );
        assert_eq!((x, found.passes), (vec![1.0; 4], 1));
        assert_eq!((found.w.clone(), found.y.clone()), (vec![0.5; 4], vec![0.5; 4]));
        // A worse witness, with a zero and a place outside the support, moves neither bound nor vectors.
        let before = (found.lower, found.value, found.upper, found.w.clone(), found.y.clone());
        let x = found.certify(&block, 8, &[1.0, 1.0, 1.0, 0.0], vec![4.0, 0.0, 1.0, 1.0]);
        assert_eq!(x, [1.0, 2f64.powi(-300), 0.25, 0.0]);
        assert_eq!(
            (found.lower, found.value, found.upper, found.w, found.y, found.passes),
            (before.0, before.1, before.2, before.3, before.4, 2)
        );
    }

    #[test]
    fn a_component_is_bounded_by_its_one_norm_and_infinity_norm() {
        // Column 0 with three entries sums to 4, row 0 with two to 9/4; and one entry of 3 on its own.
        let matrix = sparse(4, [(0, 0, 1.0), (1, 0, 1.5), (2, 0, 1.5), (0, 1, 1.25), (3, 2, 3.0)]);
        let columns = Columns::of(&matrix);
        let components = Components::of_columns(4, &columns.starts, &columns.rows);
        let found: Vec<_> =
            candidates(&columns, &components).iter().map(|c| (c.component, c.exponent, c.bound)).collect();
        assert_eq!(found, [(0, 0, outward_root(9.0, 5)), (1, 1, 2.0 * outward_root(2.25, 2))]);
    }

    #[test]
    fn what_is_chosen_for_speed_by_hand() {
        assert_eq!(
            [(2, 16), (2, 17), (12, 100), (13, 100)].map(|(n, of)| is_sparse(n, of)),
            [false, true, true, false]
        );
        assert_eq!([(1, 4), (2, 4), (1, 9)].map(|(n, of)| is_sparse(n, of)), [true, false, true]);
        let two_to = |e| scaling(2f64.powi(e));
        assert_eq!([0, 79, -79, 80, -80, 81].map(two_to), [0, 0, 0, 80, -80, 81]);
        // 0.3 of 3 x 10 places are 9 entries.
        assert_eq!([9, 10].map(|stored| is_faster_dense(3, 10, stored)), [false, true]);
        assert!(!is_faster_dense(1, 10, 10) && is_faster_dense(2, 10, 7));
        assert_eq!([1000, 32_768, 1 << 24].map(dimension_limit), [1024, 512, 32]);
        assert_eq!([1 << 20, 4096, 100].map(|stored| next_look(40, stored)), [41, 46, 51]);
    }

    #[test]
    fn a_restart_must_be_needed_promising_and_allowed() {
        assert!(is_worth_a_restart(2e-9, 3e-9, 10) && is_worth_a_restart(1.7, 2.0, MAX_PASSES - 1));
        assert!(!is_worth_a_restart(1e-9, 1.0, 10), "narrow enough");
        assert!(!is_worth_a_restart(0.9, 1.0, 10), "the last one brought nothing");
        assert!(!is_worth_a_restart(0.8, 1.0, MAX_PASSES), "no passes left");
    }

    #[test]
    fn of_equal_components_the_first_gives_the_pair() {
        let found = check(&sparse(4, [(2, 1, 0.5), (0, 3, 0.5)]));
        assert_eq!((found.left[2], found.right[1]), (1.0, 1.0));
    }

    #[test]
    fn a_scan_finds_the_largest_value_and_counts_the_others_than_zero() {
        let values = [0.0, 3.0, 1.0, 0.0, 2.0, 0.0, 0.0, 1.0, 2.5, 2.5];
        assert_eq!(scan(&values), (3.0, 6));
        assert_eq!(scan(&values[2..]), (2.5, 5));
        assert_eq!(scan(&values[..7]), (3.0, 3));
    }

    #[test]
    fn a_restart_is_raised_on_the_support_only() {
        assert_eq!(x_plus_floor(vec![1.0, 0.0, 0.0], &[1.0, 1.0, 0.0]), [1.0 + 1.0 / 1024.0, 1.0 / 1024.0, 0.0]);
    }

    #[test]
    fn the_relative_width_by_hand() {
        let norm = spectral_norm(&sparse(2, [(0, 1, 0.5)])).unwrap();
        assert_eq!(SpectralNorm { lower: 3.0, upper: 4.0, ..norm }.relative_width(), 0.25);
    }

    #[test]
    fn components_that_cannot_matter_cost_at_most_one_pass() {
        let full = |first: usize, k: usize, value: f64| {
            (0..k).flat_map(move |i| {
                (0..k).map(move |j| (first + i, first + j, value * (1.0 + ((i + 2 * j) % 3) as f64)))
            })
        };
        let passes = |triplets: Vec<_>| check_against_svd(&sparse(12, triplets)).iterations;
        let alone = passes(full(0, 4, 1.0).collect());
        // The bound √(‖·‖₁ ‖·‖_∞) of the second block is below the first one's norm; or one pass shows that its norm
        // is.
        assert_eq!(passes(full(0, 4, 1.0).chain(full(4, 4, 0.25)).collect()), alone);
        assert_eq!(passes(full(0, 4, 1.0).chain(full(4, 4, 0.9)).collect()), alone + 1);
    }

    #[test]
    fn a_component_that_matters_is_followed_to_the_end_in_any_unit() {
        // An arrow has the larger bound, 4, but the smaller norm, (1 + √13)/2; the other's row and column sums differ.
        let arrow = (0..4).map(|i| (i, 0, 1.0)).chain((1..4).map(|j| (0, j, 1.0)));
        let other = [[1.0, 1.5, 1.0], [1.0, 1.0, 0.5], [1.5, 1.0, 0.5]];
        let other = (0..3).flat_map(|i| (0..3).map(move |j| (4 + i, 4 + j, other[i][j])));
        let triplets: Vec<_> = arrow.chain(other).collect();
        for unit in [1.0 / 64.0, 1.0, 64.0] {
            let found = check_against_svd(&sparse(7, triplets.iter().map(|&(i, j, value)| (i, j, unit * value))));
            assert!(found.right[4] > 0.0);
        }
    }

    #[test]
    fn a_few_passes_are_enough() {
        // What was counted when this was written: another rule for when to look at T_k takes more.
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        for (k, most_dense, most_sparse) in [(10, 9, 12), (100, 9, 30), (300, 9, 38)] {
            let passes = check(&dense(dense_confusion(k, &mut rng))).iterations;
            assert!(passes <= most_dense, "{k}: {passes}");
            let passes = check(&sparse_confusion(k, 3 * k, &mut rng)).iterations;
            assert!(passes <= most_sparse, "{k}: {passes}");
        }
    }

    #[test]
    fn a_poor_witness_gives_true_bounds_all_the_same() {
        // Certificates alone: any x, with zeros and negative parts, encloses the norm.
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for _ in 0..200 {
            let k = rng.random_range(2..9);
            let full = dense_confusion(k, &mut rng);
            let svd = exact::largest_singular_value(full.view()).unwrap();
            let block = Block::Dense { values: Cow::Borrowed(full.as_slice().unwrap()), len: k };
            let mut found = Enclosed::unknown();
            let x = (0..k).map(|_| rng.random::<f64>() - 0.3).collect();
            found.certify(&block, block.most_terms(), &vec![1.0; k], x);
            assert!(found.lower <= svd * (1.0 + SVD_ERROR) && svd * (1.0 - SVD_ERROR) <= found.upper);
        }
    }
}
