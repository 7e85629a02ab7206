//! `chain_at_worst`: e, λ e, WCE, R and the bounds √s R, √(K−1) R as bars on a log scale, at the
//! worst and at the weighted worst class, and the sharpest bounds from training images; beside each
//! bar its value, and what it says of the class's error.

use super::shown_bounds::{describe, sharpest_bounds};
use super::{of_model, settings_caption, sure};
use crate::draw::palette::{BLANK, Color, GRID, INK, MUTED, PAPER, SKY};
use crate::draw::panel::{Area, LABEL, LEGEND, Symbol, TICK, legend, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted, wrapped};
use crate::draw::{Figure, Layout};
use crate::report::headline::called;
use crate::results::{BoundReport, ModelReport, Report};
use crate::words::{counted, grouped, multiple, percent, short};

const ROW: f64 = 38.0;

/// What is measured is grey, what follows from the norm is blue; the colours of the groups of
/// classes stay theirs.
const ERROR: Color = MUTED;
const WEIGHTED: Color = BLANK;
const NORM: Color = SKY.with_alpha(0.4);
const BOUND: Color = SKY;
const FROM_TRAINING: Color = INK;

struct Bar {
    label: String,
    value: f64,
    interval: Option<[f64; 2]>,
    fill: Color,
    /// What the value says of the class's error.
    meaning: String,
}

/// `None` where no class has a test sample.
pub(super) fn draw(report: &Report, model: &ModelReport) -> Option<Figure> {
    let blocks = blocks(model)?;
    let base = decade_below(blocks.iter().flat_map(|(_, bars)| bars).map(|bar| bar.value));
    let title = "How loose the bounds are at the worst class";
    Some(of_model("chain_at_worst", title, model, caption(report, model, base), |layout| {
        body(&blocks, base, !sharpest_bounds(model).is_empty(), layout)
    }))
}

/// Block by block; `trained` tells whether there are bounds from training images.
fn body(blocks: &[(String, Vec<Bar>)], base: f64, trained: bool, layout: Layout) -> Scene {
    let ends = |bar: &Bar| bar.interval.map_or(bar.value, |interval| interval[1].max(bar.value));
    let high = blocks.iter().flat_map(|(_, bars)| bars).map(ends).filter(|v| v.is_finite()).fold(0.0, f64::max);

    let mut scene = layout.scene();
    let entries = [
        (Symbol::Swatch(ERROR), "the class's error".to_owned()),
        (Symbol::Swatch(WEIGHTED), "weighted by the class's weight λ".to_owned()),
        (Symbol::Swatch(NORM), "spectral norm".to_owned()),
        (Symbol::Swatch(BOUND), "upper bound of the weighted error".to_owned()),
        (Symbol::Swatch(FROM_TRAINING), "bound of the class's error from training samples".to_owned()),
    ];
    let head = legend(&mut scene, layout, if trained { &entries } else { &entries[..4] }) + layout.either(34.0, 8.0);
    let columns = Columns::of(layout);
    let x = Scale::log(base, 1.1 * high.max(10.0 * base), columns.left, columns.right);
    let heights = |bars: &[Bar]| bars.iter().map(|bar| row_height(bar, layout)).sum::<f64>();
    let rows: f64 = blocks.iter().map(|(_, bars)| heights(bars)).sum();
    let titles: usize = blocks.iter().map(|(title, _)| title_lines(title, layout).len() - 1).sum();
    let height = (blocks.len() as f64 * 46.0 + LINE * titles as f64 + rows + 14.0).max(80.0);
    let area = Area { left: columns.left, top: head, right: columns.right, bottom: head + height };
    let marks = ticks(&x, area.width(), 75.0, Notation::Plain);
    // The grid is drawn block by block, so that it ends where a class is named.
    let below = Area { top: area.bottom, ..area };
    let label =
        layout.either("value, log scale (errors as fractions: 1 = 100 %)", "value, log scale (error 1 = 100 %)");
    x_axis(&mut scene, below, &x, &marks, label);
    if layout == Layout::Wide {
        scene.text(columns.values, head, "value", TICK, Anchor::End).color = MUTED;
        scene.text(columns.meanings, head, "the class's error e is", TICK, Anchor::Start).color = MUTED;
    }
    let mut y = head;
    for (title, bars) in blocks {
        y += 32.0;
        for (n, line) in title_lines(title, layout).iter().enumerate() {
            y += if n == 0 { 0.0 } else { LINE };
            scene.text(layout.margin(), y, line, LEGEND, Anchor::Start).bold = true;
        }
        y += 14.0;
        let rows = (y, y + heights(bars));
        for (value, _) in &marks.0 {
            scene.segment((x.at(*value), rows.0), (x.at(*value), rows.1), GRID, 1.0);
        }
        for bar in bars {
            draw_bar(&mut scene, bar, y, &x, &columns, layout);
            y += row_height(bar, layout);
        }
        scene.segment((area.left, rows.0), (area.left, rows.1), INK, 1.4);
    }
    scene.segment((area.left, area.bottom), (area.right, area.bottom), INK, 1.4);
    scene.height = area.bottom + 20.0 + TICK + LABEL + 16.0;
    scene
}

/// The title of a block, in a narrow figure broken between words.
fn title_lines(title: &str, layout: Layout) -> Vec<String> {
    match layout {
        Layout::Wide => vec![fitted(title, LEGEND, 0.8 * layout.width())],
        Layout::Narrow => wrapped(title, LEGEND, layout.inner(), true),
    }
}

/// Where a row's bar, value and meaning stand.
struct Columns {
    left: f64,
    right: f64,
    /// The end of the value.
    values: f64,
    meanings: f64,
}

impl Columns {
    /// In a narrow figure the bar takes the width, and the texts stand above and below it.
    fn of(layout: Layout) -> Self {
        let end = layout.width() - layout.margin();
        match layout {
            Layout::Wide => Self { left: 286.0, right: end - 474.0, values: end - 384.0, meanings: end - 358.0 },
            Layout::Narrow => Self { left: 20.0, right: end - 20.0, values: end, meanings: 30.0 },
        }
    }
}

/// Room above a bar in a narrow figure, and below it where its meaning is said.
const LINE: f64 = 26.0;

fn row_height(bar: &Bar, layout: Layout) -> f64 {
    let below = if bar.meaning.is_empty() { 0.0 } else { LINE };
    layout.either(ROW, LINE + ROW + below + 10.0)
}

/// A bar with its name, whisker, value and meaning, in the row that begins at `y`.
fn draw_bar(scene: &mut Scene, bar: &Bar, y: f64, x: &Scale, columns: &Columns, layout: Layout) {
    let y = y + layout.either(0.0, LINE);
    let (top, middle) = (y + 5.0, y + 0.5 * ROW);
    let base = middle + 0.36 * TICK;
    let (named, anchor) = layout.either((columns.left - 12.0, Anchor::End), (columns.left + 10.0, Anchor::Start));
    scene.text(named, base - layout.either(0.0, 28.0), &bar.label, TICK, anchor);
    scene.rect(columns.left, top, x.at(bar.value) - columns.left, ROW - 10.0, bar.fill);
    if let Some(interval) = bar.interval.filter(|interval| interval[1] > 0.0) {
        let ends = interval.map(|end| x.at(end));
        scene.segment((ends[0], middle), (ends[1], middle), PAPER, 6.0);
        scene.segment((ends[0], middle), (ends[1], middle), INK, 2.0);
        // Caps on a short whisker would hide it; one that goes on below the axis has none there.
        let whole = [x.shows(interval[0]), true];
        for (at, _) in ends.into_iter().zip(whole).filter(|(_, whole)| *whole && ends[1] - ends[0] > 8.0) {
            scene.segment((at, middle - 6.0), (at, middle + 6.0), INK, 2.0);
        }
    }
    scene.text(columns.values, base - layout.either(0.0, 28.0), short(bar.value), TICK, Anchor::End);
    let meaning = fitted(&bar.meaning, TICK, layout.width() - layout.margin() - columns.meanings);
    let text = scene.text(columns.meanings, base + layout.either(0.0, 28.0), meaning, TICK, Anchor::Start);
    text.color = layout.either(INK, MUTED);
}

/// What is shown; bars begin at `base`.
fn caption(report: &Report, model: &ModelReport, base: f64) -> String {
    let chain = &model.test.split.chain;
    let verdict = match (chain.holds, chain.slack_factor) {
        (true, Some(factor)) => {
            format!("holds for every matrix; here its right side is {}", multiple(factor, "WCE"))
        }
        (true, None) => "holds for every matrix; here every part is 0".to_owned(),
        (false, _) => "FAILS on the test matrix, which is a fault of the program".to_owned(),
    };
    let weight = if report.settings.weights == "none" { ", here 1" } else { ", larger for rare classes" };
    format!(
        "e: the class's error; λ: its weight{weight}; WCE: the largest λ e of any class; R = ‖CΛ‖₂: the spectral \
         norm. The chain λ e ≤ WCE ≤ √(K−1) R (S2, S3) {verdict}. Its values are measured on test data and bound the errors on \
         these data alone. s: the most non-zero entries in a column. Bars begin at {}; equal ratios have equal lengths. Whiskers: \
         {} intervals (T5; of WCE T5'). {}",
        short(base),
        sure(report),
        settings_caption(report, model),
    )
}

/// Where the bars begin: the power of ten that every positive value is at least twice.
fn decade_below(values: impl Iterator<Item = f64>) -> f64 {
    let least = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    if least.is_finite() { 10f64.powf((0.5 * least).log10().floor()) } else { 0.1 }
}

/// One block where the class that attains WCE has the largest error as well, else two; `None`
/// without a test sample.
fn blocks(model: &ModelReport) -> Option<Vec<(String, Vec<Bar>)>> {
    let test = &model.test;
    let (worst, weighted) = (test.worst_class.as_ref()?, test.weighted_worst_class.as_ref()?);
    let images = |class: usize| {
        let images = |count: u64| counted(count as usize, "training sample", "training samples");
        model.train_counts.as_ref().map_or(String::new(), |counts| format!(", {}", images(counts[class])))
    };
    if worst.error == weighted.error {
        let tied = test.split.per_class_error.iter().filter(|error| **error == Some(worst.error)).count();
        let which = match tied {
            1 => "worst class, also weighted by λ".to_owned(),
            tied => format!("of {} that tie, {}", grouped(tied as u64), of_tied(model, worst.error)),
        };
        let title = format!("{}{}: {which}", called(model, weighted.index), images(weighted.index));
        return Some(vec![(title, bars(model, weighted.index, weighted.error, weighted.interval))]);
    }
    Some(vec![
        (
            format!("{}{}: worst class", called(model, worst.index), images(worst.index)),
            bars(model, worst.index, worst.error, worst.interval),
        ),
        (
            format!("{}{}: worst weighted class", called(model, weighted.index), images(weighted.index)),
            bars(model, weighted.index, weighted.error, weighted.interval),
        ),
    ])
}

/// Which of the classes with this error is taken.
fn of_tied(model: &ModelReport, error: f64) -> &'static str {
    let errors = model.test.split.per_class_error.iter();
    let weights =
        || errors.clone().zip(&model.weights).filter(|(of, _)| **of == Some(error)).map(|(_, weight)| *weight);
    let most = weights().fold(0.0, f64::max);
    match (weights().filter(|weight| *weight == most).count(), weights().all(|weight| weight == most)) {
        (1, _) => "the one that weighs most",
        (_, true) => "the first",
        (_, false) => "the first of those that weigh most",
    }
}

fn bars(model: &ModelReport, class: usize, error: f64, interval: [f64; 2]) -> Vec<Bar> {
    let chain = &model.test.split.chain;
    let weight = model.weights[class];
    let bar = |label: &str, value: f64, interval: Option<[f64; 2]>, fill: Color, meaning: String| Bar {
        label: label.to_owned(),
        value,
        interval,
        fill,
        meaning,
    };
    let at_most = |bound: f64| at_most(bound, weight);
    let weighted = weight * error;
    let of_wce = match chain.wce_class {
        Some(at) if at != class && weighted < chain.wce => format!("attained by {}", called(model, at)),
        _ => "attained here".to_owned(),
    };
    let mut bars = vec![
        bar("error e", error, Some(interval), ERROR, format!("{}, measured", percent(error))),
        bar(
            &format!("λ e, λ = {}", short(weight)),
            weighted,
            Some(interval.map(|end| weight * end)),
            WEIGHTED,
            String::new(),
        ),
        bar("WCE = largest λ e", chain.wce, Some(model.test.wce_interval), WEIGHTED, of_wce),
        bar("R = ‖CΛ‖₂", model.test.split.hard.spectral_norm_weighted.value, None, NORM, "not bounded by R".into()),
        bar(
            &format!("√s R, s = {}", chain.max_column_nonzeros),
            chain.upper_bound_sqrt_s,
            None,
            BOUND,
            at_most(chain.upper_bound_sqrt_s),
        ),
        bar("√(K−1) R", chain.upper_bound, None, BOUND, at_most(chain.upper_bound)),
    ];
    for bound in sharpest_bounds(model).into_iter().take(2) {
        let Some(value) = bound.per_class().and_then(|values| values[class]) else { continue };
        bars.push(bar(&describe(bound), value, None, FROM_TRAINING, from_training(bound, value)));
    }
    bars
}

/// What a bound from training images says of e; of a first term alone, that the bound is no less.
fn from_training(bound: &BoundReport, value: f64) -> String {
    let says = match (bound.is_vacuous(value), bound.values.total.is_some()) {
        (true, _) => ": vacuous",
        (false, true) => "",
        (false, false) => ": undecided",
    };
    let limit = if bound.values.total.is_some() { "at most" } else { "not bounded below" };
    format!("{limit} {}{says}", times_100(value))
}

/// A bound in per cent, also above 100.
fn times_100(value: f64) -> String {
    let percent = 100.0 * value;
    let text = if (1e3..1e6).contains(&percent) { grouped(percent.round() as u64) } else { short(percent) };
    format!("{text} %")
}

fn percent_of(bound: f64, weight: f64) -> String {
    if weight > 0.0 { times_100(bound / weight) } else { "anything".to_owned() }
}

/// What a bound of λ e says of e.
fn at_most(bound: f64, weight: f64) -> String {
    let vacuous = if weight <= 0.0 || bound >= weight { ": vacuous" } else { "" };
    format!("at most {}{vacuous}", percent_of(bound, weight))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::Sample;
    use crate::results::BoundValues;
    use crate::results::Statement;

    #[test]
    fn bars_begin_a_decade_below_the_least() {
        for (values, base) in [(vec![1.0, 23.0], 0.1), (vec![0.3, 0.0], 0.1), (vec![2.0], 1.0), (vec![0.0], 0.1)] {
            approx::assert_relative_eq!(decade_below(values.into_iter()), base, max_relative = 1e-12);
        }
    }

    #[test]
    fn of_classes_that_tie_the_one_taken_is_called_what_it_is() {
        let (mut model, _) = Sample { test_per_class: 10, ..Sample::fashion() }.build();
        model.test.split.per_class_error = vec![Some(0.5), Some(0.5), Some(0.5), Some(0.1)];
        let mut which = |weights: [f64; 4]| {
            model.weights = weights.to_vec();
            of_tied(&model, 0.5)
        };
        assert_eq!(which([1.0, 2.0, 1.0, 9.0]), "the one that weighs most");
        assert_eq!(which([1.0, 2.0, 2.0, 1.0]), "the first of those that weigh most");
        assert_eq!(which([1.0, 1.0, 1.0, 9.0]), "the first");
    }

    #[test]
    fn what_is_measured_is_not_called_a_bound() {
        assert_eq!(at_most(13.4, 2.0), "at most 670 %: vacuous");
        assert_eq!(at_most(1.0, 2.0), "at most 50 %");
        assert_eq!(at_most(344.3, 2.236), "at most 15,398 %: vacuous");
        let (model, _) = Sample { test_per_class: 50, ..Sample::fashion() }.build();
        let blocks = blocks(&model).unwrap();
        let weighted = &blocks[blocks.len() - 1].1;
        assert!(
            weighted[2].label.starts_with("WCE") && weighted[2].meaning == "attained here",
            "{}",
            weighted[2].meaning
        );
        let from = |total: Option<Vec<Option<f64>>>, value| {
            let values = BoundValues { total, ..Default::default() };
            from_training(&BoundReport { id: Statement::T2, values, ..Default::default() }, value)
        };
        assert_eq!(from(None, 6.01), "not bounded below 601 %: vacuous");
        assert_eq!(
            (from(None, 0.3), from(Some(Vec::new()), 0.3)),
            ("not bounded below 30 %: undecided".into(), "at most 30 %".into())
        );
        assert!(weighted.iter().take(4).all(|bar| !bar.meaning.contains("vacuous")));
        assert!(weighted[5].meaning.starts_with("at most "));
    }
}
