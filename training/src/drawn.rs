//! Tensors drawn from a seed of their own, for tests: libtorch's generator is the process's, and
//! tests share it.

use std::sync::Arc;

use car_spectral_data::{DataKind, DataSet, Images, Split};
use rand::{Rng, RngExt, SeedableRng};
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

/// So many training and test images [3, 8, 8] of three classes, of noise: 0, 1, 2, 0, 1, 2, ...
pub(crate) fn data_set(counts: [usize; 2]) -> DataSet {
    let split = |(seed, count): (u64, usize)| {
        let mut bytes = vec![0; count * 3 * 8 * 8];
        ChaCha8Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
        let images = Images::InMemory { shape: [3, 8, 8], bytes };
        let labels = (0..count).map(|index| index % 3).collect();
        Arc::new(Split { images, labels, sha256: format!("{seed} {count}") })
    };
    let [train, test] = [(1, counts[0]), (2, counts[1])].map(split);
    let class_names = ["cat", "dog", "owl"].map(str::to_owned).into();
    DataSet { kind: DataKind::Cifar10, train, test, class_names, notes: Vec::new() }
}
