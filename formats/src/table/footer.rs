//! Lines that databases and pandas print below a table, with the number of its rows.

use std::path::Path;

use crate::{InputError, Result};

/// What may stand behind the word for rows.
const BEHIND: [&str; 7] = ["affected", "in", "selected", "produced", "returned", "fetched", "x"];

/// Lines at the end of a text among which it may stand.
const LAST: usize = 3;

/// The rows that a line says: `(3 rows)`, `3 rows in set (0.00 sec)`, `(1 row(s) affected)`,
/// `3 rows selected.`, `[3 rows x 2 columns]`, and in brackets in any language.
pub(crate) fn rows_said(record: &str) -> Option<usize> {
    let record = record.trim();
    let mut words = record.trim_matches(['(', ')', '[', ']', '.']).split_whitespace();
    let number = words.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (rows, behind) = (words.next()?.to_lowercase(), words.next());
    let are_rows = ["row", "rows", "row(s)", "row(s"].contains(&rows.as_str());
    let is_said = are_rows && behind.is_none_or(|word| BEHIND.contains(&word.trim_matches(['.', ','])));
    let in_brackets = record.starts_with('(') && record.ends_with(')') && rows.chars().all(char::is_alphabetic);
    (is_said || in_brackets && behind.is_none()).then(|| number.parse().ok())?
}

/// Refuses a table of another number of rows than is said below it.
pub(crate) fn check(file: &Path, text: &str, found: usize) -> Result<()> {
    let last = text.lines().rev().filter(|line| !line.trim().is_empty()).take(LAST);
    match last.filter_map(|line| rows_said(line).map(|said| (line, said))).next() {
        Some((line, said)) if said != found => {
            let (file, line) = (file.to_path_buf(), crate::quoting::quoted(line.trim()));
            Err(InputError::RowsSaid { file, line, found })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::rows_said;
    use crate::confusion::read_confusion;
    use crate::counts::{read_named_counts, read_names};
    use crate::predictions::{PredictionSource, read};
    use crate::testing::with_file;

    #[test]
    fn numbers_of_rows_are_told_from_rows() {
        for line in [
            "(3 rows)",
            "3 rows in set",
            "3 rows in set, 1 warning (0.00 sec)",
            "3 rows selected.",
            "(3 row(s) affected)",
            "(3 row(s))",
            "3 Row(s) produced. Time Elapsed: 0.2s",
            "[3 rows x 2 columns]",
            "(3 Zeilen)",
        ] {
            assert_eq!(rows_said(line), Some(3), "{line}");
        }
        for line in ["3 rows of cats", "3 cat", "rows", "3", "(3)", "(3 a b)", "[3 cat]", "3.5 rows"] {
            assert_eq!(rows_said(line), None, "{line}");
        }
    }

    const FOOTERS: [&str; 6] = [
        "(N rows)",
        "N rows in set",
        "N rows selected.",
        "(N row(s) affected)",
        "N rows in set (0.01 sec)",
        "(N Zeilen)",
    ];

    /// What is read below a table with each footer, and the refusals where it says 30.
    fn both<T>(name: &str, table: &str, rows: usize, read: impl Fn(&std::path::Path) -> crate::Result<T>) -> Vec<T> {
        let of = |footer: &str, rows: usize| {
            with_file(name, format!("{table}{}\n", footer.replace('N', &rows.to_string())), &read)
        };
        for footer in FOOTERS {
            let refused = of(footer, 30).map(|_| ()).unwrap_err().to_string();
            let said = refused.contains("30 ") && refused.contains(&format!("the table has {rows}"));
            assert!(said, "{name} {footer}: {refused}");
        }
        FOOTERS.iter().map(|footer| of(footer, rows).unwrap_or_else(|error| panic!("{footer}: {error}"))).collect()
    }

    #[test]
    fn footers_are_left_out_where_they_say_the_number_of_rows_and_refused_elsewhere() {
        let table = " label | logit_0 | logit_1\n-------+---------+---------\n     0 |     2.5 |       1\n     \
                     1 |     0.5 |       3\n     0 |     1.5 |       0\n";
        let blanks = "     LABEL    LOGIT_0    LOGIT_1\n---------- ---------- ----------\n         0        2.5          1\n\
                      \u{20}        1         .5          3\n         0        1.5          0\n";
        for table in [table, blanks] {
            let found = both("p.txt", table, 3, |file| read(&PredictionSource::File(file.to_path_buf())));
            for found in found {
                assert_eq!((found.labels.to_vec(), found.logits.predicted()), (vec![0, 1, 0], vec![0, 1, 0]));
            }
        }
        let counts = " class | count\n-------+-------\n     0 |    60\n     1 |    48\n     2 |    30\n";
        for found in both("c.txt", counts, 3, |file| read_named_counts(&file.into(), 3, None)) {
            assert_eq!(found, [60, 48, 30]);
        }
        let matrix = " actual | cat | dog\n--------+-----+-----\n cat    |  50 |   2\n dog    |   3 |  45\n";
        for found in both("m.txt", matrix, 2, |file| read_confusion(file, None)) {
            assert_eq!(found.counts, ndarray::array![[50, 3], [2, 45]]);
        }
        let names = " id | name\n----+------\n  1 | dog\n  0 | cat\n  2 | emu\n";
        for found in both("n.txt", names, 3, |file| read_names(&file.into())) {
            assert_eq!(found, ["cat", "dog", "emu"]);
        }
        let names = "+----+------+\n| id | name |\n+----+------+\n|  0 | cat  |\n|  1 | dog  |\n+----+------+\n";
        for found in both("n.txt", names, 2, |file| read_names(&file.into())) {
            assert_eq!(found, ["cat", "dog"]);
        }
    }
}
