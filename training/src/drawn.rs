//! Tensors drawn from a seed of their own, for tests: libtorch's generator is the process's, and tests share it.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tch::{Kind, Tensor};

/// Normal values of mean 0 and variance 1 by Box and Muller, the same for the same seed.
pub(crate) fn normal(seed: u64, shape: &[i64], kind: Kind) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut one = || {
        let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), std::f64::consts::TAU * rng.random::<f64>());
        (-2.0 * radius.ln()).sqrt() * angle.cos()
    };
    let values: Vec<f64> = (0..shape.iter().product()).map(|_: i64| one()).collect();
    Tensor::from_slice(&values).view(shape).to_kind(kind)
}
