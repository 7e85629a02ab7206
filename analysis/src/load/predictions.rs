//! Models known by their stored predictions.

use std::path::Path;

use car_spectral::bounds::Architecture;
use car_spectral::longtail::long_tailed_counts;

use car_spectral_data::SettingError;

use super::{Loaded, Request, doubtful, model_name, numbered_classes};
use crate::results::{DataFile, Source};
use crate::subject::{Scored, Subject};
use crate::words::readable;
use crate::{AnalysisError, Result};
use car_spectral_formats::counts::{read_class_names, read_named_counts, read_names};
use car_spectral_formats::predictions::{PredictionSource, Predictions, Reading, StoredFile, read_as};

pub(super) fn load(
    request: &Request,
    test: &[PredictionSource],
    train: &[PredictionSource],
    reading: &Reading,
) -> Result<Loaded> {
    let class_names = request.class_names.as_ref().map(read_names).transpose()?;
    let reading = Reading { class_names, ..reading.clone() };
    let mut subjects = Vec::new();
    for (index, source) in test.iter().enumerate() {
        let test = read_as(source, &reading)?;
        let train = train.get(index).map(|train| read_as(train, &reading)).transpose()?;
        let num_classes = test.num_classes();
        let known = Known {
            arch: request.arch.clone(),
            train_counts: known_counts(request, num_classes)?,
            class_names: request.class_names.as_ref().map(|file| read_class_names(file, num_classes)).transpose()?,
            scores_said: reading.scores.is_some(),
        };
        subjects.push(scored(test, train, known)?);
    }
    Ok(Loaded { subjects, ..Loaded::default() })
}

/// Facts on a model besides its predictions.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Name of its architecture.
    pub arch: Option<String>,
    /// Training images of each class, where there are no training predictions to count.
    pub train_counts: Option<Vec<u64>>,
    /// Names of the classes; else they are numbered.
    pub class_names: Option<Vec<String>>,
    /// Tells whether it was said what the scores are, so that their look is not in question.
    pub scores_said: bool,
}

/// Makes a model of its predictions on test images and, if given, on training images.
///
/// # Errors
/// [`AnalysisError::Mismatch`] for predictions of different models, and training counts that
/// contradict them.
pub fn scored(test: Predictions, train: Option<Predictions>, known: Known) -> Result<Subject> {
    let num_classes = test.num_classes();
    let mismatch = |problem: String| Err(AnalysisError::Mismatch { problem });
    if let Some(train) = train.as_ref().filter(|train| train.num_classes() != num_classes) {
        return mismatch(format!(
            "{} has {} scores a sample, {} has {num_classes}; give training and test predictions of one model",
            train.source,
            train.num_classes(),
            test.source
        ));
    }
    if let Some(train) = train.as_ref().filter(|train| train.logits == test.logits && train.labels == test.labels) {
        return mismatch(format!(
            "{} (training) and {} (test) hold the same scores and labels; give with `train-predictions` the model's scores on its training images, or leave it out",
            train.source, test.source
        ));
    }
    if let Some(train) = &train {
        let scales = [train, &test].map(|predictions| predictions.logits.scale());
        if !scales[0].has_margins_of(scales[1]) {
            return mismatch(format!(
                "{} holds {}, {} holds {}; margins of the two cannot be compared, give logits of both",
                train.source, scales[0], test.source, scales[1]
            ));
        }
    }
    let train_counts = known.train_counts.or_else(|| train.as_ref().map(|train| count(train, num_classes)));
    if let (Some(given), Some(train)) = (&train_counts, &train) {
        let found = count(train, num_classes);
        if let Some(class) = (0..num_classes.min(given.len())).find(|&class| given[class] != found[class]) {
            return mismatch(format!(
                "class {class}: {} training images by `train-counts`, {} labels in {}; give one of the two",
                given[class], found[class], train.source
            ));
        }
    }
    let class_names = known.class_names.unwrap_or_else(|| numbered_classes(num_classes));
    let mut warnings = doubtful("test predictions", test.doubts.clone());
    warnings.extend(doubtful("test predictions", of_training(&test).into_iter().collect()));
    warnings.extend(train.iter().flat_map(|train| doubtful("training predictions", train.doubts.clone())));
    let mut notes = test.notes.clone();
    notes.extend(called_alike(&class_names));
    notes.extend(all_right(&test));
    if let Some(train) = &train {
        let own = train.notes.iter().filter(|note| !test.notes.contains(note));
        notes.extend(own.map(|note| format!("training predictions: {note}")));
    }
    let mut files = described("test predictions", &test);
    files.extend(train.iter().flat_map(|train| described("train predictions", train)));
    Ok(Subject {
        name: model_name(first_path(&test.source)),
        source: stored_scores("predictions", files, known.arch.as_ref(), notes),
        class_names,
        train_counts,
        architecture: architecture(known.arch.as_deref()),
        train: train.map(|train| Scored { logits: train.logits, labels: train.labels }),
        test: Scored { logits: test.logits, labels: test.labels },
        scores_said: known.scores_said,
        warnings,
    })
}

/// Scores of other programs and where they come from, of an architecture that is said or unknown.
pub(super) fn stored_scores(kind: &str, files: Vec<DataFile>, arch: Option<&String>, notes: Vec<String>) -> Source {
    Source { kind: kind.to_owned(), files, architecture: arch.cloned(), notes, ..Source::default() }
}

/// What says that test predictions are of training samples.
fn of_training(test: &Predictions) -> Option<String> {
    let says = test.training.as_ref()?;
    Some(format!(
        "{says} says that these are training samples; errors on what a model was trained on say little of those on new \
         samples"
    ))
}

/// Test samples of which all are right before it is said.
const FEWEST_RIGHT: usize = 200;

/// A note where every test sample is right, as it is where the labels are the model's own answers.
fn all_right(test: &Predictions) -> Option<String> {
    let predicted = test.logits.predicted();
    let all = predicted.len() >= FEWEST_RIGHT && predicted.iter().eq(&test.labels);
    all.then(|| format!("all {} test samples are right: the labels may be the model's own answers", predicted.len()))
}

/// A note on classes that have one name.
fn called_alike(names: &[String]) -> Option<String> {
    let mut seen = std::collections::HashMap::new();
    names.iter().enumerate().find_map(|(class, name)| {
        let first = seen.insert(name, class)?;
        Some(format!(
            "classes {first} and {class} are both called {}; labels that are names mean neither",
            readable(name)
        ))
    })
}

/// The training counts that are given: in a file, or by the rule of long-tailed sets.
pub(super) fn known_counts(request: &Request, num_classes: usize) -> Result<Option<Vec<u64>>> {
    if let Some(file) = &request.train_counts {
        let names = request.class_names.as_ref().map(|file| read_class_names(file, num_classes)).transpose()?;
        return Ok(Some(read_named_counts(file, num_classes, names.as_deref())?));
    }
    let Some(imbalance) = request.imbalance else { return Ok(None) };
    let needed = "predictions need `n-max`, the images of the largest class, with it";
    let n_max = request.n_max.ok_or_else(|| SettingError::new("imbalance", imbalance, needed))?;
    let counts = long_tailed_counts(n_max, imbalance, num_classes)
        .map_err(|error| SettingError::new("imbalance", imbalance, error.to_string()))?;
    Ok(Some(counts))
}

/// What the name of an architecture alone tells of T3's preconditions.
pub(super) fn architecture(name: Option<&str>) -> Architecture {
    let name = name.unwrap_or_default().to_ascii_lowercase();
    if ["resnet", "resnext", "wrn", "wide-resnet", "efficientnet"].iter().any(|family| name.starts_with(family)) {
        Architecture::Residual
    } else if ["vit", "deit", "swin"].iter().any(|family| name.starts_with(family)) {
        Architecture::Attention
    } else {
        Architecture::Unknown
    }
}

fn count(predictions: &Predictions, num_classes: usize) -> Vec<u64> {
    let mut counts = vec![0; num_classes];
    predictions.labels.iter().for_each(|&label| counts[label] += 1);
    counts
}

fn first_path(source: &PredictionSource) -> &Path {
    match source {
        PredictionSource::File(file) => file,
        PredictionSource::Pair { logits, .. } => logits,
    }
}

fn described(role: &str, predictions: &Predictions) -> Vec<DataFile> {
    predictions.files.iter().map(|file| data_file_of(role, file)).collect()
}

/// A file that was read, as the report names it.
pub(super) fn data_file_of(role: &str, file: &StoredFile) -> DataFile {
    let StoredFile { path, bytes, sha256 } = file.clone();
    DataFile { role: role.to_owned(), path: path.display().to_string(), bytes, sha256 }
}

#[cfg(test)]
mod tests {
    use car_spectral_formats::predictions::{PredictionSource, read};

    use super::*;

    fn predictions(split: &str, rows: usize, right: usize) -> Predictions {
        let folder = tempfile::tempdir().unwrap();
        // Scores of class 0 for a sample of it that is right, and for one that is wrong.
        let row = |at: usize| match (at.is_multiple_of(3), at < right) {
            (true, _) => format!("1,0.25,1.5,{split}\n"),
            (false, true) => format!("0,1.25,0.5,{split}\n"),
            (false, false) => format!("0,0.25,0.5,{split}\n"),
        };
        let file = folder.path().join("scores.csv");
        let rows: String = (0..rows).map(row).collect();
        std::fs::write(&file, format!("label,logit_0,logit_1,split\n{rows}")).unwrap();
        read(&PredictionSource::File(file)).unwrap()
    }

    #[test]
    fn training_samples_given_as_test_samples_are_told() {
        let warned = |test, train| {
            let subject = scored(test, train, Known::default()).unwrap();
            subject.warnings.iter().any(|warning| warning.sentence.contains("that these are training samples"))
        };
        assert!(warned(predictions("train", 30, 20), None));
        assert!(!warned(predictions("test", 40, 30), Some(predictions("train", 30, 20))), "each in its place");
    }

    #[test]
    fn a_test_set_without_an_error_has_a_note() {
        let noted = |rows, right| {
            let subject = scored(predictions("test", rows, right), None, Known::default()).unwrap();
            subject.source.notes.iter().any(|note| note.contains("test samples are right"))
        };
        assert!(noted(300, 300));
        assert!(!noted(300, 200) && !noted(20, 20));
    }

    #[test]
    fn two_classes_of_one_name_have_a_note() {
        let of = |names: &[&str]| called_alike(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(of(&["crane", "maillot", "bee"]), None);
        assert!(of(&["bee", "crane", "ant", "crane"]).unwrap().starts_with("classes 1 and 3 are both called crane"));
    }
}
