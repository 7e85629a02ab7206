//! Checkpoints whose description is not that of their tensors are refused before anything is built,
//! for what a file of their size may cost.

use std::path::Path;

use car_spectral_runs::RunError;
use car_spectral_training::{TrainingError, checkpoint};
use tch::Device;

/// The largest memory that this process has had, in bytes.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
}

#[test]
fn no_network_is_built_of_a_description_that_its_tensors_do_not_bear_out() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/fixtures/hostile/own"));
    let mut count = 0;
    // What libtorch itself takes when it is first used.
    let _ = tch::Tensor::zeros([1], (tch::Kind::Float, Device::Cpu));
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let before = peak();
        let error = checkpoint::load(&path, Device::Cpu).unwrap_err();
        let (cost, text) = (peak() - before, error.to_string());
        println!("{cost} bytes: {text:.300}");
        assert!(
            matches!(error, TrainingError::Run(RunError::File(_))) && text.contains(&path.display().to_string()),
            "{text:.300}"
        );
        assert!(text.len() < 1500 && !text.contains('\u{1b}'), "{text:.300}");
        assert!(cost <= (64 << 20) + 8 * path.metadata().unwrap().len() as usize, "{}: {cost} bytes", path.display());
        count += 1;
    }
    assert!(count > 25, "{count} files");
}
