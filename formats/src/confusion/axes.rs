//! Words of a table on its rows and columns: in its corner, or in front of the names of the
//! classes.

use super::orientation::Orientation;

/// Words for the true classes, and for the predicted ones.
const TRUE: &[&str] = &["true", "actual", "truth", "gt", "y_true", "reference", "target"];
const PREDICTED: &[&str] = &["pred", "predicted", "prediction", "predictions", "y_pred", "preds"];

/// Whether a word stands for the true classes; `None` if for neither.
pub(super) fn is_true(word: &str) -> Option<bool> {
    let word = word.trim().to_ascii_lowercase();
    let begins = |words: &[&str]| {
        let rest = |known: &&str| word.strip_prefix(known).map(|rest| rest.is_empty() || rest.starts_with([' ', '_']));
        words.iter().any(|known| rest(known) == Some(true))
    };
    match (begins(TRUE), begins(PREDICTED)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

/// The orientation of a table with this text above its rows: of the rows, or of rows and columns.
pub(super) fn of_corner(corner: &str) -> Option<Orientation> {
    let mut parts = corner.split(['\\', '/', '|']);
    let rows = parts.next().and_then(|part| Some(is_true(part)? != points_at(part, COLUMNS)));
    let columns = parts.next().and_then(|part| Some(is_true(part)? == points_at(part, ROWS)));
    orientation(rows.or(columns)?)
}

/// What says that a word in the corner is of the columns, and of the rows.
const COLUMNS: &[&str] = &["→", "->", "across", "column"];
const ROWS: &[&str] = &["↓", "down", "row"];

fn points_at(part: &str, words: &[&str]) -> bool {
    let part = part.to_lowercase();
    words.iter().any(|word| part.contains(word))
}

/// The orientation of a table with this title above its columns: `Predicted class`, but not
/// `Predictions of a model`.
pub(super) fn of_title(title: &str) -> Option<Orientation> {
    let mut words = title.split([' ', '_']).filter(|word| !word.is_empty());
    let first =
        words.next().filter(|word| TRUE.iter().chain(PREDICTED).any(|known| word.eq_ignore_ascii_case(known)))?;
    let of_classes =
        words.all(|word| ["class", "classes", "label", "labels"].contains(&word.to_ascii_lowercase().as_str()));
    orientation(!is_true(first).filter(|_| of_classes)?)
}

pub(super) fn orientation(rows_are_true: bool) -> Option<Orientation> {
    Some(if rows_are_true { Orientation::RowsAreTrue } else { Orientation::ColumnsAreTrue })
}

/// Takes `true_` and `pred_` off the names of rows and columns, if all have one of them in front,
/// and says which way the table lies.
pub(super) fn of_names(rows: &mut [String], columns: &mut [String]) -> Option<Orientation> {
    let front = |names: &[String]| {
        let first = names.first()?;
        let end = first.rfind(['_', ' ', ':', '-'])?;
        let said = is_true(&first[..end])?;
        names.iter().all(|name| name.starts_with(&first[..=end])).then_some((end.saturating_add(1), said))
    };
    let ((of_rows, rows_are_true), (of_columns, columns_are_true)) = (front(rows)?, front(columns)?);
    if rows_are_true == columns_are_true {
        return None;
    }
    rows.iter_mut().for_each(|name| *name = name[of_rows..].trim().to_owned());
    columns.iter_mut().for_each(|name| *name = name[of_columns..].trim().to_owned());
    orientation(rows_are_true)
}
