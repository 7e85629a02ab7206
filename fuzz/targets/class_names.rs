//! Any bytes as names of classes.
#![no_main]

use car_spectral_formats::check_class_name;
use car_spectral_formats::counts::{read_class_names, read_names};
use car_spectral_fuzz::{checked, file, within_budget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("input", data);
    let Some(names) = checked(&path, within_budget(data.len(), || read_names(&path.as_path().into()))) else { return };
    assert!(!names.is_empty() && names.iter().all(|name| check_class_name(name).is_ok()));
    assert_eq!(checked(&path, read_class_names(&path.as_path().into(), names.len())), Some(names));
});
