//! S5. The certified enclosure: lower <= ||M||_2 <= upper for the stored matrix, whatever the gap.
//!
//! A decomposition in f64 cannot judge a bound that is tighter than its own error. Here the two claims are decided in
//! exact integers: with A = M^T M,
//!
//! ```text
//! ||M||_2 < upper   <=>  upper^2 I - A is positive definite,
//! lower <= ||M||_2  <=>  lower^2 I - A is not positive definite,
//! ```
//!
//! and a matrix is positive definite exactly when its leading principal minors are positive; these are the pivots of
//! Bareiss' fraction-free elimination. Every f64 is an integer times a power of two, so nothing is rounded.

use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::{SpectralNorm, exact, spectral_norm};
use ndarray::Array2;
use num_bigint::{BigInt, Sign};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// x 2^-exponent as an integer; the exponent must divide x.
fn integer(x: f64, exponent: i32) -> BigInt {
    let (mantissa, e) = parts(x);
    if mantissa == 0 { BigInt::from(0) } else { BigInt::from(mantissa) << u32::try_from(e - exponent).unwrap() }
}

/// x = mantissa 2^exponent, x >= 0.
fn parts(x: f64) -> (u64, i32) {
    let (biased, fraction) = ((x.to_bits() >> 52) as i32, x.to_bits() & ((1 << 52) - 1));
    if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) }
}

/// Whether ||M||_2 < bound, decided exactly.
fn norm_is_below(matrix: &Array2<f64>, bound: f64) -> bool {
    let k = matrix.nrows();
    let exponent = matrix.iter().chain([&bound]).filter(|&&x| x > 0.0).map(|&x| parts(x).1).min().unwrap();
    let m = matrix.mapv(|x| integer(x, exponent));
    let square = integer(bound, exponent).pow(2);
    let mut b = Array2::from_shape_fn((k, k), |(i, j)| {
        let gram: BigInt = (0..k).map(|l| &m[[l, i]] * &m[[l, j]]).sum();
        if i == j { &square - gram } else { -gram }
    });
    let mut previous = BigInt::from(1);
    for p in 0..k {
        if b[[p, p]].sign() != Sign::Plus {
            return false;
        }
        for i in p + 1..k {
            for j in p + 1..k {
                // Exact by Sylvester's identity.
                b[[i, j]] = (&b[[i, j]] * &b[[p, p]] - &b[[i, p]] * &b[[p, j]]) / &previous;
            }
        }
        previous = b[[p, p]].clone();
    }
    true
}

fn check_exactly(matrix: &Array2<f64>) {
    let dense = ConfusionMatrix::from_dense(matrix.clone()).unwrap();
    let triplets = matrix.indexed_iter().map(|((i, j), &value)| (i, j, value));
    let sparse = ConfusionMatrix::from_triplets(matrix.nrows(), triplets).unwrap();
    for stored in [dense, sparse] {
        let SpectralNorm { lower, upper, value, .. } = spectral_norm(&stored).unwrap();
        assert!(lower <= value && value <= upper);
        if upper == 0.0 {
            assert!(matrix.iter().all(|&x| x == 0.0));
            continue;
        }
        assert!(!norm_is_below(matrix, lower), "lower {lower:e} is above the norm of {matrix}");
        // The bound itself may be attained where one entry is all of a component: then the next number up is not.
        assert!(norm_is_below(matrix, if lower == upper { upper.next_up() } else { upper }), "{upper:e}: {matrix}");
        assert!(upper - lower <= 1e-9 * upper);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_failure_persistence(FileFailurePersistence::WithSource("regressions")))]

    #[test]
    fn both_bounds_hold_in_exact_arithmetic(
        k in 2usize..9, density in 0.1..1.0f64, decades in 0.0..12.0f64, seed in any::<u64>(),
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let matrix = Array2::from_shape_simple_fn((k, k), || {
            if rng.random_bool(density) { 10f64.powf(-decades * rng.random::<f64>()) } else { 0.0 }
        });
        check_exactly(&matrix);
    }

    /// The condition of any start: for **every** positive x the certificate encloses the norm (here in f64, to 1e-14).
    #[test]
    fn collatz_wielandt_and_the_quotient_enclose_for_any_positive_vector(
        k in 2usize..12, density in 0.2..1.0f64, seed in any::<u64>(),
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let m = Array2::from_shape_simple_fn((k, k), || if rng.random_bool(density) { rng.random::<f64>() } else { 0.0 });
        prop_assume!(m.iter().any(|&x| x > 0.0));
        let sigma = exact::spectral_norm(m.view()).unwrap();
        let x = ndarray::Array1::from_shape_simple_fn(k, || 10f64.powf(-6.0 * rng.random::<f64>()));
        let mut x_previous = x;
        let mut upper_previous = f64::INFINITY;
        let norm = |v: &ndarray::Array1<f64>| v.dot(v).sqrt();
        for _ in 0..5 {
            let y = m.dot(&x_previous);
            let z = m.t().dot(&y);
            let columns = (0..k).filter(|&j| m.column(j).iter().any(|&value| value > 0.0));
            let upper = columns.map(|j| z[j] / x_previous[j]).fold(0.0, f64::max).sqrt();
            let (first, second) = (norm(&y) / norm(&x_previous), norm(&z) / norm(&y));
            prop_assert!(first <= second * (1.0 + 1e-14) && second <= sigma * (1.0 + 1e-13));
            prop_assert!(sigma <= upper * (1.0 + 1e-13));
            // Power iteration never loosens the upper bound.
            prop_assert!(upper <= upper_previous * (1.0 + 1e-14));
            (x_previous, upper_previous) = (z, upper);
        }
    }
}

/// Two 3-class blocks with norms equal to 1e-9 and a link from 1e-1 down to 1e-15 between them: the gap closes, the
/// enclosure does not care.
#[test]
fn small_gaps_are_certified_exactly() {
    for link in (1..16).map(|i| 10f64.powi(-i)) {
        for difference in [0.0, 1e-15, 1e-12, 1e-9, 1e-6] {
            let mut matrix = Array2::zeros((6, 6));
            for (i, j, value) in [(0, 1, 0.25), (1, 0, 0.5), (1, 2, 0.125), (2, 0, 0.75), (2, 1, 0.3), (0, 2, 0.1)] {
                matrix[[i, j]] = value;
                matrix[[3 + i, 3 + j]] = value * (1.0 + difference);
            }
            matrix[[0, 4]] = link;
            check_exactly(&matrix);
        }
    }
}

/// Norms known in closed form, without any tolerance: J - I has norm K-1, a column of (3, 4) has 5, a permutation 1.
#[test]
fn closed_forms_lie_inside() {
    for k in [2usize, 3, 10, 100] {
        let full = Array2::from_shape_fn((k, k), |(i, j)| f64::from(u8::from(i != j)));
        let permutation = Array2::from_shape_fn((k, k), |(i, j)| f64::from(u8::from(i == (j + 1) % k)));
        let mut column = Array2::zeros((k.max(3), k.max(3)));
        (column[[1, 0]], column[[2, 0]]) = (3.0, 4.0);
        for (matrix, norm) in [(full, (k - 1) as f64), (permutation, 1.0), (column, 5.0)] {
            let found = spectral_norm(&ConfusionMatrix::from_dense(matrix).unwrap()).unwrap();
            assert!(found.lower <= norm && norm <= found.upper, "K {k}: {found:?}");
            assert!((found.value - norm).abs() <= 1e-14 * norm);
        }
    }
}

/// The oracle of this file is checked on numbers known exactly.
#[test]
fn the_exact_decision_is_exact() {
    let matrix = ndarray::array![[3.0, 0.0], [4.0, 0.0]];
    assert!(!norm_is_below(&matrix, 5.0) && norm_is_below(&matrix, 5f64.next_up()));
    let ones = ndarray::array![[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]];
    assert!(!norm_is_below(&ones, 2.0) && norm_is_below(&ones, 2f64.next_up()) && !norm_is_below(&ones, 1.5));
}
