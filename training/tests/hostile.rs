//! Checkpoints whose description is not that of their tensors are refused before anything is built,
//! for what a file of their size may cost.

#[path = "../../runs/tests/refused/mod.rs"]
mod refused;

use car_spectral_runs::RunError;
use car_spectral_training::{TrainingError, checkpoint};
use tch::Device;

#[test]
fn no_network_is_built_of_a_description_that_its_tensors_do_not_bear_out() {
    // What libtorch itself takes when it is first used.
    let _ = tch::Tensor::zeros([1], (tch::Kind::Float, Device::Cpu));
    refused::all(|path| match checkpoint::load(path, Device::Cpu).unwrap_err() {
        error @ TrainingError::Run(RunError::File(_)) => error.to_string(),
        other => panic!("{other}"),
    });
}
