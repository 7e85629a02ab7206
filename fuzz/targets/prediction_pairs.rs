//! Any bytes as a file of labels and one of scores: two bytes say how long the first is.
#![no_main]

use car_spectral_formats::predictions::{PredictionSource, Reading, read_as};
use car_spectral_fuzz::{file, in_two, sound, within_budget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((labels, logits)) = in_two(data) else { return };
    let (labels, logits) = (file("labels", labels), file("logits", logits));
    let source = PredictionSource::Pair { logits, labels };
    let read = |reading: &Reading| within_budget(data.len(), || read_as(&source, reading));
    match read(&Reading::default()) {
        Ok(found) => {
            let stored = read(&Reading { in_memory: 0, ..Reading::default() }).expect("what is read is read in blocks");
            assert_eq!((&stored.labels, sound(&stored)), (&found.labels, sound(&found)));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
