//! The table that `analyze` prints, and a sentence for each verdict below it. At most [`COLUMNS`]
//! columns wide.

use std::fmt::Write as _;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::comparison_sentence::{comparison_sentences, group_sentences, in_order};
use super::guarantees::{floor, guarantees, plans};
use super::headline::{answer, looseness};
use super::merged::{merged, merged_warnings, warned};
use super::tables;
use super::verdicts::{Said, said_once};
use crate::correlation::{Comparison, Correlations, MeasuredOn, Predictor};
use crate::results::{ModelReport, Report, Source};
use crate::words::{readable, unbroken};

/// Width of the table and the sentences in characters.
pub const COLUMNS: u16 = 100;
/// With more models than this, only the comparison is printed, and how they were read.
const MOST_TABLES: usize = 3;
/// Models that a warning names.
const MOST_NAMED: usize = 4;
/// Characters of a cell; a longer text loses its middle.
const WIDEST_CELL: usize = 50;
/// Characters that the first column, which holds names, gets before the others share the rest.
const WIDEST_NAME: usize = 36;
/// Characters of a number that is never broken; longer cells, of a number with words, may be.
const WIDEST_NUMBER: usize = 24;
/// Characters that every column of text is left with.
const NARROWEST_TEXT: usize = 9;
/// Blanks at both sides of a cell.
const BLANKS: usize = 2;
/// Columns of the table of bounds that fit.
const BOUND_COLUMNS: [&str; 8] =
    ["bound", "g", "at the worst class", "holds", "vacuous", "undecided", "violated", "n/a"];

/// The report as text for a terminal, in the order of the page: with several models which is
/// better; then for each model the answer, what is guaranteed, warnings, figures, and how loose the
/// bounds are. Control characters of names are not passed on to the terminal.
pub fn summary_table(report: &Report) -> String {
    let mut out = String::new();
    let warnings = merged_warnings(report);
    if let Some((said, _)) = warned(report) {
        push_wrapped(&mut out, "", &said);
        out.push('\n');
    }
    if report.models.len() > 1 {
        for sentence in report.groups.iter().flat_map(|group| group_sentences(report, group)) {
            push_wrapped(&mut out, "- ", &sentence);
        }
        // Beside groups, two networks are two draws of a seed each.
        for comparison in in_order(report).into_iter().filter(|_| report.groups.is_empty()) {
            let (title, parts) = comparison_sentences(report, comparison);
            push_wrapped(&mut out, "", &format!("{title}:"));
            for part in parts {
                push_wrapped(&mut out, "- ", &part);
            }
        }
        let compared = tables::comparison(report);
        let first: Vec<&str> = compared.header.iter().take(compared.compared).map(String::as_str).collect();
        let _ = writeln!(out, "{}\n", rendered(&compared, &first));
        for (models, sentence) in &warnings {
            push_wrapped(&mut out, "warning: ", &format!("{}: {sentence}", named(report, models)));
        }
        out.push_str(if warnings.is_empty() { "" } else { "\n" });
    }
    if report.models.len() > MOST_TABLES {
        push_readings(&mut out, report);
    } else {
        for model in &report.models {
            push_model(&mut out, report, model);
        }
    }
    for comparison in report.correlations.iter().flat_map(headline_comparisons) {
        push_wrapped(&mut out, "- ", &comparison.sentence);
    }
    push_wrapped(
        &mut out,
        "",
        "T1 to T11, S1 to S5, D1 to D6: statements and definitions of THEORY.md; report.html says what each is.",
    );
    out
}

/// How the models were read and what was left out, and where the rest stands.
fn push_readings(out: &mut String, report: &Report) {
    let read =
        merged(report, |model| read_from(&model.source).chain(model.source.notes.iter().map(|note| readable(note))));
    for (models, sentence) in read {
        push_wrapped(out, "note: ", &format!("{}: {sentence}", named(report, &models)));
    }
    for (models, sentence) in merged(report, |model| model.left_out.iter()) {
        push_wrapped(out, "", &format!("{}: {sentence}", named(report, &models)));
    }
    push_wrapped(
        out,
        "",
        "What is guaranteed of each model, its bounds, and two networks against each other: report.html and report.json.",
    );
    out.push('\n');
}

fn push_model(out: &mut String, report: &Report, model: &ModelReport) {
    let _ = writeln!(out, "{}", readable(&model.name));
    push_wrapped(out, "", &answer(&report.settings, model));
    for sentence in guarantees(&report.settings, model) {
        push_wrapped(out, "- ", &sentence);
    }
    for warning in model.warnings.iter().filter(|_| report.models.len() == 1) {
        push_wrapped(out, "warning: ", &warning.sentence);
    }
    for sentence in read_from(&model.source) {
        push_wrapped(out, "", &sentence);
    }
    for note in &model.source.notes {
        push_wrapped(out, "note: ", &readable(note));
    }
    for sentence in &model.left_out {
        push_wrapped(out, "", sentence);
    }
    let _ = writeln!(out, "{}", rendered(&tables::quantities(model), &[]));
    if model.test.worst_class.is_some() {
        push_wrapped(out, "", &looseness(model));
    }
    for sentence in floor(model).into_iter().chain(plans(&report.settings, model)) {
        push_wrapped(out, "- ", &sentence);
    }
    let bounds = tables::bounds(model, true);
    if !bounds.rows.is_empty() {
        let _ = writeln!(out, "{}", rendered(&bounds, &BOUND_COLUMNS));
    }
    let without = |said: &Said<'_>| said.counts.not_applicable == model.num_classes;
    let (inapplicable, others): (Vec<_>, Vec<_>) = said_once(model).into_iter().partition(without);
    // The chain has been told with the answer.
    let step = model.train_to_test.iter().map(|step| &step.sentence);
    for sentence in step.chain(others.iter().map(|said| &said.sentence)) {
        push_wrapped(out, "- ", sentence);
    }
    if !inapplicable.is_empty() {
        let ids: Vec<&str> = inapplicable.iter().flat_map(|said| &said.ids).map(|id| id.id()).collect();
        push_wrapped(out, "- ", &format!("Not applicable: {}; report.html says why.", ids.join(", ")));
    }
    out.push('\n');
}

/// `a, b and 6 more`; of all models `all 8 models`.
fn named(report: &Report, models: &[usize]) -> String {
    if models.len() == report.models.len() && models.len() > MOST_TABLES {
        return format!("all {} models", models.len());
    }
    let names: Vec<&str> = models.iter().take(MOST_NAMED).map(|&at| report.models[at].name.as_str()).collect();
    match models.len() - names.len() {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// Where the weights stood in a file of another program, and what it holds besides.
fn read_from(source: &Source) -> impl Iterator<Item = String> {
    let unread = Some(&source.unread).filter(|unread| !unread.is_empty());
    let taken = super::page::taken_from(source).map(|taken| format!("weights read from: {taken}"));
    taken.into_iter().chain(unread.map(|unread| format!("left unread in the file: {}", unread.join(", "))))
}

/// Of the comparisons those of the hard norm on training images with the overall error; the report
/// has all.
fn headline_comparisons(found: &Correlations) -> impl Iterator<Item = &Comparison> {
    let comparisons = found.scopes.iter().flat_map(|scope| &scope.comparisons);
    comparisons.filter(|comparison| {
        (comparison.norm, comparison.rival) == (Predictor::HardNorm, Predictor::Error)
            && comparison.measured_on == MeasuredOn::Train
    })
}

/// A table for the terminal, of the columns with these headers (of all, if none is given).
fn rendered(table: &tables::Table, columns: &[&str]) -> Table {
    let chosen: Vec<usize> = (0..table.header.len())
        .filter(|&column| columns.is_empty() || columns.contains(&table.header[column].as_str()))
        .collect();
    let mut shown = Table::new();
    shown
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(COLUMNS)
        .set_header(chosen.iter().map(|&column| &table.header[column]));
    for row in &table.rows {
        shown.add_row(chosen.iter().map(|&column| clip(&row[column], WIDEST_CELL)));
    }
    let mut room = usize::from(COLUMNS) - (chosen.len() + 1) - BLANKS;
    for (column, &original) in shown.column_iter_mut().zip(&chosen).skip(1) {
        let (cells, header) = (table.rows.iter().map(|row| row[original].as_str()), &table.header[original]);
        let is_number = original >= table.numbers_from;
        let unbroken: Vec<&str> =
            if is_number { cells.collect() } else { cells.flat_map(str::split_whitespace).collect() };
        let unbroken = unbroken.into_iter().chain(header.split_whitespace());
        let width = unbroken.map(|text| readable(text).chars().count()).max().unwrap_or(0);
        if is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
        if is_number && width <= WIDEST_NUMBER {
            column.set_constraint(at_least(width));
        }
        room = room.saturating_sub(width.min(if is_number { WIDEST_NUMBER } else { NARROWEST_TEXT }) + BLANKS);
    }
    // Names are broken within a word only once the numbers have their room.
    let longest = table.rows.iter().map(|row| readable(&row[0]).chars().count()).max().unwrap_or(0);
    if let Some(names) = shown.column_mut(0).filter(|_| chosen.len() > 1) {
        names.set_constraint(at_least(longest.min(WIDEST_NAME).min(room.max(NARROWEST_TEXT))));
    }
    shown
}

fn at_least(characters: usize) -> ColumnConstraint {
    ColumnConstraint::LowerBoundary(Width::Fixed((characters + BLANKS) as u16))
}

/// The text without its middle where it is longer than `most` characters.
fn clip(text: &str, most: usize) -> String {
    let characters: Vec<char> = readable(text).chars().collect();
    let Some(cut) = characters.len().checked_sub(most).filter(|cut| *cut > 0) else {
        return characters.into_iter().collect();
    };
    let (head, tail) = (&characters[..most / 2], &characters[most / 2 + cut + 1..]);
    head.iter().chain(['…'].iter()).chain(tail).collect()
}

/// A sentence broken between words, later lines indented as far as the first one's mark.
fn push_wrapped(out: &mut String, mark: &str, sentence: &str) {
    let indent = " ".repeat(mark.chars().count());
    let (mut line, mut used) = (mark.to_owned(), mark.chars().count());
    let mut empty = true;
    let joined = unbroken(&readable(sentence));
    for word in joined.split_ascii_whitespace().map(|word| word.replace('\u{a0}', " ")) {
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
        line.push_str(&word);
        used += length;
        empty = false;
    }
    let _ = writeln!(out, "{line}");
}
