//! Tables as CSV that spreadsheets open without running what is in them.

use std::borrow::Cow;

use crate::words::is_shown;

/// Writes rows of fields, with U+FFFD for what is not shown, a tab aside. Text that a spreadsheet
/// would take for a formula has an apostrophe in front: whatever begins with `=`, `+`, `-`, `@` or
/// a tab and is no number.
///
/// # Errors
/// [`csv::Error`] for rows of unequal lengths.
pub(crate) fn csv<Row>(rows: impl IntoIterator<Item = Row>) -> Result<Vec<u8>, csv::Error>
where
    Row: IntoIterator<Item: AsRef<str>>,
{
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        for field in row {
            writer.write_field(&*defused(&shown(field.as_ref())))?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn shown(text: &str) -> Cow<'_, str> {
    let is_shown = |c: char| c == '\t' || is_shown(c);
    if text.bytes().all(|byte| byte.is_ascii_graphic()) || text.chars().all(is_shown) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if is_shown(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn defused(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t']) && text.parse::<f64>().is_err() {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text_and_numbers_are_numbers() {
        let rows =
            [["name", "b"], ["=HYPERLINK(\"x\")", "-0.5"], ["@SUM(A1)", "+1e-3"], ["\t=1", "a-b"], ["-1+2", "'x"]];
        let text = String::from_utf8(csv(rows).unwrap()).unwrap();
        let expected = "name,b\n\"'=HYPERLINK(\"\"x\"\")\",-0.5\n'@SUM(A1),+1e-3\n'\t=1,a-b\n'-1+2,'x\n";
        assert_eq!(text, expected);
        assert!(csv([vec!["a", "b"], vec!["c"]]).is_err());
    }

    #[test]
    fn what_is_not_shown_is_replaced() {
        let text = String::from_utf8(csv([["=a\u{1b}[31m", "b\nc\r\u{202e}", "\u{9b}\u{200b}", "é\u{200d}"]]).unwrap())
            .unwrap();
        assert_eq!(text, "'=a\u{fffd}[31m,b\u{fffd}c\u{fffd}\u{fffd},\u{fffd}\u{fffd},é\u{200d}\n");
    }
}
