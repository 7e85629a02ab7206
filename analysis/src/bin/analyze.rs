//! Program `analyze`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "torch")]
    {
        car_spectral_training::device::load_cuda_if_present();
        car_spectral_training::memory::keep_freed_memory();
    }
    let command_line: Vec<_> = std::env::args_os().collect();
    ExitCode::from(car_spectral_analysis::programs::analyze::main(&command_line))
}
