//! Rational matrices, and their spectral norm compared with a rational number without rounding.
//!
//! With A = MᵀM and a rational square s,
//!
//! ```text
//! ‖M‖₂² < s   ⇔  sI − A is positive definite
//! ‖M‖₂² = s   ⇔  sI − A is positive semidefinite and singular
//! ‖M‖₂² > s   ⇔  sI − A has a negative eigenvalue
//! ```
//!
//! by Sylvester's law of inertia, read off the signs of the pivots of a symmetric elimination.
//! Every f64 is a rational number, so a claim about stored numbers is decided as it stands.

use std::cmp::Ordering;

use dashu_int::ops::Gcd;
use dashu_int::{IBig, Sign, UBig};
pub use dashu_ratio::RBig;
use ndarray::Array2;

/// The rational number that an f64 is.
///
/// # Panics
/// If `x` is not finite.
pub fn rational(x: f64) -> RBig {
    RBig::try_from(x).expect("a finite number")
}

/// p/q.
///
/// # Panics
/// If `q` is zero.
pub fn ratio(p: i64, q: u64) -> RBig {
    RBig::from_parts(IBig::from(p), UBig::from(q))
}

/// The nearest f64: for ratios to report, never for a verdict.
pub fn approximate(x: &RBig) -> f64 {
    x.to_f64().value()
}

/// The rational matrix that a matrix of f64 is.
pub fn rational_matrix(matrix: &Array2<f64>) -> Array2<RBig> {
    matrix.map(|&x| rational(x))
}

/// ‖M‖₁, the largest sum of absolute values of a column.
pub fn one_norm(matrix: &Array2<RBig>) -> RBig {
    let sum = |j| {
        matrix.column(j).iter().fold(RBig::ZERO, |sum, x| if x.sign() == Sign::Negative { sum - x } else { sum + x })
    };
    (0..matrix.ncols()).map(sum).max().unwrap_or(RBig::ZERO)
}

/// ‖M‖₂² against `square`.
pub fn compare_squared_norm(matrix: &Array2<RBig>, square: &RBig) -> Ordering {
    let common = matrix.iter().fold(UBig::ONE, |common, x| {
        let shared = (&common).gcd(x.denominator());
        common / shared * x.denominator()
    });
    let integers = matrix.map(|x| x.numerator() * IBig::from(&common / x.denominator()));
    // sI - A times the denominator of s L^2, for the matrix L M of integers.
    let scaled = square * RBig::from(common.pow(2));
    let (numerator, denominator) = (scaled.numerator().clone(), IBig::from(scaled.denominator().clone()));
    let n = matrix.ncols();
    let mut shifted = Array2::from_shape_fn((n, n), |(i, j)| {
        let gram = (0..matrix.nrows()).fold(IBig::ZERO, |sum, l| sum + &integers[[l, i]] * &integers[[l, j]]);
        let entry = -gram * &denominator;
        if i == j { entry + &numerator } else { entry }
    });
    match definiteness(&mut shifted) {
        Definiteness::Positive => Ordering::Less,
        Definiteness::SemiPositive => Ordering::Equal,
        Definiteness::Neither => Ordering::Greater,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Definiteness {
    Positive,
    SemiPositive,
    Neither,
}

/// Of a symmetric matrix of integers, by Bareiss' elimination with diagonal pivots; destroys the
/// matrix.
fn definiteness(matrix: &mut Array2<IBig>) -> Definiteness {
    let n = matrix.nrows();
    let mut previous = IBig::ONE;
    for step in 0..n {
        // All earlier pivots are positive, so an entry has the sign of the Schur complement's.
        let negative = |&p: &usize| matrix[[p, p]].sign() == Sign::Negative && !matrix[[p, p]].is_zero();
        if (step..n).any(|p| negative(&p)) {
            return Definiteness::Neither;
        }
        let Some(pivot) = (step..n).find(|&p| !matrix[[p, p]].is_zero()) else {
            // A zero on the diagonal of a semidefinite matrix has only zeros beside it.
            let zero = (step..n).all(|i| (step..n).all(|j| matrix[[i, j]].is_zero()));
            return if zero { Definiteness::SemiPositive } else { Definiteness::Neither };
        };
        for other in 0..n {
            matrix.swap([step, other], [pivot, other]);
        }
        for other in 0..n {
            matrix.swap([other, step], [other, pivot]);
        }
        let head = matrix[[step, step]].clone();
        for i in step + 1..n {
            for j in i..n {
                // Exact by Sylvester's identity.
                let entry = (&matrix[[i, j]] * &head - &matrix[[i, step]] * &matrix[[j, step]]) / &previous;
                matrix[[j, i]] = entry.clone();
                matrix[[i, j]] = entry;
            }
        }
        previous = head;
    }
    Definiteness::Positive
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn norms_known_exactly() {
        let column = rational_matrix(&array![[3.0, 0.0], [4.0, 0.0]]);
        let ones = rational_matrix(&array![[0.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]);
        let permutation = rational_matrix(&array![[0.0, 1.0], [1.0, 0.0]]);
        let zero = rational_matrix(&Array2::zeros((3, 3)));
        let wide = rational_matrix(&array![[1.0, 2.0, 2.0]]);
        for (matrix, square) in [(column, 25), (ones, 4), (permutation, 1), (zero, 0), (wide, 9)] {
            let square = ratio(square, 1);
            let tiny = RBig::from_parts(IBig::ONE, UBig::ONE << 300);
            assert_eq!(compare_squared_norm(&matrix, &square), Ordering::Equal, "{square}");
            assert_eq!(compare_squared_norm(&matrix, &(&square + &tiny)), Ordering::Less);
            assert_eq!(compare_squared_norm(&matrix, &(&square - &tiny)), Ordering::Greater);
        }
    }

    #[test]
    fn fractions_and_signs() {
        // Columns (1/3, -2/3, 2/3) and a third of it: squared norm 1 + 1/9.
        let matrix = array![[ratio(1, 3), ratio(1, 9)], [ratio(-2, 3), ratio(-2, 9)], [ratio(2, 3), ratio(2, 9)]];
        assert_eq!(compare_squared_norm(&matrix, &ratio(10, 9)), Ordering::Equal);
        assert_eq!(compare_squared_norm(&matrix, &ratio(1, 1)), Ordering::Greater);
        assert_eq!(one_norm(&matrix), ratio(5, 3));
    }

    #[test]
    fn zero_pivots() {
        // Indefinite with a zero diagonal; and semidefinite with a zero row first.
        let entries = |rows: [[i64; 2]; 2]| Array2::from_shape_fn((2, 2), |(i, j)| IBig::from(rows[i][j]));
        assert_eq!(definiteness(&mut entries([[0, 1], [1, 0]])), Definiteness::Neither);
        assert_eq!(definiteness(&mut entries([[0, 1], [1, 5]])), Definiteness::Neither);
        assert_eq!(definiteness(&mut entries([[0, 0], [0, 5]])), Definiteness::SemiPositive);
        assert_eq!(definiteness(&mut entries([[2, 1], [1, 1]])), Definiteness::Positive);
        assert_eq!(definiteness(&mut entries([[1, 2], [2, 1]])), Definiteness::Neither);
    }
}
