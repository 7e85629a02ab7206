//! Which columns of a table are the scores and the labels.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use super::choice::{LABEL_NAMES, plain};
use super::{PredictionsError, Reading};
use crate::InputError;
use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::element::reserve;
use crate::quoting::{quoted, quoted_list};
use crate::table::{Table, bad_field, is_list};

/// What people call columns beside scores and labels.
const ASIDE: &[&str] = &[
    "",
    "index",
    "idx",
    "id",
    "ids",
    "sample",
    "sample_id",
    "image",
    "image_id",
    "file",
    "filename",
    "file_name",
    "path",
    "paths",
    "img_path",
    "name",
    "pred",
    "preds",
    "prediction",
    "predictions",
    "predicted",
    "pred_label",
    "predicted_label",
    "predicted_class",
    "pred_class",
    "y_pred",
    "correct",
    "split",
    "fold",
    "loss",
    "confidence",
    "entropy",
    "row",
];

/// What people call a column of predicted classes.
const PREDICTED: &[&str] = &[
    "pred",
    "preds",
    "prediction",
    "predictions",
    "predicted",
    "pred_label",
    "y_pred",
    "predicted_label",
    "predicted_class",
    "pred_class",
];

/// The columns of a table of predictions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Of the labels.
    pub(super) label: usize,
    /// Of each class, in their order; one column of lists where `lists`.
    pub(super) scores: Vec<usize>,
    /// Whether the scores of a sample are a list in one column.
    pub(super) lists: bool,
    /// Whether a class for each sample stands in place of scores, in the one column of `scores`.
    pub(super) classes_alone: bool,
    /// What the columns of the classes are called, where not by number.
    pub(super) names: Option<Vec<String>>,
    /// Columns left out.
    pub(super) left_out: Vec<String>,
}

/// Chooses among the columns of a table.
struct Choice<'a> {
    file: &'a Path,
    line: u64,
    header: &'a [String],
    /// The fields of the first record.
    first: &'a [Cow<'a, str>],
    reading: &'a Reading,
}

impl Choice<'_> {
    fn unclear<T>(&self, problem: String, remedy: &str) -> Result<T, InputError> {
        let (file, line) = (self.file.to_path_buf(), self.line);
        Err(PredictionsError::Table { file, line, problem, remedy: remedy.to_owned() }.into())
    }

    fn one_named(&self, name: &str) -> Result<usize, InputError> {
        let mut at = (0..self.header.len()).filter(|&at| self.header[at] == name);
        match (at.next(), at.next()) {
            (Some(one), None) => Ok(one),
            _ => self.unclear(
                format!("there is not one column {}; the columns are {}", quoted(name), quoted_list(self.header)),
                "name one of them with `keys` labels=NAME",
            ),
        }
    }

    fn label(&self) -> Result<usize, InputError> {
        if let Some(name) = &self.reading.keys.labels {
            return self.one_named(name);
        }
        if let Some(exact) = self.header.iter().position(|name| name == super::LABEL) {
            return Ok(exact);
        }
        let called: Vec<usize> =
            (0..self.header.len()).filter(|&at| LABEL_NAMES.contains(&plain(&self.header[at]).as_str())).collect();
        match called.as_slice() {
            &[one] => Ok(one),
            [] => self.unclear(
                format!("no column is called label; the columns are {}", quoted_list(self.header)),
                "name the one with the true classes with `keys` labels=NAME, or write the header as in \
                 label,logit_0,logit_1,...",
            ),
            several => self.unclear(
                format!(
                    "several columns can be the labels: {}",
                    quoted_list(several.iter().map(|&at| &self.header[at]))
                ),
                "name one of them with `keys` labels=NAME",
            ),
        }
    }

    /// Columns called alike but for a number, which counts from 0 or 1 without a gap: the words in front, and the
    /// first number with the columns in their order. `top_5` and `epoch_90` are none.
    fn families(&self, label: usize) -> BTreeMap<&str, (usize, Vec<usize>)> {
        let mut families: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
        for (at, name) in self.header.iter().enumerate().filter(|(at, _)| *at != label) {
            let front = name.trim_end_matches(|character: char| character.is_ascii_digit());
            if let Ok(number) = name[front.len()..].parse() {
                families.entry(front).or_default().push((number, at));
            }
        }
        let in_order = |(front, mut family): (_, Vec<(usize, usize)>)| {
            family.sort_unstable();
            let first = family[0].0;
            let counts = family.iter().enumerate().all(|(at, (number, _))| *number == first + at);
            let is_family = family.len() > 1 && first <= 1 && counts;
            is_family.then(|| (front, (first, family.into_iter().map(|(_, column)| column).collect())))
        };
        families.into_iter().filter_map(in_order).collect()
    }

    /// Two columns of one name could be taken for each other.
    fn check_names(&self) -> Result<(), InputError> {
        let mut seen = HashSet::new();
        match self.header.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
            None => Ok(()),
            Some(twice) => {
                self.unclear(format!("the column {} is there twice", quoted(twice)), "give every column its own name")
            }
        }
    }

    fn choose(&self) -> Result<Columns, InputError> {
        self.check_names()?;
        let label = self.label()?;
        let left_out = |scores: &[usize]| {
            let rest = (0..self.header.len()).filter(|at| *at != label && !scores.contains(at));
            rest.map(|at| self.header[at].clone()).collect()
        };
        let columns = |scores: Vec<usize>, lists, names| {
            let left_out = left_out(&scores);
            Ok(Columns { label, scores, lists, classes_alone: false, names, left_out })
        };
        let key = self.reading.keys.logits.as_deref();
        let lists: Vec<usize> = (0..self.header.len())
            .filter(|&at| at != label && self.first.get(at).is_some_and(|field| is_list(field)))
            .filter(|&at| key.is_none_or(|key| self.header[at] == key))
            .collect();
        if let &[one] = lists.as_slice() {
            return columns(vec![one], true, None);
        }
        let mut families = self.families(label);
        if let Some(key) = key {
            families.retain(|front, _| *front == key);
        } else if families.len() > 1 {
            let is_logits = |front: &str| plain(front.trim_end_matches(['_', '-', '.', ' '])).starts_with("logit");
            if families.keys().any(|front| is_logits(front)) {
                families.retain(|front, _| is_logits(front));
            }
        }
        let mut found = families.into_iter();
        match (found.next(), found.next()) {
            (Some((front, (first, columns_of_classes))), None) => {
                if first == 1 && self.reading.first_label == 0 {
                    return self.unclear(
                        format!("the columns {0}1, {0}2, ... begin at 1", quoted(front)),
                        "say `first-label` 1 if the labels do so too, or number the columns from 0",
                    );
                }
                columns(columns_of_classes, false, None)
            }
            (Some((a, _)), Some((b, _))) => self.unclear(
                format!("the columns {}0, ... and {}0, ... can be the scores", quoted(a), quoted(b)),
                "say which with `keys` logits=WORD, the word in front of the numbers",
            ),
            (None, _) => self.by_names(label, columns),
        }
    }

    /// Columns that are called by the names of the classes.
    fn by_names(
        &self,
        label: usize,
        columns: impl Fn(Vec<usize>, bool, Option<Vec<String>>) -> Result<Columns, InputError>,
    ) -> Result<Columns, InputError> {
        let is_aside = |name: &str| ASIDE.contains(&plain(name).as_str()) || name.starts_with("Unnamed: ");
        let rest: Vec<usize> =
            (0..self.header.len()).filter(|&at| at != label && !is_aside(&self.header[at])).collect();
        if let Some(names) = &self.reading.class_names {
            let at = |name: &String| rest.iter().copied().find(|&at| self.header[at] == *name);
            if let Some(scores) = names.iter().map(at).collect::<Option<Vec<usize>>>() {
                return columns(scores, false, Some(names.clone()));
            }
        }
        let names: Vec<String> = rest.iter().map(|&at| self.header[at].clone()).collect();
        let by_text = self.first.get(label).is_some_and(|label| names.iter().any(|name| name == label));
        if by_text && rest.len() > 1 {
            return columns(rest, false, Some(names));
        }
        let is_predicted = |at: &usize| *at != label && PREDICTED.contains(&plain(&self.header[*at]).as_str());
        let predicted: Vec<usize> = (0..self.header.len()).filter(is_predicted).collect();
        if let (&[one], []) = (predicted.as_slice(), rest.as_slice()) {
            return Ok(Columns { classes_alone: true, ..columns(vec![one], false, None)? });
        }
        if let &[one] = rest.as_slice() {
            return Err(InputError::TooFewClasses {
                file: self.file.to_path_buf(),
                array: super::LOGITS,
                classes: usize::from(one != usize::MAX),
            });
        }
        self.unclear(
            format!("the columns {} are not numbered from 0 to K - 1", quoted_list(&names)),
            "give the names of the classes in their order with `class-names`, or write the header as in \
             label,logit_0,logit_1,...",
        )
    }
}

/// Chooses the columns of a table with or without a header.
///
/// # Errors
/// [`PredictionsError::Table`] where the header leaves it open.
pub(super) fn choose(file: &Path, table: &Table<'_>, reading: &Reading) -> Result<Columns, InputError> {
    let first = table.first_record();
    match &table.header {
        Some((line, header)) => Choice { file, line: *line, header, first: &first, reading }.choose(),
        None => without_header(file, table, reading),
    }
}

/// The labels are the first or the last column, whichever holds class numbers in every row.
fn without_header(file: &Path, table: &Table<'_>, reading: &Reading) -> Result<Columns, InputError> {
    let width = table.width;
    let columns = |label: usize| {
        let scores = (0..width).filter(|&at| at != label).collect();
        Columns { label, scores, lists: false, classes_alone: false, names: None, left_out: Vec::new() }
    };
    let unclear = |problem: String| {
        let remedy = "say which column, from 0, has the labels with `keys` labels=0, or write a header as in \
                      label,logit_0,logit_1,..."
            .to_owned();
        Err(PredictionsError::Table { file: file.to_path_buf(), line: 1, problem, remedy }.into())
    };
    if let Some(key) = &reading.keys.labels {
        return match key.parse() {
            Ok(label) if label < width => Ok(columns(label)),
            _ => unclear(format!("there is no header, and no column {}", quoted(key))),
        };
    }
    if width < 3 {
        let classes = width.saturating_sub(1);
        return Err(InputError::TooFewClasses { file: file.to_path_buf(), array: super::LOGITS, classes });
    }
    let first = reading.first_label as f64;
    let range = first..first + (width - 1) as f64;
    let mut whole = [true; 2];
    table.for_each(|_, fields| {
        for (whole, at) in whole.iter_mut().zip([0, width - 1]) {
            *whole &= table.number(&fields[at]).is_some_and(|number| number.fract() == 0.0 && range.contains(&number));
        }
        Ok(())
    })?;
    match whole {
        [true, false] => Ok(columns(0)),
        [false, true] => Ok(columns(width - 1)),
        [true, true] => unclear("there is no header, and the first and the last column can be the labels".to_owned()),
        [false, false] => {
            unclear("there is no header, and neither the first nor the last column holds class numbers".to_owned())
        }
    }
}

/// The columns of a table that holds the scores or the labels alone.
///
/// # Errors
/// [`PredictionsError::Table`] for labels in more than one column; [`InputError::CsvField`]; [`InputError::Budget`].
pub(super) fn matrix_of(
    file: &Path,
    text: &str,
    role: &'static str,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Array<'static>, InputError> {
    let table = Table::open(file, text, budget)?;
    let all: Vec<usize> = (0..table.width).collect();
    let mut columns = all.clone();
    if let Some((line, header)) = &table.header {
        let called = |at: &usize, names: &[&str]| names.contains(&plain(&header[*at]).as_str());
        let labels: Vec<usize> = all.iter().copied().filter(|at| called(at, LABEL_NAMES)).collect();
        let aside = |at: &usize| called(at, ASIDE) || header[*at].starts_with("Unnamed: ");
        columns.retain(|at| !aside(at) && (role == super::LABELS || !labels.contains(at)));
        if role == super::LABELS && !labels.is_empty() {
            columns = labels;
        }
        if let Some(key) = reading.keys.labels.as_ref().filter(|_| role == super::LABELS) {
            columns.retain(|&at| header[at] == *key);
        }
        if columns.is_empty() {
            let problem = format!("no column can be the {role}; the columns are {}", quoted_list(header));
            let remedy = format!("name one with `keys` {role}=NAME");
            return Err(PredictionsError::Table { file: file.to_path_buf(), line: *line, problem, remedy }.into());
        }
    }
    let count = table.rows.saturating_mul(columns.len());
    budget.spend(8 * count as u64).map_err(|exceeded| exceeded.of(file, format!("array {role}")))?;
    let mut values: Vec<f64> = reserve(file, role, count)?;
    let mut texts: Vec<String> = Vec::new();
    table.for_each(|line, fields| {
        for &column in &columns {
            let field = &fields[column];
            match table.number(field) {
                Some(number) if texts.is_empty() => values.push(number),
                _ if role == super::LABELS && columns.len() == 1 && values.is_empty() && !field.is_empty() => {
                    let cost = 80 + field.len() as u64;
                    budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("array {role}")))?;
                    texts.push(field.to_string());
                }
                _ => return Err(bad_field(file, line, column, field, "a number with a decimal point, as in -1.25e-3")),
            }
        }
        Ok(())
    })?;
    if !texts.is_empty() {
        return Ok(Array { shape: vec![texts.len()], column_major: false, data: Data::Texts(texts) });
    }
    Ok(Array::decimals(vec![table.rows, columns.len()], values))
}
