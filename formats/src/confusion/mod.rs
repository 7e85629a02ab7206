//! Confusion matrices of counts: how many samples of each class were taken for which.
//!
//! A table with or without names, an array of NumPy or PyTorch, JSON, or a matrix as Python prints it. Which way it
//! lies has to be said unless it is symmetric: scikit-learn has the true classes in the rows, others in the columns.

mod error;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use ndarray::Array2;

use crate::InputError;
use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::content::Content;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::named::{Named, arrays_of};
use crate::npy::{self, Npy};
use crate::predictions::StoredFile;
use crate::quoting::quoted;
use crate::table::Table;
use crate::text::text_of;
use crate::weights::{Saved, with_saved};

pub use error::ConfusionFileError;
use error::MOST_SAMPLES;

/// Names of sums of rows and columns, which `pandas.crosstab` and spreadsheets add.
const SUMS: &[&str] = &["all", "total", "totals", "sum", "support"];

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

/// A confusion matrix as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    /// Samples `[predicted, true]`.
    pub counts: Array2<u64>,
    /// Names of the classes, if the file has them.
    pub names: Option<Vec<String>>,
    /// The file.
    pub file: StoredFile,
}

impl Confusion {
    /// True and predicted class of every sample, class by class.
    pub fn samples(&self) -> (Vec<usize>, Vec<usize>) {
        let (mut labels, mut predicted) = (Vec::new(), Vec::new());
        for (class, column) in self.counts.columns().into_iter().enumerate() {
            for (taken_for, &count) in column.iter().enumerate() {
                // At most `MOST_SAMPLES` in all.
                labels.extend(std::iter::repeat_n(class, count as usize));
                predicted.extend(std::iter::repeat_n(taken_for, count as usize));
            }
        }
        (labels, predicted)
    }
}

/// Reads a confusion matrix of counts.
///
/// # Errors
/// [`ConfusionFileError`] with what has to be said or given; those of the formats.
pub fn read_confusion(file: &Path, orientation: Option<Orientation>) -> Result<Confusion, InputError> {
    let content = Content::read(file)?;
    let ((counts, names), sha256) = content.parse_and_hash(|content| parse(content, orientation))?;
    let file = StoredFile { path: content.file.clone(), bytes: content.bytes.len() as u64, sha256 };
    Ok(Confusion { counts, names, file })
}

type Parsed = (Array2<u64>, Option<Vec<String>>);

fn parse(content: &Content, orientation: Option<Orientation>) -> Result<Parsed, InputError> {
    let file = content.file.as_path();
    let budget = &mut Budget::of(content.bytes.len());
    let (array, names) = numbers(content, budget)?;
    let shape = array.shape.iter().copied().filter(|&extent| extent != 1).collect::<Vec<_>>();
    let &[rows, columns] = shape.as_slice() else {
        return Err(not_square(file, format!("an array of shape {shape:?}")));
    };
    if rows != columns {
        return Err(not_square(file, format!("{rows} rows and {columns} columns")));
    }
    budget.spend(8 * array.len() as u64).map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
    let mut counts = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        let (row, column) = (counts.len() / rows, counts.len() % rows);
        let (count, found) = match number {
            Ok(integer) => (u64::try_from(integer).ok(), integer.to_string()),
            Err(number) => {
                let whole = number.fract() == 0.0 && (0.0..9e15).contains(&number);
                (whole.then_some(number as u64), number.to_string())
            }
        };
        counts.push(count.ok_or_else(|| ConfusionFileError::NotACount {
            file: file.to_path_buf(),
            row,
            column,
            found,
        })?);
        Ok::<_, InputError>(())
    })?;
    // As many as the shape says.
    let matrix = Array2::from_shape_vec((rows, rows), counts).ok().filter(|_| known);
    let mut matrix = matrix.ok_or_else(|| not_square(file, "an array of texts".to_owned()))?;
    if array.column_major {
        matrix = matrix.reversed_axes();
    }
    let samples = matrix.iter().fold(0_u64, |sum, &count| sum.saturating_add(count));
    if samples == 0 || samples > MOST_SAMPLES {
        return Err(ConfusionFileError::Samples { file: file.to_path_buf(), samples }.into());
    }
    let symmetric = matrix.indexed_iter().all(|((row, column), &count)| matrix[(column, row)] == count);
    match orientation {
        Some(Orientation::ColumnsAreTrue) => {}
        Some(Orientation::RowsAreTrue) => matrix = matrix.reversed_axes(),
        None if symmetric => {}
        None => {
            let sums = |lanes: ndarray::iter::Lanes<'_, u64, ndarray::Ix1>| {
                let sums: Vec<String> = lanes.into_iter().take(5).map(|lane| lane.sum().to_string()).collect();
                sums.join(", ") + if rows > 5 { ", ..." } else { "" }
            };
            let (file, rows, columns) = (file.to_path_buf(), sums(matrix.rows()), sums(matrix.columns()));
            return Err(ConfusionFileError::Orientation { file, rows, columns }.into());
        }
    }
    Ok((matrix.as_standard_layout().into_owned(), names))
}

fn not_square(file: &Path, found: String) -> InputError {
    ConfusionFileError::NotSquare { file: file.to_path_buf(), found }.into()
}

/// The numbers of a file, row by row, and the names in front of the rows.
fn numbers<'a>(content: &'a Content, budget: &mut Budget) -> Result<(Array<'a>, Option<Vec<String>>), InputError> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    if bytes.starts_with(npy::MAGIC) {
        return match npy::parse(file, "matrix", Cow::Borrowed(bytes))? {
            Npy::Array(array) => Ok((array, None)),
            Npy::Pickle(..) => Err(not_square(file, "an array of objects".to_owned())),
        };
    }
    if bytes.starts_with(b"PK") || bytes[0] == 0x80 {
        return with_saved(content, budget, |saved, budget| {
            let array = square_among(file, arrays_of(file, saved, budget)?)?;
            owned_numbers(array).map(|array| (array, None)).ok_or_else(|| not_square(file, "texts".to_owned()))
        });
    }
    refuse_impostor(content)?;
    let text = text_of(content, budget)?;
    if !text.trim_start().starts_with(['[', '{']) {
        return of_table(file, &text, budget);
    }
    let expected = "give the rows of a confusion matrix, as in [[50, 2], [3, 45]]";
    let saved = match read_json(file, &text, expected, budget) {
        Ok(saved) => saved,
        // As NumPy prints a matrix: blanks between numbers, nothing between rows.
        Err(error @ InputError::Json { .. }) => {
            let commas = text.split_whitespace().collect::<Vec<_>>().join(",").replace("[,", "[").replace(",]", "]");
            budget.spend(4 * text.len() as u64).map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
            read_json(file, &commas.replace(".,", ",").replace(".]", "]"), expected, budget).map_err(|_| error)?
        }
        Err(error) => return Err(error),
    };
    let names = names_in(&saved);
    Ok((square_among(file, arrays_of(file, saved, budget)?)?, names))
}

/// The one array that is square.
fn square_among<'a>(file: &Path, arrays: Vec<Named<'a>>) -> Result<Array<'a>, InputError> {
    let is_square = |array: &Array<'_>| matches!(array.shape.as_slice(), [rows, columns] if rows == columns);
    let mut rows: Vec<Array<'a>> = Vec::new();
    let mut squares: Vec<Array<'a>> = Vec::new();
    for named in arrays {
        match named.array {
            Ok(array) if is_square(&array) => squares.push(array),
            Ok(array) if array.shape.len() == 1 => rows.push(array),
            _ => {}
        }
    }
    // A short list of rows is taken for a tuple of arrays elsewhere.
    if squares.is_empty() && rows.iter().all(|row| row.shape == [rows.len()]) && rows.len() > 1 {
        let values = rows.iter().filter_map(|row| match &row.data {
            Data::Decimals(values) => Some(values.clone()),
            _ => None,
        });
        let values: Vec<f64> = values.flatten().collect();
        if values.len() == rows.len() * rows.len() {
            squares.push(Array::decimals(vec![rows.len(); 2], values));
        }
    }
    match squares.pop() {
        Some(only) if squares.is_empty() => Ok(only),
        Some(_) => Err(not_square(file, "several square arrays".to_owned())),
        None => Err(not_square(file, "no square array".to_owned())),
    }
}

fn owned_numbers(array: Array<'_>) -> Option<Array<'static>> {
    let mut values = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        values.push(number.map_or_else(|number| number, |integer| integer as f64));
        Ok::<_, ()>(())
    });
    (known == Ok(true)).then(|| Array { column_major: array.column_major, ..Array::decimals(array.shape, values) })
}

/// A list of as many texts as there are classes, under any key.
fn names_in(saved: &Saved<'_>) -> Option<Vec<String>> {
    let Saved::Dictionary(entries) = saved else { return None };
    entries.iter().find_map(|(_, value)| match value {
        Saved::List(items) => items
            .iter()
            .map(|item| match item {
                Saved::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    })
}

/// A table with names above the columns, before the rows, both, or neither.
fn of_table(file: &Path, text: &str, budget: &mut Budget) -> Result<(Array<'static>, Option<Vec<String>>), InputError> {
    let table = Table::open(file, text, budget)?;
    budget
        .spend(8 * (table.rows * table.width) as u64 + 80 * table.rows as u64)
        .map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
    let mut row_names: Vec<String> = Vec::new();
    let mut values: Vec<f64> = Vec::new();
    // Under a header one column more than rows has names, or numbers the rows.
    let named = table.header.as_ref().is_some_and(|(_, names)| {
        names[0].is_empty() || table.rows + 1 == table.width || is_sum(&names[table.width - 1])
    });
    table.for_each(|line, fields| {
        let from = usize::from(named || table.number(&fields[0]).is_none());
        if from == 1 {
            row_names.push(fields[0].to_string());
        }
        for (column, field) in fields.iter().enumerate().skip(from) {
            values.push(
                table
                    .number(field)
                    .ok_or_else(|| crate::table::bad_field(file, line, column, field, "a number of samples"))?,
            );
        }
        Ok(())
    })?;
    let from = usize::from(!row_names.is_empty());
    let mut width = table.width - from;
    if !row_names.is_empty() && row_names.len() != table.rows || values.len() != width * table.rows {
        return Err(not_square(file, "rows with and without names".to_owned()));
    }
    let mut names: Option<Vec<String>> = table.header.map(|(_, names)| names[from..].to_vec());
    let mut rows = table.rows;
    if names.as_ref().is_some_and(|names| names.last().is_some_and(|name| is_sum(name))) {
        // Sums beside the counts.
        values = values.chunks(width).flat_map(|row| row[..width - 1].to_vec()).collect();
        width -= 1;
        names = names.map(|names| names[..width].to_vec());
    }
    if row_names.last().is_some_and(|name| is_sum(name)) {
        rows -= 1;
        values.truncate(rows * width);
        row_names.truncate(rows);
    }
    if let Some(names) = names.as_ref().filter(|names| !row_names.is_empty() && rows == width && **names != row_names) {
        // The rows in the order of the columns.
        let mut sorted = Vec::with_capacity(values.len());
        for name in names {
            let row = row_names.iter().position(|row| row == name);
            let row = row.ok_or_else(|| ConfusionFileError::Names {
                file: file.to_path_buf(),
                row: quoted(row_names.iter().find(|row| !names.contains(row)).unwrap_or(name)),
            })?;
            sorted.extend_from_slice(&values[row * width..(row + 1) * width]);
        }
        values = sorted;
    }
    let names = names.or(Some(row_names).filter(|names| !names.is_empty()));
    // Numbers from 0 are no names.
    let names = names.filter(|names| !names.iter().enumerate().all(|(at, name)| *name == at.to_string()));
    Ok((Array::decimals(vec![rows, width], values), names))
}

fn is_sum(name: &str) -> bool {
    SUMS.contains(&name.trim().to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    fn read(text: impl AsRef<[u8]>, orientation: Option<Orientation>) -> Result<Confusion, InputError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("matrix");
        std::fs::write(&path, text).unwrap();
        read_confusion(&path, orientation)
    }

    /// 50 of 52 samples of class 0 are right, and 45 of 48 of class 1, 7 of 9 of class 2.
    #[test]
    fn every_form_gives_the_same_counts() {
        let expected = array![[50, 3, 0], [2, 45, 2], [0, 0, 7]];
        let names = ["ant", "bee", "cat"].map(str::to_owned).to_vec();
        for (text, named) in [
            ("50,2,0\n3,45,0\n0,2,7\n", false),
            ("50 2 0\n3 45 0\n0 2 7\n", false),
            ("5.0e1;2;0\n3;45;0\n0;2;7\n", false),
            ("0,1,2\n50,2,0\n3,45,0\n0,2,7\n", false),
            (",0,1,2\n0,50,2,0\n1,3,45,0\n2,0,2,7\n", false),
            ("ant,bee,cat\n50,2,0\n3,45,0\n0,2,7\n", true),
            (",ant,bee,cat\nant,50,2,0\nbee,3,45,0\ncat,0,2,7\n", true),
            ("true,ant,bee,cat\nbee,3,45,0\nant,50,2,0\ncat,0,2,7\n", true),
            (",ant,bee,cat,All\nant,50,2,0,52\nbee,3,45,0,48\ncat,0,2,7,9\nAll,53,49,7,109\n", true),
            ("[[50, 2, 0], [3, 45, 0], [0, 2, 7]]", false),
            ("[[50  2  0]\n [ 3 45  0]\n [ 0  2  7]]\n", false),
            ("[[50.  2.  0.]\n [ 3. 45.  0.]\n [ 0.  2.  7.]]\n", false),
            (
                "{\"confusion_matrix\": [[50, 2, 0], [3, 45, 0], [0, 2, 7]], \"labels\": [\"ant\", \"bee\", \"cat\"]}",
                true,
            ),
        ] {
            let found = read(text, Some(Orientation::RowsAreTrue)).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found.counts, expected, "{text}");
            assert_eq!(found.names, named.then(|| names.clone()), "{text}");
        }
        let other = read("50,3,0\n2,45,2\n0,0,7\n", Some(Orientation::ColumnsAreTrue)).unwrap();
        assert_eq!(other.counts, expected);
        let (labels, predicted) = other.samples();
        assert_eq!(labels.len(), 109);
        assert_eq!(labels.iter().filter(|&&class| class == 2).count(), 9);
        assert_eq!(
            labels.iter().zip(&predicted).filter(|(label, predicted)| (**label, **predicted) == (2, 1)).count(),
            2
        );
    }

    #[test]
    fn what_is_open_is_asked_and_what_is_wrong_is_told() {
        assert_eq!(read("5,1\n1,7\n", None).unwrap().counts, array![[5, 1], [1, 7]]);
        let error = read("5,1\n2,7\n", None).unwrap_err().to_string();
        assert!(error.contains("rows add up to 6, 9") && error.contains("columns to 7, 8"), "{error}");
        for (text, problem) in [
            ("0.9,0.1\n0.2,0.8\n", "row 0, column 0: 0.9 is not a count"),
            ("5,-1\n2,7\n", "row 0, column 1: -1"),
            ("5,1,2\n2,7,3\n", "2 rows and 3 columns"),
            ("0,0\n0,0\n", "0 samples"),
            ("5,1\n2,9000000\n", "9000008 samples"),
            ("a,b\nc,d\n", "line 2"),
            (",a,b\na,5,1\nc,2,7\n", "row \"c\""),
            ("{\"a\": 3}", "no square"),
        ] {
            let error = read(text, Some(Orientation::RowsAreTrue)).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
