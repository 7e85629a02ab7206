//! Holm's method (Scandinavian Journal of Statistics, 1979): several hypotheses at once, whatever
//! their dependence.

/// The adjusted p-values: the smallest delta at which each hypothesis is rejected while, with
/// probability at least 1 − delta, no true one is.
pub(super) fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &place) in order.iter().enumerate() {
        largest = largest.max((p_values.len() - rank) as f64 * p_values[place]).min(1.0);
        adjusted[place] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holm_is_monotone_and_at_most_one() {
        assert_eq!(holm(&[0.25, 0.125, 0.75, 0.2]), [0.6000000000000001, 0.5, 0.75, 0.6000000000000001]);
        assert_eq!(holm(&[0.9, 0.6]), [1.0, 1.0]);
    }
}
