//! Statements of the test data on data not seen: intervals, the worst class, further images, plans.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use car_spectral::ClassErrors;
use car_spectral::bounds::{
    Interval, bootstrap_selection_bias, classes_above, held_out_alpha, images_for_certificate, images_for_paired,
    prediction_limits, worst_class_candidates, worst_class_certificate, worst_class_interval, worst_class_sign_level,
};
use car_spectral::longtail::{ClassMetrics, Group};

use super::settings::Settings;
use crate::Result;
use crate::results::{
    ClassesAbove, GroupAccuracy, MaxError, NextSample, Planning, SplitReport, TestReport, WeightedWorstClass,
    WorstClass,
};
use crate::subject::Subject;

/// The test data of a model, counted.
pub(super) struct HeldOut<'a> {
    pub subject: &'a Subject,
    pub settings: &'a Settings,
    pub metrics: &'a ClassMetrics,
    pub weights: &'a [f64],
    /// T5's interval of each class's error.
    pub intervals: &'a [Interval],
    /// T5's interval of WCE.
    pub wce: Interval,
    pub class_errors: ClassErrors<'a>,
}

impl HeldOut<'_> {
    /// The report on the test data, whose matrices and norms are `split`.
    pub fn report(&self, split: SplitReport) -> Result<TestReport> {
        Ok(TestReport {
            accuracy_macro: self.metrics.accuracy_macro,
            many: self.group(Group::Many),
            medium: self.group(Group::Medium),
            few: self.group(Group::Few),
            worst_class: self.metrics.worst_class.map(|worst| WorstClass {
                index: worst.index,
                name: self.subject.class_names[worst.index].clone(),
                error: worst.error,
                interval: self.intervals[worst.index].into(),
            }),
            weighted_worst_class: self.metrics.weighted_worst_class(self.weights)?.map(|worst| WeightedWorstClass {
                index: worst.index,
                name: self.subject.class_names[worst.index].clone(),
                weight: self.weights[worst.index],
                error: worst.error,
                interval: self.intervals[worst.index].into(),
                weighted_error: worst.weighted_error,
            }),
            zero_accuracy_classes: self.metrics.zero_accuracy_classes.clone(),
            class_error_interval: self
                .intervals
                .iter()
                .zip(self.class_errors.counts)
                .map(|(&interval, &count)| (count > 0).then(|| interval.into()))
                .collect(),
            worst_tenth_error: self.metrics.worst_tenth_error,
            class_error_quantiles: quantiles(&self.metrics.class_errors),
            wce_interval: self.wce.into(),
            max_error: max_error(self.class_errors, self.settings)?,
            classes_above: above_levels(self.class_errors, self.settings)?,
            next_sample: next_samples(self.class_errors, self.settings)?,
            planning: planning(&self.metrics.class_errors, self.settings)?,
            worst_class_ratio: self.metrics.worst_class_ratio,
            split,
        })
    }

    fn group(&self, group: Group) -> Option<GroupAccuracy> {
        self.subject.train_counts.as_ref()?;
        let found = self.metrics.group(group);
        let (accuracy, accuracy_macro) = found.micro.zip(found.macro_average)?;
        Some(GroupAccuracy { classes: found.estimated_classes, samples: found.samples, accuracy, accuracy_macro })
    }
}

/// The errors at the shares 0, 1/4, 1/2, 3/4 and 1 of the classes with samples, in ascending order.
fn quantiles(class_errors: &[Option<f64>]) -> Option<[f64; 5]> {
    let mut errors: Vec<f64> = class_errors.iter().copied().flatten().collect();
    errors.sort_by(f64::total_cmp);
    let last = errors.len().checked_sub(1)?;
    Some([0, 1, 2, 3, 4].map(|quarter| errors[(quarter * last).div_ceil(4)]))
}

fn max_error(of: ClassErrors<'_>, settings: &Settings) -> Result<MaxError> {
    let (delta, models) = (settings.delta, settings.models_compared);
    let interval = worst_class_interval(of, delta, models)?;
    let shares = of.classes().filter(|&(_, n)| n > 0).map(|(k, n)| k as f64 / n as f64);
    Ok(MaxError {
        interval: interval.into(),
        at_most: worst_class_certificate(of, delta, models)?,
        candidates: worst_class_candidates(of, delta, models)?,
        estimate: shares.fold(0.0, f64::max),
        estimate_bias: bootstrap_selection_bias(of)?,
    })
}

/// Levels of which the classes above are named.
const LEVELS: [f64; 4] = [0.25, 0.5, 0.75, 0.9];

fn above_levels(of: ClassErrors<'_>, settings: &Settings) -> Result<Vec<ClassesAbove>> {
    LEVELS
        .into_iter()
        .map(|level| {
            let classes = classes_above(of, level, settings.delta, settings.models_compared)?;
            Ok(ClassesAbove { level, classes })
        })
        .collect()
}

/// Further images of each class that limits are given for.
const NEXT_IMAGES: [u64; 2] = [100, 1000];

fn next_samples(of: ClassErrors<'_>, settings: &Settings) -> Result<Vec<NextSample>> {
    let alpha = held_out_alpha(of.counts.len(), settings.delta, settings.models_compared)?;
    NEXT_IMAGES
        .into_iter()
        .map(|images| {
            let mut known = HashMap::new();
            let mut limits = |k: u64, n: u64| match known.entry((k, n)) {
                Entry::Occupied(limits) => Ok(*limits.get()),
                Entry::Vacant(place) => prediction_limits(k, n, images, alpha).map(|limits| *place.insert(limits)),
            };
            let limits = of.classes().map(|(k, n)| (n > 0).then(|| limits(k, n)).transpose());
            Ok(NextSample { images, limits: limits.collect::<Result<_, _>>()? })
        })
        .collect()
}

/// Goals of the planning: widths of the certificate, differences of two models.
const PLANNED: [f64; 4] = [0.1, 0.05, 0.02, 0.01];
const POWER: f64 = 0.8;

/// T11 with this model's class errors: a certificate within w of the worst error, where that is
/// below 1; two models of which one errs on d more of the images of the worst class, while exactly
/// one of them errs there on half of min(e, 1
/// - e), at least d. As in the report, M certificates share delta, and so do the comparisons.
fn planning(class_errors: &[Option<f64>], settings: &Settings) -> Result<Vec<Planning>> {
    let errors: Vec<f64> = class_errors.iter().map(|error| error.unwrap_or(0.0)).collect();
    let worst = errors.iter().copied().fold(0.0, f64::max);
    let mut plans = Vec::new();
    for by in PLANNED.into_iter().filter(|by| worst + by < 1.0) {
        let delta = settings.delta / settings.models_compared as f64;
        let images_per_class = images_for_certificate(&errors, by, delta, POWER)?;
        plans.push(Planning { goal: "certify".into(), by, images_per_class });
    }
    let level = worst_class_sign_level(settings.delta / settings.comparisons as f64)?;
    for by in PLANNED {
        let discordance = (0.5 * worst.min(1.0 - worst)).max(by).min(1.0);
        plans.push(Planning {
            goal: "compare".into(),
            by,
            images_per_class: images_for_paired(discordance, by, level, POWER)?,
        });
    }
    Ok(plans)
}
