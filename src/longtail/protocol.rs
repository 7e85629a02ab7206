//! The exponential long-tail protocol (Cao et al., "Learning imbalanced datasets with
//! label-distribution-aware margin loss", NeurIPS 2019): `n_j = floor(n_max IF^(-j/(K-1)))`, j = 0
//! ... K-1.

use super::LongTailError;

/// Training samples of each class, `[K]`, from `n_max` for class 0 down to `floor(n_max / IF)` for
/// class K-1.
///
/// The floor is that of the real number: powers are computed in f64, and a value within 64 rounding
/// errors of an integer is taken for it, so that `1000 · 1000^(-1/3)` is 100 and not 99.
///
/// ```
/// use car_spectral::longtail::long_tailed_counts;
/// assert_eq!(long_tailed_counts(600, 100.0, 10)?, [600, 359, 215, 129, 77, 46, 27, 16, 10, 6]);
/// # Ok::<(), car_spectral::longtail::LongTailError>(())
/// ```
///
/// # Errors
/// [`LongTailError::TooFewClasses`] for K < 2, [`LongTailError::InvalidImbalance`] unless IF is
/// finite and >= 1, [`LongTailError::TooManySamples`] for n_max >= 2^32,
/// [`LongTailError::EmptyClass`] if a class would get none, [`LongTailError::TooManyClasses`].
pub fn long_tailed_counts(n_max: u64, imbalance: f64, num_classes: usize) -> Result<Vec<u64>, LongTailError> {
    if num_classes < 2 {
        return Err(LongTailError::TooFewClasses { num_classes });
    }
    if !(imbalance.is_finite() && imbalance >= 1.0) {
        return Err(LongTailError::InvalidImbalance { imbalance });
    }
    if n_max > u64::from(u32::MAX) {
        return Err(LongTailError::TooManySamples { n_max });
    }
    let mut counts = Vec::new();
    if u32::try_from(num_classes).is_err() || counts.try_reserve_exact(num_classes).is_err() {
        return Err(LongTailError::TooManyClasses { num_classes });
    }
    for class in 0..num_classes {
        let count = floor(n_max as f64 * imbalance.powf(-(class as f64) / (num_classes - 1) as f64));
        if count == 0 {
            return Err(LongTailError::EmptyClass { class, n_max, imbalance });
        }
        counts.push(count);
    }
    Ok(counts)
}

/// Floor of a value >= 0 that carries a few rounding errors.
fn floor(value: f64) -> u64 {
    // The exponent is rounded (relative u = 2^-53, times at most ln IF <= 710 in the power, usually below 10), the
    // power and the product are too: 64 u covers an IF up to e^60.
    let slack = value * 64.0 * (f64::EPSILON / 2.0);
    let nearest = value.round();
    if (value - nearest).abs() <= slack { nearest as u64 } else { value.floor() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cifar100_lt() {
        let counts = long_tailed_counts(500, 100.0, 100).unwrap();
        assert_eq!((counts[0], counts[99], counts.len()), (500, 5, 100));
        assert_eq!(counts.iter().sum::<u64>(), 10_847);
        // The sizes published with the usual code for the other factors.
        assert_eq!(long_tailed_counts(500, 50.0, 100).unwrap().iter().sum::<u64>(), 12_608);
        assert_eq!(long_tailed_counts(500, 10.0, 100).unwrap().iter().sum::<u64>(), 19_573);
        assert_eq!(long_tailed_counts(5000, 100.0, 10).unwrap().iter().sum::<u64>(), 12_406);
    }

    #[test]
    fn fashion_mnist_lt() {
        let counts = long_tailed_counts(600, 100.0, 10).unwrap();
        assert_eq!((counts[0], counts[9]), (600, 6));
    }

    #[test]
    fn whole_numbers_are_not_lost_to_rounding() {
        assert_eq!(long_tailed_counts(1000, 1000.0, 4).unwrap(), [1000, 100, 10, 1]);
        assert_eq!(long_tailed_counts(4_000_000_000, 1.0, 3).unwrap(), [4_000_000_000; 3]);
        // n_j = b^(K-1-j): exact for every base and length.
        for base in 2u64..40 {
            for num_classes in 2..6usize {
                let n_max = base.pow(num_classes as u32 - 1);
                let expected: Vec<u64> = (0..num_classes as u32).rev().map(|power| base.pow(power)).collect();
                assert_eq!(long_tailed_counts(n_max, n_max as f64, num_classes).unwrap(), expected);
            }
        }
    }

    #[test]
    fn what_is_no_protocol_is_refused() {
        use LongTailError::*;
        assert_eq!(long_tailed_counts(500, 100.0, 1), Err(TooFewClasses { num_classes: 1 }));
        assert_eq!(long_tailed_counts(500, 0.01, 10), Err(InvalidImbalance { imbalance: 0.01 }));
        assert!(matches!(long_tailed_counts(500, f64::NAN, 10), Err(InvalidImbalance { .. })));
        assert!(matches!(long_tailed_counts(500, f64::INFINITY, 10), Err(InvalidImbalance { .. })));
        assert_eq!(long_tailed_counts(50, 100.0, 2), Err(EmptyClass { class: 1, n_max: 50, imbalance: 100.0 }));
        assert!(matches!(long_tailed_counts(0, 1.0, 2), Err(EmptyClass { class: 0, .. })));
        assert!(matches!(long_tailed_counts(1 << 32, 1.0, 2), Err(TooManySamples { .. })));
        assert!(matches!(long_tailed_counts(500, 1.0, usize::MAX), Err(TooManyClasses { .. })));
    }

    proptest! {
        #[test]
        fn counts_fall_from_n_max_to_n_max_over_if(n_max in 1u64..100_000, imbalance in 1.0..500.0f64, k in 2usize..300) {
            let Ok(counts) = long_tailed_counts(n_max, imbalance, k) else {
                prop_assert!((n_max as f64) < imbalance * (1.0 + 1e-12));
                return Ok(());
            };
            prop_assert_eq!(counts[0], n_max);
            prop_assert!(counts.is_sorted_by(|a, b| a >= b));
            let last = n_max as f64 / imbalance;
            prop_assert!((counts[k - 1] as f64) <= last * (1.0 + 1e-12) && counts[k - 1] as f64 > last - 1.0);
        }
    }
}
