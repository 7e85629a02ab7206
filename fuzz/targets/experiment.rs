//! Any bytes as an experiment file.
#![no_main]

use car_spectral_fuzz::{checked, file};
use car_spectral_runs::experiment::ExperimentFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let path = file("input.toml", data);
    let Some(found) = checked(&path, ExperimentFile::read(&path)) else { return };
    let lines = found.text.lines().count();
    for flag in &found.flags {
        assert!((1..=lines).contains(&flag.line), "{} in line {} of {lines}", flag.name, flag.line);
        flag.argument();
        found.text_of(&flag.name);
    }
    assert!(found.same_settings(&found));
});
