//! Predicted and true classes without scores.

use std::path::Path;

use super::classes::Labels;
use super::{Classes, LABELS, Logits, Predictions, PredictionsError, Reading};
use crate::array::Array;
use crate::budget::Budget;
use crate::quoting::quoted;
use crate::words::words_of;
use crate::{ElementType, InputError, Result};

/// Predicted and true classes, and what was read as what.
pub(super) struct ClassesAlone {
    pub(super) logits: Logits,
    pub(super) labels: Vec<usize>,
    pub(super) element: ElementType,
    pub(super) notes: Vec<String>,
}

/// Words by which one number a sample is a score, of two classes, however whole it is.
const OF_SCORES: [&str; 6] = ["logit", "logits", "score", "scores", "prob", "probs"];

/// Whether what should be scores, by its own name in the file, is a class for each sample.
pub(super) fn is_classes(name: &str, logits: &Array<'_>, labels: &Array<'_>) -> bool {
    let is_whole = || {
        let whole = logits.for_each_number(|number| match number {
            Err(number) if number.fract() != 0.0 || number < 0.0 => Err(()),
            _ => Ok(()),
        });
        whole == Ok(true)
    };
    let is_score = || words_of(name).iter().any(|word| OF_SCORES.contains(&word.as_str()));
    let in_a_list = logits.element() == Some(ElementType::Decimal) || logits.shape.len() == 1 && !is_score();
    let discrete = logits.is_discrete() || in_a_list && logits.may_be_scores() && is_whole();
    logits.len() == labels.len() && !labels.shape.is_empty() && logits.squeezed_shape(1).len() == 1 && discrete
}

/// Classes that are told apart at least where no names say how many there are; otherwise as many as
/// samples.
const MOST_CLASSES: usize = 1 << 16;

/// The largest number, 0 where there is none.
fn largest((file, name, array): (&Path, &String, &Array<'_>), budget: &mut Budget) -> Result<i128> {
    let mut largest = 0_i128;
    if let Some(texts) = array.texts(file, name, budget)? {
        let numbers = texts.iter().filter_map(|text| whole_number(text.trim()));
        largest = numbers.max().unwrap_or(0);
    }
    array.for_each_number(|number| {
        largest = largest.max(number.unwrap_or_else(|number| number as i128));
        Ok::<_, InputError>(())
    })?;
    Ok(largest)
}

/// The whole number that a text is, also with a fraction of zeros.
fn whole_number(text: &str) -> Option<i128> {
    let with_fraction = || text.parse().ok().filter(|number: &f64| number.fract() == 0.0).map(|number| number as i128);
    text.parse().ok().or_else(with_fraction)
}

/// Refuses classes from 1, which nothing calls so: taken from 0, each were one too many.
pub(super) fn refuse_from_one(whole: &Predictions, reading: &Reading) -> Result<()> {
    let Logits::Classes(Classes { predicted, in_order: true, .. }) = &whole.logits else { return Ok(()) };
    let smallest = predicted.iter().chain(&whole.labels).copied().min().unwrap_or(0);
    if smallest == 0 || reading.first_label != 0 || reading.class_names.is_some() {
        return Ok(());
    }
    let file = whole.files.first().map(|file| file.path.clone()).unwrap_or_default();
    Err(PredictionsError::ClassesFromOne { file, smallest }.into())
}

/// Predicted and true class of every sample, without scores.
pub(super) fn classes_alone(
    [predicted, labels]: [(&Path, &String, &Array<'_>); 2],
    reading: &Reading,
    mut notes: Vec<String>,
    budget: &mut Budget,
) -> Result<ClassesAlone> {
    let classes = match &reading.class_names {
        Some(names) => names.len(),
        None => {
            let last = largest(predicted, budget)?.max(largest(labels, budget)?);
            let classes = last.saturating_sub(reading.first_label.into()).saturating_add(1);
            let most = MOST_CLASSES.max(labels.2.len());
            let classes = usize::try_from(classes).unwrap_or(most).clamp(2, most);
            notes.push(format!("{classes} classes, as the largest label says; `class-names` says how many there are"));
            classes
        }
    };
    if classes < 2 {
        return Err(InputError::TooFewClasses { file: labels.0.to_path_buf(), array: LABELS, classes });
    }
    let samples = labels.2.len() as u64;
    if samples == 0 {
        return Err(InputError::NoSamples { file: labels.0.to_path_buf(), array: LABELS });
    }
    budget.spend(samples.saturating_mul(16)).map_err(|exceeded| exceeded.of(labels.0, "labels".to_owned()))?;
    let found = Labels::new(predicted.0, classes, reading).of_array(predicted.2, predicted.1, budget)?;
    let true_classes = Labels::new(labels.0, classes, reading).of_array(labels.2, labels.1, budget)?;
    let (name, element) = (quoted(predicted.1), predicted.2.element().unwrap_or(ElementType::Decimal));
    notes.push(format!("{name} holds a class for each sample and no scores: what needs scores is left out"));
    let classes = Classes { predicted: found, num_classes: classes, in_order: true };
    Ok(ClassesAlone { logits: Logits::Classes(classes), labels: true_classes, element, notes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::{PredictionSource, read_as};
    use crate::testing::{archive, npy, with_file};

    fn found(content: impl AsRef<[u8]>, reading: &Reading) -> Result<(Vec<usize>, Vec<usize>, usize), String> {
        with_file("p", content, |file| {
            let read =
                read_as(&PredictionSource::File(file.to_path_buf()), reading).map_err(|error| error.to_string())?;
            assert!(matches!(read.logits, Logits::Classes(_)));
            Ok((read.labels.to_vec(), read.logits.predicted(), read.num_classes()))
        })
    }

    const EXPECTED: ([usize; 4], [usize; 4]) = ([0, 2, 1, 1], [0, 1, 1, 2]);

    fn assert_are_expected(content: impl AsRef<[u8]>, reading: &Reading, what: &str) {
        let (labels, predicted, classes) = found(content, reading).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((&labels[..], &predicted[..], classes), (&EXPECTED.0[..], &EXPECTED.1[..], 3), "{what}");
    }

    #[test]
    fn classes_from_one_have_to_be_said() {
        let table = "label,pred\n1,1\n3,2\n2,2\n2,3\n";
        let refused = found(table, &Reading::default()).unwrap_err();
        assert!(refused.contains("no predicted class is 0") && refused.contains("`first-label` 1"), "{refused}");
        assert_are_expected(table, &Reading { first_label: 1, ..Reading::default() }, table);
        let names = Some(["a", "b", "c", "d"].map(str::to_owned).to_vec());
        assert_eq!(found(table, &Reading { class_names: names, ..Reading::default() }).unwrap().2, 4);
        assert_eq!(found("label,pred\n1,1\n2,0\n", &Reading::default()).unwrap().2, 3);
    }

    #[test]
    fn whole_numbers_with_a_fraction_are_classes() {
        for table in
            ["label,pred\n0.0,0.0\n2.0,1.0\n1.0,1\n1.0,2.0\n", "label;pred\n0,0;0,0\n2,0;1,0\n1,0;1,0\n1,0;2,0\n"]
        {
            assert_are_expected(table, &Reading::default(), table);
        }
        let bytes = |classes: [usize; 4]| classes.map(|class| (class as f32).to_le_bytes()).concat();
        let (labels, predicted) = (npy("<f4", "(4,)", &bytes(EXPECTED.0)), npy("<f4", "(4,)", &bytes(EXPECTED.1)));
        let members: [(&str, &[u8]); 2] = [("preds.npy", &predicted), ("labels.npy", &labels)];
        assert_are_expected(archive(&members, false), &Reading::default(), "float32");
        let members: [(&str, &[u8]); 2] = [("logits.npy", &predicted), ("labels.npy", &labels)];
        assert!(found(archive(&members, false), &Reading::default()).unwrap_err().contains("1 class(es)"), "logits");
        let halves = [0.0_f32, 1.5, 1.0, 2.0].map(f32::to_le_bytes).concat();
        let members: [(&str, &[u8]); 2] = [("preds.npy", &npy("<f4", "(4,)", &halves)), ("labels.npy", &labels)];
        let bytes = archive(&members, false);
        assert!(found(bytes, &Reading::default()).unwrap_err().contains("1 class(es)"));
    }
}
