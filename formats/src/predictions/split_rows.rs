//! Lists of the rows of each split (`train_idx`, `split_idx.test`) beside scores: rows of several
//! splits are refused, a list of some of the rows told.

use std::path::Path;

use super::PredictionsError;
use super::splits::of_word;
use crate::Result;
use crate::array::Array;
use crate::budget::Budget;
use crate::named::Named;
use crate::quoting::quoted;
use crate::words::Words;

/// What people call numbers of rows.
const ROWS: Words = Words("idx idxs ind inds index indices indexes id ids row rows");
/// What people call a dictionary of such lists, a split each.
const DICTIONARIES: Words = Words("split splits idx split_idx idx_split indices split_indices");

/// Whether an array of this name may list the rows of a split.
pub(super) fn may_list(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', ' '], "_");
    let (dictionary, own) = name.rsplit_once('.').unwrap_or(("", &name));
    if DICTIONARIES.contains(dictionary.rsplit('.').next().unwrap_or_default()) && of_word(own).is_some() {
        return true;
    }
    let pair = |(one, other): (&str, &str)| {
        (of_word(one).is_some() && ROWS.contains(other)) || (ROWS.contains(one) && of_word(other).is_some())
    };
    own.split_once('_').is_some_and(pair)
}

/// Refuses rows that lists share out among splits; gives a sentence on a list of some of them.
pub(super) fn check(file: &Path, arrays: &[Named<'_>], samples: usize, budget: &mut Budget) -> Result<Option<String>> {
    let mut listed = Vec::new();
    let mut free = Vec::new();
    for Named { name, array } in arrays.iter().filter(|named| may_list(&named.name)) {
        let Ok(array) = array else { continue };
        if array.len() >= samples {
            return Ok(None);
        }
        if free.is_empty() {
            if budget.spend(samples as u64).is_err() {
                return Ok(None);
            }
            free = vec![true; samples];
        }
        // What lists rows of elsewhere, or one again, shares out nothing.
        if !takes(array, &mut free) {
            return Ok(None);
        }
        listed.push((name, array.len()));
    }
    match listed.as_slice() {
        [] => Ok(None),
        [(name, rows)] => Ok(Some(format!(
            "{} lists {rows} rows, and all {samples} samples are counted; are they all of the test set?",
            quoted(name)
        ))),
        several => {
            let parts = several.iter().map(|(name, rows)| format!("{} ({rows})", quoted(name)));
            let parts = parts.collect::<Vec<_>>().join(", ");
            Err(PredictionsError::Splits { file: file.to_path_buf(), name: "the file".into(), parts }.into())
        }
    }
}

/// Takes the rows of a list; `false` where one is not there or taken.
fn takes(array: &Array<'_>, free: &mut [bool]) -> bool {
    let read = array.for_each_number(|number| {
        let whole = number.or_else(|number| if number.fract() == 0.0 { Ok(number as i128) } else { Err(()) })?;
        let row = usize::try_from(whole).map_err(drop)?;
        free.get_mut(row).filter(|free| **free).map(|free| *free = false).ok_or(())
    });
    read == Ok(true)
}
