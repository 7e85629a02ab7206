//! Choice of the columns of a table that are the scores and the labels.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use super::class_columns::{
    called_by_classes, families_by_name, features_alone, score_families, several_families, without_common,
};
use super::names::{LABEL_NAMES, RAW_SCORES, is_predicted, plain};
use super::table_of_classes::{hold_classes, is_guess, is_label, truth_and_guess};
use super::{PredictionsError, Reading, top_k};
use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::named::Named;
use crate::quoting::{quoted, quoted_list};
use crate::table::{Table, is_list};
use crate::words::Words;
use crate::{InputError, Result};

/// What people call columns beside scores, labels and predicted classes.
const ASIDE: Words = Words(
    "index idx id ids sample sample_id image image_id file filename file_name path paths img_path name correct \
     split fold loss confidence entropy row is_correct hit epoch nll",
);

/// Whether a column says nothing of scores and labels.
pub(super) fn is_aside(name: &str) -> bool {
    let plain = plain(name);
    plain.is_empty() || ASIDE.contains(&plain) || is_predicted(name) || name.starts_with("Unnamed: ")
}

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

impl Columns {
    /// The first column of scores, or the only one.
    pub(super) fn first_score(&self) -> usize {
        self.scores.first().copied().unwrap_or_default()
    }
}

/// Chooses among the columns of a table.
struct Choice<'a> {
    file: &'a Path,
    table: &'a Table<'a>,
    line: u64,
    header: &'a [String],
    /// The fields of the first record.
    first: &'a [Cow<'a, str>],
    reading: &'a Reading,
}

impl<'a> Choice<'a> {
    /// The name of a column.
    fn called(&self, at: usize) -> &'a str {
        self.header.get(at).map_or("", String::as_str)
    }

    fn unclear<T>(&self, problem: String, remedy: &str) -> Result<T> {
        let (file, line) = (self.file.to_path_buf(), self.line);
        Err(PredictionsError::Table { file, line, problem, remedy: remedy.to_owned() }.into())
    }

    fn one_named(&self, name: &str) -> Result<usize> {
        let mut at = self.header.iter().enumerate().filter(|(_, own)| *own == name).map(|(at, _)| at);
        match (at.next(), at.next()) {
            (Some(one), None) => Ok(one),
            _ => self.unclear(
                format!("there is not one column {}; the columns are {}", quoted(name), quoted_list(self.header)),
                "name one of them with `keys` labels=NAME",
            ),
        }
    }

    fn label(&self) -> Result<usize> {
        if let Some(name) = &self.reading.keys.labels {
            return self.one_named(name);
        }
        if let Some(exact) = self.header.iter().position(|name| name == super::LABEL) {
            return Ok(exact);
        }
        let called: Vec<usize> =
            (0..self.header.len()).filter(|&at| LABEL_NAMES.contains(&plain(self.called(at)))).collect();
        match called.as_slice() {
            &[one] => Ok(one),
            [] => match self.columns_of_names()?.as_slice() {
                [] => self.unclear(
                    format!("no column is called label; the columns are {}", quoted_list(self.header)),
                    "name the one with the true classes with `keys` labels=NAME, or write the header as in \
                     label,logit_0,logit_1,...",
                ),
                some => self.unclear(
                    format!(
                        "no column is called label; names of classes stand in {}",
                        quoted_list(some.iter().map(|&at| self.called(at)))
                    ),
                    &format!(
                        "say `keys` labels={} if this holds the true classes",
                        quoted(self.called(some.first().copied().unwrap_or_default()))
                    ),
                ),
            },
            several => self.several_labels(several),
        }
    }

    /// The columns, beside those of the classes and what stands aside, that hold names of classes
    /// and nothing else. Which of them is the truth, and whether one is, nothing says.
    fn columns_of_names(&self) -> Result<Vec<usize>> {
        let (Some(scores), Some(names)) = (
            called_by_classes(self.header.iter().map(String::as_str).enumerate(), self.reading),
            self.reading.class_names.as_ref(),
        ) else {
            return Ok(Vec::new());
        };
        let names: HashSet<&str> = names.iter().map(String::as_str).collect();
        let may_be = |at: &usize| !scores.contains(at) && !is_aside(self.called(*at)) && !is_guess(self.called(*at));
        let mut rest: Vec<usize> = (0..self.header.len()).filter(may_be).collect();
        self.table.for_each(|_, fields| {
            rest.retain(|&at| fields.get(at).is_some_and(|field| names.contains(field.as_ref())));
            Ok(())
        })?;
        Ok(rest)
    }

    fn several_labels<T>(&self, several: &[usize]) -> Result<T> {
        let called = quoted_list(several.iter().map(|&at| self.called(at)));
        self.unclear(format!("several columns can be the labels: {called}"), "name one of them with `keys` labels=NAME")
    }

    /// Two columns of one name could be taken for each other.
    fn check_names(&self) -> Result<()> {
        let mut seen = HashSet::new();
        match self.header.iter().find(|name| !name.is_empty() && !seen.insert(name.as_str())) {
            None => Ok(()),
            Some(twice) => {
                self.unclear(format!("the column {} is there twice", quoted(twice)), "give every column its own name")
            }
        }
    }

    fn choose(&self) -> Result<Columns> {
        self.check_names()?;
        let by_name = self.classes_by_name()?;
        let label = by_name.map_or_else(|| self.label(), |[label, _]| Ok(label))?;
        let left_out = |scores: &[usize]| {
            let scores: HashSet<usize> = scores.iter().copied().collect();
            let rest = (0..self.header.len()).filter(|at| *at != label && !scores.contains(at));
            rest.map(|at| self.called(at).to_owned()).collect()
        };
        let columns = |scores: Vec<usize>, lists, names| {
            let left_out = left_out(&scores);
            Ok(Columns { label, scores, lists, classes_alone: false, names, left_out })
        };
        if let Some([_, one]) = by_name {
            return Ok(Columns { classes_alone: true, ..columns(vec![one], false, None)? });
        }
        let key = self.reading.keys.logits.as_deref();
        let lists: Vec<usize> = (0..self.header.len())
            .filter(|&at| at != label && self.first.get(at).is_some_and(|field| is_list(field)))
            .filter(|&at| key.is_none_or(|key| self.called(at) == key))
            .collect();
        // Spark's models write both scores and what they make of them.
        let raw: Vec<usize> =
            lists.iter().copied().filter(|&at| RAW_SCORES.contains(&plain(self.called(at)))).collect();
        match (lists.as_slice(), raw.as_slice()) {
            (&[one], _) | (_, &[one]) => return columns(vec![one], true, None),
            (&[a, b, ..], _) => {
                let problem =
                    format!("the lists {} and {} can be the scores", quoted(self.called(a)), quoted(self.called(b)));
                return self.unclear(problem, "say which with `keys` logits=NAME");
            }
            _ => {}
        }
        let others = self.header.iter().enumerate().filter(|(at, _)| *at != label);
        let mut named = families_by_name(others.map(|(at, name)| (at, name.as_str())), self.reading);
        match (named.pop(), named.pop()) {
            (Some((_, scores)), None) => return columns(scores, false, self.reading.class_names.clone()),
            (Some((a, _)), Some((b, _))) => return Err(several_families(self.file, self.line, [&b, &a])),
            (None, _) => {}
        }
        let others = self.header.iter().enumerate().filter(|(at, _)| *at != label);
        let families = score_families(others.map(|(at, name)| (at, name.as_str())), self.reading);
        let mut found = families.into_iter();
        match (found.next(), found.next()) {
            (Some((_, (first, columns_of_classes))), None) => {
                let named = |at: usize| quoted(columns_of_classes.get(at).map_or("", |&at| self.called(at)));
                if first == 1 && self.reading.first_label == 0 {
                    top_k::refuse_columns(self.file, self.table, label, &columns_of_classes)?;
                    return self.unclear(
                        format!(
                            "the columns {} to {} begin at 1",
                            named(0),
                            named(columns_of_classes.len().saturating_sub(1))
                        ),
                        "say `first-label` 1 if the labels do so too, or number the columns from 0",
                    );
                }
                columns(columns_of_classes, false, None)
            }
            (Some((a, _)), Some((b, _))) => Err(several_families(self.file, self.line, [&a, &b])),
            (None, _) => match key {
                Some(key) => {
                    let one = self.keyed_classes(label, key)?;
                    Ok(Columns { classes_alone: true, ..columns(vec![one], false, None)? })
                }
                None => self.by_names(label, columns),
            },
        }
    }

    /// Columns that are called by the names of the classes.
    fn by_names(
        &self,
        label: usize,
        columns: impl Fn(Vec<usize>, bool, Option<Vec<String>>) -> Result<Columns>,
    ) -> Result<Columns> {
        let rest: Vec<usize> = (0..self.header.len()).filter(|&at| at != label && !is_aside(self.called(at))).collect();
        let names: Vec<String> = rest.iter().map(|&at| self.called(at).to_owned()).collect();
        let classes = without_common(&names);
        let is_text = |label: &&Cow<'_, str>| self.table.number(label).is_none();
        let by_text =
            self.first.get(label).filter(is_text).is_some_and(|label| classes.iter().any(|name| name == label));
        if by_text && rest.len() > 1 {
            let mut unnamed: BTreeSet<&str> = classes.iter().map(String::as_str).collect();
            self.table.for_each(|_, fields| {
                if let Some(label) = fields.get(label) {
                    unnamed.remove(label.as_ref());
                }
                Ok(())
            })?;
            if !unnamed.is_empty() {
                return self.unclear(
                    format!("no label names {}; it is open whether these columns are classes", quoted_list(unnamed)),
                    "give the names of the classes with `class-names`, or take columns out that are none",
                );
            }
            return columns(rest, false, Some(classes));
        }
        if let Some(one) = self.column_of_classes(label, &rest)? {
            return Ok(Columns { classes_alone: true, ..columns(vec![one], false, None)? });
        }
        if let &[one] = rest.as_slice() {
            if is_label(self.called(one)) && self.reading.keys.labels.is_none() {
                return self.several_labels(&[one.min(label), one.max(label)]);
            }
            return Err(self.single_logit());
        }
        if let Some(around) = features_alone(&rest.iter().map(|&at| (at, self.called(at))).collect::<Vec<_>>()) {
            let problem = format!("the columns numbered behind {} are called as features are", quoted(&around));
            return self.unclear(problem, &format!("say `keys` logits={around} if they are the scores"));
        }
        self.unclear(
            format!("the columns {} are not numbered from 0 to K - 1", quoted_list(&names)),
            "give the names of the classes in their order with `class-names`, or write the header as in \
             label,logit_0,logit_1,...",
        )
    }

    /// The column with a class for each sample where no other can be scores.
    fn column_of_classes(&self, label: usize, rest: &[usize]) -> Result<Option<usize>> {
        let predicted: Vec<usize> =
            (0..self.header.len()).filter(|&at| at != label && is_predicted(self.called(at))).collect();
        let said = self.reading.keys.labels.is_some();
        Ok(match (predicted.as_slice(), rest) {
            (&[one], []) => Some(one),
            (&[one], &[_]) if hold_classes(self.table, [label, one])? => Some(one),
            ([], &[one]) if is_guess(self.called(one)) || (said && is_label(self.called(one))) => {
                hold_classes(self.table, [label, one])?.then_some(one)
            }
            _ => None,
        })
    }

    /// The column that `keys` names, of a class for each sample.
    fn keyed_classes(&self, label: usize, key: &str) -> Result<usize> {
        match self.header.iter().position(|name| name == key) {
            Some(one) if one != label => {
                if hold_classes(self.table, [label, one])? {
                    Ok(one)
                } else {
                    Err(self.single_logit())
                }
            }
            _ => self.unclear(
                format!("there is no column {}; the columns are {}", quoted(key), quoted_list(self.header)),
                "name one of them with `keys` logits=NAME, or the words around the numbers of several",
            ),
        }
    }

    fn single_logit(&self) -> InputError {
        InputError::TooFewClasses { file: self.file.to_path_buf(), array: super::LOGITS, classes: 1 }
    }

    /// The true and the predicted classes where the table has no other columns but such as stand
    /// aside.
    fn classes_by_name(&self) -> Result<Option<[usize; 2]>> {
        if self.reading.keys.labels.is_some() || self.reading.keys.logits.is_some() {
            return Ok(None);
        }
        let rest: Vec<usize> = (0..self.header.len()).filter(|&at| !is_aside(self.called(at))).collect();
        let &[a, b] = rest.as_slice() else { return Ok(None) };
        let Some(both) = truth_and_guess([(a, self.called(a)), (b, self.called(b))]) else { return Ok(None) };
        Ok(hold_classes(self.table, both)?.then_some(both))
    }
}

/// Chooses the columns of a table with or without a header.
pub(super) fn choose(file: &Path, table: &Table<'_>, reading: &Reading) -> Result<Columns> {
    let first = table.first_record();
    match &table.header {
        Some((line, header)) => Choice { file, table, line: *line, header, first: &first, reading }.choose(),
        None => without_header(file, table, reading),
    }
}

/// Rows before numbers that count them are more than chance.
const FEWEST_COUNTED: usize = 3;

/// Whether the first column counts the samples from 0 or 1, as an index does that a table was
/// written with.
pub(super) fn counts_samples(table: &Table<'_>) -> Result<bool> {
    let (mut at, mut from) = (0_usize, [true; 2]);
    table.for_each(|_, fields| {
        for (first, is) in from.iter_mut().enumerate() {
            *is &= fields.first().is_some_and(|field| field.parse() == Ok(at.saturating_add(first)));
        }
        at = at.saturating_add(1);
        Ok(())
    })?;
    Ok(at >= FEWEST_COUNTED && from.contains(&true))
}

/// The labels are the first or the last column, whichever holds class numbers in every row.
fn without_header(file: &Path, table: &Table<'_>, reading: &Reading) -> Result<Columns> {
    let width = table.width;
    let begin = usize::from(counts_samples(table)?);
    let columns = |label: usize, begin: usize| {
        let scores = (begin..width).filter(|&at| at != label).collect();
        let left_out =
            (0..begin).map(|at| format!("column {}, which counts the samples", at.saturating_add(1))).collect();
        Columns { label, scores, lists: false, classes_alone: false, names: None, left_out }
    };
    let unclear = |problem: String| {
        let remedy = "say which column, from 0, has the labels with `keys` labels=0, or write a header as in \
                      label,logit_0,logit_1,..."
            .to_owned();
        Err(PredictionsError::Table { file: file.to_path_buf(), line: 1, problem, remedy }.into())
    };
    let at = |key: &str| key.parse().ok().filter(|&at: &usize| at < width);
    if let Some(key) = &reading.keys.logits {
        let predicted = at(key);
        let label = match &reading.keys.labels {
            Some(label) => at(label),
            None => predicted.and_then(|one| (width == 2).then(|| 1_usize.saturating_sub(one))),
        };
        return match predicted.zip(label) {
            Some((one, label)) if one != label => {
                Ok(Columns { scores: vec![one], classes_alone: true, left_out: Vec::new(), ..columns(label, 0) })
            }
            _ => unclear(format!("there is no header, and no columns {} and of labels", quoted(key))),
        };
    }
    if let Some(key) = &reading.keys.labels {
        return match key.parse() {
            Ok(label) if label < width => Ok(columns(label, if label == 0 { 0 } else { begin })),
            _ => unclear(format!("there is no header, and no column {}", quoted(key))),
        };
    }
    if width < 3 {
        let classes = width.saturating_sub(1);
        return Err(InputError::TooFewClasses { file: file.to_path_buf(), array: super::LOGITS, classes });
    }
    let first = reading.first_label as f64;
    let labels = |begin: usize| {
        let range = first..first + width.saturating_sub(1).saturating_sub(begin) as f64;
        let mut whole = [true; 2];
        let all = table.for_each(|_, fields| {
            for (whole, at) in whole.iter_mut().zip([begin, width.saturating_sub(1)]) {
                let number = fields.get(at).and_then(|field| table.number(field));
                *whole &= number.is_some_and(|number| number.fract() == 0.0 && range.contains(&number));
            }
            Ok(())
        });
        all.map(|()| whole)
    };
    // Labels that count the samples, one of each class, are no index: nothing else can be the labels then.
    let (begin, whole) = match labels(begin)? {
        [false, false] if begin == 1 => (0, labels(0)?),
        whole => (begin, whole),
    };
    match whole {
        [true, false] => Ok(columns(begin, begin)),
        [false, true] => Ok(columns(width.saturating_sub(1), begin)),
        [true, true] => unclear("there is no header, and the first and the last column can be the labels".to_owned()),
        [false, false] => {
            unclear("there is no header, and neither the first nor the last column holds class numbers".to_owned())
        }
    }
}

/// Bytes charged for a field beside scores and label.
const BESIDE: u64 = 48;

/// Keeps the fields of these columns; what is too much for the budget is not compared.
pub(super) fn keep(beside: &mut [(usize, Vec<String>)], fields: &[Cow<'_, str>], budget: &mut Budget) {
    for (column, texts) in beside {
        let Some(field) = fields.get(*column) else { continue };
        if budget.spend(BESIDE.saturating_add(field.len() as u64)).is_ok() {
            texts.push(field.to_string());
        }
    }
}

/// The kept fields by the names of their columns.
pub(super) fn arrays_beside(table: &Table<'_>, beside: Vec<(usize, Vec<String>)>) -> Vec<Named<'static>> {
    let array = |texts: Vec<String>| Array { shape: vec![texts.len()], column_major: false, data: Data::Texts(texts) };
    beside.into_iter().map(|(column, texts)| Named { name: table.name_of(column), array: Ok(array(texts)) }).collect()
}
