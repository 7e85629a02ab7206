//! `margin_sweep`: one-norm, spectral norm and nu of the margin confusion matrices against the margin, training and
//! test.

use super::{settings_caption, titled};
use crate::draw::figure::{Figure, MARGIN, WIDTH};
use crate::draw::palette::{BLUE, Color, MUTED, Mark, ORANGE};
use crate::draw::panel::{Area, LABEL, LEGEND, Symbol, legend, spines, ticks, x_axis, y_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, Shape};
use crate::report::{MarginReport, MatrixNorms, ModelReport, Report, SplitReport};
use crate::words::short;
use car_spectral::confusion::WrittenMargin;

const TRAIN: (Color, Mark) = (ORANGE, Mark::Square);
const TEST: (Color, Mark) = (BLUE, Mark::Circle);

type Read = fn(&MatrixNorms) -> Option<f64>;
type Range = fn(&MatrixNorms) -> Option<[f64; 2]>;

pub(super) fn draw(report: &Report, model: &ModelReport) -> Figure {
    let panels: [(&str, Read, Read, Range); 3] = [
        ("one-norm ‖C_g‖₁", |n| Some(n.one_norm), |n| Some(n.one_norm_weighted), |_| None),
        ("spectral norm ‖C_g‖₂", |n| Some(n.spectral_norm.value), |n| Some(n.spectral_norm_weighted.value), |_| None),
        ("ν = ‖C_g‖₁ / ‖C_g‖₂", |n| n.nu, |n| n.nu_weighted, |n| n.nu_by_sums),
    ];
    let mut entries = vec![
        (Symbol::LineMarker(TEST, false), "test".to_owned()),
        (Symbol::LineMarker(TEST, true), "test, weighted by Λ".to_owned()),
    ];
    if model.train.is_some() {
        entries.push((Symbol::LineMarker(TRAIN, false), "training".to_owned()));
        entries.push((Symbol::LineMarker(TRAIN, true), "training, weighted by Λ".to_owned()));
    }
    let mut scene = Scene::new(WIDTH, 0.0);
    let head = legend(&mut scene, MARGIN, 4.0, WIDTH - 2.0 * MARGIN, &entries) + 50.0;
    const LEFT: f64 = 84.0;
    const GAP: f64 = 88.0;
    let width = (WIDTH - MARGIN - LEFT - 2.0 * GAP) / 3.0;
    let bottom = head + 430.0;
    let test = &model.test.split;
    let splits: Vec<(&SplitReport, (Color, Mark))> =
        model.train.iter().map(|train| (train, TRAIN)).chain([(test, TEST)]).collect();
    let margins = || splits.iter().flat_map(|(split, _)| &split.margins);
    let low = margins().map(|m| m.margin).fold(f64::INFINITY, f64::min);
    let high = margins().map(|m| m.margin).fold(f64::NEG_INFINITY, f64::max);
    let pad = if high > low { 0.04 * (high - low) } else { 0.5 };
    for (n, (title, plain, weighted, range)) in panels.into_iter().enumerate() {
        let left = LEFT + n as f64 * (width + GAP);
        let area = Area { left, top: head, right: left + width, bottom };
        scene.text(area.left, area.top - 16.0, title, LEGEND, Anchor::Start).bold = true;
        let values = || margins().flat_map(|m| [plain(&m.norms), weighted(&m.norms)]).flatten();
        let upper = margins().filter_map(|m| range(&m.norms)).map(|[_, upper]| upper);
        let most = values().chain(upper).fold(0.0, f64::max);
        let x = Scale::linear(low - pad, high + pad, area.left, area.right);
        let y = Scale::linear(0.0, if most > 0.0 { 1.06 * most } else { 1.0 }, area.bottom, area.top);
        y_axis(&mut scene, area, &y, &ticks(&y, 430.0, 60.0, Notation::Plain), "");
        x_axis(&mut scene, area, &x, &ticks(&x, width, 52.0, Notation::Plain), "margin g (logit units)");
        if values().next().is_none() {
            scene.text(area.middle(), area.centre(), "undefined (no errors)", LABEL, Anchor::Middle).color = MUTED;
        }
        for (split, style) in &splits {
            band(&mut scene, &x, &y, &split.margins, style.0, range);
        }
        for (split, style) in &splits {
            for (read, dashed) in [(plain, false), (weighted, true)] {
                line(&mut scene, &x, &y, &split.margins, *style, read, dashed);
            }
        }
        spines(&mut scene, area);
    }
    scene.height = bottom + 20.0 + 40.0 + 18.0;

    let root = ((model.num_classes.max(2) - 1) as f64).sqrt();
    let caption = format!(
        "Norms of the margin confusion matrices C_g (entry: share of the true class with that competitor and margin at \
         most g); weighted: those of C_gΛ. Where lines coincide, training shows as a wider line \
         under test, and weighted as open marks on full ones. ν lies in \
         [{}, {}] for K = {}, and by sums and lengths of the matrix in the band (unweighted; S3); it enters no bound. {}",
        short(1.0 / root),
        short(root),
        model.num_classes,
        settings_caption(report, model),
    );
    Figure {
        stem: "margin_sweep".into(),
        title: titled("Norms of the margin confusion matrices", model),
        caption,
        body: scene,
    }
}

/// Where a value can be, over the margins at which that is known.
fn band(scene: &mut Scene, x: &Scale, y: &Scale, margins: &[MarginReport], color: Color, range: Range) {
    let ends: Vec<(f64, [f64; 2])> =
        margins.iter().filter_map(|m| Some((x.at(m.margin), range(&m.norms)?.map(|end| y.at(end))))).collect();
    if ends.len() > 1 {
        let upper = ends.iter().map(|&(at, [_, upper])| (at, upper));
        let lower = ends.iter().rev().map(|&(at, [lower, _])| (at, lower));
        scene.shapes.push(Shape::Polygon { points: upper.chain(lower).collect(), fill: color.with_alpha(0.15) });
    }
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
        .filter_map(|m| read(&m.norms).map(|value| (x.at(m.margin), y.at(value), m.margin, value)))
        .collect();
    // Training below test, wider and with larger markers; weighted above unweighted with smaller open ones: so that all
    // are seen where they coincide.
    let (width, wider) = if style == TRAIN { (5.0, 3.0) } else { (2.4, 0.0) };
    let path = points.iter().map(|&(px, py, _, _)| (px, py)).collect();
    scene.path(path, style.0, width, dashed.then_some((8.0, 5.0)));
    for (px, py, margin, value) in points {
        let title = Some(format!("g = {}: {}", WrittenMargin(margin), short(value)));
        if dashed {
            scene.hollow_marker((px, py), style, 4.5 + wider, title);
        } else {
            scene.marker((px, py), style, 6.0 + wider, title);
        }
    }
}
