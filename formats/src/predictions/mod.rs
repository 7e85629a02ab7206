//! Prediction files: logits `[N, K]` and labels `[N]` of one model on one data set.
//!
//! | format | logits | labels |
//! | --- | --- | --- |
//! | .npz, .npy pair | `logits` `[N, K]`, float16, float32, float64, C or Fortran order, either byte order | `labels` `[N]`, any integer type |
//! | .safetensors | the same names; bfloat16 too | the same |
//! | .csv | columns `logit_0` to `logit_{K-1}` | column `label`, the first |
//!
//! float16 and bfloat16 widen to float32 without rounding; the stored type is recorded, for ties are frequent in them.

mod csv;
mod npy;
mod npz;
mod safetensors;
mod write;

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ndarray::{Array1, Array2, ArrayView1, ShapeBuilder};

use super::budget::Budget;
use super::content::Content;
use super::element::{ByteOrder, elements_in, extend_f32, extend_f64, first_non_finite, for_each_integer, reserve};
use super::safetensors::{is_safetensors, is_truncated_safetensors};
use super::{ElementType, InputError};

pub use write::{TakeRows, write};

const LOGITS: &str = "logits";
const LABELS: &str = "labels";

/// Where predictions are: one file, or a pair of .npy files.
///
/// Parsed from a command line: `FILE`, or `LOGITS.npy,LABELS.npy`.
///
/// ```
/// use car_spectral_formats::predictions::PredictionSource;
/// let source: PredictionSource = "logits.npy,labels.npy".parse().unwrap();
/// assert!(matches!(source, PredictionSource::NpyPair { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PredictionSource {
    /// .npz, .safetensors or .csv.
    File(PathBuf),
    /// Two .npy files.
    NpyPair {
        /// Logits `[N, K]`.
        logits: PathBuf,
        /// Labels `[N]`.
        labels: PathBuf,
    },
}

impl FromStr for PredictionSource {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        // A comma inside the name of one file stays a name unless both halves end in .npy.
        Ok(match text.split_once(".npy,") {
            Some((logits, labels)) if labels.ends_with(".npy") => {
                Self::NpyPair { logits: PathBuf::from(format!("{logits}.npy")), labels: PathBuf::from(labels) }
            }
            _ => Self::File(PathBuf::from(text)),
        })
    }
}

impl fmt::Display for PredictionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "{}", file.display()),
            Self::NpyPair { logits, labels } => write!(f, "{},{}", logits.display(), labels.display()),
        }
    }
}

/// Logits `[N, K]` in row-major order, all finite, in the narrower of the two types that holds them exactly.
#[derive(Debug, Clone, PartialEq)]
pub enum Logits {
    /// Stored as float32, float16 or bfloat16.
    F32(Array2<f32>),
    /// Stored as float64 or decimal text.
    F64(Array2<f64>),
}

impl Logits {
    /// (N, K).
    pub fn dim(&self) -> (usize, usize) {
        match self {
            Self::F32(logits) => logits.dim(),
            Self::F64(logits) => logits.dim(),
        }
    }

    /// The class with the largest score of each sample, `[N]`; of equal scores the first.
    pub fn predicted(&self) -> Vec<usize> {
        fn first_largest<T: Copy + PartialOrd>(row: ArrayView1<'_, T>) -> usize {
            (1..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best })
        }
        match self {
            Self::F32(scores) => scores.rows().into_iter().map(first_largest).collect(),
            Self::F64(scores) => scores.rows().into_iter().map(first_largest).collect(),
        }
    }
}

/// Checked predictions: N >= 1, K >= 2, every logit finite, every label in 0..K.
#[derive(Debug, Clone)]
pub struct Predictions {
    /// Logits `[N, K]`.
    pub logits: Logits,
    /// Labels `[N]`, each below K.
    pub labels: Array1<usize>,
    /// The file, or `LOGITS.npy,LABELS.npy`.
    pub source: PredictionSource,
    /// SHA-256 of the file in lower-case hexadecimal; of a pair both, joined by a comma in the order of `source`.
    pub sha256: String,
    /// Element type of the stored logits.
    pub stored_dtype: ElementType,
}

impl Predictions {
    /// N.
    pub fn num_samples(&self) -> usize {
        self.logits.dim().0
    }

    /// K.
    pub fn num_classes(&self) -> usize {
        self.logits.dim().1
    }
}

/// Reads and checks predictions.
///
/// # Errors
/// An [`InputError`] that names the file and the sample, class, line, array or byte; nothing is read half.
pub fn read(source: &PredictionSource) -> Result<Predictions, InputError> {
    let ((logits, labels, stored_dtype), sha256) = match source {
        PredictionSource::File(file) => Content::read(file)?.parse_and_hash(parse_file)?,
        PredictionSource::NpyPair { logits, labels } => {
            let (logits, labels) = (Content::read(logits)?, Content::read(labels)?);
            let ((parsed, labels_sha256), logits_sha256) = logits.parse_and_hash(|logits| {
                labels.parse_and_hash(|labels| {
                    StoredPredictions {
                        logits: npy::parse(&logits.file, LOGITS, Cow::Borrowed(&logits.bytes))?,
                        labels: npy::parse(&labels.file, LABELS, Cow::Borrowed(&labels.bytes))?,
                    }
                    .convert(&mut Budget::of(logits.bytes.len() + labels.bytes.len()))
                })
            })?;
            (parsed, format!("{logits_sha256},{labels_sha256}"))
        }
    };
    Ok(Predictions { logits, labels, source: source.clone(), sha256, stored_dtype })
}

type Converted = (Logits, Array1<usize>, ElementType);

fn parse_file(content: &Content) -> Result<Converted, InputError> {
    let (file, bytes) = (content.file.as_path(), content.bytes.as_slice());
    let budget = &mut Budget::of(bytes.len());
    if bytes.starts_with(b"PK") {
        npz::parse(file, bytes, budget)?.convert(budget)
    } else if bytes.starts_with(npy::MAGIC) {
        Err(InputError::LoneNpy { file: file.to_path_buf() })
    } else if is_safetensors(bytes) || is_truncated_safetensors(bytes) {
        safetensors::parse(file, bytes)?.convert(budget)
    } else if bytes.iter().take(4096).all(|&byte| byte >= b' ' || byte.is_ascii_whitespace()) {
        csv::parse(content)
    } else {
        let start: Vec<String> = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Err(InputError::UnknownFormat {
            file: file.to_path_buf(),
            found: format!("the bytes {}", start.join(" ")),
            expected: "predictions as .npz, .safetensors, .csv, or a pair LOGITS.npy,LABELS.npy",
        })
    }
}

/// A label that is one of the K classes.
fn checked_label(file: &Path, sample: usize, label: i128, classes: usize) -> Result<usize, InputError> {
    usize::try_from(label).ok().filter(|&label| label < classes).ok_or_else(|| InputError::LabelOutOfRange {
        file: file.to_path_buf(),
        sample,
        label,
        last_class: classes - 1,
    })
}

/// An array whose header has been read and whose bytes have not.
struct StoredArray<'a> {
    file: &'a Path,
    name: &'static str,
    element: ElementType,
    order: ByteOrder,
    shape: Vec<usize>,
    fortran_order: bool,
    content: Cow<'a, [u8]>,
    data_start: usize,
}

impl StoredArray<'_> {
    fn data(&self) -> &[u8] {
        &self.content[self.data_start..]
    }

    fn wrong_type(&self, expected: &'static str) -> InputError {
        InputError::ElementType {
            file: self.file.to_path_buf(),
            array: self.name.to_owned(),
            found: self.element.to_string(),
            expected,
        }
    }

    fn wrong_shape(&self, expected: &'static str) -> InputError {
        InputError::Shape {
            file: self.file.to_path_buf(),
            array: self.name.to_owned(),
            found: self.shape.clone(),
            expected,
        }
    }

    fn wrong_size(&self) -> InputError {
        InputError::SizeMismatch {
            file: self.file.to_path_buf(),
            array: self.name.to_owned(),
            shape: self.shape.clone(),
            element: self.element.to_string(),
            available: self.data().len() as u64,
        }
    }

    /// Values in row-major order, all finite.
    fn matrix<T: Copy + Into<f64>>(
        &self,
        (samples, classes): (usize, usize),
        values: Vec<T>,
        is_finite: impl Fn(T) -> bool,
    ) -> Result<Array2<T>, InputError> {
        if let Some(position) = first_non_finite(&values, is_finite) {
            let (sample, class) = if self.fortran_order {
                (position % samples, position / samples)
            } else {
                (position / classes, position % classes)
            };
            let value = values[position].into();
            return Err(InputError::NonFinite { file: self.file.to_path_buf(), sample, class, value });
        }
        let shape = (samples, classes).set_f(self.fortran_order);
        let matrix = Array2::from_shape_vec(shape, values).map_err(|_| self.wrong_size())?;
        // A copy only if the file was in column-major order: whoever counts reads row by row.
        Ok(if matrix.is_standard_layout() { matrix } else { matrix.as_standard_layout().into_owned() })
    }
}

impl StoredArray<'_> {
    /// The class of each sample. Floating-point labels, which NumPy hands out freely, are taken where they are whole.
    fn class_numbers(&self, samples: usize, classes: usize) -> Result<Vec<usize>, InputError> {
        let mut labels = reserve(self.file, LABELS, samples)?;
        let known = for_each_integer(self.data(), self.element, self.order, |label| {
            labels.push(checked_label(self.file, labels.len(), label, classes)?);
            Ok::<_, InputError>(())
        })?;
        if known {
            return Ok(labels);
        }
        let mut push = |number: f64| {
            let sample = labels.len();
            let fractional = || InputError::FractionalLabel { file: self.file.to_path_buf(), sample, label: number };
            let label = whole(number).ok_or_else(fractional)?;
            labels.push(checked_label(self.file, sample, label, classes)?);
            Ok::<_, InputError>(())
        };
        // In blocks, so that the floating-point copy stays small.
        const BLOCK: usize = 1 << 15;
        for block in self.data().chunks(BLOCK) {
            if self.element == ElementType::F64 {
                let mut numbers = Vec::new();
                extend_f64(block, self.order, &mut numbers);
                numbers.into_iter().try_for_each(&mut push)?;
            } else {
                let mut numbers = Vec::new();
                if !extend_f32(block, self.element, self.order, &mut numbers) {
                    return Err(self.wrong_type("an integer type"));
                }
                numbers.into_iter().try_for_each(|number| push(number.into()))?;
            }
        }
        Ok(labels)
    }
}

/// The integer that a floating-point number is, if it is one.
fn whole(number: f64) -> Option<i128> {
    (number.fract() == 0.0).then_some(number as i128)
}

/// Both arrays of a binary file, headers read.
struct StoredPredictions<'a> {
    logits: StoredArray<'a>,
    labels: StoredArray<'a>,
}

impl StoredPredictions<'_> {
    /// Checks shapes and types, then converts in bulk.
    fn convert(&self, budget: &mut Budget) -> Result<Converted, InputError> {
        let (samples, classes) = self.check_shapes()?;
        let (logits, labels) = (&self.logits, &self.labels);
        let (file, order, element) = (logits.file, logits.order, logits.element);
        let count = samples * classes; // equals the elements that `check_shapes` has seen
        let size = if element == ElementType::F64 { 8 } else { 4 };
        // Scores in column-major order are copied once more; labels take eight bytes.
        let copies = if logits.fortran_order { 2 } else { 1 };
        let bytes = (size * copies * count + 8 * samples) as u64;
        budget.spend(bytes).map_err(|exceeded| InputError::Budget {
            file: file.to_path_buf(),
            place: format!("array {LOGITS}"),
            exceeded: exceeded.to_string(),
        })?;
        let values = if element == ElementType::F64 {
            let mut values = reserve(file, LOGITS, count)?;
            extend_f64(logits.data(), order, &mut values);
            Logits::F64(logits.matrix((samples, classes), values, f64::is_finite)?)
        } else {
            let mut values = reserve(file, LOGITS, count)?;
            if !extend_f32(logits.data(), element, order, &mut values) {
                return Err(logits.wrong_type("float16, bfloat16, float32 or float64"));
            }
            Logits::F32(logits.matrix((samples, classes), values, f32::is_finite)?)
        };
        Ok((values, labels.class_numbers(samples, classes)?.into(), element))
    }

    /// (N, K), when both arrays have the shapes, types and bytes of N samples of K classes.
    fn check_shapes(&self) -> Result<(usize, usize), InputError> {
        let (logits, labels) = (&self.logits, &self.labels);
        if !logits.element.is_float() {
            return Err(logits.wrong_type("float16, bfloat16, float32 or float64"));
        }
        if !(labels.element.is_integer() || labels.element.is_float()) {
            return Err(labels.wrong_type("an integer type"));
        }
        let &[samples, classes] = logits.shape.as_slice() else {
            return Err(logits.wrong_shape("[N, K]: a row for each sample, a column for each class"));
        };
        let &[label_count] = labels.shape.as_slice() else {
            return Err(labels.wrong_shape("[N]: one class number for each sample"));
        };
        if samples == 0 {
            return Err(InputError::NoSamples { file: logits.file.to_path_buf(), array: LOGITS });
        }
        if classes < 2 {
            return Err(InputError::TooFewClasses { file: logits.file.to_path_buf(), array: LOGITS, classes });
        }
        if samples != label_count {
            return Err(InputError::LengthMismatch {
                file: labels.file.to_path_buf(),
                logits: samples,
                labels: label_count,
            });
        }
        for array in [logits, labels] {
            let size = array.element.size().ok_or_else(|| array.wrong_size())?;
            elements_in(&array.shape, size, array.data().len()).ok_or_else(|| array.wrong_size())?;
        }
        Ok((samples, classes))
    }
}

#[cfg(test)]
mod tests;
