//! S3. For M with a zero diagonal and at most s non-zeros in a column,
//!
//! ```text
//! ‖M‖₁ <= sqrt(s) ‖M‖₂ <= sqrt(K-1) ‖M‖₂    and    ‖M‖₂ <= sqrt(K-1) ‖M‖₁,
//! ```
//!
//! both attained; so nu = ‖M‖₁ / ‖M‖₂ lies in [1/sqrt(K-1), sqrt(K-1)], undefined for M = 0.
//!
//! And by sparsity, s_j non-zeros in column j, t the most in a row, j* a largest column, m_j column
//! j, M^i row i:
//!
//! ```text
//! ‖m_j‖₁ <= sqrt(s_j) ‖M‖₂
//! 1/sqrt(t) <= sqrt(‖M‖₁/‖M‖_∞) <= nu <= ‖M‖₁/max(max_j ‖m_j‖, max_i ‖M^i‖, ‖1ᵀM‖/sqrt(K), ‖M1‖/sqrt(K)) <= sqrt(s_j*)
//! ```
//!
//! *Proof.* ‖M e_j‖₁ <= sqrt(s) ‖M e_j‖₂ (Cauchy-Schwarz on the s non-zeros) <= sqrt(s) ‖M‖₂. And
//! ‖M‖₂^2 <= ‖M‖₁ ‖M‖_∞, where a row has at most K-1 non-zeros, each at most ‖M‖₁.
//!
//! Tried in three ways. At random, every corner shape, K to 300: the spectral norm is taken from
//! the certified enclosure, its end chosen so that rounding cannot help a false statement: sums of
//! K terms are off by at most K 2^-53 relative, roots and products by a few more. Exactly: rational
//! matrices of K <= 6, the squares of both sides compared as rational numbers against ‖M‖₂^2,
//! equality included. By search, K = 2 to 6, which has to find the extremal matrices to 1e-6: so
//! the constants cannot be improved by more there. At large K the constants are attained by the
//! matrices named in the proof.

use std::cmp::Ordering;

use car_spectral::bounds::{Interval, nu_range};
use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::{SpectralNorm, infinity_norm, one_norm, spectral_norm};
use nalgebra::DMatrix;
use ndarray::Array2;
use proofs_checks::evidence::{Check, Kind};
use proofs_checks::exact::{self, RBig, approximate, compare_squared_norm, ratio, rational, rational_matrix};
use proofs_checks::matrices::{Matrix, confusion_like, confusion_like_of};
use proofs_checks::search::Search;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SPARSE: &str = "‖M‖₁ ≤ √s ‖M‖₂";
const ABOVE: &str = "‖M‖₁ ≤ √(K−1) ‖M‖₂";
const BELOW: &str = "‖M‖₂ ≤ √(K−1) ‖M‖₁";
const CLASS: &str = "‖m_j‖₁ ≤ √s_j ‖M‖₂";
const PLACES_BELOW: &str = "1/√t ≤ ν";
const PLACES_ABOVE: &str = "ν ≤ √s_j*";
const SUMS_ABOVE: &str = "ν ≤ ‖M‖₁/max(‖m_j‖, ‖Mⁱ‖, ‖1ᵀM‖/√K, ‖M1‖/√K)";
const PRODUCT: &str = "‖M‖₂² ≤ ‖M‖₁ ‖M‖_∞";

fn rounding(k: usize) -> f64 {
    1.0 + (k + 8) as f64 * f64::EPSILON
}

/// Four checks of one kind.
struct Checks([Check; 4]);

impl Checks {
    fn new(kind: Kind) -> Self {
        Self([SPARSE, ABOVE, BELOW, PRODUCT].map(|claim| Check::new("S3", claim, kind)))
    }

    /// Left/right of the four claims, of one case.
    fn ratios(&self, ratios: [f64; 4]) {
        self.0.iter().zip(ratios).for_each(|(check, ratio)| check.ratio(ratio, 1.0));
    }

    fn passed(self) {
        self.0.into_iter().for_each(Check::passed);
    }
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

#[test]
fn holds_for_matrices_with_a_zero_diagonal() {
    let checks = Checks::new(Kind::Random);
    let nu_check = Check::new("S3", "1/√(K−1) ≤ ν ≤ √(K−1)", Kind::Random);
    nu_check.property(file!(), 256, confusion_like(300), |nu_check, Matrix { values, .. }| {
        let matrix = ConfusionMatrix::from_dense(values).unwrap();
        let (one, found) = check_s3(&matrix);
        if one == 0.0 {
            prop_assert_eq!(found.upper, 0.0);
            return Ok(());
        }
        let nu = one / found.value;
        let k = matrix.num_classes();
        let root = ((k - 1) as f64).sqrt();
        // The interval is at most 1e-9 wide.
        prop_assert!((1.0 - 1e-9) / root <= nu && nu <= root * (1.0 + 1e-9), "nu = {}", nu);
        nu_check.ratio(nu.max(1.0 / nu), root);
        let per_column = (0..k).map(|j| matrix.column(j).count()).max().unwrap() as f64;
        let product = found.value * (found.value / one) / infinity_norm(&matrix);
        checks.ratios([nu / per_column.sqrt(), nu / root, 1.0 / (nu * root), product]);
        Ok(())
    });
    checks.passed();
}

/// The entries of a shape as they are, or each non-zero one replaced by p/q with small p and q,
/// among which equal ones are frequent: the claims' equalities are met and told apart from near
/// misses.
fn rational_case(values: &Array2<f64>, small: bool, seed: u64) -> Array2<RBig> {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut matrix = rational_matrix(values);
    if small {
        let largest = rng.random_range(1..8);
        let mut entry = || ratio(rng.random_range(1..=largest), rng.random_range(1..=largest as u64));
        matrix.iter_mut().filter(|x| !x.is_zero()).for_each(|x| *x = entry());
    }
    matrix
}

#[test]
fn decided_exactly() {
    let [sparse, above, below, product] = Checks::new(Kind::Exact).0;
    let strategy = (confusion_like_of(2usize..7), any::<bool>(), any::<u64>());
    sparse.property(file!(), 256, strategy, |sparse, (Matrix { values, .. }, small, seed)| {
        let matrix = rational_case(&values, small, seed);
        let one = exact::one_norm(&matrix);
        if one.is_zero() {
            prop_assert_eq!(compare_squared_norm(&matrix, &RBig::ZERO), Ordering::Equal);
            return Ok(());
        }
        let infinity = exact::one_norm(&matrix.t().to_owned());
        let k = matrix.ncols();
        let s =
            matrix.columns().into_iter().map(|column| column.iter().filter(|x| !x.is_zero()).count()).max().unwrap();
        let square = &one * &one;
        // The two sides that are not ‖M‖₂^2, and on which side of it they have to be.
        let sides = [
            (sparse, &square / ratio(s as i64, 1), Ordering::Less),
            (&above, &square / ratio(k as i64 - 1, 1), Ordering::Less),
            (&below, &square * ratio(k as i64 - 1, 1), Ordering::Greater),
            (&product, &one * &infinity, Ordering::Greater),
        ];
        // For the ratios that are reported only.
        let floats = matrix.map(approximate);
        let norm = spectral_norm(&ConfusionMatrix::from_dense(floats).unwrap()).unwrap().value;
        for (check, other, forbidden) in sides {
            let order = compare_squared_norm(&matrix, &other);
            prop_assert!(order != forbidden, "{order:?} against {other}");
            let ratio = norm / approximate(&other).sqrt();
            let ratio = if forbidden == Ordering::Less { 1.0 / ratio } else { ratio };
            check.ratio(if order == Ordering::Equal { 1.0 } else { ratio.min(1.0) }, 1.0);
        }
        Ok(())
    });
    [above, below, product].into_iter().for_each(Check::passed);
}

fn total(values: impl Iterator<Item = RBig>) -> RBig {
    values.fold(RBig::ZERO, |sum, x| sum + x)
}

/// What sparsity says, on the same rational matrices; and the library's intervals of nu, of the
/// nearest floats, against the exact nu: nu >= x is ‖M‖₂² <= ‖M‖₁²/x².
#[test]
fn sparsity_decided_exactly() {
    let checks = [PLACES_BELOW, PLACES_ABOVE, SUMS_ABOVE].map(|claim| Check::new("S3", claim, Kind::Exact));
    let [below, above, sums] = &checks;
    let strategy = (confusion_like_of(2usize..7), any::<bool>(), any::<u64>());
    let class = Check::new("S3", CLASS, Kind::Exact);
    class.property(file!(), 256, strategy, |class, (Matrix { values, .. }, small, seed)| {
        let matrix = rational_case(&values, small, seed);
        let (one, k) = (exact::one_norm(&matrix), matrix.ncols());
        let stored = ConfusionMatrix::from_dense(matrix.map(approximate)).unwrap();
        let Some(range) = nu_range(&stored).unwrap() else {
            prop_assert!(one.is_zero());
            return Ok(());
        };
        let norm = spectral_norm(&stored).unwrap().value;
        let transposed = matrix.t().to_owned();
        let by_column = |lines: &Array2<RBig>, of: &dyn Fn(&RBig) -> RBig| -> Vec<RBig> {
            lines.columns().into_iter().map(|line| total(line.iter().map(of))).collect()
        };
        let non_zeros = |lines: &Array2<RBig>| -> Vec<usize> {
            lines.columns().into_iter().map(|line| line.iter().filter(|x| !x.is_zero()).count()).collect()
        };
        let longest = |lines: &Array2<RBig>| by_column(lines, &|x| x * x).into_iter().max().unwrap();
        let mean_square = |sums: &[RBig]| total(sums.iter().map(|sum| sum * sum)) / ratio(k as i64, 1);
        let (columns, t) = (non_zeros(&matrix), *non_zeros(&transposed).iter().max().unwrap());
        let (column_sums, row_sums) = (by_column(&matrix, &RBig::clone), by_column(&transposed, &RBig::clone));
        let square = &one * &one;

        // Every class by its own s_j.
        for (sum, &s) in column_sums.iter().zip(&columns).filter(|(_, s)| **s > 0) {
            let other = sum * sum / ratio(s as i64, 1);
            let order = compare_squared_norm(&matrix, &other);
            prop_assert!(order != Ordering::Less, "{order:?} against {other}");
            class.ratio(if order == Ordering::Equal { 1.0 } else { (approximate(&other).sqrt() / norm).min(1.0) }, 1.0);
        }
        let most = square.clone() * ratio(t as i64, 1);
        prop_assert!(compare_squared_norm(&matrix, &most) != Ordering::Greater);
        below.ratio((norm / approximate(&most).sqrt()).min(1.0), 1.0);
        let of_largest = (0..k).filter(|&j| column_sums[j] == one).map(|j| columns[j]).min().unwrap();
        let least = &square / ratio(of_largest as i64, 1);
        prop_assert!(compare_squared_norm(&matrix, &least) != Ordering::Less);
        above.ratio((approximate(&least).sqrt() / norm).min(1.0), 1.0);
        let floors = [longest(&matrix), longest(&transposed), mean_square(&column_sums), mean_square(&row_sums)];
        let floor = floors.into_iter().max().unwrap();
        prop_assert!(compare_squared_norm(&matrix, &floor) != Ordering::Less && least <= floor);
        sums.ratio((approximate(&floor).sqrt() / norm).min(1.0), 1.0);

        // In floats, outwards; of equal columns the floats may miss one.
        for Interval { lower, upper } in [range.by_sums, range.by_non_zeros] {
            let [below, above] = [lower, upper].map(|end| &square / (rational(end) * rational(end)));
            prop_assert!(compare_squared_norm(&matrix, &below) != Ordering::Greater, "nu < {lower}");
            prop_assert!(compare_squared_norm(&matrix, &above) != Ordering::Less, "nu > {upper}");
        }
        prop_assert!(range.by_sums.upper <= (of_largest as f64).sqrt() * (1.0 + 1e-13));
        prop_assert!(range.by_sums.lower >= 1.0 / (t as f64).sqrt() * (1.0 - 1e-13));
        Ok(())
    });
    checks.into_iter().for_each(Check::passed);
}

/// The same for K to 300: the certified interval of nu meets that of one pass, and every class its
/// own step.
#[test]
fn sparsity_holds_for_every_shape() {
    let checks = [PLACES_BELOW, PLACES_ABOVE, SUMS_ABOVE].map(|claim| Check::new("S3", claim, Kind::Random));
    let class = Check::new("S3", CLASS, Kind::Random);
    class.property(file!(), 256, confusion_like(300), |class, Matrix { values, .. }| {
        let matrix = ConfusionMatrix::from_dense(values).unwrap();
        let k = matrix.num_classes();
        let found = spectral_norm(&matrix).unwrap();
        let Some(range) = nu_range(&matrix).unwrap() else { return Ok(()) };
        for (sum, s) in matrix.column_sums().into_iter().zip(matrix.column_non_zeros()) {
            let right = (s as f64).sqrt() * found.upper;
            prop_assert!(sum <= right * rounding(k), "{sum} > {right}");
            if sum > 0.0 {
                class.ratio(sum / right, 1.0);
            }
        }
        let one = one_norm(&matrix);
        let (least, most) = (one / found.upper, one / found.lower);
        for Interval { lower, upper } in [range.by_non_zeros, range.by_sums] {
            prop_assert!(lower <= most * rounding(k) && least <= upper * rounding(k), "[{lower}, {upper}] misses nu");
        }
        let ratios = [range.by_non_zeros.lower / most, least / range.by_non_zeros.upper, least / range.by_sums.upper];
        checks.iter().zip(ratios).for_each(|(check, ratio)| check.ratio(ratio, 1.0));
        Ok(())
    });
    checks.into_iter().for_each(Check::passed);
}

/// One even column attains 1/√t, √s_j* and the longest column; one even row the longest row; all
/// ones off the diagonal the sums.
#[test]
fn what_sparsity_says_is_attained() {
    let [below, above, sums, class] =
        [PLACES_BELOW, PLACES_ABOVE, SUMS_ABOVE, CLASS].map(|claim| Check::new("S3", claim, Kind::Enumeration));
    let nearly = |check: &Check, left: f64, right: f64| {
        assert!((left / right - 1.0).abs() < 1e-12, "{left} against {right}");
        check.ratio(left.min(right), right);
    };
    for k in [2usize, 3, 5, 17, 101] {
        for s in [1, k / 2, k - 1].into_iter().filter(|&s| s > 0) {
            let column = ConfusionMatrix::from_triplets(k, (1..=s).map(|i| (i, 0, 0.125))).unwrap();
            let row = ConfusionMatrix::from_triplets(k, (1..=s).map(|j| (0, j, 0.125))).unwrap();
            let (root, [of_column, of_row]) =
                ((s as f64).sqrt(), [&column, &row].map(|m| nu_range(m).unwrap().unwrap()));
            let nu = |matrix: &ConfusionMatrix| one_norm(matrix) / spectral_norm(matrix).unwrap().value;
            nearly(&above, nu(&column), of_column.by_non_zeros.upper);
            nearly(&above, nu(&column), root);
            nearly(&below, of_row.by_non_zeros.lower, nu(&row));
            nearly(&below, 1.0 / root, nu(&row));
            nearly(&sums, nu(&column), of_column.by_sums.upper);
            nearly(&sums, nu(&row), of_row.by_sums.upper);
            nearly(&class, column.column_sums()[0], root * spectral_norm(&column).unwrap().value);
        }
        let ones = (0..k).flat_map(|j| (0..k).filter(move |&i| i != j).map(move |i| (i, j, 1.0)));
        let ones = nu_range(&ConfusionMatrix::from_triplets(k, ones).unwrap()).unwrap().unwrap();
        // Every row and column sums to K-1, which is the norm: nu = 1.
        nearly(&sums, 1.0, ones.by_sums.upper);
        nearly(&below, ones.by_sums.lower, 1.0);
    }
    [below, above, sums, class].into_iter().for_each(Check::passed);
}

/// s_j* cannot be the count of another column, nor t that of another row.
#[test]
fn the_largest_column_and_the_fullest_row_are_needed() {
    let check = Check::new("S3", "ν ≤ √s_j of a column that is not the largest", Kind::Necessity);
    let matrix =
        ConfusionMatrix::from_triplets(5, [(1, 0, 0.5), (2, 0, 0.5), (3, 0, 0.5), (4, 0, 0.5), (0, 1, 0.25)]).unwrap();
    let nu = one_norm(&matrix) / spectral_norm(&matrix).unwrap().upper;
    assert_eq!(matrix.column_non_zeros(), [4, 1, 0, 0, 0]);
    assert!(nu > 1.99);
    check.ratio(nu, 1.0);
    check.passed();
}

/// Searches over matrices with entries in [0, 1] on `s` rows of each column, off the diagonal.
fn search(check: &Check, k: usize, s: usize, claim: impl Fn(&DMatrix<f64>, f64) -> f64) {
    let search = Search { starts: 3, evaluations: 6000, seed: (10 * k + s) as u64 };
    let found = search.maximise(k * s, |x| {
        let mut matrix = DMatrix::zeros(k, k);
        x.iter().enumerate().for_each(|(at, &x)| matrix[((at % k + at / k + 1) % k, at % k)] = x);
        let sigma = matrix.singular_values().max();
        if sigma > 0.0 { claim(&matrix, sigma) } else { f64::NAN }
    });
    check.cases_at(found.evaluations, found.value);
    // The SVD of 6 classes is off by a few tens of 2^-53.
    assert!((1.0 - 1e-6..1.0 + 1e-13).contains(&found.value), "K = {k}, s = {s}: {found:?}");
}

#[test]
fn the_search_finds_the_extremal_matrices() {
    let [sparse, above, below, product] = Checks::new(Kind::Search).0;
    let one = |m: &DMatrix<f64>| m.column_iter().map(|column| column.sum()).fold(0.0, f64::max);
    for k in 2usize..7 {
        let root = ((k - 1) as f64).sqrt();
        search(&above, k, k - 1, |m, sigma| one(m) / (root * sigma));
        // By S4 a column of a smaller sum may be scaled up to ‖M‖₁, so all columns are.
        search(&below, k, k - 1, |m, _| {
            let mut equal = m.clone();
            equal.column_iter_mut().for_each(|mut column| {
                let sum = column.sum();
                column.iter_mut().for_each(|x| *x /= if sum > 0.0 { sum } else { 1.0 });
            });
            equal.singular_values().max() / (root * one(&equal))
        });
        // Two largest sums at once have too many ridges for this search beyond K = 4.
        if k < 5 {
            search(&product, k, k - 1, |m, sigma| sigma * sigma / (one(m) * one(&m.transpose())));
        }
        for s in 1..k {
            search(&sparse, k, s, |m, sigma| one(m) / ((s as f64).sqrt() * sigma));
        }
    }
    [sparse, above, below, product].into_iter().for_each(Check::passed);
}

/// ‖M‖₁ = sqrt(s) ‖M‖₂: one column of s equal entries. At s = K-1 also the second inequality is an
/// equality.
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

/// ‖M‖₂ = sqrt(K-1) ‖M‖₁: row 1 = (0, 1, ..., 1), column 1 = e_2.
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
    let check = Check::new("S3", "‖M‖₂ ≤ √(K−1) ‖M‖₁ with a diagonal", Kind::Necessity);
    let k = 5;
    let matrix = ConfusionMatrix::from_triplets(k, (0..k).map(|j| (0, j, 1.0))).unwrap();
    let (one, found) = (one_norm(&matrix), spectral_norm(&matrix).unwrap());
    assert!(found.lower > ((k - 1) as f64).sqrt() * one);
    check.ratio(found.lower, ((k - 1) as f64).sqrt() * one);
    check.passed();
}

#[test]
fn nu_of_the_zero_matrix_is_undefined() {
    let matrix = ConfusionMatrix::from_triplets(4, []).unwrap();
    assert!((one_norm(&matrix) / spectral_norm(&matrix).unwrap().value).is_nan());
}
