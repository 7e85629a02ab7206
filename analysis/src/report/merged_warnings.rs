//! Warnings that several models have, said once.

use crate::results::Report;

/// Every warning once, with the places of the models that it is on, in their order.
pub(super) fn merged_warnings(report: &Report) -> Vec<(Vec<usize>, &str)> {
    let mut found: Vec<(Vec<usize>, &str)> = Vec::new();
    for (at, model) in report.models.iter().enumerate() {
        for warning in &model.warnings {
            match found.iter_mut().find(|(_, sentence)| *sentence == warning.sentence) {
                Some((models, _)) => models.push(at),
                None => found.push((vec![at], &warning.sentence)),
            }
        }
    }
    found
}
