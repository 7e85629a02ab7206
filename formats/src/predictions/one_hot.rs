//! Columns of labels in the order of the scores, by what they are called.

use std::path::Path;

use super::class_columns::without_common;
use super::order::Half;
use super::{PredictionsError, Reading};
use crate::Result;
use crate::array::{Array, Data};
use crate::quoting::{quoted, quoted_list};

/// Puts labels with a column for each class into the order of the classes; of columns that nothing
/// compares a note tells.
pub(super) fn aligned<'a>(file: &Path, scores: &Half<'_>, mut labels: Half<'a>, reading: &Reading) -> Result<Half<'a>> {
    let width = scores.array.shape.last().copied();
    let Some(own) = labels.columns.take().filter(|own| Some(own.len()) == width) else { return Ok(labels) };
    let Some(classes) = reading.class_names.as_ref().or(scores.columns.as_ref()) else {
        labels.notes.push(format!(
            "the columns of the labels, {}, are taken for the classes in the order in which they stand; `class-names` \
             says another",
            quoted_list(&own)
        ));
        return Ok(labels);
    };
    let (bare, bare_classes) = (without_common(&own), without_common(classes));
    let places: Option<Vec<usize>> =
        bare_classes.iter().map(|class| bare.iter().position(|name| name == class)).collect();
    let each_once = |places: &Vec<usize>| (0..bare.len()).all(|at| places.contains(&at)) && places.len() == bare.len();
    let places = places.filter(each_once);
    let Some(places) = places else {
        let (file, labels, classes) = (file.to_path_buf(), quoted_list(&own), quoted_list(classes));
        return Err(PredictionsError::OtherColumns { file, labels, classes }.into());
    };
    if !places.is_sorted() {
        labels.array = with_columns(labels.array, &places);
        labels.notes.push("the columns of the labels are put into the order of the scores by name".to_owned());
    }
    Ok(labels)
}

/// The columns of a table's numbers at these places.
fn with_columns<'a>(array: Array<'a>, places: &[usize]) -> Array<'a> {
    let data = match array.data {
        Data::Decimals(values) if !places.is_empty() => {
            let rows = values.chunks(places.len());
            Data::Decimals(rows.flat_map(|row| places.iter().filter_map(|&at| row.get(at)).copied()).collect())
        }
        other => other,
    };
    Array { data, ..array }
}

/// A sentence on the one named column of scores that is the class of no label.
pub(super) fn absent_column(names: &[String], labels: &[usize], reading: &Reading) -> Option<String> {
    let mut absent = vec![true; names.len()];
    for &label in labels {
        *absent.get_mut(label)? = false;
    }
    let mut absent = names.iter().enumerate().zip(absent).filter(|(_, absent)| *absent).map(|(named, _)| named);
    let ((class, name), None) = (absent.next()?, absent.next()) else { return None };
    (reading.class_names.is_none() && names.len() > 2).then(|| {
        format!(
            "no label is class {class}, for which the column {} of the scores is taken: if it is no class, leave it \
             out or give `class-names`",
            quoted(name)
        )
    })
}
