//! Training counts and names of the classes, from small text files.
//!
//! Counts: the number of training samples of each class, in the order of the labels, as
//! - text, one integer a line;
//! - CSV, one row `500,480,...`, or a column with the header `count`, or two columns with the header `class,count`
//!   (classes 0 to K - 1 in any order, each once);
//! - a JSON array of integers.
//!
//! Names: text, one a line, in the order of the labels.

use std::path::Path;

use crate::class_name::check_class_name;

use super::InputError;
use super::content::Content;
use super::quoting::{escaped, quoted};

/// Reads the training counts of K = `num_classes` classes.
///
/// A class may have a count of 0; all of them together may not.
///
/// # Errors
/// An entry that is no non-negative integer, another number of entries than K, a class twice or missing, a sum of 0.
pub fn read_train_counts(file: &Path, num_classes: usize) -> Result<Vec<u64>, InputError> {
    let content = Content::read(file)?;
    let text = text_of(&content)?;
    let counts = if text.trim_start().starts_with('[') {
        json_counts(file, text)?
    } else if text.lines().next().is_some_and(|line| line.trim() == "class,count") {
        return check_sum(file, class_counts(file, text, num_classes)?);
    } else {
        listed_counts(file, text)?
    };
    if counts.len() != num_classes {
        return Err(InputError::ClassCountMismatch {
            file: file.to_path_buf(),
            what: "training counts",
            found: counts.len(),
            expected: num_classes,
            unit: "count",
        });
    }
    check_sum(file, counts)
}

/// Reads the names of K = `num_classes` classes, one a line, spaces around them removed.
///
/// Two classes may have the same name (ImageNet has such pairs).
///
/// # Errors
/// A name that [`check_class_name`] refuses (empty, control or direction characters, too long), another number of names
/// than K, a file that is not UTF-8.
pub fn read_class_names(file: &Path, num_classes: usize) -> Result<Vec<String>, InputError> {
    let content = Content::read(file)?;
    let mut names = Vec::new();
    // Empty lines at the end are how editors leave files; elsewhere one would shift every later name.
    for (index, line) in text_of(&content)?.trim_end().lines().enumerate() {
        let name = line.trim();
        check_class_name(name).map_err(|problem| InputError::ClassName {
            file: file.to_path_buf(),
            line: index + 1,
            problem,
        })?;
        names.push(name.to_owned());
    }
    if names.len() != num_classes {
        return Err(InputError::ClassCountMismatch {
            file: file.to_path_buf(),
            what: "class names",
            found: names.len(),
            expected: num_classes,
            unit: "name",
        });
    }
    Ok(names)
}

fn text_of(content: &Content) -> Result<&str, InputError> {
    let text = std::str::from_utf8(&content.bytes)
        .map_err(|error| InputError::NotText { file: content.file.clone(), byte: error.valid_up_to() })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn json_counts(file: &Path, text: &str) -> Result<Vec<u64>, InputError> {
    let entries: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|error| InputError::Json {
        file: file.to_path_buf(),
        line: error.line(),
        column: error.column(),
        problem: escaped(&error.to_string()),
        expected: "give an array of integers, as in [500, 480, 5]",
    })?;
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            entry.as_u64().ok_or_else(|| InputError::Count {
                file: file.to_path_buf(),
                place: format!("entry {index} of the array"),
                found: quoted(&entry.to_string()),
            })
        })
        .collect()
}

/// One row of CSV, a column with the header `count`, or one integer a line.
fn listed_counts(file: &Path, text: &str) -> Result<Vec<u64>, InputError> {
    let mut lines = text.trim_end().lines().enumerate().peekable();
    if lines.peek().is_some_and(|(_, line)| line.trim() == "count") {
        lines.next();
    }
    let rows: Vec<(usize, &str)> = lines.collect();
    if let [(index, row)] = rows.as_slice()
        && row.contains(',')
    {
        let place = |column: usize| format!("line {}, column {}", index + 1, column + 1);
        return row.split(',').enumerate().map(|(column, field)| count(file, place(column), field)).collect();
    }
    rows.iter().map(|(index, line)| count(file, format!("line {}", index + 1), line)).collect()
}

fn count(file: &Path, place: String, field: &str) -> Result<u64, InputError> {
    let field = field.trim();
    let separator = |character: char| character.is_whitespace() || matches!(character, ',' | ';');
    let parts = field.split(separator).filter(|part| !part.is_empty());
    if parts.clone().count() > 1 && parts.flat_map(str::bytes).all(|byte| byte.is_ascii_digit()) {
        return Err(InputError::SeveralCounts { file: file.to_path_buf(), place, found: quoted(field) });
    }
    // Digits only: `parse` would also take a leading plus sign.
    let digits = !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    field.parse().ok().filter(|_| digits).ok_or_else(|| InputError::Count {
        file: file.to_path_buf(),
        place,
        found: quoted(field),
    })
}

/// Rows `class,count` under that header.
fn class_counts(file: &Path, text: &str, num_classes: usize) -> Result<Vec<u64>, InputError> {
    let last_class = num_classes.saturating_sub(1);
    let mut counts: Vec<Option<u64>> = vec![None; num_classes];
    let mut last_line = 1;
    for (index, line) in text.trim_end().lines().enumerate().skip(1) {
        let number = index as u64 + 1;
        last_line = number;
        let fields: Vec<&str> = line.split(',').collect();
        let &[class, field] = fields.as_slice() else {
            let found = fields.len();
            return Err(InputError::CsvRowLength { file: file.to_path_buf(), line: number, found, expected: 2 });
        };
        let bad = |problem| InputError::CountClass {
            file: file.to_path_buf(),
            line: number,
            class: quoted(class.trim()),
            problem,
            last_class,
        };
        let slot = class.trim().parse().ok().and_then(|class: usize| counts.get_mut(class));
        let value = count(file, format!("line {number}, column 2"), field)?;
        if slot.ok_or_else(|| bad("is not one of the classes"))?.replace(value).is_some() {
            return Err(bad("is there twice"));
        }
    }
    counts
        .into_iter()
        .enumerate()
        .map(|(class, count)| {
            count.ok_or_else(|| InputError::CountClass {
                file: file.to_path_buf(),
                line: last_line,
                class: class.to_string(),
                problem: "is missing up to the last line",
                last_class,
            })
        })
        .collect()
}

fn check_sum(file: &Path, counts: Vec<u64>) -> Result<Vec<u64>, InputError> {
    let sum = counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count));
    let bad = |sum| Err(InputError::CountSum { file: file.to_path_buf(), sum });
    match sum {
        None => bad("more than 64 bits hold"),
        Some(0) => bad("0"),
        Some(_) => Ok(counts),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::class_name::ClassNameError;

    use super::*;

    fn with_file<T>(text: impl AsRef<[u8]>, read: impl FnOnce(&Path) -> T) -> T {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("classes");
        fs::write(&file, text).unwrap();
        read(&file)
    }

    #[test]
    fn every_format_gives_the_same_counts() {
        for text in [
            "500\n0\n5\n",
            "500\r\n0\r\n5\r\n\r\n",
            "500,0,5",
            " 500 , 0 , 5 \n",
            "count\n500\n0\n5\n",
            "count\n500,0,5\n",
            "class,count\n2,5\n0,500\n1,0\n",
            "[500, 0, 5]",
            " [500,\n 0, 5]\n",
            "\u{feff}500\n0\n5",
        ] {
            assert_eq!(with_file(text, |file| read_train_counts(file, 3)).unwrap(), [500, 0, 5], "{text:?}");
        }
    }

    #[test]
    fn bad_counts_are_refused_with_their_place() {
        type Is = fn(&InputError) -> bool;
        let cases: [(&[u8], &str, Is); 24] = [
            (b"500\n-3\n5\n", "line 2: \"-3\"", |e| matches!(e, InputError::Count { .. })),
            (b"500\n3.5\n5\n", "line 2: \"3.5\"", |e| matches!(e, InputError::Count { .. })),
            (b"500\n\n5\n", "line 2: \"\"", |e| matches!(e, InputError::Count { .. })),
            (b"500\n+5\n5\n", "line 2: \"+5\"", |e| matches!(e, InputError::Count { .. })),
            (b"500,x,5\n", "line 1, column 2: \"x\"", |e| matches!(e, InputError::Count { .. })),
            (b"count\n500\nx\n5\n", "line 3: \"x\"", |e| matches!(e, InputError::Count { .. })),
            (b"500,1\n5,3\n", "line 1: \"500,1\"", |e| matches!(e, InputError::SeveralCounts { .. })),
            (b"500 480 5\n", "one count a line", |e| matches!(e, InputError::SeveralCounts { .. })),
            (b"500;480;5\n", "line 1: \"500;480;5\"", |e| matches!(e, InputError::SeveralCounts { .. })),
            (b"500\t480\t5\n", "500,480,5", |e| matches!(e, InputError::SeveralCounts { .. })),
            (b"99999999999999999999\n1\n1\n", "line 1", |e| matches!(e, InputError::Count { .. })),
            (b"500\n5\n", "2 training counts", |e| matches!(e, InputError::ClassCountMismatch { found: 2, .. })),
            (b"[500, 5]", "2 training counts", |e| matches!(e, InputError::ClassCountMismatch { found: 2, .. })),
            (b"[500, 5, -1]", "entry 2 of the array", |e| matches!(e, InputError::Count { .. })),
            (b"[500, 5, \"6\"]", "entry 2 of the array", |e| matches!(e, InputError::Count { .. })),
            (b"[500, 5,", "line 1, column 8", |e| matches!(e, InputError::Json { .. })),
            (b"[500,\n5 6]", "line 2, column 3", |e| matches!(e, InputError::Json { .. })),
            (b"0\n0\n0\n", "sum to 0", |e| matches!(e, InputError::CountSum { .. })),
            (b"18446744073709551615\n1\n1\n", "more than 64 bits", |e| matches!(e, InputError::CountSum { .. })),
            (b"class,count\n0,5\n0,6\n2,1\n", "line 3: class \"0\" is there twice", |e| {
                matches!(e, InputError::CountClass { .. })
            }),
            (b"class,count\n0,5\n3,6\n", "line 3: class \"3\" is not", |e| matches!(e, InputError::CountClass { .. })),
            (b"class,count\n0,5\n2,6\n", "class 1 is missing", |e| matches!(e, InputError::CountClass { .. })),
            (b"class,count\n0,5,6\n", "line 2: 3 fields", |e| matches!(e, InputError::CsvRowLength { .. })),
            (b"500\n\xff\n5\n", "byte 4", |e| matches!(e, InputError::NotText { byte: 4, .. })),
        ];
        for (text, place, is_variant) in cases {
            let error = with_file(text, |file| read_train_counts(file, 3)).unwrap_err();
            assert!(is_variant(&error), "{}: {error:?}", String::from_utf8_lossy(text));
            assert!(error.to_string().contains(place), "{}: {error}", String::from_utf8_lossy(text));
            assert!(error.to_string().contains("classes: "), "the file is named: {error}");
        }
    }

    #[test]
    fn names_are_one_a_line() {
        let names = with_file("  T-shirt/top \nTrouser\nPullover, red\n\n", |file| read_class_names(file, 3)).unwrap();
        assert_eq!(names, ["T-shirt/top", "Trouser", "Pullover, red"]);
        let error = with_file("a\n\nc\n", |file| read_class_names(file, 3)).unwrap_err();
        assert!(matches!(error, InputError::ClassName { line: 2, problem: ClassNameError::Empty, .. }), "{error}");
        let error = with_file("a\nb\u{202e}c\n", |file| read_class_names(file, 2)).unwrap_err();
        assert!(matches!(error, InputError::ClassName { line: 2, .. }), "{error}");
        assert!(error.to_string().contains("U+202E"), "{error}");
        let long = with_file(format!("{}\nb\n", "x".repeat(201)), |file| read_class_names(file, 2)).unwrap_err();
        assert!(matches!(long, InputError::ClassName { line: 1, .. }), "{long}");
        assert!(long.to_string().contains("201 characters"), "{long}");
        let error = with_file("a\nb\n", |file| read_class_names(file, 3)).unwrap_err();
        assert!(matches!(error, InputError::ClassCountMismatch { found: 2, expected: 3, .. }), "{error}");
        let error = with_file(b"a\n\xe9\n", |file| read_class_names(file, 2)).unwrap_err();
        assert!(matches!(error, InputError::NotText { byte: 2, .. }), "{error}");
    }
}
