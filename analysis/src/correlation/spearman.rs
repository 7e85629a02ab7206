//! Spearman's rank correlation (Spearman, "The proof and measurement of association between two
//! things", American Journal of Psychology 15, 1904), ties by mid-ranks: Pearson's correlation of
//! the ranks
//!
//! ```text
//! r_i = (number of x_k < x_i) + (1 + number of x_k = x_i) / 2
//! rho = sum (r_i - m)(s_i - m) / sqrt(sum (r_i - m)^2 sum (s_i - m)^2),   m = (n + 1) / 2
//! ```

/// Fewest points of a correlation: two always lie on a line.
const FEWEST_POINTS: usize = 3;

/// Mid-ranks less their mean; what a correlation needs of a variable.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CentredRanks {
    ranks: Vec<f64>,
    /// Sum of their squares: four times it is a whole number, so that it is exact.
    squares: f64,
}

impl CentredRanks {
    /// Of finite values `[n]`; `None` for fewer than three or for a constant, which has no order.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mean = 0.5 * (values.len() as f64 + 1.0);
        let mut ranks = vec![0.0; values.len()];
        let mut below = 0;
        for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let rank = below as f64 + 0.5 * (1.0 + tied.len() as f64);
            tied.iter().for_each(|&at| ranks[at] = rank - mean);
            below += tied.len();
        }
        let squares: f64 = ranks.iter().map(|rank| rank * rank).sum();
        (values.len() >= FEWEST_POINTS && squares > 0.0).then_some(Self { ranks, squares })
    }

    /// rho, in [-1, 1], with another variable of the same points.
    pub(super) fn correlation(&self, other: &Self) -> f64 {
        let product: f64 = self.ranks.iter().zip(&other.ranks).map(|(a, b)| a * b).sum();
        (product / (self.squares * other.squares).sqrt()).clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
        Some(CentredRanks::of(x)?.correlation(&CentredRanks::of(y)?))
    }

    #[test]
    fn without_ties_by_the_textbook_formula() {
        // 1 - 6 sum d^2 / (n (n^2 - 1)), d = (2, 0, -2, 1, -1): sum d^2 = 10, n = 5.
        let rho = spearman(&[3.0, 2.0, 1.0, 5.0, 4.0], &[0.1, 0.2, 0.25, 40.0, 1e9]);
        let squares: f64 = [3.0 - 1.0, 2.0 - 2.0, 1.0 - 3.0, 5.0 - 4.0, 4.0 - 5.0].map(|d: f64| d * d).iter().sum();
        assert_relative_eq!(rho.unwrap(), 1.0 - 6.0 * squares / 120.0, max_relative = 1e-14);
        assert_eq!(spearman(&[1.0, 2.0, 9.0], &[-1.0, 0.0, 0.5]), Some(1.0));
        assert_eq!(spearman(&[1.0, 2.0, 9.0], &[5.0, 4.0, -4.0]), Some(-1.0));
    }

    #[test]
    fn ties_share_the_mean_of_their_ranks() {
        // x: ranks 1.5, 1.5, 3, 4; y: 1, 3, 3, 3. About the mean 2.5: (-1, -1, .5, 1.5) and (-1.5, .5, .5, .5).
        let rho = spearman(&[2.0, 2.0, 3.0, 4.0], &[0.0, 1.0, 1.0, 1.0]).unwrap();
        assert_relative_eq!(rho, 2.0 / (4.5f64 * 3.0).sqrt(), max_relative = 1e-14);
        // 0 and -0 are one value.
        assert_eq!(CentredRanks::of(&[0.0, -0.0, 0.0]), None);
    }

    #[test]
    fn as_scipy_has_it() {
        // scipy.stats.spearmanr(x, y).statistic, SciPy 1.17:
        // x = [1, 2, 2, 3, 3, 3, 0.5, 7, 7, 2]; y = [1, 1, 0.9, 0.7, 0.7, 0.8, 1, 0.2, 0.7, 1]
        let x = [1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 0.5, 7.0, 7.0, 2.0];
        let y = [1.0, 1.0, 0.9, 0.7, 0.7, 0.8, 1.0, 0.2, 0.7, 1.0];
        assert_relative_eq!(spearman(&x, &y).unwrap(), -0.912_173_104_436_391_3, max_relative = 1e-14);
    }

    #[test]
    fn a_constant_and_two_points_have_no_correlation() {
        assert_eq!(spearman(&[1.0; 5], &[1.0, 2.0, 3.0, 4.0, 5.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[1.0, 2.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }
}
