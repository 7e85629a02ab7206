//! Models known by their confusion matrices alone.

use std::path::PathBuf;

use car_spectral_formats::confusion::{Confusion, Orientation, read_confusion};
use car_spectral_formats::counts::read_class_names;
use car_spectral_formats::predictions::{Classes, Logits};
use ndarray::Array1;

use super::predictions::{architecture, data_file_of, known_counts, stored_scores};
use super::{Loaded, Request, doubtful, model_name, numbered_classes};
use crate::Result;
use crate::subject::{Scored, Subject};

/// What a matrix cannot say.
const WITHOUT_SCORES: &str = "read from a confusion matrix: what needs scores (margins above 0, the surrogate) or single \
     samples (comparisons of models) is left out";

pub(super) fn load(request: &Request, files: &[PathBuf], orientation: Option<Orientation>) -> Result<Loaded> {
    let read = files.iter().map(|file| subject(request, named(request, read_confusion(file, orientation)?)?));
    let subjects = read.collect::<Result<_>>()?;
    Ok(Loaded { subjects, ..Loaded::default() })
}

/// The matrix with the names that were given, in their order.
fn named(request: &Request, confusion: Confusion) -> Result<Confusion> {
    match &request.class_names {
        Some(file) => {
            let names = read_class_names(file, confusion.counts.nrows())?;
            Ok(confusion.in_order_of(names)?)
        }
        None => Ok(confusion),
    }
}

fn subject(request: &Request, confusion: Confusion) -> Result<Subject> {
    let num_classes = confusion.counts.nrows();
    let (labels, predicted) = confusion.samples();
    let class_names = confusion.names.unwrap_or_else(|| numbered_classes(num_classes));
    let files = vec![data_file_of("confusion matrix", &confusion.file)];
    let notes = [vec![WITHOUT_SCORES.to_owned()], confusion.notes].concat();
    let logits = Logits::Classes(Classes { predicted, num_classes, in_order: false });
    Ok(Subject {
        name: model_name(&confusion.file.path),
        source: stored_scores("confusion", files, request.arch.as_ref(), notes),
        class_names,
        train_counts: known_counts(request, num_classes)?,
        architecture: architecture(request.arch.as_deref()),
        train: None,
        test: Scored { logits, labels: Array1::from_vec(labels) },
        scores_said: true,
        warnings: doubtful("the matrix", confusion.doubts),
    })
}
