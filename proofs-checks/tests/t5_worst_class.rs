//! T5': the largest error of any class and WCE without a factor K above, by Simes' test below; the
//! classes that can be the worst; those above a level.
//!
//! *Proof.* The class that attains the maximum is not random, so its own upper limit alone must
//! hold; at t = max λ_j e_j all hypotheses "λ_j e_j <= t" are true, their p-values independent and
//! at least uniform, and Simes' test of all of them errs with probability at most α; the worst
//! class is lost only to one of K−1 Fisher tests of true hypotheses; Holm (THEORY.md).
//!
//! Checked: both ends over all outcomes of two classes, beside every end; on eight populations the
//! misses of the upper end as a product over the classes, those of the lower one, of the candidates
//! and of the classes above a level on draws, the ends by a second way (p-values summed term by
//! term); that not every one of several worst classes need be a candidate.

use car_spectral::ClassErrors;
use car_spectral::bounds::{
    Interval, classes_above, clopper_pearson, held_out_intervals, weighted_worst_class_interval,
    worst_class_candidates, worst_class_certificate, worst_class_interval,
};
use proofs_checks::draws::miss_probability;
use proofs_checks::evidence::{Check, Kind, cases};
use proofs_checks::masses::binomial;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn of<'a>(errors: &'a [u64], counts: &'a [u64]) -> ClassErrors<'a> {
    ClassErrors { errors, counts }
}

const ABOVE: &str = "P(max λ_j e_j > upper end) ≤ δ/2";
const BELOW: &str = "P(max λ_j e_j < lower end) ≤ δ/2";

/// One outcome of two classes: its interval and max_j λ_j k_j/n_j.
struct Outcome {
    errors: [u64; 2],
    seen: f64,
    interval: Interval,
}

/// Both ends over all outcomes of two classes: on a grid of (e_1, e_2), and just beside every end,
/// where a probability to miss jumps. Both errors at the end, or one of them there and the other 0.
/// Nine tenths of the distance from max λ_j k_j/n_j miss too often.
#[test]
fn two_classes_exactly() {
    let checks = [ABOVE, BELOW].map(|claim| Check::new("T5'", claim, Kind::Enumeration));
    for (counts, weights) in [
        ([1_u64, 1], [1.0, 1.0]),
        ([3, 3], [1.0, 1.0]),
        ([2, 9], [1.0, 1.0]),
        ([8, 8], [1.0, 3.0]),
        ([12, 12], [1.0, 1.0]),
        ([30, 5], [1.0, 2.0]),
    ] {
        for delta in [0.05, 0.3, 0.5] {
            let outcomes: Vec<Outcome> = (0..=counts[0])
                .flat_map(|a| (0..=counts[1]).map(move |b| [a, b]))
                .map(|errors| {
                    let seen = (0..2).map(|j| weights[j] * errors[j] as f64 / counts[j] as f64).fold(0.0_f64, f64::max);
                    let interval = weighted_worst_class_interval(&weights, of(&errors, &counts), delta, 1).unwrap();
                    Outcome { errors, seen, interval }
                })
                .collect();
            // The probabilities that the upper and the lower end miss, with their distances scaled.
            let missed = |e: [f64; 2], scale: f64| {
                let masses = [0, 1].map(|j| binomial(counts[j], e[j]));
                let truth = (0..2).map(|j| weights[j] * e[j]).fold(0.0_f64, f64::max);
                let mut missed = [0.0; 2];
                for Outcome { errors, seen, interval } in &outcomes {
                    let mass = masses[0][errors[0] as usize] * masses[1][errors[1] as usize];
                    let end = |end: f64| if scale == 1.0 { end } else { seen + scale * (end - seen) };
                    if truth > end(interval.upper) {
                        missed[0] += mass;
                    }
                    if truth < end(interval.lower) {
                        missed[1] += mass;
                    }
                }
                missed
            };
            let mut largest = [0.0_f64; 2];
            let mut try_at = |e: [f64; 2]| {
                for (place, miss) in missed(e, 1.0).into_iter().enumerate() {
                    // Masses rounded; the ends are outside.
                    assert!(miss <= 0.5 * delta * (1.0 + 1e-12), "{counts:?}, {delta}, {e:?}: {miss}");
                    checks[place].ratio(miss, 0.5 * delta);
                    largest[place] = largest[place].max(miss / (0.5 * delta));
                }
            };
            for i in 0..=40 {
                (0..=40).for_each(|j| try_at([f64::from(i) / 40.0, f64::from(j) / 40.0]));
            }
            let beside = |ends: [f64; 2]| {
                ends.into_iter().flat_map(|end| {
                    let alone = [[end / weights[0], 0.0], [0.0, end / weights[1]]];
                    let both = [end / weights[0], end / weights[1]].map(|e| e.min(1.0));
                    [alone[0], alone[1], both].into_iter().filter(|e| e.iter().all(|e| *e <= 1.0))
                })
            };
            for Outcome { interval, .. } in &outcomes {
                beside([interval.lower * (1.0 - 1e-10), interval.upper * (1.0 + 1e-10)]).for_each(&mut try_at);
            }
            let mut cut = [0.0_f64; 2];
            for Outcome { seen, interval, .. } in &outcomes {
                let ends = [interval.lower, interval.upper].map(|end| seen + 0.9 * (end - seen));
                for e in beside([ends[0] * (1.0 - 1e-10), ends[1] * (1.0 + 1e-10)]) {
                    let missed = missed(e, 0.9);
                    cut.iter_mut().zip(missed).for_each(|(cut, miss)| *cut = cut.max(miss / (0.5 * delta)));
                }
            }
            println!("{counts:?}, λ {weights:?}, δ {delta}: upper, lower miss {largest:.4?} of δ/2; cut {cut:.4?}");
            assert!(largest[0] > 0.999, "attained above: {counts:?}, {delta}: {largest:?}");
            assert!(cut.iter().all(|&cut| cut > 1.02), "{cut:?}");
        }
    }
    checks.into_iter().for_each(Check::passed);
}

struct Population {
    name: &'static str,
    errors: Vec<f64>,
    counts: Vec<u64>,
    weights: Vec<f64>,
}

impl Population {
    fn largest(&self, weights: &[f64]) -> f64 {
        self.errors.iter().zip(weights).map(|(e, weight)| e * weight).fold(0.0, f64::max)
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<u64> {
        let wrong = |(&e, &n): (&f64, &u64)| (0..n).filter(|_| rng.random::<f64>() < e).count() as u64;
        self.errors.iter().zip(&self.counts).map(wrong).collect()
    }
}

fn populations() -> Vec<Population> {
    let at = |name, errors: Vec<f64>, counts: Vec<u64>, weights: Vec<f64>| Population { name, errors, counts, weights };
    let with = |first: &[f64], other: f64, classes: usize| {
        first.iter().copied().chain(std::iter::repeat_n(other, classes - first.len())).collect::<Vec<_>>()
    };
    let tail = vec![1000, 300, 100, 30, 10, 5, 2, 2, 1, 1];
    vec![
        at("ten equal", vec![0.3; 10], vec![100; 10], vec![1.0; 10]),
        at("one clear worst", with(&[0.6], 0.1, 10), vec![200; 10], vec![1.0; 10]),
        at("three of seven tie for the worst", with(&[0.4; 3], 0.2, 7), vec![50, 60, 70, 50, 60, 70, 80], vec![1.0; 7]),
        at(
            "long tail, the worst with one image",
            vec![0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7],
            tail.clone(),
            (0..10).map(|j| 0.8 + 0.15 * f64::from(j)).collect(),
        ),
        at("long tail, the worst with a thousand", with(&[0.5], 0.1, 10), tail, vec![1.0; 10]),
        at("two hundred equal, of three images", vec![0.3; 200], vec![3; 200], vec![1.0; 200]),
        at(
            "two hundred of one to eight images",
            (0..200).map(|j| 0.1 + 0.004 * f64::from(j)).collect(),
            (0..200).map(|j| 1 + j % 8).collect(),
            (0..200).map(|j| 1.0 + 0.5 * f64::from(j % 3)).collect(),
        ),
        at(
            "very unequal weights, all λ_j e_j equal",
            vec![0.8, 0.4, 0.2, 0.1, 0.05],
            vec![40, 80, 120, 200, 400],
            vec![1.0, 2.0, 4.0, 8.0, 16.0],
        ),
    ]
}

/// The probability that λ_j u_j(α) < max λ_i e_i for all j: the classes are independent.
fn upper_end_misses(population: &Population, weights: &[f64], alpha: f64) -> f64 {
    let truth = population.largest(weights);
    let below = |j: usize| -> f64 {
        let masses = binomial(population.counts[j], population.errors[j]);
        let limit = |k: u64| clopper_pearson(k, population.counts[j], alpha, alpha).unwrap().upper;
        (0..).zip(masses).take_while(|&(k, _)| weights[j] * limit(k) < truth).map(|(_, mass)| mass).sum::<f64>().abs()
    };
    (0..weights.len()).map(below).product()
}

/// What is left of α for Simes' test of "λ_j e_j <= t", and the fewest errors in all that are too
/// many for it.
fn all_together(population: &Population, weights: &[f64], t: f64, alpha: f64) -> (f64, u64) {
    let counts = &population.counts;
    let samples: u64 = counts.iter().sum();
    if counts.len() < 100 || samples >= 10 * counts.len() as u64 {
        return (alpha, u64::MAX);
    }
    let expected: f64 = counts.iter().zip(weights).map(|(&n, weight)| n as f64 * (t / weight).min(1.0)).sum();
    let masses = binomial(samples, expected / samples as f64);
    let mut tail = 0.0;
    let few = (0..=samples).rev().take_while(|&k| {
        tail += masses[k as usize];
        tail <= 0.5 * alpha && k as f64 > expected + 1.0
    });
    (0.5 * alpha, few.last().unwrap_or(u64::MAX))
}

/// The p-values of "λ_j e_j <= t" for every k, summed term by term.
fn p_values(population: &Population, weights: &[f64], t: f64) -> Vec<Vec<f64>> {
    let tails = |(&n, &weight): (&u64, &f64)| {
        let mut tail = binomial(n, (t / weight).min(1.0));
        for k in (0..n as usize).rev() {
            tail[k] += tail[k + 1];
        }
        tail
    };
    population.counts.iter().zip(weights).map(tails).collect()
}

/// Both ends on eight populations, with their weights and with weights of 1. The lower end misses
/// exactly if the test rejects at t = max λ_j e_j: on every draw by p-values summed term by term,
/// on some by the function itself, which must agree.
#[test]
fn ends_on_populations() {
    let upper_check = Check::new("T5'", ABOVE, Kind::Enumeration);
    let lower_check = Check::new("T5'", BELOW, Kind::Simulation);
    let certificate_check = Check::new("T5'", "P(max e_j > max u_j(δ)) ≤ δ", Kind::Enumeration);
    let rng = &mut ChaCha8Rng::seed_from_u64(51);
    let (draws, by_function) = (u64::from(cases(20_000).min(200_000)), u64::from(cases(100).min(1000)));
    let mut tightest = [("", 0.0_f64); 3];
    let mut note = |place: usize, name, ratio| {
        if ratio > tightest[place].1 {
            tightest[place] = (name, ratio);
        }
    };
    for population in populations() {
        let ones = vec![1.0; population.errors.len()];
        for delta in [0.05, 0.3] {
            let name = population.name;
            for weights in [&ones, &population.weights] {
                let (truth, alpha) = (population.largest(weights), 0.5 * delta);
                let above = upper_end_misses(&population, weights, alpha);
                assert!(above <= alpha * (1.0 + 1e-10), "{name}: {above}");
                upper_check.ratio(above, alpha);
                note(0, name, above / alpha);

                let tails = p_values(&population, weights, truth);
                let k = weights.len();
                let (level, least) = all_together(&population, weights, truth, alpha);
                let mut below = 0;
                for draw in 0..draws {
                    let errors = population.draw(rng);
                    let mut sorted: Vec<f64> = (0..k).map(|j| tails[j][errors[j] as usize]).collect();
                    sorted.sort_by(f64::total_cmp);
                    let misses = (0..k).any(|rank| sorted[rank] <= (rank + 1) as f64 * level / k as f64)
                        || errors.iter().sum::<u64>() >= least;
                    below += u64::from(misses);
                    if draw < by_function {
                        let interval =
                            weighted_worst_class_interval(weights, of(&errors, &population.counts), delta, 1).unwrap();
                        assert_eq!(interval.lower > truth, misses, "{name}: {errors:?} {interval:?}");
                        if weights == &ones {
                            let same = worst_class_interval(of(&errors, &population.counts), delta, 1).unwrap();
                            assert_eq!(same, interval);
                        }
                    }
                }
                let share = miss_probability(below, draws);
                assert!(share.lower <= alpha, "{name}: {share:?}");
                lower_check.cases_at(draws, share.lower / alpha);
                note(1, name, below as f64 / draws as f64 / alpha);
                println!(
                    "{name}, δ {delta}, λ {:.1}..{:.1}: upper misses {:.4}, lower {:.4} of δ/2",
                    weights[0],
                    weights[k - 1],
                    above / alpha,
                    below as f64 / draws as f64 / alpha
                );
            }
            let alpha = delta.min(0.25);
            let above = upper_end_misses(&population, &ones, alpha);
            assert!(above <= delta * (1.0 + 1e-10), "{name}: {above}");
            certificate_check.ratio(above, delta);
            note(2, name, above / delta);
            let errors = population.draw(rng);
            let limits = errors.iter().zip(&population.counts);
            let by_definition =
                limits.map(|(&k, &n)| clopper_pearson(k, n, alpha, alpha).unwrap().upper).fold(0.0, f64::max);
            let certificate = worst_class_certificate(of(&errors, &population.counts), delta, 1).unwrap();
            assert!((certificate - by_definition).abs() < 1e-15);
        }
    }
    for (name, (population, ratio)) in ["upper end", "lower end", "certificate"].into_iter().zip(tightest) {
        println!("{name}: tightest {ratio:.4}, {population}");
    }
    upper_check.passed();
    lower_check.passed();
    certificate_check.passed();
}

const CANDIDATES: &str = "P(j ∉ W) ≤ δ for a class j of the largest error";
const HOLM: &str = "P(some class with e_j ≤ τ is named) ≤ δ";

/// The candidates hold the worst class, any fixed one of several, and classes named by Holm's
/// method do exceed the level; with more than 64 rivals, too. All of several worst classes at once
/// are not held: that would cost more.
#[test]
fn the_sets_of_classes() {
    let candidates_check = Check::new("T5'", CANDIDATES, Kind::Simulation);
    let holm_check = Check::new("T5'", HOLM, Kind::Simulation);
    let all_check = Check::new("T5'", "P(W lacks some class of the largest error) ≤ δ", Kind::Necessity);
    let rng = &mut ChaCha8Rng::seed_from_u64(52);
    let mut populations = populations();
    let many = |name, errors: Vec<f64>| {
        let k = errors.len();
        Population { name, errors, counts: vec![40; k], weights: vec![1.0; k] }
    };
    populations.push(many("eighty equal", vec![0.5; 80]));
    populations.push(many("one clear worst of eighty", (0..80).map(|j| if j == 0 { 0.8 } else { 0.3 }).collect()));
    let mut tightest = [("", 0.0_f64); 2];
    for population in populations {
        let (k, name) = (population.errors.len(), population.name);
        let draws = u64::from(if k > 64 { cases(300).min(1000) } else { cases(1500).min(10_000) });
        let largest = population.largest(&vec![1.0; k]);
        let worst: Vec<usize> = (0..k).filter(|&j| population.errors[j] == largest).collect();
        // The level is the error of some class: its hypothesis is true, and only just.
        let mut errors = population.errors.clone();
        errors.sort_by(f64::total_cmp);
        let level = errors[k / 2];
        for delta in [0.05, 0.3] {
            let (mut lacking, mut lacking_some, mut named_wrongly, mut size) = (vec![0_u64; worst.len()], 0, 0, 0);
            for _ in 0..draws {
                let errors = population.draw(rng);
                let found = worst_class_candidates(of(&errors, &population.counts), delta, 1).unwrap();
                let lacks: Vec<bool> = worst.iter().map(|class| found.binary_search(class).is_err()).collect();
                lacking.iter_mut().zip(&lacks).for_each(|(count, &lacks)| *count += u64::from(lacks));
                lacking_some += u64::from(lacks.contains(&true));
                size += found.len();
                let named = classes_above(of(&errors, &population.counts), level, delta, 1).unwrap();
                named_wrongly += u64::from(named.iter().any(|&class| population.errors[class] <= level));
            }
            let most = *lacking.iter().max().unwrap();
            for (place, (check, misses)) in
                [(&candidates_check, most), (&holm_check, named_wrongly)].into_iter().enumerate()
            {
                let share = miss_probability(misses, draws);
                assert!(share.lower <= delta, "{name}: {share:?}");
                check.cases_at(draws, share.lower / delta);
                let ratio = misses as f64 / draws as f64 / delta;
                if ratio > tightest[place].1 {
                    tightest[place] = (name, ratio);
                }
            }
            let some = miss_probability(lacking_some, draws);
            if some.lower > delta {
                all_check.ratio(some.lower, delta);
            }
            println!(
                "{name}, δ {delta}: W lacks a fixed worst class in {:.3} of δ, some worst class in {:.3}, mean size {:.1}; Holm errs in {:.3}",
                most as f64 / draws as f64 / delta,
                lacking_some as f64 / draws as f64 / delta,
                size as f64 / draws as f64,
                named_wrongly as f64 / draws as f64 / delta
            );
        }
    }
    println!(
        "tightest: candidates {:.3}, {}; Holm {:.3}, {}",
        tightest[0].1, tightest[0].0, tightest[1].1, tightest[1].0
    );
    candidates_check.passed();
    holm_check.passed();
    all_check.passed();
}

/// Never wider than the maxima of T5's ends, which are Bonferroni's test below and K times the
/// level above.
#[test]
fn it_is_inside_t5() {
    let classes = prop::collection::vec((1_u64..400, 0.0_f64..=1.0, 0.2_f64..5.0), 2..8);
    let check = Check::new("T5'", "width of T5' ≤ width by T5", Kind::Random);
    check.property(file!(), 100, (classes, 0.001_f64..0.5), |check, (classes, delta)| {
        let counts: Vec<u64> = classes.iter().map(|class| class.0).collect();
        let errors: Vec<u64> = classes.iter().map(|&(n, share, _)| (n as f64 * share) as u64).collect();
        let weights: Vec<f64> = classes.iter().map(|class| class.2).collect();
        let intervals = held_out_intervals(of(&errors, &counts), delta, 1).unwrap();
        let largest = |end: fn(&Interval) -> f64| {
            intervals.iter().zip(&weights).map(|(interval, weight)| weight * end(interval)).fold(0.0, f64::max)
        };
        let (lower, upper) = (largest(|ends| ends.lower), largest(|ends| ends.upper));
        let found = weighted_worst_class_interval(&weights, of(&errors, &counts), delta, 1).unwrap();
        prop_assert!(found.lower >= lower * (1.0 - 1e-7) && found.upper <= upper * (1.0 + 1e-15), "{:?}", found);
        check.ratio(found.upper - found.lower, (upper - lower) * (1.0 + 1e-6));
        Ok(())
    });
}
