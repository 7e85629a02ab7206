//! Draws from known populations, and what their number of misses says.

use car_spectral::bounds::{Interval, clopper_pearson};
use ndarray::Array2;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A standard normal number (Box and Muller).
pub fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle): (f64, f64) = (1.0 - rng.random::<f64>(), rng.random());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// i with probability `shares[i]`; their number with the probability that is left.
pub fn category(shares: impl IntoIterator<Item = f64>, rng: &mut ChaCha8Rng) -> usize {
    let mut left: f64 = rng.random();
    let mut position = 0;
    for share in shares {
        if left < share {
            break;
        }
        left -= share;
        position += 1;
    }
    position
}

/// A share of each of `inputs` inputs, for each of k classes: some far larger than others.
pub fn input_shares(k: usize, inputs: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let one = |_| {
        let raw: Vec<f64> = (0..inputs).map(|_| rng.random::<f64>().powi(3)).collect();
        let total: f64 = raw.iter().sum();
        raw.iter().map(|share| share / total).collect()
    };
    (0..k).map(one).collect()
}

/// Draws what each of so many classifiers answers to each of `inputs` inputs, of k classes.
pub fn answers(classifiers: usize, inputs: usize, k: usize, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    (0..classifiers).map(|_| (0..inputs).map(|_| rng.random_range(0..k)).collect()).collect()
}

/// Draws so many inputs of each class; gives the shares of the inputs among them.
pub fn drawn_shares(population: &[Vec<f64>], counts: &[u64], rng: &mut ChaCha8Rng) -> Vec<Vec<f64>> {
    let mut draw = |(shares, &count): (&Vec<f64>, &u64)| {
        let mut seen = vec![0.0; shares.len()];
        for _ in 0..count {
            seen[category(shares.iter().copied(), rng).min(shares.len() - 1)] += 1.0 / count as f64;
        }
        seen
    };
    population.iter().zip(counts).map(&mut draw).collect()
}

/// The Gibbs distribution of so many classifiers: weights proportional to e^score.
pub fn gibbs(classifiers: usize, score: impl Fn(usize) -> f64) -> Vec<f64> {
    let top = (0..classifiers).map(&score).fold(f64::NEG_INFINITY, f64::max);
    let raw: Vec<f64> = (0..classifiers).map(|c| (score(c) - top).exp()).collect();
    let total: f64 = raw.iter().sum();
    raw.iter().map(|weight| weight / total).collect()
}

/// A classifier on a population, and a held-out sample of it.
#[derive(Clone, Debug)]
pub struct Population {
    /// Name of the case.
    pub name: &'static str,
    /// C_D: the share of class j (column) that is taken for class i (row).
    pub shares: Array2<f64>,
    /// Held-out samples of each class.
    pub counts: Vec<u64>,
    /// Weight of each class.
    pub weights: Vec<f64>,
}

impl Population {
    /// Draws the held-out sample: how many of class j (column) were taken for class i (row).
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Array2<u64> {
        let mut table = Array2::zeros(self.shares.dim());
        for (j, &count) in self.counts.iter().enumerate() {
            for _ in 0..count {
                if let Some(seen) = table.get_mut([category(self.shares.column(j).iter().copied(), rng), j]) {
                    *seen += 1;
                }
            }
        }
        table
    }
}

/// The class, of so many, that all errors of a class go to; `None`: to all others alike.
pub type Target = fn(usize, usize) -> Option<usize>;
/// All errors go to all other classes alike.
pub const EVEN: Target = |_, _| None;
/// All errors go to the next class.
pub const NEXT: Target = |j, k| Some((j + 1) % k);
/// All errors go to the first class, its own to the second.
pub const ONE_ROW: Target = |j, _| Some(usize::from(j == 0));

/// Errors from 0.1 of the first class to 0.9 of the last.
pub fn rising_errors(k: usize, target: Target) -> Array2<f64> {
    Array2::from_shape_fn((k, k), |(i, j)| {
        let error = 0.1 + 0.8 * j as f64 / (k - 1) as f64;
        match target(j, k) {
            _ if i == j => 0.0,
            Some(only) => f64::from(u8::from(i == only)) * error,
            None => error / (k - 1) as f64,
        }
    })
}

/// The four counts of two models on `samples` images of a class: how many there are, and on how
/// many both, only A and only B are wrong, each with its share.
pub fn paired_class(shares: [f64; 3], samples: u64, rng: &mut ChaCha8Rng) -> [u64; 4] {
    let mut counts = [samples, 0, 0, 0];
    for _ in 0..samples {
        if let Some(count) = counts.get_mut(1 + category(shares, rng)) {
            *count += 1;
        }
    }
    counts
}

/// Gives the interval of the probability of a miss, at confidence 99.9 %.
///
/// # Panics
/// If there are more misses than draws.
pub fn miss_probability(misses: u64, draws: u64) -> Interval {
    clopper_pearson(misses, draws, 5e-4, 5e-4).expect("at most 10^7 draws, and no more misses than draws")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn moments_and_shares() {
        let rng = &mut ChaCha8Rng::seed_from_u64(1);
        let draws = 100_000;
        let sample: Vec<f64> = (0..draws).map(|_| normal(rng)).collect();
        let moment = |power: i32| sample.iter().map(|x| x.powi(power)).sum::<f64>() / f64::from(draws);
        // Five standard deviations of x, x^2 and x^4: 1, sqrt 2, sqrt 96.
        let tolerance = 5.0 / f64::from(draws).sqrt();
        assert!(moment(1).abs() < tolerance && (moment(2) - 1.0).abs() < 1.42 * tolerance);
        assert!((moment(4) - 3.0).abs() < 9.8 * tolerance);
        let mut seen = [0u64; 3];
        (0..draws).for_each(|_| seen[category([0.2, 0.5], rng)] += 1);
        for (seen, share) in seen.into_iter().zip([0.2, 0.5, 0.3]) {
            assert!(miss_probability(seen, 100_000).contains(share), "{seen} for {share}");
        }
    }
}
