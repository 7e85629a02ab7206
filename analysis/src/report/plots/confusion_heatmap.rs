//! `confusion_heatmap`: the hard test confusion matrix, classes from most to fewest training
//! images, of many classes in bins, with its column sums (the class errors) above and its row sums
//! (how much lands on a class wrongly) at the right.

use std::ops::Range;

use car_spectral::confusion::ConfusionMatrix;

use super::{
    MOST_SINGLE, bins, by_frequency, by_frequency_title, group_of, group_style, of_model, order_label, settings_caption,
};
use crate::draw::figure::{Figure, WIDTH};
use crate::draw::palette::{BLANK, Color, GRID, INK, MUTED, ON_DARK, ink_on, viridis};
use crate::draw::panel::{LABEL, TICK};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, Shape, fitted, text_width};
use crate::results::{Group, ModelReport, Report};
use crate::words::{fixed, grouped};

/// About so many bins where there are many classes.
const BINS: usize = 12;
/// Up to so many cells along a side have figures in them.
const MOST_FIGURES: usize = 15;
/// Up to so many classes are named along the edges.
const MOST_NAMED: usize = 20;

const SIDE: f64 = 620.0;
const LEFT: f64 = 250.0;
const TOP: f64 = 96.0;
const RIGHT: f64 = LEFT + SIDE;
const BOTTOM: f64 = TOP + SIDE;
/// Size of the smaller labels.
const SMALL: f64 = 17.0;

/// The matrix along [`by_frequency`], a cell a pair of classes or of bins.
struct Grid<'a> {
    model: &'a ModelReport,
    /// Classes by rank.
    order: Vec<usize>,
    /// The ranks of each row and column, and their group.
    bins: Vec<(Option<Group>, Range<usize>)>,
    /// Row by row, the share of the true classes of a column that falls into a row.
    cells: Vec<f64>,
}

impl<'a> Grid<'a> {
    fn of(model: &'a ModelReport, confusion: &ConfusionMatrix) -> Self {
        let k = model.num_classes;
        let order = by_frequency(model);
        let bins = if k <= MOST_SINGLE {
            (0..k).map(|rank| (group_of(model, order[rank]), rank..rank + 1)).collect()
        } else {
            bins(model, &order, BINS)
        };
        let n = bins.len();
        let mut bin = vec![0; k];
        for (at, (_, ranks)) in bins.iter().enumerate() {
            ranks.clone().for_each(|rank| bin[order[rank]] = at);
        }
        let mut cells = vec![0.0; n * n];
        for (predicted, truth, rate) in confusion.non_zeros() {
            cells[bin[predicted] * n + bin[truth]] += rate;
        }
        let mut grid = Self { model, order, bins, cells };
        // The mean over the true classes of a column.
        let tested: Vec<f64> = (0..n).map(|at| grid.tested(at).max(1) as f64).collect();
        grid.cells.iter_mut().enumerate().for_each(|(at, cell)| *cell /= tested[at % n]);
        grid
    }

    /// Cells along a side.
    fn n(&self) -> usize {
        self.bins.len()
    }

    /// Whether a cell is a pair of bins.
    fn is_binned(&self) -> bool {
        self.n() < self.order.len()
    }

    /// Logical pixels a cell.
    fn step(&self) -> f64 {
        SIDE / self.n() as f64
    }

    /// Classes of a column that have test samples.
    fn tested(&self, at: usize) -> usize {
        let classes = &self.order[self.bins[at].1.clone()];
        classes.iter().filter(|&&class| self.model.test.split.class_counts[class] > 0).count()
    }

    fn highest(&self) -> f64 {
        self.cells.iter().copied().fold(0.0, f64::max)
    }

    fn column_sums(&self) -> Vec<f64> {
        (0..self.n()).map(|j| self.cells.iter().skip(j).step_by(self.n()).sum()).collect()
    }

    fn row_sums(&self) -> Vec<f64> {
        self.cells.chunks(self.n()).map(|row| row.iter().sum()).collect()
    }

    fn colors(&self) -> Vec<Color> {
        let highest = self.highest();
        let share = |value: f64| if highest > 0.0 { (value / highest).sqrt() } else { 0.0 };
        let empty: Vec<bool> = (0..self.n()).map(|at| self.tested(at) == 0).collect();
        let color = |(at, &cell): (usize, &f64)| {
            let (i, j) = (at / self.n(), at % self.n());
            if (i == j && !self.is_binned()) || empty[j] { BLANK } else { viridis(share(cell)) }
        };
        self.cells.iter().enumerate().map(color).collect()
    }
}

/// `None` without an error.
pub(super) fn draw(report: &Report, model: &ModelReport, confusion: &ConfusionMatrix) -> Option<Figure> {
    let grid = Grid::of(model, confusion);
    if grid.highest() == 0.0 {
        return None;
    }
    let mut scene = Scene::new(WIDTH, 0.0);
    draw_cells(&mut scene, &grid);
    group_edges(&mut scene, &grid);
    draw_sums(&mut scene, &grid);
    let (mut below, mut beside) = name_ranks(&mut scene, &grid);
    if name_groups(&mut scene, &grid, BOTTOM + below + 16.0, LEFT - beside - 20.0) {
        below += 30.0;
        beside += 26.0;
    }
    let what = match (grid.is_binned(), model.train_counts.is_some()) {
        (true, true) => " by its training images",
        (true, false) => " by its number",
        (false, _) if model.num_classes <= MOST_NAMED => "",
        (false, _) => " (rank)",
    };
    let order = if grid.is_binned() { String::new() } else { format!(", {}", order_label(model)) };
    let (x_label, y_label) = (format!("true class{what}{order}"), format!("predicted class{what}"));
    scene.text(LEFT + 0.5 * SIDE, BOTTOM + below + 22.0 + LABEL, x_label, LABEL, Anchor::Middle);
    scene.text(LEFT - beside - 30.0, TOP + 0.5 * SIDE, y_label, LABEL, Anchor::Middle).upright = true;
    color_bar(&mut scene, grid.highest());
    scene.height = BOTTOM + below + 22.0 + LABEL + 18.0;
    Some(of_model(
        "confusion_heatmap",
        by_frequency_title("Confusion", grid.model),
        grid.model,
        caption(report, &grid),
        scene,
    ))
}

fn caption(report: &Report, grid: &Grid) -> String {
    let settings = settings_caption(report, grid.model);
    if grid.is_binned() {
        let classes = grouped((grid.order.len() as f64 / grid.n() as f64).round() as u64);
        return format!(
            "{} bins of about {classes} classes{}. A figure says which share of a column's true classes, in per cent and as mean \
             over them, is predicted as another class of the row's bin. On the diagonal are confusions within a bin, not correct \
             predictions. Colour on a square-root scale. {settings}",
            grid.n(),
            if grid.model.groups.is_some() { ", none of which spans two of many, medium and few" } else { "" }
        );
    }
    format!(
        "Share of a true class (column) that is predicted as another class (row) on test data; classes {}{}. \
         Colour on a square-root scale. Grey: the diagonal, which is 0 by definition, and \
         classes without test samples. {settings}",
        order_label(grid.model),
        if grid.model.groups.is_some() { ", white lines between many, medium and few" } else { "" },
    )
}

/// The cells, with figures in them where there are few, in a frame.
fn draw_cells(scene: &mut Scene, grid: &Grid) {
    let (n, step) = (grid.n(), grid.step());
    let colors = grid.colors();
    let cells = colors.iter().map(|color| color.rgb).collect();
    scene.shapes.push(Shape::Raster { x: LEFT, y: TOP, width: SIDE, height: SIDE, columns: n, rows: n, cells });
    for (at, (&share, color)) in grid.cells.iter().zip(&colors).enumerate().filter(|_| n <= MOST_FIGURES) {
        let (i, j) = (at / n, at % n);
        if (i == j && !grid.is_binned()) || grid.tested(j) == 0 {
            continue;
        }
        let (x, y) = (LEFT + (j as f64 + 0.5) * step, TOP + (i as f64 + 0.5) * step);
        let ink = ink_on(*color);
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
    // Labels of whole numbers are a digit wide.
    let most_ticks = if most(&row) >= 2.0 { 4 } else { 2 };
    for (value, text) in along.ticks(most_ticks, Notation::Plain).0 {
        let x = along.at(value);
        let text = if value == 0.0 { "0".to_owned() } else { text };
        scene.segment((x, TOP - 5.0), (x, BOTTOM), GRID, 1.0);
        scene.text(x, TOP - 12.0, text, 16.0, Anchor::Middle).color = MUTED;
    }
    let step = grid.step();
    for (at, (group, _)) in grid.bins.iter().enumerate() {
        let fill = group_style(*group).0;
        let (width, gap) = (step * 0.86, step * 0.07);
        let top = up.at(column[at]);
        scene.rect(LEFT + at as f64 * step + gap, top, width, TOP - 8.0 - top, fill);
        let end = along.at(row[at]);
        scene.rect(RIGHT + 8.0, TOP + at as f64 * step + gap, end - RIGHT - 8.0, width, fill);
    }
    scene.segment((LEFT, TOP - 8.0), (RIGHT, TOP - 8.0), MUTED, 1.0);
    scene.segment((RIGHT + 8.0, TOP), (RIGHT + 8.0, BOTTOM), MUTED, 1.0);
    let title =
        if grid.is_binned() { "column sum: mean error of the bin (%)" } else { "column sum: error of the class (%)" };
    scene.text(LEFT, 20.0, title, SMALL, Anchor::Start);
    let side = RIGHT + 8.0 + LONG + 22.0;
    let title = if grid.is_binned() {
        "row sum: rates wrongly predicted as these classes"
    } else {
        "row sum: rates wrongly predicted as this class"
    };
    scene.text(side, 0.5 * (TOP + BOTTOM), title, SMALL, Anchor::Middle).upright = true;
}

/// Names or ranks along the edges; returns the room they take below and beside the matrix.
fn name_ranks(scene: &mut Scene, grid: &Grid) -> (f64, f64) {
    let (k, step) = (grid.order.len(), grid.step());
    let mut widest: f64 = 0.0;
    if k <= MOST_NAMED || grid.is_binned() {
        for at in 0..grid.n() {
            let name = fitted(&row_name(grid, at), SMALL, 150.0);
            let middle = (at as f64 + 0.5) * step;
            scene.text(LEFT - 10.0, TOP + middle + 6.0, &name, SMALL, Anchor::End);
            scene.text(LEFT + middle + 6.0, BOTTOM + 10.0, &name, SMALL, Anchor::End).upright = true;
            widest = widest.max(text_width(&name, SMALL, false));
        }
        return (widest, widest);
    }
    let scale = Scale::linear(0.5, k as f64 + 0.5, 0.0, SIDE);
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

/// Which ranks are many, medium and few, on lines `under` and `left_of` the matrix; false where
/// there is nothing to tell.
fn name_groups(scene: &mut Scene, grid: &Grid, under: f64, left_of: f64) -> bool {
    let runs = runs(grid);
    if runs.len() < 2 {
        return false;
    }
    for (group, cells) in &runs {
        let (from, to) = (cells.start as f64 * grid.step() + 2.0, cells.end as f64 * grid.step() - 2.0);
        let color = group_style(*group).0;
        scene.segment((LEFT + from, under), (LEFT + to, under), color, 4.0);
        scene.segment((left_of, TOP + from), (left_of, TOP + to), color, 4.0);
        let name = group.map_or("", |group| group.name());
        if text_width(name, SMALL, false) <= to - from {
            scene.text(LEFT + 0.5 * (from + to), under + 20.0, name, SMALL, Anchor::Middle);
            scene.text(left_of - 8.0, TOP + 0.5 * (from + to), name, SMALL, Anchor::Middle).upright = true;
        }
    }
    true
}

/// The groups along a side, each with the cells it takes.
fn runs(grid: &Grid) -> Vec<(Option<Group>, Range<usize>)> {
    let mut runs: Vec<(Option<Group>, Range<usize>)> = Vec::new();
    for (at, (group, _)) in grid.bins.iter().enumerate() {
        match runs.last_mut() {
            Some((last, cells)) if last == group => cells.end = at + 1,
            _ => runs.push((*group, at..at + 1)),
        }
    }
    runs
}

/// A class's name; of a bin what its classes have of training images, else their numbers.
fn row_name(grid: &Grid, at: usize) -> String {
    let classes = &grid.order[grid.bins[at].1.clone()];
    if !grid.is_binned() {
        return grid.model.class_names[classes[0]].clone();
    }
    let value = |class: usize| grid.model.train_counts.as_ref().map_or(class as u64, |counts| counts[class]);
    let [least, most] =
        [classes.iter().map(|&class| value(class)).min(), classes.iter().map(|&class| value(class)).max()]
            .map(|end| grouped(end.unwrap_or(0)));
    if least == most { least } else { format!("{least}–{most}") }
}

/// A rate in a cell: per cent without decimals, one below 10.
fn figures(rate: f64) -> String {
    let percent = 100.0 * rate;
    if rate == 0.0 { "·".to_owned() } else { fixed(percent, if percent < 9.95 { 1 } else { 0 }) }
}

/// White lines between groups, across the whole matrix.
fn group_edges(scene: &mut Scene, grid: &Grid) {
    for (_, cells) in runs(grid).iter().skip(1) {
        let at = cells.start as f64 * grid.step();
        scene.segment((LEFT + at, TOP), (LEFT + at, BOTTOM), ON_DARK, 2.4);
        scene.segment((LEFT, TOP + at), (RIGHT, TOP + at), ON_DARK, 2.4);
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

    /// 400 classes of 400, 399, ... training images; each 30 % wrong: 20 % as the most frequent, 10
    /// % as the rarest.
    #[test]
    fn many_classes_are_bins_whose_columns_add_up_to_their_error() {
        let k = 400;
        let mut model = ModelReport { num_classes: k, ..Default::default() };
        model.train_counts = Some((0..k as u64).map(|class| k as u64 - class).collect());
        model.test.split.class_counts = vec![10; k];
        model.test.split.class_counts[1] = 0;
        let mut rates = ndarray::Array2::zeros((k, k));
        for class in (0..k).filter(|class| *class != 1) {
            rates[[if class == 0 { 2 } else { 0 }, class]] = 0.2;
            rates[[if class == k - 1 { 3 } else { k - 1 }, class]] = 0.1;
        }
        let grid = Grid::of(&model, &ConfusionMatrix::from_dense(rates).unwrap());
        assert_eq!((grid.n(), grid.tested(0), row_name(&grid, 0).as_str()), (12, 32, "368–400"));
        grid.column_sums().iter().for_each(|sum| approx::assert_relative_eq!(*sum, 0.3, max_relative = 1e-12));
        approx::assert_relative_eq!(grid.cells[5], 0.2, max_relative = 1e-12);
        approx::assert_relative_eq!(grid.cells[11 * 12 + 5], 0.1, max_relative = 1e-12);
        let few = ModelReport { num_classes: 2, class_names: vec!["a".into(), "b".into()], ..Default::default() };
        let mut few = ModelReport { train_counts: Some(vec![1, 2]), ..few };
        few.test.split.class_counts = vec![1; 2];
        let grid = Grid::of(&few, &ConfusionMatrix::from_dense(ndarray::array![[0.0, 1.0], [0.0, 0.0]]).unwrap());
        assert_eq!(
            (grid.is_binned(), row_name(&grid, 0).as_str(), &grid.cells[..]),
            (false, "b", &[0.0, 0.0, 1.0, 0.0][..])
        );
    }
}
