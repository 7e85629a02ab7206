//! Counts by class, put into the order of the classes.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::pairs::is_name;
use super::{COUNT_LABELS, WHOLE, instead, numbers_of_classes};
use crate::quoting::quoted;
use crate::{InputError, Result};

/// The counts of the classes 0 to K - 1, each of which has to be there once: by its number, or by
/// its name.
pub(super) fn in_order(
    file: &Path,
    entries: Vec<(String, u64, String)>,
    num_classes: usize,
    names: Option<&[String]>,
) -> Result<Vec<u64>> {
    let last_class = num_classes.saturating_sub(1);
    let mut entries = entries;
    let counts: HashSet<u64> = entries.iter().map(|(_, count, _)| *count).collect();
    if num_classes > 2 && entries.len() == num_classes && (0..num_classes as u64).all(|class| counts.contains(&class)) {
        return Err(numbers_of_classes(file));
    }
    let below = counts.iter().all(|&count| usize::try_from(count).is_ok_and(|count| count < num_classes));
    if entries.len() > num_classes.saturating_add(1) && below {
        let found = format!("{} numbers below {num_classes} are the labels of samples, not counts", entries.len());
        return Err(instead(file, WHOLE, found, COUNT_LABELS));
    }
    // A sum below the classes is none of them.
    let one_more = entries.len() == num_classes.saturating_add(1);
    if let Some(((name, sum, _), others)) = entries.split_last()
        && (one_more || ["total", "sum", "all"].contains(&name.trim().to_ascii_lowercase().as_str()))
        && others.iter().try_fold(0_u64, |all, entry| all.checked_add(entry.1)) == Some(*sum)
    {
        entries.pop();
    }
    let by_name: HashMap<&str, usize> =
        names.unwrap_or_default().iter().enumerate().map(|(class, name)| (name.as_str(), class)).collect();
    // `class 3` is class 3, but not where classes have such names, which may be in another order.
    let has_such_names = by_name.keys().any(|name| after_class(name).is_some());
    let mut counts: Vec<Option<u64>> = vec![None; num_classes];
    let mut last_place = "the end".to_owned();
    for (class, count, place) in entries {
        let class = class.trim();
        // A class as a floating-point number is one that pandas wrote.
        let unmarked = after_class(class).filter(|_| !has_such_names).unwrap_or(class);
        let number = || unmarked.strip_suffix(".0").unwrap_or(unmarked).parse().ok();
        let at: Option<usize> = by_name.get(class).copied().or_else(number);
        let slot = at
            .and_then(|at| counts.get_mut(at))
            .ok_or_else(|| not_a_class(file, place.clone(), class, num_classes, names.is_some()))?;
        if slot.replace(count).is_some() {
            let (file, class, problem) = (file.to_path_buf(), quoted(class), "is there twice");
            return Err(InputError::CountClass { file, place, class, problem, last_class });
        }
        last_place = place;
    }
    counts
        .into_iter()
        .enumerate()
        .map(|(class, count)| {
            count.ok_or_else(|| InputError::CountClass {
                file: file.to_path_buf(),
                place: last_place.clone(),
                class: class.to_string(),
                problem: "is missing up to here",
                last_class,
            })
        })
        .collect()
}

/// A class that there is not, or a name where the names are not known.
pub(super) fn not_a_class(file: &Path, place: String, class: &str, num_classes: usize, named: bool) -> InputError {
    let problem = if named || !is_name(class) {
        "is not one of the classes"
    } else {
        "is a name, and the names of the classes in their order are not known here"
    };
    let (file, class, last_class) = (file.to_path_buf(), quoted(class), num_classes.saturating_sub(1));
    InputError::CountClass { file, place, class, problem, last_class }
}

/// What follows the word `class`.
fn after_class(name: &str) -> Option<&str> {
    name.trim().split_once(' ').filter(|(front, _)| front.eq_ignore_ascii_case("class")).map(|(_, rest)| rest.trim())
}
