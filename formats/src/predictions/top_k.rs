//! Lists of the classes with the largest scores of each sample, which hold no scores.

use std::path::Path;

use super::{PredictionsError, Reading};
use crate::InputError;
use crate::array::{Array, Data};
use crate::quoting::{in_command, quoted};
use crate::table::Table;

/// Samples below which different numbers in each row say nothing.
const FEWEST: usize = 4;

/// Longer lists are not looked for.
const MOST: usize = 100;

/// Rows of numbers, as far as they may be classes.
pub(super) struct Lists {
    columns: usize,
    last: f64,
    row: Vec<f64>,
    rows: usize,
    largest: f64,
}

impl Lists {
    /// Of so many columns; the last class is known to be `last`, or has as many columns.
    pub(super) fn of(columns: usize, last: f64) -> Self {
        Self { columns, last: last.max(columns as f64 - 1.0), row: Vec::new(), rows: 0, largest: 0.0 }
    }

    /// Takes the next number in; fails if the rows are no such lists.
    pub(super) fn add(&mut self, number: f64) -> Result<(), ()> {
        let may_be = (2..=MOST).contains(&self.columns) && number.fract() == 0.0 && (0.0..=self.last).contains(&number);
        if !may_be || self.row.contains(&number) {
            return Err(());
        }
        self.row.push(number);
        self.largest = self.largest.max(number);
        if self.row.len() == self.columns {
            self.row.clear();
            self.rows = self.rows.saturating_add(1);
        }
        Ok(())
    }

    /// Whether each row names different classes.
    pub(super) fn are_lists(&self) -> bool {
        self.rows >= FEWEST && (self.columns > 2 || self.largest >= self.columns as f64)
    }
}

/// The refusal of lists of classes in place of scores, an array `name` of `file`; of a pair `alone`
/// in it.
pub(super) fn refusal(file: &Path, name: &str, scores: &Array<'_>, last: f64, alone: bool) -> Option<InputError> {
    let &[_, columns] = scores.shape.as_slice() else { return None };
    // Integers are no scores whatever they are.
    let last = if scores.is_discrete() { f64::INFINITY } else { last };
    let mut lists = Lists::of(columns, last);
    let read = scores.for_each_number(|number| lists.add(number.map_or_else(|number| number, |whole| whole as f64)));
    (read == Ok(true) && !scores.column_major && lists.are_lists())
        .then(|| error(file, name, columns, &first_of_array(file, name, alone)))
}

/// The refusal with the line that keeps the first class of each sample.
pub(super) fn error(file: &Path, name: &str, columns: usize, line: &str) -> InputError {
    let (file, name, line) = (file.to_path_buf(), quoted(name), line.to_owned());
    PredictionsError::TopK { file, name, columns, line }.into()
}

/// The largest label, of numbers and of the classes whose names are known.
pub(super) fn last_class(labels: &Array<'_>, reading: &Reading) -> f64 {
    let mut last = reading.class_names.as_ref().map_or(0.0, |names| names.len().saturating_sub(1) as f64);
    if let Data::Texts(texts) = &labels.data {
        last = texts.iter().filter_map(|text| text.trim().parse().ok()).fold(last, f64::max);
    }
    _ = labels.for_each_number(|number| {
        last = last.max(number.map_or_else(|number| number, |whole| whole as f64));
        Ok::<_, ()>(())
    });
    last
}

/// A name between quotes in a command, `NAME` in place of one that could end them.
fn named(name: &str) -> &str {
    let is_plain = |character: char| character.is_alphanumeric() || "_-. ".contains(character);
    if !name.is_empty() && name.chars().all(is_plain) { name } else { "NAME" }
}

/// The line that keeps the first class of each sample of an array.
fn first_of_array(file: &Path, name: &str, alone: bool) -> String {
    let ends = file.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let (file, is_named, name) = (in_command(file), !name.is_empty() && name != super::LOGITS, named(name));
    let part = if is_named { format!("['{name}']") } else { String::new() };
    let program = match (ends.as_str(), alone) {
        ("npy" | "npz", true) => {
            format!("import numpy; numpy.save('predicted.npy', numpy.load('{file}'){part}[:, 0].astype(int))")
        }
        ("npz", false) => format!(
            "import numpy; d = dict(numpy.load('{file}')); d['{name}'] = d['{name}'][:, 0].astype(int); \
             numpy.savez('predicted.npz', **d)"
        ),
        ("pt" | "pth" | "bin", true) => {
            format!("import torch; torch.save(torch.load('{file}'){part}[:, 0].long().clone(), 'predicted.pt')")
        }
        ("pt" | "pth" | "bin", false) => format!(
            "import torch; d = torch.load('{file}'); d['{name}'] = d['{name}'][:, 0].long().clone(); \
             torch.save(d, 'predicted.pt')"
        ),
        ("json" | "jsonl", false) => format!(
            "import pandas; d = pandas.read_json('{file}', lines={}); d['pred'] = d.pop('{name}').str[0]; \
             d.to_csv('predicted.csv', index=False)",
            if ends == "jsonl" { "True" } else { "False" }
        ),
        ("csv", true) => {
            format!("import pandas; pandas.read_csv('{file}').iloc[:, :1].to_csv('predicted.csv', index=False)")
        }
        ("json", true) => format!(
            "import json; json.dump([row[0] for row in json.load(open('{file}'))], open('predicted.json', 'w'))"
        ),
        _ => return "ARRAY[:, 0] in place of it".to_owned(),
    };
    format!("python -c \"{program}\"")
}

/// The line that keeps the first class of each sample of a table with labels beside columns or
/// lists of classes.
pub(super) fn first_of_table(file: &Path, label: &str, first: &str, lists: bool) -> String {
    let (file, label, first) = (in_command(file), named(label), named(first));
    let item = if lists { ".str.strip('[] ').str.split(r'[, ]+', regex=True).str[0]" } else { "" };
    format!(
        "python -c \"import pandas; d = pandas.read_csv('{file}', sep=None, engine='python'); \
         pandas.DataFrame({{'label': d['{label}'], 'pred': d['{first}']{item}}}).to_csv('predicted.csv', index=False)\""
    )
}

/// Refuses columns of a table that hold lists of classes.
pub(super) fn refuse_columns(
    file: &Path,
    table: &Table<'_>,
    label: usize,
    columns: &[usize],
) -> Result<(), InputError> {
    let (mut lists, mut are_lists) = (Lists::of(columns.len(), f64::INFINITY), true);
    table.for_each(|_, fields| {
        let mut numbers = columns.iter().map(|&at| fields.get(at).and_then(|field| table.number(field)));
        are_lists = are_lists && numbers.all(|number| number.is_some_and(|number| lists.add(number).is_ok()));
        Ok(())
    })?;
    if !are_lists || !lists.are_lists() {
        return Ok(());
    }
    let (label, first) = (table.name_of(label), table.name_of(columns.first().copied().unwrap_or_default()));
    Err(error(file, &first, columns.len(), &first_of_table(file, &label, &first, false)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::{PredictionSource, read};
    use crate::testing::{self, archive, npy};

    fn are_lists(rows: &[&[f64]], last: f64) -> bool {
        let mut lists = Lists::of(rows[0].len(), last);
        rows.iter().copied().flatten().all(|&number| lists.add(number).is_ok()) && lists.are_lists()
    }

    #[test]
    fn rows_of_different_classes_are_no_scores() {
        let rows: &[&[f64]] = &[&[3., 1., 2.], &[0., 4., 1.], &[1., 0., 3.], &[2., 1., 0.]];
        assert!(are_lists(rows, 4.0));
        assert!(!are_lists(rows, 2.0), "more than the classes that there are");
        assert!(!are_lists(&rows[1..], 4.0), "few rows");
        assert!(!are_lists(&[rows, &[&[3., 3., 1.]]].concat(), 4.0), "votes");
        assert!(!are_lists(&[rows, &[&[3., 0.5, 1.]]].concat(), 4.0), "scores");
        assert!(!are_lists(&[&[0., 1.], &[1., 0.], &[0., 1.], &[1., 0.]], 1.0), "a 1 for the class");
    }

    fn refused(name: &str, bytes: Vec<u8>) -> String {
        testing::with_file(name, bytes, |file| {
            read(&PredictionSource::File(file.to_path_buf())).unwrap_err().to_string()
        })
    }

    #[test]
    fn lists_of_classes_are_refused_with_the_line_that_takes_the_first() {
        let csv = |text: &str| refused("top.csv", text.as_bytes().to_vec());
        let columns = csv("label,pred_1,pred_2,pred_3\n3,3,1,2\n0,0,4,1\n1,1,0,3\n2,2,1,0\n");
        assert!(columns.contains("top 3 and holds no scores") && columns.contains("'pred': d['pred_1']}"), "{columns}");
        let from_zero = csv("label,pred_0,pred_1,pred_2\n1,2,1,0\n0,0,2,1\n1,1,0,2\n2,2,1,0\n");
        assert!(from_zero.contains("d['pred_0']}"), "{from_zero}");
        let lists = csv("label,top3\n4,\"[3, 1, 2]\"\n0,\"[0, 4, 1]\"\n1,\"[1, 0, 3]\"\n2,\"[2, 1, 0]\"\n");
        assert!(lists.contains("d['top3'].str.strip"), "{lists}");
        let json = "[{\"label\": 4, \"top3\": [3, 1, 2]}, {\"label\": 0, \"top3\": [0, 4, 1]},
            {\"label\": 1, \"top3\": [1, 0, 3]}, {\"label\": 2, \"top3\": [2, 1, 0]}]";
        let json = refused("top.json", json.into());
        assert!(json.contains("d.pop('top3').str[0]"), "{json}");
        let classes: Vec<u8> = [3_i64, 1, 2, 0, 4, 1, 1, 0, 3, 2, 1, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        let labels: Vec<u8> = [4_i64, 0, 1, 2].iter().flat_map(|n| n.to_le_bytes()).collect();
        let arrays = [("preds.npy", npy("<i8", "(4, 3)", &classes)), ("labels.npy", npy("<i8", "(4,)", &labels))];
        let npz = archive(&[(arrays[0].0, &arrays[0].1), (arrays[1].0, &arrays[1].1)], true);
        let npz = refused("top.npz", npz);
        assert!(npz.contains("d['preds'] = d['preds'][:, 0]"), "{npz}");
    }
}
