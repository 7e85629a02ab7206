//! The constant c of σ_j in T3, T3' and T3'', the KL that no network comes below with it, and when
//! the bound is vacuous for that reason alone.
//!
//! ```text
//! T3, T3'   c = 42
//! T3''      c = c'_d = 2√2 r_d/(d((1+1/√2)^{1/d} − 1)),  r_d = (1−1/d)^{−(d−1)}, r_1 = 1:
//!           4, 9.23, 10.87, ..., ↑ 14.38
//! inside the grid   KL_j ≥ (c²/8) (1+1/d)^{2d−2} d³ h ln(4dh),   attained
//! vacuous for every network   T3' if that is ≥ 2m_j for the largest m_j,  T3 if it is ≥ (m_j−1)/16,
//!                             T3'' (above 1 − 10⁻⁶) if it is ≥ m_j ln 10⁶
//! ```
//! d layers, h the largest number of rows or columns of any. Source: here.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// The relative spare on c'_d that covers rounding: that of σ_j, of the grid point, of the
/// logarithms, and s_l too small by ε while (1+ε)^{d−1} stays below it.
const ROUNDING_SPARE: f64 = 1e-6;

/// One of the three margin bounds of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarginStatement {
    /// T3.
    T3,
    /// T3'.
    T3Prime,
    /// T3''.
    T3DoublePrime,
}

impl MarginStatement {
    /// c, for d = `depth` layers: σ_j = g/(c d B b^{d−1} √(h ln 4dh)). For T3'' c'_d raised by 10⁻⁶
    /// of itself, the spare for rounding.
    pub fn constant(self, depth: usize) -> f64 {
        match self {
            Self::T3 | Self::T3Prime => 42.0,
            Self::T3DoublePrime => (1.0 + ROUNDING_SPARE) * best_constant(depth),
        }
    }
}

/// c'_d.
fn best_constant(depth: usize) -> f64 {
    let d = depth as f64;
    let cell = if depth == 1 { 1.0 } else { (-(d - 1.0) * (-1.0 / d).ln_1p()).exp() };
    2.0 * SQRT_2 * cell / (d * (FRAC_1_SQRT_2.ln_1p() / d).exp_m1())
}

/// (c²/8) (1+1/d)^{2d−2} d³ h ln(4dh) in nats: KL_j is at least this inside the grid, whatever the
/// weights.
pub fn least_kl(statement: MarginStatement, depth: usize, width: usize) -> f64 {
    let (d, h) = (depth as f64, width as f64);
    let c = statement.constant(depth);
    c * c / 8.0 * (1.0 + 1.0 / d).powf(2.0 * d - 2.0) * d.powi(3) * h * (4.0 * d * h).ln()
}

/// Tells whether the bound of every class is vacuous for every network of d = `depth` layers and
/// width h: T3 and T3' at least 1, T3'' above 1 − 10⁻⁶.
///
/// True only if it follows from [`least_kl`]; a bound may be vacuous for the weights at hand where
/// this is false. `class_counts` are m_1..m_K.
pub fn vacuous_whatever_the_weights(
    statement: MarginStatement,
    depth: usize,
    width: usize,
    class_counts: &[u64],
) -> bool {
    let largest = class_counts.iter().copied().max().unwrap_or(0) as f64;
    least_kl(statement, depth, width)
        >= match statement {
            MarginStatement::T3 => (largest - 1.0) / 16.0,
            MarginStatement::T3Prime => 2.0 * largest,
            MarginStatement::T3DoublePrime => largest * 1e6f64.ln(),
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use MarginStatement::{T3, T3DoublePrime, T3Prime};

    #[test]
    fn constants() {
        // python: c = lambda d: 2*sqrt(2)*(1 if d == 1 else (1-1/d)**(1-d))/(d*((1+1/sqrt(2))**(1/d)-1))
        for (depth, expected) in [(1, 4.0), (2, 9.226251859505505), (3, 10.87053936429949), (100, 14.266173827069569)] {
            approx::assert_relative_eq!(best_constant(depth), expected, max_relative = 1e-13);
            approx::assert_relative_eq!(T3DoublePrime.constant(depth), expected * (1.0 + 1e-6), max_relative = 1e-13);
            assert_eq!((T3.constant(depth), T3Prime.constant(depth)), (42.0, 42.0));
        }
        // Increasing to 2 sqrt 2 e/ln(1 + 1/sqrt 2).
        assert!((1..2000).all(|d| best_constant(d) < best_constant(d + 1)));
        approx::assert_relative_eq!(best_constant(1_000_000_000), 14.376331531771227, max_relative = 1e-8);
    }

    #[test]
    fn the_least_kl_by_hand() {
        // python: 220.5 * 1.5**2 * 2**3 * 3 * math.log(4*2*3), and with c_2'**2/8 for 220.5
        approx::assert_relative_eq!(least_kl(T3, 2, 3), 37841.08695795299, max_relative = 1e-14);
        assert_eq!(least_kl(T3, 2, 3), least_kl(T3Prime, 2, 3));
        let spare = 1.000001f64.powi(2);
        approx::assert_relative_eq!(least_kl(T3DoublePrime, 2, 3), 1826.062482097052 * spare, max_relative = 1e-13);
        // d = 1: 2 h ln 4h.
        approx::assert_relative_eq!(least_kl(T3DoublePrime, 1, 100), 200.0 * 400f64.ln() * spare, max_relative = 1e-14);
    }

    #[test]
    fn vacuous_for_every_network_only_where_it_follows() {
        // d = 1, h = 2: 882 ln 2... = 220.5 * 2 * ln 8 = 917.05.
        let vacuous = |statement, m| vacuous_whatever_the_weights(statement, 1, 2, &[1, m, 3]);
        assert!(vacuous(T3Prime, 458) && !vacuous(T3Prime, 459));
        assert!(vacuous(T3, 14_673) && !vacuous(T3, 14_674));
        // 8.3178 / 13.8155 = 0.6: not even one example.
        assert!(!vacuous(T3DoublePrime, 3));
        assert!(vacuous_whatever_the_weights(T3DoublePrime, 1, 2, &[0, 0]));
        // A linear classifier of 784 pixels: 1,391,741 nats, below 2 m at a million examples.
        let linear = |m| vacuous_whatever_the_weights(T3Prime, 1, 784, &[m; 10]);
        assert!(linear(500_000) && !linear(1_000_000));
        // Three layers of 784: T3'' is above 1 - 10^-6 up to some 10^5 examples.
        let deep = |m| vacuous_whatever_the_weights(T3DoublePrime, 3, 784, &[m; 10]);
        assert!(deep(500_000) && !deep(10_000_000));
        assert!(vacuous_whatever_the_weights(T3, 1, 2, &[]));
    }
}
