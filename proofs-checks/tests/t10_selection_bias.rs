//! T10: max_j k_j/n_j is too large an estimate of the worst class's error, by how much, and two
//! estimates of that.
//!
//! *Proof.* E max >= max E; the half that did not pick the class is fresh (THEORY.md). Checked:
//! both inequalities and the two expectations on five populations of known errors, by simulation;
//! the bootstrap's estimate against the known bias.

use car_spectral::ClassErrors;
use car_spectral::bounds::{bootstrap_selection_bias, half_split};
use proofs_checks::draws::category;
use proofs_checks::evidence::{Check, Kind, cases};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

struct Mean {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Mean {
    const NONE: Self = Self { count: 0.0, sum: 0.0, squares: 0.0 };

    fn add(&mut self, x: f64) {
        self.count += 1.0;
        self.sum += x;
        self.squares += x * x;
    }

    fn value(&self) -> f64 {
        self.sum / self.count
    }

    /// Five standard errors.
    fn tolerance(&self) -> f64 {
        5.0 * ((self.squares / self.count - self.value().powi(2)).max(0.0) / self.count).sqrt() + 1e-12
    }
}

fn wrong(errors: &[f64], counts: &[u64], rng: &mut ChaCha8Rng) -> Vec<u64> {
    let draw = |(&error, &count): (&f64, &u64)| (0..count).filter(|_| category([error], rng) == 0).count() as u64;
    errors.iter().zip(counts).map(draw).collect()
}

fn picked(wrong: &[u64], counts: &[u64]) -> usize {
    // The first of the largest.
    (0..counts.len()).rev().max_by(|&i, &j| (wrong[i] * counts[j]).cmp(&(wrong[j] * counts[i]))).unwrap()
}

/// The means of max ê, of held back, and of the true error of the class that independent half
/// samples pick.
#[test]
fn the_truth_lies_between() {
    let above = Check::new("T10", "max_j e_j ≤ E max_j k_j/n_j", Kind::Simulation);
    let below = Check::new("T10", "E held back ≤ max_j e_j", Kind::Simulation);
    let unbiased = Check::new("T10", "E held back = E e_J, J picked by half as many images", Kind::Simulation);
    let rng = &mut ChaCha8Rng::seed_from_u64(100);
    let draws = cases(1000).min(10_000);
    let spread = |k: usize, from: f64, to: f64| -> Vec<f64> {
        (0..k).map(|j| from + (to - from) * j as f64 / (k - 1) as f64).collect()
    };
    let mut one_clear = vec![0.1; 10];
    one_clear[3] = 0.6;
    let populations = [
        ("twenty equal errors", vec![0.3; 20], vec![50; 20]),
        ("hundred equal errors", vec![0.3; 100], vec![100; 100]),
        ("one clear worst class", one_clear, vec![100; 10]),
        ("spread", spread(10, 0.05, 0.5), vec![60; 10]),
        ("few and uneven images", vec![0.2, 0.5, 0.4, 0.5, 0.1], vec![2, 9, 30, 15, 5]),
    ];
    println!("population: bias of max, bootstrap's estimate, gap of the halves, worst error, E held back, E max");
    for (name, errors, counts) in populations {
        let worst = errors.iter().copied().fold(0.0, f64::max);
        let halves: Vec<u64> = counts.iter().map(|count| count / 2).collect();
        let [mut plug_in, mut bootstrap, mut held_back, mut gap, mut fresh] = [(); 5].map(|()| Mean::NONE);
        for _ in 0..draws {
            let seen = wrong(&errors, &counts, rng);
            let first = picked(&seen, &counts);
            plug_in.add(seen[first] as f64 / counts[first] as f64);
            bootstrap.add(bootstrap_selection_bias(ClassErrors { errors: &seen, counts: &counts }).unwrap());
            let split = half_split(ClassErrors { errors: &seen, counts: &counts }).unwrap();
            held_back.add(split.held_back);
            gap.add(split.gap());
            fresh.add(errors[picked(&wrong(&errors, &halves, rng), &halves)]);
        }
        let bias = plug_in.value() - worst;
        println!(
            "{name}: {bias:.4}, {:.4}, {:.4}; {worst}, {:.4}, {:.4}",
            bootstrap.value(),
            gap.value(),
            held_back.value(),
            plug_in.value()
        );
        assert!(bias >= -plug_in.tolerance(), "{name}");
        assert!(held_back.value() <= worst + held_back.tolerance(), "{name}");
        let tolerance = held_back.tolerance() + fresh.tolerance();
        assert!(
            (held_back.value() - fresh.value()).abs() <= tolerance,
            "{name}: {} {}",
            held_back.value(),
            fresh.value()
        );
        match name {
            "hundred equal errors" => {
                assert!(bias > 0.1 && gap.value() > bias, "{name}");
                assert!(
                    (0.3..0.6).contains(&(bootstrap.value() / bias)),
                    "{name}: the bootstrap sees part of the bias"
                );
            }
            "one clear worst class" => {
                assert!(
                    bias.abs() <= plug_in.tolerance()
                        && bootstrap.value() < 1e-6
                        && gap.value().abs() <= gap.tolerance()
                );
            }
            "spread" => {
                let difference = (bootstrap.value() - bias).abs();
                assert!(difference <= 0.1 * bias + plug_in.tolerance(), "{name}: the bootstrap is about right");
            }
            _ => assert!(bootstrap.value() > 0.0 && bootstrap.value() < bias, "{name}: the bootstrap is too small"),
        }
        above.cases_at(u64::from(draws), worst / (plug_in.value() + plug_in.tolerance()));
        below.cases_at(u64::from(draws), (held_back.value() - held_back.tolerance()) / worst);
        unbiased.cases(u64::from(draws));
    }
    above.passed();
    below.passed();
    unbiased.passed();
}
