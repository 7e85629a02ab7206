//! Any bytes as a log of a training run.
#![no_main]

use car_spectral_fuzz::{checked, file};
use car_spectral_runs::log::read_log;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("metrics.jsonl", data);
    let Some(epochs) = checked(&path, read_log(&path)) else { return };
    assert!(epochs.windows(2).all(|pair| pair[0].epoch < pair[1].epoch));
    assert!(epochs.iter().all(|epoch| epoch.train_loss.is_finite() && epoch.seconds >= 0.0));
});
