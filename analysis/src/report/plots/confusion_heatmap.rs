//! `confusion_heatmap`: the hard test confusion matrix, classes from most to fewest training images, with its column
//! sums (the class errors) above and its row sums (how much lands on a class wrongly) at the right.

use std::ops::Range;

use car_spectral::confusion::ConfusionMatrix;

use super::{by_frequency, group_of, group_style, order_label, settings_caption, titled};
use crate::draw::figure::{Figure, WIDTH};
use crate::draw::palette::{BLANK, Color, GRID, INK, MUTED, PAPER, viridis};
use crate::draw::panel::{LABEL, TICK};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, Shape, fitted, text_width};
use crate::report::{Group, ModelReport, Report};

/// Up to so many classes a cell is a class pair; above, cells are means over blocks of pairs.
const MOST_CELLS: usize = 500;
/// Up to so many classes are named along the edges.
const MOST_NAMED: usize = 20;

const SIDE: f64 = 620.0;
const LEFT: f64 = 250.0;
const TOP: f64 = 96.0;
const RIGHT: f64 = LEFT + SIDE;
const BOTTOM: f64 = TOP + SIDE;
/// Size of the smaller labels.
const SMALL: f64 = 17.0;

/// The matrix in blocks of classes along [`by_frequency`].
struct Grid<'a> {
    model: &'a ModelReport,
    /// Classes by rank.
    order: Vec<usize>,
    /// Classes in a block.
    block: usize,
    /// Blocks along a side.
    n: usize,
    /// Row by row, the share of the true classes of a column that falls into a row.
    cells: Vec<f64>,
}

impl<'a> Grid<'a> {
    fn of(model: &'a ModelReport, confusion: &ConfusionMatrix) -> Self {
        let k = model.num_classes;
        let order = by_frequency(model);
        let block = k.div_ceil(MOST_CELLS);
        let n = k.div_ceil(block);
        let mut rank = vec![0; k];
        order.iter().enumerate().for_each(|(at, &class)| rank[class] = at);
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
        Self { model, order, block, n, cells }
    }

    /// Logical pixels a cell.
    fn step(&self) -> f64 {
        SIDE / self.n as f64
    }

    /// Logical pixels from the first rank's edge to this one's.
    fn edge(&self, rank: usize) -> f64 {
        rank as f64 / self.block as f64 * self.step()
    }

    fn highest(&self) -> f64 {
        self.cells.iter().copied().fold(0.0, f64::max)
    }

    fn column_sums(&self) -> Vec<f64> {
        (0..self.n).map(|j| self.cells.iter().skip(j).step_by(self.n).sum()).collect()
    }

    fn row_sums(&self) -> Vec<f64> {
        self.cells.chunks(self.n).map(|row| row.iter().sum()).collect()
    }

    /// Whether the block's classes have no test samples.
    fn is_empty(&self, at: usize) -> bool {
        let classes = self.order.chunks(self.block).nth(at).unwrap_or_default();
        classes.iter().all(|&class| self.model.test.split.class_counts[class] == 0)
    }

    fn colors(&self) -> Vec<Color> {
        let highest = self.highest();
        let share = |value: f64| if highest > 0.0 { (value / highest).sqrt() } else { 0.0 };
        let empty: Vec<bool> = (0..self.n).map(|at| self.is_empty(at)).collect();
        let color = |(at, &cell): (usize, &f64)| {
            let (i, j) = (at / self.n, at % self.n);
            if (i == j && self.block == 1) || empty[j] { BLANK } else { viridis(share(cell)) }
        };
        self.cells.iter().enumerate().map(color).collect()
    }
}

pub(super) fn draw(report: &Report, model: &ModelReport, confusion: &ConfusionMatrix) -> Figure {
    let grid = Grid::of(model, confusion);
    let mut scene = Scene::new(WIDTH, 0.0);
    draw_cells(&mut scene, &grid);
    group_edges(&mut scene, &grid);
    draw_sums(&mut scene, &grid);
    let (mut below, mut beside) = name_ranks(&mut scene, &grid);
    if name_groups(&mut scene, &grid, BOTTOM + below + 16.0, LEFT - beside - 20.0) {
        below += 30.0;
        beside += 26.0;
    }
    let rank_word = if model.num_classes <= MOST_NAMED { "" } else { " (rank)" };
    let x_label = format!("true class{rank_word}, {}", order_label(model));
    let y_label = format!("predicted class{rank_word}");
    scene.text(LEFT + 0.5 * SIDE, BOTTOM + below + 22.0 + LABEL, x_label, LABEL, Anchor::Middle);
    scene.text(LEFT - beside - 30.0, TOP + 0.5 * SIDE, y_label, LABEL, Anchor::Middle).upright = true;
    color_bar(&mut scene, grid.highest());
    scene.height = BOTTOM + below + 22.0 + LABEL + 18.0;
    Figure {
        stem: "confusion_heatmap".into(),
        title: titled("Confusion ordered by class frequency", model),
        caption: caption(report, &grid),
        body: scene,
    }
}

fn caption(report: &Report, grid: &Grid) -> String {
    let block = grid.block;
    let blocks = if block > 1 {
        format!(
            " Cells are means over blocks of {block} × {block} classes, the diagonal block without its correct predictions."
        )
    } else {
        " Grey: the diagonal, which is 0 by definition, and classes without test samples.".to_owned()
    };
    format!(
        "Share of a true class (column) that is predicted as another class (row) on test data; classes {}, white lines \
         between many, medium and few. Colour on a square-root scale.{blocks} {}",
        order_label(grid.model),
        settings_caption(report, grid.model),
    )
}

/// The cells, with figures in them where there are few, in a frame.
fn draw_cells(scene: &mut Scene, grid: &Grid) {
    let (n, step) = (grid.n, grid.step());
    let colors = grid.colors();
    let cells = colors.iter().map(|color| color.rgb).collect();
    scene.shapes.push(Shape::Raster { x: LEFT, y: TOP, width: SIDE, height: SIDE, columns: n, rows: n, cells });
    for (at, (&share, color)) in grid.cells.iter().zip(&colors).enumerate().filter(|_| n <= 12) {
        let (i, j) = (at / n, at % n);
        if i == j || grid.is_empty(j) {
            continue;
        }
        let (x, y) = (LEFT + (j as f64 + 0.5) * step, TOP + (i as f64 + 0.5) * step);
        let ink = if color.luminance() > 0.25 { INK } else { PAPER };
        scene.text(x, y + 6.0, figures(share), SMALL, Anchor::Middle).color = ink;
    }
    for y in [TOP, BOTTOM] {
        scene.segment((LEFT, y), (RIGHT, y), INK, 1.2);
    }
    for x in [LEFT, RIGHT] {
        scene.segment((x, TOP - 0.6), (x, BOTTOM + 0.6), INK, 1.2);
    }
}

/// Column sums above, row sums at the right, each with an axis.
fn draw_sums(scene: &mut Scene, grid: &Grid) {
    const HIGH: f64 = 62.0;
    const LONG: f64 = 84.0;
    let (column, row) = (grid.column_sums(), grid.row_sums());
    let most = |sums: &[f64]| sums.iter().copied().fold(0.0, f64::max).max(1e-12);
    let up = Scale::linear(0.0, most(&column), TOP - 8.0, TOP - 8.0 - HIGH);
    let along = Scale::linear(0.0, most(&row), RIGHT + 8.0, RIGHT + 8.0 + LONG);
    for (value, text) in up.ticks(2, Notation::Percent).0 {
        let y = up.at(value);
        scene.segment((LEFT - 5.0, y), (RIGHT, y), GRID, 1.0);
        scene.text(LEFT - 10.0, y + 6.0, text, 16.0, Anchor::End).color = MUTED;
    }
    // Labels from 1 on are a digit wide.
    let most_ticks = if most(&row) >= 1.0 { 4 } else { 2 };
    for (value, text) in along.ticks(most_ticks, Notation::Plain).0 {
        let x = along.at(value);
        let text = if value == 0.0 { "0".to_owned() } else { text };
        scene.segment((x, TOP - 5.0), (x, BOTTOM), GRID, 1.0);
        scene.text(x, TOP - 12.0, text, 16.0, Anchor::Middle).color = MUTED;
    }
    let step = grid.step();
    for at in 0..grid.n {
        let fill = group_style(group_of(grid.model, grid.order[at * grid.block])).0;
        let (width, gap) = (step * 0.86, step * 0.07);
        let top = up.at(column[at]);
        scene.rect(LEFT + at as f64 * step + gap, top, width, TOP - 8.0 - top, fill);
        let end = along.at(row[at]);
        scene.rect(RIGHT + 8.0, TOP + at as f64 * step + gap, end - RIGHT - 8.0, width, fill);
    }
    scene.segment((LEFT, TOP - 8.0), (RIGHT, TOP - 8.0), MUTED, 1.0);
    scene.segment((RIGHT + 8.0, TOP), (RIGHT + 8.0, BOTTOM), MUTED, 1.0);
    let title =
        if grid.block == 1 { "column sum: error of the class (%)" } else { "column sum: mean error of the block (%)" };
    scene.text(LEFT, 20.0, title, SMALL, Anchor::Start);
    let side = RIGHT + 8.0 + LONG + 22.0;
    let title = "row sum: rates wrongly predicted as this class";
    scene.text(side, 0.5 * (TOP + BOTTOM), title, SMALL, Anchor::Middle).upright = true;
}

/// Names or ranks along the edges; returns the room they take below and beside the matrix.
fn name_ranks(scene: &mut Scene, grid: &Grid) -> (f64, f64) {
    let (k, step) = (grid.order.len(), grid.step());
    let mut widest: f64 = 0.0;
    if k <= MOST_NAMED {
        for (at, &class) in grid.order.iter().enumerate() {
            let name = fitted(&grid.model.class_names[class], SMALL, 150.0);
            let middle = (at as f64 + 0.5) * step;
            scene.text(LEFT - 10.0, TOP + middle + 6.0, &name, SMALL, Anchor::End);
            scene.text(LEFT + middle + 6.0, BOTTOM + 10.0, &name, SMALL, Anchor::End).upright = true;
            widest = widest.max(text_width(&name, SMALL, false));
        }
        return (widest, widest);
    }
    let scale = Scale::linear(0.5, k as f64 + 0.5, 0.0, grid.edge(k));
    for (value, text) in scale.ticks(6, Notation::Plain).0.into_iter().filter(|(value, _)| *value >= 1.0) {
        let at = scale.at(value);
        scene.segment((LEFT + at, BOTTOM), (LEFT + at, BOTTOM + 6.0), INK, 1.2);
        scene.text(LEFT + at, BOTTOM + 12.0 + 0.76 * TICK, &text, TICK, Anchor::Middle);
        scene.segment((LEFT - 6.0, TOP + at), (LEFT, TOP + at), INK, 1.2);
        scene.text(LEFT - 11.0, TOP + at + 0.36 * TICK, &text, TICK, Anchor::End);
        widest = widest.max(text_width(&text, TICK, false));
    }
    (TICK + 6.0, widest)
}

/// Which ranks are many, medium and few, on lines `under` and `left_of` the matrix; false where there is nothing to
/// tell.
fn name_groups(scene: &mut Scene, grid: &Grid, under: f64, left_of: f64) -> bool {
    let runs = group_runs(grid.model, &grid.order);
    if runs.len() < 2 {
        return false;
    }
    for (group, ranks) in &runs {
        let (from, to) = (grid.edge(ranks.start) + 2.0, grid.edge(ranks.end) - 2.0);
        let color = group_style(Some(*group)).0;
        scene.segment((LEFT + from, under), (LEFT + to, under), color, 4.0);
        scene.segment((left_of, TOP + from), (left_of, TOP + to), color, 4.0);
        let name = group.name();
        if text_width(name, SMALL, false) <= to - from {
            scene.text(LEFT + 0.5 * (from + to), under + 20.0, name, SMALL, Anchor::Middle);
            scene.text(left_of - 8.0, TOP + 0.5 * (from + to), name, SMALL, Anchor::Middle).upright = true;
        }
    }
    true
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
fn group_edges(scene: &mut Scene, grid: &Grid) {
    for rank in 1..grid.order.len() {
        if group_of(grid.model, grid.order[rank - 1]) != group_of(grid.model, grid.order[rank]) {
            let at = grid.edge(rank);
            scene.segment((LEFT + at, TOP), (LEFT + at, BOTTOM), PAPER, 1.6);
            scene.segment((LEFT, TOP + at), (RIGHT, TOP + at), PAPER, 1.6);
        }
    }
}

fn color_bar(scene: &mut Scene, highest: f64) {
    const BAR: f64 = 26.0;
    let left = WIDTH - 150.0;
    let rows = 128;
    // The top is the largest rate, whose square root is the end of the scale.
    let cells = (0..rows).map(|at| viridis(1.0 - (at as f64 + 0.5) / rows as f64).rgb).collect();
    scene.shapes.push(Shape::Raster { x: left, y: TOP, width: BAR, height: SIDE, columns: 1, rows, cells });
    let scale = Scale::linear(0.0, if highest > 0.0 { highest } else { 1.0 }, 0.0, 1.0);
    let mut last = f64::INFINITY;
    for (value, text) in scale.ticks(8, Notation::Percent).0 {
        let y = BOTTOM - scale.at(value).sqrt() * SIDE;
        scene.segment((left + BAR, y), (left + BAR + 6.0, y), INK, 1.2);
        if last - y > 1.1 * TICK {
            scene.text(left + BAR + 11.0, y + 0.36 * TICK, text, TICK, Anchor::Start);
            last = y;
        }
    }
    let label = "share of the true class (%)";
    scene.text(left - 14.0, 0.5 * (TOP + BOTTOM), label, LABEL, Anchor::Middle).upright = true;
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
