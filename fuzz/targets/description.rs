//! Any bytes as the description of a checkpoint, beside it and in it.
#![no_main]

use car_spectral_fuzz::{checked, file};
use car_spectral_runs::description::{describe, from_json};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("input", data);
    checked(&path, describe(&path));
    let Ok(json) = std::str::from_utf8(data) else { return };
    if let Some(found) = checked(&path, from_json(&path, json)) {
        assert_eq!(found.architecture.num_classes, found.data.class_counts.len());
    }
});
