//! S4. 0 <= A <= B entrywise implies ‖A‖₂ <= ‖B‖₂; the top singular pair of a non-negative matrix
//! can be taken non-negative (replace u, v by |u|, |v| together).
//!
//! *Proof.* For M >= 0 and unit u, v: u^T M v <= |u|^T M |v|, so the maximum of u^T M v is attained
//! by non-negative vectors. For these u^T A v <= u^T B v <= ‖B‖₂.

//! Tried in three ways. At random: A of every corner shape, K to 300, and B = A with entries added,
//! A = B with entries deleted, or A = B, judged by certified bounds with no slack. Exactly, for K
//! <= 6: a rational x <= ‖A‖₂^2, within 2^-60 of it relatively, is found by bisection, every step
//! decided without rounding; then ‖B‖₂^2 < x must be false. So B would have to be below A by less
//! than 2^-60 to pass unseen. By search over pairs whose B is at least twice A in the sum of its
//! entries: the ratio comes to 1, so the claim cannot be sharpened by how much smaller A is
//! altogether.

use std::cmp::Ordering;

use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::{exact, spectral_norm};
use ndarray::Array2;
use proofs_checks::evidence::{Check, Kind};
use proofs_checks::exact::{RBig, compare_squared_norm, ratio, rational, rational_matrix};
use proofs_checks::matrices::{Matrix, Shape, confusion_like, confusion_like_of, draw};
use proofs_checks::search::Search;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const MONOTONE: &str = "‖A‖₂ ≤ ‖B‖₂ for 0 ≤ A ≤ B";

/// How one of the pair comes from the other.
#[derive(Clone, Copy, Debug)]
enum Change {
    /// B is A and another shape's matrix, times 10^-e, added.
    Add(Shape, i32),
    /// A is B without the share of its entries.
    Delete(f64),
    /// A few entries of B are larger by one step of f64.
    Step,
    Same,
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (prop::sample::select(Shape::ALL), 0..17i32).prop_map(|(shape, digits)| Change::Add(shape, digits)),
        3 => (0.0..1.0f64).prop_map(Change::Delete),
        2 => Just(Change::Step),
        1 => Just(Change::Same),
    ]
}

/// A and B >= A: addition and rounding are monotone, so B >= A as stored.
fn pair(matrix: &Array2<f64>, change: Change, seed: u64) -> (Array2<f64>, Array2<f64>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    match change {
        Change::Add(shape, digits) => {
            let added = draw(shape, matrix.nrows(), seed).values * 10f64.powi(-digits);
            (matrix.clone(), matrix + &added)
        }
        Change::Delete(share) => (matrix.mapv(|x| if rng.random_bool(share) { 0.0 } else { x }), matrix.clone()),
        Change::Step => (matrix.clone(), matrix.mapv(|x| if rng.random_bool(0.2) { x.next_up() } else { x })),
        Change::Same => (matrix.clone(), matrix.clone()),
    }
}

fn stored(matrix: &Array2<f64>) -> ConfusionMatrix {
    ConfusionMatrix::from_dense(matrix.clone()).unwrap()
}

fn product(matrix: &Array2<f64>, vector: &[f64]) -> Vec<f64> {
    matrix.rows().into_iter().map(|row| row.iter().zip(vector).map(|(m, v)| m * v).sum()).collect()
}

#[test]
fn the_norm_is_monotone() {
    let strategy = (confusion_like(300), changes(), any::<u64>());
    Check::new("S4", MONOTONE, Kind::Random).property(file!(), 256, strategy, |check, (matrix, change, seed)| {
        let (small, large) = pair(&matrix.values, change, seed);
        prop_assert!(small.iter().zip(&large).all(|(a, b)| 0.0 <= *a && a <= b));
        // Certified bounds leave no room for rounding: no slack.
        let (a, b) = (spectral_norm(&stored(&small)).unwrap(), spectral_norm(&stored(&large)).unwrap());
        prop_assert!(a.lower <= b.upper, "{a:?} above {b:?}");
        check.case();
        if b.value > 0.0 {
            check.at_least(a.value / b.value);
        }
        if small.nrows() < 25 {
            // By the SVD, which is backward stable to a small multiple of K 2^-53.
            let svd = |matrix: &Array2<f64>| exact::largest_singular_value(matrix.view()).unwrap();
            prop_assert!(svd(&small) <= svd(&large) * (1.0 + 1e-13));
        }
        Ok(())
    });
}

/// x with x <= ‖M‖₂^2 < x (1 + 2^-60) for M != 0, each end compared exactly.
fn just_below(matrix: &Array2<RBig>, lower: f64, upper: f64) -> Result<RBig, TestCaseError> {
    let square = |x: f64| rational(x) * rational(x);
    let (mut low, mut high) = (square(lower), square(upper));
    prop_assert!(compare_squared_norm(matrix, &low).is_ge() && compare_squared_norm(matrix, &high).is_le());
    let width = ratio(1, 1 << 60);
    while &high - &low > &low * &width {
        let middle = (&low + &high) / ratio(2, 1);
        match compare_squared_norm(matrix, &middle) {
            Ordering::Less => high = middle,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => low = middle,
        }
    }
    Ok(low)
}

#[test]
fn decided_exactly() {
    let strategy = (confusion_like_of(2usize..7), changes(), any::<u64>());
    Check::new("S4", MONOTONE, Kind::Exact).property(file!(), 64, strategy, |check, (matrix, change, seed)| {
        let (small, large) = pair(&matrix.values, change, seed);
        let (a, b) = (spectral_norm(&stored(&small)).unwrap(), spectral_norm(&stored(&large)).unwrap());
        check.case();
        if a.upper == 0.0 {
            return Ok(());
        }
        let x = just_below(&rational_matrix(&small), a.lower, a.upper)?;
        prop_assert!(compare_squared_norm(&rational_matrix(&large), &x).is_ge(), "{large} below {x}");
        check.at_least((a.value / b.value).min(1.0));
        Ok(())
    });
}

#[test]
fn the_search_comes_to_one() {
    let check = Check::new("S4", MONOTONE, Kind::Search);
    for k in 2usize..5 {
        let found = Search { starts: 3, evaluations: 6000, seed: k as u64 }.maximise(2 * k * k, |x| {
            let large = nalgebra::DMatrix::from_column_slice(k, k, &x[..k * k]);
            let small = large.component_mul(&nalgebra::DMatrix::from_column_slice(k, k, &x[k * k..]));
            let norm = |matrix: nalgebra::DMatrix<f64>| matrix.singular_values().max();
            if large.sum() > 0.0 && 2.0 * small.sum() <= large.sum() { norm(small) / norm(large) } else { f64::NAN }
        });
        check.cases_at(found.evaluations, found.value);
        // The SVD of 4 classes is off by a few tens of 2^-53.
        assert!((0.999..1.0 + 1e-13).contains(&found.value), "K = {k}: {found:?}");
    }
    check.passed();
}

#[test]
fn the_top_pair_is_non_negative() {
    let strategy = confusion_like_of(2usize..25);
    let check = Check::new("S4", "u, v ≥ 0 for a top pair of M ≥ 0", Kind::Random);
    check.property(file!(), 256, strategy, |check, Matrix { values: matrix, .. }| {
        check.case();
        let svd = exact::top_singular_pair(matrix.view()).unwrap();
        prop_assert!(svd.left.iter().chain(&svd.right).all(|&x| x >= 0.0));
        // M v = sigma u and M^T u = sigma v to rounding, whether or not sigma is multiple.
        let transpose = matrix.t().to_owned();
        for (m, from, to) in [(&matrix, &svd.right, &svd.left), (&transpose, &svd.left, &svd.right)] {
            if svd.sigma > 0.0 {
                let residual = product(m, from).iter().zip(to).map(|(a, b)| (a - svd.sigma * b).powi(2)).sum::<f64>();
                // Perturbing the signs of vectors accurate to 1e-15 / gap: |u|, |v| attain sigma to 1e-13, and
                // ‖Mv - sigma u‖^2 <= 2 sigma (sigma - u^T M v).
                prop_assert!(residual <= 2e-13 * svd.sigma * svd.sigma, "residual {}", residual.sqrt());
            }
        }
        // The pair of the enclosure, too.
        let found = spectral_norm(&stored(&matrix)).unwrap();
        prop_assert!(found.left.iter().chain(&found.right).all(|&x| x >= 0.0));
        Ok(())
    });
}

/// The sign condition is needed: |A| <= |B| entrywise is not enough for B with negative entries.
#[test]
fn signs_matter() {
    let check = Check::new("S4", "‖A‖₂ ≤ ‖B‖₂ for |A| ≤ |B|, B of any sign", Kind::Necessity);
    let a = ndarray::array![[1.0, 1.0], [1.0, 1.0]];
    let b = ndarray::array![[1.0, 1.0], [1.0, -1.0]];
    let (a, b) = (exact::largest_singular_value(a.view()).unwrap(), exact::largest_singular_value(b.view()).unwrap());
    assert!(a > 1.4 * b);
    check.ratio(a, b);
    check.passed();
}
