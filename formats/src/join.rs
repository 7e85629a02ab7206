//! Batches joined to one array.

use std::borrow::Cow;
use std::path::Path;

use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::element::reserve;
use crate::quoting::quoted;
use crate::{InputError, Result};

/// Joins arrays along their first axis; numbers, and rows of scores of one length, are stacked.
pub(crate) fn join<'a>(file: &Path, name: &str, mut parts: Vec<Array<'a>>, budget: &mut Budget) -> Result<Array<'a>> {
    let differ =
        |at: usize, problem: String| InputError::damaged(file, format!("array {}, part {at}", quoted(name)), problem);
    // A last batch of one sample, of which `squeeze` took the axis.
    if let [first, .., last] = parts.as_mut_slice()
        && first.shape.get(1..).is_some_and(|tail| tail == last.shape)
    {
        last.shape.insert(0, 1);
    }
    let Some(first) = parts.first() else {
        return Ok(Array::decimals(vec![0], Vec::new()));
    };
    let rank = first.shape.len();
    let rows = rank == 1 && first.may_be_scores() && parts.iter().all(|part| part.shape == first.shape);
    let tail: Vec<usize> = first.shape.iter().skip(1).copied().collect();
    if let Some((at, part)) = parts.iter().enumerate().find(|(_, part)| {
        part.shape.len() != rank
            || part.shape.get(1..).is_some_and(|own| own != tail)
            || part.type_name() != first.type_name()
    }) {
        return Err(differ(at, format!("{}, the first is {}", part.described(), first.described())));
    }
    if let Some(at) = parts.iter().position(|part| part.column_major && part.shape.len() > 1) {
        return Err(differ(at, "its columns are stored one after the other (Fortran order)".to_owned()));
    }
    let rows_of = |part: &Array<'_>| part.shape.first().copied();
    if let [one, two] = parts.as_slice()
        && rank > 1
        && rows_of(two) > rows_of(one)
    {
        let problem = "more rows than the only part before it, so these are no batches: perhaps a validation and a \
                       test split; save one of them";
        return Err(differ(1, problem.to_owned()));
    }
    let shape = match rank {
        0 => vec![parts.len()],
        1 if rows => std::iter::once(parts.len()).chain(first.shape.iter().copied()).collect(),
        _ => {
            let length = parts.iter().filter_map(|part| part.shape.first()).sum();
            std::iter::once(length).chain(tail).collect()
        }
    };
    let bytes: usize = parts.iter().map(|part| part.data.held()).sum();
    budget.spend(bytes as u64).map_err(|exceeded| exceeded.of(file, format!("array {}", quoted(name))))?;
    let data = match &first.data {
        &Data::Binary { kind, order, .. } => {
            let mut content = reserve(file, &quoted(name), bytes)?;
            for (at, part) in parts.iter().enumerate() {
                match part.bytes() {
                    Some((own, own_order, bytes)) if own == kind && own_order == order => {
                        content.extend_from_slice(bytes)
                    }
                    _ => return Err(differ(at, "its elements are stored in another way".to_owned())),
                }
            }
            Data::Binary { kind, order, content: Cow::Owned(content), start: 0 }
        }
        Data::Decimals(_) => {
            let mut values = reserve(file, &quoted(name), bytes / 8)?;
            for part in &parts {
                if let Data::Decimals(own) = &part.data {
                    values.extend_from_slice(own);
                }
            }
            Data::Decimals(values)
        }
        // Arrays that are joined were in a pickle or JSON, and those are read whole.
        Data::Outside { .. } => first.data.clone(),
        Data::Texts(_) => {
            let own = parts.into_iter().filter_map(|part| match part.data {
                Data::Texts(texts) => Some(texts),
                _ => None,
            });
            Data::Texts(own.flatten().collect())
        }
    };
    Ok(Array { shape, column_major: false, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parts: &[(&[usize], &[f64])]) -> Result<Array<'static>> {
        let parts = parts.iter().map(|(shape, values)| Array::decimals(shape.to_vec(), values.to_vec())).collect();
        join(Path::new("a"), "a", parts, &mut Budget::of(9))
    }

    #[test]
    fn two_splits_are_no_batches() {
        let part = |rows: usize| (vec![rows, 2], vec![0.5; 2 * rows]);
        let joined_sizes = |sizes: &[usize]| {
            let parts: Vec<(Vec<usize>, Vec<f64>)> = sizes.iter().map(|&rows| part(rows)).collect();
            let parts: Vec<(&[usize], &[f64])> =
                parts.iter().map(|(shape, values)| (&shape[..], &values[..])).collect();
            joined(&parts).map(|array| array.shape)
        };
        assert_eq!(joined_sizes(&[4, 4]).unwrap(), [8, 2]);
        assert_eq!(joined_sizes(&[4, 3]).unwrap(), [7, 2]);
        assert_eq!(joined_sizes(&[3, 4, 4]).unwrap(), [11, 2]);
        let refused = joined_sizes(&[3, 4]).unwrap_err().to_string();
        assert!(refused.contains("a validation and a test split; save one of them"), "{refused}");
    }

    #[test]
    fn batches_follow_each_other_and_rows_stack() {
        let array = joined(&[(&[2, 2], &[1., 2., 3., 4.]), (&[1, 2], &[5., 6.])]).unwrap();
        assert_eq!(array, Array::decimals(vec![3, 2], vec![1., 2., 3., 4., 5., 6.]));
        assert_eq!(joined(&[(&[2], &[1., 2.]), (&[2], &[3., 4.])]).unwrap().shape, [2, 2]);
        assert_eq!(joined(&[(&[2], &[1., 2.]), (&[1], &[3.])]).unwrap().shape, [3]);
        assert_eq!(joined(&[(&[], &[1.]), (&[], &[3.])]).unwrap().shape, [2]);
        let error = joined(&[(&[1, 2], &[1., 2.]), (&[1, 3], &[1., 2., 3.])]).unwrap_err().to_string();
        assert!(error.contains("part 1"), "{error}");
    }
}
