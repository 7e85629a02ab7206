//! T4: the floor below which no bound can go that is drawn from the examples of a class alone.
//!
//! ```text
//! a bound that holds with probability >= 1 - alpha for every distribution, and is at most u whenever the m_j examples
//! contain no error, has  u >= 1 - alpha^(1/m_j)
//! ```
//! alpha = delta/K for a training bound spent as T3 spends it; alpha = delta/(2KM) with the n_j held-out examples for
//! T5, where the floor is attained (the upper Clopper-Pearson end at k = 0).

use super::BoundError;
use super::error::{check_delta, check_num_classes};
use super::interval::held_out_alpha;

/// 1 - alpha^(1/m): 1 for m = 0, when nothing was seen.
fn from_samples(samples: u64, alpha: f64) -> f64 {
    if samples == 0 { 1.0 } else { -(alpha.ln() / samples as f64).exp_m1() }
}

/// 1 - (delta/K)^(1/m_j) for every class: the floor of a training bound such as T3.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`].
pub fn training_floor(class_counts: &[u64], delta: f64) -> Result<Vec<f64>, BoundError> {
    check_num_classes(class_counts.len())?;
    check_delta(delta)?;
    let alpha = delta / class_counts.len() as f64;
    Ok(class_counts.iter().map(|&count| from_samples(count, alpha)).collect())
}

/// 1 - (delta/2KM)^(1/n_j) for every class: the floor of a held-out bound, attained by T5.
///
/// # Errors
/// [`BoundError::TooFewClasses`], [`BoundError::Delta`]; [`BoundError::Empty`] for no model.
pub fn held_out_floor(class_counts: &[u64], delta: f64, models_compared: usize) -> Result<Vec<f64>, BoundError> {
    let alpha = held_out_alpha(class_counts.len(), delta, models_compared)?;
    Ok(class_counts.iter().map(|&count| from_samples(count, alpha)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_images_of_a_hundred_classes() {
        let mut counts = vec![500; 100];
        (counts[98], counts[99]) = (0, 5);
        let floor = training_floor(&counts, 0.05).unwrap();
        // python: 1 - (.05/100)**.2
        approx::assert_relative_eq!(floor[99], 0.7813275852113444, max_relative = 1e-14);
        assert_eq!(floor[98], 1.0);
        assert!(training_floor(&[1], 0.05).is_err() && held_out_floor(&[1, 1], 0.05, 0).is_err());
    }

    #[test]
    fn held_out_floor_is_attained_by_t5() {
        let counts = [1, 7, 100, 1_000_000];
        let floor = held_out_floor(&counts, 0.1, 3).unwrap();
        let intervals = crate::bounds::held_out_intervals(&[0; 4], &counts, 0.1, 3).unwrap();
        assert!(floor.iter().zip(&intervals).all(|(&floor, interval)| floor == interval.upper));
    }
}
