//! S4. 0 <= A <= B entrywise implies ||A||_2 <= ||B||_2; the top singular pair of a non-negative matrix can be taken
//! non-negative (replace u, v by |u|, |v| together).
//!
//! *Proof.* For M >= 0 and unit u, v: u^T M v <= |u|^T M |v|, so the maximum of u^T M v is attained by non-negative
//! vectors. For these u^T A v <= u^T B v <= ||B||_2.

use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::{exact, spectral_norm};
use ndarray::Array2;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A and B >= A, B with about `extra` of its entries larger.
fn pair(k: usize, density: f64, extra: f64, seed: u64) -> (Array2<f64>, Array2<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let small = Array2::from_shape_simple_fn((k, k), || if rng.random_bool(density) { rng.random() } else { 0.0 });
    let large = small.mapv(|value| if rng.random_bool(extra) { value + rng.random::<f64>() } else { value });
    (small, large)
}

fn product(matrix: &Array2<f64>, vector: &[f64]) -> Vec<f64> {
    matrix.rows().into_iter().map(|row| row.iter().zip(vector).map(|(m, v)| m * v).sum()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_failure_persistence(FileFailurePersistence::WithSource("regressions")))]

    #[test]
    fn the_norm_is_monotone(k in 2usize..25, density in 0.02..1.0f64, extra in 0.0..0.3f64, seed in any::<u64>()) {
        let (small, large) = pair(k, density, extra, seed);
        // Certified bounds leave no room for rounding: no slack.
        let norm = |matrix: &Array2<f64>| spectral_norm(&ConfusionMatrix::from_dense(matrix.clone()).unwrap()).unwrap();
        prop_assert!(norm(&small).lower <= norm(&large).upper);
        // By the SVD, which is backward stable to a small multiple of K 2^-53.
        let svd = |matrix: &Array2<f64>| exact::spectral_norm(matrix.view()).unwrap();
        prop_assert!(svd(&small) <= svd(&large) * (1.0 + 1e-13));
    }

    #[test]
    fn the_top_pair_is_non_negative(k in 2usize..25, density in 0.02..1.0f64, seed in any::<u64>()) {
        let (matrix, _) = pair(k, density, 0.0, seed);
        let svd = exact::top_singular_pair(matrix.view()).unwrap();
        prop_assert!(svd.left.iter().chain(&svd.right).all(|&x| x >= 0.0));
        // M v = sigma u and M^T u = sigma v to rounding, whether or not sigma is multiple.
        let transpose = matrix.t().to_owned();
        for (m, from, to) in [(&matrix, &svd.right, &svd.left), (&transpose, &svd.left, &svd.right)] {
            if svd.sigma > 0.0 {
                let residual = product(m, from).iter().zip(to).map(|(a, b)| (a - svd.sigma * b).powi(2)).sum::<f64>();
                // Perturbing the signs of vectors accurate to 1e-15 / gap: |u|, |v| attain sigma to 1e-13, and
                // ||Mv - sigma u||^2 <= 2 sigma (sigma - u^T M v).
                prop_assert!(residual <= 2e-13 * svd.sigma * svd.sigma, "residual {}", residual.sqrt());
            }
        }
        // The pair of the enclosure, too.
        let found = spectral_norm(&ConfusionMatrix::from_dense(matrix).unwrap()).unwrap();
        prop_assert!(found.left.iter().chain(&found.right).all(|&x| x >= 0.0));
    }
}

/// The sign condition is needed: |A| <= |B| entrywise is not enough for B with negative entries.
#[test]
fn signs_matter() {
    let a = ndarray::array![[1.0, 1.0], [1.0, 1.0]];
    let b = ndarray::array![[1.0, 1.0], [1.0, -1.0]];
    assert!(exact::spectral_norm(a.view()).unwrap() > 1.4 * exact::spectral_norm(b.view()).unwrap());
}
