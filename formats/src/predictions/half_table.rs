//! Tables of text that hold the scores or the labels alone.

use std::path::Path;

use super::belong::is_unnamed;
use super::beside::names_samples;
use super::class_columns::class_columns;
use super::columns::{arrays_beside, counts_samples, is_aside, keep};
use super::labels_by_line::labels_by_line;
use super::names::{LABEL_NAMES, plain};
use super::order::{Half, Rows};
use super::{LABELS, PredictionsError, Reading};
use crate::Result;
use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::element::reserve;
use crate::quoting::quoted_list;
use crate::table::{Table, bad_field};

/// The columns of the array.
struct Choice {
    columns: Vec<usize>,
    /// Where they stand, if that is not all of the table.
    name: String,
    /// Columns that name the samples.
    samples: Vec<usize>,
    /// Whether neither numbers nor the names of the classes gave their order.
    as_they_stand: bool,
    notes: Vec<String>,
}

/// Reads the scores or the labels of a pair.
pub(super) fn half_of_table(
    file: &Path,
    text: &str,
    role: &'static str,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Half<'static>> {
    if role == LABELS {
        let labels = labels_by_line(text, reading, budget);
        if let Some(labels) = labels.map_err(|exceeded| exceeded.of(file, format!("array {role}")))? {
            return Ok(Half::new(String::new(), labels, Vec::new(), Rows::InOrder));
        }
    }
    let table = Table::open(file, text, budget)?;
    let Choice { columns, name, samples, as_they_stand, notes } = match &table.header {
        Some((line, header)) => by_header(file, (*line, header), role, reading)?,
        None => without_header(&table)?,
    };
    let mut beside: Vec<(usize, Vec<String>)> = samples.into_iter().map(|at| (at, Vec::new())).collect();
    let count = table.rows.saturating_mul(columns.len());
    budget.spend((count as u64).saturating_mul(8)).map_err(|exceeded| exceeded.of(file, format!("array {role}")))?;
    let mut values: Vec<f64> = reserve(file, role, count)?;
    let mut texts: Vec<String> = Vec::new();
    table.for_each(|line, fields| {
        keep(&mut beside, fields, budget);
        for &column in &columns {
            let Some(field) = fields.get(column) else { continue };
            match table.number(field) {
                Some(number) if texts.is_empty() => values.push(number),
                _ if role == LABELS && columns.len() == 1 && values.is_empty() && !field.is_empty() => {
                    let cost = (field.len() as u64).saturating_add(80);
                    budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("array {role}")))?;
                    texts.push(field.to_string());
                }
                _ => return Err(bad_field(file, line, column, field, "a number with a decimal point, as in -1.25e-3")),
            }
        }
        Ok(())
    })?;
    let array = if texts.is_empty() {
        Array::decimals(vec![table.rows, columns.len()], values)
    } else {
        Array { shape: vec![texts.len()], column_major: false, data: Data::Texts(texts) }
    };
    let called = as_they_stand.then(|| columns.iter().map(|&at| table.name_of(at)).collect());
    Ok(Half { columns: called, notes, ..Half::new(name, array, arrays_beside(&table, beside), Rows::InOrder) })
}

fn without_header(table: &Table<'_>) -> Result<Choice> {
    let mut columns: Vec<usize> = (0..table.width).collect();
    let mut name = String::new();
    if table.width > 1 && counts_samples(table)? {
        columns.remove(0);
        name = match table.width {
            2 => "column 2, behind one that counts the samples".to_owned(),
            width => format!("columns 2 to {width}, behind one that counts the samples"),
        };
    }
    Ok(Choice { columns, name, samples: Vec::new(), as_they_stand: false, notes: Vec::new() })
}

fn by_header(file: &Path, (line, header): (u64, &[String]), role: &'static str, reading: &Reading) -> Result<Choice> {
    let called = |at: usize| header.get(at).map_or("", String::as_str);
    let all = 0..header.len();
    let names_them = |at: &usize| names_samples(called(*at), reading) || is_unnamed(called(*at));
    let samples: Vec<usize> = all.clone().filter(names_them).collect();
    let labels: Vec<usize> = all.clone().filter(|&at| LABEL_NAMES.contains(&plain(called(at)))).collect();
    let mut columns: Vec<usize> =
        all.filter(|&at| !is_aside(called(at)) && (role == LABELS || !labels.contains(&at))).collect();
    if role == LABELS && !labels.is_empty() {
        columns = labels;
    }
    if let Some(key) = reading.keys.labels.as_ref().filter(|_| role == LABELS) {
        columns.retain(|&at| called(at) == key);
    }
    let mut notes = Vec::new();
    let names: Vec<(usize, &str)> = columns.iter().map(|&at| (at, called(at))).collect();
    let in_order = if names.len() > 1 { class_columns(file, line, &names, reading)? } else { None };
    let as_they_stand = in_order.is_none() && names.len() > 1;
    if let Some(in_order) = in_order {
        let left_out: Vec<&str> =
            names.iter().filter(|(at, _)| !in_order.contains(at)).map(|(_, name)| *name).collect();
        if !left_out.is_empty() {
            notes.push(format!("columns left out: {}", quoted_list(left_out)));
        }
        columns = in_order;
    }
    if columns.is_empty() {
        let problem = format!("no column can be the {role}; the columns are {}", quoted_list(header));
        let remedy = format!("name one with `keys` {role}=NAME");
        return Err(PredictionsError::Table { file: file.to_path_buf(), line, problem, remedy }.into());
    }
    Ok(Choice { columns, name: String::new(), samples, as_they_stand, notes })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use crate::InputError;
    use crate::predictions::{Logits, PredictionSource, Predictions, Reading, read_as};

    /// A pair of tables, of two or three classes by name where `names` is not empty.
    fn pair(scores: &str, labels: &str, names: &[&str]) -> Result<Predictions, InputError> {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let (logits, labels_file) = (place("s.csv"), place("l.csv"));
        std::fs::write(&logits, scores).unwrap();
        std::fs::write(&labels_file, labels).unwrap();
        let class_names = (!names.is_empty()).then(|| names.iter().map(|&name| name.to_owned()).collect());
        let reading = Reading { class_names, ..Reading::default() };
        read_as(&PredictionSource::Pair { logits, labels: labels_file }, &reading)
    }

    #[test]
    fn columns_that_are_no_scores_are_left_out_and_named() {
        let expected = Logits::F64(array![[2.5, 1.0], [0.5, 3.0], [1.5, 0.0]]);
        let names: &[&str] = &["cat", "dog"];
        for (header, rows, names, left_out) in [
            ("logit_0,logit_1,latency_ms", "2.5,1,7\n.5,3,8\n1.5,0,9\n", &[][..], "latency_ms"),
            ("latency_ms,1,0", "7,1,2.5\n8,3,.5\n9,0,1.5\n", &[], "latency_ms"),
            ("p1,p2,seconds", "2.5,1,7\n.5,3,8\n1.5,0,9\n", &[], "seconds"),
            ("class_0_logit,class_1_logit,w", "2.5,1,7\n.5,3,8\n1.5,0,9\n", &[], "w"),
            ("logit_0,logit_1,feat_0,feat_1", "2.5,1,7,7\n.5,3,8,8\n1.5,0,9,9\n", &[], "feat_0"),
            ("cat,dog,latency_ms", "2.5,1,7\n.5,3,8\n1.5,0,9\n", names, "latency_ms"),
            ("predict,p0,p1", "0,2.5,1\n1,.5,3\n0,1.5,0\n", &[], ""),
        ] {
            let found = pair(&format!("{header}\n{rows}"), "label\n0\n1\n0\n", names).unwrap();
            assert_eq!((&found.logits, found.labels.to_vec()), (&expected, vec![0, 1, 0]), "{header}");
            let note = found.notes.iter().find(|note| note.contains("columns left out"));
            assert_eq!(note.is_some_and(|note| note.contains(left_out)), !left_out.is_empty(), "{header}: {note:?}");
        }
        let several = pair("a_0,a_1,b_0,b_1\n2,1,2,1\n1,2,1,2\n", "0\n1\n", &[]).unwrap_err().to_string();
        assert!(several.contains("s.csv: line 1: the columns numbered behind \"a_\" and behind \"b_\""), "{several}");
    }

    #[test]
    fn a_column_that_is_no_label_s_class_is_named() {
        let scores = "cat,dog,latency_ms\n2,1,7\n1,2,8\n3,0,9\n";
        let found = pair(scores, "0\n1\n0\n", &[]).unwrap();
        assert_eq!(found.num_classes(), 3);
        assert!(found.doubts.iter().any(|doubt| doubt.contains("\"latency_ms\"")), "{:?}", found.doubts);
        assert!(!pair(scores, "0\n1\n2\n", &[]).unwrap().doubts.iter().any(|doubt| doubt.contains("latency")));
    }

    #[test]
    fn labels_with_a_column_for_each_class_are_put_into_the_order_of_the_scores() {
        let one_hot = |header: &str| format!("{header}\n0,1,0\n1,0,0\n0,0,1\n");
        let scores = |header: &str| format!("{header}\n2,1,0\n1,2,0\n0,1,3\n");
        let names: &[&str] = &["cat", "dog", "emu"];
        for (of_scores, of_labels, names, expected) in [
            ("cat,dog,emu", "dog,cat,emu", &[][..], [0, 1, 2]),
            ("logit_cat,logit_dog,logit_emu", "is_emu,is_cat,is_dog", &[], [0, 2, 1]),
            ("cat,dog,emu", "dog,cat,emu", names, [0, 1, 2]),
            ("logit_0,logit_1,logit_2", "dog,cat,emu", names, [0, 1, 2]),
            ("logit_0,logit_1,logit_2", "class_1,class_0,class_2", &[], [0, 1, 2]),
            ("cat,dog,emu", "class_2,class_0,class_1", &[], [0, 2, 1]),
        ] {
            let found = pair(&scores(of_scores), &one_hot(of_labels), names);
            let found = found.unwrap_or_else(|error| panic!("{of_scores} {of_labels}: {error}"));
            assert_eq!(found.labels.to_vec(), expected, "{of_scores} {of_labels} {names:?}");
        }
        for (of_scores, names) in [("cat,dog,emu", &[][..]), ("logit_0,logit_1,logit_2", names)] {
            let refused = pair(&scores(of_scores), &one_hot("cat,dog,fox"), names).unwrap_err().to_string();
            assert!(refused.contains("l.csv: the columns of the labels are called \"cat\""), "{refused}");
        }
        let open = pair(&scores("0,1,2"), &one_hot("cat,dog,fox"), &[]).unwrap();
        assert_eq!(open.labels.to_vec(), [1, 0, 2]);
        assert!(open.notes.iter().any(|note| note.contains("in the order in which they stand")), "{:?}", open.notes);
    }
}
