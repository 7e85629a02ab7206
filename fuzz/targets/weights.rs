//! Any bytes as a file of weights: tensors have the elements that their shapes say.
#![no_main]

use std::collections::BTreeMap;

use car_spectral_formats::weights::{Reading, Wanted, detect, fit, read, read_under};
use car_spectral_fuzz::{checked, file, within_budget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("input", data);
    let kind = checked(&path, detect(&path));
    let Some(found) = checked(&path, within_budget(data.len(), || read(&path))) else { return };
    assert_eq!(Some(found.kind), kind);
    assert!(!found.tensors.is_empty() && found.bytes == data.len() as u64);
    for (name, tensor) in &found.tensors {
        let elements = tensor.shape.iter().try_fold(1_usize, |product, &extent| product.checked_mul(extent));
        assert_eq!(elements, Some(tensor.data.len()), "{name}");
    }
    if let Some(key) = found.keys.first() {
        checked(&path, within_budget(data.len(), || read_under(&path, key)));
    }
    // The network that the file itself names.
    let shapes: BTreeMap<_, _> =
        found.tensors.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
    let wanted = Wanted { network: "network".to_owned(), shapes, ..Wanted::default() };
    checked(&path, fit(found, &wanted, &Reading::default()));
});
