//! T6': the population's ‖C_DΛ‖₂, above by self-bounding and below by Chernoff's bound of uᵀĈΛv.
//!
//! *Proof.* ‖ĈΛ‖₂ is a maximum of sums of terms in [0, b]: leaving an example out lowers it by at
//! most its term at the maximiser, and these add up to the norm itself; its mean is at least
//! ‖C_DΛ‖₂. Below, uᵀĈΛv is a sum of independent terms in [0, b'] whose mean is at most ‖C_DΛ‖₂
//! (THEORY.md).
//!
//! Checked: misses of both ends and widths against T6 on seven populations; both ends on two
//! classes by all outcomes, beside every end; the shipped ResNet-32, against NumPy.

mod shipped;

use car_spectral::ClassErrors;
use car_spectral::bounds::{
    Interval, VectorPair, WeightedConfusions, even_pair, held_out_intervals, self_bounding_interval,
    spectral_certificate, weighted_worst_class_interval, worst_class_candidates, worst_class_interval,
};
use car_spectral::confusion::{ClassWeights, WeightForm};
use car_spectral::norms::exact;
use ndarray::Array2;
use proofs_checks::draws::{EVEN, NEXT, ONE_ROW, Population, miss_probability, rising_errors};
use proofs_checks::evidence::{Check, Kind, cases};
use proofs_checks::masses::binomial;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const ABOVE: &str = "P(‖C_DΛ‖₂ > upper end) ≤ δ/2";
const BELOW: &str = "P(‖C_DΛ‖₂ < lower end) ≤ δ/2";

fn top_pair(matrix: &Array2<f64>) -> VectorPair {
    let top = exact::top_singular_pair(matrix.view()).unwrap();
    (top.left, top.right)
}

fn weighted(matrix: &Array2<f64>, weights: &[f64]) -> Array2<f64> {
    Array2::from_shape_fn(matrix.dim(), |(i, j)| matrix[[i, j]] * weights[j])
}

fn exactly(norm: f64) -> Interval {
    Interval { lower: norm, upper: norm }
}

fn populations() -> Vec<Population> {
    let rising = |k: usize| (0..k).map(|j| 0.8 + 1.4 * j as f64 / (k - 1) as f64).collect::<Vec<_>>();
    let single = Array2::from_shape_fn((3, 3), |(i, j)| if (i, j) == (1, 0) { 0.4 } else { 0.0 });
    let at = |name, shares, counts, weights| Population { name, shares, counts, weights };
    vec![
        at("one image a class", rising_errors(5, EVEN), vec![1; 5], vec![1.0; 5]),
        at("all errors into one class", rising_errors(6, ONE_ROW), vec![30; 6], rising(6)),
        at("spread, 100", rising_errors(10, EVEN), vec![100; 10], rising(10)),
        at("next class, 100", rising_errors(10, NEXT), vec![100; 10], rising(10)),
        at("very uneven, 1 to 1000", rising_errors(5, EVEN), vec![1000, 100, 20, 3, 1], vec![0.5, 0.8, 1.0, 1.5, 3.0]),
        at("one entry alone", single, vec![200; 3], vec![1.0; 3]),
        at("spread, 30 classes of 50", rising_errors(30, EVEN), vec![50; 30], rising(30)),
    ]
}

/// Both ends on draws from known populations, with the pairs that a first, independent draw of as
/// many images gives and the vectors of ones; the width over that of T6 at the same delta; the
/// quantiles of truth/upper and lower/truth that δ/2 is about.
#[test]
fn coverage() {
    let checks = [ABOVE, BELOW].map(|claim| Check::new("T6'", claim, Kind::Simulation));
    let rng = &mut ChaCha8Rng::seed_from_u64(61);
    let mut tightest = [("", 0.0_f64); 2];
    let (mut least, mut largest) = (f64::INFINITY, 0.0_f64);
    for population in populations() {
        let Population { name, shares, counts, weights } = &population;
        let k = counts.len();
        let truth = exact::largest_singular_value(weighted(shares, weights).view()).unwrap();
        let draws = if k > 20 { cases(200).min(1000) } else { cases(1500).min(10_000) };
        let seen = |table: &Array2<u64>| {
            let matrix = Array2::from_shape_fn((k, k), |(i, j)| table[[i, j]] as f64 / counts[j] as f64);
            weighted(&matrix, weights)
        };
        for delta in [0.05, 0.3] {
            let pairs = [even_pair(k), top_pair(&seen(&population.draw(rng)))];
            let (mut misses, mut ratios, mut width) = ([0_u64; 2], [Vec::new(), Vec::new()], 0.0);
            for _ in 0..draws {
                let table = population.draw(rng);
                let norm = exactly(exact::largest_singular_value(seen(&table).view()).unwrap());
                let entries = table.indexed_iter().filter(|(_, count)| **count > 0);
                let entries = entries.map(|((i, j), &count)| (i, j, count));
                let of = WeightedConfusions::new(weights, counts, entries).unwrap();
                let found = *self_bounding_interval(&of, norm, &pairs, delta).unwrap().value().unwrap();
                let t6 = spectral_certificate(&of, delta).unwrap();
                let t6 = t6.value().unwrap().population(norm).unwrap();
                width += (found.upper - found.lower) / (t6.upper - t6.lower) / f64::from(draws);
                misses[0] += u64::from(truth > found.upper * (1.0 + 1e-12));
                misses[1] += u64::from(truth < found.lower * (1.0 - 1e-12));
                ratios[0].push(truth / found.upper);
                ratios[1].push(found.lower / truth);
            }
            let quantile = |ratios: &mut Vec<f64>| {
                ratios.sort_by(f64::total_cmp);
                ratios[((1.0 - 0.5 * delta) * ratios.len() as f64).ceil() as usize - 1]
            };
            let quantiles = ratios.each_mut().map(quantile);
            println!(
                "{name}, δ {delta}: misses {misses:?} of {draws}, quantiles {quantiles:.3?}, width over T6's {width:.3}"
            );
            (least, largest) = (least.min(width), largest.max(width));
            for place in 0..2 {
                let share = miss_probability(misses[place], u64::from(draws));
                assert!(share.lower <= 0.5 * delta, "{name}: {share:?}");
                assert!(quantiles[place] <= 1.0 + 1e-12, "{name}: {quantiles:?}");
                checks[place].cases_at(u64::from(draws), quantiles[place]);
                if quantiles[place] > tightest[place].1 {
                    tightest[place] = (name, quantiles[place]);
                }
            }
        }
    }
    println!("tightest: above {:.3}, {}; below {:.3}, {}", tightest[0].1, tightest[0].0, tightest[1].1, tightest[1].0);
    println!("width over T6's: {least:.3} to {largest:.3}");
    checks.into_iter().for_each(Check::passed);
}

/// Two classes, n images each, errors of class 0 alone: ‖ĈΛ‖₂ = k/n, and the pair aims there. All
/// outcomes, with the error just beside every end. At δ = 1e-8 the lower end with nine tenths of L'
/// misses too often.
#[test]
fn one_entry_exactly() {
    let checks = [ABOVE, BELOW].map(|claim| Check::new("T6'", claim, Kind::Enumeration));
    let aimed: VectorPair = (vec![0.0, 1.0], vec![1.0, 0.0]);
    for n in [1_u64, 5, 50, 1000] {
        for delta in [0.3, 0.05, 1e-3, 1e-8] {
            let interval = |k: u64, delta: f64| {
                let pair = std::slice::from_ref(&aimed);
                let norm = exactly(k as f64 / n as f64);
                let counts = [n, n];
                let of = WeightedConfusions::new(&[1.0; 2], &counts, [(1, 0, k)]).unwrap();
                *self_bounding_interval(&of, norm, pair, delta).unwrap().value().unwrap()
            };
            let misses = |delta: f64| {
                let mut largest = [0.0_f64; 2];
                for k in 0..=n {
                    let Interval { lower, upper } = interval(k, delta);
                    if upper < 1.0 {
                        let masses = binomial(n, (upper * (1.0 + 1e-12)).min(1.0));
                        largest[0] = largest[0].max(masses[..=k as usize].iter().sum());
                    }
                    if k > 0 {
                        let masses = binomial(n, lower * (1.0 - 1e-12));
                        largest[1] = largest[1].max(masses[k as usize..].iter().rev().sum());
                    }
                }
                largest
            };
            let largest = misses(delta);
            for (check, miss) in checks.iter().zip(largest) {
                assert!(miss <= 0.5 * delta, "n = {n}: {miss} for {delta}");
                check.ratio(miss, 0.5 * delta);
            }
            let [above, below] = largest.map(|miss| miss / (0.5 * delta));
            println!("n = {n}, δ {delta}: upper misses {above:.4} of δ/2, lower {below:.4}");
            if delta == 1e-8 {
                let smaller = misses(2.0 * (0.5 * delta).powf(0.9))[1];
                assert!(smaller > 1.5 * 0.5 * delta, "n = {n}: {smaller}");
            }
        }
    }
    assert!(checks[1].tightest() > Some(0.3), "the lower end is far too low");
    checks.into_iter().for_each(Check::passed);
}

const MARGINS: [f64; 7] = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];

/// The shipped ResNet-32. NumPy and SciPy, `pairs` the vectors of ones divided by 10 and, for the
/// seven g, those of the largest singular value of C_gΛ on the training images, T the held-out
/// counts with zero diagonal, n = 100, lam as in T2:
///
/// ```python
/// def lower(u, v):
///     X, b = u @ (T/n*lam) @ v, (lam*v/n).max() * u.max()
///     return brentq(lambda m: m - X + X*log(X/m) - b*log(16/.05), 1e-9, X)
/// max(lower(u, v) for u, v in pairs)                                   # 1.7285094345415137, of g = 8
/// bL = (lam/n).max() * log(40); (sqrt(bL/2) + sqrt(norm(T/n*lam, 2) + bL/2))**2     # 3.0136516718019357
/// # Simes: the largest t with sorted(binom.sf(k-1, n, minimum(t/lam, 1)))[i] <= .025*(i+1)/100 for some i; 1 for lam
/// # 2.0857, 0.9353; classes that hypergeom.sf(k_i-1, n_i+n_j, k_i+k_j, n_i) <= .05/99 does not exclude: 28
/// ```
#[test]
fn the_shipped_resnet() {
    let (train, test) = (shipped::counts("train", &MARGINS), shipped::counts("test", &[0.0]));
    let weights = ClassWeights::new(train.class_counts(), 0.2, WeightForm::Paper).unwrap();
    let lambda = weights.values();
    let (k, delta) = (lambda.len(), 0.05);
    let mut pairs = vec![even_pair(k)];
    pairs.extend((0..MARGINS.len()).map(|at| top_pair(&weighted(&train.margin_confusion(at).to_dense(), lambda))));
    let (errors, counts) = (test.errors(), test.class_counts());
    let norm = exactly(exact::largest_singular_value(weighted(&test.confusion().to_dense(), lambda).view()).unwrap());
    let entries = (0..k).flat_map(|j| (0..k).filter(move |&i| i != j).map(move |i| (i, j)));
    let entries = entries.map(|(i, j)| (i, j, test.confusion_count(i, j)));
    let of = WeightedConfusions::new(lambda, counts, entries).unwrap();
    let found = *self_bounding_interval(&of, norm, &pairs, delta).unwrap().value().unwrap();
    let certificate = spectral_certificate(&of, delta).unwrap();
    let t6 = certificate.value().unwrap().population(norm).unwrap();
    println!("norm {:.4}; T6' {found:.4?}; T6 {t6:.4?}", norm.upper);
    assert!((found.lower - 1.7285094345415137).abs() < 1e-8 && (found.upper - 3.0136516718019357).abs() < 1e-12);
    assert!((t6.lower - 0.28).abs() < 0.005 && (t6.upper - 4.34).abs() < 0.005);
    assert!(found.upper - found.lower < 0.32 * (t6.upper - t6.lower));

    let largest = worst_class_interval(ClassErrors { errors: &errors, counts }, delta, 1).unwrap();
    let wce = weighted_worst_class_interval(lambda, ClassErrors { errors: &errors, counts }, delta, 1).unwrap();
    let candidates = worst_class_candidates(ClassErrors { errors: &errors, counts }, delta, 1).unwrap();
    let t5 = held_out_intervals(ClassErrors { errors: &errors, counts }, delta, 1).unwrap();
    let by_t5 = |weights: &[f64]| t5.iter().zip(weights).map(|(ends, weight)| ends.lower * weight).fold(0.0, f64::max);
    println!(
        "max e_j {largest:.4?} (T5 {:.4}), WCE {wce:.4?} (T5 {:.4}), {} candidates",
        by_t5(&vec![1.0; k]),
        by_t5(lambda),
        candidates.len()
    );
    assert!((largest.lower - 0.9353).abs() < 1e-4 && largest.upper == 1.0);
    assert!((wce.lower - 2.0857).abs() < 1e-4);
    assert_eq!(candidates.len(), 28);
}
