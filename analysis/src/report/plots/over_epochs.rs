//! Panels of values against the epoch: a line a run, runs of one arm (the same loss, other seeds)
//! in one colour with their mean.

use super::arms::{Arm, arms};
use crate::draw::Layout;
use crate::draw::palette::{BLUE, Color, GREEN, MUTED, Mark, ORANGE, PURPLE, SKY, VERMILLION};
use crate::draw::panel::{self, Area, LEGEND, Symbol, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Scene, fitted};
use crate::results::TrainingRun;
use crate::words::{fixed, short};
use car_spectral_runs::log::EpochMetrics;

type Style = (Color, Mark);
/// A value of an epoch, where it was recorded.
pub(super) type Read = fn(&EpochMetrics) -> Option<f64>;

const COLORS: [Color; 6] = [BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY];
const MARKS: [Mark; 4] = [Mark::Circle, Mark::Square, Mark::Triangle, Mark::Diamond];
const LEFT: f64 = 84.0;
const GAP: f64 = 88.0;

/// One panel: a solid line and perhaps a dashed one.
pub(super) struct Panel {
    pub title: &'static str,
    pub notation: Notation,
    pub solid: Read,
    pub dashed: Option<Read>,
}

/// The panels that some run has values for.
pub(super) fn with_values(runs: &[&TrainingRun], panels: impl IntoIterator<Item = Panel>) -> Vec<Panel> {
    let has_values = |panel: &Panel| {
        let reads = || std::iter::once(panel.solid).chain(panel.dashed);
        runs.iter().flat_map(|run| &run.epochs).any(|epoch| reads().any(|read| read(epoch).is_some()))
    };
    panels.into_iter().filter(has_values).collect()
}

/// The panels with a legend of the arms; `lines` says what solid and dashed mean.
pub(super) fn draw(runs: &[&TrainingRun], panels: &[Panel], lines: [&str; 2], layout: Layout) -> Scene {
    let arms = arms(runs);
    let mut scene = layout.scene();
    let mut entries: Vec<(Symbol, String)> = arms
        .iter()
        .enumerate()
        .map(|(at, arm)| {
            let seeds =
                if arm.runs.len() > 1 { format!(" ({} seeds and their mean)", arm.runs.len()) } else { String::new() };
            (Symbol::LineMarker(style(at), false), fitted(&format!("{}{seeds}", arm.label), LEGEND, name_room(layout)))
        })
        .collect();
    for (label, dashed) in lines.into_iter().zip([false, true]).filter(|(label, _)| !label.is_empty()) {
        entries.push((Symbol::Line(MUTED, dashed), label.to_owned()));
    }
    let head = legend(&mut scene, layout, &entries) + 50.0;
    let columns = layout.columns(3, 3);
    let width = (layout.width() - layout.margin() - LEFT - (columns - 1) as f64 * GAP) / columns as f64;
    let height = layout.either(300.0, 230.0);
    let row_height = height + 140.0;
    for (n, panel) in panels.iter().enumerate() {
        let (left, top) = (LEFT + (n % columns) as f64 * (width + GAP), head + (n / columns) as f64 * row_height);
        let area = Area { left, top, right: left + width, bottom: top + height };
        draw_panel(&mut scene, area, panel, &arms);
    }
    scene.height = head + panels.len().div_ceil(columns) as f64 * row_height - 62.0;
    scene
}

/// Room for an arm's name in a legend; a narrow figure breaks it into up to three lines.
pub(super) fn name_room(layout: Layout) -> f64 {
    layout.either(1.0, 2.5) * (layout.inner() - 60.0)
}

/// Colour and mark: 24 arms before one comes back.
pub(super) fn style(arm: usize) -> Style {
    (COLORS[arm % COLORS.len()], MARKS[(arm + arm / COLORS.len()) % MARKS.len()])
}

fn points(run: &TrainingRun, read: Read) -> Vec<(usize, f64)> {
    run.epochs.iter().filter_map(|epoch| read(epoch).map(|value| (epoch.epoch, value))).collect()
}

/// Means over the runs that have a value, at epochs where all of them have.
fn mean(lines: &[Vec<(usize, f64)>]) -> Vec<(usize, f64)> {
    let Some(first) = lines.first() else { return Vec::new() };
    let at = |line: &Vec<(usize, f64)>, epoch| line.iter().find(|(other, _)| *other == epoch).map(|(_, value)| *value);
    first
        .iter()
        .filter_map(|&(epoch, _)| {
            let values: Option<Vec<f64>> = lines.iter().map(|line| at(line, epoch)).collect();
            values.map(|values| (epoch, values.iter().sum::<f64>() / values.len() as f64))
        })
        .collect()
}

fn draw_panel(scene: &mut Scene, area: Area, panel: &Panel, arms: &[Arm<'_>]) {
    let width = area.width();
    panel::title(scene, area, panel.title, 60.0);
    let reads: Vec<(Read, bool)> =
        std::iter::once((panel.solid, false)).chain(panel.dashed.map(|read| (read, true))).collect();
    let all: Vec<(usize, f64)> = arms
        .iter()
        .flat_map(|arm| &arm.runs)
        .flat_map(|run| reads.iter().flat_map(|&(read, _)| points(run, read)))
        .collect();
    let last = arms.iter().flat_map(|arm| &arm.runs).filter_map(|run| run.epochs.last()).map(|epoch| epoch.epoch).max();
    let last = last.unwrap_or(1) as f64;
    let most = all.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let least = all.iter().map(|(_, value)| *value).fold(0.0, f64::min);
    let x = Scale::linear(0.0, 1.03 * last, area.left, area.right);
    let y = Scale::linear(1.06 * least, if most > 0.0 { 1.06 * most } else { 1.0 }, area.bottom, area.top);
    y_axis(scene, area, &y, &ticks(&y, area.height(), 60.0, panel.notation), "");
    let mut x_ticks = ticks(&x, width, 60.0, Notation::Plain);
    x_ticks.0.retain(|(value, _)| value.fract() == 0.0);
    x_ticks.0.iter_mut().for_each(|(value, text)| *text = fixed(*value, 0));
    x_axis(scene, area, &x, &x_ticks, "epoch");
    for &(read, dashed) in reads.iter().rev() {
        for (at, arm) in arms.iter().enumerate() {
            let lines: Vec<Vec<(usize, f64)>> = arm.runs.iter().map(|run| points(run, read)).collect();
            let placed = |line: &[(usize, f64)]| -> Vec<(f64, f64)> {
                line.iter().map(|&(epoch, value)| (x.at(epoch as f64), y.at(value))).collect()
            };
            let dash = dashed.then_some((8.0, 5.0));
            let (color, mark) = style(at);
            if lines.len() > 1 {
                for line in &lines {
                    scene.path(placed(line), color.with_alpha(0.45), 1.4, dash);
                }
            }
            let centre = if lines.len() > 1 { mean(&lines) } else { lines[0].clone() };
            scene.path(placed(&centre), color, 2.8, dash);
            let stride = centre.len().div_ceil(10).max(1);
            for &(epoch, value) in centre.iter().rev().step_by(stride) {
                let title = Some(format!("epoch {epoch}: {}", short(value)));
                let at = (x.at(epoch as f64), y.at(value));
                scene.mark_on(dashed, at, (color, mark), if dashed { 5.5 } else { 5.0 }, title);
            }
        }
    }
    spines(scene, area);
}
