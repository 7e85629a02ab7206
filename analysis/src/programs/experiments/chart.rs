//! `table`: the table as a plot, a line of each panel an experiment; every seed a small mark, their
//! mean a large one with the standard deviation across.

use super::metric::{Form, Metric, Summary};
use super::rows::Row;
use crate::draw::palette::{BLUE, Color, GREEN, GRID, INK, MUTED, Mark, ORANGE, PURPLE, SKY, VERMILLION};
use crate::draw::panel::{self, Area, Symbol, TICK, Ticks, legend, spines, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted, text_width};
use crate::draw::{Figure, Layout};
use crate::words::{counted, readable};

struct Panel {
    title: &'static str,
    notation: Notation,
    /// Metrics with their legend, colour and mark.
    series: Vec<(&'static str, &'static str, (Color, Mark))>,
}

/// The panels, with the metrics that a run has; all of them where nothing was run.
fn panels(rows: &[Row]) -> [Panel; 4] {
    let runs = || rows.iter().flat_map(|row| &row.runs);
    let is_shown = |id: &str| runs().next().is_none() || runs().any(|run| (metric(id).read)(run).is_some());
    let mut panels = [
        Panel {
            title: "overall (%)",
            notation: Notation::Percent,
            series: vec![("accuracy", "all test images", (INK, Mark::Diamond))],
        },
        Panel {
            title: "by group (%)",
            notation: Notation::Percent,
            series: vec![
                ("accuracy_many", "many (> 100 images)", (BLUE, Mark::Circle)),
                ("accuracy_medium", "medium (20–100)", (ORANGE, Mark::Square)),
                ("accuracy_few", "few (< 20)", (PURPLE, Mark::Triangle)),
            ],
        },
        Panel {
            title: "worst (%)",
            notation: Notation::Percent,
            series: vec![
                ("accuracy_worst_tenth", "worst 10 % of classes", (GREEN, Mark::Square)),
                ("accuracy_worst_class", "worst class", (VERMILLION, Mark::Triangle)),
            ],
        },
        Panel {
            title: "‖CΛ‖₂",
            notation: Notation::Plain,
            series: vec![
                ("hard_norm_test", "‖CΛ‖₂, test", (BLUE, Mark::Circle)),
                ("rms_weighted_error_test", "its floor rms λe, test", (MUTED, Mark::Square)),
                ("hard_norm_train", "‖CΛ‖₂, training", (SKY, Mark::Diamond)),
            ],
        },
    ];
    for panel in &mut panels {
        panel.series.retain(|(id, ..)| is_shown(id));
    }
    panels
}

fn metric(id: &str) -> &'static Metric {
    Metric::by_id(id).expect("a metric of the table")
}

const ROW: f64 = 54.0;
const GAP: f64 = 40.0;

/// The figure.
pub(super) fn draw(rows: &[Row]) -> Figure {
    let panels = panels(rows);
    let layout = Layout::Wide;
    let mut scene = layout.scene();
    let entries: Vec<(Symbol, String)> = panels
        .iter()
        .flat_map(|panel| &panel.series)
        .map(|(_, label, style)| (Symbol::Marker(*style), (*label).to_owned()))
        .collect();
    let head = legend(&mut scene, layout, &entries) + 50.0;
    let names: Vec<String> =
        rows.iter().map(|row| fitted(&readable(&row.plan.experiment.title), TICK, 420.0)).collect();
    let widest = names.iter().map(|name| text_width(name, TICK, false)).fold(0.0, f64::max);
    let left = layout.margin() + widest + 16.0;
    let width = (layout.width() - layout.margin() - left - GAP * (panels.len() - 1) as f64) / panels.len() as f64;
    let bottom = head + ROW * rows.len() as f64;
    let middle = |row: usize| head + (row as f64 + 0.5) * ROW;
    for (at, name) in names.iter().enumerate() {
        scene.text(left - 12.0, middle(at) + 0.36 * TICK, name, TICK, Anchor::End);
    }
    for (at, panel) in panels.iter().enumerate() {
        let from = left + at as f64 * (width + GAP);
        draw_panel(&mut scene, Area { left: from, top: head, right: from + width, bottom }, panel, rows);
    }
    scene.height = bottom + 50.0;
    let runs: usize = rows.iter().map(|row| row.runs.len()).sum();
    let first = rows.iter().flat_map(|row| &row.runs).next();
    let data = first.map_or(String::new(), |run| {
        let data = &run.description.data;
        format!(" {}, {} training images.", data.kind.name(), data.class_counts.iter().sum::<u64>())
    });
    Figure {
        stem: "table".into(),
        title: "Long-tailed training: accuracy, worst classes and spectral norm".into(),
        caption: format!(
            "{} of {}. Small marks: seeds; large: their mean, with the sample standard deviation across where \
             there are several. Axes span the values, not all begin at 0. Groups are micro averages. C: hard confusion matrix; Λ: weights of the paper, r₀ = 0.2.{data}",
            counted(runs, "run", "runs"),
            counted(rows.len(), "experiment", "experiments"),
        ),
        body: scene,
        narrow: None,
    }
}

fn draw_panel(scene: &mut Scene, area: Area, panel: &Panel, rows: &[Row]) {
    panel::title(scene, area, panel.title, 0.0);
    let values = |id: &str, row: &Row| -> Vec<f64> { row.runs.iter().filter_map(metric(id).read).collect() };
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for found in panel.series.iter().flat_map(|(id, _, _)| rows.iter().map(move |row| values(id, row))) {
        let Some(Summary { mean, deviation, .. }) = Summary::of(&found) else { continue };
        let deviation = deviation.unwrap_or(0.0);
        for value in found.into_iter().chain([mean - deviation, mean + deviation]) {
            (least, most) = (least.min(value), most.max(value));
        }
    }
    if least > most {
        (least, most) = (0.0, 1.0);
    }
    let room = (0.1 * (most - least)).max(0.01);
    let x = Scale::linear(least - room, most + room, area.left, area.right);
    x_axis(scene, area, &x, &two_ticks(&x, area.right - area.left, panel.notation), "");
    for (at, row) in rows.iter().enumerate() {
        let centre = area.top + (at as f64 + 0.5) * ROW;
        if at > 0 {
            scene.segment((area.left, centre - 0.5 * ROW), (area.right, centre - 0.5 * ROW), GRID, 1.0);
        }
        if row.runs.is_empty() {
            scene.text(area.middle(), centre + 0.36 * TICK, "not run", TICK, Anchor::Middle).color = MUTED;
        }
        for (n, (id, label, style)) in panel.series.iter().enumerate() {
            // One below the other, so that equal values stay apart.
            let y = centre + (n as f64 - 0.5 * (panel.series.len() - 1) as f64) * 0.27 * ROW;
            let found = values(id, row);
            let Some(summary) = Summary::of(&found) else { continue };
            if let Some(deviation) = summary.deviation {
                let ends = [summary.mean - deviation, summary.mean + deviation].map(|end| x.at(end));
                scene.segment((ends[0], y), (ends[1], y), style.0, 2.4);
                for value in &found {
                    scene.marker((x.at(*value), y), (style.0.with_alpha(0.55), style.1), 3.2, None);
                }
            }
            let form = if panel.notation == Notation::Percent { Form::Percent } else { Form::Number };
            let title = format!("{}: {label} {}", row.plan.experiment.title, summary.written(form, found.len()));
            scene.marker((x.at(summary.mean), y), *style, 6.0, Some(title));
        }
    }
    spines(scene, area);
}

/// Ticks from 0 on, at least two where the axis has room for them: one alone gives no scale.
fn two_ticks(scale: &Scale, length: f64, notation: Notation) -> Ticks {
    let marks = |room: f64| {
        let mut marks = ticks(scale, length, room, notation);
        marks.0.retain(|(value, _)| *value >= 0.0);
        marks
    };
    [40.0, 30.0, 20.0].into_iter().map(marks).find(|marks| marks.0.len() >= 2).unwrap_or_else(|| marks(20.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_two_ticks() {
        let labels = |low, high| -> Vec<String> {
            let scale = Scale::linear(low, high, 0.0, 122.0);
            two_ticks(&scale, 122.0, Notation::Percent).0.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(0.319, 0.396), ["32", "34", "36", "38"]);
        assert_eq!(labels(-0.02, 0.61), ["0", "25", "50"]);
    }
}
