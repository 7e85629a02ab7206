//! Directions in which a confusion matrix can lie.

use strum::{Display, EnumString};

/// The meaning of the rows of a confusion matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString)]
#[strum(parse_err_ty = String, parse_err_fn = unknown)]
pub enum Orientation {
    /// A row for each true class, a column for each predicted one.
    #[strum(to_string = "rows-are-true", serialize = "true-rows")]
    RowsAreTrue,
    /// A column for each true class, a row for each predicted one.
    #[strum(to_string = "columns-are-true", serialize = "predicted-rows")]
    ColumnsAreTrue,
}

fn unknown(_: &str) -> String {
    "give rows-are-true or columns-are-true".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_two_names() {
        for (text, expected) in [
            ("rows-are-true", Ok(Orientation::RowsAreTrue)),
            ("true-rows", Ok(Orientation::RowsAreTrue)),
            ("columns-are-true", Ok(Orientation::ColumnsAreTrue)),
            ("predicted-rows", Ok(Orientation::ColumnsAreTrue)),
            ("rows", Err("give rows-are-true or columns-are-true".to_owned())),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        assert_eq!(Orientation::ColumnsAreTrue.to_string(), "columns-are-true");
    }
}
