//! S1. For every true class j with samples, counting in integers:
//!
//! ```text
//! #(margin < 0)  <=  errors_j  <=  #(margin <= 0) = m_j times column sum j of C_0
//! #(margin <= 0) - errors_j  =  #(margin = 0 and j < i*)
//! ```
//!
//! exactly, on every input, ties included; ties among competitors only do not matter. C_g is entrywise non-decreasing
//! in g, so by S4 ||C_g Lambda||_2 is too.
//!
//! The checks count from the definitions here, without the library, on scores of three kinds: small integers (ties
//! everywhere), normal scores rounded to bf16 (ties as they arise in practice), and normal float32 scores.

use car_spectral::confusion::{ClassWeights, MarginCounts, MarginGrid, WeightForm};
use half::bf16;
use ndarray::{Array1, Array2};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Integers,
    Bf16,
    Float32,
}

/// Scores `[N, K]` and labels `[N]`; the true class is a little ahead, so that right and wrong answers both occur.
fn draw(kind: Kind, samples: usize, num_classes: usize, seed: u64) -> (Array2<f32>, Array1<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels = Array1::from_shape_simple_fn(samples, || rng.random_range(0..num_classes));
    let logits = Array2::from_shape_fn((samples, num_classes), |(sample, class)| {
        let ahead = if labels[sample] == class { 2.0 } else { 0.0 };
        // Twelve uniforms: near enough to a normal score of standard deviation 1.
        let normal = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let score = (3.0 * normal + ahead) as f32;
        match kind {
            Kind::Integers => (score / 2.0).round(),
            Kind::Bf16 => bf16::from_f32(score).to_f32(),
            Kind::Float32 => score,
        }
    });
    (logits, labels)
}

/// What S1 speaks of, of one class, straight from the definitions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct ByDefinition {
    samples: u64,
    errors: u64,
    below_0: u64,
    at_most_0: u64,
    zero_and_first: u64,
}

fn by_definition(logits: &Array2<f32>, labels: &Array1<usize>) -> Vec<ByDefinition> {
    // The first of the largest: a later one must be strictly larger.
    let argmax = |row: &[f32], without: Option<usize>| {
        let classes = (0..row.len()).filter(|&class| Some(class) != without);
        classes.reduce(|best, class| if row[class] > row[best] { class } else { best }).unwrap()
    };
    let mut classes = vec![ByDefinition::default(); logits.ncols()];
    for (row, &label) in logits.outer_iter().zip(labels) {
        let row = row.to_vec();
        let competitor = argmax(&row, Some(label));
        let margin = f64::from(row[label]) - f64::from(row[competitor]);
        let class = &mut classes[label];
        class.samples += 1;
        class.errors += u64::from(argmax(&row, None) != label);
        class.below_0 += u64::from(margin < 0.0);
        class.at_most_0 += u64::from(margin <= 0.0);
        class.zero_and_first += u64::from(margin == 0.0 && label < competitor);
    }
    classes
}

fn count(logits: &Array2<f32>, labels: &Array1<usize>, margins: &[f64]) -> MarginCounts {
    let mut counts = MarginCounts::new(logits.ncols(), &MarginGrid::new(margins).unwrap()).unwrap();
    counts.add_batch(logits.view(), labels.view()).unwrap();
    counts
}

fn check_s1(kind: Kind, samples: usize, num_classes: usize, seed: u64) -> Result<(), TestCaseError> {
    let (logits, labels) = draw(kind, samples, num_classes, seed);
    let counts = count(&logits, &labels, &[0.0]);
    let (errors, at_most_0, ties) = (counts.errors(), counts.margin_errors(0), counts.ties());
    let column_sums = counts.margin_confusion(0).column_sums();
    for (j, class) in by_definition(&logits, &labels).into_iter().enumerate() {
        // The statement.
        prop_assert!(class.below_0 <= class.errors && class.errors <= class.at_most_0, "class {}: {:?}", j, class);
        prop_assert_eq!(class.at_most_0 - class.errors, class.zero_and_first);
        // The library counts the same.
        prop_assert_eq!(
            (counts.class_counts()[j], errors[j], at_most_0[j]),
            (class.samples, class.errors, class.at_most_0)
        );
        prop_assert_eq!(ties.zero_margin[j], class.at_most_0 - class.below_0);
        prop_assert_eq!(ties.zero_margin_correct[j], class.zero_and_first);
        // Column sum j of C_0 as shares: at most K - 1 quotients rounded and added, each step within 2^-53 relative.
        let share = if class.samples == 0 { 0.0 } else { class.at_most_0 as f64 / class.samples as f64 };
        let slack = (num_classes + 2) as f64 * f64::EPSILON / 2.0;
        prop_assert!((column_sums[j] - share).abs() <= slack * share, "class {}: {} {}", j, column_sums[j], share);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_failure_persistence(FileFailurePersistence::WithSource("regressions")))]

    #[test]
    fn the_error_lies_between_the_margins(
        kind in prop_oneof![Just(Kind::Integers), Just(Kind::Bf16), Just(Kind::Float32)],
        samples in 0usize..200, num_classes in 2usize..20, seed in any::<u64>(),
    ) {
        check_s1(kind, samples, num_classes, seed)?;
    }

    /// Makes the scores of two competitors below the strongest equal, or repeats the strongest competitor's: which of
    /// them counts as i* may change, the column sums and errors may not.
    #[test]
    fn ties_among_competitors_do_not_matter(
        samples in 1usize..50, num_classes in 3usize..12, seed in any::<u64>(),
    ) {
        let (logits, labels) = draw(Kind::Float32, samples, num_classes, seed);
        let mut tied = logits.clone();
        for (mut row, &label) in tied.outer_iter_mut().zip(&labels) {
            let strongest = (0..num_classes).filter(|&class| class != label).map(|class| row[class]).fold(f32::MIN, f32::max);
            let other = (0..num_classes).find(|&class| class != label && row[class] < strongest);
            if let Some(other) = other {
                row[other] = strongest;
            }
        }
        let margins = [-1.0, 0.0, 0.5, 2.0];
        let (plain, tied) = (count(&logits, &labels, &margins), count(&tied, &labels, &margins));
        prop_assert_eq!(plain.errors(), tied.errors());
        for at in 0..margins.len() {
            prop_assert_eq!(plain.margin_errors(at), tied.margin_errors(at));
        }
    }

    #[test]
    fn the_matrix_and_its_weighted_spectral_norm_grow_with_the_margin(
        kind in prop_oneof![Just(Kind::Integers), Just(Kind::Bf16)],
        samples in 1usize..150, num_classes in 2usize..12, seed in any::<u64>(), r0 in 0.05..1.0f64,
    ) {
        let (logits, labels) = draw(kind, samples, num_classes, seed);
        let counts = count(&logits, &labels, &[-2.0, 0.0, 0.5, 1.0, 4.0, 100.0]);
        let weights = ClassWeights::new(counts.class_counts(), r0, WeightForm::Paper).unwrap();
        let matrices: Vec<Array2<f64>> = (0..counts.margins().len())
            .map(|at| counts.margin_confusion(at).scale_columns(weights.values()).unwrap().to_dense())
            .collect();
        for pair in matrices.windows(2) {
            prop_assert!(pair[0].iter().zip(&pair[1]).all(|(small, large)| small <= large));
            let norm = |matrix: &Array2<f64>| {
                let values = nalgebra::DMatrix::from_fn(num_classes, num_classes, |i, j| matrix[[i, j]]);
                values.singular_values().max()
            };
            // nalgebra's SVD is backward stable: a few K times 2^-53 relative; 1e-12 is ample for K < 12.
            prop_assert!(norm(&pair[0]) <= norm(&pair[1]) * (1.0 + 1e-12) + f64::MIN_POSITIVE);
        }
    }
}

/// One large case of logits rounded to bf16, in which ties must occur or the check would say nothing.
#[test]
fn bf16_scores_tie_and_s1_holds() {
    let (samples, num_classes, seed) = (20_000, 100, 1);
    check_s1(Kind::Bf16, samples, num_classes, seed).unwrap();
    let (logits, labels) = draw(Kind::Bf16, samples, num_classes, seed);
    let counts = count(&logits, &labels, &[0.0]);
    let ties = counts.ties();
    let (zero, correct): (u64, u64) = (ties.zero_margin.iter().sum(), ties.zero_margin_correct.iter().sum());
    println!("{} top-2 ties ({:.2} %), {zero} margins of 0, {correct} of them right", ties.top2, 100.0 * ties.share);
    assert!(ties.top2 > zero && zero > correct && correct > 0);
    // In float32 the same scores hardly tie, and S1 holds all the same.
    check_s1(Kind::Float32, samples, num_classes, seed).unwrap();
    let (logits, labels) = draw(Kind::Float32, samples, num_classes, seed);
    assert!(count(&logits, &labels, &[0.0]).ties().top2 < ties.top2 / 20);
}
