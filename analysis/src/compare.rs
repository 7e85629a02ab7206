//! Model against model, and group of seeds against group, on the same test samples (T8, T9).

use car_spectral::bounds::{
    self, Averaging, Outcome, PairedCounts, class_differences, mean_difference, networks_difference, paired_seeds,
    seeds_for_paired, unpaired_seeds, worst_class_difference,
};
use car_spectral::longtail::Group;

use crate::results::{
    ClassDifference, Comparison, Difference, GroupComparison, SeedDifference, Warning, WorstClassDifference,
};
use crate::subject::Subject;
use crate::{AnalysisError, Result};
use car_spectral_formats::predictions::Logits;

/// Up to so many models every two are compared; of more, each with the first.
const ALL_PAIRS: usize = 3;
/// The probability with which the planned number of seeds finds the measured difference.
const POWER: f64 = 0.8;

/// Several networks that were trained alike but for the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedGroup {
    /// Name shown in tables.
    pub name: String,
    /// Indices among the subjects.
    pub models: Vec<usize>,
}

/// The pairs of models that are compared, of those that were tested on the same samples: all pairs
/// of up to three models, else each with the first.
pub fn compared(subjects: &[Subject]) -> Vec<(usize, usize)> {
    pairs(subjects).filter(|&(a, b)| same_samples(&subjects[a], &subjects[b])).collect()
}

/// The models that would be compared with another, had they been tested on the same samples in the
/// same order, and the warning on each.
pub fn not_compared(subjects: &[Subject]) -> Vec<(usize, Warning)> {
    let differ = pairs(subjects).filter(|&(a, b)| !same_samples(&subjects[a], &subjects[b]));
    differ
        .map(|(a, b)| {
            let with = &subjects[a].name;
            let sentence = format!(
                "it is not compared with {with}: their test samples have other labels, or another order; save the \
                 scores of both on the same samples in one order"
            );
            (b, Warning::new("not-compared", sentence, [("with", with.as_str().into())]))
        })
        .collect()
}

fn pairs(subjects: &[Subject]) -> impl Iterator<Item = (usize, usize)> {
    let number = subjects.len();
    (0..number)
        .flat_map(move |a| (a + 1..number).map(move |b| (a, b)))
        .filter(move |&(a, _)| number <= ALL_PAIRS || a == 0)
}

/// Each pair of models that were tested on the same samples: all pairs of up to three models, else
/// each with the first. `delta` is shared out among the comparisons.
pub fn compare(subjects: &[Subject], delta: f64) -> Result<Vec<Comparison>> {
    let pairs = compared(subjects);
    let each = delta / pairs.len().max(1) as f64;
    let predicted: Vec<Vec<usize>> = subjects.iter().map(|subject| subject.test.logits.predicted()).collect();
    pairs
        .into_iter()
        .map(|(a, b)| {
            let counts = paired(&subjects[a], &predicted[a], &predicted[b])?;
            let groups = subjects[a].train_counts.as_deref().or(subjects[b].train_counts.as_deref());
            comparison(a, b, &counts, groups, each)
        })
        .collect()
}

/// Each later group against the first. `delta` is shared out among the comparisons.
///
/// # Errors
/// [`AnalysisError::Bound`]; [`AnalysisError::Usage`] for a group of fewer than two networks;
/// [`AnalysisError::Mismatch`] for groups that were not all tested on the same samples in the same
/// order.
pub fn compare_groups(subjects: &[Subject], groups: &[SeedGroup], delta: f64) -> Result<Vec<GroupComparison>> {
    if let Some(group) = groups.iter().find(|group| group.models.len() < 2) {
        let problem = format!("group {}: {} model; seeds need at least 2", group.name, group.models.len());
        return Err(AnalysisError::Usage { problem });
    }
    let Some((first, others)) = groups.split_first() else { return Ok(Vec::new()) };
    let each = delta / others.len().max(1) as f64;
    others.iter().map(|group| group_comparison(subjects, first, group, each)).collect()
}

fn same_samples(a: &Subject, b: &Subject) -> bool {
    // Neither a confusion matrix nor other counts say which sample is which.
    let in_order = |subject: &Subject| match &subject.test.logits {
        Logits::Classes(classes) => classes.in_order,
        Logits::Counted(_) => false,
        Logits::F32(_) | Logits::F64(_) | Logits::Stored(_) => true,
    };
    a.test.labels == b.test.labels && a.class_names.len() == b.class_names.len() && in_order(a) && in_order(b)
}

/// The judged model b stands first, so that "better" is said of it.
fn paired(subject: &Subject, a: &[usize], b: &[usize]) -> Result<PairedCounts> {
    Ok(PairedCounts::from_predictions(b, a, &subject.test.labels.to_vec(), subject.class_names.len())?)
}

fn comparison(
    a: usize,
    b: usize,
    counts: &PairedCounts,
    train_counts: Option<&[u64]>,
    delta: f64,
) -> Result<Comparison> {
    let all: Vec<usize> = (0..counts.num_classes()).collect();
    let seen: Vec<usize> = all.iter().copied().filter(|&class| counts.samples()[class] > 0).collect();
    let mean = |classes: &[usize], averaging| match mean_difference(counts, classes, averaging, delta)? {
        Outcome::Applies(found) => Ok(difference(found.difference, found.interval, found.verdict)),
        Outcome::NotApplicable(_) => unreachable!("classes without samples are left out"),
    };
    let group = |group: Group, averaging| -> Result<Option<Difference>> {
        let Some(train_counts) = train_counts else { return Ok(None) };
        let classes: Vec<usize> =
            seen.iter().copied().filter(|&class| Group::of(train_counts[class]) == group).collect();
        if classes.is_empty() { Ok(None) } else { mean(&classes, averaging).map(Some) }
    };
    let worst = worst_class_difference(counts, delta)?;
    let shares = |errors: &[u64]| {
        seen.iter().map(|&class| errors[class] as f64 / counts.samples()[class] as f64).fold(0.0, f64::max)
    };
    let measured = shares(&counts.errors_a()) - shares(&counts.errors_b());
    Ok(Comparison {
        a,
        b,
        overall: mean(&all, Averaging::Micro)?,
        macro_average: mean(&seen, Averaging::Macro)?,
        worst_class: WorstClassDifference {
            difference: difference(measured, worst.interval, worst.verdict),
            deciding: worst.deciding,
        },
        many: group(Group::Many, Averaging::Micro)?,
        medium: group(Group::Medium, Averaging::Micro)?,
        few: group(Group::Few, Averaging::Micro)?,
        many_macro: group(Group::Many, Averaging::Macro)?,
        medium_macro: group(Group::Medium, Averaging::Macro)?,
        few_macro: group(Group::Few, Averaging::Macro)?,
        classes: class_differences(counts, delta)?
            .into_iter()
            .map(|class| ClassDifference {
                difference: class.difference,
                interval: class.interval.into(),
                p_value: class.test.two_sided,
                verdict: class.verdict,
            })
            .collect(),
    })
}

fn group_comparison(subjects: &[Subject], a: &SeedGroup, b: &SeedGroup, delta: f64) -> Result<GroupComparison> {
    let seeds = |group: &SeedGroup| -> Option<Vec<u64>> {
        group.models.iter().map(|&model| subjects[model].source.seed).collect()
    };
    let paired_by_seed = seeds(a).zip(seeds(b)).is_some_and(|(a, b)| a == b);
    let errors = |group: &SeedGroup| -> Vec<MeasuredErrors> {
        group.models.iter().map(|&model| MeasuredErrors::of(&subjects[model])).collect()
    };
    let (errors_a, errors_b) = (errors(a), errors(b));
    let between = |of: &dyn Fn(&MeasuredErrors) -> f64| {
        let all = |errors: &[MeasuredErrors]| errors.iter().map(of).collect::<Vec<_>>();
        between_seeds(&all(&errors_a), &all(&errors_b), paired_by_seed, delta)
    };
    let together: Vec<usize> = a.models.iter().chain(&b.models).copied().collect();
    let first = &subjects[together[0]];
    if let Some(&other) = together.iter().find(|&&model| !same_samples(first, &subjects[model])) {
        let (first, other) = (&first.name, &subjects[other].name);
        let problem = format!(
            "groups {} and {}: {first} and {other} were tested on other samples, or in another order; seeds are \
             compared on one test set",
            a.name, b.name
        );
        return Err(AnalysisError::Mismatch { problem });
    }
    let train_counts = together.iter().find_map(|&model| subjects[model].train_counts.as_deref());
    let group = |group: Group| -> Result<Option<SeedDifference>, AnalysisError> {
        let members = |train_counts: &[u64]| {
            let seen = |class: &usize| errors_a[0].classes[*class].is_some();
            (0..train_counts.len()).filter(|&class| Group::of(train_counts[class]) == group).filter(seen).collect()
        };
        let classes: Vec<usize> = train_counts.map(members).unwrap_or_default();
        if classes.is_empty() { Ok(None) } else { between(&|errors| errors.mean(&classes)).map(Some) }
    };
    Ok(GroupComparison {
        a: a.name.clone(),
        b: b.name.clone(),
        models_a: a.models.clone(),
        models_b: b.models.clone(),
        paired: paired_by_seed,
        overall: between(&|errors| errors.overall)?,
        worst_class: between(&MeasuredErrors::worst)?,
        many_macro: group(Group::Many)?,
        medium_macro: group(Group::Medium)?,
        few_macro: group(Group::Few)?,
        these_networks: Some(these_networks(subjects, a, b, delta)?),
    })
}

/// Shares of a network's test samples that are wrong.
struct MeasuredErrors {
    overall: f64,
    /// `None` for a class without samples.
    classes: Vec<Option<f64>>,
}

impl MeasuredErrors {
    fn of(subject: &Subject) -> Self {
        let classes = subject.class_names.len();
        let (mut counts, mut errors) = (vec![0_u64; classes], vec![0_u64; classes]);
        for (&label, predicted) in subject.test.labels.iter().zip(subject.test.logits.predicted()) {
            counts[label] += 1;
            errors[label] += u64::from(predicted != label);
        }
        let share = |(&k, &n): (&u64, &u64)| (n > 0).then(|| k as f64 / n as f64);
        Self {
            overall: errors.iter().sum::<u64>() as f64 / counts.iter().sum::<u64>().max(1) as f64,
            classes: errors.iter().zip(&counts).map(share).collect(),
        }
    }

    fn worst(&self) -> f64 {
        self.classes.iter().flatten().copied().fold(0.0, f64::max)
    }

    fn mean(&self, classes: &[usize]) -> f64 {
        classes.iter().filter_map(|&class| self.classes[class]).sum::<f64>() / classes.len() as f64
    }
}

/// Pairs in order where there are as many of both, else every network of b with every one of a.
fn these_networks(subjects: &[Subject], a: &SeedGroup, b: &SeedGroup, delta: f64) -> Result<Difference> {
    let predicted = |model: usize| subjects[model].test.logits.predicted();
    let pairs: Vec<(usize, usize)> = if a.models.len() == b.models.len() {
        a.models.iter().copied().zip(b.models.iter().copied()).collect()
    } else {
        a.models.iter().flat_map(|&a| b.models.iter().map(move |&b| (a, b))).collect()
    };
    let counts: Vec<PairedCounts> =
        pairs.iter().map(|&(a, b)| paired(&subjects[a], &predicted(a), &predicted(b))).collect::<Result<_, _>>()?;
    let found = networks_difference(&counts, delta)?;
    let mean = |group: &SeedGroup| {
        group.models.iter().map(|&model| MeasuredErrors::of(&subjects[model]).worst()).sum::<f64>()
            / group.models.len() as f64
    };
    Ok(difference(mean(b) - mean(a), found.interval, found.verdict))
}

fn between_seeds(a: &[f64], b: &[f64], paired: bool, delta: f64) -> Result<SeedDifference> {
    let differences: Vec<f64> = b.iter().zip(a).map(|(b, a)| b - a).collect();
    let found = if paired { paired_seeds(&differences, delta)? } else { unpaired_seeds(b, a, delta)? };
    let deviation = paired.then_some(found.standard_error * (differences.len() as f64).sqrt());
    let seeds_needed = match deviation {
        Some(deviation) if found.difference != 0.0 && deviation > 0.0 => {
            seeds_for_paired(found.difference.abs(), deviation, delta, POWER)?
        }
        _ => None,
    };
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len() as f64;
    Ok(SeedDifference {
        means: [mean(a), mean(b)],
        difference: found.difference,
        interval: (found.standard_error > 0.0).then_some(found.interval.into()),
        sign_test: found.sign_test,
        deviation,
        verdict: found.verdict,
        seeds_needed,
    })
}

fn difference(difference: f64, interval: bounds::Interval, judged: bounds::ComparisonVerdict) -> Difference {
    Difference { difference, interval: interval.into(), verdict: judged }
}
