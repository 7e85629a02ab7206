//! `confusion_heatmap`: the hard test confusion matrix, classes from most to fewest training images, with its column sums
//! (the class errors) above and its row sums (how much lands on a class wrongly) at the right.

use std::ops::Range;

use car_spectral::confusion::ConfusionMatrix;

use super::figure::{Figure, WIDTH};
use super::palette::{BLANK, Color, GRID, INK, MUTED, PAPER, group_style, viridis};
use super::panel::{LABEL, TICK};
use super::scale::{Notation, Scale};
use super::scene::{Anchor, Scene, Shape, fitted, text_width};
use super::{by_frequency, group_of, order_label, settings_caption, titled};
use crate::report::{Group, ModelReport, Report};

/// Up to so many classes a cell is a class pair; above, cells are means over blocks of pairs.
const MOST_CELLS: usize = 500;
/// Up to so many classes are named along the edges.
const MOST_NAMED: usize = 20;

pub(super) fn draw(report: &Report, model: &ModelReport, confusion: &ConfusionMatrix) -> Figure {
    let k = model.num_classes;
    let order = by_frequency(model);
    let block = k.div_ceil(MOST_CELLS);
    let n = k.div_ceil(block);
    let rank: Vec<usize> = {
        let mut rank = vec![0; k];
        order.iter().enumerate().for_each(|(at, &class)| rank[class] = at);
        rank
    };
    let mut cells = vec![0.0; n * n];
    for (predicted, truth, rate) in confusion.non_zeros() {
        cells[rank[predicted] / block * n + rank[truth] / block] += rate;
    }
    if block > 1 {
        // Mean over the true classes of a column block of the share that falls into the row block.
        for (at, cell) in cells.iter_mut().enumerate() {
            *cell /= (k - at % n * block).min(block) as f64;
        }
    }
    let highest = cells.iter().copied().fold(0.0, f64::max);
    let column: Vec<f64> = (0..n).map(|j| (0..n).map(|i| cells[i * n + j]).sum()).collect();
    let row: Vec<f64> = (0..n).map(|i| cells[i * n..(i + 1) * n].iter().sum()).collect();
    let empty =
        |at: usize| order[at * block..((at + 1) * block).min(k)].iter().all(|&j| model.test.split.class_counts[j] == 0);

    let share = |value: f64| if highest > 0.0 { (value / highest).sqrt() } else { 0.0 };
    let color = |i: usize, j: usize| -> Color {
        if (i == j && block == 1) || empty(j) { BLANK } else { viridis(share(cells[i * n + j])) }
    };

    const SIDE: f64 = 620.0;
    const LEFT: f64 = 250.0;
    const TOP: f64 = 96.0;
    let mut scene = Scene::new(WIDTH, 0.0);
    let (right, bottom) = (LEFT + SIDE, TOP + SIDE);
    let step = SIDE / n as f64;
    let raster = (0..n * n).map(|at| color(at / n, at % n).rgb).collect();
    scene.shapes.push(Shape::Raster { x: LEFT, y: TOP, width: SIDE, height: SIDE, columns: n, rows: n, cells: raster });
    if n <= 12 {
        for (at, &share) in cells.iter().enumerate() {
            let (i, j) = (at / n, at % n);
            if i == j || empty(j) {
                continue;
            }
            let text = figures(share);
            let ink = if color(i, j).luminance() > 0.25 { INK } else { PAPER };
            let (x, y) = (LEFT + (j as f64 + 0.5) * step, TOP + (i as f64 + 0.5) * step);
            scene.text(x, y + 6.0, text, 17.0, Anchor::Middle).color = ink;
        }
    }
    for (from, to) in [((LEFT, TOP), (right, TOP)), ((LEFT, bottom), (right, bottom))] {
        scene.segment(from, to, INK, 1.2);
    }
    for x in [LEFT, right] {
        scene.segment((x, TOP - 0.6), (x, bottom + 0.6), INK, 1.2);
    }
    group_edges(&mut scene, model, &order, block, step, (LEFT, TOP, right, bottom));

    // Column sums above, row sums at the right, each with an axis.
    let most_column = column.iter().copied().fold(0.0, f64::max).max(1e-12);
    let most_row = row.iter().copied().fold(0.0, f64::max).max(1e-12);
    const HIGH: f64 = 62.0;
    const LONG: f64 = 84.0;
    let up = Scale::linear(0.0, most_column, TOP - 8.0, TOP - 8.0 - HIGH);
    let along = Scale::linear(0.0, most_row, right + 8.0, right + 8.0 + LONG);
    for (value, text) in up.ticks(2, Notation::Percent).0 {
        let y = up.at(value);
        scene.segment((LEFT - 5.0, y), (right, y), GRID, 1.0);
        scene.text(LEFT - 10.0, y + 6.0, text, 16.0, Anchor::End).color = MUTED;
    }
    // Labels from 1 on are a digit wide.
    let most_ticks = if most_row >= 1.0 { 4 } else { 2 };
    for (value, text) in along.ticks(most_ticks, Notation::Plain).0 {
        let x = along.at(value);
        let text = if value == 0.0 { "0".to_owned() } else { text };
        scene.segment((x, TOP - 5.0), (x, bottom), GRID, 1.0);
        scene.text(x, TOP - 12.0, text, 16.0, Anchor::Middle).color = MUTED;
    }
    for at in 0..n {
        let fill = group_style(group_of(model, order[at * block])).0;
        let (width, gap) = (step * 0.86, step * 0.07);
        let top = up.at(column[at]);
        scene.rect(LEFT + at as f64 * step + gap, top, width, TOP - 8.0 - top, fill);
        let end = along.at(row[at]);
        scene.rect(right + 8.0, TOP + at as f64 * step + gap, end - right - 8.0, width, fill);
    }
    scene.segment((LEFT, TOP - 8.0), (right, TOP - 8.0), MUTED, 1.0);
    scene.segment((right + 8.0, TOP), (right + 8.0, bottom), MUTED, 1.0);
    let title =
        if block == 1 { "column sum: error of the class (%)" } else { "column sum: mean error of the block (%)" };
    scene.text(LEFT, 20.0, title, 17.0, Anchor::Start);
    let side = right + 8.0 + LONG + 22.0;
    scene
        .text(side, 0.5 * (TOP + bottom), "row sum: rates wrongly predicted as this class", 17.0, Anchor::Middle)
        .upright = true;

    // Along the edges: names or ranks.
    let mut below: f64 = 0.0;
    let mut beside: f64 = 0.0;
    if k <= MOST_NAMED {
        let size = 17.0;
        for (at, &class) in order.iter().enumerate() {
            let name = fitted(&model.class_names[class], size, 150.0);
            let middle = (at as f64 + 0.5) * step;
            scene.text(LEFT - 10.0, TOP + middle + 6.0, &name, size, Anchor::End);
            scene.text(LEFT + middle + 6.0, bottom + 10.0, &name, size, Anchor::End).upright = true;
            below = below.max(text_width(&name, size, false));
            beside = beside.max(text_width(&name, size, false));
        }
    } else {
        let scale = Scale::linear(0.5, k as f64 + 0.5, 0.0, k as f64 / block as f64 * step);
        for (value, text) in scale.ticks(6, Notation::Plain).0.into_iter().filter(|(value, _)| *value >= 1.0) {
            let at = scale.at(value);
            scene.segment((LEFT + at, bottom), (LEFT + at, bottom + 6.0), INK, 1.2);
            scene.text(LEFT + at, bottom + 12.0 + 0.76 * TICK, &text, TICK, Anchor::Middle);
            scene.segment((LEFT - 6.0, TOP + at), (LEFT, TOP + at), INK, 1.2);
            scene.text(LEFT - 11.0, TOP + at + 0.36 * TICK, &text, TICK, Anchor::End);
            beside = beside.max(text_width(&text, TICK, false));
        }
        below = TICK + 6.0;
    }
    // Which ranks are many, medium and few.
    let runs = group_runs(model, &order);
    if runs.len() > 1 {
        let (under, left_of) = (bottom + below + 16.0, LEFT - beside - 20.0);
        for (group, ranks) in &runs {
            let (from, to) =
                (ranks.start as f64 / block as f64 * step + 2.0, ranks.end as f64 / block as f64 * step - 2.0);
            let color = group_style(Some(*group)).0;
            scene.segment((LEFT + from, under), (LEFT + to, under), color, 4.0);
            scene.segment((left_of, TOP + from), (left_of, TOP + to), color, 4.0);
            let name = group.name();
            if text_width(name, 17.0, false) <= to - from {
                scene.text(LEFT + 0.5 * (from + to), under + 20.0, name, 17.0, Anchor::Middle);
                scene.text(left_of - 8.0, TOP + 0.5 * (from + to), name, 17.0, Anchor::Middle).upright = true;
            }
        }
        below += 30.0;
        beside += 26.0;
    }
    let rank_word = if k <= MOST_NAMED { "" } else { " (rank)" };
    let x_label = format!("true class{rank_word}, {}", order_label(model));
    let y_label = format!("predicted class{rank_word}");
    scene.text(LEFT + 0.5 * SIDE, bottom + below + 22.0 + LABEL, x_label, LABEL, Anchor::Middle);
    scene.text(LEFT - beside - 30.0, TOP + 0.5 * SIDE, y_label, LABEL, Anchor::Middle).upright = true;

    color_bar(&mut scene, highest, TOP, bottom);
    scene.height = bottom + below + 22.0 + LABEL + 18.0;

    let blocks = if block > 1 {
        format!(
            " Cells are means over blocks of {block} × {block} classes, the diagonal block without its correct predictions."
        )
    } else {
        " Grey: the diagonal, which is 0 by definition, and classes without test samples.".to_owned()
    };
    let caption = format!(
        "Share of a true class (column) that is predicted as another class (row) on test data; classes {}, white lines \
         between many, medium and few. Colour on a square-root scale.{blocks} {}",
        order_label(model),
        settings_caption(report, model),
    );
    Figure {
        stem: "confusion_heatmap".into(),
        title: titled("Confusion ordered by class frequency", model),
        caption,
        body: scene,
    }
}

/// The groups along an axis ordered by frequency: each with the ranks it takes; empty where groups are unknown.
fn group_runs(model: &ModelReport, order: &[usize]) -> Vec<(Group, Range<usize>)> {
    let mut runs: Vec<(Group, Range<usize>)> = Vec::new();
    for (rank, &class) in order.iter().enumerate() {
        let Some(group) = group_of(model, class) else { return Vec::new() };
        match runs.last_mut() {
            Some((last, ranks)) if *last == group => ranks.end = rank + 1,
            _ => runs.push((group, rank..rank + 1)),
        }
    }
    runs
}

/// A rate in a cell: per cent without decimals, one below 10.
fn figures(rate: f64) -> String {
    let percent = 100.0 * rate;
    if rate == 0.0 {
        "·".to_owned()
    } else if percent < 9.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    }
}

/// White lines between groups, across the whole matrix.
fn group_edges(
    scene: &mut Scene,
    model: &ModelReport,
    order: &[usize],
    block: usize,
    step: f64,
    (left, top, right, bottom): (f64, f64, f64, f64),
) {
    for rank in 1..order.len() {
        if group_of(model, order[rank - 1]) != group_of(model, order[rank]) {
            let at = rank as f64 / block as f64 * step;
            scene.segment((left + at, top), (left + at, bottom), PAPER, 1.6);
            scene.segment((left, top + at), (right, top + at), PAPER, 1.6);
        }
    }
}

fn color_bar(scene: &mut Scene, highest: f64, top: f64, bottom: f64) {
    const BAR: f64 = 26.0;
    let left = WIDTH - 150.0;
    let rows = 128;
    // The top is the largest rate, whose square root is the end of the scale.
    let cells = (0..rows).map(|at| viridis(1.0 - (at as f64 + 0.5) / rows as f64).rgb).collect();
    scene.shapes.push(Shape::Raster { x: left, y: top, width: BAR, height: bottom - top, columns: 1, rows, cells });
    let scale = Scale::linear(0.0, if highest > 0.0 { highest } else { 1.0 }, 0.0, 1.0);
    let mut last = f64::INFINITY;
    for (value, text) in scale.ticks(8, Notation::Percent).0 {
        let y = bottom - scale.at(value).sqrt() * (bottom - top);
        scene.segment((left + BAR, y), (left + BAR + 6.0, y), INK, 1.2);
        if last - y > 1.1 * TICK {
            scene.text(left + BAR + 11.0, y + 0.36 * TICK, text, TICK, Anchor::Start);
            last = y;
        }
    }
    let label = "share of the true class (%)";
    scene.text(left - 14.0, 0.5 * (top + bottom), label, LABEL, Anchor::Middle).upright = true;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_take_consecutive_ranks() {
        use Group::{Few, Many, Medium};
        let mut model = ModelReport { groups: Some(vec![Few, Many, Medium, Many]), ..Default::default() };
        assert_eq!(group_runs(&model, &[1, 3, 2, 0]), [(Many, 0..2), (Medium, 2..3), (Few, 3..4)]);
        model.groups = None;
        assert!(group_runs(&model, &[1, 3, 2, 0]).is_empty());
    }
}
