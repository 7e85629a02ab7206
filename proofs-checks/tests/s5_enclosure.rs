//! S5. The certified enclosure: lower <= ‖M‖₂ <= upper for the stored matrix, whatever the gap.
//!
//! *Proof.* For x > 0 on the non-zero columns, A = M^T M and a top right singular vector v >= 0 of
//! M (S4): sigma^2 x^T v = (Ax)^T v <= max_j ((Ax)_j/x_j) x^T v. Any quotient ‖M^T w‖/‖w‖ is a
//! lower bound. Rounding: THEORY.md, S5.
//!
//! A decomposition in f64 cannot judge a bound that is tighter than its own error. For K <= 8 the
//! bounds of the library, and the two theorems behind them for any x, are decided in rational
//! arithmetic: ‖M‖₂^2 against a rational number by the inertia of sI - A. Every f64 is rational, so
//! nothing is rounded: corner shapes, near-degenerate blocks and 60 magnitudes, times powers of two
//! down to the subnormal numbers and up to 2^1000. For K to 300 against nalgebra's SVD with its
//! error stated. Recorded ratios are lower/upper, which is below lower/‖M‖₂ and ‖M‖₂/upper both.
//! Not shown: the bounds beyond K = 8 to better than the SVD's error; that the width is always
//! 1e-9, which is a property of the search for the witness and not proved (a search for the widest
//! enclosure is recorded).

use std::cmp::Ordering;

use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::{NormError, SpectralNorm, exact, spectral_norm};
use ndarray::{Array1, Array2};
use proofs_checks::evidence::{Check, Kind, config};
use proofs_checks::exact::{RBig, approximate, compare_squared_norm, ratio, rational, rational_matrix};
use proofs_checks::matrices::{Matrix, confusion_like_of, num_classes};
use proofs_checks::search::Search;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const ENCLOSED: &str = "lower ≤ ‖M‖₂ ≤ upper";
const WIDTH: &str = "upper − lower ≤ 10⁻⁹ upper";

/// ‖M‖₂ against a bound, decided exactly.
fn norm_against(matrix: &Array2<f64>, bound: f64) -> Ordering {
    let bound = rational(bound);
    compare_squared_norm(&rational_matrix(matrix), &(&bound * &bound))
}

/// Both storages of the library, with the enclosure of each.
fn enclosures(matrix: &Array2<f64>) -> [SpectralNorm; 2] {
    let dense = ConfusionMatrix::from_dense(matrix.clone()).unwrap();
    let triplets = matrix.indexed_iter().map(|((i, j), &value)| (i, j, value));
    let sparse = ConfusionMatrix::from_triplets(matrix.nrows(), triplets).unwrap();
    [dense, sparse].map(|stored| spectral_norm(&stored).unwrap())
}

/// Decides both bounds; the largest relative width.
fn check_exactly(matrix: &Array2<f64>) -> Result<f64, TestCaseError> {
    let mut widest = 0.0f64;
    for SpectralNorm { lower, upper, value, .. } in enclosures(matrix) {
        prop_assert!(lower <= value && value <= upper);
        prop_assert!(norm_against(matrix, lower).is_ge(), "lower {lower:e} is above the norm of {matrix}");
        prop_assert!(norm_against(matrix, upper).is_le(), "upper {upper:e} is below the norm of {matrix}");
        // Below the normal range one step of f64 is wider than 1e-9.
        if upper >= f64::MIN_POSITIVE {
            widest = widest.max((upper - lower) / upper);
            prop_assert!(upper - lower <= 1e-9 * upper, "{lower:e} to {upper:e}: {matrix}");
        }
    }
    Ok(widest)
}

/// x 2^e without overflow on the way.
fn scaled(x: f64, e: i32) -> f64 {
    x * 2f64.powi(e / 2) * 2f64.powi(e - e / 2)
}

/// One case in four over the range of f64: largest entries from subnormal to 2^1000.
fn exponents() -> impl Strategy<Value = i32> {
    prop_oneof![6 => Just(0), 1 => -1070..1001i32, 1 => -1074..-990i32]
}

#[test]
fn both_bounds_hold_in_exact_arithmetic() {
    let width = Check::new("S5", WIDTH, Kind::Exact);
    let strategy = (confusion_like_of(2usize..9), exponents());
    let check = Check::new("S5", ENCLOSED, Kind::Exact);
    check.property(file!(), 256, strategy, |check, (Matrix { values, .. }, exponent)| {
        let widest = check_exactly(&values.mapv(|x| scaled(x, exponent)))?;
        check.ratio(1.0 - widest, 1.0);
        width.ratio(widest, 1e-9);
        Ok(())
    });
    width.passed();
}

/// nalgebra's SVD, by Householder reflections, is backward stable: its largest singular value is
/// off by at most 10 K^2 2^-53, and in practice by less than K 2^-53.
#[test]
fn large_matrices_against_a_decomposition() {
    let check = Check::new("S5", ENCLOSED, Kind::Random);
    let strategy = confusion_like_of(prop_oneof![6 => num_classes(300), 1 => 41usize..=300]);
    check.property(file!(), 64, strategy, |check, Matrix { values, .. }| {
        let k = values.nrows();
        let sigma = exact::largest_singular_value(values.view()).unwrap();
        let slack = 10.0 * (k * k) as f64 * f64::EPSILON / 2.0;
        for SpectralNorm { lower, upper, .. } in enclosures(&values) {
            prop_assert!(lower <= sigma * (1.0 + slack) && sigma * (1.0 - slack) <= upper, "K = {k}: {sigma}");
            prop_assert!(upper - lower <= 1e-9 * upper, "{lower:e} to {upper:e}");
            check.ratio(if upper > 0.0 { lower / upper } else { 1.0 }, 1.0);
        }
        Ok(())
    });
}

/// Entries 0 or 10^-d, d from 0 to 12, K from 3 to 6: tries to make the enclosure wide.
#[test]
fn the_widest_enclosure_found() {
    let check = Check::new("S5", WIDTH, Kind::Search);
    for k in 3usize..7 {
        let found = Search { starts: 3, evaluations: 2000, seed: k as u64 }.maximise(k * k, |x| {
            let entry = |x: &f64| if *x == 0.0 { 0.0 } else { 10f64.powf(12.0 * (x - 1.0)) };
            let matrix = Array2::from_shape_vec((k, k), x.iter().map(entry).collect()).unwrap();
            let [dense, sparse] = enclosures(&matrix).map(|found| found.relative_width() / 1e-9);
            dense.max(sparse)
        });
        check.cases_at(found.evaluations, found.value);
        assert!(found.value <= 1.0, "K = {k}: {found:?}");
    }
    check.passed();
}

/// Positive x over six magnitudes, scaled to x_1 = 1 or the powers A^n x: entries as f64 made them,
/// all else exact.
#[test]
fn any_positive_vector_encloses_exactly() {
    let lower = Check::new("S5", "‖Ax‖/‖Mx‖ ≤ ‖M‖₂", Kind::Exact);
    let growth = Check::new("S5", "‖Mx‖/‖x‖ ≤ ‖Ax‖/‖Mx‖", Kind::Exact);
    let decrease = Check::new("S5", "max (AAx)_j/(Ax)_j ≤ max (Ax)_j/x_j", Kind::Exact);
    let strategy = (confusion_like_of(2usize..7), any::<u64>());
    let upper = Check::new("S5", "‖M‖₂² ≤ max (Ax)_j/x_j", Kind::Exact);
    upper.property(file!(), 128, strategy, |upper, (Matrix { values, .. }, seed)| {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let norm = spectral_norm(&ConfusionMatrix::from_dense(values.clone()).unwrap()).unwrap().value;
        if norm == 0.0 {
            return Ok(());
        }
        let m = rational_matrix(&values);
        let k = m.nrows();
        let columns: Vec<usize> = (0..k).filter(|&j| m.column(j).iter().any(|x| !x.is_zero())).collect();
        let times = |x: &[RBig]| -> Vec<RBig> {
            (0..k).map(|i| (0..k).fold(RBig::ZERO, |sum, j| sum + &m[[i, j]] * &x[j])).collect()
        };
        let transposed = |y: &[RBig]| -> Vec<RBig> {
            (0..k).map(|j| (0..k).fold(RBig::ZERO, |sum, i| sum + &m[[i, j]] * &y[i])).collect()
        };
        let square = |x: &[RBig]| x.iter().fold(RBig::ZERO, |sum, x| sum + x * x);
        let mut x: Vec<RBig> = (0..k)
            .map(|j| if columns.contains(&j) { rational(10f64.powf(-6.0 * rng.random::<f64>())) } else { RBig::ZERO })
            .collect();
        let mut previous: Option<RBig> = None;
        for _ in 0..3 {
            let y = times(&x);
            let z = transposed(&y);
            let largest = columns.iter().map(|&j| &z[j] / &x[j]).max().unwrap();
            let order = compare_squared_norm(&m, &largest);
            prop_assert!(order.is_le());
            upper.ratio(if order.is_eq() { 1.0 } else { (norm * norm / approximate(&largest)).min(1.0) }, 1.0);
            let (first, second) = (square(&y) / square(&x), square(&z) / square(&y));
            prop_assert!(first <= second);
            growth.ratio(approximate(&(&first / &second)).sqrt(), 1.0);
            let order = compare_squared_norm(&m, &second);
            prop_assert!(order.is_ge());
            lower.ratio(if order.is_eq() { 1.0 } else { (approximate(&second).sqrt() / norm).min(1.0) }, 1.0);
            // Power iteration never loosens the upper bound.
            if let Some(previous) = previous {
                prop_assert!(largest <= previous);
                decrease.ratio(approximate(&(&largest / &previous)), 1.0);
            }
            previous = Some(largest);
            x = z;
        }
        Ok(())
    });
    [lower, growth, decrease].into_iter().for_each(Check::passed);
}

/// x with (sI - A) x = 1, or nothing where the elimination meets a zero pivot.
fn solve(matrix: &Array2<RBig>, s: &RBig) -> Option<Vec<RBig>> {
    let n = matrix.ncols();
    let mut rows: Vec<Vec<RBig>> = (0..n)
        .map(|i| {
            let entry = |j: usize| {
                let gram = matrix.rows().into_iter().fold(RBig::ZERO, |sum, row| sum + &row[i] * &row[j]);
                if i == j { s - gram } else { -gram }
            };
            (0..n).map(entry).chain([RBig::ONE]).collect()
        })
        .collect();
    for at in 0..n {
        let pivot = (at..n).find(|&i| !rows[i][at].is_zero())?;
        rows.swap(at, pivot);
        let head = rows[at].clone();
        for (_, row) in rows.iter_mut().enumerate().filter(|&(i, _)| i != at) {
            let factor = &row[at] / &head[at];
            row.iter_mut().zip(&head).for_each(|(x, pivot)| *x -= &factor * pivot);
        }
    }
    Some((0..n).map(|i| &rows[i][n] / &rows[i][i]).collect())
}

/// The certificate for small gaps. x > 0 for every s > sigma^2 (a Neumann series), for none below
/// it (by the first part of S5, as Ax <= sx - 1 < sx would bound sigma^2), and then sigma^2 <= s -
/// min 1/x_j. Two decisions of sigma^2 < s that have nothing in common, the sign of x and the
/// inertia, agree.
#[test]
fn the_resolvent_is_positive_above_the_norm_only() {
    let positive = Check::new("S5", "(sI − A)x = 1: x > 0 ⇔ ‖M‖₂² < s", Kind::Exact);
    let strategy = (confusion_like_of(2usize..6), -16..2i32, any::<bool>(), any::<u64>());
    let check = Check::new("S5", "‖M‖₂² ≤ s − min 1/x_j, (sI − A)x = 1, x > 0", Kind::Exact);
    check.property(file!(), 64, strategy, |check, (Matrix { values, .. }, digits, above, seed)| {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        // Small fractions where the shape has entries: the gaps are those of the shape, the numbers stay short.
        let m = values.mapv(|x| {
            if x > 0.0 { ratio((1000.0 * x).ceil() as i64, rng.random_range(999..1002)) } else { RBig::ZERO }
        });
        let norm = spectral_norm(&ConfusionMatrix::from_dense(m.map(approximate)).unwrap()).unwrap().value;
        // From 1e-16 to 10 beside sigma^2, on either side.
        let off = if above { 1.0 } else { -0.09 } * 10f64.powi(digits);
        let s = rational(norm * norm * (1.0 + off));
        if s.is_zero() {
            return Ok(());
        }
        let Some(x) = solve(&m, &s) else { return Ok(()) };
        let is_positive = x.iter().all(|x| x > &RBig::ZERO);
        prop_assert_eq!(is_positive, compare_squared_norm(&m, &s).is_lt());
        positive.case();
        if is_positive {
            let bound = &s - x.iter().map(|x| RBig::ONE / x).min().unwrap();
            let order = compare_squared_norm(&m, &bound);
            prop_assert!(order.is_le());
            check.ratio(if order.is_eq() { 1.0 } else { (norm * norm / approximate(&bound)).min(1.0) }, 1.0);
        }
        Ok(())
    });
    positive.passed();
}

proptest! {
    #![proptest_config(config(256))]

    /// The condition of any start: for **every** positive x the certificate encloses the norm (here
    /// in f64, to 1e-14).
    #[test]
    fn collatz_wielandt_and_the_quotient_enclose_for_any_positive_vector(
        k in 2usize..12, density in 0.2..1.0f64, seed in any::<u64>(),
    ) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let m = Array2::from_shape_simple_fn((k, k), || if rng.random_bool(density) { rng.random::<f64>() } else { 0.0 });
        if m.iter().all(|&x| x == 0.0) {
            return Ok(());
        }
        let sigma = exact::largest_singular_value(m.view()).unwrap();
        let x = Array1::from_shape_simple_fn(k, || 10f64.powf(-6.0 * rng.random::<f64>()));
        let mut x_previous = x;
        let mut upper_previous = f64::INFINITY;
        let norm = |v: &Array1<f64>| v.dot(v).sqrt();
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

/// Two 3-class blocks with norms equal to 1e-9 and a link from 1e-1 down to 1e-15 between them: the
/// gap closes, the enclosure does not care.
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
            check_exactly(&matrix).unwrap();
        }
    }
}

/// Norms known in closed form, without any tolerance: J - I has norm K-1, a column of (3, 4) has 5,
/// a permutation 1.
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

/// The largest entry near the largest f64: the norm is below it or the error says so.
#[test]
fn overflow_is_an_error() {
    let full = |x: f64| ConfusionMatrix::from_dense(Array2::from_elem((3, 3), x)).unwrap();
    assert!(matches!(spectral_norm(&full(f64::MAX / 2.0)), Err(NormError::Overflow)));
    let found = spectral_norm(&full(f64::MAX / 4.0)).unwrap();
    let exact = Array2::from_elem((3, 3), f64::MAX / 4.0);
    assert!(norm_against(&exact, found.lower).is_ge() && norm_against(&exact, found.upper).is_le());
}

/// The oracle of this file is checked on numbers known exactly.
#[test]
fn the_exact_decision_is_exact() {
    let matrix = ndarray::array![[3.0, 0.0], [4.0, 0.0]];
    assert!(norm_against(&matrix, 5.0).is_eq() && norm_against(&matrix, 5f64.next_up()).is_lt());
    let ones = ndarray::array![[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]];
    assert!(norm_against(&ones, 2.0).is_eq() && norm_against(&ones, 2f64.next_up()).is_lt());
    assert!(norm_against(&ones, 1.5).is_gt());
}
