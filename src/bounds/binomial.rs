//! Tails of the binomial distribution.

use statrs::function::beta::beta_reg;
use statrs::function::factorial::ln_binomial;

/// From here on `statrs`'s continued fraction ends too early near the mean: at n = 10^7 it gave
/// 0.365 for a tail of 0.5001.
const MANY: u64 = 100_000;

/// P(Bin(n, p) >= k), 0 <= p <= 1; for n <= [`MOST_SAMPLES`](super::MOST_SAMPLES).
pub(super) fn upper_tail(k: u64, n: u64, p: f64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > n {
        return 0.0;
    }
    if near_the_mean_of_many(k, n, p) { mass_by_mass(k, n, p) } else { beta_reg(k as f64, (n - k + 1) as f64, p) }
}

/// Whether n is above [`MANY`] and k less than a standard deviation from the mean.
fn near_the_mean_of_many(k: u64, n: u64, p: f64) -> bool {
    let mean = n as f64 * p;
    n > MANY && (k as f64 - mean).powi(2) < mean * (1.0 - p)
}

/// P(k) (1 + P(k+1)/P(k) + P(k+2)/P(k) + ...), 0 < p < 1, which a few standard deviations of terms
/// settle.
fn mass_by_mass(k: u64, n: u64, p: f64) -> f64 {
    let odds = p / (1.0 - p);
    let (mut term, mut sum) = (1.0, 1.0);
    for k in k..n {
        term *= (n - k) as f64 / (k + 1) as f64 * odds;
        let next = sum + term;
        if next == sum {
            break;
        }
        sum = next;
    }
    let ln_mass = ln_binomial(n, k) + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p();
    (ln_mass.exp() * sum).min(1.0)
}

/// P(Bin(n, p) >= k), rounded upwards by 1e-9 + 1e-13 n of itself, for a p-value that must not come
/// out too small: a tail is made of ln Γ(n), and was seen to lose 4e-8 of itself at n = 10^7.
pub(super) fn upper_tail_above(k: u64, n: u64, p: f64) -> f64 {
    upper_tail(k, n, p) * (1.0 + 1e-9 + 1e-13 * n as f64)
}

/// Up to here [`coin_tail_above`] adds up binomial coefficients, all of which f64 holds.
const MANY_COINS: u64 = 1000;

/// P(Bin(m, 1/2) >= k), rounded upwards: the p-value of a sign test.
///
/// For m <= 1000 the sum of C(m, i), from C(m, m) = 1 down to i = k, over 2^m. Each coefficient
/// comes of the one before by a product and a quotient, at most 2m roundings in all, and adding up
/// is at most m more; the division is exact. So the sum is at least (1 − u)^(3m) times the true
/// one, u = 2^-53, and the factor 1 + 4(m+4)u covers that, its own two roundings and two more
/// (Holm's factor). Above 1000 as [`upper_tail_above`].
pub(super) fn coin_tail_above(k: u64, m: u64) -> f64 {
    if k == 0 {
        return 1.0;
    }
    if k > m {
        return 0.0;
    }
    if m > MANY_COINS {
        return upper_tail_above(k, m, 0.5).min(1.0);
    }
    let (mut coefficient, mut sum) = (1.0, 1.0);
    for others in 0..m - k {
        coefficient = coefficient * (m - others) as f64 / (others + 1) as f64;
        sum += coefficient;
    }
    let slack = 4.0 * (m + 4) as f64 * (0.5 * f64::EPSILON);
    (sum * 2f64.powi(-(m as i32)) * (1.0 + slack)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In whole numbers: the sum of C(m, i), i >= k.
    fn coefficients(k: u64, m: u64) -> u128 {
        let mut row = vec![1_u128];
        for _ in 0..m {
            let middle = row.windows(2).map(|pair| pair[0] + pair[1]);
            row = [1].into_iter().chain(middle).chain([1]).collect();
        }
        row[k as usize..].iter().sum()
    }

    #[test]
    fn coins_are_above_the_exact_tail_by_little() {
        for m in [1, 2, 7, 30, 54, 60, 77, 90, 100, 111, 119, 120] {
            for k in 0..=m {
                let exact = coefficients(k, m);
                // Times a power of two: exact, and the whole part of it too.
                let found = coin_tail_above(k, m) * 2f64.powi(m as i32);
                assert!(found as u128 >= exact, "{k} of {m}: {found:e} < {exact}");
                assert!(found <= exact as f64 * (1.0 + 6e-14), "{k} of {m}: {found:e} for {exact}");
            }
            assert_eq!((coin_tail_above(0, m), coin_tail_above(m + 1, m)), (1.0, 0.0));
        }
    }

    #[test]
    fn many_coins_agree_with_scipy() {
        // scipy.stats.binom.sf(k - 1, m, 0.5)
        for (k, m, scipy, most) in [
            (540, 1000, 0.0062220731385858995, 1e-12),
            (1, 1000, 1.0, 1e-12),
            (1000, 1000, 9.332636185032189e-302, 1e-12),
            (541, 1001, 0.005708069460831891, 2e-9),
            (1, 1001, 1.0, 0.0),
            (3_238, 6_300, 0.013730367044974722, 3e-9),
        ] {
            let excess = coin_tail_above(k, m) / scipy - 1.0;
            assert!((-1e-13..=most).contains(&excess), "{k} of {m}: {excess:e}");
        }
        assert_eq!(coin_tail_above(0, 0), 1.0);
    }

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
    fn mass_by_mass_within_a_deviation_of_the_mean_of_many() {
        // Deviations √(400000/4) = 316.2 and √(400000 · 0.09) = 189.7; 1000 exactly.
        let near = |p: f64, n: u64, ks: [u64; 4]| ks.map(|k| near_the_mean_of_many(k, n, p));
        assert_eq!(near(0.5, 400_000, [199_683, 199_684, 200_316, 200_317]), [false, true, true, false]);
        assert_eq!(near(0.1, 400_000, [39_810, 39_811, 40_189, 40_190]), [false, true, true, false]);
        assert_eq!(near(0.5, 4_000_000, [1_999_000, 1_999_001, 2_000_999, 2_001_000]), [false, true, true, false]);
        assert_eq!([MANY, MANY + 1].map(|n| near_the_mean_of_many(50_000, n, 0.5)), [false, true]);
    }

    #[test]
    fn by_hand() {
        assert_eq!((upper_tail(0, 3, 0.2), upper_tail(4, 3, 0.2)), (1.0, 0.0));
        approx::assert_relative_eq!(upper_tail(3, 3, 0.2), 0.008, max_relative = 1e-12);
        approx::assert_relative_eq!(upper_tail(1, 3, 0.2), 0.488, max_relative = 1e-12);
        assert_eq!((upper_tail(1, 3, 0.0), upper_tail(1, 3, 1.0)), (0.0, 1.0));
    }
}
