//! `comparison`: several models: where every model says its epoch, spectral norm, weighted
//! worst-class error and errors against the epoch; else, model by model, the worst class with its
//! interval, the groups and the spectral norm.

use super::bound_vs_error::{heading, spread};
use super::{group_style, shared_settings, sure};
use crate::draw::palette::{Color, GRID, INK, MUTED, Mark, SKY};
use crate::draw::panel::{self, Area, Symbol, TICK, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, Shape, text_width};
use crate::draw::{Figure, Layout};
use crate::report::headline::all_models;
use crate::results::{Group, ModelReport, Report};
use crate::words::{readable, short};

type Style = (Color, Mark);
type Read = fn(&ModelReport) -> Option<(f64, Option<[f64; 2]>)>;

struct Series {
    label: &'static str,
    style: Style,
    dashed: bool,
    read: Read,
}

type Panel = (&'static str, Notation, Vec<Series>);

fn series(label: &'static str, style: Style, dashed: bool, read: Read) -> Series {
    Series { label, style, dashed, read }
}

/// Model by model.
fn rows_of_models() -> [Panel; 3] {
    let of_group = |group: Group, label, read: Read| series(label, group_style(Some(group)), false, read);
    [
        (
            "worst class (%)",
            Notation::Percent,
            vec![series("largest class error, interval", (INK, Mark::Triangle), false, |m| {
                m.test.worst_class.as_ref().map(|worst| (worst.error, Some(m.test.max_error.interval)))
            })],
        ),
        (
            "mean class error (%)",
            Notation::Percent,
            vec![
                series("all classes", (INK, Mark::Diamond), false, |m| m.test.accuracy_macro.map(|a| (1.0 - a, None))),
                of_group(Group::Many, "many", |m| m.test.many.map(|g| (1.0 - g.accuracy_macro, None))),
                of_group(Group::Medium, "medium", |m| m.test.medium.map(|g| (1.0 - g.accuracy_macro, None))),
                of_group(Group::Few, "few", |m| m.test.few.map(|g| (1.0 - g.accuracy_macro, None))),
            ],
        ),
        (
            "‖CΛ‖₂, test",
            Notation::Plain,
            vec![series("‖CΛ‖₂", (MUTED, Mark::Square), false, |m| {
                Some((m.test.split.hard.spectral_norm_weighted.value, None))
            })],
        ),
    ]
}

/// Over epochs.
fn over_epochs() -> [Panel; 3] {
    [
        (
            "‖CΛ‖₂",
            Notation::Plain,
            vec![
                series("‖CΛ‖₂, test", (INK, Mark::Circle), false, |m| {
                    Some((m.test.split.hard.spectral_norm_weighted.value, None))
                }),
                series("‖CΛ‖₂, training", (SKY, Mark::Square), false, |m| {
                    m.train.as_ref().map(|t| (t.hard.spectral_norm_weighted.value, None))
                }),
                series("surrogate C̃, training", (SKY, Mark::Diamond), true, |m| {
                    let surrogate = m.train.as_ref()?.surrogate.as_ref()?;
                    Some((surrogate.spectral_norm_weighted.value, None))
                }),
            ],
        ),
        (
            "WCE = largest λ e",
            Notation::Plain,
            vec![series("WCE, interval", (INK, Mark::Triangle), false, |m| {
                Some((m.test.split.chain.wce, Some(m.test.wce_interval)))
            })],
        ),
        (
            "test error (%)",
            Notation::Percent,
            vec![
                series("worst class, interval", (INK, Mark::Triangle), false, |m| {
                    m.test.worst_class.as_ref().map(|w| (w.error, Some(w.interval)))
                }),
                series("all test samples", (MUTED, Mark::Circle), false, |m| Some((1.0 - m.test.split.accuracy, None))),
            ],
        ),
    ]
}

/// Epochs of the models, if each has one and they ascend.
fn epochs(report: &Report) -> Option<Vec<u64>> {
    let epochs: Option<Vec<u64>> = report.models.iter().map(|model| model.source.epoch).collect();
    epochs.filter(|epochs| epochs.windows(2).all(|pair| pair[0] < pair[1]))
}

pub(super) fn draw(report: &Report) -> Figure {
    let epochs = epochs(report);
    let mut panels = if epochs.is_some() { over_epochs() } else { rows_of_models() };
    for (_, _, series) in &mut panels {
        series.retain(|series| report.models.iter().any(|model| (series.read)(model).is_some()));
    }
    let settings = &report.settings;
    let surrogate = report.models.iter().find_map(|model| model.train.as_ref()?.surrogate.as_ref());
    let title = if epochs.is_some() {
        "Spectral norm and worst class over training".to_owned()
    } else {
        format!("Worst class, groups and spectral norm of {} models", report.models.len())
    };
    let caption = match &epochs {
        Some(_) => format!(
            "C: hard (argmax) confusion matrix; C̃: its smooth surrogate (D6{}). Intervals hold for all classes of {} \
             at once with probability {} (T5). {}",
            surrogate.map_or_else(String::new, |found| format!("; {}", found.options)),
            all_models(settings.models_compared),
            sure(report),
            shared_settings(report)
        ),
        None => format!(
            "Errors on test data, of groups the mean over their classes; whiskers hold the largest error of any class, whichever it is, in {} at once with \
             probability {} (T5').{} Whether two models differ is tested class by class and in the differences by quantity.{} {}",
            all_models(settings.models_compared),
            sure(report),
            if report.models.iter().any(|model| model.groups.is_some()) {
                " Many, medium, few: classes with more than 100, 20 to 100, fewer than 20 training samples."
            } else {
                ""
            },
            match report.models.len() {
                n if n > MOST_ROWS => format!(" {MOST_ROWS} of {n} models are shown."),
                _ => String::new(),
            },
            shared_settings(report)
        ),
    };
    Figure::of("comparison", title, caption, |layout| body(report, epochs.as_deref(), &panels, layout))
}

fn body(report: &Report, epochs: Option<&[u64]>, panels: &[Panel], layout: Layout) -> Scene {
    let entry = |series: &Series| {
        let symbol = if epochs.is_some() {
            Symbol::LineMarker(series.style, series.dashed)
        } else {
            Symbol::Marker(series.style)
        };
        (symbol, series.label.to_owned())
    };
    let entries: Vec<(Symbol, String)> = panels.iter().flat_map(|(_, _, series)| series).map(entry).collect();
    let mut scene = layout.scene();
    let head = legend(&mut scene, layout, &entries) + 50.0;
    scene.height = match epochs {
        Some(epochs) => trajectories(&mut scene, report, epochs, panels, head, layout),
        None => side_by_side(&mut scene, report, panels, head, layout),
    };
    scene
}

fn highest(report: &Report, series: &[Series]) -> f64 {
    let values = report.models.iter().flat_map(|model| {
        series.iter().filter_map(move |s| (s.read)(model)).map(|(value, interval)| interval.map_or(value, |i| i[1]))
    });
    let most = values.fold(0.0, f64::max);
    if most > 0.0 { 1.05 * most } else { 1.0 }
}

/// A panel a quantity against the epoch; returns the height.
fn trajectories(
    scene: &mut Scene,
    report: &Report,
    epochs: &[u64],
    panels: &[Panel],
    head: f64,
    layout: Layout,
) -> f64 {
    const LEFT: f64 = 84.0;
    const GAP: f64 = 88.0;
    let columns = layout.columns(panels.len(), 3);
    let width = (layout.width() - layout.margin() - LEFT - (columns - 1) as f64 * GAP) / columns as f64;
    let height = layout.either(430.0, 300.0);
    let row_height = height + 128.0;
    let (low, high) = (epochs[0] as f64, epochs[epochs.len() - 1] as f64);
    let pad = 0.03 * (high - low);
    for (n, (title, notation, series)) in panels.iter().enumerate() {
        let left = LEFT + (n % columns) as f64 * (width + GAP);
        let top = head + (n / columns) as f64 * row_height;
        let area = Area { left, top, right: left + width, bottom: top + height };
        panel::title(scene, area, title, 0.0);
        let x = Scale::linear(low - pad, high + pad, area.left, area.right);
        let y = Scale::linear(0.0, highest(report, series), area.bottom, area.top);
        y_axis(scene, area, &y, &ticks(&y, height, 60.0, *notation), "");
        let mut x_ticks = ticks(&x, width, 70.0, Notation::Plain);
        x_ticks.0.retain(|(value, _)| *value >= 0.0 && value.fract() == 0.0);
        x_axis(scene, area, &x, &x_ticks, "epoch");
        for s in series {
            trajectory(scene, report, epochs, s, (&x, &y));
        }
        spines(scene, area);
    }
    head + (panels.len().div_ceil(columns) - 1) as f64 * row_height + height + 78.0
}

fn trajectory(scene: &mut Scene, report: &Report, epochs: &[u64], s: &Series, (x, y): (&Scale, &Scale)) {
    let points: Vec<(f64, f64, Option<[f64; 2]>)> = report
        .models
        .iter()
        .zip(epochs)
        .filter_map(|(model, &epoch)| (s.read)(model).map(|(value, i)| (x.at(epoch as f64), y.at(value), i)))
        .collect();
    if points.iter().all(|(_, _, interval)| interval.is_some()) && points.len() > 1 {
        let upper = points.iter().filter_map(|(px, _, i)| i.map(|i| (*px, y.at(i[1]))));
        let lower = points.iter().rev().filter_map(|(px, _, i)| i.map(|i| (*px, y.at(i[0]))));
        let band = upper.chain(lower).collect();
        scene.shapes.push(Shape::Polygon { points: band, fill: s.style.0.with_alpha(0.18) });
    }
    let line = points.iter().map(|&(px, py, _)| (px, py)).collect();
    scene.path(line, s.style.0, 2.6, s.dashed.then_some((8.0, 5.0)));
    let radius = if points.len() > 30 { 3.0 } else { 5.5 } + if s.dashed { 0.5 } else { 0.0 };
    for (px, py, _) in points {
        scene.mark_on(s.dashed, (px, py), s.style, radius, None);
    }
}

/// Models drawn; of more, these many spread evenly.
const MOST_ROWS: usize = 24;
/// A line a model, a panel a quantity; the names of the models stand before the first panel of each
/// row. Returns the height.
fn side_by_side(scene: &mut Scene, report: &Report, panels: &[Panel], head: f64, layout: Layout) -> f64 {
    const GAP: f64 = 44.0;
    const LINE: f64 = 1.2 * TICK;
    let chosen: Vec<&ModelReport> =
        spread(report.models.len(), MOST_ROWS).into_iter().map(|at| &report.models[at]).collect();
    // Names are broken into up to three lines.
    let room = layout.either(330.0, 170.0);
    let names: Vec<Vec<String>> = chosen.iter().map(|model| heading(&readable(&model.name), room)).collect();
    let rows: Vec<f64> = names.iter().map(|lines| (LINE * lines.len() as f64 + 22.0).max(56.0)).collect();
    let widest = names.iter().flatten().map(|line| text_width(line, TICK, false)).fold(0.0, f64::max);
    let left = layout.margin() + widest + 16.0;
    let columns = layout.columns(panels.len(), 3);
    let width = (layout.width() - layout.margin() - left - (columns - 1) as f64 * GAP) / columns as f64;
    let height = rows.iter().sum::<f64>();
    let row_height = height + 100.0;
    let last = (panels.len().div_ceil(columns) - 1) as f64 * row_height;
    for below in (0..panels.len().div_ceil(columns)).map(|row| row as f64 * row_height) {
        let middles = middles(head + below, &rows);
        for (lines, middle) in names.iter().zip(&middles) {
            let first = middle + 0.36 * TICK - 0.5 * LINE * (lines.len() - 1) as f64;
            for (n, line) in lines.iter().enumerate() {
                scene.text(left - 14.0, first + LINE * n as f64, line, TICK, Anchor::End);
            }
        }
    }
    for (p, panel) in panels.iter().enumerate() {
        let from = left + (p % columns) as f64 * (width + GAP);
        let top = head + (p / columns) as f64 * row_height;
        let area = Area { left: from, top, right: from + width, bottom: top + height };
        draw_panel(scene, area, report, panel, &chosen, &rows);
    }
    head + last + height + 50.0
}

/// The middles of rows of these heights, the first of which begins at `head`.
fn middles(head: f64, rows: &[f64]) -> Vec<f64> {
    (0..rows.len()).map(|at| head + rows[..at].iter().sum::<f64>() + 0.5 * rows[at]).collect()
}

fn draw_panel(
    scene: &mut Scene,
    area: Area,
    report: &Report,
    (title, notation, series): &Panel,
    models: &[&ModelReport],
    rows: &[f64],
) {
    panel::title(scene, area, title, 0.0);
    let most = highest(report, series);
    let x = Scale::linear(-0.04 * most, most, area.left, area.right);
    let mut marks = ticks(&x, area.width(), 52.0, *notation);
    marks.0.retain(|(value, _)| *value >= 0.0 && (*notation == Notation::Plain || *value <= 1.0));
    x_axis(scene, area, &x, &marks, "");
    for ((model, middle), row) in models.iter().zip(middles(area.top, rows)).zip(rows) {
        for (n, s) in series.iter().enumerate() {
            let Some((value, interval)) = (s.read)(model) else { continue };
            // Series one below the other, so that equal values stay apart.
            let y = middle + (n as f64 - 0.5 * (series.len() - 1) as f64) * 12.0;
            if let Some(ends) = interval.map(|interval| interval.map(|end| x.at(end))) {
                scene.segment((ends[0], y), (ends[1], y), s.style.0, 2.4);
                for end in ends {
                    scene.segment((end, y - 7.0), (end, y + 7.0), s.style.0, 2.4);
                }
            }
            scene.marker((x.at(value), y), s.style, 6.0, Some(format!("{}: {}", s.label, short(value))));
        }
        let below = middle + 0.5 * row;
        scene.segment((area.left, below), (area.right, below), GRID, 1.0);
    }
    spines(scene, area);
}
