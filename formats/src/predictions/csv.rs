//! Predictions as a table of text, a row a sample.

use std::collections::HashSet;
use std::path::Path;

use ndarray::Array2;

use super::beside::{Beside, may_say};
use super::classes::Labels;
use super::classes_alone::{ClassesAlone, classes_alone};
use super::columns::{self, Columns, arrays_beside, keep};
use super::convert::Converted;
use super::names::plain;
use super::top_k::{self, Lists};
use super::{LABELS, LOGITS, Logits, PredictionsError, Reading, belong, folders, splits};
use crate::array::{Array, Data, place_of};
use crate::budget::Budget;
use crate::content::Content;
use crate::element::{ElementType, reserve};
use crate::quoting::{quoted, quoted_list};
use crate::table::{Table, bad_field};
use crate::words::Words;
use crate::{InputError, Result};

/// Parses the whole table.
pub(super) fn parse(content: &Content, text: &str, reading: &Reading, budget: &mut Budget) -> Result<Converted> {
    let file = content.file.as_path();
    let table = Table::open(file, text, budget)?;
    let columns = columns::choose(file, &table, reading)?;
    if table.rows == 0 {
        return Err(InputError::NoSamples { file: file.to_path_buf(), array: LABELS });
    }
    if columns.classes_alone {
        return classes_of(content, &table, &columns, reading, budget);
    }
    let first_score = columns.first_score();
    let classes = if columns.lists {
        table.first_record().get(first_score).map_or(0, |list| list_items(list).count())
    } else {
        columns.scores.len()
    };
    if classes < 2 {
        return Err(InputError::TooFewClasses { file: file.to_path_buf(), array: LOGITS, classes });
    }
    let samples = table.rows;
    // At least two bytes of the file each, but for lists, whose lengths are seen as they come.
    let values = samples.saturating_mul(classes);
    let cost = (8_u64).saturating_mul((values as u64).saturating_add(samples as u64));
    budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("array {LOGITS}")))?;
    let mut logits: Vec<f64> = reserve(file, LOGITS, values)?;
    let names = columns.names.as_deref();
    let rules = Labels { names: reading.class_names.as_deref().or(names), ..Labels::new(file, classes, reading) };
    let mut labels = rules.begin(samples)?;
    let mut beside = columns_beside(&table, &columns, reading);
    table.for_each(|line, fields| {
        let field = |column: usize| fields.get(column).map_or("", |field| field.as_ref());
        let label = field(columns.label);
        if label.is_empty() {
            return Err(bad_field(file, line, columns.label, label, "the class of the sample"));
        }
        match table.number(label).filter(|_| rules.names.is_none()) {
            Some(number) => labels
                .push_number(label.parse().map_err(|_| number))
                .map_err(|_| bad_field(file, line, columns.label, label, "an integer, the number of a class"))?,
            None => labels.push_text(label)?,
        }
        keep(&mut beside, fields, budget);
        let before = logits.len();
        if columns.lists {
            push_list(field(first_score), &mut logits)
                .ok_or_else(|| bad_field(file, line, first_score, field(first_score), LIST))?;
        } else {
            for &column in &columns.scores {
                let value = table.number(field(column)).ok_or_else(|| {
                    bad_field(file, line, column, field(column), "a number with a decimal point, as in -1.25e-3")
                })?;
                logits.push(value);
            }
        }
        let found = logits.len().saturating_sub(before);
        if found != classes {
            return Err(InputError::CsvRowLength { file: file.to_path_buf(), line, found, expected: classes });
        }
        let mut row = logits.iter().skip(before).enumerate();
        if let Some((class, &value)) = row.find(|(_, value)| !value.is_finite()) {
            let (sample, _) = place_of(before, (samples, classes), false);
            return Err(InputError::NonFinite { file: file.to_path_buf(), sample, class, value });
        }
        Ok(())
    })?;
    if let Some(refusal) = lists_of_classes(file, &table, &columns, &logits, labels.largest()) {
        return Err(refusal);
    }
    let labels = labels.finish()?;
    let logits = Array2::from_shape_vec((samples, classes), logits).expect("every row added exactly `classes` values");
    let (notes, logits) = (notes(&table, &columns), Logits::F64(logits));
    let arrays = arrays_beside(&table, beside);
    let said = belong::check(file, &arrays, samples, budget)?;
    let of_folders = folders::doubts(&rules, &labels, &arrays);
    let odd = said.odd.into_iter().chain(of_folders).chain(odd_column(&table, &columns, &logits, &labels));
    let mut beside = Beside::compare(&rules, &logits, &labels, arrays, reading, budget);
    beside.odd.extend(odd);
    beside.training = said.training;
    Ok(Converted { logits, labels, element: ElementType::Decimal, notes, beside })
}

/// The refusal of a list of classes for each sample in place of scores.
fn lists_of_classes(
    file: &Path,
    table: &Table<'_>,
    columns: &Columns,
    logits: &[f64],
    last: f64,
) -> Option<InputError> {
    let width = logits.len().checked_div(table.rows)?;
    let mut lists = Lists::of(width, last);
    let all = logits.iter().all(|&number| lists.add(number).is_ok());
    (all && lists.are_lists()).then(|| {
        let (label, first) = (table.name_of(columns.label), table.name_of(columns.first_score()));
        top_k::error(file, &first, width, &top_k::first_of_table(file, &label, &first, columns.lists))
    })
}

/// Columns left out that may say the same again.
fn columns_beside(table: &Table<'_>, columns: &Columns, reading: &Reading) -> Vec<(usize, Vec<String>)> {
    let Some((_, header)) = &table.header else { return Vec::new() };
    let names: HashSet<&str> = columns.left_out.iter().map(String::as_str).collect();
    let first = table.first_record();
    let is_split = |at: usize| first.get(at).is_some_and(|field| splits::of_word(field).is_some());
    let says = |at: usize, name: &String| may_say(name) || is_split(at) || reading.keys.index.as_ref() == Some(name);
    let left_out = |at: usize, name: &String| names.contains(name.as_str()) && says(at, name);
    header.iter().enumerate().filter(|(at, name)| left_out(*at, name)).map(|(at, _)| (at, Vec::new())).collect()
}

/// What people call the column of counts in a confusion matrix that is kept by pairs of classes.
const COUNTS: Words = Words("n count counts freq frequency support npredictions num total");

/// Predicted and true classes, without scores.
fn classes_of(
    content: &Content,
    table: &Table<'_>,
    columns: &Columns,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Converted> {
    let file = content.file.as_path();
    if let Some(counts) = columns.left_out.iter().find(|name| COUNTS.contains(&plain(name))) {
        let problem = format!("{} counts the samples of a pair of classes: this is a confusion matrix", quoted(counts));
        let remedy = "give it as `confusion`".to_owned();
        return Err(PredictionsError::Table { file: file.to_path_buf(), line: 1, problem, remedy }.into());
    }
    let wanted = [columns.first_score(), columns.label];
    let mut texts = wanted.map(|_| Vec::new());
    let mut beside = columns_beside(table, columns, reading);
    table.for_each(|line, fields| {
        keep(&mut beside, fields, budget);
        for (texts, column) in texts.iter_mut().zip(wanted) {
            let field = fields.get(column).map_or("", |field| field.as_ref());
            if field.is_empty() {
                return Err(bad_field(file, line, column, field, "the class of the sample"));
            }
            let cost = (field.len() as u64).saturating_mul(2).saturating_add(160);
            budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("line {line}")))?;
            // With a comma before its fraction it is a number to the table alone.
            let number = table.number(field).filter(|_| field.contains(','));
            texts.push(number.map_or_else(|| field.to_owned(), |number| number.to_string()));
        }
        Ok(())
    })?;
    let [predicted, labels] =
        texts.map(|texts| Array { shape: vec![texts.len()], column_major: false, data: Data::Texts(texts) });
    let (first, second) = (table.name_of(wanted[0]), table.name_of(wanted[1]));
    let arrays = arrays_beside(table, beside);
    let said = belong::check(file, &arrays, table.rows, budget)?;
    let halves = [(file, &first, &predicted), (file, &second, &labels)];
    let ClassesAlone { logits, labels, element, notes } =
        classes_alone(halves, reading, notes(table, columns), budget)?;
    let rules = Labels::new(file, logits.dim().1, reading);
    let odd = said.odd.into_iter().chain(folders::doubts(&rules, &labels, &arrays)).collect();
    let mut beside = Beside::default();
    (beside.odd, beside.training) = (odd, said.training);
    Ok(Converted { logits, labels, element, notes, beside })
}

/// Of a table without a header the last column of scores, where it is hardly a class.
fn odd_column(table: &Table<'_>, columns: &Columns, logits: &Logits, labels: &[usize]) -> Option<String> {
    let last = columns.scores.last().filter(|_| table.header.is_none() && !columns.lists)?.saturating_add(1);
    let Logits::F64(scores) = logits else { return None };
    let class = logits.dim().1.checked_sub(1)?;
    let is_largest = |row: ndarray::ArrayView1<'_, f64>| {
        let others = row.iter().take(class).copied().fold(f64::NEG_INFINITY, f64::max);
        row.get(class).is_some_and(|&score| score == others)
    };
    let why = if scores.rows().into_iter().all(is_largest) {
        "holds the largest of the others in every row"
    } else if !labels.contains(&class) {
        "is the class of no label"
    } else {
        return None;
    };
    Some(format!(
        "there is no header, and column {last}, taken for the scores of class {class}, {why}: if it is a loss or a \
         confidence, leave it out or write a header"
    ))
}

const LIST: &str = "a list of numbers between brackets, all of them written out";

/// What was chosen, where the header is not the plain one.
fn notes(table: &Table<'_>, columns: &Columns) -> Vec<String> {
    let Some((_, header)) = &table.header else {
        let mut notes =
            vec![format!("labels read from column {} of a table without a header", columns.label.saturating_add(1))];
        notes.extend(columns.left_out.iter().map(|column| format!("left out: {column}")));
        return notes;
    };
    let mut notes = Vec::new();
    let called = |at: usize| header.get(at).map_or("", String::as_str);
    let (label, first) = (called(columns.label), called(columns.first_score()));
    if label != super::LABEL || first != "logit_0" {
        let last = called(columns.scores.last().copied().unwrap_or_default());
        let scores = if columns.lists {
            quoted_list([first])
        } else {
            format!("{} to {}", quoted_list([first]), quoted_list([last]))
        };
        notes.push(format!("scores read from {scores}, labels from {}", quoted_list([label])));
    }
    // An index without a name says nothing.
    let left_out: Vec<&String> = columns.left_out.iter().filter(|name| !name.is_empty()).collect();
    if !left_out.is_empty() {
        notes.push(format!("columns left out: {}", quoted_list(left_out)));
    }
    notes
}

fn list_items(field: &str) -> impl Iterator<Item = &str> {
    let inside = field.trim_start_matches('[').trim_end_matches(']');
    inside.split(|character: char| character == ',' || character.is_whitespace()).filter(|item| !item.is_empty())
}

/// Appends as many numbers as there is room for.
fn push_list(field: &str, values: &mut Vec<f64>) -> Option<()> {
    for item in list_items(field) {
        if values.len() == values.capacity() {
            return None;
        }
        values.push(item.parse().ok()?);
    }
    Some(())
}
