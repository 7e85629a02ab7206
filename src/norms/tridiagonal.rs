//! A symmetric tridiagonal matrix T (Lanczos): its largest eigenvalue, and (s I - T) z = c e₁ for s
//! above it.
//!
//! Both rest on the pivots of the factorisation of s I - T from the last row upwards,
//!
//! ```text
//! d_k = s - α_k,    d_i = s - α_i - β_i² / d_{i+1},    i = k-1, …, 1,
//! ```
//!
//! all positive exactly when s exceeds every eigenvalue (Sylvester's law of inertia; Golub and Van
//! Loan, *Matrix Computations*, 4th ed., section 8.4).

/// T with diagonal α₁ … α_k and off-diagonal β₁ … β_{k-1}; further entries of `off_diagonal` are
/// ignored.
pub(super) struct Tridiagonal<'a> {
    pub(super) diagonal: &'a [f64],
    pub(super) off_diagonal: &'a [f64],
}

impl Tridiagonal<'_> {
    /// Whether s I - T is positive definite; stops at the first pivot that is not positive. NaN
    /// goes on into the last one.
    fn is_below(&self, s: f64) -> bool {
        let k = self.diagonal.len();
        let mut pivot = s - self.diagonal[k - 1];
        for i in (0..k - 1).rev() {
            if pivot <= 0.0 {
                return false;
            }
            pivot = s - self.diagonal[i] - self.off_diagonal[i] * self.off_diagonal[i] / pivot;
        }
        pivot > 0.0
    }

    /// The largest eigenvalue θ, from above, to a relative 2^-48. `known` <= θ, θ > 0: for Lanczos
    /// the previous step's θ, which interlacing keeps below this one's.
    pub(super) fn largest_eigenvalue(&self, known: f64) -> f64 {
        let largest_diagonal = self.diagonal.iter().copied().fold(0.0, f64::max);
        smallest_above(known.max(largest_diagonal), |s| self.is_below(s))
    }

    /// z with (s I - T) z = c e₁, or None if s does not exceed all eigenvalues. For β_i >= 0 and
    /// c > 0 all of z is positive, by products and quotients of positive numbers only.
    pub(super) fn solve_shifted(&self, s: f64, c: f64) -> Option<Vec<f64>> {
        let k = self.diagonal.len();
        let mut pivots = vec![0.0; k];
        pivots[k - 1] = s - self.diagonal[k - 1];
        for i in (0..k - 1).rev() {
            pivots[i] = s - self.diagonal[i] - self.off_diagonal[i] * self.off_diagonal[i] / pivots[i + 1];
        }
        if !pivots.iter().all(|&pivot| pivot > 0.0) {
            return None;
        }
        let mut z = pivots;
        z[0] = c / z[0];
        for i in 1..k {
            z[i] = self.off_diagonal[i - 1] * z[i - 1] / z[i];
        }
        Some(z)
    }
}

/// Of a property that holds above some θ >= `low` > 0 only: a place where it holds, at most a
/// relative 2^-48 above θ, or infinity. Fast if θ is close to `low`, as it is once Lanczos
/// converges.
fn smallest_above(mut low: f64, mut holds: impl FnMut(f64) -> bool) -> f64 {
    let mut step = low * 2f64.powi(-48);
    let mut high = low + step;
    while high.is_finite() && !holds(high) {
        low = high;
        step *= 64.0;
        high = low + step;
    }
    while high.is_finite() && high - low > high * 2f64.powi(-48) {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_start_takes_few_trials_and_none_below_it() {
        // Trials that bracket, a factor of 64 each, and those that halve the last bracket, down to 2^-48.
        for (distance, most) in [(0, 1), (-46, 2 + 6), (-36, 4 + 18), (-10, 8 + 42), (0, 1)] {
            let low = if distance < 0 { 1.0 - 2f64.powi(distance) } else { 1.0 };
            let mut trials = 0;
            let found = smallest_above(low, |s| {
                assert!(s > low);
                trials += 1;
                s > 1.0
            });
            assert!(found > 1.0 && found <= 1.0 + 2f64.powi(-48), "{distance}: {found:e}");
            assert!(trials <= most, "{distance}: {trials}");
        }
        assert_eq!(smallest_above(1.0, |_| false), f64::INFINITY);
    }

    #[test]
    fn an_eigenvalue_is_not_below_itself() {
        // [[0, 2], [2, 3]] has the eigenvalues 4 and -1; the pivots at 4 are 1 and 0.
        let t = Tridiagonal { diagonal: &[0.0, 3.0], off_diagonal: &[2.0] };
        assert_eq!([3.0, 4.0, 4.5, f64::NAN].map(|s| t.is_below(s)), [false, false, true, false]);
        assert_eq!((t.solve_shifted(4.0, 1.0), t.solve_shifted(5.0, 3.0)), (None, Some(vec![1.0, 1.0])));
    }

    #[test]
    fn second_difference_matrix() {
        // α = 2, β = 1: θ = 2 + 2 cos(π/(k+1)).
        for k in [1, 2, 5, 40] {
            let (diagonal, off_diagonal) = (vec![2.0; k], vec![1.0; k]);
            let t = Tridiagonal { diagonal: &diagonal, off_diagonal: &off_diagonal };
            let exact = 2.0 + 2.0 * (std::f64::consts::PI / (k as f64 + 1.0)).cos();
            for known in [0.0, 1.9, exact * (1.0 - 1e-13)] {
                let theta = t.largest_eigenvalue(known);
                // From above to 2^-48, but for a few roundings of the pivots and of the cosine.
                let above = theta / exact - 1.0;
                assert!((-1e-15..2f64.powi(-48) + 1e-15).contains(&above), "{k}: {theta} {exact}");
            }
            assert!(t.solve_shifted(exact * 0.999, 1.0).is_none() && t.solve_shifted(2.0, 1.0).is_none());
            let s = exact * 1.01;
            let z = t.solve_shifted(s, 3.0).unwrap();
            for i in 0..k {
                let left = if i > 0 { z[i - 1] } else { 0.0 };
                let right = if i + 1 < k { z[i + 1] } else { 0.0 };
                let residual = (s - 2.0) * z[i] - left - right - if i == 0 { 3.0 } else { 0.0 };
                // Backward stable: a few roundings of the size of s z_i.
                assert!(residual.abs() < 1e-14 * s * z[i].max(left).max(right), "{k} {i}: {residual}");
                assert!(z[i] > 0.0);
            }
        }
    }
}
