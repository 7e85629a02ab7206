//! `differences_by_class`: for each pair of models the difference of every class's error with its interval, classes
//! from most to fewest training images; the classes that are decided stand out.

use super::{by_frequency, marker_radius, order_label, shared_settings};
use crate::draw::figure::{Figure, MARGIN, WIDTH};
use crate::draw::palette::{Color, GREEN, INK, MUTED, Mark, VERMILLION};
use crate::draw::panel::{Area, Symbol, TICK, legend, spines, ticks, title, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Scene, fitted};
use crate::report::{Comparison, ComparisonVerdict, Report};

/// Pairs drawn, one below the other.
const MOST_PAIRS: usize = 4;
/// Above this number of classes intervals would be a solid block.
const MOST_INTERVALS: usize = 200;
/// Up to so many classes their names stand below the axis.
const MOST_NAMES: usize = 12;

/// `None` without a pair of models on the same samples.
pub(super) fn draw(report: &Report) -> Option<Figure> {
    let pairs: Vec<&Comparison> = report.comparisons.iter().take(MOST_PAIRS).collect();
    let first = pairs.first()?;
    let mut scene = Scene::new(WIDTH, 0.0);
    let entries = [
        (Symbol::Marker(style(ComparisonVerdict::Better)), "better (Holm, all classes at once)".to_owned()),
        (Symbol::Marker(style(ComparisonVerdict::Worse)), "worse".to_owned()),
        (Symbol::Marker(style(ComparisonVerdict::Undecided)), "undecided".to_owned()),
        (Symbol::Interval(MUTED), "interval (T8), all classes at once".to_owned()),
    ];
    let head = legend(&mut scene, MARGIN, 4.0, WIDTH - 2.0 * MARGIN, &entries) + 46.0;
    let height = if pairs.len() == 1 { 420.0 } else { 270.0 };
    let ends = pairs.iter().flat_map(|pair| {
        pair.classes.iter().filter(|class| class.difference.is_some()).flat_map(|class| class.interval)
    });
    let most = ends.map(f64::abs).fold(0.05, f64::max).min(1.0) * 1.05;
    let mut bottom = head;
    for (at, pair) in pairs.iter().enumerate() {
        let top = head + at as f64 * (height + 88.0);
        let area = Area { left: 112.0, top, right: WIDTH - MARGIN, bottom: top + height };
        panel(&mut scene, area, report, pair, most, at + 1 == pairs.len());
        bottom = area.bottom;
    }
    scene.height = bottom + 70.0;
    let omitted = report.comparisons.len() - pairs.len();
    let mut caption = format!(
        "Test error of the first named model less that of the second, class by class, on the same test images: below 0 the first is better. Upright \
         lines hold for all classes at once; a verdict is Holm's, from McNemar's exact tests. Classes {}.",
        order_label(&report.models[first.b])
    );
    if omitted > 0 {
        caption.push_str(&format!(" {omitted} more pairs are in report.json."));
    }
    caption.push(' ');
    caption.push_str(&shared_settings(report));
    Some(Figure {
        stem: "differences_by_class".into(),
        title: "Which classes got better or worse".into(),
        caption,
        body: scene,
    })
}

fn panel(scene: &mut Scene, area: Area, report: &Report, pair: &Comparison, most: f64, last: bool) {
    let (model, against) = (&report.models[pair.b], &report.models[pair.a]);
    let k = model.num_classes;
    title(
        scene,
        area,
        &format!("{} less {}", fitted(&model.name, 20.0, 480.0), fitted(&against.name, 20.0, 480.0)),
        0.0,
    );
    let x = Scale::linear(0.4, k as f64 + 0.6, area.left, area.right);
    let y = Scale::linear(-most, most, area.bottom, area.top);
    let y_ticks = ticks(&y, area.bottom - area.top, 52.0, Notation::Percent);
    y_axis(scene, area, &y, &y_ticks, "difference of error (points)");
    let named = k <= MOST_NAMES;
    let what = if named { "classes" } else { "rank of the class," };
    let label = if last { format!("{what} {}", order_label(model)) } else { String::new() };
    let mut x_ticks = ticks(&x, area.right - area.left, 90.0, Notation::Plain);
    x_ticks.0.retain(|(value, _)| value.fract() == 0.0 && *value >= 1.0);
    if named {
        let room = (area.right - area.left) / k as f64 - 8.0;
        let name = |class: usize| fitted(&model.class_names[class], TICK, room);
        let names = by_frequency(model).into_iter().enumerate().map(|(rank, class)| (rank as f64 + 1.0, name(class)));
        x_ticks = (names.collect(), Vec::new());
    }
    x_axis(scene, area, &x, &x_ticks, &label);
    scene.segment((area.left, y.at(0.0)), (area.right, y.at(0.0)), INK, 1.4);
    for (rank, class) in by_frequency(model).into_iter().enumerate() {
        let found = &pair.classes[class];
        let Some(difference) = found.difference else { continue };
        let (at, style) = (x.at(rank as f64 + 1.0), style(found.verdict));
        if k <= MOST_INTERVALS {
            let ends = found.interval.map(|end| y.at(end));
            scene.segment((at, ends[0]), (at, ends[1]), style.0.with_alpha(0.8), if k <= 40 { 2.4 } else { 1.6 });
        }
        let name = fitted(&model.class_names[class], 20.0, 400.0);
        let text = format!("{name}: {} ({})", super::super::comparison_sentence::signed(difference), found.verdict);
        scene.marker((at, y.at(difference)), style, marker_radius(k), Some(text));
    }
    spines(scene, area);
}

fn style(verdict: ComparisonVerdict) -> (Color, Mark) {
    match verdict {
        ComparisonVerdict::Better => (GREEN, Mark::Circle),
        ComparisonVerdict::Worse => (VERMILLION, Mark::Triangle),
        ComparisonVerdict::Undecided => (MUTED.with_alpha(0.55), Mark::Square),
    }
}
