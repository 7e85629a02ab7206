//! `confused_pairs`: the most confused pairs of classes on test data.

use super::figure::{Figure, MARGIN, WIDTH};
use super::palette::{INK, MUTED, group_style};
use super::panel::{Area, LABEL, TICK, legend, ticks, x_axis};
use super::scale::{Notation, Scale, percent};
use super::scene::{Anchor, Scene, Shape, fitted};
use super::{group_of, group_swatches, settings_caption, titled};
use crate::report::{ModelReport, Report};

/// Pairs drawn.
const MOST: usize = 15;
const ROW: f64 = 34.0;

pub(super) fn draw(report: &Report, model: &ModelReport) -> Figure {
    let pairs = &model.confusions[..model.confusions.len().min(MOST)];
    let mut scene = Scene::new(WIDTH, 0.0);
    let mut entries = group_swatches(model, false);
    if let Some((_, label)) = entries.first_mut() {
        label.insert_str(0, "true class: ");
    }
    let head = legend(&mut scene, MARGIN, 4.0, WIDTH - 2.0 * MARGIN, &entries) + 14.0;
    let area =
        Area { left: 430.0, top: head, right: WIDTH - 330.0, bottom: head + pairs.len().max(4) as f64 * ROW + 8.0 };
    let highest = pairs.iter().map(|pair| pair.rate).fold(0.0, f64::max);
    let x = Scale::linear(0.0, if highest > 0.0 { (1.04 * highest).min(1.0) } else { 1.0 }, area.left, area.right);
    x_axis(
        &mut scene,
        area,
        &x,
        &ticks(&x, area.right - area.left, 70.0, Notation::Percent),
        "share of the true class's test samples (%)",
    );
    for (n, pair) in pairs.iter().enumerate() {
        let y = head + 4.0 + n as f64 * ROW;
        let base = y + 0.5 * ROW + 0.36 * TICK;
        let room = area.left - 12.0 - MARGIN;
        let name = |text: &str| fitted(text, TICK, 0.5 * room - 18.0);
        let whole = fitted(&format!("{} → {}", pair.true_name, pair.predicted_name), TICK, room);
        let label = if whole.ends_with('…') {
            format!("{} → {}", name(&pair.true_name), name(&pair.predicted_name))
        } else {
            whole
        };
        scene.text(area.left - 12.0, base, label, TICK, Anchor::End);
        scene.shapes.push(Shape::Rect {
            x: area.left,
            y: y + 5.0,
            width: x.at(pair.rate) - area.left,
            height: ROW - 10.0,
            fill: group_style(group_of(model, pair.true_class)).0,
            title: Some(format!(
                "{} → {}: {}",
                fitted(&pair.true_name, TICK, 400.0),
                fitted(&pair.predicted_name, TICK, 400.0),
                percent(pair.rate)
            )),
        });
        let norm = model.test.split.top_pair.as_ref().map_or(0.0, |pair| pair.sigma);
        let part = if norm > 0.0 {
            format!("; {} of ‖C Λ‖₂", percent(pair.contribution_to_spectral_norm / norm))
        } else {
            String::new()
        };
        let count = model.test.split.class_counts[pair.true_class];
        let text = format!("{} of {count}{part}", pair.count);
        let text = fitted(&text, 17.0, WIDTH - 8.0 - x.at(pair.rate) - 10.0);
        scene.text_on_paper(x.at(pair.rate) + 10.0, base, text, 17.0);
    }
    if pairs.is_empty() {
        scene.text(area.middle(), area.centre(), "no errors on test data", LABEL, Anchor::Middle).color = MUTED;
    }
    scene.segment((area.left, area.top), (area.left, area.bottom), INK, 1.4);
    scene.segment((area.left, area.bottom), (area.right, area.bottom), INK, 1.4);
    scene.height = area.bottom + 20.0 + TICK + LABEL + 16.0;
    let caption = format!(
        "The {} most confused pairs, true class → predicted class: rate, samples, and the pair's part uᵢ cᵢⱼ λⱼ vⱼ of \
         the weighted spectral norm (the parts of all pairs add up to it). {}",
        pairs.len(),
        settings_caption(report, model),
    );
    Figure {
        stem: "confused_pairs".into(),
        title: titled("Most confused pairs of classes", model),
        caption,
        body: scene,
    }
}
