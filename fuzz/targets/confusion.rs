//! Any bytes as a confusion matrix: the two orientations are each other's transpose.
#![no_main]

use car_spectral_formats::confusion::{Orientation, read_confusion};
use car_spectral_fuzz::{checked, file, within_budget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("input", data);
    let read = |orientation| checked(&path, within_budget(data.len(), || read_confusion(&path, orientation)));
    let [unsaid, rows, columns] = [None, Some(Orientation::RowsAreTrue), Some(Orientation::ColumnsAreTrue)].map(read);
    for found in [&unsaid, &rows, &columns].into_iter().flatten() {
        assert!(found.counts.is_square() && found.counts.nrows() >= 2);
        if found.counts.iter().try_fold(0_u64, |sum, &count| sum.checked_add(count)).expect("a sum") < 1 << 16 {
            let (labels, predicted) = found.samples();
            assert!(labels.len() == predicted.len() && !labels.is_empty());
        }
    }
    if let (Some(rows), Some(columns)) = (&rows, &columns) {
        assert_eq!(rows.counts, columns.counts.t());
    }
    if let Some(unsaid) = unsaid {
        assert!([&rows, &columns].into_iter().flatten().any(|said| said.counts == unsaid.counts));
    }
});
