//! The enclosure of the spectral norm against nalgebra's SVD, dense and sparse, over many
//! magnitudes.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use car_spectral::confusion::ConfusionMatrix;
use car_spectral::norms::{SpectralNorm, certified_spectral_upper, spectral_norm};
use libfuzzer_sys::fuzz_target;
use nalgebra::{DMatrix, SVD};
use ndarray::Array2;

/// How far the second route may be off.
const SLACK: f64 = 1e-9;

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

fuzz_target!(|input: Input| {
    let classes = input.matrix.nrows();
    let largest = input.matrix.iter().copied().fold(0.0, f64::max);
    // A power of two changes no digit; nalgebra squares entries. What vanishes is below 2^-500 of the norm.
    let unit = if largest > 0.0 { 2.0_f64.powi(largest.log2().floor() as i32) } else { 1.0 };
    let scaled = DMatrix::from_fn(classes, classes, |row, column| input.matrix[(row, column)] / unit);
    let Some(second) = by_svd(&scaled).or_else(|| by_svd(&scaled.transpose())) else { return };
    let second = second * unit;
    let triplets = input.matrix.indexed_iter().filter(|(_, entry)| **entry > 0.0);
    let sparse = ConfusionMatrix::from_triplets(classes, triplets.map(|((row, column), &entry)| (row, column, entry)));
    let upper = certified_spectral_upper(input.matrix.view()).expect("no overflow");
    assert!(second <= upper * (1.0 + SLACK), "{second} above {upper}");
    check(&spectral_norm(&sparse.expect("sound entries")).expect("no overflow"), second);
    check(
        &spectral_norm(&ConfusionMatrix::from_dense(input.matrix).expect("sound entries")).expect("no overflow"),
        second,
    );
});
