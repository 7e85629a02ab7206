//! Arrays in what `torch.save`, `pickle.dump` and `numpy.save` wrote, out of the memory of their
//! file.

use std::borrow::Cow;

use super::own_names::listed;
use crate::Result;
use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::content::Content;
use crate::named::{Named, arrays_of};
use crate::weights::with_plain_pickle;

/// The arrays of a pickle that is a part of a file, copied.
pub(super) fn arrays_of_pickle<'a>(
    content: &Content,
    pickle: &[u8],
    part: &str,
    budget: &mut Budget,
) -> Result<Vec<Named<'a>>> {
    with_plain_pickle(content, pickle, part, budget, |saved, budget| {
        let saved = listed(saved, budget).map_err(|exceeded| exceeded.of(&content.file, part.to_owned()))?;
        let arrays = arrays_of(&content.file, saved, budget)?;
        arrays.into_iter().map(|named| owned(content, named, budget)).collect()
    })
}

fn owned<'a>(content: &Content, named: Named<'_>, budget: &mut Budget) -> Result<Named<'a>> {
    let Named { name, array } = named;
    let array = match array {
        Ok(Array { shape, column_major, data }) => {
            let data = match data {
                Data::Binary { kind, order, content: bytes, start } => {
                    if let Cow::Borrowed(bytes) = bytes {
                        let cost = bytes.len() as u64;
                        budget.spend(cost).map_err(|exceeded| exceeded.of(&content.file, format!("array {name}")))?;
                    }
                    Data::Binary { kind, order, content: Cow::Owned(bytes.into_owned()), start }
                }
                Data::Decimals(values) => Data::Decimals(values),
                Data::Texts(texts) => Data::Texts(texts),
                Data::Outside { element, order, region } => Data::Outside { element, order, region },
            };
            Ok(Array { shape, column_major, data })
        }
        Err(error) => Err(error),
    };
    Ok(Named { name, array })
}
