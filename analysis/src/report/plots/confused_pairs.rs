//! `confused_pairs`: the most confused pairs of classes on test data.

use super::{group_of, group_style, group_swatches, numbered_name, of_model, settings_caption};
use crate::draw::palette::{Color, INK, MUTED};
use crate::draw::panel::{Area, LABEL, Symbol, TICK, legend, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, Shape, fitted};
use crate::draw::{Figure, Layout};
use crate::results::{Confusion, ModelReport, Report};
use crate::words::percent;

/// Pairs drawn.
const MOST: usize = 15;
const ROW: f64 = 34.0;

/// `None` without an error, or where more pairs are always confused alike than can be drawn.
pub(super) fn draw(report: &Report, model: &ModelReport) -> Option<Figure> {
    let pairs = &model.confusions[..model.confusions.len().min(MOST)];
    let first = pairs.first()?;
    if first.rate == pairs[pairs.len() - 1].rate && !ties(model).is_empty() {
        return None;
    }
    let caption = format!(
        "The {} most confused pairs, true class → predicted class: rate, samples, and the pair's share of the \
         weighted spectral norm, uᵢ cᵢⱼ λⱼ vⱼ / ‖CΛ‖₂ (the shares of all pairs add up to 100 %).{} {}",
        pairs.len(),
        ties(model),
        settings_caption(report, model),
    );
    let title = "Most confused pairs of classes";
    Some(of_model("confused_pairs", title, model, caption, |layout| body(model, pairs, layout)))
}

/// A row a pair; a narrow one has the names on a line above its bar.
fn body(model: &ModelReport, pairs: &[Confusion], layout: Layout) -> Scene {
    let mut scene = layout.scene();
    // Only the groups that occur among the pairs.
    let drawn: Vec<Color> = pairs.iter().map(|pair| group_style(group_of(model, pair.true_class)).0).collect();
    let mut entries = group_swatches(model, false);
    entries.retain(|(symbol, _)| matches!(symbol, Symbol::Swatch(color) if drawn.contains(color)));
    if let Some((_, label)) = entries.first_mut() {
        label.insert_str(0, "true class: ");
    }
    let head = legend(&mut scene, layout, &entries) + 44.0;
    let above = layout.either(0.0, 26.0);
    let row = ROW + above;
    let [left, right]: [f64; 2] = layout.either([600.0, 880.0], [20.0, 272.0]);
    let area = Area { left, top: head, right, bottom: head + pairs.len() as f64 * row + 8.0 };
    let highest: f64 = pairs.iter().map(|pair| pair.rate).fold(0.0, f64::max);
    let x = Scale::linear(0.0, if highest > 0.0 { (1.04 * highest).min(1.0) } else { 1.0 }, area.left, area.right);
    x_axis(&mut scene, area, &x, &ticks(&x, area.width(), 70.0, Notation::Percent), "share of the true class (%)");
    let columns = layout.either([right + 150.0, right + 290.0], [right + 126.0, right + 240.0]);
    for (at, title) in columns.into_iter().zip(["samples", "of ‖CΛ‖₂"]) {
        scene.text(at, head - 10.0, title, TICK, Anchor::End).color = MUTED;
    }
    let (end, anchor) = layout.either((area.left - 12.0, Anchor::End), (area.left + 8.0, Anchor::Start));
    let room = layout.either(area.left - 12.0 - layout.margin(), layout.inner() - 20.0);
    for (n, pair) in pairs.iter().enumerate() {
        let y = head + 4.0 + n as f64 * row + above;
        let base = y + 0.5 * ROW + 0.36 * TICK;
        let name = |class: usize| numbered_name(model, class, TICK, 0.5 * room - 16.0);
        let label = format!("{} → {}", name(pair.true_class), name(pair.predicted));
        scene.text(end, base - above, label, TICK, anchor);
        scene.shapes.push(bar(model, pair, &x, area.left, y));
        let norm = model.test.split.top_pair.as_ref().map_or(0.0, |pair| pair.sigma);
        let count = model.test.split.class_counts[pair.true_class];
        scene.text(columns[0], base, format!("{} of {count}", pair.count), TICK, Anchor::End);
        if norm > 0.0 {
            let part = percent(pair.contribution_to_spectral_norm / norm);
            scene.text(columns[1], base, part, TICK, Anchor::End);
        }
    }
    scene.segment((area.left, area.top), (area.left, area.bottom), INK, 1.4);
    scene.segment((area.left, area.bottom), (area.right, area.bottom), INK, 1.4);
    scene.height = area.bottom + 20.0 + TICK + LABEL + 16.0;
    scene
}

/// The rate of a pair, from `left` on in the row that begins at `y`.
fn bar(model: &ModelReport, pair: &Confusion, x: &Scale, left: f64, y: f64) -> Shape {
    let [truth, predicted] = [&pair.true_name, &pair.predicted_name].map(|name| fitted(name, TICK, 400.0));
    Shape::Rect {
        x: left,
        y: y + 5.0,
        width: x.at(pair.rate) - left,
        height: ROW - 10.0,
        fill: group_style(group_of(model, pair.true_class)).0,
        title: Some(format!("{truth} → {predicted}: {}", percent(pair.rate))),
    }
}

/// Says so where the last pair drawn has the rate of the next one, which a longer list would not
/// mend.
fn ties(model: &ModelReport) -> &'static str {
    let rate = |at: usize| model.confusions.get(at).map(|pair| pair.rate);
    if rate(MOST).is_some() && rate(MOST - 1) == rate(MOST) {
        " More pairs have the rate of the last one; shown are those with more samples, then with lower numbers."
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::Confusion;

    #[test]
    fn a_list_that_ends_among_equal_rates_says_so() {
        let model = |rates: &[f64]| {
            let confusions = rates.iter().map(|&rate| Confusion { rate, ..Default::default() }).collect();
            ModelReport { confusions, ..Default::default() }
        };
        let of = |rates: &[f64]| ties(&model(rates));
        assert!(of(&[&[0.6], [0.5; MOST].as_slice()].concat()).contains("More pairs"));
        assert_eq!((of(&[0.5; MOST]), of(&[[0.5; MOST].as_slice(), &[0.4]].concat())), ("", ""));
        assert!(draw(&Report::default(), &model(&[0.5; MOST + 1])).is_none());
    }
}
