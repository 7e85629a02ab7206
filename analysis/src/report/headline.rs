//! The verdict on a model in one sentence: what opens the page and the table.

use super::multiple::multiple;
use super::plots::scale::percent;
use super::{BoundReport, ModelReport, Settings};

/// The worst class with its error and interval, whether the chain holds, and what the bounds say, in one sentence.
pub fn headline(settings: &Settings, model: &ModelReport) -> String {
    let test = &model.test;
    let Some(worst) = &test.worst_class else {
        return "No class has a test sample, so nothing is known about the worst class.".to_owned();
    };
    let images = match (&model.groups, &model.train_counts) {
        (Some(groups), Some(counts)) => {
            format!(" ({}, {} training images)", groups[worst.index].as_str(), counts[worst.index])
        }
        _ => String::new(),
    };
    let others =
        test.split.per_class_error.iter().filter(|error| **error == Some(worst.error)).count().saturating_sub(1);
    let ties = if others > 0 { format!(" and {others} more") } else { String::new() };
    let chain = &test.split.chain;
    let chain = match (chain.holds, chain.slack_factor) {
        (true, Some(factor)) => {
            let bound = multiple(factor, "the weighted worst-class error");
            format!("the chain of inequalities holds, its bound {bound}")
        }
        (true, None) => "the chain of inequalities holds trivially, there is no error".to_owned(),
        (false, _) => "the chain of inequalities FAILS, which a theorem rules out: please report this".to_owned(),
    };
    let missing = match test.split.classes_without_samples() {
        0 => String::new(),
        1 => format!("; 1 of {} classes has no test samples and may be worse", model.num_classes),
        missing => format!("; {missing} of {} classes have no test samples and may be worse", model.num_classes),
    };
    format!(
        "The worst class, {}{images}{ties}, has a test error of {} (between {} and {}, all classes at once, with \
         probability {}); {chain}; {}{missing}.",
        worst.name,
        percent(worst.error),
        percent(worst.interval[0]),
        percent(worst.interval[1]),
        percent(1.0 - settings.delta),
        bounds(model)
    )
}

/// What the complete bounds say, taken together.
fn bounds(model: &ModelReport) -> String {
    let complete: Vec<&BoundReport> =
        model.bounds.iter().filter(|bound| bound.applicable && bound.total.is_some()).collect();
    if let Some(bound) = complete.iter().max_by_key(|bound| bound.verdict.violated).filter(|b| b.verdict.violated > 0) {
        return format!("{} is violated for {} classes", bound.id, bound.verdict.violated);
    }
    if let Some(bound) = complete.iter().max_by_key(|bound| bound.verdict.holds).filter(|b| b.verdict.holds > 0) {
        return format!(
            "{} gives a bound below 1 that holds for {} of {} classes",
            bound.id, bound.verdict.holds, model.num_classes
        );
    }
    if complete.iter().any(|bound| bound.verdict.undecided > 0) {
        return "the bounds below 1 cannot be told from the error with these test samples".to_owned();
    }
    if complete.is_empty() {
        "no bound that can be computed in full applies to this model".to_owned()
    } else {
        "every bound that can be computed in full is vacuous (at least 1)".to_owned()
    }
}
