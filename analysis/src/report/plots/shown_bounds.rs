//! Choice of a model's bounds that a plot shows: one margin for each statement.

use crate::results::{BoundReport, ModelReport, Statement};
use car_spectral::confusion::WrittenMargin;

/// One bound for each id that gives numbers. A complete bound is taken at the margin where it is
/// smallest at the worst class. Of a bound whose first term alone is known (T2), that term is shown
/// at the smallest margin where it is at least the worst class's measured error, else at the
/// largest margin: at g = 0 it is often 0, because the training error is, and that is no bound of
/// anything.
fn shown_bounds(model: &ModelReport, is_wanted: fn(&BoundReport) -> bool) -> Vec<&BoundReport> {
    let worst = model.test.worst_class.as_ref();
    let (class, error) = worst.map_or((0, 0.0), |worst| (worst.index, worst.error));
    let value = |bound: &BoundReport| bound.per_class().and_then(|values| values[class]).unwrap_or(f64::INFINITY);
    let mut chosen: Vec<&BoundReport> = Vec::new();
    for bound in model.bounds.iter().filter(|bound| is_wanted(bound)) {
        let Some(kept) = chosen.iter_mut().find(|kept| kept.id == bound.id) else {
            chosen.push(bound);
            continue;
        };
        let better = if bound.values.total.is_some() {
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

fn gives_numbers(bound: &BoundReport) -> bool {
    bound.applicable && bound.per_class().is_some()
}

/// Whether a bound is complete and says something of a class.
fn is_usable(bound: &BoundReport) -> bool {
    let says = |values: &[Option<f64>]| values.iter().flatten().any(|value| !bound.is_vacuous(*value));
    bound.applicable && bound.values.total.as_deref().is_some_and(says)
}

/// The sharpest of the bounds that give numbers, whatever these say.
pub(super) fn sharpest_bounds(model: &ModelReport) -> Vec<&BoundReport> {
    without_weaker(shown_bounds(model, gives_numbers))
}

/// The sharpest of the bounds that say something of a class.
pub(super) fn usable_bounds(model: &ModelReport) -> Vec<&BoundReport> {
    without_weaker(shown_bounds(model, is_usable))
}

/// Without T3 and T3' where T3'', which is never above them, is shown.
fn without_weaker(mut bounds: Vec<&BoundReport>) -> Vec<&BoundReport> {
    use Statement::{T3, T3DoublePrime, T3Prime};
    for (sharper, others) in [(T3DoublePrime, &[T3, T3Prime][..]), (T3Prime, &[T3])] {
        if bounds.iter().any(|bound| bound.id == sharper) {
            bounds.retain(|bound| !others.contains(&bound.id));
        }
    }
    bounds
}

/// One statement at one margin for several models, so that they can be compared: of those that say
/// something of a class the one that most models have, at the margin where the largest value at a
/// worst class is smallest.
pub(super) fn common_bounds(models: &[ModelReport]) -> Vec<Option<&BoundReport>> {
    let alike = |model: &'_ ModelReport, wanted: &BoundReport| {
        model.bounds.iter().position(|b| gives_numbers(b) && (b.id, b.margin) == (wanted.id, wanted.margin))
    };
    let key = |bound: &BoundReport| {
        let given = models.iter().filter_map(|model| Some((model, &model.bounds[alike(model, bound)?])));
        let at_worst = given.map(|(model, bound)| {
            let value = |class: usize| bound.per_class().and_then(|values| values[class]).unwrap_or(f64::INFINITY);
            model.test.worst_class.as_ref().map_or(0.0, |worst| value(worst.index))
        });
        at_worst.fold((0usize, 0.0f64), |(count, largest), value| (count + 1, largest.max(value)))
    };
    let usable = models.iter().flat_map(|model| &model.bounds).filter(|bound| is_usable(bound));
    let best = usable.map(|bound| (bound, key(bound))).reduce(|best, other| {
        let is_better = other.1.0 > best.1.0 || (other.1.0 == best.1.0 && other.1.1 < best.1.1);
        if is_better { other } else { best }
    });
    models.iter().map(|model| best.and_then(|(bound, _)| Some(&model.bounds[alike(model, bound)?]))).collect()
}

/// `T3', margin 2`, `first term of T2, margin 0.5`.
pub(super) fn describe(bound: &BoundReport) -> String {
    let margin = bound.margin.map_or(String::new(), |g| format!(", margin {}", WrittenMargin(g)));
    let part = if bound.values.total.is_some() { "" } else { "first term of " };
    format!("{part}{}{margin}", bound.id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::{BoundValues, Statement::*, WorstClass};

    /// A bound of two classes.
    fn bound(id: Statement, margin: f64, first_term: f64, total: Option<[f64; 2]>) -> BoundReport {
        let values = BoundValues {
            first_term: Some(vec![Some(first_term); 2]),
            total: total.map(|total| total.map(Some).to_vec()),
            ..Default::default()
        };
        BoundReport { id, margin: Some(margin), applicable: true, values, ..Default::default() }
    }

    #[test]
    fn first_terms_are_shown_where_they_reach_the_error_and_totals_where_they_are_smallest() {
        let mut model = ModelReport { num_classes: 2, ..Default::default() };
        model.test.worst_class = Some(WorstClass { error: 0.5, ..Default::default() });
        model.bounds = vec![
            bound(T2, 0.0, 0.0, None),
            bound(T2, 0.5, 0.3, None),
            bound(T2, 1.0, 0.9, None),
            bound(T2, 2.0, 4.0, None),
            bound(T3, 0.5, 7.0, Some([7.0; 2])),
            bound(T3, 1.0, 3.0, Some([3.0; 2])),
            bound(T3, 2.0, 5.0, Some([5.0; 2])),
        ];
        let margins =
            |model: &ModelReport| -> Vec<_> { shown_bounds(model, gives_numbers).iter().map(|b| b.margin).collect() };
        assert_eq!(margins(&model), [Some(1.0), Some(1.0)]);
        model.test.worst_class = Some(WorstClass { error: 0.0, ..Default::default() });
        assert_eq!(margins(&model), [Some(0.0), Some(1.0)]);
        model.bounds.truncate(2);
        model.test.worst_class = Some(WorstClass { error: 0.9, ..Default::default() });
        assert_eq!(margins(&model), [Some(0.5)]);
    }

    #[test]
    fn models_are_compared_at_one_margin() {
        let bound = |id, margin, value| bound(id, margin, 0.0, Some([0.5, value]));
        let model = |bounds: Vec<BoundReport>| {
            let mut model = ModelReport { num_classes: 2, bounds, ..Default::default() };
            model.test.worst_class = Some(WorstClass { index: 1, ..Default::default() });
            model
        };
        let shown = |models: &[ModelReport]| -> Vec<Option<(Statement, Option<f64>)>> {
            common_bounds(models).into_iter().map(|bound| bound.map(|b| (b.id, b.margin))).collect()
        };
        let at = |id, g: f64| Some((id, Some(g)));
        let mut models = vec![model(vec![bound(T3, 1.0, 7.0), bound(T3, 2.0, 4.0)]), model(Vec::new())];
        assert_eq!(shown(&models), [at(T3, 2.0), None]);
        models[1].bounds = vec![bound(T3, 1.0, 3.0), bound(T3, 2.0, 9.0), bound(T2, 1.0, 0.1)];
        assert_eq!(shown(&models), [at(T3, 1.0), at(T3, 1.0)]);
        models.iter_mut().for_each(|model| model.bounds.push(bound(T3Prime, 2.0, 3.0)));
        assert_eq!(shown(&models), [at(T3Prime, 2.0), at(T3Prime, 2.0)]);
        assert_eq!(shown(&[model(Vec::new())]), [None]);
    }

    #[test]
    fn what_says_nothing_of_any_class_is_not_usable() {
        let found = |id, total| {
            let bounds = vec![bound(id, 1.0, 0.1, total)];
            usable_bounds(&ModelReport { bounds, ..Default::default() }).len()
        };
        assert_eq!(found(T2, None), 0, "a first term alone bounds nothing");
        assert_eq!((found(T3, Some([1.0, 6.0])), found(T3, Some([0.9, 6.0]))), (0, 1));
        assert_eq!(found(T3DoublePrime, Some([1.0 - 1e-9, 1.0])), 0);
    }
}
