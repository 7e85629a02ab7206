//! Pairs of a class and its count, in any order: which of the two is the class is told by what the
//! columns hold.

use std::path::Path;

use super::{Found, count_in};
use crate::quoting::quoted;
use crate::{InputError, Result};

/// Which of two columns holds the classes: the one with the number of every class once, or with
/// names beside numbers.
pub(super) fn class_column<'r>(
    rows: impl ExactSizeIterator<Item = [&'r str; 2]> + Clone,
    num_classes: usize,
) -> Option<usize> {
    let holds = |is: &dyn Fn(usize) -> bool| match (is(0), is(1)) {
        (true, false) => Some(0),
        (false, true) => Some(1),
        _ => None,
    };
    let at = |row: [&'r str; 2], column: usize| if column == 0 { row[0] } else { row[1] };
    let holds_names = |column: usize| {
        rows.clone().all(|row| is_name(at(row, column)) && !is_name(at(row, 1_usize.saturating_sub(column))))
    };
    let are_classes = |column: usize| holds_classes(rows.clone().map(|row| at(row, column)), num_classes);
    holds(&are_classes).or_else(|| holds(&holds_names))
}

/// Whether a field is a text and no number.
pub(super) fn is_name(field: &str) -> bool {
    !field.trim().is_empty() && field.trim().parse::<f64>().is_err()
}

/// Whether fields are the number of every class once.
pub(super) fn holds_classes<'r>(fields: impl ExactSizeIterator<Item = &'r str>, num_classes: usize) -> bool {
    let mut seen = vec![false; num_classes];
    let mut is_new = |field: &str| {
        let class = field.parse::<usize>().ok().and_then(|class| seen.get_mut(class));
        class.is_some_and(|seen| !std::mem::replace(seen, true))
    };
    fields.len() == num_classes && fields.into_iter().all(&mut is_new)
}

/// Counts by class of pairs.
pub(super) fn read(file: &Path, pairs: Vec<[String; 2]>, num_classes: usize) -> Result<Found> {
    let rows = pairs.iter().map(|[first, second]| [first.trim(), second.trim()]);
    let Some(class) = class_column(rows, num_classes) else {
        let found = pairs.first().map(|pair| quoted(&pair.join(", "))).unwrap_or_default();
        return Err(InputError::SeveralCounts { file: file.to_path_buf(), place: "entry 0".to_owned(), found });
    };
    let entry = |(at, [first, second]): (usize, [String; 2])| {
        let (class, count) = if class == 0 { (first, second) } else { (second, first) };
        let place = format!("entry {at}");
        Ok((class, count_in(file, || place.clone(), count.trim())?, place))
    };
    pairs.into_iter().enumerate().map(entry).collect::<Result<_>>().map(Found::ByClass)
}

/// Pairs of a list of lists: of two each, or two with an entry a class; `None` if they are neither,
/// or could be both.
pub(super) fn paired(mut lists: Vec<Vec<String>>) -> Option<Vec<[String; 2]>> {
    let is_long = |list: &Vec<String>| list.len() > 2;
    if lists.len() == 2 && lists.iter().all(is_long) {
        let (second, first) = (lists.pop()?, lists.pop()?);
        let pairs = first.len() == second.len();
        return pairs.then(|| first.into_iter().zip(second).map(|(one, other)| [one, other]).collect());
    }
    if lists.len() < 3 {
        return None;
    }
    lists.into_iter().map(|list| list.try_into().ok()).collect()
}
