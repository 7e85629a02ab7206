//! Predictions as CSV: header `label,logit_0,...,logit_{K-1}`, a row a sample.

use ndarray::{Array1, Array2};

use super::{LABELS, LOGITS, Logits};
use crate::content::Content;
use crate::element::ElementType;
use crate::quoting::{escaped, quoted};
use crate::{InputError, element};

/// Parses the whole table.
///
/// # Errors
/// Each names the line (from 1, the header is line 1) and the column (from 1).
pub(super) fn parse(content: &Content) -> Result<(Logits, Array1<usize>, ElementType), InputError> {
    let file = || content.file.clone();
    let text = std::str::from_utf8(&content.bytes)
        .map_err(|error| InputError::NotText { file: file(), byte: error.valid_up_to() })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // `flexible`: rows of another length are refused below, with their line.
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let malformed = |error: csv::Error| InputError::Damaged {
        file: file(),
        place: error.position().map_or_else(|| "CSV".to_owned(), |position| format!("line {}", position.line())),
        problem: escaped(&error.to_string()),
    };

    let header = reader.headers().map_err(malformed)?.clone();
    for (column, name) in header.iter().enumerate() {
        let expected = if column == 0 { "label".to_owned() } else { format!("logit_{}", column - 1) };
        if name != expected {
            return Err(InputError::CsvHeader {
                file: file(),
                line: 1,
                column: column + 1,
                found: quoted(name),
                expected,
            });
        }
    }
    let classes = header.len().saturating_sub(1);
    if classes < 2 {
        return Err(InputError::TooFewClasses { file: file(), array: LOGITS, classes });
    }

    let mut labels = Vec::new();
    let mut logits = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(malformed)? {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(InputError::CsvRowLength { file: file(), line, found: record.len(), expected: header.len() });
        }
        let field = |column: usize, expected: &'static str| InputError::CsvField {
            file: file(),
            line,
            column: column + 1,
            found: quoted(record.get(column).unwrap_or_default()),
            expected,
        };
        let sample = labels.len();
        let label: i128 = record
            .get(0)
            .and_then(|label| label.parse().ok().or_else(|| super::whole(label.parse().ok()?)))
            .ok_or_else(|| field(0, "an integer, the number of a class"))?;
        labels.push(super::checked_label(&content.file, sample, label, classes)?);
        for (column, value) in record.iter().enumerate().skip(1) {
            let value: f64 =
                value.parse().map_err(|_| field(column, "a number with a decimal point, as in -1.25e-3"))?;
            if !value.is_finite() {
                return Err(InputError::NonFinite { file: file(), sample, class: column - 1, value });
            }
            logits.push(value);
        }
    }
    if labels.is_empty() {
        return Err(InputError::NoSamples { file: file(), array: LABELS });
    }
    let shape = (labels.len(), classes);
    // Every row added exactly `classes` values.
    let logits = Array2::from_shape_vec(shape, logits).map_err(|_| InputError::SizeMismatch {
        file: file(),
        array: LOGITS.to_owned(),
        shape: vec![shape.0, shape.1],
        element: element::ElementType::Decimal.to_string(),
        available: content.bytes.len() as u64,
    })?;
    Ok((Logits::F64(logits), Array1::from_vec(labels), ElementType::Decimal))
}
