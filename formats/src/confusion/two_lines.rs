//! Tables of spreadsheets, with a line above the names that calls the columns true or predicted,
//! and perhaps a column in front that calls the rows so.

use std::borrow::Cow;

use super::axes;
use crate::table::Separator;

/// Fields of a line that are looked at.
pub(super) const MOST_FIELDS: usize = 10_000;

/// The table as others have it, with what rows and columns are called in the corner; `None` of any
/// other text.
pub(super) fn below_word(text: &str) -> Option<String> {
    let first = text.lines().next()?;
    let mark = [',', ';', '\t'].into_iter().find(|&mark| first.contains(mark))?;
    let separator = Separator::Character(mark as u8);
    let width = separator.count(first);
    let split = |line| {
        let mut fields = Vec::new();
        let is_whole = width <= MOST_FIELDS && separator.count(line) == width;
        is_whole.then(|| separator.split(line, &mut fields))?;
        Some(fields)
    };
    let mut lines = text.lines().filter(|line| !line.trim_matches([mark, ' ']).is_empty());
    let (mut above, mut names) = (split(lines.next()?)?, split(lines.next()?)?);
    if only(&names).is_some() && names.first().is_some_and(|name| axes::is_true(name).is_some()) {
        // The names of the columns come first, behind what they are called.
        std::mem::swap(&mut above, &mut names);
        std::mem::swap(above.first_mut()?, names.first_mut()?);
    }
    let title = only(&above).filter(|word| axes::of_title(word).is_some())?;
    let behind = usize::from(names.get(..2)?.iter().all(|name| name.is_empty()));
    let corner = match behind {
        0 => names.first().filter(|corner| !corner.is_empty()).map_or("class", |corner| corner.as_ref()).to_owned(),
        _ => first_column(lines.clone().map(split))?,
    };
    *names.get_mut(behind)? = Cow::Owned(format!("{corner}\\{title}"));
    let mut table = String::with_capacity(text.len());
    for fields in std::iter::once(Some(names)).chain(lines.map(split)) {
        for (at, field) in fields?.iter().enumerate().skip(behind) {
            if at > behind {
                table.push(mark);
            }
            match field.contains([mark, '"']) {
                true => table.extend(["\"", &field.replace('"', "\"\""), "\""]),
                false => table.push_str(field),
            }
        }
        table.push('\n');
    }
    Some(table)
}

/// The one text of the first column, which calls the rows true or predicted.
fn first_column<'t>(rows: impl Iterator<Item = Option<Vec<Cow<'t, str>>>>) -> Option<String> {
    let mut word: Option<String> = None;
    for row in rows {
        let row = row?;
        let field = row.first()?;
        match &word {
            _ if field.is_empty() => {}
            Some(word) if word == field => {}
            Some(_) => return None,
            None => word = axes::is_true(field).map(|_| field.to_string()),
        }
    }
    word
}

/// The one text of fields that are else empty.
fn only<'f>(fields: &'f [Cow<'_, str>]) -> Option<&'f str> {
    let mut filled = fields.iter().map(AsRef::as_ref).filter(|field: &&str| !field.is_empty());
    let first = filled.next()?;
    (fields.len() > 1 && filled.all(|other| other == first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use crate::confusion::{Confusion, Orientation, read_confusion};
    use crate::testing::with_file;

    fn read(text: &str, orientation: Option<Orientation>) -> Result<Confusion, String> {
        with_file("m.csv", text, |file| read_confusion(file, orientation)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_of_what_the_columns_are_called_says_which_way_the_matrix_lies() {
        let rows = "a,50,2,1\nb,3,45,2\nc,1,4,30\n";
        let behind = "True,a,50,2,1\n,b,3,45,2\n,c,1,4,30\n";
        for text in [
            format!(",Predicted,,\nTrue,a,b,c\n{rows}"),
            format!(",Predicted,,\n,a,b,c\n{rows}"),
            format!(",Predicted,Predicted,Predicted\nActual,a,b,c\n{rows}"),
            format!("Predicted class,,,\nTrue,a,b,c\n{rows}"),
            format!(",,Predicted,,\n,,a,b,c\n{behind}"),
            format!(",,Predicted,,\n,,a,b,c\n{}", behind.replace("\n,", "\nTrue,")),
            format!("predicted,a,b,c\nactual,,,\n{rows}"),
            format!(",Predicted,,\nTrue,a,b,c\n{rows}").replace(',', ";"),
            format!(",Predicted,,\nTrue,a,b,c\n{rows}").replace(',', "\t"),
        ] {
            let found = read(&text, None).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(found.counts, array![[50, 3, 1], [2, 45, 4], [1, 2, 30]], "{text}");
            assert_eq!(found.names.as_deref(), Some(&["a", "b", "c"].map(str::to_owned)[..]), "{text}");
        }
        let across = read(&format!(",True,,\nPredicted,a,b,c\n{rows}"), None).unwrap();
        assert_eq!(across.counts, array![[50, 2, 1], [3, 45, 2], [1, 4, 30]]);
        let numbered = read(",Predicted,\nTrue,0,1\n0,50,2\n1,3,45\n", None).unwrap();
        assert_eq!(numbered.counts, array![[50, 3], [2, 45]]);
        let other = read(&format!(",Predicted,,\nTrue,a,b,c\n{rows}"), Some(Orientation::ColumnsAreTrue));
        assert!(other.unwrap_err().contains("rows-are-true"));
    }

    #[test]
    fn titles_of_any_number_of_words_are_no_names() {
        for title in ["Confusion matrix", "my confusion matrix", "Confusion matrix of the model", "results", "a b c d"]
        {
            let found = read(&format!("{title}\n50 2 1\n2 45 2\n1 2 30\n"), None)
                .unwrap_or_else(|error| panic!("{title}: {error}"));
            assert_eq!((found.counts[(0, 0)], found.names), (50, None), "{title}");
        }
        let found = read("Confusion matrix\n50,2\n2,45\n", None).unwrap();
        assert_eq!((found.counts, found.names), (array![[50, 2], [2, 45]], None));
        let sums = read("    a   b\n0  50   2\n1   3  45\nAll 53 47\n", Some(Orientation::RowsAreTrue));
        assert!(sums.unwrap_err().contains("rows with and without names"), "names above a row of sums are no title");
        assert!(read("joy confusion\n50 2\n2 45\n", None).unwrap().names.is_some());
    }

    #[test]
    fn a_matrix_without_its_last_row_is_refused_or_told() {
        for text in
            ["50,2,1\n3,45,2\n", "a,b,c\n50,2,1\n3,45,2\n", "0,1,2\n50,2,1\n3,45,2\n", "[[50, 2, 1], [3, 45, 2]]"]
        {
            let refused = read(text, Some(Orientation::RowsAreTrue)).unwrap_err();
            assert!(refused.contains("2 rows and 3 columns") || text.starts_with('['), "{text}: {refused}");
        }
        let told = read(",a,b,c\na,50,2,1\nb,3,45,2\n", Some(Orientation::RowsAreTrue)).unwrap();
        assert!(told.notes.iter().any(|note| note.contains("\"c\"") && note.contains("cut off")), "{:?}", told.notes);
    }
}
