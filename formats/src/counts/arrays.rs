//! Counts in arrays.

use std::borrow::Cow;
use std::path::Path;

use super::columns::{Row, Table, refusal, transposed};
use super::says::Says;
use super::{Found, count_of, no_count, not_counts, pairs};
use crate::array::Array;
use crate::budget::Budget;
use crate::named::{Named, described};
use crate::quoting::quoted;
use crate::{InputError, Result};

/// Bytes charged for a field.
const FIELD: u64 = 160;

/// Counts in the one array, in the one that is called those of the training, or in those that are
/// columns of a table.
pub(super) fn read(file: &Path, mut arrays: Vec<Named<'_>>, num_classes: usize, budget: &mut Budget) -> Result<Found> {
    let mut training = arrays.iter().enumerate().filter(|(_, named)| Says::of(&named.name) == Says::TrainingCounts);
    if let (Some((at, _)), None) = (training.next(), training.next())
        && !arrays.iter().any(|named| Says::of(&named.name) == Says::Class)
    {
        return in_array(file, arrays.swap_remove(at), num_classes);
    }
    if arrays.len() > 1 {
        let table = table(file, &arrays, budget)?;
        let found = format!("more than one array ({})", described(&arrays));
        return table.ok_or_else(|| not_counts(file, &found))?.read(file, num_classes);
    }
    match arrays.pop() {
        Some(only) => match refusal(file, "the array", &only.name) {
            Some(error) => Err(error),
            None => in_array(file, only, num_classes),
        },
        None => Err(not_counts(file, "a file without an array")),
    }
}

/// Arrays of one length as columns.
fn table<'t>(file: &Path, arrays: &[Named<'_>], budget: &mut Budget) -> Result<Option<Table<'t>>> {
    let mut columns = Vec::with_capacity(arrays.len());
    for named in arrays {
        let Some(array) = named.array.as_ref().ok().filter(|array| array.shape.len() == 1 && array.len() > 0) else {
            return Ok(None);
        };
        let cost = (array.len() as u64).saturating_mul(FIELD);
        budget.spend(cost).map_err(|exceeded| exceeded.of(file, format!("array {}", quoted(&named.name))))?;
        let texts = match array.texts(file, &named.name, budget)? {
            Some(texts) => Some(texts),
            None => numbers_of(array),
        };
        let Some(texts) = texts else { return Ok(None) };
        columns.push(texts);
    }
    let owned = |fields: Vec<String>| fields.into_iter().map(Cow::Owned).collect();
    let names = arrays.iter().map(|named| Cow::Owned(named.name.clone())).collect();
    let rows =
        transposed(columns).map(|rows| (0..).zip(rows).map(|(at, row)| Row { at, fields: owned(row) }).collect());
    Ok(rows.map(|rows| Table {
        header: Some(("the names of the arrays".to_owned(), names)),
        rows,
        unit: "entry",
        mark: ',',
    }))
}

/// The numbers of an array in row-major order as texts.
pub(super) fn numbers_of(array: &Array<'_>) -> Option<Vec<String>> {
    let mut numbers = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        numbers.push(number.map_or_else(|number| number.to_string(), |integer| integer.to_string()));
        Ok::<_, InputError>(())
    });
    known.is_ok_and(|known| known).then_some(numbers)
}

pub(super) fn in_array(file: &Path, named: Named<'_>, num_classes: usize) -> Result<Found> {
    let array = named.array?;
    if let [rows, columns] = *array.shape
        && rows > 1
        && columns > 1
        && array.len() == num_classes.saturating_mul(2)
        && let Some(numbers) = numbers_of(&array)
        && let Some(pairs) = pairs::paired(numbers.chunks(columns).map(<[String]>::to_vec).collect())
    {
        return pairs::read(file, pairs, num_classes);
    }
    if array.shape.iter().filter(|&&extent| extent > 1).count() > 1 {
        return Err(not_counts(file, &format!("an array of shape {:?}", array.shape)));
    }
    let mut counts = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        let place = || format!("entry {}", counts.len());
        let count = match number {
            Ok(integer) => u64::try_from(integer).map_err(|_| no_count(file, place(), &integer.to_string()))?,
            Err(number) => count_of(file, &place(), number)?,
        };
        counts.push(count);
        Ok::<_, InputError>(())
    })?;
    if known { Ok(Found::InOrder(counts)) } else { Err(not_counts(file, "an array of texts")) }
}
