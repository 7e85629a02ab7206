//! The bootstrap over runs (Efron, "Bootstrap methods: another look at the jackknife", Annals of
//! Statistics 7, 1979; clusters as in Davison and Hinkley, "Bootstrap methods and their
//! application", 1997, section 3.8): runs are drawn with replacement, each with all of its epochs,
//! since the epochs of one run depend on each other.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Resamples drawn.
pub const RESAMPLES: usize = 2000;
/// Seed of the draw.
pub const SEED: u64 = 0;
/// Level of the intervals.
pub const LEVEL: f64 = 0.95;
/// Fewest runs: 5 have 126 different resamples, 4 have 35.
pub const FEWEST_RUNS: usize = 5;
/// Share of the resamples that may be without a value.
const MOST_UNDEFINED: f64 = 0.05;

/// Draws of `runs` out of `runs` with replacement.
pub(super) fn resamples(runs: usize) -> impl Iterator<Item = Vec<usize>> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    (0..RESAMPLES).map(move |_| (0..runs).map(|_| random.random_range(0..runs)).collect())
}

/// Percentile interval from the values of the resamples that have one; `None` with fewer than
/// [`FEWEST_RUNS`] runs, or if more than a twentieth of the resamples has none.
pub(super) fn percentile_interval(runs: usize, mut values: Vec<f64>) -> Option<[f64; 2]> {
    if runs < FEWEST_RUNS || (values.len() as f64) < (1.0 - MOST_UNDEFINED) * RESAMPLES as f64 {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let tail = 0.5 * (1.0 - LEVEL);
    Some([quantile(&values, tail), quantile(&values, 1.0 - tail)])
}

/// Between the order statistics around (n - 1) p, from 0, by linear interpolation: NumPy's default.
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() - 1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    sorted[low] + (at - at.floor()) * (sorted[high] - sorted[low])
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn quantiles_by_hand() {
        assert_eq!(quantile(&[1.0, 2.0, 4.0, 8.0, 16.0], 0.5), 4.0);
        // (5 - 1) 0.1 = 0.4.
        assert_relative_eq!(quantile(&[1.0, 2.0, 4.0, 8.0, 16.0], 0.1), 1.4, max_relative = 1e-14);
        assert_eq!(quantile(&[3.0], 0.975), 3.0);
    }

    #[test]
    fn the_interval_of_a_mean_is_the_normal_one() {
        // Runs with values 0 ... 99: the bootstrap's mean has standard deviation sqrt((100^2 - 1) / 12) / 10 = 2.887.
        let means: Vec<f64> =
            resamples(100).map(|drawn| drawn.iter().sum::<usize>() as f64 / drawn.len() as f64).collect();
        assert_eq!(means.len(), RESAMPLES);
        let [low, high] = percentile_interval(100, means.clone()).unwrap();
        // 2000 resamples know their 2.5 % quantile to about 0.07 standard deviations; four times that.
        assert!((low - (49.5 - 1.96 * 2.887)).abs() < 0.28 * 2.887, "{low}");
        assert!((high - (49.5 + 1.96 * 2.887)).abs() < 0.28 * 2.887, "{high}");
        // The same draw again.
        assert_eq!(resamples(100).next(), resamples(100).next());
        assert_eq!(percentile_interval(FEWEST_RUNS - 1, means.clone()), None);
        assert_eq!(percentile_interval(100, means[..1890].to_vec()), None);
        assert!(percentile_interval(100, means[..1900].to_vec()).is_some());
    }
}
