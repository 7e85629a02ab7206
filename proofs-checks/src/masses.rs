//! Probability masses of counts, by other ways than the library's own.

/// P(X = k), k = 0..=n, for X ~ Bin(n, p), 0 <= p <= 1: by the ratio of neighbours from the mode
/// outwards.
pub fn binomial(n: u64, p: f64) -> Vec<f64> {
    let mut masses = vec![0.0; n as usize + 1];
    let mode = ((n + 1) as f64 * p).floor().min(n as f64) as usize;
    masses[mode] = 1.0;
    for k in mode + 1..=n as usize {
        masses[k] = masses[k - 1] * (n as usize - k + 1) as f64 / k as f64 * p / (1.0 - p);
    }
    for k in (0..mode).rev() {
        masses[k] = masses[k + 1] * (k + 1) as f64 / (n as usize - k) as f64 * (1.0 - p) / p;
    }
    let total: f64 = masses.iter().sum();
    masses.iter().map(|mass| mass / total).collect()
}

/// P(X = x), x = 0..=`drawn`, for the number X of wrong ones among `drawn` of `population` images
/// of which `wrong` are: by binomial coefficients, which have to be finite.
pub fn hypergeometric(population: u64, wrong: u64, drawn: u64) -> Vec<f64> {
    let all = choose(population, drawn);
    (0..=drawn).map(|x| choose(wrong, x) * choose(population - wrong, drawn - x) / all).collect()
}

/// C(n, k), 0 for k > n.
fn choose(n: u64, k: u64) -> f64 {
    if k > n { 0.0 } else { (0..k.min(n - k)).map(|at| (n - at) as f64 / (at + 1) as f64).product() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let close = |found: Vec<f64>, by_hand: &[f64]| {
            assert_eq!(found.len(), by_hand.len());
            assert!(found.iter().zip(by_hand).all(|(found, by_hand)| (found - by_hand).abs() < 1e-15), "{found:?}");
        };
        close(binomial(4, 0.3), &[0.2401, 0.4116, 0.2646, 0.0756, 0.0081]);
        close(binomial(2, 0.0), &[1.0, 0.0, 0.0]);
        close(binomial(2, 1.0), &[0.0, 0.0, 1.0]);
        close(hypergeometric(10, 7, 4), &[0.0, 1.0 / 30.0, 0.3, 0.5, 1.0 / 6.0]);
        close(hypergeometric(10, 2, 3), &[7.0 / 15.0, 7.0 / 15.0, 1.0 / 15.0, 0.0]);
        close(hypergeometric(3, 2, 0), &[1.0]);
    }
}
