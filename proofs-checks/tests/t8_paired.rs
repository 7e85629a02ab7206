//! T8: two models on the same images: a class's difference, the worst classes' difference, mean
//! differences.
//!
//! *Proof.* d = s(2π − 1) with Clopper-Pearson ends of π given m and of s; D is at most the
//! difference in A's worst class, which is not random and lies among the candidates; Bernstein's
//! inequality with the variance bounded from the same counts (THEORY.md). Checked: the probability
//! of a miss of one class summed over all outcomes; everything else by simulation on five
//! populations; the widths against two separate intervals.

use car_spectral::ClassErrors;
use car_spectral::bounds::{
    Averaging, ComparisonVerdict, Interval, PairedCounts, class_differences, clopper_pearson, difference_interval,
    held_out_intervals, mcnemar, mean_difference, paired_worst_class_difference, separate_worst_class_difference,
    worst_class_difference,
};
use proofs_checks::draws::{miss_probability, paired_class};
use proofs_checks::evidence::{Check, Kind, cases};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// P(b, c) for all b + c <= n: P(b) P(c | b), both binomial.
fn trinomial(n: u64, beta: f64, gamma: f64) -> Vec<(u64, u64, f64)> {
    let binomial = |n: u64, p: f64| {
        let mut masses = vec![0.0; n as usize + 1];
        for (k, mass) in masses.iter_mut().enumerate() {
            let ways: f64 = (0..k).map(|i| (n as usize - i) as f64 / (i + 1) as f64).product();
            *mass = ways * p.powi(k as i32) * (1.0 - p).powi((n as usize - k) as i32);
        }
        masses
    };
    let first = binomial(n, beta);
    let second = |b: u64| binomial(n - b, if beta < 1.0 { (gamma / (1.0 - beta)).min(1.0) } else { 0.0 });
    (0..=n)
        .flat_map(|b| second(b).into_iter().enumerate().map(move |(c, mass)| (b, c as u64, mass)).collect::<Vec<_>>())
        .map(|(b, c, mass)| (b, c, first[b as usize] * mass))
        .collect()
}

const ONE_CLASS: &str = "P(d < L(d; α)) ≤ α and P(d > U(d; α)) ≤ α";

/// All outcomes of n images, at random β and γ; the intervals have an error of 1e-11 at the most.
#[test]
fn one_class_is_covered() {
    let cases = (1_u64..30, 0.0_f64..=1.0, 0.0_f64..=1.0, 0.7_f64..4.0, 0..4);
    let check = Check::new("T8", ONE_CLASS, Kind::Random);
    check.property(file!(), 200, cases, |check, (n, s, pi, digits, corner)| {
        let s = if corner == 0 { 1.0 } else { s };
        let pi = if corner == 1 { 1.0 } else { pi };
        let (beta, gamma, alpha) = (s * pi, s * (1.0 - pi), 10f64.powf(-digits));
        let d = beta - gamma;
        let (mut above, mut below) = (0.0, 0.0);
        for (b, c, mass) in trinomial(n, beta, gamma) {
            let interval = difference_interval(b, c, n, alpha).unwrap();
            above += if d > interval.upper + 1e-10 { mass } else { 0.0 };
            below += if d < interval.lower - 1e-10 { mass } else { 0.0 };
        }
        prop_assert!(above <= alpha * (1.0 + 1e-9) && below <= alpha * (1.0 + 1e-9), "{above} {below}");
        check.ratio(above.max(below), alpha);
        Ok(())
    });
}

/// Where every image decides (s = 1), four fifths of α are used up at the worst π, just beside an
/// end; nine tenths of the radius miss too often.
#[test]
fn the_worst_population_of_one_class() {
    let check = Check::new("T8", ONE_CLASS, Kind::Enumeration);
    let (n, alpha) = (60_u64, 0.025);
    let ends: Vec<(f64, f64)> = (0..=n)
        .map(|b| ((2.0 * b as f64 / n as f64) - 1.0, difference_interval(b, n - b, n, alpha).unwrap().upper))
        .collect();
    let worst = |scale: f64| {
        let cut: Vec<f64> = ends.iter().map(|(middle, end)| middle + scale * (end - middle)).collect();
        let candidates = cut.iter().map(|end| end + 1e-9).filter(|end| *end < 1.0);
        candidates
            .map(|d| {
                let masses = trinomial(n, 0.5 * (1.0 + d), 0.5 * (1.0 - d));
                let miss: f64 = masses.iter().filter(|(b, c, _)| b + c == n && d > cut[*b as usize]).map(|x| x.2).sum();
                if scale == 1.0 {
                    check.ratio(miss, alpha);
                }
                miss
            })
            .fold(0.0, f64::max)
    };
    let (whole, cut) = (worst(1.0), worst(0.9));
    println!("s = 1: misses {:.4} of alpha, nine tenths of the radius {:.4}", whole / alpha, cut / alpha);
    assert!((0.79..=0.8 + 1e-6).contains(&(whole / alpha)), "{whole}");
    assert!(cut > 1.05 * alpha, "{cut}");
    check.passed();
}

/// McNemar's p-values: P(p <= α) <= α for every α, by all outcomes, at the edge of the hypothesis.
#[test]
fn mcnemar_is_a_test() {
    let check = Check::new("T8", "P(McNemar's p ≤ α) ≤ α where β = γ", Kind::Enumeration);
    for n in [1, 5, 20, 60] {
        for s in [0.05, 0.3, 1.0] {
            let mut outcomes: Vec<(f64, f64)> = trinomial(n, s / 2.0, s / 2.0)
                .into_iter()
                .map(|(b, c, mass)| (mcnemar(b, c).unwrap().two_sided, mass))
                .collect();
            outcomes.sort_by(|x, y| x.0.total_cmp(&y.0));
            let mut total = 0.0;
            for (position, &(p, mass)) in outcomes.iter().enumerate() {
                total += mass;
                if outcomes.get(position + 1).is_none_or(|next| next.0 > p * (1.0 + 1e-12)) {
                    assert!(total <= p * (1.0 + 1e-9), "n = {n}, s = {s}: {total} for {p}");
                    check.ratio(total, p);
                }
            }
        }
    }
    check.passed();
}

/// A population of pairs: both wrong, only A, only B, and n_j.
struct Population {
    name: &'static str,
    shares: Vec<[f64; 3]>,
    samples: Vec<u64>,
}

impl Population {
    fn draw(&self, rng: &mut ChaCha8Rng) -> PairedCounts {
        let classes =
            self.shares.iter().zip(&self.samples).map(|(&shares, &samples)| paired_class(shares, samples, rng));
        PairedCounts::from_counts(&classes.collect::<Vec<_>>()).unwrap()
    }

    fn differences(&self) -> Vec<f64> {
        self.shares.iter().map(|[_, b, c]| b - c).collect()
    }

    fn worst_difference(&self) -> f64 {
        let largest = |other: usize| self.shares.iter().map(|x| x[0] + x[other]).fold(0.0, f64::max);
        largest(1) - largest(2)
    }
}

/// Errors of A and B, wrong together on `both` of the smaller error.
fn class(a: f64, b: f64, both: f64) -> [f64; 3] {
    let together = both * a.min(b);
    [together, a - together, b - together]
}

fn populations() -> Vec<Population> {
    let at = |name, shares, samples| Population { name, shares, samples };
    let with_others = |first: Vec<[f64; 3]>, other: [f64; 3], classes: usize| {
        let others = classes - first.len();
        first.into_iter().chain(std::iter::repeat_n(other, others)).collect::<Vec<_>>()
    };
    vec![
        at("same worst class", with_others(vec![class(0.4, 0.36, 0.9)], class(0.2, 0.2, 0.9), 10), vec![1000; 10]),
        at(
            "different worst classes",
            with_others(vec![class(0.4, 0.3, 0.8), class(0.3, 0.4, 0.8)], class(0.2, 0.2, 0.9), 10),
            vec![300; 10],
        ),
        at("ties", vec![class(0.3, 0.3, 0.7); 10], vec![100; 10]),
        at("strongly correlated", vec![[0.3, 0.02, 0.01], [0.29, 0.01, 0.02], [0.2, 0.03, 0.0]], vec![400, 300, 200]),
        at("a few images", vec![[0.2, 0.3, 0.1], [0.1, 0.5, 0.2], [0.0, 0.1, 0.9], [0.3, 0.0, 0.4]], vec![3, 5, 8, 2]),
    ]
}

/// Every statement of T8 on five populations; delta is 0.3, so that misses do occur.
#[test]
fn coverage() {
    let names = [
        "P(D ∉ [lower, upper]) ≤ δ",
        "P(D ∉ paired interval) ≤ δ",
        "P(D ∉ separate interval) ≤ δ",
        "P(some d_j ∉ [L_j, U_j]) ≤ δ",
        "P(Holm gives some class a wrong sign) ≤ δ",
        "P(micro mean ∉ interval) ≤ δ",
        "P(macro mean ∉ interval) ≤ δ",
    ];
    let checks = names.map(|name| Check::new("T8", name, Kind::Simulation));
    let mut tightest = [("", 0.0_f64); 7];
    let rng = &mut ChaCha8Rng::seed_from_u64(80);
    let (draws, delta) = (u64::from(cases(1500).min(4000)), 0.3);
    for population in populations() {
        let (truth, differences) = (population.worst_difference(), population.differences());
        let classes: Vec<usize> = (0..differences.len()).collect();
        let total: u64 = population.samples.iter().sum();
        let micro: f64 = differences.iter().zip(&population.samples).map(|(d, &n)| d * n as f64 / total as f64).sum();
        let macros = differences.iter().sum::<f64>() / differences.len() as f64;
        let mut misses = [0_u64; 7];
        for _ in 0..draws {
            let counts = population.draw(rng);
            let found = class_differences(&counts, delta).unwrap();
            let wrong_sign = found.iter().zip(&differences).any(|(found, &d)| match found.verdict {
                ComparisonVerdict::Better => d >= 0.0,
                ComparisonVerdict::Worse => d <= 0.0,
                ComparisonVerdict::Undecided => false,
            });
            let mean = |averaging| {
                mean_difference(&counts, &classes, averaging, delta).unwrap().value().copied().unwrap().interval
            };
            let missed = [
                !worst_class_difference(&counts, delta).unwrap().interval.contains(truth),
                !paired_worst_class_difference(&counts, delta).unwrap().interval.contains(truth),
                !separate_worst_class_difference(&counts, delta).unwrap().contains(truth),
                found.iter().zip(&differences).any(|(found, &d)| !found.interval.contains(d)),
                wrong_sign,
                !mean(Averaging::Micro).contains(micro),
                !mean(Averaging::Macro).contains(macros),
            ];
            misses.iter_mut().zip(missed).for_each(|(misses, missed)| *misses += u64::from(missed));
        }
        println!("{}: {misses:?} of {draws} missed, delta {delta}", population.name);
        for (((check, misses), name), tightest) in checks.iter().zip(misses).zip(names).zip(&mut tightest) {
            let share = miss_probability(misses, draws);
            assert!(share.upper <= delta, "{}: {name}: {share:?}", population.name);
            check.cases(draws);
            let ratio = misses as f64 / draws as f64 / delta;
            check.at_least(ratio);
            if ratio > tightest.1 {
                *tightest = (population.name, ratio);
            }
        }
    }
    for (name, (population, ratio)) in names.into_iter().zip(tightest) {
        println!("{name}: tightest {ratio:.3}, {population}");
    }
    checks.into_iter().for_each(Check::passed);
}

/// K = 10, n = 1000, worst class 40 % against 36 % with nine tenths of the errors in common,
/// delta = 0.05: mean widths, and how often the sign of D is found, against two intervals T5 at
/// delta/2, and against the difference of Clopper-Pearson ends.
#[test]
fn widths_and_decisions() {
    let rng = &mut ChaCha8Rng::seed_from_u64(81);
    let (draws, delta) = (400, 0.05);
    let population = &populations()[0];
    // Widths and decisions: T5 twice; paired with ends u(b) - l(c); paired; paired and separate at delta/2.
    let (mut widths, mut decided) = ([0.0; 4], [0; 4]);
    for _ in 0..draws {
        let counts = population.draw(rng);
        let t5 = |errors: &[u64]| {
            let intervals =
                held_out_intervals(ClassErrors { errors, counts: counts.samples() }, delta / 2.0, 1).unwrap();
            let largest = |end: fn(&Interval) -> f64| intervals.iter().map(end).fold(0.0, f64::max);
            Interval { lower: largest(|ends| ends.lower), upper: largest(|ends| ends.upper) }
        };
        let (a, b) = (t5(&counts.errors_a()), t5(&counts.errors_b()));
        let paired = paired_worst_class_difference(&counts, delta).unwrap();
        assert_eq!((&paired.candidates_a[..], &paired.candidates_b[..]), (&[0][..], &[0][..]), "one clear worst class");
        let end = |count| clopper_pearson(count, 1000, delta / 8.0, delta / 8.0).unwrap();
        let (only_a, only_b) = (end(counts.only_a_wrong()[0]), end(counts.only_b_wrong()[0]));
        let intervals = [
            Interval { lower: a.lower - b.upper, upper: a.upper - b.lower },
            Interval { lower: only_a.lower - only_b.upper, upper: only_a.upper - only_b.lower },
            paired.interval,
            worst_class_difference(&counts, delta).unwrap().interval,
        ];
        for (place, interval) in intervals.into_iter().enumerate() {
            widths[place] += (interval.upper - interval.lower) / f64::from(draws);
            decided[place] += u32::from(ComparisonVerdict::of(interval) == ComparisonVerdict::Worse);
        }
    }
    let decided = decided.map(|count| f64::from(count) / f64::from(draws));
    println!("T5 twice, u(b) - l(c), paired, joined: widths {widths:.4?}, decided {decided:.3?}");
    assert!((widths[0] - 0.187).abs() < 0.002 && (widths[1] - 0.073).abs() < 0.001, "{widths:?}");
    assert!(decided[0] == 0.0 && (decided[1] - 0.65).abs() < 0.08, "{decided:?}");
    assert!(widths[2] < 0.95 * widths[1] && decided[2] > decided[1] + 0.05, "the conditional ends are narrower");
    assert!(widths[3] < widths[0] / 2.0 && decided[3] > 0.5, "{widths:?} {decided:?}");
}
