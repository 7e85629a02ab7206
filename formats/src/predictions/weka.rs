//! Predictions as Weka prints them: `inst#,actual,predicted,error,prediction`, with classes as
//! `2:dog`, counted from 1 in the order of the file that it read; or a distribution behind them.

use std::fmt::Write;
use std::path::Path;

use super::{PredictionsError, Reading};
use crate::budget::Budget;
use crate::quoting::{quoted, quoted_list};
use crate::table::Separator;
use crate::{InputError, Result};

/// Lines above the header.
const MOST_ABOVE: usize = 8;

/// What stands in front of the classes, and what between them and a distribution.
const HEADER: [&str; 4] = ["inst#", "actual", "predicted", "error"];

/// A table of labels and predicted classes, or of labels and scores, with the lines of the text; a
/// note on it. `None` of any other text.
pub(super) fn plain(
    file: &Path,
    text: &str,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Option<(String, String)>> {
    let mut lines = (1_u64..).zip(text.lines());
    let Some((at, header)) = lines.by_ref().take(MOST_ABOVE).find(|(_, line)| line.trim_start().starts_with(HEADER[0]))
    else {
        return Ok(None);
    };
    let separator = if header.contains(',') { Separator::Character(b',') } else { Separator::Blanks };
    let mut fields = Vec::new();
    separator.split(header, &mut fields);
    if !HEADER.iter().zip(&fields).all(|(name, field)| name == field) || fields.len() <= HEADER.len() {
        return Ok(None);
    }
    let is_distribution = fields.get(HEADER.len()).is_some_and(|name| name == "distribution");
    let attributes = fields.len().saturating_sub(HEADER.len().saturating_add(1));
    budget
        .spend((text.len() as u64).saturating_mul(4))
        .map_err(|exceeded| exceeded.of(file, "Weka's predictions".to_owned()))?;
    let mut table = "\n".repeat(usize::try_from(at).unwrap_or_default().saturating_sub(1));
    let mut has_rows = false;
    for (line, record) in lines {
        if record.trim().is_empty() {
            table.push('\n');
            continue;
        }
        let row = Row::of(record, separator, attributes).filter(|row| !is_distribution || !row.scores.is_empty());
        let row = row.ok_or_else(|| {
            let problem = format!("{} has no actual and no predicted class, as in 2:dog", quoted(record.trim()));
            let remedy = "leave out samples without a class; a class that is a number has none".to_owned();
            PredictionsError::Table { file: file.to_path_buf(), line, problem, remedy }
        })?;
        if !has_rows {
            let scores: String = (0..row.scores.len()).map(|class| format!(",logit_{class}")).collect();
            table.push_str(if is_distribution { "label" } else { "label,pred" });
            table.push_str(if is_distribution { &scores } else { "" });
            table.push('\n');
            has_rows = true;
        }
        row.write(file, is_distribution, reading, &mut table)?;
    }
    let what = if is_distribution { "the distributions are the scores" } else { "predicted classes" };
    Ok(has_rows.then(|| (table, format!("predictions of Weka: {what}; its class 1 is the first"))))
}

/// A sample.
struct Row<'r> {
    actual: (i64, &'r str),
    predicted: (i64, &'r str),
    scores: Vec<&'r str>,
}

impl<'r> Row<'r> {
    fn of(record: &'r str, separator: Separator, attributes: usize) -> Option<Self> {
        let is_text = separator == Separator::Blanks;
        let mut fields: Vec<&str> = if is_text {
            record.split_whitespace().collect()
        } else {
            record.split(',').map(|field| field.trim_matches([' ', '"', '\''])).collect()
        };
        fields.truncate(fields.len().saturating_sub(attributes));
        let mut classes = fields.iter().skip(1).filter_map(|field| class_of(field));
        let (actual, predicted) = (classes.next()?, classes.next()?);
        // Blanks are left where there was no error.
        let last = fields.last().copied().unwrap_or_default();
        let scores =
            if is_text { last.split(',').collect() } else { fields.get(HEADER.len()..).unwrap_or_default().to_vec() };
        Some(Self {
            actual,
            predicted,
            scores: scores.into_iter().map(|score| score.trim_start_matches('*')).collect(),
        })
    }

    /// Adds the line of a plain table: classes by name where names are known.
    fn write(&self, file: &Path, is_distribution: bool, reading: &Reading, table: &mut String) -> Result<()> {
        let class = |(number, name): (i64, &str)| match &reading.class_names {
            Some(_) => format!("\"{}\"", name.replace('"', "\"\"")),
            None => number.saturating_sub(1).saturating_add(reading.first_label).to_string(),
        };
        let label = class(self.actual);
        if !is_distribution {
            _ = writeln!(table, "{label},{}", class(self.predicted));
            return Ok(());
        }
        if let Some(names) = &reading.class_names {
            self.check_order(file, names)?;
        }
        _ = writeln!(table, "{label},{}", self.scores.join(","));
        Ok(())
    }

    /// Refuses names in another order than Weka's, which is that of its scores.
    fn check_order(&self, file: &Path, names: &[String]) -> Result<()> {
        let (number, name) = self.actual;
        let at = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
        if at.and_then(|at| names.get(at)).is_some_and(|own| own == name) {
            return Ok(());
        }
        let (file, called) = (file.to_path_buf(), quoted(&format!("{number}:{name}")));
        Err(InputError::from(PredictionsError::OtherClassOrder { file, name: called, names: quoted_list([name]) }))
    }
}

/// The number and the name of `2:dog`.
fn class_of(field: &str) -> Option<(i64, &str)> {
    let (number, name) = field.split_once(':')?;
    number.parse().ok().filter(|&number| number > 0).map(|number| (number, name))
}

#[cfg(test)]
mod tests {
    use crate::predictions::{Logits, PredictionSource, Predictions, Reading, read_as};
    use crate::testing::with_file;

    fn found(text: &str, names: &[&str]) -> Result<Predictions, String> {
        let class_names = (!names.is_empty()).then(|| names.iter().map(|&name| name.to_owned()).collect());
        let reading = Reading { class_names, ..Reading::default() };
        with_file("p.csv", text, |file| read_as(&PredictionSource::File(file.to_path_buf()), &reading))
            .map_err(|error| error.to_string())
    }

    const CSV: &str = "inst#,actual,predicted,error,prediction\n1,1:cat,1:cat,,0.9\n2,2:dog,3:emu,+,0.6\n\
                       3,3:emu,3:emu,,0.8\n4,2:dog,2:dog,,0.7\n";
    const TEXT: &str = "=== Predictions on test split ===\n\n    inst#     actual  predicted error prediction\n        1      \
                        1:cat      1:cat       0.9\n        2      2:dog      3:emu   +   0.6\n        3      3:emu      \
                        3:emu       0.8\n        4      2:dog      2:dog       0.7\n\n";

    #[test]
    fn classes_behind_their_numbers_are_read() {
        let with_attribute = CSV.replace("prediction\n", "prediction,ID\n").replace(".9\n", ".9,17\n");
        let with_attribute =
            with_attribute.replace(".6\n", ".6,1\n").replace(".8\n", ".8,2\n").replace(".7\n", ".7,3\n");
        for text in [CSV, TEXT, &with_attribute] {
            let found = found(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((found.labels.to_vec(), found.num_classes()), (vec![0, 1, 2, 1], 3), "{text}");
            assert_eq!(found.logits.predicted(), [0, 2, 2, 1], "{text}");
            assert!(found.notes.iter().any(|note| note.contains("Weka")), "{:?}", found.notes);
        }
        let by_name = found(CSV, &["dog", "cat", "emu"]).unwrap();
        assert_eq!((by_name.labels.to_vec(), by_name.logits.predicted()), (vec![1, 0, 2, 0], vec![1, 2, 2, 0]));
        assert!(found(CSV, &["cat", "dog", "fox"]).unwrap_err().contains("\"emu\" is none of the names"));
    }

    #[test]
    fn distributions_are_scores_in_the_order_of_weka() {
        let csv = "inst#,actual,predicted,error,distribution\n1,1:cat,1:cat,,*0.9,0.1,0\n2,2:dog,3:emu,+,0.1,0.3,*0.6\n\
                   3,3:emu,3:emu,,0.1,0.1,*0.8\n";
        let quoted = "inst#,actual,predicted,error,distribution\n1,1:cat,1:cat,,\"*0.9,0.1,0\"\n\
                      2,2:dog,3:emu,+,\"0.1,0.3,*0.6\"\n3,3:emu,3:emu,,\"0.1,0.1,*0.8\"\n";
        let text = "=== Predictions on test data ===\n\n inst#     actual  predicted error distribution\n     1      1:cat      \
                    1:cat       *0.9,0.1,0\n     2      2:dog      3:emu   +   0.1,0.3,*0.6\n     3      3:emu      3:emu       \
                    0.1,0.1,*0.8\n";
        let expected = ndarray::array![[0.9, 0.1, 0.0], [0.1, 0.3, 0.6], [0.1, 0.1, 0.8]];
        for text in [csv, quoted, text] {
            for names in [&[][..], &["cat", "dog", "emu"]] {
                let found = found(text, names).unwrap_or_else(|error| panic!("{text}: {error}"));
                assert_eq!((&found.logits, found.labels.to_vec()), (&Logits::F64(expected.clone()), vec![0, 1, 2]));
            }
            let other = found(text, &["dog", "cat", "emu"]).unwrap_err();
            assert!(other.contains("in the order of \"1:cat\""), "{other}");
        }
    }

    #[test]
    fn samples_without_a_class_are_refused_by_their_line() {
        let unknown = found(&CSV.replace("2,2:dog", "2,1:?").replace("2,1:?,3:emu", "2,?,?"), &[]).unwrap_err();
        assert!(unknown.contains("line 3: "), "{unknown}");
        let numeric = "inst#,actual,predicted,error,prediction\n1,2.5,2.4,0.1,1\n";
        assert!(found(numeric, &[]).unwrap_err().contains("line 2: "));
    }
}
