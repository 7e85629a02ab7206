//! Remarks and titles above counts and names.

use std::borrow::Cow;
use std::path::Path;

use super::instead;
use crate::Result;
use crate::quoting::quoted;
use crate::words::Words;

/// Words of samples that a model was not trained on, and of those that it was.
const OTHER_SPLITS: Words = Words("test testing val valid validation holdout eval evaluation");
const TRAINING: Words = Words("train training trainval");

/// Refuses counts below a line of words that speaks of another split than the training.
pub(super) fn refuse_other_split(file: &Path, line: u64, text: &str) -> Result<()> {
    let is_mark = |character: char| ",;:()[]\"'#=-.".contains(character);
    let words = || text.split_whitespace().map(|word| word.trim_matches(is_mark).to_lowercase());
    let any = |known: Words| words().any(|word| known.contains(&word));
    if !any(OTHER_SPLITS) || any(TRAINING) {
        return Ok(());
    }
    let found = format!("{} speaks of another split than the training", quoted(text.trim()));
    let remedy = "give the number of training samples of each class, or take the line out if these are";
    Err(instead(file, &format!("line {line}"), found, remedy))
}

/// The remarks above a text, behind a hash each, with their lines.
pub(super) fn above(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let is_remark = |line: &str| {
        let line = line.trim_start();
        line.is_empty() || line.starts_with('#') && !["#,", "#;", "#\t", "#|"].iter().any(|name| line.starts_with(name))
    };
    (1..).zip(text.lines()).take_while(move |(_, line)| is_remark(line))
}

/// A text with blanks in place of the remarks above it, so that bytes and lines keep their numbers.
pub(super) fn blanked(text: &str) -> Cow<'_, str> {
    if !text.trim_start().starts_with('#') {
        return Cow::Borrowed(text);
    }
    let end = text.split_inclusive('\n').take(above(text).count()).map(str::len).sum();
    let (remarks, below) = text.split_at_checked(end).unwrap_or(("", text));
    let blank: String = remarks.chars().map(|character| if character == '\n' { '\n' } else { ' ' }).collect();
    Cow::Owned(blank + below)
}

#[cfg(test)]
mod tests {
    use crate::counts::{read_named_counts, read_names};
    use crate::testing::with_file;

    fn counts(text: &str) -> Result<Vec<u64>, String> {
        with_file("counts.txt", text, |file| read_named_counts(&file.into(), 3, None))
            .map_err(|error| error.to_string())
    }

    fn names(text: &str) -> Result<Vec<String>, String> {
        with_file("names.txt", text, |file| read_names(&file.into())).map_err(|error| error.to_string())
    }

    #[test]
    fn titles_and_remarks_above_counts_are_left_out() {
        for text in [
            "Counts of CIFAR\nclass,count\n0,60\n1,48\n2,30\n",
            "Counts of CIFAR,\nclass,count\n0,60\n1,48\n2,30\n",
            "Training counts, not those of the test split\nclass;count\n0;60\n1;48\n2;30\n",
            "Number of images per class\n0: 60\n1: 48\n2: 30\n",
            "The training split\nclass count\n0 60\n1 48\n2 30\n",
            "Class distribution of the data\n0 60\n1 48\n2 30\n",
            "# train\n[60, 48, 30]\n",
            "# 2024\n\n# made by count_test.py\ncls_num_list = [60, 48, 30]\n",
            "# train and test: 80/20, these are of the former\nclass,count\n0,60\n1,48\n2,30\n",
            "# made from /data/test/list.txt\nclass,count\n0,60\n1,48\n2,30\n",
        ] {
            assert_eq!(counts(text), Ok(vec![60, 48, 30]), "{text}");
        }
    }

    #[test]
    fn titles_and_remarks_on_another_split_are_told() {
        for (text, line) in [
            ("# test\nclass,count\n0,60\n1,48\n2,30\n", 1),
            ("# CIFAR\n# counts of the validation images\n0,60\n1,48\n2,30\n", 2),
            ("# test split\ncls_num_list = [60, 48, 30]\n", 1),
            ("# Test.\n[60, 48, 30]\n", 1),
            ("Test split\nclass count\n0 60\n1 48\n2 30\n", 1),
            ("Class distribution (test):\n0: 60\n1: 48\n2: 30\n", 1),
            ("Counts of the test set\nclass,count\n0,60\n1,48\n2,30\n", 1),
            ("Class distribution of the test data\n0 60\n1 48\n2 30\n", 1),
        ] {
            let said = counts(text).unwrap_err();
            let is_said = said.contains("another split than the training") && said.contains(&format!("line {line}: "));
            assert!(is_said, "{text}: {said}");
        }
    }

    #[test]
    fn one_name_above_two_columns_is_no_title() {
        let split = counts(",test_count\n0,60\n1,48\n2,30\n").unwrap_err();
        assert!(split.contains("\"test_count\" counts by its name another split"), "{split}");
        assert_eq!(counts(",train\n0,60\n1,48\n2,30\n"), Ok(vec![60, 48, 30]));
        assert_eq!(counts("class id,\n0,60\n1,48\n2,30\n"), Ok(vec![60, 48, 30]));
    }

    #[test]
    fn titles_and_remarks_above_names_are_left_out() {
        for text in [
            "# classes\n[cat, dog, emu]\n",
            "# classes\n\n# of mine\nnames: [cat, dog, emu]\n",
            "# classes\n['cat', 'dog', 'emu']\n",
            "Classes of CIFAR\nid,name\n1,dog\n0,cat\n2,emu\n",
            "Classes of CIFAR,\nid,name\n1,dog\n0,cat\n2,emu\n",
            "Classes of the model:\ncat\ndog\nemu\n",
            "class names\ncat\ndog\nemu\n",
        ] {
            assert_eq!(names(text), Ok(["cat", "dog", "emu"].map(str::to_owned).to_vec()), "{text}");
        }
        assert_eq!(names("a: b\nc: d\ne: f\n").unwrap().len(), 3);
    }
}
