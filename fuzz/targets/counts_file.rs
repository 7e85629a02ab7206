//! Any bytes as counts of margins, also with the checksum mended: what is read writes the same
//! bytes.
#![no_main]

use car_spectral_formats::margin_counts::{with_inputs, with_inputs_from};
use car_spectral_fuzz::within_budget;
use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};

fn check(bytes: &[u8]) {
    match within_budget(bytes.len(), || with_inputs_from(bytes)) {
        Ok((counts, inputs)) => {
            let written = with_inputs(&counts, &inputs);
            let (again, inputs_again) = with_inputs_from(&written).expect("what was written is read");
            assert!(again == counts && inputs_again == inputs);
            assert!(with_inputs(&again, &inputs_again) == written);
            let errors: u64 = counts.errors().iter().sum();
            assert!(errors <= counts.samples() && counts.class_counts().iter().sum::<u64>() == counts.samples());
            counts.confusion();
            counts.ties();
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

fuzz_target!(|data: &[u8]| {
    check(data);
    check(&[data, Sha256::digest(data).as_slice()].concat());
});
