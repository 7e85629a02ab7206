//! T6: the population's ||C_D Lambda||_2 from held-out counts, by the simple and the sharp radius.

use car_spectral::bounds::{Interval, Outcome, SpectralCertificate, spectral_certificate};
use nalgebra::DMatrix;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn certificate(weights: &[f64], counts: &[u64], table: &DMatrix<u64>, delta: f64) -> SpectralCertificate {
    let entries =
        (0..counts.len()).flat_map(|j| (0..counts.len()).filter(move |&i| i != j).map(move |i| (i, j, table[(i, j)])));
    match spectral_certificate(weights, counts, entries, delta).unwrap() {
        Outcome::Applies(certificate) => certificate,
        Outcome::NotApplicable(reason) => panic!("{reason}"),
    }
}

/// Both radii from the dense matrix of shares, as the statement prints them.
fn as_printed(weights: &[f64], counts: &[u64], table: &DMatrix<u64>, delta: f64) -> (f64, f64) {
    let k = counts.len();
    let n = |j: usize| counts[j] as f64;
    let share = |i: usize, j: usize| table[(i, j)] as f64 / n(j);
    let h: f64 = (0..k).map(|j| weights[j] * weights[j] / n(j)).sum();
    let simple = h.sqrt() * (1.0 + (1.0 / delta).ln().sqrt());
    let (l, big_l) = ((6.0 * k as f64 / delta).ln(), (3.0 * k as f64 / delta).ln());
    let r = 2f64.sqrt() * (0..k).map(|j| weights[j] / n(j)).fold(0.0, f64::max);
    let b = (0..k).map(|j| weights[j].powi(2) / n(j).powi(2)).fold(0.0, f64::max);
    let columns = (0..k).map(|j| {
        let e: f64 = (0..k).map(|i| share(i, j)).sum();
        let upper = ((big_l / (2.0 * n(j))).sqrt() + (e + big_l / (2.0 * n(j))).sqrt()).powi(2);
        weights[j].powi(2) * upper / n(j)
    });
    let rows = (0..k).map(|i| {
        let rho: f64 = (0..k).map(|j| weights[j].powi(2) * share(i, j) / n(j)).sum();
        ((b * big_l / 2.0).sqrt() + (rho + b * big_l / 2.0).sqrt()).powi(2)
    });
    let v = columns.chain(rows).fold(0.0, f64::max);
    (simple, r * l / 3.0 + ((r * l / 3.0).powi(2) + 2.0 * v * l).sqrt())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_formulas(
        (weights, table, spare) in (2_usize..8).prop_flat_map(|k| (
            prop::collection::vec(0.2_f64..5.0, k),
            prop::collection::vec(0_u64..30, k * k),
            prop::collection::vec(1_u64..300, k),
        )),
        delta in 0.001_f64..0.5,
    ) {
        let k = weights.len();
        let table = DMatrix::from_fn(k, k, |i, j| if i == j { 0 } else { table[i * k + j] });
        let counts: Vec<u64> = (0..k).map(|j| table.column(j).iter().sum::<u64>() + spare[j]).collect();
        let certificate = certificate(&weights, &counts, &table, delta);
        let (simple, sharp) = as_printed(&weights, &counts, &table, delta);
        prop_assert!((certificate.simple / simple - 1.0).abs() < 1e-12);
        prop_assert!((certificate.sharp / sharp - 1.0).abs() < 1e-12);
        // Homogeneous in the weights, like the norm it is about.
        let doubled: Vec<f64> = weights.iter().map(|weight| 2.0 * weight).collect();
        let twice = self::certificate(&doubled, &counts, &table, delta);
        prop_assert!((twice.sharp / certificate.sharp - 2.0).abs() < 1e-12);
        prop_assert!((twice.simple / certificate.simple - 2.0).abs() < 1e-12);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// No population exceeds the a-priori bound, and all classes taken for the one of the least weight attain it.
    #[test]
    fn the_a_priori_bound(
        (weights, entries, concentration) in (2_usize..8).prop_flat_map(|k| (
            prop::collection::vec(0.2_f64..5.0, k),
            prop::collection::vec(0.0_f64..1.0, k * k),
            1.0_f64..40.0,
        )),
    ) {
        let k = weights.len();
        let a_priori = certificate(&weights, &vec![3; k], &DMatrix::zeros(k, k), 0.05).a_priori;
        let lightest = (0..k).min_by(|&a, &b| weights[a].total_cmp(&weights[b])).unwrap();
        let norm = |c: &DMatrix<f64>| DMatrix::from_fn(k, k, |i, j| c[(i, j)] * weights[j]).singular_values().max();
        // Columns that sum to 1, the more on one row the higher the concentration.
        let raw = DMatrix::from_fn(k, k, |i, j| if i == j { 0.0 } else { entries[i * k + j].powf(concentration) });
        let sums: Vec<f64> = (0..k).map(|j| raw.column(j).sum().max(1e-300)).collect();
        let population = DMatrix::from_fn(k, k, |i, j| raw[(i, j)] / sums[j]);
        prop_assert!(norm(&population) <= a_priori * (1.0 + 1e-12));
        let attaining = DMatrix::from_fn(k, k, |i, j| f64::from(u8::from(i == lightest && j != lightest)));
        prop_assert!((norm(&attaining) / a_priori - 1.0).abs() < 1e-12);
    }
}

/// K = 100, n = 100, lambda = 1, delta = 0.05. NumPy, with C the matrix of shares:
///
/// ```python
/// 1 + sqrt(log(1/.05))                                            # 2.7308183826022847
/// # sharp, errors of every class spread over the 50 next classes, one each
/// R, l, L, b = sqrt(2)/100, log(600/.05), log(300/.05), 1e-4
/// v = max(((sqrt(L/200) + sqrt(.5 + L/200))**2)/100, (sqrt(b*L/2) + sqrt(.005 + b*L/2))**2)
/// R*l/3 + sqrt((R*l/3)**2 + 2*v*l)                                # 0.4565836974967306
/// ```
#[test]
fn hundred_classes_of_hundred() {
    let table = DMatrix::from_fn(100, 100, |i, j| u64::from((1..=50).contains(&((i + 100 - j) % 100))));
    let certificate = certificate(&[1.0; 100], &[100; 100], &table, 0.05);
    assert!((certificate.simple - 2.7308183826022847).abs() < 1e-13);
    assert!((certificate.sharp - 0.4565836974967306).abs() < 1e-13);
}

/// Draws held-out counts from known populations: the distance in spectral norm must exceed each radius in at most a
/// share delta of the draws. delta = 0.2, so that a radius which is far too small would be seen; the limit is four
/// standard deviations of a share of 300 draws above delta.
#[test]
fn coverage() {
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let (draws, delta) = (300, 0.2_f64);
    let limit = delta + 4.0 * (delta * (1.0 - delta) / f64::from(draws)).sqrt();
    for (k, smallest, concentrated) in [(2, 3, false), (4, 10, true), (10, 40, false), (10, 40, true)] {
        let counts: Vec<u64> = (0..k).map(|j| smallest * (1 + j as u64 % 3)).collect();
        let weights: Vec<f64> = (0..k).map(|j| 0.7 + 0.2 * j as f64).collect();
        // Errors of 0.1 to 0.9; concentrated: all on one row, where the row's variance decides.
        let population = DMatrix::from_fn(k, k, |i, j| {
            let error = 0.1 + 0.8 * j as f64 / (k - 1) as f64;
            let target = usize::from(j == 0);
            match (i == j, concentrated) {
                (true, _) => 0.0,
                (false, true) => {
                    if i == target {
                        error
                    } else {
                        0.0
                    }
                }
                (false, false) => error / (k - 1) as f64,
            }
        });
        let (mut misses, mut simple_misses, mut norm_misses) = (0, 0, 0);
        let weighted = |matrix: &DMatrix<f64>| DMatrix::from_fn(k, k, |i, j| matrix[(i, j)] * weights[j]);
        let truth = weighted(&population).singular_values().max();
        for _ in 0..draws {
            let mut table = DMatrix::<u64>::zeros(k, k);
            for j in 0..k {
                for _ in 0..counts[j] {
                    let mut uniform: f64 = rng.random();
                    for i in 0..k {
                        if uniform < population[(i, j)] {
                            table[(i, j)] += 1;
                            break;
                        }
                        uniform -= population[(i, j)];
                    }
                }
            }
            let shares = DMatrix::from_fn(k, k, |i, j| table[(i, j)] as f64 / counts[j] as f64);
            let distance = weighted(&(&shares - &population)).singular_values().max();
            let certificate = certificate(&weights, &counts, &table, delta);
            misses += usize::from(distance > certificate.sharp);
            simple_misses += usize::from(distance > certificate.simple);
            let norm = weighted(&shares).singular_values().max();
            let held_out = Interval { lower: norm, upper: norm };
            norm_misses += usize::from(!certificate.population(held_out).unwrap().contains(truth));
            assert!((norm - truth).abs() <= distance + 1e-12);
        }
        for misses in [misses, simple_misses, norm_misses] {
            assert!((misses as f64) <= limit * f64::from(draws), "{misses} of {draws} at K = {k}");
        }
    }
}
