//! Confusion matrices of counts: how many samples of each class were taken for which.
//!
//! A table with or without names, an array of NumPy or PyTorch, JSON, or a matrix as Python prints it. Which way it
//! lies has to be said unless it is symmetric: scikit-learn has the true classes in the rows, others in the columns.

mod axes;
mod doubts;
mod error;
mod orientation;
mod printed;
mod table;

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use ndarray::Array2;

use crate::array::{Array, Data, place_of};
use crate::budget::Budget;
use crate::content::Content;
use crate::impostor::refuse_impostor;
use crate::json::read_json;
use crate::named::{Named, arrays_of};
use crate::npy::{self, Npy};
use crate::predictions::{Reading, StoredFile, arrays_of_npz, is_torch_save};
use crate::text::text_of;
use crate::weights::{Saved, with_saved};
use crate::{InputError, Result};

pub use error::ConfusionFileError;
use error::MOST_SAMPLES;
pub use orientation::Orientation;

/// A confusion matrix as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    /// Samples `[predicted, true]`.
    pub counts: Array2<u64>,
    /// Names of the classes, if the file has them.
    pub names: Option<Vec<String>>,
    /// The file.
    pub file: StoredFile,
    /// What was made of it and what is odd: sentences without a full stop.
    pub notes: Vec<String>,
    /// What in the file looks wrong: sentences without a full stop.
    pub doubts: Vec<String>,
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
pub fn read_confusion(file: &Path, orientation: Option<Orientation>) -> Result<Confusion> {
    let content = Content::read(file)?;
    let ((counts, names, notes), sha256) = content.parse_and_hash(|content| parse(content, orientation))?;
    let file = StoredFile { path: content.file.clone(), bytes: content.bytes.len() as u64, sha256 };
    let doubts = doubts::rates(&counts).into_iter().collect();
    Ok(Confusion { counts, names, file, notes, doubts })
}

type Parsed = (Array2<u64>, Option<Vec<String>>, Vec<String>);

/// The numbers of a file and what it says of them.
struct Read<'a> {
    /// Row by row.
    array: Array<'a>,
    /// Of the classes.
    names: Option<Vec<String>>,
    /// Which way the matrix lies.
    said: Option<Orientation>,
    /// What was made of it.
    notes: Vec<String>,
}

impl<'a> Read<'a> {
    fn of(array: Array<'a>, names: Option<Vec<String>>) -> Self {
        Self { array, names, said: None, notes: Vec::new() }
    }
}

fn parse(content: &Content, orientation: Option<Orientation>) -> Result<Parsed> {
    let file = content.file.as_path();
    let budget = &mut Budget::of(content.bytes.len());
    let Read { array, names, said, mut notes } = numbers(content, budget)?;
    let shape = array.shape.iter().copied().filter(|&extent| extent != 1).collect::<Vec<_>>();
    let &[rows, columns] = shape.as_slice() else {
        return Err(not_square(file, format!("an array of shape {shape:?}")));
    };
    if rows != columns {
        return Err(not_square(file, format!("{rows} rows and {columns} columns")));
    }
    budget.spend((array.len() as u64).saturating_mul(16)).map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
    let mut counts = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        let (row, column) = place_of(counts.len(), (rows, rows), false);
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
    if let Some(counts) = doubts::without_sums(&matrix).filter(|_| names.is_none()) {
        matrix = counts;
        notes.push("the last row and the last column are the sums of the others and are left out".to_owned());
    }
    let rows = matrix.nrows();
    let samples = matrix.iter().fold(0_u64, |sum, &count| sum.saturating_add(count));
    if samples == 0 || samples > MOST_SAMPLES {
        return Err(ConfusionFileError::Samples { file: file.to_path_buf(), samples }.into());
    }
    let symmetric = matrix == matrix.t();
    if let Some((said, given)) = said.zip(orientation).filter(|(said, given)| said != given && !symmetric) {
        return Err(ConfusionFileError::SaysOtherwise { file: file.to_path_buf(), said, given }.into());
    }
    if let Some(said) = said.filter(|_| orientation.is_none() && !symmetric) {
        notes.push(format!("{said}, as the table says"));
    }
    match orientation.or(said) {
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
    Ok((matrix.as_standard_layout().into_owned(), names, notes))
}

fn not_square(file: &Path, found: String) -> InputError {
    ConfusionFileError::NotSquare { file: file.to_path_buf(), found }.into()
}

/// The numbers of a file, row by row, and the names in front of the rows.
fn numbers<'a>(content: &'a Content, budget: &mut Budget) -> Result<Read<'a>> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    if bytes.starts_with(npy::MAGIC) {
        return match npy::parse(file, "matrix", Cow::Borrowed(bytes))? {
            Npy::Array(array) => Ok(Read::of(array, None)),
            Npy::Pickle(..) => Err(not_square(file, "an array of objects".to_owned())),
        };
    }
    if bytes.starts_with(b"PK") && !is_torch_save(file, bytes)? {
        let arrays = arrays_of_npz(content, &Reading::default(), budget)?;
        let names = texts_among(file, &arrays, budget)?;
        return Ok(Read::of(square_among(file, arrays)?, names));
    }
    if bytes.starts_with(b"PK") || bytes.first() == Some(&0x80) {
        return with_saved(content, budget, |saved, budget| {
            let array = square_among(file, arrays_of(file, saved, budget)?)?;
            owned_numbers(array).map(|array| Read::of(array, None)).ok_or_else(|| not_square(file, "texts".to_owned()))
        });
    }
    refuse_impostor(content)?;
    let whole = text_of(content, budget)?;
    let text = printed::inside(&whole);
    if !text.trim_start().starts_with(['[', '{']) {
        budget
            .spend((text.len() as u64).saturating_mul(4))
            .map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
        return table::read(file, &printed::with_corner(text), budget);
    }
    let expected = "give the rows of a confusion matrix, as in [[50, 2], [3, 45]]";
    let saved = match read_json(file, text, expected, budget) {
        Ok(saved) => saved,
        // As NumPy prints a matrix: blanks between numbers, nothing between rows.
        Err(error @ InputError::Json { .. }) => {
            let commas = text.split_whitespace().collect::<Vec<_>>().join(",").replace("[,", "[").replace(",]", "]");
            budget
                .spend((text.len() as u64).saturating_mul(4))
                .map_err(|exceeded| exceeded.of(file, "matrix".to_owned()))?;
            read_json(file, &commas.replace(".,", ",").replace(".]", "]"), expected, budget).map_err(|_| error)?
        }
        Err(error) => return Err(error),
    };
    if let Some((array, names)) = rows_by_name(&saved) {
        return Ok(Read::of(array, Some(names)));
    }
    let names = names_in(&saved);
    Ok(Read::of(square_among(file, arrays_of(file, saved, budget)?)?, names))
}

/// The one array that is square.
fn square_among<'a>(file: &Path, arrays: Vec<Named<'a>>) -> Result<Array<'a>> {
    let is_square = |array: &Array<'_>| {
        let long: Vec<usize> = array.shape.iter().copied().filter(|&extent| extent != 1).collect();
        matches!(long.as_slice(), [rows, columns] if rows == columns)
    };
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
        if values.len() == rows.len().saturating_mul(rows.len()) {
            squares.push(Array::decimals(vec![rows.len(); 2], values));
        }
    }
    match squares.pop() {
        Some(only) if squares.is_empty() => Ok(only),
        Some(_) => Err(not_square(file, "several square arrays, of which one is wanted".to_owned())),
        None => Err(not_square(file, "no square array".to_owned())),
    }
}

/// The texts of the one array that holds a list of them.
fn texts_among(file: &Path, arrays: &[Named<'_>], budget: &mut Budget) -> Result<Option<Vec<String>>> {
    let mut lists = arrays.iter().filter_map(|named| named.array.as_ref().ok().filter(|array| array.shape.len() == 1));
    match (lists.find(|array| array.element().is_none()), lists.find(|array| array.element().is_none())) {
        (Some(only), None) => only.texts(file, "names", budget),
        _ => Ok(None),
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

/// Rows under the names of their classes, the numbers of each under the same names.
fn rows_by_name(saved: &Saved<'_>) -> Option<(Array<'static>, Vec<String>)> {
    let Saved::Dictionary(rows) = saved else { return None };
    let names: Vec<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    let mut values = Vec::new();
    for (_, row) in rows {
        let Saved::Dictionary(row) = row else { return None };
        let numbers: HashMap<&str, &Saved<'_>> = row.iter().map(|(name, number)| (name.as_str(), number)).collect();
        for name in &names {
            let Some(Saved::Number(number)) = numbers.get(name.as_str()) else { return None };
            values.push(*number);
        }
        (numbers.len() == names.len()).then_some(())?;
    }
    Some((Array::decimals(vec![names.len(); 2], values), names))
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

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::testing::{archive, npy, with_file};

    fn read(text: impl AsRef<[u8]>, orientation: Option<Orientation>) -> Result<Confusion> {
        with_file("matrix", text, |path| read_confusion(path, orientation))
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
            (
                "{\"ant\":{\"ant\":50,\"bee\":2,\"cat\":0},\"bee\":{\"cat\":0,\"bee\":45,\"ant\":3},\"cat\":{\"ant\":0,\"bee\":2,\"cat\":7}}",
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
    fn printed_and_cross_tables_are_read() {
        let expected = array![[50, 3, 0], [2, 45, 2], [0, 0, 7]];
        for text in [
            "array([[50,  2,  0],\n       [ 3, 45,  0],\n       [ 0,  2,  7]])",
            "tensor([[50,  2,  0],\n        [ 3, 45,  0],\n        [ 0,  2,  7]], device='cuda:0')\n",
            "     ant  bee  cat\nant   50    2    0\nbee    3   45    0\ncat    0    2    7\n",
            "Predicted   0   1  2\nActual              \n0          50   2  0\n1           3  45  0\n2           0   2  7\n",
            "Predicted   0   1  2  All\nActual                   \n0  50  2  0  52\n1  3  45  0  48\n2  0  2  7  9\nAll 53 49 7 109\n",
            ",2,0,1\n2,7,0,2\n0,0,50,2\n1,0,3,45\n",
            ",1,2,3\n1,50,2,0\n2,3,45,0\n3,0,2,7\n",
            ",pred_ant,pred_bee,pred_cat\ntrue_ant,50,2,0\ntrue_bee,3,45,0\ntrue_cat,0,2,7\n",
            "Actual,0,1,2\n0,50,2,0\n1,3,45,0\n2,0,2,7\n",
        ] {
            let found = read(text, Some(Orientation::RowsAreTrue)).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found.counts, expected, "{text}");
        }
        let found = read("Predicted,0,1\n0,5,1\n1,2,7\n", None).unwrap();
        assert_eq!((found.counts, found.notes.len()), (array![[5, 1], [2, 7]], 1));
        // Class 2 was never predicted, so a cross table has no column for it.
        let found = read("Actual,0,1\n0,50,2\n1,3,45\n2,0,9\n", Some(Orientation::RowsAreTrue)).unwrap();
        assert_eq!(found.counts, array![[50, 3, 0], [2, 45, 9], [0, 0, 0]]);
        assert!(found.notes[0].contains("was taken for \"2\""), "{:?}", found.notes);
    }

    #[test]
    fn arrays_of_numpy_are_read_by_their_shape() {
        let names: Vec<u8> = "ab".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        let (matrix, names) = (npy("|u1", "(1, 2, 2)", &[5, 1, 2, 7]), npy("<U1", "(2,)", &names));
        let npz = archive(&[("cm.npy", &matrix), ("c.npy", &names)], true);
        let found = read(npz, Some(Orientation::RowsAreTrue)).unwrap();
        assert_eq!(found.counts, array![[5, 2], [1, 7]]);
        assert_eq!(found.names.unwrap(), ["a", "b"]);
    }

    #[test]
    fn whole_numbers_that_may_be_no_counts_have_a_note() {
        let notes = |text: &str| {
            let found = read(text, Some(Orientation::RowsAreTrue)).unwrap();
            [found.notes, found.doubts].concat()
        };
        for (text, word) in [
            ("96,4\n6,94\n", "the samples of every class add up to 100"),
            ("1,0\n0,1\n", "add up to 1:"),
            ("50,2,0,52\n3,45,0,48\n0,2,7,9\n53,49,7,109\n", "are left out"),
        ] {
            assert!(notes(text).iter().any(|note| note.contains(word)), "{text}: {:?}", notes(text));
        }
        assert!(notes("50,2\n3,45\n").is_empty());
        let hundred =
            |row: usize| (0..20).map(|column| if column == row { "81" } else { "1" }).collect::<Vec<_>>().join(",");
        assert!(notes(&(0..20).map(hundred).collect::<Vec<_>>().join("\n")).is_empty(), "a hundred samples a class");
        let wide = format!("Actual,0\n{}", (0..20_000).map(|row| format!("{row},1\n")).collect::<String>());
        assert!(matches!(read(wide, Some(Orientation::RowsAreTrue)), Err(InputError::Budget { .. })));
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
            ("96%,4%\n6%,94%\n", "row 0, column 0: \"96%\" is not a count"),
            (",a,b,Total\na,5,1,6\nb,2,7,8\n", "row 1: its sum is given as 8"),
            (",a,b,Total\na,5,1,6\nb,2,7,9\nTotal,7,9,16\n", "row 2: its sum is given as 9"),
            ("Predicted,0,1\n0,5,1\n1,2,7\n", "mean columns-are-true"),
            ("pred\\true,0,1\n0,5,1\n1,2,7\n", "mean columns-are-true"),
            (",true_a,true_b\npred_a,5,1\npred_b,2,7\n", "mean columns-are-true"),
        ] {
            let error = read(text, Some(Orientation::RowsAreTrue)).unwrap_err().to_string();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
