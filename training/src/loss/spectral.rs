//! The top singular pair of a matrix that is read only through its products with vectors.
//!
//! Thick-restart Lanczos (Wu and Simon, SIAM J. Matrix Anal. Appl. 22, 2000) on M Mᵀ from a
//! positive start, with every new vector orthogonalised twice against all others and Rayleigh-Ritz
//! on the images Z = Mᵀ Q: G = ZᵀZ. For a Ritz pair (theta, Q y) of a basis Q with next vector beta
//! q', M Mᵀ Q y - theta Q y = beta y_last q', so the residual of the pair u = Q y, v = Mᵀu / sigma
//! is known without another product: ‖M v - sigma u‖ = beta |y_last| / sigma.
//!
//! M has no negative entry, so by Perron and Frobenius sigma_1 has a non-negative u; a start whose
//! every component is positive is not orthogonal to it, also where M falls into blocks. That is why
//! the start is never the previous u alone.
//!
//! G crosses to the host, where it is decomposed in f64: one synchronisation every few steps, none
//! in between.

use tch::{Device, Kind, TchError, Tensor};

/// Vectors kept at most, and those kept by a restart.
const BASIS: usize = 32;
const KEPT: usize = 8;
/// Steps before the first look at G, and at most between two looks.
const FIRST_LOOK: usize = 8;
const BETWEEN_LOOKS: usize = 8;
/// Steps after which the best pair so far is taken, whatever its residual; reached only where a
/// hundred values or more lie within a thousandth of sigma_1.
const STEPS: usize = 1000;
/// Share of the constant vector in the start.
const CONSTANT: f64 = 0.1;

/// sigma_1 (a scalar tensor) and its unit vectors.
#[derive(Debug)]
pub(super) struct TopPair {
    pub(super) sigma: Tensor,
    /// u `[K]`, by predicted class, of either sign.
    pub(super) left: Tensor,
    /// v `[K]`, by true class, of the same sign as u.
    pub(super) right: Tensor,
    /// Steps of Lanczos taken, each two products with M.
    #[cfg_attr(not(test), allow(dead_code))]
    pub(super) steps: usize,
}

/// The relative residual at which a pair is taken.
fn tolerance(kind: Kind) -> f64 {
    if kind == Kind::Double { 1e-12 } else { 2e-6 }
}

/// Keeps products with scaled weights in range.
fn largest(kind: Kind) -> f64 {
    if kind == Kind::Double { 1e307 } else { 1e37 }
}

/// The top singular pair of M = Hᵀ diag(weights): H `[K, K]` (row = true class) and `weights` `[K]`
/// without a negative entry, `previous` `[K]` a guess of u, of norm 1 or 0. None if M = 0.
pub(super) fn top_singular_pair(
    by_true_class: &Tensor,
    weights: &Tensor,
    previous: &Tensor,
) -> Result<Option<TopPair>, TchError> {
    let num_classes = by_true_class.size()[0];
    let constant = CONSTANT / (num_classes as f64).sqrt();
    let start = previous.f_abs()?.f_add_scalar(constant)?;
    let start = start.f_div(&start.f_norm()?)?;
    // Lanczos squares M; at this scale no power of it leaves the range of f32, however small M has become.
    let scale = by_true_class.f_mv(&start)?.f_mul_(weights)?.f_max()?;
    // Clamped where H has a zero row only, and where all of M is 0.
    let scaled_weights = weights.f_div(&scale)?.f_clamp_max(largest(by_true_class.kind()))?;
    let tolerance = tolerance(by_true_class.kind());
    let mut krylov = Krylov::new(by_true_class, scaled_weights, &start)?;
    let (mut steps, mut until) = (0, FIRST_LOOK);
    let mut previous_look: Option<(usize, f64)> = None;
    loop {
        while krylov.len < until.min(krylov.capacity) {
            krylov.extend()?;
            steps += 1;
        }
        let Some(ritz) = krylov.ritz(&scale)? else { return Ok(None) };
        let residual = ritz.residual();
        let exhausted = krylov.len as i64 == num_classes;
        if exhausted || steps >= STEPS || residual <= tolerance {
            return krylov.top(&ritz, &scale, steps).map(Some);
        }
        // The residual falls geometrically: as between the last two looks, or by a half a step.
        let rate =
            previous_look.map_or(0.5f64.ln(), |(before, larger)| (residual / larger).ln() / (steps - before) as f64);
        let wanted = (tolerance / residual).ln() / rate.min(-0.1);
        previous_look = Some((steps, residual));
        if krylov.len == krylov.capacity {
            krylov.restart(&ritz)?;
        }
        until = krylov.len + (wanted.ceil() as usize).clamp(1, BETWEEN_LOOKS);
    }
}

struct Krylov<'a> {
    by_true_class: &'a Tensor,
    by_predicted_class: Tensor,
    /// Over the scale of M.
    weights: Tensor,
    capacity: usize,
    /// Number of basis vectors with an image.
    len: usize,
    /// Orthonormal rows, `[capacity + 1, K]`; row `len` is the next vector, 0 once the space is
    /// invariant.
    basis: Tensor,
    basis_transposed: Tensor,
    /// Z, `[capacity, K]`: row k is Mᵀ q_k over the scale.
    images: Tensor,
    /// The norm that the next vector had.
    beta: Tensor,
}

/// Eigenvalues of G, ascending, and eigenvectors.
struct Ritz {
    values: Vec<f64>,
    /// Row k belongs to value k.
    vectors: Vec<Vec<f64>>,
    beta: f64,
}

impl Ritz {
    /// ‖M v - sigma u‖ / sigma of the top pair.
    fn residual(&self) -> f64 {
        let last = self.values.len() - 1;
        self.beta * self.vectors[last][last].abs() / self.values[last]
    }
}

impl<'a> Krylov<'a> {
    fn new(by_true_class: &'a Tensor, weights: Tensor, start: &Tensor) -> Result<Self, TchError> {
        let num_classes = by_true_class.size()[0];
        let capacity = BASIS.min(num_classes as usize);
        let options = (by_true_class.kind(), by_true_class.device());
        let basis = Tensor::f_zeros([capacity as i64 + 1, num_classes], options)?;
        basis.f_select(0, 0)?.f_copy_(start)?;
        Ok(Self {
            by_true_class,
            by_predicted_class: by_true_class.f_transpose(0, 1)?,
            weights,
            capacity,
            len: 0,
            basis_transposed: basis.f_transpose(0, 1)?,
            basis,
            images: Tensor::f_zeros([capacity as i64, num_classes], options)?,
            beta: Tensor::f_zeros([0i64; 0], options)?,
        })
    }

    /// Gives the next vector its image and makes another.
    fn extend(&mut self) -> Result<(), TchError> {
        let next = self.basis.f_select(0, self.len as i64)?;
        let image = self.images.f_select(0, self.len as i64)?;
        let image = self.by_true_class.f_mv(&next)?.f_mul_out(&image, &self.weights)?;
        self.len += 1;
        let len = self.len as i64;
        let known = self.basis.f_narrow(0, 0, len)?;
        let known_transposed = self.basis_transposed.f_narrow(1, 0, len)?;
        let reduce = |x: &Tensor| x.f_sub(&known_transposed.f_mv(&known.f_mv(x)?)?);
        let once = reduce(&self.by_predicted_class.f_mv(&image.f_mul(&self.weights)?)?)?;
        let twice = reduce(&once)?;
        self.beta = twice.f_norm()?;
        // Twice is enough unless the second time takes as much again: then only rounding was left, and the next vector
        // is 0.
        let independent = self.beta.f_gt_tensor(&once.f_norm()?.f_mul_scalar(0.5)?)?;
        let divisor = self.beta.f_where_scalarother(&independent, f64::INFINITY)?;
        let _ = twice.f_div_out(&self.basis.f_select(0, len)?, &divisor)?;
        Ok(())
    }

    /// Decomposes G = ZᵀZ on the host; None if `scale` says that M = 0.
    fn ritz(&self, scale: &Tensor) -> Result<Option<Ritz>, TchError> {
        let len = self.len as i64;
        let images = self.images.f_narrow(0, 0, len)?;
        let gram = images.f_mm(&images.f_transpose(0, 1)?)?;
        let packed = Tensor::f_cat(&[gram.f_flatten(0, -1)?, self.beta.f_view([1])?, scale.f_view([1])?], 0)?
            .f_to_device(Device::Cpu)?
            .f_to_kind(Kind::Double)?;
        let numbers = Vec::<f64>::try_from(&packed)?;
        let [gram @ .., beta, scale] = numbers.as_slice() else { unreachable!("G, beta and the scale were packed") };
        if *scale == 0.0 {
            return Ok(None);
        }
        let (values, vectors) = Tensor::f_from_slice(gram)?.f_view([len, len])?.f_linalg_eigh("L")?;
        let vectors = Vec::<f64>::try_from(vectors.f_transpose(0, 1)?.f_contiguous()?.f_flatten(0, -1)?)?;
        let vectors = vectors.chunks(self.len).map(<[f64]>::to_vec).collect();
        Ok(Some(Ritz { values: Vec::<f64>::try_from(values)?, vectors, beta: *beta }))
    }

    /// The coefficients of the `count` top Ritz vectors, `[count, len]`, smallest first.
    fn coefficients(&self, ritz: &Ritz, count: usize) -> Result<Tensor, TchError> {
        let rows = &ritz.vectors[self.len - count..];
        Tensor::f_from_slice(&rows.concat())?
            .f_view([count as i64, self.len as i64])?
            .f_to_kind(self.basis.kind())?
            .f_to_device(self.basis.device())
    }

    /// Keeps the top Ritz vectors and the next vector, which all their residuals point along.
    fn restart(&mut self, ritz: &Ritz) -> Result<(), TchError> {
        let coefficients = self.coefficients(ritz, KEPT)?;
        let (len, kept) = (self.len as i64, KEPT as i64);
        let next = self.basis.f_select(0, len)?.copy();
        let basis = coefficients.f_mm(&self.basis.f_narrow(0, 0, len)?)?;
        let images = coefficients.f_mm(&self.images.f_narrow(0, 0, len)?)?;
        self.basis.f_narrow(0, 0, kept)?.f_copy_(&basis)?;
        self.images.f_narrow(0, 0, kept)?.f_copy_(&images)?;
        self.basis.f_select(0, kept)?.f_copy_(&next)?;
        self.len = KEPT;
        Ok(())
    }

    fn top(&self, ritz: &Ritz, scale: &Tensor, steps: usize) -> Result<TopPair, TchError> {
        let coefficients = self.coefficients(ritz, 1)?;
        let len = self.len as i64;
        let left = coefficients.f_mm(&self.basis.f_narrow(0, 0, len)?)?.f_squeeze_dim(0)?;
        let image = coefficients.f_mm(&self.images.f_narrow(0, 0, len)?)?.f_squeeze_dim(0)?;
        let (left_norm, image_norm) = (left.f_norm()?, image.f_norm()?);
        Ok(TopPair {
            sigma: image_norm.f_div(&left_norm)?.f_mul(scale)?,
            left: left.f_div(&left_norm)?,
            right: image.f_div(&image_norm)?,
            steps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    const CPU: (Kind, Device) = (Kind::Double, Device::Cpu);

    fn ones(num_classes: i64) -> Tensor {
        Tensor::ones([num_classes], CPU)
    }

    fn top(by_true_class: &Tensor, weights: &Tensor, previous: &Tensor) -> TopPair {
        no_nan(top_singular_pair(by_true_class, weights, previous).unwrap().expect("a matrix that is not zero"))
    }

    fn no_nan(pair: TopPair) -> TopPair {
        for tensor in [&pair.sigma, &pair.left, &pair.right] {
            assert_eq!(tensor.isfinite().all().int64_value(&[]), 1);
        }
        pair
    }

    fn maximum(tensor: &Tensor) -> f64 {
        tensor.abs().max().double_value(&[])
    }

    /// sigma against a full decomposition, unit vectors, and both residuals.
    fn assert_top(pair: &TopPair, by_true_class: &Tensor, weights: &Tensor, tolerance: f64) {
        let double = |tensor: &Tensor| tensor.to_kind(Kind::Double);
        let (left, right) = (double(&pair.left), double(&pair.right));
        let matrix = double(by_true_class).tr() * double(weights);
        let expected = matrix.svd(true, true).1.max().double_value(&[]);
        let sigma = pair.sigma.double_value(&[]);
        assert!((sigma / expected - 1.0).abs() < tolerance, "{sigma} {expected}");
        for vector in [&left, &right] {
            assert!((vector.norm().double_value(&[]) - 1.0).abs() < tolerance);
        }
        assert!(maximum(&(matrix.mv(&right) / sigma - &left)) < 3.0 * tolerance);
        assert!(maximum(&(matrix.tr().mv(&left) / sigma - &right)) < 3.0 * tolerance);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_pair_is_that_of_a_full_decomposition(
            seed: u64, num_classes in 2i64..60, filled in 0.02..1.0f64, exponent in -25i32..25, single: bool
        ) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut entries: Vec<f64> = (0..num_classes * num_classes)
                .map(|at| {
                    let off_diagonal = at % (num_classes + 1) != 0;
                    if off_diagonal && rng.random_bool(filled) { rng.random::<f64>() * 10f64.powi(exponent) } else { 0.0 }
                })
                .collect();
            entries[1] = 10f64.powi(exponent);
            let kind = if single { Kind::Float } else { Kind::Double };
            let matrix = Tensor::from_slice(&entries).view([num_classes, num_classes]).to_kind(kind);
            let weights = Tensor::from_slice(&(0..num_classes).map(|_| rng.random_range(0.5..2.0)).collect::<Vec<f64>>());
            let weights = weights.to_kind(kind);
            let previous =
                Tensor::from_slice(&(0..num_classes).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f64>>());
            let pair = top(&matrix, &weights, &previous.to_kind(kind));
            assert_top(&pair, &matrix, &weights, if single { 1e-5 } else { 1e-11 });
        }
    }

    #[test]
    fn zero_is_none() {
        for kind in [Kind::Float, Kind::Double] {
            let zeros = Tensor::zeros([30, 30], (kind, Device::Cpu));
            let weights = Tensor::ones([30], (kind, Device::Cpu));
            assert!(top_singular_pair(&zeros, &weights, &weights).unwrap().is_none());
        }
    }

    /// Two identical blocks: any unit vector of a plane will do.
    #[test]
    fn a_multiple_top_value_gives_one_of_its_pairs() {
        let block = Tensor::from_slice(&[0.0, 0.3, 0.1, 0.2, 0.0, 0.4, 0.6, 0.5, 0.0]).view([3, 3]);
        let matrix = Tensor::block_diag(&[&block, &block]);
        let previous = Tensor::from_slice(&[1.0, 0.2, 0.0, 0.5, 0.0, 0.0]);
        assert_top(&top(&matrix, &ones(6), &previous), &matrix, &ones(6), 1e-12);
        // All thirty singular values equal: a cyclic permutation.
        let cycle = Tensor::eye(30, CPU).roll([1], [0]);
        assert_top(&top(&cycle, &ones(30), &Tensor::zeros([30], CPU)), &cycle, &ones(30), 1e-12);
    }

    /// Two blocks, each with its own top pair; the previous u is that of the block that is now the
    /// lesser.
    #[test]
    fn another_block_that_takes_over_is_found() {
        let ring = Tensor::ones([20, 20], CPU) - Tensor::eye(20, CPU);
        for kind in [Kind::Float, Kind::Double] {
            let weights = ones(40).to_kind(kind);
            for (greater, lesser) in [(1.0, 0.5), (1.0, 0.99), (1.0, 0.999)] {
                let blocks =
                    |first: f64, second: f64| Tensor::block_diag(&[&ring * first, &ring * second]).to_kind(kind);
                let (before, after) = (blocks(greater, lesser), blocks(lesser, greater));
                let previous = top(&before, &weights, &weights).left;
                assert!(maximum(&previous.narrow(0, 20, 20)) < 1e-2);
                let tolerance = if kind == Kind::Double { 1e-9 } else { 1e-2 };
                assert_top(&top(&after, &weights, &previous), &after, &weights, tolerance);
            }
        }
    }

    #[test]
    fn many_values_close_to_the_top_need_restarts_and_converge() {
        let num_classes = 300i64;
        // Every class is confused with one other: the singular values are the entries, 2/3e-3 apart.
        let shares: Vec<f64> = (0..num_classes).map(|at| 1.0 - at as f64 / 450.0).collect();
        let matrix = Tensor::from_slice(&shares).diag(0).roll([1], [0]);
        let pair = top(&matrix, &ones(num_classes), &ones(num_classes));
        assert!(pair.steps > BASIS, "{}", pair.steps);
        assert_top(&pair, &matrix, &ones(num_classes), 1e-9);
        let (matrix, weights) = (matrix.to_kind(Kind::Float), ones(num_classes).to_kind(Kind::Float));
        assert_top(&top(&matrix, &weights, &weights), &matrix, &weights, 1e-3);
    }

    /// 150 singular values within 4e-4 of sigma_1, the closer to it the denser: all 1000 steps are
    /// taken, and what `CarLoss` says of its value then still holds.
    #[test]
    fn at_the_cap_the_value_is_low_by_little() {
        let share = |at: i32| if at < 150 { 1.0 - 4e-4 * (f64::from(at) / 149.0).powi(4) } else { 0.5 };
        let matrix = Tensor::from_slice(&(0..300).map(share).collect::<Vec<f64>>()).diag(0).roll([1], [0]);
        let pair = top(&matrix, &ones(300), &ones(300));
        assert_eq!(pair.steps, STEPS);
        let sigma = pair.sigma.double_value(&[]);
        assert!((1.0 - 4e-7..1.0 - 1e-12).contains(&sigma), "{sigma:e}");
        let residual = (matrix.mv(&pair.right) - &pair.left * sigma).norm().double_value(&[]);
        assert!((0..300).any(|at| (share(at) - sigma).abs() <= residual), "{residual:e}");
    }

    /// After one step nothing is left but rounding.
    #[test]
    fn rank_one_is_finite_and_exact() {
        for kind in [Kind::Float, Kind::Double] {
            let column = Tensor::linspace(0.1, 2.0, 50, (Kind::Double, Device::Cpu)).to_kind(kind);
            let matrix = column.outer(&column.flip([0]));
            let weights = Tensor::ones([50], (kind, Device::Cpu));
            let pair = top(&matrix, &weights, &weights);
            assert_top(&pair, &matrix, &weights, if kind == Kind::Float { 1e-5 } else { 1e-12 });
        }
    }
}
