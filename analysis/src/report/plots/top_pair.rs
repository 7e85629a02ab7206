//! `top_pair`: which classes the spectral norm of the weighted test confusion weighs: the squared entries of its top
//! singular pair, which sum to 1.

use super::{class_title, group_of, group_style, group_swatches, settings_caption, titled};
use crate::draw::figure::{Figure, MARGIN, WIDTH};
use crate::draw::palette::{INK, MUTED};
use crate::draw::panel::{Area, LABEL, LEGEND, TICK, legend, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted};
use crate::report::{Group, ModelReport, Report};
use crate::words::{percent, short};

/// Classes named on each side.
const NAMED: usize = 15;
const ROW: f64 = 30.0;

pub(super) fn draw(report: &Report, model: &ModelReport) -> Figure {
    let mut scene = Scene::new(WIDTH, 0.0);
    let head = legend(&mut scene, MARGIN, 4.0, WIDTH - 2.0 * MARGIN, &group_swatches(model, true)) + 50.0;
    let rows = NAMED.min(model.num_classes) + usize::from(model.num_classes > NAMED);
    let bottom = head + rows as f64 * ROW + 8.0;
    let mut caption = String::new();
    match &model.test.split.top_pair {
        Some(pair) => {
            let sides = [
                ("true classes: squared entries of v", &pair.right),
                ("predicted classes: squared entries of u", &pair.left),
            ];
            let highest = pair.left.iter().chain(&pair.right).map(|x| x * x).fold(0.0, f64::max);
            let half = 0.5 * WIDTH;
            for (n, (title, vector)) in sides.into_iter().enumerate() {
                let offset = n as f64 * half;
                let area = Area { left: offset + 225.0, top: head, right: offset + half - 75.0, bottom };
                scene.text(offset + MARGIN, head - 18.0, title, LEGEND, Anchor::Start).bold = true;
                side(&mut scene, area, offset + MARGIN, vector, highest, model);
            }
            let of_few = |vector: &[f64]| {
                let few = vector.iter().enumerate().filter(|(class, _)| group_of(model, *class) == Some(Group::Few));
                percent(few.map(|(_, x)| x * x).sum())
            };
            caption.push_str(&format!(
                "The top singular pair of CΛ on test data, σ₁ = {}: ‖CΛ‖₂ = uᵀ CΛ v. ",
                short(pair.sigma)
            ));
            if model.groups.as_ref().is_some_and(|groups| groups.contains(&Group::Few)) {
                caption.push_str(&format!(
                    "Weight on few-shot classes: {} as true classes, {} as predicted ones. ",
                    of_few(&pair.right),
                    of_few(&pair.left)
                ));
            }
        }
        None => {
            let text = "no errors: the matrix is zero and has no top singular pair";
            scene.text(0.5 * WIDTH, 0.5 * (head + bottom), text, LABEL, Anchor::Middle).color = MUTED;
            caption.push_str("The weighted test confusion matrix is zero. ");
        }
    }
    scene.height = bottom + 20.0 + TICK + LABEL + 16.0;
    caption.push_str(&settings_caption(report, model));
    Figure {
        stem: "top_pair".into(),
        title: titled("Which classes the spectral norm weighs", model),
        caption,
        body: scene,
    }
}

fn side(scene: &mut Scene, area: Area, edge: f64, vector: &[f64], highest: f64, model: &ModelReport) {
    let x = Scale::linear(0.0, if highest > 0.0 { 1.05 * highest } else { 1.0 }, area.left, area.right);
    let mut order: Vec<usize> = (0..vector.len()).collect();
    order.sort_by(|&a, &b| vector[b].total_cmp(&vector[a]));
    x_axis(
        scene,
        area,
        &x,
        &ticks(&x, area.right - area.left, 60.0, Notation::Percent),
        "share of the squared length (%)",
    );
    let mut y = area.top + 4.0;
    for &class in order.iter().take(NAMED) {
        let value = vector[class] * vector[class];
        let title = class_title(model, class, &format!(": {}", percent(value)));
        let base = y + 0.5 * ROW + 0.36 * 18.0;
        scene.text(
            area.left - 10.0,
            base,
            fitted(&model.class_names[class], 18.0, area.left - 10.0 - edge),
            18.0,
            Anchor::End,
        );
        let shape = crate::draw::scene::Shape::Rect {
            x: area.left,
            y: y + 4.0,
            width: x.at(value) - area.left,
            height: ROW - 8.0,
            fill: group_style(group_of(model, class)).0,
            title: Some(title),
        };
        scene.shapes.push(shape);
        scene.text_on_paper(x.at(value) + 8.0, base, format!("{:.1} %", 100.0 * value), 17.0);
        y += ROW;
    }
    if vector.len() > NAMED {
        // As text: a bar of all the rest would squeeze the others.
        let rest: f64 = order.iter().skip(NAMED).map(|&class| vector[class] * vector[class]).sum();
        let text = format!("{:.1} % on the other {} classes", 100.0 * rest, vector.len() - NAMED);
        scene.text_on_paper(area.left + 8.0, y + 0.5 * ROW + 0.36 * 18.0, text, 18.0);
    }
    scene.segment((area.left, area.top), (area.left, area.bottom), INK, 1.4);
}
