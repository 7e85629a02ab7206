//! Matrices as they are printed: by Python behind the name of their type, or as a table of pandas;
//! by R, MATLAB and Weka; below a title.

use std::borrow::Cow;

use super::two_lines::{self, MOST_FIELDS};
use crate::table::Separator;

/// Names of types in front of a printed array.
const TYPES: &[&str] = &["array", "tensor", "np.array", "Array", "tf.Tensor", "matrix", "np.matrix", "jnp.array"];

/// The brackets of `array([[50, 2], ...])` or `tensor([[50, 2], ...], device='cuda:0')`; any other
/// text as it is, without a title in front.
pub(super) fn inside(text: &str) -> &str {
    let whole = untitled(text).trim();
    let front = whole.split_once('(').map(|(front, _)| front.trim());
    let brackets = whole.find('[').zip(whole.rfind(']'));
    match brackets {
        Some((start, end)) if front.is_some_and(|front| TYPES.contains(&front)) && start < end => &whole[start..=end],
        _ => untitled(text),
    }
}

/// What cannot be read in a printed text: several matrices, or one behind a factor of all its
/// numbers.
pub(super) fn problem(text: &str) -> Option<&'static str> {
    let times = |heading: &str| text.matches(heading).count();
    if times("<-- classified as") > 1 || times(CARET) > 1 {
        return Some("several matrices in one text; keep the one of the test data");
    }
    let is_factor = |line: &str| line.trim().strip_suffix('*').is_some_and(|factor| factor.trim().starts_with("1.0e"));
    text.lines().take(MOST_ABOVE).any(is_factor).then_some(
        "a matrix behind a factor of all its numbers, as MATLAB prints large ones; write it by writematrix(C, 'matrix.csv')",
    )
}

/// Lines above a printed matrix.
const MOST_ABOVE: usize = 8;

/// A text without lines in front such as `Confusion matrix:`, or MATLAB's `C =`.
fn untitled(text: &str) -> &str {
    let trimmed = text.trim_start();
    let line = trimmed.lines().next().unwrap_or_default();
    let is_title = |line: &str| {
        let ends = line.trim_end().ends_with([':', '=']) || line.to_lowercase().contains("confusion matrix");
        ends && line.trim() != CARET && !line.contains([',', ';', '\t', '[', '{'])
    };
    // The blanks in front of the line below are part of a printed table.
    if (is_title(line) || is_above_square(trimmed)) && trimmed.len() > line.len() {
        return untitled(trimmed[line.len()..].trim_start_matches(['\n', '\r']));
    }
    // In one line with the first row.
    match line.find("[[") {
        Some(at) if is_title(&line[..at]) => &trimmed[at..],
        _ => text,
    }
}

/// Whether the first line is no number and of another number of words than the numbers below it,
/// which are as many in a line as there are lines.
fn is_above_square(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(title), Some(row)) = (lines.next(), lines.next()) else { return false };
    let separator = Separator::of(row);
    let width = separator.count(row);
    let is_whole = (2..=MOST_FIELDS).contains(&width) && separator.count(title) != width;
    if !is_whole || !title.starts_with(char::is_alphabetic) {
        return false;
    }
    let (rows, last) = lines.fold((1_usize, row), |(rows, _), line| (rows.saturating_add(1), line));
    // A row of sums has a name in front.
    let is_of_numbers = |line| {
        let mut fields = Vec::new();
        separator.split(line, &mut fields);
        fields.len() == width && fields.iter().all(|number| is_number(number))
    };
    rows == width && is_of_numbers(row) && separator.count(last) == width && is_of_numbers(last)
}

/// What caret prints above its matrix.
const CARET: &str = "Confusion Matrix and Statistics";

/// Weka's matrix, whose rows are named behind them, with the names where others have them: `50 2 |
/// a = cat` below `a b <-- classified as`.
fn by_weka(text: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.contains("<-- classified as"));
    lines.next()?;
    let row = |line: &str| {
        let (counts, name) = line.split_once('|')?;
        let (_, name) = name.split_once('=')?;
        let counts = counts.split_whitespace().collect::<Vec<_>>().join(",");
        Some((format!("\"{}\"", name.trim().replace('"', "\"\"")), counts))
    };
    let rows: Vec<_> = lines.map_while(row).collect();
    let names: Vec<&str> = rows.iter().map(|(name, _)| name.as_str()).collect();
    let below: Vec<String> = rows.iter().map(|(name, counts)| format!("{name},{counts}")).collect();
    (rows.len() > 1).then(|| format!("true\\predicted,{}\n{}\n", names.join(","), below.join("\n")))
}

/// A table whose first line names its columns, with a name above the rows: pandas prints none, or
/// one for the columns and on a line of its own one for the rows.
pub(super) fn with_corner(text: &str) -> Cow<'_, str> {
    if let Some(table) = two_lines::below_word(text) {
        return Cow::Owned(table);
    }
    if text.starts_with([',', ';', '\t']) {
        return Cow::Owned(format!("class{text}"));
    }
    if let Some(table) = by_weka(text) {
        return Cow::Owned(table);
    }
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let (Some(first), Some(second)) = (lines.next(), lines.next()) else { return Cow::Borrowed(text) };
    if first.trim() == CARET {
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
