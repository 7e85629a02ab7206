//! S7. The moving average of batch matrices, C̄_t = b C̄_{t-1} + (1-b) C̃_t, column by column: with
//! n updates of a column, x_1, ..., x_n the batch columns they took in,
//!
//! ```text
//! zero start        (1-b) sum_s b^(n-s) x_s                                  d/dx_n = 1-b
//! first batch       b^(n-1) x_1 + (1-b) sum_{s>=2} b^(n-s) x_s               d/dx_n = 1-b, n >= 2;  0, n = 1
//! bias-corrected    (1-b)/(1-b^n) sum_s b^(n-s) x_s                          d/dx_n = (1-b)/(1-b^n)
//! ```
//!
//! At a frozen model, columns x_s = the mean over the batch's class-j samples, 0 without
//! any. *Proof of the bias:* given the batch holds class j, its class-j samples are a uniform draw,
//! so E x_s = p_j c_j with c_j the true column; the average is linear, so its stationary mean is
//! p_j c_j over all columns and c_j over those present. Draws independent of each other with
//! E‖x‖^2 = p_j q_j ‖c_j‖^2: sum over s of ((1-b) b^s)^2 = (1-b)/(1+b), so
//!
//! ```text
//! E ‖C̄_j - c_j‖^2 / ‖c_j‖^2  =  (1-p_j)^2 + (1-b)/(1+b) (p_j q_j - p_j^2)   all columns
//!                            =  (1-b)/(1+b) (q_j - 1)                       present columns
//! ```
//!
//! q_j <= m_j, as ‖sum x‖^2 >= sum ‖x‖^2 for non-negative x: for a rare class (p_j = 0.058, 5
//! images) the gap of the average over all columns is **mostly bias**, (1-p)^2 = 0.89 against at
//! most 0.10 of variance at b = 0.5; only the gap of frequent classes is mostly variance. Over
//! present columns it is all variance, up to (m_j - 1)/3, and can be the larger one.
//!
//! The checks: closed forms on random sequences; the means, with intervals, the gap and the age by
//! simulation, fixed seeds; p_j in exact integers; E x = p_j c_j and q_j <= m_j by going through
//! all batches of a small set, in rational numbers. The simulations can miss a bias below their
//! intervals, which are printed; their recorded ratios are to half an interval. No search: q_j =
//! m_j is attained where a batch is one example and no two examples share a class (among the exact
//! cases).

use car_spectral::car::{ConfusionEma, EmaColumns, EmaOptions, EmaStart, presence_probability};
use car_spectral::longtail::long_tailed_counts;
use dashu_int::UBig;
use ndarray::{Array1, Array2};
use proofs_checks::evidence::{Check, Kind};
use proofs_checks::exact::{RBig, approximate, ratio};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const STARTS: [EmaStart; 3] = [EmaStart::Zero, EmaStart::FirstBatch, EmaStart::BiasCorrected];
const COLUMNS: [EmaColumns; 2] = [EmaColumns::All, EmaColumns::Present];

/// The closed forms above, term by term: column and factor.
fn closed_form(taken: &[Array1<f64>], k: usize, beta: f64, start: EmaStart) -> (Array1<f64>, f64) {
    let n = taken.len() as i32;
    let mut column = Array1::zeros(k);
    for (s, x) in (1..).zip(taken) {
        let whole = start == EmaStart::FirstBatch && s == 1;
        column.scaled_add(if whole { 1.0 } else { 1.0 - beta } * beta.powi(n - s), x);
    }
    match start {
        EmaStart::Zero => (column, 1.0 - beta),
        EmaStart::FirstBatch => (column, if n == 1 { 0.0 } else { 1.0 - beta }),
        EmaStart::BiasCorrected if n == 0 => (column, 0.0),
        // The sum of the weights, not 1 - b^n, which cancels for b near 1.
        EmaStart::BiasCorrected => {
            let total: f64 = (0..n).map(|power| (1.0 - beta) * beta.powi(power)).sum();
            (column / total, (1.0 - beta) / total)
        }
    }
}

/// Six kinds of average, after every batch of a random sequence with random absences.
#[test]
fn closed_forms() {
    let factors = Check::new("S7", "|∂C̄_n/∂x_n − closed form| ≤ 10⁻¹³", Kind::Random);
    let strategy = (
        2usize..6,
        1usize..40,
        0.05..1.0f64,
        prop_oneof![Just(0.0), Just(0.5), 0.0..1.0f64, Just(1.0 - 1e-9)],
        any::<u64>(),
    );
    let check = Check::new("S7", "|C̄_n − closed form| ≤ 10⁻¹³", Kind::Random);
    check.property(file!(), 256, strategy, |check, (k, batches, present, beta, seed)| {
        check.case();
        factors.case();
        for (start, columns) in STARTS.into_iter().flat_map(|start| COLUMNS.map(|columns| (start, columns))) {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut ema = ConfusionEma::new(k, EmaOptions { beta, start, columns }).unwrap();
            let mut taken: Vec<Vec<Array1<f64>>> = vec![Vec::new(); k];
            for _ in 0..batches {
                let counts: Vec<u64> =
                    (0..k).map(|_| if rng.random_bool(present) { rng.random_range(1..9) } else { 0 }).collect();
                let mut batch = Array2::from_shape_simple_fn((k, k), || rng.random::<f64>());
                for j in (0..k).filter(|&j| counts[j] == 0) {
                    batch.column_mut(j).fill(0.0);
                }
                let step = ema.update(batch.view(), &counts).unwrap();
                for j in 0..k {
                    let moved = columns == EmaColumns::All || counts[j] > 0;
                    if moved {
                        taken[j].push(batch.column(j).to_owned());
                    }
                    let (expected, factor) = closed_form(&taken[j], k, beta, start);
                    let factor = if moved { factor } else { 0.0 };
                    let error = (&step.confusion.column(j) - &expected).iter().fold(0.0f64, |m, x| m.max(x.abs()));
                    // 40 steps of three roundings each on numbers of at most 1, and as many in the closed form: 240 u.
                    prop_assert!(error <= 1e-13, "{start:?}, {columns:?}: {error:e}");
                    check.at_least(error / 1e-13);
                    let error = (step.gradient_factor[j] - factor).abs();
                    prop_assert!(error <= 1e-13 * factor.max(1.0 - beta));
                    factors.at_least(error / (1e-13 * factor.max(1.0 - beta)));
                    prop_assert_eq!(ema.updates()[j], taken[j].len() as u64);
                }
                prop_assert_eq!(ema.confusion(), step.confusion);
            }
        }
        Ok(())
    });
    factors.passed();
}

/// 1 - C(m - m_j, B)/C(m, B) in exact integers, to 1e-14 for small sets. (Absolute: the function
/// subtracts from 1.)
#[test]
fn presence_in_exact_integers() {
    let check = Check::new("S7", "|p_j − (1 − C(m−m_j, B)/C(m, B))| ≤ 10⁻¹⁴", Kind::Exact);
    check.property(file!(), 256, (1u64..300, 0.0..1.0f64, 0.0..1.0f64), |check, (samples, class, batch)| {
        let part = |share: f64| (share * (samples + 1) as f64) as u64;
        let (class, batch) = (part(class), part(batch));
        let error = (presence_probability(samples, class, batch) - exact_presence(samples, class, batch)).abs();
        prop_assert!(error <= 1e-14);
        check.ratio(error, 1e-14);
        Ok(())
    });
}

fn exact_presence(samples: u64, class: u64, batch: u64) -> f64 {
    let choose = |n: u64, k: u64| {
        if k > n { UBig::ZERO } else { (0..k).fold(UBig::ONE, |c, i| c * (n - i) / (i + 1)) }
    };
    let (without, all) = (choose(samples - class, batch), choose(samples, batch));
    approximate(&RBig::from_parts((&all - without).into(), all))
}

/// m <= 8 examples, the first m_j of class j, each with a column of three non-negative rational
/// contributions; all batches of B examples, each as likely as any other.
#[test]
fn all_batches_of_a_small_set() {
    let mean = Check::new("S7", "E x = p_j c_j, E[x | present] = c_j", Kind::Exact);
    let strategy = (1usize..9, 0.0..1.0f64, 0.0..1.0f64, any::<bool>(), any::<u64>());
    let check = Check::new("S7", "q_j ≤ m_j", Kind::Exact);
    check.property(file!(), 128, strategy, |check, (samples, class, batch, orthogonal, seed)| {
        let part = |share: f64| 1 + (share * samples as f64) as usize;
        // Three contributions: no more than three examples can be orthogonal.
        let class = if orthogonal { part(class).min(3) } else { part(class) };
        let batch = part(batch);
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let contributions: Vec<Vec<RBig>> = (0..class)
            .map(|q| {
                let mut entry = |i| {
                    let number = ratio(rng.random_range(0..5), rng.random_range(1..5));
                    if orthogonal && i != q { RBig::ZERO } else { number }
                };
                (0..3).map(&mut entry).collect()
            })
            .collect();
        let mean_of = |chosen: &[usize]| -> Vec<RBig> {
            let count = ratio(chosen.len() as i64, 1);
            let sum = |i: usize| chosen.iter().fold(RBig::ZERO, |sum, &q| sum + &contributions[q][i]);
            (0..3).map(|i| sum(i) / &count).collect()
        };
        let square = |x: &[RBig]| x.iter().fold(RBig::ZERO, |sum, x| sum + x * x);
        let truth = mean_of(&(0..class).collect::<Vec<_>>());

        let (mut batches, mut present) = (0, 0);
        let (mut total, mut squares) = (vec![RBig::ZERO; 3], RBig::ZERO);
        for mask in (0u32..1 << samples).filter(|mask| mask.count_ones() as usize == batch) {
            batches += 1;
            let chosen: Vec<usize> = (0..class).filter(|q| mask >> q & 1 == 1).collect();
            if chosen.is_empty() {
                continue;
            }
            present += 1;
            let x = mean_of(&chosen);
            squares += square(&x);
            total.iter_mut().zip(&x).for_each(|(total, x)| *total += x);
        }
        let p = ratio(present, batches);
        let library = presence_probability(samples as u64, class as u64, batch as u64);
        prop_assert!((library - approximate(&p)).abs() <= 1e-14);
        let count = ratio(present, 1);
        for (total, c) in total.iter().zip(&truth) {
            prop_assert_eq!(total / ratio(batches as i64, 1), &p * c);
            prop_assert_eq!(total / &count, c.clone());
        }
        mean.case();
        let length = square(&truth);
        if !length.is_zero() {
            let (q, size) = (squares / &count / &length, ratio(class as i64, 1));
            prop_assert!(q <= size);
            check.ratio(approximate(&(q / size)), 1.0);
        }
        Ok(())
    });
    mean.passed();
}

/// The class sizes of CIFAR100-LT with imbalance factor 100: floor(500 * 100^(-j/99)), 500 down to
/// 5, 10847 in all.
fn class_counts() -> Vec<u64> {
    long_tailed_counts(500, 100.0, 100).unwrap()
}

#[test]
fn presence_on_the_long_tail() {
    let counts = class_counts();
    let samples: u64 = counts.iter().sum();
    assert_eq!((samples, counts[99]), (10847, 5));
    for &class in counts.iter().step_by(9).chain([&counts[99]]) {
        let exact = exact_presence(samples, class, 128);
        assert!((presence_probability(samples, class, 128) - exact).abs() < 1e-13);
    }
    // By drawing: 40000 batches, seed 7; five standard deviations of a share (false alarm: 6e-7 a class).
    let (mut rng, mut urn) = (ChaCha8Rng::seed_from_u64(7), (0..samples).collect::<Vec<u64>>());
    let (classes, draws) = ([5u64, 20, 100, 500], 40_000);
    let mut present = [0u32; 4];
    for _ in 0..draws {
        let (batch, _) = urn.partial_shuffle(&mut rng, 128);
        for (count, &class) in present.iter_mut().zip(&classes) {
            *count += u32::from(batch.iter().any(|&sample| sample < class));
        }
    }
    for (&count, &class) in present.iter().zip(&classes) {
        let (found, p) = (f64::from(count) / f64::from(draws), presence_probability(samples, class, 128));
        let limit = 5.0 * (p * (1.0 - p) / f64::from(draws)).sqrt();
        println!("{class} of {samples}: drawn {found:.4}, p {p:.4} +- {limit:.4}");
        assert!((found - p).abs() <= limit);
    }
}

/// A frozen model: one non-negative column of contributions a sample, by class. Each sample is
/// confused with few classes, so that the samples of a class differ much, as those of a trained
/// network do.
struct Frozen {
    labels: Vec<usize>,
    contributions: Vec<Vec<(usize, f64)>>,
    truth: Array2<f64>,
    counts: Vec<u64>,
}

impl Frozen {
    fn new(counts: Vec<u64>, seed: u64) -> Self {
        let (k, mut rng) = (counts.len(), ChaCha8Rng::seed_from_u64(seed));
        let labels: Vec<usize> = counts.iter().enumerate().flat_map(|(j, &count)| vec![j; count as usize]).collect();
        let contributions: Vec<Vec<(usize, f64)>> = labels
            .iter()
            .map(|&j| {
                let others = |rng: &mut ChaCha8Rng| (j + rng.random_range(1..k)) % k;
                let first = (others(&mut rng), rng.random::<f64>());
                let second = (others(&mut rng), (1.0 - first.1) * rng.random::<f64>());
                vec![first, second]
            })
            .collect();
        let mut truth = Array2::zeros((k, k));
        for (&j, contribution) in labels.iter().zip(&contributions) {
            contribution.iter().for_each(|&(i, value)| truth[[i, j]] += value / counts[j] as f64);
        }
        Self { labels, contributions, truth, counts }
    }

    /// The matrix of a batch, and its class counts.
    fn batch(&self, samples: &[usize]) -> (Array2<f64>, Vec<u64>) {
        let k = self.counts.len();
        let (mut matrix, mut counts) = (Array2::zeros((k, k)), vec![0; k]);
        samples.iter().for_each(|&q| counts[self.labels[q]] += 1);
        for &q in samples {
            let j = self.labels[q];
            self.contributions[q].iter().for_each(|&(i, value)| matrix[[i, j]] += value / counts[j] as f64);
        }
        (matrix, counts)
    }

    /// <C_j, c_j>/‖c_j‖^2.
    fn projection(&self, matrix: &Array2<f64>, j: usize) -> f64 {
        let truth = self.truth.column(j);
        truth.dot(&matrix.column(j)) / truth.dot(&truth)
    }

    /// ‖C_j - c_j‖^2/‖c_j‖^2.
    fn gap(&self, matrix: &Array2<f64>, j: usize) -> f64 {
        let (truth, found) = (self.truth.column(j), matrix.column(j));
        let difference = &found - &truth;
        difference.dot(&difference) / truth.dot(&truth)
    }
}

/// Mean and its standard error over independent repetitions.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

/// Student's t with 23 degrees of freedom exceeds this with probability 5e-6 to either side.
const T_23: f64 = 5.6;

/// Epochs as in training: all samples in random order, batches of 128 and the 95 left over, over
/// classes of CIFAR100-LT's sizes. 24 independent repetitions, seeds 100 to 123, of one epoch of
/// burn-in (b^85 < 1e-25) and 6 epochs whose time-mean is taken: means of repetitions are
/// independent whatever the batches within one are, so that their spread gives the standard error.
/// 2 x 10 comparisons at 5.6 standard errors: with other seeds a false alarm in about 1 run
/// of 5000.
#[test]
fn the_time_mean_of_a_column() {
    let model = Frozen::new(class_counts(), 1);
    let samples = model.labels.len();
    let watched = [0, 11, 22, 33, 44, 55, 66, 77, 88, 99];
    let (full, last) = (samples / 128, samples % 128);
    let checks =
        ["time-mean of ⟨C̄_j, c_j⟩/‖c_j‖² = p_j, all columns", "time-mean of ⟨C̄_j, c_j⟩/‖c_j‖² = 1, present columns"]
            .map(|claim| Check::new("S7", claim, Kind::Simulation));
    let mut means = [[const { Vec::new() }; 10], [const { Vec::new() }; 10]];
    for seed in 100..124 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut averages = COLUMNS.map(|columns| {
            ConfusionEma::new(100, EmaOptions { beta: 0.5, start: EmaStart::FirstBatch, columns }).unwrap()
        });
        let mut sums = [[0.0; 10]; 2];
        let mut order: Vec<usize> = (0..samples).collect();
        for epoch in 0..7 {
            order.shuffle(&mut rng);
            for chunk in order.chunks(128) {
                let (batch, counts) = model.batch(chunk);
                for (ema, sums) in averages.iter_mut().zip(&mut sums) {
                    let average = ema.update(batch.view(), &counts).unwrap().confusion;
                    if epoch >= 1 {
                        watched.iter().zip(sums).for_each(|(&j, sum)| *sum += model.projection(&average, j));
                    }
                }
            }
        }
        let batches = 6.0 * (full + 1) as f64;
        for (means, sums) in means.iter_mut().zip(sums) {
            means.iter_mut().zip(sums).for_each(|(means, sum)| means.push(sum / batches));
        }
    }
    for (place, &j) in watched.iter().enumerate() {
        let p = |batch: usize| presence_probability(samples as u64, model.counts[j], batch as u64);
        // The last batch of an epoch is a smaller one.
        let p = (full as f64 * p(128) + p(last)) / (full + 1) as f64;
        let [all, present] = [0, 1].map(|kind: usize| mean_and_error(&means[kind][place]));
        println!(
            "m_j {:3}: all {:.4} +- {:.4} (p {p:.4}), present {:.4} +- {:.4}",
            model.counts[j],
            all.0,
            T_23 * all.1,
            present.0,
            T_23 * present.1
        );
        assert!((all.0 - p).abs() <= T_23 * all.1 + 1e-12, "m_j = {}", model.counts[j]);
        assert!((present.0 - 1.0).abs() <= T_23 * present.1 + 1e-12, "m_j = {}", model.counts[j]);
        for (check, (mean, error), expected) in [(&checks[0], all, p), (&checks[1], present, 1.0)] {
            check.cases_at(24, (mean - expected).abs() / (T_23 * error + 1e-12));
        }
        // The intervals tell one from the other wherever p is not nearly 1.
        if p < 0.9 {
            assert!(all.0 + T_23 * all.1 < 1.0 && present.0 - T_23 * present.1 > p);
        }
    }
    checks.into_iter().for_each(Check::passed);
}

/// The weights of the average, read off by feeding single batches: their squares add up to
/// (1-b)/(1+b) (1 - b^(2t)), the factor by which the average lowers the variance of independent
/// batches. No tolerance but rounding.
#[test]
fn the_variance_factor() {
    for beta in [0.0, 0.1, 0.5, 0.9, 0.99] {
        let options = EmaOptions { beta, start: EmaStart::Zero, columns: EmaColumns::All };
        let length = 60;
        let squares: f64 = (0..length)
            .map(|fed| {
                let mut ema = ConfusionEma::new(2, options).unwrap();
                for s in 0..length {
                    let mut batch = Array2::zeros((2, 2));
                    batch[[0, 1]] = f64::from(u8::from(s == fed));
                    ema.update(batch.view(), &[1, 1]).unwrap();
                }
                ema.confusion()[[0, 1]].powi(2)
            })
            .sum();
        let expected = (1.0 - beta) / (1.0 + beta) * (1.0 - beta.powi(2 * length));
        assert!((squares - expected).abs() < 1e-14, "b = {beta}: {squares} for {expected}");
    }
}

/// Over present columns with p_j = P(present), independently batch by batch, what the average holds
/// is 1/((1-b) p_j) - 1 batches old in the mean: 1/p_j a step of its own clock. Over all columns it
/// is b/(1-b) batches. Read off by feeding the number of the batch: 24 repetitions (seeds 300
/// to 323) of 4000 batches, 5.6 standard errors, 6 comparisons.
#[test]
fn the_age_of_a_column() {
    let check = Check::new("S7", "mean age = b/(1−b), 1/((1−b)p_j) − 1", Kind::Simulation);
    for (beta, p) in [(0.5, 0.058), (0.5, 0.5), (0.9, 0.2)] {
        let mut ages = [const { Vec::new() }; 2];
        for seed in 300..324 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let options = COLUMNS.map(|columns| EmaOptions { beta, start: EmaStart::FirstBatch, columns });
            let mut averages = options.map(|options| ConfusionEma::new(2, options).unwrap());
            let mut sums = [0.0; 2];
            for t in 0..5000 {
                let count = u64::from(rng.random_bool(p));
                let mut batch = Array2::zeros((2, 2));
                batch[[0, 1]] = f64::from(t);
                for (ema, sum) in averages.iter_mut().zip(&mut sums) {
                    let held = ema.update(batch.view(), &[1, count]).unwrap().confusion[[0, 1]];
                    *sum += if t >= 1000 { f64::from(t) - held } else { 0.0 };
                }
            }
            ages.iter_mut().zip(sums).for_each(|(ages, sum)| ages.push(sum / 4000.0));
        }
        for (ages, expected) in ages.iter().zip([beta / (1.0 - beta), 1.0 / ((1.0 - beta) * p) - 1.0]) {
            let (mean, error) = mean_and_error(ages);
            println!("b {beta}, p {p}: age {mean:.3} +- {:.3}, formula {expected:.3}", T_23 * error);
            assert!((mean - expected).abs() <= T_23 * error + 1e-9);
            check.cases_at(24, (mean - expected).abs() / (T_23 * error + 1e-9));
        }
    }
    check.passed();
}

/// The squared gap of a column to the truth, by simulation with independent batches and by the
/// formula at the head of this file: 24 repetitions (seeds 200 to 223) of 400 batches after 200 of
/// burn-in, b = 0.5: 6 comparisons at 5.6 standard errors, a false alarm in 1 of 15000 runs with
/// other seeds. q_j comes from the contributions: given n of m_j samples in the batch,
/// E‖mean‖^2 = ‖c‖^2 + (S - ‖c‖^2) (m_j/n - 1)/(m_j - 1), S the mean of ‖x‖^2, and n is
/// hypergeometric.
#[test]
fn the_gap_of_a_column() {
    let check = Check::new("S7", "E‖C̄_j − c_j‖²/‖c_j‖² = formula", Kind::Simulation);
    let model = Frozen::new(class_counts(), 2);
    let (samples, watched) = (model.labels.len(), [0, 44, 99]);
    let mut gaps = [[const { Vec::new() }; 3], [const { Vec::new() }; 3]];
    for seed in 200..224 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut averages = COLUMNS.map(|columns| {
            ConfusionEma::new(100, EmaOptions { beta: 0.5, start: EmaStart::BiasCorrected, columns }).unwrap()
        });
        let mut order: Vec<usize> = (0..samples).collect();
        let mut sums = [[0.0; 3]; 2];
        let mut taken = 0.0;
        for step in 0..600 {
            let (chunk, _) = order.partial_shuffle(&mut rng, 128);
            let (batch, counts) = model.batch(chunk);
            for (ema, sums) in averages.iter_mut().zip(&mut sums) {
                let average = ema.update(batch.view(), &counts).unwrap().confusion;
                if step >= 200 {
                    watched.iter().zip(sums).for_each(|(&j, sum)| *sum += model.gap(&average, j));
                }
            }
            taken += f64::from(u8::from(step >= 200));
        }
        for (gaps, sums) in gaps.iter_mut().zip(sums) {
            gaps.iter_mut().zip(sums).for_each(|(gaps, sum)| gaps.push(sum / taken));
        }
    }
    for (place, &j) in watched.iter().enumerate() {
        let (m, size) = (samples as u64, model.counts[j]);
        let p = presence_probability(m, size, 128);
        let q = spread(&model, j, 128);
        assert!(q <= size as f64);
        let expected = [(1.0 - p).powi(2) + (p * q - p * p) / 3.0, (q - 1.0) / 3.0];
        for (kind, expected) in expected.into_iter().enumerate() {
            let (mean, error) = mean_and_error(&gaps[kind][place]);
            println!(
                "m_j {size:3} {:?}: squared gap {mean:.4} +- {:.4}, formula {expected:.4}; q {q:.3}, bias^2 {:.4}",
                COLUMNS[kind],
                T_23 * error,
                if kind == 0 { (1.0 - p).powi(2) } else { 0.0 }
            );
            assert!((mean - expected).abs() <= T_23 * error, "m_j = {size}");
            check.cases_at(24, (mean - expected).abs() / (T_23 * error));
        }
        match size {
            // Mostly bias, and the smaller of both.
            5 => assert!((1.0 - p).powi(2) > 0.9 * expected[0] && expected[0] < expected[1]),
            // Mostly variance, and no difference to speak of.
            500 => assert!((1.0 - p).powi(2) < 1e-3 * expected[0]),
            _ => {}
        }
    }
    check.passed();
}

/// q_j = E[‖mean of the class-j samples‖^2 | present]/‖c_j‖^2.
fn spread(model: &Frozen, j: usize, batch: u64) -> f64 {
    let (m, size) = (model.labels.len() as u64, model.counts[j]);
    let truth = model.truth.column(j);
    let of_class = (0..model.labels.len()).filter(|&q| model.labels[q] == j);
    // Both classes of a sample may be the same one.
    let square = |q: usize| {
        let [(a, x), (b, y)] = model.contributions[q][..] else { unreachable!() };
        if a == b { (x + y).powi(2) } else { x * x + y * y }
    };
    let s = of_class.map(square).sum::<f64>() / size as f64 / truth.dot(&truth);
    // P(n) by the ratio of neighbours, from n = 0.
    let (mut weight, mut total, mut sum) = (1.0f64, 0.0, 0.0);
    for n in 0..=size.min(batch) {
        if n > 0 {
            total += weight;
            sum += weight * (1.0 + (s - 1.0) * (size as f64 / n as f64 - 1.0) / (size as f64 - 1.0));
        }
        let (a, b) = ((size - n) as f64 * (batch - n) as f64, (n + 1) as f64 * (m - size + n + 1 - batch) as f64);
        weight *= a / b;
    }
    sum / total
}
