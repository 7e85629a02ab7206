//! A table of counts, from text or from an object: which of its columns hold the classes and the
//! counts.

use std::borrow::Cow;
use std::path::Path;

use super::pairs::{self, class_column, holds_classes, is_name};
use super::says::Says;
use super::{COUNT_LABELS, Found, WHOLE, count_in, instead, numbers_of_classes};
use crate::quoting::{quoted, quoted_list};
use crate::{InputError, Result};

/// Names that a message shows.
const NAMED: usize = 3;

/// Columns of fields.
pub(super) struct Table<'t> {
    /// The place of the names, and the name of each column.
    pub(super) header: Option<(String, Vec<Cow<'t, str>>)>,
    /// At least one, each with as many fields as there are names.
    pub(super) rows: Vec<Row<'t>>,
    /// What a row is.
    pub(super) unit: &'static str,
    /// What stands between the fields of a row.
    pub(super) mark: char,
}

/// A line or entry with its fields.
pub(super) struct Row<'t> {
    /// Its number among lines or entries.
    pub(super) at: u64,
    pub(super) fields: Vec<Cow<'t, str>>,
}

impl Row<'_> {
    fn field(&self, at: usize) -> &str {
        self.fields.get(at).map_or("", |field| field.as_ref())
    }
}

impl Table<'_> {
    fn width(&self) -> usize {
        self.rows.first().map_or(0, |row| row.fields.len())
    }

    fn column(&self, at: usize) -> impl ExactSizeIterator<Item = &str> + Clone {
        self.rows.iter().map(move |row| row.field(at))
    }

    fn place(&self, row: &Row<'_>) -> String {
        format!("{} {}", self.unit, row.at)
    }

    fn count(&self, file: &Path, row: &Row<'_>, at: usize) -> Result<u64> {
        let column = || if self.width() == 1 { String::new() } else { format!(", column {}", at.saturating_add(1)) };
        count_in(file, || self.place(row) + &column(), row.field(at))
    }

    /// What the names of the columns say, of each its place, the name and what it is.
    fn said(&self) -> impl Iterator<Item = (usize, &str, Says)> {
        let names = self.header.iter().flat_map(|(_, names)| names).enumerate();
        names.map(|(at, name)| (at, name.as_ref(), Says::of(name)))
    }

    /// The counts of the classes.
    pub(super) fn read(self, file: &Path, num_classes: usize) -> Result<Found> {
        if self.width() == 1 {
            self.refuse_other(file, None, 0)?;
            if self.rows.len() > 1 && self.column(0).all(is_name) {
                return Err(names_of_samples(file, self.column(0)));
            }
            let counts: Vec<u64> = self.rows.iter().map(|row| self.count(file, row, 0)).collect::<Result<_>>()?;
            let falls =
                counts.len() > 2 && counts.is_sorted_by(|one, next| one >= next) && counts.first() > counts.last();
            if falls && self.said().any(|(_, _, says)| says.counts()) {
                return Err(InputError::CountOrder { file: file.to_path_buf() });
            }
            return Ok(Found::InOrder(counts));
        }
        if let Some(pairs) = self.across(num_classes) {
            return pairs::read(file, pairs, num_classes);
        }
        let Some((class, count)) = self.chosen(num_classes) else {
            if let Some((other, _, _)) = self.said().find(|(_, _, says)| *says == Says::OtherSplit) {
                self.refuse_other(file, None, other)?;
            }
            if let Some((label, _, _)) = self.said().find(|(_, _, says)| *says == Says::Class)
                && self.rows.len() > num_classes
            {
                return Err(match self.column(label).all(is_name) {
                    true => names_of_samples(file, self.column(label)),
                    false => {
                        instead(file, WHOLE, "a class on each line is the label of a sample".to_owned(), COUNT_LABELS)
                    }
                });
            }
            let first = self.rows.first();
            let found = first.map(|row| row.fields.join(&self.mark.to_string())).unwrap_or_default();
            let place = first.map(|row| self.place(row)).unwrap_or_default();
            return Err(match count_in(file, || place.clone(), &found) {
                Err(error) if is_thousands(&found) => error,
                _ => InputError::SeveralCounts { file: file.to_path_buf(), place, found: quoted(&found) },
            });
        };
        self.refuse_other(file, Some((class, num_classes)), count)?;
        if self.rows.len() > 1 && self.column(count).all(is_name) && holds_classes(self.column(class), num_classes) {
            return Err(numbers_of_classes(file));
        }
        let entry = |row: &Row<'_>| Ok((row.field(class).to_owned(), self.count(file, row, count)?, self.place(row)));
        self.rows.iter().map(entry).collect::<Result<_>>().map(Found::ByClass)
    }

    /// Refuses columns that are no classes or no training counts by their names.
    fn refuse_other(&self, file: &Path, class: Option<(usize, usize)>, count: usize) -> Result<()> {
        let Some((place, _)) = &self.header else { return Ok(()) };
        let says = |wanted: usize| self.said().find(|(at, _, _)| *at == wanted);
        if let Some((class, num_classes)) = class
            && let Some((_, name, Says::Rank)) = says(class)
        {
            return Err(InputError::CountClass {
                file: file.to_path_buf(),
                place: place.clone(),
                class: quoted(name),
                problem: "is the place of a line, by which no class is known",
                last_class: num_classes.saturating_sub(1),
            });
        }
        let index = class.and_then(|(class, _)| says(class)).is_some_and(|(_, _, says)| says == Says::Index);
        match says(count) {
            Some((_, name, _)) if refusal(file, place, name).is_some() => {
                refusal(file, place, name).map_or(Ok(()), Err)
            }
            // Which of all samples are meant is open.
            Some((_, name, Says::Counts)) if self.said().any(|(_, _, says)| says == Says::OtherSplit) => {
                let other = self.said().find(|(_, _, says)| *says == Says::OtherSplit).map_or("", |(_, name, _)| name);
                let found =
                    format!("{} beside {} may count more than the training samples", quoted(name), quoted(other));
                Err(instead(
                    file,
                    place,
                    found,
                    "give the number of training samples of each class in a column `train`",
                ))
            }
            // Beside an index, older pandas calls the counts of value_counts() as the column that it counted.
            Some((_, name, Says::Class)) if !index => {
                let found = format!("{} is by its name a column of classes, not of counts", quoted(name));
                Err(instead(file, place, found, COUNT_LABELS))
            }
            _ => Ok(()),
        }
    }

    /// Classes in one row and their counts in the row below, as R prints a table.
    fn across(&self, num_classes: usize) -> Option<Vec<[String; 2]>> {
        let header = self.header.as_ref().map(|(_, names)| names.as_slice());
        let (classes, counts) = match (header, self.rows.as_slice()) {
            (Some(names), [counts]) => (names, counts),
            (None, [names, counts]) => (names.fields.as_slice(), counts),
            _ => return None,
        };
        let are_classes = holds_classes(classes.iter().map(AsRef::as_ref), num_classes)
            || classes.iter().all(|class| is_name(class)) && classes.len() == num_classes;
        let pair = |(class, count): (&Cow<'_, str>, &Cow<'_, str>)| [class.to_string(), count.to_string()];
        (num_classes > 2 && are_classes).then(|| classes.iter().zip(&counts.fields).map(pair).collect())
    }

    /// The columns of the classes and of the counts: by their names, or because one holds every
    /// class once.
    fn chosen(&self, num_classes: usize) -> Option<(usize, usize)> {
        let width = self.width();
        let other = |at: usize| 1_usize.saturating_sub(at);
        let called = |is: &dyn Fn(Says) -> bool| -> Vec<usize> {
            self.said().filter(|(_, _, says)| is(*says)).map(|(at, _, _)| at).collect()
        };
        let mut counts = called(&|says| says == Says::TrainingCounts);
        if counts.len() != 1 {
            counts = called(&Says::counts);
        }
        if counts.len() > 1 {
            counts.retain(|&count| !self.column(count).any(is_share));
        }
        let classes = called(&|says| says == Says::Class);
        let indices = called(&|says| says == Says::Index);
        let holds = |at: &usize| holds_classes(self.column(*at), num_classes);
        match (classes.as_slice(), counts.as_slice()) {
            (&[class], &[count]) => return Some((class, count)),
            // The number of a class beside its name.
            ([_, ..], &[count]) => return classes.into_iter().find(holds).map(|class| (class, count)),
            ([], &[count]) if width == 2 => return Some((other(count), count)),
            ([], &[count]) => {
                // An index counts the lines where another column may say the classes.
                let names = |at: &usize| self.column(*at).all(is_name);
                let unknown = called(&|says| says == Says::Nothing);
                let mut candidates: Vec<usize> = unknown.into_iter().filter(|at| holds(at) || names(at)).collect();
                if candidates.is_empty() {
                    candidates = indices;
                }
                return if let [class] = *candidates { Some((class, count)) } else { None };
            }
            (&[class], []) if width == 2 && indices.is_empty() => return Some((class, other(class))),
            _ => {}
        }
        let rows = self.rows.iter().map(|row| [0, 1].map(|at| row.field(at)));
        if width == 2 { class_column(rows, num_classes).map(|class| (class, other(class))) } else { None }
    }
}

/// Whether a text is a number that counts nothing, as the `freq` beside a `count`.
fn is_share(text: &str) -> bool {
    text.ends_with('%') || text.parse().is_ok_and(|number: f64| number.fract() != 0.0)
}

/// Whether a text may be a number of thousands with marks between them, or one with three digits of
/// a fraction.
pub(super) fn is_thousands(text: &str) -> bool {
    let mut parts = text.split(['.', ',']);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let front =
        parts.next().is_some_and(|part| (1..=3).contains(&part.len()) && digits(part) && !part.starts_with('0'));
    let behind: Vec<&str> = parts.collect();
    front && behind.len() == 1 && behind.iter().all(|part| part.len() == 3 && digits(part))
}

/// The refusal of names that are the labels of samples.
pub(super) fn names_of_samples<'n>(file: &Path, names: impl Iterator<Item = &'n str>) -> InputError {
    let found = format!("names, not counts ({}), as the labels of samples may be", quoted_list(names.take(NAMED)));
    instead(file, WHOLE, found, COUNT_LABELS)
}

/// The refusal of a name that is not one of training counts.
pub(super) fn refusal(file: &Path, place: &str, name: &str) -> Option<InputError> {
    let found = match Says::of(name) {
        Says::OtherSplit => return Some(of_other_split(file, place.to_owned(), name)),
        Says::NoCount => format!("{} is by its name no number of training samples", quoted(name)),
        Says::Rank => format!("{} is by its name the place of a line, no number of training samples", quoted(name)),
        _ => return None,
    };
    Some(instead(file, place, found, "give the number of training samples of each class"))
}

/// Refuses what is called by the name of another split.
pub(super) fn of_other_split(file: &Path, place: String, name: &str) -> InputError {
    let found = match name.to_ascii_lowercase().contains("support") {
        true => format!("{} is what scikit-learn calls the samples that were tested", quoted(name)),
        false => format!("{} counts by its name another split than the training", quoted(name)),
    };
    instead(file, &place, found, "give the number of training samples of each class")
}

/// The rows of columns of one length.
pub(super) fn transposed(columns: Vec<Vec<String>>) -> Option<Vec<Vec<String>>> {
    let length = columns.first()?.len();
    let alike = columns.iter().all(|column| column.len() == length);
    let mut rows = vec![Vec::with_capacity(columns.len()); length];
    for column in columns {
        rows.iter_mut().zip(column).for_each(|(row, field)| row.push(field));
    }
    alike.then_some(rows)
}
