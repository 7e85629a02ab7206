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

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};
    use ndarray_npy::NpzReader;

    use super::*;

    #[test]
    fn what_is_written_reads_back_with_names_types_and_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.npz");
        let logits = array![[0.1f32, -2.0, 3.5], [1e-30, 4.0, -0.0]];
        write(&path, logits.view(), &[2, 1], &[40_000, 7]).unwrap();
        let mut archive = NpzReader::new(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(archive.names().unwrap(), ["logits", "labels", "indices"]);
        assert_eq!(archive.by_name::<ndarray::OwnedRepr<f32>, ndarray::Ix2>("logits").unwrap(), logits);
        assert_eq!(archive.by_name::<ndarray::OwnedRepr<i64>, ndarray::Ix1>("labels").unwrap(), array![2, 1]);
        assert_eq!(archive.by_name::<ndarray::OwnedRepr<i64>, ndarray::Ix1>("indices").unwrap(), array![40_000, 7]);
        // Compressed: a table of zeros takes a fraction of its size.
        write(&path, Array2::zeros((1000, 10)).view(), &[0; 1000], &[0; 1000]).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < 10_000);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
