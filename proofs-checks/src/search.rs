//! Local optimisation that tries to make an inequality fail.
//!
//! A (1+1) evolution strategy on the cube [0, 1]^n from several random starts, every second one
//! with zeros: one coordinate, a few or all of them moved by a step whose length adapts to success,
//! or one lowered by what another is raised, since constraints often are on sums; besides,
//! coordinates set to 0, to 1, or to the value of another, and two exchanged, since extremal
//! matrices are full of zeros and equal entries. A move that changes nothing is taken: maxima of a
//! largest term lie behind plateaus. It finds lower bounds of a supremum, no proof of one.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The length of a search, and its seed.
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
    /// Number of all evaluations made.
    pub evaluations: u64,
}

impl Search {
    /// The largest value of `objective` found on [0, 1]^dimension; NaN is taken for "not
    /// admissible".
    ///
    /// # Panics
    /// If no admissible point was found, or the dimension is zero.
    pub fn maximise(self, dimension: usize, objective: impl Fn(&[f64]) -> f64) -> Found {
        assert!(dimension > 0, "nothing to search over");
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut best: Option<(f64, Vec<f64>)> = None;
        for start in 0..self.starts {
            let zeros = if start % 2 == 0 { 0.0 } else { rng.random() };
            let point = (0..dimension).map(|_| if rng.random_bool(zeros) { 0.0 } else { rng.random() }).collect();
            let found = self.climb(point, &objective, &mut rng);
            if let Some(found) = found.filter(|found| best.as_ref().is_none_or(|best| found.0 > best.0)) {
                best = Some(found);
            }
        }
        let (value, point) = best.expect("no admissible point was found");
        Found { value, point, evaluations: (self.starts * self.evaluations) as u64 }
    }

    fn climb(
        &self,
        mut point: Vec<f64>,
        objective: &impl Fn(&[f64]) -> f64,
        rng: &mut ChaCha8Rng,
    ) -> Option<(f64, Vec<f64>)> {
        let n = point.len();
        let mut value = objective(&point);
        let mut adapted = 0.5f64;
        for _ in 1..self.evaluations {
            let mut next = point.clone();
            let (at, other) = (rng.random_range(0..n), rng.random_range(0..n));
            // Every second step is of any length down to 1e-9: on a ridge the adapted one is too short for all else.
            let any = rng.random_bool(0.5);
            let step = if any { 0.5 * 10f64.powf(-9.0 * rng.random::<f64>()) } else { adapted };
            let mut by = || step * rng.random_range(-1.0..1.0);
            let by = [by(), by(), by()];
            let mut moved = true;
            match rng.random_range(0..14) {
                0 => (next[at], moved) = (0.0, false),
                1 => (next[at], moved) = (1.0, false),
                2 => (next[at], moved) = (point[other], false),
                3 => {
                    next.swap(at, other);
                    moved = false;
                }
                4..=6 => {
                    next[at] += by[0];
                    next[other] -= by[0];
                }
                7..=9 => next.iter_mut().for_each(|x| *x += step * rng.random_range(-1.0..1.0)),
                10 => by.into_iter().for_each(|by| next[rng.random_range(0..n)] += by),
                _ => next[at] += by[0],
            }
            next.iter_mut().for_each(|x| *x = x.clamp(0.0, 1.0));
            let reached = objective(&next);
            let better = reached > value || (value.is_nan() && !reached.is_nan());
            if better || reached == value {
                (value, point) = (reached, next);
            }
            if better && moved {
                adapted = (2.0 * step).min(0.5);
            } else if moved && !any {
                // Balanced at one success in about eleven; begins anew when it has become too short to matter.
                adapted *= 0.935;
                if adapted < 1e-12 {
                    adapted = 0.5;
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
