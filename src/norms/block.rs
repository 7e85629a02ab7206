//! One connected block of the matrix, held as vectors a_1 … a_p of length n, and its Gram matrix
//! A = Σ_k a_k a_kᵀ.
//!
//! The vectors are the rows of M (then A = MᵀM) or its columns (then A = MMᵀ), whichever the
//! storage has contiguous: A x is formed in **one** pass, w_k = a_k·x and at once y += w_k a_k,
//! while a_k is in the cache.

use std::borrow::Cow;

use multiversion::multiversion;

/// Vectors a_1 … a_p >= 0 of length n.
pub(super) enum Block<'a> {
    /// p n numbers, vector after vector.
    Dense { values: Cow<'a, [f64]>, len: usize },
    /// Vector k has `values[starts[k]..starts[k + 1]]` at the places `indices[starts[k]..starts[k +
    /// 1]]`.
    Sparse { starts: Vec<usize>, indices: Vec<u32>, values: Vec<f64>, len: usize },
}

impl Block<'_> {
    /// Number of vectors p.
    pub(super) fn count(&self) -> usize {
        match self {
            Block::Dense { values, len } => values.len() / len,
            Block::Sparse { starts, .. } => starts.len() - 1,
        }
    }

    /// Length n of the vectors.
    pub(super) fn len(&self) -> usize {
        match self {
            Block::Dense { len, .. } | Block::Sparse { len, .. } => *len,
        }
    }

    /// Stored entries: the multiplications of half a pass.
    pub(super) fn stored(&self) -> usize {
        match self {
            Block::Dense { values, .. } => values.len(),
            Block::Sparse { values, .. } => values.len(),
        }
    }

    /// The n of S5: (most non-zeros in a row) + (most in a column), or an upper bound of it. Every
    /// term of (Ax)_j goes through at most this many roundings, in whatever order sums are taken.
    pub(super) fn most_terms(&self) -> usize {
        match self {
            Block::Dense { .. } => self.count() + self.len(),
            Block::Sparse { starts, indices, len, .. } => {
                let mut counts = vec![0usize; *len];
                indices.iter().for_each(|&index| counts[index as usize] += 1);
                let most = |counts: &mut dyn Iterator<Item = usize>| counts.max().unwrap_or(0);
                most(&mut counts.into_iter()) + most(&mut starts.windows(2).map(|pair| pair[1] - pair[0]))
            }
        }
    }

    /// The same vectors with their zeros.
    pub(super) fn into_dense(self) -> Self {
        let Block::Sparse { starts, indices, values, len } = self else { return self };
        let mut all = vec![0.0; (starts.len() - 1) * len];
        for (vector, bounds) in all.chunks_exact_mut(len).zip(starts.windows(2)) {
            let range = bounds[0]..bounds[1];
            indices[range.clone()].iter().zip(&values[range]).for_each(|(&i, &value)| vector[i as usize] = value);
        }
        Block::Dense { values: Cow::Owned(all), len }
    }

    /// w_k = a_k·x and y = Σ_k w_k a_k = A x.
    pub(super) fn apply_gram(&self, x: &[f64], w: &mut [f64], y: &mut [f64]) {
        y.fill(0.0);
        match self {
            Block::Dense { values, len } => apply_dense(values, *len, x, w, y),
            Block::Sparse { starts, indices, values, .. } => {
                for (bounds, w) in starts.windows(2).zip(w) {
                    let indices = &indices[bounds[0]..bounds[1]];
                    let values = &values[bounds[0]..bounds[1]];
                    let product = sparse_dot(indices, values, x);
                    add_sparse(product, indices, values, y);
                    *w = product;
                }
            }
        }
    }
}

/// Four vectors at a time, so that x and y are read once for every four: at sizes beyond the caches
/// a pass then takes little more than reading the block once.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
fn apply_dense(values: &[f64], len: usize, x: &[f64], w: &mut [f64], y: &mut [f64]) {
    let mut quads = values.chunks_exact(4 * len);
    let mut w_quads = w.chunks_exact_mut(4);
    for (quad, w) in (&mut quads).zip(&mut w_quads) {
        let (a, rest) = quad.split_at(len);
        let (b, rest) = rest.split_at(len);
        let (c, d) = rest.split_at(len);
        let products = four_dots([a, b, c, d], x);
        for ((((y, a), b), c), d) in y.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *y += (products[0] * a + products[1] * b) + (products[2] * c + products[3] * d);
        }
        w.copy_from_slice(&products);
    }
    for (a, w) in quads.remainder().chunks_exact(len).zip(w_quads.into_remainder()) {
        *w = dot(a, x);
        y.iter_mut().zip(a).for_each(|(y, a)| *y += *w * a);
    }
}

/// a·x, b·x, c·x and d·x, each in eight interleaved partial sums, which the compiler turns into
/// vector instructions.
#[inline(always)]
fn four_dots([a, b, c, d]: [&[f64]; 4], x: &[f64]) -> [f64; 4] {
    let (x_lanes, x_tail) = x.as_chunks::<8>();
    let ((a, a_tail), (b, b_tail)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let ((c, c_tail), (d, d_tail)) = (c.as_chunks::<8>(), d.as_chunks::<8>());
    let mut sums = [[0.0; 8]; 4];
    for ((((x, a), b), c), d) in x_lanes.iter().zip(a).zip(b).zip(c).zip(d) {
        for lane in 0..8 {
            sums[0][lane] += a[lane] * x[lane];
            sums[1][lane] += b[lane] * x[lane];
            sums[2][lane] += c[lane] * x[lane];
            sums[3][lane] += d[lane] * x[lane];
        }
    }
    let tail = |a: &[f64]| a.iter().zip(x_tail).map(|(a, x)| a * x).sum::<f64>();
    let sum = |[a, b, c, d, e, f, g, h]: [f64; 8]| ((a + e) + (b + f)) + ((c + g) + (d + h));
    [sum(sums[0]) + tail(a_tail), sum(sums[1]) + tail(b_tail), sum(sums[2]) + tail(c_tail), sum(sums[3]) + tail(d_tail)]
}

/// a·x for sparse a, in four partial sums: one alone would wait for each addition.
fn sparse_dot(indices: &[u32], values: &[f64], x: &[f64]) -> f64 {
    let ((index_lanes, index_tail), (value_lanes, value_tail)) = (indices.as_chunks::<4>(), values.as_chunks::<4>());
    let mut sums = [0.0; 4];
    for (indices, values) in index_lanes.iter().zip(value_lanes) {
        for lane in 0..4 {
            sums[lane] += values[lane] * x[indices[lane] as usize];
        }
    }
    let tail: f64 = index_tail.iter().zip(value_tail).map(|(&i, value)| value * x[i as usize]).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + tail
}

/// y += c a for sparse a.
fn add_sparse(c: f64, indices: &[u32], values: &[f64], y: &mut [f64]) {
    for (&i, value) in indices.iter().zip(values) {
        y[i as usize] += c * value;
    }
}

/// a·b in eight interleaved partial sums, which the compiler turns into vector instructions.
#[multiversion(targets("x86_64+avx512f+avx512bw+avx512dq+avx512vl", "x86_64+avx2", "aarch64+neon"))]
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (mut a_blocks, mut b_blocks) = (a.chunks_exact(8), b.chunks_exact(8));
    for (a, b) in (&mut a_blocks).zip(&mut b_blocks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    let tail: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + tail
}

/// ‖a‖ without scaling; the callers keep a away from overflow and underflow.
pub(super) fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_and_sparse_apply_the_same_gram_matrix() {
        for (count, len) in [(1, 1), (3, 5), (4, 9), (7, 20), (13, 8)] {
            let values: Vec<f64> = (0..count * len).map(|i| ((i * 7919) % 11) as f64).collect();
            let x: Vec<f64> = (0..len).map(|j| (j % 5) as f64).collect();
            let (mut starts, mut indices, mut entries) = (vec![0], Vec::new(), Vec::new());
            for k in 0..count {
                for j in 0..len {
                    if values[k * len + j] != 0.0 {
                        indices.push(j as u32);
                        entries.push(values[k * len + j]);
                    }
                }
                starts.push(entries.len());
            }
            // Small integers: every product and sum is exact, so plain loops must agree to the last bit.
            let w: Vec<f64> = (0..count).map(|k| (0..len).map(|j| values[k * len + j] * x[j]).sum()).collect();
            let y: Vec<f64> = (0..len).map(|j| (0..count).map(|k| values[k * len + j] * w[k]).sum()).collect();
            let sparse =
                || Block::Sparse { starts: starts.clone(), indices: indices.clone(), values: entries.clone(), len };
            for block in [Block::Dense { values: Cow::Borrowed(&values), len }, sparse(), sparse().into_dense()] {
                let (mut w_got, mut y_got) = (vec![f64::NAN; count], vec![f64::NAN; len]);
                block.apply_gram(&x, &mut w_got, &mut y_got);
                assert_eq!((&w_got, &y_got), (&w, &y));
                assert_eq!((block.count(), block.len()), (count, len));
            }
            let non_zeros = |of: &mut dyn Iterator<Item = usize>| of.filter(|&at| values[at] != 0.0).count();
            let most_in_a_vector = (0..count).map(|k| non_zeros(&mut (k * len..(k + 1) * len))).max().unwrap();
            let most_in_a_place = (0..len).map(|j| non_zeros(&mut (j..count * len).step_by(len))).max().unwrap();
            assert_eq!((sparse().most_terms(), sparse().stored()), (most_in_a_vector + most_in_a_place, entries.len()));
            let dense = sparse().into_dense();
            assert_eq!((dense.most_terms(), dense.stored()), (count + len, count * len));
        }
    }
}
