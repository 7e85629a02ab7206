//! Metrics of a long-tailed model: accuracy overall, by class and by group, and its worst class.
//!
//! ```text
//! e_j = k_j / n_j                                  error of class j; not estimated where n_j = 0
//! accuracy = 1 - sum k_j / sum n_j    macro = mean over the estimated classes of 1 - e_j
//! worst class = argmax_j e_j          weighted worst class = argmax_j lambda_j e_j   (D4)
//! worst tenth = mean of the ceil(K'/10) largest e_j, K' the estimated classes
//! WR = (1 - e_j test) / (1 - e_j train) at the worst class of the test data
//! ```
//!
//! A class without test samples counts nowhere: not as error 0, not as the worst, not in a mean.

use super::{Group, LongTailError};
use crate::ClassErrors;

/// The accuracy of one group of classes; `None` where no class of the group has test samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct GroupAccuracy {
    /// The group.
    pub group: Group,
    /// Classes of the group.
    pub classes: usize,
    /// Those of them that have test samples.
    pub estimated_classes: usize,
    /// Test samples of the group.
    pub samples: u64,
    /// Share of the group's test samples that are right.
    pub micro: Option<f64>,
    /// Mean over the group's estimated classes of their accuracies. On a balanced test set the same
    /// as `micro`.
    pub macro_average: Option<f64>,
}

/// The class with the largest test error.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct WorstClass {
    /// The class; of several, the one with the lowest index.
    pub index: usize,
    /// Test error of the class.
    pub error: f64,
}

/// The class that attains the weighted worst-class error max_j lambda_j e_j (D4).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct WeightedWorstClass {
    /// The class; of several, the one with the lowest index.
    pub index: usize,
    /// Test error e_j of the class.
    pub error: f64,
    /// lambda_j e_j.
    pub weighted_error: f64,
}

/// The measures of one model on one test set. Everything that needs samples that are not there is
/// `None`.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ClassMetrics {
    /// Test error of each class, `None` where it is not estimated.
    pub class_errors: Vec<Option<f64>>,
    /// Share of all test samples that are right.
    pub accuracy: Option<f64>,
    /// Mean of the accuracies of the estimated classes.
    pub accuracy_macro: Option<f64>,
    /// Many, medium, few: the order of [`Group::ALL`].
    pub groups: [GroupAccuracy; 3],
    /// The worst class.
    pub worst_class: Option<WorstClass>,
    /// Mean error of the worst 10 % of classes: of the ceil(K'/10) largest errors, K' the estimated
    /// classes. With at most 10 classes the error of the worst.
    pub worst_tenth_error: Option<f64>,
    /// WR: test accuracy of the worst class over its training accuracy. `None` without training
    /// predictions, without training samples of that class, or if none of these is right.
    pub worst_class_ratio: Option<f64>,
    /// Classes with test samples of which none is right, ascending.
    pub zero_accuracy_classes: Vec<usize>,
}

impl ClassMetrics {
    /// Metrics from the training counts `[K]` (they make the groups), the test errors and, if there
    /// are predictions on the training set, the training errors (only the worst-class ratio uses
    /// them).
    ///
    /// # Errors
    /// [`LongTailError::TooFewClasses`], [`LongTailError::WrongLength`],
    /// [`LongTailError::TooManyErrors`].
    pub fn new(
        train_counts: &[u64],
        test: ClassErrors<'_>,
        train: Option<ClassErrors<'_>>,
    ) -> Result<Self, LongTailError> {
        let num_classes = train_counts.len();
        if num_classes < 2 {
            return Err(LongTailError::TooFewClasses { num_classes });
        }
        test.check("test", num_classes)?;
        if let Some(train) = train {
            train.check("training", num_classes)?;
        }

        let everything = test.accuracy(|_| true);
        let worst_class = test.worst();
        let worst_class_ratio = worst_class.zip(train).and_then(|(worst, train)| {
            let seen = train.counts[worst.index];
            let right = seen - train.errors[worst.index];
            (right > 0).then(|| test.accuracy_of(worst.index) / (right as f64 / seen as f64))
        });
        Ok(Self {
            class_errors: (0..num_classes).map(|class| test.error(class)).collect(),
            accuracy: everything.micro,
            accuracy_macro: everything.macro_average,
            groups: Group::ALL.map(|group| {
                let of_group = test.accuracy(|class| Group::of(train_counts[class]) == group);
                GroupAccuracy {
                    group,
                    classes: train_counts.iter().filter(|&&count| Group::of(count) == group).count(),
                    estimated_classes: of_group.classes,
                    samples: of_group.samples,
                    micro: of_group.micro,
                    macro_average: of_group.macro_average,
                }
            }),
            worst_class,
            worst_tenth_error: test.worst_tenth(),
            worst_class_ratio,
            zero_accuracy_classes: (0..num_classes)
                .filter(|&class| test.counts[class] > 0 && test.errors[class] == test.counts[class])
                .collect(),
        })
    }

    /// The accuracy of one group.
    pub fn group(&self, group: Group) -> &GroupAccuracy {
        &self.groups[group as usize]
    }

    /// argmax_j lambda_j e_j over the estimated classes, for class weights lambda `[K]`; `None` if
    /// there are none.
    ///
    /// # Errors
    /// [`LongTailError::WrongLength`], [`LongTailError::InvalidWeight`].
    pub fn weighted_worst_class(&self, weights: &[f64]) -> Result<Option<WeightedWorstClass>, LongTailError> {
        let expected = self.class_errors.len();
        if weights.len() != expected {
            return Err(LongTailError::WrongLength { what: "class weights", found: weights.len(), expected });
        }
        if let Some((class, &weight)) = weights.iter().enumerate().find(|(_, w)| !(w.is_finite() && **w > 0.0)) {
            return Err(LongTailError::InvalidWeight { class, weight });
        }
        let mut worst: Option<WeightedWorstClass> = None;
        for (index, (error, weight)) in self.class_errors.iter().zip(weights).enumerate() {
            if let Some(error) = *error {
                let weighted_error = weight * error;
                if worst.is_none_or(|worst| weighted_error > worst.weighted_error) {
                    worst = Some(WeightedWorstClass { index, error, weighted_error });
                }
            }
        }
        Ok(worst)
    }
}

/// Accuracy over some of the classes.
struct Accuracy {
    classes: usize,
    samples: u64,
    micro: Option<f64>,
    macro_average: Option<f64>,
}

impl ClassErrors<'_> {
    fn check(&self, what: &'static str, num_classes: usize) -> Result<(), LongTailError> {
        for found in [self.counts.len(), self.errors.len()] {
            if found != num_classes {
                return Err(LongTailError::WrongLength { what, found, expected: num_classes });
            }
        }
        let mut samples: u64 = 0;
        for (class, (&count, &errors)) in self.counts.iter().zip(self.errors).enumerate() {
            if errors > count {
                return Err(LongTailError::TooManyErrors { what, class, errors, count });
            }
            samples = samples.checked_add(count).ok_or(LongTailError::SumTooLarge { what })?;
        }
        Ok(())
    }

    fn error(&self, class: usize) -> Option<f64> {
        (self.counts[class] > 0).then(|| self.errors[class] as f64 / self.counts[class] as f64)
    }

    fn accuracy_of(&self, class: usize) -> f64 {
        (self.counts[class] - self.errors[class]) as f64 / self.counts[class] as f64
    }

    fn accuracy(&self, chosen: impl Fn(usize) -> bool) -> Accuracy {
        let estimated: Vec<usize> =
            (0..self.counts.len()).filter(|&class| self.counts[class] > 0 && chosen(class)).collect();
        let samples: u64 = estimated.iter().map(|&class| self.counts[class]).sum();
        let errors: u64 = estimated.iter().map(|&class| self.errors[class]).sum();
        let some = !estimated.is_empty();
        let total: f64 = estimated.iter().map(|&class| self.accuracy_of(class)).sum();
        Accuracy {
            classes: estimated.len(),
            samples,
            micro: some.then(|| (samples - errors) as f64 / samples as f64),
            macro_average: some.then(|| total / estimated.len() as f64),
        }
    }

    fn worst_tenth(&self) -> Option<f64> {
        let mut errors: Vec<f64> = (0..self.counts.len()).filter_map(|class| self.error(class)).collect();
        errors.sort_by(|a, b| b.total_cmp(a));
        errors.truncate(errors.len().div_ceil(10));
        let largest = *errors.first()?;
        // A mean of equal errors may round to above them.
        Some((errors.iter().sum::<f64>() / errors.len() as f64).min(largest))
    }

    /// Compares k_a n_b with k_b n_a in integers, so that equal errors are equal and the lowest
    /// index wins.
    fn worst(&self) -> Option<WorstClass> {
        let product = |a: u64, b: u64| u128::from(a) * u128::from(b);
        let mut worst: Option<usize> = None;
        for class in (0..self.counts.len()).filter(|&class| self.counts[class] > 0) {
            let worse = |than: usize| {
                product(self.errors[class], self.counts[than]) > product(self.errors[than], self.counts[class])
            };
            if worst.is_none_or(worse) {
                worst = Some(class);
            }
        }
        worst.and_then(|index| self.error(index).map(|error| WorstClass { index, error }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    fn metrics(train: &[u64], counts: &[u64], errors: &[u64]) -> Result<ClassMetrics, LongTailError> {
        ClassMetrics::new(train, ClassErrors { counts, errors }, None)
    }

    #[test]
    fn by_hand() {
        let train_counts = [500, 200, 100, 20, 5];
        let test = ClassErrors { counts: &[10, 20, 0, 10, 4], errors: &[1, 4, 0, 10, 3] };
        let train = ClassErrors { counts: &[500, 200, 100, 20, 5], errors: &[0, 0, 0, 4, 0] };
        let metrics = ClassMetrics::new(&train_counts, test, Some(train)).unwrap();
        assert_eq!(metrics.class_errors, [Some(0.1), Some(0.2), None, Some(1.0), Some(0.75)]);
        assert_eq!(metrics.accuracy, Some(26.0 / 44.0));
        // Four quotients and their sum: a handful of roundings.
        assert_relative_eq!(metrics.accuracy_macro.unwrap(), (0.9 + 0.8 + 0.0 + 0.25) / 4.0, max_relative = 1e-15);
        let many = metrics.group(Group::Many);
        assert_eq!((many.classes, many.estimated_classes, many.samples, many.micro), (2, 2, 30, Some(25.0 / 30.0)));
        assert_relative_eq!(many.macro_average.unwrap(), 0.85, max_relative = 1e-15);
        let medium = metrics.group(Group::Medium);
        assert_eq!((medium.classes, medium.estimated_classes, medium.micro), (2, 1, Some(0.0)));
        assert_eq!(metrics.group(Group::Few).micro, Some(0.25));
        assert_eq!(metrics.worst_class, Some(WorstClass { index: 3, error: 1.0 }));
        // Of 4 estimated classes the worst one.
        assert_eq!(metrics.worst_tenth_error, Some(1.0));
        assert_eq!(metrics.worst_class_ratio, Some(0.0));
        assert_eq!(metrics.zero_accuracy_classes, [3]);

        let ones = metrics.weighted_worst_class(&[1.0; 5]).unwrap().unwrap();
        assert_eq!((ones.index, ones.weighted_error), (3, 1.0));
        let weighted = metrics.weighted_worst_class(&[1.0, 1.0, 9.0, 1.0, 2.0]).unwrap().unwrap();
        assert_eq!(weighted, WeightedWorstClass { index: 4, error: 0.75, weighted_error: 1.5 });
    }

    #[test]
    fn the_worst_tenth_is_rounded_up_and_leaves_out_empty_classes() {
        let errors: Vec<u64> = vec![3, 0, 9, 1, 7, 2, 8, 4, 5, 6, 0, 10];
        let worst_tenth = |counts: &[u64]| {
            let errors: Vec<u64> = errors.iter().zip(counts).map(|(&errors, &count)| errors.min(count)).collect();
            metrics(&vec![5; counts.len()], counts, &errors).unwrap().worst_tenth_error.unwrap()
        };
        // 12 classes: two of them, with 10 and 9 errors in 10.
        assert_relative_eq!(worst_tenth(&[10; 12]), 0.95, max_relative = 1e-15);
        // 10 of the classes: one.
        assert_eq!(worst_tenth(&[10; 10]), 0.9);
        // 12 classes, 10 of them with samples: one.
        assert_eq!(worst_tenth(&[10, 10, 0, 10, 10, 10, 10, 10, 10, 10, 10, 0]), 0.8);
    }

    #[test]
    fn the_worst_tenth_of_equal_errors_is_that_error() {
        for (classes, errors, samples) in (11..=80).flat_map(|classes| (1..=20).map(move |e| (classes, e, 21))) {
            let metrics = metrics(&vec![5; classes], &vec![samples; classes], &vec![errors; classes]).unwrap();
            assert!(metrics.worst_tenth_error.unwrap() <= errors as f64 / samples as f64, "{classes} of {errors}");
        }
    }

    #[test]
    fn the_worst_class_ratio_is_test_over_training_accuracy() {
        let test = ClassErrors { counts: &[10, 10], errors: &[1, 8] };
        let with = |errors: &[u64], counts: &[u64]| {
            ClassMetrics::new(&[50, 8], test, Some(ClassErrors { counts, errors })).unwrap().worst_class_ratio
        };
        assert_eq!(with(&[0, 2], &[50, 8]), Some(0.2 / 0.75));
        assert_eq!(with(&[0, 8], &[50, 8]), None, "no training sample is right");
        assert_eq!(with(&[0, 0], &[50, 0]), None, "no training sample");
        assert_eq!(metrics(&[50, 8], &[10, 10], &[1, 8]).unwrap().worst_class_ratio, None);
    }

    #[test]
    fn without_samples_nothing_is_estimated() {
        let metrics = metrics(&[500, 50, 50], &[0, 0, 0], &[0, 0, 0]).unwrap();
        assert_eq!((metrics.accuracy, metrics.accuracy_macro, metrics.worst_class), (None, None, None));
        assert_eq!(metrics.worst_tenth_error, None);
        assert!(metrics.groups.iter().all(|group| group.micro.is_none() && group.macro_average.is_none()));
        assert_eq!(metrics.group(Group::Few).classes, 0);
        assert!(metrics.zero_accuracy_classes.is_empty());
        assert_eq!(metrics.weighted_worst_class(&[1.0; 3]), Ok(None));
    }

    #[test]
    fn of_equally_bad_classes_the_first_is_the_worst() {
        // 1/3 three times: as quotients and as k n' = k' n.
        let metrics = metrics(&[1, 1, 1, 1], &[9, 3, 6, 0], &[3, 1, 2, 0]).unwrap();
        assert_eq!(metrics.worst_class.unwrap().index, 0);
        // Too close for f64 quotients to tell apart.
        let huge = 1 << 61;
        let close = ClassErrors { counts: &[huge, huge], errors: &[huge / 3, huge / 3 + 1] };
        assert_eq!(close.worst().unwrap().index, 1);
    }

    #[test]
    fn lists_that_do_not_fit_together_are_refused() {
        assert_eq!(metrics(&[5], &[5], &[1]), Err(LongTailError::TooFewClasses { num_classes: 1 }));
        assert_eq!(
            metrics(&[5, 5], &[5, 5, 5], &[1, 1]),
            Err(LongTailError::WrongLength { what: "test", found: 3, expected: 2 })
        );
        assert_eq!(
            metrics(&[5, 5], &[5, 5], &[1, 6]),
            Err(LongTailError::TooManyErrors { what: "test", class: 1, errors: 6, count: 5 })
        );
        assert_eq!(metrics(&[5, 5], &[u64::MAX, 1], &[0, 0]), Err(LongTailError::SumTooLarge { what: "test" }));
        let good = ClassErrors { counts: &[5, 5], errors: &[1, 1] };
        let short = ClassErrors { counts: &[5, 5], errors: &[1] };
        assert_eq!(
            ClassMetrics::new(&[5, 5], good, Some(short)),
            Err(LongTailError::WrongLength { what: "training", found: 1, expected: 2 })
        );
        let metrics = metrics(&[5, 5], &[5, 5], &[1, 1]).unwrap();
        assert!(matches!(metrics.weighted_worst_class(&[1.0]), Err(LongTailError::WrongLength { found: 1, .. })));
        assert!(matches!(
            metrics.weighted_worst_class(&[1.0, f64::NAN]),
            Err(LongTailError::InvalidWeight { class: 1, .. })
        ));
    }

    proptest! {
        #[test]
        fn groups_make_up_the_whole(
            classes in prop::collection::vec((0u64..300, 0u64..50, 0u64..=100), 2..30),
        ) {
            let train_counts: Vec<u64> = classes.iter().map(|class| class.0).collect();
            let counts: Vec<u64> = classes.iter().map(|class| class.1).collect();
            let errors: Vec<u64> = classes.iter().map(|class| class.1 * class.2 / 100).collect();
            let metrics = metrics(&train_counts, &counts, &errors).unwrap();
            let total: u64 = counts.iter().sum();
            prop_assert_eq!(metrics.groups.iter().map(|group| group.samples).sum::<u64>(), total);
            prop_assert_eq!(metrics.groups.iter().map(|group| group.classes).sum::<usize>(), classes.len());
            for group in &metrics.groups {
                prop_assert_eq!(group.micro.is_some(), group.estimated_classes > 0);
            }
            if let Some(accuracy) = metrics.accuracy {
                let right = metrics.groups.iter().map(|g| g.micro.unwrap_or(0.0) * g.samples as f64).sum::<f64>();
                prop_assert!((accuracy * total as f64 - right).abs() <= 1e-12 * total as f64);
                let worst = metrics.worst_class.unwrap();
                prop_assert!(counts[worst.index] > 0);
                let tenth = metrics.worst_tenth_error.unwrap();
                prop_assert!(tenth <= worst.error && tenth >= 1.0 - metrics.accuracy_macro.unwrap() - 1e-12);
                for error in metrics.class_errors.iter().flatten() {
                    prop_assert!(*error <= worst.error);
                }
                let weighted = metrics.weighted_worst_class(&vec![2.0; classes.len()]).unwrap().unwrap();
                prop_assert_eq!((weighted.index, weighted.error), (worst.index, worst.error));
            }
            for &class in &metrics.zero_accuracy_classes {
                prop_assert_eq!(metrics.class_errors[class], Some(1.0));
            }
        }
    }
}
