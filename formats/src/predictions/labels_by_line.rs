//! Labels as names of classes, one a line, without a header.

use super::Reading;
use super::names::{LABEL_NAMES, plain};
use crate::Result;
use crate::array::{Array, Data};
use crate::budget::{Budget, Exceeded};
use crate::table::{Separator, records};

/// Bytes charged for a name beside its own.
const NAME: u64 = 80;

/// The labels of a text whose first line is the name of a class, or a word that stands below again;
/// `None` for any other table.
pub(super) fn labels_by_line(
    text: &str,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Option<Array<'static>>, Exceeded> {
    let lines = || records(text).map(|(_, line)| unquoted(line));
    let Some(first) = lines().next() else { return Ok(None) };
    let is_class = |line: &str| reading.class_names.as_ref().is_some_and(|names| names.iter().any(|name| name == line));
    let is_word = |line: &str| line.parse::<f64>().is_err() && (is_class(line) || Separator::of(line).count(line) == 1);
    let again = || !LABEL_NAMES.contains(&plain(first)) && lines().skip(1).any(|line| line == first);
    if !is_word(first) || !lines().all(is_word) || !(is_class(first) || again()) {
        return Ok(None);
    }
    let mut labels = Vec::new();
    for line in lines() {
        budget.spend((line.len() as u64).saturating_add(NAME))?;
        labels.push(line.to_owned());
    }
    Ok(Some(Array { shape: vec![labels.len()], column_major: false, data: Data::Texts(labels) }))
}

/// A line without blanks and quotes around it.
fn unquoted(line: &str) -> &str {
    let line = line.trim();
    line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use crate::predictions::{PredictionSource, Reading, read_as};

    fn labels(scores: &str, text: &str, names: &[&str]) -> Result<Vec<usize>, String> {
        let folder = tempfile::tempdir().unwrap();
        let (logits, file) = (folder.path().join("s.csv"), folder.path().join("names.txt"));
        std::fs::write(&logits, scores).unwrap();
        std::fs::write(&file, text).unwrap();
        let class_names = (!names.is_empty()).then(|| names.iter().map(|&name| name.to_owned()).collect());
        let read =
            read_as(&PredictionSource::Pair { logits, labels: file }, &Reading { class_names, ..Reading::default() });
        read.map(|read| read.labels.to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn names_one_a_line_are_labels() {
        let scores = "2,1,0.5\n1,2,0\n0,1,3.5\n2,1,0\n";
        let names: &[&str] = &["cat", "red fox", "emu, young"];
        for text in ["cat\nred fox\n\"emu, young\"\ncat\n", "cat\nred fox\nemu, young\ncat"] {
            assert_eq!(labels(scores, text, names), Ok(vec![0, 1, 2, 0]), "{text}");
        }
        assert_eq!(labels(scores, "cat\ndog\nemu\ndog\n", &["cat", "dog", "emu"]), Ok(vec![0, 1, 2, 1]));
        assert_eq!(labels(scores, "species\ncat\ndog\nemu\ndog\n", &["cat", "dog", "emu"]), Ok(vec![0, 1, 2, 1]));
        let unknown = labels(scores, "cat\ncow\nemu\ncat\n", &["cat", "dog", "emu"]).unwrap_err();
        assert!(unknown.contains("sample 1: label \"cow\""), "{unknown}");
        let unnamed = labels(scores, "cat\ndog\nemu\ncat\n", &[]).unwrap_err();
        assert!(unnamed.contains("`class-names`"), "{unnamed}");
        let header = labels(scores, "label\n0\n1\nlabel\n2\n0\n", &[]).unwrap_err();
        assert!(header.contains("line 4: the header again"), "{header}");
    }
}
