//! Random non-negative matrices and weights that reach the corners: zero columns, one competitor a
//! column, rank one, permutations, norms that nearly coincide, entries over many orders of
//! magnitude, K from 2 to 300.

use ndarray::Array2;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The shapes of [`Matrix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All entries off the diagonal positive.
    Full,
    /// About two non-zeros a column.
    Sparse,
    /// Half of the columns zero.
    ZeroColumns,
    /// One non-zero a column, on any row.
    OneCompetitor,
    /// The same, on one row for all columns but that row's.
    OneRow,
    /// One full column, nothing else.
    OneColumn,
    /// a bᵀ without its diagonal.
    RankOne,
    /// A permutation without fixed points, times one number.
    Permutation,
    /// Two equal blocks but for a factor 1 + 10^-e, e from 3 to 16, and a link between them.
    NearDegenerate,
    /// Entries from 1e-60 to 1.
    ManyMagnitudes,
    /// No entry at all.
    Zero,
}

impl Shape {
    /// List of every shape.
    pub const ALL: &[Self] = &[
        Self::Full,
        Self::Sparse,
        Self::ZeroColumns,
        Self::OneCompetitor,
        Self::OneRow,
        Self::OneColumn,
        Self::RankOne,
        Self::Permutation,
        Self::NearDegenerate,
        Self::ManyMagnitudes,
        Self::Zero,
    ];
}

/// A non-negative matrix with a zero diagonal.
#[derive(Clone, Debug)]
pub struct Matrix {
    /// Recipe by which it was made.
    pub shape: Shape,
    /// Entries, row = predicted class, column = true class.
    pub values: Array2<f64>,
}

/// Number of classes: mostly 2 to 8, one in 40 up to `largest`.
pub fn num_classes(largest: usize) -> impl Strategy<Value = usize> {
    prop_oneof![30 => 2usize..9, 9 => 9usize..=largest.clamp(9, 40), 1 => 9usize..=largest.max(9)]
}

/// Any shape, K by [`num_classes`]; entries at most 1.
pub fn confusion_like(largest: usize) -> impl Strategy<Value = Matrix> {
    confusion_like_of(num_classes(largest))
}

/// Any shape, K from a strategy of its own.
pub fn confusion_like_of(num_classes: impl Strategy<Value = usize>) -> impl Strategy<Value = Matrix> {
    (prop::sample::select(Shape::ALL), num_classes, any::<u64>()).prop_map(|(shape, k, seed)| draw(shape, k, seed))
}

/// Draws one matrix of a shape.
pub fn draw(shape: Shape, k: usize, seed: u64) -> Matrix {
    let rng = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut values = Array2::zeros((k, k));
    match shape {
        Shape::Full => values.mapv_inplace(|_: f64| rng.random_range(0.01..1.0)),
        Shape::Sparse => {
            values.mapv_inplace(|_| if rng.random_bool((2.0 / k as f64).min(1.0)) { rng.random() } else { 0.0 })
        }
        Shape::ZeroColumns => {
            for mut column in values.columns_mut() {
                if rng.random_bool(0.5) {
                    column.mapv_inplace(|_| rng.random());
                }
            }
        }
        Shape::OneCompetitor => {
            for j in 0..k {
                values[[(j + rng.random_range(1..k)) % k, j]] = rng.random();
            }
        }
        Shape::OneRow => values.row_mut(rng.random_range(0..k)).mapv_inplace(|_| rng.random()),
        Shape::OneColumn => values.column_mut(rng.random_range(0..k)).mapv_inplace(|_| rng.random()),
        Shape::RankOne => {
            let mut side = || -> Vec<f64> { (0..k).map(|_| rng.random()).collect() };
            let (left, right) = (side(), side());
            values.indexed_iter_mut().for_each(|((i, j), value)| *value = left[i] * right[j]);
        }
        Shape::Permutation => {
            // A cycle through all classes has no fixed point.
            let mut cycle: Vec<usize> = (0..k).collect();
            cycle.shuffle(rng);
            let entry = rng.random();
            for at in 0..k {
                values[[cycle[at], cycle[(at + 1) % k]]] = entry;
            }
        }
        Shape::NearDegenerate => {
            let half = k / 2;
            let factor = 1.0 + 10f64.powi(-rng.random_range(3..=16));
            for i in 0..half {
                for j in (0..half).filter(|&j| i != j || half == 1) {
                    let value: f64 = rng.random_range(0.1..0.9);
                    // Shifted by one row, so that a block of one class is off the diagonal.
                    values[[(i + half) % k, j]] = value;
                    values[[i, half + j]] = value * factor;
                }
            }
            values[[k - 1, 0]] += 10f64.powi(-rng.random_range(1..=16));
        }
        Shape::ManyMagnitudes => values.mapv_inplace(|_| 10f64.powf(-60.0 * rng.random::<f64>())),
        Shape::Zero => {}
    }
    values.diag_mut().fill(0.0);
    Matrix { shape, values }
}

/// K class weights: all equal, like those of a long tail, or over twelve orders of magnitude.
pub fn weights(k: usize) -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        (0.1f64..10.0).prop_map(move |weight| vec![weight; k]),
        prop::collection::vec(0.8f64..2.3, k),
        prop::collection::vec((-6.0f64..6.0).prop_map(|digits| 10f64.powf(digits)), k),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_what_it_says() {
        for k in [2usize, 3, 8, 41] {
            for seed in 0..20 {
                let at = |shape| draw(shape, k, seed).values;
                let non_zeros = |m: &Array2<f64>| m.iter().filter(|&&x| x > 0.0).count();
                for shape in
                    [Shape::Full, Shape::RankOne, Shape::NearDegenerate, Shape::ManyMagnitudes, Shape::Permutation]
                {
                    let m = at(shape);
                    assert!(
                        m.diag().iter().all(|&x| x == 0.0) && m.iter().all(|&x| (0.0..1.01).contains(&x)),
                        "{shape:?}"
                    );
                    assert!(non_zeros(&m) > 0, "{shape:?} at K = {k}");
                }
                assert_eq!(non_zeros(&at(Shape::Full)), k * (k - 1));
                assert_eq!(non_zeros(&at(Shape::Zero)), 0);
                assert_eq!(non_zeros(&at(Shape::OneRow)), k - 1);
                assert_eq!(non_zeros(&at(Shape::OneColumn)), k - 1);
                let permutation = at(Shape::Permutation);
                assert!((0..k).all(|i| permutation.row(i).iter().filter(|&&x| x > 0.0).count() == 1));
                assert!((0..k).all(|i| at(Shape::OneCompetitor).column(i).iter().filter(|&&x| x > 0.0).count() == 1));
            }
        }
    }
}
