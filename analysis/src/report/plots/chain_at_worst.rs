//! `chain_at_worst`: e_j, lambda_j e_j, WCE, R and the bounds sqrt(s) R, sqrt(K-1) R as bars on a log scale, at the
//! worst and at the weighted worst class.

use super::figure::{Figure, MARGIN, WIDTH};
use super::palette::{BLANK, BLUE, Color, INK, MUTED, ORANGE, PAPER, SKY, VERMILLION};
use super::panel::{Area, LABEL, LEGEND, Symbol, TICK, legend, ticks, x_axis};
use super::scale::{Notation, Scale, percent, short};
use super::scene::{Anchor, Scene, fitted};
use super::{settings_caption, titled};
use crate::report::{ModelReport, Report, multiple};

const ROW: f64 = 38.0;

struct Bar {
    label: String,
    value: f64,
    interval: Option<[f64; 2]>,
    fill: Color,
    note: String,
}

pub(super) fn draw(report: &Report, model: &ModelReport) -> Figure {
    let blocks = blocks(model);
    let positive = |value: f64| value > 0.0 && value.is_finite();
    let values = || {
        blocks.iter().flat_map(|(_, bars)| bars).flat_map(|bar| {
            let ends = bar.interval.unwrap_or([bar.value, bar.value]);
            [bar.value, ends[0].max(0.1 * bar.value), ends[1]]
        })
    };
    let low = values().filter(|v| positive(*v)).fold(1.0, f64::min);
    let high = values().filter(|v| positive(*v)).fold(1.0, f64::max);

    let mut scene = Scene::new(WIDTH, 0.0);
    let entries = [
        (Symbol::Swatch(SKY), "the class's error".to_owned()),
        (Symbol::Swatch(BLUE), "weighted by λ".to_owned()),
        (Symbol::Swatch(BLANK), "spectral norm R (no bound by itself)".to_owned()),
        (Symbol::Swatch(ORANGE), "upper bound of WCE".to_owned()),
    ];
    let head = legend(&mut scene, MARGIN, 4.0, WIDTH - 2.0 * MARGIN, &entries) + 10.0;
    let left = 330.0;
    let right = WIDTH - MARGIN - 300.0;
    let x = Scale::log(0.6 * low, 1.6 * high, left, right);
    let rows: usize = blocks.iter().map(|(_, bars)| bars.len()).sum();
    let height = (blocks.len() as f64 * 46.0 + rows as f64 * ROW + 14.0).max(80.0);
    let area = Area { left, top: head, right, bottom: head + height };
    x_axis(
        &mut scene,
        area,
        &x,
        &ticks(&x, right - left, 75.0, Notation::Plain),
        "value (log scale; errors as fractions, 1 = 100 %)",
    );
    let mut y = head;
    let mut spines = Vec::new();
    for (title, bars) in &blocks {
        if x.shows(1.0) {
            let at = x.at(1.0);
            let rows = (y + 44.0, y + 46.0 + bars.len() as f64 * ROW);
            scene.path(vec![(at, rows.0), (at, rows.1)], VERMILLION, 1.4, Some((3.0, 4.0)));
        }
        y += 32.0;
        // The grid ends where the class is named.
        scene.rect(left - 2.0, y - 34.0, WIDTH - left, 44.0, PAPER);
        scene.text(MARGIN, y, fitted(title, LEGEND, 0.9 * (WIDTH - 2.0 * MARGIN)), LEGEND, Anchor::Start).bold = true;
        y += 14.0;
        spines.push((y, y + bars.len() as f64 * ROW));
        for bar in bars {
            let (top, middle) = (y + 5.0, y + 0.5 * ROW);
            scene.text(left - 12.0, middle + 0.36 * TICK, &bar.label, TICK, Anchor::End);
            let end = if positive(bar.value) { x.at(bar.value) } else { left };
            scene.rect(left, top, end - left, ROW - 10.0, bar.fill);
            let mut edge = end;
            if let Some([from, to]) = bar.interval {
                let ends = [if positive(from) { x.at(from) } else { left }, if positive(to) { x.at(to) } else { left }];
                scene.segment((ends[0], middle), (ends[1], middle), INK, 2.0);
                for at in ends {
                    scene.segment((at, middle - 6.0), (at, middle + 6.0), INK, 2.0);
                }
                edge = edge.max(ends[1]);
            }
            let note =
                if bar.note.is_empty() { short(bar.value) } else { format!("{}  {}", short(bar.value), bar.note) };
            let note = fitted(&note, TICK, WIDTH - 8.0 - edge - 10.0);
            scene.text_on_paper(edge + 10.0, middle + 0.36 * TICK, note, TICK);
            y += ROW;
        }
    }
    if blocks.is_empty() {
        let text = "no class has a test sample";
        scene.text(area.middle(), area.centre(), text, LABEL, Anchor::Middle).color = MUTED;
    }
    for (top, bottom) in spines {
        scene.segment((left, top), (left, bottom), INK, 1.4);
    }
    scene.segment((left, area.bottom), (right, area.bottom), INK, 1.4);
    scene.height = area.bottom + 20.0 + TICK + LABEL + 16.0;

    let chain = &model.test.split.chain;
    let verdict = if chain.holds { "holds" } else { "FAILS" };
    let slack = chain.slack_factor.map_or(String::new(), |f| format!(", the bound {}", multiple(f, "WCE")));
    let caption = format!(
        "The chain λⱼ eⱼ ≤ WCE ≤ √(K−1) R on the test matrix (S2, S3), R = ‖C Λ‖₂: {verdict}, compared without \
         dividing{slack}. Whiskers: 1 − δ intervals (T5). s = {} is the most non-zero entries in a column. Dotted line: \
         1, above which a bound on an error says nothing. {}",
        chain.max_column_nonzeros,
        settings_caption(report, model),
    );
    Figure {
        stem: "chain_at_worst".into(),
        title: titled("The chain of inequalities at the worst class", model),
        caption,
        body: scene,
    }
}

fn blocks(model: &ModelReport) -> Vec<(String, Vec<Bar>)> {
    let test = &model.test;
    let (Some(worst), Some(weighted)) = (&test.worst_class, &test.weighted_worst_class) else { return Vec::new() };
    let images = |class: usize| {
        model.train_counts.as_ref().map_or(String::new(), |counts| format!(", {} training images", counts[class]))
    };
    if worst.index == weighted.index {
        let title = format!("Worst and weighted worst class: {}{}", worst.name, images(worst.index));
        return vec![(title, bars(model, worst.index, worst.error, worst.interval))];
    }
    vec![
        (
            format!("Worst class: {}{}", worst.name, images(worst.index)),
            bars(model, worst.index, worst.error, worst.interval),
        ),
        (
            format!("Weighted worst class: {}{}", weighted.name, images(weighted.index)),
            bars(model, weighted.index, weighted.error, weighted.interval),
        ),
    ]
}

fn bars(model: &ModelReport, class: usize, error: f64, interval: [f64; 2]) -> Vec<Bar> {
    let chain = &model.test.split.chain;
    let weight = model.weights[class];
    let bound_note = |bound: f64| {
        if weight <= 0.0 {
            return String::new();
        }
        let implied = bound / weight;
        let word = if implied >= 1.0 { ", vacuous" } else { "" };
        format!("→ eⱼ ≤ {}{word}", short(implied))
    };
    vec![
        Bar {
            label: "error eⱼ".into(),
            value: error,
            interval: Some(interval),
            fill: SKY,
            note: format!("= {}", percent(error)),
        },
        Bar {
            label: "λⱼ eⱼ".into(),
            value: weight * error,
            interval: Some(interval.map(|end| weight * end)),
            fill: BLUE,
            note: format!("λⱼ = {}", short(weight)),
        },
        Bar {
            label: "WCE = maxᵢ λᵢ eᵢ".into(),
            value: chain.wce,
            interval: Some(model.test.wce_interval),
            fill: BLUE,
            note: bound_note(chain.wce),
        },
        Bar {
            label: "R = ‖C Λ‖₂".into(),
            value: model.test.split.hard.spectral_norm_weighted.value,
            interval: None,
            fill: BLANK,
            note: String::new(),
        },
        Bar {
            label: "√s R".into(),
            value: chain.upper_bound_sqrt_s,
            interval: None,
            fill: ORANGE,
            note: bound_note(chain.upper_bound_sqrt_s),
        },
        Bar {
            label: "√(K−1) R".into(),
            value: chain.upper_bound,
            interval: None,
            fill: ORANGE,
            note: bound_note(chain.upper_bound),
        },
    ]
}
