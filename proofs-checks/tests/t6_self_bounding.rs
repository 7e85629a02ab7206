//! T6': the population's norm by self-bounding above and Chernoff's bound below.
//!
//! *Proof.* ‖ĈΛ‖₂ is a maximum over u, v >= 0 of sums of terms in [0, b]; leaving one example out lowers it by at most its term, and these add up to at
//! most ‖ĈΛ‖₂. Below, one quotient uᵀĈΛv is a sum of independent terms in [0, b']. Checked: both ends on six
//! populations at two levels, against the width of T6; and on the shipped ResNet-32.

mod shipped;

use car_spectral::bounds::{
    Interval, VectorPair, even_pair, self_bounding_interval, spectral_certificate, weighted_worst_class_interval,
    worst_class_candidates, worst_class_interval,
};
use car_spectral::confusion::{ClassWeights, ConfusionMatrix, WeightForm};
use car_spectral::norms::spectral_norm;
use proofs_checks::draws::{category, miss_probability};
use proofs_checks::evidence::{Check, Kind, cases};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

struct Population {
    name: &'static str,
    /// Column j: the shares of class j that are taken for each class, 0 on the diagonal.
    columns: Vec<Vec<f64>>,
    counts: Vec<u64>,
    weights: Vec<f64>,
}

fn populations() -> Vec<Population> {
    let spread = |k: usize, e: f64| -> Vec<Vec<f64>> {
        (0..k).map(|j| (0..k).map(|i| if i == j { 0.0 } else { e / (k - 1) as f64 }).collect()).collect()
    };
    let into_first = |k: usize, e: f64| -> Vec<Vec<f64>> {
        (0..k).map(|j| (0..k).map(|i| if i == 0 && j > 0 { e } else { 0.0 }).collect()).collect()
    };
    let new = |name, columns: Vec<Vec<f64>>, counts, weights| Population { name, columns, counts, weights };
    vec![
        new("two classes", spread(2, 0.3), vec![60, 40], vec![1.0, 1.5]),
        new("ten classes, spread", spread(10, 0.4), vec![50; 10], vec![1.0; 10]),
        new("all into the first", into_first(10, 0.5), vec![50; 10], vec![2.0; 10]),
        new("very unequal counts", spread(5, 0.3), vec![400, 100, 30, 5, 1], vec![1.0, 1.2, 1.5, 1.9, 2.2]),
        new("one image a class", spread(6, 0.5), vec![1; 6], vec![1.0; 6]),
        new("hardly an error", spread(8, 0.01), vec![100; 8], vec![1.0; 8]),
    ]
}

fn norm(columns: &[Vec<f64>], weights: &[f64]) -> (Interval, VectorPair) {
    let k = weights.len();
    let entries = (0..k).flat_map(|j| (0..k).map(move |i| (i, j))).map(|(i, j)| (i, j, columns[j][i]));
    let matrix = ConfusionMatrix::from_triplets(k, entries.filter(|entry| entry.2 > 0.0)).unwrap();
    let found = spectral_norm(&matrix.scale_columns(weights).unwrap()).unwrap();
    (Interval { lower: found.lower, upper: found.upper }, (found.left, found.right))
}

#[test]
fn neither_end_misses_too_often() {
    let upper = Check::new("T6'", "P(‖C_DΛ‖₂ > upper) ≤ δ/2", Kind::Simulation);
    let lower = Check::new("T6'", "P(‖C_DΛ‖₂ < lower) ≤ δ/2", Kind::Simulation);
    let draws = u64::from(cases(600).min(10_000));
    for (at, population) in populations().iter().enumerate() {
        let k = population.counts.len();
        let (truth, pair) = norm(&population.columns, &population.weights);
        // The best pair there is, as training on the same population might find it; fixed before the draws.
        let pairs = [even_pair(k), pair];
        for delta in [0.6, 0.1] {
            let mut rng = ChaCha8Rng::seed_from_u64(600 + at as u64);
            let (mut above, mut below, mut width, mut width_of_t6) = (0, 0, 0.0, 0.0);
            for _ in 0..draws {
                let mut counts = vec![vec![0_u64; k]; k];
                for (class, &n) in population.counts.iter().enumerate() {
                    for _ in 0..n {
                        let predicted = category(population.columns[class].iter().copied(), &mut rng);
                        if predicted < k {
                            counts[class][predicted] += 1;
                        }
                    }
                }
                let shares: Vec<Vec<f64>> = counts
                    .iter()
                    .zip(&population.counts)
                    .map(|(column, &n)| column.iter().map(|&count| count as f64 / n as f64).collect())
                    .collect();
                let (held_out, _) = norm(&shares, &population.weights);
                let triplets = || {
                    let counts = &counts;
                    (0..k).flat_map(move |j| (0..k).filter(move |&i| i != j).map(move |i| (i, j, counts[j][i])))
                };
                let (weights, samples) = (&population.weights, &population.counts);
                let found = self_bounding_interval(weights, samples, triplets(), held_out, &pairs, delta).unwrap();
                let found = *found.value().unwrap();
                let t6 = spectral_certificate(weights, samples, triplets(), delta).unwrap();
                let t6 = t6.value().unwrap().population(held_out).unwrap();
                above += u64::from(truth.lower > found.upper);
                below += u64::from(truth.upper < found.lower);
                width += found.upper - found.lower;
                width_of_t6 += t6.upper - t6.lower;
            }
            for (check, misses) in [(&upper, above), (&lower, below)] {
                let probability = miss_probability(misses, draws);
                assert!(probability.lower <= 0.5 * delta, "{} at {delta}: {misses} of {draws}", population.name);
                check.cases(draws);
                check.at_least((misses as f64 / draws as f64 / (0.5 * delta)).min(1.0));
            }
            println!(
                "{} at δ = {delta}: above {above}, below {below} of {draws}; width {:.3} of T6's",
                population.name,
                width / width_of_t6
            );
        }
    }
    upper.passed();
    lower.passed();
}

/// What the page says of the shipped network.
#[test]
fn the_shipped_resnet32() {
    let train = shipped::counts("train", &[0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0]);
    let test = shipped::counts("test", &[0.0]);
    let weights = ClassWeights::new(train.class_counts(), 0.2, WeightForm::Paper).unwrap();
    let lambda = weights.values();
    let mut pairs = vec![even_pair(100)];
    for index in 0..7 {
        let found = spectral_norm(&train.margin_confusion(index).scale_columns(lambda).unwrap()).unwrap();
        pairs.push((found.left, found.right));
    }
    let confusion = test.confusion();
    let found = spectral_norm(&confusion.scale_columns(lambda).unwrap()).unwrap();
    let held_out = Interval { lower: found.lower, upper: found.upper };
    let triplets = || confusion.non_zeros().map(|(i, j, _)| (i, j, test.confusion_count(i, j)));
    let counts = test.class_counts();
    let narrow = self_bounding_interval(lambda, counts, triplets(), held_out, &pairs, 0.05).unwrap();
    let narrow = *narrow.value().unwrap();
    let wide = spectral_certificate(lambda, counts, triplets(), 0.05).unwrap();
    let wide = wide.value().unwrap().population(held_out).unwrap();
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 0.005, "{found} for {expected}");
    near(narrow.lower, 1.73);
    near(narrow.upper, 3.01);
    near(wide.lower, 0.28);
    near(wide.upper, 4.34);
    let errors = test.errors();
    let largest = worst_class_interval(&errors, counts, 0.05, 1).unwrap();
    near(largest.lower, 0.935);
    assert_eq!(largest.upper, 1.0, "a class that is wrong throughout");
    near(weighted_worst_class_interval(lambda, &errors, counts, 0.05, 1).unwrap().lower, 2.086);
    let candidates = worst_class_candidates(&errors, counts, 0.05, 1).unwrap();
    assert_eq!(candidates.len(), 28);
    println!("‖CΛ‖₂ in {narrow:?} (T6: {wide:?}); max e_j in {largest:?}; {} candidates", candidates.len());
}
