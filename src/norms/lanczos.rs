//! The Lanczos process for A = Σ a_k a_kᵀ from a positive start b: from one Krylov space both the
//! largest eigenvalue and the positive vector that certifies it.
//!
//! ```text
//! A q_k = β_{k-1} q_{k-1} + α_k q_k + β_k q_{k+1},   q_1 = b/‖b‖,   A Q_k = Q_k T_k + β_k q_{k+1} e_kᵀ
//! ```
//!
//! This is Golub-Kahan's process on M written for MᵀM (Golub and Van Loan, *Matrix Computations*,
//! 4th ed., sections 10.1 and 10.4): σ₁² is the top of the spectrum, so squaring loses nothing. For
//! s above the largest eigenvalue θ of T_k let (s I - T_k) z = ‖b‖ e₁ and x = Q_k z, the k-th
//! conjugate gradient iterate for (s I - A) x = b. Then
//!
//! ```text
//! (s I - A) x = b - β_k z_k q_{k+1},
//! ```
//!
//! so as soon as β_k z_k q_{k+1} <= b in every component, A x <= s x: x is a witness of ‖M‖² <=
//! s *if it is positive*. Basis vectors are not re-orthogonalised: the last identity uses the
//! three-term recurrence alone, each of whose rounding errors is local. Nothing here is trusted
//! anyway: [`enclosure`](super::enclosure) checks x for itself.

use super::block::{Block, dot, norm};
use super::tridiagonal::Tridiagonal;

/// Q_k, T_k and the next basis vector, grown one pass over the block at a time.
pub(super) struct Lanczos {
    start: Vec<f64>,
    start_norm: f64,
    /// q_1 … q_{k+1}; q_{k+1} is zero once the space is invariant.
    basis: Vec<Vec<f64>>,
    diagonal: Vec<f64>,
    off_diagonal: Vec<f64>,
    eigenvalue: f64,
    image: Vec<f64>,
    w: Vec<f64>,
}

impl Lanczos {
    /// Starts from b >= 0, b != 0; the space never leaves the support of b if A does not either.
    pub(super) fn new(block: &Block, start: Vec<f64>) -> Self {
        let start_norm = norm(&start);
        let first = start.iter().map(|b| b / start_norm).collect();
        let (image, w) = (vec![0.0; block.len()], vec![0.0; block.count()]);
        Self {
            start,
            start_norm,
            basis: vec![first],
            diagonal: vec![],
            off_diagonal: vec![],
            eigenvalue: 0.0,
            image,
            w,
        }
    }

    /// k, the dimension of the space.
    pub(super) fn dimension(&self) -> usize {
        self.diagonal.len()
    }

    /// One pass over the block: k becomes k + 1.
    pub(super) fn extend(&mut self, block: &Block) {
        let k = self.dimension();
        let q = &self.basis[k];
        block.apply_gram(q, &mut self.w, &mut self.image);
        let alpha = dot(&self.w, &self.w);
        match k {
            0 => self.image.iter_mut().zip(q).for_each(|(y, q)| *y -= alpha * q),
            _ => {
                let (previous, beta) = (&self.basis[k - 1], self.off_diagonal[k - 1]);
                for ((y, q), p) in self.image.iter_mut().zip(q).zip(previous) {
                    *y -= alpha * q + beta * p;
                }
            }
        }
        let mut beta = norm(&self.image);
        // What is left after cancellation of terms of size α is rounding, not a direction.
        if beta <= 4.0 * f64::EPSILON * alpha {
            beta = 0.0;
        }
        let next = self.image.iter().map(|y| if beta > 0.0 { y / beta } else { 0.0 }).collect();
        self.diagonal.push(alpha);
        self.off_diagonal.push(beta);
        self.basis.push(next);
    }

    /// Whether A Q_k = Q_k T_k up to rounding: nothing further can be learnt from this start.
    pub(super) fn is_invariant(&self) -> bool {
        self.off_diagonal.last() == Some(&0.0)
    }

    /// x = Q_k z for s = θ (1 + δ), δ the smallest of 2^largest, 2^(largest-2), … >= 2^smallest for
    /// which the residual is predicted to stay below half of b in every component; None if it
    /// exceeds that at the first already.
    pub(super) fn witness(&mut self, largest: i32, smallest: i32) -> Option<Vec<f64>> {
        let k = self.dimension();
        let t = Tridiagonal { diagonal: &self.diagonal, off_diagonal: &self.off_diagonal };
        self.eigenvalue = t.largest_eigenvalue(self.eigenvalue);
        let ratio = |(q, b): (&f64, &f64)| if *b > 0.0 { q / b } else { 0.0 };
        let overshoot = self.basis[k].iter().zip(&self.start).map(ratio).fold(0.0, f64::max);
        let mut best = None;
        for delta in (smallest..=largest).rev().step_by(2).map(|e| 2f64.powi(e)) {
            let Some(z) = t.solve_shifted(self.eigenvalue * (1.0 + delta), self.start_norm) else { break };
            if self.off_diagonal[k - 1] * z[k - 1] * overshoot > 0.5 {
                break;
            }
            best = Some(z);
        }
        best.map(|z| self.combine(&z))
    }

    /// Q_k z.
    fn combine(&self, z: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; self.start.len()];
        for (q, z) in self.basis.iter().zip(z) {
            x.iter_mut().zip(q).for_each(|(x, q)| *x += z * q);
        }
        x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    /// a_k of a 6 x 6 matrix without structure.
    fn block() -> Block<'static> {
        let values = (0..36).map(|i| f64::from((i * 29 + 7) % 13)).collect::<Vec<_>>();
        Block::Dense { values: Cow::Owned(values), len: 6 }
    }

    #[test]
    fn the_witness_solves_the_shifted_system_up_to_its_predicted_residual() {
        let block = block();
        for start in [[1.0; 6], [0.25, 0.0625, 0.5, 0.125, 0.25, 0.0625]] {
            let mut lanczos = Lanczos::new(&block, start.to_vec());
            let mut seen = 0;
            for _ in 0..6 {
                lanczos.extend(&block);
                // One δ only, so that s is known: (s I - A) x must be b up to a residual below b/2.
                for e in [-20, -8, 0] {
                    let Some(x) = lanczos.witness(e, e) else { continue };
                    seen += 1;
                    let s = lanczos.eigenvalue * (1.0 + 2f64.powi(e));
                    let (mut w, mut y) = (vec![0.0; 6], vec![0.0; 6]);
                    block.apply_gram(&x, &mut w, &mut y);
                    for ((x, y), b) in x.iter().zip(&y).zip(start) {
                        let found = s * x - y;
                        assert!(*x > 0.0 && found > 0.49 * b, "x {x}, (sI - A)x {found} for {b} at 2^{e}");
                    }
                }
            }
            assert!(seen >= 6, "{seen}");
        }
    }

    #[test]
    fn a_start_that_is_an_eigenvector_is_invariant_after_one_pass() {
        // J - I for n = 6: every row sums to 5.
        let values = (0..36).map(|i| f64::from(u8::from(i % 7 != 0))).collect::<Vec<_>>();
        let block = Block::Dense { values: Cow::Owned(values), len: 6 };
        let mut lanczos = Lanczos::new(&block, vec![1.0; 6]);
        lanczos.extend(&block);
        assert!(lanczos.is_invariant());
        assert_eq!(lanczos.basis[1], [0.0; 6]);
        let x = lanczos.witness(-10, -10).unwrap();
        assert!((lanczos.eigenvalue - 25.0).abs() < 1e-12);
        assert!(x.iter().all(|&value| (value / x[0] - 1.0).abs() < 1e-14));
    }
}
