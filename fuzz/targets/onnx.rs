//! Any bytes as an ONNX network, beside a file of weights.
#![no_main]

use car_spectral_formats::onnx::read;
use car_spectral_fuzz::{checked, file, within_budget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    const BESIDE: [u8; 4096] = [0; 4096];
    let path = file("input", data);
    file("attention.onnx.data", &BESIDE);
    if let Some(found) = checked(&path, within_budget(data.len() + BESIDE.len(), || read(&path))) {
        assert!(found.bytes == data && !found.files.is_empty());
        for offset in [0, 1, 4096, u64::MAX] {
            for length in [None, Some(0), Some(4096), Some(u64::MAX)] {
                found.beside("attention.onnx.data", offset, length);
            }
        }
    }
});
