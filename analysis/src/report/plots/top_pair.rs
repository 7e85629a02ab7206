//! `top_pair`: which classes the spectral norm of the weighted test confusion weighs: the squared
//! entries of its top singular pair, which sum to 1.

use super::{class_title, group_of, group_style, group_swatches, numbered_name, of_model, settings_caption};
use crate::draw::palette::INK;
use crate::draw::panel::{Area, LABEL, LEGEND, TICK, legend, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, Shape, text_width};
use crate::draw::{Figure, Layout};
use crate::results::{Group, ModelReport, Report, TopPair};
use crate::words::{fixed, grouped, percent, short};

/// Classes named on each side.
const NAMED: usize = 15;
const ROW: f64 = 30.0;

/// `None` without an error.
pub(super) fn draw(report: &Report, model: &ModelReport) -> Option<Figure> {
    let pair = model.test.split.top_pair.as_ref()?;
    let of_few = |vector: &[f64]| {
        let few = vector.iter().enumerate().filter(|(class, _)| group_of(model, *class) == Some(Group::Few));
        percent(few.map(|(_, x)| x * x).sum())
    };
    let mut caption =
        format!("The top singular pair of CΛ on test data, σ₁ = {}: ‖CΛ‖₂ = uᵀ CΛ v. ", short(pair.sigma));
    if model.groups.as_ref().is_some_and(|groups| groups.contains(&Group::Few)) {
        caption.push_str(&format!(
            "Weight on few-shot classes: {} as true classes, {} as predicted ones. ",
            of_few(&pair.right),
            of_few(&pair.left)
        ));
    }
    caption.push_str(&settings_caption(report, model));
    let title = "Which classes the spectral norm weighs";
    Some(of_model("top_pair", title, model, caption, |layout| body(model, pair, layout)))
}

/// The true classes and the predicted ones.
fn body(model: &ModelReport, pair: &TopPair, layout: Layout) -> Scene {
    let mut scene = layout.scene();
    let head = legend(&mut scene, layout, &group_swatches(model, true)) + 50.0;
    let sides =
        [("true classes: squared entries of v", &pair.right), ("predicted classes: squared entries of u", &pair.left)];
    let rows =
        sides.iter().map(|(_, vector)| shown(vector).len() + usize::from(vector.len() > NAMED)).max().unwrap_or(0);
    let height = rows as f64 * ROW + 8.0;
    let highest = pair.left.iter().chain(&pair.right).map(|x| x * x).fold(0.0, f64::max);
    let columns = layout.columns(sides.len(), 2);
    let width = layout.width() / columns as f64;
    let mut bottom = head;
    for (n, (title, vector)) in sides.into_iter().enumerate() {
        let offset = (n % columns) as f64 * width;
        let top = head + (n / columns) as f64 * (height + 124.0);
        bottom = top + height;
        let area = Area { left: offset + layout.either(290.0, 210.0), top, right: offset + width - 75.0, bottom };
        let edge = offset + layout.margin();
        scene.text(edge, top - 18.0, title, LEGEND, Anchor::Start).bold = true;
        side(&mut scene, area, edge, vector, highest, model);
    }
    scene.height = bottom + 20.0 + TICK + LABEL + 16.0;
    scene
}

/// The classes of the largest entries, none that would be written as 0.0 %.
fn shown(vector: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..vector.len()).filter(|&class| vector[class] * vector[class] >= 0.0005).collect();
    order.sort_by(|&a, &b| vector[b].total_cmp(&vector[a]));
    order.truncate(NAMED);
    order
}

fn side(scene: &mut Scene, area: Area, edge: f64, vector: &[f64], highest: f64, model: &ModelReport) {
    let x = Scale::linear(0.0, if highest > 0.0 { 1.05 * highest } else { 1.0 }, area.left, area.right);
    let order = shown(vector);
    x_axis(scene, area, &x, &ticks(&x, area.width(), 60.0, Notation::Percent), "share of the squared length (%)");
    let mut y = area.top + 4.0;
    for &class in &order {
        let value = vector[class] * vector[class];
        let title = class_title(model, class, &format!(": {}", percent(value)));
        let base = y + 0.5 * ROW + 0.36 * 18.0;
        scene.text(
            area.left - 10.0,
            base,
            numbered_name(model, class, 18.0, area.left - 10.0 - edge),
            18.0,
            Anchor::End,
        );
        let shape = Shape::Rect {
            x: area.left,
            y: y + 4.0,
            width: x.at(value) - area.left,
            height: ROW - 8.0,
            fill: group_style(group_of(model, class)).0,
            title: Some(title),
        };
        scene.shapes.push(shape);
        scene.text_on_paper(x.at(value) + 8.0, base, format!("{} %", fixed(100.0 * value, 1)), 17.0);
        y += ROW;
    }
    if vector.len() > NAMED {
        // As text: a bar of all the rest would squeeze the others.
        let named: f64 = order.iter().map(|&class| vector[class] * vector[class]).sum();
        let rest = percent((1.0 - named).max(0.0));
        let text = format!("{rest} on the other {} classes", grouped((vector.len() - order.len()) as u64));
        let left = (area.left + 8.0).min(area.right + 70.0 - text_width(&text, 18.0, false));
        scene.text_on_paper(left, y + 0.5 * ROW + 0.36 * 18.0, text, 18.0);
    }
    scene.segment((area.left, area.top), (area.left, area.bottom), INK, 1.4);
}
