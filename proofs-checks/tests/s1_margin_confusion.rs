//! S1. For every true class j with samples, counting in integers:
//!
//! ```text
//! #(margin < 0)  <=  errors_j  <=  #(margin <= 0) = m_j times column sum j of C_0
//! #(margin <= 0) - errors_j  =  #(margin = 0 and j < i*)
//! ```
//!
//! exactly, on every input, ties included; ties among competitors only do not matter. C_g is
//! entrywise non-decreasing in g, so by S4 ‖C_gΛ‖₂ is too.
//!
//! *Proof* in THEORY.md, S1: cases of which class holds the largest score; the margin's sign
//! decides.
//!
//! The checks count from the definitions here, without the library: small integers (ties
//! everywhere), normal scores rounded to bf16 (ties as they arise in practice), float32, all
//! margins tied, one example a class, K to 300; and once more with the margins as rational numbers,
//! over f64 scores down to the smallest subnormal and up to the largest number. The counts are
//! integers and every verdict about them is exact. What they cannot show: anything about a margin
//! threshold g other than 0 to the last bit, since fl(f_j - f_i) <= g is rounded there by
//! definition D1. There is no search: the ratios are those of counts, and 1 is met wherever no
//! margin is 0.

use std::cmp::Ordering;

use car_spectral::confusion::{ClassWeights, MarginCounts, MarginGrid, Score, WeightForm};
use car_spectral::norms::exact;
use half::bf16;
use ndarray::{Array1, Array2};
use proofs_checks::evidence::{Check, Kind as How, config};
use proofs_checks::exact::{RBig, rational};
use proofs_checks::matrices::num_classes;
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const FIRST: &str = "#(margin < 0) ≤ errors";
const SECOND: &str = "errors ≤ #(margin ≤ 0)";
const EXCESS: &str = "#(margin ≤ 0) − errors = #(margin = 0, j < i*)";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Integers,
    Bf16,
    Float32,
    /// The true class's score is the strongest competitor's, so every margin is 0.
    Tied,
    /// Every score of every example is the same.
    Constant,
    /// Float32, and every class has exactly one example; the number of samples is K.
    OneEach,
}

const KINDS: [Kind; 6] = [Kind::Integers, Kind::Bf16, Kind::Float32, Kind::Tied, Kind::Constant, Kind::OneEach];

/// Scores `[N, K]` and labels `[N]`; the true class is a little ahead, so that right and wrong
/// answers both occur.
fn draw(kind: Kind, samples: usize, num_classes: usize, seed: u64) -> (Array2<f32>, Array1<usize>) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let labels = if kind == Kind::OneEach {
        let mut labels: Vec<usize> = (0..num_classes).collect();
        labels.shuffle(&mut rng);
        Array1::from(labels)
    } else {
        Array1::from_shape_simple_fn(samples, || rng.random_range(0..num_classes))
    };
    let mut logits = Array2::from_shape_fn((labels.len(), num_classes), |(sample, class)| {
        let ahead = if labels[sample] == class { 2.0 } else { 0.0 };
        // Twelve uniforms: near enough to a normal score of standard deviation 1.
        let normal = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
        let score = (3.0 * normal + ahead) as f32;
        match kind {
            Kind::Integers => (score / 2.0).round(),
            Kind::Bf16 => bf16::from_f32(score).to_f32(),
            Kind::Float32 | Kind::Tied | Kind::OneEach => score,
            Kind::Constant => 0.25,
        }
    });
    if kind == Kind::Tied {
        for (mut row, &label) in logits.outer_iter_mut().zip(&labels) {
            let others = row.iter().enumerate().filter(|&(class, _)| class != label);
            row[label] = others.map(|(_, &score)| score).fold(f32::MIN, f32::max);
        }
    }
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

/// Compares scores and takes the sign of a margin by `order`.
fn by_definition<S: Score>(
    logits: &Array2<S>,
    labels: &Array1<usize>,
    order: impl Fn(S, S) -> Ordering,
) -> Vec<ByDefinition> {
    // The first of the largest: a later one must be strictly larger.
    let argmax = |row: &[S], without: Option<usize>| {
        let classes = (0..row.len()).filter(|&class| Some(class) != without);
        classes.reduce(|best, class| if order(row[class], row[best]).is_gt() { class } else { best }).unwrap()
    };
    let mut classes = vec![ByDefinition::default(); logits.ncols()];
    for (row, &label) in logits.outer_iter().zip(labels) {
        let row = row.to_vec();
        let competitor = argmax(&row, Some(label));
        let margin = order(row[label], row[competitor]);
        let class = &mut classes[label];
        class.samples += 1;
        class.errors += u64::from(argmax(&row, None) != label);
        class.below_0 += u64::from(margin.is_lt());
        class.at_most_0 += u64::from(margin.is_le());
        class.zero_and_first += u64::from(margin.is_eq() && label < competitor);
    }
    classes
}

/// By the sign of the difference in f64.
fn by_difference(a: f32, b: f32) -> Ordering {
    (f64::from(a) - f64::from(b)).partial_cmp(&0.0).unwrap()
}

fn count<S: Score>(logits: &Array2<S>, labels: &Array1<usize>, margins: &[f64]) -> MarginCounts {
    let mut counts = MarginCounts::new(logits.ncols(), &MarginGrid::new(margins).unwrap()).unwrap();
    counts.add_batch(logits.view(), labels.view()).unwrap();
    counts
}

/// Three records of one way of trying, filled in step.
struct Records {
    second: Check,
    excess: Check,
}

impl Records {
    fn new(kind: How) -> Self {
        Self { second: Check::new("S1", SECOND, kind), excess: Check::new("S1", EXCESS, kind) }
    }

    fn passed(self) {
        self.second.passed();
        self.excess.passed();
    }
}

/// The statement on what the definitions count, and the library's counts against them.
fn check_s1(
    logits: &Array2<impl Score>,
    labels: &Array1<usize>,
    classes: &[ByDefinition],
    first: &Check,
    records: &Records,
) -> Result<(), TestCaseError> {
    let counts = count(logits, labels, &[0.0]);
    let (errors, at_most_0, ties) = (counts.errors(), counts.margin_errors(0), counts.ties());
    let column_sums = counts.margin_confusion(0).column_sums();
    [first, &records.second, &records.excess].into_iter().for_each(Check::case);
    for (j, class) in classes.iter().enumerate() {
        // The statement.
        prop_assert!(class.below_0 <= class.errors && class.errors <= class.at_most_0, "class {}: {:?}", j, class);
        prop_assert_eq!(class.at_most_0 - class.errors, class.zero_and_first);
        if class.errors > 0 {
            first.at_least(class.below_0 as f64 / class.errors as f64);
        }
        if class.at_most_0 > 0 {
            records.second.at_least(class.errors as f64 / class.at_most_0 as f64);
        }
        // The library counts the same.
        prop_assert_eq!(
            (counts.class_counts()[j], errors[j], at_most_0[j]),
            (class.samples, class.errors, class.at_most_0)
        );
        prop_assert_eq!(ties.zero_margin[j], class.at_most_0 - class.below_0);
        prop_assert_eq!(ties.zero_margin_correct[j], class.zero_and_first);
        // Column sum j of C_0 as shares: at most K - 1 quotients rounded and added, each step within 2^-53 relative.
        let share = if class.samples == 0 { 0.0 } else { class.at_most_0 as f64 / class.samples as f64 };
        let slack = (classes.len() + 2) as f64 * f64::EPSILON / 2.0;
        prop_assert!((column_sums[j] - share).abs() <= slack * share, "class {}: {} {}", j, column_sums[j], share);
    }
    Ok(())
}

#[test]
fn the_error_lies_between_the_margins() {
    let records = Records::new(How::Random);
    let strategy = (prop::sample::select(&KINDS[..]), 0usize..200, num_classes(300), any::<u64>());
    Check::new("S1", FIRST, How::Random).property(file!(), 256, strategy, |first, (kind, samples, k, seed)| {
        let (logits, labels) = draw(kind, samples, k, seed);
        let classes = by_definition(&logits, &labels, by_difference);
        if matches!(kind, Kind::Tied | Kind::Constant) {
            prop_assert!(classes.iter().all(|class| class.below_0 == 0 && class.at_most_0 == class.samples));
        }
        check_s1(&logits, &labels, &classes, first, &records)
    });
    records.passed();
}

/// The margin as the difference of two rational numbers. f64 scores: those above, and numbers at
/// the ends of the range, one step apart or of either zero.
#[test]
fn the_error_lies_between_the_exact_margins() {
    const EXTREMES: [f64; 12] = [
        -f64::MAX,
        -1.0,
        -f64::MIN_POSITIVE,
        -5e-324,
        -0.0,
        0.0,
        5e-324,
        f64::MIN_POSITIVE,
        1.0 - f64::EPSILON / 2.0,
        1.0,
        1.0 + f64::EPSILON,
        f64::MAX,
    ];
    let records = Records::new(How::Exact);
    let strategy = (prop::option::of(prop::sample::select(&KINDS[..])), 0usize..40, 2usize..9, any::<u64>());
    Check::new("S1", FIRST, How::Exact).property(file!(), 256, strategy, |first, (kind, samples, k, seed)| {
        let (mut logits, labels) = {
            let (logits, labels) = draw(kind.unwrap_or(Kind::Float32), samples, k, seed);
            (logits.mapv(f64::from), labels)
        };
        if kind.is_none() {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            logits.mapv_inplace(|_| EXTREMES[rng.random_range(0..EXTREMES.len())]);
        }
        let exactly = |a: f64, b: f64| (rational(a) - rational(b)).cmp(&RBig::ZERO);
        let classes = by_definition(&logits, &labels, exactly);
        check_s1(&logits, &labels, &classes, first, &records)
    });
    records.passed();
}

/// Entry by entry, in integers; and the weighted norm by the SVD.
#[test]
fn the_matrix_and_its_weighted_spectral_norm_grow_with_the_margin() {
    let norms = Check::new("S1", "‖C_gΛ‖₂ ≤ ‖C_hΛ‖₂ for g ≤ h", How::Random);
    let strategy = (prop::sample::select(&KINDS[..]), 1usize..150, num_classes(60), any::<u64>(), 0.05..1.0f64);
    let entries = Check::new("S1", "C_g ≤ C_h entrywise for g ≤ h", How::Random);
    entries.property(file!(), 128, strategy, |entries, (kind, samples, k, seed, r0)| {
        let (logits, labels) = draw(kind, samples, k, seed);
        let counts = count(&logits, &labels, &[-2.0, 0.0, 0.5, 1.0, 4.0, 100.0]);
        let weights = ClassWeights::new(counts.class_counts(), r0, WeightForm::Paper).unwrap();
        let spectral: Vec<f64> = (0..counts.margins().len())
            .map(|at| {
                let matrix = counts.margin_confusion(at).scale_columns(weights.values()).unwrap().to_dense();
                exact::largest_singular_value(matrix.view()).unwrap()
            })
            .collect();
        entries.case();
        norms.case();
        for at in 1..counts.margins().len() {
            for (i, j) in (0..k).flat_map(|i| (0..k).map(move |j| (i, j))).filter(|(i, j)| i != j) {
                let (small, large) = (counts.margin_count(at - 1, i, j), counts.margin_count(at, i, j));
                prop_assert!(small <= large);
                if large > 0 {
                    entries.at_least(small as f64 / large as f64);
                }
            }
            // nalgebra's SVD is backward stable: a few K times 2^-53 relative; 1e-12 is ample for K to 60.
            prop_assert!(spectral[at - 1] <= spectral[at] * (1.0 + 1e-12) + f64::MIN_POSITIVE);
            if spectral[at] > 0.0 {
                norms.at_least(spectral[at - 1] / spectral[at]);
            }
        }
        Ok(())
    });
    norms.passed();
}

proptest! {
    #![proptest_config(config(256))]

    /// Makes the scores of two competitors below the strongest equal, or repeats the strongest
    /// competitor's: which of them counts as i* may change, the column sums and errors may not.
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
}

/// One large case of logits rounded to bf16, in which ties must occur or the check would say
/// nothing.
#[test]
fn bf16_scores_tie_and_s1_holds() {
    let (samples, num_classes, seed) = (20_000, 100, 1);
    let (logits, labels) = draw(Kind::Bf16, samples, num_classes, seed);
    let by_hand = by_definition(&logits, &labels, by_difference);
    let counts = count(&logits, &labels, &[0.0]);
    assert_eq!(counts.errors(), by_hand.iter().map(|class| class.errors).collect::<Vec<_>>());
    assert_eq!(counts.margin_errors(0), by_hand.iter().map(|class| class.at_most_0).collect::<Vec<_>>());
    assert!(by_hand.iter().all(|c| c.below_0 <= c.errors && c.errors + c.zero_and_first == c.at_most_0));
    let ties = counts.ties();
    let (zero, correct): (u64, u64) = (ties.zero_margin.iter().sum(), ties.zero_margin_correct.iter().sum());
    println!("{} top-2 ties ({:.2} %), {zero} margins of 0, {correct} of them right", ties.top2, 100.0 * ties.share);
    assert!(ties.top2 > zero && zero > correct && correct > 0);
    // In float32 the same scores hardly tie.
    let (logits, labels) = draw(Kind::Float32, samples, num_classes, seed);
    assert!(count(&logits, &labels, &[0.0]).ties().top2 < ties.top2 / 20);
}
