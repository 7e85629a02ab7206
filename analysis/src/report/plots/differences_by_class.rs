//! `differences_by_class`: for each pair of models the classes whose error fell and rose most, by
//! name, with the intervals of the differences; the classes that are decided stand out. Groups of
//! seeds have `classes_over_seeds` instead: a difference of two networks is not one of two methods.

use super::{numbered_name, shared_settings};
use crate::draw::palette::{Color, GREEN, INK, MUTED, Mark, VERMILLION};
use crate::draw::panel::{Area, LABEL, LEGEND, Symbol, TICK, legend, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted, fitted_end, text_width};
use crate::draw::{Figure, Layout};
use crate::report::comparison_sentence::{in_order, signed};
use crate::results::{ClassDifference, Comparison, ComparisonVerdict, Report};
use crate::words::{counted, grouped};

/// Pairs drawn.
const MOST_PAIRS: usize = 6;
/// Classes drawn at either end, of one pair alone and of each of several.
const ENDS: [usize; 2] = [12, 6];
const ROW: f64 = 28.0;
/// Lines above a panel.
const HEAD: f64 = 3.0 * 1.3 * LEGEND + 14.0;

/// `None` with groups of seeds, without a pair of models on the same samples, or where no class
/// differs in any.
pub(super) fn draw(report: &Report) -> Option<Figure> {
    let mut pairs: Vec<&Comparison> = in_order(report).into_iter().filter(|_| report.groups.is_empty()).collect();
    let omitted = pairs.split_off(pairs.len().min(MOST_PAIRS)).len();
    let ends = ENDS[usize::from(pairs.len() > 1)];
    let rows: Vec<Vec<Row>> = pairs.iter().map(|pair| rows(pair, ends)).collect();
    if rows.iter().all(Vec::is_empty) {
        return None;
    }
    let which = if rows.iter().flatten().any(|row| matches!(row, Row::Between(_))) {
        format!("The {ends} classes whose error fell most and the {ends} whose error rose most")
    } else {
        "All classes with test samples".to_owned()
    };
    let mut caption = format!(
        "Test error of a class under the first named model less that under the second, on the same test samples: below 0 the first is \
         better. {which}. Lines: intervals for all classes at once (T8). Verdicts are for all classes at once \
         as well (Holm, McNemar's exact tests), which takes more than one class alone."
    );
    if omitted > 0 {
        caption.push_str(&format!(" {} in report.json alone.", counted(omitted, "pair is", "pairs are")));
    }
    caption.push(' ');
    caption.push_str(&shared_settings(report));
    let title = "Which classes got better or worse".to_owned();
    Some(Figure::of("differences_by_class", title, caption, |layout| body(report, &pairs, &rows, layout)))
}

/// A panel a pair, all on one scale.
fn body(report: &Report, pairs: &[&Comparison], rows: &[Vec<Row>], layout: Layout) -> Scene {
    let mut scene = layout.scene();
    let entries = [
        (Symbol::Marker(style(ComparisonVerdict::Better)), "better, all classes asked at once".to_owned()),
        (Symbol::Marker(style(ComparisonVerdict::Worse)), "worse".to_owned()),
        (Symbol::Marker(style(ComparisonVerdict::Undecided)), "undecided".to_owned()),
    ];
    let head = legend(&mut scene, layout, &entries) + 10.0;
    let columns = layout.columns(pairs.len(), 2);
    let width = (layout.inner() - 40.0 * (columns - 1) as f64) / columns as f64;
    let names = layout.either(if columns == 1 { 430.0 } else { 250.0 }, 210.0);
    let most = rows.iter().flatten().filter_map(|row| match row {
        Row::Class(class, pair) => Some(pair.classes[*class].interval.into_iter().map(f64::abs).fold(0.0, f64::max)),
        Row::Between(_) => None,
    });
    let most = 1.05 * most.fold(0.05, f64::max).min(1.0);
    let height = rows.iter().map(Vec::len).max().unwrap_or(0) as f64 * ROW + 10.0;
    let mut bottom = head;
    for (at, (pair, rows)) in pairs.iter().zip(rows).enumerate() {
        let edge = layout.margin() + (at % columns) as f64 * (width + 40.0);
        let top = head + (at / columns) as f64 * (HEAD + height + 92.0) + HEAD;
        let area = Area { left: edge + names, top, right: edge + width, bottom: top + height };
        panel(&mut scene, area, edge, report, pair, rows, most);
        bottom = area.bottom;
    }
    scene.height = bottom + 20.0 + TICK + LABEL + 16.0;
    scene
}

/// A line of a panel.
enum Row<'a> {
    Class(usize, &'a Comparison),
    /// So many classes that are not drawn.
    Between(usize),
}

/// The classes by their difference, the one that fell most first; of many the `ends` that fell and
/// rose most.
fn rows(pair: &Comparison, ends: usize) -> Vec<Row<'_>> {
    let difference = |class: usize| pair.classes[class].difference.unwrap_or(0.0);
    let mut order: Vec<usize> = (0..pair.classes.len()).filter(|&c| pair.classes[c].difference.is_some()).collect();
    // Of equal differences the surer one nearer to the end.
    order.sort_by(|&a, &b| {
        let sign = |class: usize| difference(class).signum() * (1.0 - pair.classes[class].p_value);
        difference(a).total_cmp(&difference(b)).then_with(|| sign(a).total_cmp(&sign(b)))
    });
    if order.iter().all(|&class| difference(class) == 0.0) {
        return Vec::new();
    }
    if order.len() <= 2 * ends {
        return order.into_iter().map(|class| Row::Class(class, pair)).collect();
    }
    let fell = order.iter().take(ends).take_while(|&&class| difference(class) < 0.0).count();
    let rose = order.iter().rev().take(ends).take_while(|&&class| difference(class) > 0.0).count();
    let drawn = |classes: &[usize]| classes.iter().map(|&class| Row::Class(class, pair)).collect::<Vec<_>>();
    let mut rows = drawn(&order[..fell]);
    rows.push(Row::Between(order.len() - fell - rose));
    rows.extend(drawn(&order[order.len() - rose..]));
    rows
}

fn panel(scene: &mut Scene, area: Area, edge: f64, report: &Report, pair: &Comparison, rows: &[Row], most: f64) {
    let (model, against) = (&report.models[pair.b], &report.models[pair.a]);
    let count = |wanted| pair.classes.iter().filter(|class| class.verdict == wanted).count();
    let [better, worse, undecided] =
        [ComparisonVerdict::Better, ComparisonVerdict::Worse, ComparisonVerdict::Undecided].map(count);
    // The bold face is wider by less than a fifth.
    let room = (area.right - edge) / 1.2;
    let lines = [
        fitted_end(&model.name, LEGEND, room),
        format!("against {}", fitted_end(&against.name, LEGEND, room - 80.0)),
        fitted(
            &format!(
                "{} better, {} worse, {} undecided",
                counted(better, "class", "classes"),
                grouped(worse as u64),
                grouped(undecided as u64)
            ),
            LEGEND,
            area.right - edge,
        ),
    ];
    for (n, line) in lines.into_iter().enumerate() {
        let base = area.top - 14.0 - 1.3 * LEGEND * (2 - n) as f64;
        scene.text(edge, base, line, LEGEND, Anchor::Start).bold = n < 2;
    }
    let x = Scale::linear(-most, most, area.left, area.right);
    let x_ticks = ticks(&x, area.right - area.left, 64.0, Notation::Percent);
    x_axis(scene, area, &x, &x_ticks, "difference of error (points)");
    scene.segment((x.at(0.0), area.top), (x.at(0.0), area.bottom), INK, 1.4);
    for (n, row) in rows.iter().enumerate() {
        let middle = area.top + 5.0 + (n as f64 + 0.5) * ROW;
        let base = middle + 0.36 * TICK;
        match row {
            Row::Between(classes) => {
                let is_decided = |class: &ClassDifference| class.verdict != ComparisonVerdict::Undecided;
                let drawn = |row: &&Row<'_>| matches!(row, Row::Class(class, _) if is_decided(&pair.classes[*class]));
                let decided =
                    pair.classes.iter().filter(|class| is_decided(class)).count() - rows.iter().filter(drawn).count();
                let text = between(*classes, decided, area.left - 12.0 - edge);
                scene.text(area.left - 12.0, base, text, TICK, Anchor::End).color = MUTED;
            }
            Row::Class(class, _) => {
                let found = &pair.classes[*class];
                let name = numbered_name(model, *class, TICK, area.left - 12.0 - edge);
                scene.text(area.left - 12.0, base, name, TICK, Anchor::End);
                let style = style(found.verdict);
                let ends = found.interval.map(|end| x.at(end));
                scene.segment((ends[0], middle), (ends[1], middle), style.0, 2.0);
                let difference = found.difference.unwrap_or(0.0);
                let title = format!("{} points, {}", signed(difference), found.verdict);
                scene.marker((x.at(difference), middle), style, 6.0, Some(title));
            }
        }
    }
    scene.segment((area.left, area.bottom), (area.right, area.bottom), INK, 1.4);
}

/// How many classes are not drawn, and how many of them are decided, in so much room.
fn between(classes: usize, decided: usize, room: f64) -> String {
    let classes = grouped(classes as u64);
    let [long, short] = match decided {
        0 => [format!("… {classes} classes between …"), format!("… {classes} between …")],
        _ => [
            format!("… {classes} classes between, {decided} of them decided …"),
            format!("… {classes}, {decided} decided …"),
        ],
    };
    if text_width(&long, TICK, false) <= room { long } else { short }
}

pub(super) fn style(verdict: ComparisonVerdict) -> (Color, Mark) {
    match verdict {
        ComparisonVerdict::Better => (GREEN, Mark::Circle),
        ComparisonVerdict::Worse => (VERMILLION, Mark::Triangle),
        ComparisonVerdict::Undecided => (MUTED, Mark::Square),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caption_says_which_classes_are_drawn() {
        let of = |classes: usize| {
            let mut report = crate::report::sample::report(&vec![crate::report::sample::Sample::fashion(); 2]).0;
            let model = report.models[1].clone();
            report.models.push(model);
            let class = |at: usize| ClassDifference { difference: Some(0.01 * at as f64), ..Default::default() };
            let pair = |a, b| Comparison { a, b, classes: (0..classes).map(class).collect(), ..Default::default() };
            report.comparisons = vec![pair(0, 1), pair(0, 2)];
            for model in &mut report.models {
                model.class_names = (0..classes).map(|class| class.to_string()).collect();
            }
            draw(&report).unwrap().caption
        };
        assert!(of(10).contains("better. All classes with test samples. Lines"), "{}", of(10));
        assert!(of(30).contains("better. The 6 classes whose error fell most and the 6 whose"), "{}", of(30));
    }

    #[test]
    fn two_networks_of_groups_are_not_two_methods() {
        let mut report = crate::report::sample::report(&vec![crate::report::sample::Sample::fashion(); 4]).0;
        let class = |at: usize| ClassDifference { difference: Some(0.01 * at as f64), ..Default::default() };
        let pair = |a, b| Comparison { a, b, classes: (0..10).map(class).collect(), ..Default::default() };
        report.comparisons = vec![pair(0, 1), pair(0, 2), pair(0, 3)];
        assert!(!draw(&report).unwrap().caption.contains("report.json alone"), "none is missing");
        report.groups = crate::report::sample::groups();
        assert!(draw(&report).is_none());
    }

    #[test]
    fn what_is_not_drawn_fits_beside_the_panel() {
        assert_eq!(between(88, 0, 300.0), "… 88 classes between …");
        assert_eq!(between(88, 2, 900.0), "… 88 classes between, 2 of them decided …");
        let short = between(8088, 2, 230.0);
        assert_eq!(short, "… 8,088, 2 decided …");
        assert!(text_width(&short, TICK, false) <= 230.0);
    }

    #[test]
    fn the_classes_at_either_end_are_drawn_and_none_twice() {
        let of = |differences: &[f64]| {
            let class = |difference: &f64| ClassDifference { difference: Some(*difference), ..Default::default() };
            Comparison { classes: differences.iter().map(class).collect(), ..Default::default() }
        };
        let shown = |pair: &Comparison| -> Vec<String> {
            let text = |row: Row| match row {
                Row::Class(class, _) => class.to_string(),
                Row::Between(classes) => format!("{classes} between"),
            };
            rows(pair, 2).into_iter().map(text).collect()
        };
        assert_eq!(shown(&of(&[0.1, -0.2, 0.3, 0.0])), ["1", "3", "0", "2"]);
        assert_eq!(shown(&of(&[0.1, -0.2, 0.3, 0.0, -0.4, -0.3])), ["4", "5", "2 between", "0", "2"]);
        assert_eq!(shown(&of(&[0.0, 0.0, 0.3, 0.0, 0.0])), ["4 between", "2"]);
        assert!(shown(&of(&[0.0; 5])).is_empty());
        let mut gap = of(&[0.1, -0.2]);
        gap.classes[0].difference = None;
        assert_eq!(shown(&gap), ["1"]);
    }
}
