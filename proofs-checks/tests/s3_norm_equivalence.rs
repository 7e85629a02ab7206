//! S3. For M with a zero diagonal and at most s non-zeros in a column,
//!
//! ```text
//! ||M||_1 <= sqrt(s) ||M||_2 <= sqrt(K-1) ||M||_2    and    ||M||_2 <= sqrt(K-1) ||M||_1,
//! ```
//!
//! both attained; so nu = ||M||_1 / ||M||_2 lies in [1/sqrt(K-1), sqrt(K-1)], undefined for M = 0.
//!
//! *Proof.* ||M e_j||_1 <= sqrt(s) ||M e_j||_2 (Cauchy-Schwarz on the s non-zeros) <= sqrt(s) ||M||_2. And ||M||_2^2 <=
//! ||M||_1 ||M||_inf, where a row has at most K-1 non-zeros, each at most ||M||_1.
//!
//! The spectral norm is taken from the certified enclosure, its end chosen so that rounding cannot help a false
//! statement: sums of K terms are off by at most K 2^-53 relative, roots and products by a few more.

use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::{SpectralNorm, infinity_norm, one_norm, spectral_norm};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// (K, most non-zeros a column, entries as (row offset, column, value)).
fn matrices() -> impl Strategy<Value = ConfusionMatrix> {
    (2usize..40, 1usize..8).prop_flat_map(|(k, per_column)| {
        prop::collection::vec((1..k, 0..k, 1e-6..1.0f64), 1..k * per_column).prop_map(move |entries| {
            // An offset of 1..K from the diagonal: the diagonal stays zero.
            let triplets = entries.into_iter().map(|(offset, column, value)| ((column + offset) % k, column, value));
            ConfusionMatrix::from_triplets(k, triplets).unwrap()
        })
    })
}

fn rounding(k: usize) -> f64 {
    1.0 + (k + 8) as f64 * f64::EPSILON
}

fn check_s3(matrix: &ConfusionMatrix) -> (f64, SpectralNorm) {
    let k = matrix.num_classes();
    let one = one_norm(matrix);
    let found = spectral_norm(matrix).unwrap();
    let per_column = (0..k).map(|j| matrix.column(j).count()).max().unwrap() as f64;
    let root = ((k - 1) as f64).sqrt();
    assert!(one <= per_column.sqrt() * found.upper * rounding(k), "{one} > sqrt({per_column}) {}", found.upper);
    assert!(per_column <= (k - 1) as f64);
    assert!(found.lower <= root * one * rounding(k), "{} > {root} {one}", found.lower);
    // The step of the proof.
    assert!(found.lower.powi(2) <= one * infinity_norm(matrix) * rounding(k));
    (one, found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_failure_persistence(FileFailurePersistence::WithSource("regressions")))]

    #[test]
    fn holds_for_matrices_with_a_zero_diagonal(matrix in matrices()) {
        let (one, found) = check_s3(&matrix);
        let nu = one / found.value;
        let root = ((matrix.num_classes() - 1) as f64).sqrt();
        // The interval is at most 1e-9 wide.
        prop_assert!((1.0 - 1e-9) / root <= nu && nu <= root * (1.0 + 1e-9), "nu = {}", nu);
    }
}

/// ||M||_1 = sqrt(s) ||M||_2: one column of s equal entries. At s = K-1 also the second inequality is an equality.
#[test]
fn the_upper_end_of_nu_is_attained() {
    for k in [2, 3, 5, 17, 101] {
        for s in [1, k / 2, k - 1].into_iter().filter(|&s| s > 0) {
            let matrix = ConfusionMatrix::from_triplets(k, (1..=s).map(|i| (i, 0, 0.125))).unwrap();
            let (one, found) = check_s3(&matrix);
            let nu = one / found.value;
            assert!((nu / (s as f64).sqrt() - 1.0).abs() < 1e-14, "K {k}, s {s}: {nu}");
        }
    }
}

/// ||M||_2 = sqrt(K-1) ||M||_1: row 1 = (0, 1, ..., 1), column 1 = e_2.
#[test]
fn the_lower_end_of_nu_is_attained() {
    for k in [2, 3, 5, 17, 101] {
        let triplets = (1..k).map(|j| (0, j, 1.0)).chain([(1, 0, 1.0)]);
        let (one, found) = check_s3(&ConfusionMatrix::from_triplets(k, triplets).unwrap());
        assert_eq!(one, 1.0);
        assert!((found.value / ((k - 1) as f64).sqrt() - 1.0).abs() < 1e-14, "K {k}: {}", found.value);
    }
}

/// With a diagonal the constant is sqrt(K), so the zero diagonal is needed: one full row of ones.
#[test]
fn a_non_zero_diagonal_breaks_the_constant() {
    let k = 5;
    let matrix = ConfusionMatrix::from_triplets(k, (0..k).map(|j| (0, j, 1.0))).unwrap();
    let (one, found) = (one_norm(&matrix), spectral_norm(&matrix).unwrap());
    assert!(found.lower > ((k - 1) as f64).sqrt() * one);
}

#[test]
fn nu_of_the_zero_matrix_is_undefined() {
    let matrix = ConfusionMatrix::from_triplets(4, []).unwrap();
    assert!((one_norm(&matrix) / spectral_norm(&matrix).unwrap().value).is_nan());
}
