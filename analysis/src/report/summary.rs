//! The table that `analyze` prints, and a sentence for each verdict below it. At most [`COLUMNS`] columns wide.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::merged_verdicts::merged_verdicts;
use super::plots::scale::{percent, short};
use super::{MatrixNorms, ModelReport, Report, headline};

/// Width of the table and the sentences in characters.
pub const COLUMNS: u16 = 98;
/// With more models than this, only the comparison is printed, and the sentences of each.
const MOST_TABLES: usize = 3;

/// The report as text for a terminal: with several models a comparison, then for each model its figures and a sentence
/// for each verdict. Control characters of names are not passed on to the terminal.
pub fn summary_table(report: &Report) -> String {
    let mut out = String::new();
    if report.models.len() > 1 {
        let _ = writeln!(out, "{}\n", comparison(report));
    }
    for model in &report.models {
        let _ = writeln!(out, "{}", clean(&model.name));
        if report.models.len() <= MOST_TABLES {
            let _ = writeln!(out, "{}", quantities(model));
            if model.bounds.iter().any(|bound| bound.applicable) {
                let _ = writeln!(out, "{}", bounds(model));
            }
        }
        push_wrapped(&mut out, "", &headline(&report.settings, model));
        for verdict in merged_verdicts(model) {
            push_wrapped(&mut out, "- ", &verdict.sentence);
        }
        out.push('\n');
    }
    out
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(COLUMNS)
        .set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn comparison(report: &Report) -> Table {
    let mut table = table(["model", "accuracy", "macro", "few", "worst class", "its error", "WCE", "‖C Λ‖₂"]);
    for model in &report.models {
        let test = &model.test;
        table.add_row([
            clip(&model.name, 26),
            percent(test.split.accuracy),
            dash(test.accuracy_macro.map(percent)),
            dash(test.few.map(|group| percent(group.accuracy))),
            dash(test.worst_class.as_ref().map(|worst| clip(&worst.name, 14))),
            dash(test.worst_class.as_ref().map(|worst| percent(worst.error))),
            short(test.split.chain.wce),
            short(test.split.hard.spectral_norm_weighted.value),
        ]);
    }
    table
}

fn quantities(model: &ModelReport) -> Table {
    let mut table = table(["quantity", "training", "test"]);
    let (train, test) = (model.train.as_ref(), &model.test);
    let mut row = |name: &str, train: Option<String>, test: String| {
        table.add_row([name.to_owned(), dash(train), test]);
    };
    row("samples", train.map(|t| t.samples.to_string()), test.split.samples.to_string());
    row("accuracy", train.map(|t| percent(t.accuracy)), percent(test.split.accuracy));
    row("accuracy, mean over classes", None, dash(test.accuracy_macro.map(percent)));
    for (name, group) in [("many", test.many), ("medium", test.medium), ("few", test.few)] {
        let text = group.map(|g| format!("{} in {} classes", percent(g.accuracy), g.classes));
        row(&format!("accuracy, {name}"), None, dash(text));
    }
    if let Some(worst) = &test.worst_class {
        let text =
            format!("{} in [{}, {}]", percent(worst.error), percent(worst.interval[0]), percent(worst.interval[1]));
        let before = train.and_then(|t| t.per_class_error[worst.index]).map(percent);
        row(&format!("error of the worst class, {}", clip(&worst.name, 20)), before, text);
    }
    row("classes without one correct", None, test.zero_accuracy_classes.len().to_string());
    let wce = format!(
        "{} in [{}, {}]",
        short(test.split.chain.wce),
        short(test.wce_interval[0]),
        short(test.wce_interval[1])
    );
    row("WCE = ‖C Λ‖₁", train.map(|t| short(t.chain.wce)), wce);
    let norm = |norms: &MatrixNorms| short(norms.spectral_norm_weighted.value);
    row("‖C Λ‖₂", train.map(|t| norm(&t.hard)), norm(&test.split.hard));
    for margin in &test.split.margins {
        let same = train.and_then(|t| t.margins.iter().find(|m| m.margin == margin.margin));
        row(&format!("‖C_g Λ‖₂ at g = {}", margin.margin), same.map(|m| norm(&m.norms)), norm(&margin.norms));
    }
    row("ν = ‖C‖₁ / ‖C‖₂", train.map(|t| dash(t.hard.nu.map(short))), dash(test.split.hard.nu.map(short)));
    row(
        "√(K−1) ‖C Λ‖₂",
        train.map(|t| short(t.chain.upper_bound)),
        format!("{}{}", short(test.split.chain.upper_bound), if test.split.chain.holds { "" } else { " FAILS" }),
    );
    row("samples with tied top scores", train.map(|t| t.ties.top2.to_string()), test.split.ties.top2.to_string());
    table
}

fn bounds(model: &ModelReport) -> Table {
    let mut table = table(["bound", "g", "at the worst class", "holds", "vacuous", "undecided", "violated", "n/a"]);
    for bound in model.bounds.iter().filter(|bound| bound.applicable) {
        let at_worst = model
            .test
            .worst_class
            .as_ref()
            .and_then(|worst| bound.per_class().and_then(|values| values[worst.index]))
            .or(bound.value);
        let part = if bound.total.is_none() && bound.first_term.is_some() { " (first term)" } else { "" };
        let counts = bound.verdict;
        table.add_row([
            format!("{}{part}", clip(&bound.id, 12)),
            dash(bound.margin.map(|g| g.to_string())),
            dash(at_worst.map(short)),
            counts.holds.to_string(),
            counts.vacuous.to_string(),
            counts.undecided.to_string(),
            counts.violated.to_string(),
            counts.not_applicable.to_string(),
        ]);
    }
    table
}

fn dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn clip(text: &str, most: usize) -> String {
    let text = clean(text);
    if text.chars().count() <= most { text } else { text.chars().take(most - 1).chain(['…']).collect() }
}

/// A sentence broken between words, later lines indented as far as the first one's mark.
fn push_wrapped(out: &mut String, mark: &str, sentence: &str) {
    let indent = " ".repeat(mark.chars().count());
    let (mut line, mut used) = (mark.to_owned(), mark.chars().count());
    let mut empty = true;
    for word in clean(sentence).split_whitespace() {
        let length = word.chars().count();
        if !empty && used + 1 + length > usize::from(COLUMNS) {
            let _ = writeln!(out, "{line}");
            line.clone_from(&indent);
            used = indent.len();
            empty = true;
        }
        if !empty {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
        empty = false;
    }
    let _ = writeln!(out, "{line}");
}
