//! `error_by_frequency`: classes from most to fewest training images; test error with interval, of
//! many classes the quantiles in bins, the bounds that say something, the floor of T4, and the
//! training counts below.

use std::ops::Range;

use super::shown_bounds::{describe, usable_bounds};
use super::{
    MOST_SINGLE, bins, by_frequency, by_frequency_title, class_title, floor_caption, group_legend, group_of,
    group_runs, group_style, group_swatches, marker_radius, of_model, order_label, quantile, settings_caption,
};
use crate::draw::palette::{BLANK, Color, GREEN, GRID, INK, MUTED, Mark, PAPER, SKY, VACUOUS};
use crate::draw::panel::{Area, LABEL, Symbol, TICK, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted, text_width, wrapped};
use crate::draw::{Figure, Layout};
use crate::results::{BoundReport, ModelReport, Report, Statement};
use crate::words::{grouped, percent};

/// `None` where no class has a test error.
pub(super) fn draw(report: &Report, model: &ModelReport) -> Option<Figure> {
    model.test.worst_class.as_ref()?;
    let title = by_frequency_title("Test error", model);
    Some(of_model("error_by_frequency", title, model, caption(report, model), |layout| body(model, layout)))
}

fn body(model: &ModelReport, layout: Layout) -> Scene {
    let k = model.num_classes;
    let order = by_frequency(model);
    let bounds: Vec<&BoundReport> = usable_bounds(model).into_iter().take(2).collect();

    let entries = entries(model, &bounds);
    let mut scene = layout.scene();
    let head = legend(&mut scene, layout, &entries) + 14.0;
    let right = layout.width() - layout.margin() - 34.0;
    let area = Area { left: layout.either(112.0, 92.0), top: head, right, bottom: head + layout.either(470.0, 440.0) };
    let x = Scale::linear(0.4, k as f64 + 0.6, area.left, area.right);
    // The band above 1 says in words which bounds are there; below 0 there is room for a line at 0.
    let notes: Vec<String> = bounds
        .iter()
        .filter_map(|bound| band_text(bound, bound.per_class()?))
        .flat_map(|note| match layout {
            Layout::Wide => vec![fitted(&note, LABEL, area.width() - 24.0)],
            Layout::Narrow => wrapped(&note, LABEL, area.width() - 24.0, false),
        })
        .collect();
    let band = if notes.is_empty() { 12.0 } else { 14.0 + 30.0 * notes.len() as f64 };
    let unit = (area.bottom - area.top - band) / 1.03;
    let y = Scale::linear(-0.03, 1.0 + band / unit, area.bottom, area.top);
    let mut y_ticks = ticks(&y, area.bottom - area.top, 66.0, Notation::Percent);
    y_ticks.0.retain(|(value, _)| (-1e-9..=1.0 + 1e-9).contains(value));
    if !notes.is_empty() {
        scene.rect(area.left, area.top, area.right - area.left, y.at(1.0) - area.top, VACUOUS);
    }
    y_axis(&mut scene, area, &y, &y_ticks, "test error of the class (%)");
    scene.segment((area.left, y.at(1.0)), (area.right, y.at(1.0)), MUTED, 1.2);
    for (_, ranks) in group_runs(model, &order).iter().skip(1) {
        let at = x.at(ranks.start as f64 + 0.5);
        scene.path(vec![(at, y.at(1.0)), (at, area.bottom)], BLANK, 1.6, Some((3.0, 4.0)));
    }

    let slices = slices(k);
    // Boxes lie below the lines, which have a white edge there; marks of single classes lie above.
    if k > MOST_SINGLE {
        quantiles(&mut scene, (&x, &y), model, &order, layout.either(24, 16));
    }
    if let Some(floors) = &model.floors {
        let floors = medians(&slices, &order, |class| Some(floors.class[class]));
        if k > MOST_SINGLE {
            steps(&mut scene, &x, &y, &floors, (PAPER, 6.0), None);
        }
        steps(&mut scene, &x, &y, &floors, (GREEN, layout.either(2.2, 2.8)), None);
    }
    for (n, text) in notes.into_iter().enumerate() {
        scene.text(area.left + 12.0, area.top + 24.0 + 30.0 * n as f64, text, LABEL, Anchor::Start);
    }
    for (bound, (color, dashed)) in bounds.iter().zip(STYLES) {
        let value = |class: usize| bound.per_class()?[class].filter(|value| !bound.is_vacuous(*value));
        steps(&mut scene, &x, &y, &medians(&slices, &order, value), (color, 2.2), dashed.then_some((8.0, 5.0)));
    }
    if k <= MOST_SINGLE {
        points(&mut scene, &x, &y, model, &order, marker_radius(k, layout));
    }
    spines(&mut scene, area);
    worst_class(&mut scene, area.right + 20.0, &y, model.test.max_error.interval);
    let axis = counts_strip(&mut scene, area, &x, model, &order, layout);
    scene.height = class_axis(&mut scene, axis, &x, model, &order, layout);
    scene
}

const STYLES: [(Color, bool); 2] = [(SKY, false), (INK, true)];

const WORST: Color = INK;

/// Where the error of the worst class lies, whichever that is, beside the data.
fn worst_class(scene: &mut Scene, at: f64, y: &Scale, interval: [f64; 2]) {
    let ends = interval.map(|end| y.at(end));
    scene.segment((at, ends[0]), (at, ends[1]), WORST, 4.0);
    for end in ends {
        scene.segment((at - 10.0, end), (at + 10.0, end), WORST, 4.0);
    }
}

/// The legend: groups, intervals or bins, floor, band, and bounds.
fn entries(model: &ModelReport, bounds: &[&BoundReport]) -> Vec<(Symbol, String)> {
    let mut entries = if model.num_classes <= MOST_SINGLE {
        let interval = (Symbol::Interval(MUTED), "interval of the test error".to_owned());
        group_legend(model).into_iter().chain([interval]).collect()
    } else {
        let mut entries = group_swatches(model, true);
        entries.push((Symbol::Tick(INK), "median of the bin".into()));
        entries.push((Symbol::LineMarker(MEAN, false), "mean".into()));
        entries
    };
    if model.floors.is_some() {
        entries.push((Symbol::Line(GREEN, false), "lowest upper limit provable from training samples alone".into()));
    }
    entries.push((Symbol::Interval(WORST), "at the right: where the worst class's error lies".into()));
    entries.extend(
        bounds.iter().zip(STYLES).map(|(bound, (color, dashed))| (Symbol::Line(color, dashed), describe(bound))),
    );
    entries
}

const MEAN: (Color, Mark) = (INK, Mark::Circle);

/// The classes' errors with their intervals.
fn points(scene: &mut Scene, x: &Scale, y: &Scale, model: &ModelReport, order: &[usize], radius: f64) {
    let k = order.len();
    let cap = (0.4 * (x.at(2.0) - x.at(1.0))).min(6.0);
    for (rank, &class) in order.iter().enumerate() {
        let at = x.at(rank as f64 + 1.0);
        let style = group_style(group_of(model, class));
        let Some(error) = model.test.split.per_class_error[class] else { continue };
        if let Some([low, high]) = model.test.class_error_interval[class] {
            let color = style.0.with_alpha(0.85);
            scene.segment((at, y.at(low)), (at, y.at(high)), color, 1.8);
            for end in [low, high].into_iter().filter(|_| k <= 40) {
                scene.segment((at - cap, y.at(end)), (at + cap, y.at(end)), color, 1.8);
            }
        }
        let n = model.test.split.class_counts[class];
        let title = class_title(model, class, &format!(": error {} of {n} test samples", percent(error)));
        scene.marker((at, y.at(error)), style, radius, Some(title));
    }
}

/// Bins of classes: the middle 80 % and the middle half of their errors as boxes, the median
/// across, the mean a line. There are about `most` bins.
fn quantiles(scene: &mut Scene, (x, y): (&Scale, &Scale), model: &ModelReport, order: &[usize], most: usize) {
    let mut means = Vec::new();
    for (group, ranks) in bins(model, order, most) {
        let mut errors: Vec<f64> =
            order[ranks.clone()].iter().filter_map(|&class| model.test.split.per_class_error[class]).collect();
        errors.sort_by(f64::total_cmp);
        let at = |share: f64| quantile(&errors, share).map(|error| y.at(error));
        let [Some(p10), Some(p25), Some(p50), Some(p75), Some(p90)] = [0.1, 0.25, 0.5, 0.75, 0.9].map(at) else {
            continue;
        };
        let (left, right) = (x.at(ranks.start as f64 + 0.5) + 1.5, x.at(ranks.end as f64 + 0.5) - 1.5);
        let fill = group_style(group).0;
        scene.rect(left, p90, right - left, p10 - p90, fill.with_alpha(0.22));
        scene.rect(left, p75, right - left, p25 - p75, fill.with_alpha(0.45));
        scene.segment((left, p50), (right, p50), INK, 3.0);
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let shares = [0.1, 0.5, 0.9].map(|share| percent(quantile(&errors, share).unwrap_or_default()));
        let title = format!(
            "{} classes: mean {}, median {}, from {} to {} for the middle 80 %",
            errors.len(),
            percent(mean),
            shares[1],
            shares[0],
            shares[2]
        );
        means.push(((0.5 * (left + right), y.at(mean)), title));
    }
    scene.path(means.iter().map(|(at, _)| *at).collect(), MEAN.0, 1.6, None);
    for (at, title) in means {
        scene.marker(at, MEAN, 5.0, Some(title));
    }
}

fn caption(report: &Report, model: &ModelReport) -> String {
    let unestimated = model.test.split.per_class_error.iter().filter(|e| e.is_none()).count();
    let shown = if model.num_classes <= MOST_SINGLE {
        "upright lines are Clopper–Pearson intervals that hold for all classes at once (T5)"
    } else {
        "each box stands for a share of the classes, in this order: the middle half of their errors is dark, the middle 80 % light"
    };
    let whose = match model.test.max_error.candidates.len() {
        1 => String::new(),
        all if all == model.num_classes => ", which can be any".to_owned(),
        several => format!(", one of {} classes", grouped(several as u64)),
    };
    let mut caption = format!(
        "Measured test error of each class, classes {}; {shown}. At the right: the error of the worst class{whose} (T5').",
        order_label(model)
    );
    if model.floors.is_some() {
        caption.push_str(&floor_caption(report));
    }
    if unestimated > 0 {
        let have = if unestimated == 1 { "class has" } else { "classes have" };
        caption.push_str(&format!(" {} {have} no test sample and no point.", grouped(unestimated as u64)));
    }
    caption.push(' ');
    caption.push_str(&settings_caption(report, model));
    caption
}

/// Ranks whose classes share a step of a line: one each, where there are many classes several.
fn slices(k: usize) -> Vec<Range<usize>> {
    let n = k.min(MOST_SINGLE);
    (0..n).map(|at| at * k / n..(at + 1) * k / n).collect()
}

/// The median of each slice, where one of its classes has a value.
fn medians(
    slices: &[Range<usize>],
    order: &[usize],
    value: impl Fn(usize) -> Option<f64>,
) -> Vec<(Range<usize>, Option<f64>)> {
    let median = |ranks: &Range<usize>| {
        let mut values: Vec<f64> = order[ranks.clone()].iter().filter_map(|&class| value(class)).collect();
        values.sort_by(f64::total_cmp);
        (ranks.clone(), quantile(&values, 0.5))
    };
    slices.iter().map(median).collect()
}

/// What the band above 100 % says of a bound: `↑ T3', g = 2: above 100 % (vacuous) for all 10
/// classes`. `None` where none is.
fn band_text(bound: &BoundReport, values: &[Option<f64>]) -> Option<String> {
    let given = values.iter().flatten().count();
    let vacuous = values.iter().flatten().filter(|value| bound.is_vacuous(**value)).count();
    let from = if bound.id == Statement::T3DoublePrime { "above 99.9999 %" } else { "100 % or more" };
    let name = describe(bound);
    match vacuous {
        0 => None,
        _ if vacuous == given => Some(format!("↑ {name}: {from} (vacuous) for all {given} classes")),
        _ => Some(format!("↑ {name}: {from} (vacuous) for {vacuous} of {given} classes, the others below")),
    }
}

/// A step line over the ranks, broken where there is no value.
fn steps(
    scene: &mut Scene,
    x: &Scale,
    y: &Scale,
    values: &[(Range<usize>, Option<f64>)],
    (color, width): (Color, f64),
    dash: Option<(f64, f64)>,
) {
    let mut line: Vec<(f64, f64)> = Vec::new();
    for (ranks, value) in values {
        match value {
            Some(value) => {
                let (from, to, height) = (x.at(ranks.start as f64 + 0.5), x.at(ranks.end as f64 + 0.5), y.at(*value));
                match line.last_mut() {
                    Some((end, last)) if *last == height => *end = to,
                    _ => line.extend([(from, height), (to, height)]),
                }
            }
            None => scene.path(std::mem::take(&mut line), color, width, dash),
        }
    }
    scene.path(line, color, width, dash);
}

/// The training counts as bars on a log scale; returns the axis below, which is flat.
fn counts_strip(
    scene: &mut Scene,
    above: Area,
    x: &Scale,
    model: &ModelReport,
    order: &[usize],
    layout: Layout,
) -> Area {
    let Some(counts) = &model.train_counts else { return Area { top: above.bottom, ..above } };
    let top = above.bottom + layout.either(26.0, 48.0);
    let area = Area { top, bottom: top + 100.0, ..above };
    let most = counts.iter().copied().max().unwrap_or(1).max(2) as f64;
    let y = Scale::log(0.7, most * 1.3, area.bottom, area.top);
    let mut y_ticks = ticks(&y, 100.0, 30.0, Notation::Plain);
    y_ticks.1.clear();
    y_axis(scene, area, &y, &y_ticks, layout.either("samples", ""));
    if layout == Layout::Narrow {
        scene.text(area.left, area.top - 12.0, "training samples", LABEL, Anchor::Start);
    }
    let trained = |class: usize| Some(counts[class] as f64).filter(|count| *count > 0.0);
    for (ranks, count) in medians(&slices(order.len()), order, trained) {
        let Some(count) = count else { continue };
        let (fill, _) = group_style(group_of(model, order[ranks.start]));
        let (from, to) = (x.at(ranks.start as f64 + 0.5), x.at(ranks.end as f64 + 0.5));
        let (top, bar) = (y.at(count), 0.8 * (to - from));
        scene.rect(0.5 * (from + to - bar), top, bar, area.bottom - top, fill.with_alpha(0.75));
    }
    spines(scene, area);
    Area { top: area.bottom, ..area }
}

/// The names or ranks of the classes on the axis; returns the bottom.
fn class_axis(scene: &mut Scene, axis: Area, x: &Scale, model: &ModelReport, order: &[usize], layout: Layout) -> f64 {
    let (k, bottom, step) = (order.len(), axis.bottom, (x.at(2.0) - x.at(1.0)).abs());
    let size = layout.either(16.0, 17.0);
    if k > 30 || step < size {
        let mut x_ticks = ticks(x, axis.width(), 90.0, Notation::Plain);
        x_ticks.0.retain(|(rank, _)| *rank >= 1.0);
        let rank = if model.train_counts.is_some() { "rank of the class" } else { "class" };
        let label = match (layout, &model.train_counts) {
            (Layout::Narrow, Some(_)) => "classes, most to fewest training samples".to_owned(),
            _ => format!("{rank}, {}", order_label(model)),
        };
        x_axis(scene, axis, x, &x_ticks, &label);
        scene.segment((axis.left, bottom), (axis.right, bottom), GRID, 0.5);
        return bottom + 20.0 + TICK + LABEL + 16.0;
    }
    let longest = 190.0;
    let mut deepest: f64 = 0.0;
    for (rank, &class) in order.iter().enumerate() {
        let at = x.at(rank as f64 + 1.0);
        scene.segment((at, bottom), (at, bottom + 6.0), INK, 1.2);
        let name = &model.class_names[class];
        if k <= layout.either(12, 0) {
            scene.text(at, bottom + 12.0 + 0.76 * TICK, fitted(name, size, step - 8.0), size, Anchor::Middle);
            deepest = deepest.max(TICK + 8.0);
        } else {
            let text = fitted(name, size, longest);
            deepest = deepest.max(text_width(&text, size, false));
            scene.text(at + 6.0, bottom + 12.0, text, size, Anchor::End).upright = true;
        }
    }
    let base = bottom + 16.0 + deepest + LABEL;
    let label = match (layout, &model.train_counts) {
        (Layout::Narrow, Some(_)) => "most to fewest training samples".to_owned(),
        _ => format!("class, {}", order_label(model)),
    };
    scene.text(axis.middle(), base, label, LABEL, Anchor::Middle);
    base + 16.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::BoundValues;

    #[test]
    fn slices_cover_every_rank_once() {
        for k in [1, 7, 200, 201, 999, 8142] {
            let slices = slices(k);
            assert!(slices.len() <= 200 && slices.iter().all(|ranks| !ranks.is_empty()));
            assert_eq!(slices.into_iter().flatten().collect::<Vec<_>>(), (0..k).collect::<Vec<_>>());
        }
        let halves = medians(&[0..3, 3..4], &[3, 2, 1, 0], |class| (class > 0).then_some(class as f64));
        assert_eq!(halves, [(0..3, Some(2.0)), (3..4, None)]);
    }

    #[test]
    fn one_class_that_can_be_the_worst_is_not_called_one_of_one() {
        let mut report = crate::report::sample::report(&[crate::report::sample::Sample::fashion()]).0;
        let mut said = |classes: &[usize]| {
            report.models[0].test.max_error.candidates = classes.to_vec();
            caption(&report, &report.models[0])
        };
        assert!(said(&[6]).contains("the error of the worst class (T5')."));
        assert!(said(&[2, 6]).contains("the error of the worst class, one of 2 classes (T5')."));
    }

    #[test]
    fn the_band_says_which_bounds_are_vacuous_without_values() {
        let values = BoundValues { total: Some(Vec::new()), ..Default::default() };
        let bound = BoundReport { id: Statement::T3Prime, values, ..Default::default() };
        let text = |values: &[f64]| band_text(&bound, &values.iter().copied().map(Some).collect::<Vec<_>>());
        assert_eq!(text(&[6.0, 1.0]).unwrap(), "↑ T3': 100 % or more (vacuous) for all 2 classes");
        assert_eq!(text(&[6.0, 0.5]).unwrap(), "↑ T3': 100 % or more (vacuous) for 1 of 2 classes, the others below");
        assert_eq!(text(&[0.0, 0.5]), None);
        let inverted = BoundReport { id: Statement::T3DoublePrime, ..bound };
        let expected = "↑ T3'': above 99.9999 % (vacuous) for 1 of 2 classes, the others below";
        assert_eq!(band_text(&inverted, &[Some(1.0 - 1e-9), Some(0.999_99)]).unwrap(), expected);
    }
}
