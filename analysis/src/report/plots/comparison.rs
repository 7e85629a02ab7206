//! `comparison`: spectral norm, weighted worst-class error, worst-class error and accuracy of several models: against
//! the epoch where every model says its epoch, else model by model.

use super::shared_settings;
use crate::draw::figure::{Figure, MARGIN, WIDTH};
use crate::draw::palette::{BLUE, Color, GREEN, Mark, ORANGE, PURPLE, VERMILLION};
use crate::draw::panel::{self, Area, Symbol, TICK, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted, text_width};
use crate::report::{ModelReport, Report};
use crate::words::short;

type Style = (Color, Mark);
type Read = fn(&ModelReport) -> Option<(f64, Option<[f64; 2]>)>;

struct Series {
    label: &'static str,
    style: Style,
    dashed: bool,
    read: Read,
}

fn panels() -> [(&'static str, Notation, Vec<Series>); 3] {
    let series = |label, style, dashed, read| Series { label, style, dashed, read };
    [
        (
            "‖CΛ‖₂",
            Notation::Plain,
            vec![
                series("‖CΛ‖₂, test", (BLUE, Mark::Circle), false, |m| {
                    Some((m.test.split.hard.spectral_norm_weighted.value, None))
                }),
                series("‖CΛ‖₂, training", (ORANGE, Mark::Square), false, |m| {
                    m.train.as_ref().map(|t| (t.hard.spectral_norm_weighted.value, None))
                }),
                series("surrogate C̃, training", (ORANGE, Mark::Diamond), true, |m| {
                    let surrogate = m.train.as_ref()?.surrogate.as_ref()?;
                    Some((surrogate.spectral_norm_weighted.value, None))
                }),
            ],
        ),
        (
            "WCE = largest λ e",
            Notation::Plain,
            vec![series("WCE, interval (T5)", (VERMILLION, Mark::Triangle), false, |m| {
                Some((m.test.split.chain.wce, Some(m.test.wce_interval)))
            })],
        ),
        (
            "test error (%)",
            Notation::Percent,
            vec![
                series("worst class, interval (T5)", (PURPLE, Mark::Triangle), false, |m| {
                    m.test.worst_class.as_ref().map(|w| (w.error, Some(w.interval)))
                }),
                series("all test samples", (GREEN, Mark::Circle), false, |m| Some((1.0 - m.test.split.accuracy, None))),
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
    let mut scene = Scene::new(WIDTH, 0.0);
    let panels = panels();
    let entries: Vec<(Symbol, String)> = panels
        .iter()
        .flat_map(|(_, _, series)| series)
        .filter(|series| report.models.iter().any(|model| (series.read)(model).is_some()))
        .map(|series| {
            let symbol = if epochs.is_some() {
                Symbol::LineMarker(series.style, series.dashed)
            } else {
                Symbol::Marker(series.style)
            };
            (symbol, series.label.to_owned())
        })
        .collect();
    let head = legend(&mut scene, MARGIN, 4.0, WIDTH - 2.0 * MARGIN, &entries) + 50.0;
    match &epochs {
        Some(epochs) => trajectories(&mut scene, report, epochs, &panels, head),
        None => side_by_side(&mut scene, report, &panels, head),
    }
    let settings = &report.settings;
    Figure {
        stem: "comparison".into(),
        title: if epochs.is_some() {
            "Spectral norm and worst class over training".into()
        } else {
            format!("Spectral norm and worst class of {} models", report.models.len())
        },
        caption: format!(
            "C: hard (argmax) confusion matrix; C̃: its smooth surrogate (D6). Intervals hold for all classes of all {} \
             models at once with probability 1 − δ (T5). {}",
            settings.models_compared,
            shared_settings(report)
        ),
        body: scene,
    }
}

fn highest(report: &Report, series: &[Series]) -> f64 {
    let values = report.models.iter().flat_map(|model| {
        series.iter().filter_map(move |s| (s.read)(model)).map(|(value, interval)| interval.map_or(value, |i| i[1]))
    });
    let most = values.fold(0.0, f64::max);
    if most > 0.0 { 1.05 * most } else { 1.0 }
}

fn trajectories(
    scene: &mut Scene,
    report: &Report,
    epochs: &[u64],
    panels: &[(&'static str, Notation, Vec<Series>)],
    head: f64,
) {
    const LEFT: f64 = 84.0;
    const GAP: f64 = 88.0;
    let width = (WIDTH - MARGIN - LEFT - 2.0 * GAP) / 3.0;
    let bottom = head + 430.0;
    let (low, high) = (epochs[0] as f64, epochs[epochs.len() - 1] as f64);
    let pad = 0.03 * (high - low);
    for (n, (title, notation, series)) in panels.iter().enumerate() {
        let left = LEFT + n as f64 * (width + GAP);
        let area = Area { left, top: head, right: left + width, bottom };
        panel::title(scene, area, title, 0.0);
        let x = Scale::linear(low - pad, high + pad, area.left, area.right);
        let y = Scale::linear(0.0, highest(report, series), area.bottom, area.top);
        y_axis(scene, area, &y, &ticks(&y, 430.0, 60.0, *notation), "");
        let mut x_ticks = ticks(&x, width, 70.0, Notation::Plain);
        x_ticks.0.retain(|(value, _)| *value >= 0.0 && value.fract() == 0.0);
        x_axis(scene, area, &x, &x_ticks, "epoch");
        for s in series {
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
                scene
                    .shapes
                    .push(crate::draw::scene::Shape::Polygon { points: band, fill: s.style.0.with_alpha(0.18) });
            }
            let line = points.iter().map(|&(px, py, _)| (px, py)).collect();
            scene.path(line, s.style.0, 2.6, s.dashed.then_some((8.0, 5.0)));
            let radius = if points.len() > 30 { 3.0 } else { 5.5 };
            for (px, py, _) in points {
                if s.dashed {
                    scene.hollow_marker((px, py), s.style, radius + 0.5, None);
                } else {
                    scene.marker((px, py), s.style, radius, None);
                }
            }
        }
        spines(scene, area);
    }
    scene.height = bottom + 78.0;
}

fn side_by_side(scene: &mut Scene, report: &Report, panels: &[(&'static str, Notation, Vec<Series>)], head: f64) {
    let n = report.models.len();
    let row = (560.0 / n as f64).clamp(20.0, 84.0);
    let names: Vec<String> = report.models.iter().map(|model| fitted(&model.name, TICK, 340.0)).collect();
    let widest = names.iter().map(|name| text_width(name, TICK, false)).fold(0.0, f64::max);
    let left = MARGIN + widest + 16.0;
    const GAP: f64 = 44.0;
    let width = (WIDTH - MARGIN - left - 2.0 * GAP) / 3.0;
    let bottom = head + row * n as f64 + 8.0;
    // Names that would overlap are thinned out.
    let stride = (1.15 * TICK / row).ceil().max(1.0) as usize;
    for (at, name) in names.iter().enumerate().step_by(stride) {
        let y = head + 4.0 + (at as f64 + 0.5) * row;
        scene.text(left - 12.0, y + 0.36 * TICK, name, TICK, Anchor::End);
    }
    for (p, (title, notation, series)) in panels.iter().enumerate() {
        let from = left + p as f64 * (width + GAP);
        let area = Area { left: from, top: head, right: from + width, bottom };
        panel::title(scene, area, title, 0.0);
        let most = highest(report, series);
        let x = Scale::linear(-0.04 * most, most, area.left, area.right);
        let mut marks = ticks(&x, width, 48.0, *notation);
        marks.0.retain(|(value, _)| *value >= 0.0);
        x_axis(scene, area, &x, &marks, "");
        for (at, model) in report.models.iter().enumerate() {
            let y = head + 4.0 + (at as f64 + 0.5) * row;
            let radius = if row < 30.0 { 4.5 } else { 6.5 };
            for (n, s) in series.iter().enumerate() {
                let Some((value, interval)) = (s.read)(model) else { continue };
                // Series one below the other, so that equal values stay apart.
                let y = y + (n as f64 - 0.5 * (series.len() - 1) as f64) * 0.26 * row;
                let title = format!("{}: {} {}", names[at], s.label, short(value));
                scene.marker((x.at(value), y), s.style, radius, Some(title));
                if let Some(interval) = interval {
                    let ends = interval.map(|end| x.at(end));
                    scene.segment((ends[0], y), (ends[1], y), s.style.0.darker(0.3), 2.2);
                    for end in ends {
                        scene.segment((end, y - radius - 1.0), (end, y + radius + 1.0), s.style.0.darker(0.3), 2.2);
                    }
                }
            }
            if at > 0 {
                let between = y - 0.5 * row;
                scene.segment((area.left, between), (area.right, between), crate::draw::palette::GRID, 1.0);
            }
        }
        spines(scene, area);
    }
    scene.height = bottom + 50.0;
}
