//! The verdict on a model in a few sentences: what opens the page and the table, and how loose the
//! bounds are.

use super::family::inapplicable_families;
use crate::results::{BoundReport, Group, ModelReport, Settings, Statement, VerdictCounts};
use crate::words::{counted, grouped, level, limits, listed, multiple, percent};

/// Classes that tie for the worst and are named; of more only the number is said.
const NAMED: usize = 5;
/// Test samples of a class that may all be wrong by chance.
const FEW_SAMPLES: u64 = 5;
/// Of more than these no name says anything.
const MANY: usize = 40;

/// The worst class with its error and interval, what is certain whichever class it is, and how
/// loose the bounds are.
pub fn headline(settings: &Settings, model: &ModelReport) -> String {
    match model.test.worst_class {
        Some(_) => format!("{} {}", answer(settings, model), looseness(model)),
        None => answer(settings, model),
    }
}

/// The worst class with its error and interval, and what is certain whichever class it is.
pub(super) fn answer(settings: &Settings, model: &ModelReport) -> String {
    let test = &model.test;
    let Some(worst) = &test.worst_class else {
        return "No class has a test sample, so nothing is known about the worst class.".to_owned();
    };
    let images = match (&model.groups, &model.train_counts) {
        (Some(groups), Some(counts)) => {
            let images = counted(counts[worst.index] as usize, "training sample", "training samples");
            format!(" ({}, {images})", groups[worst.index].name())
        }
        _ => String::new(),
    };
    let (error, k) = (percent(worst.error), model.num_classes as u64);
    let tied = worst_classes(model);
    let class = if tied.len() > 1 {
        let (count, of) = (grouped(tied.len() as u64), grouped(model.num_classes as u64));
        let images = images_of(model, &tied);
        let samples = |class: usize| model.test.split.class_counts[class];
        let tested = |class: usize| match images {
            Some(_) => called(model, class),
            None if worst.error == 1.0 => format!("{} ({})", called(model, class), all_of(samples(class))),
            None => format!("{} ({})", called(model, class), counted(samples(class) as usize, "sample", "samples")),
        };
        let mut tied = tied.clone();
        tied.sort_by_key(|&class| std::cmp::Reverse(samples(class)));
        let named: Vec<String> = tied.iter().take(NAMED).map(|&class| tested(class)).collect();
        let names = match tied.len().saturating_sub(NAMED) {
            0 => format!(": {}", listed(&named)),
            more if tied.len() <= MANY => format!(": {} and {more} more", named.join(", ")),
            _ => String::new(),
        };
        let by_group = by_group(model, &tied);
        let images = images.unwrap_or_else(|| "every test sample".to_owned());
        let unnamed = if tied.len() > MANY { "The worst class cannot be named: " } else { "" };
        if worst.error == 1.0 {
            let chance = by_chance(most_tested(model, &tied));
            let several = test.max_error.candidates.len();
            let can_be = match several > tied.len() && several < model.num_classes {
                true => format!("; {several} of {of} can be the worst"),
                false => String::new(),
            };
            format!("{unnamed}{count} of {of} classes had {images} wrong{by_group}{names}{can_be}{chance}")
        } else {
            format!("{count} of {of} classes tie for the worst test error, {error}{by_group}{names}")
        }
    } else {
        let (name, candidates) = (called(model, worst.index), test.max_error.candidates.len());
        match candidates {
            0 | 1 => format!("The worst class, {name}{images}, has a test error of {error}"),
            several => {
                let (several, of) = (grouped(several as u64), grouped(k));
                format!(
                    "The worst class as measured, {name}{images}, has a test error of {error}; {several} of {of} classes \
                     can be the worst"
                )
            }
        }
    };
    let missing = match test.split.classes_without_samples() {
        0 => String::new(),
        missing => {
            let have = if missing == 1 { "has" } else { "have" };
            let may = if worst.error == 1.0 { "be as bad" } else { "be worse" };
            format!("; {} of {} classes {have} no test samples and may {may}", grouped(missing as u64), grouped(k))
        }
    };
    let [lower, upper] = limits(test.max_error.interval);
    let at_once = match settings.models_compared {
        0 | 1 => String::new(),
        models => format!(", for {} at once", all_models(models)),
    };
    let certain = format!(
        "Whichever class is the worst, its error lies between {lower} and {upper} with probability {}{at_once} (T5')",
        level(1.0 - settings.delta)
    );
    format!("{class}{missing}. {certain}.")
}

/// `both models`, `all 3 models`.
pub(super) fn all_models(models: usize) -> String {
    if models == 2 { "both models".to_owned() } else { format!("all {models} models") }
}

/// The classes that share the largest measured error.
pub(super) fn worst_classes(model: &ModelReport) -> Vec<usize> {
    let largest = model.test.worst_class.as_ref().map(|worst| worst.error);
    let errors = &model.test.split.per_class_error;
    (0..errors.len()).filter(|&class| largest.is_some() && errors[class] == largest).collect()
}

/// The name of a class; `class 7` where it has none but its number.
pub(super) fn called(model: &ModelReport, class: usize) -> String {
    let name = &model.class_names[class];
    if *name == class.to_string() { format!("class {name}") } else { name.clone() }
}

/// `all 3 test samples`; `None` where their numbers differ.
fn images_of(model: &ModelReport, classes: &[usize]) -> Option<String> {
    let count = |class: usize| model.test.split.class_counts[class];
    match count(classes[0]) {
        same if same > 1 && classes.iter().all(|&class| count(class) == same) => {
            Some(format!("all {} test samples", grouped(same)))
        }
        1 if classes.iter().all(|&class| count(class) == 1) => Some("their only test sample".to_owned()),
        _ => None,
    }
}

/// `24 of 24`.
fn all_of(count: u64) -> String {
    format!("{0} of {0}", grouped(count))
}

/// The most test samples that one of the classes has.
fn most_tested(model: &ModelReport, classes: &[usize]) -> u64 {
    classes.iter().map(|&class| model.test.split.class_counts[class]).max().unwrap_or(0)
}

/// What so few samples of a class say of it; nothing of more.
fn by_chance(samples: u64) -> String {
    if (1..=FEW_SAMPLES).contains(&samples) {
        format!(
            ". So few samples say little: a class that is wrong half the time has {} wrong 1 time in {}",
            if samples == 1 { "it".to_owned() } else { format!("all {samples}") },
            1_u64 << samples
        )
    } else {
        String::new()
    }
}

/// How many of the classes each group has: ` (6 many, 40 few)`.
fn by_group(model: &ModelReport, classes: &[usize]) -> String {
    let Some(groups) = &model.groups else { return String::new() };
    let named = [Group::Many, Group::Medium, Group::Few].map(|group| {
        let count = classes.iter().filter(|&&class| groups[class] == group).count();
        (count > 0).then(|| format!("{} {}", grouped(count as u64), group.name()))
    });
    let named: Vec<String> = named.into_iter().flatten().collect();
    if named.len() > 1 { format!(" ({})", named.join(", ")) } else { String::new() }
}

/// What the bounds from training images say, and how loose the chain is.
pub(super) fn looseness(model: &ModelReport) -> String {
    let chain = &model.test.split.chain;
    let chain = match (chain.holds, chain.slack_factor) {
        (true, Some(factor)) => format!(
            "The published inequality from the spectral norm to the worst class holds for every matrix; here its bound \
             is {} (S2)",
            multiple(factor, "the weighted worst-class error")
        ),
        (true, None) => "There is no test error, so the published inequality says 0 ≤ 0 (S2)".to_owned(),
        (false, _) => {
            "The published inequality FAILS, which a theorem rules out for every matrix: please report this (S2)"
                .to_owned()
        }
    };
    format!("{}. {chain}.", bounds(model))
}

/// What the bounds with every term known say, taken together.
fn bounds(model: &ModelReport) -> String {
    let complete: Vec<&BoundReport> =
        model.bounds.iter().filter(|bound| bound.applicable && bound.values.total.is_some()).collect();
    let k = model.num_classes;
    // The bound with a verdict for most classes, in words, and its name.
    let most = |count: fn(&VerdictCounts) -> usize| {
        let found = complete.iter().map(|bound| (count(&bound.values.verdict), bound.id)).max_by_key(|found| found.0);
        found.filter(|&(count, _)| count > 0).map(|(count, id)| (counted(count, "class", "classes"), id))
    };
    if let Some((violated, id)) = most(|verdict| verdict.violated) {
        return format!(
            "A bound from training samples is violated for {violated} of {k}: it lies below the whole interval of the error ({id})"
        );
    }
    if let Some((holds, id)) = most(|verdict| verdict.holds) {
        return format!(
            "A bound from training samples is usable for {holds} of {k}: below 100 %, and it covers the error's whole interval ({id})"
        );
    }
    if complete.iter().any(|bound| bound.values.verdict.undecided > 0) {
        return "No bound is confirmed: those below 100 % lie within the intervals of the errors, so more test samples \
                are needed to tell"
            .to_owned();
    }
    if !complete.is_empty() {
        let ids = ids(complete.into_iter());
        let inverted = if ids.contains(&Statement::T3DoublePrime) { ", or above 99.9999 %," } else { "" };
        return format!(
            "No bound from training samples is usable: what can be computed allows every class an error of 100 %{inverted} and so \
             says nothing ({})",
            listed(&ids)
        );
    }
    let missing = inapplicable_families(model);
    let mut answer = "No bound from training samples is usable".to_owned();
    let partial: Vec<&BoundReport> =
        model.bounds.iter().filter(|bound| bound.applicable && bound.values.first_term.is_some()).collect();
    if let Some(id) = partial.first().map(|bound| bound.id) {
        answer.push_str(": of the published one only a first term can be computed");
        if partial.iter().all(|bound| bound.values.verdict.vacuous == k) {
            answer.push_str(", which alone is 100 % or more for every class");
        }
        answer.push_str(&format!(" ({id})"));
        if !missing.is_empty() {
            answer.push_str(&format!(", and no other applies ({})", listed(&missing)));
        }
    } else if !missing.is_empty() {
        answer.push_str(&format!(": none applies to what was given ({})", listed(&missing)));
    }
    answer
}

/// Statements in their order, each once.
fn ids<'a>(bounds: impl Iterator<Item = &'a BoundReport>) -> Vec<Statement> {
    let mut ids = Vec::new();
    for id in bounds.map(|bound| bound.id) {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}
