//! The way from the two arrays as they are stored to logits [N, K] and class numbers `[N]`.

use std::path::Path;
use std::sync::Arc;

use ndarray::{Array2, ShapeBuilder};

use super::belong;
use super::beside::{Beside, Samples};
use super::choice::Chosen;
use super::classes::Labels;
use super::classes_alone::{ClassesAlone, classes_alone, is_classes};
use super::splits::{self, Said};
use super::{LABELS, LOGITS, Logits, PredictionsError, Reading, StoredScores, folders, top_k};
use crate::array::{Array, Data, Kind, place_of};
use crate::budget::Budget;
use crate::element::{extend_f32, extend_f64, first_non_finite, reserve};
use crate::quoting::quoted;
use crate::{ElementType, InputError, Result};

/// Checked predictions of one file.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) logits: Logits,
    pub(super) labels: Vec<usize>,
    pub(super) element: ElementType,
    pub(super) notes: Vec<String>,
    pub(super) beside: Beside,
}

/// Files that the two arrays are in; one, or those of a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Files<'a> {
    pub(super) logits: &'a Path,
    pub(super) labels: &'a Path,
}

/// Checks shapes and types, then converts in bulk.
pub(super) fn convert(
    files: Files<'_>,
    chosen: Chosen<'_>,
    reading: &Reading,
    budget: &mut Budget,
) -> Result<Converted> {
    let Chosen { logits, logits_name, labels, labels_name, beside } = chosen;
    let mut notes = Vec::new();
    let are_classes = is_classes(&logits_name, &logits, &labels);
    // Messages call the arrays by the names that they have.
    let called = |name: String, usual: &str| if name.is_empty() { usual.to_owned() } else { name };
    let (logits_name, labels_name) = (called(logits_name, LOGITS), called(labels_name, LABELS));
    if logits_name != LOGITS || labels_name != LABELS {
        notes.push(format!("scores read from {}, labels from {}", quoted(&logits_name), quoted(&labels_name)));
    }
    let Said { odd, training } = belong::check(files.labels, &beside, labels.len(), budget)?;
    let named = [&logits_name, &labels_name].into_iter().find(|name| splits::in_name(name) == Some(splits::TRAINING));
    let training = training.or_else(|| named.map(|name| quoted(name)));
    if are_classes {
        let halves = [(files.logits, &logits_name, &logits), (files.labels, &labels_name, &labels)];
        let samples = Samples::of(&beside, labels.len(), reading, budget);
        let ClassesAlone { logits, labels, element, notes } = classes_alone(halves, reading, notes, budget)?;
        let rules = Labels::new(files.labels, logits.dim().1, reading);
        let of_folders = folders::doubts(&rules, &labels, &beside);
        let mut beside = Beside::of(samples);
        beside.odd.extend(odd.into_iter().chain(of_folders));
        beside.training = training;
        return Ok(Converted { logits, labels, element, notes, beside });
    }
    if logits.may_be_scores() && logits.shape.len() == 1 && logits.len() == labels.len() {
        return Err(InputError::TooFewClasses { file: files.logits.to_path_buf(), array: LOGITS, classes: 1 });
    }
    let logits = as_matrix(logits, &labels);
    let last = top_k::last_class(&labels, reading);
    if let Some(refusal) = top_k::refusal(files.logits, &logits_name, &logits, last, files.logits != files.labels) {
        return Err(refusal);
    }
    let logits = Scores { file: files.logits, name: &logits_name, array: logits };
    let (samples, classes) = logits.extents()?;
    let rules = Labels::new(files.labels, classes, reading);
    let one_hot = labels.len() != samples && labels.squeezed_shape(2) == [samples, classes];
    if labels.len() != samples && !one_hot {
        return Err(other_extents(files, labels_name, labels, (samples, classes)));
    }
    budget
        .spend((samples as u64).saturating_mul(8))
        .map_err(|exceeded| exceeded.of(files.labels, format!("array {}", quoted(&labels_name))))?;
    let element = logits.array.element().unwrap_or(ElementType::Decimal);
    let logits = logits.convert((samples, classes), budget)?;
    let labels = if one_hot {
        notes.push(format!("labels in {} have a column for each class", quoted(&labels_name)));
        classes_of_columns(files.labels, &labels, samples, classes, &labels_name)?
    } else {
        if labels.column_major && labels.shape.iter().filter(|&&extent| extent > 1).count() > 1 {
            return Err(InputError::Shape {
                file: files.labels.to_path_buf(),
                array: labels_name,
                found: labels.shape,
                expected: "[N]: one class number for each sample",
            });
        }
        rules.of_array(&labels, &labels_name, budget)?
    };
    let of_folders = folders::doubts(&rules, &labels, &beside);
    let mut beside = Beside::compare(&rules, &logits, &labels, beside, reading, budget);
    beside.odd.extend(odd.into_iter().chain(of_folders));
    beside.training = training;
    Ok(Converted { logits, labels, element, notes, beside })
}

/// The error of labels that are not one for each sample.
fn other_extents(
    files: Files<'_>,
    labels_name: String,
    labels: Array<'_>,
    (samples, classes): (usize, usize),
) -> InputError {
    if labels.len() == classes && samples != classes {
        let (file, samples, classes) = (files.logits.to_path_buf(), classes, samples);
        return PredictionsError::Transposed { file, classes, samples }.into();
    }
    match labels.squeezed_shape(1).len() {
        1 => InputError::LengthMismatch { file: files.labels.to_path_buf(), logits: samples, labels: labels.len() },
        _ => InputError::Shape {
            file: files.labels.to_path_buf(),
            array: labels_name,
            found: labels.shape,
            expected: "[N]: one class number for each sample; or [N, K]: a 1 in the column of the class",
        },
    }
}

/// Scores as [N, K]: without axes of one element, batches of equal size one after the other.
fn as_matrix<'a>(logits: Array<'a>, labels: &Array<'_>) -> Array<'a> {
    let mut logits = logits.squeezed(2);
    if let [leading @ .., classes] = logits.shape.as_slice()
        && leading.len() > 1
        && !logits.column_major
        && leading.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent)) == Some(labels.len())
    {
        logits.shape = vec![labels.len(), *classes];
    }
    logits
}

/// The scores with what they are called in messages.
struct Scores<'a> {
    file: &'a Path,
    name: &'a str,
    array: Array<'a>,
}

impl Scores<'_> {
    /// (N, K).
    fn extents(&self) -> Result<(usize, usize)> {
        let (file, array) = (|| self.file.to_path_buf(), || self.name.to_owned());
        if !self.array.may_be_scores() {
            return Err(InputError::ElementType {
                file: file(),
                array: array(),
                found: self.array.type_name(),
                expected: "float16, bfloat16, float32 or float64",
            });
        }
        let &[samples, classes] = self.array.shape.as_slice() else {
            return Err(InputError::Shape {
                file: file(),
                array: array(),
                found: self.array.shape.clone(),
                expected: "[N, K]: a row for each sample, a column for each class",
            });
        };
        if samples == 0 {
            return Err(InputError::NoSamples { file: file(), array: LOGITS });
        }
        if classes < 2 {
            return Err(InputError::TooFewClasses { file: file(), array: LOGITS, classes });
        }
        Ok((samples, classes))
    }

    fn convert(self, extents: (usize, usize), budget: &mut Budget) -> Result<Logits> {
        // Equals the elements that the shape was seen to have.
        let count = extents.0.saturating_mul(extents.1);
        if let Data::Outside { element, order, region } = self.array.data {
            budget
                .spend((extents.0 as u64).saturating_mul(12))
                .map_err(|exceeded| exceeded.of(self.file, format!("array {LOGITS}")))?;
            return Ok(Logits::Stored(Arc::new(StoredScores::open(region, (element, order), extents)?)));
        }
        let column_major = self.array.column_major;
        // Scores in column-major order are copied once more.
        let copies = if column_major { 2 } else { 1 };
        let size = if matches!(self.array.element(), Some(ElementType::F64)) { 8_usize } else { 4 };
        let charged = if matches!(self.array.data, Data::Decimals(_)) {
            0
        } else {
            size.saturating_mul(copies).saturating_mul(count)
        };
        budget.spend(charged as u64).map_err(|exceeded| exceeded.of(self.file, format!("array {LOGITS}")))?;
        let (kind, order, content, start) = match self.array.data {
            Data::Decimals(values) => {
                return Ok(Logits::F64(matrix(self.file, self.name, extents, false, values, f64::is_finite)?));
            }
            Data::Binary { kind, order, content, start } => (kind, order, content, start),
            // `extents` has seen numbers.
            Data::Texts(_) | Data::Outside { .. } => return Ok(Logits::F64(Array2::zeros(extents))),
        };
        let bytes = content.get(start..).unwrap_or_default();
        if kind == Kind::Number(ElementType::F64) {
            let mut values = reserve(self.file, LOGITS, count)?;
            extend_f64(bytes, order, &mut values);
            return Ok(Logits::F64(matrix(self.file, self.name, extents, column_major, values, f64::is_finite)?));
        }
        let mut values = reserve(self.file, LOGITS, count)?;
        if let Kind::Number(element) = kind {
            extend_f32(bytes, element, order, &mut values);
        }
        Ok(Logits::F32(matrix(self.file, self.name, extents, column_major, values, f32::is_finite)?))
    }
}

/// Values in row-major order, all finite.
fn matrix<T: Copy + Into<f64>>(
    file: &Path,
    name: &str,
    (samples, classes): (usize, usize),
    column_major: bool,
    values: Vec<T>,
    is_finite: impl Fn(T) -> bool,
) -> Result<Array2<T>> {
    if let Some(position) = first_non_finite(&values, is_finite) {
        let (sample, class) = place_of(position, (samples, classes), column_major);
        let value = values.get(position).map_or(f64::NAN, |&value| value.into());
        return Err(InputError::NonFinite { file: file.to_path_buf(), sample, class, value });
    }
    let available = values.len().saturating_mul(size_of::<T>()) as u64;
    let shape = (samples, classes).set_f(column_major);
    let matrix = Array2::from_shape_vec(shape, values).map_err(|_| InputError::SizeMismatch {
        file: file.to_path_buf(),
        array: name.to_owned(),
        shape: vec![samples, classes],
        element: "numbers".to_owned(),
        available,
    })?;
    // A copy only if the file was in column-major order: whoever counts reads row by row.
    Ok(if matrix.is_standard_layout() { matrix } else { matrix.as_standard_layout().into_owned() })
}

/// The column of the 1 in each row.
fn classes_of_columns(
    file: &Path,
    labels: &Array<'_>,
    samples: usize,
    classes: usize,
    name: &str,
) -> Result<Vec<usize>> {
    let mut found: Vec<Option<usize>> = vec![None; samples];
    let not_one_hot = |sample| PredictionsError::NotOneHot { file: file.to_path_buf(), sample };
    let mut position = 0;
    let mut take = |is_one: Option<bool>| {
        let (sample, class) = place_of(position, (samples, classes), labels.column_major);
        position = position.saturating_add(1);
        let Some(found) = found.get_mut(sample) else { return Err(InputError::from(not_one_hot(sample))) };
        match (is_one, *found) {
            (Some(false), _) => Ok(()),
            (Some(true), None) => {
                *found = Some(class);
                Ok(())
            }
            _ => Err(InputError::from(not_one_hot(sample))),
        }
    };
    if let Some((Kind::Number(ElementType::Bool), _, bytes)) = labels.bytes() {
        bytes.iter().try_for_each(|&byte| take(Some(byte != 0)))?;
    } else if !labels.for_each_number(|number| {
        take(match number {
            Ok(0) => Some(false),
            Ok(1) => Some(true),
            Err(0.0) => Some(false),
            Err(1.0) => Some(true),
            _ => None,
        })
    })? {
        return Err(InputError::element_type(file, name, labels.type_name(), "an integer type"));
    }
    found.into_iter().enumerate().map(|(sample, class)| class.ok_or_else(|| not_one_hot(sample).into())).collect()
}
