//! Scores in the order of their size in place of that of the classes, as the top k are kept.

use std::collections::HashSet;
use std::path::Path;

use ndarray::ArrayView2;

use super::{Block, Logits, PredictionsError};
use crate::InputError;
use crate::array::{Array, Data};
use crate::named::Named;
use crate::quoting::quoted;

/// Neighbours in all samples of which every second is not the larger by chance hardly ever.
const FEWEST_PAIRS: usize = 24;

/// Whether the numbers of rows do not rise, and fall in each.
#[derive(Default)]
struct Falling {
    before: Option<f64>,
    falls: bool,
}

impl Falling {
    /// Takes the next number in, the last of its row or not; fails where it is none of a row that
    /// falls.
    fn add(&mut self, number: f64, is_last: bool) -> Result<(), ()> {
        self.falls |= self.before.is_some_and(|before| number < before);
        let goes_on = self.before.is_none_or(|before| number <= before) && (self.falls || !is_last);
        *self = if is_last { Self::default() } else { Self { before: Some(number), falls: self.falls } };
        if goes_on { Ok(()) } else { Err(()) }
    }
}

/// The refusal of scores that fall in every sample, with an array beside that names other classes
/// in each.
pub(super) fn refusal(file: &Path, arrays: &[Named<'_>], scores: usize) -> Option<InputError> {
    let named = arrays.get(scores)?;
    let array = named.array.as_ref().ok().filter(|array| !array.column_major)?;
    let [samples, classes] = *array.squeezed_shape(2) else { return None };
    let others = arrays.iter().enumerate().filter(|(at, _)| *at != scores).map(|(_, named)| named);
    let mut names = others.filter(|named| {
        let array = named.array.as_ref().ok().filter(|array| array.len() == samples.saturating_mul(classes));
        array.is_some_and(|array| names_other_classes(array, classes))
    });
    let by = names.next()?;
    let (mut falling, mut at) = (Falling::default(), 0_usize);
    let falls = array.for_each_number(|number| {
        at = at.saturating_add(1);
        falling.add(number.map_or_else(|number| number, |whole| whole as f64), at.is_multiple_of(classes.max(1)))
    });
    (falls == Ok(true)).then(|| {
        let line = line(&named.name, by);
        let (file, name, by) = (file.to_path_buf(), quoted(&named.name), quoted(&by.name));
        PredictionsError::Sorted { file, name, by, line }.into()
    })
}

/// The line that puts scores back, with the names of the arrays where these are plain.
fn line(scores: &str, by: &Named<'_>) -> String {
    let is_plain = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let name = |name: &str, other: &str| if is_plain(name) { name.to_owned() } else { other.to_owned() };
    let (scores, places) = (name(scores, "SCORES"), name(&by.name, "CLASSES"));
    let is_text = by.array.as_ref().is_ok_and(|array| array.element().is_none());
    let places = if is_text { format!("numpy.searchsorted(numpy.unique({places}), {places})") } else { places };
    let order = if is_text { ", with the classes in the order of their names" } else { "" };
    format!(
        "import numpy; p = numpy.asarray({places}); s = numpy.full((len(p), p.max() + 1), -numpy.inf); \
         numpy.put_along_axis(s, p, numpy.asarray({scores}), 1){order}; where s is still infinite a class was left out, and \
         its score has to be saved, too"
    )
}

/// Whether each row of so many names different classes, and not all rows the same.
fn names_other_classes(array: &Array<'_>, width: usize) -> bool {
    match &array.data {
        _ if width < 2 || array.column_major => false,
        Data::Texts(texts) => {
            let differ = |row: &[String]| row.iter().collect::<HashSet<_>>().len() == row.len();
            texts.chunks(width).all(differ) && texts.chunks(width).any(|row| texts.get(..width) != Some(row))
        }
        Data::Outside { .. } => false,
        _ => {
            let (mut first, mut row, mut others) = (Vec::new(), Vec::new(), false);
            let read = array.for_each_number(|number| {
                let number = number.map_or_else(|number| number, |whole| whole as f64);
                if number.fract() != 0.0 || number < 0.0 || row.contains(&number) || width > MOST {
                    return Err(());
                }
                row.push(number);
                if row.len() == width {
                    others |= !first.is_empty() && first != row;
                    if first.is_empty() {
                        first.clone_from(&row);
                    }
                    row.clear();
                }
                Ok(())
            });
            read == Ok(true) && others
        }
    }
}

/// Longer lists are not looked for.
const MOST: usize = 1000;

/// A sentence where the scores fall from the first class to the last in every sample.
pub(super) fn doubt(logits: &Logits) -> Option<String> {
    let (samples, classes) = logits.dim();
    let is_much = classes > 2 && samples.saturating_mul(classes.saturating_sub(1)) >= FEWEST_PAIRS;
    if !is_much || matches!(logits, Logits::Classes(_) | Logits::Counted(_)) {
        return None;
    }
    let read = logits.for_each_block(|_, block| {
        let fall = match block {
            Block::F32(scores) => all_fall(scores),
            Block::F64(scores) => all_fall(scores),
        };
        if fall { Ok(()) } else { Err(Stop) }
    });
    read.is_ok().then(|| {
        let last = classes.saturating_sub(1);
        format!(
            "the scores fall from class 0 to class {last} in every sample: are they in the order of their size, as the top \
             k are kept? Give them in the order of the classes"
        )
    })
}

/// Rows that rise, or an error of the file, which others tell.
struct Stop;

impl From<InputError> for Stop {
    fn from(_: InputError) -> Self {
        Self
    }
}

fn all_fall<T: Copy + Into<f64>>(scores: ArrayView2<'_, T>) -> bool {
    let mut falling = Falling::default();
    scores.rows().into_iter().all(|row| {
        let last = row.len().saturating_sub(1);
        row.iter().enumerate().all(|(at, &score)| falling.add(score.into(), at == last).is_ok())
    })
}

#[cfg(test)]
mod tests {
    use crate::predictions::{Logits, PredictionSource, Predictions, Reading, read_as};
    use crate::testing::with_file;

    fn found(text: &str, names: &[&str]) -> Result<Predictions, String> {
        let class_names = (!names.is_empty()).then(|| names.iter().map(|&name| name.to_owned()).collect());
        let reading = Reading { class_names, ..Reading::default() };
        with_file("p.json", text, |file| read_as(&PredictionSource::File(file.to_path_buf()), &reading))
            .map_err(|error| error.to_string())
    }

    const NAMES: &[&str] = &["cat", "dog", "emu"];

    #[test]
    fn scores_beside_the_names_of_their_classes_are_put_into_the_order_of_these() {
        for keys in ["candidate_labels", "topk", "topk_labels", "top_classes"] {
            let text = format!(
                r#"[{{"label": "cat", "{keys}": ["dog", "cat", "emu"], "scores": [0.7, 0.2, 0.1]}},
                    {{"label": "dog", "{keys}": ["emu", "dog", "cat"], "scores": [0.6, 0.3, 0.1]}}]"#
            );
            let found = found(&text, NAMES).unwrap_or_else(|error| panic!("{keys}: {error}"));
            let Logits::F64(scores) = &found.logits else { panic!("{keys}") };
            assert_eq!(scores, ndarray::array![[0.2, 0.7, 0.1], [0.1, 0.3, 0.6]], "{keys}");
            assert_eq!(found.labels.to_vec(), [0, 1], "{keys}");
        }
        let two = r#"[{"label": "cat", "topk": ["dog", "cat"], "scores": [0.7, 0.2]},
                      {"label": "dog", "topk": ["emu", "dog"], "scores": [0.6, 0.3]}]"#;
        let refused = found(two, NAMES).unwrap_err();
        assert!(refused.contains("scores"), "{refused}");
    }

    #[test]
    fn sorted_scores_beside_numbers_or_names_of_classes_are_refused() {
        let scores = r#""scores": [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.6, 0.3, 0.1]]"#;
        for (labels, topk) in [
            ("[0, 1, 1]", "[[1, 0, 2], [2, 1, 0], [1, 2, 0]]"),
            (r#"["cat", "dog", "cat"]"#, r#"[["dog", "cat", "emu"], ["emu", "dog", "cat"], ["dog", "emu", "cat"]]"#),
        ] {
            let refused = found(&format!(r#"{{"labels": {labels}, "topk": {topk}, {scores}}}"#), NAMES).unwrap_err();
            let line = refused.contains("put_along_axis(s, p, numpy.asarray(scores), 1)");
            assert!(line && refused.contains("\"topk\" beside them"), "{refused}");
        }
        let records = r#"[{"target": 0, "topk": [1, 0, 2], "scores": [0.7, 0.2, 0.1]},
                          {"target": 1, "topk": [2, 1, 0], "scores": [0.6, 0.3, 0.1]}]"#;
        assert!(found(records, &[]).unwrap_err().contains("in the order of their size"));
        // The order of the sizes beside scores that have it not.
        let sound =
            r#"{"labels": [0, 1], "topk": [[1, 0, 2], [2, 1, 0]], "scores": [[0.2, 0.7, 0.1], [0.1, 0.3, 0.6]]}"#;
        assert_eq!(found(sound, &[]).unwrap().labels.to_vec(), [0, 1]);
    }

    #[test]
    fn scores_that_fall_in_every_sample_are_told() {
        let table = |rows: &[&str]| {
            let rows: Vec<&str> = (0..12).filter_map(|at| rows.get(at % rows.len()).copied()).collect();
            let said = found(&format!("label,logit_0,logit_1,logit_2\n{}\n", rows.join("\n")), &[]).unwrap();
            said.doubts.iter().any(|doubt| doubt.contains("fall from class 0 to class 2 in every sample"))
        };
        assert!(table(&["0,3.5,2,1", "1,9,2,2", "2,0,-1,-2"]));
        assert!(!table(&["0,3.5,2,1", "1,9,2,2.5", "2,0,-1,-2"]));
        assert!(!table(&["0,3.5,2,1", "1,2,2,2", "2,0,-1,-2"]), "all alike");
    }
}
