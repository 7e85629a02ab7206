//! T7: a head of class means, certified by examples that it was trained on.
//!
//! *Proof.* Given S ∖ T_j only row j depends on T_j: a Gaussian about w_j⁰ as prior, about w_j as
//! posterior, Maurer's bound with the loss [margin ≤ cσa], and [m ≤ 0] ≤ Φ(c − m/(σa))/Φ(c)
//! (THEORY.md). Checked: that the perturbed head errs as the formula says and the KL is that of the
//! two Gaussians; the probability of a miss where nothing is lost, over all outcomes; coverage on
//! seven populations whose errors are known exactly; and that a prior which has seen T_j makes it
//! false.

use car_spectral::bounds::{
    ClassMeanCertificate, DeltaShares, HeadClass, HeadExample, PriorGrid, class_mean_head, clopper_pearson,
};
use proofs_checks::draws::{category, miss_probability, normal};
use proofs_checks::evidence::{Check, Kind, cases};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Φ by its power series, independent of the library's.
fn phi(z: f64) -> f64 {
    if z.abs() > 8.0 {
        return if z > 0.0 { 1.0 } else { 0.0 };
    }
    let (mut term, mut sum, mut k) = (z, z, 1.0);
    while f64::abs(term) > 1e-18 {
        k += 2.0;
        term *= z * z / k;
        sum += term;
    }
    0.5 + sum * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn less(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

fn score(w: &[f64], x: &[f64]) -> f64 {
    dot(w, x) - 0.5 * dot(w, w)
}

fn margin(means: &[Vec<f64>], x: &[f64], class: usize) -> f64 {
    let others = means.iter().enumerate().filter(|(other, _)| *other != class);
    score(&means[class], x) - others.map(|(_, w)| score(w, x)).fold(f64::NEG_INFINITY, f64::max)
}

/// Of each class's inputs: margin under the head, distance from the row before.
fn examples_of(head: &[Vec<f64>], before: &[Vec<f64>], inputs: &[Vec<Vec<f64>>]) -> Vec<Vec<HeadExample>> {
    let example = |class: usize, x: &[f64]| {
        let from = less(x, &before[class]);
        HeadExample { margin: margin(head, x, class), distance: dot(&from, &from).sqrt() }
    };
    inputs.iter().enumerate().map(|(class, of)| of.iter().map(|x| example(class, x)).collect()).collect()
}

fn mean(examples: &[Vec<f64>], dimensions: usize) -> Vec<f64> {
    let count = examples.len().max(1) as f64;
    (0..dimensions).map(|d| examples.iter().map(|x| x[d]).sum::<f64>() / count).collect()
}

/// Row j of the head is moved by σ ε in the d+1 coordinates (w, b'/κ): the margin at x is Gaussian
/// about m with deviation σa, and the KL of the two centres is what the certificate says. The left
/// side is computed from the centres themselves.
#[test]
fn the_perturbed_row() {
    let check = Check::new("T7", "KL_j, and the share of margin ≤ cσa, are those of the Gaussians", Kind::Random);
    let cases = (0_u64..1 << 32, 1_usize..6, 0.1_f64..3.0, 0.02_f64..0.6, 0.0_f64..2.5);
    check.property(file!(), 100, cases, |check, (seed, dimensions, kappa, sigma, c)| {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut vector = |scale: f64| (0..dimensions).map(|_| scale * normal(rng)).collect::<Vec<f64>>();
        let (prior, shift, x) = (vector(1.0), vector(0.2), vector(1.5));
        let w: Vec<f64> = prior.iter().zip(&shift).map(|(w, s)| w + s).collect();
        let means = vec![w.clone(), vector(1.0), vector(1.0)];
        let (m, from_prior) = (margin(&means, &x, 0), less(&x, &prior));
        let distance = dot(&from_prior, &from_prior).sqrt();
        let squared_shift = dot(&less(&w, &prior), &less(&w, &prior));
        // The biases at w_j⁰, of prior and posterior: scores at φ = w_j⁰.
        let centre = [score(&prior, &prior), score(&w, &prior)];
        let kl = (squared_shift + ((centre[1] - centre[0]) / kappa).powi(2)) / (2.0 * sigma * sigma);
        let examples = [HeadExample { margin: m, distance }; 200];
        let class = HeadClass { examples: &examples, squared_shift };
        let grid = PriorGrid { kappa, sigmas: &[sigma], thresholds: &[c] };
        let found = class_mean_head(&[class; 2], grid, &DeltaShares::equal(2, 0.05).unwrap()).unwrap();

        let draws = 4000;
        let below = (0..draws).filter(|_| {
            let noise: Vec<f64> = (0..dimensions).map(|_| sigma * normal(rng)).collect();
            let bias = kappa * sigma * normal(rng);
            let a = (dot(&from_prior, &from_prior) + kappa * kappa).sqrt();
            m + dot(&noise, &from_prior) + bias <= c * sigma * a
        });
        // So wide that none of many cases lies outside by chance.
        let share = clopper_pearson(below.count() as u64, draws, 1e-10, 1e-10).unwrap();
        let expected = phi(c - m / (sigma * (distance * distance + kappa * kappa).sqrt()));
        prop_assert!((share.lower - 1e-9..=share.upper + 1e-9).contains(&expected), "{share:?} {expected}");
        prop_assert!(f64::from(m <= 0.0) <= expected / phi(c) + 1e-9);
        if let Some(bound) = found.classes[0] {
            prop_assert!((bound.kl - kl).abs() <= 1e-9 * kl.max(1.0), "{} {kl}", bound.kl);
            prop_assert!((bound.gibbs_loss - expected).abs() < 2e-10, "{} {expected}", bound.gibbs_loss);
        }
        check.case();
        Ok(())
    });
}

/// Nothing learnt from T_j, no noise to speak of: the bound of k errors among n. P(bound < p) over
/// all outcomes, p just above every bound; nine tenths of the way from k/n to the bound is too
/// little.
#[test]
fn the_probability_of_a_miss_by_all_outcomes() {
    let check = Check::new("T7", "P(e_j > bound_j) ≤ δ_j", Kind::Enumeration);
    let (mut tightest, mut cut_misses) = ((0.0_f64, 0), 0.0_f64);
    for share in [0.025, 0.2] {
        for n in [1_usize, 2, 3, 5, 8, 20, 60] {
            let bounds: Vec<f64> = (0..=n)
                .map(|k| {
                    let examples: Vec<HeadExample> = (0..n)
                        .map(|at| HeadExample { margin: if at < k { -1.0 } else { 1.0 }, distance: 1.0 })
                        .collect();
                    let class = HeadClass { examples: &examples, squared_shift: 0.0 };
                    let grid = PriorGrid { kappa: 1.0, sigmas: &[1e-3], thresholds: &[8.0] };
                    let shares = DeltaShares::equal(2, 2.0 * share).unwrap();
                    class_mean_head(&[class; 2], grid, &shares).unwrap().worst_class()
                })
                .collect();
            let worst = |bounds: &[f64]| {
                let just_above = bounds.iter().map(|bound| bound + 1e-9).filter(|p| *p < 1.0);
                just_above
                    .map(|p| {
                        let mut mass = (1.0 - p).powi(n as i32);
                        let mut miss = 0.0;
                        for (k, &bound) in bounds.iter().enumerate() {
                            miss += if bound < p { mass } else { 0.0 };
                            mass *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
                        }
                        miss
                    })
                    .fold(0.0, f64::max)
            };
            let cut: Vec<f64> =
                bounds.iter().enumerate().map(|(k, b)| k as f64 / n as f64 + 0.9 * (b - k as f64 / n as f64)).collect();
            let (whole, cut) = (worst(&bounds), worst(&cut));
            assert!(whole <= share, "n = {n}: {whole}");
            check.ratio(whole, share);
            if whole / share > tightest.0 {
                tightest = (whole / share, n);
            }
            cut_misses = cut_misses.max(cut / share);
        }
    }
    println!("tightest {:.3} at n = {}; nine tenths: {cut_misses:.3}", tightest.0, tightest.1);
    assert!(tightest.0 > 0.49 && cut_misses > 1.5, "{tightest:?} {cut_misses}");
    check.passed();
}

/// How the examples of a class are drawn.
enum Law {
    /// N(μ_j, I): errors are known for two classes, and on a line.
    Gaussian(Vec<Vec<f64>>),
    /// Points with their probabilities.
    Atoms(Vec<Vec<(Vec<f64>, f64)>>),
}

impl Law {
    fn dimensions(&self) -> usize {
        match self {
            Self::Gaussian(means) => means[0].len(),
            Self::Atoms(classes) => classes[0][0].0.len(),
        }
    }

    fn num_classes(&self) -> usize {
        match self {
            Self::Gaussian(means) => means.len(),
            Self::Atoms(classes) => classes.len(),
        }
    }

    fn draw(&self, class: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
        match self {
            Self::Gaussian(means) => means[class].iter().map(|mean| mean + normal(rng)).collect(),
            Self::Atoms(classes) => {
                let atoms = &classes[class];
                let at = category(atoms.iter().map(|atom| atom.1), rng).min(atoms.len() - 1);
                atoms[at].0.clone()
            }
        }
    }

    /// P(margin ≤ 0) of a class, exactly.
    fn error(&self, head: &[Vec<f64>], class: usize) -> f64 {
        match self {
            Self::Atoms(classes) => {
                let wrong = classes[class].iter().filter(|(x, _)| margin(head, x, class) <= 0.0);
                wrong.map(|(_, probability)| probability).sum()
            }
            Self::Gaussian(means) => {
                // Right where the margin to each other class is positive: half lines or, of two classes, one half
                // space.
                let (mut from, mut to) = (f64::NEG_INFINITY, f64::INFINITY);
                assert!(head.len() == 2 || means[0].len() == 1);
                for other in (0..head.len()).filter(|&other| other != class) {
                    let direction = less(&head[class], &head[other]);
                    let norm = dot(&direction, &direction).sqrt();
                    let middle = score(&head[class], &means[class]) - score(&head[other], &means[class]);
                    // middle + norm·z > 0; on a line z has the sign of the direction.
                    if head.len() == 2 || direction[0] > 0.0 {
                        from = from.max(-middle / norm);
                    } else {
                        to = to.min(middle / norm);
                    }
                }
                1.0 - (phi(to.min(9.0)) - phi(from.max(-9.0))).max(0.0)
            }
        }
    }
}

/// What is fixed before T: a grid, or one made from S ∖ T.
enum Prior {
    Fixed(f64, Vec<f64>, Vec<f64>),
    /// κ is large or small as the first example of S ∖ T says, and σ with it.
    Whim,
}

struct Population {
    name: &'static str,
    law: Law,
    /// |S_j ∖ T_j| and |T_j|.
    counts: Vec<[usize; 2]>,
    /// w_j = w_j⁰ + push·(mean − w_j⁰): 1 is the class mean.
    push: f64,
    prior: Prior,
}

impl Population {
    /// A certificate and the errors of its head.
    fn draw(&self, delta: f64, rng: &mut ChaCha8Rng) -> (ClassMeanCertificate, Vec<f64>) {
        let dimensions = self.law.dimensions();
        let mut sample = |class: usize, count: usize| (0..count).map(|_| self.law.draw(class, rng)).collect::<Vec<_>>();
        let rest: Vec<_> = self.counts.iter().enumerate().map(|(class, counts)| sample(class, counts[0])).collect();
        let held: Vec<_> = self.counts.iter().enumerate().map(|(class, counts)| sample(class, counts[1])).collect();
        let before: Vec<Vec<f64>> = rest.iter().map(|rest| mean(rest, dimensions)).collect();
        let head: Vec<Vec<f64>> = (0..rest.len())
            .map(|class| {
                let all = [rest[class].clone(), held[class].clone()].concat();
                let shift = less(&mean(&all, dimensions), &before[class]);
                before[class].iter().zip(shift).map(|(w, shift)| w + self.push * shift).collect()
            })
            .collect();
        let whim: f64 = if rest[0].first().is_some_and(|x| x[0] > 0.0) { 3.0 } else { 0.05 };
        let (kappa, sigmas, thresholds) = match &self.prior {
            Prior::Fixed(kappa, sigmas, thresholds) => (*kappa, sigmas.clone(), thresholds.clone()),
            Prior::Whim => (whim, vec![0.1 / whim, 0.2, 0.4], vec![1.5]),
        };
        let examples = examples_of(&head, &before, &held);
        let classes: Vec<HeadClass<'_>> = (0..head.len())
            .map(|class| {
                let shift = less(&head[class], &before[class]);
                HeadClass { examples: &examples[class], squared_shift: dot(&shift, &shift) }
            })
            .collect();
        let grid = PriorGrid { kappa, sigmas: &sigmas, thresholds: &thresholds };
        let shares = DeltaShares::equal(head.len(), delta).unwrap();
        let certificate = class_mean_head(&classes, grid, &shares).unwrap();
        (certificate, (0..head.len()).map(|class| self.law.error(&head, class)).collect())
    }
}

fn populations() -> Vec<Population> {
    let fixed = || Prior::Fixed(1.0, vec![0.05, 0.1, 0.2, 0.4], vec![1.5, 2.25]);
    let tight = || Prior::Fixed(1.0, vec![1e-3], vec![4.0]);
    let two = |distance: f64, dimensions: usize| {
        let at = |place: f64| (0..dimensions).map(|d| if d == 0 { place } else { 0.0 }).collect::<Vec<f64>>();
        Law::Gaussian(vec![at(0.0), at(distance)])
    };
    let line = |places: &[f64]| Law::Gaussian(places.iter().map(|&place| vec![place]).collect());
    // A rare corner of each class lies among the other's examples.
    let atoms = Law::Atoms(vec![
        vec![(vec![0.0, 0.0], 0.5), (vec![0.5, 1.0], 0.4), (vec![4.0, 0.0], 0.1)],
        vec![(vec![4.0, 0.5], 0.7), (vec![3.5, -0.5], 0.27), (vec![-0.5, 0.0], 0.03)],
        vec![(vec![2.0, 5.0], 0.8), (vec![1.0, 3.0], 0.2)],
    ]);
    // The mean of class 0, −0.86, is farther from its many than class 1 is: an error of 0.93, and the bound of one
    // right example is 0.925.
    let mostly_wrong = Law::Atoms(vec![vec![(vec![1.0], 0.07), (vec![-1.0], 0.93)], vec![(vec![-0.9], 1.0)]]);
    vec![
        Population {
            name: "two Gaussians, 20 dimensions",
            law: two(3.0, 20),
            counts: vec![[60, 40]; 2],
            push: 1.0,
            prior: fixed(),
        },
        Population {
            name: "five classes on a line, long tail",
            law: line(&[0.0, 3.0, 5.0, 9.0, 12.0]),
            counts: vec![[200, 100], [90, 60], [40, 30], [10, 8], [3, 2]],
            push: 1.0,
            prior: fixed(),
        },
        Population {
            name: "rare corners, three classes",
            law: atoms,
            counts: vec![[30, 40]; 3],
            push: 1.0,
            prior: fixed(),
        },
        Population { name: "wrong head", law: two(2.0, 5), counts: vec![[20, 30]; 2], push: -6.0, prior: fixed() },
        Population {
            name: "adversarial κ",
            law: line(&[0.0, 2.0]),
            counts: vec![[15, 40]; 2],
            push: 1.0,
            prior: Prior::Whim,
        },
        Population {
            name: "one example, T not used",
            law: two(0.0, 3),
            counts: vec![[5, 1]; 2],
            push: 0.0,
            prior: tight(),
        },
        Population {
            name: "one example, wrong on most",
            law: mostly_wrong,
            counts: vec![[2000, 1], [1, 1]],
            push: 0.0,
            prior: tight(),
        },
    ]
}

/// δ = 0.3, so that misses could occur.
#[test]
fn coverage() {
    let check = Check::new("T7", "P(some e_j > bound_j) ≤ δ", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(70);
    let (draws, delta) = (u64::from(cases(1000).min(4000)), 0.3);
    let mut tightest = ("", 0.0_f64);
    for population in populations() {
        assert_eq!(population.counts.len(), population.law.num_classes());
        let (mut misses, mut informative, mut closest) = (0_u64, 0_u64, 0.0_f64);
        for _ in 0..draws {
            let (certificate, errors) = population.draw(delta, rng);
            misses += u64::from(certificate.bounds().zip(&errors).any(|(bound, error)| *error > bound));
            informative += u64::from(certificate.bounds().any(|bound| bound < 1.0));
            closest = certificate.bounds().zip(&errors).map(|(bound, error)| error / bound).fold(closest, f64::max);
        }
        println!(
            "{}: {misses} of {draws} missed, {informative} below 1, largest error/bound {closest:.3}",
            population.name
        );
        let share = miss_probability(misses, draws);
        assert!(share.upper <= delta, "{}: {share:?}", population.name);
        assert!(informative > draws / 20, "{}: nothing is claimed", population.name);
        check.cases_at(draws, misses as f64 / draws as f64 / delta);
        if closest > tightest.1 {
            tightest = (population.name, closest);
        }
    }
    println!("closest: {:.3}, {}", tightest.1, tightest.0);
    check.passed();
}

/// Two classes without any difference in many dimensions: the worst error is at least 1/2. If w_j⁰
/// has seen T_j, no shift is left and the margins on T_j are large: the "bound" is below 1/2
/// whenever it is drawn. With w_j⁰ from before (here: nothing, 0) it is 1.
#[test]
fn the_prior_must_not_see_the_examples() {
    let check = Check::new("T7", "bound without \"w_j⁰ a function of S ∖ T_j\"", Kind::Necessity);
    let rng = &mut ChaCha8Rng::seed_from_u64(71);
    let (dimensions, n) = (900, 30);
    let held: Vec<Vec<Vec<f64>>> =
        (0..2).map(|_| (0..n).map(|_| (0..dimensions).map(|_| normal(rng)).collect()).collect()).collect();
    let head: Vec<Vec<f64>> = held.iter().map(|held| mean(held, dimensions)).collect();
    let zero = vec![vec![0.0; dimensions]; 2];
    let bound = |before: &[Vec<f64>]| {
        let examples = examples_of(&head, before, &held);
        let shift = |class: usize| dot(&less(&head[class], &before[class]), &less(&head[class], &before[class]));
        let classes = [0, 1].map(|class| HeadClass { examples: &examples[class], squared_shift: shift(class) });
        let grid = PriorGrid { kappa: 1.0, sigmas: &[0.05, 0.1, 0.2], thresholds: &[2.25] };
        class_mean_head(&classes, grid, &DeltaShares::equal(2, 0.05).unwrap()).unwrap().worst_class()
    };
    let law = Law::Gaussian(zero.clone());
    let worst = law.error(&head, 0).max(law.error(&head, 1));
    let (seen, unseen) = (bound(&head), bound(&zero));
    println!("worst error {worst:.3}; w⁰ that has seen T: {seen:.3}; w⁰ = 0: {unseen}");
    assert!(worst >= 0.5 && seen < 0.4 && unseen == 1.0, "{worst} {seen} {unseen}");
    check.ratio(worst, seen);
    check.passed();
}
