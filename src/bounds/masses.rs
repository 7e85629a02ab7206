//! Probability masses of counts: binomial and hypergeometric, from the ratios of neighbours.
//!
//! ```text
//! Bin(n, p):     P(k+1)/P(k) = (n-k)/(k+1) · p/(1-p)
//! Hyp(n, k, h):  P(x+1)/P(x) = (k-x)/(x+1) · (h-x)/(n-k-h+x+1)     k wrong of n, h of them drawn without replacement
//! ```
//! Starting at the mean, no mass overflows, and every one carries a relative error of a few u for
//! each step from there; masses below the smallest float become 0.

/// P(X = k), k = 0..=`samples`, for X ~ Bin(`samples`, `probability`), 0 <= probability <= 1.
pub(super) fn binomial_masses(samples: u64, probability: f64) -> Vec<f64> {
    let n = samples as f64;
    from_mean(0, samples as usize, (n * probability) as usize, |k| {
        let k = k as f64;
        (n - k) / (k + 1.0) * (probability / (1.0 - probability))
    })
}

/// P(X = x), x = 0..=`drawn`, for the number X of errors among `drawn` of `samples` images of which
/// `errors` are wrong.
pub(super) fn hypergeometric_masses(samples: u64, errors: u64, drawn: u64) -> Vec<f64> {
    let right = samples - errors;
    let (least, most) = (drawn.saturating_sub(right), errors.min(drawn));
    let mean = (drawn as f64 * errors as f64 / samples as f64) as u64;
    let mut masses = vec![0.0; least as usize];
    masses.extend(from_mean(least as usize, most as usize, mean.clamp(least, most) as usize, |x| {
        let x = x as u64;
        (errors - x) as f64 / (x + 1) as f64 * ((drawn - x) as f64 / (right + x + 1 - drawn) as f64)
    }));
    masses.resize(drawn as usize + 1, 0.0);
    masses
}

/// The masses of first..=last from `ratio`(k) = P(k+1)/P(k), which falls with k and passes 1 next
/// to the mean.
fn from_mean(first: usize, last: usize, mean: usize, ratio: impl Fn(usize) -> f64) -> Vec<f64> {
    let mut masses = vec![0.0; last - first + 1];
    masses[mean - first] = 1.0;
    for k in mean..last {
        masses[k + 1 - first] = masses[k - first] * ratio(k);
    }
    for k in (first..mean).rev() {
        masses[k - first] = masses[k + 1 - first] / ratio(k);
    }
    let total: f64 = masses.iter().sum();
    masses.iter().map(|mass| mass / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ```python
    /// from scipy.stats import binom, hypergeom
    /// binom.pmf(range(5), 4, .3); binom.pmf([0, 300, 1000], 1000, .3)
    /// hypergeom.pmf(range(5), 10, 7, 4); hypergeom.pmf(range(4), 10, 2, 3); hypergeom.pmf([40, 50, 60], 200, 100, 100)
    /// ```
    #[test]
    fn agrees_with_scipy() {
        let close = |found: &[f64], scipy: &[f64]| {
            assert_eq!(found.len(), scipy.len());
            for (&found, &scipy) in found.iter().zip(scipy) {
                assert!((found - scipy).abs() <= 1e-12 * scipy, "{found}, scipy {scipy}");
            }
        };
        close(&binomial_masses(4, 0.3), &[0.2401, 0.4116, 0.2646, 0.0756, 0.0081]);
        let many = binomial_masses(1000, 0.3);
        close(&[many[0], many[300]], &[1.2532566399655036e-155, 0.027521003821268382]);
        close(&hypergeometric_masses(10, 7, 4)[1..], &[1.0 / 30.0, 0.3, 0.5, 1.0 / 6.0]);
        assert_eq!(hypergeometric_masses(10, 7, 4)[0], 0.0);
        let few = hypergeometric_masses(10, 2, 3);
        close(&few[..3], &[7.0 / 15.0, 7.0 / 15.0, 1.0 / 15.0]);
        assert_eq!(few[3], 0.0);
        let half = hypergeometric_masses(200, 100, 100);
        close(&[half[40], half[50], half[60]], &[0.0020868255421846254, 0.1124155757040421, 0.0020868255421846254]);
    }

    /// Masses that lie a thousand powers of ten apart: started far from the mean they would
    /// overflow.
    ///
    /// ```python
    /// from mpmath import mp, binomial as b, mpf; mp.dps = 30
    /// hyp = lambda x, n, k, h: b(k, x)*b(n-k, h-x)/b(n, h)
    /// bin = lambda k, n, p: b(n, k)*mpf(p)**k*(1-mpf(p))**(n-k)
    /// hyp(4900, 20000, 10000, 10000), hyp(1000, 20000, 2000, 10000), hyp(1000, 20000, 10000, 2000)
    /// bin(4900, 10000, .5), bin(50, 10000, .005)
    /// ```
    #[test]
    fn masses_far_apart() {
        for (errors, drawn, x, expected) in [
            (10_000, 10_000, 4900, 0.00020668966255596688),
            (2000, 10_000, 1000, 0.018803942692071442),
            (10_000, 2000, 1000, 0.018803942692071442),
        ] {
            let found = hypergeometric_masses(20_000, errors, drawn)[x];
            approx::assert_relative_eq!(found, expected, max_relative = 1e-11);
        }
        for (k, probability, expected) in [(4900, 0.5, 0.0010798643294333559), (50, 0.005, 0.0564663467332156)] {
            approx::assert_relative_eq!(binomial_masses(10_000, probability)[k], expected, max_relative = 1e-11);
        }
    }

    #[test]
    fn certain_outcomes() {
        assert_eq!(binomial_masses(3, 0.0), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(binomial_masses(3, 1.0), [0.0, 0.0, 0.0, 1.0]);
        assert_eq!(binomial_masses(0, 0.4), [1.0]);
        assert_eq!(hypergeometric_masses(5, 0, 2), [1.0, 0.0, 0.0]);
        assert_eq!(hypergeometric_masses(5, 5, 2), [0.0, 0.0, 1.0]);
        assert_eq!(hypergeometric_masses(5, 2, 0), [1.0]);
        assert_eq!(hypergeometric_masses(1, 1, 1), [0.0, 1.0]);
    }
}
