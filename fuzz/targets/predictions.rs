//! Any bytes as one file of predictions: what is read is sound, and the same whether the scores
//! stay in their file.
#![no_main]

use car_spectral_formats::predictions::{PredictionSource, Reading, Scores, read_as};
use car_spectral_fuzz::{checked, file, sound, within_budget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("input", data);
    let source = PredictionSource::File(path.clone());
    let read = |reading: &Reading| checked(&path, within_budget(data.len(), || read_as(&source, reading)));
    let Some(found) = read(&Reading::default()) else {
        // Names of classes make labels of texts.
        if data.len() % 2 == 0 {
            let names = ["cat", "dog", "bird"].map(str::to_owned).to_vec();
            if let Some(found) = read(&Reading { class_names: Some(names), ..Reading::default() }) {
                sound(&found);
            }
        }
        return;
    };
    let scores = sound(&found);
    let stored =
        read(&Reading { in_memory: 0, ..Reading::default() }).expect("what is read into memory is read in blocks");
    assert_eq!((&stored.labels, sound(&stored)), (&found.labels, scores.clone()), "in blocks");
    if let Some(shares) = read(&Reading { scores: Some(Scores::Probabilities), ..Reading::default() }) {
        assert_eq!((&shares.labels, sound(&shares).len()), (&found.labels, scores.len()), "as probabilities");
    }
});
