//! The shipped predictions of a ResNet-32 trained on CIFAR100-LT (imbalance 100), for the tests of
//! T2 and G2.

use std::fs::File;
use std::path::Path;

use car_spectral::confusion::{MarginCounts, MarginGrid};
use ndarray::{Array1, Array2};
use ndarray_npy::NpzReader;

/// Scores and labels of `train` or `test`, in evaluation mode.
pub fn predictions(part: &str) -> (Array2<f32>, Array1<usize>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/cifar100-lt-resnet32-{part}.npz"));
    let mut archive = NpzReader::new(File::open(path).unwrap()).unwrap();
    let labels: Array1<i64> = archive.by_name("labels").unwrap();
    (archive.by_name("logits").unwrap(), labels.mapv(|label| usize::try_from(label).unwrap()))
}

/// Their counts at a grid of margins.
pub fn counts(part: &str, margins: &[f64]) -> MarginCounts {
    let (logits, labels) = predictions(part);
    let mut counts = MarginCounts::new(logits.ncols(), &MarginGrid::new(margins).unwrap()).unwrap();
    counts.add_batch(logits.view(), labels.view()).unwrap();
    counts
}
