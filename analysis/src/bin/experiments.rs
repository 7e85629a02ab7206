//! Program `experiments`.

use std::process::ExitCode;

use car_spectral_analysis::experiments::{self, Arguments};
use clap::Parser;

fn main() -> ExitCode {
    match experiments::run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
