//! Program `analyze`.

use std::process::ExitCode;

use car_spectral_analysis::arguments::Arguments;
use car_spectral_training::device::load_cuda_if_present;
use car_spectral_training::memory::keep_freed_memory;
use clap::Parser;

fn main() -> ExitCode {
    load_cuda_if_present();
    keep_freed_memory();
    match car_spectral_analysis::run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
