//! Any bytes as a file of Parquet, Arrow or Feather.
#![no_main]

use car_spectral_formats::predictions::{PredictionSource, Reading, read_as};
use car_spectral_fuzz::{checked, file, sound, within_budget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("input", data);
    let source = PredictionSource::File(path.clone());
    if let Some(found) = checked(&path, within_budget(data.len(), || read_as(&source, &Reading::default()))) {
        sound(&found);
    }
});
