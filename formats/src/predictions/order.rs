//! The order of the samples where one file of a pair names them and the other does not.

use std::path::Path;

use super::PredictionsError;
use super::own_names::OwnNames;
use crate::Result;
use crate::array::{Array, Data};
use crate::budget::Budget;
use crate::named::Named;
use crate::quoting::quoted;

/// How the rows of a file came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// One after the other.
    InOrder,
    /// By keys of a dictionary, in the order of the file.
    ByKeys,
    /// By keys of a dictionary whose order is not kept.
    BySortedKeys,
}

/// The scores or the labels of a pair.
pub(super) struct Half<'a> {
    /// What the array is called.
    pub(super) name: String,
    pub(super) array: Array<'a>,
    /// What names the samples.
    pub(super) beside: Vec<Named<'a>>,
    pub(super) rows: Rows,
    /// What its columns are called, where neither numbers nor the names of the classes gave their
    /// order.
    pub(super) columns: Option<Vec<String>>,
    /// Names of the classes beside the scores.
    pub(super) own: Vec<OwnNames>,
    /// Readings of the file.
    pub(super) notes: Vec<String>,
}

impl<'a> Half<'a> {
    /// An array and what names its samples.
    pub(super) fn new(name: String, array: Array<'a>, beside: Vec<Named<'a>>, rows: Rows) -> Self {
        Self { name, array, beside, rows, columns: None, own: Vec::new(), notes: Vec::new() }
    }
}

/// Bytes charged for the number of a sample and its place.
const SAMPLE: u64 = 32;

/// Puts samples that are numbered by keys into the order of the numbers, of which the sentence
/// tells; refuses another order of numbered rows, and keys that say nothing, for `other` does not
/// name its samples.
pub(super) fn in_order<'a>(
    mut half: Half<'a>,
    file: &Path,
    other: &Path,
    budget: &mut Budget,
) -> Result<(Half<'a>, Option<String>)> {
    let samples = half.array.shape.first().copied().unwrap_or_default();
    let mut found = None;
    let mut ascend = half.rows != Rows::BySortedKeys;
    for Named { name, array } in &half.beside {
        let Some(array) = array.as_ref().ok().filter(|array| array.len() == samples) else { continue };
        let cost = SAMPLE.saturating_mul(samples as u64);
        budget.spend(cost).map_err(|exceeded| exceeded.of(file, "numbers of samples".to_owned()))?;
        let Some(numbers) = whole_numbers(array) else { continue };
        match places(&numbers) {
            Some(places) if places.is_sorted() => return Ok((half, None)),
            Some(places) => found = found.or(Some((name.clone(), places))),
            None => ascend &= numbers.is_sorted(),
        }
    }
    match (half.rows, found) {
        (Rows::InOrder, None) => Ok((half, None)),
        (Rows::InOrder, Some((name, places))) => {
            let row = places.iter().enumerate().find(|(at, place)| at != *place).map_or(0, |(at, _)| at);
            let name = if name.is_empty() { "the column without a name".to_owned() } else { quoted(&name) };
            let (file, other) = (file.to_path_buf(), other.to_path_buf());
            Err(PredictionsError::NumberedRows { file, name, row, other }.into())
        }
        (_, Some((_, places))) => {
            let held = half.array.data.held().saturating_mul(2);
            budget.spend(held as u64).map_err(|exceeded| exceeded.of(file, "samples in order".to_owned()))?;
            half.array = half.array.with_rows(&places);
            // What names them has told what it can.
            half.beside.clear();
            let name = file.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            Ok((half, Some(format!("the samples of {} are put into the order of their numbers", quoted(&name)))))
        }
        (_, None) if ascend => Ok((half, None)),
        (_, None) => {
            let (file, other) = (file.to_path_buf(), other.to_path_buf());
            Err(PredictionsError::KeysAlone { file, last: samples.saturating_sub(1), other }.into())
        }
    }
}

/// The numbers that name samples; `None` for names.
fn whole_numbers(array: &Array<'_>) -> Option<Vec<u64>> {
    if let Data::Texts(texts) = &array.data {
        return texts.iter().map(|text| text.trim().parse().ok()).collect();
    }
    let mut found = Vec::with_capacity(array.len());
    let known = array.for_each_number(|number| {
        let whole = number.or_else(|number| if number.fract() == 0.0 { Ok(number as i128) } else { Err(()) })?;
        found.push(u64::try_from(whole).map_err(|_| ())?);
        Ok::<_, ()>(())
    });
    (known == Ok(true)).then_some(found)
}

/// Where each of the numbers 0 to N - 1 or 1 to N stands, if these are the numbers, each once.
fn places(numbers: &[u64]) -> Option<Vec<usize>> {
    let first = numbers.iter().copied().min().filter(|&first| first <= 1)?;
    let mut places = vec![None; numbers.len()];
    for (at, number) in numbers.iter().enumerate() {
        let place = usize::try_from(number.checked_sub(first)?).ok()?;
        if places.get_mut(place)?.replace(at).is_some() {
            return None;
        }
    }
    places.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::{PredictionSource, Reading, read_as};
    use crate::testing::npy;

    #[test]
    fn numbers_that_count_samples_have_places() {
        assert_eq!(places(&[2, 0, 1]), Some(vec![1, 2, 0]));
        assert_eq!(places(&[3, 1, 2]), Some(vec![1, 2, 0]));
        for none in [&[0, 2, 3][..], &[2, 3, 4], &[0, 0, 1]] {
            assert_eq!(places(none), None, "{none:?}");
        }
    }

    const SCORES: [f32; 8] = [4.5, 0., 0., 1., 3., 0., 0., 2.];
    const LABELS: [i64; 4] = [0, 1, 0, 1];

    /// What is said of scores and labels, one of which is this text in a file of this ending.
    fn said(of: &str, ending: &str, content: impl AsRef<[u8]>, reading: &Reading) -> String {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        let scores: Vec<u8> = SCORES.iter().flat_map(|score| score.to_le_bytes()).collect();
        let labels: Vec<u8> = LABELS.iter().flat_map(|label| label.to_le_bytes()).collect();
        let (mut logits, mut own) = (place("logits.npy"), place("labels.npy"));
        std::fs::write(&logits, npy("<f4", "(4, 2)", &scores)).unwrap();
        std::fs::write(&own, npy("<i8", "(4,)", &labels)).unwrap();
        let given = place(&format!("given.{ending}"));
        std::fs::write(&given, content).unwrap();
        *(if of == "scores" { &mut logits } else { &mut own }) = given;
        match read_as(&PredictionSource::Pair { logits, labels: own }, reading) {
            Ok(read) => format!("{} {:?} {}", read.labels, read.logits.predicted(), read.notes.join("; ")),
            Err(error) => error.to_string(),
        }
    }

    const RIGHT: &str = "[0, 1, 0, 1] [0, 1, 0, 1]";

    #[test]
    fn samples_by_keys_are_put_in_the_order_of_their_numbers() {
        // A pickle of {"10": 1, ...} keeps no order: its keys come as texts in that of the alphabet.
        let mut pickle = b"\x80\x02}(".to_vec();
        for at in [3_i64, 0, 2, 1] {
            pickle.extend([b"X\x01\0\0\0", at.to_string().as_bytes(), b"K", &[LABELS[at as usize] as u8][..]].concat());
        }
        pickle.extend(b"u.");
        for (of, ending, content) in [
            ("labels", "json", &br#"{"3": 1, "0": 0, "2": 0, "1": 1}"#[..]),
            ("labels", "json", br#"{"4": 1, "1": 0, "3": 0, "2": 1}"#),
            ("labels", "json", br#"{"label": {"3": 1, "0": 0, "2": 0, "1": 1}}"#),
            ("labels", "json", br#"{"3": {"label": 1}, "0": {"label": 0}, "2": {"label": 0}, "1": {"label": 1}}"#),
            ("labels", "pkl", &pickle),
            ("scores", "json", br#"{"3": [0, 2.0], "0": [4.0, 0], "2": [3.0, 0], "1": [0, 1.0]}"#),
        ] {
            let said = said(of, ending, content, &Reading::default());
            assert!(said.starts_with(RIGHT), "{said}");
            assert_eq!(said.contains("put into the order"), ending == "json", "{said}");
        }
    }

    #[test]
    fn keys_and_rows_that_leave_the_order_open_are_refused() {
        for (of, ending, content, sentence) in [
            ("labels", "json", r#"{"30": 1, "5": 0, "2": 0, "1": 1}"#, "keys that are not the numbers 0 to 3"),
            ("labels", "csv", "id,label\n3,1\n0,0\n2,0\n1,1\n", "\"id\" numbers the rows in another order"),
            ("labels", "csv", ",label\n3,1\n0,0\n2,0\n1,1\n", "the column without a name numbers the rows"),
            ("scores", "csv", ",a,b\n3,0,2.0\n0,4.0,0\n2,3.0,0\n1,0,1.0\n", "the column without a name numbers"),
            ("labels", "json", r#"{"name": "y", "index": [3, 0, 2, 1], "data": [1, 0, 0, 1]}"#, "\"index\" numbers"),
        ] {
            let said = said(of, ending, content, &Reading::default());
            assert!(said.contains(sentence), "{said}");
        }
        for (ending, content) in [
            ("json", r#"{"1": 0, "5": 1, "7": 0, "30": 1}"#),
            ("json", r#"{"b.jpg": 0, "a.jpg": 1, "d.jpg": 0, "c.jpg": 1}"#),
            ("csv", "id,label\n70,0\n5,1\n7,0\n30,1\n"),
            ("csv", "id,label\n1,0\n2,1\n3,0\n4,1\n"),
        ] {
            let said = said("labels", ending, content, &Reading::default());
            assert!(said.starts_with(RIGHT), "{said}");
        }
        // A pickle does not keep the order of names.
        let named = b"\x80\x02}(X\x01\0\0\0bK\0X\x01\0\0\0aK\x01X\x01\0\0\0dK\0X\x01\0\0\0cK\x01u.";
        let said = said("labels", "pkl", named, &Reading::default());
        assert!(said.contains("keys that are not the numbers"), "{said}");
    }

    #[test]
    fn tables_of_scores_in_json_are_read_whichever_way_they_are_kept() {
        let expected = "[0, 1, 0, 1] [0, 1, 0, 1]";
        for content in [
            r#"{"0": {"0": 4.5, "1": 0, "2": 3, "3": 0}, "1": {"0": 0, "1": 1, "2": 0, "3": 2}}"#,
            r#"{"0": {"3": 0, "0": 4.5, "1": 0, "2": 3}, "1": {"3": 2, "0": 0, "1": 1, "2": 0}}"#,
            r#"{"0": {"0": 4.5, "1": 0}, "1": {"0": 0, "1": 1}, "2": {"0": 3, "1": 0}, "3": {"0": 0, "1": 2}}"#,
            r#"[{"0": 4.5, "1": 0}, {"0": 0, "1": 1}, {"0": 3, "1": 0}, {"0": 0, "1": 2}]"#,
            r#"{"columns": [0, 1], "index": [0, 1, 2, 3], "data": [[4.5, 0], [0, 1], [3, 0], [0, 2]]}"#,
            r#"{"columns": ["p_1", "p_0"], "index": [0, 1, 2, 3], "data": [[0, 4.5], [1, 0], [0, 3], [2, 0]]}"#,
            "[[4.5, 0], [0, 1], [3, 0], [0, 2]]",
        ] {
            let said = said("scores", "json", content, &Reading::default());
            assert!(said.starts_with(expected), "{content}: {said}");
        }
        let named = r#"[{"dog": 0, "cat": 4.5}, {"dog": 1, "cat": 0}, {"dog": 0, "cat": 3}, {"dog": 2, "cat": 0}]"#;
        assert!(said("scores", "json", named, &Reading::default()).contains("give these in their order"));
        let class_names = Some(["cat", "dog"].map(str::to_owned).to_vec());
        let reading = Reading { class_names, ..Reading::default() };
        assert!(said("scores", "json", named, &reading).starts_with(expected));
        let table = "dog,cat\n0,4.5\n1,0\n0,3\n2,0\n";
        assert!(said("scores", "csv", table, &reading).starts_with(expected));
        let numbered = "logit_1,logit_0\n0,4.5\n1,0\n0,3\n2,0\n";
        assert!(said("scores", "csv", numbered, &Reading::default()).starts_with(expected));
        let row = |at: usize| format!(r#""{at}": {{"0": 1.5, "1": 2, "2": 3, "3": 4}}"#);
        let square = format!("{{{}}}", [0, 1, 2, 3].map(row).join(", "));
        let said = said("scores", "json", square, &Reading::default());
        assert!(said.contains("nothing says whether the outer keys"), "{said}");
    }
}
