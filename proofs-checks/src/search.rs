//! Local optimisation that tries to make an inequality fail.
//!
//! A (1+1) evolution strategy on the cube [0, 1]^n from several random starts: one coordinate, a few or all of them moved by a
//! step whose length adapts to success; besides, coordinates set to 0, to 1, or to the value of another, since extremal
//! matrices are full of zeros and equal entries. It finds lower bounds of a supremum, no proof of one.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How long to search, and from which seed.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    /// Random starts.
    pub starts: usize,
    /// Evaluations from each start.
    pub evaluations: usize,
    /// Seed of the whole search.
    pub seed: u64,
}

/// The best point of a search.
#[derive(Clone, Debug)]
pub struct Found {
    /// The objective there.
    pub value: f64,
    /// The point.
    pub point: Vec<f64>,
    /// All evaluations made.
    pub evaluations: u64,
}

impl Search {
    /// The largest value of `objective` found on [0, 1]^dimension; NaN is taken for "not admissible".
    ///
    /// # Panics
    /// If no admissible point was found, or the dimension is zero.
    pub fn maximise(self, dimension: usize, objective: impl Fn(&[f64]) -> f64) -> Found {
        assert!(dimension > 0, "nothing to search over");
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut best: Option<(f64, Vec<f64>)> = None;
        for _ in 0..self.starts {
            let found = self.climb(dimension, &objective, &mut rng);
            if let Some(found) = found.filter(|found| best.as_ref().is_none_or(|best| found.0 > best.0)) {
                best = Some(found);
            }
        }
        let (value, point) = best.expect("no admissible point was found");
        Found { value, point, evaluations: (self.starts * self.evaluations) as u64 }
    }

    fn climb(&self, n: usize, objective: &impl Fn(&[f64]) -> f64, rng: &mut ChaCha8Rng) -> Option<(f64, Vec<f64>)> {
        let mut point: Vec<f64> = (0..n).map(|_| rng.random()).collect();
        let mut value = objective(&point);
        let mut step = 0.5f64;
        for _ in 1..self.evaluations {
            let mut next = point.clone();
            let at = rng.random_range(0..n);
            let moved = match rng.random_range(0..10) {
                0 => {
                    next[at] = 0.0;
                    false
                }
                1 => {
                    next[at] = 1.0;
                    false
                }
                2 => {
                    next[at] = point[rng.random_range(0..n)];
                    false
                }
                3..=5 => {
                    next.iter_mut().for_each(|x| *x += step * rng.random_range(-1.0..1.0));
                    true
                }
                6 => {
                    for _ in 0..3 {
                        next[rng.random_range(0..n)] += step * rng.random_range(-1.0..1.0);
                    }
                    true
                }
                _ => {
                    next[at] += step * rng.random_range(-1.0..1.0);
                    true
                }
            };
            next.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
            let reached = objective(&next);
            if reached > value || (value.is_nan() && !reached.is_nan()) {
                (value, point) = (reached, next);
                step = if moved { (2.0 * step).min(0.5) } else { step };
            } else if moved {
                // Balanced at one success in about eleven; begins anew when it has become too short to matter.
                step *= 0.935;
                if step < 1e-12 {
                    step = 0.5;
                }
            }
        }
        (!value.is_nan()).then_some((value, point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_maxima_inside_and_on_corners() {
        let search = Search { starts: 3, evaluations: 20_000, seed: 1 };
        let inside =
            search.maximise(6, |x| -x.iter().enumerate().map(|(i, x)| (x - 0.1 * i as f64).powi(2)).sum::<f64>());
        assert!(inside.value > -1e-12, "{inside:?}");
        let corner = search.maximise(6, |x| x[0] - x[1..].iter().sum::<f64>());
        assert_eq!(corner.value, 1.0);
        // Half of the cube is not admissible.
        let edge = search.maximise(2, |x| if x[0] > 0.5 { f64::NAN } else { x[0] + x[1] });
        assert!(edge.value > 1.5 - 1e-9 && edge.point[0] <= 0.5);
        assert_eq!(edge.evaluations, 60_000);
    }
}
