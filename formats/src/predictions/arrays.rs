//! Predictions from arrays in memory, checked like those of a file.

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};

use super::doubts::doubts;
use super::{LOGITS, Logits, PredictionSource, Predictions, Reading, label_column};
use crate::{ElementType, InputError, Result};

impl Predictions {
    /// Takes scores `[N, K]` and labels `[N]`; `name` stands in messages where the file would.
    ///
    /// # Errors
    /// The [`InputError`] that a file with these arrays would give.
    pub fn from_arrays(name: &str, logits: Logits, labels: Array1<usize>, stored: ElementType) -> Result<Self> {
        let file = PathBuf::from(name);
        let (samples, classes) = logits.dim();
        if samples == 0 {
            return Err(InputError::NoSamples { file, array: LOGITS });
        }
        if classes < 2 {
            return Err(InputError::TooFewClasses { file, array: LOGITS, classes });
        }
        if labels.len() != samples {
            return Err(InputError::LengthMismatch { file, logits: samples, labels: labels.len() });
        }
        let bad = match &logits {
            Logits::F32(scores) => first_bad(scores),
            Logits::F64(scores) => first_bad(scores),
            Logits::Classes(_) | Logits::Counted(_) | Logits::Stored(_) => None,
        };
        if let Some((sample, class, value)) = bad {
            return Err(InputError::NonFinite { file, sample, class, value });
        }
        if let Some((sample, &label)) = labels.iter().enumerate().find(|&(_, &label)| label >= classes) {
            return Err(InputError::LabelOutOfRange {
                file,
                sample,
                label: label as i128,
                last_class: classes.saturating_sub(1),
            });
        }
        let mut whole = Self {
            notes: Vec::new(),
            doubts: Vec::new(),
            training: None,
            logits,
            labels,
            source: PredictionSource::File(file),
            sha256: String::new(),
            files: Vec::new(),
            stored_dtype: stored,
        };
        whole.doubts = doubts(&whole, &Reading::default());
        let labels = whole.labels.as_slice().unwrap_or_default();
        whole.doubts.extend(label_column::doubt(Path::new(name), &whole.logits, labels)?);
        Ok(whole)
    }
}

fn first_bad<T: Copy + Into<f64>>(scores: &Array2<T>) -> Option<(usize, usize, f64)> {
    let numbers = scores.indexed_iter().map(|((sample, class), &score)| (sample, class, score.into()));
    numbers.into_iter().find(|(.., score)| !score.is_finite())
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn arrays_are_checked_like_files() {
        let new = |logits: Array2<f32>, labels: Array1<usize>| {
            Predictions::from_arrays("test", Logits::F32(logits), labels, ElementType::F32)
        };
        assert_eq!(new(array![[0.5, 1.5], [0.0, 1.0], [2.0, 1.0]], array![1, 0, 0]).unwrap().doubts, [""; 0]);
        assert!(new(array![[1.5, 0.5]], array![1]).unwrap().doubts[0].contains("no label is 0"));
        for (logits, labels, words) in [
            (Array2::zeros((0, 2)), array![], "test"),
            (array![[0.5]], array![0], "class"),
            (array![[0.5, 1.0]], array![0, 1], "labels 2 entries"),
            (array![[0.5, 1.0], [f32::NAN, 1.0]], array![0, 1], "sample 1"),
            (array![[0.5, 1.0], [0.0, 1.0]], array![0, 2], "sample 1"),
        ] {
            let refused = new(logits, labels).unwrap_err().to_string();
            assert!(refused.contains(words) && refused.starts_with("test"), "{refused}");
        }
    }
}
