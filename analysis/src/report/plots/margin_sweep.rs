//! `margin_sweep`: one-norm and spectral norm of the margin confusion matrices against the margin,
//! training and test.

use super::{of_model, settings_caption};
use crate::draw::palette::{Color, INK, Mark, SKY};
use crate::draw::panel::{Area, LEGEND, Symbol, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene};
use crate::draw::{Figure, Layout};
use crate::results::{MarginReport, MatrixNorms, ModelReport, Report, SplitReport};
use crate::words::short;
use car_spectral::confusion::WrittenMargin;

const TRAIN: (Color, Mark) = (SKY, Mark::Square);
const TEST: (Color, Mark) = (INK, Mark::Circle);

type Read = fn(&MatrixNorms) -> f64;

/// `None` where there is one margin alone, as where the scores were not kept, or no error at any.
pub(super) fn draw(report: &Report, model: &ModelReport) -> Option<Figure> {
    let panels: [(&str, Read, Read); 2] = [
        ("one-norm ‖C_g‖₁: the worst class", |n| n.one_norm, |n| n.one_norm_weighted),
        ("spectral norm ‖C_g‖₂", |n| n.spectral_norm.value, |n| n.spectral_norm_weighted.value),
    ];
    let test = &model.test.split;
    let all = || model.train.iter().chain([test]).flat_map(|split| &split.margins);
    if test.margins.len() < 2 || all().all(|margin| margin.norms.one_norm == 0.0) {
        return None;
    }
    let caption = format!(
        "Norms of the margin confusion matrices C_g (entry: share of the true class with that competitor and margin at \
         most g); weighted: those of C_gΛ. Where lines coincide, training shows as a wider line \
         under test, and weighted as open marks on full ones. {}",
        settings_caption(report, model),
    );
    let title = "Norms of the margin confusion matrices";
    Some(of_model("margin_sweep", title, model, caption, |layout| body(model, panels, layout)))
}

/// A panel a norm.
fn body(model: &ModelReport, panels: [(&str, Read, Read); 2], layout: Layout) -> Scene {
    let mut entries = vec![
        (Symbol::LineMarker(TEST, false), "test".to_owned()),
        (Symbol::LineMarker(TEST, true), "test, weighted by Λ".to_owned()),
    ];
    if model.train.is_some() {
        entries.push((Symbol::LineMarker(TRAIN, false), "training".to_owned()));
        entries.push((Symbol::LineMarker(TRAIN, true), "training, weighted by Λ".to_owned()));
    }
    let mut scene = layout.scene();
    let head = legend(&mut scene, layout, &entries) + 50.0;
    const LEFT: f64 = 84.0;
    const GAP: f64 = 88.0;
    let columns = layout.columns(panels.len(), 2);
    let width = (layout.width() - layout.margin() - LEFT - GAP * (columns - 1) as f64) / columns as f64;
    let height = layout.either(430.0, 340.0);
    let mut bottom = head;
    let splits: Vec<(&SplitReport, (Color, Mark))> =
        model.train.iter().map(|train| (train, TRAIN)).chain([(&model.test.split, TEST)]).collect();
    let margins = || splits.iter().flat_map(|(split, _)| &split.margins);
    let low = margins().map(|m| m.margin).fold(f64::INFINITY, f64::min);
    let high = margins().map(|m| m.margin).fold(f64::NEG_INFINITY, f64::max);
    let pad = if high > low { 0.04 * (high - low) } else { 0.5 };
    for (n, (title, plain, weighted)) in panels.into_iter().enumerate() {
        let left = LEFT + (n % columns) as f64 * (width + GAP);
        let top = head + (n / columns) as f64 * (height + 128.0);
        bottom = top + height;
        let area = Area { left, top, right: left + width, bottom };
        scene.text(area.left, area.top - 16.0, title, LEGEND, Anchor::Start).bold = true;
        let most = margins().flat_map(|m| [plain(&m.norms), weighted(&m.norms)]).fold(0.0, f64::max);
        let x = Scale::linear(low - pad, high + pad, area.left, area.right);
        let y = Scale::linear(0.0, if most > 0.0 { 1.06 * most } else { 1.0 }, area.bottom, area.top);
        y_axis(&mut scene, area, &y, &ticks(&y, height, 60.0, Notation::Plain), "");
        x_axis(&mut scene, area, &x, &ticks(&x, width, 52.0, Notation::Plain), "margin g (logit units)");
        for (split, style) in &splits {
            for (read, dashed) in [(plain, false), (weighted, true)] {
                line(&mut scene, &x, &y, &split.margins, *style, read, dashed);
            }
        }
        spines(&mut scene, area);
    }
    scene.height = bottom + 20.0 + 40.0 + 18.0;
    scene
}

fn line(
    scene: &mut Scene,
    x: &Scale,
    y: &Scale,
    margins: &[MarginReport],
    style: (Color, Mark),
    read: Read,
    dashed: bool,
) {
    let points: Vec<(f64, f64, f64, f64)> = margins
        .iter()
        .map(|m| (m, read(&m.norms)))
        .map(|(m, value)| (x.at(m.margin), y.at(value), m.margin, value))
        .collect();
    // Training below test, wider and with larger markers; weighted above unweighted with smaller open ones: so that all
    // are seen where they coincide.
    let (width, wider) = if style == TRAIN { (5.0, 3.0) } else { (2.4, 0.0) };
    let path = points.iter().map(|&(px, py, _, _)| (px, py)).collect();
    scene.path(path, style.0, width, dashed.then_some((8.0, 5.0)));
    for (px, py, margin, value) in points {
        let title = Some(format!("g = {}: {}", WrittenMargin(margin), short(value)));
        let radius = if dashed { 4.5 } else { 6.0 } + wider;
        scene.mark_on(dashed, (px, py), style, radius, title);
    }
}
