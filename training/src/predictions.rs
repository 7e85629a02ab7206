//! Prediction files: compressed .npz with `logits` [N, K] float32, `labels` `[N]` int64 and `indices` `[N]` int64 (each
//! sample's place in the full split).

use std::path::Path;

use ndarray::{Array1, ArrayView2};
use ndarray_npy::NpzWriter;

use crate::TrainingError;
use crate::atomic::write_atomically;

/// Writes one prediction file, atomically.
///
/// # Errors
/// [`TrainingError::Io`] or [`TrainingError::Malformed`] naming the file.
pub fn write(path: &Path, logits: ArrayView2<f32>, labels: &[usize], indices: &[usize]) -> Result<(), TrainingError> {
    let integers = |values: &[usize]| values.iter().map(|&value| value as i64).collect::<Array1<i64>>();
    write_atomically(path, |file| {
        let mut archive = NpzWriter::new_compressed(file);
        archive
            .add_array("logits", &logits)
            .and_then(|()| archive.add_array("labels", &integers(labels)))
            .and_then(|()| archive.add_array("indices", &integers(indices)))
            .and_then(|()| archive.finish().map(drop))
            .map_err(|error| TrainingError::malformed(path, error.to_string()))
    })
}
