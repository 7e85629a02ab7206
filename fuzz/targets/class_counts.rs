//! Any bytes as training counts, with and without names of the classes.
#![no_main]

use car_spectral_formats::counts::read_named_counts;
use car_spectral_fuzz::{checked, file, within_budget};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("input", data);
    let names = ["cat", "dog", "bird"].map(str::to_owned);
    for (classes, names) in [(3, None), (3, Some(&names[..])), (2, None), (10, None)] {
        if let Some(counts) =
            checked(&path, within_budget(data.len(), || read_named_counts(&path.as_path().into(), classes, names)))
        {
            assert!(counts.len() == classes && counts.iter().any(|&count| count > 0));
        }
    }
});
