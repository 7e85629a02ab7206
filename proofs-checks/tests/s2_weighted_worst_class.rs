//! S2: e_j <= ||C_D Lambda||_1 / lambda_j, equality exactly for the classes that attain the weighted maximum; at the
//! worst class the bound exceeds the truth by at most lambda_max / lambda_j*. And the chain to the spectral norm (S3),
//! whose norm comes from nalgebra's full SVD here.

use car_spectral::bounds::{Interval, chain, nu, spectral_term};
use nalgebra::DMatrix;
use proptest::prelude::*;

/// K classes with n_j samples, and a table of confusion counts whose columns sum to at most n_j.
#[derive(Clone, Debug)]
struct Case {
    weights: Vec<f64>,
    counts: Vec<u64>,
    /// confusions[j][i], i != j.
    confusions: Vec<Vec<u64>>,
}

impl Case {
    fn errors(&self) -> Vec<u64> {
        self.confusions.iter().map(|column| column.iter().sum()).collect()
    }

    fn weighted_matrix(&self) -> DMatrix<f64> {
        DMatrix::from_fn(self.counts.len(), self.counts.len(), |i, j| {
            if self.counts[j] == 0 {
                0.0
            } else {
                self.weights[j] * (self.confusions[j][i] as f64 / self.counts[j] as f64)
            }
        })
    }

    fn column_non_zeros(&self) -> usize {
        self.confusions.iter().map(|column| column.iter().filter(|&&count| count > 0).count()).max().unwrap()
    }
}

fn cases() -> impl Strategy<Value = Case> {
    (2_usize..9).prop_flat_map(|k| {
        let column = prop::collection::vec(prop_oneof![3 => Just(0_u64), 2 => 0_u64..20], k);
        (
            prop::collection::vec(0.3_f64..10.0, k),
            prop::collection::vec(prop_oneof![1 => Just(0_u64), 9 => 0_u64..40], k),
            prop::collection::vec(column, k),
        )
            .prop_map(|(weights, spare, mut confusions)| {
                let mut counts = Vec::new();
                for (j, column) in confusions.iter_mut().enumerate() {
                    column[j] = 0;
                    // Every fifth class or so is left without samples.
                    counts.push(if spare[j] == 0 { 0 } else { column.iter().sum::<u64>() + spare[j] - 1 });
                    if counts[j] == 0 {
                        column.fill(0);
                    }
                }
                counts[0] = counts[0].max(1);
                Case { weights, counts, confusions }
            })
    })
}

/// nalgebra's SVD is backward stable: |sigma - sigma^| <= p(K) u ||M||, with p(K) far below 1e4 for K < 9.
fn svd_enclosure(matrix: &DMatrix<f64>) -> Interval {
    let sigma = matrix.singular_values().max();
    Interval { lower: sigma * (1.0 - 1e-12), upper: sigma * (1.0 + 1e-12) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_step_of_the_chain(case in cases()) {
        let (errors, matrix) = (case.errors(), case.weighted_matrix());
        let spectral = svd_enclosure(&matrix);
        let result = chain(&case.weights, &errors, &case.counts, spectral, case.column_non_zeros()).unwrap();
        prop_assert!(result.holds(), "{result:?}");

        // ||C Lambda||_1 by its definition; sums of at most 8 terms differ from the counts' by a few u.
        let one_norm = matrix.column_iter().map(|column| column.sum()).fold(0.0, f64::max);
        prop_assert!((one_norm - result.weighted_worst_class_error).abs() <= 1e-14 * one_norm);

        let largest = (0..errors.len())
            .filter(|&j| case.counts[j] > 0)
            .max_by(|&a, &b| (errors[a] * case.counts[b]).cmp(&(errors[b] * case.counts[a])).then(b.cmp(&a)))
            .unwrap();
        prop_assert_eq!(result.worst_class, largest);
        for (j, &count) in errors.iter().enumerate() {
            let Some(term) = result.class_terms[j] else {
                prop_assert_eq!(case.counts[j], 0);
                continue;
            };
            prop_assert!(term <= result.weighted_worst_class_error);
            prop_assert_eq!(term == result.weighted_worst_class_error, result.attained_by.contains(&j));
            let error = count as f64 / case.counts[j] as f64;
            prop_assert!(error <= result.class_bounds[j] * (1.0 + 1e-15));
        }
        match result.ratio_at_worst {
            Some(ratio) => prop_assert!(1.0 - 1e-15 <= ratio && ratio <= result.ratio_limit * (1.0 + 1e-15)),
            None => prop_assert_eq!(result.weighted_worst_class_error, 0.0),
        }

        let k = errors.len() as f64;
        match nu(one_norm, case.column_non_zeros(), spectral).unwrap() {
            None => prop_assert_eq!(one_norm, 0.0),
            Some(nu) => {
                prop_assert!(nu.lower <= one_norm / (0.5 * (spectral.lower + spectral.upper)));
                prop_assert!(nu.upper >= 1.0 / (k - 1.0).sqrt() && nu.lower <= (k - 1.0).sqrt());
            }
        }

        // T2's first term is at least the class's own column sum (S3), with sqrt(s) and so with sqrt(K-1).
        let terms = spectral_term(&case.weights, spectral.upper, case.column_non_zeros()).unwrap();
        for j in (0..errors.len()).filter(|&j| case.counts[j] > 0) {
            let share = errors[j] as f64 / case.counts[j] as f64;
            prop_assert!(share <= terms.sparse_first_term[j] * (1.0 + 1e-14));
            prop_assert!(terms.sparse_first_term[j] <= terms.first_term[j]);
        }
    }

    /// A norm that is too small by more than the slack is caught where S3 is an equality.
    #[test]
    fn a_wrong_norm_is_caught(k in 2_usize..40, weight in 0.1_f64..10.0, ulps in 40_u32..1000) {
        let mut errors = vec![0; k];
        let mut counts = vec![5; k];
        (errors[0], counts[0]) = (k as u64 - 1, k as u64 - 1);
        // Column 0 is 1/(K-1) everywhere off the diagonal: ||M||_1 = lambda, ||M||_2 = lambda / sqrt(K-1).
        let norm = weight / ((k - 1) as f64).sqrt();
        let at = |upper| chain(&vec![weight; k], &errors, &counts, Interval { lower: 0.0, upper }, k - 1).unwrap();
        prop_assert!(at(norm).holds());
        let result = at(norm * (1.0 - f64::from(ulps) * f64::EPSILON));
        prop_assert!(!result.spectral_step_holds && !result.sparse_step_holds);
    }
}

#[test]
fn the_ratio_limit_is_attained() {
    // Two classes with the same error: the bound at the one of weight 1 is 7 times too large, lambda_max / lambda_1.
    let norm = Interval { lower: 3.5, upper: 3.5 };
    let result = chain(&[1.0, 7.0], &[5, 5], &[10, 10], norm, 1).unwrap();
    assert_eq!((result.worst_class, result.ratio_at_worst, result.ratio_limit), (0, Some(7.0), 7.0));
    assert_eq!(result.attained_by, [1]);
    assert!(result.holds());
}
