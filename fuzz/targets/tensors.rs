//! No fuzzing: run on files, prints of each on one line what is read of it; pickles.py compares.
#![no_main]

use car_spectral_formats::weights::{TensorData, Weights, read};
use car_spectral_fuzz::file;
use libfuzzer_sys::fuzz_target;

/// Tensors by whole names, in hexadecimal like their little-endian elements: shape, kind, elements.
fn told(found: &Weights) -> String {
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let tensors = found.tensors.iter().map(|(name, tensor)| {
        let (kind, elements) = match &tensor.data {
            TensorData::F32(values) => ("f32", values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            TensorData::F64(values) => ("f64", values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            TensorData::I64(values) => ("i64", values.iter().flat_map(|value| value.to_le_bytes()).collect()),
            TensorData::Bool(values) => ("bool", values.iter().map(|&value| value.into()).collect()),
        };
        let name = found.nesting.iter().map(String::as_str).chain([name.as_str()]).collect::<Vec<_>>().join(".");
        format!("{:?}: [{:?}, {kind:?}, {:?}]", hex(name.into_bytes()), tensor.shape, hex(elements))
    });
    format!("{{{}}}", tensors.collect::<Vec<_>>().join(", "))
}

fuzz_target!(|data: &[u8]| {
    // The engine begins with no bytes at all.
    if data.is_empty() {
        return;
    }
    match read(&file("input", data)) {
        Ok(found) => println!("{}", told(&found)),
        Err(error) => println!("refused {}", error.to_string().replace('\n', " ")),
    }
});
