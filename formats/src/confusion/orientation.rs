//! Which way a confusion matrix lies.

use strum::{Display, EnumString};

/// What the rows of a confusion matrix are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "kebab-case", parse_err_ty = String, parse_err_fn = unknown)]
pub enum Orientation {
    /// A row for each true class, a column for each predicted one.
    RowsAreTrue,
    /// A column for each true class, a row for each predicted one.
    ColumnsAreTrue,
}

fn unknown(_: &str) -> String {
    "give rows-are-true or columns-are-true".to_owned()
}
