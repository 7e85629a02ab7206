//! `error_by_frequency`: classes from most to fewest training images; test error with interval, the bounds cut at 1,
//! the floor of T4, and the training counts below.

use super::shown_bounds::{describe, first_term_note, sharpest_bounds};
use super::{
    FLOOR, by_frequency, class_title, group_legend, group_of, group_style, marker_radius, order_label,
    settings_caption, titled,
};
use crate::draw::figure::{Figure, MARGIN, WIDTH};
use crate::draw::palette::{BLANK, Color, GREEN, GRID, INK, MUTED, SKY, VACUOUS, VERMILLION};
use crate::draw::panel::{Area, LABEL, Symbol, TICK, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted};
use crate::report::{BoundReport, ModelReport, Report};
use crate::words::percent;

pub(super) fn draw(report: &Report, model: &ModelReport) -> Figure {
    let k = model.num_classes;
    let order = by_frequency(model);
    let bounds: Vec<&BoundReport> = sharpest_bounds(model).into_iter().take(2).collect();
    let floor: Option<Vec<Option<f64>>> =
        model.floors.as_ref().map(|floors| floors.class.iter().copied().map(Some).collect());
    let worst = model.test.worst_class.as_ref().map(|_| model.test.max_error.interval);

    let entries = entries(model, &bounds);
    let mut scene = Scene::new(WIDTH, 0.0);
    let head = legend(&mut scene, MARGIN, 4.0, WIDTH - 2.0 * MARGIN, &entries) + 14.0;
    let area = Area { left: 112.0, top: head, right: WIDTH - MARGIN, bottom: head + 470.0 };
    let x = Scale::linear(0.4, k as f64 + 0.6, area.left, area.right);
    // The band above 1 says in words which bounds are there; below 0 there is room for a line at 0.
    let notes: Vec<(String, Color)> = bounds
        .iter()
        .zip(STYLES)
        .filter_map(|(bound, (color, _))| Some((band_text(bound, bound.per_class()?)?, color)))
        .collect();
    let band = 34.0 + 30.0 * notes.len() as f64;
    let unit = (area.bottom - area.top - band) / 1.03;
    let y = Scale::linear(-0.03, 1.0 + band / unit, area.bottom, area.top);
    let mut y_ticks = ticks(&y, area.bottom - area.top, 66.0, Notation::Percent);
    y_ticks.0.retain(|(value, _)| (-1e-9..=1.0 + 1e-9).contains(value));
    scene.rect(area.left, area.top, area.right - area.left, y.at(1.0) - area.top, VACUOUS);
    y_axis(&mut scene, area, &y, &y_ticks, "test error of the class, bound (%)");
    scene.segment((area.left, y.at(1.0)), (area.right, y.at(1.0)), MUTED, 1.2);
    boundaries(&mut scene, Area { top: y.at(1.0), ..area }, &x, model, &order);

    if let Some([lower, upper]) = worst {
        scene.rect(area.left, y.at(upper), area.right - area.left, y.at(lower) - y.at(upper), WORST);
    }
    if let Some(floor) = &floor {
        steps(&mut scene, &x, &y, &order, floor, GREEN, None);
    }
    for (n, (text, color)) in notes.into_iter().enumerate() {
        let text = fitted(&text, LABEL, area.right - area.left - 24.0);
        let base = area.top + 24.0 + 30.0 * n as f64;
        scene.text(area.left + 12.0, base, text, LABEL, Anchor::Start).color = color.darker(0.2);
    }
    for (bound, (color, dashed)) in bounds.iter().zip(STYLES) {
        let Some(values) = bound.per_class() else { continue };
        let below: Vec<Option<f64>> =
            values.iter().map(|value| value.filter(|value| !bound.is_vacuous(*value))).collect();
        steps(&mut scene, &x, &y, &order, &below, color, dashed.then_some((8.0, 5.0)));
    }

    points(&mut scene, &x, &y, model, &order);
    spines(&mut scene, area);

    let bottom = counts_strip(&mut scene, area, &x, model, &order);
    scene.height = bottom;

    Figure {
        stem: "error_by_frequency".into(),
        title: titled("Test error by class frequency", model),
        caption: caption(report, model, &bounds),
        body: scene,
    }
}

const STYLES: [(Color, bool); 2] = [(VERMILLION, false), (INK, true)];

/// The band of T5' behind the data.
const WORST: Color = SKY.with_alpha(0.35);

/// The legend: groups, intervals, floor, band, and the bounds that say something of a class.
fn entries(model: &ModelReport, bounds: &[&BoundReport]) -> Vec<(Symbol, String)> {
    let mut entries = group_legend(model);
    entries.push((Symbol::Interval(MUTED), "interval of the test error (T5)".into()));
    if model.floors.is_some() {
        entries.push((Symbol::Line(GREEN, false), "floor of bounds from training (T4)".into()));
    }
    if model.test.worst_class.is_some() {
        entries.push((Symbol::Swatch(WORST), "where the worst class's error lies (T5')".into()));
    }
    for (bound, (color, dashed)) in bounds.iter().zip(STYLES) {
        if bound.per_class().is_some_and(|values| values.iter().flatten().any(|value| !bound.is_vacuous(*value))) {
            entries.push((Symbol::Line(color, dashed), describe(bound)));
        }
    }
    entries
}

/// The classes' errors with their intervals.
fn points(scene: &mut Scene, x: &Scale, y: &Scale, model: &ModelReport, order: &[usize]) {
    let k = order.len();
    let radius = marker_radius(k);
    let alpha = if k <= 200 { 0.85 } else { 0.3 };
    for (rank, &class) in order.iter().enumerate() {
        let at = x.at(rank as f64 + 1.0);
        let style = group_style(group_of(model, class));
        let Some(error) = model.test.split.per_class_error[class] else { continue };
        if let Some([low, high]) = model.test.class_error_interval[class] {
            let width = if k <= 200 { 1.8 } else { 1.0 };
            scene.segment((at, y.at(low)), (at, y.at(high)), style.0.with_alpha(alpha), width);
            if k <= 40 {
                for end in [low, high] {
                    scene.segment((at - 6.0, y.at(end)), (at + 6.0, y.at(end)), style.0.with_alpha(alpha), 1.8);
                }
            }
        }
        let n = model.test.split.class_counts[class];
        let title = class_title(model, class, &format!(": error {} of {n} test samples", percent(error)));
        scene.marker((at, y.at(error)), style, radius, Some(title));
    }
}

fn caption(report: &Report, model: &ModelReport, bounds: &[&BoundReport]) -> String {
    let unestimated = model.test.split.per_class_error.iter().filter(|e| e.is_none()).count();
    let mut caption = format!(
        "Measured test error of each class, classes {}; upright lines are Clopper–Pearson intervals that hold for all \
         classes at once (T5). Band: the error of the worst class, one of {} classes (T5').",
        order_label(model),
        model.test.max_error.candidates.len()
    );
    if let Some(bound) = bounds.iter().find(|bound| bound.total.is_none()) {
        caption.push_str(&first_term_note(bound));
    }
    if model.floors.is_some() {
        caption.push_str(FLOOR);
    }
    if unestimated > 0 {
        caption.push_str(&format!(" {unestimated} classes have no test sample and no point."));
    }
    caption.push(' ');
    caption.push_str(&settings_caption(report, model));
    caption
}

/// What the band above 100 % says of a bound: `↑ T3', g = 2: above 100 % (vacuous) for all 10 classes`.
/// `None` where none is.
fn band_text(bound: &BoundReport, values: &[Option<f64>]) -> Option<String> {
    let given = values.iter().flatten().count();
    let vacuous = values.iter().flatten().filter(|value| bound.is_vacuous(**value)).count();
    let from = if bound.id == "T3''" { "above 99.9999 %" } else { "100 % or more" };
    let name = describe(bound);
    match vacuous {
        0 => None,
        _ if vacuous == given => Some(format!("↑ {name}: {from} (vacuous) for all {given} classes")),
        _ => Some(format!("↑ {name}: {from} (vacuous) for {vacuous} of {given} classes, the others below")),
    }
}

/// A step line over the ranks, broken where a class has no value.
fn steps(
    scene: &mut Scene,
    x: &Scale,
    y: &Scale,
    order: &[usize],
    values: &[Option<f64>],
    color: Color,
    dash: Option<(f64, f64)>,
) {
    let mut line: Vec<(f64, f64)> = Vec::new();
    for (rank, &class) in order.iter().enumerate() {
        match values[class] {
            Some(value) => {
                let (from, to, height) = (x.at(rank as f64 + 0.5), x.at(rank as f64 + 1.5), y.at(value));
                match line.last_mut() {
                    Some((end, last)) if *last == height => *end = to,
                    _ => line.extend([(from, height), (to, height)]),
                }
            }
            None => scene.path(std::mem::take(&mut line), color, 2.2, dash),
        }
    }
    scene.path(line, color, 2.2, dash);
}

/// Thin lines between the groups.
fn boundaries(scene: &mut Scene, area: Area, x: &Scale, model: &ModelReport, order: &[usize]) {
    for rank in 1..order.len() {
        if group_of(model, order[rank - 1]) != group_of(model, order[rank]) {
            let at = x.at(rank as f64 + 0.5);
            scene.path(vec![(at, area.top), (at, area.bottom)], BLANK, 1.6, Some((3.0, 4.0)));
        }
    }
}

/// The training counts as bars on a log scale, with the class axis below; returns the bottom.
fn counts_strip(scene: &mut Scene, above: Area, x: &Scale, model: &ModelReport, order: &[usize]) -> f64 {
    let k = order.len();
    let mut bottom = above.bottom;
    if let Some(counts) = &model.train_counts {
        let area = Area { top: above.bottom + 26.0, bottom: above.bottom + 126.0, ..above };
        let most = counts.iter().copied().max().unwrap_or(1).max(2) as f64;
        let y = Scale::log(0.7, most * 1.3, area.bottom, area.top);
        let mut y_ticks = ticks(&y, 100.0, 30.0, Notation::Plain);
        y_ticks.1.clear();
        y_axis(scene, area, &y, &y_ticks, "images");
        let width = (x.at(2.0) - x.at(1.0)).abs();
        for (rank, &class) in order.iter().enumerate() {
            if counts[class] == 0 {
                continue;
            }
            let (fill, _) = group_style(group_of(model, class));
            let top = y.at(counts[class] as f64);
            let bar = (width * 0.8).max(0.4);
            scene.rect(x.at(rank as f64 + 1.0) - 0.5 * bar, top, bar, area.bottom - top, fill.with_alpha(0.75));
        }
        spines(scene, area);
        bottom = area.bottom;
    }
    let axis = Area { bottom, top: bottom, ..above };
    if k <= 30 {
        let longest = 190.0;
        let mut deepest: f64 = 0.0;
        for (rank, &class) in order.iter().enumerate() {
            let at = x.at(rank as f64 + 1.0);
            scene.segment((at, bottom), (at, bottom + 6.0), INK, 1.2);
            let room = (x.at(2.0) - x.at(1.0)).abs() - 8.0;
            let name = &model.class_names[class];
            if k <= 12 {
                scene.text(at, bottom + 12.0 + 0.76 * TICK, fitted(name, 16.0, room), 16.0, Anchor::Middle);
                deepest = deepest.max(TICK + 8.0);
            } else {
                let text = fitted(name, 16.0, longest);
                deepest = deepest.max(crate::draw::scene::text_width(&text, 16.0, false));
                scene.text(at + 6.0, bottom + 12.0, text, 16.0, Anchor::End).upright = true;
            }
        }
        let base = bottom + 16.0 + deepest + LABEL;
        scene.text(axis.middle(), base, format!("class, {}", order_label(model)), LABEL, Anchor::Middle);
        base + 16.0
    } else {
        let mut x_ticks = ticks(x, axis.right - axis.left, 90.0, Notation::Plain);
        x_ticks.0.retain(|(rank, _)| *rank >= 1.0);
        x_axis(scene, axis, x, &x_ticks, &format!("rank of the class, {}", order_label(model)));
        scene.segment((axis.left, bottom), (axis.right, bottom), GRID, 0.5);
        bottom + 20.0 + TICK + LABEL + 16.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_says_which_bounds_are_vacuous_without_values() {
        let bound = BoundReport { id: "T3'".into(), total: Some(Vec::new()), ..Default::default() };
        let text = |values: &[f64]| band_text(&bound, &values.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(text(&[6.0, 1.0]).unwrap(), "↑ T3': 100 % or more (vacuous) for all 2 classes");
        assert_eq!(text(&[6.0, 0.5]).unwrap(), "↑ T3': 100 % or more (vacuous) for 1 of 2 classes, the others below");
        assert_eq!(text(&[0.0, 0.5]), None);
        let inverted = BoundReport { id: "T3''".into(), ..bound };
        let expected = "↑ T3'': above 99.9999 % (vacuous) for 1 of 2 classes, the others below";
        assert_eq!(band_text(&inverted, &[Some(1.0 - 1e-9), Some(0.999_99)]).unwrap(), expected);
    }
}
