//! `bound_vs_error`: each class a mark at its measured test error and its bound, with the interval
//! of the error upright where the bound would equal the error; the floor of T4, and the region
//! where a bound says nothing. Both axes in per cent, the ordinate logarithmic.

use std::collections::BTreeMap;

use super::shown_bounds::{common_bounds, describe, usable_bounds};
use super::{
    MOST_SINGLE, class_title, floor_caption, group_legend, group_of, group_style, marker_radius, of_model,
    settings_caption, shared_settings,
};
use crate::draw::palette::{GREEN, INK, MUTED, VACUOUS};
use crate::draw::panel::{Area, LEGEND, Symbol, TICK, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted, text_width};
use crate::draw::{Figure, Layout};
use crate::report::family::inapplicable_families;
use crate::results::{BoundReport, BoundValues, Group, ModelReport, Report, WorstClass};
use crate::words::{counted, listed, multiple, percent, readable, short};

const HEIGHT: f64 = 520.0;
/// Where there are many classes, marks closer than this become one.
const CELL: f64 = 12.0;
/// Height of the strip below a logarithmic axis for values that it cannot show.
const STRIP: f64 = 34.0;

type Panel<'a> = (String, &'a ModelReport, &'a BoundReport);

/// The plot of one model: a panel for each of up to three bounds; `None` where none says anything
/// of any class.
pub(super) fn draw(report: &Report, model: &ModelReport) -> Option<Figure> {
    let panels: Vec<Panel> =
        usable_bounds(model).into_iter().take(3).map(|bound| (describe(bound), model, bound)).collect();
    if panels.is_empty() {
        return None;
    }
    let mut caption = how_to_read(report, model.floors.is_some(), model.num_classes);
    let missing = inapplicable_families(model);
    if !missing.is_empty() {
        let verb = if missing.len() == 1 { "does" } else { "do" };
        caption.push_str(&format!(" {} {verb} not apply in any form (reasons in the report).", listed(&missing)));
    }
    caption.push(' ');
    caption.push_str(&settings_caption(report, model));
    Some(of_model("bound_vs_error", "Bound against measured test error", model, caption, |layout| {
        body(&panels, &group_legend(model), HEIGHT, false, layout)
    }))
}

/// What the marks mean, and what a verdict is.
fn how_to_read(report: &Report, floors: bool, num_classes: usize) -> String {
    let marks = if num_classes <= MOST_SINGLE {
        "Each mark is a class. Upright line: interval of its test error, all classes at once (T5)."
    } else {
        "Each mark is a class, larger ones are several that lie close together; intervals are not drawn."
    };
    let mut caption = format!(
        "{marks} A bound that covers the whole interval holds, below the whole interval it is violated, inside it is undecided; \
         shaded, at 100 % or more, it is vacuous."
    );
    if floors {
        caption.push_str(&floor_caption(report));
    }
    caption
}

/// The plot of several models: one statement at one margin for all that have it, up to six panels;
/// `None` where no statement says anything of any class.
pub(super) fn draw_several(report: &Report) -> Option<Figure> {
    let given: Vec<Panel> = common_bounds(&report.models)
        .into_iter()
        .zip(&report.models)
        .filter_map(|(bound, model)| Some((readable(&model.name), model, bound?)))
        .collect();
    let panels: Vec<Panel> = spread(given.len(), 6).into_iter().map(|at| given[at].clone()).collect();
    let &(_, first, bound) = panels.first()?;
    let comma = if bound.margin.is_some() { "," } else { "" };
    let mut caption = format!("The bound {}{comma} for every model that has it. ", describe(bound));
    let floors = panels.iter().any(|(_, model, _)| model.floors.is_some());
    let most = panels.iter().map(|(_, model, _)| model.num_classes).max().unwrap_or(0);
    caption.push_str(&how_to_read(report, floors, most));
    if panels.len() < report.models.len() {
        caption.push_str(&format!(" {} of {} models are shown.", panels.len(), report.models.len()));
    }
    caption.push(' ');
    caption.push_str(&shared_settings(report));
    let same_groups = panels.iter().all(|(_, model, _)| model.groups == first.groups);
    let mut entries = group_legend(first);
    if !same_groups {
        for (_, label) in &mut entries {
            label.truncate(label.rfind(':').unwrap_or(label.len()));
        }
    }
    let title = format!("Bound against measured test error of {} models", panels.len());
    let height = if panels.len() > 3 { 360.0 } else { 460.0 };
    Some(Figure::of("bound_vs_error", title, caption, |layout| body(&panels, &entries, height, true, layout)))
}

/// Up to `most` of 0..n, evenly spread, both ends among them.
pub(super) fn spread(n: usize, most: usize) -> Vec<usize> {
    if n <= most {
        return (0..n).collect();
    }
    (0..most).map(|at| (at * (n - 1) + (most - 1) / 2) / (most - 1)).collect()
}

/// The panels in rows of up to three; with `shared`, all have the same ordinates.
fn body(panels: &[Panel], groups: &[(Symbol, String)], panel_height: f64, shared: bool, layout: Layout) -> Scene {
    let any_floor = panels.iter().any(|(_, model, _)| model.floors.is_some());
    let few_classes = panels.iter().all(|(_, model, _)| model.num_classes <= MOST_SINGLE);
    let mut entries = groups.to_vec();
    if few_classes {
        entries.push((Symbol::Interval(MUTED), "interval of the test error".into()));
    }
    entries.push((Symbol::Line(INK, true), "bound = error".into()));
    if any_floor {
        entries.push((Symbol::Tick(GREEN), "lowest upper limit provable from training samples alone".into()));
    }
    entries.push((Symbol::Swatch(VACUOUS), "vacuous: bound ≥ 100 %".into()));

    let columns = layout.columns(panels.len(), 3);
    let rows = panels.len().div_ceil(columns);
    let panel_height = panel_height.min(layout.either(f64::INFINITY, 420.0));
    let mut scene = layout.scene();
    let head = legend(&mut scene, layout, &entries) + 16.0;
    const LINE: f64 = 1.25 * LEGEND;
    let first = layout.either(118.0, 108.0);
    let gap = if shared { 40.0 } else { first };
    let width = (layout.width() - layout.margin() - first - gap * (columns - 1) as f64) / columns as f64;
    let headings: Vec<Vec<String>> = panels.iter().map(|(name, ..)| heading(name, width)).collect();
    let title = 10.0 + LINE * headings.iter().map(Vec::len).max().unwrap_or(1) as f64;
    let row_height = title + panel_height + 86.0;
    for (n, panel) in panels.iter().enumerate() {
        let left = first + (n % columns) as f64 * (width + gap);
        let top = head + (n / columns) as f64 * row_height + title;
        let area = Area { left, top, right: left + width, bottom: top + panel_height };
        for (below, line) in headings[n].iter().rev().enumerate() {
            let base = area.top - 10.0 - LINE * below as f64;
            scene.text(area.left, base, line, LEGEND, Anchor::Start).bold = true;
        }
        let ordinates = Ordinates::of(if shared { panels } else { std::slice::from_ref(panel) });
        let radius = marker_radius(panel.1.num_classes, layout);
        draw_panel(&mut scene, area, &ordinates, panel, (!shared || n % columns == 0, radius));
    }
    scene.height = head + rows as f64 * row_height;
    scene
}

/// A panel's name in up to three lines as wide as the panel, broken between words or behind a
/// hyphen, slash or underscore; a longer one lacks its beginning, for names of runs differ at their
/// ends.
pub(super) fn heading(name: &str, width: f64) -> Vec<String> {
    const MOST: usize = 3;
    let mut lines = vec![String::new()];
    for part in name.split_inclusive(['-', '/', '_', ' ']) {
        let line = lines.last_mut().expect("there is one always");
        if line.is_empty() || text_width(&format!("{line}{part}"), LEGEND, true) <= width {
            line.push_str(part);
        } else {
            lines.push(part.to_owned());
        }
    }
    let cut = lines.len().saturating_sub(MOST);
    let mut lines: Vec<String> = lines.drain(cut..).map(|line| line.trim_end().to_owned()).collect();
    if cut > 0 {
        lines[0].insert(0, '…');
    }
    for line in lines.iter_mut().filter(|line| text_width(line, LEGEND, true) > width) {
        // The bold face is wider by less than a fifth.
        *line = fitted(line, LEGEND, width / 1.2);
    }
    lines
}

/// What the ordinates of a panel show.
struct Ordinates {
    low: f64,
    high: f64,
    /// How values below `low` are labelled; `None` where there are none.
    below: Option<String>,
    label: String,
}

impl Ordinates {
    fn of(panels: &[Panel]) -> Self {
        let mut values: Vec<f64> = vec![1.0];
        let mut shown: Vec<f64> = Vec::new();
        for (_, model, bound) in panels {
            values.extend(model.test.split.per_class_error.iter().flatten());
            if model.num_classes <= MOST_SINGLE {
                values.extend(model.test.class_error_interval.iter().flatten().flatten());
            }
            values.extend(model.floors.iter().flat_map(|floors| &floors.class));
            shown.extend(bound.per_class().into_iter().flatten().flatten());
        }
        values.extend(&shown);
        let positive = || values.iter().copied().filter(|v| *v > 0.0 && v.is_finite());
        // Below a thousandth the line "bound = error" would take all the room.
        let low = positive().fold(1.0, f64::min).clamp(1e-3, 0.1) * 0.8;
        let high = positive().fold(1.0, f64::max).min(1e280);
        let below = shown.iter().any(|value| *value < low).then(|| {
            let zero = shown.iter().all(|value| *value >= low || *value == 0.0);
            if zero { "0" } else { "less" }.to_owned()
        });
        let label = match panels {
            [(_, _, bound), _, ..] => format!("{} (%)", describe(bound)),
            _ => "bound on the class error (%)".to_owned(),
        };
        // Above the highest point, room for the worst class's name.
        Self { low, high: high * 1.3 * (high / low).powf(0.12), below, label }
    }
}

fn draw_panel(
    scene: &mut Scene,
    area: Area,
    ordinates: &Ordinates,
    (_, model, bound): &Panel,
    (labelled, radius): (bool, f64),
) {
    let x = Scale::linear(-0.035, 1.035, area.left, area.right);
    let strip = if ordinates.below.is_some() { STRIP } else { 0.0 };
    let log = Area { bottom: area.bottom - strip, ..area };
    let y = Scale::log(ordinates.low, ordinates.high, log.bottom, log.top);
    let height = |value: f64| if value < ordinates.low { area.bottom - 0.5 * STRIP } else { y.at(value) };
    scene.rect(area.left, area.top, area.width(), y.at(1.0) - area.top, VACUOUS);
    let mut y_ticks = ticks(&y, log.height(), 55.0, Notation::Percent);
    if !labelled {
        y_ticks.0.iter_mut().for_each(|(_, text)| text.clear());
    }
    y_axis(scene, log, &y, &y_ticks, if labelled { &ordinates.label } else { "" });
    if let Some(below) = &ordinates.below {
        scene.path(vec![(area.left, log.bottom), (area.right, log.bottom)], MUTED, 1.2, Some((3.0, 4.0)));
        if labelled {
            let base = area.bottom - 0.5 * STRIP + 0.36 * TICK;
            scene.text(area.left - 12.0, base, below, TICK, Anchor::End);
        }
    }
    let wide = area.width() > 420.0;
    let x_label = if wide { "measured test error of the class (%)" } else { "test error (%)" };
    let x_ticks = ticks(&x, area.width(), 62.0, Notation::Percent);
    x_axis(scene, area, &x, &x_ticks, x_label);
    scene.segment((area.left, y.at(1.0)), (area.right, y.at(1.0)), MUTED, 1.4);

    let errors = &model.test.split.per_class_error;
    if model.num_classes <= MOST_SINGLE {
        draw_intervals(scene, model, (&x, &y), log.bottom, area.bottom, ordinates.low);
    }
    let equal: Vec<(f64, f64)> = (0..=120)
        .map(|n| ordinates.low * (1.0 / ordinates.low).powf(f64::from(n) / 120.0))
        .map(|e| (x.at(e), y.at(e)))
        .collect();
    scene.path(equal, INK, 1.8, Some((8.0, 6.0)));

    let values = bound.per_class().unwrap_or_default();
    let place = |error: f64, value: f64| (x.at(error), height(value));
    if let Some(floors) = &model.floors {
        let half = radius.max(4.0) + 2.0;
        let ticks = errors.iter().zip(&floors.class).filter_map(|(error, floor)| Some(((*error)?, *floor)));
        for (_, (across, up), _) in apart(model, ticks.map(|(error, floor)| place(error, floor)).enumerate(), false) {
            scene.segment((across - half, up), (across + half, up), GREEN, 2.4);
        }
    }
    let marks = (0..model.num_classes).filter_map(|class| Some((class, place(errors[class]?, values[class]?))));
    for (class, at, classes) in apart(model, marks, true) {
        let title = match (classes, errors[class].zip(values[class])) {
            (1, Some((error, value))) => {
                class_title(model, class, &format!(": error {}, bound {}", percent(error), times_100(value)))
            }
            _ => counted(classes, "class", "classes"),
        };
        let radius = radius * (classes as f64).sqrt().min(2.0);
        scene.marker(at, group_style(group_of(model, class)), radius, Some(title));
    }
    if let Some(worst) = &model.test.worst_class
        && let Some(value) = values.get(worst.index).copied().flatten()
    {
        let highest = values.iter().flatten().copied().fold(value.max(1.0), f64::max);
        name_worst(
            scene,
            area,
            worst,
            bound,
            &x,
            (height(highest), (height(value) - radius - 2.0).min(y.at(worst.interval[1]) - 3.0)),
        );
    }
    spines(scene, area);
}

/// A class, where its mark stands, and how many classes the mark is for.
type ClassMark = (usize, (f64, f64), usize);

/// Marks of classes, one a class where these are few; of many those of a group that lie close
/// together are one.
fn apart(model: &ModelReport, marks: impl Iterator<Item = (usize, (f64, f64))>, by_group: bool) -> Vec<ClassMark> {
    if model.num_classes <= MOST_SINGLE {
        return marks.map(|(class, at)| (class, at, 1)).collect();
    }
    let mut cells: BTreeMap<(i64, i64, Option<Group>), ClassMark> = BTreeMap::new();
    for (class, at) in marks {
        let cell = |length: f64| (length / CELL).floor() as i64;
        let group = if by_group { group_of(model, class) } else { None };
        cells.entry((cell(at.0), cell(at.1), group)).or_insert((class, at, 0)).2 += 1;
    }
    cells.into_values().collect()
}

/// The intervals of the classes' errors, upright where the bound would equal the error; with few
/// classes, with caps. Those that begin below `low` reach down to `ground`.
fn draw_intervals(
    scene: &mut Scene,
    model: &ModelReport,
    (x, y): (&Scale, &Scale),
    log_bottom: f64,
    ground: f64,
    low: f64,
) {
    let few = model.num_classes <= 30;
    for (class, interval) in model.test.class_error_interval.iter().enumerate() {
        let (Some([from, to]), Some(error)) = (interval, model.test.split.per_class_error[class]) else { continue };
        let color = group_style(group_of(model, class)).0.with_alpha(if few { 0.9 } else { 0.75 });
        let at = x.at(error);
        let bottom = if *from < low { ground } else { y.at(*from) };
        scene.segment((at, bottom), (at, y.at(*to)), color, if few { 2.2 } else { 1.5 });
        if few {
            for end in [bottom, y.at(*to)].into_iter().filter(|end| *end < log_bottom) {
                scene.segment((at - 6.0, end), (at + 6.0, end), color, 2.2);
            }
        }
    }
}

/// The worst class's name above the `highest` point, with a line down to `end`: its mark, or its
/// interval where the mark lies below it.
fn name_worst(
    scene: &mut Scene,
    area: Area,
    worst: &WorstClass,
    bound: &BoundReport,
    x: &Scale,
    (highest, end): (f64, f64),
) {
    let name = worst_label(worst, &bound.values, area.width());
    let width = text_width(&name, TICK, false);
    let centre = x.at(worst.error).clamp(area.left + 0.5 * width + 6.0, area.right - 0.5 * width - 4.0);
    let base = (highest - 1.5 * TICK).max(area.top + 1.1 * TICK);
    scene.segment((x.at(worst.error), base + 5.0), (x.at(worst.error), end.max(base + 5.0)), MUTED, 1.2);
    scene.text(centre, base, name, TICK, Anchor::Middle);
}

/// `worst, squirrel: 6.01 times its error`; where that is too wide, the name alone.
fn worst_label(worst: &WorstClass, values: &BoundValues, width: f64) -> String {
    let factor = values.tightness_at_worst.map_or(String::new(), |factor| match factor {
        0.0 => ": 0".to_owned(),
        factor => format!(": {}", multiple(factor, "its error")),
    });
    let (name, room) = (format!("worst, {}", readable(&worst.name)), 0.9 * width);
    let whole = format!("{name}{factor}");
    if text_width(&whole, TICK, false) <= room { whole } else { fitted(&name, TICK, room) }
}

/// A bound in per cent, also above 100.
fn times_100(value: f64) -> String {
    format!("{} %", short(100.0 * value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Statement;

    #[test]
    fn chosen_models_are_distinct_and_include_both_ends() {
        for n in 1..60 {
            let chosen = spread(n, 6);
            assert!(chosen.windows(2).all(|w| w[0] < w[1]), "{chosen:?}");
            assert_eq!((chosen[0], chosen[chosen.len() - 1], chosen.len()), (0, n - 1, n.min(6)));
        }
    }

    #[test]
    fn marks_of_many_classes_that_lie_close_together_are_one() {
        let k = 8142;
        let group = |class| if class < k / 2 { Group::Many } else { Group::Few };
        let mut model = ModelReport { groups: Some((0..k).map(group).collect()), num_classes: k, ..Default::default() };
        let marks = || (0..k).map(|class| (class, (100.0 + (class % 4) as f64 * 250.0, 300.0)));
        let found = apart(&model, marks(), true);
        assert_eq!(found.iter().map(|(.., classes)| classes).sum::<usize>(), k);
        assert_eq!((found.len(), apart(&model, marks(), false).len()), (8, 4));
        model.num_classes = MOST_SINGLE;
        assert_eq!(apart(&model, marks().take(MOST_SINGLE), true).len(), MOST_SINGLE);
    }

    #[test]
    fn headings_of_runs_stay_distinct() {
        let of = |name: &str| heading(name, 220.0);
        assert_eq!(of("02-bs-seed0"), ["02-bs-seed0"]);
        let long = of("04-balanced-softmax-car-per-class-seed1");
        assert_eq!(long.concat(), "04-balanced-softmax-car-per-class-seed1");
        assert!((2..=3).contains(&long.len()) && long.iter().all(|line| text_width(line, LEGEND, true) <= 220.0));
        // Whatever the width, a name that fits in one line is left whole.
        for width in 100..400 {
            let name = "balanced-softmax";
            assert!(text_width(name, LEGEND, true) > f64::from(width) || heading(name, f64::from(width)) == [name]);
        }
        let longest = "a folder of runs/and many more words before what tells them apart/seed1";
        assert_ne!(of(longest), of(&longest.replace("seed1", "seed2")));
        assert!(of(longest)[0].starts_with('…') && of(longest).len() == 3);
        assert!(of(&"m".repeat(90))[0].ends_with('…'));
    }

    #[test]
    fn the_worst_class_is_labelled_with_its_factor() {
        let worst = WorstClass { name: "squirrel".into(), ..Default::default() };
        let label = |factor| {
            let values = BoundValues { tightness_at_worst: factor, ..Default::default() };
            worst_label(&worst, &values, 900.0)
        };
        assert_eq!(label(Some(6.012)), "worst, squirrel: 6.01 times its error");
        assert_eq!(label(Some(0.0)), "worst, squirrel: 0");
        assert_eq!(label(None), "worst, squirrel");
        let values = BoundValues { tightness_at_worst: Some(1622.0), ..Default::default() };
        assert_eq!(worst_label(&worst, &values, 300.0), "worst, squirrel");
    }

    #[test]
    fn ordinates_hold_every_bound_and_name_what_they_cannot_show() {
        let bound = |values: [f64; 2]| BoundReport {
            id: Statement::T2,
            applicable: true,
            values: BoundValues { first_term: Some(values.map(Some).to_vec()), ..Default::default() },
            ..Default::default()
        };
        let mut model = ModelReport { num_classes: 2, ..Default::default() };
        model.test.split.per_class_error = vec![Some(0.05), Some(0.5)];
        let of = |values: [f64; 2]| Ordinates::of(&[(String::new(), &model, &bound(values))]);
        let high = of([6.01, 6.65]);
        assert!(high.low < 0.05 && high.high > 6.65 && high.below.is_none(), "{} {}", high.low, high.high);
        assert_eq!(of([0.0, 0.7]).below.as_deref(), Some("0"));
        assert_eq!(of([0.0, 1e-6]).below.as_deref(), Some("less"));
        let mut complete = bound([0.0, 0.0]);
        complete.values.total = Some(vec![Some(1e6); 2]);
        let panel = Ordinates::of(&[(String::new(), &model, &complete)]);
        assert_eq!((panel.label.as_str(), panel.below), ("bound on the class error (%)", None));
    }
}
