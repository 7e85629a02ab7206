//! A certified upper bound of the spectral norm of a matrix of any signs, as T3 needs for weight
//! matrices.
//!
//! ```text
//! M = U S Vᵀ + E   ⇒   ‖M‖₂ ≤ ‖U‖₂ max_i |s_i| ‖V‖₂ + ‖E‖_F,   ‖U‖₂² = ‖UᵀU‖₂ ≤ 1 + ‖UᵀU − I‖_F;      ‖M‖₂ ≤ ‖M‖_F
//! ```
//!
//! The first holds for *any* matrices U, S = diag(s), V, so the decomposition need not be trusted:
//! what it lacks shows up in E and in the departures from I, which are computed. Where it fails, or
//! is so bad that ‖M‖_F is smaller, ‖M‖_F is the bound.
//!
//! **Rounding.** u = 2⁻⁵³, m x n matrices of N = mn numbers, t singular values; sums in any order,
//! fused or not; Nu ≤ 1/4.
//! - Products. US rounds once, an inner product of t terms is off by at most tu/(1 − tu) times that
//!   of the absolute values: U S Vᵀ is off by at most (t + 2)u ‖U‖_F max|s_i| ‖V‖_F, UᵀU by (m +
//!   1)u ‖U‖_F² and VᵀV by (n + 1)u ‖V‖_F², up to second order; 2(t + 4)u, 2(m + 4)u and 2(n + 4)u
//!   are added, whose factor 2 covers the rounding of these norms too.
//! - Frobenius norms, of E, of the departures and of M, by a subtraction (of M none), N squares,
//!   their sum and a root: the float is at least (1 − u)^(N/2 + 3) times the norm, and (1 −
//!   u)^(−N/2 − 3) ≤ 1 + (N + 6)u. It is multiplied by 1 + (2N + 16)u.
//! - The rest, about ten roundings of positive numbers: two for each departure and root, two
//!   products, two sums, the last product. It is multiplied by 1 + 16u.
//! - Underflow. M is divided by a power of two so that its largest entry lies in [1, 2), and what
//!   is then below 2⁻²⁰⁰ counts as 0 (`exact` says why): ‖M‖₂ ≥ 1 changes by less than √N 2⁻²⁰⁰. A
//!   square or a product that underflows is off by less than 2⁻¹⁰⁷⁴: a Frobenius norm by less than
//!   √N 2⁻⁵³⁷, a product of matrices by less than (N + m² + n²) 2⁻¹⁰⁷⁴. All this is far below the u
//!   that 1 + 16u has to spare.
//! - The power of two is multiplied back exactly, or upwards where the result is subnormal.

use nalgebra::{DMatrix, DVector, SVD};
use ndarray::ArrayView2;

use super::NormError;
use super::exact::{MOST_SWEEPS, Scaled};
use super::power_of_two::scale_up;

/// A decomposition this close to its own σ₁ is not tried again on the transpose.
const TIGHT: f64 = 1.0 + 1e-9;

/// A number that ‖M‖₂ does not exceed, for a matrix with finite entries of any signs: the smaller
/// of ‖M‖_F and what a singular value decomposition certifies (the module's page has the proof),
/// both rounded up.
///
/// Above the norm by about 1e-11 relative for full matrices of a few hundred rows; nalgebra's
/// singular vectors of matrices with many zeros can be wrong, and then the bound may be up to
/// ‖M‖_F, but true all the same. Cost O(m n min(m, n)).
///
/// # Errors
/// [`NormError::Empty`], [`NormError::NonFinite`]; [`NormError::Overflow`] if the bound exceeds the
/// largest f64.
pub fn certified_spectral_upper(matrix: ArrayView2<'_, f64>) -> Result<f64, NormError> {
    let Scaled { matrix, exponent } = Scaled::new(matrix)?;
    if matrix.amax() == 0.0 {
        return Ok(0.0);
    }
    let upper = scale_up(best_bound(&matrix, decompose), exponent);
    if upper.is_finite() { Ok(upper) } else { Err(NormError::Overflow) }
}

/// U, s and Vᵀ, good or bad.
struct Decomposition {
    u: DMatrix<f64>,
    s: DVector<f64>,
    v_t: DMatrix<f64>,
}

/// None after [`MOST_SWEEPS`] sweeps.
fn decompose(matrix: &DMatrix<f64>) -> Option<Decomposition> {
    // Not the ordered one, which panics where a value is NaN.
    let SVD { u, v_t, singular_values: s } =
        SVD::try_new_unordered(matrix.clone(), true, true, f64::EPSILON, MOST_SWEEPS)?;
    Some(Decomposition { u: u?, s, v_t: v_t? })
}

/// The smallest of ‖M‖_F and the bounds by the decompositions of M and, unless that one is tight,
/// of Mᵀ.
fn best_bound(matrix: &DMatrix<f64>, decompose: impl Fn(&DMatrix<f64>) -> Option<Decomposition>) -> f64 {
    let mut best = norm_upper(matrix);
    for oriented in [matrix, &matrix.transpose()] {
        if let Some(found) = decompose(oriented) {
            // min ignores NaN, the bound by a decomposition with a NaN.
            best = best.min(upper_by(oriented, &found));
            if best <= TIGHT * largest(&found.s) {
                break;
            }
        }
    }
    best
}

fn largest(s: &DVector<f64>) -> f64 {
    s.iter().fold(0.0, |largest, value| largest.max(value.abs()))
}

/// The bound by any U, S, Vᵀ, good or bad; NaN if one of them has a NaN.
fn upper_by(matrix: &DMatrix<f64>, Decomposition { u, s, v_t }: &Decomposition) -> f64 {
    let (rows, columns) = matrix.shape();
    let (rank, sigma) = (s.len(), largest(s));
    let residual = norm_upper(&(matrix - u * DMatrix::from_diagonal(s) * v_t));
    let residual = residual + rounding(rank) * u.norm() * v_t.norm() * sigma;
    let orthogonal = |gram: DMatrix<f64>, terms: usize, norm: f64| {
        let departure = norm_upper(&(gram - DMatrix::identity(rank, rank))) + rounding(terms) * norm * norm;
        (1.0 + departure).sqrt()
    };
    let left = orthogonal(u.transpose() * u, rows, u.norm());
    let right = orthogonal(v_t * v_t.transpose(), columns, v_t.norm());
    (left * sigma * right + residual) * (1.0 + 8.0 * f64::EPSILON)
}

/// The Frobenius norm, from above, of a matrix or of a difference of two.
fn norm_upper(matrix: &DMatrix<f64>) -> f64 {
    matrix.norm() * (1.0 + (matrix.len() as f64 + 8.0) * f64::EPSILON)
}

fn rounding(terms: usize) -> f64 {
    (terms + 4) as f64 * f64::EPSILON
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use rand::{RngExt, SeedableRng};

    #[test]
    fn at_least_the_norm_and_close_to_it() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for (rows, columns) in [(1, 1), (2, 7), (40, 40), (10, 120), (120, 10)] {
            let matrix = Array2::from_shape_fn((rows, columns), |_| rng.random_range(-1.0..1.0));
            let upper = certified_spectral_upper(matrix.view()).unwrap();
            let svd = super::super::exact::largest_singular_value(matrix.view()).unwrap();
            assert!(upper >= svd && upper <= svd * (1.0 + 1e-10), "{rows} x {columns}: {upper} against {svd}");
        }
    }

    #[test]
    fn what_a_decomposition_lacks_is_added() {
        let matrix = DMatrix::from_diagonal(&DVector::from_vec(vec![3.0, 1.0]));
        let (one, s) = (DMatrix::identity(2, 2), |first, second| DVector::from_vec(vec![first, second]));
        let by = |u: &DMatrix<f64>, s: DVector<f64>, v_t: &DMatrix<f64>| {
            upper_by(&matrix, &Decomposition { u: u.clone(), s, v_t: v_t.clone() })
        };
        // Singular values too small: the residual. Factors that are not orthogonal: their norms, left and right.
        for (bound, most) in [
            (by(&one, s(1.0, 1.0), &one), 3.0),
            (by(&(&one * 2.0), s(1.5, 0.5), &one), 3.44),
            (by(&one, s(1.5, 0.5), &(&one * 2.0)), 3.44),
            // S may be negative.
            (by(&-&one, s(-3.0, -1.0), &one), 3.0),
        ] {
            assert!((3.0..=most * (1.0 + 1e-12)).contains(&bound), "{bound} for a norm of 3");
        }
    }

    #[test]
    fn rounding_of_the_checks_themselves_is_added() {
        let one = DMatrix::identity(4, 4);
        let exact = Decomposition { u: one.clone(), s: DVector::repeat(4, 2.0), v_t: one.clone() };
        let bound = upper_by(&(&one * 2.0), &exact);
        // Residual 8 x 4 x 2 eps; each factor 8 x 4 eps under a root; 8 eps at the end: 64, twice 16 and 8, the last
        // three of 2.
        assert_eq!(bound, 2.0 + (64.0 + 2.0 * (16.0 + 16.0 + 8.0)) * f64::EPSILON);
        assert_eq!(norm_upper(&DMatrix::from_element(1, 1, 2.0)), 2.0 * (1.0 + 9.0 * f64::EPSILON));
    }

    #[test]
    fn a_norm_of_many_squares_is_not_below_the_exact_one() {
        // 1/3 as a float is below 1/3; the sum of 10^5 squares rounds at every step.
        let many = DMatrix::from_element(100, 1000, 1.0 / 3.0);
        let exact = (1.0f64 / 3.0) * 1e5f64.sqrt();
        let above = norm_upper(&many) / exact - 1.0;
        assert!((1e5 * f64::EPSILON * 0.5..=2e5 * f64::EPSILON).contains(&above), "{above:e}");
    }

    #[test]
    fn known_norms_are_enclosed_from_above_at_every_scale() {
        for scale in [1.0, 1e-300, 1e300, 3e-320] {
            let upper = certified_spectral_upper((array![[1.0, 0.0], [-1.0, 0.0]] * scale).view()).unwrap();
            let norm = 2.0f64.sqrt() * scale;
            assert!(upper >= norm * (1.0 - 1e-15) && upper <= norm * (1.0 + 1e-10) + f64::from_bits(2), "{upper:e}");
        }
        assert_eq!(certified_spectral_upper(Array2::zeros((3, 2)).view()), Ok(0.0));
        let error = |matrix: Array2<f64>| certified_spectral_upper(matrix.view()).unwrap_err();
        assert!(matches!(error(array![[1.0, f64::INFINITY]]), NormError::NonFinite { row: 0, column: 1, .. }));
        assert_eq!(error(Array2::zeros((0, 3))), NormError::Empty { rows: 0, columns: 3 });
        assert_eq!(error(Array2::zeros((3, 0))), NormError::Empty { rows: 3, columns: 0 });
        assert_eq!(error(Array2::from_elem((2, 2), f64::MAX)), NormError::Overflow);
    }

    /// bound² >= squares value², without rounding: both are integers in units of 2^-54.
    fn is_at_least(bound: f64, squares: usize, value: f64) -> bool {
        let [bound, value] = [bound, value].map(|x| (x * 2f64.powi(54)) as u128);
        bound * bound >= squares as u128 * value * value
    }

    /// U = V = 0, s = 0: all of the matrix is the residual.
    fn nothing(matrix: &DMatrix<f64>) -> Decomposition {
        let (rows, columns) = matrix.shape();
        Decomposition { u: DMatrix::zeros(rows, 1), s: DVector::zeros(1), v_t: DMatrix::zeros(1, columns) }
    }

    #[test]
    fn a_residual_of_many_squares_is_rounded_up() {
        for (rows, columns) in [(10, 1000), (1000, 1000)] {
            let third = 1.0 / 3.0;
            let matrix = DMatrix::from_element(rows, columns, third);
            let bound = upper_by(&matrix, &nothing(&matrix));
            assert!(is_at_least(bound, rows * columns, third), "{bound}");
            assert!(is_at_least(norm_upper(&matrix), rows * columns, third));
        }
    }

    #[test]
    fn the_subnormal_range_is_rounded_up() {
        let smallest = f64::from_bits(1);
        for (matrix, squares) in [(array![[1.0, 1.0]], 2), (array![[6072.0, 0.0], [-6072.0, 0.0]], 2 * 6072 * 6072)] {
            let units = certified_spectral_upper((matrix * smallest).view()).unwrap().to_bits();
            assert!(units * units >= squares, "{units}");
        }
    }

    #[test]
    fn without_a_decomposition_the_frobenius_norm_remains() {
        let matrix = DMatrix::from_element(3, 4, 0.5);
        let frobenius = norm_upper(&matrix);
        assert!(frobenius >= 3f64.sqrt() && frobenius <= 3f64.sqrt() * (1.0 + 25.0 * f64::EPSILON));
        assert_eq!(best_bound(&matrix, |_| None), frobenius);
        // As large as M itself, of no use.
        assert_eq!(best_bound(&matrix, |oriented| Some(nothing(oriented))), frobenius);
        let spoilt = |part: usize| {
            best_bound(&matrix, |oriented| {
                let mut found = nothing(oriented);
                match part {
                    0 => found.u[0] = f64::NAN,
                    1 => found.s[0] = f64::NAN,
                    _ => found.v_t[0] = f64::NAN,
                }
                Some(found)
            })
        };
        assert_eq!([0, 1, 2].map(spoilt), [frobenius; 3]);
    }

    #[test]
    fn the_transpose_is_tried_where_the_matrix_fails_and_only_there() {
        let matrix = DMatrix::from_row_slice(2, 3, &[3.0, 0.0, 0.0, 0.0, 4.0, 0.0]);
        let tried = std::cell::RefCell::new(Vec::new());
        let by = |of_matrix: fn(&DMatrix<f64>) -> Option<Decomposition>| {
            tried.borrow_mut().clear();
            let bound = best_bound(&matrix, |oriented| {
                tried.borrow_mut().push(oriented.shape());
                if oriented.nrows() == 2 { of_matrix(oriented) } else { decompose(oriented) }
            });
            (bound, tried.borrow().clone())
        };
        let (once, twice) = (vec![(2, 3)], vec![(2, 3), (3, 2)]);
        for (of_matrix, expected) in [
            (decompose as fn(&_) -> _, once),
            (|_| None, twice.clone()),
            (|oriented| Some(nothing(oriented)), twice.clone()),
            // A bound of 4.000004: below ‖M‖_F = 5, but not tight.
            (|oriented| decompose(oriented).map(|found| Decomposition { s: found.s * (1.0 - 1e-6), ..found }), twice),
        ] {
            let (bound, shapes) = by(of_matrix);
            assert!((4.0..4.0 * (1.0 + 1e-13)).contains(&bound), "{bound}");
            assert_eq!(shapes, expected);
        }
    }

    /// What makes nalgebra's iteration circle or end in NaN (on which its ordered form panics)
    /// unless the negligible is dropped.
    #[test]
    fn entries_over_the_whole_range_of_f64() {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let (mut tight, mut circles, mut nan) = (0, 0, 0);
        for trial in 0..200 {
            let (k, decades) = [(4, 10.0), (5, 100.0), (10, 300.0), (40, 300.0)][trial % 4];
            let mut entry = || 10f64.powf(decades * (2.0 * rng.random::<f64>() - 1.0));
            let mut matrix = Array2::zeros((k, k));
            for n in 0..2 * k {
                matrix[(n % k, (7 * n + n / k) % k)] = entry();
            }
            let stored = crate::confusion::ConfusionMatrix::from_dense(matrix.clone()).unwrap();
            let enclosed = super::super::spectral_norm(&stored).unwrap();
            let upper = certified_spectral_upper(matrix.view()).unwrap();
            assert!(enclosed.lower <= upper, "{trial}: {upper:e} below {:e}", enclosed.lower);
            tight += usize::from(upper <= enclosed.upper * (1.0 + 1e-9));
            let raw = DMatrix::from_fn(k, k, |row, column| matrix[[row, column]] / enclosed.value);
            circles += usize::from(decompose(&raw).is_none());
            nan += usize::from(decompose(&raw).is_some_and(|found| upper_by(&raw, &found).is_nan()));
        }
        assert!(tight >= 198, "{tight}");
        assert!(circles > 0 && nan > 0, "{circles} {nan}: nalgebra has been mended");
    }

    #[test]
    fn only_a_bound_too_large_for_a_float_is_an_overflow() {
        let column = |value: f64| certified_spectral_upper(array![[value], [value]].view());
        let most = f64::MAX / 2f64.sqrt();
        let bound = column(most * (1.0 - 1e-14)).unwrap();
        assert!(bound >= f64::MAX * (1.0 - 2e-14));
        assert_eq!(column(most * (1.0 + 1e-15)), Err(NormError::Overflow));
    }
}
