//! Matrices as Python prints them: behind the name of their type, or as a table of pandas.

use std::borrow::Cow;

use crate::table::Separator;

/// Names of types in front of a printed array.
const TYPES: &[&str] = &["array", "tensor", "np.array", "Array"];

/// The brackets of `array([[50, 2], ...])` or `tensor([[50, 2], ...], device='cuda:0')`; any other
/// text as it is.
pub(super) fn inside(text: &str) -> &str {
    let whole = text.trim();
    let front = whole.split_once('(').map(|(front, _)| front.trim());
    let brackets = whole.find('[').zip(whole.rfind(']'));
    match brackets {
        Some((start, end)) if front.is_some_and(|front| TYPES.contains(&front)) && start < end => &whole[start..=end],
        _ => text,
    }
}

/// A table whose first line names its columns, with a name above the rows: pandas prints none, or
/// one for the columns and on a line of its own one for the rows.
pub(super) fn with_corner(text: &str) -> Cow<'_, str> {
    if text.starts_with([',', ';', '\t']) {
        return Cow::Owned(format!("class{text}"));
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return Cow::Borrowed(text) };
    if first.trim() == "Confusion Matrix and Statistics" {
        // caret's: the table stands between two empty lines.
        let table = text.lines().skip_while(|line| !line.starts_with(' ')).take_while(|line| !line.trim().is_empty());
        return Cow::Owned(with_corner(&table.collect::<Vec<_>>().join("\n")).into_owned());
    }
    let count = |line: &str| line.split_whitespace().count();
    let above = count(first) == 1 && first.starts_with(' ');
    if Separator::of(first) != Separator::Blanks && !above || !first.starts_with([' ', '\t']) && is_number(second) {
        return Cow::Borrowed(text);
    }
    let third = lines.next();
    // "Predicted  0  1" above "Actual": the rows are called as the second line says.
    let (corner, names, begin) = match (first.split_whitespace().next(), third) {
        (Some(columns), Some(third)) if count(second) == 1 && count(first) == count(third) => {
            let rows = second.trim();
            (format!("{rows}/{columns}"), first.trim_start()[columns.len()..].to_owned(), Some(second))
        }
        // "Reference" above "Prediction  0  1": as R prints it, with what the rows are called in front of the names.
        (Some(columns), Some(third)) if count(first) == 1 && count(second) == count(third) => {
            let (rows, names) = second.trim_start().split_once(char::is_whitespace).unwrap_or_default();
            (format!("{rows}/{columns}"), names.to_owned(), Some(second))
        }
        _ if count(first).saturating_add(1) == count(second) => ("class".to_owned(), first.to_owned(), None),
        _ => return Cow::Borrowed(text),
    };
    let rest = text.lines().filter(|line| !line.trim().is_empty()).skip(if begin.is_some() { 2 } else { 1 });
    let rest: Vec<&str> = rest.collect();
    Cow::Owned(format!("{corner} {names}\n{}\n", rest.join("\n")))
}

/// Whether a line holds one number.
fn is_number(line: &str) -> bool {
    line.trim().parse::<f64>().is_ok()
}
