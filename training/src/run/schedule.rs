//! Learning rate: linear warm-up, then half a cosine down to zero (Loshchilov and Hutter, ICLR
//! 2017, without restarts).

use std::f64::consts::PI;

/// Learning rate over the steps of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WarmupCosine {
    /// Rate reached at the end of the warm-up.
    pub peak: f64,
    /// Warm-up steps W.
    pub warmup_steps: usize,
    /// All steps T, warm-up included.
    pub total_steps: usize,
}

impl WarmupCosine {
    /// Rate of step t = 0, 1, ..., T-1: peak (t+1)/W for t < W, then peak (1 + cos(pi
    /// (t-W)/(T-W)))/2.
    pub fn rate(&self, step: usize) -> f64 {
        if step < self.warmup_steps {
            return self.peak * (step + 1) as f64 / self.warmup_steps as f64;
        }
        let rest = self.total_steps.saturating_sub(self.warmup_steps).max(1);
        let progress = ((step - self.warmup_steps) as f64 / rest as f64).min(1.0);
        self.peak * 0.5 * (1.0 + (PI * progress).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn the_schedule_rises_linearly_and_falls_as_a_cosine() {
        let schedule = WarmupCosine { peak: 0.1, warmup_steps: 5, total_steps: 25 };
        assert_relative_eq!(schedule.rate(0), 0.02);
        assert_relative_eq!(schedule.rate(4), 0.1);
        assert_relative_eq!(schedule.rate(5), 0.1);
        assert_relative_eq!(schedule.rate(15), 0.05);
        assert!(schedule.rate(24) < 0.001);
        assert_relative_eq!(schedule.rate(1000), 0.0);
    }

    #[test]
    fn without_warm_up_or_without_a_rest_the_peak_comes_first() {
        let falling = WarmupCosine { peak: 0.2, warmup_steps: 0, total_steps: 4 };
        assert_relative_eq!(falling.rate(0), 0.2);
        assert_relative_eq!(falling.rate(3), 0.1 * (1.0 + (0.75 * PI).cos()));
        let rising = WarmupCosine { peak: 0.2, warmup_steps: 4, total_steps: 4 };
        assert_relative_eq!(rising.rate(3), 0.2);
        assert_relative_eq!(rising.rate(4), 0.2);
        assert_relative_eq!(rising.rate(5), 0.0);
    }
}
