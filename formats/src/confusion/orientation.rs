//! Which way a confusion matrix lies.

use std::fmt;
use std::str::FromStr;

/// What the rows of a confusion matrix are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orientation {
    /// A row for each true class, a column for each predicted one.
    RowsAreTrue,
    /// A column for each true class, a row for each predicted one.
    ColumnsAreTrue,
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RowsAreTrue => "rows-are-true",
            Self::ColumnsAreTrue => "columns-are-true",
        })
    }
}

impl FromStr for Orientation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::RowsAreTrue, Self::ColumnsAreTrue];
        let found = known.into_iter().find(|orientation| orientation.to_string() == text);
        found.ok_or_else(|| "give rows-are-true or columns-are-true".to_owned())
    }
}
