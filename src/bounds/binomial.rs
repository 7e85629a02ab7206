//! Tails of the binomial distribution.

use statrs::function::beta::beta_reg;
use statrs::function::factorial::ln_binomial;

/// From here on `statrs`'s continued fraction ends too early near the mean: at n = 10^7 it gave 0.365 for a tail
/// of 0.5001.
const MANY: u64 = 100_000;

/// P(Bin(n, p) >= k), 0 <= p <= 1; for n <= [`MOST_SAMPLES`](super::MOST_SAMPLES).
pub(super) fn upper_tail(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n {
        return 0.0;
    }
    let mean = n as f64 * p;
    let within_a_deviation = (k as f64 - mean).powi(2) < mean * (1.0 - p);
    if n > MANY && within_a_deviation { mass_by_mass(k, n, p) } else { beta_reg(k as f64, (n - k + 1) as f64, p) }
}

/// P(k) (1 + P(k+1)/P(k) + P(k+2)/P(k) + ...), 0 < p < 1, which a few standard deviations of terms settle.
fn mass_by_mass(k: u64, n: u64, p: f64) -> f64 {
    let odds = p / (1.0 - p);
    let (mut term, mut sum) = (1.0, 1.0);
    for k in k..n {
        term *= (n - k) as f64 / (k + 1) as f64 * odds;
        sum += term;
        if term < 0.1 * f64::EPSILON * sum {
            break;
        }
    }
    let ln_mass = ln_binomial(n, k) + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p();
    (ln_mass.exp() * sum).min(1.0)
}

/// P(Bin(n, p) >= k), rounded upwards by 1e-9 + 1e-13 n of itself, for a p-value that must not come out too small: a
/// tail is made of ln Γ(n), and was seen to lose 4e-8 of itself at n = 10^7.
pub(super) fn upper_tail_above(k: u64, n: u64, p: f64) -> f64 {
    upper_tail(k, n, p) * (1.0 + 1e-9 + 1e-13 * n as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.binom.sf(k - 1, n, p)`.
    const SCIPY: &[(u64, u64, f64, f64)] = &[
        (376, 1000, 0.34, 0.009270346233183197),
        (32_384, 100_000, 0.32, 0.004695901562344219),
        (323_845, 1_000_000, 0.3225, 0.0020173935773204377),
        (3, 1_000_000, 1e-6, 0.08030130510144962),
        (3_238_454, 10_000_000, 0.3235, 0.009790171229042497),
        (5_000_000, 10_000_000, 0.4995, 0.0007835492509342593),
        (1000, 10_000_000, 9e-5, 0.0005496089333135674),
        (5_000_000, 10_000_000, 0.5, 0.5001261566229462),
        (3_000_500, 10_000_000, 0.3, 0.36514932684507684),
        (99, 10_000_000, 1e-5, 0.5531601897147558),
        (499_700, 1_000_000, 0.5, 0.7260799961953723),
        (500_000, 1_000_000, 0.5, 0.5003989421806654),
    ];

    #[test]
    fn above_scipy_by_little() {
        for &(k, n, p, scipy) in SCIPY {
            let excess = upper_tail_above(k, n, p) / scipy - 1.0;
            assert!((0.5e-9..2e-9 + 2e-13 * n as f64).contains(&excess), "n = {n}, k = {k}: {excess:e}");
        }
    }

    #[test]
    fn by_hand() {
        assert_eq!((upper_tail(0, 3, 0.2), upper_tail(4, 3, 0.2)), (1.0, 0.0));
        approx::assert_relative_eq!(upper_tail(3, 3, 0.2), 0.008, max_relative = 1e-12);
        approx::assert_relative_eq!(upper_tail(1, 3, 0.2), 0.488, max_relative = 1e-12);
        assert_eq!((upper_tail(1, 3, 0.0), upper_tail(1, 3, 1.0)), (0.0, 1.0));
    }
}
