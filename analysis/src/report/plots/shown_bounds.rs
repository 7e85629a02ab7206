//! Which of a model's bounds a plot shows: one margin for each statement.

use crate::report::{BoundReport, ModelReport};
use car_spectral::confusion::WrittenMargin;

/// One bound for each id that gives numbers. A complete bound is taken at the margin where it is smallest at the worst
/// class. Of a bound whose first term alone is known (T2), that term is shown at the smallest margin where it is at
/// least the worst class's measured error, else at the largest margin: at g = 0 it is often 0, because the training
/// error is, and that is no bound of anything.
pub(super) fn shown_bounds(model: &ModelReport) -> Vec<&BoundReport> {
    let worst = model.test.worst_class.as_ref();
    let (class, error) = worst.map_or((0, 0.0), |worst| (worst.index, worst.error));
    let value = |bound: &BoundReport| bound.per_class().and_then(|values| values[class]).unwrap_or(f64::INFINITY);
    let mut chosen: Vec<&BoundReport> = Vec::new();
    for bound in model.bounds.iter().filter(|bound| bound.applicable && bound.per_class().is_some()) {
        let Some(kept) = chosen.iter_mut().find(|kept| kept.id == bound.id) else {
            chosen.push(bound);
            continue;
        };
        let better = if bound.total.is_some() {
            value(bound) < value(kept)
        } else {
            match (value(bound) >= error, value(kept) >= error) {
                (true, true) => value(bound) < value(kept),
                (enough, enough_before) => enough || (!enough_before && bound.margin > kept.margin),
            }
        };
        if better {
            *kept = bound;
        }
    }
    chosen
}

/// `T3', g = 2`, `T2, g = 0.5, first term`.
pub(super) fn describe(bound: &BoundReport) -> String {
    let margin = bound.margin.map_or(String::new(), |g| format!(", g = {}", WrittenMargin(g)));
    let part = if bound.total.is_some() { "" } else { ", first term" };
    format!("{}{margin}{part}", bound.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::WorstClass;

    #[test]
    fn first_terms_are_shown_where_they_reach_the_error_and_totals_where_they_are_smallest() {
        let bound = |id: &str, margin: f64, value: f64, complete: bool| BoundReport {
            id: id.into(),
            margin: Some(margin),
            applicable: true,
            first_term: Some(vec![Some(value); 2]),
            total: complete.then(|| vec![Some(value); 2]),
            ..Default::default()
        };
        let mut model = ModelReport { num_classes: 2, ..Default::default() };
        model.test.worst_class = Some(WorstClass { error: 0.5, ..Default::default() });
        model.bounds = vec![
            bound("T2", 0.0, 0.0, false),
            bound("T2", 0.5, 0.3, false),
            bound("T2", 1.0, 0.9, false),
            bound("T2", 2.0, 4.0, false),
            bound("T3", 0.5, 7.0, true),
            bound("T3", 1.0, 3.0, true),
            bound("T3", 2.0, 5.0, true),
        ];
        let margins = |model: &ModelReport| -> Vec<_> { shown_bounds(model).iter().map(|b| b.margin).collect() };
        assert_eq!(margins(&model), [Some(1.0), Some(1.0)]);
        model.test.worst_class = Some(WorstClass { error: 0.0, ..Default::default() });
        assert_eq!(margins(&model), [Some(0.0), Some(1.0)]);
        model.bounds.truncate(2);
        model.test.worst_class = Some(WorstClass { error: 0.9, ..Default::default() });
        assert_eq!(margins(&model), [Some(0.5)]);
    }
}
