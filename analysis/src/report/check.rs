//! Conditions that every report must satisfy before it is written: finite numbers, K entries where
//! K are due, class indices below K. After this check no table or plot can meet an index out of
//! range.

use std::collections::HashSet;

use super::ReportError;
use super::finite::first_non_finite;
use crate::results::ModelFigures;
use crate::results::{Comparison, ModelReport, Report, SCHEMA, SplitReport};

/// Checks a report and the matrices drawn beside it.
///
/// # Errors
/// [`ReportError::NotFinite`], [`ReportError::Length`], [`ReportError::ClassOutOfRange`],
/// [`ReportError::Invalid`], each with the path of the field.
pub fn check(report: &Report, figures: &[ModelFigures]) -> Result<(), ReportError> {
    if report.schema != SCHEMA {
        let problem = format!("is `{}`; this version writes `{SCHEMA}`", report.schema);
        return Err(ReportError::Invalid { field: "schema".into(), problem });
    }
    length("figures", report.models.len(), figures.len())?;
    if let Some((field, value)) = first_non_finite(report) {
        return Err(ReportError::NotFinite { field, value });
    }
    let mut names = HashSet::new();
    for (at, (model, figures)) in report.models.iter().zip(figures).enumerate() {
        if !names.insert(model.name.as_str()) {
            let problem = format!("`{}` is the name of an earlier model too; names must differ", model.name);
            return Err(ReportError::Invalid { field: format!("models[{at}].name"), problem });
        }
        check_model(&format!("models[{at}]"), model)?;
        length(&format!("figures[{at}].test_confusion rows"), model.num_classes, figures.test_confusion.num_classes())?;
    }
    for (n, found) in report.comparisons.iter().enumerate() {
        check_comparison(&format!("comparisons[{n}]"), report, found)?;
    }
    Ok(())
}

fn check_comparison(at: &str, report: &Report, found: &Comparison) -> Result<(), ReportError> {
    let models = report.models.len();
    for (side, index) in [("a", found.a), ("b", found.b)] {
        if index >= models {
            let problem = format!("is {index}; there are {models} models");
            return Err(ReportError::Invalid { field: format!("{at}.{side}"), problem });
        }
    }
    let k = report.models[found.b].num_classes;
    length(&format!("{at}.classes"), k, found.classes.len())?;
    found
        .worst_class
        .deciding
        .iter()
        .enumerate()
        .try_for_each(|(n, &index)| class(&format!("{at}.worst_class.deciding[{n}]"), k, index))
}

fn check_model(at: &str, model: &ModelReport) -> Result<(), ReportError> {
    let k = model.num_classes;
    if k < 2 {
        return Err(ReportError::Invalid {
            field: format!("{at}.num_classes"),
            problem: format!("is {k}; a report needs at least 2 classes"),
        });
    }
    length(&format!("{at}.class_names"), k, model.class_names.len())?;
    length(&format!("{at}.weights"), k, model.weights.len())?;
    length_if(&format!("{at}.train_counts"), k, model.train_counts.as_deref())?;
    length_if(&format!("{at}.groups"), k, model.groups.as_deref())?;
    if let Some(train) = &model.train {
        check_split(&format!("{at}.train"), k, train)?;
    }
    let test = &model.test;
    check_split(&format!("{at}.test"), k, &test.split)?;
    length(&format!("{at}.test.class_error_interval"), k, test.class_error_interval.len())?;
    for (n, &index) in test.max_error.candidates.iter().enumerate() {
        class(&format!("{at}.test.max_error.candidates[{n}]"), k, index)?;
    }
    for (n, above) in test.classes_above.iter().enumerate() {
        for &index in &above.classes {
            class(&format!("{at}.test.classes_above[{n}]"), k, index)?;
        }
    }
    if !model.class_confusions.is_empty() {
        length(&format!("{at}.class_confusions"), k, model.class_confusions.len())?;
    }
    for (j, found) in model.class_confusions.iter().enumerate() {
        for &(other, _) in found.errors_to.iter().chain(&found.errors_from) {
            class(&format!("{at}.class_confusions[{j}]"), k, other)?;
        }
    }
    for (n, next) in test.next_sample.iter().enumerate() {
        length(&format!("{at}.test.next_sample[{n}].limits"), k, next.limits.len())?;
    }
    length_if(&format!("{at}.floors.class"), k, model.floors.as_ref().map(|floors| floors.class.as_slice()))?;
    if let Some(worst) = &test.worst_class {
        class(&format!("{at}.test.worst_class.index"), k, worst.index)?;
    }
    if let Some(worst) = &test.weighted_worst_class {
        class(&format!("{at}.test.weighted_worst_class.index"), k, worst.index)?;
    }
    for (n, &index) in test.zero_accuracy_classes.iter().enumerate() {
        class(&format!("{at}.test.zero_accuracy_classes[{n}]"), k, index)?;
    }
    for (n, bound) in model.bounds.iter().enumerate() {
        let at = format!("{at}.bounds[{n}]");
        for (part, values) in bound.parts() {
            length_if(&format!("{at}.{part}"), k, values)?;
        }
        length_if(&format!("{at}.class_verdict"), k, bound.values.class_verdict.as_deref())?;
    }
    for (n, pair) in model.confusions.iter().enumerate() {
        class(&format!("{at}.confusions[{n}].true"), k, pair.true_class)?;
        class(&format!("{at}.confusions[{n}].predicted"), k, pair.predicted)?;
    }
    Ok(())
}

fn check_split(at: &str, k: usize, split: &SplitReport) -> Result<(), ReportError> {
    length(&format!("{at}.class_counts"), k, split.class_counts.len())?;
    length(&format!("{at}.class_errors"), k, split.class_errors.len())?;
    length(&format!("{at}.per_class_error"), k, split.per_class_error.len())?;
    length(&format!("{at}.chain.weighted_error"), k, split.chain.weighted_error.len())?;
    if let Some(index) = split.chain.wce_class {
        class(&format!("{at}.chain.wce_class"), k, index)?;
    }
    for (n, margin) in split.margins.iter().enumerate() {
        length(&format!("{at}.margins[{n}].class_margin_error"), k, margin.class_margin_error.len())?;
    }
    if let Some(pair) = &split.top_pair {
        length(&format!("{at}.top_pair.left"), k, pair.left.len())?;
        length(&format!("{at}.top_pair.right"), k, pair.right.len())?;
    }
    Ok(())
}

fn length(field: &str, expected: usize, got: usize) -> Result<(), ReportError> {
    if expected == got { Ok(()) } else { Err(ReportError::Length { field: field.to_owned(), expected, got }) }
}

fn length_if<T>(field: &str, expected: usize, values: Option<&[T]>) -> Result<(), ReportError> {
    values.map_or(Ok(()), |values| length(field, expected, values.len()))
}

fn class(field: &str, num_classes: usize, index: usize) -> Result<(), ReportError> {
    if index < num_classes {
        Ok(())
    } else {
        Err(ReportError::ClassOutOfRange { field: field.to_owned(), index, num_classes })
    }
}
