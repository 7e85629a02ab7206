//! No fuzzing: run on files, prints of each on one line what is read of it; arrays.py compares.
#![no_main]

use car_spectral_formats::predictions::{PredictionSource, Reading, read_as};
use car_spectral_fuzz::{file, sound};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    // The engine begins with no bytes at all.
    if data.is_empty() {
        return;
    }
    match read_as(&PredictionSource::File(file("input", data)), &Reading::default()) {
        Ok(found) => {
            let (_, classes) = found.logits.dim();
            let bits = sound(&found).into_iter().map(f64::to_bits).collect::<Vec<_>>();
            println!("{:?}", (classes, found.labels.to_vec(), bits));
        }
        Err(error) => println!("refused {}", error.to_string().replace('\n', " ")),
    }
});
