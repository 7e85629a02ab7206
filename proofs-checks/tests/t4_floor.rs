//! T4: a bound that is valid at 1 - alpha and at most u on clean examples has u >= 1 - alpha^(1/m).

use car_spectral::bounds::{
    Architecture, BiasFreeReluNetwork, LayerNorms, TrainingMargins, held_out_floor, held_out_intervals,
    per_class_margin, training_floor,
};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any u below the floor fails too often: for an error p between u and the floor, m clean examples have
    /// probability (1-p)^m > alpha. At the floor itself the probability is alpha.
    #[test]
    fn a_smaller_bound_fails_too_often(
        counts in prop::collection::vec(1_u64..1_000_000, 2..20), delta in 0.001_f64..0.5, below in 0.0_f64..0.999,
    ) {
        let alpha = delta / counts.len() as f64;
        for (&m, floor) in counts.iter().zip(training_floor(&counts, delta).unwrap()) {
            let ln_clean = |p: f64| m as f64 * (-p).ln_1p();
            prop_assert!((ln_clean(floor) - alpha.ln()).abs() <= 1e-9 * alpha.ln().abs());
            prop_assert!(ln_clean(floor * below) > alpha.ln());
        }
    }

    /// T5 attains the floor of held-out bounds, and needs every class.
    #[test]
    fn t5_attains_it(
        counts in prop::collection::vec(0_u64..100_000, 2..20), delta in 0.001_f64..0.9, models in 1_usize..5,
    ) {
        let floor = held_out_floor(&counts, delta, models).unwrap();
        let intervals = held_out_intervals(&vec![0; counts.len()], &counts, delta, models).unwrap();
        for (floor, interval) in floor.iter().zip(intervals) {
            prop_assert_eq!(*floor, interval.upper);
        }
    }

    /// T3 and T3' spend delta/K a class, so with a clean class they cannot lie below the training floor.
    #[test]
    fn t3_does_not_go_below(
        counts in prop::collection::vec(1_u64..10_000_000_000, 2..5),
        norm in 0.1_f64..3.0, margin in 0.1_f64..6.0, delta in 0.001_f64..0.5,
    ) {
        let k = counts.len();
        let layer = LayerNorms { spectral_upper: norm, frobenius: norm, rows: k, columns: 2 };
        let network = Architecture::BiasFreeRelu(BiasFreeReluNetwork::new(vec![layer], 1.0).unwrap());
        let clean = vec![0; k];
        let training = TrainingMargins { margin, grid_size: 1, margin_errors: &clean, class_counts: &counts };
        let outcome = per_class_margin(&network, Some(training), delta).unwrap();
        for (class, floor) in outcome.value().unwrap().classes.iter().zip(training_floor(&counts, delta).unwrap()) {
            let class = class.value().unwrap();
            prop_assert!(class.t3_prime.total >= floor);
            if let Some(t3) = class.t3.value() {
                prop_assert!(t3.total >= floor);
            }
        }
    }
}

#[test]
fn five_images_of_a_hundred_classes() {
    // python: 1 - (.05/100)**(1/5) = 0.7813275852113444
    let floor = training_floor(&[5; 100], 0.05).unwrap()[0];
    assert!((floor - 0.7813275852113444).abs() < 1e-14);
}
