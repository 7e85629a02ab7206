//! Scores [N, K + 1] whose first or last column holds the labels, as a table of both does.

use std::path::Path;

use ndarray::{ArrayView2, Axis};

use super::{Block, Logits, PredictionsError};
use crate::InputError;
use crate::array::{Array, place_of};
use crate::quoting::in_command;

/// Samples below which whole numbers in a column say nothing.
const FEWEST: usize = 4;

/// A column at an end of the scores.
#[derive(Debug, Clone, Copy, PartialEq)]
struct End {
    column: usize,
    /// Whether all its numbers are whole and none is above the number of the other columns.
    whole: bool,
    smallest: f64,
    largest: f64,
    /// Whether all its numbers are the labels.
    is_labels: bool,
    /// Whether another column has a fraction.
    others: bool,
    /// Whether the other columns lie between 0 and 1, so that all may be shares.
    shares: bool,
}

/// The ends of [N, columns], as far as they were seen.
struct Ends([End; 2]);

impl Ends {
    fn of(columns: usize) -> Self {
        let end = |column| End {
            column,
            whole: true,
            smallest: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            is_labels: true,
            others: false,
            shares: true,
        };
        Self([end(0), end(columns.saturating_sub(1))])
    }

    /// Takes a score in; whether an end may still hold labels.
    fn add(&mut self, column: usize, columns: usize, score: f64, label: Option<usize>) -> bool {
        for end in &mut self.0 {
            if column != end.column {
                end.others |= score.fract() != 0.0;
                end.shares &= (0.0..=1.0).contains(&score);
                continue;
            }
            end.whole &= score.fract() == 0.0 && score >= 0.0 && score < columns as f64;
            end.is_labels &= label.is_some_and(|label| label as f64 == score);
            (end.smallest, end.largest) = (end.smallest.min(score), end.largest.max(score));
        }
        self.0.iter().any(|end| end.whole)
    }

    /// The end that holds what labels are: whole numbers, not all one, where others have fractions.
    /// Zeros and ones are labels of two classes at most, and a tree's shares of a class that is
    /// told well.
    fn found(&self, samples: usize, columns: usize) -> Option<Found> {
        let is_more = |end: &End| end.largest > 1.0 || (columns == 3 && !end.shares);
        let is = |end: &&End| end.whole && end.others && end.smallest < end.largest && is_more(end);
        let end = self.0.iter().rev().find(is).filter(|_| samples >= FEWEST && columns > 2)?;
        let (name, cut, at) = if end.column == 0 { ("first", "1:", "0") } else { ("last", ":-1", "-1") };
        Some(Found { name, cut, at, columns, range: [end.smallest, end.largest], is_labels: end.is_labels })
    }
}

/// What was found.
struct Found {
    name: &'static str,
    cut: &'static str,
    at: &'static str,
    columns: usize,
    range: [f64; 2],
    is_labels: bool,
}

impl Found {
    fn described(&self) -> String {
        let Self { name, columns, range: [smallest, largest], .. } = self;
        format!(
            "the {name} of the {columns} columns holds nothing but whole numbers, {smallest} to {largest}, as labels \
             are, and no other does"
        )
    }

    fn line(&self, array: &str) -> String {
        let Self { cut, at, .. } = self;
        format!("a = {array}; numpy.savez('predictions.npz', logits=a[:, {cut}], labels=a[:, {at}].astype('int64'))")
    }

    fn refusal(&self, file: &Path, found: String, array: &str) -> InputError {
        PredictionsError::LabelsAmongScores { file: file.to_path_buf(), found, line: self.line(array) }.into()
    }
}

/// What to say of a lone array whose first or last column may be the labels; `load` gives it in
/// Python.
pub(super) fn refusal(file: &Path, array: &Array<'_>, load: Option<&str>) -> Option<InputError> {
    let &[samples, columns] = array.shape.as_slice() else { return None };
    let (mut ends, mut position) = (Ends::of(columns), 0_usize);
    // Stopped by the first rows, as most are.
    let all = array.for_each_number(|number| {
        let (_, column) = place_of(position, (samples, columns), array.column_major);
        position = position.saturating_add(1);
        let score = number.map_or_else(|score| score, |whole| whole as f64);
        if ends.add(column, columns, score, None) { Ok(()) } else { Err(()) }
    });
    let found = all.ok().filter(|read| *read).and_then(|_| ends.found(samples, columns))?;
    let load = load.map_or_else(|| "ARRAY".to_owned(), |load| format!("{load}('{}')", in_command(file)));
    Some(found.refusal(file, found.described(), &load))
}

enum Stop {
    Seen,
    Failed(InputError),
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Self {
        Self::Failed(error)
    }
}

/// Refuses scores with the labels themselves among them; of a column that is like labels a
/// sentence.
pub(super) fn doubt(file: &Path, logits: &Logits, labels: &[usize]) -> Result<Option<String>, InputError> {
    let (samples, columns) = logits.dim();
    let mut ends = Ends::of(columns);
    let read = logits.for_each_block(|first, block| {
        let labels = labels.get(first..).unwrap_or_default();
        let goes_on = match block {
            Block::F32(scores) => add_rows(&mut ends, scores, labels),
            Block::F64(scores) => add_rows(&mut ends, scores, labels),
        };
        if goes_on { Ok(()) } else { Err(Stop::Seen) }
    });
    match read {
        Err(Stop::Failed(error)) => return Err(error),
        Err(Stop::Seen) => return Ok(None),
        Ok(()) => {}
    }
    let Some(found) = ends.found(samples, columns) else { return Ok(None) };
    if found.is_labels {
        let what = format!("the {} of the {columns} columns of scores is the labels themselves", found.name);
        return Err(found.refusal(file, what, "SCORES"));
    }
    Ok(Some(format!("{}: if they are labels, it is no class, and has to be taken off the scores", found.described())))
}

fn add_rows<T: Copy + Into<f64>>(ends: &mut Ends, scores: ArrayView2<'_, T>, labels: &[usize]) -> bool {
    let columns = scores.len_of(Axis(1));
    let mut rows = scores.rows().into_iter().zip(labels);
    rows.all(|(row, &label)| {
        row.iter().enumerate().for_each(|(column, &score)| _ = ends.add(column, columns, score.into(), Some(label)));
        ends.0.iter().any(|end| end.whole)
    })
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::predictions::{PredictionSource, read};
    use crate::testing;

    /// Scores of eight samples of three classes, with `extra` in front of them or behind.
    fn scores(extra: [f32; 8], in_front: bool) -> Array2<f32> {
        Array2::from_shape_fn((8, 4), |(sample, column)| match (column, in_front) {
            (0, true) | (3, false) => extra[sample],
            _ => 0.3 + (sample * 5 + column * 7) as f32 * 0.37 % 2.0,
        })
    }

    const LABELS: [usize; 8] = [0, 2, 1, 1, 0, 2, 2, 0];

    fn said(extra: [f32; 8], in_front: bool) -> Result<Option<String>, String> {
        doubt(Path::new("a"), &Logits::F32(scores(extra, in_front)), &LABELS).map_err(|error| error.to_string())
    }

    #[test]
    fn labels_among_the_scores_are_refused_and_what_is_like_them_is_doubted() {
        let labels = LABELS.map(|label| label as f32);
        for in_front in [false, true] {
            let refused = said(labels, in_front).unwrap_err();
            let [name, cut] = if in_front { ["first", "a[:, 1:]"] } else { ["last", "a[:, :-1]"] };
            assert!(refused.contains(&format!("the {name} of the 4 columns of scores is the labels")), "{refused}");
            assert!(refused.contains(cut), "{refused}");
        }
        let like = said([0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.0], false).unwrap().unwrap();
        assert!(like.contains("the last of the 4 columns holds nothing but whole numbers, 0 to 2"), "{like}");
        for sound in
            [[0.0; 8], [0.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 1.5], [-1.0; 8], [7.0, 1.0, 2.0, 0., 1., 2., 0., 1.]]
        {
            assert_eq!(said(sound, false), Ok(None), "{sound:?}");
        }
        assert_eq!(said([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0], false), Ok(None), "shares of a tree");
        // Votes are whole in every column.
        let votes = Logits::F32(scores(labels, false).mapv(f32::trunc));
        assert_eq!(doubt(Path::new("a"), &votes, &LABELS).unwrap(), None);
    }

    #[test]
    fn a_lone_array_with_labels_in_a_column_is_told_how_to_split() {
        let labels = LABELS.map(|label| label as f32);
        let of = |array: Array2<f32>| {
            let bytes: Vec<u8> = array.iter().flat_map(|score| score.to_le_bytes()).collect();
            testing::with_file("all.npy", testing::npy("<f4", "(8, 4)", &bytes), |file| {
                read(&PredictionSource::File(file.to_path_buf())).unwrap_err().to_string()
            })
        };
        let split = of(scores(labels, false));
        assert!(
            split.contains("all.npy'); numpy.savez('predictions.npz', logits=a[:, :-1], labels=a[:, -1]"),
            "{split}"
        );
        assert!(of(scores([0.5; 8], false)).contains("LOGITS.npy,LABELS.npy"));
    }
}
