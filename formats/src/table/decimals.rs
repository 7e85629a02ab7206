//! The mark before the fraction of a table's numbers: a point in all of them, or a comma.

use std::path::Path;

use super::records::{Separator, number};
use crate::quoting::quoted;
use crate::{InputError, Result};

/// Numbers with a fraction, as far as they were seen: of each mark the first with its line.
#[derive(Default)]
pub(super) struct Decimals {
    comma: Option<(u64, String)>,
    point: Option<(u64, String)>,
    records: u64,
}

impl Decimals {
    /// Takes a record in; fails where both marks are there, so that a point may part thousands.
    pub(super) fn add(&mut self, file: &Path, line: u64, record: &str, separator: Separator) -> Result<()> {
        let is_first = self.records == 0;
        self.records = self.records.saturating_add(1);
        let seeks_comma = self.comma.is_none() && record.contains(',');
        let seeks_point = self.point.is_none() && record.contains('.');
        if !seeks_comma && !seeks_point {
            return Ok(());
        }
        separator.for_each(record, |field| {
            let is_number = number(field, true).is_some();
            let (has_comma, has_point) = (field.contains(','), field.contains('.'));
            // `1,234` below whole numbers may be one, too.
            if seeks_comma && has_comma && !has_point && is_number && (is_first || !is_thousands(field)) {
                self.comma.get_or_insert_with(|| (line, quoted(field)));
            } else if seeks_point && has_point && !has_comma && is_number {
                self.point.get_or_insert_with(|| (line, quoted(field)));
            }
        });
        match (&self.point, &self.comma) {
            (Some((line, found)), Some((at, other))) => {
                let (found, other) = (found.clone(), other.clone());
                Err(InputError::Decimals { file: file.to_path_buf(), line: *line, found, other, at: *at })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn are_commas(&self) -> bool {
        self.comma.is_some()
    }
}

/// Whether three digits stand behind the comma and none but a few in front.
fn is_thousands(field: &str) -> bool {
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = field.trim_start_matches(['-', '+']);
    unsigned.split_once(',').is_some_and(|(front, behind)| {
        (1..=3).contains(&front.len())
            && is_digits(front)
            && !front.starts_with('0')
            && behind.len() == 3
            && is_digits(behind)
    })
}

#[cfg(test)]
mod tests {
    use crate::predictions::{PredictionSource, read};
    use crate::testing::with_file;

    fn scores(text: &str) -> Result<Vec<f64>, String> {
        let found = with_file("p.csv", text, |file| read(&PredictionSource::File(file.to_path_buf())));
        match found.map_err(|error| error.to_string())?.logits {
            crate::predictions::Logits::F64(scores) => Ok(scores.into_iter().collect()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_point_beside_decimal_commas_is_refused_with_both_lines() {
        for (text, said) in [
            ("label;logit_0;logit_1\n0;2,5;1,25\n1;0,5;12.506\n0;1,5;0,25\n", "line 3: \"12.506\" has a decimal point"),
            ("label;logit_0;logit_1\n0;12.506;7\n1;0,5;3,5\n", "\"0,5\" in line 3 a decimal comma"),
            ("label\tlogit_0\tlogit_1\n0\t12.506\t1,25\n1\t0,5\t3,5\n", "line 2: \"12.506\""),
        ] {
            let refused = scores(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }

    #[test]
    fn decimal_commas_may_begin_below_whole_numbers() {
        let found = scores("label;logit_0;logit_1;file\n0;2;1;a.jpg\n1;0,5;3,5;b.jpg\n0;1,505;0,25;c.jpg\n");
        assert_eq!(found, Ok(vec![2.0, 1.0, 0.5, 3.5, 1.505, 0.25]));
        assert!(scores("label;logit_0;logit_1\n0;2;1\n1;7;3,505\n").is_err(), "one of thousands");
    }
}
