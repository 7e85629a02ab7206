//! Sentences that several models share, said once.

use crate::results::{ModelReport, Report};
use crate::words::{counted, points};

/// Everything that is said of the models once, with the places of the models that it is said of, in
/// their order.
pub(super) fn merged<'a, S: PartialEq, I: Iterator<Item = S>>(
    report: &'a Report,
    said_of: impl Fn(&'a ModelReport) -> I,
) -> Vec<(Vec<usize>, S)> {
    let mut found: Vec<(Vec<usize>, S)> = Vec::new();
    for (at, model) in report.models.iter().enumerate() {
        for said in said_of(model) {
            match found.iter_mut().find(|(_, earlier)| *earlier == said) {
                Some((models, _)) => models.push(at),
                None => found.push((vec![at], said)),
            }
        }
    }
    found
}

/// What is said of the warnings before the numbers, and whether they weigh: how many there are and
/// what is known of their effect. `None` without a warning.
pub(super) fn warned(report: &Report) -> Option<(String, bool)> {
    let weighty = merged(report, |model| {
        model.warnings.iter().filter(|warning| !warning.is_small()).map(|warning| warning.sentence.as_str())
    });
    if !weighty.is_empty() {
        let number = counted(weighty.len(), "warning", "warnings");
        return Some((format!("{number} below, to be read before these numbers are relied on."), true));
    }
    let warnings = report.models.iter().flat_map(|model| &model.warnings);
    let most = warnings.filter_map(|warning| warning.off_by_at_most).reduce(f64::max)?;
    let effect = match most {
        0.0 => "no error of a class would change".to_owned(),
        _ => format!("no error of a class would change by more than {}", points(most)),
    };
    Some((
        format!("{} below: {effect}.", counted(merged_warnings(report).len(), "minor warning", "minor warnings")),
        false,
    ))
}

/// Every warning once.
pub(super) fn merged_warnings(report: &Report) -> Vec<(Vec<usize>, &str)> {
    merged(report, |model| model.warnings.iter().map(|warning| warning.sentence.as_str()))
}
