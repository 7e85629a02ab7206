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

/// [`shown_bounds`] without T3 and T3' where T3'', which is never above them, is shown.
pub(super) fn sharpest_bounds(model: &ModelReport) -> Vec<&BoundReport> {
    let mut bounds = shown_bounds(model);
    let shown = |bounds: &[&BoundReport], id: &str| bounds.iter().any(|bound| bound.id == id);
    for (sharper, others) in [("T3''", &["T3", "T3'"][..]), ("T3'", &["T3"])] {
        if shown(&bounds, sharper) {
            bounds.retain(|bound| !others.contains(&bound.id.as_str()));
        }
    }
    bounds
}

/// One statement at one margin for several models, so that they can be compared: the statement that gives numbers for
/// the most models (of equals, one without missing terms), at the margin that [`shown_bounds`] would take if the worst
/// of the models were the only one.
pub(super) fn common_bounds(models: &[ModelReport]) -> Vec<Option<&BoundReport>> {
    let given = |bound: &&BoundReport| bound.applicable && bound.per_class().is_some();
    let at = |model: &'_ ModelReport, id: &str, margin: Option<f64>| {
        model.bounds.iter().position(|bound| given(&bound) && bound.id == id && bound.margin == margin)
    };
    let mut candidates: Vec<(&BoundReport, usize, bool, f64)> = Vec::new();
    for bound in models.iter().flat_map(|model| &model.bounds).filter(given) {
        if candidates.iter().any(|(known, ..)| known.id == bound.id && known.margin == bound.margin) {
            continue;
        }
        let (mut count, mut enough, mut largest) = (0, true, 0.0f64);
        for model in models {
            let Some(place) = at(model, &bound.id, bound.margin) else { continue };
            count += 1;
            if let Some(worst) = &model.test.worst_class {
                let value = model.bounds[place].per_class().and_then(|values| values[worst.index]);
                enough &= value.is_some_and(|value| value >= worst.error);
                largest = largest.max(value.unwrap_or(f64::INFINITY));
            }
        }
        candidates.push((bound, count, enough, largest));
    }
    let best = candidates.into_iter().reduce(|best, other| {
        let key = |(bound, count, ..): &(&BoundReport, usize, bool, f64)| (*count, bound.total.is_some());
        let better = if key(&other) != key(&best) {
            key(&other) > key(&best)
        } else if other.0.id != best.0.id {
            // Of two complete statements the sharper one: T3'', not T3.
            other.0.total.is_some() && other.3 < best.3
        } else if other.0.total.is_some() {
            other.3 < best.3
        } else {
            match (other.2, best.2) {
                (true, true) => other.3 < best.3,
                (enough, before) => enough || (!before && other.0.margin > best.0.margin),
            }
        };
        if better { other } else { best }
    });
    models
        .iter()
        .map(|model| {
            let (bound, ..) = best.as_ref()?;
            at(model, &bound.id, bound.margin).map(|place| &model.bounds[place])
        })
        .collect()
}

/// What a caption says of a bound whose first term alone is known.
pub(super) fn first_term_note(bound: &BoundReport) -> String {
    format!(
        " Of {0} only the first term is known: where it does not make {0} vacuous or cover the interval, {0} is undecided.",
        bound.id
    )
}

/// `T3', g = 2`, `first term of T2, g = 0.5`.
pub(super) fn describe(bound: &BoundReport) -> String {
    let margin = bound.margin.map_or(String::new(), |g| format!(", g = {}", WrittenMargin(g)));
    let part = if bound.total.is_some() { "" } else { "first term of " };
    format!("{part}{}{margin}", bound.id)
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

    #[test]
    fn models_are_compared_at_one_margin() {
        let bound = |id: &str, margin: f64, value: f64, complete: bool| BoundReport {
            id: id.into(),
            margin: Some(margin),
            applicable: true,
            first_term: Some(vec![Some(value); 2]),
            total: complete.then(|| vec![Some(value); 2]),
            ..Default::default()
        };
        let model = |bounds: Vec<BoundReport>| {
            let mut model = ModelReport { num_classes: 2, bounds, ..Default::default() };
            model.test.worst_class = Some(WorstClass { error: 0.5, ..Default::default() });
            model
        };
        let t2 = |values: [f64; 3]| -> Vec<BoundReport> {
            values.iter().enumerate().map(|(g, &value)| bound("T2", g as f64, value, false)).collect()
        };
        let shown = |models: &[ModelReport]| -> Vec<Option<(String, Option<f64>)>> {
            common_bounds(models).into_iter().map(|bound| bound.map(|b| (b.id.clone(), b.margin))).collect()
        };
        let at = |id: &str, g: f64| Some((id.to_owned(), Some(g)));
        // The first reaches its error at g = 0 already, the second at g = 1 only.
        let mut models = vec![model(t2([0.6, 0.7, 0.8])), model(t2([0.0, 0.5, 0.9]))];
        assert_eq!(shown(&models), [at("T2", 1.0), at("T2", 1.0)]);
        // Where one never reaches it: the largest margin for both.
        models[1] = model(t2([0.0, 0.0, 0.1]));
        assert_eq!(shown(&models), [at("T2", 2.0), at("T2", 2.0)]);
        // A complete bound that every model has comes first, at the margin where the larger is smallest.
        models[0].bounds.extend([bound("T3", 1.0, 7.0, true), bound("T3", 2.0, 4.0, true)]);
        assert_eq!(shown(&models), [at("T2", 2.0), at("T2", 2.0)]);
        models[1].bounds.extend([bound("T3", 1.0, 3.0, true), bound("T3", 2.0, 5.0, true)]);
        assert_eq!(shown(&models), [at("T3", 2.0), at("T3", 2.0)]);
        models.iter_mut().for_each(|model| model.bounds.push(bound("T3'", 2.0, 3.0, true)));
        assert_eq!(shown(&models), [at("T3'", 2.0), at("T3'", 2.0)]);
        assert_eq!(shown(&[model(Vec::new())]), [None]);
    }
}
