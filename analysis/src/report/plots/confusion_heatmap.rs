//! `confusion_heatmap`: the hard test confusion matrix, classes from most to fewest training
//! images, of many classes in bins, with its column sums (the class errors) above and its row sums
//! (how much lands on a class wrongly) at the right.

use std::ops::Range;

use car_spectral::confusion::ConfusionMatrix;

use super::{
    MOST_SINGLE, bins, by_frequency, by_frequency_title, group_of, group_style, of_model, order_label, settings_caption,
};
use crate::draw::palette::{BLANK, Color, GRID, INK, MUTED, ON_DARK, ink_on, viridis};
use crate::draw::panel::{Area, LABEL, TICK};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, Shape, fitted, text_width};
use crate::draw::{Figure, Layout};
use crate::results::{Group, ModelReport, Report};
use crate::words::{fixed, grouped};

/// About so many bins where there are many classes.
const BINS: usize = 12;
/// Up to so many cells along a side have figures in them.
const MOST_FIGURES: usize = 15;
/// Up to so many classes are named along the edges.
const MOST_NAMED: usize = 20;

/// Ordinate of the matrix's upper edge.
const TOP: f64 = 96.0;
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
    let title = by_frequency_title("Confusion", model);
    Some(of_model("confusion_heatmap", title, model, caption(report, &grid), |layout| body(&grid, layout)))
}

/// A grid where it is drawn.
struct Sheet<'a> {
    grid: &'a Grid<'a>,
    layout: Layout,
    /// The names along the edges, empty where there are ranks.
    names: Vec<String>,
    /// The square of the cells.
    area: Area,
    /// Logical pixels a cell.
    step: f64,
}

impl<'a> Sheet<'a> {
    fn of(grid: &'a Grid, layout: Layout) -> Self {
        let named = grid.order.len() <= MOST_NAMED || grid.is_binned();
        let name = |at| fitted(&row_name(grid, at), SMALL, layout.either(150.0, 90.0));
        let names: Vec<String> = (0..grid.n()).filter(|_| named).map(name).collect();
        let left = match layout {
            Layout::Wide => 250.0,
            // Room for what the axis is, the groups, and the names or ranks.
            Layout::Narrow => 82.0 + widest(&names).max(text_width("000", TICK, false)),
        };
        // At the right, half of the last rank.
        let side = layout.either(620.0, layout.width() - layout.margin() - 14.0 - left);
        let area = Area { left, top: TOP, right: left + side, bottom: TOP + side };
        Self { grid, layout, names, area, step: side / grid.n() as f64 }
    }
}

fn widest(names: &[String]) -> f64 {
    names.iter().map(|name| text_width(name, SMALL, false)).fold(0.0, f64::max)
}

fn body(grid: &Grid, layout: Layout) -> Scene {
    let sheet = Sheet::of(grid, layout);
    let area = sheet.area;
    let mut scene = layout.scene();
    draw_cells(&mut scene, &sheet);
    group_edges(&mut scene, &sheet);
    draw_sums(&mut scene, &sheet);
    let (mut below, mut beside) = name_ranks(&mut scene, &sheet);
    if name_groups(&mut scene, &sheet, area.bottom + below + 16.0, area.left - beside - 20.0) {
        below += 30.0;
        beside += 26.0;
    }
    let is_trained = grid.model.train_counts.is_some();
    let what = match (grid.is_binned(), is_trained) {
        (true, true) => " by its training samples",
        (true, false) => " by its number",
        (false, _) if grid.order.len() <= MOST_NAMED => "",
        (false, true) => " (rank)",
        (false, false) => " (in the order of their numbers)",
    };
    let order = match layout {
        _ if grid.is_binned() => String::new(),
        Layout::Narrow if is_trained => ", most samples first".to_owned(),
        Layout::Narrow => String::new(),
        Layout::Wide => format!(", {}", order_label(grid.model)),
    };
    let (x_label, y_label) = (format!("true class{what}{order}"), format!("predicted class{what}"));
    let base = area.bottom + below + 22.0 + LABEL;
    scene.text(layout.either(area.middle(), 0.5 * layout.width()), base, x_label, LABEL, Anchor::Middle);
    scene.text(area.left - beside - 30.0, area.centre(), y_label, LABEL, Anchor::Middle).upright = true;
    scene.height = color_bar(&mut scene, &sheet, base);
    scene
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
fn draw_cells(scene: &mut Scene, Sheet { grid, layout, area, step, .. }: &Sheet) {
    let n = grid.n();
    let colors = grid.colors();
    let cells = colors.iter().map(|color| color.rgb).collect();
    let (width, height) = (area.width(), area.height());
    scene.shapes.push(Shape::Raster { x: area.left, y: area.top, width, height, columns: n, rows: n, cells });
    let has_room = n <= MOST_FIGURES && *step >= 24.0;
    for (at, (&share, color)) in grid.cells.iter().zip(&colors).enumerate().filter(|_| has_room) {
        let (i, j) = (at / n, at % n);
        if (i == j && !grid.is_binned()) || grid.tested(j) == 0 {
            continue;
        }
        let (x, y) = (area.left + (j as f64 + 0.5) * step, area.top + (i as f64 + 0.5) * step);
        let ink = ink_on(*color);
        scene.text(x, y + 6.0, figures(share, *layout), SMALL, Anchor::Middle).color = ink;
    }
    for y in [area.top, area.bottom] {
        scene.segment((area.left, y), (area.right, y), INK, 1.2);
    }
    for x in [area.left, area.right] {
        scene.segment((x, area.top - 0.6), (x, area.bottom + 0.6), INK, 1.2);
    }
}

/// Column sums above and, but in a narrow figure, row sums at the right, each with an axis.
fn draw_sums(scene: &mut Scene, sheet: &Sheet) {
    const HIGH: f64 = 62.0;
    let Sheet { grid, layout, area, step, .. } = sheet;
    let (column, row) = (grid.column_sums(), grid.row_sums());
    let up = Scale::linear(0.0, highest(&column), area.top - 8.0, area.top - 8.0 - HIGH);
    for (value, text) in up.ticks(2, Notation::Percent).0 {
        let y = up.at(value);
        scene.segment((area.left - 5.0, y), (area.right, y), GRID, 1.0);
        scene.text(area.left - 10.0, y + 6.0, text, layout.either(16.0, SMALL), Anchor::End).color = MUTED;
    }
    let along = (*layout == Layout::Wide).then(|| row_axis(scene, area, &row));
    let (width, gap) = (step * 0.86, step * 0.07);
    for (at, (group, _)) in grid.bins.iter().enumerate() {
        let (fill, top) = (group_style(*group).0, up.at(column[at]));
        scene.rect(area.left + at as f64 * step + gap, top, width, area.top - 8.0 - top, fill);
        if let Some(along) = along {
            let length = along.at(row[at]) - area.right - 8.0;
            scene.rect(area.right + 8.0, area.top + at as f64 * step + gap, length, width, fill);
        }
    }
    scene.segment((area.left, area.top - 8.0), (area.right, area.top - 8.0), MUTED, 1.0);
    if along.is_some() {
        scene.segment((area.right + 8.0, area.top), (area.right + 8.0, area.bottom), MUTED, 1.0);
    }
    let (error, these) = if grid.is_binned() {
        ("mean error of the bin", "these classes")
    } else {
        ("error of the class", "this class")
    };
    let title = format!("{}{error} (%)", layout.either("column sum: ", ""));
    scene.text(area.left, 20.0, title, SMALL, Anchor::Start);
    if along.is_some() {
        let title = format!("row sum: rates wrongly predicted as {these}");
        scene.text(area.right + LONG + 30.0, area.centre(), title, SMALL, Anchor::Middle).upright = true;
    }
}

/// Length of the axis of the row sums.
const LONG: f64 = 84.0;

/// The axis of the row sums, at the right.
fn row_axis(scene: &mut Scene, area: &Area, row: &[f64]) -> Scale {
    let along = Scale::linear(0.0, highest(row), area.right + 8.0, area.right + 8.0 + LONG);
    // Labels of whole numbers are a digit wide.
    let most_ticks = if highest(row) >= 2.0 { 4 } else { 2 };
    for (value, text) in along.ticks(most_ticks, Notation::Plain).0 {
        let x = along.at(value);
        let text = if value == 0.0 { "0".to_owned() } else { text };
        scene.segment((x, area.top - 5.0), (x, area.bottom), GRID, 1.0);
        scene.text(x, area.top - 12.0, text, 16.0, Anchor::Middle).color = MUTED;
    }
    along
}

/// The end of an axis of sums.
fn highest(sums: &[f64]) -> f64 {
    sums.iter().copied().fold(0.0, f64::max).max(1e-12)
}

/// Names or ranks along the edges; returns the room they take below and beside the matrix.
fn name_ranks(scene: &mut Scene, Sheet { grid, names, area, step, .. }: &Sheet) -> (f64, f64) {
    for (at, name) in names.iter().enumerate() {
        let middle = (at as f64 + 0.5) * step;
        scene.text(area.left - 10.0, area.top + middle + 6.0, name, SMALL, Anchor::End);
        scene.text(area.left + middle + 6.0, area.bottom + 10.0, name, SMALL, Anchor::End).upright = true;
    }
    if !names.is_empty() {
        return (widest(names), widest(names));
    }
    let mut widest: f64 = 0.0;
    let scale = Scale::linear(0.5, grid.order.len() as f64 + 0.5, 0.0, area.width());
    for (value, text) in scale.ticks(6, Notation::Plain).0.into_iter().filter(|(value, _)| *value >= 1.0) {
        let at = scale.at(value);
        scene.segment((area.left + at, area.bottom), (area.left + at, area.bottom + 6.0), INK, 1.2);
        scene.text(area.left + at, area.bottom + 12.0 + 0.76 * TICK, &text, TICK, Anchor::Middle);
        scene.segment((area.left - 6.0, area.top + at), (area.left, area.top + at), INK, 1.2);
        scene.text(area.left - 11.0, area.top + at + 0.36 * TICK, &text, TICK, Anchor::End);
        widest = widest.max(text_width(&text, TICK, false));
    }
    (TICK + 6.0, widest)
}

/// Which ranks are many, medium and few, on lines `under` and `left_of` the matrix; false where
/// there is nothing to tell.
fn name_groups(scene: &mut Scene, Sheet { grid, area, step, .. }: &Sheet, under: f64, left_of: f64) -> bool {
    let runs = runs(grid);
    if runs.len() < 2 {
        return false;
    }
    for (group, cells) in &runs {
        let (from, to) = (cells.start as f64 * step + 2.0, cells.end as f64 * step - 2.0);
        let color = group_style(*group).0;
        scene.segment((area.left + from, under), (area.left + to, under), color, 4.0);
        scene.segment((left_of, area.top + from), (left_of, area.top + to), color, 4.0);
        let name = group.map_or("", |group| group.name());
        if text_width(name, SMALL, false) <= to - from {
            scene.text(area.left + 0.5 * (from + to), under + 20.0, name, SMALL, Anchor::Middle);
            scene.text(left_of - 8.0, area.top + 0.5 * (from + to), name, SMALL, Anchor::Middle).upright = true;
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

/// A rate in a cell: per cent without decimals, in a wide figure one below 10.
fn figures(rate: f64, layout: Layout) -> String {
    let percent = 100.0 * rate;
    match layout {
        _ if rate == 0.0 => "·".to_owned(),
        Layout::Narrow if percent < 0.5 => "<1".to_owned(),
        Layout::Wide if percent < 9.95 => fixed(percent, 1),
        _ => fixed(percent, 0),
    }
}

/// White lines between groups, across the whole matrix.
fn group_edges(scene: &mut Scene, Sheet { grid, area, step, .. }: &Sheet) {
    for (_, cells) in runs(grid).iter().skip(1) {
        let at = cells.start as f64 * step;
        scene.segment((area.left + at, area.top), (area.left + at, area.bottom), ON_DARK, 2.4);
        scene.segment((area.left, area.top + at), (area.right, area.top + at), ON_DARK, 2.4);
    }
}

/// What the colours mean, at the right or, in a narrow figure, below the label that stands at
/// `base`; returns the height of the figure.
fn color_bar(scene: &mut Scene, Sheet { grid, layout, area, .. }: &Sheet, base: f64) -> f64 {
    const BAR: f64 = 26.0;
    const STEPS: usize = 128;
    let highest = grid.highest();
    let scale = Scale::linear(0.0, if highest > 0.0 { highest } else { 1.0 }, 0.0, 1.0);
    let label = "share of the true class (%)";
    // The end is the largest rate, whose square root is the end of the scale.
    let color = |at: usize| viridis((at as f64 + 0.5) / STEPS as f64).rgb;
    let marks = scale.ticks(8, Notation::Percent).0.into_iter();
    match layout {
        Layout::Wide => {
            let (left, height) = (layout.width() - 150.0, area.height());
            let cells = (0..STEPS).rev().map(color).collect();
            let bar = Shape::Raster { x: left, y: area.top, width: BAR, height, columns: 1, rows: STEPS, cells };
            scene.shapes.push(bar);
            let mut last = f64::INFINITY;
            for (y, text) in marks.map(|(value, text)| (area.bottom - scale.at(value).sqrt() * height, text)) {
                scene.segment((left + BAR, y), (left + BAR + 6.0, y), INK, 1.2);
                if last - y > 1.1 * TICK {
                    scene.text(left + BAR + 11.0, y + 0.36 * TICK, text, TICK, Anchor::Start);
                    last = y;
                }
            }
            scene.text(left - 14.0, area.centre(), label, LABEL, Anchor::Middle).upright = true;
            base + 18.0
        }
        Layout::Narrow => {
            let (top, width) = (base + 30.0, area.width());
            let cells = (0..STEPS).map(color).collect();
            scene.shapes.push(Shape::Raster {
                x: area.left,
                y: top,
                width,
                height: BAR,
                columns: STEPS,
                rows: 1,
                cells,
            });
            let mut last = f64::NEG_INFINITY;
            for (x, text) in marks.map(|(value, text)| (area.left + scale.at(value).sqrt() * width, text)) {
                scene.segment((x, top + BAR), (x, top + BAR + 6.0), INK, 1.2);
                let half = 0.5 * text_width(&text, TICK, false);
                if x - half > last + 8.0 && x + half <= layout.width() {
                    scene.text(x, top + BAR + 11.0 + 0.76 * TICK, text, TICK, Anchor::Middle);
                    last = x + half;
                }
            }
            let base = top + BAR + 20.0 + TICK + LABEL;
            scene.text(0.5 * layout.width(), base, label, LABEL, Anchor::Middle);
            base + 16.0
        }
    }
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
