//! `bound_vs_error`: each class a point, its measured test error with interval across, its bound above; the diagonal,
//! the floor of T4, and the region where a bound says nothing.

use super::figure::{Figure, MARGIN, WIDTH};
use super::palette::{GREEN, INK, MUTED, VACUOUS, group_style};
use super::panel::{Area, LABEL, LEGEND, Symbol, TICK, legend, spines, ticks, x_axis, y_axis};
use super::scale::{Notation, Scale, percent, short};
use super::scene::{Anchor, Scene, fitted, text_width, wrapped};
use super::shown_bounds::{describe, shown_bounds};
use super::{class_title, group_legend, group_of, marker_radius, settings_caption, titled};
use crate::report::{BoundReport, ModelReport, Report, multiple};
use car_spectral::confusion::WrittenMargin;

const HEIGHT: f64 = 560.0;
/// Intervals of more classes than this would hide the points.
const MOST_INTERVALS: usize = 200;

/// The plot of one model: a panel for each of up to three bounds.
pub(super) fn draw(report: &Report, model: &ModelReport) -> Figure {
    let shown: Vec<&BoundReport> = shown_bounds(model).into_iter().take(3).collect();
    let mut panels: Vec<(String, &ModelReport, Option<&BoundReport>)> =
        shown.iter().map(|bound| (describe(bound), model, Some(*bound))).collect();
    if panels.is_empty() {
        panels.push(("no bound gives a number".to_owned(), model, None));
    }
    let mut caption = String::from(
        "Each point is a class: measured test error with its simultaneous Clopper–Pearson interval (T5) against the \
         bound; a bound below the diagonal would be violated, one in the shaded region (at least 1) says nothing.",
    );
    if shown.iter().any(|bound| bound.total.is_none()) {
        caption.push_str(" A first term alone is no bound: the complexity term that belongs to it is not computable.");
    }
    let (low, high) = range(&panels);
    let values = shown.iter().filter_map(|bound| bound.per_class()).flatten().flatten();
    let outside = values.filter(|value| !(low..=high).contains(*value)).count();
    if outside > 0 {
        caption.push_str(&format!(" Bounds outside the axis ({outside}) are drawn on its edge."));
    }
    for bound in &shown {
        if let Some(tightness) = bound.tightness_at_worst {
            caption.push_str(&format!(
                " {}: {}.",
                describe(bound),
                multiple(tightness, "the error at the worst class")
            ));
        }
    }
    for bound in model.bounds.iter().filter(|bound| !bound.applicable && shown.iter().all(|s| s.id != bound.id)) {
        // The first clause; the whole reason is in the report.
        if let Some(reason) = bound.reason.as_ref().and_then(|reason| reason.split(';').next()) {
            let sentence = format!(" {}: {}.", bound.id, reason.trim_end_matches('.'));
            if !caption.contains(&sentence) && caption.len() < 1500 {
                caption.push_str(&sentence);
            }
        }
    }
    caption.push(' ');
    caption.push_str(&settings_caption(report, model));
    Figure {
        stem: "bound_vs_error".into(),
        title: titled("Bound against measured test error", model),
        caption,
        body: body(&panels, &group_legend(model), HEIGHT),
    }
}

/// The plot of several models: the same statement for each (a complete bound if any model has one), up to six panels.
pub(super) fn draw_several(report: &Report) -> Figure {
    // The statement that gives numbers for most models; of equals, one without missing terms.
    let all = || report.models.iter().flat_map(shown_bounds);
    let given = |id: &str| all().filter(|bound| bound.id == id).count();
    let id = all().max_by_key(|bound| (given(&bound.id), bound.total.is_some())).map(|bound| bound.id.as_str());
    let chosen = spread(report.models.len(), 6);
    let panels: Vec<(String, &ModelReport, Option<&BoundReport>)> = chosen
        .iter()
        .map(|&at| {
            let model = &report.models[at];
            let bound = shown_bounds(model).into_iter().find(|bound| Some(bound.id.as_str()) == id);
            let margin =
                bound.and_then(|bound| bound.margin).map_or(String::new(), |g| format!(" (g = {})", WrittenMargin(g)));
            (
                format!("{}{margin}", fitted(&model.name, LEGEND * 1.12, if chosen.len() < 3 { 400.0 } else { 220.0 })),
                model,
                bound,
            )
        })
        .collect();
    let mut caption = match id.and_then(|_| panels.iter().find_map(|(_, _, bound)| *bound)) {
        Some(bound) if bound.total.is_none() => {
            format!("Shown: the first term of {}, which alone is no bound.", bound.id)
        }
        Some(bound) => format!("Bound shown: {}.", bound.id),
        None => "No bound gives a number for any of the models.".to_owned(),
    };
    caption.push_str(
        " Each point is a class: measured test error with its simultaneous interval against its bound; at 1 and above \
         (shaded) a bound says nothing, and below the axis it is drawn on its edge. All panels share their axes.",
    );
    if chosen.len() < report.models.len() {
        caption.push_str(&format!(" {} of {} models are shown.", chosen.len(), report.models.len()));
    }
    caption.push_str(&format!(
        " Weights λ: {}, r₀ = {}; δ = {}, M = {}; test samples: {}.",
        report.settings.weights,
        report.settings.r0,
        report.settings.delta,
        report.settings.models_compared,
        super::sample_sizes(report),
    ));
    let first = panels[0].1;
    let same_groups = panels.iter().all(|(_, model, _)| model.groups == first.groups);
    let mut entries = group_legend(first);
    if !same_groups {
        for (_, label) in &mut entries {
            label.truncate(label.rfind(':').unwrap_or(label.len()));
        }
    }
    Figure {
        stem: "bound_vs_error".into(),
        title: format!("Bound against measured test error of {} models", report.models.len()),
        caption,
        body: body(&panels, &entries, if panels.len() > 3 { 380.0 } else { 480.0 }),
    }
}

/// Up to `most` of 0..n, evenly spread, both ends among them.
fn spread(n: usize, most: usize) -> Vec<usize> {
    if n <= most {
        return (0..n).collect();
    }
    (0..most).map(|at| (at * (n - 1) + (most - 1) / 2) / (most - 1)).collect()
}

fn body(
    panels: &[(String, &ModelReport, Option<&BoundReport>)],
    groups: &[(Symbol, String)],
    panel_height: f64,
) -> Scene {
    let any_floor = panels.iter().any(|(_, _, bound)| bound.is_some_and(|b| b.floor.is_some()));
    let few_classes = panels.iter().all(|(_, model, _)| model.num_classes <= MOST_INTERVALS);
    let mut entries = groups.to_vec();
    if few_classes {
        entries.push((Symbol::Interval((MUTED, super::palette::Mark::Circle)), "test error, interval".into()));
    }
    entries.push((Symbol::Line(INK, true), "bound = error".into()));
    if any_floor {
        entries.push((Symbol::Tick(GREEN), "floor (T4)".into()));
    }
    entries.push((Symbol::Swatch(VACUOUS), "vacuous: bound ≥ 1".into()));

    let columns = panels.len().min(3);
    let rows = panels.len().div_ceil(columns);
    let (low, high) = range(panels);
    let mut scene = Scene::new(WIDTH, 0.0);
    let head = legend(&mut scene, MARGIN, 4.0, WIDTH - 2.0 * MARGIN, &entries) + 16.0;
    const LEFT: f64 = 118.0;
    const GAP: f64 = 40.0;
    const TITLE: f64 = 34.0;
    let row_height = TITLE + panel_height + 86.0;
    let width = (WIDTH - MARGIN - LEFT - GAP * (columns - 1) as f64) / columns as f64;
    for (n, (title, model, bound)) in panels.iter().enumerate() {
        let left = LEFT + (n % columns) as f64 * (width + GAP);
        let top = head + (n / columns) as f64 * row_height + TITLE;
        let area = Area { left, top, right: left + width, bottom: top + panel_height };
        let heading = fitted(title, LEGEND, width);
        scene.text(area.left, area.top - 10.0, heading, LEGEND, Anchor::Start).bold = true;
        draw_panel(&mut scene, area, (low, high), model, *bound, n % columns == 0);
    }
    scene.height = head + rows as f64 * row_height;
    scene
}

/// Ordinates shown, the same in all panels.
fn range(panels: &[(String, &ModelReport, Option<&BoundReport>)]) -> (f64, f64) {
    let mut values: Vec<f64> = vec![0.1, 1.0];
    for (_, model, bound) in panels {
        values.extend(model.test.split.per_class_error.iter().flatten());
        values.extend(bound.iter().filter_map(|b| b.per_class()).flatten().flatten());
        values.extend(bound.iter().filter_map(|b| b.floor.as_ref()).flatten().flatten());
    }
    let positive = values.into_iter().filter(|v| *v > 0.0 && v.is_finite());
    let (mut low, mut high) = (1.0f64, 1.0f64);
    for value in positive {
        low = low.min(value);
        high = high.max(value);
    }
    // Below a thousandth the diagonal would take all the room; above the highest point, room for the worst class's name.
    let (low, high) = (low.max(1e-3) * 0.8, high.min(1e12));
    (low, high * 1.6 * (high / low).powf(0.12))
}

fn draw_panel(
    scene: &mut Scene,
    area: Area,
    (low, high): (f64, f64),
    model: &ModelReport,
    bound: Option<&BoundReport>,
    first: bool,
) {
    let x = Scale::linear(-0.035, 1.035, area.left, area.right);
    let y = Scale::log(low, high, area.bottom, area.top);
    scene.rect(area.left, area.top, area.right - area.left, y.at(1.0) - area.top, VACUOUS);
    let y_ticks = ticks(&y, area.bottom - area.top, 55.0, Notation::Plain);
    if first {
        y_axis(scene, area, &y, &y_ticks, "bound on the class error (1 = 100 %)");
    } else {
        let bare = (y_ticks.0.into_iter().map(|(value, _)| (value, String::new())).collect(), y_ticks.1);
        y_axis(scene, area, &y, &bare, "");
    }
    let x_label =
        if area.right - area.left > 420.0 { "measured test error of the class (%)" } else { "test error (%)" };
    let x_ticks = ticks(&x, area.right - area.left, 62.0, Notation::Percent);
    x_axis(scene, area, &x, &x_ticks, x_label);
    scene.segment((area.left, y.at(1.0)), (area.right, y.at(1.0)), MUTED, 1.4);
    let diagonal: Vec<(f64, f64)> = (0..=120)
        .map(|n| low.max(1e-12) * (1.0 / low).powf(f64::from(n) / 120.0))
        .filter(|e| *e <= 1.0)
        .map(|e| (x.at(e), y.at(e)))
        .collect();
    scene.path(diagonal, INK, 1.8, Some((8.0, 6.0)));

    let errors = &model.test.split.per_class_error;
    let radius = marker_radius(model.num_classes);
    let values = bound.and_then(|bound| bound.per_class());
    if let Some(floor) = bound.and_then(|bound| bound.floor.as_ref()) {
        let half = radius.max(4.0) + 2.0;
        for (error, floor) in errors.iter().zip(floor) {
            if let (Some(error), Some(floor)) = (error, floor) {
                let at = (x.at(*error), y.at(*floor));
                scene.segment((at.0 - half, at.1), (at.0 + half, at.1), GREEN.with_alpha(0.9), 2.4);
            }
        }
    }
    let Some(values) = values else {
        let lines = match bound {
            Some(_) => Vec::new(),
            None => wrapped(
                "no bound of this kind gives a number for this model",
                LABEL,
                area.right - area.left - 30.0,
                false,
            ),
        };
        for (n, line) in lines.iter().enumerate() {
            let y = area.top + 40.0 + 1.3 * LABEL * n as f64;
            scene.text(area.middle(), y, line, LABEL, Anchor::Middle).color = MUTED;
        }
        spines(scene, area);
        return;
    };
    if model.num_classes <= MOST_INTERVALS {
        let alpha = if model.num_classes <= 30 { 0.9 } else { 0.35 };
        for (class, interval) in model.test.class_error_interval.iter().enumerate() {
            if let (Some([from, to]), Some(value), Some(_)) = (interval, values[class], errors[class]) {
                let color = group_style(group_of(model, class)).0.with_alpha(alpha);
                let height = y.at(value);
                scene.segment((x.at(*from), height), (x.at(*to), height), color, 1.8);
                if model.num_classes <= 30 {
                    for end in [x.at(*from), x.at(*to)] {
                        scene.segment((end, height - 5.0), (end, height + 5.0), color, 1.8);
                    }
                }
            }
        }
    }
    for class in (0..model.num_classes).filter(|&class| errors[class].is_some() && values[class].is_some()) {
        let (error, value) = (errors[class].unwrap_or(0.0), values[class].unwrap_or(0.0));
        let title = class_title(model, class, &format!(": error {}, bound {}", percent(error), short(value)));
        scene.marker((x.at(error), y.at(value)), group_style(group_of(model, class)), radius, Some(title));
    }
    if let Some(worst) = &model.test.worst_class
        && let Some(value) = values[worst.index]
    {
        let name = fitted(&format!("worst: {}", worst.name), TICK, 0.6 * (area.right - area.left));
        let width = text_width(&name, TICK, false);
        let centre = x.at(worst.error).clamp(area.left + 0.5 * width + 6.0, area.right - 0.5 * width - 4.0);
        let highest = values.iter().flatten().copied().fold(value, f64::max);
        let base = (y.at(highest) - 1.5 * TICK).max(area.top + 1.1 * TICK);
        scene.segment((x.at(worst.error), base + 5.0), (x.at(worst.error), y.at(value) - radius - 2.0), MUTED, 1.2);
        scene.text(centre, base, name, TICK, Anchor::Middle);
    }
    spines(scene, area);
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn chosen_models_are_distinct_and_include_both_ends() {
        for n in 1..60 {
            let chosen = spread(n, 6);
            assert!(chosen.windows(2).all(|w| w[0] < w[1]), "{chosen:?}");
            assert_eq!((chosen[0], chosen[chosen.len() - 1], chosen.len()), (0, n - 1, n.min(6)));
        }
    }
}
