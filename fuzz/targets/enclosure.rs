//! The enclosure of the spectral norm against exact arithmetic and nalgebra's SVD, dense and
//! sparse, over many magnitudes.
#![no_main]

use std::cmp::Ordering;

use arbitrary::{Arbitrary, Unstructured};
use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::{SpectralNorm, certified_spectral_upper, spectral_norm};
use libfuzzer_sys::fuzz_target;
use nalgebra::{DMatrix, SVD};
use ndarray::Array2;
use num_bigint::BigInt;

/// How far the second route may be off.
const SLACK: f64 = 1e-9;

/// Most classes for exact arithmetic: a millisecond a matrix.
const EXACT: usize = 6;

/// A matrix of K classes.
#[derive(Debug)]
struct Input {
    matrix: Array2<f64>,
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let classes = bytes.int_in_range(2..=12)?;
        let is_wide: bool = bytes.arbitrary()?;
        let mut matrix = Array2::zeros((classes, classes));
        for entry in &mut matrix {
            let [mantissa, exponent] = bytes.arbitrary::<[u8; 2]>()?;
            // Wide: from 2^-256 to 2^254; else shares with many zeros and equal entries.
            *entry = if is_wide {
                f64::from(mantissa) * 2.0_f64.powi(2 * i32::from(exponent) - 264)
            } else {
                f64::from(mantissa % 8) / f64::from(1 + exponent % 8)
            };
        }
        Ok(Self { matrix })
    }
}

fn check(found: &SpectralNorm, second: f64) {
    assert!(found.lower <= found.value && found.value <= found.upper, "{found:?}");
    assert!(found.lower * (1.0 - SLACK) <= second && second <= found.upper * (1.0 + SLACK), "{second} {found:?}");
    assert!(found.left.iter().chain(&found.right).all(|&entry| entry >= 0.0));
}

/// The largest singular value, where nalgebra finds any: they may be NaN.
fn by_svd(matrix: &DMatrix<f64>) -> Option<f64> {
    let values = SVD::try_new_unordered(matrix.clone(), false, false, f64::EPSILON, 10_000)?.singular_values;
    ((values.norm() - matrix.norm()).abs() <= 1e-12 * matrix.norm()).then(|| values.max())
}

/// The largest singular value against two bounds in exact arithmetic: of the Gram matrix G,
/// upper² I − G has no negative eigenvalue, and lower² I − G is not positive definite.
fn check_exactly(matrix: &Array2<f64>, found: &SpectralNorm, certified: f64) {
    let entries = matrix.map(|&entry| integer(entry));
    let classes = entries.nrows();
    let less_gram = |bound: f64| -> Vec<Vec<BigInt>> {
        let square = integer(bound).pow(2);
        let entry = |row: usize, column: usize| {
            let gram: BigInt = entries.column(row).iter().zip(entries.column(column)).map(|(a, b)| a * b).sum();
            if row == column { &square - gram } else { -gram }
        };
        (0..classes).map(|row| (0..classes).map(|column| entry(row, column)).collect()).collect()
    };
    for upper in [found.upper, certified] {
        assert_ne!(definiteness(less_gram(upper)), Ordering::Less, "above {upper}: {found:?}");
    }
    assert_ne!(definiteness(less_gram(found.lower)), Ordering::Greater, "below {}: {found:?}", found.lower);
}

/// A number times 2^1074: a whole one.
fn integer(value: f64) -> BigInt {
    let bits = value.to_bits();
    let (exponent, digits) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    if exponent == 0 { digits.into() } else { BigInt::from(digits | 1 << 52) << (exponent - 1) }
}

/// The sign of the smallest eigenvalue of a symmetric matrix, by Bareiss's elimination.
fn definiteness(mut matrix: Vec<Vec<BigInt>>) -> Ordering {
    let zero = BigInt::ZERO;
    let (mut smallest, mut divisor) = (Ordering::Greater, BigInt::from(1));
    while let Some(first) = matrix.first().cloned() {
        let pivot = &first[0];
        let is_empty = first.iter().all(|entry| *entry == zero);
        if *pivot < zero || (*pivot == zero && !is_empty) {
            return Ordering::Less;
        }
        let rest = matrix.split_off(1);
        if is_empty {
            smallest = Ordering::Equal;
            matrix = rest.into_iter().map(|row| row[1..].to_vec()).collect();
            continue;
        }
        let eliminated = |row: &Vec<BigInt>| {
            (1..row.len()).map(|column| (&row[column] * pivot - &row[0] * &first[column]) / &divisor).collect()
        };
        matrix = rest.iter().map(eliminated).collect();
        divisor = pivot.clone();
    }
    smallest
}

fuzz_target!(|input: Input| {
    let matrix = input.matrix;
    let classes = matrix.nrows();
    let triplets = matrix.indexed_iter().filter(|(_, entry)| **entry > 0.0);
    let sparse = ConfusionMatrix::from_triplets(classes, triplets.map(|((row, column), &entry)| (row, column, entry)));
    let dense = ConfusionMatrix::from_dense(matrix.clone());
    let certified = certified_spectral_upper(matrix.view()).expect("no overflow");
    let found = [sparse, dense].map(|matrix| spectral_norm(&matrix.expect("sound entries")).expect("no overflow"));
    if classes <= EXACT {
        found.iter().for_each(|found| check_exactly(&matrix, found, certified));
    }
    let largest = matrix.iter().copied().fold(0.0, f64::max);
    // A power of two changes no digit; nalgebra squares entries. What vanishes is below 2^-500 of the norm.
    let unit = if largest > 0.0 { 2.0_f64.powi(largest.log2().floor() as i32) } else { 1.0 };
    let scaled = DMatrix::from_fn(classes, classes, |row, column| matrix[(row, column)] / unit);
    let Some(second) = by_svd(&scaled).or_else(|| by_svd(&scaled.transpose())) else { return };
    let second = second * unit;
    assert!(second <= certified * (1.0 + SLACK), "{second} above {certified}");
    found.iter().for_each(|found| check(found, second));
});
