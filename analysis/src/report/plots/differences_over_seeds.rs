//! `differences_over_seeds`: for each pair of methods the differences of their errors over paired
//! seeds, seed by seed and with their intervals: the worst class, all samples, the groups.

use super::differences_by_class::style;
use super::{shared_settings, sure};
use crate::draw::palette::{INK, MUTED, Mark};
use crate::draw::panel::{Area, LABEL, LEGEND, Symbol, TICK, legend, spines, ticks, x_axis};
use crate::draw::scale::{Notation, Scale};
use crate::draw::scene::{Anchor, Scene, fitted_end, wrapped};
use crate::draw::{Figure, Layout};
use crate::report::comparison_sentence::signed;
use crate::results::{ComparisonVerdict, GroupComparison, ModelReport, Report, SeedDifference};
use crate::words::counted;

/// Pairs of groups drawn.
const MOST: usize = 8;

type Read = fn(&ModelReport) -> Option<f64>;

struct Row {
    label: &'static str,
    /// The difference of each pair of seeds.
    seeds: Vec<f64>,
    difference: f64,
    interval: Option<[f64; 2]>,
    verdict: ComparisonVerdict,
    /// Said of the methods, not of these networks alone.
    of_methods: bool,
}

/// `None` without groups of seeds.
pub(super) fn draw(report: &Report) -> Option<Figure> {
    let groups: Vec<(&GroupComparison, Vec<Row>)> =
        report.groups.iter().take(MOST).map(|found| (found, rows(report, found))).collect();
    let ends = groups.iter().flat_map(|(_, rows)| rows).flat_map(|row| {
        let ends = row.interval.into_iter().flatten();
        ends.chain(row.seeds.iter().copied()).chain([row.difference]).map(f64::abs)
    });
    let most = 1.05 * ends.reduce(f64::max)?.max(0.001);
    let mut caption = format!(
        "Test error of the first named method minus that of the second, mean over seeds: below 0 the first is better. Groups are means \
         over classes. Lines: what may vary is the seed, each with probability {} (T9); in the last row the test \
         samples, with these networks alone.",
        sure(report)
    );
    if report.groups.len() > groups.len() {
        caption.push_str(&format!(
            " {} in report.json alone.",
            counted(report.groups.len() - groups.len(), "pair is", "pairs are")
        ));
    }
    caption.push(' ');
    caption.push_str(&shared_settings(report));
    let title = "Which method is better, over seeds".to_owned();
    Some(Figure::of("differences_over_seeds", title, caption, |layout| body(&groups, most, layout)))
}

/// A panel a pair of groups, on axes from minus `most` to `most`.
fn body(groups: &[(&GroupComparison, Vec<Row>)], most: f64, layout: Layout) -> Scene {
    let mut scene = layout.scene();
    let of = |verdict, words: &str| (Symbol::Marker(style(verdict)), words.to_owned());
    let mut entries = vec![
        of(ComparisonVerdict::Better, "better, with its interval"),
        of(ComparisonVerdict::Worse, "worse"),
        of(ComparisonVerdict::Undecided, "undecided"),
    ];
    if groups.iter().any(|(found, _)| found.paired) {
        entries.push((Symbol::Marker((INK, Mark::Circle)), "small: one pair of seeds".to_owned()));
    }
    let mut top = legend(&mut scene, layout, &entries) + 14.0;
    let last = groups.len() - 1;
    let (left, right) = (layout.margin(), layout.width() - layout.margin());
    for (at, (found, rows)) in groups.iter().enumerate() {
        let pairing = if found.paired { "paired by seed" } else { "not paired by seed" };
        let networks = format!("{} and {} networks, {pairing}", found.models_b.len(), found.models_a.len());
        let names = fitted_end(&format!("{} against {}", found.b, found.a), LEGEND, layout.inner() / 1.2);
        scene.text(left, top + LEGEND, names, LEGEND, Anchor::Start).bold = true;
        scene.text(left, top + 2.3 * LEGEND, networks, TICK, Anchor::Start).color = MUTED;
        // A narrow figure has the directions on a line of their own.
        let head = top + 2.3 * LEGEND + layout.either(14.0, 46.0);
        let bottom = head + rows.len() as f64 * row_height(layout);
        let area = Area { left: left + layout.either(400.0, 190.0), top: head, right, bottom };
        let name = fitted_end(&found.b, TICK, 0.25 * area.width());
        let [better, worse] = match layout {
            Layout::Wide => [format!("← {name} better"), format!("{name} worse →")],
            Layout::Narrow => ["← better".to_owned(), "worse →".to_owned()],
        };
        scene.text(area.left, head - 14.0, better, TICK, Anchor::Start).color = MUTED;
        scene.text(area.right, head - 14.0, worse, TICK, Anchor::End).color = MUTED;
        panel(&mut scene, area, rows, most, at == last, layout);
        top = area.bottom + 26.0;
    }
    scene.height = top + TICK + LABEL + 20.0;
    scene
}

/// A narrow figure breaks the names of its rows.
fn row_height(layout: Layout) -> f64 {
    layout.either(34.0, 58.0)
}

fn rows(report: &Report, found: &GroupComparison) -> Vec<Row> {
    let seeds = |of: Read| {
        let pairs = found.models_b.iter().zip(&found.models_a).take(if found.paired { usize::MAX } else { 0 });
        let difference = |(&b, &a): (&usize, &usize)| Some(of(&report.models[b])? - of(&report.models[a])?);
        pairs.filter_map(difference).collect::<Vec<f64>>()
    };
    let row = |label, of: Read, found: &SeedDifference| Row {
        label,
        seeds: seeds(of),
        difference: found.difference,
        interval: found.interval,
        verdict: found.verdict,
        of_methods: true,
    };
    let worst: Read = |model| model.test.worst_class.as_ref().map(|worst| worst.error);
    let mut rows = vec![
        row("error, worst class", worst, &found.worst_class),
        row("error, all samples", |model| Some(1.0 - model.test.split.accuracy), &found.overall),
    ];
    let groups: [(&str, Read, _); 3] = [
        ("error, many", |model| Some(1.0 - model.test.many?.accuracy_macro), &found.many_macro),
        ("error, medium", |model| Some(1.0 - model.test.medium?.accuracy_macro), &found.medium_macro),
        ("error, few", |model| Some(1.0 - model.test.few?.accuracy_macro), &found.few_macro),
    ];
    rows.extend(groups.into_iter().filter_map(|(label, of, found)| Some(row(label, of, found.as_ref()?))));
    rows.extend(found.these_networks.map(|these| Row {
        label: "same networks, new samples",
        seeds: seeds(worst),
        difference: these.difference,
        interval: Some(these.interval),
        verdict: these.verdict,
        of_methods: false,
    }));
    rows
}

fn panel(scene: &mut Scene, area: Area, rows: &[Row], most: f64, is_last: bool, layout: Layout) {
    let x = Scale::linear(-most, most, area.left, area.right);
    let label = if is_last { "difference of error (points)" } else { "" };
    x_axis(scene, area, &x, &ticks(&x, area.right - area.left, 64.0, Notation::Percent), label);
    scene.segment((x.at(0.0), area.top), (x.at(0.0), area.bottom), INK, 1.4);
    for (n, row) in rows.iter().enumerate() {
        let middle = area.top + (n as f64 + 0.5) * row_height(layout);
        let lines = wrapped(row.label, TICK, area.left - 14.0 - layout.margin(), false);
        for (below, line) in lines.iter().enumerate() {
            let base = middle + 0.36 * TICK + 1.2 * TICK * (below as f64 - 0.5 * (lines.len() - 1) as f64);
            scene.text(area.left - 14.0, base, line, TICK, Anchor::End);
        }
        for &seed in &row.seeds {
            scene.marker((x.at(seed), middle + 9.0), (INK, Mark::Circle), 2.6, None);
        }
        // A colour is a verdict on the methods.
        let style = if row.of_methods { style(row.verdict) } else { (INK, style(row.verdict).1) };
        let level = middle - 3.0;
        if let Some(ends) = row.interval.map(|interval| interval.map(|end| x.at(end))) {
            scene.segment((ends[0], level), (ends[1], level), style.0, 2.6);
            for end in ends {
                scene.segment((end, level - 6.0), (end, level + 6.0), style.0, 2.6);
            }
        }
        let title = format!("{}: {} points, {}", row.label, signed(row.difference), row.verdict);
        scene.marker((x.at(row.difference), level), style, 6.5, Some(title));
    }
    spines(scene, area);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{self, Sample};

    #[test]
    fn each_row_has_its_seeds_and_its_interval() {
        let skills = [3.4, 3.3, 3.0, 2.8];
        let of = |skill: f64| Sample { test_per_class: 20, with_train: false, skill, ..Sample::fashion() };
        let mut report = sample::report(&skills.map(of)).0;
        assert!(draw(&report).is_none(), "no groups");
        report.groups = sample::groups();
        let rows = rows(&report, &report.groups[0]);
        let labels: Vec<&str> = rows.iter().map(|row| row.label).collect();
        assert_eq!(
            labels,
            [
                "error, worst class",
                "error, all samples",
                "error, many",
                "error, medium",
                "error, few",
                "same networks, new samples"
            ]
        );
        for row in &rows {
            assert_eq!(row.seeds.len(), 2, "{}", row.label);
            let mean = row.seeds.iter().sum::<f64>() / 2.0;
            assert!((mean - row.difference).abs() < 1e-12, "{}: {mean} {}", row.label, row.difference);
            assert!(row.interval.is_none_or(|[lower, upper]| lower <= mean && mean <= upper), "{}", row.label);
        }
        assert!(draw(&report).unwrap().caption.contains("below 0 the first is better"));
        report.groups[0].paired = false;
        assert!(super::rows(&report, &report.groups[0]).iter().all(|row| row.seeds.is_empty()));
    }
}
