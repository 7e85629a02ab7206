//! `norm_vs_error`: the errors of the worst classes against what is to predict them, over all
//! epochs of all runs; `bound_across_runs`: WCE and its bound of S3 in every run.

use super::Figure;
use super::arms::{Arm, arms};
use super::over_epochs::{name_room, style};
use crate::correlation::{Correlations, MeasuredOn, Predictor, Scope, Target};
use crate::draw::Layout;
use crate::draw::palette::{INK, MUTED};
use crate::draw::panel::{self, Area, LABEL, LEGEND, Symbol, Ticks, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted};
use crate::results::TrainingRun;
use crate::words::{counted, decimals};
use car_spectral_runs::log::EpochMetrics;

const LEFT: f64 = 84.0;
const GAP: f64 = 88.0;

/// The rows of `norm_vs_error`.
const ABSCISSAE: [(Predictor, MeasuredOn, &str, Notation); 3] = [
    (Predictor::HardNorm, MeasuredOn::Train, "‖CΛ‖₂, training images", Notation::Plain),
    (Predictor::HardNorm, MeasuredOn::Test, "‖CΛ‖₂, test images", Notation::Plain),
    (Predictor::Error, MeasuredOn::Test, "overall test error (%)", Notation::Percent),
];

/// Both figures of each training set, those after the first with a number behind their names.
pub(crate) fn draw(correlations: &[Correlations], runs: &[TrainingRun]) -> Vec<Figure> {
    let mut figures = Vec::new();
    for (at, found) in correlations.iter().enumerate() {
        let of_group: Vec<&TrainingRun> = runs
            .iter()
            .filter(|run| {
                (&run.dataset, &run.train_counts) == (&found.dataset, &found.train_counts)
                    && found.runs.contains(&run.name)
            })
            .collect();
        let number = if at == 0 { String::new() } else { format!("-{}", at + 1) };
        for mut figure in [norm_vs_error(found, &of_group), bound_across_runs(found, &of_group)] {
            figure.stem.push_str(&number);
            figures.push(figure);
        }
    }
    figures
}

type Read<'a> = &'a dyn Fn(&EpochMetrics) -> Option<f64>;

struct Axis<'a> {
    read: Read<'a>,
    notation: Notation,
    label: &'a str,
}

fn arm_legend(scene: &mut Scene, arms: &[Arm<'_>], more: &[(Symbol, String)], layout: Layout) -> f64 {
    let mut entries: Vec<(Symbol, String)> = arms
        .iter()
        .enumerate()
        .map(|(at, arm)| {
            let runs = counted(arm.runs.len(), "run", "runs");
            (Symbol::Marker(style(at)), fitted(&format!("{} ({runs})", arm.label), LEGEND, name_room(layout)))
        })
        .collect();
    entries.extend_from_slice(more);
    legend(scene, layout, &entries)
}

fn data_caption(found: &Correlations) -> String {
    format!(
        "{}: {} training images in {} classes.",
        found.dataset,
        found.train_counts.iter().sum::<u64>(),
        found.train_counts.len()
    )
}

fn norm_vs_error(found: &Correlations, runs: &[&TrainingRun]) -> Figure {
    let points = |scope: Scope| found.scopes.iter().find(|s| s.scope == scope).map_or(0, |scope| scope.points);
    let tenth =
        if found.targets().contains(&Target::WorstTenth) { ", mean error of the worst 10 % of classes" } else { "" };
    let caption = format!(
        "{} Ordinates, named above each panel: error of the worst class{tenth} and WCE, on test images. Small \
         marks: {} of {}; large: the last of each. ρ: Spearman's rank correlation over all of them / over the last.",
        data_caption(found),
        counted(points(Scope::AllEpochs), "evaluated epoch", "evaluated epochs"),
        counted(found.runs.len(), "run", "runs"),
    );
    let title = "Test error of the worst classes against what is to predict it".to_owned();
    Figure::of("norm_vs_error", title, caption, |layout| panels_by_target(found, runs, layout))
}

/// A row a predictor, a column a target.
fn panels_by_target(found: &Correlations, runs: &[&TrainingRun], layout: Layout) -> Scene {
    let arms = arms(runs);
    let mut scene = layout.scene();
    let head = arm_legend(&mut scene, &arms, &[], layout) + 50.0;
    let targets = found.targets();
    let columns = layout.columns(targets.len(), targets.len());
    let width = (layout.width() - layout.margin() - LEFT - (columns - 1) as f64 * GAP) / columns as f64;
    let height = layout.either(270.0, 230.0);
    let row_height = height + 140.0;
    let panels = ABSCISSAE.into_iter().flat_map(|abscissa| targets.iter().map(move |&target| (abscissa, target)));
    let rows = (ABSCISSAE.len() * targets.len()).div_ceil(columns);
    for (n, ((predictor, on, label, notation), target)) in panels.enumerate() {
        let (left, top) = (LEFT + (n % columns) as f64 * (width + GAP), head + (n / columns) as f64 * row_height);
        let area = Area { left, top, right: left + width, bottom: top + height };
        let rho = |scope: usize| {
            let found = found.scopes.get(scope).and_then(|scope| scope.of(predictor, on, target));
            found.and_then(|found| found.rho).map_or("–".to_owned(), |rho| decimals(rho, 2))
        };
        let (name, of_target) = match target {
            Target::WorstClass => ("worst class (%)", Notation::Percent),
            Target::WorstTenth => ("worst tenth (%)", Notation::Percent),
            Target::Wce => ("WCE", Notation::Plain),
        };
        panel::title(&mut scene, area, &format!("{name}: ρ {} / {}", rho(0), rho(1)), 84.0);
        let x = Axis { read: &|epoch| on.of(epoch).map(|m| predictor.of(m)), notation, label };
        let y = Axis { read: &|epoch| epoch.test.as_ref().and_then(|m| target.of(m)), notation: of_target, label: "" };
        scatter(&mut scene, area, &arms, &x, &y, false);
    }
    scene.height = head + rows as f64 * row_height - 60.0;
    scene
}

fn bound_across_runs(found: &Correlations, runs: &[&TrainingRun]) -> Figure {
    let caption = format!(
        "{} K = {}. WCE ≤ √(K−1) ‖CΛ‖₂ holds for every matrix (S3): left, all marks lie above the dashed line; how far \
         is how loose it is. No theorem here carries it from training to test images (right). Small marks: all evaluated epochs; large: the last of each run.",
        data_caption(found),
        found.train_counts.len(),
    );
    let title = "The weighted worst-class error and its spectral bound across runs".to_owned();
    Figure::of("bound_across_runs", title, caption, |layout| panels_by_images(found, runs, layout))
}

/// The bound on test images and what would be it on training images.
fn panels_by_images(found: &Correlations, runs: &[&TrainingRun], layout: Layout) -> Scene {
    let arms = arms(runs);
    let mut scene = layout.scene();
    let more = [(Symbol::Line(INK, true), "bound = WCE".to_owned())];
    let head = arm_legend(&mut scene, &arms, &more, layout) + 50.0;
    let factor = (found.train_counts.len() as f64 - 1.0).sqrt();
    let panels = [
        ("√(K−1) ‖CΛ‖₂, test: bound of WCE (S3)", MeasuredOn::Test),
        ("the same on training images: no bound", MeasuredOn::Train),
    ];
    let columns = layout.columns(panels.len(), 2);
    let width = (layout.width() - layout.margin() - LEFT - (columns - 1) as f64 * GAP) / columns as f64;
    let height = layout.either(420.0, 340.0);
    let mut bottom = head;
    for (at, (title, on)) in panels.into_iter().enumerate() {
        let left = LEFT + (at % columns) as f64 * (width + GAP);
        let top = head + (at / columns) as f64 * (height + 134.0);
        bottom = top + height;
        let area = Area { left, top, right: left + width, bottom };
        panel::title(&mut scene, area, title, 40.0);
        let x = Axis {
            read: &|epoch| epoch.test.as_ref().map(|m| m.wce),
            notation: Notation::Plain,
            label: "WCE = max λⱼ eⱼ on test images",
        };
        let y = Axis {
            read: &|epoch| on.of(epoch).map(|m| factor * m.hard_spectral_norm),
            notation: Notation::Plain,
            label: "",
        };
        scatter(&mut scene, area, &arms, &x, &y, true);
    }
    scene.height = bottom + 84.0;
    scene
}

/// Epochs of all arms, the last of each run large; with `diagonal` both axes begin at 0 and y = x
/// is drawn.
fn scatter(scene: &mut Scene, area: Area, arms: &[Arm<'_>], x: &Axis<'_>, y: &Axis<'_>, diagonal: bool) {
    let point = |epoch: &EpochMetrics| Some(((x.read)(epoch)?, (y.read)(epoch)?));
    let runs = || arms.iter().enumerate().flat_map(|(at, arm)| arm.runs.iter().map(move |run| (at, run)));
    let points: Vec<(usize, Vec<(f64, f64)>)> =
        runs().map(|(at, run)| (at, run.epochs.iter().filter_map(point).collect())).collect();
    let all = || points.iter().flat_map(|(_, points)| points);
    let scale = |values: &dyn Fn(&(f64, f64)) -> f64, from: f64, to: f64| {
        let (low, high) = all().map(values).fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let low = if diagonal { 0.0 } else { low };
        // What hardly differs is to look alike.
        let pad = (0.06 * (high - low)).max(0.02 * high.abs());
        Scale::linear(if diagonal { 0.0 } else { low - pad }, high + pad, from, to)
    };
    let across = scale(&|point| point.0, area.left, area.right);
    let up = scale(&|point| point.1, area.bottom, area.top);
    y_axis(scene, area, &up, &possible_ticks(&up, area.height(), 60.0, y.notation), y.label);
    x_axis(scene, area, &across, &possible_ticks(&across, area.width(), 70.0, x.notation), x.label);
    if diagonal {
        let end = across.high().min(up.high());
        scene.path(vec![(across.at(0.0), up.at(0.0)), (across.at(end), up.at(end))], INK, 1.8, Some((8.0, 6.0)));
    }
    if all().next().is_none() {
        scene.text(area.middle(), area.centre(), "not recorded", LABEL, Anchor::Middle).color = MUTED;
    }
    for (at, points) in &points {
        let (color, mark) = style(*at);
        for &(a, b) in points {
            scene.marker((across.at(a), up.at(b)), (color.with_alpha(0.4), mark), 3.4, None);
        }
    }
    for (at, points) in &points {
        if let Some(&(a, b)) = points.last() {
            scene.marker((across.at(a), up.at(b)), style(*at), 6.5, None);
        }
    }
    spines(scene, area);
}

/// The ticks of an axis without those beyond what a share can be: the room around the points may
/// reach there.
fn possible_ticks(scale: &Scale, length: f64, room: f64, notation: Notation) -> Ticks {
    let mut ticks = ticks(scale, length, room, notation);
    ticks.0.retain(|(value, _)| notation != Notation::Percent || (0.0..=1.0).contains(value));
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_share_above_one_has_a_tick() {
        let labels = |notation| -> Vec<String> {
            let scale = Scale::linear(0.95, 1.03, 0.0, 240.0);
            possible_ticks(&scale, 240.0, 60.0, notation).0.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(labels(Notation::Percent), ["96", "98", "100"]);
        assert_eq!(labels(Notation::Plain), ["0.96", "0.98", "1.00", "1.02"]);
    }
}
